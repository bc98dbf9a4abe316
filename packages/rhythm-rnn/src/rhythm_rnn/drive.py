"""Long runs of a trained network: all cues at once, left alone or with clicks of one's own.

Every cue meets the same noise, the same numbers at the same step. A cue that is run alone then
gives the trace that it gives among a hundred, what differs between cues comes from the cues, and
the noise of a hundred cues costs as much as that of one. Another seed is another noise.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from neuro_common.rate_noise import Noise
from neuro_common.rates import Block, RateNetwork
from rhythm_rnn import task
from rhythm_rnn.model import Network
from rhythm_rnn.taps import Taps, find_taps

__all__ = ["PUBLISHED_NOISE", "Components", "Drive", "drive"]

Array = NDArray[np.float64]
Report = Callable[[int], None]

PUBLISHED_NOISE = Noise(0, recurrent=0.01)
"""Noise of the published free runs, on the units alone."""

_FITTED_EVERY = 10  # steps between the rates that principal axes are taken from
_SHORTEST = 16  # samples that taps can be looked for in


@dataclass(frozen=True, eq=False)
class Components:
    """Rates on the principal axes that all cues have in common.

    Attributes:
        scores: Rates on the axes, shape (cues, time, components).
        axes: Orthonormal, in falling order of variance, the largest entry of each positive, shape
            (components, units).
        mean: Mean rates, which the scores are counted from, shape (units,).
        explained_variance: Part of the variance on each axis, shape (components,).
    """

    scores: NDArray[np.float32]
    axes: Array
    mean: Array
    explained_variance: Array


@dataclass(frozen=True, eq=False)
class Drive:
    """What a network gave out at several cues.

    Attributes:
        cues: Amplitudes of the cue, shape (cues,).
        outputs: From the first step on, shape (cues, time).
        dt_ms: Sampling interval.
        discard_s: What is left out at the beginning before taps are looked for.
        taps: Of each cue, in ms from the beginning of the run. An output that is not finite is
            "invalid" and has none.
        click_s: When clicks sounded, shape (clicks,).
        rates: Of the steps 0, k, 2k, ..., shape (cues, saved, units), if asked for.
        save_every: That k.
        components: Rates on their principal axes, if asked for.
    """

    cues: Array
    outputs: NDArray[np.float32]
    dt_ms: float
    discard_s: float
    taps: tuple[Taps, ...]
    click_s: Array
    rates: NDArray[np.float32] | None = None
    save_every: int | None = None
    components: Components | None = None

    @property
    def time_s(self) -> Array:
        """Time of each sample, shape (time,)."""
        return np.asarray(np.arange(self.outputs.shape[1]) * self.dt_ms / 1e3)

    @property
    def settled(self) -> NDArray[np.float32]:
        """Outputs without what is discarded, shape (cues, time)."""
        return self.outputs[:, self.first_step :]

    @property
    def first_step(self) -> int:
        """Number of the first step that is not discarded."""
        return round(self.discard_s * 1e3 / self.dt_ms)


def drive(
    network: Network,
    cues: ArrayLike,
    *,
    click_s: ArrayLike = (),
    onset_s: float | None = None,
    duration_s: float = 52.0,
    discard_s: float = 2.0,
    noise: Noise | None = PUBLISHED_NOISE,
    save_every: int | None = None,
    components: int | None = None,
    report: Report | None = None,
) -> Drive:
    """Run a network at many cues in one batch, and find its taps.

    Inputs and outputs are in memory, about 1 MB for a cue of 52 s, rates only as far as they are
    kept. Components need two runs with the same noise: the first collects the covariance of the
    rates of every tenth step, the second projects.

    Args:
        network: Two input channels, clicks and cue, and one output.
        cues: Any finite amplitudes, shape (cues,).
        click_s: Times of clicks, which every cue hears, shape (clicks,).
        onset_s: When the cue steps on; None is with the first click, or at 0.05 s without.
        duration_s: Length of the run.
        discard_s: What to leave out at the beginning before looking for taps. With clicks, a time
            after the last one asks for the rhythm that goes on alone.
        noise: Every cue meets the same; None is none. A gated network has no noise.
        save_every: Keep the rates of every so many steps.
        components: Keep the rates on so many principal axes, at every step.
        report: Called with a number of steps when these are done, of `duration_s` in all, twice
            that with components.

    Raises:
        ValueError: A cue is not finite, clicks do not rise or are outside the run, a duration or
            number is out of its range, or the network has other inputs or outputs.
    """
    amplitudes = np.atleast_1d(np.asarray(cues, dtype=np.float64))
    clicks = np.asarray(click_s, dtype=np.float64)
    if isinstance(network, RateNetwork):
        _check_channels(network)
    _check_run(amplitudes, clicks, duration_s, discard_s, network.dt_ms)
    _check_saving(save_every, components, network.units)
    if onset_s is None:
        onset_s = float(clicks[0]) if len(clicks) else 0.05
    inputs = _inputs(network, amplitudes, clicks, onset_s, duration_s)

    def blocks() -> Iterator[Block]:
        for block in _blocks(network, inputs, noise):
            yield block
            if report is not None:
                report(block.outputs.shape[1])

    n_cues, n_steps = inputs.shape[:2]
    first_step = round(discard_s * 1e3 / network.dt_ms)
    basis = _principal_axes(blocks(), first_step, components, network.units) if components else None
    outputs = np.empty((n_cues, n_steps), dtype=np.float32)
    scores = np.empty((n_cues, n_steps, components or 0), dtype=np.float32)
    saved: list[NDArray[np.float32]] = []
    for block in blocks():
        span = slice(block.first, block.first + block.outputs.shape[1])
        outputs[:, span] = block.outputs[..., 0].float().cpu().numpy()
        if basis is not None:
            scores[:, span] = (block.rates.double().cpu().numpy() - basis.mean) @ basis.axes.T
        if save_every is not None:
            kept = block.rates[:, -block.first % save_every :: save_every]
            saved.append(kept.float().cpu().numpy())
    dt_ms = network.dt_ms
    return Drive(
        amplitudes,
        outputs,
        dt_ms,
        discard_s,
        tuple(_taps(output, first_step, dt_ms) for output in outputs),
        clicks,
        np.concatenate(saved, axis=1) if saved else None,
        save_every,
        None if basis is None else replace(basis, scores=scores),
    )


class _SharedNoise(Noise):
    """The noise of one trial, met by all trials of a batch."""

    def add_to_inputs(self, inputs: torch.Tensor, alpha: torch.Tensor, first: int) -> torch.Tensor:
        if not self.inputs:
            return inputs
        trials = (inputs[:, [number]] for number in range(inputs.shape[1]))
        alone = [super(_SharedNoise, self).add_to_inputs(one, alpha, first) for one in trials]
        return torch.cat(alone, dim=1)

    def of_units(
        self, shape: tuple[int, int, int], alpha: torch.Tensor, first: int
    ) -> torch.Tensor | None:
        n_steps, _, units = shape
        noise = super().of_units((n_steps, 1, units), alpha, first)
        return None if noise is None else noise.expand(shape).contiguous()


def _blocks(network: Network, inputs: torch.Tensor, noise: Noise | None) -> Iterator[Block]:
    if not isinstance(network, RateNetwork):
        return network.blocks(inputs)
    shared = None if noise is None else _SharedNoise(**vars(noise))
    return network.blocks(inputs, noise=shared)


def _inputs(
    network: Network, cues: Array, click_s: Array, onset_s: float, duration_s: float
) -> torch.Tensor:
    """Clicks and cues, shape (cues, time, 2), of the network's dtype and on its device."""
    one = task.free_run([1.0], onset_s=onset_s, duration_s=duration_s, dt_ms=network.dt_ms)
    if len(click_s):
        # shifted by nothing: laid on the grid as the clicks of the task are
        one = task.perturbed(replace(one, click_s=click_s[None]), "shifted", 0)
    amplitudes = np.ones((len(cues), 1, 2))
    amplitudes[:, 0, task.CUE] = cues
    like = next(network.parameters())
    return torch.as_tensor(one.inputs).to(like) * torch.as_tensor(amplitudes).to(like)


