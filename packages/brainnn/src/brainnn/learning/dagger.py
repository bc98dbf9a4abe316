"""A network learns to walk from a teacher that labels what the network itself came to see.

Round by round, environments are driven for some steps (by the teacher at first, by the student from
then on), the teacher says what it would have done at each of them, and the student learns from all
that was ever labelled (DAgger; Ross, Gordon and Bagnell 2011, AISTATS). With the teacher driving in
every round this is behaviour cloning.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from brainnn.learning.lessons import LabelledSegment, RoundReport, learn_rounds
from brainnn.learning.recurrent import cut_segments
from brainnn.learning.rollouts import Environment
from brainnn.learning.settings import Dagger
from brainnn.networks.core import Core

__all__ = ["Labels", "learn_from"]

Labels = Callable[[NDArray[np.float32]], NDArray[np.float32]]
"""A teacher: observations (batch, channels) to its actions, (batch, actions), in [-1, 1]."""

_FIRST_SEED, _LAST_SEED = 2**16, 2**31  # lower ones are left for tests of what was learned


def learn_from(
    teacher: Labels,
    core: Core,
    make_env: Callable[[], Environment],
    settings: Dagger,
    *,
    seed: int,
    directory: Path | None = None,
    report: RoundReport = lambda steps, row: None,
) -> dict[str, NDArray[np.float64]]:
    """Train a network, in place; a checkpoint found in the directory is taken up.

    Args:
        teacher: Labels observations.
        core: The student.
        make_env: Makes an environment; its episodes start over as they end.
        settings: How.
        seed: Of environments, noise and batches.
        directory: Where ``checkpoints/`` goes; None keeps none.
        report: Called after every round with the number of labelled steps and its row, those of an
            earlier session left out.

    Returns:
        The learning curve, one entry for each round: ``labelled_steps``, ``loss`` (mean squared
        error of its updates), ``reward`` and ``ends`` (the environment's reward a step, and
        episodes that ended by themselves, of whoever drove).

    Raises:
        FormatError: The last checkpoint is damaged, or of another training.
    """
    return learn_rounds(
        core,
        settings,
        lambda rng: _Ground(core, teacher, make_env, settings, rng),
        directory,
        seed=seed,
        report=report,
    )


class _Ground:
    """The environments of the lesson, and where the student's state is in each."""

    def __init__(
        self,
        core: Core,
        teacher: Labels,
        make_env: Callable[[], Environment],
        settings: Dagger,
        rng: np.random.Generator,
    ) -> None:
        self._core, self._teacher, self._settings, self._rng = core, teacher, settings, rng
        self.steps = settings.envs * settings.segment_steps
        self._envs = [make_env() for _ in range(settings.envs)]
        self._current = np.stack([self._restart(env) for env in self._envs])
        self._starts = np.ones(settings.envs, np.bool_)
        self._state = core.initial_state(settings.envs).detach()

    def _restart(self, env: Environment) -> NDArray[np.float32]:
        return env.reset(seed=int(self._rng.integers(_FIRST_SEED, _LAST_SEED)))[0]

    def close(self) -> None:
        for env in self._envs:
            env.close()

    @torch.no_grad()
    def label(self, number: int) -> tuple[list[LabelledSegment], dict[str, float]]:
        settings, first_state = self._settings, self._state
        shape = (settings.segment_steps, settings.envs)
        observations = np.zeros((*shape, self._core.channels), np.float32)
        labels = np.zeros((*shape, self._core.actions), np.float32)
        starts, rewards, ends = np.zeros(shape, np.bool_), np.zeros(shape), 0
        for step in range(settings.segment_steps):
            observations[step], starts[step] = self._current, self._starts
            labels[step] = self._teacher(self._current)
            own = self._student_actions()
            actions = self._noisy(labels[step]) if number < settings.teacher_rounds else own
            for place, env in enumerate(self._envs):
                seen, reward, terminated, truncated, _ = env.step(actions[place])
                rewards[step, place], ends = float(reward), ends + terminated
                self._starts[place] = terminated or truncated
                self._current[place] = self._restart(env) if self._starts[place] else seen
        row = {"reward": float(rewards.mean()), "ends": float(ends)}
        return self._cut(observations, labels, starts, first_state), row

    def _student_actions(self) -> NDArray[np.float32]:
        core = self._core
        begun = torch.from_numpy(self._starts)[:, None]
        state = torch.where(begun, core.initial_state(len(begun)), self._state)
        outputs, self._state = core(torch.from_numpy(self._current)[:, None], state)
        actions = torch.tanh(outputs) if self._settings.squash else outputs.clamp(-1, 1)
        taken: NDArray[np.float32] = actions[:, 0].numpy()
        return taken

    def _noisy(self, actions: NDArray[np.float32]) -> NDArray[np.float32]:
        noise = self._rng.normal(0, self._settings.teacher_noise, actions.shape)
        return np.clip(actions + noise, -1, 1).astype(np.float32)

    def _cut(
        self,
        observations: NDArray[np.float32],
        labels: NDArray[np.float32],
        starts: NDArray[np.bool_],
        first_state: Tensor,
    ) -> list[LabelledSegment]:
        segments = []
        for env, start, length in zip(*cut_segments(starts, len(starts)), strict=True):
            stretch = slice(start, start + length)
            state = None if starts[start, env] else first_state[env]
            segment = LabelledSegment.of(
                observations[stretch, env], labels[stretch, env], state, self._settings
            )
            if segment.weight.any():
                segments.append(segment)
        return segments
