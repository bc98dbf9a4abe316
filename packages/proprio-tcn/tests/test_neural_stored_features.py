"""Activations are read from their files one layer after another."""

import weakref
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from neuro_common.cli import Verb, main
from neuro_common.files import FormatError, read_csv
from proprio_tcn.neural import prediction
from proprio_tcn.neural.feature_files import StoredLayer, read_features, write_features
from proprio_tcn.neural.features import Features
from proprio_tcn.neural.formats.npz import read_npz, write_npz
from proprio_tcn.neural.protocol import Protocol
from proprio_tcn.neural.recording import Recording
from proprio_tcn.neural.targets import Targets, prepare

VERB = Verb(
    "predict",
    "predict",
    "proprio-tcn predict",
    "proprio_tcn.neural_cli:predict",
    "proprio_tcn.neural_config:PredictConfig",
)
TRIALS, BINS, NEURONS = 40, 20, 3


@pytest.fixture
def targets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Targets:
    """Of a session of noise, which lies in the current folder."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    session = Recording(
        rng.poisson(1.0, (TRIALS, BINS, NEURONS)).astype(np.uint16),
        np.full(TRIALS, BINS),
        {"muscle_length": rng.normal(size=(TRIALS, BINS, 2)).astype(np.float32)},
        movement_onset=np.zeros(TRIALS, dtype=int),
        movement_end=np.full(TRIALS, BINS),
        bump_onset=np.full(TRIALS, -1),
        target_direction_deg=np.tile([0.0, 90.0, 180.0, 270.0], TRIALS // 4),
        bump_direction_deg=np.full(TRIALS, np.nan),
        neurons=tuple(f"unit {n}" for n in range(NEURONS)),
        muscles=("one", "other"),
    )
    write_npz(session, "session.npz")
    return prepare(read_npz("session.npz"), Protocol())


def written(targets: Targets, file: int, layers: int = 3) -> Path:
    rng = np.random.default_rng(file)
    rows = len(targets.rates)
    found = [
        Features(f"torque net{file} 0", f"layer {n}", rng.normal(size=(rows, 4)), n + 1, "spatial")
        for n in range(layers)
    ]
    path = Path(f"some/activations/{file}.npz")
    path.parent.mkdir(parents=True, exist_ok=True)
    write_features(path, targets, found, Protocol())
    return path


def test_layers_come_back_in_order(targets: Targets) -> None:
    file = read_features(written(targets, 7), targets, Protocol())
    assert file.layers[1] == StoredLayer("torque net7 0", "layer 1", 2, "spatial")
    rng = np.random.default_rng(7)
    for _ in range(2):
        assert [(one.layer, one.depth, one.kind) for one in file] == [
            (f"layer {n}", n + 1, "spatial") for n in range(3)
        ]
    for one in file:
        np.testing.assert_array_equal(one.values, rng.normal(size=(len(targets.rates), 4)))


def test_one_layer_is_held_at_a_time(targets: Targets, monkeypatch: pytest.MonkeyPatch) -> None:
    files = [written(targets, number) for number in range(4)]
    seen: list[weakref.ref[Any]] = []
    held: list[int] = []
    original = prediction.predict_layer

    def watched(own: Targets, features: Features, **look: Any) -> Any:
        seen.append(weakref.ref(features.values))
        held.append(sum(one() is not None for one in seen))
        return original(own, features, **look)

    monkeypatch.setattr(prediction, "predict_layer", watched)
    given = ",".join(map(str, files))
    words = ["recording=session.npz", "draws=0", "kinematics=[direction]", "hydra.run.dir=found"]
    assert main("proprio-tcn", (VERB,), ["predict", *words, f"activations=[{given}]"]) == 0
    # the linear model of the direction stays, and one layer of one file
    assert len(seen) == 1 + 4 * 3
    assert max(held) == 2
    # the same to the bit as from features that are all at hand
    features = chain.from_iterable(read_features(one, targets, Protocol()) for one in files)
    wanted = prediction.predict(targets, list(features)).neuron_table()["test_ev"]
    assert [float(one) for one in read_csv("found/neurons.csv")["test_ev"]][NEURONS:] == wanted


def test_a_file_that_lacks_a_layer_is_named(targets: Targets) -> None:
    path = written(targets, 1)
    with np.load(path) as whole:
        arrays = dict(whole)
    del arrays["values.2"]
    np.savez(path, **arrays)
    with pytest.raises(FormatError, match=r"must name and hold each of its layers, .* layer 2"):
        read_features(path, targets, Protocol())


def test_damage_beyond_the_headings_is_named(targets: Targets) -> None:
    path = written(targets, 1)
    file = read_features(path, targets, Protocol())
    bytes_ = bytearray(path.read_bytes())
    values = file.__iter__().__next__().values
    place = bytes_.find(values.tobytes()[:64])
    assert place > 0
    bytes_[place + 5] ^= 0xFF
    path.write_bytes(bytes_)
    with pytest.raises(FormatError, match=r"must be a whole npz file of plain arrays, got Bad CRC"):
        list(file)
