"""Figures of tapping to clicks: what is drawn, and the numbers beside it, are what was found."""

import json
from pathlib import Path

import numpy as np

from neuro_common.files import read_csv
from neuro_common.plots import new_figure
from rhythm_rnn.adaptation import Disorder, Synchronisation, TempoSwitch
from rhythm_rnn.figures import adaptation as figures

RNG = np.random.default_rng(0)
TAPS = [Synchronisation(period, 6, 5 + RNG.normal(size=(4, 12))) for period in (0.5, 0.25)]
SWITCHES = [
    (TempoSwitch((0.5, 0.25), np.arange(-3, 4), 250 + RNG.normal(size=(4, 7))), clicks)
    for clicks in (True, False)
]
DISORDERS = [
    Disorder("shifted", 0.05, np.arange(-5, 5), RNG.normal(size=(4, 10))),
    Disorder("shifted", -0.05, np.arange(-5, 5), RNG.normal(size=(4, 10))),
    Disorder("missing", 0.0, np.arange(-5, 5), RNG.normal(size=(4, 10))),
]


def test_lines_are_means_and_bars_standard_deviations() -> None:
    _, axes = new_figure(1, 3)
    (first, _), (switch, _), (shift, *_) = (
        figures.asynchrony_plot(axes[0, 0], TAPS),
        figures.switch_plot(axes[0, 1], SWITCHES),
        figures.disorder_plot(axes[0, 2], DISORDERS),
    )
    np.testing.assert_allclose(first.lines[0].get_ydata(), TAPS[0].asynchrony_ms.mean(axis=0))
    spans = [np.ptp(segment[:, 1]) / 2 for segment in first.lines[2][0].get_segments()]
    np.testing.assert_allclose(spans, TAPS[0].asynchrony_ms.std(axis=0, ddof=1))
    np.testing.assert_array_equal(switch.lines[0].get_xdata(), np.arange(-3, 4))
    np.testing.assert_array_equal(shift.lines[0].get_xdata(), np.arange(-2, 5))
    np.testing.assert_allclose(shift.lines[0].get_ydata(), DISORDERS[0].shift_ms.mean(axis=0)[3:])
    labels = [text.get_text() for text in axes[0, 2].get_legend().get_texts()]
    assert labels == ["+50 ms", "-50 ms", "missing"]
    labels = [text.get_text() for text in axes[0, 1].get_legend().get_texts()]
    assert labels == ["clicks and cue", "cue alone"]


def test_the_report_says_what_was_found_and_keeps_the_numbers(tmp_path: Path) -> None:
    summary = figures.write_adaptation_report(TAPS, SWITCHES, DISORDERS, tmp_path)
    assert summary[0] == f"Clicks every 500 ms: taps {TAPS[0].settled_ms:+.1f} ms from them."
    assert summary[2] == "From 500 to 250 ms with clicks: reached in interval 0."
    assert summary[3] == "From 500 to 250 ms by the cue alone: reached in interval 0."
    never = (TempoSwitch((0.25, 0.5), np.arange(-3, 4), np.full((1, 7), 250.0)), True)
    told = figures.write_adaptation_report([], [never], [], tmp_path / "never")
    assert told == ["From 250 to 500 ms with clicks: not reached."]
    table = read_csv(tmp_path / "figures" / "clicks.csv")
    found = [float(cell) for cell in table["asynchrony_250_ms"] if cell]
    np.testing.assert_allclose(found, TAPS[1].asynchrony_ms.mean(axis=0))
    assert {"interval_500_to_250_cue_sd_ms", "shift_shifted_-50_ms", "shift_missing_0_ms"} <= {
        *table
    }
    assert float(table["beat_shift_missing_0"][0]) == -5
    blocks = json.loads((tmp_path / "report.json").read_text())["blocks"]
    assert [block["kind"] for block in blocks] == ["text", "figure"]


def test_nothing_is_an_empty_panel() -> None:
    _, axes = new_figure(1, 3)
    assert figures.asynchrony_plot(axes[0, 0], []) == []
    assert figures.switch_plot(axes[0, 1], []) == []
    assert figures.disorder_plot(axes[0, 2], []) == []


def test_one_repeat_has_no_deviation() -> None:
    _, axes = new_figure()
    (alone,) = figures.asynchrony_plot(axes[0, 0], [Synchronisation(0.5, 1, np.ones((1, 2)))])
    assert alone.lines[2][0].get_segments()[0][:, 1].tolist() == [1, 1]
