from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from neuro_common.files import FormatError
from proprio_tcn.movements.making import make_movements
from proprio_tcn.movements.movement_set import MovementSet
from proprio_tcn.movements.opening import StoredMovements, open_movements
from proprio_tcn.movements.storage import LAYOUTS, write_movements
from proprio_tcn.movements_config import MovementSettings

SETTINGS = MovementSettings(
    arm="linear", writers=4, shares=[0.5, 0.25, 0.25], start_points=50, max_joint_jerk=5.0
)


@pytest.fixture
def movements(linear_arm: Any) -> MovementSet:
    made = make_movements(linear_arm, SETTINGS, "train", solve=linear_arm.solve)
    made.trials.start[3] = 0
    return made


@pytest.mark.parametrize("layout", LAYOUTS)
def test_what_is_written_comes_back(
    layout: str, movements: MovementSet, linear_arm: Any, tmp_path: Path
):
    write_movements(tmp_path / "dataset_train.hdf5", movements, layout)
    back = open_movements(tmp_path, "train", arm=linear_arm)
    assert (back.arm, back.species, back.split) == ("linear", "none", "train")
    assert back.muscles == ("left", "right", "near", "far")
    assert back.coordinates == ("x", "y", "z", "free")
    assert back.origin == movements.origin
    rows = np.arange(len(movements))
    expected, found = movements.batch(rows), back.batch(rows)
    for key in movements.keys:
        np.testing.assert_array_equal(found[key], expected[key], err_msg=key)
    for name in ("writer", "repeat", "plane", "attempts", "latents"):
        np.testing.assert_array_equal(
            getattr(back.trials, name), getattr(movements.trials, name), err_msg=name
        )


@pytest.mark.parametrize("compression", ["none", "gzip", "lzf"])
def test_the_full_layout_is_the_published_one(
    compression: str, movements: MovementSet, tmp_path: Path
):
    path = tmp_path / "one.hdf5"
    write_movements(path, movements, "full", compression)
    n, muscles = 40, 4
    kinematics = {
        f"{stem}_{what}": (n, channels, 400)
        for stem, channels in (("endeffector", 3), ("joint", 4))
        for what in ("coords", "vel", "acc")
    }
    shapes = kinematics | {
        "elbow_coords": (n, 3, 400),
        "elbow_vel": (n, 3, 400),
        "elbow_acc": (n, 3, 400),
        "spindle_info": (n, muscles, 400, 2),
        "muscle_acc": (n, muscles, 400),
    }
    units = {"coords": "cm", "vel": "cm/s", "acc": "cm/s2", "info": "mm, mm/s"}
    with h5py.File(path) as file:
        for name, shape in shapes.items():
            assert file[name].shape == shape, name
            assert file[name].dtype == np.float32, name
            expected = units[name.split("_")[1]]
            if name.startswith("joint"):
                expected = expected.replace("cm", "deg")
            if name == "muscle_acc":
                expected = "mm/s2"
            assert file[name].attrs["units"] == expected, name
        assert file["label"].shape == (n,)
        assert file["label"].dtype.kind == "i"
        np.testing.assert_array_equal(file["label"][:20], np.arange(1, 21))
        mean = file["train_data_mean"]
        assert (mean.shape, mean.dtype) == ((muscles, 400, 2), np.float64)
        np.testing.assert_allclose(mean[()], file["spindle_info"][()].mean(axis=0), atol=1e-3)
        if compression != "none":
            assert file["spindle_info"].chunks == (1, muscles, 400, 2)
            assert file["spindle_info"].compression == compression
        assert file.attrs["rate_hz"] == 100.0
        assert list(file.attrs["muscles"]) == ["left", "right", "near", "far"]
        assert list(file.attrs["coordinates"]) == ["x", "y", "z", "free"]
        assert file.attrs["layout"] == "full"
        for name in ("size", "rot", "shear_x", "shear_y", "speed", "noise", "writer"):
            assert file[name].shape == (n,)
        ends = file["end_idx"][()] - file["start_idx"][()]
        np.testing.assert_array_equal(ends, movements.trials.length)


