"""How much two groups of runs differ, how surely, and what difference would have been found.

A run (one draw of a control, one seed) is one observation, whatever the number of its episodes: the
episodes of a run are walked by the same network.
"""

from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import optimize, special, stats

from neuro_common.seeding import generator
from neuro_common.stats import Interval

__all__ = [
    "ALPHA",
    "POWER",
    "MeanDifference",
    "hierarchical_bootstrap",
    "pooled_spread",
    "smallest_effect",
    "welch",
]

ALPHA = 0.05
"""How often a family of comparisons may find a difference where there is none."""

POWER = 0.8
"""How often a difference must be found to count as one that would have been seen."""

_CONFIDENCE = 0.95
_NODES = 32  # of a quadrature


class MeanDifference(NamedTuple):
    """A difference of two means.

    Attributes:
        mean: The first less the second.
        low: Lower limit of the 95 % interval.
        high: Upper limit.
        p: Two-sided.
    """

    mean: float
    low: float
    high: float
    p: float


def welch(real: ArrayLike, control: ArrayLike) -> MeanDifference:
    """Difference of two means whose spreads may differ (Welch 1947, Biometrika 34, 28).

    Args:
        real: One number for each run, at least 2.
        control: The same.

    Returns:
        Real less control; where no run differs from another of its group there is no spread to
        judge by, the interval is a point, and p is 1 or 0.

    Raises:
        ValueError: There are fewer than 2 numbers, or one is not finite.
    """
    first, second = _numbers("real", real), _numbers("control", control)
    mean = float(first.mean() - second.mean())
    errors = np.array([one.var(ddof=1) / one.size for one in (first, second)])
    error = float(np.sqrt(errors.sum()))
    if error <= 1e-12 * max(np.abs(first).max(), np.abs(second).max()):
        alike = bool(np.isclose(first[0], second[0], rtol=1e-12, atol=0))
        mean = 0.0 if alike else mean
        return MeanDifference(mean, mean, mean, float(alike))
    freedom = errors.sum() ** 2 / (errors**2 / [first.size - 1, second.size - 1]).sum()
    reach = float(stats.t.ppf((1 + _CONFIDENCE) / 2, freedom)) * error
    p = 2 * float(stats.t.sf(abs(mean) / error, freedom))
    return MeanDifference(mean, mean - reach, mean + reach, p)


def hierarchical_bootstrap(
    real: Sequence[ArrayLike],
    control: Sequence[ArrayLike],
    *,
    n_resamples: int = 10_000,
    seed: int,
) -> Interval[float]:
    """Difference of two means over runs, with the interval of a bootstrap of runs and episodes.

    Each resample draws runs with replacement, and in each of them episodes (Saravanan, Berman and
    Sober 2020, Neurons Behav. Data Anal. Theory 3). The mean of a run counts once, however many
    episodes it has. With five runs a group the interval is a little narrow where runs differ more
    than their episodes do, and too wide where they do not.

    Args:
        real: For each run its episodes, shape (episodes,); at least 2 runs.
        control: The same.
        n_resamples: Number of bootstrap samples, at least 100.
        seed: Of the resampling.

    Returns:
        Real less control, and the limits between which 95 % of the resamples lie.

    Raises:
        ValueError: There are fewer than 2 runs, a run has no episode, a number is not finite, or
            ``n_resamples`` is out of its range.
    """
    if n_resamples < 100:
        raise ValueError(f"n_resamples must be at least 100, got {n_resamples}")
    rng = generator(seed)
    groups = [_episodes("real", real), _episodes("control", control)]
    means = [float(np.mean([run.mean() for run in group])) for group in groups]
    drawn = [_resampled_means(group, n_resamples, rng) for group in groups]
    tail = (1 - _CONFIDENCE) / 2
    low, high = np.quantile(drawn[0] - drawn[1], [tail, 1 - tail])
    return Interval(means[0] - means[1], float(low), float(high))


def pooled_spread(real: ArrayLike, control: ArrayLike) -> float:
    """Standard deviation over runs that two groups have in common.

    Args:
        real: One number for each run, at least 2.
        control: The same.

    Raises:
        ValueError: There are fewer than 2 numbers, or one is not finite.
    """
    groups = [_numbers("real", real), _numbers("control", control)]
    squares = sum(float(np.square(group - group.mean()).sum()) for group in groups)
    return float(np.sqrt(squares / sum(group.size - 1 for group in groups)))


