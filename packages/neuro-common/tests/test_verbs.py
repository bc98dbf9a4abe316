"""Verbs, help and stopping, without Hydra."""

import os
import signal
import subprocess
import sys

import pytest

from neuro_common.files import RunError
from neuro_common.verbs import (
    UsageError,
    Verb,
    find_verb,
    guarded,
    help_text,
    resume_line,
    stoppable,
)

POSIX = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGTERM to catch")


def test_longer_verb_is_not_mistaken_for_a_shorter_one() -> None:
    verbs = [Verb("net", "", "", ""), Verb("net build", "", "", "")]
    assert find_verb(verbs, ["net", "build", "x"]) == (verbs[1], ["x"])
    assert find_verb(verbs, ["net", "x"]) == (verbs[0], ["x"])
    assert "net build" in help_text("toy", verbs)


def test_resume_line_replaces_where_it_wrote_and_quotes() -> None:
    words = ["sweep=old", "resume=false", "hydra.run.dir=old", "a=[1, 2]"]
    assert resume_line("toy", "net build", words, "sweep=new") == (
        "toy net build 'a=[1, 2]' sweep=new resume=true"
    )


def test_a_misspelt_second_word_is_not_taken_for_an_option() -> None:
    verbs = [Verb("net", "", "", "", "a:B"), Verb("net build", "", "", "", "a:C")]
    assert find_verb(verbs, ["net"]) == (verbs[0], [])
    for option in ("seed=1", "--help", "+a.b=c", "~d"):
        assert find_verb(verbs, ["net", option]) == (verbs[0], [option])
    assert find_verb(verbs, ["net", "build", "x"]) == (verbs[1], ["x"])
    with pytest.raises(UsageError, match=r"'net biuld' is no verb \(did you mean 'net build'\?\)"):
        find_verb(verbs, ["net", "biuld", "seed=1"])
    # a verb without others below it leaves the word to Hydra, which says what is wrong with it
    assert find_verb([*verbs[1:], Verb("info", "", "", "", "a:D")], ["info", "x"])[1] == ["x"]


@POSIX
def test_sigterm_becomes_keyboard_interrupt_once_and_is_given_back() -> None:
    before = signal.getsignal(signal.SIGTERM)
    saved = []

    def work() -> None:
        with stoppable():
            try:
                os.kill(os.getpid(), signal.SIGTERM)
            finally:
                os.kill(os.getpid(), signal.SIGTERM)
                saved.append("all")

    with pytest.raises(KeyboardInterrupt):
        work()
    assert saved == ["all"]
    assert signal.getsignal(signal.SIGTERM) is before


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ValueError("wrong"), 1),
        (RunError("wrong"), 1),
        (FileNotFoundError("wrong"), 1),
        (UsageError("wrong"), 2),
        (SystemExit("wrong"), 1),
    ],
)
def test_errors_become_exit_codes(
    error: BaseException, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    def work() -> int:
        raise error

    assert guarded("toy train", work) == code
    assert capsys.readouterr().err == "toy train: wrong\n"


def test_exit_code_of_the_work_is_kept(capsys: pytest.CaptureFixture[str]) -> None:
    assert guarded("toy", lambda: 0) == 0
    assert guarded("toy", lambda: sys.exit(2)) == 2
    assert guarded("toy", lambda: sys.exit()) == 0
    assert capsys.readouterr().err == ""


@POSIX
@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize(
    ("tell", "code"), [("logging.info('a line')", 0), ("print('a line\\n' * 100_000)", 130)]
)
def test_a_closed_pipe_ends_quietly(tell: str, code: int, unbuffered: str) -> None:
    program = (
        "import logging, sys\n"
        "from neuro_common.verbs import guarded\n"
        "logging.basicConfig(stream=sys.stdout, level=0)\n"
        "def work():\n"
        "    sys.stdin.read()\n"
        f"    {tell}\n"
        "    return 0\n"
        "sys.exit(guarded('toy', work))\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", program],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONUNBUFFERED": unbuffered},
    )
    assert process.stdout is not None
    process.stdout.close()
    process.stdout = None
    _, err = process.communicate(timeout=600)
    assert (process.returncode, err) == (code, b"")


def test_bug_passes_through() -> None:
    with pytest.raises(ZeroDivisionError):
        guarded("toy", lambda: 1 // 0)
