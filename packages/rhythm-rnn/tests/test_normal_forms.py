"""How the rhythm begins and ends: normal forms against closed forms and measured cycles."""

from typing import Any

import numpy as np
import pytest

from rhythm_rnn.continuation import bifurcations, continue_fixed_point
from rhythm_rnn.cycles import limit_cycle, trajectory
from rhythm_rnn.flows import FixedPoint
from rhythm_rnn.normal_forms import Onset, fold_form, hopf_form, onset_at, period_law
from rhythm_rnn.reduced import START, ReducedModel, fixed_points

MODEL = ReducedModel()


def special_point(index: int) -> FixedPoint:
    start = fixed_points(MODEL, -2.0)[index]
    branch = continue_fixed_point(MODEL, start.state, -2.0, cue_range=(-2.0, 2.0))
    return bifurcations(MODEL, branch)[0].point


FOLD, HOPF = special_point(0), special_point(2)


@pytest.fixture(scope="module")
def onset() -> Onset:
    found = onset_at(MODEL, FOLD, START)
    assert found is not None
    return found


def test_the_rhythm_begins_by_a_snic(onset: Onset) -> None:
    assert onset.kind == "SNIC"
    assert 13.8 < onset.law.slope_ms < 14.1
    assert onset.law.slope_ms == pytest.approx(13.92, abs=0.01)
    assert onset.law.offset_ms == pytest.approx(120.9, abs=0.5)
    assert onset.law.misfit_ms < 0.2
    assert onset.law.log_misfit_ms > 100


def test_the_fold_alone_predicts_the_slope(onset: Onset) -> None:
    assert onset.passage_ms == fold_form(MODEL, FOLD).passage_ms
    assert onset.passage_ms == pytest.approx(onset.law.slope_ms, rel=1e-3)


def test_below_the_fold_both_ways_out_of_the_saddle_lead_to_the_node() -> None:
    # the invariant circle itself: one way is short, the other goes all the way round
    cue = FOLD.cue - 1e-3
    node, saddle, _ = fixed_points(MODEL, cue)
    values, vectors = np.linalg.eig(MODEL.jacobian(saddle.state))
    way_out = vectors[:, values.real.argmax()].real
    reached = []
    for side in (1e-5, -1e-5):
        course = trajectory(MODEL, saddle.state + side * way_out, np.arange(0.0, 8000.0), cue)
        assert course[-1] == pytest.approx(node.state, abs=1e-5)
        reached.append(course[:, 2].max())
    assert min(reached) < -0.05
    assert max(reached) > 0.05


def test_the_hopf_point_is_supercritical_and_predicts_the_amplitude() -> None:
    cubic = hopf_form(MODEL, HOPF)
    assert cubic.real < 0
    distance = 1e-3
    before, after = (
        next(p for p in fixed_points(MODEL, HOPF.cue + d) if p.n_unstable != 1)
        for d in (-distance, distance)
    )
    growth = 1e-3 * (before.eigenvalues[0] - after.eigenvalues[0]).real / 2  # at -distance, per ms
    values, vectors = np.linalg.eig(MODEL.jacobian(HOPF.state))
    q = vectors[:, values.imag.argmax()]
    predicted = 4 * abs(q[2]) * np.sqrt(growth / -cubic.real)
    cycle = limit_cycle(MODEL, HOPF.cue - distance, START)
    assert cycle is not None
    assert np.ptp(cycle.orbit[:, 2]) == pytest.approx(predicted, rel=0.03)


class Oscillator:
    """w' = i omega w + c w |w|^2 with w = x + i y."""

    omega, c = 0.7, -0.3 + 0.2j

    def velocity(self, state: Any, cue: Any) -> Any:
        x, y = state
        w = complex(x, y)
        change = 1j * self.omega * w + self.c * w * abs(w) ** 2
        return np.array([change.real, change.imag])

    def jacobian(self, state: Any, cue: Any) -> Any:
        assert not np.any(state)
        return np.array([[0, -self.omega], [self.omega, 0]])

    def cue_derivative(self, state: Any, cue: Any) -> Any:
        return np.zeros(2)

    def higher_derivative(self, state: Any, *directions: Any) -> Any:
        """Of (x^2 + y^2) (a x - b y) and (x^2 + y^2) (b x + a y), c = a + i b."""
        if len(directions) == 2:
            return np.zeros(2, dtype=complex)
        a, b = self.c.real, self.c.imag
        u, v, w = directions
        dots = ((u @ v) * w + (u @ w) * v + (v @ w) * u) * 2
        return np.array([[a, -b], [b, a]]) @ dots


