"""`figures flow` and `figures phase_response` as a user types them, and the figures they make."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from neuro_common.plots import new_figure
from neuro_common.rates import RateNetwork
from neuro_common.runs import read_csv
from rhythm_rnn.dynamics_config import FlowConfig, PhaseResponseConfig, ReducedFitConfig
from rhythm_rnn.figures.phase_response import shift_plot, transition_plot
from rhythm_rnn.figures.plane import draw_flow, flow_plot
from rhythm_rnn.phase_response import PhaseResponse
from rhythm_rnn.plane import Panel, flow_panels, principal_plane

FLOW = ("flow", "weights=ei_100", "cues=[1]", "duration_ms=100", "times_ms=[40]")
RESPONSE = ("phase_response", "weights=ei_100", "cues=[0.8]", "phases=12", "duration_s=3")


def panel() -> Panel:
    network = RateNetwork(6, 2, 1, seed=1, dtype=torch.float64)
    plane = principal_plane(np.random.default_rng(0).normal(size=(20, 6)))
    return flow_panels(network, plane, 0.5, [40, 80], points=5)[1]


def response(strength: float) -> PhaseResponse:
    phase = np.arange(8) / 8
    shift = 0.1 * np.sin(2 * np.pi * phase)
    return PhaseResponse(0.4, 250.0, phase, np.column_stack([shift / 2, shift]), strength * shift)


def test_flow_writes_a_whole_run(tmp_path: Path, rhythm: Any) -> None:
    done = rhythm(tmp_path, "figures", *FLOW, "points=6")
    assert done.returncode == 0, done.stderr
    (run,) = (tmp_path / "results" / "rhythm-rnn" / "figures_flow").iterdir()
    stems = ("flow_over_cues", "flow_over_time_relaxed", "flow_over_time_trajectory")
    expected = {f"{stem}.{kind}" for stem in stems for kind in ("csv", "png", "svg")}
    assert {path.name for path in (run / "figures").iterdir()} == expected
    assert (run / "report.html").exists()
    table = read_csv(run / "flow.csv")
    assert table["cue"] == ["1.0", "0.5", "0.5"]
    assert table["time_ms"] == ["99.0", "40.0", "40.0"]
    (share,) = re.findall(r"metric ([\d.]+)", done.stdout)
    assert 0.5 < float(share) <= 1
    # it is written down where the cue has not begun
    assert "40 ms (before the cue)" in (run / "figures" / f"{stems[1]}.svg").read_text()


def test_phase_response_writes_a_whole_run(tmp_path: Path, rhythm: Any) -> None:
    done = rhythm(tmp_path, "figures", *RESPONSE)
    assert done.returncode == 0, done.stderr
    assert "click 0.1, cue 0.8: type 1" in done.stdout
    assert "click 1, cue 0.8: type 0" in done.stdout
    (run,) = (tmp_path / "results" / "rhythm-rnn" / "figures_phase_response").iterdir()
    numbers = read_csv(run / "figures" / "phase_response.csv")
    assert len(numbers["click_1_cue_0.8_new_phase"]) == 12
    assert (run / "report.html").exists()


def test_reduced_fit_writes_a_whole_run(tmp_path: Path, rhythm: Any) -> None:
    done = rhythm(tmp_path, "figures", "reduced_fit", "weights=ei_100")
    assert done.returncode == 0, done.stderr
    assert "model of class means" in done.stdout
    (run,) = (tmp_path / "results" / "rhythm-rnn" / "figures_reduced_fit").iterdir()
    table = read_csv(run / "fit.csv")
    assert [float(cue) for cue in table["cue"]] == ReducedFitConfig().cues
    assert [float(one) for one in table["network_ms"]][::4] == pytest.approx([500, 200], rel=0.04)
    error = np.log(np.array(table["model_ms"], float) / np.array(table["network_ms"], float))
    (printed,) = re.findall(r"periods are off by ([\d.]+) %", done.stdout)
    assert float(printed) == pytest.approx(100 * np.sqrt((error**2).mean()), abs=0.06)
    assert (run / "figures" / "reduced_fit.png").exists()


def test_the_same_scale_of_speed_serves_all_panels(tmp_path: Path) -> None:
    _, axes = new_figure(1, 1)
    one = panel()
    mesh = flow_plot(axes[0, 0], one, fastest=2.0)
    assert mesh.get_clim() == (0.0, 2.0)
    np.testing.assert_array_equal(np.asarray(mesh.get_array()).ravel(), one.field.speed.ravel())
    png = draw_flow({"a": one, "b": one}, tmp_path / "flow")
    numbers = read_csv(png.with_suffix(".csv"))
    speed, path = (
        np.array(numbers[f"cue_0.5_80_ms_{name}"][:n], dtype=float)
        for name, n in (("speed_per_ms", 25), ("path_pc1", 81))
    )
    np.testing.assert_array_equal(speed, one.field.speed.ravel())
    np.testing.assert_array_equal(path, one.path[:, 0])


def test_theory_is_drawn_only_where_it_can_hold() -> None:
    _, axes = new_figure(1, 3)
    faint = shift_plot(axes[0, 0], response(1.0), colour="red")
    assert [line.get_label() for line in faint] == ["first tap", "lasting", "small-push theory"]
    strong = shift_plot(axes[0, 1], response(8.0), colour="red")
    assert [line.get_label() for line in strong] == ["first tap", "lasting"]
    assert axes[0, 1].get_ylim() == pytest.approx((-0.13, 0.13))
    _, points = transition_plot(axes[0, 2], response(1.0), colour="red")
    drawn = np.asarray(points.get_ydata())
    # a push half a cycle after the tap leaves the phase there, at the edge
    assert drawn[[0, 2, 4, 6]] == pytest.approx([0, 0.35, -0.5, -0.35])


@pytest.mark.parametrize(
    ("config", "options", "message"),
    [
        (FlowConfig, {"cues": []}, r"cues and times_ms must hold at least one, got \[\]"),
        (FlowConfig, {"times_ms": [9.0, 9.0]}, "times_ms must rise from 0 or later, got"),
        (FlowConfig, {"times_ms": [-1.0]}, "times_ms must rise from 0 or later, got"),
        (FlowConfig, {"duration_ms": 1}, "duration_ms must be at least 10, got 1"),
        (FlowConfig, {"off_plane": "far"}, "off_plane must be one of relaxed, trajectory, mean"),
        (FlowConfig, {"threads": 0}, "threads must be at least 1, got 0"),
        (ReducedFitConfig, {"class_cue": 0.45}, r"class_cue must be one of cues \[.*got 0.45"),
        (PhaseResponseConfig, {"cues": []}, "cues must hold at least one number, got none"),
        (PhaseResponseConfig, {"amplitudes": []}, "amplitudes must hold at least one number"),
        (PhaseResponseConfig, {"channel": "tap"}, "channel must be click or cue, got 'tap'"),
    ],
)
def test_bad_settings_are_refused(config: type, options: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        config(**options)


def test_a_cue_without_a_rhythm_is_named(tmp_path: Path, rhythm: Any) -> None:
    done = rhythm(
        tmp_path, "figures", "phase_response", "weights=ei_100", "cues=[-1]", "duration_s=1"
    )
    assert done.returncode == 1
    assert "cue must be one at which the network keeps a beat, got -1" in done.stderr
    assert "Traceback" not in done.stderr
