"""Neurons read out from features: explained variance for each neuron, layer and model."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from proprio_tcn.neural.features import Features
from proprio_tcn.neural.ridge import ALPHAS, RidgeFit, fit_ridge
from proprio_tcn.neural.scores import bits_per_spike, explained_variance, r2
from proprio_tcn.neural.targets import Targets

__all__ = [
    "LayerScore",
    "Prediction",
    "TrialSums",
    "predict",
    "predict_layer",
    "refuse_twice",
    "score_predictions",
]

Floats = NDArray[np.float64]

_LEAST_RATE = 0.05  # of a neuron's mean: a linear readout may go below zero, a likelihood not


@dataclass(frozen=True, eq=False)
class TrialSums:
    """Sums over the bins of each held-out trial, all that explained variance depends on.

    Any choice of trials, as a bootstrap draws them, is then scored without going back to the bins.

    Attributes:
        bins: Shape ``(trials,)``.
        y: Responses about the mean of all trials, ``(trials, neurons)``.
        yy: Squares of these.
        e: Residuals.
        ee: Squares of these.
    """

    bins: Floats
    y: Floats
    yy: Floats
    e: Floats
    ee: Floats

    def explained_variance(self, weights: Floats) -> Floats:
        """Explained variance where each trial counts that many times.

        Args:
            weights: Shape ``(draws, trials)``.

        Returns:
            Shape ``(draws, neurons)``; NaN where the responses of a draw do not vary.
        """
        bins = (weights @ self.bins)[:, None]
        spread = weights @ self.yy - (weights @ self.y) ** 2 / bins
        left = weights @ self.ee - (weights @ self.e) ** 2 / bins
        part = np.full(spread.shape, np.nan)
        np.divide(left, spread, out=part, where=spread > 1e-12 * self.yy.sum(axis=0))
        return np.asarray(1 - part)


@dataclass(frozen=True, eq=False)
class LayerScore:
    """How well one layer of one model explains each neuron.

    Attributes:
        model: Name of the model.
        layer: Name of the layer.
        depth: Place of the layer, from 1; 0 for what is no layer.
        kind: Of the layer.
        features: Number of features.
        alpha: Penalty of each neuron, ``(neurons,)``.
        train_ev: Explained variance on the training trials.
        fold_ev: Mean explained variance of the folds that chose the penalty.
        test_ev: Explained variance on the trials held out.
        test_r2: R2 there.
        test_bits: Bits per spike there; NaN for responses that are no spikes.
        trials: Sums over each trial held out.
        co_bps: Bits per spike of all neurons together, the Neural Latents Benchmark's co-bps.
    """

    model: str
    layer: str
    depth: int
    kind: str
    features: int
    alpha: Floats
    train_ev: Floats
    fold_ev: Floats
    test_ev: Floats
    test_r2: Floats
    test_bits: Floats
    trials: TrialSums
    co_bps: float = float("nan")


@dataclass(frozen=True, eq=False)
class Prediction:
    """All layers of all models on the same neurons, bins and split.

    Attributes:
        neurons: Their names.
        layers: One score for each layer.

    Raises:
        ValueError: A layer of a model is there twice.
    """

    neurons: tuple[str, ...]
    layers: tuple[LayerScore, ...]

    def __post_init__(self) -> None:
        refuse_twice(self.layers)

    @property
    def models(self) -> tuple[str, ...]:
        """Names of the models, in order."""
        return tuple(dict.fromkeys(one.model for one in self.layers))

    def of(self, model: str) -> tuple[LayerScore, ...]:
        """The layers of one model.

        Raises:
            ValueError: There is no such model.
        """
        found = tuple(one for one in self.layers if one.model == model)
        if not found:
            raise ValueError(f"model must be one of {', '.join(self.models)}, got {model!r}")
        return found

    def best_layer(self, model: str) -> LayerScore:
        """The layer with the greatest mean explained variance on the training trials."""
        return max(self.of(model), key=lambda one: float(one.train_ev.mean()))

    def best_layers(self) -> tuple[LayerScore, ...]:
        """Of each model, its best layer."""
        return tuple(self.best_layer(model) for model in self.models)

    def best_layer_per_neuron(self, model: str) -> Floats:
        """Test explained variance of the layer that explains each neuron's training trials best."""
        layers = self.of(model)
        chosen = np.argmax([one.train_ev for one in layers], axis=0)
        test_ev = np.asarray([one.test_ev for one in layers])
        return np.asarray(test_ev[chosen, np.arange(len(self.neurons))])

    def neuron_table(self) -> dict[str, list[Any]]:
        """A row for each neuron, layer and model."""
        n = len(self.neurons)
        columns: dict[str, list[Any]] = {
            name: [value for one in self.layers for value in [getattr(one, name)] * n]
            for name in ("model", "layer", "depth", "kind", "features")
        }
        columns["neuron"] = list(self.neurons) * len(self.layers)
        for name in ("alpha", "train_ev", "fold_ev", "test_ev", "test_r2", "test_bits"):
            columns[name] = [v for one in self.layers for v in getattr(one, name).tolist()]
        return columns

    def layer_table(self, *, co_bps: bool = False) -> dict[str, list[Any]]:
        """A row for each layer: means over neurons, and whether it is its model's best.

        Args:
            co_bps: Add bits per spike of all neurons together.
        """
        best = {id(one) for one in self.best_layers()}
        columns: dict[str, list[Any]] = {
            name: [getattr(one, name) for one in self.layers]
            for name in ("model", "layer", "depth", "kind", "features")
        }
        for name in ("train_ev", "fold_ev", "test_ev", "test_r2"):
            columns[name] = [float(getattr(one, name).mean()) for one in self.layers]
        columns["median_test_ev"] = [float(np.median(one.test_ev)) for one in self.layers]
        if co_bps:
            columns["co_bps"] = [one.co_bps for one in self.layers]
        columns["best"] = [id(one) in best for one in self.layers]
        return columns


