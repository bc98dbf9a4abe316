"""Figures of effects, learning curves and activity: the numbers that they show."""

from pathlib import Path

import numpy as np
import pytest

from brainnn.analysis.curves import LearningCurve, mean_curve
from brainnn.analysis.phase import phase_tuning
from brainnn.figures.activity import draw_activity, phase_heat_map, preferred_order
from brainnn.figures.effects import Effects, draw_effects, forest_plot
from brainnn.figures.training import curve_plot, draw_training
from neuro_common.plots import new_figure
from neuro_common.runs import read_csv

pytestmark = pytest.mark.usefixtures("no_drawing")


def test_a_dot_is_hollow_where_the_interval_reaches_no_effect(tmp_path: Path) -> None:
    _, axes = new_figure()
    effects = Effects(np.array([1.0, 1.0]), np.array([0.5, -0.5]), np.array([1.5, 2.5]), 0.0)
    forest_plot(axes[0, 0], ["clear", "not"], effects)
    faces = [line.get_markerfacecolor() for line in axes[0, 0].lines if line.get_marker() == "o"]
    assert faces[0] != "white"
    assert faces[1] == "white"
    path = draw_effects(["clear", "not"], {"speed": effects}, tmp_path / "e", sizes=[3, 4])
    table = read_csv(path.with_suffix(".csv"))
    assert table["condition"] == ["clear", "not"]
    assert table["neurons"] == ["3", "4"]
    assert table["speed low"] == ["0.5", "-0.5"]


def test_a_mean_curve_is_over_seeds_on_common_steps() -> None:
    runs = {0: ([0, 10, 20], [0.0, 1.0, 2.0]), 1: ([0, 10], [2.0, 3.0])}
    curve = mean_curve(runs)
    assert curve.step.tolist() == [0, 10]
    assert curve.mean.tolist() == [1, 2]
    assert (curve.low < curve.mean).all()
    gap = mean_curve({0: ([0, 10, 20], [0.0, np.nan, 2.0])})
    assert gap.step.tolist() == [0, 20]
    assert np.isnan(gap.low).all()


def test_curves_without_numbers_are_refused() -> None:
    with pytest.raises(ValueError, match="at least one, got none"):
        mean_curve({})
    with pytest.raises(ValueError, match="at least one finite"):
        mean_curve({0: ([0.0], [np.nan])})
    with pytest.raises(ValueError, match="runs must overlap"):
        mean_curve({0: ([0.0, 1.0], [0.0, 1.0]), 1: ([5.0, 6.0], [0.0, 1.0])})


def test_curves_are_drawn_with_bands_and_numbers(tmp_path: Path) -> None:
    step = np.arange(3.0)
    curve = LearningCurve(step, step, step - 1, step + 1)
    _, axes = new_figure()
    (line,) = curve_plot(axes[0, 0], {"real": curve}, x_label="steps", y_label="reward")
    assert line.get_label() == "real"
    assert len(axes[0, 0].collections) == 1
    path = draw_training({"reward": {"real": curve}}, tmp_path / "t", x_label="steps")
    assert read_csv(path.with_suffix(".csv"))["real reward high"] == ["1.0", "2.0", "3.0"]


def test_neurons_stand_in_the_order_of_their_phases(tmp_path: Path) -> None:
    phase = np.tile(np.arange(8) / 8, (2, 1))
    wanted = np.array([0.75, 0.0, 0.25])
    waves = 1 + np.cos(2 * np.pi * (phase[..., None] - wanted))
    activity = np.concatenate([np.full((2, 8, 1), 0.3), waves], axis=2)
    tuning = phase_tuning(activity, phase, bins=8)
    order = preferred_order(tuning)
    assert order[-1] == 0  # the constant one
    assert order[:3].tolist() in ([2, 3, 1], [3, 1, 2])  # phase 0 may be just below 1
    _, axes = new_figure()
    image = np.asarray(phase_heat_map(axes[0, 0], tuning, [1, 0]).get_array())
    assert np.nanargmax(image[0]) == 6
    assert np.ma.masked_invalid(image)[1].mask.all()
    feet = phase_tuning((waves[..., :2] > 1).astype(float), phase, bins=8)
    names = ["a", "b", "c", "d"]
    path = draw_activity(tuning, feet, names, ["T1", "", "T2", ""], tmp_path / "a")
    table = read_csv(path.with_suffix(".csv"))
    assert table["neuron"][:4] == [names[at] for at in order]
    at = table["neuron"].index("d")
    assert float(table["preferred_phase"][at]) == pytest.approx(0.25)
    assert float(table["depth"][at]) == pytest.approx(1.0)
