"""The verbs as a user types them: what they print, write and return, and what they refuse."""

import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from neuro_common.cli import compose
from rhythm_rnn import cli
from rhythm_rnn.config import ReducedConfig

SHORT = ("n_cycles=2", "course_cues=[0.5]", "duration_ms=100", "cycle_cues=[0.5]")


def rhythm(folder: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    """The installed command, or its module where the package runs from its sources."""
    script = shutil.which("rhythm-rnn", path=sysconfig.get_path("scripts"))
    program = [script] if script else [sys.executable, "-m", "rhythm_rnn.cli"]
    return subprocess.run(
        [*program, *words],
        cwd=folder,
        env={**os.environ, "PYTHONWARNINGS": "error"},
        capture_output=True,
        text=True,
        check=False,
    )


def test_reduced_writes_a_whole_run(tmp_path: Path) -> None:
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


def test_a_sweep_runs_two_jobs_and_is_taken_up(tmp_path: Path) -> None:
    line = ("reduced", "--multirun", "sweep=pair", *SHORT, "cue_range=[0.5,0.6],[0.7,0.8]")
    first = rhythm(tmp_path, *line)
    assert first.returncode == 0, first.stderr
    assert "2 jobs: 2 done" in first.stdout
    again = rhythm(tmp_path, *line, "resume=true")
    assert "sweep pair: 2 done, 0 to run" in again.stdout


def test_info_lists_tempi_and_parameters(tmp_path: Path) -> None:
    done = rhythm(tmp_path, "info")
    assert done.returncode == 0, done.stderr
    assert re.search(r"^  333 ms  0\.3003$", done.stdout, re.MULTILINE)
    assert "tau_ms: [10.0, 10.0, 50.0]" in done.stdout
    assert re.search(r"^scipy \d", done.stdout, re.MULTILINE)


def test_help_lists_every_verb_with_an_example(tmp_path: Path) -> None:
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
    words: tuple[str, ...], code: int, message: str, tmp_path: Path
) -> None:
    done = rhythm(tmp_path, *words)
    assert message in done.stderr
    assert done.returncode == code
    assert "Traceback" not in done.stderr


def test_configs_are_the_schemas_defaults() -> None:
    from omegaconf import OmegaConf

    config = OmegaConf.to_container(compose("rhythm-rnn", cli.VERBS, "reduced"))
    assert isinstance(config, dict)
    defaults = vars(ReducedConfig())
    assert {name: config[name] for name in defaults} == defaults
