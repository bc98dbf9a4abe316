"""The walker that imitates a reference gait, as a Gymnasium environment."""

from math import cos, pi, sin
from typing import Any, Literal

import gymnasium
import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from brainnn.bodies.clip import Clip, reference_clip
from brainnn.bodies.loops import Loop
from brainnn.bodies.planar_biped import (
    DT_S,
    JOINT_ANGLES,
    JOINT_SPEEDS,
    SPEED_UNIT,
    PlanarBiped,
)
from brainnn.bodies.rewards import RewardWeights, goal_reward, pose_reward, velocity_reward

__all__ = ["BipedImitationEnv"]

_ANGLES, _SPEEDS, _FEET = np.array(JOINT_ANGLES), np.array(JOINT_SPEEDS), [8, 13]


class BipedImitationEnv(gymnasium.Env[NDArray[np.float32], NDArray[np.float32]]):
    """BipedalWalker-v3, rewarded for walking as a reference does.

    The observation after action k is compared with the reference's after its action k. A clip that
    repeats itself is looped over whole strides, so an episode can be longer than it.

    ``info`` of a step holds ``native`` (reward of BipedalWalker-v3), ``fell``, ``pose``,
    ``velocity``, ``goal`` (the terms, each in 0..1) and, where the episode ends, ``end``: "fall",
    "pose" or "behind" (terminated), "course" or "time" (truncated).

    Args:
        clip: The reference; None is the one that ships.
        observation: "proprioception", 14 numbers, or "full", with the lidar's 10 after them.
        phase: Whether sine and cosine of the reference's stride phase come last; of a clip without
            stride, of the way along it.
        weights: What the terms count; None is ``RewardWeights.of()``, or ``.published()`` with
            ``compat``.
        steps: Duration of an episode, in steps of 0.02 s.
        reference_start: Share of the episodes that start in a random frame of the reference.
        max_pose_error: Root mean square of the four joints' deviation from the reference beyond
            which an episode ends, rad; None is never.
        max_lag: Way behind the reference beyond which an episode ends, in units of length; None is
            never.
        compat: As published: compare with the reference one frame late, and end with the clip.
        roughness: Of the ground: 1 is that of BipedalWalker-v3, 0 is level.
        render_mode: None, "human" or "rgb_array".

    Raises:
        ValueError: An option is out of range, or the clip does not hold what an option asks for.
    """

    metadata = PlanarBiped.metadata

    def __init__(
        self,
        clip: Clip | None = None,
        *,
        observation: Literal["proprioception", "full"] = "proprioception",
        phase: bool = False,
        weights: RewardWeights | None = None,
        steps: int = 500,
        reference_start: float = 0.0,
        max_pose_error: float | None = None,
        max_lag: float | None = None,
        compat: bool = False,
        roughness: float = 1.0,
        render_mode: str | None = None,
    ) -> None:
        if observation not in ("proprioception", "full"):
            raise ValueError(f'observation must be "proprioception" or "full", got {observation!r}')
        self.clip = reference_clip() if clip is None else clip
        self.loop = None if compat else self.clip.loop
        ends = {"max_pose_error": max_pose_error, "max_lag": max_lag}
        _check_options(self.clip, self.loop, steps, reference_start, ends)
        self.steps, self.reference_start = steps, reference_start
        self.max_pose_error, self.max_lag = max_pose_error, max_lag
        default = RewardWeights.published if compat else RewardWeights.of
        self.weights = default() if weights is None else weights
        self._late = 1 if compat else 0
        self._phase = phase
        self.render_mode = render_mode
        self.body = PlanarBiped(
            lidar=observation == "full", roughness=roughness, render_mode=render_mode
        )
        space = self.body.observation_space
        assert isinstance(space, spaces.Box)
        ones = np.ones(2 if phase else 0, np.float32)
        self.observation_space = spaces.Box(
            np.concatenate([space.low, -ones]), np.concatenate([space.high, ones])
        )
        self.action_space = self.body.action_space
        self._follow()

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[NDArray[np.float32], dict[str, Any]]:
        """Stand at the start of a new course, or in a frame of the reference.

        Without a seed, an episode that starts in a frame stays on the course that is there.

        Args:
            seed: Of the terrain, the first push and the choice of a frame.
            options: ``{"frame": 7}`` starts in this frame of the reference.

        Returns:
            The observation, shape (channels,), and facts on the episode.

        Raises:
            ValueError: An option is unknown, or there is no such frame.
        """
        super().reset(seed=seed)
        frame = self._asked_frame(options or {})
        if frame is None and self.reference_start > 0:
            drawn = self.np_random.random() < self.reference_start
            frame = int(self.np_random.integers(self._starts)) if drawn else None
        # a course takes longer to build than a short episode to walk
        if frame is None or seed is not None or self.body.hull is None:
            # one generator, so that terrain and push are those of BipedalWalker-v3 with this seed
            self.body.np_random = self.np_random
            observation, _ = self.body.reset()
        if frame is not None:
            assert self.clip.bodies is not None
            observation = self.body.place(self.clip.bodies[frame])
            # a foot that only just touches may not do so here
            observation[_FEET] = self.clip.states[frame, _FEET]
        self._first = self._clock = frame or 0
        return self._felt(observation), {}

    def step(
        self, action: NDArray[np.floating[Any]]
    ) -> tuple[NDArray[np.float32], float, bool, bool, dict[str, Any]]:
        """Act for 0.02 s.

        Args:
            action: Hip 1, knee 1, hip 2, knee 2, shape (4,); beyond -1..1 it counts as -1 or 1.

        Raises:
            ValueError: The action has another shape, or is not finite.
        """
        action = np.asarray(action)
        if action.shape != (4,) or not np.isfinite(action).all():
            raise ValueError(f"action must be 4 finite numbers, got {action}")
        observation, native, over, _, _ = self.body.step(action)
        self._clock += 1
        at = self._clock - self._late
        angles = observation[_ANGLES]
        terms = {
            "pose": float(pose_reward(angles, self._angles[at])),
            "velocity": float(velocity_reward(observation[_SPEEDS], self._speeds[at])),
            "goal": float(goal_reward(float(observation[2]), self._wanted)),
        }
        fell = self.body.fell
        info: dict[str, Any] = {"native": native, "fell": fell, **terms}
        reward = float(self.weights.total(**terms, fell=fell))
        failed = "fall" if fell else self._strayed(angles)
        passed = "course" if over else self._timed_out()
        if failed or passed:
            info["end"] = failed or passed
        truncated = failed is None and passed is not None
        return self._felt(observation), reward, failed is not None, truncated, info

    def render(self) -> Any:
        """Draw the walker, as BipedalWalker-v3 does."""
        return self.body.render()  # type: ignore[no-untyped-call]

    def close(self) -> None:
        """Close the window, if there is one."""
        self.body.close()  # type: ignore[no-untyped-call]

    def _follow(self) -> None:
        """Lay the reference out along the steps of the longest episode."""
        states, loop = self.clip.states, self.loop
        self._starts = loop.stop if loop else self.clip.steps
        clocks = range(self._starts + self.steps + 1 if loop else self.clip.steps + 1)
        frames = np.array([loop.frame(clock) if loop else clock for clock in clocks])
        self._angles, self._speeds = states[frames][:, _ANGLES], states[frames][:, _SPEEDS]
        self._ways = np.cumsum(states[frames, 2], dtype=np.float64) * DT_S / SPEED_UNIT
        turns = [
            loop.phase(clock) if loop else 2 * pi * clock / self.clip.steps for clock in clocks
        ]
        self._turns = np.array([(sin(turn), cos(turn)) for turn in turns], np.float32)
        self._wanted = self.clip.mean_speed

    def _felt(self, observation: NDArray[np.float32]) -> NDArray[np.float32]:
        if not self._phase:
            return observation
        return np.concatenate([observation, self._turns[self._clock]])

    def _asked_frame(self, options: dict[str, Any]) -> int | None:
        unknown = options.keys() - {"frame"}
        if unknown:
            raise ValueError(f'options of reset are "frame", got {sorted(unknown)}')
        frame = options.get("frame")
        if frame is None:
            return None
        if self.clip.bodies is None:
            raise ValueError(_NO_BODIES)
        if not 0 <= frame < self._starts:
            raise ValueError(f"frame must be in 0..{self._starts - 1}, got {frame}")
        return int(frame)

    def _strayed(self, angles: NDArray[np.float32]) -> str | None:
        """Whether it is too far from the reference's pose or place, if that ends an episode."""
        if self.max_pose_error is not None:
            error = np.sqrt(np.square(angles - self._angles[self._clock]).mean())
            if error > self.max_pose_error:
                return "pose"
        if self.max_lag is not None:
            ahead = self._ways[self._clock] - self._ways[self._first]
            if ahead - self.body.distance > self.max_lag:
                return "behind"
        return None

    def _timed_out(self) -> str | None:
        late = self._clock - self._first >= self.steps
        return "time" if late or self._clock == len(self._ways) - 1 else None


_NO_BODIES = (
    "the clip must hold physical states to start in a frame of it, got none: record one with "
    "brainnn.bodies.recording.record_clip"
)


def _check_options(
    clip: Clip,
    loop: Loop | None,
    steps: int,
    reference_start: float,
    ends: dict[str, float | None],
) -> None:
    if steps < 1:
        raise ValueError(f"steps must be 1 or more, got {steps}")
    if loop is None and steps > clip.steps:
        raise ValueError(
            f"steps must be {clip.steps} at most, the length of a clip that is not looped, "
            f"got {steps}"
        )
    if not 0 <= reference_start <= 1:
        raise ValueError(f"reference_start must be a share in 0..1, got {reference_start}")
    if reference_start > 0 and clip.bodies is None:
        raise ValueError(_NO_BODIES)
    for name, value in ends.items():
        if value is not None and not value > 0:
            raise ValueError(f"{name} must be above 0 or None, got {value}")
