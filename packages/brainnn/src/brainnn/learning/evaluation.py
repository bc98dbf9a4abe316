"""How well a controller walks: a row for each episode, and means with intervals."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from brainnn.analysis.gait import describe_gait, joint_correlation
from brainnn.bodies.clip import Clip
from brainnn.bodies.planar_biped import SPEED_UNIT
from brainnn.bodies.stances import Controller
from brainnn.learning.rollouts import Environment, Rollouts, roll_out
from neuro_common.stats import Interval, bootstrap_mean

__all__ = ["SCORES", "evaluate", "score", "summarise"]

SCORES = (
    "steps", "fell", "speed", "speed_m_s", "native_return", "shaped_return", "stride_hz",
    "hip_1", "knee_1", "hip_2", "knee_2",
)  # fmt: skip
"""Columns of a table of scores, after ``seed``."""

_JOINTS = SCORES[-4:]
# shorter walks have no gait to speak of
_SETTLE_STEPS, _LEAST_STEPS = 100, 200


def evaluate(
    controller: Controller,
    make_env: Callable[[], Environment],
    seeds: Sequence[int],
    *,
    steps: int,
    reference: Clip | None = None,
) -> dict[str, NDArray[np.float64]]:
    """Let a controller walk from ``env.reset`` with each seed, and score it.

    Args:
        controller: Gives the actions.
        make_env: Makes one environment of the planar biped.
        seeds: One for each episode.
        steps: Longest episode.
        reference: The gait that it was to learn, for the correlations.

    Returns:
        As :func:`score`.

    Raises:
        ValueError: There is no seed or no step.
    """
    return score(roll_out(controller, make_env, seeds, steps), reference)


def score(walks: Rollouts, reference: Clip | None = None) -> dict[str, NDArray[np.float64]]:
    """Score recorded episodes of the planar biped.

    Args:
        walks: The episodes.
        reference: The gait that they were to be like; None leaves the correlations NaN.

    Returns:
        Columns of one number for each episode: ``seed``, ``steps``, ``fell`` (0 or 1), ``speed``
        (mean forward speed in units of the observation, 0 after a fall) and ``speed_m_s``,
        ``native_return`` and ``shaped_return`` (sums of the reward of BipedalWalker-v3 and of
        imitation; NaN where the environment has none), ``stride_hz``, and the correlation of each
        joint angle with the reference at the best common lag. What a walk, or the reference, is too
        short for is NaN.
    """
    rows = [_score_one(walks, run, reference) for run in range(len(walks))]
    columns = {name: np.array([row[name] for row in rows]) for name in SCORES}
    return {"seed": walks.seeds.astype(np.float64), **columns}


def _score_one(walks: Rollouts, run: int, reference: Clip | None) -> dict[str, float]:
    length = int(walks.lengths[run])
    seen = walks.observations[run, : length + 1]
    earned = float(walks.rewards[run, :length].sum())
    infos = {name: values[run, :length] for name, values in walks.infos.items()}
    imitates = "native" in infos
    # BipedalWalker-v3 ends by itself at the end of its course too, but only a fall costs 100
    fell = infos["fell"].any() if "fell" in infos else walks.rewards[run, length - 1] <= -100
    # who fell lies still for the rest; else a fall forward is a quick walk
    lasted = walks.rewards.shape[1] if fell else length
    speed = float(seen[1:, 2].sum(dtype=np.float64)) / lasted
    row = dict.fromkeys(SCORES, float("nan")) | {
        "steps": float(length),
        "fell": float(fell),
        "speed": speed,
        "speed_m_s": speed / SPEED_UNIT,
        "native_return": float(infos["native"].sum()) if imitates else earned,
        "shaped_return": earned if imitates else float("nan"),
    }
    if length >= _LEAST_STEPS:
        # a foot that bounces doubles a count of touch-downs, but not a spectrum
        row["stride_hz"] = describe_gait(seen, settle=_SETTLE_STEPS).spectral_hz
        if reference is not None and reference.steps >= _LEAST_STEPS:
            found = joint_correlation(seen, reference.states, settle=_SETTLE_STEPS)
            row |= dict(zip(_JOINTS, found.joints, strict=True))
    return row


def summarise(
    scores: Mapping[str, NDArray[np.float64]], *, seed: int = 0
) -> dict[str, Interval[float]]:
    """Mean and 95 % bootstrap interval of each score over the episodes that have it.

    Args:
        scores: As :func:`score` gives them.
        seed: Of the resampling.

    Returns:
        By column, without ``seed``; with fewer than two episodes the limits are NaN.
    """
    found: dict[str, Interval[float]] = {}
    for name in SCORES:
        values = scores[name][np.isfinite(scores[name])]
        if len(values) >= 2:
            finite: list[float] = values.tolist()
            found[name] = bootstrap_mean(finite, seed=seed)
        else:
            mean = float(values[0]) if len(values) else float("nan")
            found[name] = Interval(mean, float("nan"), float("nan"))
    return found
