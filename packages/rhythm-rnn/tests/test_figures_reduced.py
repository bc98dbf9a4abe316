"""Figures of the reduced model: what is drawn, and the numbers beside it, are what was found."""

import json
from pathlib import Path

import numpy as np
import pytest

from neuro_common.files import read_csv
from neuro_common.plots import new_figure
from rhythm_rnn.cycles import limit_cycle, trajectory
from rhythm_rnn.diagram import Diagram, bifurcation_diagram
from rhythm_rnn.figures import reduced as figures
from rhythm_rnn.reduced import START, ReducedModel

MODEL = ReducedModel()


@pytest.fixture(scope="module")
def diagram() -> Diagram:
    return bifurcation_diagram(MODEL, n_cycles=4)


@pytest.fixture(scope="module")
def run(diagram: Diagram, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run directory with the whole report."""
    folder = tmp_path_factory.mktemp("run")
    summary = figures.write_reduced_report(MODEL, diagram, folder, cycle_cues=[0.1, 0.3, 0.8])
    assert summary[0] == "Rhythm between cue 0.18994012 and 1.58120234."
    assert summary[1].startswith("Onset at cue 0.18994012: SNIC. The period is 13.92 ms")
    return folder


def column(path: Path, name: str) -> list[float]:
    return [float(cell) for cell in read_csv(path)[name] if cell]


def test_every_figure_has_its_numbers_beside_it(run: Path) -> None:
    names = {path.name for path in (run / "figures").iterdir()}
    stems = ("time_courses", "bifurcations")
    assert names == {f"{stem}.{kind}" for stem in stems for kind in ("png", "svg", "csv")}
    blocks = json.loads((run / "report.json").read_text())["blocks"]
    assert [b["kind"] for b in blocks] == ["text", "text", "figure", "figure", "table", "table"]
    assert (run / "report.html").stat().st_size > 50_000


def test_the_time_courses_are_those_of_the_model(run: Path) -> None:
    path = run / "figures" / "time_courses.csv"
    time = column(path, "time_ms")
    assert time == list(range(501))
    expected = trajectory(MODEL, START, time, 1.8)
    found = np.column_stack([column(path, f"{name}_cue_1.8") for name in "xyz"])
    np.testing.assert_allclose(found, expected)
    assert found[-1] == pytest.approx([-0.0033278, 0.0083177, 0.0030965], abs=1e-6)


def test_the_numbers_of_the_diagram_are_kept(run: Path, diagram: Diagram) -> None:
    path = run / "figures" / "bifurcations.csv"
    assert column(path, "cue") == [cycle.cue for cycle in diagram.cycles]
    assert column(path, "period_ms") == [cycle.period_ms for cycle in diagram.cycles]
    for i, branch in enumerate(diagram.branches, start=1):
        assert column(path, f"branch_{i}_z") == branch.state[:, 2].tolist()
        assert column(path, f"branch_{i}_stable") == branch.stable.astype(float).tolist()
    cycle = limit_cycle(MODEL, 0.3, START, rtol=1e-9)
    assert cycle is not None
    assert column(path, "z_cue_0.3") == cycle.orbit[:, 2].tolist()
    assert "z_cue_0.1" not in read_csv(path)  # no rhythm there


def test_the_tables_name_and_place_what_was_found(run: Path, diagram: Diagram) -> None:
    special = read_csv(run / "bifurcations.csv")
    assert special["kind"] == ["SNIC", "Hopf"]
    assert [float(cue) for cue in special["cue"]] == pytest.approx([0.18994012, 1.58120234])
    assert float(special["z"][0]) == pytest.approx(-0.08192535, abs=1e-7)
    cycles = {name: column(run / "cycles.csv", name) for name in read_csv(run / "cycles.csv")}
    assert len(cycles["cue"]) == 4
    assert all(m < 1 for m in cycles["largest_multiplier"])
    assert cycles["highest_z"][1] == diagram.cycles[1].orbit[:, 2].max()


def test_what_is_drawn_is_what_was_found(diagram: Diagram) -> None:
    _, axes = new_figure(1, 3)
    period, *marks = figures.period_plot(axes[0, 0], diagram)
    assert period.get_ydata().tolist() == [cycle.period_ms for cycle in diagram.cycles]
    assert [mark.get_xdata()[0] for mark in marks] == [b.point.cue for b in diagram.bifurcations]

    lines = figures.bifurcation_plot(axes[0, 1], diagram)
    drawn = {line.get_label(): line for line in lines}
    assert set(drawn) == {"rests, stable", "rests, unstable", "cycle, extremes", "_"}
    stable, unstable = (np.asarray(line.get_ydata()) for line in lines[:2])
    assert (np.isfinite(stable) != np.isfinite(unstable)).all()
    assert np.isfinite(stable).tolist() == diagram.branches[0].stable.tolist()
    assert len(lines) == 2 * 2 + 2 + 2

    cycles = figures.cycle_plot(axes[0, 2], diagram.cycles)
    assert cycles[0].get_xdata().tolist() == diagram.cycles[0].orbit[:, 0].tolist()
    assert cycles[0].get_ydata().tolist() == diagram.cycles[0].orbit[:, 2].tolist()


def test_a_model_without_a_rhythm_is_drawn_too(tmp_path: Path) -> None:
    quiet = bifurcation_diagram(MODEL, cue_range=(1.7, 2.0))
    summary = figures.write_reduced_report(MODEL, quiet, tmp_path, cycle_cues=[1.8])
    assert summary == ["No rhythm between cue 1.7 and 2."]
    assert read_csv(tmp_path / "bifurcations.csv")["kind"] == []
