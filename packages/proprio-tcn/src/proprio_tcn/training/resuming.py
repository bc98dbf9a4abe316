"""Whose checkpoints are in a directory: a training goes on only from its own."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from neuro_common.files import FormatError, read_json, write_json

__all__ = ["claim_directory"]

_FORMAT = "proprio-tcn/training"
_NAME = "training.json"
_HEAD = ("format", "format_version")


def claim_directory(directory: Path, training: Mapping[str, Any]) -> None:
    """Write down which training a directory is of, or check that its checkpoints are of this one.

    Args:
        directory: Where ``checkpoints/`` go; the record ``training.json`` is beside them.
        training: All that decides the result, in plain values; groups of settings are mappings.

    Raises:
        FormatError: The checkpoints there are of another training, or nothing says of which.
    """
    record = directory / _NAME
    if not (directory / "checkpoints" / "last.ckpt").exists():
        directory.mkdir(parents=True, exist_ok=True)
        write_json(record, training, _FORMAT)
        return
    if not record.exists():
        raise FormatError(
            f"{directory} must have a {_NAME} beside its checkpoints, got none, so they may be of "
            "another training: give another directory, or delete its checkpoints to begin anew"
        )
    found = {key: one for key, one in read_json(record, _FORMAT).items() if key not in _HEAD}
    wanted, there = _flat(training), _flat(found)
    other = [key for key in {**wanted, **there} if wanted.get(key) != there.get(key)]
    if other:
        asked, got = (
            ", ".join(f"{key}={one.get(key)}" for key in other) for one in (wanted, there)
        )
        raise FormatError(
            f"{directory} must hold a training with {asked}, got checkpoints of one with {got}: "
            "give another directory, or delete its checkpoints to begin anew"
        )


def _flat(values: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in values.items():
        inside = _flat(value) if isinstance(value, Mapping) else {"": value}
        found |= {f"{key}.{name}" if name else key: one for name, one in inside.items()}
    return found
