"""Files that were cut short or changed by chance are refused by name, whatever decodes them."""

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from scipy.io import savemat

from neuro_common.files import FormatError, RunError, write_csv
from proprio_tcn.arms.two_link import TwoLinkArm
from proprio_tcn.figures.tables import read_ceilings, read_explained, read_lags
from proprio_tcn.movements.generation import generate_movements
from proprio_tcn.movements.opening import open_movements
from proprio_tcn.movements_config import MovementSettings
from proprio_tcn.neural.formats.npz import read_npz, write_npz
from proprio_tcn.neural.formats.trial_data import read_trial_data
from proprio_tcn.neural.model_tables import read_models
from proprio_tcn.neural.prediction import LayerScore, Prediction, TrialSums
from proprio_tcn.neural.prediction_files import read_prediction, write_prediction
from proprio_tcn.recorded.csv_tables import read_angle_csv
from proprio_tcn.recorded.storage import Storage, read_storage, write_storage
from proprio_tcn.recorded.tables import MarkerTable
from proprio_tcn.recorded.trc import read_trc, write_trc
from proprio_tcn.training.card import read_scores
from proprio_tcn.training.trained import load_network

CASES = 60


def damaged(whole: bytes, case: int) -> bytes:
    """In turn cut short, with some bits turned, with bytes changed near the start, or overrun."""
    rng = np.random.default_rng([5, case])
    bytes_ = bytearray(whole)
    if case % 4 == 0:
        return bytes(bytes_[: rng.integers(0, len(bytes_))])
    if case % 4 == 1:
        for place in rng.integers(0, len(bytes_), rng.integers(1, 6)):
            bytes_[place] ^= 1 << int(rng.integers(0, 8))
        return bytes(bytes_)
    if case % 4 == 2:
        for place in rng.integers(0, min(len(bytes_), 2000), 2):
            bytes_[place] = rng.integers(0, 256)
        return bytes(bytes_)
    place = int(rng.integers(0, len(bytes_)))
    bytes_[place : place + 20] = rng.bytes(len(bytes_[place : place + 20]))
    return bytes(bytes_)


def refusals(
    path: Path, read: Callable[[Path], object], damage: Callable[[bytes, int], bytes] = damaged
) -> int:
    """How many of the damaged files are refused; the others still hold something that is whole."""
    whole = path.read_bytes()
    read(path)
    count = 0
    for case in range(CASES):
        path.write_bytes(damage(whole, case))
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            try:
                read(path)
            except RunError:
                count += 1
    return count


