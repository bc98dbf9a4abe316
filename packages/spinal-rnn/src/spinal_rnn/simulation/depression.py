"""How a response shrinks from pulse to pulse: post-activation depression, and alternation."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Depression", "pulse_responses"]

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Depression:
    """Each pulse uses up a part of a resource, which recovers until the next one.

    Attributes:
        use: U, the part that a pulse takes from each muscle when g = 1, shape (14,).
        recovery_ms: Time constants of recovery, shape (n,).
        parts: Part of the resource that recovers with each of them, with the sum 1, shape (n,).
        slope: The part taken grows with the response R: g = min(1, slope R + floor).
        floor: g of a muscle that does not respond.
        alternation: Part of the last response that is taken off the next one, for each muscle,
            shape (14,).

    Raises:
        ValueError: A number is out of range, or the parts do not sum to 1.
    """

    use: Array
    recovery_ms: Array
    parts: Array
    slope: float = 1.5
    floor: float = 0.2
    alternation: Array | float = 0.0

    def __post_init__(self) -> None:
        if (self.use < 0).any() or (self.use > 1).any():
            raise ValueError(f"use must be in [0, 1], got {self.use.tolist()}")
        if self.recovery_ms.shape != self.parts.shape or abs(self.parts.sum() - 1) > 1e-9:
            raise ValueError(
                f"parts must be one for each of the {self.recovery_ms.size} recovery_ms, with the "
                f"sum 1, got {self.parts.tolist()}"
            )
        if (self.recovery_ms <= 0).any():
            raise ValueError(f"recovery_ms must be above 0, got {self.recovery_ms.tolist()}")

    def taken(self, response: Array) -> Array:
        """Part of the resource that a pulse takes, U g(R).

        Args:
            response: R of a single pulse, shape (..., 14).
        """
        return self.use * np.minimum(1, self.slope * response + self.floor)


def pulse_responses(response: Array, pulse_ms: Array, depression: Depression) -> Array:
    """Size of the response to each pulse of a train.

    Before each later pulse the resource, 1 at the start, becomes
    x <- 1 - (1 - x (1 - U g(R))) exp(-dt / tau).

    Args:
        response: R of a single pulse, shape (trials, 14).
        pulse_ms: Times of the pulses, rising, shape (pulses,).
        depression: The muscles'.

    Returns:
        R x, less what alternation takes, shape (trials, pulses, 14).
    """
    taken = depression.taken(response)
    resource = np.ones((*response.shape, len(depression.parts)))
    responses = np.empty((len(response), len(pulse_ms), response.shape[1]))
    last = np.zeros_like(response)
    for pulse, gap_ms in enumerate(np.diff(pulse_ms, prepend=-np.inf)):
        if pulse:
            left = resource * (1 - taken)[..., None]
            resource = 1 - (1 - left) * np.exp(-gap_ms / depression.recovery_ms)
        undamped = response * (resource @ depression.parts)
        last = np.maximum(undamped - depression.alternation * last, 0)
        responses[:, pulse] = last
    return responses
