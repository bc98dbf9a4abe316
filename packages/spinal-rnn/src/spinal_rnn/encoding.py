"""Stimulation as currents over time: what each contact carries at each sample."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from spinal_rnn.conditions import Conditions
from spinal_rnn.session import LEAD_IN_MS

__all__ = [
    "BURST_HZ",
    "GAUSSIAN_WIDTHS",
    "encode",
    "encode_widths",
    "published_configuration",
    "published_pulse_times_ms",
    "published_trains",
    "pulse_times_ms",
    "pulse_trains",
]

BURST_HZ = 500.0
"""Pulses per second within a burst."""

GAUSSIAN_WIDTHS = (3 / 25, 2 / 25, 1 / 25, 1 / 50)
"""Standard deviations of the blurred pulses from coarse to fine, as parts of the period."""

_EDGE_MS = 1e-9

_Train = Callable[[float, float, int], NDArray[np.float64]]


def pulse_times_ms(
    frequency_hz: float, duration_ms: float, lead_in_ms: float = LEAD_IN_MS, pulses: int = 1
) -> NDArray[np.float64]:
    """When the pulses of a trial begin, shape (pulses of the trial,), rising.

    Nothing is rounded to samples, and no pulse begins at or after the end.

    Args:
        frequency_hz: Bursts per second.
        duration_ms: Length of the trial.
        lead_in_ms: Of the first pulse.
        pulses: Of each burst, at `BURST_HZ`.

    Raises:
        ValueError: A number is not above 0, or a burst is longer than the period.
    """
    if not (frequency_hz > 0 and duration_ms > 0 and pulses >= 1):
        raise ValueError(
            "frequency_hz and duration_ms must be above 0 and pulses at least 1, got "
            f"{frequency_hz:g}, {duration_ms:g} and {pulses}"
        )
    period_ms, step_ms = 1e3 / frequency_hz, 1e3 / BURST_HZ
    if pulses * step_ms > period_ms + _EDGE_MS and pulses > 1:
        raise ValueError(
            f"a burst must end within its period of {period_ms:g} ms, got {pulses} pulses, which "
            f"take {pulses * step_ms:g} ms at {BURST_HZ:g} Hz: lower frequency_hz or pulses"
        )
    bursts = np.arange(max(0, int(np.ceil((duration_ms - lead_in_ms) / period_ms))))
    times = (lead_in_ms + bursts[:, None] * period_ms + np.arange(pulses) * step_ms).reshape(-1)
    return np.asarray(times[times < duration_ms - _EDGE_MS])


def pulse_trains(
    conditions: Conditions, duration_ms: float
) -> list[tuple[NDArray[np.int64], NDArray[np.float64]]]:
    """Trials that share their pulse times, and those times from the first pulse.

    Args:
        conditions: Any trials.
        duration_ms: How long the trains last.

    Returns:
        Pairs of trial numbers, shape (n,), and times in ms, shape (pulses,); each trial in one.
    """
    keys = np.stack([conditions.frequency_hz, conditions.pulses], axis=1)
    kinds, kind = np.unique(keys, axis=0, return_inverse=True)
    return [
        (
            np.flatnonzero(kind.reshape(-1) == number),
            pulse_times_ms(hz, duration_ms, 0.0, int(pulses)),
        )
        for number, (hz, pulses) in enumerate(kinds)
    ]


def encode(
    conditions: Conditions,
    samples: int,
    fs_hz: float,
    lead_in_ms: float = LEAD_IN_MS,
    *,
    width: float | None = None,
    biphasic: bool = False,
) -> NDArray[np.float64]:
    """Currents of the contacts over time in mA, shape (trials, time, contacts).

    A sample holds the mean current from its time to that of the next sample. So the area of a pulse
    does not hang on where it falls between samples, and nothing comes before the pulse. A pulse
    shorter than a sample is drawn one sample long, with its full current: at 1 kHz each pulse of A
    mA adds A to one sample, or parts of A to two neighbours, whose mean time is the pulse's own.
    Its width is seen from ``fs_hz`` of 1e6 / pulse_width_us on.

    The contacts' currents sum to zero at every instant (conservation). Apart from that, with
    ``biphasic`` the charge of each contact over a pulse is zero (balance).

    Args:
        conditions: The trials.
        samples: Of each trial.
        fs_hz: Samples per second.
        lead_in_ms: From the first sample to the first pulse.
        width: None for pulses; else each pulse is a Gaussian around its time, of the peak A and a
            standard deviation of so many periods, as in `GAUSSIAN_WIDTHS`.
        biphasic: Follow each pulse by one of the same length and the opposite current.

    Raises:
        ValueError: A number is out of its range, or Gaussians are to be biphasic.
    """
    if samples < 1 or not fs_hz > 0:
        raise ValueError(f"samples and fs_hz must be above 0, got {samples} and {fs_hz}")
    if width is not None and (biphasic or not width > 0):
        raise ValueError(f"width must be above 0 and no Gaussian biphasic, got width={width}")
    grid = _Grid(samples, 1e3 / fs_hz)

    def train(frequency_hz: float, pulse_width_us: float, pulses: int) -> NDArray[np.float64]:
        times = pulse_times_ms(frequency_hz, samples * 1e3 / fs_hz, lead_in_ms, pulses)
        if width is not None:
            return grid.gaussians(times, width * 1e3 / frequency_hz)
        length_ms = max(pulse_width_us * 1e-3, grid.dt_ms)
        first = grid.boxes(times, length_ms)
        return first - grid.boxes(times + length_ms, length_ms) if biphasic else first

    return _trains(conditions, train)[:, :, None] * _closed(conditions)[:, None]


def encode_widths(
    conditions: Conditions,
    samples: int,
    fs_hz: float,
    lead_in_ms: float = LEAD_IN_MS,
    *,
    compat: bool = False,
) -> NDArray[np.float64]:
    """The currents from coarse to fine, shape (trials, 5, time, contacts).

    The first four are blurred by `GAUSSIAN_WIDTHS`, the last are the pulses.

    Args:
        conditions: The trials.
        samples: Of each trial.
        fs_hz: Samples per second.
        lead_in_ms: From the first sample to the first pulse.
        compat: As published, by :func:`published_trains`.
    """
    if not compat:
        widths = (*GAUSSIAN_WIDTHS, None)
        levels = [encode(conditions, samples, fs_hz, lead_in_ms, width=one) for one in widths]
        return np.stack(levels, axis=1)

    def train(frequency_hz: float, pulse_width_us: float, pulses: int) -> NDArray[np.float64]:
        return published_trains(frequency_hz, samples, fs_hz, lead_in_ms, pulses, pulse_width_us)

    trains = _trains(conditions, train)
    return trains[..., None] * conditions.currents_ma[:, None, None]


def published_trains(
    frequency_hz: float,
    samples: int,
    fs_hz: float,
    lead_in_ms: float = LEAD_IN_MS,
    pulses: int = 1,
    pulse_width_us: float = 300.0,
) -> NDArray[np.float64]:
    """The published pulse trains of one trial from coarse to fine, shape (5, time).

    Pulses at `published_pulse_times_ms` are Gaussians, each divided by its largest sample, on a
    time axis that ends one ms before the end whatever ``fs_hz`` is. Four have the standard
    deviations of `GAUSSIAN_WIDTHS`, the last one half the pulse width. Times the amplitude and
    :func:`published_configuration` they are the published currents.

    Args:
        frequency_hz: Bursts per second.
        samples: Of the trial.
        fs_hz: Samples per second.
        lead_in_ms: Of the first pulse.
        pulses: Of each burst.
        pulse_width_us: Of each pulse.
    """
    duration_ms = samples * 1e3 / fs_hz
    time_ms = np.linspace(0, duration_ms - 1, samples)
    times = published_pulse_times_ms(
        frequency_hz, duration_ms, fs_hz, lead_in_ms, pulses, pulse_width_us
    )
    spreads = [*(part * 1e3 / frequency_hz for part in GAUSSIAN_WIDTHS), pulse_width_us / 2e3]
    return np.stack([_published_gaussians(time_ms, times, one) for one in spreads])


def published_pulse_times_ms(
    frequency_hz: float,
    duration_ms: float,
    fs_hz: float,
    lead_in_ms: float = LEAD_IN_MS,
    pulses: int = 1,
    pulse_width_us: float = 300.0,
) -> NDArray[np.float64]:
    """The pulse times of the published encoding: cut to samples, then to ms, wrapped at the end.

    There are as many bursts as fit the whole trial, the lead-in included; those that fall behind
    the last ms wrap around to its beginning, before the first pulse.

    Args:
        frequency_hz: Bursts per second.
        duration_ms: Length of the trial.
        fs_hz: Samples per second.
        lead_in_ms: Of the first pulse.
        pulses: Of each burst.
        pulse_width_us: Of each pulse.
    """
    last_ms = duration_ms - 1
    length = int(fs_hz * pulse_width_us * 1e-6) + 1
    times = []
    for burst in range(int(frequency_hz * duration_ms / 1000)):
        for pulse in range(pulses):
            start = int(burst * fs_hz / frequency_hz + pulse * fs_hz / BURST_HZ)
            centre = (2 * start + length) // (2 * fs_hz / 1000) + lead_in_ms
            times.append(centre - last_ms if centre >= last_ms else centre)
    return np.asarray(times, dtype=np.float64)


def published_configuration(
    cathodes: Sequence[int], anodes: Sequence[int], contacts: int = 17
) -> NDArray[np.float64]:
    """The configuration vector as published: a contact that is both counts as an anode.

    Such a vector does not sum to zero, so `Conditions` refuses it: multiply it by
    :func:`published_trains`.

    Args:
        cathodes: Their numbers.
        anodes: Their numbers.
        contacts: How many there are, the case among them.

    Returns:
        Shape (contacts,).
    """
    vector = np.zeros(contacts)
    vector[list(cathodes)] = -1 / len(cathodes)
    vector[list(anodes)] = 1 / len(anodes)
    return vector


@dataclass(frozen=True)
class _Grid:
    """Samples at 0, dt_ms, 2 dt_ms, ..., and means over the time of each."""

    samples: int
    dt_ms: float

    @property
    def edges_ms(self) -> NDArray[np.float64]:
        return np.arange(self.samples + 1, dtype=np.float64) * self.dt_ms

    def boxes(self, times_ms: NDArray[np.float64], length_ms: float) -> NDArray[np.float64]:
        charge = (self.edges_ms[:, None] - times_ms).clip(0, length_ms).sum(axis=1)
        return np.asarray(np.diff(charge) / self.dt_ms, dtype=np.float64)

    def gaussians(self, times_ms: NDArray[np.float64], spread_ms: float) -> NDArray[np.float64]:
        # no narrower than a sample, and centred on a sample where the pulse is
        spread = max(spread_ms, self.dt_ms / np.sqrt(2 * np.pi))
        from_centre = self.edges_ms[:, None] - self.dt_ms / 2 - times_ms
        charge = np.sqrt(2 * np.pi) * spread * ndtr(from_centre / spread).sum(axis=1)
        return np.asarray(np.diff(charge) / self.dt_ms, dtype=np.float64)


def _trains(conditions: Conditions, train: _Train) -> NDArray[np.float64]:
    """The pulse train of each trial, shape (trials, ..., time); equal ones are made once."""
    columns = (conditions.frequency_hz, conditions.pulse_width_us, conditions.pulses)
    kinds, kind = np.unique(np.stack(columns, axis=1), axis=0, return_inverse=True)
    return np.stack([train(float(f), float(width), int(n)) for f, width, n in kinds])[kind]


def _published_gaussians(
    time_ms: NDArray[np.float64], times_ms: NDArray[np.float64], spread_ms: float
) -> NDArray[np.float64]:
    bells = np.exp(-((time_ms - times_ms[:, None]) ** 2) / (2 * spread_ms**2))
    return np.asarray((bells / bells.max(axis=1, keepdims=True)).sum(axis=0))


def _closed(conditions: Conditions) -> NDArray[np.float64]:
    """The contacts' currents, freed of what rounding left in their sum."""
    currents = conditions.currents_ma
    active = currents != 0
    rest = currents.sum(axis=1, keepdims=True) / active.sum(axis=1, keepdims=True).clip(1)
    return np.asarray(currents - active * rest)
