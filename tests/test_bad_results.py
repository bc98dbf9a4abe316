"""Results that are foreign, cut short or newer than their reader: a message, in every package."""

from __future__ import annotations

import importlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py  # type: ignore[import-untyped]
import numpy as np
import pytest

from neuro_common.checkpoint import save_checkpoint
from neuro_common.files import RunError
from neuro_common.runs import Run
from neuro_common.store import Recording, Signal, write_recording

# what reads a recording of its package, and the file that it is given or looks for
RECORDINGS = {
    "neuro-common": ("neuro_common.store:read_recording", "data.h5"),
    "rldbs-env": ("rldbs_env.evaluation:read_evaluation", "."),
    "rhythm-rnn": ("rhythm_rnn.recordings:read_drive", "data.h5"),
    "spinal-rnn": ("spinal_rnn.session:read_session", "data.h5"),
    "brainnn": ("brainnn.analysis.recording:read_walk", "data.h5"),
    "proprio-tcn": ("proprio_tcn.recorded.inputs:read_inputs", "data.h5"),
}
# what reads runs to draw them
RUNS = {
    "neuro-common": "neuro_common.runs:read_config",
    "rldbs-env": "rldbs_env.learning:find_trainings",
    "brainnn": "brainnn.analysis.curves:find_trainings",
}


def load(reference: str) -> Callable[[Path], Any]:
    module, _, name = reference.partition(":")
    found: Callable[[Path], Any] = getattr(importlib.import_module(module), name)
    return found


def newer(path: Path) -> str:
    with h5py.File(path, "r+") as file:
        file.attrs["format_version"] = 2
    return r"format_version <= 1, got 2: a newer release wrote it, so update with pip install"


def cut(path: Path) -> str:
    path.write_bytes(path.read_bytes()[:1000])
    return "is damaged or no recording: "


def of_another_program(path: Path) -> str:
    with h5py.File(path, "w") as file:
        file["x"] = np.arange(3.0)
    return 'must have the format "neuro-common/recording", got None'


def no_hdf5(path: Path) -> str:
    path.write_text("time,voltage\n0,-70\n")
    return "is damaged or no recording: "


def of_another_verb(path: Path) -> str:
    del path
    return r"must (hold|be|have)|holds no evaluation"


@pytest.mark.parametrize("spoil", [newer, cut, of_another_program, no_hdf5, of_another_verb])
@pytest.mark.parametrize("package", RECORDINGS)
def test_a_recording_is_refused_by_name(
    package: str, spoil: Callable[[Path], str], tmp_path: Path
) -> None:
    if package == "neuro-common" and spoil is of_another_verb:
        pytest.skip("it reads all recordings")
    path = tmp_path / "data.h5"
    write_recording(path, Recording({"x": Signal(np.arange(300.0), ("time",), "mV")}))
    (tmp_path / "scores.csv").write_text("controller\n")
    message, before = spoil(path), path.read_bytes()
    reader, name = RECORDINGS[package]
    with pytest.raises(RunError, match=message) as refused:
        load(reader)(tmp_path / name)
    assert str(tmp_path) in str(refused.value)
    assert path.read_bytes() == before


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A run of some training, with whatever a figure looks for."""
    told: dict[str, Any] = {"distribution": "toy", "verb": "train", "command": "toy", "seed": 1}
    with Run.open(tmp_path, config={"seed": 1}, **told) as one:
        one.log(step=0, loss=0.5)
        save_checkpoint(tmp_path, {"x": np.arange(3.0)}, {})
        one.finish(0.5)
    return tmp_path


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        ({"format_version": 2}, "format_version <= 1, got 2: a newer release wrote it, so update"),
        ({"format": "wandb"}, "must have the format \"neuro-common/config\", got 'wandb'"),
        (None, "must be a complete JSON file, got one that breaks off"),
    ],
)
@pytest.mark.parametrize("package", RUNS)
def test_a_run_is_refused_by_name(
    package: str, spoil: dict[str, Any] | None, message: str, run: Path
) -> None:
    path = run / "config.json"
    text = path.read_text(encoding="utf-8")
    path.write_text(text[:40] if spoil is None else json.dumps(json.loads(text) | spoil))
    with pytest.raises(RunError, match=message) as refused:
        load(RUNS[package])(run)
    assert str(path) in str(refused.value)


@pytest.mark.parametrize(
    ("package", "words"),
    [
        ("rldbs-env", "figures run={}"),
        ("rldbs-env", "evaluate run={}"),
        ("rhythm-rnn", "figures clicks weights={}"),
        ("rhythm-rnn", "drive weights={}"),
        ("brainnn", "evaluate weights={}"),
        ("spinal-rnn", "figures roots weights={}"),
        ("proprio-tcn", "evaluate weights={}"),
        ("proprio-tcn", "figures prediction run={}"),
        ("proprio-tcn", "figures relation run={}"),
        ("proprio-tcn", "figures prediction runs=[{0},{0}]"),
    ],
)
def test_a_command_that_is_given_another_kind_of_run_says_so(
    package: str,
    words: str,
    run: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    main = load(
        f"{package.replace('-', '_')}.{'command' if package == 'rldbs-env' else 'cli'}:main"
    )
    line = [*words.format(run).split(), f"hydra.run.dir={tmp_path / 'out'}"]
    code = main(line)  # type: ignore[arg-type]
    told = capsys.readouterr().err
    assert code == 1, told
    assert str(run) in told
    assert "Traceback" not in told
