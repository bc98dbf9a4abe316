import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from neuro_common.files import FormatError, RunError
from neuro_common.locks import Lock
from proprio_tcn.arms.two_link import TwoLinkArm
from proprio_tcn.movements import generation
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


def test_a_torn_shard_is_named(linear_arm: Any, tmp_path: Path):
    _generate(linear_arm, tmp_path)
    (tmp_path / "parts").mkdir()
    (tmp_path / "movements.json").unlink()
    (tmp_path / "parts" / "val_00000.npz").write_bytes(b"PK\x03\x04 half a shard" * 9)
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


def test_any_number_of_workers_gives_the_same_files(tmp_path: Path):
    settings = MovementSettings(
        arm="two_link", writers=12, shares=[0.8, 0.1, 0.1], start_points=20, max_joint_jerk=8.0
    )
    generate_movements(settings, TwoLinkArm(), tmp_path / "one")
    generate_movements(settings, TwoLinkArm(), tmp_path / "two", workers=2)
    assert _digests(tmp_path / "one") == _digests(tmp_path / "two")


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
