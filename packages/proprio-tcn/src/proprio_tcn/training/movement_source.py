"""Movements for training and evaluation: those of a folder, or drawn in memory."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from proprio_tcn.arms.opening import open_arm
from proprio_tcn.movements.making import make_movements
from proprio_tcn.movements.movement_set import MovementSet
from proprio_tcn.movements.opening import open_movements
from proprio_tcn.movements.sources import differing_sources
from proprio_tcn.movements_config import MovementSettings
from proprio_tcn.tasks.sixteen import Task
from proprio_tcn.train_config import EvaluateConfig, TrainConfig

__all__ = ["Source", "as_in_training", "draw_or_open", "source_facts", "unlike_training"]

_SPLITTING = ("writers", "shares", "seed")
_ANY = (
    "leave it as in training, or add any_writers=true if writers of the training may be among them"
)


@dataclass(frozen=True)
class Source:
    """Where movements come from.

    Attributes:
        movements: Folder that `proprio-tcn generate` wrote; None draws them in memory.
        drawn: How they are drawn.
        threads: Of inverse kinematics.
    """

    movements: str | None
    drawn: MovementSettings
    threads: int = 1


def draw_or_open(config: TrainConfig | Source, split: str, task: Task) -> MovementSet:
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
        arm = open_arm(drawn.arm, **drawn.arm_options)
        found = make_movements(arm, drawn, split, threads=config.threads)
    missing = [key for key in task.keys if key not in found.keys]
    if missing or (task.head == "classify" and (found.letter < 0).any()):
        raise ValueError(
            f"movements must have {', '.join(missing) or 'letters'} for {task.name}, got a set of "
            f"{found.origin.get('movements', 'another kind')}: torques are of "
            "`proprio-tcn generate movements=reaches`, letters of movements=letters"
        )
    return found


def source_facts(config: TrainConfig, learnt: MovementSet) -> dict[str, Any]:
    """What a network is to say of its movements, so that it can be scored on their like.

    Args:
        config: Says where they come from.
        learnt: The movements of the training.
    """
    return {
        "movements_folder": config.movements or "",
        "movement_settings": dict(learnt.origin),
        "movement_sources": dict(learnt.sources),
    }


def as_in_training(config: EvaluateConfig, facts: Mapping[str, Any]) -> Source:
    """Where the movements of an evaluation come from: as in the training, unless told otherwise.

    Args:
        config: Names another folder, or what is to be drawn in another way.
        facts: Those of the network, with what :func:`source_facts` gave.

    Raises:
        ValueError: The network does not say what it learnt from, settings are unknown, or writers
            of the training may be among those that are drawn.
    """
    if config.movements and config.drawn:
        raise ValueError(
            f"either movements or drawn must be given, got movements={config.movements} and "
            f"drawn of {', '.join(config.drawn)}"
        )
    known = facts.get("movement_settings")
    if not known and not config.any_writers:
        raise ValueError(
            f"weights={config.weights} must say what movements were learnt from, got none: train "
            "again, or give movements=FOLDER or drawn.NAME=VALUE with any_writers=true"
        )
    wanted = {**(known or {}), **config.drawn}
    try:
        drawn = MovementSettings(**wanted)
    except TypeError as error:
        raise ValueError(
            f"drawn must be settings of movements, see `proprio-tcn generate --help`: {error}"
        ) from None
    _refuse(config, wanted, known or {})
    folder = None if config.drawn else facts.get("movements_folder")
    return Source(config.movements or folder or None, drawn, config.threads)


def unlike_training(
    config: EvaluateConfig, facts: Mapping[str, Any], movements: MovementSet
) -> list[str]:
    """What differs between movements and those that a network learnt from, in words.

    Args:
        config: Says whether writers of the training may be among them.
        facts: Those of the network.
        movements: What it is to be scored on.

    Raises:
        ValueError: Writers of the training may be among them.
    """
    known = facts.get("movement_settings") or {}
    _refuse(config, movements.origin, known)
    names = sorted({*known, *movements.origin})
    settings = [
        f"{name}={movements.origin.get(name)}"
        for name in names
        if movements.origin.get(name) != known.get(name)
    ]
    sources = facts.get("movement_sources") or {}
    return settings + differing_sources(sources, movements.sources, done=True)


def _refuse(config: EvaluateConfig, found: Mapping[str, Any], known: Mapping[str, Any]) -> None:
    """Splits are cut by writers: another number of them, or other draws, mixes the splits."""
    other = [name for name in _SPLITTING if found.get(name) != known.get(name)]
    if other and not config.any_writers:
        raise ValueError(
            f"{other[0]} of movements must be {known.get(other[0])} as in training, or the "
            f"{config.split} split is not of writers that the network never saw, got "
            f"{found.get(other[0])}: {_ANY}"
        )
