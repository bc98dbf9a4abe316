"""A network that leaves as ONNX, torch.export or plain torch says what it said here, in units."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from neuro_common.exporting import load_onnx, read_about, write_program
from proprio_tcn.cli import main
from proprio_tcn.networks.settings import TrunkSettings
from proprio_tcn.spindles.encoders import SpindleSettings
from proprio_tcn.tasks.sixteen import get_task
from proprio_tcn.tasks.targets import TargetScale
from proprio_tcn.training.exporting import NetworkInUnits, exportable
from proprio_tcn.training.settings import TrainSettings
from proprio_tcn.training.shipped import find_network
from proprio_tcn.training.spindle_encoding import SpindleEncoding
from proprio_tcn.training.trained import Trained, load_network

EVERY_HEAD = (
    "action_recognition", "limb_position_velocity", "torque", "autoencoder", "redundancy_reduction",
)  # fmt: skip


def movements(muscles: int, bins: int = 400, batch: int = 3) -> NDArray[np.float32]:
    rng = np.random.default_rng(batch)
    drawn = [rng.normal(*one, size=(batch, muscles, bins)) for one in ((150, 10), (0, 40))]
    return np.stack(drawn, axis=-1).astype(np.float32)


def by_module(trained: Trained) -> Any:
    module = NetworkInUnits(trained)

    def program(*arrays: NDArray[Any]) -> tuple[NDArray[Any], ...]:
        with torch.no_grad():
            return (module(*map(torch.from_numpy, arrays)).numpy(),)

    return program


def small(trunk: TrunkSettings, task: str = "hand_position", **changes: Any) -> Trained:
    scale = TargetScale(np.array([1.0, -20.0, 3.0]), np.array([5.0, 2.0, 8.0]))
    settings = TrainSettings(mask_padding=trunk.norm == "masked")
    told: dict[str, Any] = {"scale": scale, "settings": settings, "seed": 1, "bins": 40} | changes
    return Trained.untrained(get_task(task), trunk, ("a", "b", "c", "d", "e"), **told)


@pytest.mark.parametrize("task", EVERY_HEAD)
def test_a_module_says_what_the_shipped_network_says(task: str) -> None:
    trained = load_network(f"pretrained/{task}")
    assert exportable(trained).check(by_module(trained)) < 1e-5


def test_quantities_are_in_units() -> None:
    trained = load_network("pretrained/hand_position")
    spindle = movements(len(trained.muscles))
    (found,) = by_module(trained)(spindle)
    every_bin = trained.predict({"spindle": spindle})
    at = [bin for bin in trained.network.centres if 0 <= bin < 400]
    np.testing.assert_allclose(found[:, :, : len(at)], every_bin[:, :, at], rtol=1e-4, atol=1e-3)
    # the desk in front of the shoulder, in cm
    assert 5 < np.abs(found).max() < 100


def test_a_linear_path_leads_around_the_trunk() -> None:
    slopes = np.random.default_rng(0).normal(size=(3, 5, 2))
    plain = small(TrunkSettings(spatial_kernels=[3, 4]))
    assert plain.scale is not None
    sloped = replace(plain, scale=replace(plain.scale, slopes=slopes))
    spindle = movements(5, 40)
    (without,), (found,) = by_module(plain)(spindle), by_module(sloped)(spindle)
    at = spindle[:, :, plain.network.centres]
    np.testing.assert_allclose(
        found - without,
        np.einsum("nmbc,kmc->nkb", at, slopes),
        rtol=1e-4,
        atol=1e-2,
    )
    assert exportable(sloped).check(by_module(sloped)) < 1e-5
    assert exportable(sloped).check(by_module(plain)) > 1e-2


@pytest.mark.parametrize(
    "trunk",
    [
        TrunkSettings("recurrent", [3, 4], units=6, norm="masked"),
        TrunkSettings("temporal_spatial", [3], [4, 4], norm="step", padding="causal"),
    ],
)
def test_other_families_leave_too(trunk: TrunkSettings, tmp_path: Path) -> None:
    trained = small(trunk)
    assert write_program(exportable(trained), tmp_path / "net.pt2") < 1e-5
    masked = ["moving"] if trunk.norm == "masked" else []
    assert [*read_about(tmp_path / "net.pt2")["inputs"]] == ["spindle", *masked]


def test_an_encoder_stays_outside_and_is_named(tmp_path: Path) -> None:
    encoding = SpindleEncoding(SpindleSettings("prochazka"), np.full(5, 150.0))
    trained = small(TrunkSettings(spatial_kernels=[3, 4]), encoding=encoding)
    assert write_program(exportable(trained), tmp_path / "net.pt2") < 1e-5
    about = read_about(tmp_path / "net.pt2")
    assert about["encoder"] == encoding.facts()
    assert "what the encoder that is named here makes of lengths" in about["inputs"]["spindle"]
    assert trained.encoding is encoding


def test_a_masked_network_is_told_what_moves(tmp_path: Path) -> None:
    trained = load_network("pretrained/action_recognition")
    assert write_program(exportable(trained), tmp_path / "letters.pt2") < 1e-5
    about = read_about(tmp_path / "letters.pt2")
    assert about["inputs"]["moving"] == "(batch, 400): which bins are of the movement"
    assert about["letters"] == "abcdeghlmnopqrsuvwyz"
    spindle, moving = movements(37, batch=1), np.zeros((1, 400), bool)
    moving[:, 30:150] = True
    module = torch.export.load(tmp_path / "letters.pt2").module()
    with torch.no_grad():
        found = module(torch.from_numpy(spindle), torch.from_numpy(moving)).numpy()
    wanted = trained.predict({"spindle": spindle, "moving": moving})
    np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-5)


def test_the_verb_writes_both_with_muscles_and_units(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["export", "output=hand"]) == 0
    trained = load_network("pretrained/hand_position")
    for path in ("hand.onnx", "hand.pt2"):
        about = read_about(path)
        assert about["muscles"] == list(trained.muscles)
        assert about["channels"] == [{"name": "hand", "unit": "cm", "count": 3}]
        assert (about["bin_ms"], about["output_bins"]) == (10.0, trained.network.centres)
    spindle = movements(len(trained.muscles), batch=1)
    (found,) = load_onnx("hand.onnx")(spindle)
    np.testing.assert_allclose(found, by_module(trained)(spindle)[0], rtol=1e-4, atol=1e-3)


def test_torch_and_safetensors_alone_run_what_ships(tmp_path: Path) -> None:
    script, names = Path(__file__).with_name("plain_torch.py"), ("hand_position", "limb_velocity")
    code = (
        "import runpy, sys, torch; load = runpy.run_path(sys.argv[1])['load']\n"
        "spindle = torch.load(sys.argv[2])\n"
        "for folder, target in zip(sys.argv[3::2], sys.argv[4::2]):\n"
        "    torch.save(load(folder)(spindle), target)\n"
        "assert not {'neuro_common', 'proprio_tcn', 'numba'} & sys.modules.keys()"
    )
    torch.save(torch.from_numpy(movements(37)), tmp_path / "spindle.pt")
    pairs = [
        str(part)
        for name in names
        for part in (find_network(f"pretrained/{name}"), tmp_path / f"{name}.pt")
    ]
    line = [sys.executable, "-W", "error", "-c", code, str(script), tmp_path / "spindle.pt", *pairs]
    subprocess.run(line, check=True, timeout=120)
    for name in names:
        (wanted,) = by_module(load_network(f"pretrained/{name}"))(movements(37))
        found = torch.load(tmp_path / f"{name}.pt").numpy()
        np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-5 * np.abs(wanted).max())
