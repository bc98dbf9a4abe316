"""One configuration of a mapping session: its trials, and what goes through them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spinal_rnn.conditions import Conditions, configuration_name, parse_configuration
from spinal_rnn.figures.shown import Curve, Trials
from spinal_rnn.models.base import Prediction
from spinal_rnn.recruitment import LEAST_AMPLITUDES, fit_recruitment
from spinal_rnn.responses import Scale, measure_responses
from spinal_rnn.session import Session

__all__ = [
    "LEAST_RISE",
    "Mapping",
    "amplitude_grid",
    "fitted_curves",
    "map_configuration",
    "predicted_curves",
]

LEAST_RISE = 0.1
"""A muscle whose curve rises by less, as a part of its large response, has no threshold."""

_POINTS = 61
_SAME = 1e-6  # difference of equal configurations


@dataclass(frozen=True, eq=False)
class Mapping:
    """A session, and one of its configurations.

    Attributes:
        session: All trials.
        responses: Late responses of all trials as parts of the large ones.
        scale: Those large ones.
        vector: The configuration, shape (contacts,).
        chosen: Numbers of its trials, ascending: those of its commonest pulse width and number of
            pulses, since a curve, a bar and a map are of one kind of pulse.
    """

    session: Session
    responses: Trials
    scale: Scale
    vector: NDArray[np.float64]
    chosen: NDArray[np.int64]

    @property
    def name(self) -> str:
        """What the configuration is called."""
        return configuration_name(self.vector)

    @property
    def trials(self) -> Trials:
        """The trials of the configuration."""
        return self.responses.take(self.chosen)

    @property
    def left_out(self) -> int:
        """How many of its trials are not among the chosen, for their other pulses."""
        apart = np.abs(self.responses.conditions.configuration - self.vector).max(axis=1)
        return int((apart < _SAME).sum()) - len(self.chosen)

    def stimulated(self, amplitude_ma: ArrayLike, frequency_hz: ArrayLike) -> Conditions:
        """The configuration with its own kind of pulse.

        Args:
            amplitude_ma: Shape (trials,), or a number.
            frequency_hz: Likewise.
        """
        like = self.trials.conditions
        return Conditions.of(
            self.vector, amplitude_ma, frequency_hz, like.pulse_width_us[0], like.pulses[0]
        )

    @property
    def others(self) -> NDArray[np.int64]:
        """Trials of all other configurations but its mirror image, for an honest prediction.

        Those with other bursts than the chosen ones are left out: a root model does not tell them
        apart. Their numbers, shape (others,).

        Raises:
            ValueError: There are none.
        """
        from spinal_rnn.splits import mirror_of

        conditions, first = self.responses.conditions, self.chosen[0]
        group = conditions.groups(mirror_of(self.session.lead))
        alike = conditions.pulses == conditions.pulses[first]
        others = np.flatnonzero((group != group[first]) & alike)
        if not len(others):
            raise ValueError(
                "a model is fitted to the session's other configurations with as many pulses a "
                "burst, but it has none: give weights=none, or a session of several"
            )
        return others


def map_configuration(session: Session, name: str | None = None) -> Mapping:
    """Measure a session and choose one of its configurations.

    Args:
        session: Any.
        name: Such as ``cath4_an3_5``; None is the one with the strongest mean response, of those
            with the most trials.

    Returns:
        Trials of the configuration with other pulses than its commonest are not among the chosen.

    Raises:
        ValueError: The session has no trial of it.
    """
    responses = measure_responses(session)
    scale = Scale.fit(responses.late_mv)
    parts = Trials(responses.conditions, scale.apply(responses.late_mv))
    group = parts.conditions.groups()
    if name is None:
        count = np.bincount(group)
        strength = np.bincount(group, parts.response.mean(axis=1)) / count
        chosen = int(np.where(count == count.max(), strength, -1).argmax())
        trials = np.flatnonzero(group == chosen)
    else:
        wanted = parse_configuration(name, len(session.lead))
        distance = np.abs(parts.conditions.configuration - wanted).max(axis=1)
        trials = np.flatnonzero(distance < _SAME)
    if not len(trials):
        known = np.unique(parts.conditions.configuration, axis=0)
        raise ValueError(
            f"configuration must be one of the session's, got {name}; it has "
            f"{', '.join(sorted(map(configuration_name, known)))}"
        )
    trials = trials[_commonest_pulse(parts.conditions.take(trials))]
    vector = parts.conditions.configuration[trials[0]]
    return Mapping(session, parts, scale, vector, trials)


def fitted_curves(trials: Trials, *, n_resamples: int = 200) -> tuple[Curve, ...]:
    """A recruitment curve for each frequency that has amplitudes enough.

    Args:
        trials: Of one configuration and one kind of pulse.
        n_resamples: Resamples for the thresholds' intervals.
    """
    curves = []
    frequencies = trials.conditions.frequency_hz
    for hz in np.unique(frequencies):
        mine = (frequencies == hz) & (trials.conditions.amplitude_ma > 0)
        amplitude = trials.conditions.amplitude_ma[mine]
        if len(np.unique(amplitude)) < LEAST_AMPLITUDES:
            continue
        fit = fit_recruitment(amplitude, trials.response[mine], n_resamples=n_resamples)
        threshold = np.stack(
            [fit.curves.threshold_ma, fit.low["threshold_ma"], fit.high["threshold_ma"]]
        )
        along = np.linspace(amplitude.min(), amplitude.max(), _POINTS)
        rise = fit.curves(along[-1:])[0] - fit.curves.floor
        known = np.where(fit.responds & (rise >= LEAST_RISE), threshold, np.nan)
        curves.append(Curve(float(hz), along, fit.curves(along), threshold_ma=known))
    return tuple(curves)


def amplitude_grid(trials: Trials) -> Conditions:
    """Many amplitudes up to the largest, at each frequency of some trials.

    Args:
        trials: Of one configuration and one kind of pulse.
    """
    conditions = trials.conditions
    along = np.linspace(0.05, conditions.amplitude_ma.max(), _POINTS)
    frequencies = np.unique(conditions.frequency_hz)
    hz, ma = (axis.ravel() for axis in np.meshgrid(frequencies, along, indexing="ij"))
    width_us, pulses = conditions.pulse_width_us[0], conditions.pulses[0]
    return Conditions.of(conditions.configuration[0], ma, hz, width_us, pulses)


def predicted_curves(
    prediction: Prediction, conditions: Conditions, thresholds: Sequence[Curve] = ()
) -> tuple[Curve, ...]:
    """A curve for each frequency from predictions on rising amplitudes.

    Args:
        prediction: As parts of the large responses.
        conditions: Of one configuration.
        thresholds: Curves whose thresholds are taken over, by frequency.
    """
    known = {one.frequency_hz: one.threshold_ma for one in thresholds}
    curves = []
    for hz in np.unique(conditions.frequency_hz).tolist():
        mine = conditions.frequency_hz == hz
        low, high = (
            None if one is None else one[mine] for one in (prediction.low, prediction.high)
        )
        amplitude = conditions.amplitude_ma[mine]
        curves.append(Curve(hz, amplitude, prediction.values[mine], low, high, known.get(hz)))
    return tuple(curves)


def _commonest_pulse(conditions: Conditions) -> NDArray[np.bool_]:
    """Trials of the pulse width and the pulses a burst that most of them have, shape (trials,)."""
    kinds = np.stack([conditions.pulse_width_us, conditions.pulses], axis=1)
    _, kind, count = np.unique(kinds, axis=0, return_inverse=True, return_counts=True)
    return np.asarray(kind.reshape(-1) == count.argmax())
