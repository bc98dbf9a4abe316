"""Open a recording, whatever its file."""

import os
from pathlib import Path
from typing import Any

from proprio_tcn.neural.recording import Recording

__all__ = ["open_recording"]


def open_recording(path: str | os.PathLike[str], **options: Any) -> Recording:
    """Read a recording from .nwb, .mat or .npz, or from recorded inputs (.h5) and spikes.

    Args:
        path: The file.
        **options: What the reader of its kind takes: `read_nwb`, `read_trial_data`, or
            `read_recorded`, which needs ``spikes``; that of npz takes none.

    Raises:
        ValueError: The file is of another kind, or needs ``spikes``.
        FileNotFoundError: There is no such file.
        FormatError: The file makes no recording.
        TypeError: The reader has no such option.
    """
    suffix = Path(path).suffix.lower()
    if suffix == ".nwb":
        from proprio_tcn.neural.formats.nwb import read_nwb

        return read_nwb(path, **options)
    if suffix == ".mat":
        from proprio_tcn.neural.formats.trial_data import read_trial_data

        return read_trial_data(path, **options)
    if suffix == ".npz":
        from proprio_tcn.neural.formats.npz import read_npz

        return read_npz(path, **options)
    if suffix == ".h5":
        from proprio_tcn.neural.formats.from_inputs import read_recorded

        return read_recorded(path, **options)
    raise ValueError(
        "a recording must end in .nwb, .mat or .npz, or in .h5 for recorded inputs with spikes, "
        f"got {os.fspath(path)!r}"
    )
