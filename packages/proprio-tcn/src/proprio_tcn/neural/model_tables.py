"""What is known of the networks of a prediction, as ``models.csv``."""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from neuro_common.files import FormatError, read_csv, write_csv
from proprio_tcn.neural.models import NamedNetwork

__all__ = ["read_models", "write_models"]

_NAMES = (
    *("model", "task", "architecture", "family", "layers", "parameters", "performance"),
    *("seed", "input", "settings"),
)
_STANDING = ("model", "task", "layers", "performance")


def _object(cell: str) -> None:
    if not isinstance(json.loads(cell), dict):
        raise ValueError(cell)


_PARSED: Mapping[str, tuple[str, Callable[[str], object]]] = {
    "layers": ("whole numbers", int),
    "parameters": ("numbers", float),
    "performance": ("numbers", float),
    "settings": ("JSON objects", _object),
}


def write_models(
    path: str | Path, networks: Sequence[NamedNetwork], activations: Sequence[str | Path] = ()
) -> list[Path]:
    """Write the facts of all networks, also of those whose activations come from files.

    Args:
        path: Of the table: name, task, architecture, family, layers, parameters and performance of
            each network, seed of its first weights, how it sees spindles, and its settings as JSON.
        networks: That are at hand.
        activations: Files of `proprio-tcn activations`, beside whose folder a table lies.

    Returns:
        Tables that were looked for and are not there.

    Raises:
        FormatError: A table is no such table.
        ValueError: Two networks have one name.
    """
    rows = {one.name: one.row() for one in networks}
    missing = []
    for table in dict.fromkeys(Path(one).parent.parent / "models.csv" for one in activations):
        if not table.exists():
            missing.append(table)
            continue
        columns = read_models(table, _NAMES)
        for cells in zip(*(columns[name] for name in _NAMES), strict=True):
            stored = dict(zip(_NAMES, cells, strict=True))
            own = rows.get(cells[0], stored)
            # as text, so that one NaN equals another
            if any(
                str(float(own[name])) != str(float(stored[name]))
                for name in ("parameters", "performance")
            ):
                raise ValueError(
                    f"networks and activations must not call two networks {cells[0]}, but in "
                    f"{table} it has another performance or size: give one of them"
                )
            # what is read from files is not run again
            rows[cells[0]] = stored
    write_csv(path, {name: [row[name] for row in rows.values()] for name in _NAMES})
    return missing


def read_models(path: str | Path, needed: Sequence[str] = _STANDING) -> dict[str, list[str]]:
    """Columns of a table that `write_models` wrote.

    Args:
        path: Of the table.
        needed: Columns that it must have.

    Raises:
        FileNotFoundError: There is no such file.
        FormatError: It lacks a column, or a cell is no number or settings where these are due.
    """
    table = read_csv(path)
    if lacking := [name for name in needed if name not in table]:
        raise FormatError(
            f"{path} must be the table of `proprio-tcn activations` or `predict`, but it has no "
            f"column {', '.join(lacking)}: if it is another file, move it elsewhere"
        )
    for name, (what, parse) in _PARSED.items():
        for cell in table[name] if name in needed else ():
            try:
                parse(cell)
            except ValueError:
                raise FormatError(f"{path} must have {what} as {name}, got {cell!r}") from None
    return table
