"""The bifurcation diagram of a trained network: what rests, what oscillates, what happens between.

Fixed points are looked for at several cues and then followed over all of them: from border to
border where the units are ReLU, by pseudo-arclength where they are smooth. The rhythm is that of
the simulated, noise-free network.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import brentq

from neuro_common.rates import RateNetwork
from rhythm_rnn.border import follow_borders
from rhythm_rnn.continuation import Branch, bifurcations, continue_fixed_point
from rhythm_rnn.cue_scan import CueScan, scan_cues
from rhythm_rnn.equilibria import (
    BranchEvent,
    NetworkFixedPoint,
    RateFlow,
    fixed_point,
    network_fixed_points,
    rest_near,
    same_state,
)
from rhythm_rnn.flows import Array
from rhythm_rnn.network_onset import NetworkOnset, homoclinic_onset, non_smooth_onset
from rhythm_rnn.task import CUE

__all__ = ["STAGES", "NetworkDiagram", "network_diagram"]

_SEARCHED_CUES = 7
STAGES = _SEARCHED_CUES + 2
"""Into how many parts the work is divided: the searched cues, the runs and the onset."""

_RANDOM_STARTS = 8
_ON_ORBIT = 12
_ORBIT_MS = 1200
_ARCLENGTH = 0.05  # between smooth points, times the root of the number of units


@dataclass(frozen=True, eq=False)
class NetworkDiagram:
    """What a network does over a range of cues.

    Attributes:
        flow: Its noise-free flow.
        cue_range: The range.
        branches: Fixed points, branch by branch; of ReLU units, both ends of each straight piece.
        events: Where they change, by rising cue.
        scan: The rhythm of the simulated network.
        onset: How the rhythm begins, if it begins at a non-smooth fold or beside a saddle.
    """

    flow: RateFlow
    cue_range: tuple[float, float]
    branches: list[Branch]
    events: list[BranchEvent]
    scan: CueScan
    onset: NetworkOnset | None

    def stable_in_map(self, branch: Branch) -> NDArray[np.bool_]:
        """Whether each point of a branch is stable in the simulation, shape (points,)."""
        multipliers = 1 + self.flow.dt_ms / 1e3 * branch.eigenvalues
        return np.asarray((np.abs(multipliers) <= 1).all(axis=1))

    @property
    def bistable(self) -> list[tuple[float, float]]:
        """Ranges of cues with both a rhythm and a rest that is stable in the simulation."""
        begins, ends = self.scan.begins, self.scan.ends
        if begins is None or ends is None:
            return []
        ranges = []
        for branch in self.branches:
            stable = self.stable_in_map(branch)
            for i in np.flatnonzero(stable[1:] & stable[:-1]):
                low, high = sorted(branch.cue[i : i + 2])
                low, high = max(low, begins.runs), min(high, ends.runs)
                if low < high:
                    ranges.append((float(low), float(high)))
        return _merged(ranges)


def network_diagram(
    network: RateNetwork,
    *,
    cue_range: tuple[float, float] = (-1.0, 2.0),
    n_cues: int = 61,
    seed: int = 0,
    report: Callable[[], None] = lambda: None,
) -> NetworkDiagram:
    """Find and follow a network's fixed points, and run it at many cues.

    Fixed points that no start led to, on branches that leave no trace at the searched cues, are
    missed.

    Args:
        network: Any rate network; its noise-free dynamics and its first output are studied.
        cue_range: Lowest and highest cue.
        n_cues: Number of cues at which the network is run.
        seed: Of the random starts of Newton's method.
        report: Called after each of `STAGES` parts of the work.

    Raises:
        ValueError: The range is empty or not finite, or there are fewer than 2 cues.
    """
    low, high = cue_range
    if not (np.isfinite(cue_range).all() and low < high):
        raise ValueError(f"cue_range must be finite and rise, got {cue_range}")
    if n_cues < 2:
        raise ValueError(f"n_cues must be at least 2, got {n_cues}")
    flow = RateFlow.of(network)
    branches: list[Branch] = []
    events: list[BranchEvent] = []
    rng = np.random.default_rng(seed)
    for cue, starts in _starts(network, np.linspace(low, high, _SEARCHED_CUES), rng):
        for point in network_fixed_points(flow, cue, starts):
            if not any(_passes(flow, branch, point) for branch in branches):
                branch, met = _followed(flow, point, cue_range)
                branches.append(branch)
                events += met
        report()
    events.sort(key=lambda event: event.before.cue)
    scan = scan_cues(network, np.linspace(low, high, n_cues))
    report()
    onset = _onset(network, flow, branches, events, scan)
    report()
    return NetworkDiagram(flow, cue_range, branches, events, scan, onset)


def _starts(
    network: RateNetwork, cues: Array, rng: np.random.Generator
) -> Iterator[tuple[float, Array]]:
    """Starts of Newton's method at each cue: on the way from silence, and at random round it."""
    weight = network.input_weight
    inputs = weight.new_zeros(len(cues), 1, weight.shape[1])
    inputs[:, 0, CUE] = torch.from_numpy(cues).to(weight)
    steps = round(_ORBIT_MS / network.dt_ms)
    run = network.free_run(inputs.expand(-1, steps, -1), save_every=max(1, steps // _ON_ORBIT))
    for cue, orbit in zip(cues, run.states.double().cpu().numpy(), strict=True):
        scattered = rng.normal(orbit.mean(axis=0), 2 * orbit.std(), (_RANDOM_STARTS, network.units))
        yield float(cue), np.concatenate([orbit, scattered])


def _followed(
    flow: RateFlow, point: NetworkFixedPoint, cue_range: tuple[float, float]
) -> tuple[Branch, list[BranchEvent]]:
    """The branch through a fixed point, and what happens on it."""
    if flow.piecewise_linear:
        found = follow_borders(flow, point, cue_range)
        return found.points, found.events()
    down, up = (
        continue_fixed_point(
            flow,
            point.state,
            point.cue,
            cue_range=cue_range,
            rising=rising,
            largest_step=_ARCLENGTH * np.sqrt(len(point.state)),
        )
        for rising in (False, True)
    )
    branch = Branch(
        *(
            np.concatenate([getattr(down, name)[:0:-1], getattr(up, name)])
            for name in ("cue", "state", "eigenvalues")
        )
    )
    return branch, _smooth_events(flow, branch)


def _smooth_events(flow: RateFlow, branch: Branch) -> list[BranchEvent]:
    """Folds and Hopf points of the flow, and where the map alone changes its stability."""
    events = []
    for kind, found in bifurcations(flow, branch):
        point = fixed_point(flow, found.cue, found.state)
        events.append(BranchEvent({"fold": "fold", "hopf": "Hopf"}[kind], point, point))
    growth = np.abs(1 + flow.dt_ms / 1e3 * branch.eigenvalues).max(axis=1) - 1
    n_unstable = (branch.eigenvalues.real > 0).sum(axis=1)
    for i in np.flatnonzero(growth[1:] * growth[:-1] < 0):
        # at a fold both change, and the cue does not rise from point to point
        if (n_unstable[i + 1] - n_unstable[i]) % 2 == 0:
            root: Any = brentq(lambda f, i=int(i): _growth(_between(flow, branch, i, f)), 0.0, 1.0)
            point = _between(flow, branch, int(i), root)
            events.append(BranchEvent("change of stability", point, point))
    return events


def _between(flow: RateFlow, branch: Branch, i: int, fraction: float) -> NetworkFixedPoint:
    """The fixed point at a cue between two points of a smooth branch."""
    cue, guess = (
        (1 - fraction) * ends[i] + fraction * ends[i + 1] for ends in (branch.cue, branch.state)
    )
    return fixed_point(flow, float(cue), rest_near(flow, np.array([cue]), guess[None])[0])


def _growth(point: NetworkFixedPoint) -> float:
    """By how much more than 1 a step of the map stretches a deviation."""
    return float(np.abs(point.multipliers).max()) - 1


def _states_at(flow: RateFlow, branch: Branch, cue: float) -> Array:
    """A branch's fixed points at one cue, shape (points, n)."""
    ends = zip(pairwise(branch.cue), pairwise(branch.state), strict=True)
    near = [
        a + (b - a) * ((cue - low) / (high - low))
        for (low, high), (a, b) in ends
        if low != high and min(low, high) <= cue <= max(low, high)
    ]
    # on straight pieces this is exact, on smooth ones Newton's method is to correct it
    return rest_near(flow, np.full(len(near), cue), np.array(near)) if near else branch.state[:0]


def _passes(flow: RateFlow, branch: Branch, point: NetworkFixedPoint) -> bool:
    """Whether a fixed point lies on a branch."""
    return any(same_state(s, point.state) for s in _states_at(flow, branch, point.cue))


def _onset(
    network: RateNetwork,
    flow: RateFlow,
    branches: list[Branch],
    events: list[BranchEvent],
    scan: CueScan,
) -> NetworkOnset | None:
    """How the rhythm begins: at a fold within its lower edge, or else beside a saddle."""
    edge = scan.begins
    if edge is None or np.isnan(edge.rests):
        return None
    usual = float(scan.carried.period_ms[scan.carried.runs][0])
    for event in events:
        if "fold" in event.kind and edge.rests <= event.before.cue <= edge.runs:
            smooth = event.unit is None
            return None if smooth else non_smooth_onset(network, event, edge, usual)
    states = (s for branch in branches for s in _states_at(flow, branch, edge.runs))
    points = [fixed_point(flow, edge.runs, state) for state in states]
    saddles = [point for point in points if point.n_unstable_in_map == 1]
    if not saddles:
        return None
    # close to the onset the cycle spends most of its time there
    nearest = min(saddles, key=lambda point: float(np.abs(point.state - edge.state).max()))
    return homoclinic_onset(network, nearest, edge, usual)


def _merged(ranges: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """Ranges that touch or overlap, made one."""
    merged: list[tuple[float, float]] = []
    for low, high in sorted(ranges):
        if merged and low <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(high, merged[-1][1]))
        else:
            merged.append((low, high))
    return merged
