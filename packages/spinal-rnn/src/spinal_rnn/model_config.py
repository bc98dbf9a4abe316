"""What the verbs that fit models and use them can be told."""

from collections.abc import Mapping
from dataclasses import dataclass, field

__all__ = [
    "MODELS",
    "AnatomicalConfig",
    "BaselineConfig",
    "EnsembleConfig",
    "EvaluateConfig",
    "GeometricConfig",
    "ModelConfig",
    "PredictConfig",
    "TrainConfig",
]

_BASELINES = (
    "mean",
    "ridge",
    "quadratic_ridge",
    "k_nearest",
    "kernel_ridge",
    "smoothed_kernel_ridge",
    "perceptron",
)
_SPLITS = ("configuration", "trial", "amplitude")


@dataclass
class ModelConfig:
    """What every model is told.

    Attributes:
        name: The model's name in `MODELS`.
    """

    name: str = ""


@dataclass
class BaselineConfig(ModelConfig):
    """A regression that knows nothing of roots; its hyper-parameters are chosen from the data."""


@dataclass
class EnsembleConfig(ModelConfig):
    """An ensemble of root models.

    Attributes:
        members: How many there are.
        folds: Parts of the configurations, of which each member leaves one out; 1 for none, which
            gives no intervals.
        updates: How many there are, by Adam.
        learning_rate: At the first of them.
        depression: Responses depress those after them.

    Raises:
        ValueError: A number is out of its range.
    """

    members: int = 10
    folds: int = 5
    updates: int = 320
    learning_rate: float = 0.05
    depression: bool = True

    def __post_init__(self) -> None:
        if not 1 <= self.folds <= self.members:
            raise ValueError(
                "model.folds must be at least 1 and at most model.members, got "
                f"{self.folds} and {self.members}"
            )
        if self.updates < 1 or not self.learning_rate > 0:
            raise ValueError(
                "model.updates must be at least 1 and model.learning_rate above 0, got "
                f"{self.updates} and {self.learning_rate}"
            )


@dataclass
class AnatomicalConfig(EnsembleConfig):
    """The default: roots at mirror images, muscles that pool their side, depression, floor.

    Attributes:
        kernel: "rational" for a spread by distance, "free" for a number for each contact and root.
        shared_positions: Roots of both sides at mirror images, but for one shift.
        floor: Noise adds a floor to a peak-to-peak.
    """

    name: str = "anatomical"
    kernel: str = "rational"
    shared_positions: bool = True
    floor: bool = True


@dataclass
class GeometricConfig(EnsembleConfig):
    """Roots at places of their own, any weights to muscles, nothing shared."""

    name: str = "geometric"


MODELS: Mapping[str, type[ModelConfig]] = {
    "anatomical": AnatomicalConfig,
    "geometric": GeometricConfig,
    **dict.fromkeys(_BASELINES, BaselineConfig),
}
"""The models by name."""


@dataclass
class TrainConfig:
    """`spinal-rnn train`: fit a model to a session's late responses, and score it.

    Attributes:
        model: The model and its settings, one of `MODELS`.
        session: A preset, which is simulated, or an HDF5 file.
        session_seed: Which person is simulated.
        held_out: Configurations that are left out of the training and judge it; 0 learns from all
            trials, and tells no score.
        seed: Of the split and of the first parameters.
        threads: Of torch.

    Raises:
        ValueError: A number is out of its range.
    """

    model: ModelConfig = field(default_factory=AnatomicalConfig)
    session: str = "default"
    session_seed: int = 0
    held_out: int = 10
    seed: int = 0
    threads: int = 1

    def __post_init__(self) -> None:
        if self.held_out < 0:
            raise ValueError(f"held_out must be at least 0, got {self.held_out}")


@dataclass
class PredictConfig:
    """`spinal-rnn predict`: what a trained model says of conditions that may be new.

    Attributes:
        weights: Directory of a training run.
        conditions: CSV table of conditions, as `spinal-rnn import` reads it.
        threads: Of torch.
    """

    weights: str
    conditions: str
    threads: int = 1


@dataclass
class EvaluateConfig:
    """`spinal-rnn evaluate`: all models side by side, on the easy split and on the honest one.

    Attributes:
        session: As for training.
        session_seed: As for training.
        models: Names in `MODELS`.
        splits: "configuration", "trial" and "amplitude", in any order.
        held_out: Configurations that the first one holds out.
        seed: Of the splits and of the first parameters.
        threads: Of torch.

    Raises:
        ValueError: A name is unknown, or a number out of its range.
    """

    session: str = "default"
    session_seed: int = 0
    models: list[str] = field(default_factory=lambda: list(MODELS))
    splits: list[str] = field(default_factory=lambda: ["trial", "configuration"])
    held_out: int = 10
    seed: int = 0
    threads: int = 1

    def __post_init__(self) -> None:
        for name, known in (("models", tuple(MODELS)), ("splits", _SPLITS)):
            given = getattr(self, name)
            if not given or (unknown := [one for one in given if one not in known]):
                raise ValueError(
                    f"{name} must be some of {', '.join(known)}, got {unknown if given else given}"
                )
