"""An exported step must lead where the network leads, for any batch; no other is written."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from neuro_common.exporting import load_onnx, read_about, write_onnx, write_program
from neuro_common.rate_structure import dale_signs
from neuro_common.rates import RateNetwork
from rhythm_rnn import export, weights
from rhythm_rnn.cli import main
from rhythm_rnn.export import Step, deviation, exportable

OPTIONS = {
    "relu": {"tau_ms": torch.linspace(5, 20, 30)},
    "tanh": {"dtype": torch.float64},
    "softplus": {"dtype": torch.float64, "dt_ms": 2.0},
}


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
    found = write_onnx(exportable(made), tmp_path / "step.onnx")
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
    found = write_program(exportable(made), tmp_path / "step.pt2")
    assert found < (1e-5 if made.bias.dtype == torch.float32 else 1e-13)
    step = torch.export.load(tmp_path / "step.pt2").module()
    inputs, state = (torch.full((7, n), 0.2, dtype=made.bias.dtype) for n in (2, 30))
    torch.testing.assert_close(step(inputs, state)[1], made.free_run(inputs[:, None], state).last)


def test_deviation_is_relative_and_finds_a_wrong_weight() -> None:
    made = network()
    step = Step(made)

    def run(*arrays: NDArray[np.float32]) -> tuple[NDArray[np.float32], ...]:
        return tuple(one.numpy() for one in step(*map(torch.from_numpy, arrays)))

    assert deviation(run, made) < 1e-5
    inputs = np.random.default_rng(0).random((3, 200, 2))
    largest = float(made.free_run(torch.from_numpy(inputs).float()).outputs.abs().max())
    step.output_bias += 1.0
    assert deviation(run, made) == pytest.approx(1 / largest, rel=1e-4)
    step.output_bias -= 1.0
    step.kernel.fill_diagonal_(0.1)
    assert deviation(run, made) > 1e-2


def test_a_step_that_goes_astray_is_not_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Astray(Step):
        def __init__(self, network: RateNetwork) -> None:
            super().__init__(network)
            self.decay.mul_(0.99)

    monkeypatch.setattr(export, "Step", Astray)
    with pytest.raises(ArithmeticError, match=r"must follow the network to 0\.0001, got 0\."):
        write_program(exportable(network()), tmp_path / "step.pt2")


def test_the_verb_writes_both_with_the_step_in_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["export", "weights=ei_100", "output=step"]) == 0
    for path in ("step.onnx", "step.pt2"):
        about = read_about(path)
        assert (about["distribution"], about["units"], about["dt_ms"]) == ("rhythm-rnn", 100, 1.0)
        assert [*about["inputs"], *about["outputs"]] == [
            "inputs", "state", "output", "next_state",
        ]  # fmt: skip


def test_torch_and_safetensors_alone_run_what_ships(tmp_path: Path) -> None:
    script, folder = Path(__file__).with_name("plain_torch.py"), weights._FOLDER / "ei_100"
    code = (
        "import runpy, sys, torch; step = runpy.run_path(sys.argv[1])['load'](sys.argv[2]);"
        "state = torch.zeros(1, 100); cue = torch.tensor([[0.0, 0.5]]);\n"
        "for _ in range(300): output, state = step(cue, state)\n"
        "assert not {'neuro_common', 'rhythm_rnn', 'numpy.typing'} & sys.modules.keys()\n"
        "torch.save(state, sys.argv[3])"
    )
    target = tmp_path / "state.pt"
    line = [sys.executable, "-W", "error", "-c", code, script, folder, target]
    subprocess.run(line, check=True)
    cue = torch.tensor([0.0, 0.5]).expand(1, 300, 2)
    expected = weights.load_network("ei_100").free_run(cue).last
    torch.testing.assert_close(torch.load(target), expected, rtol=1e-5, atol=1e-5)
