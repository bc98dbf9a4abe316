"""Training and driving where `device` says; a device that is not there is refused at once."""

from pathlib import Path

import numpy as np
import pytest
import torch

from neuro_common import cli
from rhythm_rnn.cli import VERBS
from rhythm_rnn.config import EIRateConfig, GRUConfig, ModelConfig, TrainConfig
from rhythm_rnn.drive import drive
from rhythm_rnn.training import train
from rhythm_rnn.weights import load, read_published

QUICK = {"updates": 4, "validate_every": 2, "batch": 2, "period_s": [0.2], "duration_s": 0.5}


@pytest.mark.parametrize("words", [["train"], ["drive", "weights=ei_100"]])
def test_a_device_that_is_not_there_is_refused(
    words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main("rhythm-rnn", VERBS, [*words, "device=gpu", f"hydra.run.dir={tmp_path}"]) == 1
    told = 'device must be "cpu", or "cuda" where torch finds a graphics card, got \'gpu\''
    assert told in capsys.readouterr().err


def test_published_weights_of_a_gpu_are_read_without_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    units = 10
    tensors = {
        "w_ih": torch.ones(2, units),
        "b_ih": torch.zeros(units),
        "w_hh": torch.ones(units, units),
        "b_hh": torch.zeros(units),
        "w_ho": torch.ones(units, 1),
        "b_ho": torch.zeros(1),
    }
    with monkeypatch.context() as patched:
        # what torch writes into a file beside the numbers of a tensor on a card
        patched.setattr(torch.serialization, "location_tag", lambda storage: "cuda:0")
        torch.save(tensors, tmp_path / "gpu.pth")
    network = read_published(tmp_path / "gpu.pth").network
    assert next(network.parameters()).device.type == "cpu"


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize(
    ("model", "members"),
    [(EIRateConfig(units=20), 1), (EIRateConfig(units=20), 2), (GRUConfig(units=8), 1)],
)
def test_a_gpu_learns_what_the_cpu_does(model: ModelConfig, members: int, tmp_path: Path) -> None:
    given = {**QUICK, "model": model, "members": members, "coarse_updates": 0}
    found = []
    for device in ("cpu", "cuda"):
        learnt = train(TrainConfig(**given, device=device), tmp_path / device)
        assert next(learnt[-1].network.parameters()).device.type == device
        found.append([one.fit.best.scores["loss"] for one in learnt])
    # noise is of a kind of device: losses are alike, not the same
    np.testing.assert_allclose(found[0], found[1], rtol=0.2)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_a_gpu_taps_as_the_cpu_does() -> None:
    network = load("ei_100").network
    options = {"duration_s": 4.0, "discard_s": 1.0, "noise": None, "save_every": 10}
    here = drive(network, [0.3, 0.5], components=2, **options)
    there = drive(network.cuda(), [0.3, 0.5], components=2, **options)
    for one, other in zip(here.taps, there.taps, strict=True):
        assert one.verdict == other.verdict
    np.testing.assert_allclose(there.outputs[:, :500], here.outputs[:, :500], atol=1e-3)
