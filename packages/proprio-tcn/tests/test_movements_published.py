"""Published files: made here by numpy alone, as the publication made them, then opened and used."""

from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from neuro_common.files import FormatError
from proprio_tcn.arms.opening import open_arm
from proprio_tcn.cli import main
from proprio_tcn.movements.opening import StoredMovements, open_movements
from proprio_tcn.movements.published import PUBLISHED_COORDINATES, PUBLISHED_MUSCLES
from proprio_tcn.movements.storage import write_movements

MACAQUE = Path(__file__).resolve().parents[4] / "shared" / "data" / "arm" / "snap_scaled.osim"
NAME = "dataset_{}_snap_scaled_fin1_10all.hdf5"
OURS = {
    "spindle_info": "spindle",
    "muscle_acc": "muscle_acceleration",
    "endeffector_coords": "hand",
    "endeffector_vel": "hand_velocity",
    "endeffector_acc": "hand_acceleration",
    "elbow_coords": "elbow",
    "elbow_vel": "elbow_velocity",
    "elbow_acc": "elbow_acceleration",
    "joint_coords": "joint_angle",
    "joint_vel": "joint_velocity",
    "joint_acc": "joint_acceleration",
}


def published(n: int, seed: int, muscles: int = 39) -> tuple[dict[str, Any], Any, Any]:
    """Arrays of a published file, and where each sample starts and how long it lasts."""
    rng = np.random.default_rng(seed)
    length = rng.integers(60, 140, n)
    start = rng.integers(0, 400 - length)
    start[0] = 0
    courses = {
        "spindle_info": muscles,
        "endeffector_coords": 3,
        "elbow_coords": 3,
        "joint_coords": 4,
    }
    arrays: dict[str, Any] = {name: [] for name in courses}
    mixing = np.random.default_rng(0).normal(size=(39 + 3 + 3 + 4, 4))
    for first, bins in zip(start, length, strict=True):
        phase = np.linspace(0, 2 * np.pi, bins)[1:]
        ways = np.cumsum(
            np.sin(rng.uniform(0.5, 2, (4, 1)) * phase + rng.normal(size=(4, 1))), axis=1
        )
        moved = mixing @ np.pad(ways, ((0, 0), (1, 0))) + 100
        padded = np.pad(moved, ((0, 0), (first, 400 - first - bins)), mode="edge").astype(
            np.float32
        )
        rows = 0
        for name, count in courses.items():
            arrays[name].append(padded[rows : rows + count])
            rows += count
    arrays = {name: np.stack(array) for name, array in arrays.items()}
    lengths = arrays["spindle_info"]
    velocity = np.gradient(lengths, 0.01, axis=2)
    arrays["spindle_info"] = np.stack([lengths, velocity], axis=3)
    arrays["muscle_acc"] = np.gradient(velocity, 0.01, axis=2)
    for stem in ("endeffector", "elbow", "joint"):
        arrays[f"{stem}_vel"] = np.gradient(arrays[f"{stem}_coords"], 0.01, axis=2)
        arrays[f"{stem}_acc"] = np.gradient(arrays[f"{stem}_vel"], 0.01, axis=2)
    arrays["label"] = rng.integers(1, 21, n)
    return arrays, start, length


def reaches(n: int, seed: int) -> tuple[dict[str, Any], Any, Any]:
    """The same of the published torque sets: no elbow, no label, torques of zero in the padding."""
    arrays, start, length = published(n, seed)
    arrays = {name: arrays[name] for name in ("spindle_info", "endeffector_coords", "joint_coords")}
    moving = np.arange(400) - start[:, None]
    moving = (moving >= 0) & (moving < length[:, None])
    x_y_z_elbow = np.arange(1, 5, dtype=np.float32)
    arrays["torque_coords"] = x_y_z_elbow[:, None] * moving[:, None]
    target = np.random.default_rng(seed).normal(size=(n, 3)).astype(np.float32)
    arrays["target_coords"] = np.repeat(target[:, :, None], 400, axis=2)
    arrays["target_coords_one"] = target
    return arrays, start, length


def write(path: Path, arrays: dict[str, Any]) -> Path:
    with h5py.File(path, "w") as file:
        for name, array in arrays.items():
            file[name] = array if name == "label" else array.astype(np.float32)
        if "train" in path.name:
            file["train_data_mean"] = arrays["spindle_info"].mean(axis=0)
    return path


def change(path: Path, name: str, array: Any) -> None:
    with h5py.File(path, "r+") as file:
        del file[name]
        if array is not None:
            file[name] = array


