"""A network learns to walk from a teacher that labels what the network itself came to see.

Round by round, environments are driven for some steps (by the teacher at first, by the student from
then on), the teacher says what it would have done at each of them, and the student learns from all
that was ever labelled (DAgger; Ross, Gordon and Bagnell 2011, AISTATS). With the teacher driving in
every round this is behaviour cloning.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from brainnn.learning.recurrent import cut_segments
from brainnn.learning.rollouts import Environment
from brainnn.networks.core import Core
from neuro_common.seeding import generator

__all__ = ["Dagger", "Labels", "learn_from"]

Labels = Callable[[NDArray[np.float32]], NDArray[np.float32]]
"""A teacher: observations (batch, channels) to its actions, (batch, actions), in [-1, 1]."""

_FIRST_SEED, _LAST_SEED = 2**16, 2**31  # lower ones are left for tests of what was learned


@dataclass(frozen=True)
class Dagger:
    """How to learn from a teacher.

    Attributes:
        rounds: How often steps are labelled and learned from.
        teacher_rounds: The first of them, in which the teacher drives; ``rounds`` makes it
            behaviour cloning.
        envs: Environments side by side.
        segment_steps: Steps of each environment in a round, and of a gradient through time.
        burn_in: First steps of a segment that do not count, since its state is that of an earlier
            network; the start of an episode has none.
        updates: Gradient steps after each round.
        batch: Segments in one of them.
        recent: Share of these that is from the last ``recent_rounds``.
        recent_rounds: See ``recent``.
        learning_rate: Of Adam at the beginning.
        last_learning_rate: At the end; in between it falls in a straight line.
        max_grad_norm: Longer gradients are shortened to this.
        teacher_noise: Standard deviation of what is added to the actions of a driving teacher, so
            that it shows how to recover.
        squash: Whether the student acts by the tanh of its outputs; else they are clipped.
    """

    rounds: int = 170
    teacher_rounds: int = 4
    envs: int = 16
    segment_steps: int = 64
    burn_in: int = 0
    updates: int = 20
    batch: int = 48
    recent: float = 1 / 3
    recent_rounds: int = 6
    learning_rate: float = 1e-2
    last_learning_rate: float = 1e-3
    max_grad_norm: float = 1.0
    teacher_noise: float = 0.1
    squash: bool = False

    def __post_init__(self) -> None:
        for name in ("rounds", "envs", "segment_steps", "updates", "batch", "recent_rounds"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, got {getattr(self, name)}")
        if not 1 <= self.teacher_rounds <= self.rounds:
            raise ValueError(
                f"teacher_rounds must be in [1, rounds={self.rounds}], got {self.teacher_rounds}"
            )
        if not 0 <= self.burn_in < self.segment_steps:
            raise ValueError(
                f"burn_in must be in [0, segment_steps={self.segment_steps}), got {self.burn_in}"
            )
        if not 0 <= self.recent <= 1:
            raise ValueError(f"recent must be in [0, 1], got {self.recent}")


def learn_from(
    teacher: Labels,
    core: Core,
    make_env: Callable[[], Environment],
    settings: Dagger,
    *,
    seed: int,
    report: Callable[[int, Mapping[str, float]], None] = lambda steps, row: None,
) -> dict[str, NDArray[np.float64]]:
    """Train a network, in place.

    Args:
        teacher: Labels observations.
        core: The student.
        make_env: Makes an environment; its episodes start over as they end.
        settings: How.
        seed: Of environments, noise and batches.
        report: Called after every round with the number of labelled steps and its row.

    Returns:
        The learning curve, one entry for each round: ``labelled_steps``, ``loss`` (mean squared
        error of the last updates), ``reward`` and ``ends`` (the environment's reward a step, and
        episodes that ended by themselves, of whoever drove).
    """
    rng = generator(seed)
    ground = _Ground(core, teacher, make_env, settings, rng)
    optimiser = torch.optim.Adam(core.parameters(), lr=settings.learning_rate)
    lesson: list[_Segment] = []
    rounds_begin: list[int] = []
    curve: dict[str, list[float]] = {}
    for number in range(settings.rounds):
        rounds_begin.append(len(lesson))
        segments, row = ground.drive(by_teacher=number < settings.teacher_rounds)
        lesson += segments
        done = number / max(settings.rounds - 1, 1)
        rate = settings.learning_rate + done * (
            settings.last_learning_rate - settings.learning_rate
        )
        for group in optimiser.param_groups:
            group["lr"] = rate
        recent_from = rounds_begin[max(0, number + 1 - settings.recent_rounds)]
        losses = [
            _update(core, optimiser, _choose(lesson, recent_from, settings, rng), settings)
            for _ in range(settings.updates)
        ]
        row = {"loss": float(np.mean(losses))} | row
        labelled = (number + 1) * settings.envs * settings.segment_steps
        report(labelled, row)
        for name, value in {"labelled_steps": float(labelled), **row}.items():
            curve.setdefault(name, []).append(value)
    return {name: np.array(values) for name, values in curve.items()}


@dataclass(frozen=True)
class _Segment:
    """Labelled steps of one episode in a row, padded to the length of a round."""

    observations: Tensor  # (steps, channels)
    labels: Tensor  # (steps, actions)
    weight: Tensor  # (steps,)
    state: Tensor | None  # (state_size,); None at the start of an episode


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
        self._envs = [make_env() for _ in range(settings.envs)]
        self._current = np.stack([self._restart(env) for env in self._envs])
        self._starts = np.ones(settings.envs, np.bool_)
        self._state = core.initial_state(settings.envs).detach()

    def _restart(self, env: Environment) -> NDArray[np.float32]:
        return env.reset(seed=int(self._rng.integers(_FIRST_SEED, _LAST_SEED)))[0]

    @torch.no_grad()
    def drive(self, by_teacher: bool) -> tuple[list[_Segment], dict[str, float]]:
        """Label ``segment_steps`` of each environment."""
        settings, first_state = self._settings, self._state
        shape = (settings.segment_steps, settings.envs)
        observations = np.zeros((*shape, self._core.channels), np.float32)
        labels = np.zeros((*shape, self._core.actions), np.float32)
        starts, rewards, ends = np.zeros(shape, np.bool_), np.zeros(shape), 0
        for step in range(settings.segment_steps):
            observations[step], starts[step] = self._current, self._starts
            labels[step] = self._teacher(self._current)
            own = self._student_actions()
            actions = self._noisy(labels[step]) if by_teacher else own
            for number, env in enumerate(self._envs):
                seen, reward, terminated, truncated, _ = env.step(actions[number])
                rewards[step, number], ends = float(reward), ends + terminated
                self._starts[number] = terminated or truncated
                self._current[number] = self._restart(env) if self._starts[number] else seen
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
    ) -> list[_Segment]:
        steps = len(starts)
        segments = []
        for env, start, length in zip(*cut_segments(starts, steps), strict=True):
            stretch = slice(start, start + length)

            def padded(values: NDArray[np.float32]) -> Tensor:
                held = np.zeros((steps, values.shape[-1]), np.float32)
                held[:length] = values[stretch, env]  # noqa: B023
                return torch.from_numpy(held)

            fresh = bool(starts[start, env])
            weight = torch.zeros(steps)
            weight[0 if fresh else self._settings.burn_in : length] = 1.0
            if weight.any():
                state = None if fresh else first_state[env]
                segments.append(_Segment(padded(observations), padded(labels), weight, state))
        return segments


def _choose(
    lesson: list[_Segment], recent_from: int, settings: Dagger, rng: np.random.Generator
) -> list[_Segment]:
    recent = round(settings.recent * settings.batch)
    old = rng.integers(0, len(lesson), settings.batch - recent)
    new = rng.integers(recent_from, len(lesson), recent)
    return [lesson[number] for number in (*old, *new)]


def _update(
    core: Core, optimiser: torch.optim.Optimizer, chosen: list[_Segment], settings: Dagger
) -> float:
    first = core.initial_state(len(chosen))
    state = torch.stack(
        [own if one.state is None else one.state for one, own in zip(chosen, first, strict=True)]
    )
    outputs, _ = core(torch.stack([one.observations for one in chosen]), state)
    acted = torch.tanh(outputs) if settings.squash else outputs
    weight = torch.stack([one.weight for one in chosen])
    missed = (acted - torch.stack([one.labels for one in chosen])).square().mean(-1)
    loss = (missed * weight).sum() / weight.sum()
    optimiser.zero_grad()
    loss.backward()
    torch.nn.utils.clip_grad_norm_(core.parameters(), settings.max_grad_norm)
    optimiser.step()
    return float(loss.detach())
