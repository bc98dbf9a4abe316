"""Phase response, against the normal form of an oscillator, its own adjoint and a known delay."""

import numpy as np
import pytest
import torch

from neuro_common.rates import RateNetwork
from rhythm_rnn.phase_response import (
    Beat,
    PhaseResponse,
    beat,
    phase_response,
    wrapped,
)
from rhythm_rnn.weights import load_network

GAIN, TURN = 1.02, 0.3  # just beyond a Hopf point at gain 1
PHASES = np.arange(32) / 32


def oscillator(dt_ms: float) -> RateNetwork:
    """Two tanh units: `dx/dt = (-x + W tanh x) / tau`, seen through the first."""
    network = RateNetwork(
        2, 2, 1, seed=0, autapses=True, activation="tanh", dt_ms=dt_ms, dtype=torch.float64
    )
    with torch.no_grad():
        network.recurrent_weight.copy_(torch.tensor([[GAIN, -TURN], [TURN, GAIN]]))
        network.input_weight.copy_(torch.tensor([[0.0, 1e-3], [0.0, 0.0]]))
        network.output_weight.copy_(torch.tensor([[1.0, 0.0]]))
    return network


@pytest.fixture(scope="module")
def rhythm() -> Beat:
    return beat(oscillator(0.2), 1.0, discard_s=6, duration_s=3)


@pytest.fixture(scope="module")
def trained() -> RateNetwork:
    return load_network("ei_100").double()


@pytest.fixture(scope="module")
def trained_beat(trained: RateNetwork) -> Beat:
    return beat(trained, 0.5, discard_s=3, duration_s=4)


def test_near_a_hopf_point_the_response_is_that_of_the_normal_form(rhythm: Beat) -> None:
    # averaging -x^3/3 over a turn gives z' = (m + iw) z - (A + iB) |z|^2 z with A + iB = W / 4
    # per tau; its phase is arg z - (B / A) log |z|, so that a kick along x at phase p gives:
    euler = (TURN / 10) ** 2 * rhythm.dt_ms / 2  # what a step adds to the growth
    twist, radius = TURN / GAIN, np.sqrt((GAIN - 1 + 10 * euler) * 4 / GAIN)
    turn_per_ms = TURN / 10 - TURN / 40 * radius**2
    assert rhythm.period_ms == pytest.approx(2 * np.pi / turn_per_ms, rel=0.01)
    kick = 1e-4
    response = phase_response(
        oscillator(0.2), rhythm, pulse=(0, 0), kick=(kick, 0), phases=16, cycles=6
    )
    angle = 2 * np.pi * response.phase
    form = -(np.sin(angle) + twist * np.cos(angle)) / radius / (2 * np.pi)
    np.testing.assert_allclose(response.linear / kick, form, rtol=0, atol=0.04 * form.max())
    np.testing.assert_allclose(response.lasting / kick, form, rtol=0, atol=0.04 * form.max())
    # the theory of small kicks and the kicks agree better than with the leading order
    np.testing.assert_allclose(response.lasting, response.linear, atol=0.005 * kick * form.max())
    assert response.winding == 1


def test_a_kick_along_the_rhythm_shifts_by_the_time_it_skips(
    trained: RateNetwork, trained_beat: Beat
) -> None:
    states, first = trained_beat.states, trained_beat.pushed_cycle.start
    skipped = states[first + 7] - states[first]
    response = phase_response(
        trained, trained_beat, pulse=(0, 0), kick=skipped.numpy(), phases=3, cycles=5
    )
    assert response.shift[0] == pytest.approx(7 / trained_beat.period_ms, abs=2e-4)
    assert response.phase[0] * trained_beat.period_ms < 1
    assert response.phase[1] == pytest.approx(1 / 3, abs=1 / trained_beat.period_ms)


def test_faint_clicks_shift_a_trained_network_as_its_adjoint_says(
    trained: RateNetwork, trained_beat: Beat
) -> None:
    response = phase_response(trained, trained_beat, pulse=(1e-3, 0), phases=16, cycles=6)
    size = np.abs(response.linear).max()
    assert size > 1e-5
    np.testing.assert_allclose(response.lasting, response.linear, rtol=0, atol=0.06 * size)
    nothing = phase_response(trained, trained_beat, pulse=(0, 0), phases=4, cycles=6)
    np.testing.assert_allclose(nothing.shift, 0, atol=1e-5)
    assert np.abs(nothing.linear).max() == 0


