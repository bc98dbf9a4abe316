"""Training: it learns, repeats to the bit, survives a kill, and refuses what cannot work."""

import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from neuro_common.files import FormatError, read_csv
from neuro_common.training import Point
from rhythm_rnn import cli
from rhythm_rnn.config import EIRateConfig, GRUConfig, TrainConfig, VanillaConfig
from rhythm_rnn.model import build, noise_of
from rhythm_rnn.task import synchronisation_continuation
from rhythm_rnn.training import examples, loss_by_period, mean_loss, train
from rhythm_rnn.weights import load

TINY = TrainConfig(
    model=EIRateConfig(units=12, spectral_radius=0.5),
    period_s=[0.25, 0.125],
    duration_s=0.5,
    batch=3,
    updates=12,
    coarse_updates=5,
    validate_every=4,
    seed=3,
)
LINE = [
    "train", "model.units=12", "model.spectral_radius=0.5", "period_s=[0.25,0.125]",
    "duration_s=0.5", "batch=3", "coarse_updates=15", "validate_every=10", "updates=60",
    "stop_loss=0", "seed=3",
]  # fmt: skip


def _points(config: TrainConfig, folder: Path) -> list[Point]:
    points: list[Point] = []
    train(config, folder, report=lambda last: points.append(last[0]))
    return points


def test_same_seed_same_losses_to_the_bit(tmp_path: Path) -> None:
    first, again = (_points(TINY, tmp_path / name) for name in ("a", "b"))
    other = _points(replace(TINY, seed=4), tmp_path / "c")
    assert first[1:] == again[1:]
    assert [point.update for point in first] == [0, 4, 8, 12]
    assert first[1].train_loss != other[1].train_loss


def test_a_hundred_units_learn_to_swing(tmp_path: Path) -> None:
    config = TrainConfig(model=EIRateConfig(units=100), updates=40, seed=1)
    points = _points(config, tmp_path)
    # the best constant from the onset on is at 0.1215; larger losses than 10 come of no guard
    assert points[-1].scores["loss"] < 0.125
    assert max(point.largest_loss for point in points[1:]) < 10
    assert set(points[-1].scores) == {"loss"} | {
        f"loss_{ms}ms" for ms in (500, 333, 250, 200, 166, 143, 125)
    }


@pytest.mark.parametrize("model", [VanillaConfig(units=8), GRUConfig(units=8)])
def test_other_models_are_trained_the_same_way(
    tmp_path: Path, model: VanillaConfig | GRUConfig
) -> None:
    points = _points(replace(TINY, model=model, coarse_updates=0), tmp_path)
    assert points[-1].scores["loss"] < points[0].scores["loss"]


def test_no_recurrent_weight_is_frozen(tmp_path: Path) -> None:
    (learnt,) = train(replace(TINY, updates=5, validate_every=5), tmp_path)
    before, after = build(TINY.model, TINY.seed), learnt.network
    assert learnt.fit.best.update == 5
    changed = before.state_dict()["recurrent_weight"] != after.state_dict()["recurrent_weight"]
    off_diagonal = ~torch.eye(12, dtype=torch.bool)
    assert float(changed[off_diagonal].float().mean()) > 0.99


def test_coarse_updates_come_first_and_the_model_keeps_its_step(tmp_path: Path) -> None:
    (learnt,) = train(replace(TINY, updates=4), tmp_path / "coarse")
    assert learnt.network.dt_ms == 1.0
    fine = _points(replace(TINY, coarse_updates=0), tmp_path / "fine")
    coarse = _points(TINY, tmp_path / "both")
    # the same trials in coarser steps: nearly, but not quite, the same losses
    assert 0 < abs(coarse[1].train_loss / fine[1].train_loss - 1) < 0.2


