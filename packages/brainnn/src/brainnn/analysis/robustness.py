"""How much a walk bears: noise of senses and motors, neurons that are lost, rough ground."""

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

__all__ = ["DISTURBANCES", "NoisyController", "disturb", "robustness", "roughness_of"]

DISTURBANCES = ("sensor_noise", "motor_noise", "lesions", "terrain")
"""What can be done to a walk: standard deviations of what is added to each observed number and to
each action, the share of all neurons that is silenced, and the roughness of the ground, of which 1
is none."""


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
    """A network as a controller, disturbed; rough ground is the body's and changes nothing here.

    Args:
        core: The network.
        act: Makes a controller of a network.
        kind: One of `DISTURBANCES`.
        level: How much.
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
    if kind == "terrain":
        return act(core)
    noise = {"sensor_noise": (level, 0.0), "motor_noise": (0.0, level)}[kind]
    return NoisyController(act(core), *noise, seed)


def roughness_of(kind: str, level: float) -> float:
    """Roughness of the ground under a disturbance, as the environments take it.

    Args:
        kind: One of `DISTURBANCES`, or "none".
        level: How much.
    """
    return level if kind == "terrain" else 1.0


def robustness(
    core: ConnectomeRNN,
    act: Callable[[ConnectomeRNN], Controller],
    walk: Callable[[Controller, float], Scores],
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
        walk: Scores a controller on ground of a roughness, on the same seeds each time.
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
    before = walk(act(core), roughness_of("none", 0.0))
    rows: list[tuple[str, float, list[Scores]]] = [("none", 0.0, [before])]
    for number, (kind, many) in enumerate(levels.items()):
        for place, level in enumerate(many):
            repeats = draws if kind == "lesions" else 1
            seeds = [
                int(generator(seed, number, place, draw).integers(2**31)) for draw in range(repeats)
            ]
            ground = roughness_of(kind, level)
            found = [walk(disturb(core, act, kind, level, one), ground) for one in seeds]
            rows.append((kind, level, found))
            scores = {name: np.concatenate([one[name] for one in found]) for name in before}
            report(kind, level, scores)
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