def test_a_real_click_resets_a_trained_network(trained: RateNetwork, trained_beat: Beat) -> None:
    """It was trained on clicks that are taps: the phase after one hardly depends on that before."""
    response = phase_response(trained, trained_beat, phases=24, cycles=6)
    assert response.winding == 0
    assert response.unsettled < 0.01
    assert response.reset > 0.7


def test_the_phase_grows_by_a_cycle_in_a_period(trained_beat: Beat) -> None:
    cycle = trained_beat.pushed_cycle
    by_step = np.gradient(trained_beat.states.numpy(), axis=0)
    grown = (trained_beat.gradient[cycle] * by_step[cycle]).sum()
    assert grown == pytest.approx(1.0, abs=0.01)


@pytest.mark.parametrize(
    ("shift", "winding"),
    [
        (0.1 * np.sin(2 * np.pi * PHASES), 1),  # weak: the new phase goes round with the old
        (wrapped(0.2 - PHASES), 0),  # reset to one phase
        (wrapped(0.2 - 0.8 * np.sin(2 * np.pi * PHASES) / (2 * np.pi) - PHASES), 0),
        (wrapped(PHASES), 2),
        (np.where(PHASES > 0.5, np.nan, 0.0), None),  # the rhythm stopped
        (np.where(PHASES > 0.5, 0.4, 0.0), None),  # a jump that could be either way
    ],
)
def test_type_is_the_winding_of_the_new_phase(shift: np.ndarray, winding: int | None) -> None:
    both = np.column_stack([shift, shift])
    assert PhaseResponse(0.5, 200.0, PHASES, both, shift).winding == winding


def test_a_reset_is_whole_if_all_phases_become_one() -> None:
    def response(shift: np.ndarray) -> PhaseResponse:
        return PhaseResponse(0.5, 200.0, PHASES, np.column_stack([shift, shift]), shift)

    assert response(wrapped(0.2 - PHASES)).reset == pytest.approx(1)
    np.testing.assert_allclose(response(wrapped(0.2 - PHASES)).new_phase, 0.2)
    assert response(np.full(32, 0.1)).reset == pytest.approx(0, abs=1e-12)
    # new phases spread evenly over half a cycle: sin(u) / u at a quarter turn either side
    half = response(wrapped(-PHASES / 2)).reset
    assert half == pytest.approx(2 / np.pi, abs=0.001)


def test_a_network_that_rests_has_no_beat() -> None:
    quiet = RateNetwork(4, 2, 1, seed=0, spectral_radius=0.3)
    with pytest.raises(ValueError, match=r"cue must be one at which .* keeps a beat, got 0.3: the"):
        beat(quiet, 0.3, discard_s=1, duration_s=1)


def test_a_recording_must_hold_enough_cycles(trained: RateNetwork) -> None:
    with pytest.raises(ValueError, match=r"duration_s must hold 13 cycles of .* ms, got 1.5"):
        beat(trained, 0.5, discard_s=3, duration_s=1.5)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"phases": 2}, r"phases must be from 3 to \d+, one a step, got 2"),
        ({"phases": 5000}, r"one a step, got 5000"),
        ({"cycles": 1}, r"cycles must be from 2 to \d+, as many as were recorded, got 1"),
        ({"cycles": 99}, "as many as were recorded, got 99"),
        ({"width_ms": 0}, r"width_ms must be from one step \(0.2\) to a period, got 0"),
        ({"pulse": (1.0,)}, "pulse must be 2 finite numbers, got"),
        ({"kick": (np.nan, 0)}, "kick must be 2 finite numbers, got"),
    ],
)
def test_bad_pushes_are_refused(options: dict[str, object], message: str, rhythm: Beat) -> None:
    with pytest.raises(ValueError, match=message):
        phase_response(oscillator(0.2), rhythm, **({"cycles": 6} | options))  # type: ignore[arg-type]
