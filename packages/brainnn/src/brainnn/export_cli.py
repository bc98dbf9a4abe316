"""The verb that writes a trained network for other programs."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from neuro_common.export_config import ExportConfig
    from neuro_common.runs import Run

__all__ = ["export"]


def export(config: "ExportConfig", run: "Run") -> float:
    """Write a step of a walker in each format; returns the largest difference from it."""
    from brainnn.bodies.planar_biped import DT_S
    from brainnn.learning.walkers import load_walker
    from brainnn.networks.steps import exportable
    from neuro_common.exporting import write_run

    walker = load_walker(config.weights)
    task = walker.body.task
    about = {
        "environment": "BipedalWalker-v3",
        "observation": task.observation,
        "phase": "sine and cosine of the stride's phase come last" if task.phase else "none",
        "step_ms": 1e3 * DT_S,
    }
    step = exportable(walker.core, squash=walker.squash, about=about)
    return write_run(step, config, run, "step")
