"""What a search leaves for the next one: its limits, and the bar that it has to pass."""

import shlex
from pathlib import Path

import numpy as np
import pytest

from neuro_common.cli import compose
from neuro_common.runs import read_csv
from spinal_rnn.cli import VERBS, main
from spinal_rnn.conditions import Conditions, parse_configuration
from spinal_rnn.control.limits import Limits
from spinal_rnn.control.model import EnsembleSurrogate
from spinal_rnn.control.objectives import Selectivity
from spinal_rnn.control.sequential import Plan, propose
from spinal_rnn.control.surrogate import Doubt
from spinal_rnn.control.trial_table import Trials
from spinal_rnn.control_cli import _going_on
from spinal_rnn.control_config import NextConfig
from spinal_rnn.lead import SPECIFY_565
from spinal_rnn.models.ensemble import RootEnsemble
from spinal_rnn.responses import measure_responses
from spinal_rnn.simulation.simulator import Recorder, simulate_session

SMALL = ("session=easy", "members=2", "updates=20", "methods=[exhaustive]", "trials=3")


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


def test_a_muscle_without_emg_is_no_target_and_never_responds(
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
    ensemble = RootEnsemble(members=2, folds=2, updates=5)
    surrogate = EnsembleSurrogate.fit(measure_responses(session), 20.0, ensemble)
    strong = Conditions.of(parse_configuration("cath12_an16"), 5.0, [20.0])
    assert not surrogate.responses(strong)[..., 8].any()
    assert (np.delete(surrogate.responses(strong), 8, axis=2) > 0).all()
    assert surrogate.parts(np.ones((1, 14)), strong)[0, 8] == 0


def test_what_is_printed_can_be_typed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    words = ("next", "target=LTA", *SMALL, "forbidden=[4]", "series=1", "hydra.run.dir=first")
    assert main(words) == 0
    line = capsys.readouterr().out.splitlines()
    typed = shlex.split(next(one for one in line if one.startswith("spinal-rnn next")))[1:]
    table = read_csv(tmp_path / "first" / "next_trials.csv")
    assert set(table["contact_4"]) == {"0.0"}
    assert "forbidden=[4]" in typed
    # the table is empty as yet: it is read, within the limits, and asked for
    assert main([*typed, "hydra.run.dir=second"]) == 1
    assert "there must be a number, got ''" in capsys.readouterr().err


def test_a_bar_that_the_limits_forbid_is_called_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    words = ("optimise", "target=RRF", *SMALL, "rows=1")
    assert main([*words, "hydra.run.dir=free"]) == 0
    assert "which is not within the limits" not in capsys.readouterr().out
    assert main([*words, "total_ma=0.5", "hydra.run.dir=tight"]) == 0
    told = capsys.readouterr().out
    assert "which is not within the limits (the amplitude must be at most 0.5 mA, got" in told


class _Flat:
    """Every configuration is as good as every other."""

    def responses(self, conditions: object) -> np.ndarray:
        return np.full((2, len(conditions), 14), 0.5)  # type: ignore[arg-type]

    def parts(self, late_mv: np.ndarray, conditions: object) -> np.ndarray:
        return late_mv


def test_configurations_of_a_batch_are_apart_in_the_smoothing_that_is_asked_for() -> None:
    limits, plan = Limits(frequencies_hz=(20.0,)), Plan(batch=5, singles=0, apart=0.3)
    pool = np.zeros((2, 17))
    # neighbours: alike where currents are smoothed over the whole lead, apart where they are not
    pool[0, [4, 5]], pool[1, [4, 6]] = (-1, 1), (-1, 1)
    found = [
        len(
            propose(
                _Flat(), Selectivity((0,)), pool, limits, plan, Trials(), 2, SPECIFY_565,
                smoothing_mm=width,
            )
        )
        for width in (Doubt().smoothing_mm, 500.0)
    ]  # fmt: skip
    assert found == [2, 1]