def _principal_axes(blocks: Iterable[Block], first_step: int, n: int, units: int) -> Components:
    """Axes of the rates of all cues from a step on, without scores."""
    count, total, products = 0, np.zeros(units), np.zeros((units, units))
    for block in blocks:
        steps = np.arange(block.first, block.first + block.rates.shape[1])
        fitted = np.flatnonzero((steps >= first_step) & (steps % _FITTED_EVERY == 0))
        rates = block.rates[:, fitted].flatten(0, 1).double().cpu().numpy()
        count += len(rates)
        with np.errstate(over="ignore", invalid="ignore"):
            total += rates.sum(axis=0)
            products += rates.T @ rates
    if not np.isfinite(products).all():
        raise ValueError(
            "rates must be finite to have components, got some that are not: leave out cues at "
            "which the network diverges"
        )
    mean = total / count
    variance, columns = np.linalg.eigh(products / count - np.outer(mean, mean))
    axes = columns.T[::-1][:n]
    largest = np.take_along_axis(axes, np.abs(axes).argmax(axis=1)[:, None], axis=1)
    whole = variance.clip(0).sum()
    explained = variance[::-1][:n].clip(0) / (whole if whole > 0 else 1.0)
    return Components(np.empty((0, 0, n), np.float32), axes * np.sign(largest), mean, explained)


