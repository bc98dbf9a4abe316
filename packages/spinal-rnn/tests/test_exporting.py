"""A model that leaves as ONNX, torch.export or plain torch foretells what it foretold here."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from neuro_common.exporting import load_onnx, read_about, write_onnx, write_program
from spinal_rnn.cli import main
from spinal_rnn.conditions import Conditions, configuration
from spinal_rnn.models.anatomical import AnatomicalForm
from spinal_rnn.models.ensemble import RootEnsemble
from spinal_rnn.models.exporting import exportable
from spinal_rnn.models.geometric import GeometricForm
from spinal_rnn.models.recurrent import RecurrentModel
from spinal_rnn.models.recurrent_options import NETWORKS, RecurrentOptions
from spinal_rnn.models.weights import TrainedEnsemble, save_ensemble
from spinal_rnn.muscles import MUSCLES
from spinal_rnn.responses import Scale

VECTORS = np.stack([configuration([i], [i + 3]) for i in range(8)])
CONDITIONS = Conditions.of(VECTORS, np.linspace(1, 6, 8), 40.0)
SAMPLES = 60


def ensemble(form):
    """Two members that learnt little; the last muscle is mute."""
    target = np.random.default_rng(0).uniform(0, 1, (8, 14))
    target[:, 13] = 0
    model = RootEnsemble(form, members=2, folds=2, updates=3).fit(CONDITIONS, target)
    return TrainedEnsemble(model, Scale(np.linspace(0.1, 3, 14)), {})


def network(name):
    """A network that learnt little; it echoes after 50 of 60 samples."""
    options = RecurrentOptions(name, units=6, epochs=1, batch=8, seed=2)
    emg = np.random.default_rng(1).normal(size=(8, SAMPLES, 14)) * np.linspace(0.1, 2, 14)
    return RecurrentModel(options).fit(CONDITIONS, emg)


def by_module(given):
    def program(*arrays):
        with torch.no_grad():
            return tuple(one.numpy() for one in given.module(*map(torch.from_numpy, arrays)))

    return program


@pytest.mark.parametrize("name", NETWORKS)
def test_a_step_of_every_network_leads_through_its_trials(name):
    given = exportable(network(name))
    assert given.check(by_module(given)) < 1e-5
    assert len(given.signals) == 2 * len(given.inputs)
    given.module.factor[3] *= 1.1
    assert given.check(by_module(given)) > 1e-4


@pytest.mark.parametrize("name", ["ASFEIRNN", "LSTM2"])
def test_networks_run_as_programs_of_torch(name, tmp_path):
    assert write_program(exportable(network(name)), tmp_path / "step.pt2") < 1e-5
    about = read_about(tmp_path / "step.pt2")
    assert (about["model"], about["dt_ms"], about["muscles"]) == (name, 1.0, list(MUSCLES))
    remembered = {"ASFEIRNN": ["units", "echo"], "LSTM2": ["hidden", "cell"]}[name]
    assert [*about["inputs"]] == ["currents_ma", *remembered]
    assert [*about["outputs"]] == ["emg_mv", *(f"next_{one}" for one in remembered)]


def test_a_gated_network_runs_in_onnxruntime(tmp_path):
    assert write_onnx(exportable(network("GRU")), tmp_path / "step.onnx") < 1e-5


@pytest.mark.parametrize(
    "form", [AnatomicalForm(), AnatomicalForm(kernel="free", floor=False), GeometricForm()]
)
def test_roots_respond_alike(form):
    given = exportable(ensemble(form))
    assert given.check(by_module(given)) < 1e-5
    given.module.scale_mv[0] *= 1.1
    assert given.check(by_module(given)) > 1e-4


def test_the_verb_writes_responses_in_mv(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    trained = ensemble(AnatomicalForm())
    save_ensemble("trained", trained)
    assert main(["export", "weights=trained", "output=roots"]) == 0
    for path in ("roots.onnx", "roots.pt2"):
        about = read_about(path)
        assert about["muscles"] == list(MUSCLES)
        assert about["outputs"]["responses_mv"].endswith("after the first pulse, mV")
    columns = (CONDITIONS.currents_ma, CONDITIONS.frequency_hz, CONDITIONS.pulse_width_us)
    found, roots = load_onnx("roots.onnx")(*(one.astype(np.float32) for one in columns))
    wanted = trained.model.predict(CONDITIONS)
    np.testing.assert_allclose(found, trained.scale.invert(wanted.values), rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(roots, wanted.activities, rtol=1e-4, atol=1e-6)


def test_weights_must_be_given(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["export"]) == 2
    wanted = "weights must be given: add weights=VALUE, as in `spinal-rnn export weights=DIR"
    assert wanted in capsys.readouterr().err


def test_torch_and_safetensors_alone_run_what_was_trained(tmp_path):
    script, models = Path(__file__).with_name("plain_torch.py"), {}
    for name in ("GRU", "LSTM2"):
        models[name] = network(name)
        models[name].save(tmp_path / name)
    currents = models["GRU"].inputs(CONDITIONS, SAMPLES)
    torch.save(torch.from_numpy(currents), tmp_path / "currents.pt")
    code = (
        "import runpy, sys, torch; load = runpy.run_path(sys.argv[1])['load']\n"
        "currents = torch.load(sys.argv[2])\n"
        "for folder in sys.argv[3:]:\n"
        "    torch.save(load(folder)(currents).detach(), f'{folder}.pt')\n"
        "assert not {'neuro_common', 'spinal_rnn', 'scipy'} & sys.modules.keys()"
    )
    folders = [str(tmp_path / name) for name in models]
    line = [sys.executable, "-W", "error", "-c", code, script, tmp_path / "currents.pt", *folders]
    subprocess.run(line, check=True)
    for name, model in models.items():
        wanted = model.predict(CONDITIONS).values
        found = torch.load(tmp_path / f"{name}.pt").numpy()
        np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-5 * np.abs(wanted).max())
