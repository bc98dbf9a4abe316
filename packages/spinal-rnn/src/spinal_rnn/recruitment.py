"""Recruitment curves: how a response rises with the amplitude, fitted with intervals."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import isotonic_regression

from neuro_common.seeding import generator
from spinal_rnn.conditions import Conditions, configuration_name
from spinal_rnn.muscles import MUSCLES

__all__ = ["LEAST_AMPLITUDES", "Curves", "RecruitmentFit", "fit_recruitment", "recruitment_table"]

LEAST_AMPLITUDES = 5
"""A curve has four numbers; one amplitude more leaves something to judge it by."""

_STARTS = [(half, exponent) for half in (0.25, 0.5, 0.8) for exponent in (2.0, 6.0)]
_LOW = np.log([1e-4, 0.02, 0.5, 1.0])
_HIGH = np.log([30.0, 4.0, 30.0, 1.0])
_STEPS = 60
_TESTED = ("threshold_ma", "slope", "plateau", "half_ma", "exponent")


@dataclass(frozen=True, eq=False)
class Curves:
    """Hill functions: floor + plateau A^n / (A^n + half^n).

    Attributes:
        plateau: Rise from the floor to the end, in the unit of the response, shape (curves,).
        half_ma: Amplitude of half the rise, shape (curves,).
        exponent: How steep, shape (curves,).
        floor: Response without stimulation: noise, shape (curves,).
    """

    plateau: NDArray[np.float64]
    half_ma: NDArray[np.float64]
    exponent: NDArray[np.float64]
    floor: NDArray[np.float64]

    def __call__(self, amplitude_ma: ArrayLike) -> NDArray[np.float64]:
        """The response at some amplitudes, shape (amplitudes, curves)."""
        amplitudes = np.asarray(amplitude_ma, dtype=np.float64)[:, None]
        with np.errstate(divide="ignore"):
            odds = self.exponent * (np.log(amplitudes) - np.log(self.half_ma))
        return self.floor + self.plateau * _logistic(odds)

    @property
    def threshold_ma(self) -> NDArray[np.float64]:
        """Amplitude of a tenth of the rise, shape (curves,)."""
        return np.asarray(self.half_ma * 9 ** (-1 / self.exponent))

    @property
    def slope(self) -> NDArray[np.float64]:
        """Rise for each mA at half the rise, shape (curves,)."""
        return np.asarray(self.plateau * self.exponent / (4 * self.half_ma))


@dataclass(frozen=True, eq=False)
class RecruitmentFit:
    """Curves with what is known of them.

    Attributes:
        curves: The fitted ones.
        low: Lower limits of "threshold_ma", "slope", "plateau", "half_ma", "exponent", each of
            shape (curves,).
        high: Upper limits, likewise.
        explained: Part of the variance that each curve explains, shape (curves,).
        falling: Part of the variance that no rising curve explains, shape (curves,); a large one
            says that the response falls, or is noise.
        responds: Whether the rise is more than three times the scatter, shape (curves,); where it
            is not, threshold and slope mean nothing.
    """

    curves: Curves
    low: Mapping[str, NDArray[np.float64]]
    high: Mapping[str, NDArray[np.float64]]
    explained: NDArray[np.float64]
    falling: NDArray[np.float64]
    responds: NDArray[np.bool_]


def fit_recruitment(
    amplitude_ma: ArrayLike,
    response: ArrayLike,
    *,
    n_resamples: int = 200,
    confidence: float = 0.9,
    seed: int = 0,
) -> RecruitmentFit:
    """Fit one curve to each column by least squares, with intervals of resampled residuals.

    Levenberg and Marquardt's method takes all curves, starts and resamples at once. The resampling
    is a wild bootstrap: a residual stays with its trial and changes its sign alone, since noise
    grows with the response, and is enlarged by what its trial pulled the curve (HC3: MacKinnon and
    White 1985). Of the fewest amplitudes, 5, intervals of the threshold still hold the truth nearly
    as often as asked for, those of the slope only two times in three.

    Args:
        amplitude_ma: Above 0, in any order, repeats allowed, shape (trials,).
        response: Shape (trials, curves), such as the muscles.
        n_resamples: Resamples.
        confidence: Coverage of the intervals, in (0, 1).
        seed: Of the resampling.

    Raises:
        ValueError: There are too few amplitudes, a number is not finite, or shapes do not fit.
    """
    amplitudes = np.asarray(amplitude_ma, dtype=np.float64)
    values = np.asarray(response, dtype=np.float64)
    _check(amplitudes, values, n_resamples, confidence)
    unit_ma = amplitudes.max()
    unit = np.maximum(np.abs(values).max(axis=0), np.finfo(float).tiny)
    scaled, x = (values / unit).T, np.log(amplitudes / unit_ma)
    theta = _best_of_starts(x, scaled)
    fitted = _hill(theta, x)
    residual = scaled - fitted
    trials = len(amplitudes)
    enlarged = residual / (1 - _leverage(theta, x))
    signs = generator(seed).choice((-1.0, 1.0), size=(n_resamples, trials))
    resampled = fitted[:, None] + enlarged[:, None] * signs
    flat = resampled.reshape(-1, trials)
    again = _fit(np.repeat(theta, n_resamples, axis=0), x, flat)
    curves = _curves(theta, unit, unit_ma)
    boots = _curves(again, np.repeat(unit, n_resamples), unit_ma)
    tail = (1 - confidence) / 2
    ends = {
        name: np.quantile(getattr(boots, name).reshape(-1, n_resamples), [tail, 1 - tail], axis=1)
        for name in _TESTED
    }
    variance = np.maximum(((scaled.T - scaled.mean(axis=1)) ** 2).sum(axis=0), 1e-300)
    # residuals of a fit are smaller than the noise by the numbers that were fitted
    scatter = residual.std(axis=1) * np.sqrt(trials / (trials - theta.shape[1]))
    rising = np.stack([_isotonic(amplitudes, one) for one in scaled])
    return RecruitmentFit(
        curves,
        {name: pair[0] for name, pair in ends.items()},
        {name: pair[1] for name, pair in ends.items()},
        1 - (residual**2).sum(axis=1) / variance,
        ((scaled - rising) ** 2).sum(axis=1) / variance,
        np.ptp(fitted, axis=1) > 3 * scatter + 1e-9,
    )


def recruitment_table(
    conditions: Conditions,
    response: ArrayLike,
    *,
    n_resamples: int = 200,
    confidence: float = 0.9,
    seed: int = 0,
) -> dict[str, list[Any]]:
    """Fit each configuration, frequency and kind of pulse, one row for each muscle.

    Args:
        conditions: The trials.
        response: Shape (trials, 14).
        n_resamples: As for `fit_recruitment`.
        confidence: As for `fit_recruitment`.
        seed: As for `fit_recruitment`.

    Returns:
        Columns of a table; series of fewer than `LEAST_AMPLITUDES` amplitudes are left out, and
        muscles that do not respond have NaN for threshold and slope.
    """
    values = np.asarray(response, dtype=np.float64)
    kinds = (conditions.frequency_hz, conditions.pulse_width_us, conditions.pulses)
    keys = np.stack([conditions.groups(), *kinds], axis=1)
    rows: list[dict[str, Any]] = []
    for key in np.unique(keys, axis=0):
        (trials,) = np.nonzero((keys == key).all(axis=1) & (conditions.amplitude_ma > 0))
        amplitudes = conditions.amplitude_ma[trials]
        if len(np.unique(amplitudes)) < LEAST_AMPLITUDES:
            continue
        fit = fit_recruitment(
            amplitudes, values[trials], n_resamples=n_resamples, confidence=confidence, seed=seed
        )
        name = configuration_name(conditions.configuration[trials[0]])
        for number, muscle in enumerate(MUSCLES):
            row = {
                "configuration": name,
                "frequency_hz": key[1],
                "pulse_width_us": key[2],
                "pulses": int(key[3]),
                "muscle": muscle,
                "responds": bool(fit.responds[number]),
                "explained": fit.explained[number],
                "falling": fit.falling[number],
            }
            for quantity in ("threshold_ma", "slope", "plateau"):
                known = fit.responds[number] or quantity == "plateau"
                ends = (getattr(fit.curves, quantity), fit.low[quantity], fit.high[quantity])
                for end, numbers in zip(("", "_low", "_high"), ends, strict=True):
                    row[quantity + end] = float(numbers[number]) if known else np.nan
            rows.append(row)
    return {name: [row[name] for row in rows] for name in rows[0]} if rows else {}


def _check(
    amplitudes: NDArray[np.float64],
    values: NDArray[np.float64],
    n_resamples: int,
    confidence: float,
) -> None:
    if values.ndim != 2 or amplitudes.shape != values.shape[:1]:
        raise ValueError(
            f"response must be (trials, curves) with one amplitude a trial, got {values.shape} for "
            f"{amplitudes.shape}"
        )
    if not (np.isfinite(values).all() and np.isfinite(amplitudes).all()):
        raise ValueError("amplitudes and responses must be finite: leave out trials without one")
    if (amplitudes <= 0).any():
        raise ValueError(f"amplitude_ma must be above 0, got {amplitudes.min():g}")
    if (n := len(np.unique(amplitudes))) < LEAST_AMPLITUDES:
        raise ValueError(
            f"a recruitment curve needs at least {LEAST_AMPLITUDES} amplitudes, got {n}: measure "
            "more of them"
        )
    if n_resamples < 1 or not 0 < confidence < 1:
        raise ValueError(
            f"n_resamples must be at least 1 and confidence in (0, 1), got {n_resamples}, "
            f"{confidence}"
        )


def _logistic(odds: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(1 / (1 + np.exp(-np.clip(odds, -500, 500))))


def _hill(theta: NDArray[np.float64], x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Curves (curves, trials) of logarithms of plateau, half and exponent, and the floor."""
    plateau, half, exponent = theta[:, :3].T[..., None]
    return np.asarray(theta[:, 3:] + np.exp(plateau) * _logistic(np.exp(exponent) * (x - half)))


