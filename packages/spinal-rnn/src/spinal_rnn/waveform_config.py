"""What `train` can be told of models that foretell the EMG itself."""

from collections.abc import Mapping
from dataclasses import dataclass

from spinal_rnn.model_config import MODELS, AnatomicalConfig, ModelConfig
from spinal_rnn.models.recurrent_options import RecurrentOptions

__all__ = ["TRAINED_MODELS", "WAVEFORM_MODELS", "HybridConfig", "RecurrentConfig", "ReflexConfig"]


@dataclass
class ReflexConfig(AnatomicalConfig):
    """Roots that give the size of each pulse's reflex, and reflexes of least squares."""

    name: str = "reflex"


@dataclass
class RecurrentConfig(ModelConfig):
    """A recurrent network from pulses to EMG.

    Attributes:
        network: One of `spinal_rnn.models.recurrent_options.NETWORKS`.
        units: Number of units, of each layer.
        epochs: Passes through the training trials.
        batch: Trials of an update.
        learning_rate: Of Adam, at the top of its cycle.
        l1: Weight of the sum of absolute weights in the loss.
        l2: Weight of the sum of their squares.
        l2_rate: Weight of the mean squared rate.
        noise: Of the units of a leaky network, in training only.
    """

    name: str = "recurrent"
    network: str = "GRU"
    units: int = 64
    epochs: int = 60
    batch: int = 32
    learning_rate: float = 6e-3
    l1: float = 0.0
    l2: float = 0.0
    l2_rate: float = 0.0
    noise: float = 0.0

    def __post_init__(self) -> None:
        self.options(0)

    def options(self, seed: int) -> RecurrentOptions:
        """How the network is trained.

        Args:
            seed: Of the first weights, the batches and the noise.

        Raises:
            ValueError: The network is unknown, or a number is out of its range.
        """
        settings = {name: value for name, value in vars(self).items() if name != "name"}
        return RecurrentOptions(**settings, seed=seed)


@dataclass
class HybridConfig(RecurrentConfig):
    """Reflexes, corrected by a recurrent network that is fed with what they foretell."""

    name: str = "hybrid"


WAVEFORM_MODELS: Mapping[str, type[ModelConfig]] = {
    "reflex": ReflexConfig,
    "recurrent": RecurrentConfig,
    "hybrid": HybridConfig,
}
"""The models by name."""

TRAINED_MODELS: Mapping[str, type[ModelConfig]] = {**MODELS, **WAVEFORM_MODELS}
"""What `spinal-rnn train` takes: models of late responses and of waveforms."""
