"""The verb that writes a trained policy for other programs."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from neuro_common.export_config import ExportConfig
    from neuro_common.runs import Run

__all__ = ["export"]


def export(config: "ExportConfig", run: "Run") -> float:
    """Write a policy in each format; returns the largest difference of its kicks."""
    from neuro_common.exporting import write_run
    from neuro_common.extras import require
    from rldbs_env.policy import PRETRAINED, load_policy

    require("torch", "export", "rldbs-env")
    from rldbs_env.export import exportable

    policy = load_policy(PRETRAINED if config.weights == "pretrained" else config.weights)
    return write_run(exportable(policy), config, run, "policy")
