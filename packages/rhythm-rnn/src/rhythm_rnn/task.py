"""Tasks of keeping a beat: clicks and a tonic cue come in, a wave with a crest at each tap is due.

Inputs are `(batch, time, 2)`: channel `CLICK` and channel `CUE`. The target is `(batch, time, 1)`.
The cue is proportional to the tempo, 0.1 s / period, and it is what a free run is told; a beat has
the frequency `10 cue` Hz, so zero and negative cues have a target too.

Clicks lie on the grid of samples: one begins at the first sample that is not before its time and
lasts the same number of samples always. The published program compared floating-point times; some
of its clicks are a sample longer or shorter (`compat=True`).
"""

from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

__all__ = [
    "CLICK",
    "CUE",
    "TRAINED_PERIODS_S",
    "Trials",
    "beat_hz",
    "context_cue",
    "draw_trials",
    "free_run",
    "interval_reproduction",
    "perturbed",
    "synchronisation_continuation",
    "tempo_switch",
]

Array = NDArray[np.float64]

CLICK, CUE = 0, 1
"""Input channels."""

TRAINED_PERIODS_S = (0.5, 0.333, 0.25, 0.2, 0.166, 0.143, 0.125)
"""The seven periods of the published training, 2 to 8 Hz."""

_CUE_PER_HZ = 0.1
_CLICK_MS = 10.0
_ON_GRID = 1e-6  # samples: what rounding of decimal times may cost


@dataclass(frozen=True)
class Trials:
    """A batch of trials.

    Attributes:
        inputs: Clicks and cue, shape (batch, time, 2).
        target: What is to be given out, 0 to 1, shape (batch, time, 1).
        click_s: When each click is due, shape (batch, clicks), NaN where a trial has fewer.
        dt_ms: Sampling interval.
    """

    inputs: NDArray[np.floating[Any]]
    target: NDArray[np.floating[Any]]
    click_s: Array
    dt_ms: float

    @property
    def time_s(self) -> Array:
        """Time of each sample, shape (time,)."""
        return _time_s(self.inputs.shape[1], self.dt_ms)


def context_cue(period_s: ArrayLike) -> Array:
    """The tonic input that stands for a period, 0.1 s / period.

    Periods in s, of any shape, which is kept.

    Raises:
        ValueError: A period is zero, NaN or infinite.
    """
    periods = np.asarray(period_s, dtype=np.float64)
    if not np.isfinite(periods).all() or (periods == 0).any():
        raise ValueError(f"period_s must be finite and not zero, got {periods.tolist()}")
    return np.asarray(_CUE_PER_HZ / periods)


def beat_hz(cue: ArrayLike) -> Array:
    """Frequency of the beat that a cue asks for; zero and below are as good as any.

    Cues of any shape, which is kept; Hz.

    Raises:
        ValueError: A cue is NaN or infinite.
    """
    cues = np.asarray(cue, dtype=np.float64)
    if not np.isfinite(cues).all():
        raise ValueError(f"cue must be finite, got {cues.tolist()}")
    return np.asarray(cues / _CUE_PER_HZ)


def synchronisation_continuation(
    period_s: ArrayLike,
    onset_s: ArrayLike,
    *,
    duration_s: float = 2.0,
    dt_ms: float = 1.0,
    compat: bool = False,
    dtype: DTypeLike = np.float32,
) -> Trials:
    """Clicks in the first half, counted from the onset, then silence in which the beat goes on.

    Args:
        period_s: Period of each trial, shape (batch,).
        onset_s: Time of each trial's first click, shape (batch,) or a number.
        duration_s: Length of the trials.
        dt_ms: Sampling interval; a click of 10 ms must be a whole number of samples.
        compat: Clicks as published: their edges found by comparing floating-point times, and half
            of the duration rounded down to whole seconds, so that trials below 2 s have none.
        dtype: Of inputs and target.

    Raises:
        ValueError: A period is not finite or below two samples, an onset is outside the trial, or
            the sampling does not fit.
    """
    n_steps = _n_steps(duration_s, dt_ms)
    periods, onsets = _periods(period_s, dt_ms), _onsets(onset_s, duration_s)
    periods, onsets = np.broadcast_arrays(periods, onsets)
    half = duration_s // 2 if compat else duration_s / 2
    counts = np.ceil(half / periods - 1e-9).astype(int)
    order = np.arange(counts.max(initial=0))
    due = np.where(order < counts[:, None], onsets[:, None] + order * periods[:, None], np.nan)
    sounded = (_compat_clicks if compat else _clicks)(due, n_steps, dt_ms)
    elapsed = _time_s(n_steps, dt_ms) - onsets[:, None]
    cue = context_cue(periods)
    # by the period itself, not by its cue: the crest shall lie on the click to rounding
    return _trials(sounded, cue[:, None], elapsed / periods[:, None], elapsed, due, dt_ms, dtype)


