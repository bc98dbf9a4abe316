"""How well a rhythm was suppressed, at what price, and whether the neurons are still alive.

All functions take recordings with time on the first axis, one sample per RK4 step unless said
otherwise, and numpy alone is enough. Standard deviations are about the recording's own mean
(ddof 0). Definitions follow the literature on synchrony suppression; where it uses one word for
two things, both are here under names of their own (`s_ratio`, `s_sqrt`).
"""

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rldbs_env.oscillators import Oscillators

__all__ = [
    "FLOOR_CONSTANTS",
    "PhaseMap",
    "Spectrum",
    "Stimulation",
    "active_fraction",
    "band_power",
    "finite_size_floor",
    "is_quenched",
    "mean_shift",
    "order_parameter",
    "period",
    "phase_map",
    "recovery_step",
    "s_db",
    "s_ratio",
    "s_sqrt",
    "settling_step",
    "spectrum",
    "stimulation",
    "windowed_std",
]

FLOOR_CONSTANTS = {"bvdp": 1.3, "hindmarsh_rose": 0.53}
"""std(X) * sqrt(N) of uncoupled neurons by the model's name, as measured for N = 30 to 10,000."""


def s_ratio(free: ArrayLike, controlled: ArrayLike) -> float:
    """Suppression: std of the free over std of the controlled mean field, each shape (time,).

    Infinite where only the controlled field is constant, NaN where both are; ask `is_quenched`
    whether that is a success.
    """
    before, after = _series("free", free), _series("controlled", controlled)
    if np.ptp(after) > 0:
        return float(before.std() / after.std())
    return math.inf if np.ptp(before) > 0 else math.nan


def s_sqrt(free: ArrayLike, controlled: ArrayLike) -> float:
    """Square root of `s_ratio`: the number that the published notebooks print as their score.

    Both are mean X in time, shape (time,).
    """
    return math.sqrt(s_ratio(free, controlled))


def s_db(free: ArrayLike, controlled: ArrayLike) -> float:
    """`s_ratio` in decibels, ``20 log10``.

    Both are mean X in time, shape (time,).
    """
    ratio = s_ratio(free, controlled)
    return 20 * math.log10(ratio) if ratio != 0 else -math.inf


def finite_size_floor(n_neurons: int, model: str = "bvdp") -> float:
    """Std of X that uncoupled neurons show, such as ``1.3 / sqrt(N)``.

    Feedback also damps finite-size noise, so a good controller goes below it.

    Args:
        n_neurons: Number of neurons.
        model: Name of the model; of those not in `FLOOR_CONSTANTS` the floor is unknown: NaN.

    Raises:
        ValueError: There is no neuron.
    """
    if n_neurons < 1:
        raise ValueError(f"n_neurons must be at least 1, got {n_neurons}")
    return FLOOR_CONSTANTS.get(model, math.nan) / math.sqrt(n_neurons)


def mean_shift(free: ArrayLike, controlled: ArrayLike) -> float:
    """``|mean X controlled - mean X free|``: how far stimulation moved the working point.

    Both are mean X in time, shape (time,).
    """
    return float(abs(_series("controlled", controlled).mean() - _series("free", free).mean()))


def active_fraction(neuron_x: ArrayLike, threshold: float = 0.5) -> float:
    """Fraction of neurons whose x has a std above ``threshold``.

    Args:
        neuron_x: x of single neurons, shape (time, neurons), over at least 1,000 steps (about
            six cycles; every fifth step is enough).
        threshold: In units of x; oscillating neurons have about 1.3.
    """
    return float((_matrix("neuron_x", neuron_x).std(axis=0) > threshold).mean())


def is_quenched(neuron_x: ArrayLike, threshold: float = 0.5) -> bool:
    """Whether the population is frozen: fewer than 0.9 of its neurons are active.

    A frozen population has a constant mean field and looks perfectly suppressed. Arguments as for
    `active_fraction`.

    X of neurons, shape (time, neurons).
    """
    return active_fraction(neuron_x, threshold) < 0.9


@dataclass(frozen=True)
class PhaseMap:
    """Turns the angle around the centre of a cycle into a phase that grows evenly in time.

    Attributes:
        centre: Point (x, y) around which angles are taken, shape (2,).
        angles: Angles of the isolated cycle over one turn, ascending, radians, shape (samples,).
        phases: Phase at each angle, ascending by one turn, radians, shape (samples,).
    """

    centre: NDArray[np.float64]
    angles: NDArray[np.float64]
    phases: NDArray[np.float64]

    def __call__(self, x: ArrayLike, y: ArrayLike) -> NDArray[np.float64]:
        """Phase of each point in radians, the shape of ``x``."""
        angle = np.arctan2(np.asarray(y) - self.centre[1], np.asarray(x) - self.centre[0])
        start = self.angles[0]
        phase = np.interp(start + np.mod(angle - start, 2 * np.pi), self.angles, self.phases)
        return np.asarray(phase)


