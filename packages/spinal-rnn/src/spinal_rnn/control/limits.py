"""What a person may be given, and the only door through which a search's wish becomes a trial."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spinal_rnn.conditions import Conditions, configuration_name

__all__ = ["Limits", "Proposal"]

_TOLERANCE = 1e-6


@dataclass(frozen=True)
class Limits:
    """Hard limits of a stimulation.

    They hold for research on models and recordings. No medical device checks them.

    Attributes:
        contact_ma: Largest current of one contact of the lead; the case is far larger, and only
            ``total_ma`` holds for it.
        total_ma: Largest amplitude: the current that flows from the anodes to the cathodes.
        charge_uc: Largest charge of one contact in a phase; 1.8 is 30 uC/cm2 on 1.5 x 4 mm.
        forbidden: Contacts that must stay without current.
        frequencies_hz: Those that may be used.
        pulse_widths_us: Those that may be used.
        step_ma: Amplitudes are whole numbers of it.
        contacts: How many there are, the case last among them.

    Raises:
        ValueError: A limit is not positive, there is nothing to choose from, or fewer than two
            contacts are left.
    """

    contact_ma: float = 5.0
    total_ma: float = 5.0
    charge_uc: float = 1.8
    forbidden: tuple[int, ...] = ()
    frequencies_hz: tuple[float, ...] = (20.0, 40.0, 60.0, 80.0)
    pulse_widths_us: tuple[float, ...] = (300.0,)
    step_ma: float = 0.1
    contacts: int = 17

    def __post_init__(self) -> None:
        for name in ("contact_ma", "total_ma", "charge_uc", "step_ma"):
            value = getattr(self, name)
            if not 0 < value < np.inf:
                raise ValueError(f"{name} must be above 0 and finite, got {value}")
        for name in ("frequencies_hz", "pulse_widths_us"):
            values = getattr(self, name)
            if not values or not all(0 < one < np.inf for one in values):
                raise ValueError(f"{name} must be some numbers above 0, got {values}")
        if unknown := [one for one in self.forbidden if not 0 <= one < self.contacts]:
            raise ValueError(f"forbidden contacts must be in 0 to {self.contacts - 1}, {unknown=}")
        if self.contacts - len({*self.forbidden}) < 2:
            raise ValueError(f"two contacts must be allowed, got {self.forbidden} as forbidden")

    @property
    def allowed(self) -> NDArray[np.bool_]:
        """Which contacts may carry current, shape (contacts,)."""
        mask = np.ones(self.contacts, dtype=bool)
        mask[list(self.forbidden)] = False
        return mask

    def ceiling_ma(self, vector: ArrayLike, pulse_width_us: float) -> NDArray[np.float64]:
        """Largest amplitude that a configuration may have, in whole steps.

        Args:
            vector: Shape (..., contacts).
            pulse_width_us: As charge grows with it.

        Returns:
            Shape (...); 0 where not even one step is allowed.
        """
        part = np.abs(np.asarray(vector, dtype=np.float64))[..., :-1].max(axis=-1)
        each = min(self.contact_ma, 1e3 * self.charge_uc / pulse_width_us)
        with np.errstate(divide="ignore"):
            largest = np.minimum(self.total_ma, each / part)
        return np.asarray(np.floor(largest / self.step_ma + _TOLERANCE) * self.step_ma)

    def broken_by(self, conditions: Conditions) -> str | None:
        """The first limit that a trial breaks, in words, or None.

        Args:
            conditions: Any trials.
        """
        vectors, amplitudes = conditions.configuration, conditions.amplitude_ma
        if vectors.shape[1] != self.contacts:
            return f"there must be {self.contacts} contacts, got {vectors.shape[1]}"
        widths, frequencies = conditions.pulse_width_us, conditions.frequency_hz
        contact = np.abs(conditions.currents_ma)[:, :-1].max(axis=1)
        steps = amplitudes / self.step_ma
        rules = (
            (
                (np.abs(vectors[:, ~self.allowed]) > 0).any(axis=1),
                f"contacts {self.forbidden} are forbidden",
            ),
            (
                ~np.isclose(frequencies[:, None], self.frequencies_hz).any(axis=1),
                f"the frequency must be one of {self.frequencies_hz} Hz",
            ),
            (
                ~np.isclose(widths[:, None], self.pulse_widths_us).any(axis=1),
                f"the pulse width must be one of {self.pulse_widths_us} us",
            ),
            (
                amplitudes > self.total_ma + _TOLERANCE,
                f"the amplitude must be at most {self.total_ma} mA",
            ),
            (
                (np.abs(steps - steps.round()) > 1e-3) | (steps.round() < 1),
                f"the amplitude must be a whole number of {self.step_ma} mA, at least one",
            ),
            (
                contact > self.contact_ma + _TOLERANCE,
                f"a contact may have at most {self.contact_ma} mA",
            ),
            (
                contact * widths * 1e-3 > self.charge_uc + _TOLERANCE,
                f"a contact may pass at most {self.charge_uc} uC in a phase",
            ),
        )
        for bad, rule in rules:
            if bad.any():
                trial = int(bad.argmax())
                name = configuration_name(vectors[trial])
                return (
                    f"trial {trial}: {rule}, got {name}, {amplitudes[trial]:g} mA, "
                    f"{frequencies[trial]:g} Hz, {widths[trial]:g} us"
                )
        return None

    def admit(
        self,
        vector: ArrayLike,
        amplitudes_ma: ArrayLike,
        frequency_hz: float,
        pulse_width_us: float | None = None,
    ) -> "Proposal":
        """The nearest proposal within the limits to what a search asks for.

        Forbidden contacts and parts under 1 % lose their current, parts become whole percents,
        frequency and pulse width the nearest that is allowed, and amplitudes whole steps under the
        ceiling, each once.

        Args:
            vector: Any finite numbers, cathodes negative, shape (contacts,); a side without current
                is given to the case, or, where that cannot be, to the first contact free for it.
            amplitudes_ma: Wanted amplitudes, shape (amplitudes,).
            frequency_hz: Wanted frequency.
            pulse_width_us: Wanted pulse width; None is the first allowed.

        Raises:
            ValueError: A number is not finite, or not even one step is within the limits.
        """
        wanted = np.asarray(vector, dtype=np.float64)
        amplitudes = np.atleast_1d(np.asarray(amplitudes_ma, dtype=np.float64))
        if wanted.shape != (self.contacts,) or not np.isfinite(wanted).all():
            raise ValueError(f"vector must be {self.contacts} finite numbers, got {wanted}")
        if not amplitudes.size or not np.isfinite(amplitudes).all():
            raise ValueError(f"amplitudes_ma must be some finite numbers, got {amplitudes}")
        asked_us = self.pulse_widths_us[0] if pulse_width_us is None else pulse_width_us
        if not (np.isfinite(frequency_hz) and np.isfinite(asked_us)):
            raise ValueError(
                f"frequency and pulse width must be finite, got {frequency_hz} Hz, {asked_us} us"
            )
        projected = self.project(wanted)
        width = _nearest(self.pulse_widths_us, asked_us)
        ceiling = float(self.ceiling_ma(projected, width))
        if ceiling < self.step_ma - _TOLERANCE:
            raise ValueError(
                f"{configuration_name(projected)} at {width:g} us: not even {self.step_ma:g} mA is "
                "within the limits; use a shorter pulse or smaller steps"
            )
        steps = np.clip(np.rint(amplitudes / self.step_ma), 1, round(ceiling / self.step_ma))
        series = np.unique(steps) * self.step_ma
        return Proposal(projected, series, _nearest(self.frequencies_hz, frequency_hz), width, self)

    def project(self, vector: NDArray[np.float64]) -> NDArray[np.float64]:
        """The nearest configuration of allowed contacts in whole percents, shape (contacts,).

        Args:
            vector: Finite numbers, shape (contacts,).
        """
        free = np.where(self.allowed, vector, 0.0)
        sides = []
        for sign in (-1, 1):
            part = np.maximum(sign * free, 0)
            total = part.sum()
            sides.append(_percents(part / total) if total > _TOLERANCE else np.zeros(len(part)))
        for number, other in ((0, 1), (1, 0)):
            if not sides[number].any():
                taken = self.allowed & (sides[other] == 0)
                if not taken.any():  # every contact is on the other side: the weakest changes
                    weakest = np.where(sides[other] > 0, sides[other], np.inf).argmin()
                    sides[other][weakest] = 0
                    sides[other] = _percents(sides[other] / sides[other].sum())
                    taken[weakest] = True
                place = -1 if taken[-1] else int(taken.argmax())
                sides[number][place] = 1.0
        return np.asarray(sides[1] - sides[0])


@dataclass(frozen=True, eq=False)
class Proposal:
    """One configuration with a series of amplitudes, which no limit forbids.

    Everything that is measured is one of these. None that breaks a limit can be made.

    Attributes:
        configuration: Shape (contacts,), see `spinal_rnn.conditions.Conditions`.
        amplitudes_ma: Rising, shape (amplitudes,).
        frequency_hz: Pulses per second.
        pulse_width_us: Of each pulse.
        limits: What it was checked against.

    Raises:
        ValueError: It is no stimulation, or breaks a limit; the message says which.
    """

    configuration: NDArray[np.float64]
    amplitudes_ma: NDArray[np.float64]
    frequency_hz: float
    pulse_width_us: float
    limits: Limits

    def __post_init__(self) -> None:
        for name in ("configuration", "amplitudes_ma"):
            own = np.array(getattr(self, name), dtype=np.float64)
            own.flags.writeable = False  # what was checked stays what it was
            object.__setattr__(self, name, own)
        broken = self.limits.broken_by(self.conditions)
        if broken is not None:
            raise ValueError(broken)

    def __len__(self) -> int:
        return len(self.amplitudes_ma)

    @property
    def name(self) -> str:
        """The configuration's name with frequency and pulse width."""
        name = configuration_name(self.configuration)
        return f"{name} {self.frequency_hz:g} Hz {self.pulse_width_us:g} us"

    @property
    def conditions(self) -> Conditions:
        """One trial for each amplitude."""
        return Conditions.of(
            self.configuration, self.amplitudes_ma, self.frequency_hz, self.pulse_width_us
        )


def _nearest(allowed: tuple[float, ...], wanted: float) -> float:
    return float(min(allowed, key=lambda one: abs(one - wanted)))


def _percents(parts: NDArray[np.float64]) -> NDArray[np.float64]:
    """Parts with the sum 1 as whole percents with the sum 1: the largest remainders go up."""
    hundredths = np.floor(parts * 100 + _TOLERANCE)
    short = round(100 - hundredths.sum())
    order = np.argsort(hundredths - parts * 100, kind="stable")
    hundredths[order[:short]] += 1
    return np.asarray(hundredths / 100)
