"""The reduced model: flow and derivatives against plain ones, fixed points against known ones."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import approx_fprime

from rhythm_rnn.flows import FixedPoint, find_fixed_points
from rhythm_rnn.reduced import ReducedModel, fixed_points

MODEL = ReducedModel()
STATES = st.lists(st.floats(-0.3, 0.3), min_size=3, max_size=3).map(np.array)
CUES = st.floats(-2.0, 2.0)

# cue -> state and eigenvalues in 1/s of each fixed point, by rising z, from another implementation
KNOWN: dict[float, list[tuple[list[float], list[complex]]]] = {
    -1.0: [
        ([-0.0499648, -0.0569598, -0.1690365], [-20.00, -100.02, -111.72]),
        ([0.0103695, 0.0061354, -0.0745860], [363.87, -19.74, -86.45]),
        ([0.0250981, 0.0215773, 0.0034946], [120.95 + 73.56j, 120.95 - 73.56j, -74.82]),
    ],
    0.0: [
        ([-0.0159264, -0.0157130, -0.1046649], [-20.01, -109.12 + 16.61j, -109.12 - 16.61j]),
        ([0.0005200, 0.0018594, -0.0707703], [178.11, -19.48, -86.05]),
        ([0.0156609, 0.0178201, -0.0008847], [122.35 + 37.26j, 122.35 - 37.26j, -77.12]),
    ],
    0.1: [
        ([-0.0125281, -0.0115028, -0.0962682], [-20.04, -93.04 + 25.13j, -93.04 - 25.13j]),
        ([-0.0015545, 0.0002501, -0.0730355], [125.54, -19.48, -85.73]),
        ([0.0146928, 0.0174156, -0.0012889], [120.83 + 37.26j, 120.83 - 37.26j, -77.31]),
    ],
    0.5: [([0.0107610, 0.0157189, -0.0026197], [109.01 + 52.75j, 109.01 - 52.75j, -77.92])],
    1.0: [([0.0056822, 0.0133606, -0.0029385], [75.50 + 90.04j, 75.50 - 90.04j, -77.98])],
    1.5: [([0.0002808, 0.0105231, -0.0003884], [13.12 + 118.65j, 13.12 - 118.65j, -75.96])],
    1.8: [([-0.0033278, 0.0083177, 0.0030965], [-39.35 + 116.42j, -39.35 - 116.42j, -71.38])],
    2.0: [([-0.0060482, 0.0064427, 0.0064341], [-63.46, -80.14 + 100.07j, -80.14 - 100.07j])],
}


@pytest.mark.parametrize("cue", KNOWN)
def test_fixed_points_are_the_known_ones(cue: float) -> None:
    found = fixed_points(MODEL, cue)
    assert len(found) == len(KNOWN[cue])
    for point, (state, eigenvalues) in zip(found, KNOWN[cue], strict=True):
        assert point.state == pytest.approx(state, abs=1e-6)
        assert point.eigenvalues == pytest.approx(eigenvalues, rel=1e-3)
        assert np.abs(MODEL.velocity(point.state, cue)).max() < 1e-14


def test_there_are_three_below_the_fold_and_one_above() -> None:
    for cue in (-2.0, -0.7, 0.15, 0.1899, 0.18994):
        assert len(fixed_points(MODEL, cue)) == 3
    for cue in (0.18995, 0.2, 0.9, 1.6, 2.0):
        assert len(fixed_points(MODEL, cue)) == 1


@given(CUES)
def test_their_indices_add_up_to_one(cue: float) -> None:
    # the degree of the flow on a large ball: no fixed point is missing, or an even number of them
    signs = [np.sign(np.linalg.det(-MODEL.jacobian(p.state))) for p in fixed_points(MODEL, cue)]
    assert sum(signs) == 1


def test_they_are_named() -> None:
    assert [p.kind for p in fixed_points(MODEL, 0.0)] == ["stable node", "saddle", "unstable focus"]
    assert [p.stable for p in fixed_points(MODEL, 0.0)] == [True, False, False]
    assert [p.kind for p in fixed_points(MODEL, 1.8)] == ["stable focus"]
    node = FixedPoint(0.0, np.zeros(3), np.array([3.0, 2.0, -1.0], dtype=complex))
    assert (node.kind, node.n_unstable) == ("unstable node", 2)


def plain_velocity(state: Any, cue: float) -> list[float]:
    """The equations again, term by term."""
    out = []
    for i in range(3):
        total = -state[i] + cue * MODEL.cue_weights[i] + MODEL.bias[i]
        for j in range(3):
            drive = MODEL.slope[j] * state[j] - MODEL.threshold[j]
            total += MODEL.weights[i, j] * MODEL.gain[j] * np.log(1 + np.exp(drive))
        out.append(total / MODEL.tau_ms[i])
    return out


@given(STATES, CUES)
def test_the_velocity_is_that_of_the_equations(state: Any, cue: float) -> None:
    assert MODEL.velocity(state, cue) == pytest.approx(plain_velocity(state, cue), abs=1e-14)


@given(STATES, CUES)
def test_the_jacobian_is_the_derivative_of_the_velocity(state: Any, cue: float) -> None:
    expected = approx_fprime(state, lambda s: MODEL.velocity(s, cue), 1e-7)
    np.testing.assert_allclose(MODEL.jacobian(state, cue), expected, rtol=2e-4, atol=2e-5)


@given(STATES, STATES, STATES)
def test_higher_derivatives_are_those_of_the_jacobian(state: Any, u: Any, v: Any) -> None:
    h = 1e-6
    second = (MODEL.jacobian(state + h * u) - MODEL.jacobian(state - h * u)) @ v / (2 * h)
    np.testing.assert_allclose(MODEL.higher_derivative(state, u, v), second, rtol=1e-5, atol=1e-6)
    ahead, behind = (MODEL.higher_derivative(state + s * h * u, v, v) for s in (1, -1))
    third = (ahead - behind) / (2 * h)
    np.testing.assert_allclose(MODEL.higher_derivative(state, u, v, v), third, rtol=1e-4, atol=1e-5)


def test_states_and_cues_come_in_batches() -> None:
    rng = np.random.default_rng(2)
    states, cues = rng.normal(scale=0.05, size=(4, 5, 3)), rng.normal(size=(4, 5))
    batch = MODEL.velocity(states, cues), MODEL.jacobian(states, cues)
    for place in np.ndindex(4, 5):
        single = MODEL.velocity(states[place], cues[place]), MODEL.jacobian(states[place])
        np.testing.assert_allclose(batch[0][place], single[0], rtol=1e-13)
        np.testing.assert_allclose(batch[1][place], single[1], rtol=1e-13)
    assert MODEL.cue_derivative(states).shape == (4, 5, 3)
    change = MODEL.velocity(states, cues + 1) - MODEL.velocity(states, cues)
    np.testing.assert_allclose(MODEL.cue_derivative(states), change, atol=1e-14)


def test_rates_are_linear_far_above_threshold_and_never_overflow() -> None:
    state = 1e4 / MODEL.slope
    with np.errstate(over="raise", invalid="raise"):
        rates = MODEL.rates(state)
        jacobian = MODEL.jacobian(state)
    assert rates == pytest.approx(MODEL.gain * (1e4 - MODEL.threshold), rel=1e-12)
    steep = (MODEL.weights * (MODEL.gain * MODEL.slope) - np.eye(3)) / MODEL.tau_ms[:, None]
    assert jacobian == pytest.approx(steep)
    assert (MODEL.rates(-state) >= 0).all()
    assert MODEL.gain * MODEL.slope == pytest.approx([1.0509, 1.0060, 1.0440], abs=1e-4)


def test_every_population_obeys_dale() -> None:
    assert (MODEL.weights[:, 0] > 0).all()
    assert (MODEL.weights[:, 1:] < 0).all()


def test_a_model_cannot_be_changed_but_varied() -> None:
    with pytest.raises(ValueError, match="read-only"):
        MODEL.weights[0, 0] = 1.0
    mine = np.array([10.0, 10.0, 60.0])
    variant = replace(MODEL, tau_ms=mine)
    mine[:] = 0
    assert variant.tau_ms.tolist() == [10, 10, 60]
    # time constants move no fixed point
    assert fixed_points(variant, 0.5)[0].state == pytest.approx(fixed_points(MODEL, 0.5)[0].state)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"weights": np.zeros((2, 3))}, r"weights must be finite numbers of shape \(3, 3\)"),
        ({"gain": [1.0, float("nan"), 1.0]}, r"gain must be finite numbers of shape \(3,\)"),
        ({"tau_ms": [10.0, 0.0, 50.0]}, "tau_ms must be positive, got"),
    ],
)
def test_bad_parameters_are_refused(changes: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ReducedModel(**changes)


def test_bad_questions_are_refused() -> None:
    with pytest.raises(ValueError, match="cue must be finite, got nan"):
        fixed_points(MODEL, float("nan"))
    with pytest.raises(ValueError, match="directions must be two or three vectors, got 1"):
        MODEL.higher_derivative(np.zeros(3), np.zeros(3))


class Cubic:
    """s' = cue + s - s^3: a fold at +- 2 / sqrt(27), and no model of ours."""

    def velocity(self, state: Any, cue: Any) -> Any:
        return np.asarray(cue)[..., None] + state - state**3

    def jacobian(self, state: Any, cue: Any = 0.0) -> Any:
        return (1 - 3 * state**2)[..., None]

    def cue_derivative(self, state: Any, cue: Any = 0.0) -> Any:
        return np.ones_like(state)

    def higher_derivative(self, state: Any, *directions: Any) -> Any:
        factor = -6 * state if len(directions) == 2 else -6 * np.ones_like(state)
        return factor * np.prod(directions, axis=0)


def test_any_flow_is_searched() -> None:
    found = find_fixed_points(Cubic(), 0.0, np.linspace(-1.1, 1.2, 20)[:, None])
    assert [float(p.state[0]) for p in found] == pytest.approx([-1, 0, 1], abs=1e-12)
    assert [float(p.eigenvalues[0].real) for p in found] == pytest.approx([-2000, 1000, -2000])
