"""The verb that writes a trained network for other programs."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from neuro_common.runs import Run
    from proprio_tcn.export_config import ExportConfig

__all__ = ["export"]


def export(config: "ExportConfig", run: "Run") -> float:
    """Write a network in each format; returns the largest difference from it."""
    from neuro_common.exporting import write_run
    from proprio_tcn.training.exporting import exportable
    from proprio_tcn.training.trained import load_network

    return write_run(exportable(load_network(config.weights)), config, run, "network")
