"""Lesions drawn: the tempo of a rhythm some of whose units are weakened or silenced."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from neuro_common.plots import new_figure
from neuro_common.style import figure_style, save_figure
from rhythm_rnn.classes import CLASSES
from rhythm_rnn.figures.tempo import cue_colours
from rhythm_rnn.lesions import Lesion

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes

__all__ = ["draw_lesions", "lesion_plot", "lesion_summary", "lesion_table"]

_BOTTOM, _TOP = 0.04, 0.96  # of the axes: where there is no rhythm, and where activity runs away
_NOT_RHYTHMS = {"no rhythm": (_BOTTOM, "x"), "invalid": (_BOTTOM, "x"), "runaway": (_TOP, "^")}


def lesion_plot(ax: "Axes", intact: Lesion, lesions: Sequence[Lesion]) -> list["Artist"]:
    """Change of the inter-tap interval by each lesion of one dose.

    Cues are coloured; controls are grey and stand to the right of their class. A cross at the
    bottom is a network without a valid rhythm, a triangle at the top one whose activity runs away.

    Args:
        ax: Where to draw.
        intact: The intact network.
        lesions: Those of one dose.

    Returns:
        The markers, lesion by lesion and cue by cue.
    """
    targets = [name for name in CLASSES if any(one.target == name for one in lesions)]
    colours = cue_colours(intact.cues)
    spread = np.linspace(-0.12, 0.12, len(intact.cues)) if len(intact.cues) > 1 else np.zeros(1)
    artists: list[Artist] = []
    for one in lesions:
        place = targets.index(one.target) + (0.25 if one.control else -0.2)
        change = _change_percent(one, intact)
        for i, verdict in enumerate(one.verdicts):
            look: dict[str, Any] = {
                "color": "0.65" if one.control else colours[i],
                "markersize": 3 if one.control else 5,
            }
            x = place + spread[i]
            if verdict in _NOT_RHYTHMS:
                y, marker = _NOT_RHYTHMS[verdict]
                artists += ax.plot(x, y, marker, transform=ax.get_xaxis_transform(), **look)
            else:
                artists += ax.plot(x, change[i], "o", **look)
    ax.axhline(0, color="0.6", linewidth=0.8, zorder=0)
    sizes = {one.target: one.units for one in lesions}
    ax.set_xticks(range(len(targets)), [f"{name}\n({sizes[name]})" for name in targets])
    ax.set(xlim=(-0.6, len(targets) - 0.4), ylabel="change of the interval (%)")
    ax.margins(y=0.2)
    return artists


def draw_lesions(lesions: Sequence[Lesion], directory: Path) -> dict[Path, str]:
    """Draw all lesions, one panel for each dose, with their numbers beside them.

    Args:
        lesions: What `rhythm_rnn.lesions.lesion_classes` gave.
        directory: Where the figure goes, as PNG, SVG and CSV.

    Returns:
        Caption of the PNG; empty if there are no lesions.
    """
    intact, *others = lesions
    doses = sorted({one.dose for one in others})
    if not doses:
        return {}
    with figure_style():
        figure, axes = new_figure(1, len(doses), height_mm=70)
        for ax, dose in zip(axes[0], doses, strict=True):
            lesion_plot(ax, intact, [one for one in others if one.dose == dose])
            ax.set_title(_name(dose))
        _cue_legend(axes[0, -1], intact.cues)
        path = save_figure(figure, directory / "lesions", lesion_table(lesions))
    return {
        path: "Inter-tap interval after a class is weakened, against the intact network; number of "
        "units in brackets. Grey: as many active units, drawn at random from all classes. Crosses: "
        "no valid rhythm. Triangles: activity runs away."
    }


def lesion_summary(lesions: Sequence[Lesion]) -> list[str]:
    """What each lesion does to the tempo, a line for each; cues are not averaged."""
    lines = []
    intact, *others = lesions
    beats = np.array(intact.verdicts) == "valid"
    if not beats.all():
        lines.append(
            f"The intact network keeps no beat at cue {_listed(intact.cues[~beats])}, where "
            "lesions are not compared."
        )
    for one in (lesion for lesion in others if not lesion.control):
        changes = _change_percent(one, intact)
        kept = np.isfinite(changes)
        effect = "no valid rhythm is left"
        if kept.any():
            pairs = zip(changes[kept], one.cues[kept], strict=True)
            told = ", ".join(f"{change:+.1f} % at cue {cue:.4g}" for change, cue in pairs)
            effect = f"the interval changes by {told}"
            lost = one.cues[beats & ~kept]
            effect += f"; no valid rhythm at cue {_listed(lost)}" if len(lost) else ""
        lines.append(f"{one.target} {_name(one.dose)}: {effect}.")
    return lines


def lesion_table(lesions: Sequence[Lesion]) -> dict[str, list[Any]]:
    """One row per lesion and cue."""
    rows = [
        (
            one.target,
            one.control,
            one.dose,
            one.units,
            float(one.cues[i]),
            verdict,
            float(one.interval_ms[i]),
            float(one.swing[i]),
        )
        for one in lesions
        for i, verdict in enumerate(one.verdicts)
    ]
    names = ("target", "control", "dose", "units", "cue", "verdict", "iti_ms", "swing")
    return {name: list(column) for name, column in zip(names, zip(*rows, strict=True), strict=True)}


def _change_percent(one: Lesion, intact: Lesion) -> NDArray[np.float64]:
    """Change of the interval at each cue; NaN where either has no valid rhythm."""
    # an invalid rhythm has an interval too, but not one to believe
    valid = (np.array(one.verdicts) == "valid") & (np.array(intact.verdicts) == "valid")
    change = 100 * (one.interval_ms / intact.interval_ms - 1)
    return np.asarray(np.where(valid, change, np.nan))


def _listed(cues: NDArray[np.float64]) -> str:
    return ", ".join(f"{cue:.4g}" for cue in cues)


def _name(dose: float) -> str:
    return "silenced" if dose == 1 else f"weaker by {100 * dose:g} %"


def _cue_legend(ax: "Axes", cues: NDArray[Any]) -> None:
    from matplotlib.lines import Line2D

    handles = [
        Line2D([], [], marker="o", linestyle="", color=colour, markersize=5, label=f"{cue:.2g}")
        for cue, colour in zip(cues, cue_colours(cues), strict=True)
    ]
    ax.legend(
        handles=handles, title="cue", fontsize=7, title_fontsize=7, loc="upper left",
        bbox_to_anchor=(1, 1), borderpad=0, handletextpad=0.2,
    )  # fmt: skip
