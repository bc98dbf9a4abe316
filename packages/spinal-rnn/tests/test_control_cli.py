"""`optimise` and `next` as a user types them, and the figures they draw."""

import re
import shlex
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from neuro_common.cli import compose
from neuro_common.plots import new_figure
from neuro_common.runs import read_csv, write_csv
from spinal_rnn.cli import VERBS, main
from spinal_rnn.conditions import configuration
from spinal_rnn.control_cli import _going_on
from spinal_rnn.control_config import NextConfig, OptimiseConfig
from spinal_rnn.figures.search import best_so_far_plot, draw_search, response_plot, verified_plot
from spinal_rnn.lead import SPECIFY_565
from spinal_rnn.muscles import MUSCLES
from spinal_rnn.simulation.simulator import Recorder, simulate_session

SMALL = ("session=easy", "members=2", "updates=20", "count=50", "frequencies_hz=[20]", "trials=3")


def test_optimise_writes_a_whole_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["optimise", "target=RRF", "series=2", "rows=2", *SMALL]) == 0
    printed = capsys.readouterr().out
    assert "Verified with 2 series; the true score of the recommended one is" in printed
    assert "The best series of the session measured" in printed
    assert "which is not within the limits" not in printed
    (run,) = (tmp_path / "results" / "spinal-rnn" / "optimise").iterdir()
    stems = ("best", "best_so_far")
    expected = {f"{stem}.{kind}" for stem in stems for kind in ("csv", "png", "svg")}
    assert {path.name for path in (run / "figures").iterdir()} == expected
    assert (run / "report.html").exists()
    top = read_csv(run / "top.csv")
    assert len(top["configuration"]) == 2
    low, score, high = (float(top[name][0]) for name in ("low", "score", "high"))
    assert low < score < high
    assert read_csv(run / "trials.csv")["series"] == ["0"] * 3 + ["1"] * 3
    (metric,) = re.findall(r"metric (-?[\d.]+)", printed)
    assert float(metric) < score


def test_next_writes_a_table_and_goes_on_from_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    words = ("next", "target=LTA", *SMALL, "methods=[random]", "forbidden=[4]")
    assert main([*words, "series=2", "hydra.run.dir=first"]) == 0
    first = capsys.readouterr().out
    assert "fill in the late responses in mV" in first
    typed = shlex.split(next(one for one in first.splitlines() if one.startswith("spinal-rnn ")))
    assert "forbidden=[4]" in typed
    table = tmp_path / "first" / "next_trials.csv"
    asked = read_csv(table)
    assert len(asked["series"]) == 6
    assert not any(asked["LTA_mv"])
    assert set(asked["contact_4"]) == {"0.0"}
    assert main([*typed[1:], "hydra.run.dir=second"]) == 1
    assert "row 2, column LIl_mv: there must be a number, got ''" in capsys.readouterr().err
    write_csv(table, asked | {f"{muscle}_mv": ["0.1"] * 6 for muscle in MUSCLES})
    assert main([*words, "series=1", f"measured=[{table}]", "hydra.run.dir=third"]) == 0
    assert first.split(":")[0] != capsys.readouterr().out.split(":")[0]


def test_the_line_to_go_on_with_keeps_every_setting() -> None:
    given = NextConfig(
        target="RRF=0.8,RTA=0.3",
        session="my sessions/one.h5",
        session_seed=4,
        contact_ma=2.5,
        charge_uc=0.9,
        forbidden=[5, 16],
        frequencies_hz=[20.0, 40.0],
        pulse_widths_us=[200.0],
        floor=0.4,
        measured=["a.csv"],
        series=2,
    )
    command, verb, *words = shlex.split(_going_on(given, "next/next_trials.csv"))
    assert (command, verb) == ("spinal-rnn", "next")
    read = compose("spinal-rnn", VERBS, "next", words)
    assert {name: read[name] for name in vars(given)} == vars(given) | {
        "measured": ["a.csv", "next/next_trials.csv"]
    }
    assert "members" not in " ".join(words)


