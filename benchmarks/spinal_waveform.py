"""EMG of configurations that were never tried, foretold by reflexes and by recurrent networks.

`python -m benchmarks.spinal_waveform 100 101 102 103 104` simulates a person for each seed, holds
out ten of fifty configurations with all their trials and mirror images, and prints the pooled R2
over samples of the held-out trials, and the processor time of each fit, on one thread.
"""

import sys
import time
from collections.abc import Callable

import numpy as np
import torch

from spinal_rnn.lead import SPECIFY_565
from spinal_rnn.models.base import Model
from spinal_rnn.models.recurrent import RecurrentModel
from spinal_rnn.models.recurrent_options import RecurrentOptions
from spinal_rnn.models.waveform import WaveformModel
from spinal_rnn.scores import pooled_r2
from spinal_rnn.simulation.presets import draw_subject
from spinal_rnn.simulation.simulator import measure, simulate_session
from spinal_rnn.splits import by_configuration

__all__ = ["main"]

MODELS: dict[str, Callable[[int], Model]] = {
    "reflexes": lambda samples: WaveformModel(samples),
    "GRU": lambda samples: RecurrentModel(mirror=SPECIFY_565.mirror),
    "LSTM2": lambda samples: RecurrentModel(
        RecurrentOptions(network="LSTM2"), mirror=SPECIFY_565.mirror
    ),
}


def main(seeds: list[int]) -> None:
    """Print a line for each person and model, and the means.

    Args:
        seeds: Of the persons.
    """
    torch.set_num_threads(1)
    scores: dict[str, list[float]] = {}
    for seed in seeds:
        session = simulate_session(seed)
        split = by_configuration(session.conditions, session.lead.mirror, seed=seed)
        train, test = session.take(split.train), session.take(split.test)
        largest = np.maximum(abs(train.emg).max(axis=(0, 1)), 1e-12)
        target = (test.emg / largest).astype(np.float64)
        clean = measure(draw_subject(seed), test.conditions, seed, noise=False).emg / largest
        _tell(scores, seed, "without noise", pooled_r2(target, clean.astype(np.float64)), 0.0)
        for name, build in MODELS.items():
            begin = time.process_time()
            model = build(session.emg.shape[1])
            model.fit(train.conditions, train.emg / largest)
            spent = time.process_time() - begin
            _tell(scores, seed, name, model.score(test.conditions, target), spent)
    for name, found in scores.items():
        print(f"mean     {name:14} R2 {np.mean(found):.3f}, least {min(found):.3f}")


def _tell(
    scores: dict[str, list[float]], seed: int, name: str, score: float, seconds: float
) -> None:
    scores.setdefault(name, []).append(score)
    print(f"seed {seed:3d} {name:14} R2 {score:.3f}  {seconds:6.1f} s", flush=True)


if __name__ == "__main__":
    main([int(word) for word in sys.argv[1:]] or [100])
