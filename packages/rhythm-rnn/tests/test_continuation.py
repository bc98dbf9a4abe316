"""Branches, folds and Hopf points against known numbers and flows with closed forms."""

from typing import Any

import numpy as np
import pytest

from rhythm_rnn.continuation import Branch, bifurcations, continue_fixed_point, tangent
from rhythm_rnn.reduced import ReducedModel, fixed_points

MODEL = ReducedModel()


def branch_from(index: int) -> Branch:
    point = fixed_points(MODEL, -2.0)[index]
    return continue_fixed_point(MODEL, point.state, -2.0, cue_range=(-2.0, 2.0))


@pytest.fixture(scope="module")
def resting() -> Branch:
    return branch_from(0)


@pytest.fixture(scope="module")
def upper() -> Branch:
    return branch_from(2)


def test_the_fold_is_where_it_is_known(resting: Branch) -> None:
    (fold,) = bifurcations(MODEL, resting)
    assert fold.kind == "fold"
    assert fold.point.cue == pytest.approx(0.18994012, abs=1e-7)
    assert fold.point.state == pytest.approx([-0.00650549, -0.00451573, -0.08192535], abs=1e-7)
    assert fold.point.eigenvalues == pytest.approx([0, -18.732, -82.351], rel=1e-3, abs=1e-6)


def test_the_hopf_point_is_where_it_is_known(upper: Branch) -> None:
    (hopf,) = bifurcations(MODEL, upper)
    assert hopf.kind == "hopf"
    assert hopf.point.cue == pytest.approx(1.5812023355, abs=1e-8)
    assert hopf.point.state == pytest.approx([-0.00065587, 0.00997913, 0.00039206], abs=1e-7)
    expected = [120.1216j, -120.1216j, -75.158]
    assert hopf.point.eigenvalues == pytest.approx(expected, rel=1e-4, abs=1e-3)
    period = 2e3 * np.pi / hopf.point.eigenvalues[0].imag
    assert period == pytest.approx(52.3069, abs=1e-3)


def test_a_branch_goes_round_its_fold_and_out_where_it_came_in(resting: Branch) -> None:
    assert resting.cue[[0, -1]].tolist() == [-2, -2]
    assert resting.cue.max() == pytest.approx(0.18994, abs=1e-4)
    assert (np.diff(resting.stable.astype(int)) != 0).sum() == 1
    node, saddle, _ = fixed_points(MODEL, -2.0)
    assert resting.state[0] == pytest.approx(node.state, abs=1e-12)
    assert resting.state[-1] == pytest.approx(saddle.state, abs=1e-10)


def test_every_point_rests_and_is_near_its_neighbours(resting: Branch, upper: Branch) -> None:
    for branch in (resting, upper):
        assert np.abs(MODEL.velocity(branch.state, branch.cue)).max() < 1e-13
        moves = np.diff(np.column_stack([branch.state, branch.cue]), axis=0)
        assert np.linalg.norm(moves, axis=1).max() < 0.0201
        expected = 1e3 * np.linalg.eigvals(MODEL.jacobian(branch.state))
        np.testing.assert_allclose(
            np.sort(branch.eigenvalues.real), np.sort(expected.real), atol=1e-9
        )


def test_continuation_agrees_with_newton_from_many_starts(resting: Branch, upper: Branch) -> None:
    for i in range(0, len(upper.cue), 40):
        found = [point.state for point in fixed_points(MODEL, upper.cue[i])]
        assert np.abs(found - upper.state[i]).max(axis=1).min() < 1e-11
    for i in range(0, len(resting.cue), 40):
        found = [point.state for point in fixed_points(MODEL, resting.cue[i])]
        assert np.abs(found - resting.state[i]).max(axis=1).min() < 1e-8


def test_a_branch_can_be_followed_downwards() -> None:
    point = fixed_points(MODEL, 2.0)[0]
    branch = continue_fixed_point(MODEL, point.state, 2.0, cue_range=(-2.0, 2.0), rising=False)
    assert branch.cue[-1] == -2
    assert branch.state[-1] == pytest.approx(fixed_points(MODEL, -2.0)[2].state, abs=1e-10)


def test_a_branch_stops_after_so_many_points() -> None:
    state = fixed_points(MODEL, 0.5)[0].state
    branch = continue_fixed_point(MODEL, state, 0.5, cue_range=(-2.0, 2.0), max_points=7)
    assert branch.cue.shape == (7,)


class Planar:
    """r' = (cue - r^2) r, angle' = 1 per ms, and s' = cue + 1 - s^2 in a third variable."""

    def velocity(self, state: Any, cue: Any) -> Any:
        x, y, s = np.moveaxis(state, -1, 0)
        growth = cue - x**2 - y**2
        return np.stack([growth * x - y, growth * y + x, cue + 1 - s**2], axis=-1)

    def jacobian(self, state: Any, cue: Any) -> Any:
        x, y, s = state
        growth = cue - x**2 - y**2
        rows = [
            [growth - 2 * x * x, -1 - 2 * x * y, 0],
            [1 - 2 * x * y, growth - 2 * y * y, 0],
            [0, 0, -2 * s],
        ]
        return np.array(rows)

    def cue_derivative(self, state: Any, cue: Any) -> Any:
        return np.array([state[0], state[1], 1.0])

    def higher_derivative(self, state: Any, *directions: Any) -> Any:
        raise NotImplementedError


def test_a_normal_form_has_its_bifurcations_where_they_belong() -> None:
    branch = continue_fixed_point(
        Planar(), np.array([0.0, 0.0, 1.5]), 1.2, cue_range=(-1.5, 1.5), rising=False
    )
    found = bifurcations(Planar(), branch)
    assert [one.kind for one in found] == ["hopf", "fold", "hopf"]
    assert [one.point.cue for one in found] == pytest.approx([0, -1, 0], abs=1e-12)
    assert found[0].point.state == pytest.approx([0, 0, 1])
    assert found[2].point.state == pytest.approx([0, 0, -1])
    assert branch.state[:, 2] ** 2 == pytest.approx(branch.cue + 1, abs=1e-10)


def test_the_tangent_points_along_the_branch() -> None:
    point = np.array([0.0, 0.0, 2.0, 3.0])
    expected = np.array([0, 0, 0.25, 1]) / np.hypot(0.25, 1)
    for sign in (1, -1):
        found = tangent(Planar(), point, sign * np.array([0, 0, 0, 1.0]))
        assert found == pytest.approx(sign * expected)


@pytest.mark.parametrize(
    ("state", "cue", "cue_range", "message"),
    [
        ([0.0, 0.0, 1.0], 0.0, (1.0, -1.0), "cue_range must be .* hold cue 0"),
        ([0.0, 0.0, 1.0], 3.0, (-1.0, 1.0), "cue_range must be .* hold cue 3"),
        ([0.0, 0.0, 1.0], -1.2, (-2.0, 1.0), "state must be near a fixed point at cue -1.2"),
    ],
)
def test_bad_starts_are_refused(state: Any, cue: float, cue_range: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        continue_fixed_point(Planar(), np.array(state), cue, cue_range=cue_range)
