"""Whose checkpoints are in a directory: a training goes on only from its own."""

from pathlib import Path
from typing import Any

import pytest

from neuro_common.files import FormatError, read_json
from neuro_common.training import claim_directory

TRAINING: dict[str, Any] = {"seed": 0, "settings": {"epochs": 2, "views": ("time",)}}
FORMAT = "rhythm-rnn/training"


def begin(directory: Path) -> None:
    claim_directory(directory, TRAINING, FORMAT)
    (directory / "checkpoints").mkdir()
    (directory / "checkpoints" / "last.ckpt").touch()


def test_a_training_goes_on_from_its_own_checkpoints(tmp_path: Path) -> None:
    begin(tmp_path / "run")
    claim_directory(tmp_path / "run", TRAINING, FORMAT)
    assert read_json(tmp_path / "run" / "training.json", FORMAT)["seed"] == 0


@pytest.mark.parametrize(
    ("other", "message"),
    [
        ({"seed": 1}, "must hold a training with seed=1, got checkpoints of one with seed=0: give"),
        (
            {"settings": {"epochs": 3, "views": ["muscle"]}},
            r"settings.epochs=3, settings.views=\['muscle'\], got .* settings.views=\['time'\]",
        ),
        ({"bins": 400}, r"with bins=400, got .* bins=None: give another directory, or delete its"),
    ],
)
def test_checkpoints_of_another_are_refused(
    other: dict[str, Any], message: str, tmp_path: Path
) -> None:
    begin(tmp_path)
    before = (tmp_path / "training.json").read_text()
    with pytest.raises(FormatError, match=message):
        claim_directory(tmp_path, TRAINING | other, FORMAT)
    assert (tmp_path / "training.json").read_text() == before


def test_checkpoints_of_nobody_are_refused(tmp_path: Path) -> None:
    begin(tmp_path)
    (tmp_path / "training.json").unlink()
    with pytest.raises(FormatError, match=r"must have a training.json beside its checkpoints, got"):
        claim_directory(tmp_path, TRAINING, FORMAT)


def test_where_nothing_was_learnt_yet_another_may_begin(tmp_path: Path) -> None:
    claim_directory(tmp_path, TRAINING, FORMAT)
    claim_directory(tmp_path, TRAINING | {"seed": 1}, FORMAT)
    assert read_json(tmp_path / "training.json", FORMAT)["seed"] == 1
