"""Branches of ReLU networks: folds and loops in closed form, brute force over active sets."""

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rhythm_rnn.border import BorderBranch, follow_borders
from rhythm_rnn.equilibria import RateFlow, fixed_point, network_fixed_points, same_state
from rhythm_rnn.flows import Array


def flow(weight: object, cue_weight: object, bias: object, activation: str = "relu") -> RateFlow:
    """A flow of a few units with 10 ms and steps of 1 ms, whose output is the rate of the first."""
    n = len(np.asarray(bias))
    matrix = np.asarray(weight, dtype=float)
    drive, offset = np.asarray(cue_weight, dtype=float), np.asarray(bias, dtype=float)
    return RateFlow(matrix, drive, offset, np.full(n, 10.0), 1.0, activation, np.eye(n)[0], 0.0)


def random_flow(seed: int, n: int) -> RateFlow:
    rng = np.random.default_rng(seed)
    weight = rng.normal(size=(n, n)) * 2 / np.sqrt(n)
    return flow(weight, rng.normal(size=n), rng.normal(size=n))


def states_at(branch: BorderBranch, cue: float) -> list[Array]:
    """The branch's fixed points at one cue."""
    found: list[Array] = []
    for (a, b), (begin, end) in zip(pairwise(branch.cue), pairwise(branch.state), strict=True):
        if min(a, b) <= cue <= max(a, b) and a != b:
            state = begin + (end - begin) * (cue - a) / (b - a)
            if not any(same_state(state, other) for other in found):
                found.append(state)
    return found


# The first unit excites itself; it drives the second one over its threshold and holds the third
# one silent. Below cue .25 it rests off or on, and not at all above.
THREE = flow([[2.0, 0, 0], [0.5, 0, 0], [-1.0, 0, 0]], [1.0, 0, 0], [-0.25, -0.3, -0.1])


def test_a_non_smooth_fold_is_where_it_must_be() -> None:
    off, _ = network_fixed_points(THREE, -1.0, np.array([[-1.0, 0, 0], [2.0, 1, 1]]))
    branch = follow_borders(THREE, off, (-1.0, 1.0))
    # off until h = cue - .25 is zero, then back with h = .25 - cue; at .6 it switches the second on
    assert branch.cue == pytest.approx([-1.0, 0.25, -0.35, -1.0])
    assert branch.state[:, 0] == pytest.approx([-1.25, 0.0, 0.6, 1.25])
    assert branch.state[:, 1] == pytest.approx([-0.3, -0.3, 0.0, 0.325])
    assert branch.rising.tolist() == [True, False, False]
    assert branch.active.tolist() == [[0, 0, 0], [1, 0, 0], [1, 1, 0]]
    assert branch.unit.tolist() == [0, 1]
    assert not branch.closed
    fold, crossing = branch.events()
    assert (fold.kind, fold.unit, fold.before.cue) == ("non-smooth fold", 0, pytest.approx(0.25))
    assert (fold.before.kind, fold.after.kind) == ("stable node", "saddle")
    assert fold.before.eigenvalues == pytest.approx([-100.0] * 3)
    assert fold.after.eigenvalues == pytest.approx([100.0, -100.0, -100.0])
    # after a fold the cue falls; a crossing is told with the cue rising all the same
    assert (crossing.kind, crossing.unit) == ("crossing", 1)
    assert (crossing.before.n_active, crossing.after.n_active) == (2, 1)
    assert crossing.before.output == pytest.approx(0.6)


def test_a_branch_may_be_a_loop() -> None:
    # the first unit excites itself, driven by |cue| beyond .05: on or off for |cue| < .3
    loop = flow([[2.0, 1, 1], [0, 0, 0], [0, 0, 0]], [0, 1.0, -1.0], [-0.25, -0.05, -0.05])
    start = fixed_point(loop, 0.1, np.array([-0.2, 0.05, -0.15]))
    branch = follow_borders(loop, start, (-1.0, 1.0))
    assert branch.closed
    assert branch.cue[0] == branch.cue[-1] == 0.1
    np.testing.assert_allclose(branch.state[0], branch.state[-1])
    kinds = [(event.kind, round(event.before.cue, 9)) for event in branch.events()]
    folds = [cue for kind, cue in kinds if kind == "non-smooth fold"]
    assert folds == [0.3, -0.3]
    assert sorted(cue for kind, cue in kinds if kind == "crossing") == [-0.05, -0.05, 0.05, 0.05]