def test_a_published_file_is_a_movement_set(tmp_path: Path) -> None:
    arrays, start, length = published(24, 1)
    write(tmp_path / NAME.format("train"), arrays)
    movements = open_movements(tmp_path, "train")
    assert (movements.muscles, movements.coordinates) == (PUBLISHED_MUSCLES, PUBLISHED_COORDINATES)
    assert (movements.arm, movements.species, movements.split) == ("published", "macaque", "train")
    np.testing.assert_array_equal(movements.trials.start, start)
    np.testing.assert_array_equal(movements.trials.length, length)
    np.testing.assert_array_equal(movements.letter, arrays["label"] - 1)
    assert "torque" not in movements.keys
    with StoredMovements(tmp_path, "train") as stored:
        for given in (movements, stored):
            batch = given.batch(np.arange(24))
            np.testing.assert_array_equal(batch["moving"].sum(axis=1), length)
            turned = {name: array * 1 for name, array in arrays.items()}
            for name in ("joint_coords", "joint_vel", "joint_acc"):
                turned[name][:, 1] *= -1  # adduction of two links is minus that of the model
            for name, ours in OURS.items():
                np.testing.assert_allclose(
                    batch[ours], turned[name], atol=0.2, rtol=1e-5, err_msg=name
                )
            for name in ("spindle_info", "endeffector_coords", "elbow_coords", "joint_coords"):
                found = batch[OURS[name]]
                np.testing.assert_array_equal(found, turned[name].astype(np.float32), err_msg=name)
        rows, keys = np.array([3, 0, 3]), ("spindle", "moving", "hand")
        moved, read = (
            one.batch(rows, keys, rng=np.random.default_rng(2)) for one in (movements, stored)
        )
        for key in keys:
            np.testing.assert_array_equal(moved[key], read[key])


def test_writing_it_again_says_the_same(tmp_path: Path) -> None:
    arrays, *_ = published(6, 1)
    movements = open_movements(write(tmp_path / "dataset_val.hdf5", arrays), "val")
    (tmp_path / "again").mkdir()
    write_movements(tmp_path / "again" / "dataset_val.hdf5", movements, "rendered")
    again = open_movements(tmp_path / "again", "val")
    rows = np.arange(6)
    for key, array in movements.batch(rows).items():
        np.testing.assert_array_equal(again.batch(rows)[key], array)
    assert again.muscles == PUBLISHED_MUSCLES


def test_torques_come_in_the_order_of_the_joints(tmp_path: Path) -> None:
    arrays, start, length = reaches(8, 2)
    write(tmp_path / "dataset_test_reaches.hdf5", arrays)
    movements = open_movements(tmp_path, "test")
    assert {"torque", "target", "hand"} <= set(movements.keys)
    assert not any(key.startswith("elbow") for key in movements.keys)
    assert (movements.letter == -1).all()
    batch = movements.batch([2], ("torque", "target"))
    # flexion about z, adduction about x, rotation about y
    np.testing.assert_array_equal(batch["torque"][0, :, start[2]], [3, 1, 2, 4])
    np.testing.assert_array_equal(batch["target"][0, :, 7], arrays["target_coords_one"][2])
    joints = movements.batch([2], ("joint_angle",))["joint_angle"][0]
    np.testing.assert_array_equal(joints, arrays["joint_coords"][2])  # torque sets have its signs
    with StoredMovements(tmp_path, "test") as stored:
        torque = stored.batch([2], ("torque",))["torque"][0]
        np.testing.assert_array_equal(torque[:, start[2] + length[2] - 1], [3, 1, 2, 4])
        assert (torque[:, start[2] + length[2] :] == 0).all()  # as the file has it


def test_another_arm_is_numbered_or_says_its_names(tmp_path: Path) -> None:
    arrays, *_ = published(4, 3, muscles=3)
    path = write(tmp_path / "dataset_train.hdf5", arrays)
    movements = open_movements(path, "train")
    assert movements.muscles == ("muscle 1", "muscle 2", "muscle 3")
    assert movements.species == "unknown"
    with h5py.File(path, "r+") as file:
        file.attrs["muscles"] = np.array(["biceps", "triceps", "deltoid"], dtype="S9")
        file.attrs["arm"], file.attrs["species"] = "frog.osim", "frog"
    movements = open_movements(path, "train")
    assert movements.muscles == ("biceps", "triceps", "deltoid")
    assert (movements.arm, movements.species) == ("frog.osim", "frog")
    # no published arm, no published signs
    np.testing.assert_array_equal(
        movements.batch([2], ("joint_angle",))["joint_angle"][0], arrays["joint_coords"][2]
    )
    with h5py.File(path, "r+") as file:
        file.attrs["muscles"] = ["biceps"]
    with pytest.raises(
        FormatError, match="must name its 3 muscles in the attribute muscles, got 1"
    ):
        open_movements(path, "train")


