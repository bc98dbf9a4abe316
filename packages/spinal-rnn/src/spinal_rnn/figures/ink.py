"""Colours that follow the paper, light or dark, and those that mean one thing in every figure."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neuro_common.extras import require

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    Colour = tuple[float, float, float]

__all__ = [
    "ANODE",
    "CATHODE",
    "MEASURED",
    "PREDICTED",
    "TRUE",
    "faint",
    "frequency_colours",
    "ink",
    "ramp_colours",
]

CATHODE = "#d55e00"
"""Vermilion: contacts with negative current, which excite."""
ANODE = "#2f8fd0"
"""Blue, of equal weight on light and dark paper."""
MEASURED = "#2f8fd0"
PREDICTED = "#d55e00"
TRUE = "#009e73"
"""Green: what only a simulation knows."""

_BY_FREQUENCY = ("#2f8fd0", "#e69f00", "#009e73", "#cc79a7", "#d55e00", "#56b4e9")


def ink(ax: "Axes") -> "Colour":
    """The colour of writing on the axes' paper."""
    return faint(ax, 1.0)


def faint(ax: "Axes", part: float) -> "Colour":
    """Ink thinned with paper, opaque, so that what lies below does not shine through.

    Args:
        ax: Whose paper and ink.
        part: Of ink, in [0, 1].
    """
    rgb = require("matplotlib.colors", "plot").to_rgb
    writing, paper = (np.array(rgb(c)) for c in (ax.xaxis.label.get_color(), ax.get_facecolor()))
    red, green, blue = (part * writing + (1 - part) * paper).tolist()
    return red, green, blue


def frequency_colours(frequencies_hz: ArrayLike) -> dict[float, str]:
    """A colour for each frequency, the same in every figure of one session.

    Args:
        frequencies_hz: Any number of them, repeats allowed; colours begin again after six.
    """
    rising = np.unique(np.asarray(frequencies_hz, dtype=np.float64)).tolist()
    return {hz: _BY_FREQUENCY[n % len(_BY_FREQUENCY)] for n, hz in enumerate(rising)}


def ramp_colours(stops: Sequence[str], n: int) -> NDArray[np.float64]:
    """Colours from the first stop to the last, shape (n, 4).

    Args:
        stops: At least two colours.
        n: How many to make.
    """
    ramp = require("matplotlib.colors", "plot").LinearSegmentedColormap.from_list("ramp", stops)
    return np.asarray(ramp(np.linspace(0, 1, n)), dtype=np.float64)
