"""Networks in files: all that they act by, so that a loaded one acts the same to the last bit.

A directory holds ``weights.safetensors`` and ``manifest.json``: parameters, wiring with the names
of its neurons, roles, options, and what the caller tells (phase input, scaling, scores).
"""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import sparse

from brainnn.connectome.graph import Connectome
from brainnn.networks.controls import GRUCore, MLPCore
from brainnn.networks.core import Core
from brainnn.networks.rnn import ConnectomeRNN
from brainnn.networks.roles import Roles
from brainnn.networks.sweep import SweepRNN
from brainnn.networks.wiring import Wiring
from neuro_common.checkpoint import load_checkpoint, save_checkpoint
from neuro_common.files import FormatError

__all__ = ["load_network", "save_network"]

_KIND = "brainnn/network"
_STATE = "state."
_TEXTS = ("ids", "types", "classes", "transmitters")
_SEED = 0  # what it draws is overwritten


def save_network(directory: str | Path, core: Core, facts: Mapping[str, Any] | None = None) -> None:
    """Write a network, whole or not at all.

    Noise that :func:`brainnn.networks.lesions.perturb` gave is not written.

    Args:
        directory: Where the two files go.
        core: The network.
        facts: What else belongs to it, in plain values; :func:`load_network` gives it back.

    Raises:
        TypeError: A fact is no plain value.
        ValueError: A fact is a number that is not finite.
    """
    tensors: dict[str, Any] = {f"{_STATE}{name}": one for name, one in core.state_dict().items()}
    manifest: dict[str, Any] = {
        "kind": _KIND,
        "core": core.kind,
        "channels": core.channels,
        "actions": core.actions,
        "options": core.options(),
        "facts": dict(facts or {}),
    }
    if isinstance(core, ConnectomeRNN):
        tensors |= {"strength": core.wiring.strength, "group": core.wiring.group}
    if isinstance(core, ConnectomeRNN | SweepRNN):
        tensors |= {"inputs": core.roles.inputs, "outputs": core.roles.outputs}
        tensors |= _connectome_arrays(core.connectome)
        manifest["connectome"] = _connectome_facts(core.connectome)
    save_checkpoint(directory, tensors, manifest)


def load_network(directory: str | Path) -> tuple[Core, dict[str, Any]]:
    """Read what :func:`save_network` wrote; its actions are the same to the last bit.

    Args:
        directory: That was written to.

    Returns:
        The network and the facts.

    Raises:
        FileNotFoundError: The weights or the manifest are missing.
        FormatError: They are damaged, or of something else.
    """
    tensors, manifest = load_checkpoint(directory)
    if manifest.get("kind") != _KIND:
        raise FormatError(
            f"{directory} must hold a network of brainnn, got {manifest.get('kind')!r}"
        )
    state = {
        name.removeprefix(_STATE): torch.from_numpy(np.array(one))
        for name, one in tensors.items()
        if name.startswith(_STATE)
    }
    try:
        core = _built(tensors, manifest, _dtype_of(state))
        core.load_state_dict(state)
        return core, manifest["facts"]
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        raise FormatError(
            f"{directory} is no whole network: {error}; restore it from a copy, or train it again"
        ) from error


def _built(
    tensors: Mapping[str, NDArray[Any]], manifest: Mapping[str, Any], dtype: torch.dtype
) -> Core:
    sizes = manifest["channels"], manifest["actions"]
    options = manifest["options"] | {"seed": _SEED, "dtype": dtype}
    kind = manifest["core"]
    if kind == GRUCore.kind:
        return GRUCore(*sizes, **options)
    if kind == MLPCore.kind:
        return MLPCore(*sizes, **options)
    if kind not in (ConnectomeRNN.kind, SweepRNN.kind):
        raise ValueError(f"core must be a kind of network, got {kind!r}")
    connectome = _connectome_of(tensors, manifest["connectome"])
    roles = Roles(tensors["inputs"], tensors["outputs"])
    if kind == SweepRNN.kind:
        return SweepRNN(connectome, options.pop("layers"), roles, *sizes, **options)
    edges = Wiring.of(connectome)
    wiring = replace(edges, strength=tensors["strength"], group=tensors["group"])
    options |= {"spectral_radius": None, "tau_ms": 2 * options["dt_ms"]}
    return ConnectomeRNN(wiring, roles, *sizes, **options)


def _dtype_of(state: Mapping[str, torch.Tensor]) -> torch.dtype:
    return next(one.dtype for one in state.values() if one.is_floating_point())


def _connectome_arrays(connectome: Connectome) -> dict[str, NDArray[Any]]:
    pre, post, count = connectome.edge_list()
    return {"pre": pre, "post": post, "count": count, "signs": connectome.signs}


def _connectome_facts(connectome: Connectome) -> dict[str, Any]:
    return {
        "name": connectome.name,
        "source": connectome.source,
        "rois": [sorted(rois) for rois in connectome.rois],
        **{name: getattr(connectome, name).tolist() for name in _TEXTS},
    }


def _connectome_of(tensors: Mapping[str, NDArray[Any]], facts: Mapping[str, Any]) -> Connectome:
    neurons = len(facts["ids"])
    ends = tensors["pre"], tensors["post"]
    counts = sparse.coo_array((tensors["count"], ends), shape=(neurons, neurons))
    return Connectome.of(
        facts["name"],
        counts,
        signs=tensors["signs"],
        rois=[frozenset(rois) for rois in facts["rois"]],
        source=facts["source"],
        **{name: facts[name] for name in _TEXTS},
    )
