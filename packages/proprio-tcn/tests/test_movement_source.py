"""Where movements for training come from; none is made here."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from proprio_tcn import movement_source
from proprio_tcn.movements_config import MovementSettings
from proprio_tcn.tasks import TASKS
from proprio_tcn.train_config import EvaluateConfig, TrainConfig


@dataclass
class Made:
    origin: dict[str, Any]
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
    config = EvaluateConfig(movements="folder")
    movement_source.draw_or_open(config, "test", TASKS["hand_position"])
    assert told == [("folder", "test")]
    with pytest.raises(ValueError, match="must have torque, target for torque, got a set"):
        movement_source.draw_or_open(config, "test", TASKS["torque"])
    with pytest.raises(ValueError, match="movements must have letters for action_recognition"):
        movement_source.draw_or_open(config, "test", TASKS["action_recognition"])
