"""The reduced model fitted to a trained network: from its classes, and from its periods.

`class_mean_model` reads the three populations off a network: mean weights, inputs and biases of its
Tap-E, Tap-I and Int-I units, and an activation fitted to their mean states and rates. It leaves out
how units of a class differ, and the excitatory units between taps. Whether it keeps a beat at all
is to be seen.

`fit_tempo` asks less: whether the model can have the network's periods. It stretches and shifts the
model's own curve of period against cue; the shape of the curve is the model's.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import least_squares, minimize
from scipy.special import expit

from neuro_common.rates import RateNetwork
from rhythm_rnn.classes import CLASSES, Labels, block_weights
from rhythm_rnn.reduced import START, ReducedModel
from rhythm_rnn.task import CUE

__all__ = ["PeriodFit", "class_mean_model", "fit_tempo", "model_periods"]

Array = NDArray[np.float64]

_POPULATIONS = ("Tap-E", "Tap-I", "Int-I")  # what x, y and z stand for
_STEPS_PER_TAU = 5
_SMALLEST_SWING = 1e-4
_FEWEST_CROSSINGS = 3
_LOOKED_UP = 101  # cues of a model's own curve
_FEWEST_BEATING = 5


@dataclass(frozen=True)
class PeriodFit:
    """Periods of a fitted model beside those that it was fitted to.

    Attributes:
        model: The model.
        cues: The cues, shape (cues,).
        wanted_ms: Periods of the network, shape (cues,).
        period_ms: Periods of the model, NaN where it rests, shape (cues,).
    """

    model: ReducedModel
    cues: Array
    wanted_ms: Array
    period_ms: Array

    @property
    def misfit(self) -> float:
        """Root mean square of the log ratio of periods: 0.1 is 10 %; NaN if it rests at one."""
        return float(np.sqrt(np.mean(np.log(self.period_ms / self.wanted_ms) ** 2)))


def model_periods(
    models: Sequence[ReducedModel],
    cues: ArrayLike,
    *,
    start: ArrayLike = START,
    duration_ms: float = 4_000.0,
) -> Array:
    """Periods of many models at many cues, in one batch of fixed steps.

    Integration is by Runge and Kutta's rule of order 4 with a fifth of the shortest time constant;
    the period is the mean interval between rises of x through the middle of its range, in the
    second half. `rhythm_rnn.cycles.limit_cycle` is exact and hundreds of times slower.

    Args:
        models: The models.
        cues: Shape (cues,).
        start: State from which all begin, shape (3,).
        duration_ms: Length of the runs, ten periods or more.

    Returns:
        Shape (models, cues), NaN where the model rests or is too slow.
    """
    dt = min(float(model.tau_ms.min()) for model in models) / _STEPS_PER_TAU
    names = ("weights", "cue_weights", "bias", "tau_ms", "slope", "threshold", "gain")
    stacked = {name: np.stack([getattr(model, name) for model in models]) for name in names}
    weights = stacked.pop("weights").transpose(0, 2, 1)
    cue_weights, bias, tau, slope, threshold, gain = (v[:, None] for v in stacked.values())
    tonic = np.atleast_1d(np.asarray(cues, dtype=np.float64))[:, None] * cue_weights + bias

    def velocity(state: Array) -> Array:
        rates = gain * np.logaddexp(0.0, slope * state - threshold)
        return np.asarray((rates @ weights - state + tonic) / tau)

    state = np.broadcast_to(np.asarray(start, dtype=np.float64), tonic.shape)
    n_steps = round(duration_ms / dt)
    kept = np.empty((n_steps - n_steps // 2, *tonic.shape[:2]))
    with np.errstate(over="ignore", invalid="ignore"):
        for step in range(n_steps):
            k1 = velocity(state)
            k2 = velocity(state + dt / 2 * k1)
            k3 = velocity(state + dt / 2 * k2)
            k4 = velocity(state + dt * k3)
            state = state + dt / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
            if step >= n_steps // 2:
                kept[step - n_steps // 2] = state[..., 0]
    return np.array([[dt * _mean_interval(x) for x in row] for row in kept.transpose(1, 2, 0)])


def fit_tempo(
    model: ReducedModel,
    cues: ArrayLike,
    wanted_ms: ArrayLike,
    *,
    cue_range: tuple[float, float] = (0.0, 2.5),
) -> PeriodFit:
    """Stretch a model's time and shift and stretch its cue, so that its periods fit best.

    Least squares of log periods over three numbers; the model's own curve of period against cue is
    moved, its shape stays.

    Args:
        model: A model that keeps a beat.
        cues: Shape (cues,), at least 4.
        wanted_ms: Periods of the network there, shape (cues,).
        cue_range: Where the model's own periods are looked up.

    Raises:
        ValueError: Too few cues or a wrong shape, or the model keeps no beat in the range.
    """
    at, wanted = _checked(cues, wanted_ms)
    own_cues = np.linspace(*cue_range, _LOOKED_UP)
    (own,) = model_periods([model], own_cues)
    # not the fast end: a fit that leans on it comes to rest
    beats = np.flatnonzero(np.isfinite(own))[:-3]
    if len(beats) < _FEWEST_BEATING:
        raise ValueError(f"model must keep a beat at cues within {cue_range}, got one that rests")
    fitted = _best_tempo(model, own_cues[beats], own[beats], at, wanted)
    (found,) = model_periods([fitted], at, duration_ms=20 * float(wanted.max()))
    return PeriodFit(fitted, at, wanted, found)


def class_mean_model(network: RateNetwork, states: ArrayLike, labels: Labels) -> ReducedModel:
    """The three populations of a network, by the means of its classes.

    Args:
        network: The network.
        states: States on its rhythm, at all cues that matter, shape (samples, units).
        labels: Class of each unit, shape (units,), see `rhythm_rnn.classes`.

    Raises:
        ValueError: A class has no unit.
    """
    wanted = [CLASSES.index(name) for name in _POPULATIONS]
    for name, label in zip(_POPULATIONS, wanted, strict=True):
        if not (labels == label).any():
            raise ValueError(f"labels must have a unit of each population, got no {name}")

    def mean(values: Array) -> Array:
        return np.array([values[..., labels == label].mean(axis=-1) for label in wanted])

    def plain(name: str) -> Array:
        return np.asarray(getattr(network, name).detach().double().cpu())

    summed = block_weights(np.asarray(network.effective_weight().detach().cpu()), labels).summed
    samples = np.asarray(states, dtype=np.float64)
    rates = network.rate_of(torch.from_numpy(samples)).numpy()
    shapes = [_softplus_fit(*pair) for pair in zip(mean(samples), mean(rates), strict=True)]
    slope, threshold, gain = np.transpose(shapes)
    return ReducedModel(
        weights=summed[np.ix_(wanted, wanted)],
        cue_weights=mean(plain("input_weight")[:, CUE]),
        bias=mean(plain("bias")),
        tau_ms=mean(np.broadcast_to(plain("tau_ms"), len(labels))),
        slope=slope,
        threshold=threshold,
        gain=gain,
    )


def _best_tempo(
    model: ReducedModel, own_cues: Array, own_ms: Array, cues: Array, wanted: Array
) -> ReducedModel:
    """The model with its periods moved, by least squares of their logarithms."""
    low, width = own_cues[0], np.ptp(own_cues)
    place = (cues - cues.min()) / np.ptp(cues)
    log_wanted = np.log(wanted)

    def ends(shares: Array) -> Array:
        """Where the lowest and the highest cue come to lie, within the model's range."""
        return np.asarray(low + width * expit(shares))

    def gaps(shares: Array) -> Array:
        first, last = ends(shares)
        # the square of the frequency is nearly straight where a SNIC ends the rhythm
        squares = np.interp(first + (last - first) * place, own_cues, own_ms**-2.0)
        return np.asarray(log_wanted + np.log(squares) / 2)

    def misfit(shares: Array) -> float:
        return float(gaps(shares).std())

    side = np.linspace(-7, 3, 21)
    starts = [np.array([first, last]) for first in side for last in side if first < last]
    best = minimize(misfit, min(starts, key=misfit), method="Nelder-Mead")
    first, last = ends(best.x)
    stretch = float(np.exp(gaps(best.x).mean()))
    slope = (last - first) / np.ptp(cues)
    return replace(
        model,
        tau_ms=model.tau_ms * stretch,
        cue_weights=model.cue_weights * slope,
        bias=model.bias + model.cue_weights * (first - slope * cues.min()),
    )


