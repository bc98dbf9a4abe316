"""The verb that writes a trained model for other programs."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from neuro_common.runs import Run
    from spinal_rnn.export_config import ExportConfig

__all__ = ["export"]


def export(config: "ExportConfig", run: "Run") -> float:
    """Write a model in each format; returns the largest difference from it."""
    from neuro_common.exporting import write_run
    from spinal_rnn.models.exporting import exportable
    from spinal_rnn.models.files import load_model

    return write_run(exportable(load_model(config.weights)), config, run, "model")
