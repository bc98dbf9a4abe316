"""Encoders compute where the network is, with noise that is the same on every device."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy import stats

from proprio_tcn.networks.settings import TrunkSettings
from proprio_tcn.networks.trunk import Trunk
from proprio_tcn.spindles.encoders import SpindleSettings, encode
from proprio_tcn.spindles.keyed_noise import movement_keys, normal_numbers
from proprio_tcn.training.input_scale import ScaledTrunk
from proprio_tcn.training.spindle_encoding import SpindleEncoding

MUSCLES, BINS = 5, 60
TRUNK = TrunkSettings(spatial_kernels=[4, 6], spatial_kernel_size=3, temporal_kernel_size=3)
REST = np.linspace(80, 120, MUSCLES)
ENCODERS = [
    SpindleSettings(),
    SpindleSettings("prochazka", path_m=0.7),
    SpindleSettings("deepdraw"),
    SpindleSettings("afferents", length_scale=2.0, path_m=0.5),
]
NOISY = SpindleSettings("afferents", "gaussian", fibres=3)


def spindle(n: int = 4) -> np.ndarray:
    rng = np.random.default_rng(0)
    length = REST[:, None] + 3 * rng.normal(size=(n, MUSCLES, BINS)).cumsum(axis=2)
    return np.stack([length, np.gradient(length, 0.01, axis=2)], axis=3).astype(np.float32)


@pytest.mark.parametrize("settings", ENCODERS, ids=lambda one: one.encoder)
def test_tensors_are_encoded_as_arrays_are(settings: SpindleSettings) -> None:
    given = spindle()
    wanted = encode(given, settings, rest_mm=REST)
    for dtype, most in ((torch.float64, 1e-10), (torch.float32, 0.02)):
        found = encode(torch.from_numpy(given).to(dtype), settings, rest_mm=REST)
        assert found.dtype == dtype
        np.testing.assert_allclose(found.numpy(), wanted, rtol=1e-5, atol=most)
    with pytest.raises(ValueError, match="spindle must be finite: fill or mask its gaps"):
        encode(torch.full((1, MUSCLES, BINS, 2), torch.nan), settings, rest_mm=REST)
    with pytest.raises(ValueError, match=r"muscles, bins, 2\), got \(3, 4\)"):
        encode(torch.zeros(3, 4), settings)


def test_noise_on_tensors_is_refused_with_what_to_do() -> None:
    rng = np.random.default_rng(0)
    message = r"an array of numpy for noise=gaussian, got a tensor: give spindle.numpy\(\), or"
    with pytest.raises(ValueError, match=message):
        encode(torch.from_numpy(spindle()), NOISY, rest_mm=REST, rng=rng)


@pytest.mark.parametrize("settings", [*ENCODERS, NOISY], ids=lambda one: one.encoder + one.noise)
@pytest.mark.parametrize("members", [1, 3])
def test_nothing_leaves_the_device_of_the_network(settings: SpindleSettings, members: int) -> None:
    trunk = ScaledTrunk.of(Trunk(TRUNK, MUSCLES, BINS), None, SpindleEncoding(settings, REST))
    # a tensor of this device has no numbers: whatever takes them elsewhere raises
    there = trunk.to("meta")
    seen = there.padded(torch.zeros(2, MUSCLES, BINS, 2 * members, device="meta"), None, members)
    assert seen.device.type == "meta"
    assert seen.shape[1] == 2 * members
    there.encoding = SpindleEncoding(replace(NOISY, noise="gamma"), REST)
    with pytest.raises(NotImplementedError, match="Cannot copy out of meta tensor"):
        there.padded(torch.zeros(2, MUSCLES, BINS, 2, device="meta"), None)


def splitmix64(state: int) -> int:
    """As published, in whole numbers of any size."""
    state = (state ^ (state >> 30)) * 0xBF58476D1CE4E5B9 % 2**64
    state = (state ^ (state >> 27)) * 0x94D049BB133111EB % 2**64
    return state ^ (state >> 31)


def test_normal_numbers_are_those_of_splitmix_and_box_and_muller() -> None:
    keys = [0, 7, -3, 2**63 - 1]
    found = normal_numbers(torch.tensor(keys), 5).numpy()
    for key, row in zip(keys, found, strict=True):
        for pair in range(2):
            drawn = splitmix64((key + (pair + 1) * 0x9E3779B97F4A7C15) % 2**64)
            radius = np.sqrt(-2 * np.log(((drawn >> 40) + 0.5) / 2**24))
            turn = 2 * np.pi * (drawn % 2**24) / 2**24
            wanted = [radius * np.cos(turn), radius * np.sin(turn)]
            np.testing.assert_allclose(row[2 * pair : 2 * pair + 2], wanted, atol=3e-6)


def test_normal_numbers_are_normal_and_independent() -> None:
    keys = movement_keys(torch.from_numpy(spindle(40)), 3)
    assert len(set(keys.tolist())) == 40
    drawn = normal_numbers(keys, 2001).numpy().astype(np.float64)
    assert stats.kstest(drawn.ravel(), "norm").pvalue > 0.01
    assert abs(np.corrcoef(drawn) - np.eye(40)).max() < 0.12
    assert abs(np.corrcoef(drawn.T[:50]) - np.eye(50)).max() < 0.75  # of 40 each
    assert abs(stats.kurtosis(drawn.ravel())) < 0.05


def test_a_key_is_of_every_value_and_of_the_seed() -> None:
    given = torch.from_numpy(spindle(2))
    keys = movement_keys(given, 5)
    assert torch.equal(movement_keys(given[[1, 0]], 5), keys[[1, 0]])
    assert not (movement_keys(given, 6) == keys).any()
    assert torch.equal(movement_keys(given.double(), 2**64 + 5), keys)
    changed = given.clone()
    changed[0, 3, 59, 1] += 1e-3
    assert (movement_keys(changed, 5) == keys).tolist() == [False, True]
    # values that change places are another movement
    swapped = given.flip(1)
    assert not (movement_keys(swapped, 5) == keys).any()


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
@pytest.mark.parametrize("settings", [*ENCODERS, NOISY], ids=lambda one: one.encoder + one.noise)
def test_a_gpu_gives_what_the_cpu_gives(settings: SpindleSettings) -> None:
    encoding = SpindleEncoding(settings, REST, seed=4)
    given = torch.from_numpy(spindle())
    found = encoding.encode(given.cuda(), 2)
    assert found.device.type == "cuda"
    torch.testing.assert_close(found.cpu(), encoding.encode(given, 2), rtol=1e-4, atol=0.02)
