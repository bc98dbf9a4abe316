"""Classifiers of letters on movements that start anywhere."""

import numpy as np
import pytest

from proprio_tcn.baselines.letters import (
    classify_letters,
    cut_velocity,
    score_letter_baselines,
    uncut_velocity,
)
from proprio_tcn.training.batches import ArrayMovements


def movements(seed: int, n: int = 120, bins: int = 60) -> ArrayMovements:
    """Four letters, each a sine of its own frequency, of any length and start."""
    rng = np.random.default_rng(seed)
    letter = rng.integers(0, 4, n)
    velocity = np.zeros((n, 2, bins), np.float32)
    moving = np.zeros((n, bins), bool)
    for i in range(n):
        length = rng.integers(15, 25)
        start = rng.integers(0, bins - length)
        phase = np.linspace(0, 1, length)
        part = slice(start, start + length)
        velocity[i, 0, part] = np.sin(np.pi * (letter[i] + 1) * phase)
        velocity[i, 1, part] = np.cos(np.pi * (letter[i] + 1) * phase)
        moving[i, part] = True
    velocity += 0.05 * rng.normal(size=velocity.shape).astype(np.float32)
    spindle = np.stack([np.cumsum(velocity, axis=2), velocity], axis=3)
    arrays = {"spindle": spindle, "letter": letter, "moving": moving}
    return ArrayMovements(("a", "b"), arrays)


def test_cutting_and_stretching_is_interpolation() -> None:
    one = movements(0, 5)
    found = cut_velocity(one, points=16).reshape(5, 2, 16)
    for i in range(5):
        bins = np.flatnonzero(one.arrays["moving"][i])
        at = np.linspace(bins[0], bins[-1], 16)
        for muscle in range(2):
            oracle = np.interp(at, np.arange(60), one.arrays["spindle"][i, muscle, :, 1])
            np.testing.assert_allclose(found[i, muscle], oracle, atol=1e-6)
    one.arrays["moving"][2] = False
    with pytest.raises(ValueError, match="every movement must have bins that move"):
        cut_velocity(one)


def test_cut_movements_are_told_apart_and_uncut_ones_less() -> None:
    sets = [movements(seed) for seed in (1, 2, 3)]
    scores = score_letter_baselines(*sets, seed=0)
    assert min(scores["k_nearest"], scores["logistic"]) > 0.97
    assert max(scores["k_nearest_uncut"], scores["logistic_uncut"]) < 0.8
    assert scores == score_letter_baselines(*sets, seed=0)
    assert uncut_velocity(sets[0]).shape == (120, 120)


def test_settings_are_chosen_on_validation_alone() -> None:
    rng = np.random.default_rng(0)
    features = rng.normal(size=(300, 4))
    letter = (features[:, 0] > 0).astype(int)
    noisy = np.where(rng.random(300) < 0.3, 1 - letter, letter)
    parts = [(features[part], labels[part]) for part, labels in (
        (slice(0, 200), noisy), (slice(200, 250), letter), (slice(250, 300), letter)
    )]  # fmt: skip
    # one neighbour would copy the wrong labels
    assert classify_letters(*parts, seed=0)["k_nearest"] > 0.8
