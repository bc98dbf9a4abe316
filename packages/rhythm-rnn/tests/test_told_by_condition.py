"""What reports say of each condition: nothing is averaged over cues, and a network tells its own.

A network's trained cues are those of its training, and where there is no beat there is no number.
"""

from pathlib import Path

import numpy as np
import pytest
import torch

from neuro_common.files import FormatError
from neuro_common.plots import new_figure
from rhythm_rnn.activity import Activity
from rhythm_rnn.adaptation import Synchronisation
from rhythm_rnn.classes import CLASSES, composition, published_classes
from rhythm_rnn.cli import main
from rhythm_rnn.config import EIRateConfig
from rhythm_rnn.figures.adaptation import asynchrony_plot
from rhythm_rnn.figures.lesions import lesion_plot, lesion_summary
from rhythm_rnn.figures.training import draw_training, trial_plot
from rhythm_rnn.lesions import Lesion
from rhythm_rnn.model import build
from rhythm_rnn.taps import Taps
from rhythm_rnn.task import synchronisation_continuation
from rhythm_rnn.weights import load, save

CUES = np.array([0.2, 0.5, 0.8])


def lesion(name: str, intervals: list[float], verdicts: tuple[str, ...], dose: float) -> Lesion:
    return Lesion(name, 0, dose, 3, CUES, np.array(intervals), np.ones(3), verdicts)


def test_lesions_of_opposite_effect_are_not_averaged() -> None:
    intact = lesion("intact", [500, 200, 125], ("valid",) * 3, 0)
    one = lesion("Tap-I", [450, 220, 125], ("valid",) * 3, 0.05)
    assert lesion_summary([intact, one]) == [
        "Tap-I weaker by 5 %: the interval changes by -10.0 % at cue 0.2, +10.0 % at cue 0.5, "
        "+0.0 % at cue 0.8."
    ]


def test_without_a_beat_of_the_intact_network_nothing_is_compared() -> None:
    intact = lesion("intact", [700, 200, 125], ("invalid", "valid", "valid"), 0)
    one = lesion("Int-I", [450, 220, np.nan], ("valid", "valid", "no rhythm"), 0.05)
    assert lesion_summary([intact, one]) == [
        "The intact network keeps no beat at cue 0.2, where lesions are not compared.",
        "Int-I weaker by 5 %: the interval changes by +10.0 % at cue 0.5; no valid rhythm at cue "
        "0.8.",
    ]
    _, axes = new_figure()
    uncompared, compared, _ = lesion_plot(axes[0, 0], intact, [one])
    assert np.isnan(uncompared.get_ydata()[0])  # type: ignore[attr-defined]
    assert compared.get_ydata()[0] == pytest.approx(10)  # type: ignore[attr-defined]


def test_a_network_knows_the_tempi_of_its_own_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert load("ei_100").trained_cues[[0, -1]] == pytest.approx([0.2, 0.8])
    monkeypatch.chdir(tmp_path)
    small = ("model.units=10", "updates=1", "validate_every=1", "coarse_updates=0", "batch=2")
    assert main(["train", *small, "period_s=[0.4,0.25]", "hydra.run.dir=run"]) == 0
    assert load("run").trained_cues == pytest.approx([0.25, 0.4])
    words = ("weights=run", "duration_s=3", "discard_s=1", "cues=[0.2,0.25]")
    assert main(["drive", *words, "hydra.run.dir=drive"]) == 0
    rows = (tmp_path / "drive" / "taps.csv").read_text().splitlines()[1:]
    assert [row.split(",")[1] for row in rows] == ["False", "True"]
    assert "at a trained cue" in capsys.readouterr().out


def test_deviations_over_repeats_are_those_of_a_sample() -> None:
    _, axes = new_figure()
    asynchrony = np.array([[1.0, 2], [3, np.nan], [5, 4]])
    (bars,) = asynchrony_plot(axes[0, 0], [Synchronisation(0.5, 1, asynchrony)])
    (segments,) = (one.get_segments() for one in bars[2])
    assert segments[0][:, 1] == pytest.approx([3 - 2, 3 + 2])
    (alone,) = asynchrony_plot(axes[0, 0], [Synchronisation(0.5, 1, asynchrony[:1])])
    assert alone[2][0].get_segments()[0][:, 1] == pytest.approx([1, 1])


def test_the_largest_asynchrony_is_unknown_where_one_tempo_has_no_taps(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    config = EIRateConfig(units=10)
    network = build(config, seed=0)
    torch.nn.init.zeros_(network.output_weight)  # type: ignore[arg-type]
    save(tmp_path / "mute", network, config, {})
    monkeypatch.chdir(tmp_path)
    words = ("weights=mute", "repeats=1", "switch_s=[]", "noise=0", "period_s=[0.25,0.2]")
    assert main(["figures", "clicks", *words]) == 0
    assert "metric nan" in capsys.readouterr().out


def test_the_published_classes_take_another_limit_too() -> None:
    rates = np.zeros((31, 2))
    rates[[12, 22], 0] = 1.0  # a fifth of the cycle after the tap
    rates[[11, 21], 1] = 1.0
    taps, excitatory = np.array([0, 10, 20]), np.array([True, False])
    names = [CLASSES[one] for one in published_classes(rates, taps, excitatory)]
    assert names == ["Int-E", "Tap-I"]
    wide = published_classes(rates, taps, excitatory, tap_within=0.3)
    assert [CLASSES[one] for one in wide] == ["Tap-E", "Tap-I"]


def test_classes_need_a_valid_rhythm_at_their_cue() -> None:
    taps = Taps(np.array([10.0, 20, 31]), 12.0, "invalid", "taps every 10.5 ms, but 12 ms")
    activity = Activity(0.9, np.zeros(40), np.random.default_rng(0).random((40, 3)), taps, 1.0, 1.0)
    wanted = "cue must be one at which the network keeps a beat, got 0.9: taps every 10.5 ms"
    with pytest.raises(ValueError, match=wanted):
        composition([activity], np.ones((3, 3)), [True, True, False])


def test_a_foreign_file_is_refused_without_advice_to_run_its_code(tmp_path: Path) -> None:
    (tmp_path / "notes.pth").write_text("no weights")
    with pytest.raises(FormatError, match=r"got another file: give the directory") as refusal:
        load(tmp_path / "notes.pth")
    assert "weights_only" not in str(refusal.value)


def test_a_curve_of_several_networks_says_that_it_is_of_the_best_at_each_point(
    tmp_path: Path,
) -> None:
    trials = synchronisation_continuation([0.25], 0.05)
    curve = {name: ["0.2", "0.1"] for name in ("step", "train_loss", "loss")}
    outputs = trials.target[..., 0]
    alone, together = (
        next(iter(draw_training(told, [0.25], trials, outputs, tmp_path, stop_loss=0.1).values()))
        for told in (curve, curve | {"loss_seed_0": ["0.3", "0.1"], "loss_seed_1": ["0.2", "0.2"]})
    )
    assert together == alone + (
        " Several networks were trained: each point is of the one that was the best at that "
        "validation, so that the line may pass from one to another; metrics.csv has the loss of "
        "each."
    )


def test_a_cue_above_1_is_seen_in_the_trial_that_is_drawn() -> None:
    trials = synchronisation_continuation([0.05], 0.05)
    _, axes = new_figure(2, 1)
    trial_plot(axes[:, 0], trials, 0, np.zeros(2000))
    assert axes[1, 0].get_ylim()[1] == pytest.approx(2.2)
