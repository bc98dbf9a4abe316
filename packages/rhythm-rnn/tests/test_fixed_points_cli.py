"""`rhythm-rnn figures fixed_points` as a user types it."""

from pathlib import Path
from typing import Any

import pytest

from rhythm_rnn.dynamics_config import FixedPointsConfig


def test_the_verb_writes_a_whole_run(tmp_path: Path, rhythm: Any) -> None:
    words = ("weights=ei_100", "cue_range=[0.3,0.5]", "n_cues=2", "n_cycles=2")
    done = rhythm(tmp_path, "figures", "fixed_points", *words)
    assert done.returncode == 0, done.stderr
    assert "branches of fixed points between cue 0.3 and 0.5" in done.stdout
    assert "metric 0.2" in done.stdout  # a trained network beats at all of these cues
    (run,) = (tmp_path / "results" / "rhythm-rnn" / "figures_fixed_points").iterdir()
    names = {path.name for path in run.iterdir()}
    assert {"events.csv", "rhythm.csv", "report.html", "figures", "done"} <= names


def test_bad_options_are_refused() -> None:
    with pytest.raises(ValueError, match=r"cue_range must be \[lowest, highest\], got \[1.0\]"):
        FixedPointsConfig(cue_range=[1.0])
    with pytest.raises(ValueError, match="threads must be at least 1, got 0"):
        FixedPointsConfig(threads=0)