def test_a_bar_that_the_limits_forbid_is_called_so(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    no_drawing: None,
) -> None:
    monkeypatch.chdir(tmp_path)
    words = ("optimise", "target=RRF", *SMALL, "methods=[exhaustive]", "rows=1")
    assert main([*words, "total_ma=0.5"]) == 0
    told = capsys.readouterr().out
    assert "which is not within the limits (the amplitude must be at most 0.5 mA)." in told


def test_a_muscle_without_emg_is_no_target(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    session = simulate_session(3, "easy", recorder=Recorder(dead=("RRF",)))
    session.write("dead.h5")
    words = ("session=dead.h5", *SMALL[1:])
    for number, target in enumerate(("RRF", "LTA+RRF", '"RRF=0.8,LTA=0.3"')):
        assert main(["optimise", f"target={target}", *words, f"hydra.run.dir=run_{number}"]) == 1
        told = capsys.readouterr().err
        assert "a muscle that the session recorded, got RRF, whose EMG is 0 in all trials" in told


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("optimise", "target=RRV"), "muscle must be one of"),
        (("next", "series=0"), "series must be at least 1, got 0"),
        (("optimise", "series=3", "session=nowhere.h5"), "session must be a preset"),
    ],
)
def test_what_cannot_be_is_refused(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    words: tuple[str, ...],
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(words) in (1, 2)
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("config", "change", "message"),
    [
        (OptimiseConfig, {"rows": 0}, "rows must be at least 1, got 0"),
        (OptimiseConfig, {"series": -1}, "series must be at least 0, got -1"),
        (OptimiseConfig, {"floor": 2.0}, r"floor must be in \[0, 1\], got 2.0"),
        (NextConfig, {"members": 0}, "members must be at least 1, got 0"),
    ],
)
def test_bad_settings_are_refused(config: type, change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        config(**change)


def test_best_so_far_never_falls_and_goes_on_across_methods() -> None:
    _, axes = new_figure()
    first, second, bar = best_so_far_plot(axes[0, 0], {"a": [0.1, 0.5, 0.3], "b": [0.2, 0.6]}, 0.4)
    assert first.get_ydata().tolist() == [0.1, 0.5, 0.5]  # type: ignore[attr-defined]
    assert second.get_xydata().tolist() == [[4, 0.5], [5, 0.6]]  # type: ignore[attr-defined]
    assert set(bar.get_ydata()) == {0.4}  # type: ignore[attr-defined]


def test_verified_shows_the_best_of_the_series_so_far() -> None:
    _, axes = new_figure()
    mean = np.array([0.3, 0.2, 0.5])
    points, course = verified_plot(axes[0, 0], mean, np.full(3, 0.1))
    assert points.get_ydata().tolist() == [0.3, 0.2, 0.5]  # type: ignore[attr-defined]
    assert course.get_ydata().tolist() == [0.3, 0.3, 0.5]  # type: ignore[attr-defined]


def test_each_muscle_has_its_bar() -> None:
    _, axes = new_figure()
    members = np.stack([np.linspace(0, 0.5, 14), np.linspace(0.2, 0.7, 14)])
    bars = response_plot(axes[0, 0], members, [8])
    widths = [bar.get_width() for bar in bars]  # type: ignore[attr-defined]
    np.testing.assert_allclose(widths, members.mean(axis=0))
    colours = {bar.get_facecolor() for bar in bars}  # type: ignore[attr-defined]
    assert len(colours) == 2


def test_search_is_drawn_on_dark_paper_too(tmp_path: Path) -> None:
    vector = configuration([4], [5, 16])
    verified = (np.array([0.3, 0.4]), np.array([0.1, 0.1]), np.array([0.35, 0.38]))
    members = np.random.default_rng(0).uniform(size=(4, 14))
    scores = {"random": np.array([0.1, 0.2, 0.15])}
    captions = draw_search(
        tmp_path, SPECIFY_565, vector, members, [1], scores, 0.3, verified, "dark"
    )
    assert [path.stem for path in captions] == ["best", "best_so_far"]
    numbers = read_csv(tmp_path / "best_so_far.csv")
    assert numbers["verified_truth"][:2] == ["0.35", "0.38"]
    assert [float(one) for one in read_csv(tmp_path / "best.csv")["part"]] == vector.tolist()
