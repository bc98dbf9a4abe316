"""Make a reference clip from a controller that walks."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from brainnn.bodies.clip import Clip
from brainnn.bodies.planar_biped import PlanarBiped

__all__ = ["record_clip"]


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
