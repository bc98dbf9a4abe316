"""One configuration of a mapping session: its responses, and the curves that go through them."""

import numpy as np
from numpy.typing import NDArray

from spinal_rnn.conditions import Conditions, configuration_name, parse_configuration
from spinal_rnn.figures.shown import Curve, Trials
from spinal_rnn.recruitment import LEAST_AMPLITUDES, fit_recruitment
from spinal_rnn.responses import Responses, Scale

__all__ = ["LEAST_RISE", "choose_configuration", "fitted_curves", "parts_of_large", "trials_of"]

LEAST_RISE = 0.1
"""A muscle whose curve rises by less, as a part of its large response, has no threshold."""

_POINTS = 61


def parts_of_large(responses: Responses) -> NDArray[np.float64]:
    """The late responses as parts of each muscle's large one, shape (trials, 14).

    Args:
        responses: All of a session.
    """
    return Scale.fit(responses.late_mv).apply(responses.late_mv)


def choose_configuration(measured: Trials, name: str | None = None) -> NDArray[np.float64]:
    """The vector of a configuration, shape (contacts,).

    Args:
        measured: All trials of a session.
        name: Such as ``cath4_an3_5``; None is the one with the strongest mean response, of those
            with the most trials.

    Raises:
        ValueError: The session has no trial of it.
    """
    conditions = measured.conditions
    if name is not None:
        vector = parse_configuration(name, conditions.configuration.shape[1])
        if not trials_of(conditions, vector).any():
            there = map(configuration_name, np.unique(conditions.configuration, axis=0))
            raise ValueError(
                f"configuration must be one of the session's, got {name}; it has "
                f"{', '.join(sorted(there))}"
            )
        return vector
    group = conditions.groups()
    count = np.bincount(group)
    strength = np.bincount(group, measured.response.mean(axis=1)) / count
    most = count == count.max()
    chosen = int(np.flatnonzero(most)[strength[most].argmax()])
    vectors: NDArray[np.float64] = conditions.configuration[group == chosen]
    return vectors[0]


def trials_of(conditions: Conditions, vector: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which trials are of a configuration, shape (trials,).

    Args:
        conditions: Any trials.
        vector: Shape (contacts,).
    """
    return np.asarray(np.abs(conditions.configuration - vector).max(axis=1) < 1e-6)


def fitted_curves(measured: Trials, *, n_bootstrap: int = 200) -> tuple[Curve, ...]:
    """A recruitment curve for each frequency that has amplitudes enough.

    Args:
        measured: Trials of one configuration.
        n_bootstrap: Resamples for the thresholds' intervals.
    """
    curves = []
    frequencies = measured.conditions.frequency_hz
    for hz in np.unique(frequencies):
        mine = (frequencies == hz) & (measured.conditions.amplitude_ma > 0)
        amplitude = measured.conditions.amplitude_ma[mine]
        if len(np.unique(amplitude)) < LEAST_AMPLITUDES:
            continue
        fit = fit_recruitment(amplitude, measured.response[mine], n_bootstrap=n_bootstrap)
        threshold = np.stack(
            [fit.curves.threshold_ma, fit.low["threshold_ma"], fit.high["threshold_ma"]]
        )
        along = np.linspace(amplitude.min(), amplitude.max(), _POINTS)
        rise = fit.curves(along[-1:])[0] - fit.curves.floor
        known = np.where(fit.responds & (rise >= LEAST_RISE), threshold, np.nan)
        curves.append(Curve(float(hz), along, fit.curves(along), threshold_ma=known))
    return tuple(curves)
