"""Configurations with the amplitude, frequency and pulse width that suit them best, ranked."""

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from spinal_rnn.conditions import Conditions, configuration_name
from spinal_rnn.control.limits import Limits, Proposal
from spinal_rnn.control.objectives import Objective, lower_bound
from spinal_rnn.control.surrogate import Surrogate

__all__ = ["Candidates", "evaluate", "join"]

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Candidates:
    """What a search found, the most promising first.

    Attributes:
        vectors: Configurations, shape (candidates, contacts).
        amplitude_ma: The best for each, shape (candidates,).
        frequency_hz: Likewise.
        pulse_width_us: Likewise.
        bound: Lower bound of the score, by which they are ranked, shape (candidates,).
        mean: Of the score over members, shape (candidates,).
        deviation: Of the score over members, shape (candidates,).
        tried: Place of each in the order in which the search tried them, shape (candidates,).
    """

    vectors: Array
    amplitude_ma: Array
    frequency_hz: Array
    pulse_width_us: Array
    bound: Array
    mean: Array
    deviation: Array
    tried: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.vectors)

    @property
    def names(self) -> list[str]:
        """What the configurations are called."""
        return [configuration_name(one) for one in self.vectors]

    @property
    def conditions(self) -> Conditions:
        """One trial of each."""
        return Conditions.of(
            self.vectors, self.amplitude_ma, self.frequency_hz, self.pulse_width_us
        )

    def take(self, chosen: Sequence[int] | NDArray[np.int64]) -> "Candidates":
        """Some of them, in the order asked for.

        Args:
            chosen: Their places, shape (candidates,).
        """
        places = np.asarray(chosen, dtype=np.int64)
        return Candidates(*(getattr(self, one.name)[places] for one in fields(self)))

    def first(self, count: int) -> "Candidates":
        """The most promising.

        Args:
            count: How many, if there are so many.
        """
        return self.take(np.arange(min(count, len(self))))

    @property
    def course(self) -> Array:
        """The bounds in the order in which the search tried them, shape (candidates,)."""
        return self.bound[np.argsort(self.tried, kind="stable")]

    def proposal(self, place: int, limits: Limits, trials: int = 10, span: float = 0.4) -> Proposal:
        """A series of amplitudes around the best one of a candidate.

        Args:
            place: Which candidate.
            limits: What is allowed.
            trials: Most trials of the series.
            span: How far the series reaches to both sides, as a part of the best amplitude.
        """
        best = self.amplitude_ma[place]
        ceiling = float(limits.ceiling_ma(self.vectors[place], self.pulse_width_us[place]))
        series = np.linspace((1 - span) * best, min((1 + span) * best, ceiling), trials)
        return limits.admit(
            self.vectors[place], series, self.frequency_hz[place], self.pulse_width_us[place]
        )


def evaluate(
    surrogate: Surrogate,
    objective: Objective,
    vectors: Array,
    limits: Limits,
    *,
    kappa: float = 0.0,
    amplitudes: int = 25,
) -> Candidates:
    """Find what suits each configuration best, and rank them.

    Args:
        surrogate: What answers.
        objective: What to maximise.
        vectors: Configurations, shape (configurations, contacts); they are projected into the
            limits.
        limits: What is allowed.
        kappa: Standard deviations of doubt that a score loses, see `lower_bound`; below 0 doubt is
            a hope.
        amplitudes: How many of each are tried, evenly up to the ceiling.

    Returns:
        One candidate for each configuration.

    Raises:
        ValueError: There is no configuration, or one has no amplitude within the limits.
    """
    if not len(vectors):
        raise ValueError("there must be at least one configuration to evaluate, got none")
    projected = np.stack([limits.project(one) for one in vectors])
    frequency_hz, width_us = (
        one.ravel() for one in np.meshgrid(limits.frequencies_hz, limits.pulse_widths_us)
    )
    ceiling = np.stack([limits.ceiling_ma(projected, one) for one in width_us], axis=1)
    if (ceiling < limits.step_ma / 2).any():
        raise ValueError(
            f"a configuration has no amplitude of a whole {limits.step_ma:g} mA within the limits; "
            "use shorter pulses or smaller steps"
        )
    parts = np.arange(1, amplitudes + 1) / amplitudes
    steps = np.maximum(np.rint(ceiling[..., None] * parts / limits.step_ma), 1)
    shape = steps.shape  # configurations, settings, amplitudes
    conditions = Conditions.of(
        np.repeat(projected, shape[1] * shape[2], axis=0),
        (steps * limits.step_ma).ravel(),
        np.broadcast_to(frequency_hz[:, None], shape).ravel(),
        np.broadcast_to(width_us[:, None], shape).ravel(),
    )
    scores = objective(surrogate.responses(conditions))
    bound = lower_bound(scores, kappa).reshape(shape[0], -1)
    best = bound.argmax(axis=1) + np.arange(shape[0]) * bound.shape[1]
    chosen = best[np.argsort(-bound.ravel()[best], kind="stable")]
    return Candidates(
        conditions.configuration[chosen],
        conditions.amplitude_ma[chosen],
        conditions.frequency_hz[chosen],
        conditions.pulse_width_us[chosen],
        bound.ravel()[chosen],
        scores.mean(axis=0)[chosen],
        scores.std(axis=0)[chosen],
        chosen // (shape[1] * shape[2]),
    )


def join(parts: Sequence[Candidates]) -> Candidates:
    """Several rankings as one, each configuration once.

    Args:
        parts: At least one.
    """
    columns = [
        np.concatenate([getattr(one, column.name) for one in parts])
        for column in fields(Candidates)
    ]
    together = Candidates(*columns)
    order = np.argsort(-together.bound, kind="stable")
    first = np.unique(together.vectors[order].round(6), axis=0, return_index=True)[1]
    return together.take(order[np.sort(first)])
