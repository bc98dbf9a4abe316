"""A network left alone with a cue: its output, its rates and its taps."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from neuro_common.rate_noise import Noise
from neuro_common.rates import RateNetwork
from rhythm_rnn.taps import Taps, find_taps
from rhythm_rnn.task import free_run

__all__ = ["Activity", "excitatory_units", "record"]

Array = NDArray[np.float64]
Rates = NDArray[np.floating[Any]]


@dataclass(frozen=True, eq=False)
class Activity:
    """What a network did with one cue and no clicks, after its transient.

    Attributes:
        cue: Amplitude of the cue.
        output: At every step, shape (time,).
        rates: Shape (samples, units), the first at the first step; empty if none were asked for.
        taps: Found in the output.
        dt_ms: Step of the network.
        sample_ms: Between samples of the rates.
    """

    cue: float
    output: Rates
    rates: Rates
    taps: Taps
    dt_ms: float
    sample_ms: float

    @property
    def tap_samples(self) -> Array:
        """Taps in samples of the rates, shape (taps,), as far as there are rates."""
        samples = self.taps.time_ms / self.sample_ms
        return samples[samples <= len(self.rates) - 1]


def record(
    network: RateNetwork,
    cues: ArrayLike,
    *,
    duration_s: float = 20.0,
    discard_s: float = 2.0,
    noise: Noise | None = None,
    every: int | None = 1,
) -> list[Activity]:
    """Let a network run freely with several cues at once, from rest, and find its taps.

    Args:
        network: The network.
        cues: Amplitudes of the cue, shape (cues,).
        duration_s: Length of what is kept.
        discard_s: Transient before it, in which the cue steps on.
        noise: Noise of the run; None is none.
        every: Steps between kept rates, None to keep none. Twenty seconds of 500 units and one cue
            are 40 MB.

    Returns:
        One for each cue.

    Raises:
        ValueError: `discard_s` is no time, or what `rhythm_rnn.task.free_run`,
            `RateNetwork.free_run` and `rhythm_rnn.taps.find_taps` refuse. An output that grows
            beyond all numbers is no error: it has no rhythm.
    """
    if not 0 <= discard_s < np.inf:
        raise ValueError(f"discard_s must be finite and at least 0, got {discard_s}")
    trials = free_run(cues, duration_s=discard_s + duration_s, dt_ms=network.dt_ms)
    inputs = torch.from_numpy(trials.inputs).to(network.bias)
    run = network.free_run(inputs, noise=noise, save_every=every)
    dt_ms, stride = network.dt_ms, every or 1
    # the first step that is kept is a kept sample too
    begin = -(-round(discard_s * 1e3 / dt_ms) // stride)
    activities = []
    for cue, output, states in zip(np.atleast_1d(cues), run.outputs, run.states, strict=True):
        y = output[begin * stride :, 0].cpu().numpy()
        rates = network.rate_of(states[begin:]).cpu().numpy()
        activities.append(Activity(float(cue), y, rates, _taps(y, dt_ms), dt_ms, stride * dt_ms))
    return activities


def excitatory_units(network: RateNetwork) -> NDArray[np.bool_]:
    """Which units excite, shape (units,), by the network's own signs.

    Raises:
        ValueError: The network does not keep Dale's law.
    """
    if network.signs is None:
        raise ValueError("network must keep Dale's law to have two types of units, got no signs")
    return np.asarray((network.signs > 0).cpu().numpy())


def _taps(output: Rates, dt_ms: float) -> Taps:
    if np.isfinite(output).all():
        return find_taps(output, dt_ms)
    return Taps(np.empty(0), float("nan"), "no rhythm", "the output grows beyond all numbers")
