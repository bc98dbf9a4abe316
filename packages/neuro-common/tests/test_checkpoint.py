"""Weights must come back exactly, other tools must read them, and damage must never pass."""

import hashlib
import json
import subprocess
import sys

import numpy as np
import pytest
import safetensors
import safetensors.torch
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from neuro_common.checkpoint import load_checkpoint, save_checkpoint
from neuro_common.files import FormatError

NUMBERS = st.one_of(
    hnp.boolean_dtypes(),
    hnp.integer_dtypes(endianness="?"),
    hnp.unsigned_integer_dtypes(endianness="?"),
    hnp.floating_dtypes(endianness="?", sizes=(16, 32, 64)),
)
ARRAYS = hnp.arrays(NUMBERS, hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4))
MANIFEST = {"step": 120, "config": {"units": [64, 64]}, "score": 48.25, "note": None}


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(arrays=st.dictionaries(st.text("ab.c", min_size=1), ARRAYS, min_size=1, max_size=4))
def test_every_number_comes_back(arrays, tmp_path):
    turned = {f"turned.{name}": array.T for name, array in arrays.items()}
    tensors = {**arrays, **turned}
    save_checkpoint(tmp_path, tensors, MANIFEST)
    found, manifest = load_checkpoint(tmp_path)
    assert manifest == MANIFEST
    assert set(found) == set(tensors)
    for name, array in tensors.items():
        native = np.array(array, dtype=array.dtype.newbyteorder("="), order="C")
        assert found[name].dtype == native.dtype
        assert found[name].shape == native.shape
        assert found[name].tobytes() == native.tobytes()


def test_torch_tensors_come_back_as_arrays_and_torch_reads_the_file(tmp_path):
    linear = torch.nn.Linear(3, 2, dtype=torch.float64)
    tensors = {**linear.state_dict(), "grad.weight": linear.weight, "turned": linear.weight.T}
    save_checkpoint(tmp_path, tensors, {})
    found, _ = load_checkpoint(str(tmp_path))
    theirs = safetensors.torch.load_file(tmp_path / "weights.safetensors")
    assert set(found) == set(theirs) == {"weight", "bias", "grad.weight", "turned"}
    for name, tensor in theirs.items():
        assert torch.equal(tensor, tensors[name].detach())
        np.testing.assert_array_equal(found[name], tensor.numpy())


def test_safetensors_own_reader_and_plain_json_read_the_files(tmp_path):
    weights = np.arange(6.0).reshape(2, 3).T
    save_checkpoint(tmp_path / "deep" / "er", {"w": weights}, MANIFEST)
    path = tmp_path / "deep" / "er" / "weights.safetensors"
    with safetensors.safe_open(path, framework="numpy") as reader:
        np.testing.assert_array_equal(reader.get_tensor("w"), weights)
    head = json.loads(path.with_name("manifest.json").read_text(encoding="utf-8"))
    assert head == {
        "format": "neuro-common/checkpoint",
        "format_version": 1,
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "manifest": MANIFEST,
    }


def test_saving_again_replaces_both_files_and_leaves_nothing_else(tmp_path):
    save_checkpoint(tmp_path, {"a": np.zeros(3)}, {"step": 1})
    save_checkpoint(tmp_path, {"b": np.ones(2)}, {"step": 2})
    found, manifest = load_checkpoint(tmp_path)
    assert list(found) == ["b"]
    assert manifest == {"step": 2}
    assert {path.name for path in tmp_path.iterdir()} == {"weights.safetensors", "manifest.json"}


@pytest.mark.parametrize(
    ("tensors", "manifest", "error", "message"),
    [
        ({}, {}, ValueError, "at least one tensor, got none"),
        ({"w": np.ones(2, complex)}, {}, ValueError, "dtypes that safetensors holds: .*complex128"),
        ({"w": np.array(["a"])}, {}, ValueError, "dtypes that safetensors holds"),
        (
            {"w": torch.ones(2, dtype=torch.bfloat16)},
            {},
            ValueError,
            r'tensor "w" must have a dtype that numpy has, got torch.bfloat16: convert it',
        ),
        ({"w": np.ones(2)}, {"score": float("nan")}, ValueError, "JSON"),
        ({"w": np.ones(2)}, {"model": object()}, TypeError, "plain values.*got object"),
    ],
)
def test_what_cannot_be_saved_is_refused_and_the_old_stays(
    tmp_path, tensors, manifest, error, message
):
    save_checkpoint(tmp_path, {"w": np.arange(3)}, MANIFEST)
    with pytest.raises(error, match=message):
        save_checkpoint(tmp_path, tensors, manifest)
    found, old = load_checkpoint(tmp_path)
    assert found["w"].tolist() == [0, 1, 2]
    assert old == MANIFEST
    assert len(list(tmp_path.iterdir())) == 2


def test_weights_without_their_manifest_are_no_checkpoint(tmp_path):
    save_checkpoint(tmp_path, {"w": np.ones(3)}, {})
    (tmp_path / "manifest.json").unlink()
    with pytest.raises(FileNotFoundError, match=r"no complete checkpoint: manifest\.json is"):
        load_checkpoint(tmp_path)
    with pytest.raises(FileNotFoundError, match=r"nowhere holds no complete checkpoint"):
        load_checkpoint(tmp_path / "nowhere")


def test_damaged_truncated_and_exchanged_weights_are_refused(tmp_path):
    save_checkpoint(tmp_path / "a", {"w": np.ones(30)}, {})
    save_checkpoint(tmp_path / "b", {"w": np.zeros(30)}, {})
    path = tmp_path / "a" / "weights.safetensors"
    good = path.read_bytes()
    flipped = good[:-5] + bytes([good[-5] ^ 1]) + good[-4:]
    other = (tmp_path / "b" / "weights.safetensors").read_bytes()
    for bad in (b"", good[: len(good) // 2], good[:-1], flipped, other):
        path.write_bytes(bad)
        with pytest.raises(FormatError, match=r"must have the SHA-256 that manifest\.json names"):
            load_checkpoint(tmp_path / "a")


def test_damaged_foreign_and_newer_manifests_are_refused(tmp_path):
    save_checkpoint(tmp_path, {"w": np.ones(3)}, {})
    path = tmp_path / "manifest.json"
    head = json.loads(path.read_text(encoding="utf-8"))
    for bad, message in [
        (path.read_text(encoding="utf-8")[:-20], "breaks off"),
        (json.dumps({"weights": 3}), 'must have the format "neuro-common/checkpoint", got None'),
        (json.dumps({**head, "format_version": 2}), "format_version <= 1, got 2"),
        (json.dumps({**head, "sha256": None}), "must have the SHA-256"),
        (json.dumps({k: v for k, v in head.items() if k != "manifest"}), "has no manifest in it"),
    ]:
        path.write_text(bad, encoding="utf-8")
        with pytest.raises(FormatError, match=message):
            load_checkpoint(tmp_path)


def test_numpy_weights_need_no_torch(tmp_path):
    code = (
        "import sys, numpy, neuro_common.checkpoint as c\n"
        f"c.save_checkpoint({str(tmp_path)!r}, {{'w': numpy.ones(2)}}, {{}})\n"
        f"print(c.load_checkpoint({str(tmp_path)!r})[0]['w'].sum(), 'torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["2.0", "False"]


def test_without_safetensors_the_message_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "safetensors", None)
    for call in (lambda: save_checkpoint(tmp_path, {}, {}), lambda: load_checkpoint(tmp_path)):
        with pytest.raises(ModuleNotFoundError, match=r'pip install "neuro-common\[torch\]"'):
            call()