def test_a_normal_form_has_its_own_coefficient() -> None:
    oscillator = Oscillator()
    values = np.array([0.7e3j, -0.7e3j])
    cubic = hopf_form(oscillator, FixedPoint(0.0, np.zeros(2), values))
    # w = sqrt(2) times the amplitude along an eigenvector of unit length
    assert cubic == pytest.approx(2 * oscillator.c)


class Bistable:
    """s' = cue + s - s^3, and beside it x and y, which turn at 0.1 per ms: on a circle, or in."""

    def __init__(self, growth: float = 0.1) -> None:
        self.growth = growth

    def velocity(self, state: Any, cue: Any) -> Any:
        s, x, y = np.moveaxis(np.asarray(state), -1, 0)
        growth = self.growth * (1 - x**2 - y**2)
        change = [cue + s - s**3, growth * x - 0.1 * y, growth * y + 0.1 * x]
        return np.stack(change, axis=-1)

    def jacobian(self, state: Any, cue: Any = 0.0) -> Any:
        s, x, y = state
        growth, bend = self.growth * (1 - x**2 - y**2), 2 * self.growth
        rows = [
            [1 - 3 * s**2, 0, 0],
            [0, growth - bend * x * x, -0.1 - bend * x * y],
            [0, 0.1 - bend * x * y, growth - bend * y * y],
        ]
        return np.array(rows)

    def cue_derivative(self, state: Any, cue: Any = 0.0) -> Any:
        return np.array([1.0, 0.0, 0.0])

    def higher_derivative(self, state: Any, *directions: Any) -> Any:
        assert len(directions) == 2
        assert not np.any(state[1:])
        u, v = directions
        return np.array([-6 * state[0] * u[0] * v[0], 0, 0])


EDGE = FixedPoint(2 / np.sqrt(27), np.array([-1 / np.sqrt(3), 0, 0]), np.array([0, 1j, -1j]))


def test_a_cubic_has_the_fold_that_it_should_have() -> None:
    form = fold_form(Bistable(), EDGE)
    assert abs(form.alpha) == pytest.approx(1)
    assert form.alpha * form.beta == pytest.approx(np.sqrt(3))
    assert form.passage_ms == pytest.approx(np.pi / 3**0.25)


def test_a_fold_beside_a_rhythm_is_no_snic() -> None:
    found = onset_at(Bistable(), EDGE, (-0.6, 0.5, 0.0))
    assert found is not None
    assert found.kind == "unclear"
    assert found.period_ms == pytest.approx(np.full(5, 20 * np.pi), rel=1e-6)


def test_a_fold_from_which_all_runs_to_rest_is_no_onset() -> None:
    assert onset_at(Bistable(growth=-0.1), EDGE, (-0.6, 0.5, 0.0)) is None


def test_the_law_of_a_passage_is_told_from_a_logarithm() -> None:
    distance = np.geomspace(1e-6, 1e-3, 9)
    passage = period_law(distance, 3 / np.sqrt(distance) + 50)
    assert passage.slope_ms == pytest.approx(3)
    assert passage.offset_ms == pytest.approx(50)
    assert passage.misfit_ms < 1e-9 < passage.log_misfit_ms
    homoclinic = period_law(distance, -20 * np.log(distance) + 50)
    assert homoclinic.log_misfit_ms < 1e-9 < homoclinic.misfit_ms


def test_too_few_periods_are_refused() -> None:
    with pytest.raises(ValueError, match="distance must be at least 3 positive numbers"):
        period_law([1e-3, 1e-4], [1.0, 2.0])
    with pytest.raises(ValueError, match="one per period, got shapes"):
        period_law([1e-3, 1e-4, 0.0], [1.0, 2.0, 3.0])
