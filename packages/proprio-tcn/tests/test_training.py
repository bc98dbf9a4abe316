"""Training, resuming and files, on small movements with a small network."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from neuro_common.checkpoint import load_checkpoint, save_checkpoint
from neuro_common.files import FormatError
from proprio_tcn.networks.settings import TrunkSettings
from proprio_tcn.networks.trunk import build_trunk
from proprio_tcn.spindles.encoders import SpindleSettings
from proprio_tcn.tasks.metrics import RegressionTally
from proprio_tcn.tasks.sixteen import TASKS
from proprio_tcn.tasks.targets import target_values
from proprio_tcn.training.batches import ArrayMovements
from proprio_tcn.training.fitting import train_network, train_together
from proprio_tcn.training.input_scale import ScaledTrunk, spindle_scale
from proprio_tcn.training.settings import TrainSettings
from proprio_tcn.training.trained import Trained, load_network, save_network

BINS, MUSCLES = 64, 6
TRUNK = TrunkSettings(spatial_kernels=[4, 8], spatial_kernel_size=3, temporal_kernel_size=3)
QUICK = TrainSettings(epochs=2, batch=16, learning_rate=5e-3)


def taught(
    name: str,
    sets: tuple[ArrayMovements, ArrayMovements],
    where: Path,
    settings: TrainSettings,
    **more: Any,
) -> Trained:
    return train_network(TASKS[name], TRUNK, *sets, settings, where, seed=3, **more)


@pytest.mark.parametrize("name", TASKS)
def test_every_task_can_be_learnt(
    name: str, sets: tuple[ArrayMovements, ArrayMovements], tmp_path: Path
) -> None:
    task = TASKS[name]
    # a mean over so short a window is too little for two views to agree on
    settings = replace(QUICK, readout="flatten") if task.head == "project" else QUICK
    found = taught(name, sets, tmp_path, settings)
    before = found.begin().evaluate(sets[1])
    after = found.evaluate(sets[1])
    assert after.metric > before.metric
    assert found.metrics["validation_loss"] == after.loss
    assert (after.tally is None) is (name == "redundancy_reduction")
    answer = found.predict({**sets[1].arrays})
    outputs = task.outputs(MUSCLES)
    if task.is_regression:
        assert answer.shape == (32, outputs, BINS)
        tally = RegressionTally(task, MUSCLES)
        tally.add(answer, target_values(task, sets[1].arrays), sets[1].arrays["moving"])
        assert after.filled is not None
        assert tally.r2() == pytest.approx(after.filled.r2(), abs=1e-5)
    else:
        assert answer.shape == (32, outputs or 256)


def test_networks_of_all_tasks_begin_with_one_trunk(
    sets: tuple[ArrayMovements, ArrayMovements],
) -> None:
    trunks = []
    for name in ("action_recognition", "torque", "autoencoder", "redundancy_reduction"):
        one = Trained.untrained(
            TASKS[name], TRUNK, sets[0].muscles, scale=None, settings=QUICK, seed=5, bins=BINS
        )
        trunks.append(one.network.trunk.state_dict())
    for other in trunks[1:]:
        assert all(torch.equal(other[key], trunks[0][key]) for key in trunks[0])


@pytest.mark.parametrize("members", [1, 2])
def test_a_killed_training_goes_on_to_the_bit(
    members: int, sets: tuple[ArrayMovements, ArrayMovements], tmp_path: Path
) -> None:
    class Killed(Exception):
        pass

    settings = replace(QUICK, epochs=3, shift=True, spindle_noise=0.05)
    task = TASKS["action_recognition"]  # its head draws dropout
    args = ([(task, 3 + one) for one in range(members)], TRUNK, *sets, settings)
    more: dict[str, Any] = {"seed": 3, "encoder": SpindleSettings("afferents", "gaussian")}
    whole = train_together(*args, tmp_path / "whole", **more)
    made = 0

    def kill(updates: int, loss: float) -> None:
        nonlocal made
        made += updates
        if made == 6:
            raise Killed

    with pytest.raises(Killed):
        train_together(*args, tmp_path / "cut", advance=kill, **more)
    again = train_together(*args, tmp_path / "cut", **more)
    for one, other in zip(whole, again, strict=True):
        state = other.network.state_dict()
        for key, value in one.network.state_dict().items():
            assert torch.equal(state[key], value), key
        assert one.metrics == other.metrics


def test_weights_of_another_training_are_not_taken_up(
    sets: tuple[ArrayMovements, ArrayMovements],
    waves: Callable[..., ArrayMovements],
    tmp_path: Path,
) -> None:
    settings, task = replace(QUICK, epochs=1), TASKS["hand_position"]
    first = taught("hand_position", sets, tmp_path, settings)
    another = (TASKS["hand_velocity"], TRUNK, *sets, settings, tmp_path)
    with pytest.raises(FormatError, match=r"tasks=\['hand_velocity'\], seeds=\[1\], seed=1, got"):
        train_network(*another, seed=1)
    with pytest.raises(FormatError, match=r"with trunk.norm=masked, got .* with trunk.norm=sample"):
        train_network(task, replace(TRUNK, norm="masked"), *sets, settings, tmp_path, seed=3)
    with pytest.raises(FormatError, match=r"with settings.learning_rate=0.001, got checkpoints of"):
        taught("hand_position", sets, tmp_path, replace(settings, learning_rate=1e-3))
    with pytest.raises(FormatError, match=r"movements=48, got checkpoints of .* movements=64"):
        taught("hand_position", (waves(1, 48), sets[1]), tmp_path, settings)
    with pytest.raises(FormatError, match=r"with encoder.encoder=deepdraw, got .*=kinematics"):
        train_network(
            task, TRUNK, *sets, settings, tmp_path, seed=3, encoder=SpindleSettings("deepdraw")
        )
    # where it runs decides nothing: a finished training is given again
    again = taught("hand_position", sets, tmp_path, settings, device="cpu:0")
    assert again.metrics == first.metrics


def test_a_trunk_standardises_its_spindles(
    sets: tuple[ArrayMovements, ArrayMovements], tmp_path: Path
) -> None:
    scale = spindle_scale(sets[0])
    spindle, moving = sets[0].arrays["spindle"], sets[0].arrays["moving"]
    rows = np.moveaxis(spindle, 1, 2)[moving].astype(np.float64)
    np.testing.assert_allclose(scale[0, :, 0], rows[..., 0].mean(axis=0), rtol=1e-6)
    np.testing.assert_allclose(scale[1], rows.std(axis=0), rtol=1e-5)
    assert (scale[0, :, 1] == 0).all()
    plain = build_trunk(TRUNK, MUSCLES, 3, bins=BINS)
    scaled = ScaledTrunk.of(plain, scale)
    given = torch.from_numpy(spindle[:4])
    mean, spread = torch.from_numpy(scale).float()[:, :, None]
    inside = (given - mean) / spread
    assert torch.allclose(scaled(given), plain(inside), atol=1e-4)
    for one, other in zip(scaled.layers(given), plain.layers(inside), strict=True):
        assert torch.allclose(one, other, atol=1e-4)
    # A13: a published trunk hides any common scale of its input, a scaled one does not
    assert torch.allclose(plain(1000 * given), plain(given), atol=1e-3)
    assert not torch.allclose(scaled(1000 * given), scaled(given), atol=1e-1)
    raw = taught("hand_position", sets, tmp_path, replace(QUICK, compat_inputs=True))
    assert not isinstance(raw.network.trunk, ScaledTrunk)
    save_network(tmp_path, raw)
    assert not isinstance(load_network(tmp_path).network.trunk, ScaledTrunk)


def test_together_as_alone(sets: tuple[ArrayMovements, ArrayMovements], tmp_path: Path) -> None:
    members = [(TASKS[name], 3) for name in ("hand_velocity", "torque", "action_recognition")]
    members.append((TASKS["hand_velocity"], 4))
    settings = replace(QUICK, learning_rate=1e-3)
    together = train_together(members, TRUNK, *sets, settings, tmp_path / "all", seed=3)
    for number, (task, seed) in enumerate(members[:3]):
        alone = train_network(
            task, TRUNK, *sets, settings, tmp_path / task.name, seed=seed
        ).metrics["validation_loss"]
        assert together[number].metrics["validation_loss"] == pytest.approx(alone, rel=1e-3)
    first, other = together[0].metrics, together[3].metrics
    assert first["validation_loss"] != other["validation_loss"]
    members.append((TASKS["redundancy_reduction"], 3))
    with pytest.raises(ValueError, match="redundancy_reduction must be learnt apart"):
        train_together(members, TRUNK, *sets, settings, tmp_path / "more", seed=3)
    pair = [(TASKS["redundancy_reduction"], seed) for seed in (3, 4)]
    found = train_together(pair, TRUNK, *sets, settings, tmp_path / "pair", seed=3)
    assert all(one.metrics["validation_loss"] > 0 for one in found)
    with pytest.raises(ValueError, match='schedule must be "cosine" or "constant" for networks'):
        train_together(
            members[:2], TRUNK, *sets, replace(QUICK, schedule="patience"), tmp_path, seed=3
        )
    with pytest.raises(ValueError, match="members must be at least one task"):
        train_together([], TRUNK, *sets, settings, tmp_path, seed=3)


def test_files_give_back_the_same_network(
    sets: tuple[ArrayMovements, ArrayMovements], tmp_path: Path
) -> None:
    found = taught("limb_velocity", sets, tmp_path / "run", QUICK)
    found.facts["command"] = "proprio-tcn train"
    save_network(tmp_path, found)
    back = load_network(tmp_path)
    assert back.scale is not None
    assert back.scale.slopes is not None
    np.testing.assert_array_equal(back.predict(sets[1].arrays), found.predict(sets[1].arrays))
    assert (back.metrics, back.facts) == (found.metrics, found.facts)
    assert back.network.trunk.settings == TRUNK
    assert (back.task, back.muscles) == (TASKS["limb_velocity"], sets[0].muscles)
    assert back.facts["origin"] == "trained"
    size = sum(one.stat().st_size for one in tmp_path.glob("*.*"))
    numbers = sum(one.numel() for one in found.network.parameters())
    assert size < 4 * numbers + 10_000

    weights = tmp_path / "weights.safetensors"
    whole = weights.read_bytes()
    weights.write_bytes(whole[:-4])
    with pytest.raises(FormatError, match="SHA-256"):
        load_network(tmp_path)
    weights.unlink()
    with pytest.raises(FileNotFoundError, match=r"weights.safetensors is missing"):
        load_network(tmp_path)


@pytest.mark.parametrize("name", ["hand_velocity", "autoencoder", "action_recognition"])
def test_half_the_bytes_hold_what_was_scored(
    name: str, sets: tuple[ArrayMovements, ArrayMovements], tmp_path: Path
) -> None:
    found = taught(name, sets, tmp_path / "run", replace(QUICK, half_weights=True))
    for parameter in found.network.parameters():
        torch.testing.assert_close(parameter, parameter.half().float(), rtol=0, atol=0)
    save_network(tmp_path, found)
    tensors, _ = load_checkpoint(tmp_path)
    learnt = {f"network.{name}" for name, _ in found.network.named_parameters()}
    assert {key for key, one in tensors.items() if one.dtype == np.float16} == learnt
    back = load_network(tmp_path)
    assert all(one.dtype == torch.float32 for one in back.network.parameters())
    np.testing.assert_array_equal(back.predict(sets[1].arrays), found.predict(sets[1].arrays))
    scores = {f"validation_{key}": one for key, one in back.evaluate(sets[1]).row().items()}
    assert scores == back.metrics == found.metrics


def test_older_files_have_no_linear_path_and_no_bottleneck(
    sets: tuple[ArrayMovements, ArrayMovements], tmp_path: Path
) -> None:
    plain = replace(QUICK, linear_path=False, bottleneck=0)
    for name in ("hand_position", "autoencoder"):
        found = taught(name, sets, tmp_path / name, plain)
        save_network(tmp_path / name, found)
        tensors, manifest = load_checkpoint(tmp_path / name)
        assert "target_slopes" not in tensors
        for key in ("linear_path", "bottleneck"):
            del manifest["settings"][key]
        del manifest["network"]["head"]["bottleneck"]
        save_checkpoint(tmp_path / "old", tensors, manifest)
        old = load_network(tmp_path / "old")
        assert (old.settings.linear_path, old.settings.bottleneck) == (False, 0)
        np.testing.assert_array_equal(old.predict(sets[1].arrays), found.predict(sets[1].arrays))


def test_files_of_something_else_are_refused(tmp_path: Path) -> None:
    save_checkpoint(tmp_path, {"a": np.zeros(2)}, {"kind": "brainnn/walker"})
    with pytest.raises(FormatError, match="must hold a network of proprio-tcn, got 'brainnn/walk"):
        load_network(tmp_path)
    save_checkpoint(tmp_path, {"a": np.zeros(2)}, {"kind": "proprio-tcn/network", "task": "torque"})
    with pytest.raises(FormatError, match="is no whole network: 'network'"):
        load_network(tmp_path)


def test_movements_must_fit(sets: tuple[ArrayMovements, ArrayMovements], tmp_path: Path) -> None:
    other = ArrayMovements(("a", "b"), sets[1].arrays)
    with pytest.raises(ValueError, match="must be of the same muscles, got 6 and 2"):
        taught("hand_position", (sets[0], other), tmp_path, QUICK)
    with pytest.raises(ValueError, match="at least batch=100 to learn from, got 64"):
        taught("hand_position", sets, tmp_path, replace(QUICK, batch=100))
    found = Trained.untrained(
        TASKS["hand_position"], TRUNK, sets[0].muscles, scale=None, settings=QUICK, seed=0,
        bins=BINS,
    )  # fmt: skip
    with pytest.raises(ValueError, match=r"of the network's 6 muscles \(muscle 0, .* got 2"):
        found.evaluate(other)
