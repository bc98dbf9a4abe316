"""A network learns what was done in a recorded walk: behaviour cloning, without a teacher.

The network is led along the recording: it sees what the recorded walker saw, and is to do what that
did. What it never sees is where its own mistakes would lead, so this is a start to go on from, by
a teacher (`brainnn.learning.dagger`) or by reward (`brainnn.learning.reinforce`).
"""

from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from brainnn.bodies.biped import BipedImitationEnv
from brainnn.bodies.planar_biped import PROPRIOCEPTION
from brainnn.learning.lessons import LabelledSegment, RoundReport, learn_rounds
from brainnn.learning.settings import Cloning
from brainnn.networks.core import Core

__all__ = ["clone", "reference_lesson"]


def reference_lesson(
    env: BipedImitationEnv,
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """What the recorded walker saw, as an environment shows it, and what it did.

    Args:
        env: Whose reference it is; with lidar and phase where it has them.

    Returns:
        Observations, shape (steps, channels), and actions in [-1, 1], shape (steps, 4).
    """
    clip, loop = env.clip, env.loop
    (channels,) = env.observation_space.shape or (0,)
    numbers = clip.states.shape[1] if channels >= clip.states.shape[1] else PROPRIOCEPTION
    seen = clip.states[:-1, :numbers]
    if channels > numbers:
        steps = range(clip.steps)
        turns = [loop.phase(step) if loop else 2 * np.pi * step / clip.steps for step in steps]
        clock = np.stack([np.sin(turns), np.cos(turns)], axis=1).astype(np.float32)
        seen = np.concatenate([seen, clock], axis=1)
    return seen, np.clip(clip.actions, -1, 1)


def clone(
    observations: ArrayLike,
    actions: ArrayLike,
    core: Core,
    settings: Cloning,
    *,
    seed: int,
    directory: Path | None = None,
    report: RoundReport = lambda steps, row: None,
) -> dict[str, NDArray[np.float64]]:
    """Train a network, in place; a checkpoint found in the directory is taken up.

    Args:
        observations: Of one walk from its start on, shape (steps, channels).
        actions: What was done at each, in [-1, 1], shape (steps, actions).
        core: What learns.
        settings: How.
        seed: Of where segments begin, and of batches.
        directory: Where ``checkpoints/`` goes; None keeps none.
        report: Called after every round with the number of labelled steps and its row, those of an
            earlier session left out.

    Returns:
        The learning curve, one entry for each round: ``labelled_steps`` and ``loss`` (mean squared
        error of its updates).

    Raises:
        ValueError: Observations and actions do not fit the network, or have no steps.
        FormatError: The last checkpoint is damaged, or of another training.
    """
    seen, done = np.asarray(observations, np.float32), np.asarray(actions, np.float32)
    steps = len(done)
    wanted = (steps, core.channels), (steps, core.actions)
    if steps == 0 or (seen.shape, done.shape) != wanted:
        raise ValueError(
            f"observations and actions must have shapes (steps, {core.channels}) and (steps, "
            f"{core.actions}) for this network, got {seen.shape} and {done.shape}"
        )
    return learn_rounds(
        core,
        settings,
        lambda rng: _Recording(core, seen, done, settings, rng),
        directory,
        seed=seed,
        report=report,
    )


class _Recording:
    """A walk that a network is led along, in segments that begin elsewhere in every round."""

    def __init__(
        self,
        core: Core,
        observations: NDArray[np.float32],
        actions: NDArray[np.float32],
        settings: Cloning,
        rng: np.random.Generator,
    ) -> None:
        self._core, self._settings, self._rng = core, settings, rng
        self._observations, self._actions, self.steps = observations, actions, len(actions)

    def close(self) -> None:
        pass

    @torch.no_grad()
    def label(self, number: int) -> tuple[list[LabelledSegment], dict[str, float]]:
        longest = self._settings.segment_steps
        first = int(self._rng.integers(1, longest + 1))
        ends = [0, *range(first, self.steps, longest), self.steps]
        segments, state = [], self._core.initial_state(1)
        for start, stop in pairwise(ends):
            stretch, done = self._observations[start:stop], self._actions[start:stop]
            before = state[0] if start else None
            segments.append(LabelledSegment.of(stretch, done, before, self._settings))
            state = self._core(torch.from_numpy(stretch)[None], state)[1]
        return [segment for segment in segments if segment.weight.any()], {}
