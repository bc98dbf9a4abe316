"""What could be explained at most of each neuron of a session, as a table."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from proprio_tcn.movements.format import BIN_S
from proprio_tcn.neural.protocol import Protocol
from proprio_tcn.neural.reliability import (
    condition_ceiling,
    oracle_ceiling,
    split_half_reliability,
)
from proprio_tcn.neural.targets import Targets, smoothed

__all__ = ["ceiling_table"]


def ceiling_table(
    targets: Targets,
    protocol: Protocol,
    true_rates: NDArray[np.float64] | None = None,
    *,
    every_trial: bool = False,
    seed: int,
) -> dict[str, list[Any]]:
    """A row for each neuron: its rate, its reliability and its ceilings.

    Args:
        targets: From `prepare`.
        protocol: That they were prepared with.
        true_rates: Expected counts of each bin of the recording, ``(trials, bins, neurons)``, where
            the neurons are of a known model: gives the column oracle_ev.
        every_trial: Whether all trials are held out, each once, as by nested cross-validation.
        seed: Of the halves.

    Returns:
        Columns neuron, rate_hz, reliability, condition_ceiling and perhaps oracle_ev; the middle
        two are NaN where no direction is repeated.

    Raises:
        ValueError: The targets were not cut from a recording.
    """
    recording, windows = targets.recording, targets.windows
    if recording is None or targets.counts is None:
        raise ValueError(
            "ceilings need targets that were cut from a recording, got bare arrays: make them with "
            "neural.targets.prepare"
        )
    # responses to a window come with the lag, and so do their repeats
    windows = windows.shifted(protocol.lag_bins)
    kept = np.isin(recording.neurons, targets.neurons)
    rates = smoothed(recording.spikes, recording, protocol)[..., kept]
    reliability = ceiling = np.full(len(targets.neurons), np.nan)
    if len(windows.repeated):
        reliability = split_half_reliability(rates, windows, seed=seed)
        ceiling = condition_ceiling(rates, windows)
    columns: dict[str, list[Any]] = {
        "neuron": list(targets.neurons),
        "rate_hz": (targets.counts.mean(axis=0) / BIN_S).tolist(),
        "reliability": reliability.tolist(),
        "condition_ceiling": ceiling.tolist(),
    }
    if true_rates is not None:
        wanted = smoothed(true_rates, recording, protocol)[..., kept]
        scored = np.full(len(targets.rates), True) if every_trial else ~targets.train
        rows = windows.gather(wanted)[scored]
        columns["oracle_ev"] = oracle_ceiling(targets.rates[scored], rows).tolist()
    return columns
