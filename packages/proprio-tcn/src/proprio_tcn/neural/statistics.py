"""Which model explains neurons better, and whether that hangs on how well it does its task."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neuro_common.seeding import generator
from neuro_common.stats import holm
from proprio_tcn.neural.prediction import LayerScore

__all__ = [
    "Comparison",
    "MixedRegression",
    "Relation",
    "benjamini_hochberg",
    "bootstrap_difference",
    "compare_models",
    "comparison_table",
    "mixed_regression",
    "partial_correlation",
]

Floats = NDArray[np.float64]

_BATCH = 2**22  # explained variances held at once: 32 MB


class Relation(NamedTuple):
    """A correlation and the probability of one as far from zero by chance."""

    r: float
    p: float


@dataclass(frozen=True)
class Comparison:
    """One model against another on the same neurons and trials.

    Attributes:
        first: Name of the one.
        second: Name of the other.
        difference: Mean over neurons of the first's test explained variance less the second's.
        low: Lower limit of the 95 % interval over neurons and trials.
        high: Upper limit.
        p_bootstrap: Two-sided, of the difference over its standard deviation in that bootstrap, by
            Student's t with one degree of freedom less than trials.
        p_wilcoxon: Of the signed ranks over neurons, in these very trials: where neurons share what
            a trial happens to hold, far too small for others.
        p_holm: ``p_bootstrap`` corrected for all comparisons by Holm.
        p_fdr: ``p_bootstrap`` corrected by Benjamini and Hochberg.
    """

    first: str
    second: str
    difference: float
    low: float
    high: float
    p_bootstrap: float
    p_wilcoxon: float
    p_holm: float = float("nan")
    p_fdr: float = float("nan")


def benjamini_hochberg(p: ArrayLike) -> Floats:
    """Probabilities corrected for their number, false discovery rate (Benjamini, Hochberg 1995).

    Args:
        p: Shape (comparisons,).

    Returns:
        Corrected values, shape (comparisons,).

    Raises:
        ValueError: A probability is not in [0, 1].
    """
    values = np.asarray(p, dtype=np.float64)
    if values.ndim != 1 or not ((values >= 0) & (values <= 1)).all():
        raise ValueError(f"p must be a list of probabilities in [0, 1], got {p!r}")
    order = np.argsort(values, kind="stable")
    steps = values[order] * len(values) / np.arange(1, len(values) + 1)
    corrected = np.empty_like(values)
    corrected[order] = np.minimum(np.minimum.accumulate(steps[::-1])[::-1], 1)
    return corrected


def bootstrap_difference(
    first: LayerScore, second: LayerScore, *, n_resamples: int = 5000, seed: int
) -> Comparison:
    """Compare two layers over neurons and trials at once.

    Every draw takes trials with replacement, the same for both models and all neurons, computes
    each neuron's explained variance anew, and averages over neurons that are drawn as well: the
    pigeonhole bootstrap (Owen 2007, Ann. Appl. Stat. 1, 386), which errs to the safe side.

    Args:
        first: Scores of the one model.
        second: Of the other, on the same targets.
        n_resamples: Number of bootstrap samples, at least 100.
        seed: Of the resampling.

    Raises:
        ValueError: The scores are of other neurons or trials, of a single trial, or ``n_resamples``
            is below 100.
    """
    return _compared([first, second], [(0, 1)], n_resamples, seed)[0]


def compare_models(
    scores: Sequence[LayerScore],
    *,
    reference: str | None = None,
    n_resamples: int = 5000,
    seed: int,
) -> list[Comparison]:
    """Compare every pair of models, or each with a reference, corrected for the number of pairs.

    Args:
        scores: The best layer of each model.
        reference: Name of the model that each is compared with; None compares all pairs.
        n_resamples: Of each bootstrap.
        seed: Of the resampling, the same trials and neurons for every pair.

    Raises:
        ValueError: There are fewer than two models, or no such reference.
    """
    by_name = {one.model: one for one in scores}
    if len(by_name) < 2 or (reference is not None and reference not in by_name):
        raise ValueError(
            f"at least two models must be compared, the reference {reference!r} among them, got "
            f"{', '.join(by_name) or 'none'}"
        )
    models = list(by_name)
    if reference is None:
        pairs = list(combinations(range(len(models)), 2))
    else:
        other = models.index(reference)
        pairs = [(place, other) for place in range(len(models)) if place != other]
    found = _compared(list(by_name.values()), pairs, n_resamples, seed)
    p = [one.p_bootstrap for one in found]
    return [
        Comparison(**{**vars(one), "p_holm": float(a), "p_fdr": float(b)})
        for one, a, b in zip(found, holm(p), benjamini_hochberg(p), strict=True)
    ]


def _compared(
    scores: Sequence[LayerScore], pairs: Sequence[tuple[int, int]], n_resamples: int, seed: int
) -> list[Comparison]:
    """Comparisons without corrections; the draws of trials and neurons serve all pairs."""
    from scipy.stats import t, wilcoxon

    means = _drawn_means(scores, n_resamples, seed)
    found = []
    for one, two in pairs:
        first, second, drawn = scores[one], scores[two], means[one] - means[two]
        low, high = np.quantile(drawn, [0.025, 0.975])
        difference = first.test_ev - second.test_ev
        equal = not difference.any()
        # a share of the draws would end at 1 / n_resamples, too much for thousands of pairs
        far = 0.0 if equal else abs(float(difference.mean())) / float(drawn.std(ddof=1))
        p = 1.0 if equal else float(wilcoxon(difference).pvalue)
        found.append(
            Comparison(
                first.model,
                second.model,
                float(difference.mean()),
                float(low),
                float(high),
                float(2 * t.sf(far, first.trials.y.shape[0] - 1)),
                p,
            )
        )
    return found


def _drawn_means(scores: Sequence[LayerScore], n_resamples: int, seed: int) -> Floats:
    """Mean explained variance over drawn neurons in drawn trials, ``(models, draws)``."""
    first = scores[0]
    for one in scores[1:]:
        if first.trials.y.shape != one.trials.y.shape or not np.allclose(
            first.trials.yy, one.trials.yy
        ):
            raise ValueError(
                f"{first.model} and {one.model} must be scored on the same neurons and trials: "
                "prepare the targets once"
            )
    if n_resamples < 100:
        raise ValueError(f"n_resamples must be at least 100, got {n_resamples}")
    trials, neurons = first.trials.y.shape
    if trials < 2:
        raise ValueError(
            f"models must be scored on at least 2 trials held out to be compared, got {trials}: "
            "record more, or hold out a greater protocol.test_fraction"
        )
    rng = generator(seed)
    means = np.empty((len(scores), n_resamples))
    batch = max(1, _BATCH // neurons)
    for start in range(0, n_resamples, batch):
        some = slice(start, min(start + batch, n_resamples))
        size = some.stop - start
        chosen = rng.multinomial(trials, np.full(trials, 1 / trials), size=size).astype(float)
        weight = rng.multinomial(neurons, np.full(neurons, 1 / neurons), size=size)
        for place, one in enumerate(scores):
            explained = one.trials.explained_variance(chosen)
            # what does not vary in a draw is the same for all models
            seen = np.where(np.isnan(explained), 0, weight)
            total = (np.nan_to_num(explained) * seen).sum(axis=1)
            means[place, some] = total / seen.sum(axis=1).clip(min=1)
    return means


def comparison_table(comparisons: Sequence[Comparison]) -> Mapping[str, list[Any]]:
    """Columns of `Comparison`, a row for each."""
    names = Comparison.__dataclass_fields__
    return {name: [getattr(one, name) for one in comparisons] for name in names}


def partial_correlation(x: ArrayLike, y: ArrayLike, covariates: ArrayLike) -> Relation:
    """Correlation of what is left of x and y when covariates have explained what they can.

    Args:
        x: Such as the task performance of each network, ``(networks,)``.
        y: Such as the mean explained variance of its best layer, ``(networks,)``.
        covariates: Such as its depth, ``(networks,)`` or ``(networks, covariates)``; a column for
            each kind of architecture but one takes out differences between kinds.

    Returns:
        Pearson's r, and p from the t distribution with ``networks - 2 - covariates`` degrees of
        freedom.

    Raises:
        ValueError: Lengths differ, there are too few networks, or nothing varies.
    """
    from scipy.stats import t

    one, two = (np.asarray(values, dtype=np.float64) for values in (x, y))
    others = np.asarray(covariates, dtype=np.float64).reshape(len(one), -1)
    free = len(one) - 2 - others.shape[1]
    if one.ndim != 1 or one.shape != two.shape or free < 1:
        raise ValueError(
            "x, y and covariates must be of the same networks, at least three more than there are "
            f"covariates, got {one.shape}, {two.shape} and {others.shape}"
        )
    design = np.column_stack([np.ones(len(one)), others])
    pair = np.column_stack([one, two])
    left = pair - design @ np.linalg.lstsq(design, pair, rcond=None)[0]
    spread = np.linalg.norm(left, axis=0)
    if (spread <= 1e-10 * np.linalg.norm(pair, axis=0)).any():
        raise ValueError("x and y must vary beyond what the covariates explain, got one that fits")
    r = float(np.clip(left[:, 0] @ left[:, 1] / spread.prod(), -1, 1))
    statistic = abs(r) * np.sqrt(free / max(1 - r * r, 1e-300))
    return Relation(r, float(2 * t.sf(statistic, free)))


@dataclass(frozen=True, eq=False)
class MixedRegression:
    """A linear regression with a random intercept for each group.

    Attributes:
        coefficients: Of the predictors, the intercept first.
        standard_errors: Of these.
        p: Two-sided, from the normal distribution.
        group_variance: Of the intercepts.
        residual_variance: Within groups.
    """

    coefficients: Floats
    standard_errors: Floats
    p: Floats
    group_variance: float
    residual_variance: float


def mixed_regression(y: ArrayLike, predictors: ArrayLike, group: ArrayLike) -> MixedRegression:
    """Fit ``y = b0 + X b + intercept of the group + noise`` by restricted maximum likelihood.

    Networks are read out against several animals, so that one network's values are not independent:
    the random intercept takes the animal, or the network, out. For a given ratio of variances the
    fit is a regression on quasi-demeaned data (Fuller and Battese 1973), so that one number is
    searched.

    Args:
        y: Such as explained variance, ``(rows,)``.
        predictors: Such as task performance and depth, ``(rows, predictors)``.
        group: Group of each row, ``(rows,)``.

    Raises:
        ValueError: Lengths differ, there are too few rows, or there is only one group.
    """
    from scipy.optimize import minimize_scalar
    from scipy.stats import norm

    response = np.asarray(y, dtype=np.float64)
    x = np.asarray(predictors, dtype=np.float64).reshape(len(response), -1)
    design = np.column_stack([np.ones(len(response)), x])
    _, member, size = np.unique(np.asarray(group), return_inverse=True, return_counts=True)
    rows, columns = design.shape
    if len(member) != rows or len(size) < 2 or rows <= columns + 1:
        raise ValueError(
            f"y, predictors and group must have rows of at least 2 groups, more than {columns + 1} "
            f"of them, got {rows} rows of {len(size)} groups"
        )
    both = np.column_stack([design, response])
    mean = (np.eye(len(size))[member].T @ both) / size[:, None]

    def fit(ratio: float) -> tuple[float, Floats, Floats, float]:
        part = 1 - 1 / np.sqrt(1 + size * ratio)
        moved = both - part[member, None] * mean[member]
        normal = moved[:, :-1].T @ moved[:, :-1]
        weights = np.linalg.solve(normal, moved[:, :-1].T @ moved[:, -1])
        left = float(np.sum((moved[:, -1] - moved[:, :-1] @ weights) ** 2))
        criterion = (
            (rows - columns) * np.log(left)
            + np.log1p(size * ratio).sum()
            + np.linalg.slogdet(normal)[1]
        )
        return float(criterion), weights, normal, left / (rows - columns)

    search = minimize_scalar(lambda log: fit(float(np.exp(log)))[0], bounds=(-12, 12))
    ratio = float(np.exp(search.x))
    if fit(0.0)[0] <= search.fun:
        ratio = 0.0
    _, weights, normal, variance = fit(ratio)
    errors = np.sqrt(variance * np.diag(np.linalg.inv(normal)))
    p = 2 * norm.sf(np.abs(weights) / errors)
    return MixedRegression(weights, errors, np.asarray(p), ratio * variance, variance)
