from pathlib import Path

import numpy as np
import pytest
from scipy.io import savemat

from neuro_common.files import FormatError
from proprio_tcn.movements.letters import LETTERS, POINTS, letter_shape
from proprio_tcn.movements.uci import prepare_trace, read_uci


def test_the_letters_are_those_of_the_character_trajectories():
    assert "".join(sorted(LETTERS)) == LETTERS
    assert set("abcdefghijklmnopqrstuvwxyz") - set(LETTERS) == set("fijktx")


@pytest.mark.parametrize("letter", LETTERS)
def test_a_letter_is_one_smooth_stroke_that_fills_the_unit_box(letter: str):
    shape = letter_shape(letter)
    assert shape.shape == (2, POINTS)
    low, high = shape.min(axis=1), shape.max(axis=1)
    np.testing.assert_allclose(high + low, 0.0, atol=1e-12)
    assert (high - low).max() == pytest.approx(1.0)
    steps = np.linalg.norm(np.diff(shape, axis=1), axis=0)
    assert steps.max() < 0.02  # no jump of the pen, where the font lifts it
    assert np.quantile(steps, 0.05) > 0.98 * steps.max()  # equal steps but at the sharpest turns


def test_letters_stand_upright():
    # ascenders leave the body of the letter below the middle, descenders above it
    for letters, sign in (("bdh", 1), ("gpqy", -1)):
        for letter in letters:
            y = sign * letter_shape(letter)[1]
            assert 1.5 * np.mean(y > 0.2) < np.mean(y < -0.2), letter


def test_an_unknown_letter_is_refused():
    with pytest.raises(ValueError, match=r"letter must be one of a, b, .*, got 'x'"):
        letter_shape("x")


def _traces(rng: np.random.Generator) -> tuple[list[np.ndarray], np.ndarray]:
    labels = np.repeat(np.arange(1, 21), 2)
    return [rng.standard_normal((3, rng.integers(20, 40))) for _ in labels], labels


def _write_mat(path: Path, traces: list[np.ndarray], labels: np.ndarray) -> None:
    cells = np.empty((1, len(traces)), dtype=object)
    for index, trace in enumerate(traces):
        cells[0, index] = trace
    savemat(
        path,
        {"mixout": cells, "consts": {"charlabels": labels[None].astype(float)}},
        do_compression=True,
    )


def test_both_files_of_character_trajectories_give_the_same_traces(tmp_path: Path):
    traces, labels = _traces(np.random.default_rng(0))
    traces[3][:2, :5] = 0.0  # the pen rests: these bins go
    _write_mat(tmp_path / "chars.mat", traces, labels)
    longest = max(one.shape[1] for one in traces)
    padded = np.full((len(traces), 3, longest), np.nan)
    for row, one in zip(padded, traces, strict=True):
        row[:, : one.shape[1]] = one
    np.savez(tmp_path / "chars.npz", velocities=padded, labels=labels)
    mat, npz = read_uci(tmp_path / "chars.mat"), read_uci(tmp_path / "chars.npz")
    assert mat.count == npz.count == 2
    for letter in range(20):
        for writer in range(2):
            np.testing.assert_array_equal(mat.trace(writer, letter), npz.trace(writer, letter))
    trace = mat.trace(1, 1)  # the fourth of the file
    assert trace.shape == (2, traces[3].shape[1] - 5)
    position = np.cumsum(traces[3][:2, 5:], axis=1)
    expected = 5 * (position - position.min(1, keepdims=True)) / np.ptp(position, axis=1)[:, None]
    np.testing.assert_allclose(trace, expected - 2.5, atol=1e-12)


def test_prepared_positions_are_read_too(tmp_path: Path):
    rng = np.random.default_rng(1)
    paths = rng.standard_normal((20, 2, 30))
    paths[:, :, 25:] = np.nan
    np.savez(tmp_path / "p.npz", trajectories=paths, labels=np.arange(1, 21))
    trace = read_uci(tmp_path / "p.npz", box_cm=10.0).trace(0, 4)
    assert trace.shape == (2, 25)
    np.testing.assert_allclose(trace.min(axis=1), -5.0)
    np.testing.assert_allclose(trace.max(axis=1), 5.0)


def test_velocities_are_summed_up_where_the_pen_moves():
    trace = prepare_trace(np.array([[1.0, 0.0, 2.0, np.nan], [0.0, 0.0, 1.0, 1.0], [5, 5, 5, 5]]))
    np.testing.assert_array_equal(trace, [[1.0, 3.0], [0.0, 1.0]])


