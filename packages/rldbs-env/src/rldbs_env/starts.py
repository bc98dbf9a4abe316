"""A bank of beginnings: settled ensembles at random phases of their rhythm, windows filled.

Where episodes begin and end by the thousand on an accelerator, none of them can wait for an
ensemble to settle. The bank is made once, by the same compiled steps as `rldbs_env.DBSVectorEnv`.
"""

from typing import NamedTuple

import numpy as np

from rldbs_env.arrays import Array, Indices
from rldbs_env.batch import Batch
from rldbs_env.settings import Settings

__all__ = ["Starts", "starts_of"]


class Starts(NamedTuple):
    """Beginnings of episodes, those of one ensemble after another.

    Attributes:
        state: Shape (starts, variables, neurons).
        fields: Mean fields X and Y, shape (starts, 2).
        windows: The last samples of X, Y and the action, oldest first, shape (starts, 3, length).
        currents: Of each ensemble's neurons, shape (ensembles, neurons).
        seeds: Of the ensembles, shape (ensembles,).
    """

    state: Array
    fields: Array
    windows: Array
    currents: Array
    seeds: Indices


def starts_of(settings: Settings, phases: int, threads: int = 1) -> Starts:
    """Beginnings at so many random phases of each ensemble of the pool.

    The phases are a function of the ensemble's seed, so that the same settings give the same bank.

    Args:
        settings: Of the environments; ``ensemble`` is a sequence of seeds, one population.
        phases: Beginnings per ensemble, at least 1.
        threads: Threads that share the work.

    Raises:
        ValueError: If ``phases`` is too small or a free ensemble leaves the observation's limits.
    """
    if phases < 1:
        raise ValueError(f"phases must be at least 1, got {phases}")
    seeds = np.array(settings.ensemble, np.int64)
    batch = Batch(len(seeds) * phases, settings, threads)
    for member in range(len(batch)):
        seed, phase = int(seeds[member // phases]), member % phases
        batch.seed(member, np.random.default_rng((seed, phase)))
    batch.reset(np.arange(len(batch)), {"ensemble": np.repeat(seeds, phases)})
    batch.close()
    windows = batch.windows[:, :3, : settings.window_steps]  # full rings begin at their head, 0
    return Starts(batch.state, batch.fields[:, :, 0], windows, batch.currents[::phases], seeds)
