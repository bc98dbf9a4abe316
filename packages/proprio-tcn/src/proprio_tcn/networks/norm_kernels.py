"""Compiled norm, scale, shift and rectification of a layer in one go, and their gradient.

Samples lie channels last, (samples, muscles, bins, networks * channels), so that a row of bins is
one long run in memory. Sums over muscles are kept for every place in a row and folded afterwards:
whatever part of a sample a mean is taken over, and however many networks lie side by side, the long
loops are the same. Importing this module imports numba.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from proprio_tcn._jit import jit

__all__ = ["MASKED", "SAMPLE", "STEP", "backward", "forward"]

SAMPLE, MASKED, STEP = range(3)
"""What a mean is taken over: the sample, its moving bins, or each bin alone."""

Floats = NDArray[np.floating[Any]]


@jit
def _share(kind: int, row: Floats, moving: NDArray[np.bool_], columns: Floats) -> float:
    """Sum a row over a network's channels and over the bins that share a statistic.

    Args:
        kind: One of the three.
        row: Shape (bins, networks * channels).
        moving: Shape (bins,).
        columns: The sum that each bin of each network is given, shape (bins, networks),
            **written**.

    Returns:
        How many bins share it.
    """
    bins, networks = columns.shape
    channels = row.shape[1] // networks
    totals, counted = np.zeros(networks), 0.0
    if kind == SAMPLE and networks == 1:  # the common case in longer runs
        flat = row.reshape(bins * channels)
        for first in range(0, bins, 16):  # long sums of single precision would lose digits
            part = row.dtype.type(0)
            for place in range(first * channels, min(first + 16, bins) * channels):
                part += flat[place]
            totals[0] += part
        columns[:] = totals[0]
        return float(bins)
    for at in range(bins):
        counts = kind == SAMPLE or moving[at]
        counted += 1.0 if counts else 0.0
        for network in range(networks):
            part = row.dtype.type(0)
            for channel in range(network * channels, (network + 1) * channels):
                part += row[at, channel]
            columns[at, network] = part
            if counts:
                totals[network] += part
    if kind == STEP:
        return 1.0
    for at in range(bins):
        columns[at] = totals
    return max(counted, 1.0)


@jit
def _spread(columns: Floats, row: Floats) -> None:
    """Give every channel of a network its column."""
    bins, networks = columns.shape
    channels = row.shape[1] // networks
    for at in range(bins):
        for network in range(networks):
            value = columns[at, network]
            for channel in range(network * channels, (network + 1) * channels):
                row[at, channel] = value


@jit
def _lines(
    gamma: Floats,
    beta: Floats,
    mean: Floats,
    scale: Floats,
    moving: NDArray[np.bool_],
    lines: Floats,
) -> None:
    """Write what every place of a row has taken off, is multiplied with and is given: (3, ...)."""
    centre, slope, level = lines[0], lines[1], lines[2]
    _spread(mean, centre)
    _spread(scale, slope)
    for at in range(len(mean)):
        # one short loop for each: together they would not become vector instructions
        steep, raised = slope[at], level[at]
        if moving[at]:
            for channel in range(len(gamma)):
                steep[channel] *= gamma[channel]
            for channel in range(len(gamma)):
                raised[channel] = beta[channel]
        else:
            steep[:] = 0
            raised[:] = 0


@jit
def _sum(rows: Floats, sums: Floats) -> None:
    """Sum over muscles, for every place of a row."""
    sums[:] = 0
    for muscle in range(rows.shape[0]):
        for place in range(rows.shape[1]):
            sums[place] += rows[muscle, place]


@jit
def _sum_squares(rows: Floats, centre: Floats, sums: Floats) -> None:
    """Sum squared distances from the centre over muscles, for every place of a row."""
    sums[:] = 0
    for muscle in range(rows.shape[0]):
        for place in range(rows.shape[1]):
            apart = rows[muscle, place] - centre[place]
            sums[place] += apart * apart


@jit
def _rectify(rows: Floats, lines: Floats, out: Floats, top: int, first: int) -> None:
    """Write rows into the middle of wider ones, with zeros around them."""
    muscles, width = rows.shape
    zero = rows.dtype.type(0)
    centre, slope, level = lines[0], lines[1], lines[2]
    out[:top] = zero
    out[top + muscles :] = zero
    for muscle in range(muscles):
        source, target = rows[muscle], out[top + muscle]
        target[:first] = zero
        target[first + width :] = zero
        middle = target[first : first + width]
        for place in range(width):
            value = (source[place] - centre[place]) * slope[place] + level[place]
            middle[place] = max(value, zero)


@jit
def _sum_open(
    rows: Floats,
    lines: Floats,
    gradient: Floats,
    top: int,
    first: int,
    plain: Floats,
    weighed: Floats,
) -> None:
    """Sum gradients that the rectifier lets through, and their products with x, over muscles."""
    zero = rows.dtype.type(0)
    centre, slope, level = lines[0], lines[1], lines[2]
    plain[:] = zero
    weighed[:] = zero
    for muscle in range(rows.shape[0]):
        source = rows[muscle]
        # cut here: the compiler must see that a row is one run
        arriving = gradient[top + muscle][first : first + len(source)]
        for place in range(rows.shape[1]):
            apart = source[place] - centre[place]
            value = arriving[place] if apart * slope[place] + level[place] > zero else zero
            plain[place] += value
            weighed[place] += value * apart


@jit
def _retreat(
    rows: Floats,
    lines: Floats,
    gradient: Floats,
    top: int,
    first: int,
    turn: Floats,
    rest: Floats,
    out: Floats,
) -> None:
    """Write the gradient of x: what came through, and what it did to mean and variance."""
    zero = rows.dtype.type(0)
    centre, slope, level = lines[0], lines[1], lines[2]
    for muscle in range(rows.shape[0]):
        source, target = rows[muscle], out[muscle]
        arriving = gradient[top + muscle][first : first + len(source)]
        for place in range(rows.shape[1]):
            apart = source[place] - centre[place]
            value = arriving[place] if apart * slope[place] + level[place] > zero else zero
            target[place] = value * slope[place] + apart * turn[place] + rest[place]


@jit
def _parameter_gradients(
    scale: Floats,
    gamma: Floats,
    plain: Floats,
    weighed: Floats,
    gamma_gradient: Floats,
    beta_gradient: Floats,
) -> None:
    """Fold sums over bins; ``plain`` and ``weighed`` become gradients of the normalised x."""
    bins, networks = scale.shape
    channels = len(gamma) // networks
    gamma_gradient[:] = 0
    beta_gradient[:] = 0
    for at in range(bins):
        for network in range(networks):
            tall = scale[at, network]
            for channel in range(network * channels, (network + 1) * channels):
                weighed[at, channel] *= tall
        by_x, by_one = weighed[at], plain[at]
        # one short loop for each, as above
        for channel in range(len(gamma)):
            gamma_gradient[channel] += by_x[channel]
        for channel in range(len(gamma)):
            by_x[channel] *= gamma[channel]
        for channel in range(len(gamma)):
            beta_gradient[channel] += by_one[channel]
        for channel in range(len(gamma)):
            by_one[channel] *= gamma[channel]


@jit
def forward(
    kind: int,
    x: Floats,
    gamma: Floats,
    beta: Floats,
    eps: float,
    moving: NDArray[np.bool_],
    mean: Floats,
    scale: Floats,
    out: Floats,
    top: int,
    left: int,
) -> None:
    """Rectify ``gamma * (x - mean) * scale + beta``, into the middle of a wider array.

    Args:
        kind: One of the three.
        x: Shape (samples, muscles, bins, networks * channels).
        gamma: Shape (networks * channels,).
        beta: Likewise.
        eps: Added to the variance.
        moving: Bins that are kept, shape (samples, bins); all of them but for `MASKED`.
        mean: Of each bin and network, shape (samples, bins, networks), **written**.
        scale: One over the standard deviation, likewise, **written**.
        out: Shape (samples, wider, longer, networks * channels), **written**: zeros around the
            middle.
        top: Muscles ahead of the middle.
        left: Bins ahead of it.
    """
    samples, muscles, bins, channels = x.shape
    networks = mean.shape[2]
    width = bins * channels
    sums, lines = np.empty((bins, channels), x.dtype), np.empty((3, bins, channels), x.dtype)
    columns = np.empty((bins, networks))
    for sample in range(samples):
        rows = x[sample].reshape(muscles, width)
        _sum(rows, sums.reshape(width))
        shared = _share(kind, sums, moving[sample], columns) * muscles * (channels // networks)
        mean[sample] = columns / shared
        _spread(mean[sample], lines[0])
        _sum_squares(rows, lines[0].reshape(width), sums.reshape(width))
        _share(kind, sums, moving[sample], columns)
        scale[sample] = 1.0 / np.sqrt(columns / shared + eps)
        _lines(gamma, beta, mean[sample], scale[sample], moving[sample], lines)
        wider = out[sample].reshape(out.shape[1], out.shape[2] * channels)
        _rectify(rows, lines.reshape(3, width), wider, top, left * channels)


@jit
def backward(
    kind: int,
    x: Floats,
    gamma: Floats,
    beta: Floats,
    moving: NDArray[np.bool_],
    mean: Floats,
    scale: Floats,
    gradient: Floats,
    top: int,
    left: int,
    x_gradient: Floats,
    gamma_gradient: Floats,
    beta_gradient: Floats,
) -> None:
    """Run :func:`forward` back.

    Args:
        kind: As given to it.
        x: As given to it.
        gamma: As given to it.
        beta: As given to it.
        moving: As given to it.
        mean: As it was written.
        scale: As it was written.
        gradient: Of what came out, shape (samples, wider, longer, networks * channels).
        top: As given to it.
        left: As given to it.
        x_gradient: Shape of ``x``, **written**.
        gamma_gradient: Of each sample, shape (samples, networks * channels), **written**.
        beta_gradient: Likewise, **written**.
    """
    samples, muscles, bins, channels = x.shape
    networks = mean.shape[2]
    width, first = bins * channels, left * channels
    plain, weighed = np.empty((bins, channels), x.dtype), np.empty((bins, channels), x.dtype)
    turn, rest = np.empty_like(plain), np.empty_like(plain)
    lines = np.empty((3, bins, channels), x.dtype)
    drawn = lines.reshape(3, width)
    plain_columns, weighed_columns = np.empty((bins, networks)), np.empty((bins, networks))
    for sample in range(samples):
        rows = x[sample].reshape(muscles, width)
        wider = gradient[sample].reshape(gradient.shape[1], gradient.shape[2] * channels)
        moves, tall = moving[sample], scale[sample]
        _lines(gamma, beta, mean[sample], tall, moves, lines)
        _sum_open(rows, drawn, wider, top, first, plain.reshape(width), weighed.reshape(width))
        into = gamma_gradient[sample], beta_gradient[sample]
        _parameter_gradients(tall, gamma, plain, weighed, *into)
        shared = _share(kind, plain, moves, plain_columns) * muscles * (channels // networks)
        _share(kind, weighed, moves, weighed_columns)
        for at in range(bins):
            for network in range(networks):
                kept = -tall[at, network] / shared if moves[at] else 0.0
                weighed_columns[at, network] *= kept * tall[at, network]
                plain_columns[at, network] *= kept
        _spread(weighed_columns, turn)
        _spread(plain_columns, rest)
        back = x_gradient[sample].reshape(muscles, width)
        _retreat(rows, drawn, wider, top, first, turn.reshape(width), rest.reshape(width), back)
