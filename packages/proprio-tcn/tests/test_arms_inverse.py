"""Inverse kinematics: against scipy's solvers, and at the edges of what an arm reaches."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.optimize import least_squares, minimize

from proprio_tcn.arms.arm import Arm, Coordinate
from proprio_tcn.arms.geometry import Body, Geometry, Marker, Motion
from proprio_tcn.arms.inverse import fit_markers, hand_chain, solve_postures
from proprio_tcn.arms.kinematics import points
from proprio_tcn.arms.quadratic_kernels import solve_programme
from proprio_tcn.arms.skeletal import SkeletalArm
from proprio_tcn.arms.two_link import TwoLinkArm
from proprio_tcn.movements.kinematics import jerk

Floats = NDArray[np.float64]

TWO = TwoLinkArm()
CIRCLE = np.linspace(0.0, 2 * np.pi, 60)


class Wrapped:
    """The two-link arm as one that the compiled solvers do not know."""

    def __getattr__(self, name: str) -> Any:
        return getattr(TWO, name)


def chain_arm() -> SkeletalArm:
    """Six joints of two bodies, one of them a slide, with markers all over."""
    x, y, z = np.eye(3)
    names = ["a", "b", "c", "d", "e", "f"]
    upper = (
        Motion("rotation", axis=z, coordinate="a"),
        Motion("rotation", axis=y, coordinate="b"),
        Motion("rotation", axis=x, coordinate="c"),
    )
    lower = (
        Motion("fixed", offset=np.array([0.3, 0.0, 0.0])),
        Motion("rotation", axis=z, coordinate="d", polynomial=(0.1, 0.9, 0.2)),
        Motion("rotation", axis=x, coordinate="e"),
        Motion("translation", axis=x, coordinate="f", polynomial=(0.0, 0.1)),
    )
    places = {
        "hand": ("lower", [0.25, 0.0, 0.02]),
        "elbow": ("lower", [0.0, 0.0, 0.0]),
        "shoulder": ("ground", [0.0, 0.0, 0.0]),
        "m1": ("upper", [0.1, 0.05, 0.0]),
        "m2": ("upper", [0.2, -0.04, 0.03]),
        "m3": ("lower", [0.1, 0.04, -0.02]),
        "m4": ("lower", [0.2, -0.03, 0.05]),
    }
    return SkeletalArm(
        Geometry(
            name="chain",
            species="none",
            bodies=(Body("upper", "ground", upper), Body("lower", "upper", lower)),
            coordinates=tuple(Coordinate(name, -1.2, 1.2, 0.1) for name in names),
            locked={},
            muscles=(),
            wrap_objects=(),
            markers=tuple(
                Marker(name, body, np.array(place)) for name, (body, place) in places.items()
            ),
            world=np.eye(3),
        )
    )


MARKERS = ("hand", "elbow", "m1", "m2", "m3", "m4")


@pytest.fixture(scope="module")
def chain() -> SkeletalArm:
    return chain_arm()


def bounds(arm: Arm) -> tuple[Floats, Floats]:
    return (
        np.array([one.low_rad for one in arm.coordinates]),
        np.array([one.high_rad for one in arm.coordinates]),
    )


def draws(arm: Arm, count: int, seed: int = 0, inset: float = 0.0) -> Floats:
    low, high = bounds(arm)
    found: Floats = np.random.default_rng(seed).uniform(
        low + inset, high - inset, (count, len(low))
    )
    return found


def circles(arm: Arm, angles: Floats, radius_m: float) -> Floats:
    """Circles through the hand, (trials, bins, 3), each in another plane."""
    hands = arm.hand(angles)
    first, second = np.random.default_rng(5).normal(size=(2, len(angles), 3))
    first /= np.linalg.norm(first, axis=1)[:, None]
    second -= (first * second).sum(axis=1)[:, None] * first
    second /= np.linalg.norm(second, axis=1)[:, None]
    turn = (np.cos(CIRCLE) - 1)[:, None], np.sin(CIRCLE)[:, None]
    return hands[:, None] + radius_m * (turn[0] * first[:, None] + turn[1] * second[:, None])


def flat_circle(radius_m: float) -> tuple[Floats, Floats]:
    """A circle in the horizontal plane (1, 60, 3) and the posture at its first point."""
    start = np.deg2rad([[36.0, 5.0, 5.0, 50.0]])
    turn = np.stack([np.cos(CIRCLE) - 1, np.sin(CIRCLE), np.zeros(60)], axis=1)
    return TWO.hand(start)[:, None] + radius_m * turn, start


def slsqp(arm: Arm, target: Floats, prior: Floats, start: Floats) -> Any:
    """The nearest posture to ``prior`` as scipy finds it from ``start``."""
    low, high = bounds(arm)
    return minimize(
        lambda angles: float(((angles - prior) ** 2).sum()),
        start,
        jac=lambda angles: 2 * (angles - prior),
        method="SLSQP",
        bounds=list(zip(low, high, strict=True)),
        constraints={
            "type": "eq",
            "fun": lambda angles: 100 * (arm.hand(angles[None])[0] - target),
            "jac": lambda angles: 100 * arm.hand_jacobian(angles[None])[1][0],
        },
        options={"ftol": 1e-15, "maxiter": 300},
    )


def test_two_link_chain_is_the_closed_form() -> None:
    chain = hand_chain(TWO)
    assert chain is not None
    skeleton, frame, place = chain
    angles = draws(TWO, 50)
    found = np.empty((50, 1, 3))
    points(skeleton, np.array([frame]), place[None], angles, found)
    np.testing.assert_allclose(found[:, 0], TWO.hand(angles), atol=1e-15)


def test_circle_is_followed_as_slsqp_follows_it() -> None:
    path, start = flat_circle(0.04)
    found = solve_postures(TWO, path, start)
    gaps = TWO.hand(found.angles_rad[0]) - path[0]
    assert np.linalg.norm(gaps, axis=1).max() <= 1e-8  # 1e-6 cm
    np.testing.assert_allclose(found.error_m[0], np.linalg.norm(gaps, axis=1), atol=1e-15)
    expected = [start[0]]
    for target in path[0]:
        expected.append(slsqp(TWO, target, expected[-1], expected[-1]).x)
    assert np.rad2deg(np.abs(found.angles_rad[0] - expected[1:])).max() <= 0.02
    ours, theirs = (
        jerk(np.rad2deg(one).T) for one in (found.angles_rad[0], np.array(expected[1:]))
    )
    assert ours == pytest.approx(theirs, abs=2e-4)
    assert ours < 2.0  # the published limit of acceptance


@pytest.mark.parametrize("kind", ["two_link", "chain"])
def test_first_postures_are_the_nearest(kind: str, chain: SkeletalArm) -> None:
    arm: Arm = TWO if kind == "two_link" else chain
    starts, goals = draws(arm, 25, 1), arm.hand(draws(arm, 25, 2))
    found = solve_postures(arm, goals[:, None], starts)
    assert found.error_m.max() < 1e-8
    low, high = bounds(arm)
    for start, goal, angles in zip(starts, goals, found.angles_rad[:, 0], strict=True):
        assert (angles >= low).all()
        assert (angles <= high).all()
        near = slsqp(arm, goal, start, angles)
        moved = ((angles - start) ** 2).sum()
        assert np.rad2deg(np.abs(near.x - angles)).max() < 0.02
        assert moved <= ((near.x - start) ** 2).sum() + 1e-9


@settings(max_examples=30)
@given(seed=st.integers(0, 10_000), radius=st.floats(0.001, 0.05))
def test_any_path_is_followed_or_missed_honestly(seed: int, radius: float) -> None:
    starts = draws(TWO, 4, seed)
    path = circles(TWO, starts, radius)
    found = solve_postures(TWO, path, starts)
    low, high = bounds(TWO)
    assert np.isfinite(found.angles_rad).all()
    assert np.isfinite(found.error_m).all()
    assert (found.angles_rad >= low).all()
    assert (found.angles_rad <= high).all()
    gaps = TWO.hand(found.angles_rad.reshape(-1, 4)) - path.reshape(-1, 3)
    np.testing.assert_allclose(found.error_m.ravel(), np.linalg.norm(gaps, axis=1), atol=1e-12)


def test_what_is_missed_cannot_be_reached() -> None:
    starts = draws(TWO, 30, 7)
    path = circles(TWO, starts, 0.04)
    found = solve_postures(TWO, path, starts)
    missed = np.argwhere(found.error_m > 1e-6)[::40]
    assert len(missed) > 8
    low, high = bounds(TWO)
    reached = 0
    for trial, index in missed:
        goal = path[trial, index]
        gaps = [
            least_squares(
                lambda angles, goal=goal: TWO.hand(angles[None])[0] - goal,
                guess,
                jac=lambda angles: TWO.hand_jacobian(angles[None])[1][0],
                bounds=(low, high),
            ).fun
            for guess in draws(TWO, 4, 11)
        ]
        reached += np.linalg.norm(gaps, axis=1).min() < 1e-5
    assert reached <= 1  # one trial has another posture, most of a turn away


def test_out_of_reach_is_told_by_the_error() -> None:
    start = np.deg2rad([[36.0, 5.0, 5.0, 50.0]])
    found = solve_postures(TWO, [[[0.5, 0.0, 0.0], [0.3, 0.0, 0.0]]], start)
    # reach is 34.7 cm; forward lies within the ranges of the shoulder
    np.testing.assert_allclose(found.error_m[0], [0.5 - 0.347, 0.0], atol=1e-7)


def test_threads_and_batches_change_nothing() -> None:
    starts = draws(TWO, 9, 3)
    path = circles(TWO, starts, 0.02)
    together = solve_postures(TWO, path, starts)
    shared = solve_postures(TWO, path, starts, threads=2)
    alone = [solve_postures(TWO, path[[one]], starts[[one]]).angles_rad[0] for one in range(9)]
    np.testing.assert_array_equal(together.angles_rad, shared.angles_rad)
    np.testing.assert_array_equal(together.angles_rad, alone)


def test_other_arms_are_solved_by_scipy() -> None:
    starts = draws(TWO, 2, 4, inset=0.3)
    path = circles(TWO, starts, 0.02)[:, :6]
    fast, slow = solve_postures(TWO, path, starts), solve_postures(Wrapped(), path, starts)
    assert slow.error_m.max() < 1e-7
    assert np.rad2deg(np.abs(fast.angles_rad - slow.angles_rad)).max() < 0.02
    lost = solve_postures(Wrapped(), [[[0.5, 0.0, 0.0]]], starts[:1])
    assert lost.error_m[0, 0] == pytest.approx(0.5 - 0.347, abs=1e-5)


@settings(max_examples=60)
@given(seed=st.integers(0, 100_000), curvature=st.floats(0.2, 5.0), tight=st.booleans())
def test_programmes_are_solved_as_slsqp_solves_them(
    seed: int, curvature: float, tight: bool
) -> None:
    rng = np.random.default_rng(seed)
    count = int(rng.integers(4, 8))
    jacobian, pull = rng.normal(size=(3, count)) * 0.2, rng.normal(size=count)
    limits = np.stack([-rng.uniform(0.05, 1.0, count), rng.uniform(0.05, 1.0, count)])
    limits = limits * (0.2 if tight else 1.0)
    inside = limits[0] + (limits[1] - limits[0]) * rng.uniform(0.2, 0.8, count)
    gap = -jacobian @ inside
    step, multipliers, work = np.empty(count), np.zeros(3), np.empty((7, 3))
    missed = solve_programme(pull, jacobian, gap, limits, curvature, multipliers, step, work)
    assert missed < 1e-5  # what ties the multipliers to their start

    def cost(d: Any) -> float:
        return float(0.5 * curvature * d @ d - pull @ d)

    expected = minimize(
        cost,
        inside,
        jac=lambda d: curvature * d - pull,
        method="SLSQP",
        bounds=list(limits.T),
        constraints={"type": "eq", "fun": lambda d: jacobian @ d + gap, "jac": lambda _: jacobian},
        options={"ftol": 1e-14, "maxiter": 300},
    )
    # the best cost at the least miss; how near the steps are depends on the programme's condition
    assert cost(step) == pytest.approx(expected.fun, abs=1e-5 * (1 + np.abs(multipliers).sum()))
    np.testing.assert_allclose(jacobian @ step, -gap, atol=1e-5)
    assert np.all((limits[0] <= step) & (step <= limits[1]))


@pytest.mark.parametrize(
    ("hand", "start", "options", "message"),
    [
        (np.zeros((2, 3)), np.zeros((2, 4)), {}, r"hand_m must have shape \(trials, bins, 3\)"),
        (np.zeros((2, 0, 3)), np.zeros((2, 4)), {}, "not be empty"),
        (np.full((1, 2, 3), np.nan), np.zeros((1, 4)), {}, r"got nan at \(0, 0, 0\)"),
        (np.zeros((2, 5, 3)), np.zeros((1, 4)), {}, "one posture for each of 2 trials, got 1"),
        (np.zeros((1, 5, 3)), np.full((1, 4), 9.0), {}, "shoulder_flexion must be in"),
        (np.zeros((1, 5, 3)), np.zeros((1, 3)), {}, r"angles_rad must have shape \(n, 4\)"),
        (np.zeros((1, 5, 3)), np.zeros((1, 4)), {"threads": 0}, "threads must be 1 or more"),
    ],
)
def test_refused_input(hand: Floats, start: Floats, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        solve_postures(TWO, hand, start, **options)


def seen(arm: SkeletalArm, angles: Floats) -> Floats:
    """Where the markers are, (bins, markers, 3)."""
    return np.stack([arm.marker(name, angles) for name in MARKERS], axis=1)


def wandering(arm: SkeletalArm, bins: int, seed: int = 0) -> Floats:
    """Smooth angles well inside their ranges, (bins, coordinates)."""
    phase, size = np.random.default_rng(seed).uniform(0.2, 1.0, (2, len(arm.coordinates)))
    return np.sin(6 * phase + 0.1 * np.arange(bins)[:, None]) * size


def test_exact_markers_give_the_angles(chain: SkeletalArm) -> None:
    angles = wandering(chain, 40)
    fit = fit_markers(chain, MARKERS, seen(chain, angles))
    np.testing.assert_allclose(fit.angles_rad, angles, atol=1e-7)
    assert fit.error_m.shape == (40, 6)
    assert fit.error_m.max() < 1e-8


def test_noisy_markers_are_fitted_as_scipy_fits_them(chain: SkeletalArm) -> None:
    rng = np.random.default_rng(1)
    weights = rng.uniform(0.1, 5.0, 6)
    angles = np.clip(2.5 * wandering(chain, 30, 2), -1.2, 1.2)  # some at the ends of their ranges
    targets = seen(chain, angles) + 0.01 * rng.normal(size=(30, 6, 3))
    targets[3, 2] = targets[4, :3] = targets[7, 5] = np.nan
    fit = fit_markers(chain, MARKERS, targets, weights=weights)
    low, high = bounds(chain)
    ends = 0
    for index in range(30):
        there = ~np.isnan(targets[index, :, 0])
        roots = np.sqrt(weights[there])[:, None]

        def gap(posture: Floats, at: int = index, there: Floats = there, roots: Floats = roots):
            return ((seen(chain, posture[None])[0] - targets[at])[there] * roots).ravel()

        found = fit.angles_rad[index]
        expected = least_squares(
            gap, found, bounds=(low - 1e-12, high + 1e-12), xtol=1e-15, ftol=1e-15, gtol=1e-15
        )
        assert np.abs(found - expected.x).max() < 1e-4
        assert 0.5 * (gap(found) ** 2).sum() <= expected.cost + 1e-12
        ends += int(((found == low) | (found == high)).any())
    assert ends > 3
    distances = np.linalg.norm(seen(chain, fit.angles_rad) - targets, axis=2)
    np.testing.assert_allclose(fit.error_m, distances, atol=1e-12)


def test_missing_markers_stay_missing(chain: SkeletalArm) -> None:
    angles = wandering(chain, 12)
    targets = np.tile(seen(chain, angles), (2, 1, 1, 1))
    targets[0, 5] = np.nan
    targets[0, 6, 1, 2] = np.nan
    targets[1] = np.nan
    fit = fit_markers(chain, MARKERS, targets)
    assert np.isnan(fit.angles_rad[0, 5]).all()
    assert np.isnan(fit.error_m[0, 5]).all()
    assert np.isnan(fit.error_m[0, 6]).tolist() == [False, True, False, False, False, False]
    assert np.isnan(fit.angles_rad[1]).all()
    rest = np.arange(12) != 5
    np.testing.assert_allclose(fit.angles_rad[0, rest], angles[rest], atol=1e-6)


def test_markers_without_weight_are_measured_only(chain: SkeletalArm) -> None:
    targets = seen(chain, wandering(chain, 6))
    targets[:, 5] += 0.1
    fit = fit_markers(chain, MARKERS, targets, weights=[1, 1, 1, 1, 1, 0], start_rad=np.zeros(6))
    assert fit.error_m[:, :5].max() < 1e-8
    np.testing.assert_allclose(fit.error_m[:, 5], 0.1 * np.sqrt(3), atol=1e-7)


def test_trials_are_fitted_on_their_own(chain: SkeletalArm) -> None:
    targets = np.stack([seen(chain, wandering(chain, 8, one)) for one in range(5)])
    together = fit_markers(chain, MARKERS, targets, threads=2)
    for one in range(5):
        alone = fit_markers(chain, MARKERS, targets[one])
        np.testing.assert_array_equal(together.angles_rad[one], alone.angles_rad)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"markers": ("hand", "hand")}, "markers must be different names, got hand, hand"),
        ({"markers": ("hand", "nose")}, "marker must be one of .* got 'nose'"),
        ({"targets_m": np.zeros((4, 3, 3))}, r"targets_m must have shape \(\[trials,\] bins, 2, 3"),
        ({"targets_m": np.full((4, 2, 3), np.inf)}, "targets_m must be finite, got inf"),
        ({"weights": [1.0]}, r"weights must have shape \(2,\), got \(1,\)"),
        ({"weights": [0.0, 0.0]}, "weights must be 0 or more, and one of them more"),
        ({"weights": [-1.0, 1.0]}, "weights must be 0 or more"),
        ({"start_rad": np.full(6, 3.0)}, "a must be in"),
        ({"threads": 0}, "threads must be 1 or more"),
    ],
)
def test_refused_markers(chain: SkeletalArm, options: dict[str, Any], message: str) -> None:
    given = {"markers": ("hand", "elbow"), "targets_m": np.zeros((4, 2, 3))} | options
    with pytest.raises(ValueError, match=message):
        fit_markers(chain, **given)