def cut(whole: bytes, case: int) -> bytes:
    return whole[: len(whole) * case // CASES]


def trial_data(path: Path, *, compressed: bool) -> None:
    rng = np.random.default_rng(0)
    one = {
        "bin_size": 0.01,
        "idx_movement_on": 3.0,
        "idx_endTime": 20.0,
        "target_direction": 0.5,
        "LeftS1Area2_spikes": rng.poisson(1.0, (30, 3)).astype(np.uint8),
        "pos": rng.normal(size=(30, 2)),
    }
    trials = np.empty((1, 4), dtype=[(name, object) for name in one])
    for number in range(4):
        for name, value in one.items():
            trials[0, number][name] = value
    savemat(path, {"trial_data": trials}, do_compression=compressed)


def test_damaged_matlab_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "td.mat"
    trial_data(path, compressed=True)
    # zlib has a sum over every byte but those of the heading
    assert refusals(path, read_trial_data) > 0.9 * CASES
    trial_data(path, compressed=False)
    assert refusals(path, read_trial_data, cut) == CASES
    path.write_bytes(b"")
    with pytest.raises(FormatError, match="must be a whole MATLAB file, got"):
        read_trial_data(path)


def test_numbers_that_no_arm_reaches_are_refused(tmp_path: Path) -> None:
    """A turned bit makes a number huge, which float32 would hold as infinite."""
    trials = np.empty((1, 1), dtype=[("unit_spikes", object), ("pos", object)])
    trials[0, 0]["unit_spikes"] = np.ones((5, 2), dtype=np.uint8)
    trials[0, 0]["pos"] = np.full((5, 2), [[1.0, 1e200]])
    savemat(tmp_path / "td.mat", {"trial_data": trials})
    told = r"hand must be finite, got 5 NaN, infinite or huge numbers in channel 1"
    with pytest.raises(FormatError, match=told):
        read_trial_data(tmp_path / "td.mat")


def test_damaged_matlab_files_of_version_73_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "td.mat"
    with h5py.File(path, "w") as file:
        references = np.empty((2, 1), dtype=h5py.ref_dtype)
        for number in range(2):
            cell = file.create_dataset(f"#refs#/{number}", data=np.ones((3, 30), dtype=np.uint8))
            references[number, 0] = cell.ref
        file.create_dataset("trials/unit_spikes", data=references, dtype=h5py.ref_dtype)
    assert len(read_trial_data(path)) == 2
    assert refusals(path, read_trial_data, cut) == CASES


def prediction(folder: Path) -> Path:
    neurons, rng = 3, np.random.default_rng(1)
    layers = []
    for model in ("torque net 0", "untrained net 0"):
        sums = TrialSums(np.full(2, 10.0), *(rng.uniform(1, 2, (2, neurons)) for _ in range(4)))
        scores = [rng.uniform(0, 1, neurons) for _ in range(6)]
        layers.append(LayerScore(model, "spatial 1", 1, "spatial", 4, *scores, sums))
    write_prediction(folder, Prediction(tuple("abc"), tuple(layers)))
    facts = {"model": [one.model for one in layers], "task": ["torque", "untrained"]}
    facts |= {"layers": ["1", "1"], "performance": ["0.5", "nan"], "settings": ["{}", '{"a": 1}']}
    write_csv(folder / "models.csv", facts)
    write_csv(folder / "ceilings.csv", {"condition_ceiling": [0.5, 0.25], "oracle_ev": [0.7, 0.3]})
    lags = {"model": ["a"] * 4, "lag_bins": [0, 0, 1, 1], "fold_ev": [0.1] * 4}
    write_csv(folder / "lags.csv", {**lags, "test_ev": [0.25] * 4})
    return folder


def test_damaged_arrays_are_refused(tmp_path: Path, muscle_session: Any) -> None:
    path = tmp_path / "session.npz"
    write_npz(muscle_session(6), path)
    assert refusals(path, read_npz) > 0.9 * CASES
    path = prediction(tmp_path) / "prediction.npz"
    assert refusals(path, lambda one: read_prediction(one.parent)) > 0.9 * CASES


TABLES: dict[str, tuple[str, Callable[[Path], object]]] = {
    "neurons": ("neurons.csv", lambda path: read_explained(path.parent)),
    "layers": ("layers.csv", lambda path: read_explained(path.parent)),
    "models": ("models.csv", lambda path: read_explained(path.parent)),
    "ceilings": ("ceilings.csv", lambda path: read_ceilings(path.parent)),
    "lags": ("lags.csv", lambda path: read_lags(path.parent)),
    "networks": (
        "models.csv",
        lambda path: read_models(path, ("model", "layers", "performance", "settings")),
    ),
}


@pytest.mark.parametrize("name", TABLES)
def test_damaged_tables_are_refused(tmp_path: Path, name: str) -> None:
    file, read = TABLES[name]
    assert refusals(prediction(tmp_path) / file, read) > 0.5 * CASES


def test_cells_that_are_no_numbers_are_named(tmp_path: Path) -> None:
    folder = prediction(tmp_path)
    for name, column, read in (
        ("ceilings.csv", "oracle_ev", read_ceilings),
        ("lags.csv", "test_ev", read_lags),
        ("neurons.csv", "test_ev", read_explained),
        ("layers.csv", "depth", read_explained),
    ):
        whole = (folder / name).read_text()
        row = whole.splitlines()[0].split(",").index(column)
        lines = [line.split(",") for line in whole.splitlines()]
        lines[1][row] = "0.3x"
        (folder / name).write_text("\n".join(map(",".join, lines)))
        with pytest.raises(FormatError, match=rf"{name} must have numbers as {column}: .*0\.3x"):
            read(folder)
        (folder / name).write_text(whole)
    lags = (folder / "lags.csv").read_text().splitlines()
    (folder / "lags.csv").write_text("\n".join(lags[:-1]))
    with pytest.raises(FormatError, match=r"the same neurons at each lag, but not those of a"):
        read_lags(folder)
    models = (folder / "models.csv").read_text()
    (folder / "models.csv").write_text(models.replace("{}", "[1]"))
    with pytest.raises(FormatError, match=r"must have JSON objects as settings, got '\[1\]'"):
        read_models(folder / "models.csv", ("settings",))


def test_a_folder_is_no_table(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="must be a CSV text file, got a folder: name a file"):
        read_angle_csv(tmp_path)
    with pytest.raises(FormatError, match="must be an npz file, got a folder"):
        read_npz(tmp_path)


def test_damaged_movements_of_others_are_refused(tmp_path: Path) -> None:
    time_s = np.arange(12) / 100
    rng = np.random.default_rng(2)
    write_trc(tmp_path / "a.trc", MarkerTable(("hand",), time_s, rng.normal(size=(12, 1, 3))))
    assert refusals(tmp_path / "a.trc", read_trc) > 0.7 * CASES
    table = Storage(("q1", "q2"), time_s, rng.normal(size=(12, 2)), in_degrees=True)
    for name in ("a.mot", "a.sto"):
        write_storage(tmp_path / name, table)
        assert refusals(tmp_path / name, read_storage) > 0.7 * CASES
    angles = {"time_s": time_s, "q1_deg": rng.normal(size=12), "q2_rad": rng.normal(size=12)}
    write_csv(tmp_path / "a.csv", angles)
    assert refusals(tmp_path / "a.csv", read_angle_csv) > 0.5 * CASES


def test_damaged_networks_are_refused(tmp_path: Path, save_trained: Any) -> None:
    folder = save_trained(tmp_path / "net", 0, 0.5)
    assert refusals(folder / "weights.safetensors", lambda one: load_network(one.parent)) == CASES
    save_trained(folder, 0, 0.5)
    assert refusals(folder / "manifest.json", lambda one: load_network(one.parent)) > 0.5 * CASES
    scores = {"predictor": ["net", "mean"], "target": ["hand"] * 2, "unit": ["cm"] * 2}
    scores |= {"where": ["all"] * 2, "rmse": ["1.5", "2.5"], "r2": ["0.5", "0"]}
    write_csv(folder / "scores.csv", scores)
    assert refusals(folder / "scores.csv", lambda one: read_scores(one.parent)) > 0.5 * CASES


def test_damaged_movement_sets_are_refused(tmp_path: Path) -> None:
    settings = MovementSettings(
        arm="two_link", writers=3, shares=[0.4, 0.3, 0.3], start_points=20, max_joint_jerk=8.0
    )
    generate_movements(settings, TwoLinkArm(), tmp_path)
    path = tmp_path / "dataset_val.hdf5"
    whole = path.read_bytes()
    assert refusals(path, lambda one: open_movements(one, "val"), cut) == CASES
    path.write_bytes(whole)
    with h5py.File(path, "a") as file:
        file["joint_angle"][2, 5] = np.nan
    with pytest.raises(FormatError, match="must hold finite joint_angle, got NaN or infinity"):
        open_movements(path, "val")
    path.write_bytes(whole)
    with h5py.File(path, "a") as file:
        file.attrs["settings"] = "{broken"
    with pytest.raises(FormatError, match=r"must be a whole movement set, .* property name"):
        open_movements(path, "val")
