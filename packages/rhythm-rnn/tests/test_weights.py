"""Trained weights: written and read back, published checkpoints, and what is refused."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from neuro_common.checkpoint import save_checkpoint
from neuro_common.files import FormatError
from rhythm_rnn.config import EIRateConfig, GRUConfig
from rhythm_rnn.model import build
from rhythm_rnn.weights import load, load_network, read_published, save


def _published(units: int = 64, dtype: torch.dtype = torch.float64) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(5)

    def normal(*shape: int, scale: float) -> torch.Tensor:
        return scale * torch.randn(shape, generator=generator, dtype=dtype)

    return {
        "w_ih": normal(units, 2, scale=0.2),
        "b_ih": normal(units, scale=1.0),
        "w_hh": normal(units, units, scale=0.05).relu(),
        "b_hh": normal(units, scale=0.1),
        "w_ho": normal(1, units, scale=0.2),
        "b_ho": normal(1, scale=0.1),
    }


def _published_run(tensors: dict[str, torch.Tensor], inputs: torch.Tensor) -> torch.Tensor:
    """The published equations, a step at a time (spec of the model: tau 10 ms, dt 1 ms)."""
    units = len(tensors["b_hh"])
    signs = torch.where(torch.arange(units) < int(0.8 * units), 1.0, -1.0).double()
    weight = signs * tensors["w_hh"].abs() * (1 - torch.eye(units))
    h = torch.zeros(units, dtype=torch.float64)
    outputs = []
    for x in inputs:
        drive = tensors["w_ih"] @ x + weight @ h.relu() + tensors["b_hh"]
        h = 0.9 * h + 0.1 * drive
        outputs.append(tensors["w_ho"] @ h.relu() + tensors["b_ho"])
    return torch.stack(outputs)


def test_reads_a_published_checkpoint(tmp_path: Path) -> None:
    tensors = _published()
    torch.save(tensors, tmp_path / "net.pth")
    network = load_network(tmp_path / "net.pth")
    inputs = torch.rand(1, 120, 2, dtype=torch.float64)
    with torch.no_grad():
        outputs, _ = network(inputs)
    torch.testing.assert_close(outputs[0], _published_run(tensors, inputs[0]), rtol=0, atol=1e-12)
    assert int((network.signs == 1).sum()) == 51
    # the bias of the inputs was never used
    tensors["b_ih"] += 1.0
    torch.save(tensors, tmp_path / "other.pth")
    with torch.no_grad():
        again, _ = load_network(tmp_path / "other.pth")(inputs)
    assert torch.equal(again, outputs)


def test_a_published_checkpoint_keeps_its_missing_connections(tmp_path: Path) -> None:
    tensors = _published()
    torch.save(tensors, tmp_path / "net.pth")
    network = load_network(tmp_path / "net.pth")
    missing = tensors["w_hh"] == 0
    assert torch.equal(~network.mask, missing | torch.eye(64, dtype=torch.bool))


@pytest.mark.parametrize("config", [EIRateConfig(units=10), GRUConfig(units=6)])
def test_written_and_read_back(tmp_path: Path, config: Any) -> None:
    network = build(config, seed=4)
    save(tmp_path, network, config, {"seed": 4})
    found = load(tmp_path)
    assert found.config == config
    assert found.facts == {"seed": 4}
    inputs = torch.rand(2, 30, 2)
    with torch.no_grad():
        assert torch.equal(found.network(inputs)[0], network(inputs)[0])


def test_an_analysis_of_weights_needs_a_rate_network(tmp_path: Path) -> None:
    config = GRUConfig(units=6)
    save(tmp_path, build(config, seed=4), config, {})
    with pytest.raises(ValueError, match=r"must be of a rate network .*, got gru"):
        load_network(tmp_path)


def test_what_is_no_network_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="weights must be pretrained, ei_500, ei_100"):
        load(tmp_path / "nothing")
    save_checkpoint(tmp_path / "policy", {"a": np.zeros(3)}, {"kind": "other"})
    with pytest.raises(FormatError, match="must hold a network of rhythm-rnn, got 'other'"):
        load(tmp_path / "policy")
    manifest = {"kind": "rhythm-rnn/network", "model": {"name": "lstm"}}
    save_checkpoint(tmp_path / "lstm", {"a": np.zeros(3)}, manifest)
    with pytest.raises(FormatError, match=r"must be of a model in .*, got 'lstm'"):
        load(tmp_path / "lstm")
    manifest = {"kind": "rhythm-rnn/network", "model": {"name": "gru", "layers": 3}}
    save_checkpoint(tmp_path / "keys", {"a": np.zeros(3)}, manifest)
    with pytest.raises(FormatError, match=r"must have a config of gru: .*layers"):
        load(tmp_path / "keys")


def test_weights_of_another_size_or_not_finite_are_refused(tmp_path: Path) -> None:
    small = build(EIRateConfig(units=10), seed=4)
    save(tmp_path / "size", small, EIRateConfig(units=11), {})
    with pytest.raises(FormatError, match=r"must hold tensors of shapes .*\(11, 11\).*, got"):
        load(tmp_path / "size")
    small.bias.data[3] = float("nan")
    save(tmp_path / "nan", small, EIRateConfig(units=10), {})
    with pytest.raises(FormatError, match="finite weights, got NaN or infinity in bias"):
        load(tmp_path / "nan")


def test_a_published_file_that_is_not_one_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "net.pth"
    path.write_bytes(b"not a checkpoint")
    with pytest.raises(FormatError, match="got another file: give the directory") as refusal:
        read_published(path)
    # torch's own advice is to run what the file holds
    assert "weights_only" not in str(refusal.value)
    torch.save({"w_ih": torch.zeros(2)}, path)
    with pytest.raises(FormatError, match=r"must hold w_ih, b_ih.*got \['w_ih'\]"):
        read_published(path)
    torch.save(torch.zeros(2), path)
    with pytest.raises(FormatError, match=r"must hold w_ih.*got Tensor"):
        read_published(path)
    torch.save(_published() | {"w_hh": torch.zeros(3, 3)}, path)
    with pytest.raises(FormatError, match="must hold tensors of shapes"):
        read_published(path)


def test_a_network_knows_the_tempi_of_its_own_training(tmp_path: Path) -> None:
    assert load("ei_100").trained_cues[[0, -1]] == pytest.approx([0.2, 0.8])
    config = EIRateConfig(units=10)
    save(tmp_path, build(config, seed=4), config, {"period_s": [0.4, 0.25]})
    assert load(tmp_path).trained_cues == pytest.approx([0.25, 0.4])
