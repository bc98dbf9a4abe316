"""The verbs of `proprio-tcn`, configured by Hydra."""

import math
import sys
import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING

from neuro_common import cli
from neuro_common.verbs import installed_lines

if TYPE_CHECKING:
    from neuro_common.runs import Run
    from proprio_tcn.arms.arm import Arm
    from proprio_tcn.config import InfoConfig

__all__ = ["VERBS", "info", "main"]

VERBS = (
    cli.Verb(
        "info",
        "List versions, and the coordinates and muscles of an arm.",
        "proprio-tcn info arm=human",
        "proprio_tcn.cli:info",
        "proprio_tcn.config:InfoConfig",
    ),
    cli.Verb(
        "generate",
        "Let writers write letters in the air, or an arm reach, and keep what its muscles feel.",
        "proprio-tcn generate writers=100 jitter=0.06",
        "proprio_tcn.generate_cli:generate",
        "proprio_tcn.movements_config:GenerateConfig",
    ),
    cli.Verb(
        "inputs",
        "Turn recorded markers or joint angles into muscle lengths and velocities.",
        "proprio-tcn inputs arm=monkey.osim markers=session.trc events=trials.csv",
        "proprio_tcn.inputs_cli:inputs",
        "proprio_tcn.inputs_config:InputsConfig",
    ),
    cli.Verb(
        "train",
        "Train a network on one of sixteen tasks.",
        "proprio-tcn train task=hand_position model=spatiotemporal",
        "proprio_tcn.train_cli:train",
        "proprio_tcn.train_config:TrainConfig",
        groups={
            "model": "proprio_tcn.train_config:MODELS",
            "training": "proprio_tcn.train_config:TRAININGS",
            "encoder": "proprio_tcn.train_config:ENCODERS",
        },
    ),
    cli.Verb(
        "evaluate",
        "Score a trained network on writers that it never saw.",
        "proprio-tcn evaluate weights=pretrained/hand_position",
        "proprio_tcn.train_cli:evaluate",
        "proprio_tcn.train_config:EvaluateConfig",
    ),
    cli.Verb(
        "export",
        "Write a trained network for other programs, checked by running it.",
        "proprio-tcn export weights=pretrained/hand_position format=onnx",
        "proprio_tcn.export_cli:export",
        "proprio_tcn.export_config:ExportConfig",
    ),
    cli.Verb(
        "activations",
        "Keep what every layer of networks says of a session's movements.",
        "proprio-tcn activations networks=[DIR] recording=session.nwb",
        "proprio_tcn.neural_cli:activations",
        "proprio_tcn.neural_config:ActivationsConfig",
    ),
    cli.Verb(
        "predict",
        "Say how well networks and linear models explain a session's neurons.",
        "proprio-tcn predict networks=[pretrained/hand_position]",
        "proprio_tcn.neural_cli:predict",
        "proprio_tcn.neural_config:PredictConfig",
    ),
    cli.Verb(
        "compare",
        "Say which model explains neurons better, with intervals.",
        "proprio-tcn compare predictions=[DIR]",
        "proprio_tcn.neural_cli:compare",
        "proprio_tcn.neural_config:CompareConfig",
    ),
    cli.Verb(
        "figures movement",
        "Draw one letter, from the pen to the spindles.",
        "proprio-tcn figures movement letter=a plane=vertical",
        "proprio_tcn.figures_cli:movement",
        "proprio_tcn.figures_config:MovementFigureConfig",
    ),
    cli.Verb(
        "figures workspace",
        "Draw where a recorded hand goes, beside that of a movement set.",
        "proprio-tcn figures workspace recording=inputs.h5 movements=DIR",
        "proprio_tcn.figures_cli:workspace",
        "proprio_tcn.figures_config:WorkspaceFigureConfig",
    ),
    cli.Verb(
        "figures prediction",
        "Draw how well models and layers explain neurons, at which lag and depth, in any sessions.",
        "proprio-tcn figures prediction run=DIR",
        "proprio_tcn.figures_cli:prediction",
        "proprio_tcn.figures_config:PredictionFigureConfig",
    ),
    cli.Verb(
        "figures tasks",
        "Draw how well trained networks do their tasks, by depth and family.",
        "proprio-tcn figures tasks runs=[DIR]",
        "proprio_tcn.figures_cli:tasks",
        "proprio_tcn.figures_config:TasksFigureConfig",
    ),
    cli.Verb(
        "figures relation",
        "Draw task performance against explained variance, and a map of tasks.",
        "proprio-tcn figures relation run=DIR",
        "proprio_tcn.figures_cli:relation",
        "proprio_tcn.figures_config:RelationFigureConfig",
    ),
)

_NAMES = ("proprio-tcn", "neuro-common", "torch", "mujoco", "myo-sim", "numba", "numpy", "scipy")


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command line of ``proprio-tcn``; returns the exit code."""
    from proprio_tcn._jit import tell_compiling

    with tell_compiling():
        return cli.main("proprio-tcn", VERBS, argv)


def info(config: "InfoConfig", run: "Run") -> None:
    """Print what is installed, and what an arm is made of."""
    import numpy as np

    from proprio_tcn.arms.opening import open_arm

    arm = open_arm(config.arm, **config.arm_options)
    rows = [*installed_lines(_NAMES), ""]
    rows += [f"{arm.name} ({arm.species}): {len(arm.muscles)} muscles, {arm.moving.sum()} move"]
    for one in arm.coordinates:
        low, high = math.degrees(one.low_rad), math.degrees(one.high_rad)
        rows += [f"  {one.name} {low:.0f} to {high:.0f} deg"]
    moving = ", ".join(np.array(arm.muscles)[arm.moving])
    rows += textwrap.wrap(f"muscles that move: {moving}", 100, subsequent_indent="  ")
    rows += textwrap.wrap(_weighs(arm), 100, subsequent_indent="  ")
    for note in getattr(arm, "notes", ()):
        rows += textwrap.wrap(note, 100, initial_indent="note: ", subsequent_indent="  ")
    print("\n".join(rows))


def _weighs(arm: "Arm") -> str:
    """What torques are computed with; what is lighter than a twentieth of an arm is left out."""
    from proprio_tcn.arms.segments import moving_masses_kg

    try:
        masses = moving_masses_kg(arm)
    except ValueError as error:
        return f"no torques: {error}"
    whole = sum(masses.values())
    parts = ", ".join(f"{name} {kg:.3g} kg" for name, kg in masses.items() if kg > whole / 20)
    return f"for torques, what moves weighs {whole:.3g} kg: {parts}"


if __name__ == "__main__":
    sys.exit(main())
