"""What layers say, and when: against plain interpolation and scikit-learn's PCA."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA
from torch import Tensor

from proprio_tcn.movements.format import BINS
from proprio_tcn.networks.settings import TrunkSettings
from proprio_tcn.networks.trunk import build_trunk
from proprio_tcn.neural.features import layer_features, output_positions, spindle_input
from proprio_tcn.neural.recording import Recording
from proprio_tcn.neural.windows import Windows, active_windows

MUSCLES = 6


def session(trials: int = 20, seed: int = 0, bins: int = 90) -> Recording:
    rng = np.random.default_rng(seed)
    walk = rng.normal(size=(trials, bins, MUSCLES)).cumsum(axis=1) + 100
    onset = rng.integers(5, 10, trials)
    return Recording(
        rng.poisson(0.3, (trials, bins, 2)),
        np.full(trials, bins),
        {"muscle_length": walk.astype(np.float32)},
        movement_onset=onset,
        movement_end=onset + rng.integers(40, 60, trials),
        bump_onset=np.full(trials, -1),
        target_direction_deg=np.full(trials, np.nan),
        bump_direction_deg=np.full(trials, np.nan),
        neurons=("a", "b"),
        muscles=tuple(f"m{number}" for number in range(MUSCLES)),
    )


class Copies:
    """A network whose outputs copy the input bin that they are centred on."""

    def __init__(self, stride: int, first: int) -> None:
        bins = (BINS - 1 - first) // stride + 1
        self.geometry = [
            SimpleNamespace(
                name="copy", kind="temporal", bins=bins, stride=stride, first_centre=first
            )
        ]
        self.stride, self.first = stride, first

    def layers(self, spindle: Tensor, mask: Tensor | None = None) -> list[Tensor]:
        return [spindle[:, :, self.first :: self.stride].permute(0, 3, 1, 2)]


def test_inputs_are_placed_and_held_at_the_edges() -> None:
    recording = session()
    windows = active_windows(recording)
    spindle = spindle_input(recording, windows)
    assert spindle.shape == (20, MUSCLES, BINS, 2)
    lengths = recording.kinematics["muscle_length"][3].T
    start, stop = windows.start[3], windows.stop[3]
    np.testing.assert_array_equal(
        spindle[3, :, 100 : 100 + stop - start, 0], lengths[:, start:stop]
    )
    np.testing.assert_array_equal(spindle[3, :, :100, 0], np.repeat(lengths[:, [start]], 100, 1))
    assert (spindle[3, :, 100 + stop - start :, 0] == lengths[:, [stop - 1]]).all()
    np.testing.assert_allclose(
        spindle[..., 1], np.gradient(spindle[..., 0], 0.01, axis=2), rtol=1e-3, atol=1e-2
    )
    assert (spindle[:, :, :99, 1] == 0).all()
    seen = spindle_input(recording, windows, padding="recorded")
    np.testing.assert_array_equal(seen[3, :, 100 - start : 190 - start, 0], lengths)
    with pytest.raises(
        ValueError, match=r"at most 20 bins from bin 380 of 400, got \d+: leave long"
    ):
        spindle_input(recording, windows, placement=380)


@pytest.mark.parametrize(("stride", "first"), [(1, 0), (2, 1), (16, 5), (81, 3)])
def test_a_copying_network_has_no_lag(stride: int, first: int) -> None:
    """A ramp comes back as it was, at any stride, wherever the first output is centred."""
    recording = session(bins=280)
    ramp = np.broadcast_to(
        np.arange(280)[:, None] * np.arange(1, MUSCLES + 1.0), (20, 280, MUSCLES)
    )
    recording.kinematics["muscle_length"][:] = ramp  # type: ignore[index]
    start = np.arange(60, 80)
    windows = Windows(np.arange(20), start, start + 50, np.full(20, np.nan), "active")
    spindle = spindle_input(recording, windows, padding="recorded")
    (found,) = layer_features("copy", Copies(stride, first), spindle, windows, np.arange(15))
    window, place = windows.rows()
    centre = 100 + place
    position = np.clip((centre - first) / stride, 0, None)
    low = np.floor(position).astype(int)
    # where the ramp itself is straight between the two outputs
    inside = (first + low * stride >= 100 - windows.start[window]) & (
        first + (low + 1) * stride < 380 - windows.start[window]
    )
    assert inside.sum() > 300
    wanted = (windows.start[window] + place)[inside]
    one = found.values[inside, 0]
    slope, offset = np.polyfit(wanted, one, 1)
    np.testing.assert_allclose(one, slope * wanted + offset, atol=1e-3 * abs(slope))


def test_compat_ties_the_ends() -> None:
    geometry = Copies(16, 5).geometry[0]
    low, part = output_positions(geometry, [0, 399], compat=True)
    assert (low + part).tolist() == [0, geometry.bins - 1]
    low, part = output_positions(geometry, [0, 5, 13, 21, 399])
    np.testing.assert_allclose(low + part, [0, 0, 0.5, 1, (389 - 5) / 16])
    # the published way is off by half a layer's stride and more at the end
    off = (low + part)[-1] - output_positions(geometry, 383, compat=True)[1]
    assert off > 0


SETTINGS = TrunkSettings(spatial_kernels=[4, 8], spatial_kernel_size=3, temporal_kernel_size=5)


def plain_features(spindle: np.ndarray, windows: Windows, layer: int) -> np.ndarray:
    """All outputs interpolated, then cut: what the fast way must equal."""
    trunk = build_trunk(SETTINGS, MUSCLES, 0).eval()
    with torch.inference_mode():
        output = trunk.layers(torch.from_numpy(spindle))[layer].numpy()
    geometry = trunk.geometry[layer]
    flat = output.transpose(0, 3, 1, 2).reshape(*output.shape[::3], -1).astype(np.float64)
    centres = np.asarray(geometry.centres())
    window, place = windows.rows()
    rows = np.empty((len(window), flat.shape[2]))
    for row, (one, bin_) in enumerate(zip(window, place, strict=True)):
        for feature in range(flat.shape[2]):
            rows[row, feature] = np.interp(100 + bin_, centres, flat[one, :, feature])
    return rows


def test_components_are_those_of_training_bins() -> None:
    recording = session()
    windows = active_windows(recording)
    spindle = spindle_input(recording, windows)
    train = np.arange(0, 20, 2)
    trunk = build_trunk(SETTINGS, MUSCLES, 0).eval()
    found = layer_features("net", trunk, spindle, windows, train, components=5, batch=7)
    assert [one.layer for one in found] == [one.name for one in trunk.geometry]
    assert [one.depth for one in found] == [1, 2]
    for layer, features in enumerate(found):
        plain = plain_features(spindle, windows, layer)
        rows = np.isin(windows.rows()[0], train)
        # components are linear in the interpolated activations ...
        design = np.column_stack([plain, np.ones(len(plain))])
        weights = np.linalg.lstsq(design[rows], features.values[rows], rcond=None)[0]
        np.testing.assert_allclose(design @ weights, features.values, atol=2e-4)
        # ... centred on the training bins, orthonormal, and span what PCA of these bins spans
        np.testing.assert_allclose(features.values[rows].mean(axis=0), 0, atol=1e-4)
        wanted = PCA(5).fit(plain[rows])
        ours = features.values[rows].astype(float)
        share = ours.var(axis=0, ddof=1).sum() / wanted.explained_variance_.sum()
        assert 0.97 < share < 1.0 + 1e-6


def test_test_trials_never_change_training_features() -> None:
    recording, other = session(), session(seed=9)
    train = np.arange(0, 20, 2)
    changed = recording.kinematics["muscle_length"].copy()
    changed[1::2] = 5 * other.kinematics["muscle_length"][1::2]
    windows = active_windows(recording)
    trunk = build_trunk(SETTINGS, MUSCLES, 0).eval()
    rows = np.isin(windows.rows()[0], train)

    def values(lengths: Any) -> list[np.ndarray]:
        recording.kinematics["muscle_length"] = lengths  # type: ignore[index]
        spindle = spindle_input(recording, windows)
        return [one.values for one in layer_features("net", trunk, spindle, windows, train)]

    before = values(recording.kinematics["muscle_length"])
    for one, two in zip(before, values(changed), strict=True):
        np.testing.assert_array_equal(one[rows], two[rows])
        assert np.abs(one[~rows] - two[~rows]).max() > 0.1


def test_published_number_of_components_and_leading_ones_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from proprio_tcn.neural import features

    recording = session()
    windows = active_windows(recording)
    spindle = spindle_input(recording, windows)
    trunk = build_trunk(SETTINGS, MUSCLES, 0).eval()
    train = np.arange(15)
    all_of_them = layer_features("net", trunk, spindle, windows, train, components=75)
    for one, layer in zip(all_of_them, trunk.geometry, strict=True):
        assert one.values.shape[1] <= layer.features - 1
    few = layer_features("net", trunk, spindle, windows, train, components=2)
    monkeypatch.setattr(features, "_LARGE", 1)
    lanczos = layer_features("net", trunk, spindle, windows, train, components=2)
    for one, two in zip(few, lanczos, strict=True):
        np.testing.assert_allclose(one.values, two.values, atol=1e-3)


@pytest.mark.parametrize(
    "settings",
    [
        TrunkSettings(
            family="temporal_spatial", spatial_kernels=[4, 4], temporal_kernels=[4, 4],
            spatial_kernel_size=3, temporal_strides=[3],
        ),
        TrunkSettings(
            family="recurrent", spatial_kernels=[4], units=8, spatial_kernel_size=3,
            temporal_strides=[],
        ),
        TrunkSettings(spatial_kernels=[4, 8], norm="masked"),
    ],
    ids=["temporal_spatial", "recurrent", "masked"],
)  # fmt: skip
def test_every_family_can_be_read(settings: TrunkSettings) -> None:
    recording = session()
    windows = active_windows(recording)
    spindle = spindle_input(recording, windows)
    trunk = build_trunk(settings, MUSCLES, 0).eval()
    found = layer_features("net", trunk, spindle, windows, np.arange(15))
    assert len(found) == len(trunk.geometry)
    for one in found:
        assert np.isfinite(one.values).all()
        assert len(one.values) == windows.length.sum()
        assert one.values.std() > 0
