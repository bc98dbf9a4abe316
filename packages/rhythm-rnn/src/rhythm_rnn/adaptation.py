"""How a network follows clicks: when the tempo changes, and when one click is out of order."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray

from neuro_common.rate_noise import Noise
from neuro_common.rates import RateNetwork
from rhythm_rnn import task
from rhythm_rnn.taps import asynchronies, crests

__all__ = [
    "Disorder",
    "Synchronisation",
    "TempoSwitch",
    "click_disorder",
    "synchronisation",
    "tempo_switch",
]

Array = NDArray[np.float64]
Kind = Literal["shifted", "missing", "extra"]

_ONSET_S = 0.05
_WITHIN = 0.05
_SAME_MS = 1e-6  # a tap found again


@dataclass(frozen=True, eq=False)
class Synchronisation:
    """Taps to clicks, and on without them.

    Attributes:
        period_s: Of the clicks.
        n_clicks: How many there were.
        asynchrony_ms: Tap minus beat, negative where the tap comes first, shape (repeats, beats).
            A click has the nearest tap, NaN without one within half a period. The beats go on where
            the clicks end, and there taps are counted, so that they may drift by any distance.
    """

    period_s: float
    n_clicks: int
    asynchrony_ms: Array

    @property
    def settled_ms(self) -> float:
        """Mean asynchrony in the second half of the clicks, NaN if no tap came near one."""
        heard = self.asynchrony_ms[:, self.n_clicks // 2 : self.n_clicks]
        tapped = heard[np.isfinite(heard)]
        return float(tapped.mean()) if len(tapped) else float("nan")


@dataclass(frozen=True, eq=False)
class TempoSwitch:
    """Intervals round a change of tempo.

    Attributes:
        period_s: Before and after.
        interval: Number of each interval, shape (intervals,); 0 begins with the tap nearest to the
            beat from which on the second tempo holds.
        interval_ms: Shape (repeats, intervals), NaN where taps are missing.
    """

    period_s: tuple[float, float]
    interval: NDArray[np.int64]
    interval_ms: Array

    @property
    def intervals_needed(self) -> int | None:
        """Number of the first interval whose mean is within 5 % of the new period, if any."""
        after = self.interval_ms[:, self.interval >= 0].mean(axis=0)
        reached = np.abs(after / (1e3 * self.period_s[1]) - 1) <= _WITHIN
        return int(reached.argmax()) if reached.any() else None


@dataclass(frozen=True, eq=False)
class Disorder:
    """Taps after a click out of order, against the same trials with the click in order.

    Attributes:
        kind: "shifted", "missing" or "extra".
        shift_s: Of the click, or from the click before to the extra one.
        beat: Number of each beat, shape (beats,); 0 is that of the click.
        shift_ms: How much later the tap comes than with the click in order, noise being the same,
            shape (repeats, beats); NaN where either has no tap.
    """

    kind: Kind
    shift_s: float
    beat: NDArray[np.int64]
    shift_ms: Array


def synchronisation(
    network: RateNetwork,
    period_s: float,
    *,
    n_clicks: int = 12,
    repeats: int = 10,
    noise: Noise | None = None,
) -> Synchronisation:
    """Let a network tap to clicks, and for as many beats alone.

    Args:
        network: The network.
        period_s: Of the clicks; the cue is that of their tempo.
        n_clicks: How many there are, at least 2.
        repeats: Trials, which meet noise of their own, at least 1.
        noise: Noise of the run; None is none.

    Raises:
        ValueError: The period is not finite or below two samples, or a number is out of its range.
    """
    trials = _clicked(period_s, n_clicks, network.dt_ms)
    found = _taps(network, trials, 1e3 * period_s, repeats, noise)
    beats = _beats_ms(period_s, 2 * n_clicks)
    rows = []
    for taps in found:
        heard = asynchronies(taps, beats[:n_clicks])
        rows.append(np.concatenate([heard, _alone(taps, heard[-1], beats[n_clicks - 1 :])]))
    return Synchronisation(period_s, n_clicks, np.array(rows))


def tempo_switch(
    network: RateNetwork,
    period_s: tuple[float, float],
    *,
    clicks: bool = True,
    n_before: int = 8,
    n_after: int = 8,
    repeats: int = 10,
    noise: Noise | None = None,
) -> TempoSwitch:
    """Change the cue, and with it the clicks if there are any, and follow the intervals.

    Args:
        network: The network.
        period_s: Before and after.
        clicks: Whether every beat has a click, or the cue alone tells the tempo.
        n_before: Beats before the change, at least 2.
        n_after: Intervals after it, at least 2.
        repeats: Trials, which meet noise of their own, at least 1.
        noise: Noise of the run; None is none.

    Raises:
        ValueError: A period is not finite or below two samples, or a number is out of its range.
    """
    _check_counts(n_before=n_before, n_after=n_after)
    first, second = period_s
    switch_s = _ONSET_S + n_before * first
    n_beats = n_before + n_after + 3
    trials = task.tempo_switch(
        [period_s],
        _ONSET_S,
        switch_beat=n_before,
        clicks=n_beats if clicks else 0,
        duration_s=switch_s + (n_after + 2) * max(period_s),
        dt_ms=network.dt_ms,
    )
    found = _taps(network, trials, 1e3 * min(first, second), repeats, noise)
    numbers = np.arange(1 - n_before, n_after)
    intervals = np.full((repeats, len(numbers)), np.nan)
    for row, taps in zip(intervals, found, strict=True):
        if len(taps) < 2:
            continue
        begins = int(np.abs(taps - 1e3 * switch_s).argmin()) + numbers
        there = (begins >= 0) & (begins < len(taps) - 1)
        row[there] = np.diff(taps)[begins[there]]
    return TempoSwitch((first, second), numbers, intervals)


def click_disorder(
    network: RateNetwork,
    period_s: float,
    kind: Kind,
    *,
    shift_s: float = 0.0,
    click: int = 8,
    n_clicks: int = 16,
    repeats: int = 10,
    noise: Noise | None = None,
) -> Disorder:
    """Put one click out of order, and follow the taps.

    Args:
        network: The network.
        period_s: Of the clicks; the cue is that of their tempo.
        kind: "shifted", "missing" or "extra", see `rhythm_rnn.task.perturbed`.
        shift_s: Positive is later.
        click: Which click, counted from 0.
        n_clicks: How many there are, at least 2.
        repeats: Trials, which meet noise of their own, at least 1.
        noise: Noise of the run, the same with the click in order; None is none.

    Raises:
        ValueError: As for `synchronisation`, or for `rhythm_rnn.task.perturbed`.
    """
    ordered = _clicked(period_s, n_clicks, network.dt_ms)
    disordered = task.perturbed(ordered, kind, click, shift_s=shift_s)
    beats = _beats_ms(period_s, n_clicks)
    without, with_it = (
        np.array([asynchronies(taps, beats) for taps in found])
        for found in (
            _taps(network, trials, 1e3 * period_s, repeats, noise)
            for trials in (ordered, disordered)
        )
    )
    return Disorder(kind, shift_s, np.arange(n_clicks) - click, with_it - without)


def _alone(taps: Array, last_ms: float, beats: Array) -> Array:
    """Taps counted on from that of the last click, minus their beats; NaN where there is none."""
    drift = np.full(len(beats) - 1, np.nan)
    if np.isfinite(last_ms):
        following = taps[taps > beats[0] + last_ms + _SAME_MS][: len(drift)]
        drift[: len(following)] = following - beats[1 : 1 + len(following)]
    return drift


def _clicked(period_s: float, n_clicks: int, dt_ms: float) -> task.Trials:
    """One trial with so many clicks in its first half."""
    _check_counts(n_clicks=n_clicks)
    return task.synchronisation_continuation(
        [period_s], _ONSET_S, duration_s=2 * n_clicks * period_s, dt_ms=dt_ms
    )


def _beats_ms(period_s: float, n_beats: int) -> Array:
    return np.asarray(1e3 * (_ONSET_S + period_s * np.arange(n_beats)))


def _taps(
    network: RateNetwork, trials: task.Trials, period_ms: float, repeats: int, noise: Noise | None
) -> list[Array]:
    """Crests of the output in repeats of one trial."""
    if repeats < 1:
        raise ValueError(f"repeats must be at least 1, got {repeats}")
    inputs = torch.as_tensor(trials.inputs).to(network.input_weight).expand(repeats, -1, -1)
    outputs = network.free_run(inputs, noise=noise).outputs[..., 0].cpu().numpy()
    return [crests(output, trials.dt_ms, period_ms) for output in outputs]


def _check_counts(**counts: int) -> None:
    for name, number in counts.items():
        if number < 2:
            raise ValueError(f"{name} must be at least 2, got {number}")
