"""Which trials a mapping session consists of."""

from dataclasses import dataclass
from math import comb

import numpy as np
from numpy.typing import NDArray

from spinal_rnn.conditions import Conditions, configuration
from spinal_rnn.lead import SPECIFY_565, Lead

__all__ = ["Protocol"]


@dataclass(frozen=True)
class Protocol:
    """A plan of a mapping session; `draw` chooses what it leaves open.

    Attributes:
        monopolar: Configurations of one cathode against the case, each another cathode; on a lead
            of fewer contacts, as many as it has.
        multipolar: Configurations of one cathode and one to three anodes near it; at most half of
            those that the lead has.
        anodes_within_mm: How near.
        frequencies_hz: What there is to choose from.
        frequencies_each: How many of them each configuration is tested at.
        amplitudes_ma: Of each series.
        missing: Part of all conditions that is not measured.
        repeated: Part of the measured conditions that is measured three times.
        repeats: How often those are measured.

    Raises:
        ValueError: A number is out of range.
    """

    monopolar: int = 16
    multipolar: int = 34
    anodes_within_mm: float = 13.0
    frequencies_hz: tuple[float, ...] = (20.0, 40.0, 60.0, 80.0)
    frequencies_each: int = 2
    amplitudes_ma: tuple[float, ...] = tuple(0.5 * step for step in range(1, 11))
    missing: float = 0.25
    repeated: float = 0.10
    repeats: int = 3

    def __post_init__(self) -> None:
        if not 1 <= self.frequencies_each <= len(self.frequencies_hz):
            raise ValueError(
                f"frequencies_each must be in 1 to the {len(self.frequencies_hz)} of "
                f"frequencies_hz, got {self.frequencies_each}"
            )
        if not (0 <= self.missing < 1 and 0 <= self.repeated <= 1 and self.repeats >= 1):
            raise ValueError(
                "missing must be in [0, 1), repeated in [0, 1] and repeats at least 1, got "
                f"{self.missing}, {self.repeated} and {self.repeats}"
            )

    def draw(self, rng: np.random.Generator, lead: Lead = SPECIFY_565) -> Conditions:
        """The trials of one session, in the random order in which they are measured.

        Args:
            rng: Chooses configurations, frequencies, the missing and the repeated conditions, and
                the order.
            lead: Whose contacts; the last is the case.
        """
        configurations = self._configurations(rng, lead)
        series = [
            (vector, frequency_hz)
            for vector in configurations
            for frequency_hz in rng.choice(
                self.frequencies_hz, self.frequencies_each, replace=False
            )
        ]
        rows = [(v, a, f) for v, f in series for a in self.amplitudes_ma]
        measured = rng.permutation(len(rows))[: round((1 - self.missing) * len(rows))]
        again = measured[: round(self.repeated * len(measured))]
        trials = rng.permutation(np.concatenate([measured, np.tile(again, self.repeats - 1)]))
        vectors, amplitudes, frequencies = (
            np.array([rows[trial][column] for trial in trials]) for column in range(3)
        )
        return Conditions.of(vectors, amplitudes, frequencies)

    def _configurations(self, rng: np.random.Generator, lead: Lead) -> list[NDArray[np.float64]]:
        cathodes = rng.permutation(lead.case)[: self.monopolar]
        chosen: set[tuple[tuple[int, ...], tuple[int, ...]]] = {
            ((int(cathode),), (lead.case,)) for cathode in cathodes
        }
        places = np.stack([lead.x_mm, lead.z_mm], axis=1)[:-1]
        distance_mm = np.linalg.norm(places[:, None] - places, axis=2)
        near = [np.flatnonzero((row > 0) & (row <= self.anodes_within_mm)) for row in distance_mm]
        possible = sum(comb(len(row), count) for row in near for count in (1, 2, 3))
        wanted = len(chosen) + min(self.multipolar, possible // 2)
        while len(chosen) < wanted:
            cathode = int(rng.integers(lead.case))
            count = int(rng.integers(1, 4))
            if count <= len(near[cathode]):
                anodes = rng.choice(near[cathode], count, replace=False)
                chosen.add(((cathode,), tuple(sorted(map(int, anodes)))))
        return [configuration(*sets, contacts=len(lead)) for sets in sorted(chosen)]
