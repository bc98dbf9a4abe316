"""The bifurcation diagram: what rests, what oscillates, and where one turns into the other."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike

from rhythm_rnn.continuation import Bifurcation, Branch, bifurcations, continue_fixed_point
from rhythm_rnn.cycles import Cycle, limit_cycle
from rhythm_rnn.flows import Array
from rhythm_rnn.normal_forms import Onset, onset_at
from rhythm_rnn.reduced import START, ReducedModel, fixed_points

__all__ = ["Diagram", "bifurcation_diagram"]

_RTOL = 1e-9
_FIRST = 0.03  # of the root of a window's width
_SAME = 1e-6


@dataclass(frozen=True)
class Diagram:
    """What a model does over a range of cues.

    Attributes:
        cue_range: The range.
        branches: Fixed points, branch by branch.
        bifurcations: Folds and Hopf points, by rising cue.
        cycles: Limit cycles, by rising cue.
        onset: How the rhythm begins, if it begins at a fold.
    """

    cue_range: tuple[float, float]
    branches: list[Branch]
    bifurcations: list[Bifurcation]
    cycles: list[Cycle]
    onset: Onset | None

    @property
    def rhythm_range(self) -> tuple[float, float]:
        """Lowest and highest cue of a bifurcation that bounds the cycles, or of a cycle, or NaN."""
        if not self.cycles:
            return float("nan"), float("nan")
        first, last = self.cycles[0].cue, self.cycles[-1].cue
        cues = [one.point.cue for one in self.bifurcations]
        below = [cue for cue in cues if cue < first]
        above = [cue for cue in cues if cue > last]
        return max(below, default=first), min(above, default=last)


def bifurcation_diagram(
    model: ReducedModel,
    *,
    cue_range: tuple[float, float] = (-2.0, 2.0),
    n_cycles: int = 40,
    near: ArrayLike = START,
    report: Callable[[Cycle], None] = lambda _: None,
) -> Diagram:
    """Follow all fixed points over the cue, and the limit cycles where none of them is stable.

    Args:
        model: The model.
        cue_range: Lowest and highest cue.
        n_cycles: Cycles per window of cues without a stable fixed point; they are closest where
            the window begins and ends.
        near: State (3,) from which the first cycle is looked for.
        report: Called with every cycle that was found.

    Raises:
        ValueError: The range is empty or not finite, or there are fewer than 2 cycles.
    """
    if not (np.isfinite(cue_range).all() and cue_range[0] < cue_range[1]):
        raise ValueError(f"cue_range must be finite and rise, got {cue_range}")
    if n_cycles < 2:
        raise ValueError(f"n_cycles must be at least 2, got {n_cycles}")
    branches = _branches(model, cue_range)
    found = [one for branch in branches for one in bifurcations(model, branch)]
    found.sort(key=lambda one: one.point.cue)
    cycles: list[Cycle] = []
    for low, high in _restless(model, cue_range, found):
        begin = near
        for cue in _spread(low, high, n_cycles):
            cycle = limit_cycle(model, float(cue), begin, rtol=_RTOL)
            if cycle is not None:
                report(cycle)
                cycles.append(cycle)
                begin = cycle.start
    folds = [one.point for one in found if one.kind == "fold"]
    onsets = (onset_at(model, fold, near) for fold in folds if cycles)
    onset = next((one for one in onsets if one is not None), None)
    return Diagram(cue_range, branches, found, cycles, onset)


def _branches(model: ReducedModel, cue_range: tuple[float, float]) -> list[Branch]:
    """One branch for every fixed point on an edge of the range that no other branch ends in."""
    branches: list[Branch] = []
    for cue, rising in zip(cue_range, (True, False), strict=True):
        for point in fixed_points(model, cue):
            ends = [(one.cue[-1], one.state[-1]) for one in branches]
            if not any(c == cue and np.linalg.norm(s - point.state) < _SAME for c, s in ends):
                branch = continue_fixed_point(
                    model, point.state, cue, cue_range=cue_range, rising=rising
                )
                branches.append(branch)
    return branches


def _restless(
    model: ReducedModel, cue_range: tuple[float, float], found: list[Bifurcation]
) -> list[tuple[float, float]]:
    """The windows between bifurcations in which nothing rests stably."""
    edges = [cue_range[0], *(one.point.cue for one in found), cue_range[1]]
    return [
        (low, high)
        for low, high in pairwise(edges)
        if not any(point.stable for point in fixed_points(model, (low + high) / 2))
    ]


def _spread(low: float, high: float, n_cues: int) -> Array:
    """Cues between two others, closest at both ends, where periods and amplitudes change most."""
    place = np.linspace(_FIRST, 1 - _FIRST, n_cues)
    return np.asarray(low + (high - low) * np.sin(np.pi * place / 2) ** 2)
