"""An exported step must lead where the network leads, for any batch; no other is written."""

import re
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch

from neuro_common.extras import MissingExtra
from neuro_common.rate_structure import dale_signs
from neuro_common.rates import RateNetwork
from rhythm_rnn import export
from rhythm_rnn.cli import main
from rhythm_rnn.config import ExportConfig
from rhythm_rnn.export import Step, deviation, export_onnx, export_program, load_onnx

OPTIONS = {
    "relu": {"tau_ms": torch.linspace(5, 20, 30)},
    "tanh": {"dtype": torch.float64},
    "softplus": {"dtype": torch.float64, "dt_ms": 2.0},
}
WRITERS = {"step.onnx": export_onnx, "step.pt2": export_program}
each_writer = pytest.mark.parametrize("name", WRITERS)


def network(activation: str = "relu", units: int = 30) -> RateNetwork:
    """One whose activity lasts: its weights have the radius 1.2."""
    generator = torch.Generator().manual_seed(2)
    made = RateNetwork(
        units, 2, 1, seed=1, signs=dale_signs(units, 0.8), activation=activation,
        spectral_radius=1.2, **OPTIONS[activation],
    )  # fmt: skip
    with torch.no_grad():
        made.bias.copy_(0.1 * torch.randn(units, generator=generator))
        made.output_bias.fill_(0.3)
    return made


@pytest.mark.parametrize("activation", OPTIONS)
def test_a_step_is_a_step_of_the_network(activation: str) -> None:
    made = network(activation)
    generator = torch.Generator().manual_seed(3)
    shapes = ((5, 2), (5, 30))
    inputs, state = (
        torch.randn(shape, generator=generator, dtype=torch.float64).to(made.bias.dtype)
        for shape in shapes
    )
    output, following = Step(made)(inputs, state)
    run = made.free_run(inputs[:, None], state)
    close = (
        {"rtol": 1e-5, "atol": 1e-6}
        if output.dtype == torch.float32
        else {"rtol": 1e-12, "atol": 1e-13}
    )
    torch.testing.assert_close(output, run.outputs[:, 0], **close)
    torch.testing.assert_close(following, run.last, **close)


@pytest.mark.parametrize("activation", OPTIONS)
def test_onnxruntime_follows_the_network_for_any_batch(activation: str, tmp_path: Path) -> None:
    made = network(activation)
    found = export_onnx(made, tmp_path / "step.onnx")
    assert found < (1e-5 if made.bias.dtype == torch.float32 else 1e-13)
    step = load_onnx(tmp_path / "step.onnx")
    assert deviation(step, made) == found
    dtype = made.bias.detach().numpy().dtype
    for batch in (1, 7):
        inputs = np.full((batch, 2), 0.5, dtype)
        output, state = step(inputs, np.zeros((batch, 30), dtype))
        expected = made.free_run(torch.from_numpy(inputs)[:, None])
        np.testing.assert_allclose(output, expected.outputs[:, 0].numpy(), rtol=1e-5)
        np.testing.assert_allclose(state, expected.last.numpy(), rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("activation", OPTIONS)
def test_a_program_of_torch_export_follows_the_network(activation: str, tmp_path: Path) -> None:
    made = network(activation)
    found = export_program(made, tmp_path / "step.pt2")
    assert found < (1e-5 if made.bias.dtype == torch.float32 else 1e-13)
    step = torch.export.load(tmp_path / "step.pt2").module()
    inputs, state = (torch.full((7, n), 0.2, dtype=made.bias.dtype) for n in (2, 30))
    torch.testing.assert_close(step(inputs, state)[1], made.free_run(inputs[:, None], state).last)


def test_the_weights_of_a_program_are_not_pickled(tmp_path: Path) -> None:
    export_program(network(), tmp_path / "step.pt2")
    with zipfile.ZipFile(tmp_path / "step.pt2") as archive:
        (config,) = (name for name in archive.namelist() if name.endswith("weights_config.json"))
        text = archive.read(config).decode()
    assert '"use_pickle": false' in text
    assert '"use_pickle": true' not in text


def test_deviation_is_relative_and_finds_a_wrong_weight() -> None:
    made = network()
    step = Step(made)

    def run(inputs: export.Array, state: export.Array) -> tuple[export.Array, export.Array]:
        output, following = step(torch.from_numpy(inputs), torch.from_numpy(state))
        return output.numpy(), following.numpy()

    assert deviation(run, made) < 1e-5
    run_of_all = made.free_run(
        torch.from_numpy(np.random.default_rng(0).random((3, 200, 2))).float()
    )
    largest = max(float(run_of_all.outputs.abs().max()), float(run_of_all.last.abs().max()))
    step.output_bias += 1.0
    assert deviation(run, made) == pytest.approx(1 / largest, rel=1e-4)
    step.output_bias -= 1.0
    step.kernel.fill_diagonal_(0.1)
    assert deviation(run, made) > 1e-2


@each_writer
def test_a_step_that_goes_astray_is_not_written(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Astray(Step):
        def __init__(self, network: RateNetwork) -> None:
            super().__init__(network)
            self.decay.mul_(0.99)

    (tmp_path / name).write_text("an older file")
    monkeypatch.setattr(export, "Step", Astray)
    with pytest.raises(ArithmeticError, match=r"must follow the network to 0\.0001 over 200 steps"):
        WRITERS[name](network(), tmp_path / name)
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert (tmp_path / name).read_text() == "an older file"


@pytest.mark.parametrize("missing", ["onnx", "onnxscript", "onnxruntime"])
def test_without_the_extra_the_line_that_installs_it_is_given(
    missing: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(MissingExtra, match=re.escape('pip install "rhythm-rnn[export]"')):
        export_onnx(network(), tmp_path / "step.onnx")
    assert not [*tmp_path.iterdir()]


def test_the_verb_writes_both_and_says_how_close_they_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["export", "weights=ei_100"]) == 0
    (run,) = (tmp_path / "results" / "rhythm-rnn" / "export").iterdir()
    assert {"step.onnx", "step.pt2", "done"} <= {path.name for path in run.iterdir()}
    printed = capsys.readouterr().out
    assert [float(text) < 1e-4 for text in re.findall(r"within (\S+)", printed)] == [True, True]


@pytest.mark.parametrize("kinds", [[], ["onnx", "tflite"]])
def test_a_format_that_is_not_there_is_refused(kinds: list[str]) -> None:
    with pytest.raises(ValueError, match=r"format must hold onnx, torch or both, got \["):
        ExportConfig(format=kinds)
