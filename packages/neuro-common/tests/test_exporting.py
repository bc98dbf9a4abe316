"""A file must do what the network does, for any batch, and tell what its numbers mean."""

import json
import re
import sys
import zipfile
from contextlib import redirect_stdout
from dataclasses import replace
from io import StringIO
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx.reference import ReferenceEvaluator

from neuro_common import exporting
from neuro_common.export_config import ExportConfig
from neuro_common.exporting import (
    Exportable,
    difference,
    load_onnx,
    read_about,
    write_onnx,
    write_program,
    write_run,
)
from neuro_common.extras import MissingExtra
from neuro_common.files import FormatError

WRITERS = {"net.onnx": write_onnx, "net.pt2": write_program}
each_writer = pytest.mark.parametrize("name", WRITERS)


class Net(torch.nn.Module):
    """Two inputs, two outputs: rates (batch, 3) and their sum (batch, 1)."""

    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.linspace(-1, 1, 6).reshape(3, 2))

    def forward(self, current, state):
        rate = torch.tanh(current @ self.weight.T + state)
        return rate, rate.sum(1, keepdim=True)


def wanted(current, state):
    weight = np.linspace(-1, 1, 6, dtype=np.float32).reshape(3, 2)
    rate = np.tanh(current @ weight.T + state)
    return rate, rate.sum(1, keepdims=True)


def given(batch):
    rng = np.random.default_rng(batch)
    return [rng.normal(size=(batch, n)).astype(np.float32) for n in (2, 3)]


def exportable(**changes):
    made = Exportable(
        Net().eval(),
        {"current": torch.zeros(2, 2), "state": torch.zeros(2, 3)},
        {"current": "(batch, 2), mA", "state": "(batch, 3)", "rate": "Hz", "sum": "Hz"},
        {"dt_ms": 2.0, "muscles": ["biceps", "triceps"]},
        lambda program: difference(program(*given(4)), wanted(*given(4))),
        "rhythm-rnn",
    )
    return replace(made, **changes)


class ARun:
    def __init__(self, directory):
        self.path = lambda name: directory / name


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """A folder with a file of each format, which a run wrote, and what the run returned."""
    folder = tmp_path_factory.mktemp("run")
    with redirect_stdout(StringIO()) as printed:
        found = write_run(exportable(), ExportConfig(), ARun(folder), "net")
    (folder / "printed").write_text(printed.getvalue())
    return folder, found


@each_writer
def test_a_file_tells_what_its_numbers_mean(name, written):
    about = read_about(written[0] / name)
    assert about["inputs"] == {"current": "(batch, 2), mA", "state": "(batch, 3)"}
    assert about["outputs"] == {"rate": "Hz", "sum": "Hz"}
    assert list(about["inputs"]) == ["current", "state"]
    assert (about["dt_ms"], about["muscles"]) == (2.0, ["biceps", "triceps"])
    assert (about["format"], about["format_version"]) == ("neuro-common/export", 1)
    assert about["distribution"] == "rhythm-rnn"


def test_onnx_runs_alike_in_the_reference_evaluator_and_in_onnxruntime(written):
    path = written[0] / "net.onnx"
    model = onnx.load_model(path)
    onnx.checker.check_model(model, full_check=True)
    assert [one.name for one in model.graph.input] == ["current", "state"]
    assert [one.name for one in model.graph.output] == ["rate", "sum"]
    run, reference = load_onnx(path), ReferenceEvaluator(model)
    for batch in (1, 5):
        current, state = given(batch)
        assert difference(run(current, state), wanted(current, state)) < 1e-6
        found = reference.run(None, {"current": current, "state": state})
        assert difference(found, wanted(current, state)) < 1e-6


def test_torch_export_gives_the_module_back(written):
    module = torch.export.load(written[0] / "net.pt2").module()
    for batch in (1, 5):
        found = module(*map(torch.from_numpy, given(batch)))
        assert difference([one.detach().numpy() for one in found], wanted(*given(batch))) < 1e-6


def test_meanings_of_a_program_are_not_pickled(written):
    with zipfile.ZipFile(written[0] / "net.pt2") as archive:
        (about,) = (name for name in archive.namelist() if "/extra/" in name)
        assert json.loads(archive.read(about))["dt_ms"] == 2.0


@pytest.mark.skipif(torch.__version__ < (2, 9), reason="torch 2.8 pickles the weights itself")
def test_weights_of_a_program_are_not_pickled(written):
    with zipfile.ZipFile(written[0] / "net.pt2") as archive:
        (config,) = (name for name in archive.namelist() if name.endswith("weights_config.json"))
        text = archive.read(config).decode()
    assert '"use_pickle": false' in text
    assert '"use_pickle": true' not in text


