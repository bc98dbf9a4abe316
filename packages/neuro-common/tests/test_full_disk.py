"""A full disk: the message names file and disk, the old file stays, the work can be taken up.

A limit on the size of files stands for it: the same half of a file is written before the error.
"""

import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from neuro_common.checkpoint import load_checkpoint, save_checkpoint
from neuro_common.files import DiskFull, atomic_path, read_csv, read_json, write_csv, write_json
from neuro_common.locks import is_held
from neuro_common.runs import Run, job_status, read_metric, read_provenance
from neuro_common.store import Recording, Signal, new_hdf5, read_recording, write_recording

resource = pytest.importorskip("resource", reason="Windows limits no file")

SMALL, LARGE = np.arange(3.0), np.arange(20_000.0)
ROOM = 2000


@contextmanager
def no_room(for_bytes: int = ROOM) -> Iterator[None]:
    """Let no file grow beyond some bytes."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (for_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def recorded(path: Path, numbers: Any) -> None:
    write_recording(path, Recording({"x": Signal(numbers, ("time",), "mV")}))


def saved(path: Path, numbers: Any) -> None:
    save_checkpoint(path.parent, {"x": numbers}, {"n": len(numbers)})


def told(path: Path, numbers: Any) -> None:
    # the weights fit, what is told of them does not: neither file may be replaced
    save_checkpoint(path.parent, {"x": np.full(3, len(numbers))}, {"all": numbers})


def drawn(path: Path, numbers: Any) -> None:
    with atomic_path(path) as temporary:
        np.savez(temporary, x=numbers)


WRITERS: dict[str, tuple[str, Callable[[Path, Any], None], Callable[[Path], Any]]] = {
    "json": ("a.json", lambda p, x: write_json(p, {"x": x}, "a/b"), lambda p: read_json(p, "a/b")),
    "table": ("a.csv", lambda p, x: write_csv(p, {"x": x}), read_csv),
    "recording": ("a.h5", recorded, lambda p: list(read_recording(p).signals["x"].data)),
    "weights": ("weights.safetensors", saved, lambda p: str(load_checkpoint(p.parent))),
    "manifest": ("manifest.json", told, lambda p: str(load_checkpoint(p.parent))),
    "arrays": ("a.npz", drawn, lambda p: list(np.load(p)["x"])),
}


@pytest.mark.parametrize("kind", WRITERS)
def test_the_old_file_stays_and_nothing_else(tmp_path: Path, kind: str) -> None:
    name, write, read = WRITERS[kind]
    path = tmp_path / name
    write(path, SMALL)
    before, files = read(path), {one: one.read_bytes() for one in tmp_path.iterdir()}
    wanted = rf"{re.escape(str(path))} must be written, but there is no room \(File too large\): "
    disk = rf"the disk of {re.escape(str(tmp_path))} has \d+\.\d of \d+\.\d MB free without it; "
    with no_room(16_000 if kind == "recording" else ROOM), pytest.raises(DiskFull) as refused:
        write(path, LARGE)
    assert re.match(wanted + disk + "what was there is as it was, so make room", str(refused.value))
    assert {one: one.read_bytes() for one in tmp_path.iterdir()} == files
    assert read(path) == before
    write(path, LARGE)
    assert read(path) != before


def test_a_file_of_many_parts_is_no_crash_of_hdf5(tmp_path: Path) -> None:
    def fill() -> None:
        with new_hdf5(tmp_path / "a.h5", track_order=True) as file:
            for number in range(4):
                file.create_dataset(f"x{number}", data=LARGE, fletcher32=True)
                file.attrs[f"about_{number}"] = "words" * 1000
            assert file["x0"].shape == LARGE.shape

    with no_room(100_000), pytest.raises(DiskFull):
        fill()
    assert list(tmp_path.iterdir()) == []
    fill()
    assert [one.name for one in tmp_path.iterdir()] == ["a.h5"]


def test_an_error_of_the_filler_itself_comes_out(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), new_hdf5(tmp_path / "a.h5"):
        _ = 1 / 0
    assert list(tmp_path.iterdir()) == []


def log_until_full(begun: Run) -> None:
    with begun as run:
        for step in range(3):
            run.log(step=step, loss=0.5)
        # a file may take the row's first ten characters only
        with no_room((run.directory / "metrics.csv").stat().st_size + 10):
            run.log(step=3, loss=1 / 3)


def test_a_row_that_does_not_fit_leaves_a_run_that_can_be_taken_up(
    tmp_path: Path, begin: Any
) -> None:
    with pytest.raises(DiskFull, match=r"metrics\.csv must be written, but there is no room"):
        log_until_full(begin(tmp_path))
    assert job_status(tmp_path) == "failed"
    assert read_provenance(tmp_path)["error"].startswith(f"DiskFull: {tmp_path / 'metrics.csv'}")
    with begin(tmp_path, resume=True) as run:
        run.log(step=3, loss=0.25)
        run.finish(0.25)
    assert read_csv(tmp_path / "metrics.csv")["loss"] == ["0.5", "0.5", "0.5", "0.25"]


def test_a_run_that_catches_it_goes_on_in_its_table(tmp_path: Path, begin: Any) -> None:
    with begin(tmp_path, resume=True) as run:
        run.log(step=0, loss=0.5)
        with no_room((tmp_path / "metrics.csv").stat().st_size + 10), pytest.raises(DiskFull):
            run.log(step=1, loss=1 / 3)
        run.log(step=1, loss=0.25)
        run.finish(0.25)
    assert read_csv(tmp_path / "metrics.csv") == {"step": ["0", "1"], "loss": ["0.5", "0.25"]}


@pytest.mark.parametrize("size", [0, 30])
def test_a_run_that_cannot_begin_holds_nothing(tmp_path: Path, size: int, begin: Any) -> None:
    directory = tmp_path / "run"
    with no_room(size), pytest.raises(DiskFull, match=r"(lock|config\.json) must be"):
        begin(directory, resume=True)
    assert not is_held(directory / "lock")
    assert job_status(directory) == "interrupted"
    with begin(directory, resume=True) as run:
        run.finish(1.0)
    assert read_metric(directory) == 1.0


def test_what_could_not_be_saved_is_named_not_that_its_end_could_not_be_noted(
    tmp_path: Path, begin: Any
) -> None:
    named = r"weights\.safetensors must be written"
    run = begin(tmp_path, resume=True)
    with pytest.raises(DiskFull, match=named), no_room(0), run:
        save_checkpoint(tmp_path, {"x": LARGE}, {})
    assert job_status(tmp_path) == "interrupted"
    with begin(tmp_path, resume=True) as run:
        run.finish(0.5)
    assert read_metric(tmp_path) == 0.5


def test_a_run_whose_end_does_not_fit_is_not_done(tmp_path: Path, begin: Any) -> None:
    named = r"provenance\.json must be written"
    with pytest.raises(DiskFull, match=named), begin(tmp_path, resume=True) as run, no_room(0):
        run.finish(1.0)
    assert job_status(tmp_path) == "failed"
    with begin(tmp_path, resume=True) as run:
        assert not run.done
        run.finish(1.0)
    assert job_status(tmp_path) == "done"


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has a disk that is always full")
def test_the_error_of_a_disk_is_told_as_that_of_a_limit(tmp_path: Path) -> None:
    def write() -> None:
        with atomic_path(tmp_path / "a.txt"), open("/dev/full", "w") as full:
            full.write("x")

    with pytest.raises(DiskFull, match=r"a\.txt must be .* no room \(No space left on device\)"):
        write()


def test_other_errors_stay_what_they_are(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises((FileExistsError, NotADirectoryError)):
        write_csv(tmp_path / "file" / "a.csv", {"x": [1.0]})
