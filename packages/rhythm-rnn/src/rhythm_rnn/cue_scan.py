"""The rhythm of a noise-free network over the cue: how far it swings, how fast, where it lives.

Each cue is run from the silent state, as the network is used, and from a state in the rhythm at a
neighbouring cue. Where the two differ, rest and rhythm are both possible.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from neuro_common.rates import RateNetwork
from rhythm_rnn.flows import Array
from rhythm_rnn.taps import find_taps
from rhythm_rnn.task import CUE

__all__ = ["CueScan", "Edge", "Swing", "cycle_period", "run_cues", "scan_cues", "sharpened"]

_SMALLEST = 1e-3  # swing of the output that is no rest
_RUNAWAY = 1e6  # output that no rhythm reaches: ReLU units know no bounds
_LASTING = 0.98  # what a rhythm keeps of its swing from one half of the record to the next
_PATIENCE = 2  # further records of what neither rests nor repeats, each twice as long
_SECTIONS = 8  # of the distance between cues where the rhythm dies
_ROUNDS = 2
_QUARTERS = (0.25, 0.75)


class Swing(NamedTuple):
    """What the output does at each cue, after the transient.

    Attributes:
        lowest: Its least value, shape (cues,).
        highest: Its largest value, shape (cues,).
        period_ms: Its period, NaN where it rests, shape (cues,).
        runs: Whether it swings, keeps swinging and repeats, shape (cues,).
    """

    lowest: Array
    highest: Array
    period_ms: Array
    runs: NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Edge:
    """Where a rhythm begins or ends.

    Attributes:
        runs: The last cue at which it was seen to run.
        rests: The next cue, at which it died; NaN if it never did.
        state: A state in the rhythm at the last cue, shape (n,).
    """

    runs: float
    rests: float
    state: Array


@dataclass(frozen=True, eq=False)
class CueScan:
    """The rhythm over the cue.

    Attributes:
        cue: Rising, shape (cues,).
        silent: What begins in the silent state.
        carried: What begins in the rhythm of a neighbouring cue.
        begins: The rhythm's lower edge, None without a rhythm.
        ends: Its upper edge.
    """

    cue: Array
    silent: Swing
    carried: Swing
    begins: Edge | None = None
    ends: Edge | None = None


@dataclass(frozen=True, eq=False)
class _Course:
    """Outputs `(time,)` after the transient, one for each cue, their periods, the last states.

    A period is NaN where the output rests, falls off or does not come back.
    """

    output: list[Array]
    period_ms: Array
    last: torch.Tensor


_Runner = Callable[[Array, torch.Tensor | None], _Course]


def scan_cues(
    network: RateNetwork,
    cues: ArrayLike,
    *,
    settle_ms: float = 1500.0,
    record_ms: float = 4000.0,
) -> CueScan:
    """Run a network without noise or clicks at many cues, and find where its rhythm lives.

    The rhythm is carried from cue to cue, each beginning where the last one ended. Where it dies,
    the edge is found to 1/64 of the distance between cues. What neither rests nor repeats is given
    up to 6 times as long; a slower rhythm counts as rest.

    Args:
        network: Its first output is looked at.
        cues: Rising, shape (cues,).
        settle_ms: Length of the transient that is left out.
        record_ms: What is looked at after it; there must be two cycles in it.

    Raises:
        ValueError: The cues are not finite or do not rise, or there is too little to look at.
    """
    given = np.asarray(cues, dtype=np.float64)
    rises = given.ndim == 1 and len(given) > 1 and np.isfinite(given).all()
    if not rises or not (np.diff(given) > 0).all():
        raise ValueError(f"cues must be at least 2 finite rising numbers, got {given.tolist()}")
    if not (settle_ms >= 0 and record_ms >= 100 * network.dt_ms):
        raise ValueError(
            "settle_ms must be at least 0 and record_ms at least 100 steps, got "
            f"{settle_ms} and {record_ms}"
        )

    course = partial(_course, network, settle_ms, record_ms)
    silent = course(given, None)
    running = np.flatnonzero(np.isfinite(silent.period_ms))
    if not len(running):
        return CueScan(given, _swing(silent), _swing(silent))
    # the middle one of those that run is far from the edges
    inside = int(running[len(running) // 2])
    carried = course(given, silent.last[[inside]].expand(len(given), -1))
    begins, ends = (_carry(course, given, carried, inside, onward) for onward in (-1, 1))
    return CueScan(given, _swing(silent), _swing(carried), begins, ends)


def sharpened(
    network: RateNetwork, edge: Edge, *, rounds: int, settle_ms: float, record_ms: float
) -> Edge:
    """Find an edge more closely.

    Args:
        network: Whose rhythm begins or ends there.
        edge: What `scan_cues` found.
        rounds: How often to make the distance between its cues 8 times smaller.
        settle_ms: Length of the transient that is left out.
        record_ms: What is looked at after it; there must be two cycles in it.
    """
    course = partial(_course, network, settle_ms, record_ms)
    state = torch.from_numpy(edge.state).to(network.bias)[None]
    return _edge(course, state, edge.runs, edge.rests, rounds)


def run_cues(
    network: RateNetwork,
    cues: Array,
    duration_ms: float,
    state: torch.Tensor | None = None,
) -> tuple[Array, torch.Tensor]:
    """Run a network at constant cues, all other inputs zero.

    Args:
        network: Any rate network.
        cues: Shape (cues,).
        duration_ms: Length of the run.
        state: First states, shape (cues, n); None is silence.

    Returns:
        First outputs, shape (cues, time), and the last states, shape (cues, n).
    """
    weight = network.input_weight
    inputs = weight.new_zeros(len(cues), 1, weight.shape[1])
    inputs[:, 0, CUE] = torch.from_numpy(cues).to(weight)
    run = network.free_run(inputs.expand(-1, round(duration_ms / network.dt_ms), -1), state)
    return run.outputs[..., 0].double().cpu().numpy(), run.last


def cycle_period(output: ArrayLike, dt_ms: float) -> float:
    """Mean time between rises from the lowest to the highest quarter of the swing, or NaN.

    For slow noise-free cycles, of which few are at hand; `find_taps` is the detector for the rest.

    Args:
        output: After the transient, shape (time,).
        dt_ms: Sampling interval.
    """
    y = np.asarray(output, dtype=np.float64)
    low, high = y.min() + np.ptp(y) * np.array(_QUARTERS)
    side = (y > high).astype(int) - (y < low)
    decided = np.flatnonzero(side)
    rises = decided[1:][np.diff(side[decided]) > 0]
    return float(np.diff(rises).mean() * dt_ms) if len(rises) > 1 else float("nan")


def _course(
    network: RateNetwork,
    settle_ms: float,
    record_ms: float,
    cues: Array,
    state: torch.Tensor | None,
) -> _Course:
    """Run from given states until it is known what repeats, or patience ends."""
    settle = round(settle_ms / network.dt_ms)
    found, last = run_cues(network, cues, settle_ms + record_ms, state)
    output, left = [one[settle:] for one in found], np.arange(len(cues))
    period = np.array([_lasting_period(one, network.dt_ms) for one in output])
    for doubling in range(1, _PATIENCE + 1):
        left = left[np.isnan(period[left]) & [_moves(output[i]) for i in left]]
        if not len(left):
            break
        found, last[left] = run_cues(network, cues[left], 2**doubling * record_ms, last[left])
        for i, one in zip(left, found, strict=True):
            output[i], period[i] = one, _lasting_period(one, network.dt_ms)
    return _Course(output, period, last)


def _moves(output: Array) -> bool:
    """Whether an output `(time,)` neither rests nor runs away."""
    return bool(np.abs(output).max() < _RUNAWAY and np.ptp(output) > _SMALLEST)


def _lasting_period(output: Array, dt_ms: float) -> float:
    """Period of an output `(time,)` that swings and goes on swinging as far, or NaN."""
    if not _moves(output):
        return float("nan")
    first, second = (np.ptp(half) for half in np.array_split(output, 2))
    if min(first, second) < _LASTING * max(first, second):
        return float("nan")
    taps = find_taps(output, dt_ms, smallest=_SMALLEST)
    if taps.verdict == "valid":
        return float(np.diff(taps.time_ms).mean())
    return cycle_period(output, dt_ms)


def _carry(course: _Runner, cues: Array, carried: _Course, inside: int, onward: int) -> Edge:
    """Take the rhythm from cue to cue until it dies; where it lives on, `carried` is filled in."""
    i = inside
    while 0 <= i + onward < len(cues):
        there = i + onward
        if np.isnan(carried.period_ms[there]):
            again = course(cues[[there]], carried.last[[i]])
            if np.isnan(again.period_ms[0]):
                return _edge(course, carried.last[[i]], float(cues[i]), float(cues[there]), _ROUNDS)
            carried.output[there], carried.last[there] = again.output[0], again.last[0]
            carried.period_ms[there] = again.period_ms[0]
        i = there
    return Edge(float(cues[i]), float("nan"), carried.last[i].double().cpu().numpy())


def _edge(course: _Runner, state: torch.Tensor, runs: float, rests: float, rounds: int) -> Edge:
    """Where the rhythm dies between two cues, begun in the rhythm at the first of them."""
    for _ in range(rounds):
        cues = np.linspace(runs, rests, _SECTIONS + 1)
        tried = course(cues[1:-1], state.expand(_SECTIONS - 1, -1))
        lives = int(np.isfinite(np.append(tried.period_ms, np.nan)).argmin())
        runs, rests = float(cues[lives]), float(cues[lives + 1])
        if lives:
            state = tried.last[[lives - 1]]
    return Edge(runs, rests, state[0].double().cpu().numpy())


def _swing(course: _Course) -> Swing:
    lowest, highest = (
        np.array([extreme(one) for one in course.output]) for extreme in (np.min, np.max)
    )
    return Swing(lowest, highest, course.period_ms, np.isfinite(course.period_ms))
