"""Targets, their scales and their times."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.preprocessing import StandardScaler

from proprio_tcn.tasks.sixteen import TASKS
from proprio_tcn.tasks.targets import (
    TargetScale,
    interpolation_matrix,
    target_slices,
    target_values,
)


def batch(muscles: int = 5, n: int = 3, bins: int = 40) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    made = {
        key: rng.normal(size=(n, 3, bins)).astype(np.float32)
        for key in ("hand", "elbow", "hand_velocity", "elbow_velocity")
    }
    made["spindle"] = rng.normal(size=(n, muscles, bins, 2)).astype(np.float32)
    return made


def test_targets_stand_one_after_the_other() -> None:
    data = batch()
    task = TASKS["limb_position_velocity"]
    values = target_values(task, data)
    places = target_slices(task, 5)
    assert values.shape == (3, 12, 40)
    for key in ("hand", "elbow", "hand_velocity", "elbow_velocity"):
        np.testing.assert_array_equal(values[:, places[key]], data[key])
    auto = TASKS["autoencoder"]
    values = target_values(auto, data)
    np.testing.assert_array_equal(
        values[:, target_slices(auto, 5)["muscle_velocity"]], data["spindle"][..., 1]
    )
    data["hand"][1, 2, 3] = np.nan
    with pytest.raises(ValueError, match="targets of hand_position must be finite, got 1 that"):
        target_values(TASKS["hand_position"], data)
    with pytest.raises(ValueError, match=r"must be a regression .* got action_recognition"):
        target_values(TASKS["action_recognition"], data)


@given(offset=st.floats(-1e3, 1e3), spread=st.floats(0.1, 1e3), seed=st.integers(0, 99))
def test_the_scale_is_that_of_scikit_learn(offset: float, spread: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    values = (offset + spread * rng.normal(size=(7, 3, 20))).astype(np.float32)
    moving = rng.random((7, 20)) < 0.5
    scale = TargetScale.fit((values[i : i + 3], moving[i : i + 3]) for i in range(0, 7, 3))
    oracle = StandardScaler().fit(np.moveaxis(values, 1, 2)[moving].astype(np.float64))
    np.testing.assert_allclose(scale.mean, oracle.mean_, rtol=1e-9)
    np.testing.assert_allclose(scale.scale, oracle.scale_, rtol=1e-6)
    standard = scale.standardise(values)
    assert np.abs(np.moveaxis(standard, 1, 2)[moving].std(axis=0) - 1).max() < 1e-2
    np.testing.assert_allclose(scale.restore(standard), values, rtol=1e-5, atol=1e-4 * spread)


def test_constant_channels_stay_finite() -> None:
    # A23: six of the published arm's muscles never change
    values = np.repeat(np.float32([[134.76], [0.0], [1e-30]]), 50, axis=1)[None].repeat(4, axis=0)
    scale = TargetScale.fit([(values, np.ones((4, 50), bool))])
    np.testing.assert_array_equal(scale.scale, 1)
    assert np.abs(scale.standardise(values)).max() < 1e-4
    rounded = values + np.float32(1e-6) * np.random.default_rng(0).normal(size=values.shape)
    assert np.isfinite(TargetScale.fit([(rounded, np.ones((4, 50), bool))]).scale).all()


def test_only_bins_of_the_movement_count() -> None:
    values = np.zeros((1, 1, 10), np.float32)
    values[0, 0, 4:6] = [10, 14]
    moving = np.zeros((1, 10), bool)
    with pytest.raises(ValueError, match="at least one bin must move"):
        TargetScale.fit([(values, moving)])
    moving[0, 4:6] = True
    scale = TargetScale.fit([(values, moving)])
    assert (scale.mean[0], scale.scale[0]) == (12, 2)
    with pytest.raises(ValueError, match="got NaN or infinity in a movement"):
        TargetScale.fit([(values * np.nan, moving)])
    with pytest.raises(ValueError, match=r"values must be \(n, 1, ...\) .* got \(1, 2, 10\)"):
        scale.standardise(np.zeros((1, 2, 10)))


def test_raw_scale_changes_nothing() -> None:
    values = np.random.default_rng(0).normal(size=(2, 3, 4)).astype(np.float32)
    np.testing.assert_array_equal(TargetScale.raw(3).standardise(values), values)


def test_slopes_leave_what_is_not_linear_in_the_spindles() -> None:
    rng = np.random.default_rng(0)
    spindle, slopes = rng.normal(size=(2, 5, 40, 2)), rng.normal(size=(3, 5, 2))
    rest = rng.normal(size=(2, 3, 40)).astype(np.float32)
    linear = np.einsum("cmk,nmbk->ncb", slopes, spindle)
    scale = TargetScale(np.array([1.0, 2.0, 3.0]), np.full(3, 4.0), slopes)
    values = linear + 4 * rest + scale.mean[:, None]
    np.testing.assert_allclose(scale.standardise(values, spindle), rest, atol=1e-5)
    np.testing.assert_allclose(scale.restore(rest, spindle), values, atol=1e-5)
    with pytest.raises(ValueError, match="spindle must be given to a scale with slopes, got none"):
        scale.restore(rest)


@pytest.mark.parametrize("stride", [1, 2, 8, 16, 3, 9, 27, 81])
def test_a_ramp_comes_back_without_lag(stride: int) -> None:
    # A15: an output that copies the sample at its centre foretells a ramp exactly
    bins = np.arange(400)
    centres = stride // 2 + stride * np.arange(-(-(400 - stride // 2) // stride))
    ramp = 0.7 * bins - 3
    copied = ramp[centres]
    for kind in ("linear", "cubic"):
        back = interpolation_matrix(centres, bins, kind) @ copied
        inside = slice(centres[0] + 2 * stride, centres[-1] - 2 * stride)
        if kind == "linear":
            inside = slice(centres[0], centres[-1] + 1)
        # a spline that ends flat bends near its ends, less with every knot
        tolerance = 1e-9 if kind == "linear" or stride == 1 else 0.7 * stride * 0.05
        assert np.abs(back - ramp)[inside].max(initial=0) < tolerance
        assert back[0] == pytest.approx(copied[0])
        assert back[-1] == pytest.approx(copied[-1])
    sampled = interpolation_matrix(bins, centres + 0.5) @ ramp
    np.testing.assert_allclose(sampled, np.minimum(ramp[centres] + 0.35, ramp[-1]), atol=1e-9)


@given(n=st.integers(1, 12), seed=st.integers(0, 99))
def test_rows_sum_to_one_and_known_values_stay(n: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    known = np.cumsum(rng.uniform(0.5, 9, n))
    for kind in ("linear", "cubic"):
        weights = interpolation_matrix(known, rng.uniform(-5, known[-1] + 5, 20), kind)
        np.testing.assert_allclose(weights.sum(axis=1), 1, atol=1e-9)
        np.testing.assert_allclose(interpolation_matrix(known, known, kind), np.eye(n), atol=1e-9)


def test_a_cubic_follows_a_stroke_better_than_lines() -> None:
    bins = np.arange(400)
    stroke = np.sin(2 * np.pi * bins / 60)
    centres = 15 + 16 * np.arange(25)
    inside = slice(15, 400)
    errors = {
        kind: np.abs(interpolation_matrix(centres, bins, kind) @ stroke[centres] - stroke)[
            inside
        ].mean()
        for kind in ("linear", "cubic")
    }
    assert errors["cubic"] < 0.3 * errors["linear"]


def test_times_are_checked() -> None:
    with pytest.raises(ValueError, match="known times must be"):
        interpolation_matrix([0, 2, 2], [1])
    with pytest.raises(ValueError, match='kind must be "linear" or "cubic", got \'spline\''):
        interpolation_matrix([0, 1], [1], "spline")  # type: ignore[arg-type]
