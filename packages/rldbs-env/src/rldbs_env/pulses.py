"""Pulse shapes: how an action is spread over the sub-steps of one environment step.

A pulse is one weight per sub-step (one RK4 step of the model). The kick before sub-step ``j`` is
``weight[j] * action``, so charges are in units of x per unit of action, and all lengths here are
in sub-steps.

Charge balance: the weights of `biphasic` and `asymmetric` pulses sum to zero within 2e-16. The
kernel multiplies in float64 and then casts to the type of the simulation. In float64 the kicks of
a pulse sum to zero within 1e-15 of its charge; in float32 each kick rounds by up to 2^-24 of its
size, so that up to 6e-8 of the charge may stay, whose sign changes with the action. Shapes whose
weights are zeros and powers of two, such as the default `biphasic`, stay exact in both.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Pulse", "asymmetric", "biphasic", "delta", "rectangular"]

_BALANCED = 1e-12


@dataclass(frozen=True)
class Pulse:
    """A pulse shape.

    Attributes:
        weights: Kick before each sub-step per unit of action, each in [-1, 1], one not zero.
        name: What figures and reports call it.

    Raises:
        ValueError: A weight is not in [-1, 1], or all are 0.
    """

    weights: tuple[float, ...]
    name: str = "pulse"

    def __post_init__(self) -> None:
        weights = tuple(float(weight) for weight in self.weights)
        object.__setattr__(self, "weights", weights)
        if not weights or not all(abs(weight) <= 1 for weight in weights):  # false for NaN as well
            raise ValueError(
                f"weights must hold at least one number, each in [-1, 1], got {weights}"
            )
        if not any(weights):
            raise ValueError(f"weights must hold one that is not 0, got {weights}")

    @property
    def net_charge(self) -> float:
        """Sum of the weights: what stays in the tissue per unit of action."""
        return math.fsum(self.weights)

    @property
    def charge(self) -> float:
        """Sum of the absolute weights: what is delivered, and paid for, per unit of action."""
        return math.fsum(abs(weight) for weight in self.weights)

    @property
    def energy(self) -> float:
        """Sum of the squared weights, per squared unit of action."""
        return math.fsum(weight * weight for weight in self.weights)

    @property
    def balanced(self) -> bool:
        """Whether the net charge is zero, within 1e-12."""
        return abs(self.net_charge) < _BALANCED


def delta() -> Pulse:
    """The whole action as one instantaneous kick, in environment steps of one sub-step."""
    return Pulse((1.0,), "delta")


def rectangular(width: int) -> Pulse:
    """A constant current over ``width`` sub-steps with the charge of a delta kick.

    Raises:
        ValueError: If ``width`` is no whole number of at least 1.
    """
    _check_counts(1, width=width)
    return Pulse((1 / width,) * int(width), "rectangular")


def biphasic(first: int = 1, gap: int = 0, second: int = 2, period: int = 5) -> Pulse:
    """A rectangular phase, a gap, and a rectangular phase of opposite sign and the same charge.

    The first phase has weight 1 and the second ``-first / second``. Where that would exceed a full
    kick (``first > second``), both are divided by it: the stronger phase is the full kick. The
    default is the published charge-balanced stimulus, (1, -1/2, -1/2, 0, 0).

    Args:
        first: Length of the first phase, at least 1.
        gap: Rest between the phases, at least 0.
        second: Length of the second phase, at least 1.
        period: Length of the whole pulse; after the second phase there is rest.

    Raises:
        ValueError: If a length is no whole number or too small, or the phases exceed the period.
    """
    _check_counts(1, first=first, second=second, period=period)
    _check_counts(0, gap=gap)
    if first + gap + second > period:
        raise ValueError(
            "a pulse must fit into its period, first + gap + second <= period, got "
            f"{first} + {gap} + {second} > {period}: take a longer period"
        )
    recharge = np.zeros(period - first - gap)
    recharge[:second] = 1.0
    return Pulse(_balance(first, gap, recharge), "biphasic")


def asymmetric(first: int = 1, gap: int = 0, tau: float = 2.0, period: int = 10) -> Pulse:
    """A rectangular phase, a gap, and a passive recharge that decays until the period is over.

    The first phase has weight 1; the recharge is proportional to ``-exp(-t / tau)`` and carries
    the same charge. Where it would begin with more than a full kick, both are divided by that.

    Args:
        first: Length of the first phase, at least 1.
        gap: Rest before the recharge, at least 0.
        tau: Time constant of the recharge, above 0.
        period: Length of the whole pulse, above ``first + gap``.

    Raises:
        ValueError: If a length is no whole number or too small, ``tau`` is not above 0, or the
            period leaves no room for the recharge.
    """
    _check_counts(1, first=first, period=period)
    _check_counts(0, gap=gap)
    if not (math.isfinite(tau) and tau > 0):
        raise ValueError(f"tau must be finite and above 0 (sub-steps), got {tau}")
    if first + gap >= period:
        raise ValueError(
            "a recharge needs room, first + gap < period, got "
            f"{first} + {gap} >= {period}: take a longer period"
        )
    steps = range(period - first - gap)
    recharge = np.array([math.exp(-step / tau) for step in steps])
    return Pulse(_balance(first, gap, recharge), "asymmetric")


def _balance(first: int, gap: int, recharge: NDArray[np.float64]) -> tuple[float, ...]:
    """Weights of a phase of ones and a recharge of this shape, with net charge 0 and peak 1."""
    recharge = recharge * (first / math.fsum(recharge))
    weights = np.concatenate([np.ones(first), np.zeros(gap), -recharge])
    peak = float(recharge.max())
    weights /= max(peak, 1.0)
    # What rounding left is taken from the weaker phase, where it cannot exceed a full kick.
    corrected = first - 1 if peak > 1 else first + gap
    weights[corrected] = np.clip(weights[corrected] - math.fsum(weights), -1.0, 1.0)
    return tuple((weights + 0.0).tolist())  # no negative zeros


def _check_counts(least: int, **counts: object) -> None:
    for name, value in counts.items():
        if not isinstance(value, int | np.integer) or value < least:
            raise ValueError(
                f"{name} must be a whole number of at least {least} (sub-steps), got {value!r}"
            )
