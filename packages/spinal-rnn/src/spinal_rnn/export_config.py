"""What the verb `export` can be told: as everywhere, but that no weights ship."""

from dataclasses import dataclass, field

from neuro_common import export_config

__all__ = ["ExportConfig"]


@dataclass
class ExportConfig(export_config.ExportConfig):
    """`spinal-rnn export`: a trained model, from stimulation to responses or EMG in mV.

    Attributes:
        weights: Directory of a training run.
    """

    weights: str = field()