def _jacobian(theta: NDArray[np.float64], x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Derivatives (curves, trials, 4)."""
    plateau, half, exponent = theta[:, :3].T[..., None]
    odds = np.exp(exponent) * (x - half)
    part = _logistic(odds)
    steep = np.exp(plateau) * part * (1 - part)
    ones = np.ones_like(part)
    return np.stack([np.exp(plateau) * part, -steep * np.exp(exponent), steep * odds, ones], -1)


def _leverage(theta: NDArray[np.float64], x: NDArray[np.float64]) -> NDArray[np.float64]:
    """How much each trial pulls its own fitted value, in [0, 0.95], shape (curves, trials)."""
    slopes = _jacobian(theta, x)
    normal = np.einsum("cti,ctj->cij", slopes, slopes) + 1e-9 * np.eye(4)
    pulled = np.linalg.solve(normal, slopes.transpose(0, 2, 1))
    return np.asarray(np.einsum("cti,cit->ct", slopes, pulled).clip(0, 0.95))


def _fit(
    theta: NDArray[np.float64], x: NDArray[np.float64], y: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Levenberg-Marquardt on many curves at once; a step that makes one worse is not taken."""
    theta, damping = theta.copy(), np.full(len(theta), 1e-2)
    cost = ((y - _hill(theta, x)) ** 2).sum(axis=1)
    for _ in range(_STEPS):
        slopes = _jacobian(theta, x)
        normal = np.einsum("cti,ctj->cij", slopes, slopes)
        pull = np.einsum("cti,ct->ci", slopes, y - _hill(theta, x))
        diagonal = np.einsum("cii->ci", normal) + 1e-9
        normal = normal + (damping[:, None] * diagonal)[:, :, None] * np.eye(4)
        step = np.linalg.solve(normal, pull[..., None])[..., 0]
        tried = theta + np.clip(step, -1, 1)
        tried[:, :3] = np.clip(tried[:, :3], _LOW[:3], _HIGH[:3])
        new = ((y - _hill(tried, x)) ** 2).sum(axis=1)
        better = new < cost
        theta[better], cost[better] = tried[better], new[better]
        damping = np.where(better, damping / 4, damping * 4).clip(1e-9, 1e9)
    return theta


def _best_of_starts(x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.float64]:
    low = y.min(axis=1)
    rise = np.log(np.clip(np.ptp(y, axis=1), 1e-3, None))
    starts = [
        np.column_stack([rise, *np.log([np.full(len(y), one) for one in start]), low])
        for start in _STARTS
    ]
    ends = [_fit(start, x, y) for start in starts]
    costs = [((y - _hill(end, x)) ** 2).sum(axis=1) for end in ends]
    best = np.argmin(costs, axis=0)
    return np.asarray(np.stack(ends)[best, np.arange(len(y))])


def _curves(theta: NDArray[np.float64], unit: NDArray[np.float64], unit_ma: float) -> Curves:
    plateau, half, exponent = np.exp(theta[:, :3]).T
    return Curves(plateau * unit, half * unit_ma, exponent, theta[:, 3] * unit)


def _isotonic(amplitudes: NDArray[np.float64], values: NDArray[np.float64]) -> NDArray[np.float64]:
    """The nearest values that rise with the amplitude, one for each trial."""
    _, level, count = np.unique(amplitudes, return_inverse=True, return_counts=True)
    means = np.bincount(level, values) / count
    rising = isotonic_regression(means, weights=count)
    return np.asarray(rising.x, dtype=np.float64)[level]
