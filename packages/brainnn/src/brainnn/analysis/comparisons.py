"""Real networks beside their controls, as a family of comparisons and as a sentence."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from brainnn.analysis.effects import (
    ALPHA,
    POWER,
    MeanDifference,
    hierarchical_bootstrap,
    pooled_spread,
    smallest_effect,
    welch,
)
from neuro_common.stats import Interval, holm

__all__ = ["Comparison", "compare_runs", "verdict"]

_UNKNOWN = float("nan")


@dataclass(frozen=True)
class Comparison:
    """Real networks beside those of one control, by one number.

    Attributes:
        control: Name of the control.
        runs: How many there are, real and control.
        means: Over runs, real and control.
        difference: By Welch; limits and p are NaN with fewer than two runs of either.
        bootstrap: The same difference with its hierarchical bootstrap interval.
        adjusted: p after Holm's correction over the family, NaN where there is none.
        detectable: Smallest true difference that would have been found with power `POWER` after
            the correction; 0 where all runs are alike, NaN with fewer than two runs of either.
    """

    control: str
    runs: tuple[int, int]
    means: tuple[float, float]
    difference: MeanDifference
    bootstrap: Interval[float]
    adjusted: float
    detectable: float

    @property
    def differs(self) -> bool:
        """Whether a difference was found."""
        return self.adjusted < ALPHA


def compare_runs(
    real: Sequence[ArrayLike],
    controls: Mapping[str, Sequence[ArrayLike]],
    *,
    n_resamples: int = 10_000,
    seed: int = 0,
) -> list[Comparison]:
    """Compare real networks with each control; all of these comparisons are one family.

    Args:
        real: For each run its episodes, shape (episodes,), or its one number, shape (1,).
        controls: The same by the control's name.
        n_resamples: Number of bootstrap samples.
        seed: Of the bootstrap.

    Returns:
        One for each control, in their order.

    Raises:
        ValueError: A group has no run, a run no episode, or a number is not finite.
    """
    enough = [name for name, runs in controls.items() if min(len(real), len(runs)) >= 2]
    # Holm asks this of the smallest p of a family, and no less of any
    alpha = ALPHA / max(len(enough), 1)
    found = {
        name: _compare(name, real, runs, alpha, n_resamples, seed)
        for name, runs in controls.items()
    }
    adjusted = holm([found[name].difference.p for name in enough])
    for name, p in zip(enough, adjusted.tolist(), strict=True):
        found[name] = replace(found[name], adjusted=p)
    return [*found.values()]


def verdict(
    subject: str, comparisons: Sequence[Comparison], names: Mapping[str, str] | None = None
) -> str:
    """What a family of comparisons shows, in a sentence.

    Args:
        subject: Of whom and what the numbers are.
        comparisons: The family, as :func:`compare_runs` gives it.
        names: Controls in words; those that are not in it have their own name.

    Raises:
        ValueError: There is no comparison.
    """
    if not comparisons:
        raise ValueError("comparisons must be at least one, got none")
    words = {one.control: (names or {}).get(one.control, one.control) for one in comparisons}
    tested = [one for one in comparisons if np.isfinite(one.adjusted)]
    parts = [_difference(words[one.control], one) for one in tested if one.differs]
    said = [f"the real wiring was {_listed(parts)}"] if parts else []
    open_ones = [one for one in tested if not one.differs and one.detectable > 0]
    if open_ones:
        least = max(one.detectable for one in open_ones)
        others = _listed([words[one.control] for one in open_ones])
        said.append(
            f"no difference from {others} was found; one of at least {least:.3f} would have been "
            f"seen in {100 * POWER:.0f} % of such studies"
        )
    alike = [words[one.control] for one in tested if not one.differs and one.detectable == 0]
    if alike:
        said.append(f"every run was at {tested[0].means[0]:.3f}, as with {_listed(alike)}")
    few = [words[one.control] for one in comparisons if not np.isfinite(one.adjusted)]
    if few:
        said.append(f"there were too few runs to tell it from {_listed(few)}")
    return f"{subject}: {'; '.join(said)}."


def _compare(
    name: str,
    real: Sequence[ArrayLike],
    control: Sequence[ArrayLike],
    alpha: float,
    n_resamples: int,
    seed: int,
) -> Comparison:
    groups = _means("the real wiring", real), _means(name, control)
    runs = len(groups[0]), len(groups[1])
    means = float(groups[0].mean()), float(groups[1].mean())
    mean = means[0] - means[1]
    difference = MeanDifference(mean, _UNKNOWN, _UNKNOWN, _UNKNOWN)
    interval, detectable = Interval(mean, _UNKNOWN, _UNKNOWN), _UNKNOWN
    if min(runs) >= 2:
        difference = welch(*groups)
        interval = hierarchical_bootstrap(real, control, n_resamples=n_resamples, seed=seed)
        detectable = smallest_effect(pooled_spread(*groups), *runs, alpha=alpha)
    return Comparison(name, runs, means, difference, interval, _UNKNOWN, detectable)


def _means(name: str, runs: Sequence[ArrayLike]) -> NDArray[np.float64]:
    if len(runs) == 0:
        raise ValueError(f"{name} must have at least one run, got none")
    episodes = [np.asarray(run, dtype=np.float64) for run in runs]
    means = np.array([run.mean() if run.size else np.nan for run in episodes])
    if not np.isfinite(means).all():
        raise ValueError(f"every run of {name} must be at least one finite number, got {runs}")
    return means


def _difference(control: str, one: Comparison) -> str:
    mean, low, high, _ = one.difference
    if mean < 0:
        mean, low, high = -mean, -high, -low
    side = "below" if one.difference.mean < 0 else "above"
    surely = "p < 0.001" if one.adjusted < 0.001 else f"p = {one.adjusted:.3f}"
    return f"{mean:.3f} {side} {control} (95 % interval {low:.3f} to {high:.3f}, {surely})"


def _listed(words: Sequence[str]) -> str:
    return " and ".join(filter(None, [", ".join(words[:-1]), words[-1]]))