def _checked(cues: ArrayLike, wanted_ms: ArrayLike) -> tuple[Array, Array]:
    at, wanted = np.asarray(cues, dtype=np.float64), np.asarray(wanted_ms, dtype=np.float64)
    if at.ndim != 1 or at.shape != wanted.shape or len(at) < 4 or not (wanted > 0).all():
        raise ValueError(
            "cues and wanted_ms must be (cues,), at least 4, with periods above 0, "
            f"got {at.tolist()} and {wanted.tolist()}"
        )
    return at, wanted


def _mean_interval(x: Array) -> float:
    """Mean interval between rises through the middle, in samples; NaN if it rests."""
    if not np.isfinite(x).all() or np.ptp(x) < _SMALLEST_SWING:
        return float("nan")
    above = x - (x.min() + x.max()) / 2
    before = np.flatnonzero((above[:-1] < 0) & (above[1:] >= 0))
    if len(before) < _FEWEST_CROSSINGS:
        return float("nan")
    times = before + above[before] / (above[before] - above[before + 1])
    return float((times[-1] - times[0]) / (len(times) - 1))


def _softplus_fit(state: Array, rate: Array) -> tuple[float, float, float]:
    """Slope, threshold and gain of the softplus that tells mean rates from mean states best."""
    size = float(np.abs(state).max())

    def curve(shape: Array) -> Array:
        far, sharp, threshold = shape
        return np.asarray(np.exp(far - sharp) * np.logaddexp(0, np.exp(sharp) * state - threshold))

    def gaps(shape: Array) -> Array:
        return curve(shape) - rate

    # far above threshold the slope is about 1, and the bend as wide as the states
    best = least_squares(
        gaps,
        (0.0, np.log(5 / size), 0.0),
        bounds=((-3, np.log(0.1 / size), -20), (3, np.log(1e3 / size), 20)),
    )
    far, sharp, threshold = best.x
    return float(np.exp(sharp)), float(threshold), float(np.exp(far - sharp))
