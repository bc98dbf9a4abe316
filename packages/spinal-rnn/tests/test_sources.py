"""Sessions by a preset's name or from a file."""

from pathlib import Path

import numpy as np
import pytest

from spinal_rnn.simulation.simulator import simulate_session
from spinal_rnn.sources import open_session


def test_a_preset_is_simulated_and_a_file_is_read(tmp_path: Path) -> None:
    simulated = open_session("easy", 3)
    np.testing.assert_array_equal(simulated.emg, simulate_session(3, "easy").emg)
    simulated.write(tmp_path / "s.h5")
    read = open_session(str(tmp_path / "s.h5"))
    np.testing.assert_array_equal(read.emg, simulated.emg)


def test_what_is_neither_is_refused() -> None:
    with pytest.raises(FileNotFoundError, match=r"got 'defualt' \(did you mean 'default'\?\)"):
        open_session("defualt")