def phase_map(model: Oscillators) -> PhaseMap:
    """The `PhaseMap` of an isolated neuron of this model at its mean current.

    Neurons dwell on the slow branches of their cycle, so the plain angle piles up there and even
    incoherent neurons have an order parameter of about 0.14. With this map it falls to the
    statistical floor of about ``1 / sqrt(N)``.

    Raises:
        ValueError: If the isolated neuron does not oscillate.
    """
    from rldbs_env.simulation import simulate

    alone = replace(model, coupling=0.0, noise=0.0, populations=1, network=None)
    start = np.full((len(model.variables), 1), 0.1)
    settled = simulate(alone, start, [model.mean_current], 10 * model.period_steps)
    run = simulate(alone, settled.state, [model.mean_current], 4 * model.period_steps)
    x, y = run.mean_x, run.mean_y
    if x.std() < 0.5:
        raise ValueError(
            f"a neuron at mean_current={model.mean_current} does not oscillate: it has no phase"
        )
    steps = period(x, 1.0)
    whole = round(steps)
    centre = np.array([x[:whole].mean(), y[:whole].mean()])
    angle = np.unwrap(np.arctan2(y - centre[1], x - centre[0]))
    turn = np.linspace(0.0, 1.0, 4000)
    angles = np.interp(turn * steps, np.arange(len(x)), angle)
    if angles[-1] < angles[0]:  # the cycle runs clockwise
        angles, turn = angles[::-1], -turn[::-1]
    angles[-1] = angles[0] + 2 * np.pi
    return PhaseMap(centre, angles, 2 * np.pi * turn)


def order_parameter(
    x: ArrayLike, y: ArrayLike, phases: PhaseMap | None = None
) -> NDArray[np.float64]:
    """Kuramoto order parameter R(t) in [0, 1], shape (time,).

    Args:
        x: x of single neurons, shape (time, neurons).
        y: y of single neurons, shape (time, neurons).
        phases: How to take a neuron's phase; by default the angle around the time mean of the
            mean field.

    Raises:
        ValueError: The shapes differ.
    """
    fast, slow = _matrix("x", x), _matrix("y", y)
    if fast.shape != slow.shape:
        raise ValueError(f"x and y must have one shape, got {fast.shape} and {slow.shape}")
    if phases is None:
        theta = np.arctan2(slow - slow.mean(), fast - fast.mean())
    else:
        theta = phases(fast, slow)
    return np.asarray(np.abs(np.exp(1j * theta).mean(axis=1)))


@dataclass(frozen=True)
class Stimulation:
    """What was delivered per step, in units of x, summed over electrodes and sub-steps.

    Attributes:
        charge: Mean absolute kick per step.
        net_charge: Mean kick per step.
        energy: Mean squared kick per step.
        peak: Largest absolute kick of one electrode.
        pulses_per_period: Pulses other than zero, on whichever electrodes, per cycle of the free
            rhythm.
    """

    charge: float
    net_charge: float
    energy: float
    peak: float
    pulses_per_period: float


def stimulation(kicks: ArrayLike, period_steps: float, weights: ArrayLike = (1.0,)) -> Stimulation:
    """Price of a sequence of kicks.

    Args:
        kicks: Kick of each step, shape (time,), or (time, electrodes).
        period_steps: Steps in one cycle of the free rhythm, above 0.
        weights: Shape of the pulse, which multiplies the kick, shape (sub-steps,).

    Raises:
        ValueError: The period is not above 0.
    """
    if not period_steps > 0:
        raise ValueError(f"period_steps must be above 0, got {period_steps}")
    given = np.asarray(kicks, dtype=float)
    values = _matrix("kicks", given) if given.ndim == 2 else _series("kicks", given)[:, None]
    pulse = _series("weights", weights)
    return Stimulation(
        charge=float(np.abs(pulse).sum() * np.abs(values).sum(axis=1).mean()),
        net_charge=float(pulse.sum() * values.sum(axis=1).mean()),
        energy=float((pulse**2).sum() * (values**2).sum(axis=1).mean()),
        peak=float(np.abs(pulse).max() * np.abs(values).max()),
        pulses_per_period=float((values != 0).any(axis=1).mean() * period_steps),
    )


def windowed_std(x: ArrayLike, window: int = 250) -> NDArray[np.float64]:
    """Std of the ``window`` samples from each step on, shape (time - window + 1,).

    Raises:
        ValueError: The window is not in [1, samples].
    """
    values = _series("x", x)
    if not 1 <= window <= len(values):
        raise ValueError(f"window must be in [1, {len(values)}] (samples of x), got {window}")
    return np.asarray(np.lib.stride_tricks.sliding_window_view(values, window).std(axis=1))


def settling_step(x: ArrayLike, threshold: float = 0.1, window: int = 250) -> int | None:
    """First step of control from which ``window`` samples have a std below ``threshold``.

    None if there is none.

    Mean X from the start of control on, shape (time,).
    """
    below = np.flatnonzero(windowed_std(x, window) < threshold)
    return int(below[0]) if below.size else None


