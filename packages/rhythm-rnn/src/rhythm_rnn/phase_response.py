"""Phase response of a trained network: how far a push at each phase moves the taps that follow.

The rhythm is pushed once, by a pulse on its inputs or a kick of its state, at many phases of one
cycle, all in one batched run without noise. A shift is measured in cycles, positive where the tap
comes earlier than it would have come, and wrapped to [-0.5, 0.5): an event that goes through
another number of cycles is not told apart.

Small pushes have a theory. The gradient of the phase obeys the adjoint of the linearised network,
run backwards along the cycle (Malkin; Ermentrout and Kopell 1991), and predicts the shift of any
small push. What a real click does is that curve where the network responds linearly, and another
one where it does not.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from neuro_common.rate_sequence import ACTIVATIONS
from neuro_common.rates import RateNetwork
from rhythm_rnn.taps import crests, find_taps
from rhythm_rnn.task import CUE, free_run

__all__ = ["Beat", "PhaseResponse", "beat", "phase_response", "wrapped"]

Array = NDArray[np.float64]

_FEWEST_CYCLES = 13  # of a recording: pushes come early, and the adjoint needs the rest
# before a push and after the last tap, so that no tap is at the edge of what is smoothed
_LEAD_CYCLES = 2
_TAIL_CYCLES = 2
_MOST_JUMP = 1 / 3  # cycles between neighbouring phases up to which a curve can be followed


@dataclass(frozen=True, eq=False)
class Beat:
    """The rhythm that nothing disturbs.

    Attributes:
        cue: Its cue.
        dt_ms: Step of the network.
        period_ms: Interval between taps.
        tap_ms: When it taps, counted from the first sample, shape (taps,).
        output: After each step, shape (time,).
        states: After each step, shape (time, units).
        gradient: Change of the phase per unit of each state there, in cycles, shape (time, units).
            It holds in the first half; towards the end it begins with what is arbitrary.
    """

    cue: float
    dt_ms: float
    period_ms: float
    tap_ms: Array
    output: Array
    states: Tensor
    gradient: Array

    def phase(self, time_ms: ArrayLike) -> Array:
        """Cycles since the first tap, up to the last, not wrapped; shape of the times."""
        return np.asarray(np.interp(np.asarray(time_ms), self.tap_ms, np.arange(len(self.tap_ms))))

    @property
    def pushed_cycle(self) -> slice:
        """The samples of the cycle that is pushed."""
        return _pushed_cycle(self.tap_ms, self.dt_ms)


@dataclass(frozen=True)
class PhaseResponse:
    """Shifts of the taps after a push.

    Attributes:
        cue: The cue.
        period_ms: Period of the rhythm that nothing disturbs.
        phase: When the push begins, in cycles after a tap, [0, 1), shape (phases,).
        shift: Of the first, second, ... tap after the push, in cycles, positive is earlier, NaN
            where the rhythm stopped, shape (phases, taps).
        linear: Of the late taps by the theory of small pushes, not wrapped, shape (phases,).
    """

    cue: float
    period_ms: float
    phase: Array
    shift: Array
    linear: Array

    @property
    def lasting(self) -> Array:
        """Shift that stays: that of the last tap, shape (phases,)."""
        return np.asarray(self.shift[:, -1])

    @property
    def unsettled(self) -> float:
        """Largest change of a shift over the last cycle, in cycles: small if shifts last."""
        return float(np.abs(wrapped(self.shift[:, -1] - self.shift[:, -2])).max())

    @property
    def new_phase(self) -> Array:
        """Phase that a push at each phase leads to, in cycles, [0, 1), shape (phases,)."""
        return np.asarray((self.phase + self.lasting) % 1.0)

    @property
    def reset(self) -> float:
        """How much alike the new phases are: 1 if a push sets the rhythm to one phase, 0 if none.

        The length of the mean of unit vectors at the new phases.
        """
        return float(np.abs(np.exp(2j * np.pi * self.new_phase).mean()))

    @property
    def winding(self) -> int | None:
        """How often the new phase goes round while the old one does so once: 1 is type 1, 0 type 0.

        None where a rhythm stopped or neighbouring phases lie too far apart to tell.
        """
        new = self.new_phase
        jumps = wrapped(np.diff(np.append(new, new[0])))
        if not np.abs(jumps).max() < _MOST_JUMP:
            return None
        return round(float(jumps.sum()))


def wrapped(cycles: ArrayLike) -> Array:
    """Differences of phase, in cycles, wrapped to [-0.5, 0.5).

    Of any shape, which is kept.
    """
    return np.asarray((np.asarray(cycles, dtype=np.float64) + 0.5) % 1.0 - 0.5)


def beat(
    network: RateNetwork, cue: float, *, discard_s: float = 4.0, duration_s: float = 10.0
) -> Beat:
    """Let a network settle on its rhythm, without noise, and record it.

    Args:
        network: The network.
        cue: Its cue.
        discard_s: Transient that is left out.
        duration_s: What is kept, at least 13 cycles.

    Raises:
        ValueError: There is no valid rhythm at this cue, or the recording is too short for it.
    """
    dt_ms = network.dt_ms
    trials = free_run([cue], duration_s=discard_s + duration_s, dt_ms=dt_ms)
    run = network.free_run(_tensor(network, trials.inputs), save_every=1)
    first = round(1e3 * discard_s / dt_ms)
    output = np.asarray(run.outputs[0, first:, 0].double().cpu())
    taps = find_taps(output, dt_ms)
    if taps.verdict != "valid":
        raise ValueError(
            f"cue must be one at which the network keeps a beat, got {cue:g}: {taps.reason}"
        )
    period = float(np.diff(taps.time_ms).mean())
    if duration_s * 1e3 < _FEWEST_CYCLES * period:
        raise ValueError(
            f"duration_s must hold {_FEWEST_CYCLES} cycles of {period:.4g} ms, got {duration_s:g}"
        )
    times = crests(output, dt_ms, period)
    period = float(np.diff(times).mean())
    states = run.states[0, first:]
    gradient = _phase_gradient(network, states, _pushed_cycle(times, dt_ms))
    return Beat(cue, dt_ms, period, times, output, states, gradient * (dt_ms / period))


def phase_response(
    network: RateNetwork,
    rhythm: Beat,
    *,
    pulse: ArrayLike = (1.0, 0.0),
    width_ms: float = 10.0,
    kick: ArrayLike | None = None,
    phases: int = 32,
    cycles: int = 6,
) -> PhaseResponse:
    """Push a rhythm at phases all round the cycle.

    Args:
        network: The network.
        rhythm: Its rhythm, of `beat`.
        pulse: What is added to each input channel, shape (inputs,); the default is a click.
        width_ms: For how long, at least a step.
        kick: What is added to the state at once, shape (units,); None is nothing.
        phases: Number of phases, from 3 to one a step.
        cycles: Number of taps that are followed, from 2 to as many as the recording has.

    Raises:
        ValueError: A number is out of its range, or a shape is not the network's.
    """
    period = rhythm.period_ms / rhythm.dt_ms
    width = round(width_ms / rhythm.dt_ms)
    if not 3 <= phases <= period:
        raise ValueError(f"phases must be from 3 to {int(period)}, one a step, got {phases}")
    most = len(rhythm.tap_ms) - _LEAD_CYCLES - _TAIL_CYCLES - 2
    if not 2 <= cycles <= most:
        raise ValueError(f"cycles must be from 2 to {most}, as many as were recorded, got {cycles}")
    if not 1 <= width <= period:
        raise ValueError(
            f"width_ms must be from one step ({rhythm.dt_ms:g}) to a period, got {width_ms:g}"
        )
    push = _finite("pulse", pulse, network.input_weight.shape[1])
    kicked = _finite("kick", np.zeros(network.units) if kick is None else kick, network.units)
    steps = rhythm.pushed_cycle.start + (period * np.arange(phases) / phases).astype(int)
    length = int((cycles + _TAIL_CYCLES) * period)
    inputs = torch.zeros(1, length, len(push), dtype=torch.float64)
    inputs[..., CUE] = rhythm.cue
    inputs[:, :width] += torch.from_numpy(push)
    pushed = rhythm.states[steps] + _tensor(network, kicked)
    run = network.free_run(_tensor(network, inputs).expand(phases, -1, -1), pushed)
    outputs = np.asarray(run.outputs[..., 0].double().cpu())
    shift = np.array([
        _shifts(rhythm, step, after, cycles) for step, after in zip(steps, outputs, strict=True)
    ])  # fmt: skip
    alpha = np.asarray((network.dt_ms / network.tau_ms).detach().double().cpu())
    pull = alpha * (np.asarray(network.input_weight.detach().double().cpu()) @ push)
    linear = rhythm.gradient[steps] @ kicked
    linear += sum(rhythm.gradient[steps + later] @ pull for later in range(1, width + 1))
    phase = rhythm.phase(steps * rhythm.dt_ms) - _LEAD_CYCLES
    return PhaseResponse(rhythm.cue, rhythm.period_ms, phase, shift, linear)


def _pushed_cycle(tap_ms: Array, dt_ms: float) -> slice:
    begin, end = np.ceil(tap_ms[_LEAD_CYCLES : _LEAD_CYCLES + 2] / dt_ms).astype(int)
    return slice(int(begin), int(end))


def _phase_gradient(network: RateNetwork, states: Tensor, cycle: slice) -> Array:
    """Gradient of the phase along states, in steps of time, shape (time, units).

    The adjoint runs backwards. Its size is that of one cycle, in which the phase is to grow by a
    step in each step: over many it would drift if the period is nearly a whole number of steps.
    """
    gradient, slopes = torch.empty_like(states), torch.empty_like(states)
    ACTIVATIONS[network.activation].slope(network.rate_of(states), slopes)
    with torch.no_grad():
        alpha = network.dt_ms / network.tau_ms
        weight = alpha.unsqueeze(-1) * network.effective_weight()
        gradient[-1] = states[-1] - states[-2]
        for t in range(len(states) - 2, -1, -1):
            after = gradient[t + 1]
            gradient[t] = (1 - alpha) * after + slopes[t] * (after @ weight)
    near, far = (
        states[cycle.start + n : cycle.stop + n] - states[cycle.start - n : cycle.stop - n]
        for n in (1, 2)
    )
    growth = (gradient[cycle] * (8 * near - far) / 12).sum(dim=1).mean()
    return np.asarray((gradient / growth).double().cpu())


def _shifts(rhythm: Beat, step: int, after: Array, cycles: int) -> Array:
    """Shifts of the first taps after a push, shape (cycles,), NaN if there are fewer."""
    lead = int(_LEAD_CYCLES * rhythm.period_ms / rhythm.dt_ms)
    first = max(step + 1 - lead, 0)
    output = np.concatenate([rhythm.output[first : step + 1], after])
    times = crests(output, rhythm.dt_ms, rhythm.period_ms) + first * rhythm.dt_ms
    later = times[times > step * rhythm.dt_ms][:cycles]
    if len(later) < cycles:
        return np.full(cycles, np.nan)
    return wrapped(-rhythm.phase(later))


def _finite(name: str, values: ArrayLike, size: int) -> Array:
    array = np.asarray(values, dtype=np.float64)
    if array.shape != (size,) or not np.isfinite(array).all():
        raise ValueError(f"{name} must be {size} finite numbers, got {np.array2string(array)}")
    return array


def _tensor(network: RateNetwork, values: Any) -> Tensor:
    return torch.as_tensor(values).to(network.input_weight)
