"""Movements on their way into a training: each once an epoch, whole wherever they begin."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from proprio_tcn.movements.making import make_movements
from proprio_tcn.movements.opening import StoredMovements
from proprio_tcn.movements.storage import write_movements
from proprio_tcn.movements_config import MovementSettings
from proprio_tcn.networks.settings import TrunkSettings
from proprio_tcn.tasks.sixteen import TASKS
from proprio_tcn.training.batches import ArrayMovements, Movements, other_trials, shift_movements
from proprio_tcn.training.fitting import planned_updates, train_network
from proprio_tcn.training.lesson import Lesson, evaluate
from proprio_tcn.training.reading import Reading
from proprio_tcn.training.settings import TrainSettings

BINS = 64
TRUNK = TrunkSettings(spatial_kernels=[4, 8], spatial_kernel_size=3, temporal_kernel_size=3)
QUICK = TrainSettings(epochs=2, batch=16, learning_rate=5e-3)


def test_each_epoch_sees_every_movement_once() -> None:
    numbered = ArrayMovements(
        ("a",),
        {
            "spindle": np.arange(64, dtype=np.float32)[:, None, None, None]
            + np.zeros((1, 1, 4, 2)),
            "moving": np.ones((64, 4), bool),
            "letter": np.zeros(64, np.int64),
        },
    )
    reading = Reading(TASKS["action_recognition"], None, [0], 4, QUICK)
    lesson = Lesson([reading], numbered, seed=0)
    assert lesson.epoch_updates == 4
    assert planned_updates(TASKS["action_recognition"], QUICK, 64) == 8
    seen = [lesson.questions(update)[0].inputs[0][:, 0, 0, 0].tolist() for update in range(8)]
    first, second = ([one for part in half for one in part] for half in (seen[:4], seen[4:]))
    assert sorted(first) == sorted(second) == list(range(64))
    assert first != second
    assert seen[5] == lesson.questions(5)[0].inputs[0][:, 0, 0, 0].tolist()


def test_shifted_movements_are_whole(sets: tuple[ArrayMovements, ArrayMovements]) -> None:
    batch = dict(sets[0].arrays)
    moved = shift_movements(batch, np.random.default_rng(0))
    starts, before = (one["moving"].argmax(axis=1) for one in (moved, batch))
    assert (moved["moving"].sum(axis=1) == 40).all()
    assert starts.min() == 0
    assert starts.max() == BINS - 40
    assert (starts != before).mean() > 0.9
    for key in ("spindle", "hand_velocity"):
        for i in range(8):
            old = np.moveaxis(batch[key][i], 1, 0)[before[i] : before[i] + 40]
            new = np.moveaxis(moved[key][i], 1, 0)[starts[i] : starts[i] + 40]
            np.testing.assert_array_equal(old, new)
    np.testing.assert_array_equal(moved["letter"], batch["letter"])


def test_the_other_trial_is_of_the_same_writer_and_letter() -> None:
    rng = np.random.default_rng(0)
    made = {"writer": np.arange(90) % 3, "letter": np.arange(90) // 3 % 5}
    # of the last pair there are two trials, of the others six
    kept = np.r_[np.arange(89 - 12)[np.arange(77) % 15 != 14], 14, 29]
    one = ArrayMovements((), {key: values[kept] for key, values in made.items()})
    chosen = rng.permutation(len(one))
    partners = np.stack([other_trials(one, chosen, rng) for _ in range(60)])
    assert (partners != chosen).all()
    for values in (one.writer, one.letter):
        assert (values[partners] == values[chosen]).all()
    # every other trial is drawn at times
    pair = np.stack([one.writer, one.letter])
    for place, mine in enumerate(chosen):
        others = np.flatnonzero((pair == pair[:, [mine]]).all(axis=0))
        assert {*partners[:, place].tolist()} == {*others.tolist()} - {int(mine)}
    lonely = ArrayMovements((), {"writer": np.arange(4), "letter": np.zeros(4, np.int64)})
    reaches = ArrayMovements((), {"writer": np.zeros(4), "letter": np.full(4, -1)})
    for wrong, got in ((lonely, "letters with one trial"), (reaches, "reaches")):
        with pytest.raises(ValueError, match=f"that every writer wrote twice .* got {got}: give"):
            other_trials(wrong, np.arange(4), rng)


def test_two_trials_are_two_views(sets: tuple[ArrayMovements, ArrayMovements]) -> None:
    reading = Reading(TASKS["redundancy_reduction"], None, [0], BINS, QUICK)
    question = Lesson([reading], sets[0], seed=0).questions(0)[0]
    first, second = (one.numpy() for one in question.inputs)
    spindle, letter = sets[0].arrays["spindle"], sets[0].arrays["letter"]
    found = [
        [int(np.flatnonzero((spindle == one).all(axis=(1, 2, 3)))[0]) for one in view]
        for view in (first, second)
    ]
    np.testing.assert_array_equal(letter[found[0]], letter[found[1]])
    assert not {*zip(*found, strict=True)} & {(one, one) for one in range(64)}
    # each is told when it moves itself
    for places, told in zip(found, question.told, strict=True):
        assert told.moving is not None
        np.testing.assert_array_equal(told.moving.numpy(), sets[0].arrays["moving"][places])


def test_nothing_is_not_scored(sets: tuple[ArrayMovements, ArrayMovements]) -> None:
    none = ArrayMovements(sets[0].muscles, {key: one[:0] for key, one in sets[0].arrays.items()})
    reading = Reading(TASKS["action_recognition"], None, [0], BINS, QUICK)
    with pytest.raises(ValueError, match="movements must be at least one to be scored, got none"):
        evaluate(reading, lambda *_: torch.zeros(0, 20), none, seed=0)


def test_movements_in_a_file_can_be_learnt_from(linear_arm: Any, tmp_path: Path) -> None:
    drawn = MovementSettings(
        arm="linear", writers=4, shares=[0.5, 0.25, 0.25], start_points=50, max_joint_jerk=5.0
    )
    kept = [
        make_movements(linear_arm, drawn, split, solve=linear_arm.solve)
        for split in ("train", "val")
    ]
    for one in kept:
        write_movements(tmp_path / f"dataset_{one.split}.hdf5", one, "full")
    settings = replace(QUICK, epochs=1, shift=True)
    args = (TASKS["hand_position"], replace(TRUNK, spatial_kernels=[2]))
    with StoredMovements(tmp_path, "train") as train, StoredMovements(tmp_path, "val") as other:
        stored: tuple[Movements, Movements] = (train, other)
        found = train_network(*args, *stored, settings, tmp_path / "file", seed=0)
    again = train_network(*args, *kept, settings, tmp_path / "memory", seed=0)
    assert found.metrics == again.metrics
