"""Figures of an evaluation in files: the numbers beside them, and the page that shows them."""

import csv
import json
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure
from scipy.signal import welch

from rldbs_env import figures
from rldbs_env.evaluation import Evaluation, summary

NAMES = ["none", "tonic", "linear", "delayed"]
STEMS = [
    "traces", "mean_fields", "suppression_against_charge", "single_neurons", "neurons_over_field",
    "phase_portrait_and_spectrum",
]  # fmt: skip
# After each step, zero when control begins.
TIME = 0.2 * (np.arange(4503) + 1 - 1100)
Rows = Callable[[Path], list[dict[str, str]]]


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


def numbers(file: Path) -> dict[str, list[float]]:
    """Columns of a CSV file, without the empty cells that end shorter ones."""
    with open(file, newline="", encoding="utf-8") as text:
        heads, *rows = csv.reader(text)
    columns = zip(*rows, strict=True)
    return {h: [float(c) for c in column if c] for h, column in zip(heads, columns, strict=True)}


@pytest.fixture(scope="module")
def best(evaluation: Evaluation) -> str:
    """The law of the highest mean S_ratio."""
    return max(
        ("linear", "delayed"),
        key=lambda name: sum(one.s_ratio for one in evaluation.scores[name]),
    )


def test_every_figure_is_written_with_its_numbers(report: Path) -> None:
    written = sorted(path.name for path in (report / "figures").iterdir())
    assert written == sorted(f"{stem}.{kind}" for stem in STEMS for kind in ("csv", "png", "svg"))
    assert (report / "figures" / "traces.png").read_bytes().startswith(b"\x89PNG")


def test_numbers_beside_the_traces(evaluation: Evaluation, best: str, report: Path) -> None:
    table = numbers(report / "figures" / "traces.csv")
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


def test_numbers_beside_the_costs(evaluation: Evaluation, report: Path, rows: Rows) -> None:
    table = rows(report / "figures" / "suppression_against_charge.csv")
    assert [row["controller"] for row in table] == ["none", "linear", "delayed"]
    for row in table:
        for cost, attribute in (("charge", "charge"), ("residual_std", "std_controlled")):
            low, middle, high = (float(row[f"{cost}_{end}"]) for end in ("low", "mean", "high"))
            values = [getattr(one, attribute) for one in evaluation.scores[row["controller"]]]
            assert middle == pytest.approx(sum(values) / 3)
            # all three draws hit the least value once in 27 times, more than the 2.5 % cut off
            assert (low, high) == pytest.approx((min(values), max(values)))


def test_numbers_beside_the_neurons_and_the_spectrum(
    evaluation: Evaluation, best: str, report: Path
) -> None:
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
    for label, span in (("free", slice(0, 1100)), ("controlled", slice(2600, 4100))):
        # in windows of all that the free phase has, which is short
        frequency, density = welch(example.mean_x[span], fs=5.0, nperseg=1100)
        np.testing.assert_allclose(table[f"{label}_frequency"], frequency)
        np.testing.assert_allclose(table[f"{label}_psd"], density, atol=1e-20)


def test_captions_name_the_best_controller_in_reading_order(
    evaluation: Evaluation, best: str, drawn: dict[str, dict[str, Any]]
) -> None:
    captions = figures.draw_all(evaluation, Path("somewhere"))
    assert list(captions) == [Path("somewhere") / f"{stem}.png" for stem in STEMS]
    of_the_best = [f"by {best}" in caption for caption in captions.values()]
    assert of_the_best == [True, False, False, True, True, True]


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
    assert drawn["suppression_against_charge"]["controller"] == ["none", "delayed"]


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
        replace(evaluation.protocol, ensembles=(7,)),
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
        "4 controllers on 3 ensembles of 30 neurons (coupling "
        "0.04): 1100 free steps, 3000 under control, 403 free again."
    )
    assert command["line"] == "rldbs-env demo"
    assert table["columns"] == summary(evaluation)
    assert [block["path"] for block in pictures] == [f"figures/{stem}.png" for stem in STEMS]
    page = (report / "report.html").read_text(encoding="utf-8")
    assert page.count("data:image/png;base64,") == 6
    assert "rldbs-env: silencing a synchronised population" in page
    assert "3 of 3" in page


def test_the_summary_is_written_beside_the_report(
    evaluation: Evaluation, report: Path, rows: Rows
) -> None:
    table = summary(evaluation)
    expected = zip(*table.values(), strict=True)
    assert rows(report / "summary.csv") == [dict(zip(table, row, strict=True)) for row in expected]


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