def test_a_compact_file_is_twenty_times_smaller(movements: MovementSet, tmp_path: Path):
    sizes = {}
    for layout in ("full", "compact"):
        write_movements(tmp_path / layout, movements, layout)
        sizes[layout] = (tmp_path / layout).stat().st_size
    assert sizes["compact"] < sizes["full"] / 10  # of 4 muscles; of 39 it is much more
    with h5py.File(tmp_path / "compact") as file:
        assert file.attrs["layout"] == "compact"
        assert file["joint_angle"].shape == (4, movements.trials.length.sum())


def test_a_full_file_is_read_batch_by_batch(movements: MovementSet, tmp_path: Path):
    write_movements(tmp_path / "dataset_train.hdf5", movements, "full")
    with StoredMovements(tmp_path, "train") as stored:
        assert len(stored) == 40
        assert stored.muscles == movements.muscles
        rows = np.array([7, 3, 7, 39])
        expected = movements.batch(rows)
        for key, array in stored.batch(rows).items():
            np.testing.assert_array_equal(array, expected[key], err_msg=key)
            assert array.dtype == expected[key].dtype
        # a training may ask for another start of each
        keys = ("moving", "spindle", "hand_acceleration", "letter")
        moved = movements.batch(rows, keys, rng=np.random.default_rng(3))
        assert (moved["moving"] != expected["moving"]).any()
        drawn = stored.batch(rows, keys, rng=np.random.default_rng(3))
        for key, array in moved.items():
            np.testing.assert_array_equal(drawn[key], array, err_msg=key)
        with pytest.raises(KeyError, match="got torque"):
            stored.batch(rows, ("torque",))
        for wrong, message in (
            ([-1], "got -1 to -1"),
            ([40], "got 40 to 40"),
            ([True], "got bool"),
        ):
            with pytest.raises(IndexError, match=message):
                stored.batch(wrong, ("letter",))
        nothing = stored.batch([], keys, rng=np.random.default_rng(3))
        assert nothing["spindle"].shape == (0, 4, 400, 2)
    write_movements(tmp_path / "dataset_train.hdf5", movements, "compact")
    with pytest.raises(FormatError, match="must be of the full layout to be read batch by batch"):
        StoredMovements(tmp_path, "train")


def test_a_full_file_of_doubles_gives_single_precision(movements: MovementSet, tmp_path: Path):
    path = tmp_path / "dataset_train.hdf5"
    write_movements(path, movements, "full")
    with h5py.File(path, "r+") as file:
        hand = file["endeffector_coords"][()]
        del file["endeffector_coords"]
        file["endeffector_coords"] = hand.astype(np.float64)
    with StoredMovements(tmp_path, "train") as stored:
        found = stored.batch([3], ("hand",))["hand"]
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, movements.batch([3], ("hand",))["hand"])


def test_files_that_do_not_fit_are_refused(movements: MovementSet, linear_arm: Any, tmp_path: Path):
    path = tmp_path / "dataset_train.hdf5"
    with pytest.raises(
        FileNotFoundError, match=r"no movement set at .*: make one with proprio-tcn"
    ):
        open_movements(tmp_path, "train")
    write_movements(path, movements, "rendered")
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(FormatError, match="damaged or half written"):
        open_movements(path, "train")
    path.write_bytes(whole)
    with pytest.raises(FormatError, match="must hold the split test, got train"):
        open_movements(path, "test")
    with pytest.raises(ValueError, match="split must be one of train, val, test, got 'all'"):
        open_movements(path, "all")
    with h5py.File(path, "r+") as file:
        del file["joint_angle"]
    with pytest.raises(FormatError, match="got none named joint_angle"):
        open_movements(path, "train")
    with h5py.File(path, "r+") as file:
        file.attrs["layout"] = "padded"
    with pytest.raises(FormatError, match="must have a layout of compact, rendered, full, got 'pa"):
        open_movements(path, "train")
    with h5py.File(path, "w") as file:
        file["spindle_info"] = np.zeros(3)
    with pytest.raises(FormatError, match='must have the format "proprio-tcn/movements", got None'):
        open_movements(path, "train")


