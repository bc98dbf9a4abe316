"""A job notes that it begins and ends beside this file, and waits there where it is told to."""

import time
from pathlib import Path

import numpy as np

from neuro_common.checkpoint import save_checkpoint
from neuro_common.runs import Run
from toy.config import Train


def note(word: str, config: Train) -> None:
    with open(Path(__file__).with_name("notes"), "a") as notes:
        notes.write(f"{word} {config.seed} {config.rate}\n")


def train(config: Train, run: Run) -> float:
    package = Path(__file__).parent
    note("began", config)
    run.log(step=0, loss=1.0)
    ended = (package / "notes").read_text().count("ended")
    if ended >= config.free and not (package / "go").exists():
        note("waits", config)
        while not (package / "go").exists():
            time.sleep(0.02)
    if config.rate < 0:
        raise ValueError(f"rate must be >= 0, got {config.rate}")
    if config.numbers:
        save_checkpoint(run.directory, {"x": np.zeros(config.numbers)}, {})
    note("ended", config)
    return (config.rate - 0.3) ** 2 + config.seed
