"""How well neurons are predicted: explained variance, R2 and bits per spike."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["bits_per_spike", "explained_variance", "r2"]

Floats = NDArray[np.float64]

_TINY_RATE = 1e-9  # what the Neural Latents Benchmark puts in place of a rate of zero


def explained_variance(target: ArrayLike, predicted: ArrayLike) -> Floats:
    """Part of the variance that is explained: ``1 - Var(y - yhat) / Var(y)``.

    An offset costs nothing. A constant target gives 1 where the residual is constant too,
    otherwise 0.

    Args:
        target: Responses, ``(bins,)`` or ``(bins, neurons)``.
        predicted: The same shape, or one that broadcasts to it.

    Returns:
        At most 1, one number for each neuron.

    Raises:
        ValueError: Shapes differ, there is no bin, or a number is not finite.
    """
    y, yhat = _pair(target, predicted)
    residual = y - yhat
    return _part(y, residual, residual.var(axis=0))


def r2(target: ArrayLike, predicted: ArrayLike) -> Floats:
    """Coefficient of determination: ``1 - sum (y - yhat)^2 / sum (y - mean y)^2``.

    Args:
        target: Responses, ``(bins,)`` or ``(bins, neurons)``.
        predicted: The same shape.

    Returns:
        At most 1, one number for each neuron; a constant target gives 1 or 0.

    Raises:
        ValueError: Shapes differ, there is no bin, or a number is not finite.
    """
    y, yhat = _pair(target, predicted)
    return _part(y, y - yhat, np.square(y - yhat).mean(axis=0))


def bits_per_spike(counts: ArrayLike, rates: ArrayLike, *, pooled: bool = False) -> Floats:
    """Gain in log likelihood over the mean rate, in bits per spike.

    The definition of the Neural Latents Benchmark (Pei et al. 2021): ``(log L(rates) - log L(mean
    of the counts)) / (spikes log 2)`` with Poisson likelihoods. With ``pooled`` the sums run over
    all neurons, which is its co-bps.

    Args:
        counts: Spike counts, ``(bins,)`` or ``(bins, neurons)``.
        rates: Expected counts per bin, above 0; zero is taken as 1e-9.
        pooled: One number for all neurons together.

    Returns:
        One number for each neuron, or one; NaN without spikes.

    Raises:
        ValueError: Shapes differ, a count or a rate is negative, or a number is not finite.
    """
    y, mu = _counts_and_rates(counts, rates)
    mean = np.maximum(y.mean(axis=0), _TINY_RATE)
    # log y! is in both likelihoods
    gain = (y * np.log(mu) - mu).sum(axis=0) - (y * np.log(mean) - mean).sum(axis=0)
    spikes = y.sum(axis=0)
    if pooled:
        gain, spikes = gain.sum(), spikes.sum()
    part = np.full(np.shape(gain), np.nan)
    np.divide(gain, spikes * np.log(2), out=part, where=np.asarray(spikes > 0))
    return part


def _part(y: Floats, residual: Floats, error: Any) -> Floats:
    """``1 - error / Var(y)``, with the rule for constant targets."""
    constant = y.max(axis=0) == y.min(axis=0)
    spread = np.where(constant, 1.0, y.var(axis=0))
    # rounding may leave a constant residual some digits of its size
    still = error <= (1e-14 * np.abs(residual).max(axis=0)) ** 2
    return np.asarray(np.where(constant, np.where(still, 1.0, 0.0), 1 - error / spread))


def _pair(target: ArrayLike, predicted: ArrayLike) -> tuple[Floats, Floats]:
    y = np.asarray(target, dtype=np.float64)
    yhat = np.asarray(predicted, dtype=np.float64)
    if y.ndim not in (1, 2) or y.shape != yhat.shape or len(y) == 0:
        raise ValueError(
            "target and predicted must be (bins,) or (bins, neurons) of one shape with at least "
            f"one bin, got {y.shape} and {yhat.shape}"
        )
    for name, values in (("target", y), ("predicted", yhat)):
        if not np.isfinite(values).all():
            n_bad = int((~np.isfinite(values)).sum())
            raise ValueError(f"{name} must be finite, got {n_bad} NaN or infinite numbers")
    return y, yhat


def _counts_and_rates(counts: ArrayLike, rates: ArrayLike) -> tuple[Floats, Floats]:
    y, mu = _pair(counts, rates)
    if (y < 0).any() or (mu < 0).any():
        raise ValueError(
            "counts and rates must be at least 0, got a least count of "
            f"{y.min():g} and a least rate of {mu.min():g}"
        )
    return y, np.maximum(mu, _TINY_RATE)
