"""A suppression as a film: the mean field and its kicks, the neurons, the plane of the fields."""

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from neuro_common.style import CONTROLLED, FREE, STIMULATION, figure_style
from rldbs_env.evaluation import Example
from rldbs_env.protocol import NEURON_EVERY, Protocol

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["FORMATS", "animate", "film"]

FORMATS = ("gif", "mp4")
_FRAMES_PER_SECOND = 15
_CYCLES_BEFORE, _CYCLES_AFTER = 5, 15
_FRAMES_PER_CYCLE = 6
_TRAIL_CYCLES = 1.5


def film(example: Example, protocol: Protocol, name: str) -> tuple["Figure", Any, int]:
    """The first picture of the film and how to draw the others.

    Args:
        example: What to show.
        protocol: Its phases.
        name: What to call the controller.

    Returns:
        The figure, a function that draws frame ``k`` into it and returns the changed artists, and
        the number of frames: from five cycles before control to fifteen after its onset.
    """
    from matplotlib.figure import Figure

    cycle, on = protocol.cycle_steps, protocol.free_steps
    first = max(0, on - _CYCLES_BEFORE * cycle)
    last = min(len(example.mean_x), on + _CYCLES_AFTER * cycle)
    ends = np.arange(first + 1, last + 1, max(1, round(cycle / _FRAMES_PER_CYCLE)))
    time = (np.arange(len(example.mean_x)) + 1 - on) * protocol.step_time
    x, y = example.mean_x, example.mean_y

    with figure_style():
        figure = Figure(figsize=(6.4, 3.6), dpi=100, layout="constrained")
        panels = figure.subplot_mosaic(
            [["field", "plane"], ["kick", "plane"], ["neurons", "plane"]],
            width_ratios=(2, 1),
            height_ratios=(3, 1.2, 2.4),
        )
        shown = slice(first, last)
        span = (time[first], time[last - 1])
        (field,) = panels["field"].plot([], [], color=FREE, linewidth=1.0)
        (tamed,) = panels["field"].plot([], [], color=CONTROLLED, linewidth=1.0)
        panels["field"].set(xlim=span, ylim=_padded(x[shown]), ylabel="X", xticklabels=[])
        panels["field"].set_title(name)
        (kick,) = panels["kick"].plot([], [], color=STIMULATION, linewidth=0.8)
        largest = max(1e-6, float(np.abs(example.kicks[shown]).max()))
        panels["kick"].set(
            xlim=span, ylim=(-1.1 * largest, 1.1 * largest), ylabel="kick", xticklabels=[]
        )
        (trail,) = panels["plane"].plot([], [], color=CONTROLLED, linewidth=0.8)
        (dot,) = panels["plane"].plot([], [], "o", color=STIMULATION, markersize=4)
        panels["plane"].set_box_aspect(1)
        panels["plane"].set(xlim=_padded(x[shown]), ylim=_padded(y[shown]), xlabel="X", ylabel="Y")
        neurons = example.neuron_x[first // NEURON_EVERY : -(-last // NEURON_EVERY)].T
        low, high = np.percentile(neurons, [2, 98])
        image = panels["neurons"].imshow(
            np.full_like(neurons, np.nan),
            aspect="auto",
            interpolation="nearest",
            cmap="Greys",
            vmin=low,
            vmax=high,
            extent=(*span, len(neurons), 0),
        )
        panels["neurons"].set(
            xlabel="time from onset of control (time units)", ylabel="neuron", yticks=[]
        )
        for panel in ("field", "kick", "neurons"):
            panels[panel].axvline(0.0, color="0.4", linestyle="--", linewidth=0.8)

        figure.draw_without_rendering()
        figure.set_layout_engine("none")  # laying out anew would take most of a frame's time

    def draw(frame: int) -> tuple[Any, ...]:
        end = int(ends[frame])
        begun = slice(max(on, first), end)
        field.set_data(time[first : min(end, on)], x[first : min(end, on)])
        tamed.set_data(time[begun], x[begun])
        kick.set_data(time[first:end], example.kicks[first:end])
        recent = slice(max(first, end - round(_TRAIL_CYCLES * cycle)), end)
        trail.set_data(x[recent], y[recent])
        trail.set_color(CONTROLLED if end > on else FREE)
        dot.set_data(x[end - 1 : end], y[end - 1 : end])
        seen = np.array(neurons)
        seen[:, -(-(end - first) // NEURON_EVERY) :] = np.nan
        image.set_data(seen)
        return field, tamed, kick, trail, dot, image

    return figure, draw, len(ends)


def animate(
    example: Example,
    protocol: Protocol,
    name: str,
    path: Path,
    formats: Sequence[str] = FORMATS,
) -> list[Path]:
    """Write the film beside ``path`` in every format that this machine can write.

    A gif needs nothing but matplotlib; an mp4 needs the program ffmpeg and is left out without it.

    Args:
        example: What to show.
        protocol: Its phases.
        name: What to call the controller.
        path: Where to write, without suffix.
        formats: Among `FORMATS`.

    Returns:
        The files written.

    Raises:
        ValueError: If a format is none of `FORMATS`.
    """
    from matplotlib.animation import FFMpegWriter, FuncAnimation, PillowWriter

    for one in formats:
        if one not in FORMATS:
            raise ValueError(f"formats must be among {', '.join(FORMATS)}, got {one!r}")
    written = []
    path.parent.mkdir(parents=True, exist_ok=True)
    for one in formats:
        if one == "mp4" and not shutil.which("ffmpeg"):
            continue
        figure, draw, n_frames = film(example, protocol, name)
        writer = (PillowWriter if one == "gif" else FFMpegWriter)(fps=_FRAMES_PER_SECOND)
        target = path.with_suffix(f".{one}")
        partial = target.with_name(f"{target.stem}.partial.{one}")
        FuncAnimation(figure, draw, frames=n_frames).save(partial, writer=writer)
        partial.replace(target)
        written.append(target)
    return written


def _padded(values: "np.typing.NDArray[np.float64]") -> tuple[float, float]:
    low, high = float(values.min()), float(values.max())
    room = 0.08 * max(high - low, 1e-6)
    return low - room, high + room
