"""What a walker is scored beside, so that its numbers mean something."""

from collections.abc import Sequence
from typing import Any, cast

from brainnn.bodies.stances import Controller, OpenLoop, RandomActions, Standing, no_action
from brainnn.learning.teacher import Teacher, load_teacher
from brainnn.learning.walkers import TrainedWalker
from brainnn.networks.lesions import perturb
from brainnn.networks.rnn import ConnectomeRNN
from brainnn.walk_config import BASELINES

__all__ = ["baselines"]


def baselines(
    walker: TrainedWalker, names: Sequence[str], *, seed: int = 0, teacher: str | None = None
) -> dict[str, Controller]:
    """Controllers by name.

    A network without a connectome has no W = 0, which is then left out.

    Args:
        walker: Whose network, reference and body they share.
        names: Among `brainnn.walk_config.BASELINES`.
        seed: Of random actions.
        teacher: Directory of the teacher; None is the one that ships.

    Raises:
        ValueError: A name is unknown.
        FileNotFoundError: There is no such teacher.
    """
    found: dict[str, Controller] = {}
    for name in names:
        if name == "no_recurrence":
            if isinstance(walker.core, ConnectomeRNN):
                cut = perturb(walker.core, seed=seed, recurrent_scale=0.0)
                found[name] = walker.controller(cut)
        elif name == "teacher":
            labels = load_teacher() if teacher is None else Teacher.load(teacher)
            found[name] = cast(Any, labels.act)
        else:
            found[name] = _without_memory(name, walker, seed)
    return found


def _without_memory(name: str, walker: TrainedWalker, seed: int) -> Controller:
    clip = walker.body.clip
    if name == "zero":
        return no_action
    if name == "random":
        return RandomActions(seed)
    if name == "standing":
        return Standing.of(clip)
    if name == "replay":
        return OpenLoop(clip)
    raise ValueError(f"a baseline must be one of {', '.join(BASELINES)}, got {name!r}")