def test_the_map_alone_may_become_stable_at_a_border() -> None:
    # an excitatory and an inhibitory unit; above cue 1 a third one excites the first back, late
    weight = [[1.9, -1.5, 0.5], [1.5, 0, 0], [1.0, 0, 0]]
    three = flow(weight, [1.0, 0, 0], [0.0, 0.0, -1.0 / (1 - 1.9 + 1.5**2)])
    (start,) = network_fixed_points(three, 0.5, np.array([[1.0, 1, -1]]))
    branch = follow_borders(three, start, (0.1, 2.0))
    (event,) = branch.events()
    assert event.before.cue == pytest.approx(1.0)
    assert event.kind == "change of stability"
    assert event.label == "map becomes stable"
    assert event.before.stable
    assert event.after.stable
    for point, unstable in ((event.before, 2), (event.after, 0)):
        on = np.ix_(point.active, point.active)
        step = np.eye(point.n_active) + 0.1 * (np.array(weight)[on] - np.eye(point.n_active))
        sizes = np.abs(np.linalg.eigvals(step))
        assert np.abs(point.multipliers).max() == pytest.approx(sizes.max())
        assert point.n_unstable_in_map == (sizes > 1).sum() == unstable


@settings(max_examples=40)
@given(st.integers(0, 10_000), st.integers(2, 7))
def test_branches_pass_through_all_that_brute_force_finds(
    brute_force: Any, seed: int, n: int
) -> None:
    one = random_flow(seed, n)
    cues = (-1.5, -0.2, 0.6, 2.0)
    branches: list[BorderBranch] = []
    for cue in cues:
        for state in brute_force(one, cue):
            if not any(same_state(state, s) for b in branches for s in states_at(b, cue)):
                branches.append(follow_borders(one, fixed_point(one, cue, state), (-2.0, 2.5)))
    for cue in (*cues, 1.1):
        followed = [state for branch in branches for state in states_at(branch, cue)]
        truth = brute_force(one, cue)
        assert all(any(same_state(state, other) for other in truth) for state in followed)
        if cue in cues:
            assert len(followed) == len(truth)


@settings(max_examples=40)
@given(st.integers(0, 10_000), st.integers(2, 12))
def test_a_branch_turns_where_the_determinant_changes_its_sign(seed: int, n: int) -> None:
    one = random_flow(seed, n)
    starts = np.random.default_rng(seed).normal(size=(20, n)) * 3
    for point in network_fixed_points(one, 0.0, starts):
        branch = follow_borders(one, point, (-3.0, 3.0))
        assert np.abs(one.velocity(branch.state, branch.cue)).max() < 1e-9
        middles = (branch.state[:-1] + branch.state[1:]) / 2
        assert ((middles > 0) == branch.active)[np.diff(branch.cue) != 0].all()
        signs = [np.linalg.slogdet(np.eye(n) - one.weight * on)[0] for on in branch.active]
        turns = branch.rising[1:] != branch.rising[:-1]
        assert (np.diff(signs) != 0).tolist() == turns.tolist()
        for i, on in enumerate(branch.active):
            full = np.linalg.eigvals((one.weight * on - np.eye(n)) * 100)
            found = np.sort_complex(branch.eigenvalues[i])
            np.testing.assert_allclose(found, np.sort_complex(full), atol=1e-5)
        points = branch.points
        assert points.cue[::2].tolist() == branch.cue[:-1].tolist()
        assert points.cue[1::2].tolist() == branch.cue[1:].tolist()
        assert (points.eigenvalues[1::2] == branch.eigenvalues).all()


def test_bad_input_is_refused() -> None:
    off, _ = network_fixed_points(THREE, -1.0, np.array([[-1.0, 0, 0], [2.0, 1, 1]]))
    with pytest.raises(ValueError, match=r"cue_range must be \(low, high\) and hold -1"):
        follow_borders(THREE, off, (0.0, 1.0))
    with pytest.raises(ValueError, match=r"must leave cues .* within 1 pieces"):
        follow_borders(THREE, off, (-1.0, 1.0), most_pieces=1)
    smooth = flow(np.zeros((1, 1)), [1.0], [0.0], activation="tanh")
    (point,) = network_fixed_points(smooth, 0.0, np.zeros((1, 1)))
    with pytest.raises(ValueError, match="must be of ReLU units to have borders, got tanh"):
        follow_borders(smooth, point, (-1.0, 1.0))
    upright = flow([[1.0]], [1.0], [0.0])
    (point,) = network_fixed_points(upright, -0.5, np.array([[-1.0]]))
    with pytest.raises(ValueError, match="the 1 active units must have one fixed point"):
        follow_borders(upright, point, (-1.0, 1.0))
