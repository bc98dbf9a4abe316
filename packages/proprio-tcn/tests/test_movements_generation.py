import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from neuro_common.files import FormatError, RunError, read_json, write_json
from neuro_common.locks import Lock
from proprio_tcn.arms.two_link import TwoLinkArm
from proprio_tcn.movements import generation, making, sources
from proprio_tcn.movements.format import SPLITS
from proprio_tcn.movements.generation import generate_movements
from proprio_tcn.movements.making import make_movements
from proprio_tcn.movements.opening import open_movements
from proprio_tcn.movements_config import GenerateConfig, MovementSettings

SETTINGS = MovementSettings(
    arm="linear", writers=14, shares=[0.8, 0.1, 0.1], start_points=50, max_joint_jerk=5.0
)


def _digests(folder: Path) -> dict[str, str]:
    return {
        one.name: hashlib.sha256(one.read_bytes()).hexdigest()
        for one in sorted(folder.iterdir())
        if one.is_file()
    }


def _generate(arm: Any, path: Path, **options: Any) -> Any:
    return generate_movements(SETTINGS, arm, path, solve=arm.solve, **options)


def test_a_set_has_its_splits_and_says_what_became_of_attempts(linear_arm: Any, tmp_path: Path):
    made = _generate(linear_arm, tmp_path / "set")
    assert made.samples == {"train": 200, "val": 40, "test": 40}
    assert made.told["accepted"] == 280
    sets = {split: open_movements(tmp_path / "set", split, arm=linear_arm) for split in SPLITS}
    attempts = sum(int(one.trials.attempts.sum()) for one in sets.values())
    assert attempts == sum(made.told.values())
    for split, one in sets.items():
        assert len(one) == made.samples[split]
        counts = np.bincount(one.letter, minlength=20)
        assert np.ptp(counts) == 0  # every writer wrote every letter
    writers = [set(one.writer.tolist()) for one in sets.values()]
    assert sum(map(len, writers)) == len(set().union(*writers)) == 14
    memory = make_movements(linear_arm, SETTINGS, "val", solve=linear_arm.solve)
    np.testing.assert_array_equal(memory.batch([5])["spindle"], sets["val"].batch([5])["spindle"])
    assert not (tmp_path / "set" / "parts").exists()