def smallest_effect(
    spread: float, real: int, control: int, *, alpha: float = ALPHA, power: float = POWER
) -> float:
    """Smallest true difference of two means that a two-sided Welch test would find.

    For two normal groups of one spread, and exact: given how the two sample variances share their
    sum, the statistic is noncentral t with as many degrees of freedom as the pooled one.

    Args:
        spread: Standard deviation over runs.
        real: Number of runs, at least 2.
        control: The same of the other group.
        alpha: Below which p counts.
        power: How often it is to be found.

    Returns:
        In the unit of ``spread``.

    Raises:
        ValueError: A number is out of its range.
    """
    if not 0 <= spread < np.inf:
        raise ValueError(f"spread must be at least 0 and finite, got {spread}")
    if min(real, control) < 2:
        raise ValueError(f"there must be at least 2 runs of each, got {real} and {control}")
    if not 0 < alpha < power < 1:
        raise ValueError(f"0 < alpha < power < 1 must hold, got alpha={alpha} and power={power}")
    return spread * _standardised_effect(real, control, alpha, power)


@cache
def _standardised_effect(real: int, control: int, alpha: float, power: float) -> float:
    """The effect for a spread of 1."""
    runs = np.array([real, control])
    freedom, total = runs - 1, real + control - 2
    # the share of the first group in the sum of squares has a beta distribution
    nodes, weights = special.roots_jacobi(_NODES, freedom[1] / 2 - 1, freedom[0] / 2 - 1)
    share = np.stack([1 + nodes, 1 - nodes], axis=1) / 2
    errors = share / (freedom * runs)  # squared, of each mean, for a sum of squares of 1
    welch_freedom = errors.sum(axis=1) ** 2 / (errors**2 / freedom).sum(axis=1)
    error = float(np.sqrt((1 / runs).sum()))
    critical = stats.t.ppf(1 - alpha / 2, welch_freedom) * np.sqrt(total * errors.sum(axis=1))

    def surplus(effect: float) -> float:
        # to find it with the wrong sign is not to find it
        found = stats.nct.sf(critical / error, total, effect / error)
        return float(weights @ found / weights.sum()) - power

    enough = error
    while surplus(enough) < 0:
        enough *= 2
    return float(optimize.brentq(surplus, 0.0, enough))


def _resampled_means(
    runs: list[NDArray[np.float64]], n_resamples: int, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Means of resampled runs of resampled episodes, shape (n_resamples,)."""
    lengths = np.array([run.size for run in runs])
    table = np.zeros((len(runs), lengths.max()))
    for row, run in zip(table, runs, strict=True):
        row[: run.size] = run
    chosen = rng.integers(len(runs), size=(n_resamples, len(runs)))
    own = lengths[chosen][..., None]
    # as many as the longest run has, of which a shorter one takes its number
    episodes = rng.integers(own, size=(*chosen.shape, table.shape[1]))
    there = np.arange(table.shape[1]) < own
    drawn = np.where(there, table[chosen[..., None], episodes], 0.0)
    return np.asarray((drawn.sum(axis=2) / lengths[chosen]).mean(axis=1))


def _numbers(name: str, values: ArrayLike) -> NDArray[np.float64]:
    found = np.asarray(values, dtype=np.float64)
    if found.ndim != 1 or found.size < 2 or not np.isfinite(found).all():
        raise ValueError(f"{name} must be at least 2 finite numbers, one for a run, got {found}")
    return found


def _episodes(name: str, runs: Sequence[ArrayLike], least: int = 2) -> list[NDArray[np.float64]]:
    found = [np.asarray(run, dtype=np.float64) for run in runs]
    if len(found) < least:
        raise ValueError(f"{name} must have at least {least} runs, got {len(found)}")
    if not all(run.ndim == 1 and run.size > 0 and np.isfinite(run).all() for run in found):
        raise ValueError(f"every run of {name} must be at least one finite number, got {found}")
    return found
