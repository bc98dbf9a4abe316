"""Pictures of a recorded walk: the same seed and the same actions give the same walk again."""

from pathlib import Path

import numpy as np

from brainnn.analysis.recording import Walk
from brainnn.analysis.rhythm import strides_of
from brainnn.bodies.planar_biped import DT_S
from brainnn.figures.video import Frame, draw_stride, write_film
from brainnn.learning.walkers import Body

__all__ = ["film_walk"]

_EVERY = 2  # frames of the walk to one of the film: 25 a second


def film_walk(
    walk: Walk, body: Body, directory: Path, *, video: str | None, strip: bool
) -> list[Path]:
    """Play the first episode of a walk again, film it, and draw one of its strides.

    Args:
        walk: The walk.
        body: Who walked.
        directory: Where ``walk.mp4`` or ``walk.gif`` and ``figures/stride.png`` go.
        video: "mp4", "gif", or None for no film.
        strip: Whether to draw a stride; a walk without one gives its last half second.

    Returns:
        What was written.
    """
    runs = walk.rollouts
    length = int(runs.lengths[0])
    env = body.environment(
        runs.actions.shape[1], early_end=False, render_mode="rgb_array" if video else None
    )
    env.reset(seed=int(runs.seeds[0]))
    states, frames = [env.body.body_states()], []
    for step in range(length):
        env.step(runs.actions[0, step])
        states.append(env.body.body_states())
        if video and step % _EVERY == 0:
            frames.append(_frame(env.render()))
    env.close()
    written = []
    if video:
        path = directory / f"walk.{video}"
        written.append(write_film(frames, path, fps=1 / (_EVERY * DT_S)))
    if strip:
        shown = _stride(walk, length)
        written.append(draw_stride(np.stack(states)[shown], directory / "figures" / "stride"))
    return written


def _frame(picture: object) -> Frame:
    return np.asarray(picture, dtype=np.uint8)


def _stride(walk: Walk, length: int) -> slice:
    """Frames of the last whole stride of the first episode."""
    strides = strides_of(walk)
    if 0 in strides:
        return slice(int(strides[0][-2]), int(strides[0][-1]))
    return slice(max(0, length - round(0.5 / DT_S)), length + 1)