def test_killed_and_resumed_it_gives_the_same_files(
    linear_arm: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    _generate(linear_arm, tmp_path / "whole")
    real = generation._make_shard
    for killed_at in (1, 3):
        made = 0

        def killed(*arguments: Any, after: int = killed_at) -> Any:
            nonlocal made
            made += 1
            if made == after:
                raise KeyboardInterrupt
            return real(*arguments)

        folder = tmp_path / f"killed_{killed_at}"
        monkeypatch.setattr(generation, "_make_shard", killed)
        with pytest.raises(KeyboardInterrupt):
            _generate(linear_arm, folder)
        monkeypatch.setattr(generation, "_make_shard", real)
        kept = sorted(one.name for one in (folder / "parts").glob("*.npz"))
        assert len(kept) == killed_at - 1
        (folder / "parts" / ".torn.npz").write_bytes(b"half")  # a shard that was being written
        _generate(linear_arm, folder)
        assert _digests(folder) == _digests(tmp_path / "whole")


def test_killed_while_assembling_it_resumes_too(
    linear_arm: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    _generate(linear_arm, tmp_path / "whole", layout="full")
    real, written = generation.write_movements, []

    def killed(path: Path, *arguments: Any) -> None:
        if written:
            raise KeyboardInterrupt
        written.append(path)
        real(path, *arguments)

    monkeypatch.setattr(generation, "write_movements", killed)
    with pytest.raises(KeyboardInterrupt):
        _generate(linear_arm, tmp_path / "set", layout="full")
    monkeypatch.setattr(generation, "write_movements", real)
    _generate(linear_arm, tmp_path / "set", layout="full")
    assert _digests(tmp_path / "set") == _digests(tmp_path / "whole")


def test_a_finished_set_is_left_alone(
    linear_arm: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    first = _generate(linear_arm, tmp_path)
    monkeypatch.setattr(generation, "_make_shard", None)
    assert _generate(linear_arm, tmp_path) == first
    other = MovementSettings(**{**vars(SETTINGS), "jitter": 0.06})
    with pytest.raises(RunError, match="these differ: jitter; set them back, or give another"):
        generate_movements(other, linear_arm, tmp_path, solve=linear_arm.solve)
    with pytest.raises(RunError, match="these differ: layout"):
        _generate(linear_arm, tmp_path, layout="full")


def _forget(folder: Path) -> None:
    """As if the set had never been finished."""
    for one in ("movements.json", *(f"dataset_{split}.hdf5" for split in SPLITS)):
        (folder / one).unlink()


def test_files_of_another_origin_are_not_written_over(linear_arm: Any, tmp_path: Path):
    (tmp_path / "dataset_val.hdf5").write_bytes(b"years of work")
    with pytest.raises(RunError, match=r"got dataset_val.hdf5 in it and no movements.json that sa"):
        _generate(linear_arm, tmp_path)
    assert (tmp_path / "dataset_val.hdf5").read_bytes() == b"years of work"
    assert not (tmp_path / "movements.json").exists()


def test_a_torn_shard_is_named(linear_arm: Any, tmp_path: Path):
    _generate(linear_arm, tmp_path)
    (tmp_path / "parts").mkdir()
    _forget(tmp_path)
    (tmp_path / "parts" / "val_00000.npz").write_bytes(b"PK\x03\x04 half a shard" * 9)
    with pytest.raises(FormatError, match=r"val_00000\.npz must be a shard .* delete it"):
        _generate(linear_arm, tmp_path)


def _torn(path: Path, how: str) -> None:
    with np.load(path) as found:
        arrays = {name: found[name] for name in found.files}
    if how == "deflated":  # zlib stumbles over it, not zip
        np.savez_compressed(path, **arrays)
        whole = bytearray(path.read_bytes())
        whole[60:90] = b"\xff" * 30
        path.write_bytes(whole)
    elif how == "lacking":
        np.savez(path, **{name: one for name, one in arrays.items() if name != "letter"})
    else:
        np.savez(path, **arrays, extra=np.zeros(3))


@pytest.mark.parametrize("how", ["deflated", "lacking", "more"])
def test_shards_of_something_else_are_named(how: str, linear_arm: Any, tmp_path: Path):
    renderer = generation.make_renderer(linear_arm, SETTINGS, solve=linear_arm.solve)
    _generate(linear_arm, tmp_path)
    (tmp_path / "parts").mkdir()
    _forget(tmp_path)
    cells = making.cells_of(SETTINGS, "val")
    generation._make_shard(renderer, tmp_path / "parts", ("val", 0), cells)
    _torn(tmp_path / "parts" / "val_00000.npz", how)
    with pytest.raises(FormatError, match=r"val_00000\.npz must be a shard .* delete it"):
        _generate(linear_arm, tmp_path)


def test_two_writers_of_one_folder_are_refused(linear_arm: Any, tmp_path: Path):
    (tmp_path / "parts").mkdir()
    lock = Lock(tmp_path / "parts" / "lock")
    try:
        with pytest.raises(RunError, match="must have one writer at a time"):
            _generate(linear_arm, tmp_path)
    finally:
        lock.release()


def test_trials_are_listed_once_however_many_shards_there_are(
    linear_arm: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    listed: list[str] = []

    def cells_of(settings: MovementSettings, split: str) -> Any:
        listed.append(split)
        return making.cells_of(settings, split)

    monkeypatch.setattr(generation, "cells_of", cells_of)
    many = MovementSettings(**{**vars(SETTINGS), "writers": 30})
    made = generate_movements(many, linear_arm, tmp_path, solve=linear_arm.solve)
    assert made.samples == {"train": 480, "val": 60, "test": 60}
    # a set of the published size has 1,458 shards, and its list takes most of a second
    assert listed == list(SPLITS)


def test_workers_have_the_arm_of_the_settings(linear_arm: Any, tmp_path: Path):
    settings = MovementSettings(arm="two_link", arm_options={"lengths": "chips"})
    for arm in (TwoLinkArm(), linear_arm):
        with pytest.raises(
            ValueError, match=r"arm=two_link .* each of 2 workers opens for itself, "
        ):
            generate_movements(settings, arm, tmp_path / "set", workers=2)
    assert not (tmp_path / "set").exists()


def test_any_number_of_workers_gives_the_same_files(tmp_path: Path):
    settings = MovementSettings(
        arm="two_link", writers=12, shares=[0.8, 0.1, 0.1], start_points=20, max_joint_jerk=8.0
    )
    generate_movements(settings, TwoLinkArm(), tmp_path / "one")
    generate_movements(settings, TwoLinkArm(), tmp_path / "two", workers=2)
    assert _digests(tmp_path / "one") == _digests(tmp_path / "two")


KILLED = """
import json, sys
from proprio_tcn.arms.two_link import TwoLinkArm
from proprio_tcn.movements.generation import generate_movements
from proprio_tcn.movements_config import MovementSettings
if __name__ == "__main__":
    settings = MovementSettings(**json.loads(sys.argv[2]))
    generate_movements(settings, TwoLinkArm(), sys.argv[1], workers=2)
"""


def _lives(group: int) -> bool:
    """Whether any process of a group does."""
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no SIGKILL on this system")
def test_killed_by_the_system_and_resumed_it_gives_the_same_files(tmp_path: Path):
    script, folder = tmp_path / "killed.py", tmp_path / "killed"
    script.write_text(KILLED, encoding="utf-8")
    settings = MovementSettings(
        arm="two_link", writers=20, shares=[0.8, 0.1, 0.1], start_points=20, max_joint_jerk=8.0
    )
    told = json.dumps(vars(settings))
    process = subprocess.Popen(
        [sys.executable, str(script), str(folder), told], start_new_session=True
    )
    try:
        until = time.monotonic() + 300.0  # a loaded machine takes its time
        while not list((folder / "parts").glob("*.npz")) and time.monotonic() < until:
            assert process.poll() is None
            time.sleep(0.005)
    finally:
        process.kill()
        process.wait()
    assert process.returncode == -signal.SIGKILL
    shards = len(list((folder / "parts").glob("*.npz")))
    assert 1 <= shards < 4  # 320 + 40 + 40 samples are 2 + 1 + 1 shards
    assert not (folder / "dataset_train.hdf5").exists()
    until = time.monotonic() + 10.0
    while _lives(process.pid) and time.monotonic() < until:
        time.sleep(0.02)
    assert not _lives(process.pid)  # workers go with it
    generate_movements(settings, TwoLinkArm(), folder)
    generate_movements(settings, TwoLinkArm(), tmp_path / "whole")
    assert _digests(folder) == _digests(tmp_path / "whole")


def test_it_is_resumed_only_with_the_files_it_began_with(
    linear_arm: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    model, folder = tmp_path / "linear.osim", tmp_path / "set"
    settings = MovementSettings(**{**vars(SETTINGS), "arm": str(model)})
    with pytest.raises(FileNotFoundError, match=r"arm must be .* none at .*: give arm=PATH"):
        generate_movements(settings, linear_arm, folder, solve=linear_arm.solve)
    model.write_text("one", encoding="utf-8")
    made = generate_movements(settings, linear_arm, folder, solve=linear_arm.solve)
    record = read_json(folder / "movements.json", "proprio-tcn/generation")
    assert record["sources"]["arm"] == hashlib.sha256(b"one").hexdigest()
    model.write_text("two", encoding="utf-8")
    with pytest.raises(RunError, match=r"have changed: the file of arm \(SHA-256 7692c3ad then, "):
        generate_movements(settings, linear_arm, folder, solve=linear_arm.solve)
    model.write_text("one", encoding="utf-8")
    monkeypatch.setattr(sources, "_version", lambda of: "9.9")
    assert generate_movements(settings, linear_arm, folder, solve=linear_arm.solve) == made
    write_json(folder / "movements.json", {**record, "done": False}, "proprio-tcn/generation")
    with pytest.raises(RunError, match=r"have changed: proprio-tcn \(.* then, 9\.9 now\); put"):
        generate_movements(settings, linear_arm, folder, solve=linear_arm.solve)


def test_a_compact_set_is_rendered_only_with_the_arm_it_was_made_with(
    linear_arm: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("proprio_tcn.arms.opening.open_arm", lambda name: linear_arm)
    model = Path("linear.osim")
    model.write_text("one", encoding="utf-8")
    settings = MovementSettings(**{**vars(SETTINGS), "arm": str(model)})
    for layout in ("compact", "rendered"):
        generate_movements(settings, linear_arm, layout, layout=layout, solve=linear_arm.solve)
    whole = open_movements("compact", "val")
    assert whole.sources["arm"] == hashlib.sha256(b"one").hexdigest()
    model.write_text("two", encoding="utf-8")
    with pytest.raises(RunError, match=r"linear\.osim has changed since \(SHA-256 7692c3ad then, "):
        open_movements("compact", "val")
    given = open_movements("compact", "val", arm=linear_arm)
    np.testing.assert_array_equal(given.trials.spindle, whole.trials.spindle)
    model.unlink()
    with pytest.raises(FileNotFoundError, match=r"arm linear\.osim, which is not there.*open_arm"):
        open_movements("compact", "val")
    assert len(open_movements("rendered", "val")) == 40  # needs no arm
    model.write_text("one", encoding="utf-8")
    monkeypatch.setattr(sources, "_version", lambda of: "9.9")
    with pytest.raises(RunError, match=r"and this is 9\.9, which may render it differently"):
        open_movements("compact", "val")


def test_the_pens_file_counts_for_letters_alone(tmp_path: Path):
    pen = tmp_path / "pen.npz"
    pen.write_bytes(b"ink")
    settings = MovementSettings(pen=str(pen))
    assert sources.describe_sources(settings)["pen"] == hashlib.sha256(b"ink").hexdigest()
    linked = MovementSettings(arm="two_link")
    assert set(sources.describe_sources(linked)) == {"version"}
    reaches = MovementSettings(arm="two_link", pen=str(pen), movements="reaches")
    assert set(sources.describe_sources(reaches)) == {"version"}


def test_an_arm_of_myo_sim_is_that_of_one_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    from importlib.metadata import version

    before = sources.describe_sources(MovementSettings(arm="elbow"))
    assert before["myo_sim"] == version("myo-sim")
    sources.check_arm_file(tmp_path, "elbow", before)
    real = sources._version
    monkeypatch.setattr(sources, "_version", lambda of: "9.9" if of == "myo-sim" else real(of))
    with pytest.raises(
        RunError, match=r"was made with myo-sim \d.* and this is 9\.9, which may re"
    ):
        sources.check_arm_file(tmp_path, "elbow", before)
    sources.check_arm_file(tmp_path, "two_link", before)
    now = sources.describe_sources(MovementSettings(arm="elbow"))
    changed = sources.differing_sources(before, now, done=False)
    assert changed == [f"myo-sim ({before['myo_sim']} then, 9.9 now)"]
    assert sources.differing_sources(before, now, done=True) == []
    # sets from before this was kept say nothing of it
    old = {"version": before["version"]}
    sources.check_arm_file(tmp_path, "elbow", old)
    assert sources.differing_sources(old, now, done=False) == []


def test_wrong_arguments_are_refused(linear_arm: Any, tmp_path: Path):
    with pytest.raises(ValueError, match="layout must be one of compact, rendered, full, got 'x'"):
        _generate(linear_arm, tmp_path, layout="x")
    with pytest.raises(ValueError, match="workers must be at least 1, and 1 with a solver given"):
        _generate(linear_arm, tmp_path, workers=2)
    few = MovementSettings(writers=2)
    with pytest.raises(ValueError, match="writers must leave one to every split"):
        generate_movements(few, linear_arm, tmp_path, solve=linear_arm.solve)
    with pytest.raises(ValueError, match="compression must be one of none, lzf, gzip, got 'zip'"):
        GenerateConfig(compression="zip")
    with pytest.raises(ValueError, match="layout must be one of compact, rendered, full"):
        GenerateConfig(layout="x")
    with pytest.raises(ValueError, match="workers must be at least 1, got 0"):
        GenerateConfig(workers=0)
