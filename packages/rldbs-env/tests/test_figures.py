"""Figures of an evaluation: what is drawn is the evaluation's."""

from typing import Any

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from numpy.typing import NDArray
from scipy.signal import welch

from neuro_common.style import CONTROLLED, FREE
from rldbs_env import figures
from rldbs_env.evaluation import Evaluation, Example
from rldbs_env.protocol import Protocol

NAMES = ["none", "tonic", "linear", "delayed"]
DT = 0.2
ON, OFF, END = 1100, 4100, 4503
# Time after each step, zero when control begins.
TIME = np.array([(step + 1 - ON) * DT for step in range(END)])
CYCLE = 32.4


def axes(rows: int = 1, columns: int = 1) -> NDArray[Any]:
    return np.asarray(Figure().subplots(rows, columns, squeeze=False))


def points(line: Any) -> tuple[NDArray[Any], NDArray[Any]]:
    return np.asarray(line.get_xdata()), np.asarray(line.get_ydata())


def dashes(ax: Axes) -> list[float]:
    """Where the dashed lines stand that mark the control phase."""
    return [float(np.asarray(line.get_xdata())[0]) for line in ax.lines if is_dashed(line)]


def is_dashed(line: Any) -> bool:
    return bool(line.get_linestyle() == "--")


def test_traces_show_the_whole_test_and_the_onset(evaluation: Evaluation) -> None:
    example, panels = evaluation.examples["linear"], axes(2, 2)
    lines = figures.traces(panels, example, evaluation.protocol)
    assert len(lines) == 4
    for line, values in zip(lines[:2], (example.mean_x, example.kicks), strict=True):
        np.testing.assert_allclose(points(line)[0], TIME, atol=1e-9)
        np.testing.assert_array_equal(points(line)[1], values)
    onset = (TIME >= -3 * CYCLE) & (TIME < 15 * CYCLE)
    for line, values in zip(lines[2:], (example.mean_x, example.kicks), strict=True):
        np.testing.assert_allclose(points(line)[0], TIME[onset], atol=1e-9)
        np.testing.assert_array_equal(points(line)[1], values[onset])
    assert [line.axes for line in lines] == [
        panels[0, 0],
        panels[1, 0],
        panels[0, 1],
        panels[1, 1],
    ]
    for ax in panels[:, 0]:
        assert dashes(ax) == pytest.approx([0.0, 3000 * DT])
    for ax in panels[:, 1]:
        assert dashes(ax) == [0.0]
    assert [panels[0, 0].get_title(), panels[0, 1].get_title()] == ["whole test", "onset"]
    assert [ax.get_ylabel() for ax in panels[:, 0]] == ["mean field X", "kick"]
    assert panels[1, 0].get_xlabel() == "time from onset of control (time units)"


def test_mean_fields_name_the_controllers_and_grey_out_the_quenched(
    evaluation: Evaluation,
) -> None:
    panels = axes(4)[:, 0]
    lines = figures.mean_fields(panels, evaluation)
    for line, name in zip(lines, NAMES, strict=True):
        np.testing.assert_allclose(points(line)[0], TIME[::5], atol=1e-9)
        np.testing.assert_array_equal(points(line)[1], evaluation.examples[name].mean_x[::5])
    assert [ax.get_title() for ax in panels] == [
        "none",
        "tonic (quenched: neurons frozen)",
        "linear",
        "delayed",
    ]
    assert [to_hex(line.get_color()) for line in lines] == [
        CONTROLLED,
        FREE,
        CONTROLLED,
        CONTROLLED,
    ]
    for ax in panels:
        assert dashes(ax) == pytest.approx([0.0, 600.0])