def test_an_ensemble_learns_what_its_members_learn_alone(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    line = [word for word in LINE if not word.startswith(("updates", "seed"))]
    assert cli.main([*line, "updates=20", "seed=3", "members=3", f"hydra.run.dir={folder}"]) == 0
    rows = read_csv(folder / "metrics.csv")
    losses = []
    for seed in (3, 4, 5):
        alone = tmp_path / f"seed_{seed}"
        assert cli.main([*line, "updates=20", f"seed={seed}", f"hydra.run.dir={alone}"]) == 0
        found, expected = load(folder / "members" / f"seed_{seed}"), load(alone)
        assert found.facts["seed"] == seed
        for name, tensor in expected.network.state_dict().items():
            torch.testing.assert_close(found.network.state_dict()[name], tensor, rtol=0, atol=2e-5)
        column = [float(cell) for cell in rows[f"loss_seed_{seed}"]]
        own = [float(cell) for cell in read_csv(alone / "metrics.csv")["loss"]]
        np.testing.assert_allclose(column, own, rtol=1e-3)
        losses.append(min(own))
    assert load(folder).facts["seed"] == 3 + int(np.argmin(losses))


def test_validation_is_the_mean_square_of_fixed_trials() -> None:
    network = build(TINY.model, seed=0)
    found = loss_by_period(network, TINY)
    onsets = np.arange(8) / 8 * 0.1
    trials = synchronisation_continuation(
        np.repeat([0.25, 0.125], 8), np.tile(onsets, 2), duration_s=0.5
    )
    with torch.no_grad():
        outputs, _ = network(torch.from_numpy(trials.inputs), noise=noise_of(TINY.model, 20240524))
    errors = (outputs.numpy() - trials.target) ** 2
    np.testing.assert_allclose(found, [errors[:8].mean(), errors[8:].mean()], rtol=1e-6)
    np.testing.assert_array_equal(found, loss_by_period(network, replace(TINY, seed=9)))
    assert mean_loss(network, TINY) == pytest.approx(found.mean(), rel=0.1)


def test_examples_are_one_trial_of_each_period() -> None:
    shown = examples(build(TINY.model, seed=0), TINY)
    assert shown.outputs.shape == (2, 500)
    assert shown.trials.inputs[:, -1, 1] == pytest.approx([0.4, 0.8])


KILLED = """
import os, signal, sys
from neuro_common.runs import Run
from rhythm_rnn import cli

def log(run, step, **row):
    written(run, step=step, **row)
    if step == 20:
        os.kill(os.getpid(), signal.SIGKILL)

written, Run.log = Run.log, log
cli.main(sys.argv[1:])
"""


def test_killed_and_taken_up_it_writes_the_same_run(tmp_path: Path) -> None:
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    line = [sys.executable, "-c", KILLED, *LINE, f"hydra.run.dir={cut}"]
    killed = subprocess.run(line, cwd=tmp_path, stderr=subprocess.DEVNULL, check=False)
    assert killed.returncode == -signal.SIGKILL
    assert (cut / "checkpoints" / "last.ckpt").exists()
    assert not (cut / "done").exists()
    assert cli.main([*LINE, f"hydra.run.dir={cut}", "resume=true"]) == 0
    assert cli.main([*LINE, f"hydra.run.dir={whole}"]) == 0
    assert (cut / "metrics.csv").read_text() == (whole / "metrics.csv").read_text()
    weights = [load(folder).network.state_dict() for folder in (cut, whole)]
    assert all(torch.equal(weights[0][name], weights[1][name]) for name in weights[0])
    assert len(read_csv(whole / "metrics.csv")["step"]) == 7
    facts = load(whole).facts
    assert (facts["seed"], facts["period_s"]) == (3, [0.25, 0.125])
    assert facts["command"].startswith("rhythm-rnn train model.units=12")
    figures = {path.name for path in (whole / "figures").glob("*.png")}
    assert figures == {"learning_curve.png", "period_250ms.png", "period_125ms.png"}
    drawn = read_csv(whole / "figures" / "period_125ms.csv")
    assert float(drawn["cue"][-1]) == pytest.approx(0.8)


def test_a_checkpoint_of_another_size_is_refused(tmp_path: Path) -> None:
    train(replace(TINY, updates=4), tmp_path)
    with pytest.raises(FormatError, match=r"must be a checkpoint of this training"):
        train(replace(TINY, model=EIRateConfig(units=13)), tmp_path)


def test_what_a_training_refuses() -> None:
    with pytest.raises(ValueError, match="batch must be at least 1, got 0"):
        TrainConfig(batch=0)
    with pytest.raises(ValueError, match="learning_rate must be finite and above 0, got nan"):
        TrainConfig(learning_rate=float("nan"))
    with pytest.raises(ValueError, match=r"spike must be above 1, got 1\.0"):
        TrainConfig(spike=1.0)
    with pytest.raises(ValueError, match="period_s must hold at least one period"):
        TrainConfig(period_s=[])
    with pytest.raises(ValueError, match="coarse_updates must be at least 0, got -1"):
        TrainConfig(coarse_updates=-1)
    with pytest.raises(ValueError, match=r"coarse_dt_ms must be at least model\.dt_ms=1, got 0\.5"):
        TrainConfig(coarse_dt_ms=0.5)
    with pytest.raises(ValueError, match="coarse_updates must be 0 for a gated network"):
        TrainConfig(model=GRUConfig())
    with pytest.raises(ValueError, match="members must be 1 for a gated network, got 2"):
        TrainConfig(model=GRUConfig(), coarse_updates=0, members=2)


def test_periods_and_steps_are_refused_before_the_first_update(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="period_s must be at least two samples"):
        train(replace(TINY, period_s=[0.001]), tmp_path)
    with pytest.raises(ValueError, match="dt_ms must divide the click of 10 ms"):
        train(replace(TINY, model=EIRateConfig(units=12, dt_ms=3.0)), tmp_path)
    assert not (tmp_path / "checkpoints").exists()


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(5))
def test_five_hundred_units_do_not_explode(tmp_path: Path, seed: int) -> None:
    config = TrainConfig(updates=50, validate_every=10, seed=seed, spike=1e9)
    points = _points(config, tmp_path)
    assert max(point.largest_loss for point in points[1:]) < 10
    assert points[-1].scores["loss"] < 0.2
