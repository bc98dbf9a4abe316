"""Model cards, from what a training wrote."""

import math
from pathlib import Path

import numpy as np
import pytest

from neuro_common.checkpoint import load_checkpoint, save_checkpoint
from neuro_common.files import FormatError, write_csv
from proprio_tcn.networks.settings import TrunkSettings
from proprio_tcn.tasks.sixteen import TASKS
from proprio_tcn.tasks.targets import TargetScale
from proprio_tcn.training.card import card_of, group_card_of, read_scores, write_card
from proprio_tcn.training.settings import TrainSettings
from proprio_tcn.training.trained import Trained, save_network

WHERE = ("all at outputs", "all", "movement at outputs", "movement")
DRAWN = {"arm": "human", "movements": "letters", "writers": 145, "jitter": 0.06, "shares": [0.7]}
FACTS = {
    "command": "proprio-tcn train seed=3",
    "update": 40,
    "learnt_from": 8080,
    "tested_on": 2320,
    "movements": "human, jitter 0.06",
    "movements_folder": "",
    "movement_settings": DRAWN,
}


def training_of(directory: Path, task: str, columns: dict[str, list[str | float]]) -> Path:
    told = TASKS[task]
    scale = TargetScale(*np.ones((2, told.outputs(5)))) if told.is_regression else None
    trained = Trained.untrained(
        told,
        TrunkSettings(spatial_kernels=(4, 8)),
        tuple("abcde"),
        scale=scale,
        settings=TrainSettings(epochs=7, batch=16),
        seed=3,
        bins=48,
    )
    trained.facts.update(FACTS)
    save_network(directory, trained)
    write_csv(directory / "scores.csv", columns)
    return directory


def errors_of(targets: dict[str, str], predictors: list[str]) -> dict[str, list[str | float]]:
    """RMSE counts up from 1 with the rows, R2 is a hundredth of it."""
    rows = [
        (predictor, target, unit, where)
        for predictor in predictors
        for target, unit in targets.items()
        for where in WHERE
    ]
    names = ("predictor", "target", "unit", "where")
    columns: dict[str, list[str | float]] = {
        name: [row[place] for row in rows] for place, name in enumerate(names)
    }
    columns["rmse"] = [1.0 + row for row in range(len(rows))]
    columns["r2"] = [(1.0 + row) / 100 for row in range(len(rows))]
    return columns


def test_a_regression_has_its_errors_beside_baselines(tmp_path: Path) -> None:
    scores = errors_of({"hand": "cm"}, ["spatiotemporal", "mean", "linear"])
    card = card_of(training_of(tmp_path, "hand_position", scores))
    assert card.startswith(
        "# Hand position\n\nA temporal convolutional network that was taught to "
    )
    assert "to tell hand (cm) at every moment, from the lengths and velocities of the 5 mus" in card
    assert "| network | spatiotemporal_4-8_k5_s2, seed 3 |" in card
    assert "| sees | 5 muscles in 48 bins of 10 ms: length (mm) and velocity (mm/s) |" in card
    tensors, _ = load_checkpoint(tmp_path)
    numbers = sum(one.size for name, one in tensors.items() if name.startswith("network."))
    assert f"| numbers that were learnt | {numbers:,} |" in card
    assert (
        "8,080 movements: letters of the human arm by 145 writers with jitter 0.06, of wh" in card
    )
    assert "| passes | 7, in batches of 16; the weights of update 40 did best on valid" in card
    assert "| | this network | mean | linear ridge |\n|---|---|---|---|\n" in card
    table = card.split("|---|---|---|---|\n")[1].split("\n\n")[0]
    assert table.split("\n") == [
        "| hand (cm), in movement | 3, 0.030 | 7, 0.070 | 11, 0.110 |",
        "| hand (cm), all bins | 1, 0.010 | 5, 0.050 | 9, 0.090 |",
        "| hand (cm), in movement, at every bin | 4, 0.040 | 8, 0.080 | 12, 0.120 |",
        "| hand (cm), all, at every bin | 2, 0.020 | 6, 0.060 | 10, 0.100 |",
    ]
    assert "On 2,320 movements of writers that it never saw" in card
    assert "```bash\nproprio-tcn train seed=3\n```" in card
    assert "Not for people, patients or machines." in card
    assert card.endswith("Licence: MIT, as the package.\n")


def test_accuracies_have_one_row(tmp_path: Path) -> None:
    columns: dict[str, list[str | float]] = {
        "predictor": ["spatiotemporal", "k_nearest"],
        "accuracy": [0.82, 0.6276],
    }
    card = card_of(training_of(tmp_path, "action_recognition", columns))
    assert (
        "| | this network | nearest neighbours |\n|---|---|---|\n| accuracy | 0.820 | 0.628 |"
        in (card)
    )
    (own, other) = read_scores(tmp_path)
    assert (own.predictor, own.score, other.score) == ("spatiotemporal", 0.82, 0.6276)
    assert math.isnan(own.rmse)


