"""Movements for training and evaluation: those of a folder, or drawn in memory."""

from dataclasses import replace

from proprio_tcn.arms.opening import open_arm
from proprio_tcn.batches import Movements
from proprio_tcn.movements.making import make_movements
from proprio_tcn.movements.opening import open_movements
from proprio_tcn.tasks import Task
from proprio_tcn.train_config import EvaluateConfig, TrainConfig

__all__ = ["draw_or_open"]


def draw_or_open(config: TrainConfig | EvaluateConfig, split: str, task: Task) -> Movements:
    """Movements of one split, in memory.

    Args:
        config: Says where they come from, and with how many threads they are made.
        split: "train", "val" or "test".
        task: What is to be learnt: torques are those of reaches, whatever is drawn for others.

    Raises:
        FileNotFoundError: The folder has no such split.
        ValueError: The movements have not what the task asks for.
    """
    if config.movements:
        found = open_movements(config.movements, split)
    else:
        drawn = config.drawn
        if task.head == "torque":
            drawn = replace(drawn, movements="reaches")
        found = make_movements(open_arm(drawn.arm), drawn, split, threads=config.threads)
    missing = [key for key in task.keys if key not in found.keys]
    if missing or (task.head == "classify" and (found.letter < 0).any()):
        raise ValueError(
            f"movements must have {', '.join(missing) or 'letters'} for {task.name}, got a set of "
            f"{found.origin.get('movements', 'another kind')}: torques are of "
            "`proprio-tcn generate movements=reaches`, letters of movements=letters"
        )
    return found
