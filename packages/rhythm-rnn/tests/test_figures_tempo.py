"""Figures of drives: what is drawn, and the numbers beside it, are what was found."""

import json
from pathlib import Path

import numpy as np
import pytest

from neuro_common.files import read_csv
from neuro_common.plots import new_figure
from rhythm_rnn.drive import Drive
from rhythm_rnn.figures.drive import (
    asynchrony_plot,
    short_table,
    trace_plot,
    write_drive_report,
)
from rhythm_rnn.figures.tempo import cue_colours, error_plot, interval_plot, weber_plot
from rhythm_rnn.taps import Taps, find_taps
from rhythm_rnn.tempo import Tempo, tempo, weber_law

N = 12_000
PERIODS = {0.2: 505.0, 0.4: 252.0, 0.9: 120.0}
CLICKS = np.array([0.5, 1.0, 1.5])


@pytest.fixture(scope="module")
def run() -> Drive:
    """Three rhythms, the last too slow for its cue, one at rest, one that is not finite."""
    rng = np.random.default_rng(0)
    outputs = []
    for period in PERIODS.values():
        crests = np.cumsum(period * (1 + 0.03 * rng.normal(size=150)))
        phase = np.interp(np.arange(N), np.append(0, crests), np.arange(151))
        outputs.append(0.5 + 0.5 * np.cos(2 * np.pi * phase))
    outputs += [np.full(N, 0.6), np.full(N, np.nan)]
    taps = [find_taps(output) for output in outputs[:4]]
    taps += [Taps(np.empty(0), np.nan, "invalid", "the output is not finite from 0 s on")]
    cues = np.array([*PERIODS, -0.5, 3.0])
    return Drive(cues, np.array(outputs, dtype=np.float32), 1.0, 0.0, tuple(taps), CLICKS)


@pytest.fixture(scope="module")
def table(run: Drive) -> Tempo:
    return tempo(run)


