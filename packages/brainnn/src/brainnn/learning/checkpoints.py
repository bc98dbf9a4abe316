"""All that a training depends on, as tensors and plain values, and back: without pickle.

Box2D cannot save its worlds. So environments are no part of a checkpoint: a training resets them by
a seed wherever it writes one, whether or not it is ever resumed there.
"""

from collections.abc import Mapping
from pathlib import Path
from shutil import rmtree
from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor

from brainnn.learning.recurrent import CorePPO
from neuro_common.checkpoint import load_checkpoint, save_checkpoint
from neuro_common.files import FormatError

__all__ = [
    "adam_tensors",
    "named_tensors",
    "read_last",
    "restore_adam",
    "restore_last",
    "save_last",
    "write_last",
]

_KIND = "brainnn reinforcement"


def save_last(model: CorePPO, directory: Path, facts: Mapping[str, Any]) -> None:
    """Write the model between two rollouts; the checkpoint before stays until this one is whole.

    Args:
        model: What is trained.
        directory: Of the checkpoints of this training.
        facts: More for the manifest, in plain values.
    """
    tensors: dict[str, Tensor] = {
        f"policy:{name}": value for name, value in model.policy.state_dict().items()
    }
    tensors |= adam_tensors(model.policy.optimizer)
    # stable-baselines3 draws the actions from torch's global generator
    tensors["torch_rng"] = torch.get_rng_state()
    manifest = {
        "kind": _KIND,
        "step": model.num_timesteps,
        "n_updates": model._n_updates,
        "shuffling": model.rng.bit_generator.state,
        **facts,
    }
    write_last(directory, f"step_{model.num_timesteps:012d}", tensors, manifest)


def restore_last(model: CorePPO, directory: Path) -> dict[str, Any] | None:
    """Put a model and the generators where the last whole checkpoint found them.

    Args:
        model: Of the same networks.
        directory: Of the checkpoints of this training.

    Returns:
        The manifest; None where there is no checkpoint.

    Raises:
        FormatError: The checkpoint is damaged, or of another training.
    """
    found = read_last(directory, "step", _KIND)
    if found is None:
        return None
    arrays, manifest = found
    try:
        model.policy.load_state_dict(named_tensors(arrays, "policy:"))
        restore_adam(model.policy.optimizer, arrays)
        model.num_timesteps = int(manifest["step"])
        model._n_updates = int(manifest["n_updates"])
        model.rng.bit_generator.state = manifest["shuffling"]
        torch.set_rng_state(named_tensors(arrays, "torch_rng")[""])
    except (KeyError, RuntimeError, ValueError, TypeError) as error:
        raise FormatError(f"{directory} does not fit this training: {error}") from error
    return manifest


def write_last(
    directory: Path, name: str, tensors: Mapping[str, Tensor], manifest: Mapping[str, Any]
) -> None:
    """Write a checkpoint, and remove those before it once it is whole.

    Args:
        directory: Of the checkpoints of this training.
        name: What is counted and how far it is, such as "step_000128"; later ones sort after it.
        tensors: By name, of any shape.
        manifest: Plain values, a "kind" among them.
    """
    stem = name.partition("_")[0]
    earlier = [path for path in directory.glob(f"{stem}_*") if path.name != name]
    save_checkpoint(directory / name, tensors, manifest)
    for old in earlier:
        rmtree(old)


def read_last(
    directory: Path, stem: str, kind: str
) -> tuple[dict[str, NDArray[Any]], dict[str, Any]] | None:
    """Read the last whole checkpoint that :func:`write_last` wrote.

    Args:
        directory: Of the checkpoints of this training.
        stem: What is counted, such as "step".
        kind: That the manifest must name.

    Returns:
        Arrays by name, of the shapes they were written with, and the manifest; None where there is
        no checkpoint.

    Raises:
        FormatError: The checkpoint is damaged, or of another kind.
    """
    whole = [path for path in directory.glob(f"{stem}_*") if (path / "manifest.json").is_file()]
    if not whole:
        return None
    arrays, manifest = load_checkpoint(max(whole))
    if manifest.get("kind") != kind:
        raise FormatError(
            f"{max(whole)} must be a checkpoint of a {kind} training, got "
            f"{manifest.get('kind')!r}: give another directory"
        )
    return arrays, manifest


def adam_tensors(optimiser: torch.optim.Optimizer) -> dict[str, Tensor]:
    """What Adam remembers of each parameter.

    Args:
        optimiser: Between two steps.
    """
    state = optimiser.state_dict()["state"]
    return {
        f"optimizer:{number}:{name}": value
        for number, moments in state.items()
        for name, value in moments.items()
    }


def restore_adam(optimiser: torch.optim.Optimizer, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Give Adam back what `adam_tensors` took; its learning rate stays.

    Args:
        optimiser: Of the same parameters.
        arrays: Of a checkpoint, of the shapes of the parameters.

    Raises:
        ValueError: The parameters are others.
    """
    moments: dict[int, dict[str, Tensor]] = {}
    for key, value in named_tensors(arrays, "optimizer:").items():
        number, _, name = key.partition(":")
        moments.setdefault(int(number), {})[name] = value
    groups = optimiser.state_dict()["param_groups"]
    optimiser.load_state_dict({"state": moments, "param_groups": groups})


def named_tensors(arrays: Mapping[str, NDArray[Any]], prefix: str) -> dict[str, Tensor]:
    """Arrays whose names begin with a prefix, as tensors by the rest of the name.

    Args:
        arrays: Of a checkpoint, of any shape.
        prefix: Such as "policy:".
    """
    return {
        name.removeprefix(prefix): torch.from_numpy(value.copy())
        for name, value in arrays.items()
        if name.startswith(prefix)
    }
