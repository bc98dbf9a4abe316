"""The verbs as a user types them: what they print, write and return, and what they refuse."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import torch

from neuro_common.cli import compose
from neuro_common.files import read_csv
from rhythm_rnn import cli
from rhythm_rnn.config import EIRateConfig, ReducedConfig
from rhythm_rnn.model import build
from rhythm_rnn.recordings import read_drive
from rhythm_rnn.tempo import largest_error, tempo
from rhythm_rnn.weights import save

SHORT = ("n_cycles=2", "course_cues=[0.5]", "duration_ms=100", "cycle_cues=[0.5]")


def test_reduced_writes_a_whole_run(tmp_path: Path, rhythm: Any) -> None:
    done = rhythm(tmp_path, "reduced", *SHORT)
    assert done.returncode == 0, done.stderr
    assert "Rhythm between cue 0.18994012 and 1.58120234." in done.stdout
    (run,) = (tmp_path / "results" / "rhythm-rnn" / "reduced").iterdir()
    stems = ("time_courses", "bifurcations")
    figures = {f"figures/{stem}.{kind}" for stem in stems for kind in ("csv", "png", "svg")}
    expected = {"config.json", "provenance.json", "lock", "done", "metrics.csv", "report.json"}
    expected |= {"report.html", "bifurcations.csv", "cycles.csv"} | figures
    assert {p.relative_to(run).as_posix() for p in run.rglob("*") if p.is_file()} == expected
    assert "metric 1.3913" in done.stdout
    assert json.loads((run / "config.json").read_text())["config"]["n_cycles"] == 2


def test_drive_writes_a_whole_run(tmp_path: Path, rhythm: Any) -> None:
    (tmp_path / "clicks.csv").write_text("0.2\n0.4\n0.6\n")
    options = ("weights=ei_100", "duration_s=4", "discard_s=1", "save=pca", "components=2")
    done = rhythm(tmp_path, "drive", "clicks=clicks.csv", *options)
    assert done.returncode == 0, done.stderr
    assert "1 of 1 cues have a valid rhythm" in done.stdout
    assert "of 3 clicks have a tap" in done.stdout
    (run,) = (tmp_path / "results" / "rhythm-rnn" / "drive").iterdir()
    stems = ("tempo", "asynchronies", "traces_1")
    expected = {f"figures/{stem}.{kind}" for stem in stems for kind in ("csv", "png", "svg")}
    expected |= {"config.json", "provenance.json", "lock", "done", "report.json", "report.html"}
    expected |= {"data.h5", "taps.csv"}
    assert {p.relative_to(run).as_posix() for p in run.rglob("*") if p.is_file()} == expected
    data = read_drive(run / "data.h5")
    assert data.cues == pytest.approx([0.5])  # that of the clicks
    assert data.outputs.shape == (1, 4000)
    assert data.components is not None
    assert data.components.scores.shape == (1, 4000, 2)
    metric = float(re.search(r"metric ([\d.]+)", done.stdout)[1])  # type: ignore[index]
    assert metric == pytest.approx(largest_error(tempo(data)), rel=1e-4)


def test_figures_clicks_writes_a_whole_run(tmp_path: Path, rhythm: Any) -> None:
    few = ("repeats=2", "period_s=[0.25]", "switch_s=[[0.25,0.2]]", "weights=ei_100")
    done = rhythm(tmp_path, "figures", "clicks", *few)
    assert done.returncode == 0, done.stderr
    assert re.search(r"Clicks every 250 ms: taps [+-]\d+\.\d ms from them\.", done.stdout)
    assert "From 250 to 200 ms with clicks: reached in interval 0." in done.stdout
    (run,) = (tmp_path / "results" / "rhythm-rnn" / "figures_clicks").iterdir()
    assert (run / "report.html").stat().st_size > 50_000
    assert (run / "figures" / "clicks.csv").exists()


def test_a_sweep_runs_two_jobs_and_is_taken_up(tmp_path: Path, rhythm: Any) -> None:
    line = ("reduced", "--multirun", "sweep=pair", *SHORT, "cue_range=[0.5,0.6],[0.7,0.8]")
    first = rhythm(tmp_path, *line)
    assert first.returncode == 0, first.stderr
    assert "2 jobs: 2 done" in first.stdout
    again = rhythm(tmp_path, *line, "resume=true")
    assert "sweep pair: 2 done, 0 to run" in again.stdout


def test_info_lists_tempi_and_parameters(tmp_path: Path, rhythm: Any) -> None:
    done = rhythm(tmp_path, "info")
    assert done.returncode == 0, done.stderr
    assert re.search(r"^  333 ms  0\.3003$", done.stdout, re.MULTILINE)
    assert "tau_ms: [10.0, 10.0, 50.0]" in done.stdout
    assert re.search(r"^scipy \d", done.stdout, re.MULTILINE)


def test_help_lists_every_verb_with_an_example(tmp_path: Path, rhythm: Any) -> None:
    done = rhythm(tmp_path, "--help")
    assert done.returncode == 0
    for verb in cli.VERBS:
        assert verb.example in done.stdout
    assert rhythm(tmp_path, "reduced", "--help").returncode == 0
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (("reduce",), 2, "'reduce' is no verb (did you mean 'reduced'?)"),
        (("reduced", "n_cycle=3"), 2, "'n_cycle' is no option (did you mean 'n_cycles'?)"),
        (("drive", "save=all"), 1, "save must be none, pca or every_10 or so, got 'all'"),
        (("drive", "components=0"), 1, "components must be at least 1, got 0"),
        (("drive", "threads=0"), 1, "threads must be at least 1, got 0"),
        (("drive", "weights=ei_100", "clicks=a.csv"), 1, "got a.csv, which is not there"),
        (("figures", "clicks", "shift=0.5"), 1, "shift must be in (0, 0.5), got 0.5"),
        (("figures", "clicks", "switch_s=[[1.0]]"), 1, "switch_s must be pairs of periods"),
        (("figures", "clicks", "threads=0"), 1, "threads must be at least 1, got 0"),
        (("reduced", "n_cycles=1"), 1, "n_cycles must be at least 2, got 1"),
        (("reduced", "model.tau=[1,1,1]"), 1, "model must be told one of weights, cue_weights"),
        (("reduced", "model.tau_ms=[1,1]"), 1, "tau_ms must be finite numbers of shape (3,)"),
        (("reduced", "model.tau_ms=[0,1,1]"), 1, "tau_ms must be positive"),
        (("reduced", "cue_range=[1]"), 1, "cue_range must be [lowest, highest], got [1.0]"),
        (("reduced", "cue_range=[1,0]"), 1, "cue_range must be finite and rise"),
        (("reduced", "course_cues=[]"), 1, "course_cues must hold at least one cue"),
        (("reduced", "start=[0,0]"), 1, "start must hold x, y and z, got [0.0, 0.0]"),
        (("reduced", "duration_ms=0"), 1, "duration_ms must be at least 1, got 0"),
    ],
)
def test_bad_lines_say_what_would_be_right(
    words: tuple[str, ...],
    code: int,
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert cli.main(words) == code
    said = capsys.readouterr().err
    assert message in said
    assert "Traceback" not in said


def test_configs_are_the_schemas_defaults() -> None:
    from omegaconf import OmegaConf

    config = OmegaConf.to_container(compose("rhythm-rnn", cli.VERBS, "reduced"))
    assert isinstance(config, dict)
    defaults = vars(ReducedConfig())
    assert {name: config[name] for name in defaults} == defaults


@pytest.fixture
def mute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Weights of a network that never taps, and two tempi of its own; no picture is drawn."""
    config = EIRateConfig(units=10)
    network = build(config, seed=0)
    torch.nn.init.zeros_(network.get_parameter("output_weight"))
    save(tmp_path / "mute", network, config, {"period_s": [0.4, 0.25]})
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("matplotlib.figure.Figure.savefig", lambda _, path, **__: path.touch())
    return "weights=mute"


def test_cues_of_a_networks_own_training_count_as_trained(mute: str) -> None:
    words = ("duration_s=3", "discard_s=1", "cues=[0.2,0.25]", "hydra.run.dir=drive")
    assert cli.main(["drive", mute, *words]) == 0
    assert read_csv("drive/taps.csv")["trained"] == ["False", "True"]


def test_the_largest_asynchrony_is_unknown_where_one_tempo_has_no_taps(
    mute: str, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("repeats=1", "switch_s=[]", "noise=0", "period_s=[0.25,0.2]")
    assert cli.main(["figures", "clicks", mute, *words]) == 0
    assert "metric nan" in capsys.readouterr().out
