"""Phase oscillators as a value: sine and cosine, contacts, numbers that follow, and refusals."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rldbs_env import kuramoto_step as compiled
from rldbs_env.kuramoto import FALLOFFS, Contact, KuramotoGrid, lead

# Sine and cosine


@pytest.mark.parametrize(
    ("dtype", "turns", "error"),
    [
        (np.float64, 1.0, 4e-16),
        (np.float32, 1.0, 1.3e-7),
        # where products are not fused with sums, whole half turns are rounded as the phase is
        (np.float64, 10.0, 1e-14),
        (np.float32, 10.0, 4e-6),
    ],
)
def test_sine_and_cosine_are_exact_to_rounding(dtype: Any, turns: float, error: float) -> None:
    end = 2 * math.pi * turns
    phases = np.linspace(-end, end, 200_001).astype(dtype)
    sines, cosines = np.empty_like(phases), np.empty_like(phases)
    compiled.sincos(phases, len(phases), sines, cosines)
    # numpy's own are rounded otherwise from processor to processor
    assert np.abs(sines - [math.sin(phase) for phase in phases.tolist()]).max() < error
    assert np.abs(cosines - [math.cos(phase) for phase in phases.tolist()]).max() < error


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_sine_and_cosine_at_the_quarters_of_a_turn(dtype: Any) -> None:
    phases = np.array([0, 1, -1, 2, -2, 3, -3, 4], dtype) * dtype(math.pi / 2)
    sines, cosines = np.full_like(phases, 7), np.full_like(phases, 7)
    compiled.sincos(phases, 7, sines, cosines)
    np.testing.assert_allclose(sines[:7], [0, 1, -1, 0, 0, -1, 1], atol=1e-6)
    np.testing.assert_allclose(cosines[:7], [1, 0, 0, -1, -1, 0, 0], atol=1e-6)
    assert sines[7] == cosines[7] == 7  # the first n alone are written
    compiled.sincos(np.array([math.nan], dtype), 1, sines, cosines)
    assert math.isnan(sines[0])
    assert math.isnan(cosines[0])


def test_strength_falls_with_distance_by_hand() -> None:
    points = [[0, 0, 0], [3, 0, 4]]
    for falloff, expected in {
        "lorentzian": 1 / (1 + 0.25), "gaussian": math.exp(-0.125),
        "exponential": math.exp(-0.5), "linear": 0.5,
    }.items():  # fmt: skip
        strength = Contact((0, 0, 0), 10.0, falloff).strength(points)
        np.testing.assert_allclose(strength, [1, expected], rtol=1e-15)
        assert (Contact((0, 0, 0), math.inf, falloff).strength(points) == 1).all()


def test_a_directional_contact_acts_where_it_faces() -> None:
    facing = Contact((0, 0, 0), math.inf, azimuth=90.0)
    points = [[0, 5, 2], [5, 0, 2], [-5, 0, 2], [0, -5, 2], [0, 0, 2], [1, 1, 0]]
    expected = [1, 0.5, 0.5, 0, 0.5, (1 + math.sqrt(0.5)) / 2]
    np.testing.assert_allclose(facing.strength(points), expected, atol=1e-15)


@settings(max_examples=30)
@given(
    segments=st.integers(2, 8),
    position=st.tuples(*[st.floats(-1, 8)] * 3),
    reach=st.floats(0.5, 20),
    falloff=st.sampled_from(FALLOFFS),
)
def test_segments_together_are_half_their_number_of_rings(
    segments: int, position: tuple[float, float, float], reach: float, falloff: str
) -> None:
    points = KuramotoGrid().points
    parts = lead(position, segments, reach=reach, falloff=falloff)
    assert [part.azimuth for part in parts] == [360 * k / segments for k in range(segments)]
    together = sum(part.strength(points) for part in parts)
    ring = Contact(position, reach, falloff).strength(points)
    np.testing.assert_allclose(together, segments / 2 * ring, atol=1e-12)
    assert all((part.strength(points) >= 0).all() for part in parts)
    assert all((part.strength(points) <= ring + 1e-12).all() for part in parts)


# Description


def test_draws_come_in_the_order_phases_frequencies() -> None:
    state, frequencies = KuramotoGrid(frequency_spread=0.3).draw(512, np.random.default_rng(3))
    rng = np.random.default_rng(3)
    np.testing.assert_array_equal(state, rng.uniform(-math.pi, math.pi, (1, 512)))
    np.testing.assert_array_equal(frequencies, 1.07 + 0.3 * rng.standard_normal(512))


def test_units_are_numbered_with_z_fastest() -> None:
    points = KuramotoGrid(grid=(3, 4, 5)).points
    assert points.shape == (60, 3)
    np.testing.assert_array_equal(points[(2 * 4 + 1) * 5 + 3], [2, 1, 3])


def test_steps_of_a_cycle_a_window_and_a_transient_follow_dt() -> None:
    model, fine = KuramotoGrid(), KuramotoGrid(dt=0.025)
    assert (model.period_steps, model.window, model.transient_steps) == (117, 234, 4000)
    assert (fine.period_steps, fine.window, fine.transient_steps) == (235, 470, 8000)
    assert model.largest_kick == 2 * math.pi
    assert (model.n_sensors, model.n_electrodes, model.n_units) == (1, 1, 512)


def test_models_are_values() -> None:
    contacts = [Contact((1, 2, 3)), Contact([4, 5, 6])]  # type: ignore[arg-type]
    one = KuramotoGrid(grid=[4, 4, 4], contacts=contacts)  # type: ignore[arg-type]
    other = KuramotoGrid(grid=(4, 4, 4), contacts=lead((1, 2, 3))[:0] + tuple(contacts))
    assert one == other
    assert hash(one) == hash(other)
    assert one != KuramotoGrid(grid=(4, 4, 4))


@pytest.mark.parametrize("n_neurons", [0, 511, 1000])
def test_another_number_of_neurons_than_the_grid_has_is_refused(n_neurons: int) -> None:
    model = KuramotoGrid()
    message = (
        r"n_neurons must be the 512 units of the grid \(8, 8, 8\), got "
        rf"{n_neurons}: pass n_neurons=512 or another grid"
    )
    with pytest.raises(ValueError, match=message):
        model.draw(n_neurons, np.random.default_rng(0))
    with pytest.raises(ValueError, match=message):
        model.wiring(n_neurons, np.float64)


FAR = Contact((90, 0, 0), 2.0, "linear")


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"coupling": math.nan}, "coupling must be a finite number, got nan"),
        ({"mean_frequency": math.inf}, "mean_frequency must be a finite number, got inf"),
        ({"mean_frequency": 0.0}, "mean_frequency must be above 0, got 0.0"),
        ({"frequency_spread": -0.1}, "frequency_spread must be at least 0, got -0.1"),
        ({"noise": -1.0}, "noise must be at least 0, got -1.0"),
        ({"dt": 0.0}, r"dt must be in \(0, 0.734017\] \(8 steps per cycle, .*, got 0.0"),
        ({"dt": 0.8}, r"dt must be in \(0, 0.734017\]"),
        ({"dt": 0.3, "coupling": -4.0}, r"dt must be in \(0, 0.25\] .*abs\(coupling\) \* dt"),
        ({"grid": (8, 8)}, r"grid must be three whole numbers of at least 1, got \(8, 8\)"),
        ({"grid": (8, 8, 0)}, r"grid must be three whole numbers .*, got \(8, 8, 0\)"),
        ({"grid": (8, 8, 8.0)}, r"grid must be three whole numbers .*, got \(8, 8, 8.0\)"),
        ({"coupling_kernel": "ring"}, "coupling_kernel must be one of global, .*, got 'ring'"),
        ({"coupling_range": 0.0}, r"coupling_range must be above 0 \(it may be infinite\), got 0"),
        ({"coupling_range": math.nan}, "coupling_range must be above 0 .*, got nan"),
        ({"response": "I"}, "response must be one of type_1, type_2, direct, bell, got 'I'"),
        ({"response_width": 0.0}, "response_width must be at least 0.01, got 0.0"),
        ({"contacts": ()}, "contacts must hold at least one Contact, got none"),
        ({"sensors": ((0, 0, 0),)}, r"sensors must hold only Contacts, got \(0, 0, 0\)"),
        ({"contacts": (Contact(), FAR)}, "contacts must each touch at least one unit .*larger"),
        ({"sensors": (FAR,)}, r"sensors must each touch at least one unit of the grid \(8, 8, 8"),
    ],
)
def test_impossible_parameters_are_refused(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        KuramotoGrid(**fields)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"position": (1.0, 2.0)}, r"position must be three finite coordinates, got \(1.0, 2.0\)"),
        ({"position": (1.0, 2.0, math.nan)}, "position must be three finite coordinates"),
        ({"reach": 0.0}, r"reach must be above 0 \(it may be infinite\), got 0.0"),
        ({"falloff": "cosine"}, "falloff must be one of lorentzian, .*linear, got 'cosine'"),
        ({"azimuth": math.inf}, "azimuth must be a finite angle or None, got inf"),
    ],
)
def test_impossible_contacts_are_refused(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Contact(**fields)


def test_a_lead_of_one_segment_is_refused() -> None:
    with pytest.raises(ValueError, match=r"segments must be at least 2 \(a ring is one Contact\)"):
        lead(segments=1)


def test_couplings_that_cancel_are_refused() -> None:
    model = KuramotoGrid(coupling_kernel="cosine", coupling_range=2.0)
    with pytest.raises(ValueError, match=r"'cosine' must have a clearly positive sum .*larger"):
        model.wiring(512, np.float64)
