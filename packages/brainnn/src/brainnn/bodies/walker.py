"""Walker2d of Gymnasium (MuJoCo) with the goals of the planar biped (the ``mujoco`` extra)."""

from math import cos, pi, sin
from typing import Any, Final

import gymnasium
import numpy as np
from gymnasium import spaces
from numpy.typing import ArrayLike, NDArray

from brainnn.bodies.loops import find_loop
from brainnn.bodies.rewards import RewardWeights, goal_reward, pose_reward, velocity_reward
from neuro_common.extras import require

__all__ = ["WalkerImitationEnv"]

_ANGLES: Final = slice(2, 8)
_SPEEDS: Final = slice(11, 17)
_FULL_SPEED = 10.0  # rad/s, beyond which Walker2d cuts speeds off
_CHANNELS = 17
_BOUND = 100.0  # far beyond what a body does; checkers want a bound


class WalkerImitationEnv(gymnasium.Env[NDArray[np.float32], NDArray[np.float32]]):
    """Walker2d-v5, rewarded for walking as a reference does, or just for walking.

    An observation is that of Walker2d-v5: height, angle of the torso, six joint angles, then their
    speeds. The one after action k is compared with row k + 1 of the reference. ``info`` of a step
    holds ``native`` (reward of Walker2d-v5), ``fell``, ``pose``, ``velocity``, ``goal`` and, where
    the episode ends, ``end``: "fall" (terminated) or "time" (truncated).

    Args:
        reference: Observations, the start first, shape (frames, 17); None is no imitation.
        wanted: Forward speed, m/s; None is the mean of the reference, or 1.2 without one.
        phase: Whether sine and cosine of the reference's stride phase come last; of one without
            stride, of the way along it.
        weights: What the terms count; None is ``RewardWeights.of()``, without a reference all for
            the goal.
        steps: Duration of an episode, in steps of 0.008 s.
        reference_start: Share of the episodes that start in a random frame of the reference.
        render_mode: As of Walker2d-v5.

    Raises:
        ValueError: An option is out of range, or asks for a reference that is not there.
        MissingExtra: mujoco or imageio is not installed.
    """

    metadata: dict[str, Any] = {  # noqa: RUF012
        "render_modes": ["human", "rgb_array", "depth_array"],
        "render_fps": 125,
    }

    def __init__(
        self,
        reference: ArrayLike | None = None,
        *,
        wanted: float | None = None,
        phase: bool = False,
        weights: RewardWeights | None = None,
        steps: int = 1000,
        reference_start: float = 0.0,
        render_mode: str | None = None,
    ) -> None:
        # Gymnasium's module asks for both
        for module in ("mujoco", "imageio"):
            require(module, "mujoco", "brainnn")
        self.reference = None if reference is None else _checked(reference)
        imitates = phase or reference_start > 0 or (weights and weights.pose + weights.velocity > 0)
        if self.reference is None and imitates:
            raise ValueError(
                "a reference must be given for imitation, phase and reference_start, got None"
            )
        if steps < 1 or not 0 <= reference_start <= 1 or not (wanted is None or wanted > 0):
            raise ValueError(
                "steps must be 1 or more, reference_start in 0..1 and wanted above 0, got "
                f"steps={steps}, reference_start={reference_start}, wanted={wanted}"
            )
        self.loop = None
        if self.reference is not None:
            self.loop = find_loop(self.reference, range(_CHANNELS))
            if self.loop is None and steps >= len(self.reference):
                raise ValueError(
                    f"steps must be below {len(self.reference)}, the length of a reference that "
                    f"does not repeat itself, got {steps}"
                )
        default = RewardWeights.of(imitation=0.7 if self.reference is not None else 0)
        self.weights = default if weights is None else weights
        self.steps, self.reference_start = steps, reference_start
        self._phase = phase
        if wanted is None:
            wanted = 1.2 if self.reference is None else float(self.reference[:, 8].mean())
        self.wanted = wanted
        self.render_mode = render_mode
        # the walker itself, without the time limit of its registration
        self.body: Any = gymnasium.make("Walker2d-v5", render_mode=render_mode).unwrapped
        self.action_space = self.body.action_space
        size = _CHANNELS + 2 * phase
        self.observation_space = spaces.Box(-_BOUND, _BOUND, (size,), np.float32)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[NDArray[np.float32], dict[str, Any]]:
        """Stand, or take over a frame of the reference.

        Returns:
            The observation, shape (channels,), and facts on the episode.
        """
        super().reset(seed=seed)
        # one generator, so that the start is that of Walker2d-v5 with this seed
        self.body.np_random = self.np_random
        observation, _ = self.body.reset()
        self._first = 0
        if self.reference_start > 0 and self.np_random.random() < self.reference_start:
            assert self.reference is not None
            last = self.loop.stop if self.loop else len(self.reference) - self.steps
            self._first = int(self.np_random.integers(last))
            observation = self.reference[self._first]
            self.body.set_state(np.append(0.0, observation[:8]), observation[8:])
        self._clock = 0
        return self._felt(observation), {}

    def step(
        self, action: NDArray[np.floating[Any]]
    ) -> tuple[NDArray[np.float32], float, bool, bool, dict[str, Any]]:
        """Act for 0.008 s.

        Args:
            action: Torques as shares of the largest, shape (6,); beyond -1..1 they count as -1, 1.

        Raises:
            ValueError: The action has another shape, or is not finite.
        """
        action = np.asarray(action)
        if action.shape != (6,) or not np.isfinite(action).all():
            raise ValueError(f"action must be 6 finite numbers, got {action}")
        observation, native, fell, _, native_info = self.body.step(np.clip(action, -1, 1))
        self._clock += 1
        terms = {
            "pose": 0.0,
            "velocity": 0.0,
            "goal": float(goal_reward(native_info["x_velocity"] / self.wanted, 1.0)),
        }
        if self.reference is not None:
            step = self._first + self._clock
            row = self.reference[self.loop.frame(step) if self.loop else step]
            terms["pose"] = float(pose_reward(observation[_ANGLES], row[_ANGLES]))
            speeds = observation[_SPEEDS] / _FULL_SPEED
            terms["velocity"] = float(velocity_reward(speeds, row[_SPEEDS] / _FULL_SPEED))
        timed_out = self._clock >= self.steps and not fell
        info: dict[str, Any] = {"native": float(native), "fell": bool(fell), **terms}
        if fell or timed_out:
            info["end"] = "fall" if fell else "time"
        reward = float(self.weights.total(**terms, fell=bool(fell)))
        return self._felt(observation), reward, bool(fell), timed_out, info

    def render(self) -> Any:
        """Draw the walker, as Walker2d-v5 does."""
        return self.body.render()

    def close(self) -> None:
        """Close the window, if there is one."""
        self.body.close()

    def _felt(self, observation: NDArray[np.floating[Any]]) -> NDArray[np.float32]:
        if not self._phase:
            return observation.astype(np.float32)
        assert self.reference is not None
        step = self._first + self._clock
        turn = self.loop.phase(step) if self.loop else 2 * pi * step / len(self.reference)
        return np.append(observation, (sin(turn), cos(turn))).astype(np.float32)


def _checked(reference: ArrayLike) -> NDArray[np.float64]:
    rows = np.asarray(reference, dtype=np.float64)
    if rows.ndim != 2 or rows.shape[1] != _CHANNELS or not np.isfinite(rows).all():
        raise ValueError(
            f"reference must be finite of shape (frames, {_CHANNELS}), got {rows.shape}"
        )
    return rows
