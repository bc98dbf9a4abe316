"""Post-activation depression against its closed form and by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spinal_rnn.simulation.depression import Depression, pulse_responses


def depression(use: float = 0.4, **others: object) -> Depression:
    numbers = {"recovery_ms": np.array([100.0]), "parts": np.array([1.0])} | others
    return Depression(np.full(14, use), **numbers)  # type: ignore[arg-type]


def steady(use: float, frequency_hz: float, recovery_ms: float = 100.0) -> float:
    left = np.exp(-1e3 / (frequency_hz * recovery_ms))
    return float((1 - left) / (1 - (1 - use) * left))


def train(law: Depression, response: float, frequency_hz: float, pulses: int) -> np.ndarray:
    times = np.arange(pulses) * 1e3 / frequency_hz
    return pulse_responses(np.full((1, 14), response), times, law)[0, :, 0]


@pytest.mark.parametrize(
    ("use", "frequency_hz", "factor"),
    [
        (0.4, 2, 0.997),
        (0.4, 20, 0.619),
        (0.4, 30, 0.497),
        (0.4, 40, 0.415),
        (0.4, 60, 0.312),
        (0.4, 80, 0.250),
        (0.4, 100, 0.208),
        (0.4, 120, 0.178),
        (0.2, 20, 0.764),
        (0.2, 120, 0.303),
        (0.6, 20, 0.520),
        (0.6, 120, 0.127),
    ],
)
def test_long_trains_reach_the_steady_state(use: float, frequency_hz: float, factor: float) -> None:
    last = train(depression(use), 1.0, frequency_hz, 200)[-1]
    assert last == pytest.approx(factor, abs=6e-4)
    assert last == pytest.approx(steady(use, frequency_hz), abs=1e-12)


def test_the_second_pulse_by_hand_and_a_small_response_depresses_less() -> None:
    left = np.exp(-0.5)
    np.testing.assert_allclose(train(depression(), 1.0, 20, 2), [1, 1 - 0.4 * left])
    # g = 1.5 * 0.2 + 0.2
    np.testing.assert_allclose(train(depression(), 0.2, 20, 2), [0.2, 0.2 * (1 - 0.2 * left)])


def test_two_time_constants_are_two_resources() -> None:
    law = depression(0.35, recovery_ms=np.array([30.0, 300.0]), parts=np.array([0.25, 0.75]))
    last = train(law, 1.0, 40, 400)[-1]
    wanted = 0.25 * steady(0.35, 40, 30) + 0.75 * steady(0.35, 40, 300)
    assert last == pytest.approx(wanted, abs=1e-12)


def test_alternation_takes_from_the_next_response() -> None:
    sizes = train(depression(0.0, alternation=np.full(14, 0.3)), 1.0, 20, 4)
    np.testing.assert_allclose(sizes, [1, 0.7, 0.79, 0.763])


@given(st.floats(0, 1), st.floats(0, 1), st.floats(1, 150))
def test_responses_shrink_and_faster_trains_shrink_more(
    use: float, response: float, frequency_hz: float
) -> None:
    sizes = train(depression(use), response, frequency_hz, 12)
    assert sizes[0] == response
    assert (np.diff(sizes) <= 1e-12).all()
    assert (sizes >= 0).all()
    assert (train(depression(use), response, 1.2 * frequency_hz, 12) <= sizes + 1e-12).all()


def test_wrong_numbers_are_refused() -> None:
    with pytest.raises(ValueError, match=r"use must be in \[0, 1\]"):
        depression(1.5)
    with pytest.raises(ValueError, match="parts must be one for each of the 1 recovery_ms"):
        depression(parts=np.array([0.5, 0.5]))
    with pytest.raises(ValueError, match="sum 1"):
        depression(parts=np.array([0.5]))
    with pytest.raises(ValueError, match="recovery_ms must be above 0"):
        depression(recovery_ms=np.array([0.0]))
