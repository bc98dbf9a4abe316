"""Where a connectome comes from: a name, or a file of one of the formats."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from brainnn.connectome.columns import SUFFIXES
from brainnn.connectome.formats import load_connectome, load_graphml
from brainnn.connectome.graph import Connectome
from brainnn.connectome.neuprint import fetch_neuprint
from brainnn.connectome.published import read_matrix, read_published
from brainnn.connectome.signs import with_signs
from brainnn.connectome.surrogate import surrogate
from brainnn.connectome.tables import read_tables
from brainnn.connectome.worm import read_worm
from neuro_common.verbs import suggestion

__all__ = ["open_connectome"]


def open_connectome(source: str | Path, **options: Any) -> Connectome:
    """A connectome by name, or from a file by its suffix.

    Args:
        source: "surrogate", "worm", "neuprint", or the path of a table of edges (.csv, .tsv,
            .feather, .parquet), a saved connectome (.npz), a graph (.graphml), or published
            matrices (.json, .npy).
        **options: What the source can be told. Surrogate: ``seed``. Worm: those of
            `brainnn.connectome.worm.read_worm`. NeuPrint: those of
            `brainnn.connectome.neuprint.fetch_neuprint`. Tables: those of
            `brainnn.connectome.tables.read_tables`, first of all ``nodes``. JSON: ``graph``.
            Worm, neuPrint and tables also take ``glutamate``, ``others`` and ``unclear`` of
            `brainnn.connectome.signs.with_signs`, by which their neurons are signed; glutamate
            inhibits by default in the fly's and excites in the worm, where GABA alone is usually
            taken to inhibit (Kunert et al. 2014).

    Raises:
        FileNotFoundError: It is no name, and there is no such file.
        FormatError: The file is damaged or foreign.
        ValueError: The source cannot be told that option, or the option is wrong.
        MissingExtra: The source wants an extra that is not installed.
    """
    chosen, path = _find(source)
    accepted = [*inspect.signature(chosen.read).parameters][len(path) :]
    signing = () if chosen.glutamate is None else ("glutamate", "others", "unclear")
    for name in options:
        if name not in (valid := [*accepted, *signing]):
            raise ValueError(
                f"{source} cannot be told {name!r}{suggestion(name, valid)}: it takes "
                f"{', '.join(valid) or 'no options'}"
            )
    read = chosen.read(*path, **{name: options[name] for name in options if name in accepted})
    if chosen.glutamate is None:
        return read
    signs = {name: options[name] for name in options if name in signing}
    return with_signs(read, **{"glutamate": chosen.glutamate, **signs})


@dataclass(frozen=True)
class _Source:
    """How to read one, and the sign of glutamate; None where signs are there or cannot be known."""

    read: Callable[..., Connectome]
    glutamate: int | None = None


def _read_published(path: Path, graph: str | None = None) -> Connectome:
    return read_published(path, graph)[0]


_NAMED = {
    "surrogate": _Source(surrogate),
    "worm": _Source(read_worm, glutamate=1),
    "neuprint": _Source(fetch_neuprint, glutamate=-1),
}
_SUFFIXED = {
    ".npz": _Source(load_connectome),
    ".graphml": _Source(load_graphml),
    ".json": _Source(_read_published),
    ".npy": _Source(read_matrix),
    **dict.fromkeys(SUFFIXES, _Source(read_tables, glutamate=-1)),
}


def _find(source: str | Path) -> tuple[_Source, tuple[Path, ...]]:
    if named := _NAMED.get(str(source)):
        return named, ()
    path = Path(source)
    suffixed = _SUFFIXED.get(path.suffix.lower())
    if suffixed is None or not path.is_file():
        raise FileNotFoundError(
            f"connectome must be one of {', '.join(_NAMED)}, or a file that ends in "
            f"{', '.join(_SUFFIXED)}, got {str(source)!r}{suggestion(str(source), [*_NAMED])}"
        )
    return suffixed, (path,)
