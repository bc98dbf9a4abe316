"""Commands tell that kernels are about to be compiled; library calls do not."""

import subprocess
import sys
from typing import Any

import pytest
from numba.core.event import trigger_event

from proprio_tcn._jit import tell_compiling
from proprio_tcn.arms import kinematics
from proprio_tcn.movements import gathering

LINE = "compiling the arm's kernels, once per machine: half a minute to a minute\n"


def compile_as_numba_does(kernel: Any) -> None:
    """The event that numba's dispatcher sends before and after it compiles, and nothing else."""
    with trigger_event("numba:compile", data={"dispatcher": kernel}):
        pass


def test_a_command_tells_it_once(capsys: pytest.CaptureFixture[str]) -> None:
    with tell_compiling():
        assert capsys.readouterr() == ("", "")  # kernels that lie on disk send no event
        compile_as_numba_does(gathering.differentiate)  # a second or two: not worth a line
        assert capsys.readouterr() == ("", "")
        compile_as_numba_does(kinematics.points)
        compile_as_numba_does(kinematics.points)
        assert capsys.readouterr() == ("", LINE)
    compile_as_numba_does(kinematics.points)
    assert capsys.readouterr() == ("", "")


def test_every_command_tells_it(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from proprio_tcn import cli

    def work(*_: object) -> int:
        compile_as_numba_does(kinematics.points)
        return 3

    monkeypatch.setattr("neuro_common.cli.main", work)
    assert [cli.main(["info"]), cli.main(["info"])] == [3, 3]
    assert capsys.readouterr().err == 2 * LINE


def test_numba_sends_that_event(capsys: pytest.CaptureFixture[str]) -> None:
    """A kernel so small that compiling it takes no time, said to be of an arm."""
    import numba

    def twice(value: float) -> float:
        return 2 * value

    twice.__module__ = "proprio_tcn.arms.made_up"
    with tell_compiling():
        assert numba.njit(twice)(2.0) == 4.0
    assert capsys.readouterr().err == LINE


def test_a_command_without_kernels_loads_no_numba() -> None:
    code = (
        "import sys\nfrom proprio_tcn.cli import main\n"
        "main(['--help'])\nprint('numba' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "False"
