"""Weights that are not what their manifest says are refused by every package, with file and digest.

A pickle, which can run any program when it is read, is never opened.
"""

from __future__ import annotations

import hashlib
import importlib
import json
import pickle
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from neuro_common.checkpoint import save_checkpoint
from neuro_common.files import RunError

ROOT = Path(__file__).parents[1]
SHIPPED = sorted(path.parent for path in ROOT.glob("packages/*/src/*/pretrained/*/manifest.json"))
WEIGHTS, MANIFEST = "weights.safetensors", "manifest.json"
# what reads weights, and a directory that it takes; spinal-rnn ships none
LOADERS: dict[str, tuple[str, str]] = {
    "rldbs-env": ("rldbs_env.policy:load_policy", "ppo_bvdp"),
    "rhythm-rnn": ("rhythm_rnn.weights:load", "ei_100"),
    "spinal-rnn": ("spinal_rnn.models.files:load_model", ""),
    "brainnn": ("brainnn.networks.files:load_network", "walker"),
    "brainnn's teacher": ("brainnn.learning.teacher:Teacher.load", "teacher"),
    "proprio-tcn": ("proprio_tcn.training.trained:load_network", "hand_position"),
}


class Program:
    """Makes a file when it is unpickled."""

    def __init__(self, made: Path) -> None:
        self.made = made

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[str, str]]:
        return open, (str(self.made), "w")


def digest(folder: Path) -> str:
    return hashlib.sha256((folder / WEIGHTS).read_bytes()).hexdigest()


def edit(folder: Path, **changes: Any) -> None:
    path = folder / MANIFEST
    path.write_text(json.dumps(json.loads(path.read_text(encoding="utf-8")) | changes))


def flip_a_bit(folder: Path) -> str:
    data, wanted = bytearray((folder / WEIGHTS).read_bytes()), digest(folder)
    data[-3] ^= 1
    (folder / WEIGHTS).write_bytes(data)
    return rf"weights\.safetensors must have the SHA-256 .*{wanted}, got {digest(folder)}: it is "


def cut(folder: Path) -> str:
    wanted = digest(folder)
    (folder / WEIGHTS).write_bytes((folder / WEIGHTS).read_bytes()[:-100])
    return rf"weights\.safetensors must have the SHA-256 .*{wanted}, got {digest(folder)}: it is "


def take_another_manifest(folder: Path) -> str:
    found, wanted = digest(folder), "0" * 64
    edit(folder, sha256=wanted)
    return rf"weights\.safetensors must have the SHA-256 .*{wanted}, got {found}: it is "


def lose_the_manifest(folder: Path) -> str:
    (folder / MANIFEST).unlink()
    return r"manifest\.json"


def lose_the_weights(folder: Path) -> str:
    (folder / WEIGHTS).unlink()
    return r"weights\.safetensors"


def cut_the_manifest(folder: Path) -> str:
    (folder / MANIFEST).write_text((folder / MANIFEST).read_text(encoding="utf-8")[:90])
    return "breaks off|JSONDecodeError"


def come_from_the_future(folder: Path) -> str:
    edit(folder, format_version=2)
    return r"manifest\.json must have format_version <= 1, got 2: a newer release wrote it, so upd"


def come_from_elsewhere(folder: Path) -> str:
    edit(folder, format="pickled/things")
    return "pickled/things"


def be_a_pickle(folder: Path) -> str:
    (folder / WEIGHTS).write_bytes(pickle.dumps(Program(folder / "ran")))
    edit(folder, sha256=digest(folder))
    return "[Ss]afetensor"


def be_pickles_beside_it(folder: Path) -> str:
    for name in ("weights.pt", "model.pkl", "policy.zip"):
        (folder / name).write_bytes(pickle.dumps(Program(folder / "ran")))
    return lose_the_weights(folder)


SPOILERS = [
    *(flip_a_bit, cut, take_another_manifest, lose_the_manifest, lose_the_weights),
    *(cut_the_manifest, come_from_the_future, come_from_elsewhere),
    *(be_a_pickle, be_pickles_beside_it),
]


def loader(package: str) -> Callable[[Path], Any]:
    module, _, names = LOADERS[package][0].partition(":")
    found: Any = importlib.import_module(module)
    for name in names.split("."):
        found = getattr(found, name)
    load: Callable[[Path], Any] = found
    return load


@pytest.fixture
def weights(package: str, tmp_path: Path) -> Path:
    """A whole directory of the package's weights."""
    folder, shipped = tmp_path / "weights", LOADERS[package][1]
    if shipped:
        (source,) = (path for path in SHIPPED if path.name == shipped)
        shutil.copytree(source, folder)
        loader(package)(folder)
    else:
        save_checkpoint(folder, {"x": np.arange(100.0)}, {"kind": "spinal-rnn/recurrent"})
    return folder


@pytest.mark.parametrize("spoil", SPOILERS)
@pytest.mark.parametrize("package", LOADERS)
def test_spoilt_weights_are_refused_and_left_alone(
    package: str, weights: Path, spoil: Callable[[Path], str]
) -> None:
    message = spoil(weights)
    files = {path: path.read_bytes() for path in weights.iterdir()}
    with pytest.raises((RunError, FileNotFoundError, ValueError), match=message) as refused:
        loader(package)(weights)
    assert re.search(re.escape(str(weights)), str(refused.value))
    assert {path: path.read_bytes() for path in weights.iterdir()} == files


def test_the_program_in_these_pickles_would_run(tmp_path: Path) -> None:
    pickle.loads(pickle.dumps(Program(tmp_path / "ran"))).close()
    assert (tmp_path / "ran").exists()


@pytest.mark.parametrize("folder", SHIPPED, ids=lambda path: f"{path.parents[1].name}-{path.name}")
def test_what_ships_is_what_its_manifest_says(folder: Path) -> None:
    assert json.loads((folder / MANIFEST).read_text(encoding="utf-8"))["sha256"] == digest(folder)