def test_a_foreign_version_is_refused(movements: MovementSet, tmp_path: Path):
    path = tmp_path / "dataset_train.hdf5"
    write_movements(path, movements, "rendered")
    for version, message in (
        ("one", "must have a whole format_version >= 1, got 'one'"),
        (1.5, "must have a whole format_version >= 1, got"),
        (99, "must have format_version <= 1, got 99"),
    ):
        with h5py.File(path, "r+") as file:
            file.attrs["format_version"] = version
        with pytest.raises(FormatError, match=message):
            open_movements(path, "train")


def test_a_full_file_without_its_attributes_is_a_published_one(
    movements: MovementSet, tmp_path: Path
):
    path = tmp_path / "dataset_train.hdf5"
    write_movements(path, movements, "full")
    with h5py.File(path, "r+") as file:
        for name in list(file.attrs):
            del file.attrs[name]
    back = open_movements(path, "train")
    assert back.muscles == ("muscle 1", "muscle 2", "muscle 3", "muscle 4")
    # pens are slow at both ends: a bin there may be as still as the padding
    late = back.trials.start - movements.trials.start
    early = movements.trials.length - back.trials.length - late
    assert (late >= 0).all()
    assert (early >= 0).all()
    assert max(late.max(), early.max()) <= 2
    rows = np.arange(len(movements))
    expected, found = movements.batch(rows), back.batch(rows)
    for key in set(movements.keys) - {"moving"}:
        np.testing.assert_array_equal(found[key], expected[key], err_msg=key)


def test_a_file_whose_bins_do_not_add_up_is_refused(movements: MovementSet, tmp_path: Path):
    path = tmp_path / "dataset_train.hdf5"
    write_movements(path, movements, "rendered")
    with h5py.File(path, "r+") as file:
        hand = file["hand"][()]
        del file["hand"]
        file["hand"] = hand[:, :-1]
    with pytest.raises(FormatError, match=r"must have \d+ bins of hand, got \d+"):
        open_movements(path, "train")


def test_another_arm_than_the_files_is_refused(
    movements: MovementSet, linear_arm: Any, tmp_path: Path
):
    write_movements(tmp_path / "dataset_train.hdf5", movements, "compact")
    linear_arm.muscles = ("one", "two", "still", "three", "four")
    with pytest.raises(ValueError, match="arm must have the 4 muscles of the file"):
        open_movements(tmp_path, "train", arm=linear_arm)
    linear_arm.coordinates = linear_arm.coordinates[::-1]
    with pytest.raises(ValueError, match="must have the coordinates x, y, z, free of the file"):
        open_movements(tmp_path, "train", arm=linear_arm)


def test_a_failed_write_leaves_the_old_file(movements: MovementSet, tmp_path: Path):
    path = tmp_path / "dataset_train.hdf5"
    write_movements(path, movements, "compact")
    whole = path.read_bytes()
    movements.origin = {"seed": object()}
    with pytest.raises(TypeError):
        write_movements(path, movements, "compact")
    assert path.read_bytes() == whole
    assert [one.name for one in tmp_path.iterdir()] == ["dataset_train.hdf5"]
    with pytest.raises(ValueError, match="layout must be one of compact, rendered, full, got 'z'"):
        write_movements(path, movements, "z")
    with pytest.raises(ValueError, match="compression must be none, lzf or gzip, got 'zip'"):
        write_movements(path, movements, "full", "zip")
