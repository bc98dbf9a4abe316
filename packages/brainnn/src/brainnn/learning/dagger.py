"""A network learns to walk from a teacher that labels what the network itself came to see.

Round by round, environments are driven for some steps (by the teacher at first, by the student from
then on), the teacher says what it would have done at each of them, and the student learns from all
that was ever labelled (DAgger; Ross, Gordon and Bagnell 2011, AISTATS). With the teacher driving in
every round this is behaviour cloning.
"""

from collections.abc import Callable, Sequence
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
    student_channels: Sequence[int] | None = None,
    directory: Path | None = None,
    report: RoundReport = lambda steps, row: None,
) -> dict[str, NDArray[np.float64]]:
    """Train a network, in place; a checkpoint found in the directory is taken up.

    Args:
        teacher: Labels observations, of which it sees all channels.
        core: The student.
        make_env: Makes an environment; its episodes start over as they end.
        settings: How.
        seed: Of environments, noise and batches.
        student_channels: Indices of the channels that the student sees, in its order; None is all.
        directory: Where ``checkpoints/`` goes; None keeps none.
        report: Called after every round with the number of labelled steps and its row, those of an
            earlier session left out.

    Returns:
        The learning curve, one entry for each round: ``labelled_steps``, ``loss`` (mean squared
        error of its updates), ``reward`` and ``ends`` (the environment's reward a step, and of the
        episodes that ended in the round the share that ended by itself, NaN if none did; of whoever
        drove).

    Raises:
        ValueError: Observations do not have the student's channels, or the teacher's labels not
            its actions.
        FormatError: The last checkpoint is damaged, or of another training.
    """
    return learn_rounds(
        core,
        settings,
        lambda rng: _Ground(core, teacher, make_env, settings, rng, student_channels),
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
        student_channels: Sequence[int] | None,
    ) -> None:
        self._core, self._teacher, self._settings, self._rng = core, teacher, settings, rng
        self.steps = settings.num_envs * settings.segment_steps
        self._envs = [make_env() for _ in range(settings.num_envs)]
        self._current = np.stack([self._restart(env) for env in self._envs]).astype(np.float32)
        self._seen = _student_channels(student_channels, self._current.shape, core.channels)
        self._starts = np.ones(settings.num_envs, np.bool_)
        self._state = core.initial_state(settings.num_envs).detach()

    def _restart(self, env: Environment) -> NDArray[np.float32]:
        return env.reset(seed=int(self._rng.integers(_FIRST_SEED, _LAST_SEED)))[0]

    def close(self) -> None:
        for env in self._envs:
            env.close()

    @torch.no_grad()
    def label(self, number: int) -> tuple[list[LabelledSegment], dict[str, float]]:
        settings, first_state = self._settings, self._state
        shape = (settings.segment_steps, settings.num_envs)
        observations = np.zeros((*shape, self._core.channels), np.float32)
        labels = np.zeros((*shape, self._core.actions), np.float32)
        starts, rewards = np.zeros(shape, np.bool_), np.zeros(shape)
        ends: list[bool] = []
        for step in range(settings.segment_steps):
            observations[step] = self._current[:, self._seen]
            starts[step], labels[step] = self._starts, self._labels()
            own = self._student_actions()
            actions = self._noisy(labels[step]) if number < settings.teacher_rounds else own
            for place, env in enumerate(self._envs):
                seen, reward, terminated, truncated, _ = env.step(actions[place])
                rewards[step, place] = float(reward)
                self._starts[place] = terminated or truncated
                ends += [bool(terminated)] if self._starts[place] else []
                self._current[place] = self._restart(env) if self._starts[place] else seen
        share = float(np.mean(ends)) if ends else float("nan")
        row = {"reward": float(rewards.mean()), "ends": share}
        return self._cut(observations, labels, starts, first_state), row

    def _labels(self) -> NDArray[np.float32]:
        labels = np.asarray(self._teacher(self._current))
        wanted = (len(self._envs), self._core.actions)
        if labels.shape != wanted:
            raise ValueError(f"the teacher must give actions of shape {wanted}, got {labels.shape}")
        return labels

    def _student_actions(self) -> NDArray[np.float32]:
        core = self._core
        begun = torch.from_numpy(self._starts)[:, None]
        state = torch.where(begun, core.initial_state(len(begun)), self._state)
        outputs, self._state = core(torch.from_numpy(self._current[:, self._seen])[:, None], state)
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


def _student_channels(
    chosen: Sequence[int] | None, shape: tuple[int, ...], wanted: int
) -> NDArray[np.int64]:
    """Indices of what the student sees of observations (envs, channels)."""
    channels = np.arange(shape[-1])
    try:
        seen = channels if chosen is None else channels[np.asarray(chosen, np.int64)]
    except IndexError as error:
        raise ValueError(
            f"student_channels must be among the {len(channels)} of an observation: {error}"
        ) from None
    if len(shape) != 2 or seen.shape != (wanted,):
        raise ValueError(
            f"the student must see {wanted} channels, got {seen.size} of observations of shape "
            f"{shape[1:]}: give student_channels, the indices of those it shall see"
        )
    return seen