def _taps(output: NDArray[np.float32], first_step: int, dt_ms: float) -> Taps:
    """Taps from a step on, timed from the beginning of the run."""
    finite = np.isfinite(output)
    if not finite.all():
        since = finite.argmin() * dt_ms / 1e3
        reason = f"the output is not finite from {since:g} s on"
        return Taps(np.empty(0), float("nan"), "invalid", reason)
    found = find_taps(output[first_step:], dt_ms)
    return replace(found, time_ms=found.time_ms + first_step * dt_ms)


def _check_channels(network: RateNetwork) -> None:
    shape = (network.input_weight.shape[1], network.output_weight.shape[0])
    if shape != (2, 1):
        raise ValueError(
            f"network must have 2 inputs, clicks and cue, and 1 output, got {shape[0]} and "
            f"{shape[1]}"
        )


def _check_run(
    cues: Array, click_s: Array, duration_s: float, discard_s: float, dt_ms: float
) -> None:
    if cues.ndim != 1 or len(cues) == 0 or not np.isfinite(cues).all():
        raise ValueError(f"cues must be finite and at least one, got {cues.tolist()}")
    if not (np.isfinite(discard_s) and discard_s >= 0):
        raise ValueError(f"discard_s must be finite and at least 0, got {discard_s}")
    if not (duration_s - discard_s) * 1e3 >= _SHORTEST * dt_ms:
        raise ValueError(
            f"duration_s must be finite and leave at least {_SHORTEST} samples after "
            f"discard_s={discard_s:g}, got {duration_s}"
        )
    if click_s.ndim != 1 or not (np.diff(click_s) > 0).all():
        raise ValueError(f"click_s must be rising times, got {np.array2string(click_s)}")
    if len(click_s) and not (click_s[0] >= 0 and click_s[-1] < duration_s):
        raise ValueError(
            f"click_s must be within the run, [0, {duration_s:g}) s, got {click_s[0]:g} to "
            f"{click_s[-1]:g}: run for longer, or give times in seconds"
        )


def _check_saving(save_every: int | None, components: int | None, units: int) -> None:
    if save_every is not None and save_every < 1:
        raise ValueError(f"save_every must be at least 1 or None, got {save_every}")
    if components is not None and not 1 <= components <= units:
        raise ValueError(
            f"components must be in [1, {units}], the number of units, or None, got {components}"
        )
