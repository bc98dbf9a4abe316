"""Fixed points of a ReLU network followed over the cue, from border to border, exactly.

As long as the same units are on, the active set, a fixed point moves along a straight line and its
eigenvalues stay as they are: everything happens at borders, where the state of a unit is zero. On
the other side the unit goes on as it did. It may have to do so while the cue turns back: there two
fixed points meet and vanish, a non-smooth fold (di Bernardo et al., Piecewise-smooth Dynamical
Systems, 2008, chapter 5). By Cramer's rule the slopes of the unit's state on both sides are as
1 / det(1 - W D), so that the branch turns exactly where this determinant changes its sign.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rhythm_rnn.continuation import Branch
from rhythm_rnn.equilibria import BranchEvent, NetworkFixedPoint, RateFlow
from rhythm_rnn.flows import Array

__all__ = ["BorderBranch", "follow_borders"]

Mask = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class BorderBranch:
    """Fixed points of a ReLU network, straight piece by straight piece.

    Attributes:
        flow: Whose they are.
        cue: Where pieces begin and end, shape (pieces + 1,).
        state: The fixed points there, shape (pieces + 1, n).
        rising: Whether the cue rises along each piece, shape (pieces,).
        active: Which units are on in each piece, shape (pieces, n).
        eigenvalues: Of the flow, in 1/s, the least stable first, complex, shape (pieces, n).
        unit: Whose border lies between one piece and the next, shape (pieces - 1,).
        closed: Whether the branch came back to where it began.
    """

    flow: RateFlow
    cue: Array
    state: Array
    rising: Mask
    active: Mask
    eigenvalues: NDArray[np.complex128]
    unit: NDArray[np.int64]
    closed: bool

    @property
    def points(self) -> Branch:
        """Both ends of every piece, with the eigenvalues of the piece, shape (2 pieces, ...)."""
        ends = np.arange(2 * len(self.active))
        corners = (ends + 1) // 2
        return Branch(self.cue[corners], self.state[corners], self.eigenvalues[ends // 2])

    def events(self) -> list[BranchEvent]:
        """What happens at each border, in the order in which they were met."""
        found = []
        for i, unit in enumerate(self.unit):
            before, after = self._end(i + 1, i), self._end(i + 1, i + 1)
            if self.rising[i] != self.rising[i + 1]:
                kind = "non-smooth fold"
            elif _unstable(before) != _unstable(after):
                kind = "change of stability"
            else:
                kind = "crossing"
            if not (self.rising[i] or self.rising[i + 1]):
                before, after = after, before
            found.append(BranchEvent(kind, before, after, int(unit)))
        return found

    def _end(self, corner: int, piece: int) -> NetworkFixedPoint:
        state = self.state[corner]
        return NetworkFixedPoint(
            float(self.cue[corner]),
            state,
            self.eigenvalues[piece],
            self.active[piece],
            float(self.flow.output(state)),
            self.flow.dt_ms,
        )


def follow_borders(
    flow: RateFlow,
    start: NetworkFixedPoint,
    cue_range: tuple[float, float],
    *,
    most_pieces: int = 20_000,
) -> BorderBranch:
    """Follow a fixed point of a ReLU network both ways until it leaves a range of cues.

    Args:
        flow: The network's flow.
        start: The fixed point.
        cue_range: Where to stop; the branch ends on its edges.
        most_pieces: Where to give up.

    Returns:
        The branch. It begins at the end that a falling cue leads to.

    Raises:
        ValueError: The units are not ReLU, the range is empty or does not hold the start, a border
            is degenerate, or there are more pieces than allowed.
    """
    low, high = cue_range
    if not flow.piecewise_linear:
        raise ValueError(
            f"flow must be of ReLU units to have borders, got {flow.activation}: "
            "rhythm_rnn.continuation follows smooth ones"
        )
    if not low < high or not low <= start.cue <= high:
        raise ValueError(f"cue_range must be (low, high) and hold {start.cue:g}, got {cue_range}")
    up = _walk(flow, start, cue_range, True, most_pieces)
    closed = len(up.active) > 1 and bool((up.active[-1] == start.active).all())
    if closed:
        down = _Walk([start.cue], [start.state], [start.active], [False], [])
    else:
        down = _walk(flow, start, cue_range, False, most_pieces)
    # both walks begin in the same piece, which the start cuts in two
    cue = [*down.cue[:0:-1], *up.cue[0 if closed else 1 :]]
    state = [*down.state[:0:-1], *up.state[0 if closed else 1 :]]
    active = np.array([*down.active[:0:-1], *up.active])
    rising = np.array([*(not r for r in down.rising[:0:-1]), *up.rising])
    unit = np.array([*down.unit[::-1], *up.unit], dtype=np.int64)
    values = np.array([flow.eigenvalues_per_s(on.astype(np.float64)) for on in active])
    return BorderBranch(flow, np.array(cue), np.array(state), rising, active, values, unit, closed)


class _Walk(NamedTuple):
    """Corners and pieces in the order in which they were met; a unit lies between two pieces."""

    cue: list[float]
    state: list[Array]
    active: list[Mask]
    rising: list[bool]
    unit: list[int]


def _walk(
    flow: RateFlow,
    start: NetworkFixedPoint,
    cue_range: tuple[float, float],
    rising: bool,
    most: int,
) -> _Walk:
    """From a fixed point to the end of the range, or back to it on a closed branch."""
    walk = _Walk([start.cue], [start.state], [start.active], [rising], [])
    cue, active = start.cue, start.active
    rest, slope = _line(flow, active)
    while len(walk.active) <= most:
        onward = 1.0 if rising else -1.0
        meeting = np.where(active, slope, -slope) * onward < 0
        with np.errstate(divide="ignore", invalid="ignore"):
            borders = -rest / slope
        ahead = np.where(meeting, onward * (borders - cue), np.inf)
        unit = int(ahead.argmin())
        edge = cue_range[1] if rising else cue_range[0]
        if ahead[unit] >= onward * (edge - cue):
            walk.cue.append(edge)
            walk.state.append(rest + edge * slope)
            return walk
        # rounding may put a border that two units share a little behind
        cue += onward * max(float(ahead[unit]), 0.0)
        state = rest + cue * slope
        state[unit] = 0.0
        active = active.copy()
        active[unit] ^= True
        speed = slope[unit]
        rest, slope = _line(flow, active)
        rising = bool(rising == (slope[unit] * speed > 0))
        walk.cue.append(cue)
        walk.state.append(state)
        walk.active.append(active)
        walk.rising.append(rising)
        walk.unit.append(unit)
        if (active == start.active).all():
            walk.cue.append(start.cue)
            walk.state.append(start.state)
            return walk
    raise ValueError(
        f"the branch must leave cues {cue_range} within {most} pieces, but stands at cue {cue:.9g}"
    )


def _line(flow: RateFlow, active: Mask) -> tuple[Array, Array]:
    """The fixed point with these units on is ``rest + cue slope``; both have shape (n,)."""
    on, off = np.flatnonzero(active), np.flatnonzero(~active)
    given = np.column_stack([flow.bias, flow.cue_weight])
    line = np.empty_like(given)
    try:
        line[on] = np.linalg.solve(np.eye(len(on)) - flow.weight[np.ix_(on, on)], given[on])
    except np.linalg.LinAlgError:
        raise ValueError(
            f"the {len(on)} active units must have one fixed point, but 1 - W D is singular: "
            "change the weights a little"
        ) from None
    line[off] = flow.weight[np.ix_(off, on)] @ line[on] + given[off]
    return line[:, 0], line[:, 1]


def _unstable(point: NetworkFixedPoint) -> tuple[int, int]:
    return point.n_unstable, point.n_unstable_in_map
