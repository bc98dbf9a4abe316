import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from proprio_tcn.movements.augmentation import (
    Latents,
    affine,
    augment,
    change_speed,
    draw_latents,
    embed,
    resize,
)
from proprio_tcn.movements_config import MovementSettings

TRACE = np.cumsum(np.random.default_rng(0).standard_normal((2, 60)), axis=1)


@pytest.mark.parametrize(
    ("size", "speed", "bins"), [(0.7, 0.8, 52), (1.3, 1.4, 55), (1.0, 1.0, 60), (1.3, 1.2, 65)]
)
def test_a_letter_of_60_bins_takes_as_long_as_published(size: float, speed: float, bins: int):
    trace = augment(TRACE, Latents(size=size, rotation_deg=15, shear_x_deg=-30, speed=speed))
    assert trace.shape == (2, bins)


def test_resizing_scales_the_letter_and_keeps_the_speed():
    line = np.stack([0.1 * np.arange(100.0), -0.2 * np.arange(100.0)])
    for size in (0.7, 1.3):
        resized = resize(line, size)
        assert resized.shape[1] == int(100 * size)
        steps = np.diff(resized, axis=1)[:, 2:]
        np.testing.assert_allclose(steps, [[0.1], [-0.2]] * np.ones_like(steps))
        np.testing.assert_array_equal(resized[:, 0], line[:, 0])


@given(st.floats(0.5, 1.5))
def test_resizing_follows_the_formula(size: float):
    bins = int(np.floor(60 * size))
    steps = np.concatenate([np.zeros((2, 1)), np.diff(TRACE)], axis=1)
    at = np.linspace(0, 59, bins)
    expected = [
        np.cumsum(np.interp(at, np.arange(60), v)) + x[0]
        for v, x in zip(steps, TRACE, strict=False)
    ]
    np.testing.assert_allclose(resize(TRACE, size), expected, atol=1e-12)


@given(st.floats(0.6, 2.0))
def test_speed_follows_the_formula(speed: float):
    bins = int(np.floor(60 / speed))
    at = np.linspace(0, 59, bins)
    expected = [np.interp(at, np.arange(60), x) for x in TRACE]
    np.testing.assert_allclose(change_speed(TRACE, speed), expected, atol=1e-12)


def test_the_affine_map_turns_first_and_shears_about_the_origin():
    point = np.array([[1.0], [0.0]])
    np.testing.assert_allclose(affine(point, 90, 0, 0), [[0.0], [1.0]], atol=1e-15)
    turned_then_sheared = affine(point, 90, 45, 0)
    np.testing.assert_allclose(turned_then_sheared, [[1.0], [1.0]], atol=1e-15)
    np.testing.assert_allclose(affine(point, 0, 0, 30), [[1.0], [np.tan(np.pi / 6)]])
    np.testing.assert_array_equal(affine(np.zeros((2, 1)), 30, 30, -15), np.zeros((2, 1)))


def test_planes_lie_in_the_world_as_published():
    trace, start = np.array([[2.0], [3.0]]), np.array([10.0, 20.0, 30.0])
    np.testing.assert_array_equal(embed(trace, "horizontal", start)[:, 0], [13.0, 18.0, 30.0])
    np.testing.assert_array_equal(embed(trace, "vertical", start)[:, 0], [10.0, 18.0, 33.0])
    with pytest.raises(ValueError, match="plane must be one of horizontal, vertical, got 'up'"):
        embed(trace, "up", start)


def test_latents_are_drawn_evenly_and_independently():
    rng = np.random.default_rng(0)
    settings = MovementSettings()
    drawn = np.array([draw_latents(settings, rng) for _ in range(6000)])
    for column, levels in enumerate([3, 5, 5, 5, 4, 3]):
        values, counts = np.unique(drawn[:, column], return_counts=True)
        assert len(values) == levels
        assert np.abs(counts / 6000 - 1 / levels).max() < 0.03
    correlation = np.corrcoef(drawn.T)
    assert np.abs(correlation - np.eye(6)).max() < 0.05


def test_without_augmentation_letters_stay_as_they_were_written():
    latents = draw_latents(MovementSettings(augment=False), np.random.default_rng(0))
    assert latents == Latents()
    np.testing.assert_allclose(augment(TRACE, latents), TRACE, atol=1e-12)


def test_what_leaves_nothing_is_refused():
    with pytest.raises(ValueError, match=r"size must leave at least 2 bins, got 0\.6"):
        resize(TRACE, 0.01)
    with pytest.raises(ValueError, match=r"speed must leave at least 2 bins, got 0\.06"):
        change_speed(TRACE, 1000.0)
    with pytest.raises(ValueError, match="size must leave at least 2 bins, got nan"):
        resize(TRACE, float("nan"))


@pytest.mark.parametrize(
    ("told", "message"),
    [
        ({"movements": "dances"}, "movements must be one of letters, reaches, got 'dances'"),
        ({"muscles": "some"}, "muscles must be one of moving, all, got 'some'"),
        ({"planes": ["up"]}, "planes must be one of horizontal, vertical, got 'up'"),
        ({"planes": []}, "planes must hold at least one value, got none"),
        ({"writers": 0}, "writers must be at least 1, got 0"),
        ({"jitter": 1.0}, r"jitter must be in \[0, 0\.5\], got 1"),
        ({"seed": -1}, "seed must be at least 0, got -1"),
        ({"sizes": [3.0]}, r"sizes must be in \[0\.2, 1\.8\], got 3"),
        ({"speeds": [0.1]}, r"speeds must be in \[0\.5, 3\], got 0\.1"),
        ({"max_joint_jerk": float("nan")}, "max_joint_jerk must be above 0, got nan"),
    ],
)
def test_settings_out_of_range_are_refused(told: dict[str, object], message: str):
    with pytest.raises(ValueError, match=message):
        MovementSettings(**told)  # type: ignore[arg-type]
