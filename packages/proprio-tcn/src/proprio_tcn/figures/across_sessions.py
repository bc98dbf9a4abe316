"""What explains neurons in several sessions or animals, paired by model."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from neuro_common.files import FormatError, read_json
from neuro_common.plots import new_figure
from neuro_common.style import PALETTE, figure_style, save_figure
from proprio_tcn.figures.prediction import model_label
from proprio_tcn.figures.tables import LOWEST, Explained, chosen_models, limits, read_explained

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.lines import Line2D

__all__ = ["SessionScores", "draw_sessions", "read_session", "session_plot", "shared_models"]

_MARKERS = ("o", "s", "^", "D", "v", "P", "X")
_SPREAD = 0.6  # of a row, over which sessions stand apart


class SessionScores(NamedTuple):
    """What models explain of one session.

    Attributes:
        name: Of the session, for the legend.
        layers: Every layer of every model.
    """

    name: str
    layers: list[Explained]

    @property
    def best(self) -> dict[str, Explained]:
        """Best layer of each model, by its name."""
        return {one.model: one for one in self.layers if one.best}


def read_session(directory: str | Path, window: str = "") -> SessionScores:
    """A prediction with the name of its session: animal, area and session as far as known.

    Args:
        directory: Of `proprio-tcn predict`.
        window: "active" or "passive", put behind the name.

    Raises:
        FileNotFoundError: A table is missing.
        FormatError: A table is damaged.
    """
    layers = read_explained(directory)
    try:
        facts = read_json(Path(directory) / "split.json", "proprio-tcn/split")
    except (FileNotFoundError, FormatError):
        facts = {}
    told = [str(facts.get(name) or "") for name in ("subject", "area", "session")]
    known = " ".join(one for one in told if one and one != "none") or Path(directory).name
    return SessionScores(f"{known} {window}".strip(), layers)


def shared_models(sessions: Sequence[SessionScores], most: int | None = None) -> list[str]:
    """Models that are in every session, from the best mean over sessions to the worst.

    Args:
        sessions: Which.
        most: At most so many, the best of each task or kind first; None for all.

    Raises:
        ValueError: There is none.
    """
    best = [one.best for one in sessions]
    names = [name for name in best[0] if all(name in one for one in best)]
    if not names:
        raise ValueError(
            "runs must share models to be drawn together, but none is in all of them, which have "
            f"{', '.join(str(len(one)) for one in best)}: predict each session with the same "
            "networks"
        )
    together = [
        best[0][name]._replace(test_ev=np.array([one[name].mean for one in best])) for name in names
    ]
    return [one.model for one in chosen_models(together, most or len(names))]


def session_plot(
    ax: "Axes",
    sessions: Sequence[SessionScores],
    models: Sequence[str],
    *,
    confidence: float = 0.95,
    seed: int = 0,
) -> tuple[list["Line2D"], dict[str, list[Any]]]:
    """Draw the mean of each model's best layer in each session, with intervals over neurons.

    What lies below `LOWEST` is cut off.

    Args:
        ax: Where to draw.
        sessions: A colour and a marker for each, at most seven.
        models: Of all sessions, from the top row to the lowest.
        confidence: Of the intervals.
        seed: Of the bootstrap.

    Returns:
        The points of each session, and the numbers: session, model, layer, test_ev, test_ev_low,
        test_ev_high.
    """
    names = ("session", "model", "layer", "test_ev", "test_ev_low", "test_ev_high")
    rows: dict[str, list[Any]] = {name: [] for name in names}
    lines: list[Line2D] = []
    shift = np.linspace(-0.5, 0.5, len(sessions)) * _SPREAD * (1 - 1 / len(sessions))
    for session, by, colour, marker in zip(sessions, shift, PALETTE, _MARKERS, strict=False):
        found = [session.best[name] for name in models]
        every = [limits(one.test_ev, confidence, seed) for one in found]
        place = (np.arange(len(models)) + by).tolist()
        for row, (_, low, high) in zip(place, every, strict=True):
            ax.plot([low, high], [row, row], color=colour, linewidth=1.2)
        means = [interval.mean for interval in every]
        lines += ax.plot(
            *(means, place, marker),
            color=colour,
            markersize=4,
            linestyle="none",
            label=session.name,
        )
        for one, interval in zip(found, every, strict=True):
            row_of = (session.name, one.model, one.layer, *interval)
            for name, value in zip(names, row_of, strict=True):
                rows[name].append(value)
    labels = [model_label(sessions[0].best[name], layer=False) for name in models]
    ax.set_yticks(range(len(models)), labels, fontsize=6.5)
    ax.set_ylim(len(models) - 0.5, -0.5)
    ax.set_xlabel("test explained variance of the best layer")
    if ax.get_xlim()[0] < LOWEST:
        ax.set_xlim(left=LOWEST)
    ax.grid(axis="both", color="0.9", linewidth=0.6)
    ax.set_axisbelow(True)
    return lines, rows


def draw_sessions(
    sessions: Sequence[SessionScores],
    stem: Path,
    *,
    models: int = 30,
    confidence: float = 0.95,
    seed: int = 0,
) -> Path:
    """Draw models that all sessions share, and save them with their numbers.

    Args:
        sessions: Two to seven.
        stem: Path without suffix.
        models: At most so many are listed, the best of each task or kind first.
        confidence: Of the intervals.
        seed: Of the bootstrap.

    Returns:
        Path of the PNG.

    Raises:
        ValueError: There are too few or too many sessions, or they share no model.
    """
    if not 2 <= len(sessions) <= len(PALETTE):
        raise ValueError(
            f"runs must be 2 to {len(PALETTE)} to be drawn together, a colour for each, got "
            f"{len(sessions)}"
        )
    shown = shared_models(sessions, models)
    with figure_style():
        row_mm = 3.0 + 2.0 * len(sessions)
        figure, axes = new_figure(width_mm=150, height_mm=30 + row_mm * len(shown))
        look: dict[str, Any] = {"confidence": confidence, "seed": seed}
        lines, rows = session_plot(axes[0, 0], sessions, shown, **look)
        figure.legend(handles=lines, loc="outside lower center", ncols=min(3, len(lines)))
        return save_figure(figure, stem, rows)
