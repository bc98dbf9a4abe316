"""What a linear classifier finds in a frozen trunk, and where in time it looks."""

import numpy as np
import pytest
import torch

from proprio_tcn.baselines.probes import linear_probe, trunk_features
from proprio_tcn.networks.settings import TrunkSettings
from proprio_tcn.tasks.sixteen import TASKS
from proprio_tcn.training.batches import ArrayMovements
from proprio_tcn.training.settings import TrainSettings
from proprio_tcn.training.trained import Trained

BINS = 64
TRUNK = TrunkSettings("spatiotemporal", [4, 8], [], 3, 3, [1, 2], [1, 2], norm="masked")


def waves(seed: int, n: int = 120) -> ArrayMovements:
    """Three letters, each a sine of its own frequency, that begin anywhere."""
    rng = np.random.default_rng(seed)
    letter = rng.integers(0, 3, n)
    velocity = np.zeros((n, 4, BINS), np.float32)
    moving = np.zeros((n, BINS), bool)
    for i in range(n):
        start, length = rng.integers(0, 30), rng.integers(20, 30)
        phase = np.linspace(0, 1, length)
        parts = [np.sin(np.pi * (letter[i] + 1) * phase + shift) for shift in range(4)]
        velocity[i, :, start : start + length] = parts
        moving[i, start : start + length] = True
    spindle = np.stack([np.cumsum(velocity, axis=2), velocity], axis=3)
    arrays = {"spindle": spindle, "letter": letter, "moving": moving}
    return ArrayMovements(("a", "b", "c", "d"), arrays)


def untrained() -> Trained:
    return Trained.untrained(
        TASKS["redundancy_reduction"],
        TRUNK,
        ("a", "b", "c", "d"),
        scale=None,
        settings=TrainSettings(),
        seed=0,
        bins=BINS,
    )


def test_features_are_the_last_layer_from_the_first_moving_bin_to_the_last() -> None:
    trained, movements = untrained(), waves(0, 6)
    found = trunk_features(trained, movements, points=5)
    arrays = movements.arrays
    moving = trained.reading.tell({"moving": arrays["moving"]}).moving
    with torch.no_grad():
        values = trained.network.trunk(torch.from_numpy(arrays["spindle"]), moving).flatten(1, 2)
    times = trained.network.trunk.geometry[-1].first_centre + 2 * np.arange(values.shape[2])
    for row, one, mask in zip(found, values.numpy(), arrays["moving"], strict=True):
        bins = np.flatnonzero(mask)
        at = np.linspace(bins[0], bins[-1], 5)
        oracle = np.stack([np.interp(at, times, channel) for channel in one])
        np.testing.assert_allclose(row.reshape(oracle.shape), oracle, atol=1e-5)


def test_a_movement_that_never_moves_is_told() -> None:
    movements = waves(0, 6)
    movements.arrays["moving"][3] = False
    with pytest.raises(ValueError, match="every movement must have bins that move, got one"):
        trunk_features(untrained(), movements)


def test_a_probe_finds_letters_wherever_they_begin() -> None:
    sets = [waves(seed) for seed in (1, 2, 3)]
    assert linear_probe(untrained(), *sets, seed=0) > 0.8
