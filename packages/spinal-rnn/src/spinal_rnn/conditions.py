"""What was stimulated: configurations of contacts, amplitudes, frequencies and pulse widths."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "PULSE_WIDTH_US",
    "Conditions",
    "configuration",
    "configuration_name",
    "parse_configuration",
    "stack",
]

PULSE_WIDTH_US = 300.0
_TOLERANCE = 1e-6
_NAME = re.compile(r"cath(\d+(?:_\d+)*)_an(\d+(?:_\d+)*)")


@dataclass(frozen=True, eq=False)
class Conditions:
    """The stimulation of each trial.

    A configuration is a vector over the contacts, the case last: the parts of the current that each
    carries, cathodes negative with the sum -1, anodes positive with the sum 1.

    Attributes:
        configuration: Shape (trials, contacts).
        amplitude_ma: Current that flows from the anodes to the cathodes, shape (trials,).
        frequency_hz: Pulses, or bursts of pulses, per second, shape (trials,).
        pulse_width_us: Shape (trials,).
        pulses: Pulses of each burst, shape (trials,).

    Raises:
        ValueError: A shape or a number is wrong; the message names the trial, counted from 0.
    """

    configuration: NDArray[np.float64]
    amplitude_ma: NDArray[np.float64]
    frequency_hz: NDArray[np.float64]
    pulse_width_us: NDArray[np.float64]
    pulses: NDArray[np.int64]

    def __post_init__(self) -> None:
        if self.configuration.ndim != 2 or self.configuration.shape[1] < 3:
            raise ValueError(
                f"configuration must have shape (trials, contacts), got {self.configuration.shape}"
            )
        for name in ("amplitude_ma", "frequency_hz", "pulse_width_us", "pulses"):
            if getattr(self, name).shape != (len(self),):
                raise ValueError(
                    f"{name} must have shape ({len(self)},), got {getattr(self, name).shape}"
                )
        vectors, amplitudes, frequencies = self.configuration, self.amplitude_ma, self.frequency_hz
        _refuse(~np.isfinite(vectors).all(axis=1), "currents must be finite", vectors)
        _refuse(
            np.abs(vectors.sum(axis=1)) > _TOLERANCE,
            "currents must sum to zero: what flows in flows out",
            vectors,
        )
        _refuse(
            np.abs(np.abs(vectors).sum(axis=1) - 2) > _TOLERANCE,
            "the cathodes' parts must sum to -1 and the anodes' to 1",
            vectors,
        )
        _refuse(~_in(amplitudes, 0, np.inf), "amplitude_ma must be at least 0", amplitudes)
        _refuse(~_in(frequencies, 0, 1e4, 0), "frequency_hz must be in (0, 1e4]", frequencies)
        _refuse(
            ~_in(self.pulse_width_us, 0, 1e4, 0),
            "pulse_width_us must be in (0, 1e4]",
            self.pulse_width_us,
        )
        _refuse(self.pulses < 1, "pulses must be at least 1", self.pulses)

    def __len__(self) -> int:
        return len(self.configuration)

    @classmethod
    def of(
        cls,
        configuration: NDArray[np.float64],
        amplitude_ma: Any,
        frequency_hz: Any,
        pulse_width_us: Any = PULSE_WIDTH_US,
        pulses: Any = 1,
    ) -> Self:
        """Conditions from anything that can be broadcast to one value for each trial.

        Args:
            configuration: Shape (contacts,) or (trials, contacts).
            amplitude_ma: A number or one for each trial; so are the others.
            frequency_hz: As amplitude_ma.
            pulse_width_us: As amplitude_ma.
            pulses: As amplitude_ma.
        """
        vectors = np.atleast_2d(np.asarray(configuration, dtype=np.float64))
        numbers = (amplitude_ma, frequency_hz, pulse_width_us)
        columns = [np.asarray(one, dtype=np.float64) for one in numbers]
        counts = np.asarray(pulses, dtype=np.int64)
        trials = np.broadcast_shapes(
            vectors.shape[:1], counts.shape, *(one.shape for one in columns)
        )
        amplitudes, frequencies, widths = (np.broadcast_to(one, trials) for one in columns)
        return cls(
            np.broadcast_to(vectors, (*trials, vectors.shape[1])),
            amplitudes,
            frequencies,
            widths,
            np.broadcast_to(counts, trials),
        )

    @property
    def currents_ma(self) -> NDArray[np.float64]:
        """Current of each contact in a cathodic phase, shape (trials, contacts)."""
        return self.configuration * self.amplitude_ma[:, None]

    def take(self, trials: Any) -> "Conditions":
        """Some of the trials.

        Args:
            trials: What numpy takes as an index: numbers, a mask or a slice.
        """
        return Conditions(*(getattr(self, one.name)[trials] for one in fields(self)))

    def mirrored(self, mirror: NDArray[np.int64]) -> "Conditions":
        """The same stimulation on the other side.

        Args:
            mirror: The mirror image of each contact, `spinal_rnn.lead.Lead.mirror`.
        """
        columns = [getattr(self, one.name) for one in fields(self)]
        return Conditions(self.configuration[:, mirror], *columns[1:])

    def groups(self, mirror: NDArray[np.int64] | None = None) -> NDArray[np.int64]:
        """Number the configurations; trials of one have one number, shape (trials,).

        Args:
            mirror: With it, mirror images have one number too.
        """
        vectors = self.configuration.round(6) + 0.0
        if mirror is not None:
            images = vectors[:, mirror]
            # of a vector and its image, the one that comes first in dictionary order
            difference = vectors - images
            first = np.abs(difference) > _TOLERANCE
            place = first.argmax(axis=1)
            sign = difference[np.arange(len(self)), place]
            vectors = np.where((sign > 0)[:, None], images, vectors)
        return np.asarray(np.unique(vectors, axis=0, return_inverse=True)[1]).reshape(-1)


def configuration(
    cathodes: Sequence[int],
    anodes: Sequence[int],
    contacts: int = 17,
    *,
    cathode_parts: Sequence[float] | None = None,
    anode_parts: Sequence[float] | None = None,
) -> NDArray[np.float64]:
    """The vector of a configuration, shape (contacts,).

    Args:
        cathodes: Their numbers.
        anodes: Their numbers.
        contacts: How many there are, the case among them.
        cathode_parts: Parts of the current, with the sum 1; None is equal parts.
        anode_parts: As cathode_parts.

    Raises:
        ValueError: A contact is unknown, or is named twice, there is no cathode or no anode, or the
            parts do not fit.
    """
    named = [*cathodes, *anodes]
    if not cathodes or not anodes:
        raise ValueError(f"there must be a cathode and an anode, got {cathodes} and {anodes}")
    if unknown := [one for one in named if not 0 <= one < contacts]:
        raise ValueError(f"contacts must be in 0 to {contacts - 1}, got {unknown}")
    if both := sorted({*cathodes} & {*anodes}):
        raise ValueError(f"a contact is cathode or anode, not both, got {both} as both")
    if len(set(named)) < len(named):
        raise ValueError(f"each contact may be named once, got {named}")
    vector = np.zeros(contacts)
    for sign, numbers, parts in ((-1, cathodes, cathode_parts), (1, anodes, anode_parts)):
        shares = np.full(len(numbers), 1 / len(numbers)) if parts is None else np.asarray(parts)
        if shares.shape != (len(numbers),) or (shares <= 0).any() or abs(shares.sum() - 1) > 1e-6:
            raise ValueError(
                f"parts must be {len(numbers)} numbers above 0 with the sum 1, got {parts}"
            )
        vector[list(numbers)] = sign * shares
    return vector


def configuration_name(vector: NDArray[np.float64]) -> str:
    """What a configuration is called: ``cath4_an3_5``; unequal parts follow in percent.

    Args:
        vector: Shape (contacts,).
    """
    words = []
    for word, sign in (("cath", -1), ("an", 1)):
        (numbers,) = np.nonzero(vector * sign > _TOLERANCE)
        parts = vector[numbers] * sign
        percent = [""] * len(numbers)
        if np.ptp(parts) > _TOLERANCE:
            percent = [f"({100 * part:.0f}%)" for part in parts]
        pairs = zip(numbers, percent, strict=True)
        words.append(word + "_".join(f"{number}{part}" for number, part in pairs))
    return "_".join(words)


def parse_configuration(name: str, contacts: int = 17) -> NDArray[np.float64]:
    """The vector of a configuration of equal parts from its name, shape (contacts,).

    Args:
        name: Such as ``cath11_an8_9``.
        contacts: How many there are, the case among them.

    Raises:
        ValueError: It is no such name, or names contacts that cannot be.
    """
    if not (match := _NAME.fullmatch(name)):
        raise ValueError(f"a configuration must read like cath11_an8_9, got {name!r}")
    cathodes, anodes = ([int(one) for one in group.split("_")] for group in match.groups())
    return configuration(cathodes, anodes, contacts)


def stack(parts: Sequence[Conditions]) -> Conditions:
    """Several one after the other.

    Args:
        parts: At least one, all of one number of contacts.
    """
    return Conditions(
        *(np.concatenate([getattr(p, one.name) for p in parts]) for one in fields(Conditions))
    )


def _in(
    values: NDArray[np.float64], low: float, high: float, above: float | None = None
) -> NDArray[np.bool_]:
    inside = (values >= low) & (values <= high) & np.isfinite(values)
    return inside if above is None else inside & (values > above)


def _refuse(bad: Any, wanted: str, values: NDArray[Any]) -> None:
    if bad.any():
        trial = int(bad.argmax())
        raise ValueError(f"trial {trial}: {wanted}, got {values[trial].tolist()}")
