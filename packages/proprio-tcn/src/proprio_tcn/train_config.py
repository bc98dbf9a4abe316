"""What `proprio-tcn train` and `proprio-tcn evaluate` can be told."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from proprio_tcn.movements_config import MovementSettings
from proprio_tcn.network_config import TRUNKS, SpatiotemporalConfig, TrunkConfig, trunk_settings
from proprio_tcn.networks.settings import TrunkSettings
from proprio_tcn.spindles.encoders import SpindleSettings
from proprio_tcn.tasks.sixteen import get_task
from proprio_tcn.training.settings import PublishedSettings, TrainSettings

__all__ = ["ENCODERS", "MODELS", "TRAININGS", "EvaluateConfig", "TrainConfig"]

MODELS: Mapping[str, type[TrunkConfig]] = TRUNKS
"""The models by name."""

TRAININGS: Mapping[str, type[TrainSettings]] = {
    "fast": TrainSettings,
    "published": PublishedSettings,
}
"""Settings of a training by name."""

ENCODERS: Mapping[str, type[SpindleSettings]] = dict.fromkeys(
    ("kinematics", "prochazka", "deepdraw", "afferents"), SpindleSettings
)
"""Settings of spindle encoders by name."""


def _drawn() -> MovementSettings:
    """Enough movements to learn from in minutes: 100 writers to train with, each four times."""
    return MovementSettings(writers=145, repeats=4)


@dataclass
class TrainConfig:
    """`proprio-tcn train`: teach a network a task, and score it on writers that it never saw.

    Attributes:
        task: One of the sixteen, see `proprio_tcn.tasks.sixteen.TASKS`.
        model: The trunk, one of `MODELS`.
        movements: Folder that `proprio-tcn generate` wrote; None draws movements in memory.
        drawn: Those that are drawn, see `MovementSettings`; for torques they are reaches.
        training: How the network learns, one of `TRAININGS`: "fast", or "published" with every
            setting of the publication at once.
        encoder: What becomes of lengths and velocities before a network sees them, one of
            `ENCODERS`.
        members: Networks that learn together from the same batches, with the first weights of
            ``seed``, ``seed + 1`` and so on; above 1 each has a folder in ``members/``.
        baselines: Score mean, ridge, PCA or classifiers on the same movements; they are told
            lengths and velocities, whatever the encoder.
        untrained: Score the network as it begins, too; of several, the first.
        device: Where the networks learn: "cpu", "cuda" or "cuda:1".
        seed: Of first weights, order, noise and dropout.
        threads: Of torch.

    Raises:
        ValueError: A setting is out of its range, or not for several members.
    """

    task: str = "hand_position"
    model: TrunkConfig = field(default_factory=SpatiotemporalConfig)
    movements: str | None = None
    drawn: MovementSettings = field(default_factory=_drawn)
    training: TrainSettings = field(default_factory=TrainSettings)
    encoder: SpindleSettings = field(default_factory=SpindleSettings)
    members: int = 1
    baselines: bool = True
    untrained: bool = False
    device: str = "cpu"
    seed: int = 0
    threads: int = 1

    def __post_init__(self) -> None:
        get_task(self.task)
        if self.members < 1:
            raise ValueError(f"members must be at least 1, got {self.members}")
        if self.members > 1 and self.training.schedule == "patience":
            raise ValueError(
                'training.schedule must be "cosine" or "constant" for members that learn together, '
                'got "patience": each would have a course of its own'
            )

    def trunk(self) -> TrunkSettings:
        """The trunk that is built for the task.

        Raises:
            ValueError: A setting of the model is out of its range.
        """
        told = trunk_settings(self.model)
        masked = self.training.mask_padding and told.norm == "sample"
        if masked and not get_task(self.task).is_regression:
            return replace(told, norm="masked")
        return told


@dataclass
class EvaluateConfig:
    """`proprio-tcn evaluate`: score trained networks on a movement set.

    Attributes:
        weights: Directory of a training, or of shipped weights.
        movements: Folder of a movement set; None is what the network was trained with, a folder or
            movements drawn with the same settings.
        drawn: Settings of `MovementSettings` that are to differ from the training's, such as the
            jitter.
        split: "train", "val" or "test".
        any_writers: Score on other numbers of writers, shares or seeds than the training's, too:
            their splits may share writers with it.
        device: Where the network runs: "cpu", "cuda" or "cuda:1".
        seed: Nothing is drawn but the movements; it names the run.
        threads: Of torch.

    Raises:
        ValueError: The split is unknown.
    """

    weights: str
    movements: str | None = None
    drawn: dict[str, Any] = field(default_factory=dict)
    split: str = "test"
    any_writers: bool = False
    device: str = "cpu"
    seed: int = 0
    threads: int = 1

    def __post_init__(self) -> None:
        if self.split not in ("train", "val", "test"):
            raise ValueError(f'split must be "train", "val" or "test", got {self.split!r}')
