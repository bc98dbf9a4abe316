"""The networks that come with the package: one for each task, and sampled ones of three tasks.

``pretrained/TASK`` is the network of a task. ``pretrained/sampled/TASK/FAMILY_DRAW/SEED`` are
trunks from the published search space, the same for each of their tasks, with first weights of two
seeds: what it takes to compare tasks over architectures.
"""

from collections.abc import Sequence
from pathlib import Path

from proprio_tcn.tasks.sixteen import TASKS

__all__ = ["each_network", "find_network", "shipped_networks"]

_ALL = "pretrained"
_SAMPLED = "pretrained/sampled"
_FOLDER = Path(__file__).parents[1]


def shipped_networks(group: str = _ALL) -> tuple[str, ...]:
    """Names of networks that ship, in the order of the tasks.

    Args:
        group: "pretrained" are those such as "pretrained/hand_position", one for each task;
            "pretrained/sampled" the sampled ones, such as
            "pretrained/sampled/hand_position/temporal_spatial_3/1", and a folder of these names
            those below it, such as "pretrained/sampled/hand_position". Nothing else is a group.
    """
    if group == _ALL:
        return tuple(name for task in TASKS if _ships(name := f"{_ALL}/{task}"))
    found = sorted((_FOLDER / _SAMPLED).glob("*/*/*/manifest.json"))
    names = [path.parent.relative_to(_FOLDER).as_posix() for path in found]
    return tuple(name for name in names if f"{name}/".startswith(f"{group}/"))


def find_network(weights: str | Path) -> Path:
    """Where the files of a network lie.

    Args:
        weights: The name of one of :func:`shipped_networks`, or the directory of a training.

    Raises:
        FileNotFoundError: It begins like the name of one that ships, but none is called so, and
            there is no such directory.
    """
    name = Path(weights).as_posix()
    parts = name.split("/")
    if parts[0] != _ALL or ".." in parts:
        return Path(weights)
    if _ships(name):
        return _FOLDER / name
    if not Path(weights).is_dir():
        raise FileNotFoundError(
            "weights must be the directory of a training, or one of "
            f"{', '.join(shipped_networks())} or "
            f"{_SAMPLED}/TASK/FAMILY_DRAW/SEED, got {name!r}"
        )
    return Path(weights)


def each_network(names: Sequence[str | Path]) -> list[str | Path]:
    """Names of networks one by one: a group stands for all that are in it.

    Args:
        names: As for :func:`find_network`, or groups of :func:`shipped_networks`.
    """
    found: list[str | Path] = []
    for name in names:
        found += shipped_networks(Path(name).as_posix()) or [name]
    return found


def _ships(name: str) -> bool:
    return (_FOLDER / name / "manifest.json").is_file()