def test_redundancy_reduction_keeps_no_projection(tmp_path: Path) -> None:
    columns: dict[str, list[str | float]] = {
        "predictor": ["spatiotemporal", "untrained"],
        "accuracy": [0.5, 0.4],
    }
    card = card_of(training_of(tmp_path, "redundancy_reduction", columns))
    assert "(all but its projection, which only the training needs)" in card
    assert "writers that it never saw: accuracy of a linear probe for the letters." in card
    assert "| | this network | untrained |" in card
    tensors, _ = load_checkpoint(tmp_path)
    assert {name.split(".")[1] for name in tensors} == {"trunk"}


def test_torques_are_of_reaches_and_a_folder_is_named(tmp_path: Path) -> None:
    path = training_of(tmp_path, "torque", errors_of({"torque": "N m"}, ["spatiotemporal"]))
    card = card_of(path)
    assert "torque (N m) at every moment of a reach whose target it is told" in card
    assert "movements: reaches of the human arm" in card
    tensors, manifest = load_checkpoint(path)
    manifest["facts"]["movements_folder"] = "my_reaches"
    save_checkpoint(path, tensors, manifest)
    assert "8,080 movements: my_reaches |" in card_of(path)


def test_an_encoder_is_named(tmp_path: Path) -> None:
    path = training_of(tmp_path, "hand_position", errors_of({"hand": "cm"}, ["spatiotemporal"]))
    tensors, manifest = load_checkpoint(path)
    manifest["encoder"] = {"settings": {"encoder": "afferents", "noise": "gamma"}}
    save_checkpoint(path, tensors, manifest)
    assert "10 ms: what the encoder afferents makes of them, noise gamma |" in card_of(path)


def test_it_is_written_beside_the_weights(tmp_path: Path) -> None:
    scores = errors_of({"muscle_length": "mm", "muscle_velocity": "mm/s"}, ["spatiotemporal"])
    path = write_card(training_of(tmp_path, "autoencoder", scores))
    assert path == tmp_path / "card.md"
    assert path.read_text(encoding="utf-8") == card_of(tmp_path)
    assert "| muscle velocity (mm/s), all bins | 5, 0.050 |" in card_of(tmp_path)


def test_what_is_no_training_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="holds no complete checkpoint"):
        card_of(tmp_path)
    save_checkpoint(tmp_path, {"a": np.zeros(2)}, {"kind": "brainnn/walker"})
    write_csv(tmp_path / "scores.csv", {"predictor": ["a"], "accuracy": [0.5]})
    with pytest.raises(FormatError, match="is no whole training: 'task'"):
        card_of(tmp_path)
    write_csv(tmp_path / "scores.csv", {"predictor": ["a"], "rmse": [0.5]})
    with pytest.raises(FormatError, match="must be a table of `proprio-tcn train`: 'target'"):
        card_of(tmp_path)


def test_a_group_has_a_row_for_each_network(tmp_path: Path) -> None:
    columns = errors_of({"hand": "cm"}, ["sampled"])
    for seed, rmse in (("1", 0.8126), ("2", 1.5)):
        folder = training_of(tmp_path / "group" / "draw_2" / seed, "hand_position", columns)
        tensors, manifest = load_checkpoint(folder)
        metrics = {"test_hand_movement_rmse": rmse, "test_hand_movement_r2": 0.9}
        save_checkpoint(folder, tensors, manifest | {"metrics": metrics})
    path = write_card(tmp_path / "group")
    text = path.read_text(encoding="utf-8")
    assert text.startswith("# Hand position: 2 sampled networks\n\n1 trunks from the published")
    rows = [line for line in text.splitlines() if line.startswith("| `draw_2")]
    name = TrunkSettings(spatial_kernels=(4, 8)).name()
    numbers = sum(
        one.size
        for key, one in load_checkpoint(tmp_path / "group" / "draw_2" / "1")[0].items()
        if key.startswith("network.")
    )
    assert rows == [
        f"| `draw_2/1` | {name} | 2 | {numbers:,} | 0.813 | 0.900 |",
        f"| `draw_2/2` | {name} | 2 | {numbers:,} | 1.500 | 0.900 |",
    ]
    assert "They learnt from 8,080 movements, letters of the human arm by 145 writers" in text
    # every quantity of a mixture has its error and its R2
    folder = training_of(tmp_path / "both" / "1", "hand_position_velocity", columns)
    tensors, manifest = load_checkpoint(folder)
    names = ("hand_movement", "hand_velocity_movement")
    metrics = {f"test_{one}_{key}": n for n, one in enumerate(names, 1) for key in ("rmse", "r2")}
    save_checkpoint(folder, tensors, manifest | {"metrics": metrics})
    assert "| 1.000 | 1.000 | 2.000 | 2.000 |" in group_card_of(tmp_path / "both")
    with pytest.raises(FileNotFoundError, match="must hold networks of a task, got none"):
        group_card_of(tmp_path / "empty")
    training_of(tmp_path / "group" / "other", "joint_velocity", columns)
    with pytest.raises(FormatError, match="must hold whole trainings of one task"):
        write_card(tmp_path / "group")
