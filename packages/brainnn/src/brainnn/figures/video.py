"""A walk as film, and one stride of it as a strip of pictures."""

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neuro_common.extras import require
from neuro_common.files import atomic_path
from neuro_common.plots import new_figure
from neuro_common.style import PALETTE, figure_style, save_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.patches import Polygon

__all__ = ["draw_stride", "posture_plot", "write_film"]

Frame = NDArray[np.uint8]

_GIF_WIDTH = 360
_COLOURS = 64

# of BipedalWalker, units of length
_HULL: Final = np.array([(-30, 9), (6, 9), (34, 1), (34, -8), (-30, -8)]) / 30
_THIGH: Final = np.array([(-4, -17), (4, -17), (4, 17), (-4, 17)]) / 30
_SHANK: Final = _THIGH * (0.8, 1)
_OUTLINES = (_HULL, _THIGH, _SHANK, _THIGH, _SHANK)
_HULL_COLOUR = "0.55"
_PARTS = ((3, PALETTE[1]), (4, PALETTE[1]), (0, _HULL_COLOUR), (1, PALETTE[0]), (2, PALETTE[0]))
"""Rows of a physical state from the back to the front, and their colours."""
_APART = 2.9


def write_film(frames: Sequence[Frame], path: Path, *, fps: float) -> Path:
    """Write frames as a film, whole or not at all.

    Args:
        frames: Shape (height, width, 3) each, at least one.
        path: Ends in ``.gif``, which pillow writes, small and in few colours, or ``.mp4``, which
            ffmpeg writes, if it is on the PATH.
        fps: Frames a second.

    Returns:
        The path.

    Raises:
        ValueError: There is no frame, the path ends otherwise, or ffmpeg is missing or fails.
    """
    if not len(frames):
        raise ValueError("a film must have at least one frame, got none")
    writers = {".gif": _write_gif, ".mp4": _write_mp4}
    if path.suffix not in writers:
        raise ValueError(f"a film must end in {' or '.join(writers)}, got {path}")
    with atomic_path(path) as temporary:
        writers[path.suffix](frames, temporary, fps)
    return path


def posture_plot(ax: "Axes", bodies: ArrayLike, x: float = 0.0) -> list["Polygon"]:
    """The walker in one moment, leg 1 before leg 2.

    Args:
        ax: Where to draw.
        bodies: Physical state as `PlanarBiped.body_states` gives it, shape (5, 6).
        x: Where its hull is drawn.

    Returns:
        Hull, thighs and shanks, from the back to the front.
    """
    state = np.asarray(bodies, dtype=np.float64)
    drawn = []
    for part, colour in _PARTS:
        at_x, at_y, angle = state[part, :3]
        turn = np.array([(np.cos(angle), np.sin(angle)), (-np.sin(angle), np.cos(angle))])
        corners = _OUTLINES[part] @ turn + (x + at_x, at_y)
        drawn += ax.fill(*corners.T, facecolor=colour, edgecolor="white", linewidth=0.4)
    return drawn


def draw_stride(
    bodies: NDArray[np.floating[Any]], stem: Path, *, dt_s: float = 0.02, pictures: int = 8
) -> Path:
    """Draw a stride as a row of postures at even times, not at the distances of the walk.

    Args:
        bodies: Physical states of the stride as `PlanarBiped.body_states` gives them, shape
            (frames, 5, 6).
        stem: Path of the figure without suffix.
        dt_s: Time between frames.
        pictures: How many postures.

    Returns:
        Path of the PNG.
    """
    shown = np.unique(np.linspace(0, len(bodies) - 1, min(pictures, len(bodies))).round()).astype(
        int
    )
    width = _APART * len(shown)
    with figure_style():
        figure, axes = new_figure(1, 1, height_mm=180 * 3.6 / width + 5)
        ax = axes[0, 0]
        for place, frame in enumerate(shown):
            posture_plot(ax, bodies[frame], _APART * place)
            label = f"{1000 * dt_s * frame:.0f} ms"
            ax.text(_APART * place, -0.25, label, ha="center", va="top", fontsize=8)
        ax.axhline(0, color="0.4", linewidth=1.0)
        ax.set(xlim=(-_APART / 2, width - _APART / 2), ylim=(-0.8, 2.8), aspect="equal")
        ax.set_axis_off()
        numbers = {"time_s": dt_s * shown}
        for row, name in enumerate(("hull", "thigh_1", "shank_1", "thigh_2", "shank_2")):
            for column, what in enumerate(("x", "y", "angle_rad")):
                numbers[f"{name}_{what}"] = bodies[shown, row, column]
        return save_figure(figure, stem, numbers)


def _write_gif(frames: Sequence[Frame], path: Path, fps: float) -> None:
    image: Any = require("PIL.Image", "plot")
    first = frames[0]
    size = (_GIF_WIDTH, round(_GIF_WIDTH * first.shape[0] / first.shape[1]))
    small = [
        image.fromarray(frame).resize(size).quantize(_COLOURS, dither=image.Dither.NONE)
        for frame in frames
    ]
    # a gif counts hundredths of a second
    pause = max(20, 10 * round(100 / fps))
    small[0].save(path, save_all=True, append_images=small[1:], duration=pause, loop=0)


def _write_mp4(frames: Sequence[Frame], path: Path, fps: float) -> None:
    program = shutil.which("ffmpeg")
    if program is None:
        raise ValueError(
            "a film as .mp4 wants ffmpeg on the PATH, got none: install it or ask for .gif"
        )
    # H.264 wants even sizes
    height, width = (2 * (size // 2) for size in frames[0].shape[:2])
    line = [program, "-loglevel", "error", "-y", "-f", "rawvideo", "-pix_fmt", "rgb24"]
    line += ["-s", f"{width}x{height}", "-r", f"{fps:g}", "-i", "-"]
    line += ["-c:v", "libx264", "-pix_fmt", "yuv420p", "-f", "mp4", str(path)]
    shown = b"".join(np.ascontiguousarray(frame[:height, :width]).tobytes() for frame in frames)
    done = subprocess.run(line, input=shown, stderr=subprocess.PIPE, check=False)
    if done.returncode:
        reason = done.stderr.decode(errors="replace").strip()
        raise ValueError(f"ffmpeg could not write {path.name}: {reason or 'it gave no reason'}")
