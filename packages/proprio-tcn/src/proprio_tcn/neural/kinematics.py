"""What linear models of the movement itself explain: the baselines that networks must beat."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from proprio_tcn.movements.format import BIN_S
from proprio_tcn.neural.features import Features
from proprio_tcn.neural.recording import Recording
from proprio_tcn.neural.windows import Windows

__all__ = ["KINEMATIC_MODELS", "kinematic_features", "with_derivatives"]

_HAND = {"position": "hand", "velocity": "hand_velocity", "acceleration": "hand_acceleration"}
_ALL = {**_HAND, "force": "force"}
_PAIRS = (
    ("position", "velocity"),
    ("position", "acceleration"),
    ("position", "force"),
    ("velocity", "acceleration"),
    ("velocity", "force"),
    ("acceleration", "force"),
    ("position", "velocity", "acceleration"),
    ("position", "velocity", "acceleration", "force"),
)

KINEMATIC_MODELS: Mapping[str, tuple[str, ...]] = {
    "direction": ("direction",),
    **{f"hand {word}" if word != "force" else word: (name,) for word, name in _ALL.items()},
    **{f"|hand {word}|" if word != "force" else f"|{word}|": (f"|{name}|",)
       for word, name in _ALL.items()},
    **{f"hand {' + '.join(words)}": tuple(_ALL[word] for word in words) for words in _PAIRS},
    "limb position": ("hand", "elbow"),
    "limb velocity": ("hand_velocity", "elbow_velocity"),
    "limb position + velocity": ("hand", "elbow", "hand_velocity", "elbow_velocity"),
    "joint angle": ("joint_angle",),
    "joint velocity": ("joint_velocity",),
    "joint angle + velocity": ("joint_angle", "joint_velocity"),
    "muscle length": ("muscle_length",),
    "muscle velocity": ("muscle_velocity",),
    "muscle length + velocity": ("muscle_length", "muscle_velocity"),
    "joint + muscle": ("joint_angle", "joint_velocity", "muscle_length", "muscle_velocity"),
}  # fmt: skip
"""Name to variables: those of the published comparison, and hand with elbow.

``|variable|`` is the Euclidean norm; direction is the sine and cosine of the trial's direction.
"""

_DERIVED = {
    "hand_velocity": "hand",
    "elbow_velocity": "elbow",
    "joint_velocity": "joint_angle",
    "muscle_velocity": "muscle_length",
    "hand_acceleration": "hand_velocity",
    "elbow_acceleration": "elbow_velocity",
    "joint_acceleration": "joint_velocity",
}


def kinematic_features(
    recording: Recording, windows: Windows, models: Sequence[str] | None = None
) -> list[Features]:
    """Features of the linear kinematic models, each a model of one layer.

    Args:
        recording: Where the variables are.
        windows: The bins.
        models: Names from `KINEMATIC_MODELS`; None takes all that the recording has variables for.

    Raises:
        ValueError: A model is unknown, or the recording lacks a variable that it needs.
    """
    if models is None:
        chosen = [name for name in KINEMATIC_MODELS if _known(recording, windows, name)]
    else:
        chosen = list(models)
    made = []
    for name in chosen:
        if name not in KINEMATIC_MODELS:
            raise ValueError(
                f"a kinematic model must be one of {', '.join(KINEMATIC_MODELS)}, got {name!r}"
            )
        parts = [_variable(recording, windows, one) for one in KINEMATIC_MODELS[name]]
        made.append(Features(name, name, np.concatenate(parts, axis=1)))
    return made


def with_derivatives(recording: Recording) -> Recording:
    """Add the velocities and accelerations that follow from what the recording has.

    Derivatives are central differences, one-sided at the ends of each trial, and zero in a trial of
    a single bin.
    """
    kinematics = dict(recording.kinematics)
    for name, source in _DERIVED.items():
        if name not in kinematics and source in kinematics:
            kinematics[name] = _derivative(kinematics[source], recording.length)
    return replace(recording, kinematics=kinematics)


def _derivative(values: NDArray[np.float32], length: NDArray[np.int64]) -> NDArray[np.float32]:
    trial, last = np.arange(len(values)), length - 1
    # going on straight for a bin turns the central difference of the last one into a one-sided
    padded = np.pad(values.astype(np.float64), ((0, 0), (0, 1), (0, 0)))
    padded[trial, last + 1] = 2 * padded[trial, last] - padded[trial, np.maximum(last - 1, 0)]
    slope = np.gradient(padded, BIN_S, axis=1)[:, :-1]
    beyond = np.arange(values.shape[1]) >= length[:, None]
    slope[beyond] = 0
    return slope.astype(np.float32)


def _known(recording: Recording, windows: Windows, model: str) -> bool:
    wanted = [one.strip("|") for one in KINEMATIC_MODELS[model]]
    if wanted == ["direction"]:
        return not np.isnan(windows.direction_deg).any()
    return all(one in recording.kinematics for one in wanted)


def _variable(recording: Recording, windows: Windows, name: str) -> NDArray[np.float64]:
    if name == "direction":
        if np.isnan(windows.direction_deg).any():
            n_bad = int(np.isnan(windows.direction_deg).sum())
            raise ValueError(
                f"the model direction needs the direction of every trial, got {n_bad} of "
                f"{len(windows)} without: leave it out of the models"
            )
        angle = np.radians(windows.direction_deg[windows.rows()[0]])
        return np.stack([np.sin(angle), np.cos(angle)], axis=1)
    values = windows.gather(recording.variables([name.strip("|")])).astype(np.float64)
    if name.startswith("|"):
        return np.asarray(np.linalg.norm(values, axis=1, keepdims=True))
    return np.asarray(values)
