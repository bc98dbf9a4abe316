"""What a recorded movement's file holds, whatever its format: markers or joint angles over time."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neuro_common.files import FormatError
from neuro_common.verbs import suggestion

__all__ = ["LENGTH_UNITS_M", "AngleTable", "MarkerTable", "even_times", "unknown_name"]

_Array = NDArray[np.float64]

LENGTH_UNITS_M = {"m": 1.0, "cm": 1e-2, "mm": 1e-3}
"""Metres per unit of the places that a file may hold."""

_UNEVEN = 0.5
_RATE_TOLERANCE = 0.02


@dataclass(frozen=True, eq=False)
class MarkerTable:
    """Places of markers over time.

    Attributes:
        names: Of the markers, in the order of the file.
        time_s: Of the frames (frames,), evenly spaced.
        place_m: Shape (frames, markers, 3); NaN where a marker was not seen.
        source: The file, for messages.
    """

    names: tuple[str, ...]
    time_s: _Array
    place_m: _Array
    source: str = "markers"

    @property
    def fs_hz(self) -> float:
        """Frames per second."""
        return (len(self.time_s) - 1) / float(self.time_s[-1] - self.time_s[0])

    def select(self, names: Sequence[str]) -> "MarkerTable":
        """The markers of some names, in their order.

        Raises:
            FormatError: The file has no marker of such a name; the message lists those it has.
        """
        for name in names:
            if name not in self.names:
                raise FormatError(unknown_name(self.source, "marker", name, self.names))
        columns = [self.names.index(name) for name in names]
        return MarkerTable(tuple(names), self.time_s, self.place_m[:, columns], self.source)


@dataclass(frozen=True, eq=False)
class AngleTable:
    """Joint angles over time.

    Attributes:
        names: Of the coordinates, in the order of the file.
        time_s: Of the frames (frames,), evenly spaced.
        angle_rad: Shape (frames, coordinates); NaN where there is none.
        source: The file, for messages.
    """

    names: tuple[str, ...]
    time_s: _Array
    angle_rad: _Array
    source: str = "angles"

    @property
    def fs_hz(self) -> float:
        """Frames per second."""
        return (len(self.time_s) - 1) / float(self.time_s[-1] - self.time_s[0])

    def select(self, names: Sequence[str]) -> "AngleTable":
        """The angles of some coordinates, in their order.

        Raises:
            FormatError: The file has no column of such a name, and the message lists those it has;
                or it has two of them.
        """
        for name in names:
            if name not in self.names:
                raise FormatError(unknown_name(self.source, "coordinate", name, self.names))
            if self.names.count(name) > 1:
                raise FormatError(
                    f"{self.source} must have one column for coordinate {name!r}, got "
                    f"{self.names.count(name)}: leave the others out"
                )
        columns = [self.names.index(name) for name in names]
        return AngleTable(tuple(names), self.time_s, self.angle_rad[:, columns], self.source)


def unknown_name(source: object, what: str, name: str, known: Sequence[str]) -> str:
    """Say that a name is not among those that are known, with the nearest of them."""
    return (
        f"{source} has no {what} {name!r}{suggestion(name, list(known))}; it has "
        f"{', '.join(known) or 'none'}"
    )


def even_times(
    time_s: _Array, source: object, lines: Sequence[int], fs_hz: float | None = None
) -> _Array:
    """Times on an even grid, without the rounding that text files bring.

    Args:
        time_s: Of the frames (frames,), as read.
        source: The file, for messages.
        lines: Line of the file that each frame stands in.
        fs_hz: What the file's header says, if it does.

    Returns:
        As many times from the first to the last, evenly spaced.

    Raises:
        FormatError: There are fewer than two frames, a time is missing, does not grow or is off
            the grid by half a frame (frames were left out), or the rate is not the header's.
    """
    if len(time_s) < 2:
        raise FormatError(f"{source} must hold at least 2 frames, got {len(time_s)}")
    steps = np.diff(time_s)
    if not (steps > 0).all():  # NaN is caught too
        at = int(np.flatnonzero(~(steps > 0))[0]) + 1
        raise FormatError(
            f"{source} line {lines[at]}: time must grow from line to line, got {time_s[at]:g} s "
            f"after {time_s[at - 1]:g} s"
        )
    even = np.linspace(time_s[0], time_s[-1], len(time_s))
    step = even[1] - even[0]
    off = np.abs(time_s - even)
    if off.max() > _UNEVEN * step:
        gap = int(steps.argmax()) + 1
        raise FormatError(
            f"{source} line {lines[gap]}: frames must be evenly spaced, got a step of "
            f"{steps[gap - 1]:g} s where the mean is {step:g} s: write a line for each frame, with "
            "blank cells where nothing was seen"
        )
    if fs_hz is not None and abs(1.0 / step - fs_hz) > _RATE_TOLERANCE * fs_hz:
        raise FormatError(
            f"{source}: the header says {fs_hz:g} frames per s, but its times have {1 / step:g}"
        )
    return even
