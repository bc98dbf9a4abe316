"""Make a reference clip from a controller that walks, and an even one from several."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from brainnn.bodies.clip import Clip
from brainnn.bodies.loops import find_stride
from brainnn.bodies.mirror import mirror_observations
from brainnn.bodies.planar_biped import PlanarBiped

__all__ = ["even_clip", "record_clip"]


def record_clip(
    act: Callable[[NDArray[np.float32]], NDArray[np.floating[Any]]],
    *,
    seed: int,
    steps: int = 500,
    source: str = "",
) -> Clip:
    """Record a walk from the start of the course.

    Args:
        act: From an observation with lidar, shape (24,), to an action, shape (4,).
        seed: Of the terrain and the first push.
        steps: Duration, in steps of 0.02 s.
        source: Where the controller comes from, in one line.

    Raises:
        ValueError: It fell, or came to the end of the course, before the clip was whole.
    """
    body = PlanarBiped()
    observation, _ = body.reset(seed=seed)
    states, bodies, actions = [observation], [body.body_states()], []
    for step in range(steps):
        action = np.asarray(act(observation), dtype=np.float32)
        observation, _, over, _, _ = body.step(action)
        actions.append(action)
        states.append(observation)
        bodies.append(body.body_states())
        if over and step < steps - 1:
            end = "fell" if body.fell else "came to the end of the course"
            raise ValueError(
                f"the walk must last {steps} steps to become a clip, but it {end} after "
                f"{step + 1}: give another seed, or fewer steps"
            )
    return Clip.of(np.stack(states), np.stack(actions), np.stack(bodies), source=source)


def even_clip(walks: Sequence[Clip]) -> Clip:
    """A walk in one stride: as recorded up to the most even stride, which then comes round.

    A policy seldom makes two strides alike; what is to be imitated, with the phase of the stride as
    the clock, should. The stride is the one of all walks that closes best and limps least, see
    :func:`brainnn.bodies.loops.find_stride`.

    Args:
        walks: Recorded walks, from the start of the course.

    Returns:
        A clip as long as the walk that the stride is of.

    Raises:
        ValueError: None of them has a stride that can be played again and again.
    """
    found = [find_stride(walk.states, mirror_observations(walk.states)) for walk in walks]
    limps = [np.inf if one is None else one[1] for one in found]
    best = int(np.argmin(limps)) if limps else -1
    chosen = found[best] if limps else None
    if chosen is None:
        raise ValueError(
            "walks must have a stride that closes on itself to make an even clip, but none of "
            f"{len(walks)} has: record longer ones, or a steadier walker"
        )
    walk, loop = walks[best], chosen[0]
    frames = np.array([loop.frame(step) for step in range(walk.steps + 1)])
    return Clip.of(
        walk.states[frames],
        walk.actions[frames[:-1]],
        None if walk.bodies is None else walk.bodies[frames],
        source=f"{walk.source}, frames {loop.start} to {loop.stop} again and again",
    )
