"""The lead drawn to scale, with the contacts that carry current."""

import re
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from neuro_common.extras import require
from spinal_rnn.conditions import configuration_name
from spinal_rnn.figures.ink import ANODE, CATHODE, faint, ink
from spinal_rnn.lead import Lead

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.patches import FancyBboxPatch

__all__ = ["lead_plot", "paddle_mm"]

_MARGIN_MM = 2.2  # from the outermost contacts to the edge of the paddle
_CASE_MM = (7.0, 4.0)
_ACTIVE = 1e-6


def lead_plot(
    ax: "Axes",
    lead: Lead,
    vector: NDArray[np.float64] | None = None,
    *,
    title: str | None = None,
) -> list["FancyBboxPatch"]:
    """The contacts where they lie, seen from behind: cathodes with a minus, anodes with a plus.

    A contact without current shows its number; one with current its sign and, where several share
    a pole, its part beside.

    Args:
        ax: Where to draw; its scale becomes mm in both directions, caudal down.
        lead: Where the contacts lie.
        vector: The configuration, shape (contacts,); None is no current.
        title: Above the lead; None is the name of the configuration.

    Returns:
        A box for each contact, the case last.

    Raises:
        ValueError: The configuration is of another number of contacts.
    """
    parts = np.zeros(len(lead)) if vector is None else np.asarray(vector, dtype=np.float64)
    if parts.shape != (len(lead),):
        raise ValueError(
            f"vector must have shape ({len(lead)},) for {lead.name}, got {parts.shape}"
        )
    left, right, top, bottom = paddle_mm(lead)
    middle = (left + right) / 2
    paddle = _box(middle, (top + bottom) / 2, right - left, bottom - top, 2.0)
    paddle.set(facecolor=faint(ax, 0.06), edgecolor=faint(ax, 0.35), linewidth=0.8)
    ax.add_patch(paddle)
    case = (middle, bottom + 3.0 + _CASE_MM[1] / 2)
    places = [*zip(lead.x_mm[:-1], lead.z_mm[:-1], strict=True), case]
    boxes = []
    for contact, ((x, z), part) in enumerate(zip(places, parts, strict=True)):
        width, length = _CASE_MM if contact == lead.case else lead.contact_mm
        box = _box(x, z, width, length, 0.4)
        boxes.append(box)
        ax.add_patch(box)
        name = "case" if contact == lead.case else str(contact)
        _mark(ax, box, (x, z), name, float(part))
    for contact, up in _shared(lead, parts):
        x, z = lead.x_mm[contact], lead.z_mm[contact]
        edge = z + (-1 if up else 1) * (lead.contact_mm[1] / 2 + 0.3)
        percent = f"{100 * abs(parts[contact]):.0f}%"
        level = "bottom" if up else "top"
        ax.text(x, edge, percent, ha="center", va=level, fontsize=5, color=ink(ax))
    words = ((left, "left", "L"), (middle, "center", "rostral"), (right, "right", "R"))
    for x, side, text in words:
        ax.text(x, top - 0.6, text, ha=side, va="bottom", fontsize=7, color=faint(ax, 0.7))
    _scale_bar(ax, right + 1.2, bottom)
    ax.set(xlim=(left - 2.5, right + 2.5), ylim=(case[1] + _CASE_MM[1] / 2 + 3.5, top - 4))
    ax.set_aspect("equal")
    ax.set_axis_off()
    if title is None and vector is not None:
        title = re.sub(r"\(.*?\)", "", configuration_name(parts))
    ax.set_title(title or "", loc="center", fontsize=7)
    return boxes


def paddle_mm(lead: Lead) -> tuple[float, float, float, float]:
    """Left, right, top and bottom of the paddle in mm; no data sheet gives its outline."""
    x, z = lead.x_mm[:-1], lead.z_mm[:-1]
    across, along = (size / 2 + _MARGIN_MM for size in lead.contact_mm)
    return x.min() - across, x.max() + across, z.min() - along, z.max() + along


def _box(x: float, z: float, width: float, length: float, rounding: float) -> "FancyBboxPatch":
    style = f"round,pad=0,rounding_size={rounding}"
    box: FancyBboxPatch = require("matplotlib.patches", "plot").FancyBboxPatch(
        (x - width / 2, z - length / 2), width, length, boxstyle=style
    )
    return box


def _mark(
    ax: "Axes", box: "FancyBboxPatch", place: tuple[float, float], name: str, part: float
) -> None:
    """Colour one contact and write on it."""
    centred: dict[str, Any] = {"ha": "center", "va": "center_baseline"}
    if abs(part) < _ACTIVE:
        box.set(facecolor=faint(ax, 0.0), edgecolor=faint(ax, 0.45), linewidth=0.7)
        ax.text(*place, name, fontsize=5, color=faint(ax, 0.6), **centred)
        return
    colour, sign = (CATHODE, "\N{MINUS SIGN}") if part < 0 else (ANODE, "+")
    box.set(facecolor=colour, edgecolor=colour, linewidth=0.7)
    written, size = (f"{name} {sign}", 6) if name == "case" else (sign, 8)
    ax.text(*place, written, fontsize=size, color="white", weight="bold", **centred)


def _shared(lead: Lead, parts: NDArray[np.float64]) -> list[tuple[int, bool]]:
    """Contacts that share a pole, and whether a part goes above: of neighbours every other one."""
    places = sorted(
        (lead.z_mm[one], lead.x_mm[one], one)
        for one in range(lead.case)
        if _ACTIVE < abs(parts[one]) < 1 - _ACTIVE
    )
    rows = [z for z, _, _ in places]
    return [(one, (n - rows.index(z)) % 2 == 1) for n, (z, _, one) in enumerate(places)]


def _scale_bar(ax: "Axes", x: float, bottom: float) -> None:
    ax.plot([x, x], [bottom - 10, bottom], color=faint(ax, 0.6), linewidth=1.0, clip_on=False)
    ax.text(
        x + 0.5, bottom - 5, "10 mm", rotation=90, ha="left", va="center", fontsize=5.5,
        color=faint(ax, 0.7),
    )  # fmt: skip