def test_files_that_are_none_are_refused(tmp_path: Path):
    with pytest.raises(FileNotFoundError, match="no character trajectories at"):
        read_uci(tmp_path / "none.mat")
    text = tmp_path / "letters.txt"
    text.write_text("letters")
    with pytest.raises(FormatError, match=r"must end in \.mat or \.npz"):
        read_uci(text)
    for name in ("torn.mat", "torn.npz"):
        (tmp_path / name).write_bytes(b"PK\x03\x04 not what it says it is" * 9)
        with pytest.raises(FormatError, match="must hold"):
            read_uci(tmp_path / name)
    np.savez(tmp_path / "few.npz", trajectories=np.zeros((2, 2, 9)), labels=np.array([1, 2]))
    with pytest.raises(FormatError, match="must hold traces of all labels 1 to 20"):
        read_uci(tmp_path / "few.npz")


def _spoilt(traces: np.ndarray, labels: np.ndarray, how: str) -> dict[str, np.ndarray]:
    name = "trajectories"
    if how == "gap":
        traces[3, :, 4:6] = np.nan
    elif how == "infinite":
        traces[3, 0, 4] = np.inf
    elif how == "flat":
        traces[3, 1] = 2.0
    elif how == "empty":
        traces[3] = np.nan
    elif how == "still":
        name, traces[3] = "velocities", 0.0
    else:
        labels = np.append(labels, {"other": 21.0, "between": 1.5, "unknown": np.nan}[how])
        traces = np.append(traces, traces[:1], axis=0)
    return {name: traces, "labels": labels}


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ("gap", r"p\.npz, trace 3: a trace must be finite up to its end, got a gap"),
        ("infinite", r"p\.npz, trace 3: a trace must be finite up to its end, got a gap"),
        ("flat", r"trace 3: a pen trace must extend along both axes.*: leave that trace out"),
        (
            "empty",
            r"trace 3: a trace must have 2 bins and more in which the pen moves, got 0: leave",
        ),
        (
            "still",
            r"trace 3: a trace must have 2 bins and more in which the pen moves, got 0: leave",
        ),
        ("other", r"must hold labels 1 to 20, got 21 for trace 20: leave that trace out"),
        ("between", r"must hold labels 1 to 20, got 1\.5 for trace 20"),
        ("unknown", r"must hold labels 1 to 20, got nan for trace 20"),
    ],
)
def test_traces_that_no_pen_writes_are_refused(tmp_path: Path, how: str, message: str):
    traces = np.random.default_rng(0).standard_normal((20, 2, 9))
    np.savez(tmp_path / "p.npz", **_spoilt(traces, np.arange(1.0, 21.0), how))
    with pytest.raises(FormatError, match=message):
        read_uci(tmp_path / "p.npz")


@pytest.mark.parametrize("name", ["torn.mat", "torn.npz", "half.mat", "plain.npz"])
def test_torn_files_are_named(tmp_path: Path, name: str):
    traces, labels = _traces(np.random.default_rng(0))
    path = tmp_path / name
    if path.suffix == ".mat":
        _write_mat(path, traces, labels)
    else:
        np.savez_compressed(path, velocities=[one[:, :20] for one in traces], labels=labels)
    whole = path.read_bytes()
    if name == "plain.npz":
        with path.open("wb") as file:
            np.save(file, np.zeros(3))
    else:  # zlib stumbles over it, not the reader
        path.write_bytes(whole[: len(whole) // 2])
        if name.startswith("torn"):
            path.write_bytes(whole[:200] + b"\xff" * 30 + whole[230:])
    with pytest.raises(FormatError, match=rf"{name} must hold .*, got "):
        read_uci(path)


def test_an_array_of_objects_is_refused_and_not_unpickled(tmp_path: Path):
    labels = np.arange(1, 21)
    cells = np.empty(20, dtype=object)
    cells[:] = [np.zeros((2, 9))] * 20
    np.savez(tmp_path / "pickled.npz", trajectories=cells, labels=labels)
    with pytest.raises(FormatError, match="plain arrays"):
        read_uci(tmp_path / "pickled.npz")


def test_a_writer_that_is_not_there_is_refused(tmp_path: Path):
    paths = np.random.default_rng(1).standard_normal((20, 2, 30))
    np.savez(tmp_path / "p.npz", trajectories=paths, labels=np.arange(1, 21))
    writers = read_uci(tmp_path / "p.npz")
    with pytest.raises(ValueError, match=r"writer must be in \[0, 1\), got 1"):
        writers.trace(1, 0)
    with pytest.raises(ValueError, match=r"letter must be in \[0, 20\), got 20"):
        writers.trace(0, 20)
