"""The networks that come with the package, one for each task: ``pretrained/TASK``."""

from collections.abc import Sequence
from pathlib import Path

from proprio_tcn.tasks.sixteen import TASKS

__all__ = ["each_network", "find_network", "shipped_networks"]

_ALL = "pretrained"
_FOLDER = Path(__file__).parents[1] / _ALL


def shipped_networks() -> tuple[str, ...]:
    """Their names, such as "pretrained/hand_position", in the order of the tasks."""
    return tuple(f"{_ALL}/{task}" for task in TASKS if (_FOLDER / task / "manifest.json").is_file())


def find_network(weights: str | Path) -> Path:
    """Where the files of a network lie.

    Args:
        weights: One of :func:`shipped_networks`, or the directory of a training.

    Raises:
        FileNotFoundError: It begins like the name of one that ships, but none is called so, and
            there is no such directory.
    """
    name = Path(weights).as_posix()
    if name in shipped_networks():
        return _FOLDER.parent / name
    if name.split("/")[0] == _ALL and not Path(weights).is_dir():
        raise FileNotFoundError(
            "weights must be the directory of a training, or one of "
            f"{', '.join(shipped_networks())}, got {name!r}"
        )
    return Path(weights)


def each_network(names: Sequence[str | Path]) -> list[str | Path]:
    """Names of networks one by one: "pretrained" stands for all that ship.

    Args:
        names: As for :func:`find_network`, or "pretrained".
    """
    found: list[str | Path] = []
    for name in names:
        found += shipped_networks() if str(name) == _ALL else [name]
    return found
