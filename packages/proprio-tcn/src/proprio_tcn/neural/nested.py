"""Every trial held out once: nested cross-validation of whole models, components and all."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from proprio_tcn.neural.features import Features
from proprio_tcn.neural.prediction import LayerScore, TrialSums, predict_layer
from proprio_tcn.neural.protocol import Protocol
from proprio_tcn.neural.ridge import ALPHAS
from proprio_tcn.neural.splits import nested_splits
from proprio_tcn.neural.targets import Targets

__all__ = ["outer_targets", "pooled_scores", "predict_nested"]

Floats = NDArray[np.float64]


def outer_targets(targets: Targets, protocol: Protocol, folds: int) -> list[Targets]:
    """The same targets, split anew for each outer fold, which is held out.

    Args:
        targets: From `prepare`, whose neurons stay: they were chosen by its own split.
        protocol: Whose ``folds`` choose penalties inside, and whose ``seed`` deals the trials;
            ``test_fraction`` plays no part.
        folds: Outer folds, at least 2; the first is the single split where ``test_fraction`` is
            ``1 / folds``.

    Raises:
        ValueError: There are too few trials for so many folds.
    """
    splits = nested_splits(
        targets.windows.condition, folds=folds, inner_folds=protocol.folds, seed=protocol.seed
    )
    return [replace(targets, split=one) for one in splits]


def predict_nested(
    folds: Sequence[Targets],
    features: Callable[[Targets], Iterable[Features]],
    *,
    alphas: Sequence[float] = ALPHAS,
    device: str = "cpu",
) -> list[LayerScore]:
    """Read layers out in every outer fold, and pool what was held out.

    Nothing of a trial goes into its own prediction: weights, penalties and the scale of features
    come from the other folds, and so do components where ``features`` makes them anew.

    Args:
        folds: Of `outer_targets`.
        features: Makes the features of some layers for the split of one fold, the same layers in
            each.
        alphas: Penalties to choose from.
        device: Where torch computes; "cpu" uses numpy.

    Returns:
        A score for each layer, see `pooled_scores`.

    Raises:
        ValueError: Features have other rows than the targets.
    """
    found = [
        [predict_layer(fold, one, alphas=alphas, device=device)[0] for one in features(fold)]
        for fold in folds
    ]
    return [pooled_scores(folds, layer) for layer in zip(*found, strict=True)]


def pooled_scores(folds: Sequence[Targets], scores: Sequence[LayerScore]) -> LayerScore:
    """One score of the trials that all folds held out, each once.

    Explained variance and R2 are those of all these predictions laid end to end; bits per spike are
    over the mean rate of each fold. Penalties are the median over folds, and what the training
    trials say is the mean, by which a model's best layer is picked.

    Args:
        folds: Of `outer_targets`.
        scores: Of one layer in each of them.
    """
    order = np.argsort(np.concatenate([one.split.test for one in folds]))
    names = ("bins", "y", "yy", "e", "ee")
    sums = TrialSums(
        *(np.concatenate([getattr(one.trials, name) for one in scores])[order] for name in names)
    )
    spread = sums.yy.sum(axis=0) - sums.y.sum(axis=0) ** 2 / sums.bins.sum()
    bits, together = _bits(folds, scores)
    return replace(
        scores[0],
        features=max(one.features for one in scores),
        alpha=np.median([one.alpha for one in scores], axis=0),
        train_ev=np.mean([one.train_ev for one in scores], axis=0),
        fold_ev=np.mean([one.fold_ev for one in scores], axis=0),
        test_ev=sums.explained_variance(np.ones((1, len(sums.bins))))[0],
        test_r2=1 - sums.ee.sum(axis=0) / spread,
        test_bits=bits,
        trials=sums,
        co_bps=together,
    )


def _bits(folds: Sequence[Targets], scores: Sequence[LayerScore]) -> tuple[Floats, float]:
    """Bits per spike of each neuron and of all: means over folds, weighted by their spikes."""
    bits, counts = np.stack([one.test_bits for one in scores]), folds[0].counts
    if counts is None:
        return bits.mean(axis=0), float("nan")
    spikes = np.stack([counts[~one.train].sum(axis=0) for one in folds]).astype(np.float64)
    # bits of a fold in which a neuron is silent are NaN, and weigh nothing
    gain, of_neuron = np.nansum(bits * spikes, axis=0), spikes.sum(axis=0)
    whole = np.divide(gain, of_neuron, out=np.full_like(gain, np.nan), where=of_neuron > 0)
    together = np.average([one.co_bps for one in scores], weights=spikes.sum(axis=1))
    return np.asarray(whole), float(together)
