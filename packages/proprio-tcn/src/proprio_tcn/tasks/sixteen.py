"""The sixteen tasks: what a network is asked to make of the spindles, and which idea it stands for.

A task names what is wanted as keys of a movement set's batches; losses, heads, metrics and
baselines follow from it. Two more kinds of network need no task of their own: an `untrained` one is
the common initialisation of all tasks, and a `data_driven` one is trained on the spikes themselves.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

__all__ = ["LETTERS", "ORIGINS", "TASKS", "Head", "Target", "Task", "get_task"]

Head = Literal["classify", "regress", "torque", "decode", "project"]

LETTERS = 20
"""Number of letters that action recognition tells apart."""

ORIGINS: Mapping[str, str] = {
    "trained": "weights of one of the sixteen tasks",
    "untrained": "the weights that every task begins with, at update 0",
    "data_driven": "weights trained on the spikes of a session, with its training trials",
}
"""Where the weights of a trunk can come from, with what that means."""


@dataclass(frozen=True)
class Target:
    """One quantity that a task asks for.

    Attributes:
        key: Key of a movement set's batch.
        unit: Unit of its values, "" for a class.
        channels: Number of its channels; None for one of each muscle.
        part: Which of the last axis' two parts, for spindles: 0 length, 1 velocity.
        name: What tables call it; the key where nothing else is given.
    """

    key: str
    unit: str
    channels: int | None
    part: int | None = None
    name: str = ""

    def __post_init__(self) -> None:
        if not self.name:
            object.__setattr__(self, "name", self.key)

    def count(self, muscles: int) -> int:
        """Number of channels for an arm with so many muscles."""
        return muscles if self.channels is None else self.channels


@dataclass(frozen=True)
class Task:
    """A task, see Marin Vargas, Bisi et al. 2024 (Cell), table 1.

    Attributes:
        name: Key in `TASKS`.
        title: As figures write it.
        hypothesis: The computational goal that it stands for.
        targets: What is wanted, in the order of the outputs.
        head: Kind of the part of the network that gives it.
        published: Name in the published code.
        condition: Key of what the head is told beside the trunk's features, None for nothing.
    """

    name: str
    title: str
    hypothesis: str
    targets: tuple[Target, ...]
    head: Head
    published: str
    condition: str | None = None

    @property
    def keys(self) -> tuple[str, ...]:
        """Keys of a batch that the task reads, ``moving`` included."""
        found = ["spindle", *(target.key for target in self.targets), "moving"]
        if self.condition is not None:
            found.append(self.condition)
        return tuple(dict.fromkeys(found))

    @property
    def is_regression(self) -> bool:
        """Whether its outputs are quantities over time."""
        return self.head in ("regress", "torque", "decode")

    def outputs(self, muscles: int) -> int:
        """Number of outputs for an arm with so many muscles: classes, or channels.

        A projector has no targets: 0.
        """
        return sum(target.count(muscles) for target in self.targets)


_UNITS = {"position": ("cm", "deg"), "velocity": ("cm/s", "deg/s")}
_UNITS["acceleration"] = ("cm/s2", "deg/s2")
_PARTS = {"hand": ("hand",), "limb": ("hand", "elbow"), "joint": ("joint",)}
_STATES = {"hand": "end-effector state", "limb": "limb state", "joint": "joint state"}
_ORDERS = (
    ("position",),
    ("velocity",),
    ("position", "velocity"),
    ("position", "velocity", "acceleration"),
)
_PUBLISHED = {
    "hand": ("regression", "regress_ee_vel", "regress_ee_pos_vel", "regress_ee_pos_vel_acc"),
    "limb": tuple(f"regress_ee_elbow_{end}" for end in ("pos", "vel", "pos_vel", "pos_vel_acc")),
    "joint": tuple(f"regress_joints_{end}" for end in ("pos", "vel", "pos_vel", "pos_vel_acc")),
}


def _targets(state: str, orders: tuple[str, ...]) -> tuple[Target, ...]:
    joint = state == "joint"
    at_rest = "joint_angle" if joint else None
    return tuple(
        Target(
            (at_rest or part) if order == "position" else f"{part}_{order}",
            _UNITS[order][joint],
            4 if joint else 3,
        )
        for order in orders
        for part in _PARTS[state]
    )


def _title(state: str, orders: tuple[str, ...]) -> str:
    *before, last = orders
    listed = f"{', '.join(before)} and {last}" if before else last
    return f"{state.capitalize()} {listed}"


def _state_tasks() -> list[Task]:
    return [
        Task(
            f"{state}_{'_'.join(orders)}",
            _title(state, orders),
            _STATES[state],
            _targets(state, orders),
            "regress",
            _PUBLISHED[state][number],
        )
        for state in _PARTS
        for number, orders in enumerate(_ORDERS)
    ]


_SPINDLES = (
    Target("spindle", "mm", None, 0, "muscle_length"),
    Target("spindle", "mm/s", None, 1, "muscle_velocity"),
)

TASKS: Mapping[str, Task] = {
    task.name: task
    for task in (
        Task(
            "action_recognition",
            "Action recognition",
            "action recognition",
            (Target("letter", "", LETTERS),),
            "classify",
            "classification",
        ),
        *_state_tasks(),
        Task(
            "torque",
            "Torque",
            "sensorimotor control",
            (Target("torque", "N m", 4),),
            "torque",
            "torque",
            condition="target",
        ),
        Task("autoencoder", "Autoencoder", "efficient coding", _SPINDLES, "decode", "autoencoder"),
        Task(
            "redundancy_reduction", "Redundancy reduction", "efficient coding", (), "project", "bt"
        ),
    )
}
"""The tasks by name, in the order of the publication."""


def get_task(name: str) -> Task:
    """The task of a name.

    Raises:
        ValueError: There is none.
    """
    if name not in TASKS:
        told = f"; {name!r} is no task but {ORIGINS[name]}" if name in ORIGINS else ""
        raise ValueError(f"task must be one of {', '.join(TASKS)}, got {name!r}{told}")
    return TASKS[name]