def test_residual_against_charge_leaves_out_the_quenched(evaluation: Evaluation) -> None:
    ax = axes()[0, 0]
    artists: list[Any] = [*figures.suppression_against_charge(ax, evaluation)]
    front, filled, hollow, *labels = artists

    def mean(name: str, attribute: str) -> float:
        values: list[float] = [getattr(one, attribute) for one in evaluation.scores[name]]
        return sum(values) / len(values)

    shown = {
        name: (mean(name, "charge"), mean(name, "std_controlled"))
        for name in ("none", "linear", "delayed")
    }
    assert [text.get_text() for text in labels] == list(shown)
    best = {
        name
        for name, (charge, residual) in shown.items()
        if not any(c < charge and r < residual for c, r in shown.values())
    }
    for artist, members in ((filled, best), (hollow, shown.keys() - best)):
        expected = sorted(shown[name] for name in members)
        drawn = sorted(zip(*points(artist), strict=True))
        np.testing.assert_allclose(np.reshape(drawn, (-1, 2)), np.reshape(expected, (-1, 2)))
    x, y = points(front)
    np.testing.assert_allclose(x, sorted(shown[name][0] for name in best))
    assert list(y) == sorted(y, reverse=True)
    bars: Any = ax.containers[0]
    for collection, attribute, axis in zip(
        bars[2], ("charge", "std_controlled"), (0, 1), strict=True
    ):
        for name, ends in zip(shown, collection.get_segments(), strict=True):
            values = [getattr(one, attribute) for one in evaluation.scores[name]]
            # the 95 % interval of three values
            assert sorted(ends[:, axis]) == pytest.approx([min(values), max(values)])
    (free,) = (line for line in ax.lines if line.get_linestyle() == ":")
    every = [one.std_free for many in evaluation.scores.values() for one in many]
    assert points(free)[1][0] == pytest.approx(sum(every) / len(every))
    low, high = ax.get_xlim()
    assert low < 0 < max(charge for charge, _ in shown.values()) < high
    low, high = ax.get_ylim()
    assert low < min(residual for _, residual in shown.values()) < points(free)[1][0] < high
    assert (ax.get_xscale(), ax.get_yscale()) == ("symlog", "log")


def test_a_long_name_leaves_room_for_its_point(evaluation: Evaluation) -> None:
    run = "policy:results/rldbs-env/train/multirun/many_trainings/2026-11-23_00-12-45"
    ax = axes()[0, 0]
    named = Evaluation(evaluation.protocol, {run: evaluation.scores["linear"]})
    artists: list[Any] = figures.suppression_against_charge(ax, named)
    assert artists[-1].get_text() == "policy:…2026-11-23_00-12-45"


def test_single_neurons_are_marked_where_x_rises_through_zero(evaluation: Evaluation) -> None:
    example, ax = evaluation.examples["linear"], axes()[0, 0]
    drawn: Any = figures.single_neurons(ax, example, evaluation.protocol)
    expected = []
    for neuron in range(30):
        x = example.neuron_x[:, neuron]
        for sample in range(1, len(x)):
            moment = TIME[5 * sample]
            # the first sample shown has none before it
            if moment - 1 < -6 * CYCLE or moment >= 24 * CYCLE:
                continue
            if x[sample] > 0 >= x[sample - 1]:
                expected.append((moment, neuron))
    segments = [np.asarray(segment) for segment in drawn.get_segments()]
    marks = [(segment[0, 0], segment[:, 1].mean()) for segment in segments]
    assert len(marks) > 100
    np.testing.assert_allclose(sorted(marks), sorted(expected), atol=1e-9)
    assert dashes(ax) == pytest.approx([0.0, 600.0])
    assert ax.get_ylabel() == "neuron"