@pytest.fixture(scope="module")
def written(run: Drive, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run directory with the whole report."""
    folder = tmp_path_factory.mktemp("run")
    summary = write_drive_report(run, folder)
    assert summary[0].startswith("3 of 5 cues have a valid rhythm; the largest error at a trained")
    assert summary[1] == "The interval is within 5 % from cue 0.2 to 0.4."
    assert summary[2] == "It falls from each cue to the next."
    assert summary[3].startswith("Spread where it is: ")
    heard = [line.partition(" clicks have a tap")[0] for line in summary[4:]]
    assert [line.partition(":")[0] for line in heard] == [f"Cue {cue:.4g}" for cue in run.cues]
    assert heard[3:] == ["Cue -0.5: 0 of 3", "Cue 3: 0 of 3"]
    return folder


def column(path: Path, name: str) -> list[float]:
    return [float(cell) for cell in read_csv(path)[name] if cell]


def test_every_figure_has_its_numbers_beside_it(written: Path) -> None:
    names = {path.name for path in (written / "figures").iterdir()}
    stems = ("tempo", "asynchronies", "traces_1")
    assert names == {f"{stem}.{kind}" for stem in stems for kind in ("png", "svg", "csv")}
    blocks = json.loads((written / "report.json").read_text())["blocks"]
    kinds = [block["kind"] for block in blocks]
    assert kinds == ["text", "text", "figure", "figure", "figure", "table"]


def test_the_numbers_are_those_of_the_table(written: Path, table: Tempo) -> None:
    for path in (written / "taps.csv", written / "figures" / "tempo.csv"):
        for name in ("cue", "iti_ms", "sd_ms", "compat_iti_ms"):
            np.testing.assert_array_equal(column(path, name), getattr(table, name))
        verdicts = read_csv(path)["verdict"]
        assert verdicts == ["no rhythm", "valid", "valid", "valid", "invalid"]
    assert "not finite" in read_csv(written / "taps.csv")["reason"][-1]


def test_the_numbers_of_the_traces_are_kept(written: Path, run: Drive) -> None:
    path = written / "figures" / "traces_1.csv"
    np.testing.assert_array_equal(column(path, "output_cue_0.4"), run.outputs[1, :2001])
    taps = column(path, "tap_s_cue_0.4")
    expected = run.taps[1].time_ms / 1e3
    assert taps == expected[expected <= 2].tolist()
    assert column(path, "tap_s_cue_-0.5") == []


def test_a_page_holds_24_cues(run: Drive, tmp_path: Path) -> None:
    outputs = np.repeat(run.outputs[3:4], 30, axis=0)
    many = Drive(np.linspace(0.1, 1, 30), outputs, 1.0, 0.0, run.taps[3:4] * 30, np.empty(0))
    write_drive_report(many, tmp_path)
    assert len(list((tmp_path / "figures").glob("traces_*.png"))) == 2
    cues = [name for name in read_csv(tmp_path / "figures" / "traces_2.csv") if "output" in name]
    assert len(cues) == 6


def test_no_cue_is_hidden(table: Tempo) -> None:
    _, axes = new_figure()
    trained, untrained, _ = interval_plot(axes[0, 0], table)
    np.testing.assert_array_equal(trained.lines[0].get_xdata(), [0.2, 0.4])
    np.testing.assert_allclose(trained.lines[0].get_ydata(), table.iti_ms[1:3])
    np.testing.assert_array_equal(untrained.lines[0].get_xdata(), [0.9])
    shown = {line.get_label(): line for line in axes[0, 0].get_lines()}
    np.testing.assert_array_equal(shown["no rhythm"].get_xdata(), [-0.5, 3.0])
    law = shown["100 ms / cue"]
    np.testing.assert_allclose(law.get_xdata() * law.get_ydata(), 100)
    assert shown["published detector"].get_ydata()[1] == table.compat_iti_ms[1]


def test_errors_are_in_per_cent(table: Tempo) -> None:
    _, axes = new_figure()
    trained, untrained = error_plot(axes[0, 0], table)
    np.testing.assert_allclose(trained.get_ydata(), [1, 0.8], atol=0.8)
    np.testing.assert_allclose(untrained.get_ydata(), [8], atol=1)


def test_the_law_is_drawn_over_the_filled_markers(table: Tempo) -> None:
    _, axes = new_figure()
    points, line = weber_plot(axes[0, 0], table)
    np.testing.assert_allclose(points.get_offsets()[:, 0], table.iti_ms[1:4])
    hollow = (points.get_facecolors()[:, :3] == 1).all(axis=1)
    np.testing.assert_array_equal(hollow, [False, False, True])
    law = weber_law(table)
    assert law is not None
    assert line.get_ydata()[-1] == pytest.approx(
        np.hypot(law.fraction * 505, law.constant_ms), rel=0.02
    )


def test_a_trace_shows_its_taps_and_verdict(run: Drive) -> None:
    _, axes = new_figure(1, 3)
    line, dots = trace_plot(axes[0, 0], run, 1, shown_s=1.0)
    np.testing.assert_array_equal(line.get_ydata(), run.outputs[1, :1001])
    assert len(dots.get_xdata()) == pytest.approx(4, abs=1)
    assert (dots.get_ydata() > 0.95).all()
    assert axes[0, 0].get_title() == "cue 0.4"
    trace_plot(axes[0, 1], run, 3)
    assert axes[0, 1].get_title() == "cue -0.5: no rhythm"
    assert axes[0, 1].get_ylim() == pytest.approx((-0.05, 1.05))
    trace_plot(axes[0, 2], run, 4)
    assert axes[0, 2].get_title() == "cue 3: invalid"


def test_asynchronies_are_drawn_by_cue() -> None:
    _, axes = new_figure()
    lines = asynchrony_plot(axes[0, 0], [0.2, 0.5], CLICKS, [[1, 2, 3], [4, np.nan, 6]])
    np.testing.assert_array_equal(lines[1].get_ydata(), [4, np.nan, 6])
    np.testing.assert_array_equal(lines[0].get_xdata(), CLICKS)
    assert lines[0].get_label() == "0.2"


def test_colours_run_from_dark_to_light() -> None:
    colours = cue_colours([0.2, 0.8, 0.5])
    assert (np.argsort(colours[:, :3].sum(axis=1)) == [0, 2, 1]).all()
    np.testing.assert_array_equal(cue_colours([0.4]), cue_colours([0.9]))


def test_the_short_table_has_empty_cells(table: Tempo) -> None:
    short = short_table(table)
    assert short["interval (ms)"][0] is None
    assert short["error (%)"][1] == pytest.approx(100 * table.error[1])
