"""Figures of a network's diagram: what is drawn, and the numbers beside it, are what was found."""

import json
from pathlib import Path

import numpy as np
import pytest

from neuro_common.files import read_csv
from neuro_common.plots import new_figure
from neuro_common.rates import RateNetwork
from rhythm_rnn.diagram import Diagram, bifurcation_diagram
from rhythm_rnn.figures import equilibria as figures
from rhythm_rnn.network_diagram import NetworkDiagram, network_diagram
from rhythm_rnn.reduced import ReducedModel


@pytest.fixture(scope="module")
def diagram(relaxing: RateNetwork) -> NetworkDiagram:
    return network_diagram(relaxing, cue_range=(-1.5, 0.5), n_cues=6)


@pytest.fixture(scope="module")
def reduced() -> Diagram:
    return bifurcation_diagram(ReducedModel(), cue_range=(-0.5, 0.5), n_cycles=2)


def column(path: Path, name: str) -> list[float]:
    return [float(cell) for cell in read_csv(path)[name] if cell]


def test_a_whole_report_is_written(
    diagram: NetworkDiagram, reduced: Diagram, tmp_path: Path
) -> None:
    summary = figures.write_fixed_points_report(diagram, reduced, tmp_path)
    text = " ".join(summary)
    assert "Cue -1.000000: non-smooth fold; saddle (1 on) and unstable focus (2 on)." in summary
    assert "Cue 0.000000: non-smooth fold; stable node (0 on) and saddle (1 on)." in summary
    assert "to cue 0.5000 or beyond." in text
    assert "Onset at cue 0.000000: non-smooth SNIC." in text
    assert "Rhythm and stable rest are both possible: nowhere." in summary
    stems = ("fixed_points", "stability")
    names = {path.name for path in (tmp_path / "figures").iterdir()}
    assert names == {f"{stem}.{kind}" for stem in stems for kind in ("png", "svg", "csv")}
    blocks = json.loads((tmp_path / "report.json").read_text())["blocks"]
    assert [block["kind"] for block in blocks] == ["text", "figure", "figure", "table"]
    events = read_csv(tmp_path / "events.csv")
    assert [float(cue) for cue in events["cue"]] == [-1.0, 0.0]
    assert events["unit"] == ["1", "0"]
    assert (events["active_before"][0], events["active_after"][0]) == ("0", "0 1")
    assert [float(v) for v in events["leading_real_per_s_before"]] == pytest.approx(
        [200, -1e3 / 30]
    )
    assert column(tmp_path / "rhythm.csv", "cue") == diagram.scan.cue.tolist()
    path = tmp_path / "figures" / "fixed_points.csv"
    assert column(path, "branch_1_cue") == diagram.branches[0].cue.tolist()
    assert column(path, "branch_1_output") == [0.0, 0.0, 0.0, 0.5, 0.5, 0.5 + 0.25]
    stable = diagram.branches[0].stable.astype(float)
    assert column(path, "branch_1_stable_in_flow") == stable.tolist()


def test_what_is_drawn_is_what_was_found(diagram: NetworkDiagram, reduced: Diagram) -> None:
    _, axes = new_figure(2, 2)
    lines = figures.network_plot(axes[0, 0], diagram)
    assert len(lines) == 3 + 2 + 2  # one branch, the rhythm, two folds
    stable, only_flow, unstable = (np.asarray(line.get_ydata(), float) for line in lines[:3])
    assert np.isfinite(stable).tolist() == diagram.branches[0].stable.tolist()
    assert np.isnan(only_flow).all()
    assert (np.isfinite(stable) | np.isfinite(unstable)).all()
    assert [line.get_xdata()[0] for line in lines[5:]] == [-1.0, 0.0]

    period, asked, *_ = figures.network_period_plot(axes[0, 1], diagram)
    np.testing.assert_equal(np.asarray(period.get_ydata()), diagram.scan.carried.period_ms)
    np.testing.assert_allclose(np.asarray(asked.get_xdata()) * np.asarray(asked.get_ydata()), 100)

    onset = diagram.onset
    assert onset is not None
    measured, foreseen, *others = figures.onset_plot(axes[1, 0], diagram, reduced)
    assert np.asarray(measured.get_ydata()).tolist() == onset.period_ms.tolist()
    assert np.ptp(np.asarray(foreseen.get_ydata())) == pytest.approx(
        onset.passage_ms * np.log(100), rel=1e-6
    )
    assert len(others) == 2

    before, after, _, border = figures.eigenvalue_plot(axes[1, 1], diagram.events[1])
    assert np.asarray(before.get_xdata()).tolist() == pytest.approx([-1e3 / 30, -100.0])
    assert np.asarray(after.get_xdata()).tolist() == pytest.approx([200.0, -1e3 / 30])
    # a multiplier on the unit circle: |1 + dt L| = 1
    values = np.asarray(border.get_xdata()) + 1j * np.asarray(border.get_ydata())
    np.testing.assert_allclose(np.abs(1 + 0.5e-3 * values), 1.0, atol=1e-12)


def test_a_network_without_a_rhythm_is_drawn_too(
    relaxing: RateNetwork, reduced: Diagram, tmp_path: Path
) -> None:
    quiet = network_diagram(relaxing, cue_range=(-2.5, -2.0), n_cues=2)
    summary = figures.write_fixed_points_report(quiet, reduced, tmp_path)
    assert summary[-1] == "No rhythm."
    assert read_csv(tmp_path / "events.csv")["kind"] == []
