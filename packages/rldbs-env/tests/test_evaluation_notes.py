"""What an evaluation notes beside its scores: whose ensembles, which step, another's policy."""

import json
from pathlib import Path

from rldbs_env import BonhoefferVanDerPol
from rldbs_env.controllers import NoControl, make
from rldbs_env.evaluate_cli import _notes
from rldbs_env.evaluation import Evaluation, read_evaluation
from rldbs_env.figures import write_report
from rldbs_env.protocol import Protocol


def test_an_ordinary_evaluation_needs_no_note() -> None:
    assert _notes(Protocol(), "BvdP", {"policy": make("policy"), "linear": make("linear")}) == []


def test_what_makes_it_another_test_is_said() -> None:
    model = BonhoefferVanDerPol(dt=0.1)
    bursts = make("policy:hindmarsh_rose")
    notes = _notes(Protocol(model, ensembles=(900, 1019, 3000)), "BvdP", {"mine": bursts})
    assert notes[0].startswith("2 of 3 ensembles have seeds below 3000, by which agents were tra")
    assert notes[1].startswith("With dt=0.1 in place of 0.2 windows of laws have as many time")
    assert notes[2] == "mine was trained on rldbs/HindmarshRose-v0, not on rldbs/BvdP-v0."
    assert len(notes) == 3


def test_a_rhythm_that_only_grows_is_no_measure() -> None:
    (note,) = _notes(Protocol.on("BvdPResidual"), "BvdPResidual", {"linear": make("linear")})
    assert note.startswith("The free phase begins suppressed and its rhythm grows: the std before")
    assert "hang on its 5000 steps" in note


def test_notes_are_kept_and_reported(tmp_path: Path) -> None:
    test = Protocol(
        n_neurons=5, ensembles=(0, 1), free_steps=1000, controlled_steps=2000, recovery_steps=250,
        transient_steps=0,
    )  # fmt: skip
    evaluation = Evaluation(test, notes=["No test at all."])
    evaluation.add("none", NoControl())
    evaluation.write(tmp_path)
    again = read_evaluation(tmp_path)
    assert again.notes == ["No test at all."]
    write_report(again, tmp_path)
    blocks = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))["blocks"]
    assert blocks[1] == {"kind": "text", "text": "No test at all."}
    assert "tuned on" not in blocks[0]["text"]
