"""Where the verbs take a session from: a simulated person, or a file."""

from pathlib import Path

from neuro_common.verbs import suggestion
from spinal_rnn.session import Session, read_session

__all__ = ["open_session"]


def open_session(source: str, seed: int = 0) -> Session:
    """A session by the name of a preset, or from a file.

    Args:
        source: One of `spinal_rnn.simulation.presets.PRESETS`, or the path of an HDF5 file that
            `spinal-rnn import` or `spinal-rnn simulate` wrote.
        seed: Which person is simulated; without a meaning for a file.

    Raises:
        FileNotFoundError: It is neither.
        FormatError: The file holds no session.
    """
    from spinal_rnn.simulation.simulator import PRESETS, simulate_session

    if source in PRESETS:
        return simulate_session(seed, source)
    if not Path(source).is_file():
        raise FileNotFoundError(
            f"session must be a preset ({', '.join(PRESETS)}) or an HDF5 file, got {source!r}"
            f"{suggestion(source, list(PRESETS))}; `spinal-rnn import` makes such a file"
        )
    return read_session(source)
