"""Weights that are safe to share: tensors without pickle, and a manifest that vouches for them."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from neuro_common.extras import require
from neuro_common.files import (
    FORMAT_VERSION,
    FormatError,
    atomic_path,
    flush_to_disk,
    read_json,
    room_for,
    to_json,
)

if TYPE_CHECKING:
    import torch

__all__ = ["load_checkpoint", "save_checkpoint"]

_FORMAT = "neuro-common/checkpoint"
_WEIGHTS = "weights.safetensors"
_MANIFEST = "manifest.json"


def save_checkpoint(
    directory: str | Path,
    tensors: "Mapping[str, NDArray[Any] | torch.Tensor]",
    manifest: Mapping[str, Any],
) -> None:
    """Write ``weights.safetensors`` and the ``manifest.json`` about them (extra ``torch``).

    The manifest comes last and holds the weights' SHA-256, so weights without their manifest are
    never taken for a checkpoint. Give every checkpoint of a training its own directory: the one
    before then stays good until this one is whole.

    Args:
        directory: Directory to write to, made if it is not there.
        tensors: numpy arrays (torch is not needed for them) or torch tensors of any shape, by name.
        manifest: Facts about the weights in plain values: configuration, step, scores.

    Raises:
        ValueError: No tensor, a dtype that the file cannot hold, or a number in the manifest that
            is NaN or infinite.
        TypeError: Something in the manifest is no plain value.
        DiskFull: There is no room; the checkpoint that was there is as it was.
    """
    safetensors = require("safetensors", "torch")
    arrays = {name: _array(name, tensor) for name, tensor in tensors.items()}
    if not arrays:
        raise ValueError("tensors must hold at least one tensor, got none")
    try:
        weights = require("safetensors.numpy", "torch").save(arrays)
    except safetensors.SafetensorError as error:
        raise ValueError(f"tensors must have dtypes that safetensors holds: {error}") from error
    head = {
        "format": _FORMAT,
        "format_version": FORMAT_VERSION,
        "sha256": hashlib.sha256(weights).hexdigest(),
        "manifest": manifest,
    }
    text = to_json(head)

    directory = Path(directory)
    with (
        atomic_path(directory / _MANIFEST) as manifest_path,
        atomic_path(directory / _WEIGHTS) as weights_path,
    ):
        weights_path.write_bytes(weights)
        # both are safe before the first takes its name, so that a full disk leaves the old pair
        with room_for(directory / _MANIFEST):
            manifest_path.write_text(text, encoding="utf-8")
            flush_to_disk(manifest_path)


def load_checkpoint(directory: str | Path) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
    """Read what :func:`save_checkpoint` wrote, checked against its manifest (extra ``torch``).

    Args:
        directory: Directory that was written to.

    Returns:
        The tensors by name as numpy arrays, each of the shape it was saved with, and the manifest.

    Raises:
        FileNotFoundError: The weights or the manifest are missing.
        FormatError: A file is damaged or truncated, the weights are not those of the manifest, or
            a newer neuro-common wrote them.
    """
    safetensors = require("safetensors", "torch")
    directory = Path(directory)
    for name in (_MANIFEST, _WEIGHTS):
        if not (directory / name).is_file():
            raise FileNotFoundError(f"{directory} holds no complete checkpoint: {name} is missing")
    head = read_json(directory / _MANIFEST, _FORMAT)
    weights = (directory / _WEIGHTS).read_bytes()
    found = hashlib.sha256(weights).hexdigest()
    if found != head.get("sha256"):
        raise FormatError(
            f"{directory / _WEIGHTS} must have the SHA-256 that {_MANIFEST} names, "
            f"{head.get('sha256')}, got {found}: it is damaged or belongs to another checkpoint"
        )
    if "manifest" not in head:
        raise FormatError(f"{directory / _MANIFEST} has no manifest in it: it was edited")
    try:
        return require("safetensors.numpy", "torch").load(weights), head["manifest"]
    except safetensors.SafetensorError as error:
        raise FormatError(
            f"{directory / _WEIGHTS} must be a file of safetensors, got another ({error}); pickles "
            "are never opened"
        ) from None


def _array(name: str, tensor: Any) -> NDArray[Any]:
    if hasattr(tensor, "detach"):
        tensor = tensor.detach().cpu()
        try:
            tensor = tensor.numpy()
        except TypeError:
            raise ValueError(
                f'tensor "{name}" must have a dtype that numpy has, got {tensor.dtype}: '
                "convert it, for example with .float()"
            ) from None
    # safetensors copies memory as it lies: in another order the numbers would be scrambled
    return np.asarray(tensor, order="C")
