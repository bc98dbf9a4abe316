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

__all__ = ["restore_last", "save_last"]

_KIND = "brainnn reinforcement"


def save_last(model: CorePPO, directory: Path, facts: Mapping[str, Any]) -> None:
    """Write the model between two rollouts; the checkpoint before stays until this one is whole.

    Args:
        model: What is trained.
        directory: Of the checkpoints of this training.
        facts: More for the manifest, in plain values.
    """
    earlier = [*directory.glob("step_*")]
    target = directory / f"step_{model.num_timesteps:012d}"
    tensors: dict[str, Tensor] = {
        f"policy:{name}": value for name, value in model.policy.state_dict().items()
    }
    for number, moments in model.policy.optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer:{number}:{name}": value for name, value in moments.items()}
    # stable-baselines3 draws the actions from torch's global generator
    tensors["torch_rng"] = torch.get_rng_state()
    manifest = {
        "kind": _KIND,
        "step": model.num_timesteps,
        "n_updates": model._n_updates,
        "shuffling": model.rng.bit_generator.state,
        **facts,
    }
    save_checkpoint(target, tensors, manifest)
    for old in earlier:
        if old != target:
            rmtree(old)


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
    whole = [path for path in directory.glob("step_*") if (path / "manifest.json").is_file()]
    if not whole:
        return None
    arrays, manifest = load_checkpoint(max(whole))
    if manifest.get("kind") != _KIND:
        raise FormatError(
            f"{max(whole)} must be a checkpoint of a training by reinforcement, got "
            f"{manifest.get('kind')!r}: give another directory"
        )
    try:
        model.policy.load_state_dict(_named(arrays, "policy:"))
        moments: dict[int, dict[str, Tensor]] = {}
        for key, value in _named(arrays, "optimizer:").items():
            number, _, name = key.partition(":")
            moments.setdefault(int(number), {})[name] = value
        groups = model.policy.optimizer.state_dict()["param_groups"]
        model.policy.optimizer.load_state_dict({"state": moments, "param_groups": groups})
        model.num_timesteps = int(manifest["step"])
        model._n_updates = int(manifest["n_updates"])
        model.rng.bit_generator.state = manifest["shuffling"]
        torch.set_rng_state(_named(arrays, "torch_rng")[""])
    except (KeyError, RuntimeError, ValueError, TypeError) as error:
        raise FormatError(f"{max(whole)} does not fit this training: {error}") from error
    return manifest


def _named(arrays: Mapping[str, NDArray[Any]], prefix: str) -> dict[str, Tensor]:
    return {
        name.removeprefix(prefix): torch.from_numpy(value.copy())
        for name, value in arrays.items()
        if name.startswith(prefix)
    }
