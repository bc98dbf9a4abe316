"""Open a recording, whatever its file."""

import os
from pathlib import Path
from typing import Any

from proprio_tcn.neural.recording import Recording

__all__ = ["open_recording"]


def open_recording(path: str | os.PathLike[str], **options: Any) -> Recording:
    """Read a recording from .nwb, .mat or .npz.

    Args:
        path: The file.
        **options: What the reader of its kind takes: `read_nwb` or `read_trial_data`; that of npz
            takes none.

    Raises:
        ValueError: The file is of another kind.
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
    raise ValueError(f"a recording must end in .nwb, .mat or .npz, got {os.fspath(path)!r}")
