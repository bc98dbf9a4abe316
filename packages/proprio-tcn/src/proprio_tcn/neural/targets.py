"""What every model is to explain: the neurons' rates, bin by bin, and the split of the trials."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from proprio_tcn._words import counted
from proprio_tcn.movements.format import BIN_S, BINS
from proprio_tcn.neural.binning import smooth
from proprio_tcn.neural.protocol import Protocol
from proprio_tcn.neural.recording import Recording
from proprio_tcn.neural.reliability import split_half_reliability
from proprio_tcn.neural.splits import TrialSplit, split_trials
from proprio_tcn.neural.windows import Windows, choose_windows

__all__ = ["Targets", "make_targets", "prepare", "smoothed"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_ROUNDING = 1e-9  # of a neuron's greatest rate


@dataclass(frozen=True, eq=False)
class Targets:
    """Responses in the bins of all windows, laid end to end, and who may see them.

    Attributes:
        rates: Smoothed counts per bin, ``(rows, neurons)``.
        counts: Counts, ``(rows, neurons)``; None for responses that are no spikes.
        windows: The bins; rows are `Windows.rows` of them.
        split: Of the windows.
        neurons: Names of the columns.
        recording: What they were cut from; None for responses made otherwise.
        left_out: What is not explained, and why, one line each: trials with a movement or bump that
            are in no window, and neurons that do not vary.
    """

    rates: Floats
    counts: NDArray[np.unsignedinteger[Any]] | None
    windows: Windows
    split: TrialSplit
    neurons: tuple[str, ...]
    recording: Recording | None = None
    left_out: tuple[str, ...] = ()

    @cached_property
    def window(self) -> Ints:
        """Window of each row."""
        return self.windows.rows()[0]

    @cached_property
    def train(self) -> NDArray[np.bool_]:
        """Rows to learn from.

        A mask, shape (rows,).
        """
        return np.asarray(np.isin(self.window, self.split.train))

    @cached_property
    def fold(self) -> Ints:
        """Fold of each row, -1 in the rows held out."""
        of_window = np.full(len(self.windows), -1)
        of_window[self.split.train] = self.split.fold
        return np.asarray(of_window[self.window])


def prepare(
    recording: Recording, protocol: Protocol | None = None, *, lags: Sequence[int] = ()
) -> Targets:
    """Cut windows, smooth, shift and split, once for every model that is to be compared.

    Windows that do not fit into a network's input are left out, and windows are trimmed where the
    lag would lead out of the trial. Neurons whose rates do not vary in the training rows, or not in
    those held out, are left out too: there is no variance of theirs to explain.

    Args:
        recording: Of one session.
        protocol: How; None for the published protocol.
        lags: Further lags, in bins, that the windows are to be trimmed for.

    Raises:
        ValueError: The recording has no such trials, too few, or no neuron passes the filters.
    """
    protocol = protocol or Protocol()
    windows = choose_windows(recording, protocol.window, seed=protocol.seed)
    windows = _trimmed(recording, windows, [protocol.lag_bins, *lags], protocol.placement)
    rates = smoothed(recording.spikes, recording, protocol)
    split = split_trials(
        windows.condition,
        test_fraction=protocol.test_fraction,
        folds=protocol.folds,
        seed=protocol.seed,
    )
    varies = np.logical_and.reduce(
        [
            _varies(rates, windows.take(part), lag)
            for part in (split.train, split.test)
            for lag in (protocol.lag_bins, *lags)
        ]
    )
    answered = windows.take(split.train).shifted(protocol.lag_bins)
    kept = _filtered(recording, answered, rates, protocol, varies)
    return Targets(
        windows.gather(rates, protocol.lag_bins)[:, kept],
        windows.gather(recording.spikes, protocol.lag_bins)[:, kept],
        windows,
        split,
        tuple(recording.neurons[index] for index in kept),
        recording,
        _left_out(recording, windows, varies),
    )


def smoothed(counts: ArrayLike, recording: Recording, protocol: Protocol) -> Floats:
    """Counts or expected counts of each bin, smoothed as the protocol says.

    Args:
        counts: Shape ``(trials, bins, neurons)``.
        recording: Whose trials they are.
        protocol: How.
    """
    return smooth(
        counts,
        recording.length,
        width_bins=protocol.smoothing_bins,
        kernel=protocol.smoothing,
        compat=protocol.compat,
    )


def make_targets(rates: Floats, windows: Windows, split: TrialSplit) -> Targets:
    """Targets of responses that are no spike counts, such as those of planted neurons.

    Args:
        rates: Responses of each bin, ``(rows, neurons)``.
        windows: The bins.
        split: Of the windows.

    Raises:
        ValueError: Rates have other rows than the windows.
    """
    rows = int(windows.length.sum())
    if rates.ndim != 2 or len(rates) != rows:
        raise ValueError(f"rates must be (rows, neurons) with {rows} rows, got {rates.shape}")
    names = tuple(f"planted {number}" for number in range(rates.shape[1]))
    return Targets(rates, None, windows, split, names)


def _trimmed(
    recording: Recording, windows: Windows, lags: Sequence[int], placement: int
) -> Windows:
    """Keep bins whose responses at all lags lie in the trial, and windows that fit an input.

    Raises:
        ValueError: No window is left.
    """
    length = recording.length[windows.trial]
    start = np.maximum(windows.start, -min(0, *lags))
    stop = np.minimum(windows.stop, length - max(0, *lags))
    fits = (stop > start) & (stop - start <= BINS - placement)
    if not fits.any():
        told = f" with responses at lags of {min(lags)} to {max(lags)} bins" if any(lags) else ""
        raise ValueError(
            f"a window must have between 1 and {BINS - placement} bins{told}, got none among "
            f"{len(windows)}: lower protocol.placement for long ones, or use smaller lags; these "
            f"have {windows.length.min()} to {windows.length.max()} bins, taken to be of 10 ms"
        )
    kept = windows.take(fits)
    return Windows(kept.trial, start[fits], stop[fits], kept.direction_deg, kept.kind)


def _varies(rates: Floats, windows: Windows, lag: int) -> NDArray[np.bool_]:
    """Neurons whose rates vary in these windows by more than the rounding of the smoothing."""
    rounding = _ROUNDING * rates.max(axis=(0, 1))
    return np.asarray(np.ptp(windows.gather(rates, lag), axis=0) > rounding)


def _left_out(recording: Recording, windows: Windows, varies: NDArray[np.bool_]) -> tuple[str, ...]:
    told = []
    of_kind = recording.passive if windows.kind == "passive" else recording.active
    if trials := int(of_kind.sum()) - len(windows):
        told.append(
            f"{counted(trials, 'trial')}: too long for a network's input, over too soon, or not "
            "drawn"
        )
    if len(still := np.flatnonzero(~varies)):
        names = ", ".join(recording.neurons[index] for index in still)
        told.append(
            f"{counted(len(still), 'neuron that does', 'neurons that do')} not vary in training or "
            f"held-out trials: {names}"
        )
    return tuple(told)


def _filtered(
    recording: Recording,
    train: Windows,
    rates: Floats,
    protocol: Protocol,
    varies: NDArray[np.bool_],
) -> Ints:
    """Neurons that vary and fire enough, and reliably enough, in the training windows."""
    rate_hz = train.gather(recording.spikes).mean(axis=0) / BIN_S
    keep = varies & (rate_hz >= protocol.min_rate_hz)
    reliability = None
    if protocol.min_reliability is not None:
        reliability = split_half_reliability(rates, train, seed=protocol.seed)
        keep &= reliability >= protocol.min_reliability
    if not keep.any():
        told = f"rates reach {rate_hz.max():.3g} Hz"
        if reliability is not None and np.isfinite(reliability).any():
            told += f" and reliabilities {np.nanmax(reliability):.3g}"
        raise ValueError(
            f"at least one neuron must pass protocol.min_rate_hz={protocol.min_rate_hz:g} and "
            f"protocol.min_reliability={protocol.min_reliability}, and vary in training and "
            f"held-out trials, got none of {len(keep)}: {told}, {int(varies.sum())} vary"
        )
    return np.flatnonzero(keep)
