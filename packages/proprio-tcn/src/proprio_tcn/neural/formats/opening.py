"""Open a recording, whatever its file."""

import os
from importlib import import_module
from inspect import signature
from pathlib import Path
from typing import Any

from neuro_common.verbs import suggestion
from proprio_tcn.neural.recording import Recording

__all__ = ["open_recording"]

_READERS = {
    ".nwb": ("nwb", "read_nwb"),
    ".mat": ("trial_data", "read_trial_data"),
    ".npz": ("npz", "read_npz"),
    ".h5": ("from_inputs", "read_recorded"),
}


def open_recording(path: str | os.PathLike[str], **options: Any) -> Recording:
    """Read a recording from .nwb, .mat or .npz, or from recorded inputs (.h5) and spikes.

    Args:
        path: The file.
        **options: What the reader of its kind takes: `read_nwb`, `read_trial_data`, or
            `read_recorded`, which needs ``spikes``; that of npz takes none.

    Raises:
        ValueError: The file is of another kind, needs ``spikes``, or has no such option.
        FileNotFoundError: There is no such file.
        FormatError: The file makes no recording.
    """
    suffix = Path(path).suffix.lower()
    if suffix not in _READERS:
        raise ValueError(
            "a recording must end in .nwb, .mat or .npz, or in .h5 for recorded inputs with "
            f"spikes, got {os.fspath(path)!r}"
        )
    module, name = _READERS[suffix]
    reader = getattr(import_module(f"proprio_tcn.neural.formats.{module}"), name)
    known = list(signature(reader).parameters)[1:]
    if unknown := [one for one in options if one not in known]:
        raise ValueError(
            f"options of a {suffix} file must be among {', '.join(known) or 'none'}, got "
            f"{unknown[0]}{suggestion(unknown[0], known)}"
        )
    found: Recording = reader(path, **options)
    return found
