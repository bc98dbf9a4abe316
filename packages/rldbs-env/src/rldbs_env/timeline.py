"""The time of a test, as figures show it: zero when control begins."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from rldbs_env.protocol import Protocol

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["TIME_LABEL", "between", "mark_control", "time_from_onset"]

TIME_LABEL = "time from onset of control (time units)"


def time_from_onset(n_steps: int, protocol: Protocol) -> NDArray[np.float64]:
    """Time after each step, in time units from the onset of control, shape (n_steps,)."""
    steps = np.arange(1, n_steps + 1) - protocol.free_steps
    return np.asarray(steps * protocol.step_time)


def between(time: NDArray[np.float64], low: float, high: float) -> slice:
    """The part of rising times that is in [low, high).

    Times of shape (time,).
    """
    return slice(int(np.searchsorted(time, low)), int(np.searchsorted(time, high)))


def mark_control(ax: "Axes", protocol: Protocol) -> None:
    """Dashed lines where control begins and ends, where these are in view."""
    left, right = ax.get_xlim()
    for moment in (0.0, protocol.controlled_steps * protocol.step_time):
        if left <= moment <= right:
            ax.axvline(moment, color="0.4", linestyle="--", linewidth=0.8)
