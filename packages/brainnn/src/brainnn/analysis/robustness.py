"""How much a walk bears: noise of the senses, noise of the motors, neurons that are lost."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from brainnn.analysis.lesion import CHANGES, Scores, changes
from brainnn.bodies.stances import Controller
from brainnn.networks.lesions import ablate
from brainnn.networks.rnn import ConnectomeRNN
from neuro_common.seeding import generator

__all__ = ["DISTURBANCES", "NoisyController", "disturb", "robustness"]

DISTURBANCES = ("sensor_noise", "motor_noise", "lesions")
"""What can be done to a walk: standard deviations of what is added to each observed number and to
each action, and the share of all neurons that is silenced."""


@dataclass(frozen=True)
class NoisyController:
    """A controller that senses and acts with noise.

    Attributes:
        controller: The one without.
        sensor_std: Standard deviation of what is added to each observed number.
        motor_std: Standard deviation of what is added to each action.
        seed: Of the noise, which is the same for the same step.
    """

    controller: Controller
    sensor_std: float
    motor_std: float
    seed: int

    def __call__(self, observations: NDArray[np.floating[Any]], step: int) -> NDArray[np.float32]:
        """Actions of a step, clipped to [-1, 1], shape (batch, actions)."""
        rng = generator(self.seed, step)
        seen = observations + self.sensor_std * rng.normal(size=observations.shape)
        actions = self.controller(seen.astype(np.float32), step)
        moved = actions + self.motor_std * rng.normal(size=actions.shape)
        return np.clip(moved, -1, 1).astype(np.float32)


def disturb(
    core: ConnectomeRNN,
    act: Callable[[ConnectomeRNN], Controller],
    kind: str,
    level: float,
    seed: int,
) -> Controller:
    """A network as a controller, disturbed.

    Args:
        core: The network.
        act: Makes a controller of a network.
        kind: One of `DISTURBANCES`.
        level: How much; 0 is not at all.
        seed: Of noise and lesions.

    Raises:
        ValueError: The kind is unknown, or the level out of its range.
    """
    if kind not in DISTURBANCES:
        raise ValueError(f"kind must be one of {', '.join(DISTURBANCES)}, got {kind!r}")
    if not 0 <= level < (1 if kind == "lesions" else np.inf):
        raise ValueError(
            f"{kind} must be at least 0 and finite, a share of lesions below 1, got {level}"
        )
    if kind == "lesions":
        lost = round(level * core.state_size)
        chosen = generator(seed).choice(core.state_size, lost, replace=False)
        return act(ablate(core, chosen))
    noise = {"sensor_noise": (level, 0.0), "motor_noise": (0.0, level)}[kind]
    return NoisyController(act(core), *noise, seed)


def robustness(
    core: ConnectomeRNN,
    act: Callable[[ConnectomeRNN], Controller],
    walk: Callable[[Controller], Scores],
    levels: Mapping[str, Sequence[float]],
    *,
    draws: int = 3,
    seed: int = 0,
    report: Callable[[str, float, Scores], None] = lambda kind, level, scores: None,
) -> dict[str, list[Any]]:
    """Score a network under each disturbance.

    Args:
        core: The network.
        act: Makes a controller of a network.
        walk: Scores a controller, on the same seeds each time.
        levels: Levels of each kind of `DISTURBANCES`.
        draws: Lesions drawn for each level.
        seed: Of noise and lesions.
        report: Called with each kind and level and the scores of all draws.

    Returns:
        Columns ``disturbance``, ``level`` and, for each of `brainnn.analysis.lesion.CHANGES`, its
        mean and the limits of its interval; the first row is the undisturbed walk.

    Raises:
        ValueError: As :func:`disturb`, or ``draws`` is below 1.
    """
    if draws < 1:
        raise ValueError(f"draws must be at least 1, got {draws}")
    before = walk(act(core))
    rows: list[tuple[str, float, Scores]] = [("none", 0.0, before)]
    for number, (kind, many) in enumerate(levels.items()):
        for place, level in enumerate(many):
            repeats = draws if kind == "lesions" else 1
            seeds = [
                int(generator(seed, number, place, draw).integers(2**31)) for draw in range(repeats)
            ]
            found = [walk(disturb(core, act, kind, level, one)) for one in seeds]
            scores = {name: np.concatenate([one[name] for one in found]) for name in before}
            rows.append((kind, level, scores))
            report(*rows[-1])
    columns: dict[str, list[Any]] = {
        "disturbance": [row[0] for row in rows],
        "level": [row[1] for row in rows],
    }
    left = [changes(scores, before, seed=seed) for _, _, scores in rows]
    for name in CHANGES:
        for part in ("mean", "low", "high"):
            label = name if part == "mean" else f"{name}_{part}"
            columns[label] = [getattr(one[name], part) for one in left]
    return columns
