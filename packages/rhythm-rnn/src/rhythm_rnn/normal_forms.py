"""What the flow looks like close to a fold or a Hopf point, and what that says of a rhythm.

The coefficients are those of Kuznetsov, Elements of Applied Bifurcation Theory, chapters 3 and 5.
"""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rhythm_rnn.cycles import limit_cycle
from rhythm_rnn.flows import Array, FixedPoint, SmoothFlow

__all__ = ["FoldForm", "Onset", "PeriodLaw", "fold_form", "hopf_form", "onset_at", "period_law"]

_DISTANCES = np.geomspace(1e-5, 1e-4, 5)
_RTOL = 1e-10
_SLOPE_AGREES = 0.05
_FITS_BETTER = 10.0


class FoldForm(NamedTuple):
    """`u' = alpha (cue - cue of the fold) + beta u^2`, u along the unit null vector, time in ms."""

    alpha: float
    beta: float

    @property
    def passage_ms(self) -> float:
        """Time from end to end past the fold, times the root of the cue's distance from it."""
        return float(np.pi / np.sqrt(abs(self.alpha * self.beta)))


class PeriodLaw(NamedTuple):
    """`T = slope_ms / sqrt(d) + offset_ms`; rms misses of it and of `T = -p log(d) + q`, in ms."""

    slope_ms: float
    offset_ms: float
    misfit_ms: float
    log_misfit_ms: float


@dataclass(frozen=True)
class Onset:
    """How a rhythm begins at a fold.

    Attributes:
        cue: The cue of the fold.
        kind: "SNIC" (saddle-node on an invariant circle), or "unclear".
        law: Fitted to periods close to the fold; the logarithm would be that of a homoclinic orbit.
        passage_ms: The slope that the fold's own normal form predicts.
        distance: Distances in cue of the measured cycles, shape (cycles,).
        period_ms: Their periods.
    """

    cue: float
    kind: str
    law: PeriodLaw
    passage_ms: float
    distance: Array
    period_ms: Array


def fold_form(flow: SmoothFlow, fold: FixedPoint) -> FoldForm:
    """Coefficients of the normal form of a fold.

    Args:
        flow: The flow.
        fold: The fold point.
    """
    jacobian = flow.jacobian(fold.state, fold.cue)
    left, _, right = np.linalg.svd(jacobian)
    q, p = right[-1], left[:, -1]
    p = p / (p @ q)
    alpha = p @ flow.cue_derivative(fold.state, fold.cue)
    return FoldForm(float(alpha), float(p @ flow.higher_derivative(fold.state, q, q) / 2))


def hopf_form(flow: SmoothFlow, hopf: FixedPoint) -> complex:
    """Cubic coefficient c of `w' = i omega w + c w |w|^2` at a Hopf point, per ms.

    The state is `s + w q + conjugate`, q the eigenvector of unit length. A negative real part says
    that the cycle attracts: the Hopf point is supercritical.

    Args:
        flow: The flow.
        hopf: The Hopf point.
    """
    jacobian = flow.jacobian(hopf.state, hopf.cue)
    values, vectors = np.linalg.eig(jacobian)
    chosen = np.abs(values.real) + np.where(values.imag > 0, 0.0, np.inf)
    omega, q = values[chosen.argmin()].imag, vectors[:, chosen.argmin()]
    values, vectors = np.linalg.eig(jacobian.T)
    p = vectors[:, np.abs(values + 1j * omega).argmin()]
    p = p / np.vdot(q, p)

    def bend(*directions: NDArray[Any]) -> NDArray[Any]:
        return flow.higher_derivative(hopf.state, *directions)

    mean = np.linalg.solve(jacobian, bend(q, q.conj()))
    double = np.linalg.solve(2j * omega * np.eye(len(q)) - jacobian, bend(q, q))
    cubic = bend(q, q, q.conj()) - 2 * bend(q, mean) + bend(q.conj(), double)
    return complex(np.vdot(p, cubic) / 2)


def period_law(distance: ArrayLike, period_ms: ArrayLike) -> PeriodLaw:
    """Fit periods by the law of a passage past a fold, and by a logarithm.

    Args:
        distance: Distance of the cue from where the rhythm begins, positive, shape (cycles,).
        period_ms: Periods there, shape (cycles,).

    Raises:
        ValueError: There are fewer than 3 cycles, or a distance is not positive.
    """
    d, periods = np.asarray(distance, dtype=np.float64), np.asarray(period_ms, dtype=np.float64)
    if d.ndim != 1 or d.shape != periods.shape or len(d) < 3 or not d.min() > 0:
        raise ValueError(
            "distance must be at least 3 positive numbers, one per period, got shapes "
            f"{d.shape} and {periods.shape}"
        )
    misfits = []
    for law in (-np.log(d), d**-0.5):
        terms = np.column_stack([law, np.ones_like(d)])
        fit = np.linalg.lstsq(terms, periods)[0]
        misfits.append(float(np.sqrt(np.mean((terms @ fit - periods) ** 2))))
    return PeriodLaw(float(fit[0]), float(fit[1]), misfits[1], misfits[0])


def onset_at(flow: SmoothFlow, fold: FixedPoint, near: ArrayLike) -> Onset | None:
    """Measure the periods close to a fold and say how the rhythm begins there.

    It is called a SNIC when the periods follow the law of a passage past a fold ten times better
    than a logarithm, and with the slope that the fold itself predicts, within 5 %.

    Args:
        flow: The flow.
        fold: Where two fixed points meet.
        near: A state (variables,) that runs to the cycle.

    Returns:
        What was measured, or None if no rhythm begins there.
    """
    form = fold_form(flow, fold)
    side = np.sign(form.alpha * form.beta)  # the side without fixed points
    distances, periods = [], []
    for distance in _DISTANCES[::-1]:
        cycle = limit_cycle(flow, float(fold.cue + side * distance), near, rtol=_RTOL)
        if cycle is not None:
            near = cycle.start
            distances.append(float(distance))
            periods.append(cycle.period_ms)
    if len(periods) < 3:
        return None
    law = period_law(distances, periods)
    agrees = abs(law.slope_ms / form.passage_ms - 1) < _SLOPE_AGREES
    better = law.misfit_ms * _FITS_BETTER < law.log_misfit_ms
    kind = "SNIC" if agrees and better else "unclear"
    return Onset(fold.cue, kind, law, form.passage_ms, np.array(distances), np.array(periods))
