"""Figures of an evaluation: what is drawn, and the numbers beside it, are the evaluation's."""

import csv
import json
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
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
from rldbs_env.controllers import make
from rldbs_env.evaluation import Evaluation, Example, summary
from rldbs_env.protocol import Protocol

SMALL = Protocol(
    n_neurons=30,
    ensembles=(7, 3, 5),
    free_steps=1100,
    controlled_steps=3000,
    recovery_steps=403,
    transient_steps=3000,
)
NAMES = ["none", "tonic", "linear", "delayed"]
STEMS = [
    "traces",
    "mean_fields",
    "suppression_against_charge",
    "single_neurons",
    "neurons_over_field",
    "phase_portrait_and_spectrum",
]
DT = 0.2
ON, OFF, END = 1100, 4100, 4503
# Time after each step, zero when control begins.
TIME = np.array([(step + 1 - ON) * DT for step in range(END)])
CYCLE = 32.4


@pytest.fixture(scope="module")
def evaluation() -> Evaluation:
    made = Evaluation(SMALL)
    for name in NAMES:
        made.add(name, make(name))
    return made


@pytest.fixture(scope="module")
def report(evaluation: Evaluation, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run directory, with every figure drawn once."""
    folder = tmp_path_factory.mktemp("run")
    assert figures.write_report(evaluation, folder, "rldbs-env demo") == folder / "report.html"
    return folder


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> dict[str, dict[str, Any]]:
    """Data by stem of the figures that `draw_all` would save; nothing is written."""
    saved: dict[str, dict[str, Any]] = {}

    def save(figure: Figure, stem: Path, data: dict[str, Any]) -> Path:
        saved[stem.name] = data
        return stem.with_suffix(".png")

    monkeypatch.setattr(figures, "save_figure", save)
    return saved


def axes(rows: int = 1, columns: int = 1) -> NDArray[Any]:
    return np.asarray(Figure().subplots(rows, columns, squeeze=False))


def points(line: Any) -> tuple[NDArray[Any], NDArray[Any]]:
    return np.asarray(line.get_xdata()), np.asarray(line.get_ydata())


def dashes(ax: Axes) -> list[float]:
    """Where the dashed lines stand that mark the control phase."""
    return [float(np.asarray(line.get_xdata())[0]) for line in ax.lines if is_dashed(line)]


def is_dashed(line: Any) -> bool:
    return bool(line.get_linestyle() == "--")


def numbers(file: Path) -> dict[str, list[float]]:
    """Columns of a CSV file, without the empty cells that end shorter ones."""
    with open(file, newline="", encoding="utf-8") as text:
        heads, *rows = csv.reader(text)
    columns = zip(*rows, strict=True)
    return {h: [float(c) for c in column if c] for h, column in zip(heads, columns, strict=True)}


def test_traces_show_the_whole_test_and_the_onset(evaluation: Evaluation) -> None:
    example, panels = evaluation.examples["linear"], axes(2, 2)
    lines = figures.traces(panels, example, SMALL)
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


def test_kicks_begin_and_end_with_control(evaluation: Evaluation) -> None:
    kicked = np.flatnonzero(evaluation.examples["tonic"].kicks)
    assert (kicked[0], kicked[-1]) == (ON, OFF - 1)
    # the first kicked step ends one dt after the dashed line
    assert TIME[ON] == pytest.approx(DT)


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


def mean(evaluation: Evaluation, name: str, attribute: str) -> float:
    values: list[float] = [getattr(one, attribute) for one in evaluation.scores[name]]
    return sum(values) / len(values)


def test_residual_against_charge_leaves_out_the_quenched(evaluation: Evaluation) -> None:
    ax = axes()[0, 0]
    artists: list[Any] = [*figures.suppression_against_charge(ax, evaluation)]
    front, filled, hollow, *labels = artists
    shown = {
        name: (mean(evaluation, name, "charge"), mean(evaluation, name, "std_controlled"))
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


def test_single_neurons_are_marked_where_x_rises_through_zero(evaluation: Evaluation) -> None:
    example, ax = evaluation.examples["linear"], axes()[0, 0]
    drawn: Any = figures.single_neurons(ax, example, SMALL)
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
    *neurons, field = figures.neurons_over_field(ax, example, SMALL)
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
    free, _, controlled, _ = figures.phase_portraits(ax, example, SMALL)
    for line, end in ((free, ON), (controlled, OFF)):
        np.testing.assert_array_equal(points(line)[0], example.mean_x[end - 5 * 162 : end])
        np.testing.assert_array_equal(points(line)[1], example.mean_y[end - 5 * 162 : end])
    assert [free.get_label(), controlled.get_label()] == ["free", "controlled"]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("mean field X", "mean field Y")


def welch_of(x: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """In windows of 1,100 steps: all that the free phase has, which is short."""
    frequency, density = welch(x, fs=1 / DT, nperseg=1100)
    return frequency, density


def test_spectra_agree_with_scipy(evaluation: Evaluation) -> None:
    example, ax = evaluation.examples["linear"], axes()[0, 0]
    free, controlled = figures.spectra(ax, example, SMALL)
    for line, span in ((free, slice(0, ON)), (controlled, slice(ON + 1500, OFF))):
        frequency, density = welch_of(example.mean_x[span])
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
    protocol = replace(SMALL, free_steps=10_000, controlled_steps=20_000, recovery_steps=10_000)
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
    protocol = replace(SMALL, free_steps=free, controlled_steps=controlled)
    for line in figures.spectra(axes()[0, 0], example_of(TIME), protocol):
        assert points(line)[0][0] == pytest.approx(1 / (1000 * DT))


def test_every_figure_is_written_with_its_numbers(report: Path) -> None:
    written = sorted(path.name for path in (report / "figures").iterdir())
    assert written == sorted(f"{stem}.{kind}" for stem in STEMS for kind in ("csv", "png", "svg"))
    assert (report / "figures" / "traces.png").read_bytes().startswith(b"\x89PNG")


def test_numbers_beside_the_traces(evaluation: Evaluation, report: Path) -> None:
    table = numbers(report / "figures" / "traces.csv")
    best = max(("linear", "delayed"), key=lambda name: mean(evaluation, name, "s_ratio"))
    assert list(table) == ["time", "mean_x", "kick"]
    np.testing.assert_allclose(table["time"], TIME, atol=1e-9)
    assert table["mean_x"] == evaluation.examples[best].mean_x.tolist()
    assert table["kick"] == evaluation.examples[best].kicks.tolist()


def test_numbers_beside_the_mean_fields(evaluation: Evaluation, report: Path) -> None:
    table = numbers(report / "figures" / "mean_fields.csv")
    assert list(table) == ["time", *NAMES]
    np.testing.assert_allclose(table["time"], TIME[::5], atol=1e-9)
    for name in NAMES:
        assert table[name] == evaluation.examples[name].mean_x[::5].tolist()


def test_numbers_beside_the_costs(evaluation: Evaluation, report: Path) -> None:
    with open(
        report / "figures" / "suppression_against_charge.csv", newline="", encoding="utf-8"
    ) as file:
        rows = list(csv.DictReader(file))
    assert [row["controller"] for row in rows] == ["none", "linear", "delayed"]
    for row in rows:
        for cost, attribute in (("charge", "charge"), ("residual_std", "std_controlled")):
            low, middle, high = (float(row[f"{cost}_{end}"]) for end in ("low", "mean", "high"))
            values = [getattr(one, attribute) for one in evaluation.scores[row["controller"]]]
            assert middle == pytest.approx(sum(values) / 3)
            # all three draws hit the least value once in 27 times, more than the 2.5 % cut off
            assert (low, high) == pytest.approx((min(values), max(values)))


def test_numbers_beside_the_neurons_and_the_spectrum(evaluation: Evaluation, report: Path) -> None:
    best = max(("linear", "delayed"), key=lambda name: mean(evaluation, name, "s_ratio"))
    example = evaluation.examples[best]
    neurons = numbers(report / "figures" / "single_neurons.csv")
    assert list(neurons) == ["time", *(f"x_{i}" for i in range(30))]
    np.testing.assert_allclose(neurons["time"], TIME[::5], atol=1e-9)
    np.testing.assert_array_equal(neurons["x_29"], example.neuron_x[:, 29])
    over = numbers(report / "figures" / "neurons_over_field.csv")
    assert list(over) == ["time", "mean_x", "x_0", "x_1", "x_2", "x_3"]
    assert over["mean_x"] == example.mean_x[::5].tolist()
    assert over["x_3"] == neurons["x_3"]
    table = numbers(report / "figures" / "phase_portrait_and_spectrum.csv")
    assert table["mean_x"] == example.mean_x.tolist()
    assert table["mean_y"] == example.mean_y.tolist()
    for label, span in (("free", slice(0, ON)), ("controlled", slice(ON + 1500, OFF))):
        frequency, density = welch_of(example.mean_x[span])
        np.testing.assert_allclose(table[f"{label}_frequency"], frequency)
        np.testing.assert_allclose(table[f"{label}_psd"], density, atol=1e-20)


def test_captions_name_the_best_controller_in_reading_order(
    evaluation: Evaluation, drawn: dict[str, dict[str, Any]]
) -> None:
    captions = figures.draw_all(evaluation, Path("somewhere"))
    assert list(captions) == [Path("somewhere") / f"{stem}.png" for stem in STEMS]
    best = max(("linear", "delayed"), key=lambda name: mean(evaluation, name, "s_ratio"))
    assert [f"by {best}" in caption for caption in captions.values()] == [
        True,
        False,
        False,
        True,
        True,
        True,
    ]


def failing(evaluation: Evaluation, fails: Callable[[str, int], bool]) -> Evaluation:
    """The evaluation with some populations quenched."""
    scores = {
        name: [
            replace(one, s_ratio=math.nan, quenched=True) if fails(name, e) else one
            for e, one in enumerate(many)
        ]
        for name, many in evaluation.scores.items()
    }
    return replace(evaluation, scores=scores)


def test_one_quenched_ensemble_keeps_a_controller_out_of_the_comparison(
    evaluation: Evaluation, drawn: dict[str, dict[str, Any]]
) -> None:
    figures.draw_all(failing(evaluation, lambda name, e: (name, e) == ("linear", 2)), Path())
    assert drawn["suppression_against_charge"]["controller"] == ["none", "tonic", "delayed"][::2]


def test_where_all_are_quenched_there_is_nothing_to_compare(
    evaluation: Evaluation, drawn: dict[str, dict[str, Any]]
) -> None:
    captions = figures.draw_all(failing(evaluation, lambda name, e: True), Path())
    assert list(drawn) == [stem for stem in STEMS if stem != "suppression_against_charge"]
    assert len(captions) == 5


def test_one_ensemble_is_drawn_without_intervals(
    evaluation: Evaluation, drawn: dict[str, dict[str, Any]]
) -> None:
    one = Evaluation(
        replace(SMALL, ensembles=(7,)),
        {name: many[:1] for name, many in evaluation.scores.items()},
        evaluation.examples,
    )
    figures.draw_all(one, Path())
    data = drawn["suppression_against_charge"]
    assert list(data["charge_mean"]) == [one.scores[name][0].charge for name in data["controller"]]
    np.testing.assert_array_equal(data["charge_low"], data["charge_high"])


def test_the_report_holds_the_table_and_the_figures(evaluation: Evaluation, report: Path) -> None:
    blocks = json.loads((report / "report.json").read_text(encoding="utf-8"))["blocks"]
    assert [block["kind"] for block in blocks] == ["text", "command", "table", *["figure"] * 6]
    text, command, table, *pictures = blocks
    assert text["text"] == (
        "4 controllers on 3 ensembles of 30 neurons that none of them was tuned on (coupling "
        "0.03): 1100 free steps, 3000 under control, 403 free again."
    )
    assert command["line"] == "rldbs-env demo"
    assert table["columns"] == summary(evaluation)
    assert [block["path"] for block in pictures] == [f"figures/{stem}.png" for stem in STEMS]
    page = (report / "report.html").read_text(encoding="utf-8")
    assert page.count("data:image/png;base64,") == 6
    assert "rldbs-env: silencing a synchronised population" in page
    assert "3 of 3" in page


def test_the_summary_is_written_beside_the_report(evaluation: Evaluation, report: Path) -> None:
    with open(report / "summary.csv", newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    table = summary(evaluation)
    assert rows == [dict(zip(table, row, strict=True)) for row in zip(*table.values(), strict=True)]


def test_a_report_without_a_command_shows_none(
    evaluation: Evaluation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(figures, "draw_all", lambda evaluation, directory, shown: {})
    figures.write_report(evaluation, tmp_path)
    blocks = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))["blocks"]
    assert [block["kind"] for block in blocks] == ["text", "table"]


def test_drawing_leaves_matplotlibs_settings_alone(
    evaluation: Evaluation, drawn: dict[str, dict[str, Any]]
) -> None:
    import matplotlib as mpl

    before = dict(mpl.rcParams)
    figures.draw_all(evaluation, Path())
    assert dict(mpl.rcParams) == before