@each_writer
def test_a_file_that_goes_astray_is_not_written(name, tmp_path):
    (tmp_path / name).write_text("an older file")
    astray = exportable(check=lambda program: difference(program(*given(4)), wanted(*given(4))) + 1)
    with pytest.raises(ArithmeticError, match=r"must follow the network to 1e-05, got 1: versions"):
        WRITERS[name](astray, tmp_path / name)
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert (tmp_path / name).read_text() == "an older file"


def test_nan_goes_astray_too(tmp_path):
    with pytest.raises(ArithmeticError, match="got nan"):
        write_program(exportable(check=lambda program: float("nan")), tmp_path / "net.pt2")


@pytest.mark.parametrize("missing", ["onnx", "onnxscript", "onnxruntime", "torch"])
def test_without_the_extra_the_line_that_installs_it_is_given(missing, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(MissingExtra, match=re.escape('pip install "rhythm-rnn[export]"')):
        write_onnx(exportable(), tmp_path / "net.onnx")
    assert not [*tmp_path.iterdir()]


def test_difference_is_of_the_worst_array_and_relative():
    one, ten = np.ones((2, 3)), np.full((2, 3), 10.0)
    assert difference([one, ten], [one, ten]) == 0
    assert difference([one + 0.25, ten], [one, ten]) == 0.25
    assert difference([one, ten - 0.5], [one, ten]) == 0.05
    assert difference([0.5 * one], [0 * one]) == 0.5
    with pytest.raises(ValueError, match=r"must have the shapes \[\(2, 3\)\], got \[\(3, 2\)\]"):
        difference([one.T], [one])


@pytest.mark.parametrize("name", ["foreign.onnx", "foreign.pt2"])
def test_what_is_no_export_is_refused(name, tmp_path):
    path = tmp_path / name
    path.write_bytes(b"\xff\xfe no such file")
    with pytest.raises(FormatError, match=rf"{name} must be a file of an export verb: "):
        read_about(path)
    if name.endswith("onnx"):
        onnx.save_model(onnx.ModelProto(ir_version=10), path)
    else:
        torch.save({"weight": torch.ones(2)}, path)
    with pytest.raises(FormatError, match=rf"{name} must be a file of an export verb: .*about"):
        read_about(path)


def test_a_newer_file_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(exporting, "FORMAT_VERSION", 2)
    write_program(exportable(), tmp_path / "net.pt2")
    with pytest.raises(FormatError, match="must have format_version <= 1, got 2: a newer release"):
        read_about(tmp_path / "net.pt2")


@pytest.mark.parametrize(
    ("line", "files"),
    [
        ({}, ["run/net.onnx", "run/net.pt2"]),
        ({"format": "torch"}, ["run/net.pt2"]),
        ({"output": "other"}, ["other.onnx", "other.pt2"]),
        ({"output": "v1.2", "format": "onnx"}, ["v1.2.onnx"]),
        ({"output": "deep/other.pt2", "format": "torch"}, ["deep/other.pt2"]),
    ],
)
def test_each_format_goes_where_it_is_told_to(line, files, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    config = ExportConfig(**line)
    found = config.paths(Path("run/net"))
    assert [path.as_posix() for path in found.values()] == files


def test_a_run_writes_both_and_says_how_close_they_are(written):
    folder, found = written
    assert found < 1e-6
    lines = (folder / "printed").read_text().splitlines()
    assert [line.split()[0] for line in lines] == ["net.onnx", "net.pt2"]
    told = [float(re.search(r"within (\S+) of the network$", line)[1]) for line in lines]
    assert max(told) == pytest.approx(found, rel=0.1)
    assert sorted(path.name for path in folder.iterdir()) == ["net.onnx", "net.pt2", "printed"]


@pytest.mark.parametrize("kind", ["", "tflite", "onnx,torch"])
def test_a_format_that_is_not_there_is_refused(kind):
    with pytest.raises(ValueError, match=rf"format must be onnx, torch or both, got '{kind}'"):
        ExportConfig(format=kind)


@pytest.mark.parametrize(
    ("kind", "output", "ending"),
    [
        ("onnx", "a.pt2", r"\.onnx"),
        ("torch", "a.onnx", r"\.pt2"),
        ("both", "a.onnx", r"neither \.onnx nor \.pt2"),
    ],
)
def test_an_ending_of_another_format_is_refused(kind, output, ending):
    with pytest.raises(ValueError, match=rf"output must end in {ending} .*, got '{output}'"):
        ExportConfig(format=kind, output=output)