def predict(
    targets: Targets,
    features: Iterable[Features],
    *,
    alphas: Sequence[float] = ALPHAS,
    device: str = "cpu",
    told: Callable[[LayerScore], None] | None = None,
) -> Prediction:
    """Read all neurons out from each set of features, by the same protocol and split.

    Args:
        targets: What is explained, from `prepare`.
        features: Of the bins of ``targets.windows``; may be made one by one.
        alphas: Penalties to choose from.
        device: Where torch computes; "cpu" uses numpy.
        told: Called with each score as it comes.

    Raises:
        ValueError: There are no features, a layer comes twice, or they have other rows than the
            targets.
    """
    scores: list[LayerScore] = []
    for one in features:
        refuse_twice([*scores, one])
        scores.append(predict_layer(targets, one, alphas=alphas, device=device)[0])
        if told is not None:
            told(scores[-1])
    if not scores:
        raise ValueError("features must hold at least one layer of one model, got none")
    return Prediction(targets.neurons, tuple(scores))


def predict_layer(
    targets: Targets,
    features: Features,
    *,
    alphas: Sequence[float] = ALPHAS,
    device: str = "cpu",
) -> tuple[LayerScore, Floats]:
    """The score of one layer, and its predictions of the held-out rows, ``(rows, neurons)``.

    Raises:
        ValueError: The features have other rows than the targets.
    """
    if features.values.ndim != 2 or len(features.values) != len(targets.rates):
        raise ValueError(
            f"features of {features.model}, {features.layer} must be (rows, features) with the "
            f"{len(targets.rates)} rows of the targets, got {features.values.shape}"
        )
    train = targets.train
    x = np.asarray(features.values, dtype=np.float64)
    y = np.asarray(targets.rates, dtype=np.float64)
    fit = _fit(x[train], y[train], targets.fold[train], alphas, device)
    predicted = fit.predict(x[~train])
    score = score_predictions(
        targets,
        predicted,
        features,
        alpha=fit.alpha,
        train_ev=fit.train_ev,
        fold_ev=fit.fold_ev.max(axis=0),
    )
    return score, predicted


def score_predictions(
    targets: Targets,
    predicted: Floats,
    features: Features,
    *,
    alpha: Floats,
    train_ev: Floats,
    fold_ev: Floats,
) -> LayerScore:
    """Score predictions of the held-out rows, however they were made.

    Args:
        targets: What is explained.
        predicted: Counts per bin in the held-out rows, ``(rows, neurons)``.
        features: What they were made from.
        alpha: Penalty of each neuron; NaN if there was none.
        train_ev: Explained variance on the training trials.
        fold_ev: On trials of the training set that the fit did not see.
    """
    train = targets.train
    held_out = np.asarray(targets.rates[~train], dtype=np.float64)
    bits, together = np.full(held_out.shape[1], np.nan), float("nan")
    if targets.counts is not None:
        least = np.maximum(_LEAST_RATE * targets.rates[train].mean(axis=0), 1e-6)
        likely = targets.counts[~train], np.maximum(predicted, least)
        bits, together = bits_per_spike(*likely), float(bits_per_spike(*likely, pooled=True))
    return LayerScore(
        features.model,
        features.layer,
        features.depth,
        features.kind,
        features.values.shape[1],
        alpha,
        train_ev,
        fold_ev,
        explained_variance(held_out, predicted),
        r2(held_out, predicted),
        bits,
        _trial_sums(
            held_out - targets.rates.mean(axis=0), held_out - predicted, targets.window[~train]
        ),
        together,
    )


def refuse_twice(layers: Iterable["_Named"]) -> None:
    """Make sure that no layer of a model is there twice.

    Raises:
        ValueError: One is.
    """
    seen: set[tuple[str, str]] = set()
    for one in layers:
        name = (one.model, one.layer)
        if name in seen:
            raise ValueError(
                f"each layer of a model must be there once, got {one.model}, {one.layer} twice: "
                "give each network, and each file of activations, once"
            )
        seen.add(name)


class _Named(Protocol):
    """Anything of one layer."""

    @property
    def model(self) -> str: ...
    @property
    def layer(self) -> str: ...


def _fit(x: Floats, y: Floats, fold: Any, alphas: Sequence[float], device: str) -> RidgeFit:
    if device == "cpu":
        return fit_ridge(x, y, fold, alphas=alphas)
    import torch

    there = (torch.as_tensor(one, device=device) for one in (x, y, fold))
    fit = fit_ridge(*there, alphas=alphas)
    parts = (fit.coefficients, fit.intercept, fit.alpha, fit.fold_ev, fit.train_ev)
    return RidgeFit(*(one.cpu().numpy() for one in parts))


def _trial_sums(y: Floats, residual: Floats, window: NDArray[np.int64]) -> TrialSums:
    first = np.flatnonzero(np.diff(window, prepend=-1))
    sums = (np.add.reduceat(one, first, axis=0) for one in (y, y**2, residual, residual**2))
    bins = np.diff(np.append(first, len(window))).astype(np.float64)
    return TrialSums(bins, *sums)
