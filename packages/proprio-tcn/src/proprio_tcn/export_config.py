"""What the verb `export` can be told: as everywhere, but for the weights that are meant."""

from dataclasses import dataclass

from neuro_common import export_config

__all__ = ["ExportConfig"]


@dataclass
class ExportConfig(export_config.ExportConfig):
    """`proprio-tcn export`: a trained network, from spindles to quantities in units.

    Attributes:
        weights: Directory of a training, or the name of a network that ships.
    """

    weights: str = "pretrained/hand_position"
