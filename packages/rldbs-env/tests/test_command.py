"""The light dispatcher: help and version always, the other verbs where their packages are."""

import subprocess
import sys
from importlib import metadata

import pytest

from rldbs_env import command
from rldbs_env.cli import VERBS

# Runs command lines in one process that cannot import some modules; exit codes go to stderr.
SCRIPT = """
import sys
blocked, *lines = {lines!r}
for name in blocked.split():
    sys.modules[name] = None
from rldbs_env.command import main
for line in lines:
    print(f"code {{main(line.split())}}", file=sys.stderr)
"""


def without(modules: str, *lines: str) -> tuple[str, str]:
    """Output and errors of command lines where the modules are not installed."""
    code = SCRIPT.format(lines=[modules, *lines])
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=True
    )
    return done.stdout, done.stderr


def test_help_lists_every_verb_with_an_example(capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["--help"]) == 0
    shown = capsys.readouterr().out
    for verb in VERBS:
        assert f"\n  {verb.name} " in shown
        assert verb.summary in shown
        assert f"    rldbs-env {verb.name}" in shown
        assert verb.example in shown


def test_version_is_that_of_the_distribution(capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["--version"]) == 0
    try:
        expected = metadata.version("rldbs-env")
    except metadata.PackageNotFoundError:
        expected = "not installed"
    assert capsys.readouterr().out == f"rldbs-env {expected}\n"


def test_no_verb_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main([]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("usage: rldbs-env VERB")


def test_an_unknown_verb_is_a_usage_error_with_a_suggestion(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert command.main(["evalaute"]) == 2
    assert "'evalaute' is no verb (did you mean 'evaluate'?)" in capsys.readouterr().err
    assert command.main(["benchmark", "siute", "seed=1"]) == 2
    message = "'benchmark siute' is no verb (did you mean 'benchmark suite'?)"
    assert message in capsys.readouterr().err


def test_words_come_from_the_process_by_default(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["rldbs-env", "--help"])
    assert command.main() == 0
    assert "usage: rldbs-env VERB" in capsys.readouterr().out


@pytest.mark.parametrize("missing", ["neuro_common", "omegaconf", "neuro_common omegaconf hydra"])
def test_a_verb_without_its_extra_ends_with_the_pip_line(missing: str) -> None:
    lines = ("evaluate seed=1", "figures", "benchmark", "benchmark suite seed=1", "info --help")
    out, err = without(missing, *lines)
    line = 'needs more packages: pip install "rldbs-env[cli]"'
    assert out == ""
    assert err.splitlines() == [
        text
        for verb in ("evaluate", "figures", "benchmark", "benchmark suite", "info")
        for text in (f"rldbs-env {verb} {line}", "code 1")
    ]


def test_the_light_command_helps_and_tells_its_version() -> None:
    out, err = without("neuro_common omegaconf", "--help", "-h", "--version")
    assert err.splitlines() == ["code 0"] * 3
    assert [verb.name for verb in VERBS if verb.name not in out] == []
    assert out.count("  demo  Every shipped controller tries to silence") == 2
    assert 'benchmark, benchmark suite and info come with: pip install "rldbs-env[cli]"' in out
    assert 'train comes with: pip install "rldbs-env[train]"' in out
    assert out.splitlines()[-1].startswith("rldbs-env ")
    assert 'pip install "rldbs-env[train]"' in without("neuro_common omegaconf", "train")[1]
    assert 'pip install "rldbs-env[tune]"' in without("neuro_common omegaconf", "tune")[1]
    assert 'pip install "rldbs-env[export]"' in without("neuro_common omegaconf", "export")[1]


def test_the_light_command_without_a_verb_is_a_usage_error() -> None:
    out, err = without("neuro_common", "")
    assert out == ""
    assert err.startswith("usage: rldbs-env VERB")
    assert err.endswith("code 2\n")


def test_the_light_command_knows_no_other_verbs() -> None:
    out, err = without("neuro_common", "evalaute seed=1")
    assert out == ""
    assert "'evalaute' is no verb" in err
    assert "evaluate" in err
    assert err.endswith("code 2\n")


def test_the_light_command_has_the_demo() -> None:
    out, err = without("neuro_common omegaconf", "demo --help")
    assert out.startswith("usage: rldbs-env demo")
    assert err == ""


def test_a_broken_installation_is_not_taken_for_a_missing_extra(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "rldbs_env.cli", None)
    with pytest.raises(ModuleNotFoundError, match=r"rldbs_env\.cli"):
        command.main(["info"])


def test_it_runs_as_a_module() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "rldbs_env.command", "nonsense"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "'nonsense' is no verb" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_light_dispatcher_knows_the_same_verbs() -> None:
    assert ("demo", *command._EXTRA_VERBS) == tuple(verb.name for verb in VERBS)
