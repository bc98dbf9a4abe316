"""Learning on real movements of the human arm: minutes, so not in the default run."""

from pathlib import Path

import numpy as np
import pytest

from proprio_tcn.arms.opening import open_arm
from proprio_tcn.baselines.comparison import Comparison, compare
from proprio_tcn.baselines.regression import score_bin_regressions
from proprio_tcn.movements.making import make_movements
from proprio_tcn.movements.movement_set import MovementSet
from proprio_tcn.movements_config import MovementSettings
from proprio_tcn.networks.settings import TrunkSettings
from proprio_tcn.tasks.metrics import LetterTally, RegressionTally
from proprio_tcn.tasks.sixteen import TASKS
from proprio_tcn.train_config import TrainConfig
from proprio_tcn.training.batches import ArrayMovements
from proprio_tcn.training.fitting import train_network
from proprio_tcn.training.movement_source import draw_or_open
from proprio_tcn.training.settings import TrainSettings

pytestmark = pytest.mark.slow
SETTINGS = TrainSettings(epochs=20)

Sets = tuple[MovementSet, MovementSet, MovementSet]


def hasty(task: str) -> TrainConfig:
    """What `proprio-tcn train task=TASK drawn.jitter=0.06` is told."""
    config = TrainConfig(task)
    config.drawn.jitter = 0.06
    return config


@pytest.fixture(scope="module")
def hasty_sets() -> Sets:
    """Movements as that command draws them: 8,080 of 101 writers to learn from."""
    config = hasty("hand_position")
    train, val, test = (
        draw_or_open(config, split, TASKS[config.task]) for split in ("train", "val", "test")
    )
    return train, val, test


def compared(config: TrainConfig, sets: Sets, where: Path) -> Comparison:
    """The network and its baselines on the test, as `proprio-tcn train` scores them."""
    task = TASKS[config.task]
    trained = train_network(
        task, config.trunk(), *sets[:2], config.training, where, seed=config.seed
    )
    return compare({"network": trained}, *sets, baselines=True, seed=config.seed)


def error(found: Comparison, predictor: str, where: str) -> float:
    """Root mean square error of the only target, at the times of the network's outputs."""
    (one,) = (x for x in found.targets[predictor] if x.where == f"{where} at outputs")
    return one.rmse


def test_hasty_letters_are_told_apart(hasty_sets: Sets, tmp_path: Path) -> None:
    found = compared(hasty("action_recognition"), hasty_sets, tmp_path).accuracy
    assert found["network"] >= 0.74
    assert found["network"] >= 0.12 + max(found["k_nearest"], found["logistic"])


def test_the_hand_is_found_in_hasty_letters(hasty_sets: Sets, tmp_path: Path) -> None:
    found = compared(hasty("hand_position"), hasty_sets, tmp_path)
    for where, most_cm in (("all", 0.7), ("movement", 0.9)):
        assert error(found, "network", where) <= most_cm
        assert error(found, "network", where) <= error(found, "linear", where) / 5


def test_joints_are_followed_in_hasty_letters(hasty_sets: Sets, tmp_path: Path) -> None:
    found = compared(hasty("joint_velocity"), hasty_sets, tmp_path)
    assert error(found, "network", "movement") <= 12
    assert error(found, "network", "movement") <= 0.65 * error(found, "linear", "movement")


def test_the_elbow_is_followed_beside_the_hand(hasty_sets: Sets, tmp_path: Path) -> None:
    config = hasty("limb_velocity")
    config.training.epochs = 10
    found = compared(config, hasty_sets, tmp_path)
    best, linear = (
        [x.rmse for x in found.targets[one] if x.where == "movement at outputs"]
        for one in ("network", "linear")
    )
    assert best[0] < 0.6 * linear[0]
    assert best[1] < 0.95 * linear[1]


def test_two_trials_of_a_letter_have_the_letter_in_common(hasty_sets: Sets, tmp_path: Path) -> None:
    config = hasty("redundancy_reduction")
    config.training.epochs = 10
    task = TASKS[config.task]
    trained = train_network(
        task, config.trunk(), *hasty_sets[:2], config.training, tmp_path, seed=0
    )
    both = {"network": trained, "untrained": trained.begin()}
    found = compare(both, *hasty_sets, baselines=False, seed=0).accuracy
    # .336 and .197; seed 1 has .443 and .163
    assert found["network"] > 0.1 + found["untrained"]


@pytest.fixture(scope="module")
def neat_sets() -> list[MovementSet]:
    """1,260 movements of 63 writers to learn from; 9 and 18 others choose and test."""
    settings = MovementSettings(writers=90, jitter=0.03)
    return [
        make_movements(open_arm("human"), settings, split) for split in ("train", "val", "test")
    ]


def test_the_hand_is_found(neat_sets: list[MovementSet], tmp_path: Path) -> None:
    # A19
    task = TASKS["hand_position"]
    trained = train_network(task, TrunkSettings(), *neat_sets[:2], SETTINGS, tmp_path, seed=0)
    found = trained.evaluate(neat_sets[2]).tally
    assert isinstance(found, RegressionTally)
    assert found.euclidean_error < 3
    baselines = score_bin_regressions(task, *neat_sets)
    for place, score in enumerate(found.scores()):
        assert score.rmse < 0.2 * baselines["mean"][place].rmse
        assert score.rmse < 0.5 * baselines["linear"][place].rmse


def test_letters_are_told_apart(neat_sets: list[MovementSet], tmp_path: Path) -> None:
    # A19: three times chance
    task, trunk = TASKS["action_recognition"], TrunkSettings(norm="masked")
    trained = train_network(task, trunk, *neat_sets[:2], SETTINGS, tmp_path, seed=0)
    found = trained.evaluate(neat_sets[2]).tally
    assert isinstance(found, LetterTally)
    assert found.accuracy > 3 / 20


@pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning:torch")  # torch's own code
def test_a_compiled_network_learns_as_the_plain_one(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    arrays = {
        "spindle": rng.normal(size=(64, 5, 400, 2)).astype(np.float32),
        "joint_velocity": rng.normal(size=(64, 4, 400)).astype(np.float32),
        "moving": np.ones((64, 400), bool),
    }
    movements, losses = ArrayMovements(tuple("abcde"), arrays), []
    for compiled in (False, True):
        settings = TrainSettings(epochs=1, batch=16, compile=compiled)
        trunk = TrunkSettings(spatial_kernels=[4, 8])
        trained = train_network(
            TASKS["joint_velocity"],
            trunk,
            movements,
            movements,
            settings,
            tmp_path / str(compiled),
            seed=0,
        )
        losses.append(trained.metrics["validation_loss"])
    assert losses[1] == pytest.approx(losses[0], rel=1e-3)
