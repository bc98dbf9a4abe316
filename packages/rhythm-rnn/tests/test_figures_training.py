"""The figures of a training: what is drawn, and the numbers beside it."""

from pathlib import Path

import numpy as np
import pytest

from neuro_common.files import read_csv
from neuro_common.plots import new_figure
from rhythm_rnn.figures.training import draw_training, learning_plot, trial_plot
from rhythm_rnn.task import synchronisation_continuation

CURVE = {
    "step": ["0", "20", "40"],
    "train_loss": ["nan", "0.13", "0.12"],
    "loss": ["0.2", "0.125", "0.119"],
}


def test_learning_plot_has_both_losses_and_the_stop() -> None:
    _, axes = new_figure(1, 1)
    training, validation, stop = learning_plot(
        axes[0, 0], [0, 20], [np.nan, 0.1], [0.2, 0.12], stop_loss=0.017
    )
    np.testing.assert_array_equal(validation.get_ydata(), [0.2, 0.12])
    assert np.isnan(training.get_ydata()[0])
    assert list(stop.get_ydata()) == [0.017, 0.017]
    assert axes[0, 0].get_yscale() == "log"


def test_trial_plot_shows_output_on_target_and_both_inputs() -> None:
    trials = synchronisation_continuation([0.25], 0.05)
    _, axes = new_figure(2, 1)
    trial_plot(axes[:, 0], trials, 0, np.zeros(2000))
    target, output = axes[0, 0].get_lines()
    assert target.get_ydata().max() == pytest.approx(1.0)
    assert not output.get_ydata().any()
    clicks, cue = axes[1, 0].get_lines()
    assert (clicks.get_ydata().sum(), cue.get_ydata()[-1]) == (40, pytest.approx(0.4))


def test_every_period_has_a_figure_with_its_numbers(tmp_path: Path) -> None:
    trials = synchronisation_continuation([0.25, 0.125], 0.05)
    outputs = trials.target[..., 0] / 2
    drawn = draw_training(CURVE, [0.25, 0.125], trials, outputs, tmp_path, stop_loss=0.017)
    names = ["learning_curve.png", "period_250ms.png", "period_125ms.png"]
    assert [path.name for path in drawn] == names
    assert all(path.exists() for path in drawn)
    assert read_csv(tmp_path / "learning_curve.csv")["loss"] == ["0.2", "0.125", "0.119"]
    columns = read_csv(tmp_path / "period_125ms.csv")
    output = np.array(columns["output"], dtype=float)
    np.testing.assert_allclose(output, outputs[1], rtol=1e-6)
    assert float(columns["cue"][-1]) == pytest.approx(0.8)


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
