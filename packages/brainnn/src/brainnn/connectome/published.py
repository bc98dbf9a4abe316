"""The published file of adjacency matrices, its layer lists and its numpy matrices."""

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from brainnn.connectome.graph import Connectome
from brainnn.connectome.names import known
from neuro_common.files import FormatError

__all__ = ["published_graphs", "read_layers", "read_matrix", "read_published"]

Layers = tuple[NDArray[np.intp], ...]


def read_published(path: str | Path, graph: str | None = None) -> tuple[Connectome, Layers]:
    """Read a graph of a JSON file ``{name: {"matrix": rows by pre, "layers": lists of indices}}``.

    The file holds neither ids nor types nor signs: neurons are numbered from 0, and the rest is
    unknown. The layers come as they are; `brainnn.connectome.layering.check_layers` says whether
    they are whole.

    Args:
        path: The file.
        graph: Which of its graphs; None is for a file with one.

    Returns:
        The connectome, and the indices of each layer's neurons, none where the file has no layers.

    Raises:
        FileNotFoundError: There is no such file.
        FormatError: The file has another layout, or a matrix is not square or holds no counts.
        ValueError: It has no graph of that name, or several and none is named.
    """
    path, graphs = Path(path), _graphs(Path(path))
    if graph is None:
        if len(graphs) > 1:
            raise ValueError(f"{path} holds {len(graphs)} graphs: name one of {', '.join(graphs)}")
        graph = next(iter(graphs))
    entry = graphs[known(graph, [*graphs], "graph", str(path))]
    where = f"{path}, {graph}"
    return _counted(where, entry["matrix"], graph, path), _layers(where, entry.get("layers", []))


def published_graphs(path: str | Path) -> list[str]:
    """Names of the graphs of a published file, with the errors of :func:`read_published`."""
    return [*_graphs(Path(path))]


def read_layers(path: str | Path) -> Layers:
    """Read layers from a JSON list of lists of indices.

    Raises:
        FileNotFoundError: There is no such file.
        FormatError: The file holds something else.
    """
    return _layers(str(path), _json(Path(path)))


def read_matrix(path: str | Path) -> Connectome:
    """Read a matrix of counts, row = pre, from a `.npy` file; neurons are numbered from 0.

    Raises:
        FileNotFoundError: There is no such file.
        FormatError: It holds no square matrix of counts.
    """
    path = Path(path)
    try:
        matrix = np.load(path, allow_pickle=False)
    except (ValueError, EOFError) as error:
        raise FormatError(f"{path} must be a whole .npy file of numbers, got {error}") from None
    return _counted(str(path), matrix, path.stem, path)


def _json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise FormatError(f"{path} must be a complete JSON file, got {error}") from None


def _graphs(path: Path) -> dict[str, Any]:
    graphs = _json(path)
    whole = isinstance(graphs, dict) and graphs
    if not whole or not all(isinstance(e, dict) and "matrix" in e for e in graphs.values()):
        raise FormatError(f'{path} must hold graphs, {{name: {{"matrix": rows, "layers": lists}}}}')
    return dict(graphs)


def _counted(where: str, matrix: Any, name: str, path: Path) -> Connectome:
    try:
        # rows of different lengths make no array, and so end here too
        return Connectome.of(name, np.asarray(matrix, dtype=np.float64), source=path.name)
    except (ValueError, TypeError) as error:
        raise FormatError(f"{where}: {error}") from None


def _layers(where: str, lists: Any) -> Layers:
    def whole(layer: Any) -> bool:
        return isinstance(layer, list) and all(type(i) is int and i >= 0 for i in layer)

    if not isinstance(lists, list) or not all(map(whole, lists)):
        raise FormatError(f"{where}: layers must be lists of indices of neurons, 0 or more")
    return tuple(np.array(layer, dtype=np.intp) for layer in lists)
