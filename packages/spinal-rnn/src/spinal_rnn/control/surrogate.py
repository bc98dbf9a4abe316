"""What a search asks instead of the person: a model's answer with its doubt, and its correction."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_solve, solve_triangular

from neuro_common.seeding import generator
from spinal_rnn.conditions import Conditions
from spinal_rnn.control.search_space import fields
from spinal_rnn.lead import SPECIFY_565, Lead

__all__ = ["Doubt", "Measured", "Surrogate", "condition", "matern"]

Array = NDArray[np.float64]


class Surrogate(Protocol):
    """A model whose members differ where it does not know."""

    def responses(self, conditions: Conditions) -> Array:
        """Late responses without noise as parts of each muscle's full one.

        Args:
            conditions: Any trials.

        Returns:
            Shape (members, trials, 14).
        """
        ...

    def parts(self, late_mv: Array, conditions: Conditions) -> Array:
        """Measured late responses in the same terms: without the noise's floor, as parts.

        Args:
            late_mv: Peak-to-peak, shape (trials, 14).
            conditions: The trials.

        Returns:
            Shape (trials, 14).
        """
        ...


@dataclass(frozen=True, eq=False)
class Measured:
    """Trials that were measured to check a surrogate.

    Attributes:
        conditions: The trials.
        series: Number of the series of each trial, shape (trials,); what drifts is the same within.
        responses: Late responses as parts of the full one, shape (trials, 14).

    Raises:
        ValueError: Shapes do not fit, or a number is not finite.
    """

    conditions: Conditions
    series: NDArray[np.int64]
    responses: Array

    def __post_init__(self) -> None:
        trials = len(self.conditions)
        if self.series.shape != (trials,) or self.responses.shape[:1] != (trials,):
            raise ValueError(
                f"series and responses must be of {trials} trials, got {self.series.shape} and "
                f"{self.responses.shape}"
            )
        if not np.isfinite(self.responses).all():
            raise ValueError("measured responses must be finite, got NaN or infinity")


@dataclass(frozen=True)
class Doubt:
    """How far a model and a measurement may be off, as `condition` assumes it.

    Attributes:
        model: Standard deviation of what the surrogate misses beside its members' spread, as a part
            of the full response.
        model_relative: The same that grows with the root of the response, so that silence stays.
        length: Over which a miss is shared between configurations, in the units of the currents
            smoothed over the lead.
        octaves: Over which a miss is shared between amplitudes.
        trial_cv: Variation of a muscle's response from trial to trial.
        background: Standard deviation of a response that is none.
        drift: Standard deviation of the thresholds' drift, shared by the trials of a series.
        smoothing_mm: Width of the Gaussian that smooths currents over the lead.
    """

    model: float = 0.01
    model_relative: float = 0.025
    length: float = 0.8
    octaves: float = 1.0
    trial_cv: float = 0.12
    background: float = 0.03
    drift: float = 0.07
    smoothing_mm: float = 6.0


@dataclass(frozen=True, eq=False)
class _Corrected:
    """A surrogate after some measurements, see `condition`."""

    prior: Surrogate
    doubt: Doubt
    lead: Lead
    measured: Measured
    known: Array
    fitted: Array
    factors: Array
    draws: Array

    def parts(self, late_mv: Array, conditions: Conditions) -> Array:
        return self.prior.parts(late_mv, conditions)

    def responses(self, conditions: Conditions) -> Array:
        members, known = self.prior.responses(conditions), self.known
        mean = members.mean(axis=0)
        shared = _likeness(conditions, self.measured.conditions, self.doubt, self.lead)
        corrected = np.empty((len(self.draws), *mean.shape))
        for muscle in range(mean.shape[1]):
            across, within = _covariance(members, known, shared, self.doubt, muscle)
            posterior = mean[:, muscle] + across @ self.fitted[:, muscle]
            explained = solve_triangular(self.factors[muscle], across.T, lower=True)
            spread = np.sqrt(np.maximum(within - (explained**2).sum(axis=0), 1e-12))
            corrected[..., muscle] = posterior + self.draws[:, muscle, None] * spread
        return np.maximum(corrected, 0.0)


def condition(
    surrogate: Surrogate,
    measured: Measured,
    doubt: Doubt,
    lead: Lead = SPECIFY_565,
    *,
    members: int = 24,
    seed: int = 0,
) -> Surrogate:
    """Correct a surrogate by measurements, without a new fit.

    The surrogate is the mean of a Gaussian process whose covariance is its members' spread and a
    smooth miss that all muscles have alike: a Matern kernel of the currents smoothed over the lead
    times one of the amplitude's logarithm. Noise is of three kinds: it grows with the response, is
    there in silence, and, as thresholds drift, moves a whole series along its recruitment curve.
    The posterior is exact (Rasmussen and Williams 2006, eq. 2.25); members are drawn from it with
    the same deviates at all conditions.

    Args:
        surrogate: What is believed before.
        measured: What came out.
        doubt: How far both may be off.
        lead: Where the contacts lie.
        members: How many to draw.
        seed: Of the draws.
    """
    known = surrogate.responses(measured.conditions)
    mean = known.mean(axis=0)
    shared = _likeness(measured.conditions, measured.conditions, doubt, lead)
    slope = _slope(surrogate, measured.conditions)
    together = measured.series[:, None] == measured.series[None]
    fitted = np.empty_like(mean)
    factors = np.empty((mean.shape[1], len(mean), len(mean)))
    for muscle in range(mean.shape[1]):
        covariance, _ = _covariance(known, known, shared, doubt, muscle)
        noise = (doubt.trial_cv * mean[:, muscle]) ** 2 + doubt.background**2
        drift = doubt.drift**2 * np.outer(slope[:, muscle], slope[:, muscle]) * together
        factors[muscle] = np.linalg.cholesky(covariance + drift + np.diag(noise))
        missed = measured.responses[:, muscle] - mean[:, muscle]
        fitted[:, muscle] = cho_solve((factors[muscle], True), missed)
    draws = generator(seed).standard_normal((members, mean.shape[1]))
    draws -= draws.mean(axis=0)
    draws /= draws.std(axis=0)
    return _Corrected(surrogate, doubt, lead, measured, known, fitted, factors, draws)


def matern(distance: Array) -> Array:
    """Matern kernel of smoothness 5/2 and unit length of distances of any shape."""
    scaled = np.sqrt(5) * distance
    return np.asarray((1 + scaled + scaled**2 / 3) * np.exp(-scaled))


def _likeness(one: Conditions, other: Conditions, doubt: Doubt, lead: Lead) -> Array:
    """How much of a miss two trials share, in [0, 1], shape (trials of one, trials of other)."""
    smooth = fields(lead, doubt.smoothing_mm)
    first, second = smooth(one.configuration), smooth(other.configuration)
    squared = (first**2).sum(axis=1)[:, None] + (second**2).sum(axis=1) - 2 * first @ second.T
    octaves = np.log2(one.amplitude_ma)[:, None] - np.log2(other.amplitude_ma)
    return matern(np.sqrt(np.maximum(squared, 0)) / doubt.length) * matern(
        np.abs(octaves) / doubt.octaves
    )


def _covariance(
    members: Array, known: Array, shared: Array, doubt: Doubt, muscle: int
) -> tuple[Array, Array]:
    """Prior covariance with the measured trials, and prior variance, of one muscle."""
    here, there = members[..., muscle], known[..., muscle]
    miss, missed = (
        np.sqrt(doubt.model**2 + doubt.model_relative**2 * np.clip(one.mean(axis=0), 0, None))
        for one in (here, there)
    )
    deviation, deviated = here - here.mean(axis=0), there - there.mean(axis=0)
    across = deviation.T @ deviated / len(here) + miss[:, None] * missed * shared
    return across, (deviation**2).mean(axis=0) + miss**2


def _slope(surrogate: Surrogate, conditions: Conditions, step: float = 0.05) -> Array:
    """Change of the mean response for each unit of the logarithm of the amplitude."""
    ends = [
        surrogate.responses(
            Conditions.of(
                conditions.configuration,
                conditions.amplitude_ma * np.exp(sign * step),
                conditions.frequency_hz,
                conditions.pulse_width_us,
                conditions.pulses,
            )
        ).mean(axis=0)
        for sign in (-1, 1)
    ]
    return np.asarray((ends[1] - ends[0]) / (2 * step))
