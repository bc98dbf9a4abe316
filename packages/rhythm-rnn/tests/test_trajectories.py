"""Principal components and lengths of cycles, against scikit-learn, loops and circles."""

from typing import Any

import numpy as np
import pytest
from sklearn.decomposition import PCA

from neuro_common.rates import RateNetwork
from rhythm_rnn.activity import Activity, record
from rhythm_rnn.taps import Taps
from rhythm_rnn.trajectories import (
    cycle_lengths,
    orbit_length,
    principal_components,
    trajectories,
)


def circling(period: int, radius: float, noise: float = 0.0, cycles: int = 40) -> Activity:
    """Four units on a circle in two dimensions, a tap at the crest of the first."""
    time = np.arange(period * cycles + 1)
    angle = 2 * np.pi * time / period
    rng = np.random.default_rng(period)
    rates = 5 + radius * np.column_stack(
        [np.cos(angle), np.sin(angle), np.cos(angle), np.sin(angle)]
    )
    rates += noise * rng.standard_normal(rates.shape)
    taps = Taps(time[::period].astype(float), period, "valid")
    return Activity(10 / period, rates[:, 0], rates, taps, 1.0, 1.0)


def test_components_are_those_of_scikit_learn() -> None:
    rng = np.random.default_rng(0)
    mix = rng.standard_normal((6, 6)) * [3, 2, 1.5, 1, 0.5, 0.2]
    recordings = [rng.standard_normal((n, 6)) @ mix.T + offset for n, offset in ((200, 0), (90, 4))]
    found = principal_components(recordings, 4)
    oracle = PCA(4, svd_solver="full").fit(np.vstack(recordings))
    signs = np.sign((found.axes * oracle.components_).sum(axis=1))
    np.testing.assert_allclose(found.axes, signs[:, None] * oracle.components_, atol=1e-9)
    np.testing.assert_allclose(found.explained, oracle.explained_variance_ratio_, rtol=1e-9)
    expected = signs * oracle.transform(recordings[1])
    np.testing.assert_allclose(found.project(recordings[1]), expected, atol=1e-9)


def test_the_largest_loading_is_positive() -> None:
    rng = np.random.default_rng(1)
    for _ in range(5):
        axes = principal_components([rng.standard_normal((50, 5))], 5).axes
        largest = axes[np.arange(5), np.abs(axes).argmax(axis=1)]
        assert (largest > 0).all()
        np.testing.assert_allclose(axes @ axes.T, np.eye(5), atol=1e-12)


def test_lengths_are_sums_of_steps() -> None:
    rng = np.random.default_rng(2)
    path, taps = rng.random((120, 7)), np.array([4, 31, 60, 111])
    expected, published = [], []
    for begin, end in ((4, 31), (31, 60), (60, 111)):
        steps = [float(np.sqrt(((path[t + 1] - path[t]) ** 2).sum())) for t in range(begin, end)]
        expected.append(sum(steps))
        # the last step, to the tap itself, is not there
        published.append(sum(steps[:-1]))
    np.testing.assert_allclose(cycle_lengths(path, taps), expected, rtol=1e-12)
    np.testing.assert_allclose(cycle_lengths(path, taps, compat=True), published, rtol=1e-12)


def test_the_length_of_a_circle() -> None:
    angle = 2 * np.pi * np.arange(200) / 200
    circle = np.column_stack([3 * np.cos(angle), 3 * np.sin(angle), np.ones(200)])
    assert orbit_length(circle) == pytest.approx(200 * 6 * np.sin(np.pi / 200), rel=1e-12)
    laps = np.vstack([circle, circle, circle[:1]])
    assert cycle_lengths(laps, [0, 200, 400]) == pytest.approx([orbit_length(circle)] * 2)


def test_noise_lengthens_a_sampled_cycle_and_not_its_mean() -> None:
    quiet, noisy = (trajectories([circling(200, 1.0, noise)]) for noise in (0.0, 0.05))
    quiet_length = float(quiet.orbit_length[0])
    # each unit is scaled to a swing of 1: a circle of radius 1/2 in each of two planes
    assert quiet_length == pytest.approx(np.pi * np.sqrt(2), rel=1e-3)
    assert quiet.length_mean[0] == pytest.approx(quiet_length, rel=1e-3)
    # scaled to a wider range by its noise, so a little shorter
    assert 0.8 < noisy.orbit_length[0] / quiet_length < 1.1
    assert noisy.length_mean[0] / quiet_length > 2.5


def test_one_range_for_all_tempi_keeps_their_sizes() -> None:
    activities = [circling(100, 1.0), circling(200, 2.0)]
    ours, published = (trajectories(activities, compat=compat) for compat in (False, True))
    assert ours.orbit_length[1] / ours.orbit_length[0] == pytest.approx(2, rel=1e-2)
    assert published.orbit_length[1] / published.orbit_length[0] == pytest.approx(1, rel=1e-2)
    assert ours.length_mean[0] / published.length_mean[0] == pytest.approx(0.5 * 100 / 99, rel=1e-2)
    assert ours.cues.tolist() == [0.1, 0.05]
    assert ours.orbits.shape == (2, 100, 3)
    assert ours.components.explained[:2].sum() == pytest.approx(1)


def test_trajectories_of_a_network(beating: RateNetwork) -> None:
    found = trajectories(record(beating, [1.0, 2.0], duration_s=2.0, discard_s=0.5))
    # the rhythm scales with the cue, but the units that excite are held at their bias
    assert 1 < found.orbit_length[1] / found.orbit_length[0] < 2
    assert found.length_sd.max() < 0.02 * found.length_mean.min()
    path, taps = found.paths[0], found.taps[0]
    assert path.shape == (2000, 3)
    # the path meets the mean cycle at a tap
    assert np.linalg.norm(path[taps[3]] - found.orbits[0, 0]) < 0.05


def test_tempi_without_a_rhythm_are_left_out(beating: RateNetwork) -> None:
    activities = record(beating, [-1.0, 1.0], duration_s=2.0, discard_s=0.5)
    assert trajectories(activities).cues.tolist() == [1.0]
    with pytest.raises(ValueError, match="must have a valid rhythm at one cue, got -1: no rhythm"):
        trajectories(activities[:1])
    with pytest.raises(ValueError, match="must have a valid rhythm at one cue, got none"):
        trajectories([])


@pytest.mark.parametrize(
    ("recordings", "n", "message"),
    [
        ([np.ones((5, 3))], 4, r"n must be in \[1, 3\], the number of units, got 4"),
        ([np.ones((5, 3))], 0, r"n must be in \[1, 3\], the number of units, got 0"),
        ([np.ones((1, 3))], 1, "recordings must hold at least 2 samples together, got 1"),
        ([np.ones((5, 3))], 1, "recordings must vary, got rates that never change"),
    ],
)
def test_what_has_no_components_is_refused(recordings: Any, n: int, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        principal_components(recordings, n)


def test_taps_that_make_no_cycle_are_refused() -> None:
    path = np.ones((10, 2))
    with pytest.raises(TypeError, match="taps must be whole samples, integers, got float64"):
        cycle_lengths(path, [1.0, 4.0])
    with pytest.raises(ValueError, match=r"taps must be at least 2 rising samples, got \[4\]"):
        cycle_lengths(path, [4])
    with pytest.raises(ValueError, match="taps must lie in the 10 samples, got 4 to 10"):
        cycle_lengths(path, [4, 10])