def free_run(
    cue: ArrayLike,
    *,
    onset_s: float = 0.05,
    duration_s: float = 52.0,
    dt_ms: float = 1.0,
    dtype: DTypeLike = np.float32,
) -> Trials:
    """No clicks: the cue steps on and stays.

    Args:
        cue: Amplitude of the cue of each trial, any finite numbers, shape (batch,).
        onset_s: When it steps on.
        duration_s: Length of the trials.
        dt_ms: Sampling interval.
        dtype: Of inputs and target.

    Raises:
        ValueError: A cue is not finite, the onset is outside the trial, or the sampling does not
            fit.
    """
    n_steps = _n_steps(duration_s, dt_ms)
    cues = np.atleast_1d(np.asarray(cue, dtype=np.float64))
    elapsed = _time_s(n_steps, dt_ms) - _onsets(onset_s, duration_s)[:, None]
    phase = beat_hz(cues)[:, None] * elapsed
    silence = np.zeros((len(cues), n_steps), dtype=bool)
    nothing = np.empty((len(cues), 0))
    elapsed = np.broadcast_to(elapsed, phase.shape)
    return _trials(silence, cues[:, None], phase, elapsed, nothing, dt_ms, dtype)


def tempo_switch(
    period_s: ArrayLike,
    onset_s: ArrayLike,
    *,
    switch_beat: int = 4,
    clicks: int = 8,
    duration_s: float = 4.0,
    dt_ms: float = 1.0,
    dtype: DTypeLike = np.float32,
) -> Trials:
    """The tempo changes at a beat: cue, clicks and target go on at the second period from there.

    Args:
        period_s: First and second period of each trial, shape (batch, 2).
        onset_s: Time of each trial's first click, shape (batch,) or a number.
        switch_beat: The beat, counted from 0, from which on the second period holds.
        clicks: How many beats have a click; with fewer than `switch_beat` the cue alone tells.
        duration_s: Length of the trials.
        dt_ms: Sampling interval.
        dtype: Of inputs and target.

    Raises:
        ValueError: As for `synchronisation_continuation`, or `switch_beat` or `clicks` is negative.
    """
    if switch_beat < 0 or clicks < 0:
        raise ValueError(
            f"switch_beat and clicks must be at least 0, got {switch_beat} and {clicks}"
        )
    n_steps = _n_steps(duration_s, dt_ms)
    periods = _periods(period_s, dt_ms)
    if periods.ndim != 2 or periods.shape[1] != 2:
        raise ValueError(f"period_s must be (batch, 2), got shape {periods.shape}")
    first, second = periods.T[:, :, None]
    onsets = np.broadcast_to(_onsets(onset_s, duration_s), len(periods))
    elapsed = _time_s(n_steps, dt_ms) - onsets[:, None]
    since = elapsed - switch_beat * first
    # a sample that is a rounding error before the switch belongs to the second tempo
    switched = since >= -_ON_GRID * dt_ms / 1e3
    order = np.arange(clicks)
    later = switch_beat * first + (order - switch_beat) * second
    due = onsets[:, None] + np.where(order < switch_beat, order * first, later)
    cue = np.where(switched, context_cue(second), context_cue(first))
    phase = np.where(switched, since / second, elapsed / first)
    return _trials(_clicks(due, n_steps, dt_ms), cue, phase, elapsed, due, dt_ms, dtype)


