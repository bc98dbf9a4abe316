"""What a search maximises, from the responses of the muscles.

Objectives are plain arithmetic along the last axis: they take numpy arrays and, for gradients,
torch tensors.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from spinal_rnn.muscles import MUSCLES, muscle_index
from spinal_rnn.selectivity import Array, difference, group, share

__all__ = ["OBJECTIVES", "Match", "Objective", "Selectivity", "lower_bound", "parse_target"]

OBJECTIVES = ("difference", "share")
"""The selectivity indices that a search may maximise."""


class Objective(Protocol):
    """A score of responses; higher is better."""

    def __call__(self, response: Array) -> Array:
        """The score.

        Args:
            response: As fractions of each muscle's largest response, shape (..., muscles).

        Returns:
            Shape (...).
        """
        ...


@dataclass(frozen=True)
class Selectivity:
    """Activate the targets and nothing else; a target below the floor costs.

    Attributes:
        targets: Indices of the muscles to activate; for more than one the index is `group`'s.
        kind: "difference" or "share", see `spinal_rnn.selectivity`.
        floor: Least mean response of the targets.
        penalty: What each unit of response below the floor costs.

    Raises:
        ValueError: There is no target or no such kind, or share is asked for several targets.
    """

    targets: tuple[int, ...]
    kind: str = "difference"
    floor: float = 0.5
    penalty: float = 2.0

    def __post_init__(self) -> None:
        if not self.targets or not all(0 <= one < len(MUSCLES) for one in self.targets):
            raise ValueError(f"targets must be in 0 to {len(MUSCLES) - 1}, got {self.targets}")
        if self.kind not in OBJECTIVES:
            raise ValueError(f"kind must be one of {', '.join(OBJECTIVES)}, got {self.kind!r}")
        if self.kind == "share" and len(self.targets) > 1:
            raise ValueError(f"share has one target, got {self.targets}; use difference")

    def __call__(self, response: Array) -> Array:
        """The index less the penalty, shape (...)."""
        return self.index(response) - self.penalty * self.shortfall(response)

    def index(self, response: Array) -> Array:
        """The selectivity alone, shape (...).

        A share adds a millionth to all muscles together, so that silence has 1 / 14, not NaN.
        """
        if len(self.targets) > 1:
            return group(response, self.targets)
        if self.kind == "share":
            return share(response + 1e-6 / len(MUSCLES), self.targets[0])
        return difference(response, self.targets[0])

    def shortfall(self, response: Array) -> Array:
        """How far the targets' mean response is below the floor, at least 0, shape (...)."""
        reached = response[..., list(self.targets)].sum(-1) / len(self.targets)
        missing: Array = (self.floor - reached).clip(min=0.0)
        return missing


@dataclass(frozen=True, eq=False)
class Match:
    """Come as near to a wanted response as can be.

    Attributes:
        wanted: Fraction of each muscle, shape (14,).

    Raises:
        ValueError: It has another shape, or a number outside [0, 1].
    """

    wanted: NDArray[np.float64]

    def __post_init__(self) -> None:
        if (
            self.wanted.shape != (len(MUSCLES),)
            or not ((self.wanted >= 0) & (self.wanted <= 1)).all()
        ):
            raise ValueError(
                f"wanted must be {len(MUSCLES)} fractions in [0, 1], got {self.wanted.tolist()}"
            )

    def __call__(self, response: Array) -> Array:
        """Minus the distance, shape (...)."""
        squares = sum(
            (response[..., one] - float(wanted)) ** 2 for one, wanted in enumerate(self.wanted)
        )
        return -((squares + 1e-12) ** 0.5)


def lower_bound(scores: Array, kappa: float) -> Array:
    """Mean over the members of an ensemble minus ``kappa`` standard deviations.

    With a kappa below 0 it is an upper bound.

    Args:
        scores: Shape (members, ...).
        kappa: Standard deviations of doubt.

    Returns:
        Shape (...).
    """
    mean = scores.mean(0)
    variance = ((scores - mean) ** 2).mean(0)
    bound: Array = mean - kappa * (variance + 1e-12) ** 0.5
    return bound


def parse_target(
    text: str, kind: str = "difference", floor: float = 0.5, muscles: Sequence[str] = MUSCLES
) -> Selectivity | Match:
    """The objective that a user types.

    Args:
        text: A muscle ("RRF"), several ("RRF+RVLat"), or wanted fractions ("RRF=0.8,RTA=0.3"; those
            not named shall be silent).
        kind: For one muscle, see `Selectivity`.
        floor: See `Selectivity`.
        muscles: The names, in order.

    Raises:
        ValueError: A name or a number is wrong.
    """
    if "=" not in text:
        names = [name.strip() for name in text.split("+")]
        return Selectivity(tuple(muscle_index(name, muscles) for name in names), kind, floor)
    wanted = np.zeros(len(muscles))
    for pair in text.split(","):
        name, _, number = pair.partition("=")
        try:
            wanted[muscle_index(name.strip(), muscles)] = float(number)
        except ValueError as error:
            raise ValueError(f"target must read like RRF=0.8,RTA=0.3, got {pair!r}: {error}") from (
                None
            )
    return Match(wanted)
