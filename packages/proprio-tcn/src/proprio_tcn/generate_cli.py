"""The verb that makes a movement set."""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from neuro_common.runs import Run
    from proprio_tcn.movements_config import GenerateConfig

__all__ = ["generate"]


def generate(config: "GenerateConfig", run: "Run") -> float:
    """Write a movement set; returns the share of attempts that were accepted."""
    from neuro_common.files import write_csv
    from proprio_tcn.arms.opening import open_arm
    from proprio_tcn.movements.generation import generate_movements

    folder = run.path("movements") if config.output is None else Path(config.output)
    arm = open_arm(config.arm, **config.arm_options)
    made = generate_movements(
        config,
        arm,
        folder,
        layout=config.layout,
        compression=config.compression,
        workers=config.workers,
    )
    attempts = sum(made.told.values())
    write_csv(
        run.path("attempts.csv"),
        {"attempts": list(made.told), "count": list(made.told.values())},
    )
    accepted = made.told["accepted"] / attempts
    counts = ", ".join(f"{split} {count}" for split, count in made.samples.items())
    refused = ", ".join(
        f"{reason} {count / attempts:.1%}"
        for reason, count in made.told.items()
        if reason != "accepted"
    )
    print(f"{arm.name} ({arm.species}), {config.movements}: {counts} samples")
    print(f"accepted {accepted:.1%} of {attempts} attempts; refused: {refused or 'none'}")
    print(f"\nmovements={made.path}")
    return accepted
