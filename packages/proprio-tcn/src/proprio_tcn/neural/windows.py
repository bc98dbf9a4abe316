"""Which bins of which trials are explained: movements, bumps, or bump-sized cuts of movements."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neuro_common.seeding import generator
from proprio_tcn.neural.recording import Recording

__all__ = [
    "PASSIVE_BINS",
    "WINDOWS",
    "Windows",
    "active_as_passive_windows",
    "active_windows",
    "choose_windows",
    "passive_windows",
]

PASSIVE_BINS = 13
"""Length of a passive window: 130 ms from the onset of the bump."""

WINDOWS = ("active", "passive", "active_as_passive")

Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Windows:
    """At most one stretch of bins of each trial.

    Attributes:
        trial: Position of the trial in the recording, ``(windows,)``.
        start: First bin, ``(windows,)``.
        stop: Bin after the last, ``(windows,)``.
        direction_deg: Direction of the movement or the bump, ``(windows,)``; NaN if not known.
        kind: "active", "passive" or "active_as_passive".
    """

    trial: Ints
    start: Ints
    stop: Ints
    direction_deg: NDArray[np.float64]
    kind: str

    def __len__(self) -> int:
        return len(self.trial)

    @property
    def length(self) -> Ints:
        """Bins of each window."""
        return self.stop - self.start

    @property
    def first_row(self) -> Ints:
        """Row of each window's first bin when all windows are laid end to end."""
        return np.concatenate([[0], np.cumsum(self.length)[:-1]]).astype(np.int64)

    @property
    def condition(self) -> Ints:
        """What was done in each window, ``(windows,)``.

        Equal numbers from 0 for equal directions; -1 where the direction is not known: such windows
        are no repeats of each other.
        """
        known = ~np.isnan(self.direction_deg)
        number = np.full(len(self), -1, dtype=np.int64)
        degrees = np.mod(np.round(self.direction_deg[known], 3), 360)
        number[known] = np.unique(degrees, return_inverse=True)[1]
        return number

    @property
    def repeated(self) -> Ints:
        """The known conditions that two or more windows share.

        Their numbers, shape (conditions,).
        """
        number, windows = np.unique(self.condition, return_counts=True)
        return np.asarray(number[(number >= 0) & (windows > 1)])

    def rows(self) -> tuple[Ints, Ints]:
        """Window, and bin from the window's start, of every row; both ``(rows,)``."""
        window = np.repeat(np.arange(len(self)), self.length)
        return window, np.arange(len(window)) - self.first_row[window]

    def gather(self, values: NDArray[Any], shift: int = 0) -> NDArray[Any]:
        """Lay the windows of ``values (trials, bins, ...)`` end to end, ``(rows, ...)``.

        Args:
            values: Something of each bin of each trial.
            shift: Take what comes this many bins later.
        """
        window, place = self.rows()
        return np.asarray(values[self.trial[window], self.start[window] + place + shift])

    def shifted(self, bins: int) -> "Windows":
        """The same windows so many bins later: where responses lie that come with a lag."""
        return replace(self, start=self.start + bins, stop=self.stop + bins)

    def take(self, windows: ArrayLike) -> "Windows":
        """Some of the windows: positions, or a mask.

        Shape (chosen,) or (windows,).
        """
        place = np.arange(len(self))[np.asarray(windows)]
        return Windows(
            self.trial[place],
            self.start[place],
            self.stop[place],
            self.direction_deg[place],
            self.kind,
        )


def choose_windows(recording: Recording, kind: str, *, seed: int = 0) -> Windows:
    """The windows of one of `WINDOWS`; ``seed`` is of the last only.

    Raises:
        ValueError: The kind is unknown, or the recording has no such trial.
    """
    if kind == "active":
        return active_windows(recording)
    if kind == "passive":
        return passive_windows(recording)
    if kind == "active_as_passive":
        return active_as_passive_windows(recording, seed=seed)
    raise ValueError(f"window must be one of {', '.join(WINDOWS)}, got {kind!r}")


def active_windows(recording: Recording) -> Windows:
    """Movements, from onset to end.

    Raises:
        ValueError: No trial holds a movement.
    """
    trial = np.flatnonzero(recording.active)
    if len(trial) == 0:
        raise ValueError(
            "the recording must have trials with a movement, got none: use protocol.window=passive"
        )
    return Windows(
        trial,
        recording.movement_onset[trial],
        recording.movement_end[trial],
        recording.target_direction_deg[trial],
        "active",
    )


def passive_windows(recording: Recording, bins: int = PASSIVE_BINS) -> Windows:
    """The first bins from the onset of each bump; trials that end too soon after it are left out.

    Raises:
        ValueError: No trial holds a bump and enough bins after it.
    """
    trial = np.flatnonzero(recording.passive & (recording.bump_onset + bins <= recording.length))
    if len(trial) == 0:
        raise ValueError(
            f"the recording must have passive trials, with a bump and {bins} bins after its onset, "
            f"got none ({int(recording.passive.sum())} of {len(recording)} trials hold a bump): "
            "use protocol.window=active"
        )
    start = recording.bump_onset[trial]
    return Windows(trial, start, start + bins, recording.bump_direction_deg[trial], "passive")


def active_as_passive_windows(
    recording: Recording, bins: int = PASSIVE_BINS, *, seed: int
) -> Windows:
    """A control: as many movements as there are bumps, cut to the length of a passive window.

    Movements are drawn without putting back, and the cut is drawn inside of the movement.

    Raises:
        ValueError: There is no bump to match, or there are fewer movements that are long enough.
    """
    wanted = len(passive_windows(recording, bins))
    active = active_windows(recording)
    long_enough = active.take(active.length >= bins)
    if len(long_enough) < wanted:
        raise ValueError(
            f"the recording must have {wanted} movements of at least {bins} bins, as many as "
            f"passive trials, got {len(long_enough)}"
        )
    rng = generator(seed)
    drawn = long_enough.take(np.sort(rng.permutation(len(long_enough))[:wanted]))
    start = drawn.start + rng.integers(0, drawn.length - bins + 1)
    return Windows(drawn.trial, start, start + bins, drawn.direction_deg, "active_as_passive")