def interval_reproduction(
    period_s: ArrayLike,
    onset_s: ArrayLike,
    *,
    cue: float = 0.0,
    duration_s: float = 2.0,
    dt_ms: float = 1.0,
    dtype: DTypeLike = np.float32,
) -> Trials:
    """Two clicks mark an interval; one tap is due an interval after the second.

    The cue does not tell the interval: it has one amplitude in all trials. The target is a single
    wave of the length of the interval, its crest where the tap is due.

    Args:
        period_s: The interval of each trial, shape (batch,).
        onset_s: Time of the first click, shape (batch,) or a number.
        cue: Amplitude of the cue from the onset on.
        duration_s: Length of the trials.
        dt_ms: Sampling interval.
        dtype: Of inputs and target.

    Raises:
        ValueError: As for `synchronisation_continuation`, or `cue` is not finite.
    """
    beat_hz(cue)
    n_steps = _n_steps(duration_s, dt_ms)
    periods, onsets = np.broadcast_arrays(_periods(period_s, dt_ms), _onsets(onset_s, duration_s))
    due = onsets[:, None] + np.arange(2) * periods[:, None]
    elapsed = _time_s(n_steps, dt_ms) - onsets[:, None]
    phase = elapsed / periods[:, None]
    waiting = np.abs(phase - 2) > 0.5
    phase = np.where(waiting, 0.5, phase)  # the foot of the wave, zero
    tonic = np.full((len(periods), 1), cue)
    return _trials(_clicks(due, n_steps, dt_ms), tonic, phase, elapsed, due, dt_ms, dtype)


def draw_trials(
    rng: np.random.Generator,
    batch: int,
    *,
    period_s: ArrayLike = TRAINED_PERIODS_S,
    latest_onset_s: float = 0.1,
    duration_s: float = 2.0,
    dt_ms: float = 1.0,
    dtype: DTypeLike = np.float32,
) -> Trials:
    """Draw a batch of synchronisation-continuation as the network is trained on it.

    Args:
        rng: Draws one of the periods and an onset in [0, `latest_onset_s`) for each trial.
        batch: Number of trials, at least 1.
        period_s: The periods to draw from, shape (periods,).
        latest_onset_s: End of the onsets.
        duration_s: Length of the trials.
        dt_ms: Sampling interval.
        dtype: Of inputs and target.

    Raises:
        ValueError: As for `synchronisation_continuation`, or `batch` is below 1.
    """
    if batch < 1:
        raise ValueError(f"batch must be at least 1, got {batch}")
    periods = rng.choice(np.atleast_1d(np.asarray(period_s, dtype=np.float64)), size=batch)
    onsets = rng.uniform(0.0, latest_onset_s, size=batch)
    return synchronisation_continuation(
        periods, onsets, duration_s=duration_s, dt_ms=dt_ms, dtype=dtype
    )


def perturbed(
    trials: Trials,
    kind: Literal["shifted", "missing", "extra"],
    click: int,
    *,
    shift_s: float = 0.0,
) -> Trials:
    """The same trials with one click out of order; cue and target stay.

    Args:
        trials: Trials with clicks on the grid.
        kind: "shifted" moves a click by `shift_s`, "missing" leaves it out, "extra" adds one
            `shift_s` after it.
        click: Which click, counted from 0; every trial must have it.
        shift_s: Positive is later.

    Raises:
        ValueError: The kind is none of the three, a trial lacks the click, or the shift is not
            finite.
    """
    if kind not in ("shifted", "missing", "extra"):
        raise ValueError(f"kind must be shifted, missing or extra, got {kind!r}")
    due = trials.click_s
    if not 0 <= click < due.shape[1] or np.isnan(due[:, click]).any():
        fewest = int(np.isfinite(due).sum(axis=1).min())
        raise ValueError(f"click must be one of the {fewest} that every trial has, got {click}")
    if not np.isfinite(shift_s):
        raise ValueError(f"shift_s must be finite, got {shift_s}")
    moved = due[:, click : click + 1] + shift_s
    if kind == "missing":
        moved = np.full_like(moved, np.nan)
    if kind == "extra":
        due = np.concatenate([due, moved], axis=1)
    else:
        due = due.copy()
        due[:, click] = moved[:, 0]
    due = np.sort(due, axis=1)
    inputs = trials.inputs.copy()
    inputs[..., CLICK] = _clicks(due, inputs.shape[1], trials.dt_ms)
    return replace(trials, inputs=inputs, click_s=due)


