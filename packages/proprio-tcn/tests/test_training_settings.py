"""Settings of a training, the published ones among them, and courses of the learning rate."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from neuro_common.files import FormatError, read_json
from proprio_tcn.networks.settings import TrunkSettings
from proprio_tcn.tasks.sixteen import TASKS
from proprio_tcn.training.batches import ArrayMovements
from proprio_tcn.training.fitting import planned_updates, train_network
from proprio_tcn.training.schedules import Course, cosine_rate, patience_decays
from proprio_tcn.training.settings import TrainSettings

TRUNK = TrunkSettings(spatial_kernels=[4, 8], spatial_kernel_size=3, temporal_kernel_size=3)
QUICK = TrainSettings(epochs=2, batch=16, learning_rate=5e-3)


def test_courses_of_the_learning_rate(tmp_path: Path) -> None:
    rates = [cosine_rate(update, 100) for update in range(100)]
    assert max(rates) == rates[5] == 1
    assert rates[0] < 0.2
    assert rates[-1] < 0.02
    assert np.diff(rates[5:]).max() < 0
    assert patience_decays([5, 4, 4, 4], 2) == 1
    assert patience_decays([5, 4, 4, 3, 3, 3, 3, 3], 2) == 2
    settings = TrainSettings(schedule="patience", patience=2)
    course = Course(settings, 100, tmp_path)
    for update, loss in enumerate((5, 4, 4, 4, 4, 4)):
        course.note(10 * update, loss)
    # the published quarter, and the end at the second decay
    assert [course.rate(update) for update in (0, 29, 30, 49, 50)] == [1, 1, 0.25, 0.25, 0]
    assert not course.ended(49)
    assert course.ended(50)
    # a resume at update 20 forgets what came after it
    again = Course(settings, 100, tmp_path)
    assert again.rate(50) == 0
    again.note(20, 3.0)
    assert again.rate(60) == 1
    (tmp_path / "validations.json").write_text('{"format": "proprio-tcn/validations"')
    with pytest.raises(FormatError, match="must be a complete JSON file"):
        Course(settings, 100, tmp_path)


def test_patience_ends_a_training(
    sets: tuple[ArrayMovements, ArrayMovements], tmp_path: Path
) -> None:
    # nothing can be learnt at this rate: each validation is as good as the first
    settings = replace(QUICK, epochs=6, schedule="patience", patience=1, learning_rate=1e-12)
    points = []
    train_network(
        TASKS["hand_position"], TRUNK, *sets, settings, tmp_path, seed=3, report=points.append
    )
    rates = [point.learning_rate / 1e-12 for point in points[1:]]
    assert rates == pytest.approx([1, 1 / 4, 0, 0, 0, 0]) or rates[-1] == 0


def test_settings_are_checked() -> None:
    for wrong, message in (
        ({"epochs": 0}, "epochs must be at least 1, got 0"),
        ({"batch": -1}, "batch must be at least 0, got -1"),
        ({"padding_weight": -1.0}, "padding_weight must be at least 0, got -1.0"),
        ({"weight_decay": float("nan")}, "weight_decay must be at least 0, got nan"),
        ({"learning_rate": 0.0}, "learning_rate and clip_norm must be above 0, got 0.0"),
        ({"schedule": "step"}, "schedule must be of cosine, constant, patience, got 'step'"),
        ({"interpolation": "nearest"}, "interpolation must be .*, got 'nearest'"),
        ({"views": ["min"]}, r"views must be some of trial, time, muscle, noise, got \['min'\]"),
        ({"views": []}, r"views must be some of trial, time, muscle, noise, got \[\]"),
    ):
        with pytest.raises(ValueError, match=message):
            TrainSettings(**wrong)  # type: ignore[arg-type]


def test_the_number_of_movements_of_an_update_is_left_to_the_task(
    sets: tuple[ArrayMovements, ArrayMovements], tmp_path: Path
) -> None:
    settings = TrainSettings(epochs=2)
    assert settings.for_task("hand_position").batch == 32
    assert settings.for_task("redundancy_reduction").batch == 256
    assert TrainSettings(batch=8).for_task("redundancy_reduction").batch == 8
    assert planned_updates(TASKS["hand_position"], settings, 640) == 40
    assert planned_updates(TASKS["redundancy_reduction"], settings, 640) == 4
    with pytest.raises(ValueError, match="at least batch=256 to learn from, got 64"):
        train_network(TASKS["redundancy_reduction"], TRUNK, *sets, settings, tmp_path, seed=0)
    # what is kept is the number
    found = train_network(TASKS["hand_position"], TRUNK, *sets, settings, tmp_path, seed=0)
    assert found.settings.batch == found.reading.settings.batch == 32
    told = read_json(tmp_path / "training.json", "proprio-tcn/training")
    assert told["settings"]["batch"] == 32
