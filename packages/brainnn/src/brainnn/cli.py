"""The verbs of `brainnn`, configured by Hydra."""

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from neuro_common import cli
from neuro_common.verbs import installed_lines

if TYPE_CHECKING:
    from brainnn.config import InfoConfig
    from neuro_common.runs import Run

__all__ = ["VERBS", "info", "main"]

VERBS = (
    cli.Verb(
        "info",
        "List versions and what is installed.",
        "brainnn info",
        "brainnn.cli:info",
        "brainnn.config:InfoConfig",
    ),
    cli.Verb(
        "connectome build",
        "Write a connectome, a part of it or a null model as one file.",
        "brainnn connectome build source=surrogate",
        "brainnn.connectome_cli:build",
        "brainnn.connectome_config:ConnectomeBuildConfig",
    ),
    cli.Verb(
        "connectome info",
        "Tell what is in a connectome, and its measures.",
        "brainnn connectome info source=surrogate",
        "brainnn.connectome_cli:info",
        "brainnn.connectome_config:ConnectomeInfoConfig",
    ),
    cli.Verb(
        "connectome plot",
        "Draw a connectome: matrix, layers, degrees.",
        "brainnn connectome plot source=surrogate depth=trophic",
        "brainnn.connectome_cli:plot",
        "brainnn.connectome_config:ConnectomePlotConfig",
    ),
    cli.Verb(
        "connectome compare",
        "Measure a connectome beside others and its null models.",
        "brainnn connectome compare source=surrogate nulls=[rewired,random]",
        "brainnn.connectome_cli:compare_graphs",
        "brainnn.connectome_config:ConnectomeCompareConfig",
    ),
    cli.Verb(
        "train",
        "Train a network on a connectome to walk, or to track a signal.",
        "brainnn train network=connectome learning=dagger connectome.source=surrogate",
        "brainnn.train_cli:train",
        "brainnn.train_config:TrainConfig",
        {
            "network": "brainnn.train_config:NETWORKS",
            "task": "brainnn.train_config:TASKS",
            "learning": "brainnn.train_config:LEARNINGS",
        },
    ),
    cli.Verb(
        "teacher",
        "Train the walker that networks learn from, and record the reference gait.",
        "brainnn teacher seed=0",
        "brainnn.teacher_cli:teacher",
        "brainnn.train_config:TeacherConfig",
    ),
    cli.Verb(
        "evaluate",
        "Score a walker beside controllers that do not walk, and its teacher.",
        "brainnn evaluate weights=pretrained episodes=20",
        "brainnn.walk_cli:evaluate",
        "brainnn.walk_config:EvaluateConfig",
    ),
    cli.Verb(
        "export",
        "Write one step of a walker for other programs, checked by running it.",
        "brainnn export weights=pretrained format=onnx",
        "brainnn.export_cli:export",
        "neuro_common.export_config:ExportConfig",
    ),
    cli.Verb(
        "record",
        "Write a walk as HDF5 with the rates of all neurons, as film and as strip.",
        "brainnn record weights=pretrained video=gif",
        "brainnn.walk_cli:record",
        "brainnn.walk_config:RecordConfig",
    ),
    cli.Verb(
        "report",
        "Write one page on a walker: scores, gait, neurons.",
        "brainnn report weights=pretrained",
        "brainnn.walk_cli:report",
        "brainnn.walk_config:WalkReportConfig",
    ),
    cli.Verb(
        "figures gait",
        "Draw a walk beside its reference, and its gait diagram.",
        "brainnn figures gait weights=pretrained last_s=2",
        "brainnn.figures_cli:gait",
        "brainnn.walk_config:WalkFigureConfig",
    ),
    cli.Verb(
        "figures portrait",
        "Draw the speed of each joint against its angle.",
        "brainnn figures portrait weights=pretrained",
        "brainnn.figures_cli:portrait",
        "brainnn.walk_config:WalkFigureConfig",
    ),
    cli.Verb(
        "figures activity",
        "Draw when in a stride each neuron is active.",
        "brainnn figures activity weights=pretrained neurons=motor",
        "brainnn.figures_cli:activity",
        "brainnn.walk_config:ActivityFigureConfig",
    ),
    cli.Verb(
        "figures training",
        "Draw learning curves of a training, or of a sweep over networks and seeds.",
        "brainnn figures training run=results/brainnn/train/2026-01-31_12-00-00",
        "brainnn.figures_cli:training",
        "brainnn.walk_config:TrainingFigureConfig",
    ),
    cli.Verb(
        "figures lesions",
        "Silence groups of neurons in turn, and as many others.",
        "brainnn figures lesions weights=pretrained by=type",
        "brainnn.figures_cli:lesions",
        "brainnn.walk_config:LesionFigureConfig",
    ),
    cli.Verb(
        "figures robustness",
        "Draw what noise, loss of neurons and rough ground leave of a walk.",
        "brainnn figures robustness weights=pretrained",
        "brainnn.figures_cli:robustness",
        "brainnn.walk_config:RobustnessFigureConfig",
    ),
    cli.Verb(
        "figures wiring",
        "Draw and tell what the control study shows: does the wiring matter?",
        "brainnn figures wiring",
        "brainnn.wiring_cli:wiring",
        "brainnn.wiring_config:WiringFigureConfig",
    ),
)

_NAMES = (
    "brainnn",
    "neuro-common",
    "torch",
    "stable-baselines3",
    "sb3-contrib",
    "gymnasium",
    "Box2D",
    "networkx",
    "numpy",
    "scipy",
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command line of ``brainnn``; returns the exit code."""
    return cli.main("brainnn", VERBS, argv)


def info(config: "InfoConfig", run: "Run") -> None:
    """Print what is installed."""
    print("\n".join(installed_lines(_NAMES)))


if __name__ == "__main__":
    sys.exit(main())
