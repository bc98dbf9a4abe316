"""Where movements for training come from; none is made here."""

import json
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np
import pytest

from proprio_tcn.movements_config import MovementSettings
from proprio_tcn.tasks.sixteen import TASKS
from proprio_tcn.train_config import EvaluateConfig, TrainConfig
from proprio_tcn.training import movement_source


@dataclass
class Made:
    origin: dict[str, Any]
    sources: dict[str, str] = field(default_factory=dict)
    keys: tuple[str, ...] = ("spindle", "hand", "letter", "moving")
    letter: np.ndarray = field(default_factory=lambda: np.arange(3))


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What arms and movements were asked for."""
    asked: list[Any] = []

    def make(arm: str, settings: MovementSettings, split: str, *, threads: int) -> Made:
        asked.append((arm, settings, split, threads))
        reaches = settings.movements == "reaches"
        made = Made({"movements": settings.movements})
        if reaches:
            made.keys, made.letter = (*made.keys, "torque", "target"), np.full(3, -1)
        return made

    def read(path: str, split: str) -> Made:
        asked.append((path, split))
        return Made({"movements": "reaches"}, letter=np.full(3, -1))

    monkeypatch.setattr(movement_source, "open_arm", lambda name: f"arm {name}")
    monkeypatch.setattr(movement_source, "make_movements", make)
    monkeypatch.setattr(movement_source, "open_movements", read)
    return asked


def test_movements_are_drawn_with_the_settings_that_were_given(told: list[Any]) -> None:
    drawn = MovementSettings(arm="elbow", jitter=0.06)
    config = TrainConfig(drawn=drawn, threads=2)
    movement_source.draw_or_open(config, "val", TASKS["hand_position"])
    assert told == [("arm elbow", drawn, "val", 2)]


def test_torques_are_those_of_reaches(told: list[Any]) -> None:
    made = movement_source.draw_or_open(TrainConfig(), "train", TASKS["torque"])
    assert "torque" in made.keys  # type: ignore[attr-defined]
    assert told[0][1].movements == "reaches"
    assert TrainConfig().drawn.movements == "letters"


def test_a_folder_must_hold_what_the_task_asks_for(told: list[Any]) -> None:
    config = TrainConfig(movements="folder")
    movement_source.draw_or_open(config, "test", TASKS["hand_position"])
    assert told == [("folder", "test")]
    with pytest.raises(ValueError, match="must have torque, target for torque, got a set"):
        movement_source.draw_or_open(config, "test", TASKS["torque"])
    with pytest.raises(ValueError, match="movements must have letters for action_recognition"):
        movement_source.draw_or_open(config, "test", TASKS["action_recognition"])


def learnt_from(folder: str = "", **drawn: Any) -> dict[str, Any]:
    """What a network says of its movements, as its file holds it."""
    made = Made(asdict(MovementSettings(**drawn)))
    facts = movement_source.source_facts(TrainConfig(movements=folder), made)  # type: ignore[arg-type]
    return dict(json.loads(json.dumps(facts)))


def test_a_network_is_scored_on_movements_as_in_its_training() -> None:
    facts = learnt_from(writers=200, jitter=0.06, arm="elbow")
    wanted = MovementSettings(writers=200, jitter=0.06, arm="elbow")
    found = movement_source.as_in_training(EvaluateConfig("run", threads=2), facts)
    assert found == movement_source.Source(None, wanted, 2)
    other = EvaluateConfig("run", drawn={"jitter": 0.1})
    assert movement_source.as_in_training(other, facts).drawn == replace(wanted, jitter=0.1)


def test_another_state_of_a_model_is_told() -> None:
    settings = asdict(MovementSettings(arm="a.osim"))
    then, now = (Made(settings, {"arm": digest}) for digest in ("1234567890", "abcdefghij"))
    config: Any = TrainConfig()
    facts = movement_source.source_facts(config, then)  # type: ignore[arg-type]
    for made, expected in (
        (then, []),
        (now, ["the file of arm (SHA-256 12345678 then, abcdefgh now)"]),
    ):
        told: Any = made
        assert movement_source.unlike_training(EvaluateConfig("run"), facts, told) == expected


def test_the_folder_of_a_training_is_opened_again() -> None:
    facts = learnt_from("folder")
    assert movement_source.as_in_training(EvaluateConfig("run"), facts).movements == "folder"
    given = EvaluateConfig("run", movements="other")
    assert movement_source.as_in_training(given, facts).movements == "other"
    drawn = EvaluateConfig("run", drawn={"jitter": 0.1})
    assert movement_source.as_in_training(drawn, facts).movements is None


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("writers", 145, "writers of movements must be 200 as in training, or the test split is"),
        ("seed", 1, "seed of movements must be 0 as in training, .* got 1: leave it as in train"),
        ("shares", [0.5, 0.1, 0.4], r"shares .* got \[0.5, 0.1, 0.4\]: .*add any_writers=true"),
    ],
)
def test_writers_of_the_training_are_no_test(name: str, value: Any, message: str) -> None:
    facts = learnt_from(writers=200)
    told: dict[str, Any] = {"weights": "run", "drawn": {name: value}}
    with pytest.raises(ValueError, match=message):
        movement_source.as_in_training(EvaluateConfig(**told), facts)
    found = movement_source.as_in_training(EvaluateConfig(**told, any_writers=True), facts)
    assert getattr(found.drawn, name) == value
    # a folder says only once it is open who wrote it
    folder: Any = Made(asdict(MovementSettings(**{"writers": 200, "jitter": 0.05, name: value})))
    config = EvaluateConfig("run", movements="folder")
    with pytest.raises(ValueError, match=message):
        movement_source.unlike_training(config, facts, folder)
    unlike = movement_source.unlike_training(replace(config, any_writers=True), facts, folder)
    assert unlike == sorted(["jitter=0.05", f"{name}={value}"])


@pytest.mark.parametrize(
    ("told", "message"),
    [
        (
            {"movements": "a", "drawn": {"jitter": 0.1}},
            "either movements or drawn must be given, got movements=a and drawn of jitter",
        ),
        ({"drawn": {"jiter": 0.1}}, r"drawn must be settings of movements, .*'jiter'"),
        ({"drawn": {"jitter": 2.0}}, r"jitter must be in \[0, 0.5\], got 2"),
    ],
)
def test_what_cannot_be_drawn_is_told(told: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        movement_source.as_in_training(EvaluateConfig("run", **told), learnt_from())


def test_a_network_that_does_not_say_what_it_learnt_from_is_not_tested() -> None:
    facts = {"origin": "trained"}
    with pytest.raises(ValueError, match="weights=run must say what movements were learnt from"):
        movement_source.as_in_training(EvaluateConfig("run"), facts)
    given = EvaluateConfig("run", movements="folder", any_writers=True)
    assert movement_source.as_in_training(given, facts).movements == "folder"