def recovery_step(x: ArrayLike, free_std: float, window: int = 250) -> int | None:
    """First step after switch-off from which ``window`` samples exceed half of ``free_std``.

    None if there is none.

    Mean X from switch-off on, shape (time,).

    Raises:
        ValueError: ``free_std`` is not above 0.
    """
    if not free_std > 0:
        raise ValueError(f"free_std must be above 0, got {free_std}")
    above = np.flatnonzero(windowed_std(x, window) > free_std / 2)
    return int(above[0]) if above.size else None


def period(x: ArrayLike, dt: float) -> float:
    """Mean cycle length of an oscillation, in the units of ``dt``.

    Upward crossings of the mean are located by linear interpolation; a crossing counts once the
    signal has been half a standard deviation below the mean.

    Of a signal (time,).

    Raises:
        ValueError: If the signal is constant up to rounding, or has fewer than two full cycles.
    """
    values = _series("x", x)
    centred = values - values.mean()
    if np.ptp(values) <= 1e-9 * np.abs(values).max():
        raise ValueError("x must oscillate to have a period, got a constant signal")
    crossings: list[float] = []
    for i in np.flatnonzero((centred[1:] >= 0) & (centred[:-1] < 0)):
        since = int(crossings[-1]) + 1 if crossings else 0
        if centred[since : i + 1].min() < -0.5 * centred.std():
            crossings.append(i + centred[i] / (centred[i] - centred[i + 1]))
    if len(crossings) < 3:
        raise ValueError(
            f"x must hold at least two full cycles to have a period, got {len(crossings)} "
            "upward crossings of its mean"
        )
    return float((crossings[-1] - crossings[0]) / (len(crossings) - 1) * dt)


@dataclass(frozen=True)
class Spectrum:
    """Welch estimate of a power spectral density.

    Attributes:
        frequencies: Cycles per time unit, shape (bins,).
        density: Signal units squared per (cycle per time unit), shape (bins,).
    """

    frequencies: NDArray[np.float64]
    density: NDArray[np.float64]

    @property
    def peak(self) -> float:
        """Frequency of the highest bin above zero, cycles per time unit."""
        return float(self.frequencies[1:][np.argmax(self.density[1:])])


def spectrum(x: ArrayLike, dt: float, segment: int = 4096) -> Spectrum:
    """Power spectral density of a signal, shape (time,).

    Welch's method: Hann windows of ``segment`` samples, half overlapping, each without its mean,
    one-sided density.

    Args:
        x: The signal.
        dt: Time between samples; its unit is the unit of the result. To read a dimensionless
            rhythm in hertz pass seconds: ``dt=0.2 * 50e-3 / 32.4`` makes 32.4 time units 50 ms.
        segment: Samples per window; shortened to the signal.

    Raises:
        ValueError: ``dt`` is not above 0, or there are fewer than 8 samples.
    """
    values = _series("x", x)
    if not dt > 0:
        raise ValueError(f"dt must be above 0, got {dt}")
    if segment < 8 or len(values) < 8:
        raise ValueError(f"segment and x need at least 8 samples, got {segment}, {len(values)}")
    size = min(segment, len(values))
    taper = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(size) / size)
    parts = np.lib.stride_tricks.sliding_window_view(values, size)[:: size - size // 2]
    parts = (parts - parts.mean(axis=1, keepdims=True)) * taper
    power = np.abs(np.fft.rfft(parts, axis=1)) ** 2
    density = power.mean(axis=0) * dt / (taper**2).sum()
    density[1 : None if size % 2 else -1] *= 2
    return Spectrum(np.asarray(np.fft.rfftfreq(size, dt), float), density)


def band_power(estimate: Spectrum, low: float, high: float) -> float:
    """Power between two frequencies (included), in signal units squared.

    Raises:
        ValueError: The band is empty or reaches beyond the spectrum.
    """
    if not 0 <= low < high <= estimate.frequencies[-1]:
        raise ValueError(
            f"a band needs 0 <= low < high <= {estimate.frequencies[-1]:g} (the last bin), "
            f"got low={low}, high={high}"
        )
    inside = (estimate.frequencies >= low) & (estimate.frequencies <= high)
    return float(estimate.density[inside].sum() * estimate.frequencies[1])


def _series(name: str, values: ArrayLike) -> NDArray[np.float64]:
    return _finite(name, np.asarray(values, dtype=float), 1, "(time,)")


def _matrix(name: str, values: ArrayLike) -> NDArray[np.float64]:
    return _finite(name, np.asarray(values, dtype=float), 2, "(time, neurons)")


def _finite(name: str, array: NDArray[np.float64], ndim: int, shape: str) -> NDArray[np.float64]:
    if array.ndim != ndim or not array.size:
        raise ValueError(f"{name} must have shape {shape} and be non-empty, got {array.shape}")
    if not np.isfinite(array).all():
        raise ValueError(f"{name} must be finite, got NaN or infinity")
    return array
