"""Trained networks for other programs: matrices in npz, and GraphML with the learnt weights."""

from pathlib import Path
from typing import Any

import networkx as nx
import numpy as np

from brainnn.connectome.formats import to_graph
from brainnn.networks.rnn import ConnectomeRNN
from neuro_common.files import atomic_path

__all__ = ["save_matrices", "save_weighted_graphml"]


def save_matrices(path: str | Path, core: ConnectomeRNN) -> None:
    """Write all that the equation needs as dense matrices, row = post, column = pre, atomically.

    Args:
        path: File to write, `.npz`: ``recurrent`` (neurons, neurons), ``input`` (neurons,
            channels), ``output`` (actions, neurons), ``bias``, ``tau_ms`` and ``first_state``
            (neurons,), ``output_bias`` (actions,), ``dt_ms``, ``substeps``, ``activation``, and
            ``ids``, ``types`` and ``classes`` of the neurons.
        core: The network.

    Raises:
        ValueError: The path ends otherwise.
    """
    if Path(path).suffix.lower() != ".npz":
        raise ValueError(f"path must end in .npz, got {path}")
    arrays: dict[str, Any] = {
        name: one.detach().cpu().numpy() for name, one in core.matrices().items()
    }
    connectome = core.connectome
    with atomic_path(path) as temporary:
        np.savez_compressed(
            temporary,
            **arrays,
            dt_ms=np.array(core.dt_ms),
            substeps=np.array(core.substeps),
            activation=np.array(core.activation),
            ids=connectome.ids,
            types=connectome.types,
            classes=connectome.classes,
        )


def save_weighted_graphml(path: str | Path, core: ConnectomeRNN) -> None:
    """Write the connectome as GraphML with ``weight`` and ``gain`` of each edge, atomically.

    The gain is what training made of the first weight: 1 where it left it as it was.

    Args:
        path: File to write.
        core: The network.
    """
    graph = to_graph(core.connectome)
    ids = core.connectome.ids
    weights = core.edge_weights().detach().cpu().numpy()
    gains = core.edge_gains().detach().cpu().numpy()
    edges = zip(core.wiring.pre, core.wiring.post, weights, gains, strict=True)
    for pre, post, weight, gain in edges:
        graph.edges[str(ids[pre]), str(ids[post])].update(weight=float(weight), gain=float(gain))
    with atomic_path(path) as temporary:
        nx.write_graphml(graph, temporary)