def _trials(
    sounded: NDArray[np.bool_],
    cue: Array,
    phase: Array,
    elapsed: Array,
    click_s: Array,
    dt_ms: float,
    dtype: DTypeLike,
) -> Trials:
    """Put channels together: cue and wave are 0 before the onset, the wave's phase in cycles."""
    begun = elapsed >= -_ON_GRID * dt_ms / 1e3
    inputs = np.empty((*sounded.shape, 2), dtype=dtype)
    inputs[..., CLICK] = sounded
    inputs[..., CUE] = np.where(begun, cue, 0.0)
    wave = np.where(begun, (np.cos(2 * np.pi * phase) + 1) / 2, 0.0)
    return Trials(inputs, wave[..., None].astype(dtype), click_s, dt_ms)


def _clicks(due_s: Array, n_steps: int, dt_ms: float) -> NDArray[np.bool_]:
    """Whether a click sounds, `(batch, time)`, each from the first sample not before its time."""
    width = round(_CLICK_MS / dt_ms)
    begin = np.ceil(due_s * 1e3 / dt_ms - _ON_GRID)
    edges = np.zeros((len(due_s), n_steps + 1), dtype=np.int32)
    trial, which = np.nonzero(np.isfinite(begin))
    first = begin[trial, which].astype(int)
    np.add.at(edges, (trial, np.clip(first, 0, n_steps)), 1)
    np.add.at(edges, (trial, np.clip(first + width, 0, n_steps)), -1)
    return np.asarray(edges.cumsum(axis=1)[:, :-1] > 0)


def _compat_clicks(due_s: Array, n_steps: int, dt_ms: float) -> NDArray[np.bool_]:
    """Whether a click sounds, `(batch, time)`, by comparing floating-point times as published."""
    times = np.arange(n_steps) * (dt_ms / 1e3)
    begin = due_s[..., None]
    return np.asarray(((times >= begin) & (times < begin + _CLICK_MS / 1e3)).any(axis=1))


def _time_s(n_steps: int, dt_ms: float) -> Array:
    return np.asarray(np.arange(n_steps) * dt_ms / 1e3, dtype=np.float64)


def _n_steps(duration_s: float, dt_ms: float) -> int:
    if not (np.isfinite(dt_ms) and dt_ms > 0):
        raise ValueError(f"dt_ms must be positive and finite, got {dt_ms}")
    width = _CLICK_MS / dt_ms
    if round(width) < 1 or abs(width - round(width)) > _ON_GRID:
        raise ValueError(
            f"dt_ms must divide the click of {_CLICK_MS:g} ms, got {dt_ms:g}: take 1, 2 or 5"
        )
    if not (np.isfinite(duration_s) and duration_s * 1e3 >= dt_ms):
        raise ValueError(f"duration_s must be finite and at least one sample, got {duration_s}")
    return int(np.ceil(duration_s * 1e3 / dt_ms - _ON_GRID))


def _periods(period_s: ArrayLike, dt_ms: float) -> Array:
    periods = np.atleast_1d(np.asarray(period_s, dtype=np.float64))
    if periods.size == 0 or not np.isfinite(periods).all():
        raise ValueError(f"period_s must be finite, got {periods.tolist()}")
    if periods.min() * 1e3 < 2 * dt_ms:
        raise ValueError(
            f"period_s must be at least two samples ({2 * dt_ms / 1e3:g} s), got {periods.min():g}"
        )
    return periods


def _onsets(onset_s: ArrayLike, duration_s: float) -> Array:
    onsets = np.atleast_1d(np.asarray(onset_s, dtype=np.float64))
    if not (np.isfinite(onsets) & (onsets >= 0) & (onsets < duration_s)).all():
        raise ValueError(
            f"onset_s must be within the trial, [0, {duration_s:g}), got {onsets.tolist()}"
        )
    return onsets
