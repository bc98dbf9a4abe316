"""What `proprio-tcn train` and `proprio-tcn evaluate` can be told."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from proprio_tcn.movements_config import MovementSettings
from proprio_tcn.network_config import TRUNKS, SpatiotemporalConfig, TrunkConfig, trunk_settings
from proprio_tcn.networks.settings import TrunkSettings
from proprio_tcn.tasks.sixteen import get_task
from proprio_tcn.training.settings import TrainSettings

__all__ = ["MODELS", "EvaluateConfig", "TrainConfig"]

MODELS: Mapping[str, type[TrunkConfig]] = TRUNKS
"""The models by name."""


def _drawn() -> MovementSettings:
    """Enough movements to learn from in minutes: 100 writers to train with, each four times."""
    return MovementSettings(writers=145, repeats=4)


@dataclass
class TrainConfig:
    """`proprio-tcn train`: teach a network a task, and score it on writers that it never saw.

    Attributes:
        task: One of the sixteen, see `proprio_tcn.tasks.sixteen.TASKS`.
        model: The trunk, one of `MODELS`.
        movements: Folder that `proprio-tcn generate` wrote; "" draws movements in memory.
        drawn: Those that are drawn, see `MovementSettings`; for torques they are reaches.
        training: How the network learns.
        mask_padding: Where a task wants one answer to a movement, take the statistics of the norm
            from the movement alone (`norm="masked"`) in place of the whole window, which is mostly
            padding. A norm other than "sample" is left as it is.
        baselines: Score mean, ridge, PCA or classifiers on the same movements.
        untrained: Score the network as it begins, too.
        seed: Of first weights, order and dropout.
        threads: Of torch.
    """

    task: str = "hand_position"
    model: TrunkConfig = field(default_factory=SpatiotemporalConfig)
    movements: str = ""
    drawn: MovementSettings = field(default_factory=_drawn)
    training: TrainSettings = field(default_factory=TrainSettings)
    mask_padding: bool = True
    baselines: bool = True
    untrained: bool = False
    seed: int = 0
    threads: int = 1

    def __post_init__(self) -> None:
        get_task(self.task)

    def trunk(self) -> TrunkSettings:
        """The trunk that is built for the task.

        Raises:
            ValueError: A setting of the model is out of its range.
        """
        told = trunk_settings(self.model)
        if get_task(self.task).is_regression or told.norm != "sample" or not self.mask_padding:
            return told
        return replace(told, norm="masked")


@dataclass
class EvaluateConfig:
    """`proprio-tcn evaluate`: score trained networks on a movement set.

    Attributes:
        weights: Directory of a training, or of shipped weights.
        movements: Folder of a movement set; "" is what the network was trained with, a folder or
            movements drawn with the same settings.
        drawn: Settings of `MovementSettings` that are to differ from the training's, such as the
            jitter.
        split: "train", "val" or "test".
        any_writers: Score on other numbers of writers, shares or seeds than the training's, too:
            their splits may share writers with it.
        device: Where the network runs.
        seed: Nothing is drawn but the movements; it names the run.
        threads: Of torch.
    """

    weights: str = ""
    movements: str = ""
    drawn: dict[str, Any] = field(default_factory=dict)
    split: str = "test"
    any_writers: bool = False
    device: str = "cpu"
    seed: int = 0
    threads: int = 1

    def __post_init__(self) -> None:
        if self.split not in ("train", "val", "test"):
            raise ValueError(f'split must be "train", "val" or "test", got {self.split!r}')