def test_a_few_neurons_are_drawn_under_the_mean_field(evaluation: Evaluation) -> None:
    example, ax = evaluation.examples["linear"], axes()[0, 0]
    *neurons, field = figures.neurons_over_field(ax, example, evaluation.protocol)
    shown = (TIME[::5] >= -4 * CYCLE) & (TIME[::5] < 10 * CYCLE)
    assert len(neurons) == 4
    for i, line in enumerate(neurons):
        np.testing.assert_allclose(points(line)[0], TIME[::5][shown], atol=1e-9)
        np.testing.assert_array_equal(points(line)[1], example.neuron_x[shown, i])
        assert line.get_linewidth() < field.get_linewidth() / 2
    np.testing.assert_array_equal(points(field)[1], example.mean_x[::5][shown])
    assert field.get_zorder() >= max(line.get_zorder() for line in neurons)
    assert dashes(ax) == [0.0]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("time from onset of control (time units)", "x")


def test_phase_portraits_are_of_the_last_five_cycles(evaluation: Evaluation) -> None:
    example, ax = evaluation.examples["linear"], axes()[0, 0]
    free, _, controlled, _ = figures.phase_portraits(ax, example, evaluation.protocol)
    for line, end in ((free, ON), (controlled, OFF)):
        np.testing.assert_array_equal(points(line)[0], example.mean_x[end - 5 * 162 : end])
        np.testing.assert_array_equal(points(line)[1], example.mean_y[end - 5 * 162 : end])
    assert [free.get_label(), controlled.get_label()] == ["free", "controlled"]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("mean field X", "mean field Y")


def test_spectra_agree_with_scipy(evaluation: Evaluation) -> None:
    example, ax = evaluation.examples["linear"], axes()[0, 0]
    free, controlled = figures.spectra(ax, example, evaluation.protocol)
    for line, span in ((free, slice(0, ON)), (controlled, slice(ON + 1500, OFF))):
        # in windows of all that the free phase has, which is short
        frequency, density = welch(example.mean_x[span], fs=1 / DT, nperseg=1100)
        shown = (frequency > 0) & (frequency <= 5.5 / CYCLE)
        np.testing.assert_allclose(points(line)[0], frequency[shown])
        np.testing.assert_allclose(points(line)[1], density[shown])
    peak = points(free)[0][np.argmax(points(free)[1])]
    assert peak == pytest.approx(1 / CYCLE, rel=0.15)
    assert dashes(ax) == pytest.approx([1 / CYCLE])
    assert [free.get_label(), controlled.get_label()] == ["free", "controlled"]
    assert ax.get_xlim() == pytest.approx((0, 5.5 / CYCLE))
    assert ax.get_yscale() == "log"


def example_of(x: NDArray[np.float64]) -> Example:
    return Example(x, x, np.zeros_like(x), np.zeros((len(x[::5]), 1), np.float32))


def test_long_phases_have_spectra_of_whole_cycles() -> None:
    steps = np.arange(40_000)
    x = np.sin(2 * np.pi * steps * DT / CYCLE) + np.random.default_rng(0).normal(0, 0.1, 40_000)
    protocol = Protocol(free_steps=10_000, controlled_steps=20_000, recovery_steps=10_000)
    lines = figures.spectra(axes()[0, 0], example_of(x), protocol)
    for line, span in zip(lines, (slice(0, 10_000), slice(20_000, 30_000)), strict=True):
        frequency, density = points(line)
        cycles = 1 / (frequency[0] * CYCLE)
        assert cycles == pytest.approx(round(cycles), rel=1e-3)
        assert 5 < cycles < 20
        whole = welch(x[span], fs=1 / DT, nperseg=round(cycles * CYCLE / DT))
        np.testing.assert_allclose(density, whole[1][1 : len(density) + 1])
        assert frequency[np.argmax(density)] == pytest.approx(1 / CYCLE, rel=1e-3)


@pytest.mark.parametrize(("free", "controlled"), [(1000, 3000), (1500, 2000)])
def test_short_phases_have_spectra_of_all_they_have(free: int, controlled: int) -> None:
    protocol = Protocol(free_steps=free, controlled_steps=controlled, recovery_steps=403)
    for line in figures.spectra(axes()[0, 0], example_of(TIME), protocol):
        assert points(line)[0][0] == pytest.approx(1 / (1000 * DT))