@pytest.mark.parametrize("opened", [open_movements, StoredMovements])
@pytest.mark.parametrize(
    ("name", "changed", "message"),
    [
        ("endeffector_coords", lambda a: None, "got none named endeffector_coords: it was not wr"),
        (
            "spindle_info",
            lambda a: a[..., 0],
            r"spindle_info as numbers of shape \(6, 39, 400, 2\)",
        ),
        (
            "spindle_info",
            lambda a: a[:, :, :320],
            r"\(6, 39, 400, 2\), a window of 400 bins of 10 ms ",
        ),
        (
            "joint_coords",
            lambda a: a[:5],
            r"joint_coords as numbers of shape \(6, 4, 400\).*\(5, 4",
        ),
        ("muscle_acc", lambda a: a[:, :3], r"muscle_acc as numbers of shape \(6, 39, 400\)"),
        ("label", lambda a: a[:2], r"label as numbers of shape \(6,\).* got int64 of \(2,\)"),
        ("label", lambda a: a * 0, "labels of the letters 1 to 20, got 0"),
        ("label", lambda a: a.astype("S2"), r"label as numbers of shape \(6,\).* got \|S2 of"),
        ("spindle_info", lambda a: a / 1000, "muscle lengths in mm, got a mean of 0.1"),
        ("spindle_info", lambda a: a * [1, 1.5], "mm/s, the slope .* got 1.5 times that"),
        ("spindle_info", lambda a: a * np.nan, "finite spindle_info, got NaN"),
        ("joint_coords", lambda a: a * np.nan, "finite joint_coords, got NaN"),
        (
            "joint_coords",
            lambda a: a * (np.arange(6) != 4)[:, None, None],
            "the joints of sample 4 never move: it was not written to its end",
        ),
    ],
)
def test_what_is_not_of_the_layout_is_refused(
    opened: Any, name: str, changed: Any, message: str, tmp_path: Path
) -> None:
    arrays, *_ = published(6, 4)
    path = write(tmp_path / "dataset_test_x.hdf5", arrays)
    change(path, name, changed(arrays[name]))
    with pytest.raises(FormatError, match=message):
        opened(tmp_path, "test")


def test_files_of_other_splits_and_halves_of_files_are_refused(tmp_path: Path) -> None:
    arrays, *_ = published(6, 5)
    arrays["endeffector_coords"][5, 0, 200] = np.nan
    path = write(tmp_path / NAME.format("train"), arrays)
    with pytest.raises(FormatError, match="must hold finite endeffector_coords, got NaN"):
        open_movements(tmp_path, "train")
    with pytest.raises(FormatError, match="must hold the split val, got train: give its folder"):
        open_movements(path, "val")
    with pytest.raises(FormatError, match="must hold the split train, got val"):
        open_movements(write(tmp_path / NAME.format("val"), arrays), "train")
    with pytest.raises(FileNotFoundError, match=r"no movement set at .*dataset_test\.hdf5"):
        open_movements(tmp_path, "test")
    write(tmp_path / "dataset_train_butter.hdf5", arrays)
    with pytest.raises(
        FormatError, match=r"one movement set, got dataset_train_butter.*a folder of"
    ):
        open_movements(tmp_path, "train")
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(FormatError, match="damaged or half written"):
        open_movements(path, "train")
    path = write(tmp_path / "dataset_val_snap.hdf5", arrays)
    with h5py.File(path, "w") as file:
        file.create_group("spindle_info")
        for name in ("endeffector_coords", "joint_coords", "label"):
            file[name] = arrays[name]
    with pytest.raises(FormatError, match=r"spindle_info as numbers of shape .*, got None of None"):
        open_movements(path, "val")
    path = write(tmp_path / "dataset_test.hdf5", reaches(6, 5)[0])
    change(path, "target_coords", None)
    with pytest.raises(FormatError, match="got none named target_coords"):
        open_movements(path, "test")


@pytest.mark.skipif(not MACAQUE.is_file(), reason="the shared macaque model is not here")
def test_the_published_names_are_those_of_the_model() -> None:
    arm = open_arm(MACAQUE)
    assert arm.muscles == PUBLISHED_MUSCLES
    assert tuple(one.name for one in arm.coordinates) == PUBLISHED_COORDINATES


def test_networks_learn_from_published_files(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for seed, split in enumerate(("train", "val", "test")):
        write(tmp_path / NAME.format(split), published(16, seed)[0])
    words = ["training.epochs=1", "training.batch=8", "model.kernels=[4,8]", "baselines=false"]
    line = ["train", f"movements={tmp_path}", *words]
    main([*line, "task=hand_position", f"hydra.run.dir={tmp_path / 'run'}"])
    assert "16 movements learnt from, 16 tested" in capsys.readouterr().out
    main(["evaluate", f"weights={tmp_path / 'run'}", f"hydra.run.dir={tmp_path / 'score'}"])
    assert "drawn as in training" in capsys.readouterr().out
    assert main([*line, "task=torque", f"hydra.run.dir={tmp_path / 'other'}"]) == 1
    assert "movements must have torque, target for torque" in capsys.readouterr().err
