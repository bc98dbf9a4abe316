"""What training makes small, and how the two views of redundancy reduction are drawn."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

__all__ = [
    "barlow_loss",
    "draw_view",
    "mean_squared_error",
    "residual_variance",
    "trial_r2",
]

_OFF_DIAGONAL = 5e-3
_WINDOW_BINS = 50
_WINDOW_STARTS = ((0, 200), (200, 350))
_MOST_MUSCLES = 18
_NOISE_FACTORS = (0.1, 0.2, 0.3, 0.4)


def mean_squared_error(predicted: Tensor, wanted: Tensor, weight: Tensor | None = None) -> Tensor:
    """Mean of squared errors, of every bin or by the weights of bins.

    Args:
        predicted: ``(n, channels, bins)``.
        wanted: The same.
        weight: ``(n, bins)``, not negative; None weighs all alike.

    Returns:
        One number.

    Raises:
        ValueError: The shapes differ.
    """
    if predicted.shape != wanted.shape:
        raise ValueError(
            f"predicted and wanted must have one shape, got {tuple(predicted.shape)} and "
            f"{tuple(wanted.shape)}"
        )
    squares = (predicted.float() - wanted).square()
    if weight is None:
        return squares.mean()
    return (squares.mean(dim=1) * weight).sum() / weight.sum().clamp_min(1e-12)


def barlow_loss(
    first: Tensor,
    second: Tensor,
    *,
    off_diagonal: float = _OFF_DIAGONAL,
    compat: str | None = None,
) -> Tensor:
    """Redundancy reduction (Zbontar et al. 2021, Barlow Twins, eq. 1).

    Args:
        first: Projections of one view, ``(n, width)``.
        second: Of the other.
        off_diagonal: Weight of what two outputs share.
        compat: "variance" divides by the variance in place of the standard deviation, as the
            published code of the proprioceptive networks does.

    Returns:
        One number; a batch without any spread in an output counts as uncorrelated.

    Raises:
        ValueError: The shapes differ, there are fewer than two samples, or compat is unknown.
    """
    if first.shape != second.shape or first.ndim != 2 or len(first) < 2:
        raise ValueError(
            "both views must be (n, width) with n at least 2, got "
            f"{tuple(first.shape)} and {tuple(second.shape)}"
        )
    if compat not in (None, "variance"):
        raise ValueError(f'compat must be "variance" or None, got {compat!r}')
    scaled = []
    for view in (first, second):
        view = view if view.dtype == torch.float64 else view.float()
        variance, mean = torch.var_mean(view, dim=0, correction=0)
        spread = variance if compat == "variance" else variance.clamp_min(1e-12).sqrt()
        scaled.append((view - mean) / spread.clamp_min(1e-12))
    correlation = scaled[0].T @ scaled[1] / len(first)
    diagonal = correlation.diagonal()
    shared = correlation.square().sum() - diagonal.square().sum()
    return (diagonal - 1).square().sum() + off_diagonal * shared


def residual_variance(predicted: Tensor, wanted: Tensor, moving: Tensor) -> Tensor:
    """Loss of networks trained on spikes: each trial's and neuron's mean is free.

    Args:
        predicted: ``(trials, bins, neurons)``.
        wanted: The same.
        moving: Which bins count, ``(trials, bins)``.

    Returns:
        Variance of the residual over the bins that count, averaged over trials and neurons.

    Raises:
        ValueError: The shapes do not fit, or a trial has no bin that counts.
    """
    return _masked_variance(predicted - wanted, moving).mean()


def trial_r2(predicted: Tensor, wanted: Tensor, moving: Tensor) -> Tensor:
    """Share of the variance of each trial and neuron that is explained, offsets free.

    Args:
        predicted: ``(trials, bins, neurons)``.
        wanted: The same.
        moving: Which bins count, ``(trials, bins)``.

    Returns:
        ``(trials, neurons)``; NaN where a neuron is silent or steady in a trial.
    """
    spread = _masked_variance(wanted, moving)
    part = _masked_variance(predicted - wanted, moving) / spread
    return 1 - part.where(spread > 0, torch.nan)


def _masked_variance(values: Tensor, moving: Tensor) -> Tensor:
    if values.ndim != 3 or moving.shape != values.shape[:2]:
        raise ValueError(
            "values must be (trials, bins, neurons) and moving (trials, bins), got "
            f"{tuple(values.shape)} and {tuple(moving.shape)}"
        )
    weight = moving.to(values.dtype).unsqueeze(2)
    count = weight.sum(dim=1, keepdim=True)
    if not bool((count > 0).all()):
        raise ValueError("every trial must have at least one bin that moves, got one without")
    off = (values - (values * weight).sum(dim=1, keepdim=True) / count) * weight
    return off.square().sum(dim=1) / count.squeeze(1)


def draw_view(
    spindle: Tensor, kinds: Sequence[str], rng: np.random.Generator, blank: Tensor | None = None
) -> Tensor:
    """A view of movements, a copy.

    Args:
        spindle: ``(n, muscles, bins, 2)``.
        kinds: Some of `proprio_tcn.training.settings.VIEWS`: "time" zeroes two windows of 50 bins
            of 400, "muscle" zeroes up to 18 muscles, "noise" adds noise of a tenth to four tenths
            of a channel's deviation to up to 18 muscles.
        rng: Draws it, each sample anew.
        blank: What stands in place of what is left out ``(muscles, 1, 2)``: what the network takes
            for nothing; None is zero.
    """
    view = spindle.clone()
    if "noise" in kinds:
        _add_noise(view, rng)
    count, muscles, bins = view.shape[:3]
    kept = np.ones((count, muscles, bins), np.float32)
    if "time" in kinds:
        part = bins / 400
        length = max(1, round(_WINDOW_BINS * part))
        for low, high in _WINDOW_STARTS:
            starts = rng.integers(round(low * part), round(high * part) + 1, size=count)
            ends = np.arange(bins) - starts[:, None]
            kept *= ~((ends >= 0) & (ends < length))[:, None, :]
    if "muscle" in kinds:
        kept *= ~_some_muscles(count, muscles, rng)[:, :, None]
    shown = torch.from_numpy(kept).to(view).unsqueeze(3)
    return view * shown if blank is None else view * shown + blank * (1 - shown)


def _some_muscles(count: int, muscles: int, rng: np.random.Generator) -> NDArray[np.bool_]:
    most = min(_MOST_MUSCLES, muscles - 1)
    numbers = rng.integers(0, most + 1, size=count)
    ranks = rng.random((count, muscles)).argsort(axis=1).argsort(axis=1)
    return np.asarray(ranks < numbers[:, None])


def _add_noise(view: Tensor, rng: np.random.Generator) -> None:
    count, muscles = view.shape[:2]
    factor = rng.choice(_NOISE_FACTORS, size=count)
    chosen = _some_muscles(count, muscles, rng) * factor[:, None]
    noise = torch.from_numpy(rng.standard_normal(view.shape, dtype=np.float32)).to(view)
    amount = torch.from_numpy(chosen).to(view)[:, :, None, None]
    view += amount * view.std(dim=2, correction=0, keepdim=True) * noise
