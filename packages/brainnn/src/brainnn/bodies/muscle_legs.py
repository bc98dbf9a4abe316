"""Two human legs driven by muscles, as a Gymnasium environment (the ``mujoco`` extra).

The models are those of myo-sim (Caggiano et al. 2022): a torso on legs with 80 muscles, or with 26.
"""

from typing import Any, Final, Literal
from warnings import catch_warnings, simplefilter

import gymnasium
import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from brainnn.bodies.rewards import goal_reward
from neuro_common.extras import require

__all__ = ["MUSCLES", "MuscleLegsEnv"]

MUSCLES: Final = {80: "myolegs", 26: "myolegs26"}
"""Number of muscles to the model of myo-sim."""

_SUBSTEPS = 10
_FORWARD = 1  # the toes point along -y
_EFFORT_COST, _FALL_COST = 0.1, 5.0
_FALLEN = 0.7  # height of the pelvis as a share of standing
_BOUND = 100.0  # far beyond what a body does; checkers want a bound


class MuscleLegsEnv(gymnasium.Env[NDArray[np.float32], NDArray[np.float32]]):
    """Legs that shall walk forward, excited muscle by muscle every 0.02 s.

    An action is the excitation of each muscle, 0..1. An observation is, in this order: height of
    the pelvis (m), its orientation (quaternion), its velocity (m/s) and turning (rad/s), angle
    (rad) and speed (rad/s) of each joint of :attr:`joints`, and of each muscle its length within
    its range (0..1), its velocity (m/s), its force as a share of the largest, and its activation.

    A step earns ``goal_reward(speed / wanted, 1)`` less a tenth of the mean squared activation; a
    fall costs 5, once. ``info`` holds ``fell``, ``goal``, ``effort``, ``speed`` (m/s) and, where
    the episode ends, ``end``: "fall" (terminated) or "time" (truncated).

    Attributes:
        joints: Names of the joints that move freely.
        muscles: Names of the muscles, in the order of actions.

    Args:
        muscles: 80 or 26.
        wanted: Forward speed, m/s.
        steps: Duration of an episode, in steps of 0.02 s.
        noise: Standard deviation of the joints' angles around standing at the start, rad.
        render_mode: None or "rgb_array", which needs OpenGL.

    Raises:
        ValueError: An option is out of range.
        MissingExtra: mujoco or myo-sim is not installed.
    """

    metadata: dict[str, Any] = {"render_modes": ["rgb_array"], "render_fps": 50}  # noqa: RUF012

    def __init__(
        self,
        muscles: Literal[80, 26] = 80,
        *,
        wanted: float = 1.2,
        steps: int = 500,
        noise: float = 0.01,
        render_mode: Literal["rgb_array"] | None = None,
    ) -> None:
        if muscles not in MUSCLES:
            raise ValueError(f"muscles must be one of {[*MUSCLES]}, got {muscles!r}")
        if not wanted > 0 or steps < 1 or not noise >= 0:
            raise ValueError(
                "wanted must be above 0, steps 1 or more and noise 0 or more, got "
                f"wanted={wanted}, steps={steps}, noise={noise}"
            )
        self.wanted, self.steps, self.noise = wanted, steps, noise
        self.render_mode = render_mode
        self._mujoco = require("mujoco", "mujoco", "brainnn")
        self._model = _loaded(self._mujoco, MUSCLES[muscles])
        self._data = self._mujoco.MjData(self._model)
        self._start = _standing(self._mujoco, self._model, self._data)
        free = _free_joints(self._model)
        self.joints = tuple(self._model.joint(joint).name for joint in free)
        self.muscles = tuple(self._model.actuator(each).name for each in range(muscles))
        self._angles, self._speeds = self._model.jnt_qposadr[free], self._model.jnt_dofadr[free]
        self._shortest, longest = self._model.actuator_lengthrange.T
        self._range = longest - self._shortest
        self._strength = self._model.actuator_gainprm[:, 2]
        self._renderer: Any = None
        self.action_space = spaces.Box(0.0, 1.0, (muscles,), np.float32)
        size = len(self._observe())
        self.observation_space = spaces.Box(-_BOUND, _BOUND, (size,), np.float32)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[NDArray[np.float32], dict[str, Any]]:
        """Stand, with slightly different joint angles each time."""
        super().reset(seed=seed)
        self._mujoco.mj_resetData(self._model, self._data)
        self._data.qpos[:] = self._start
        self._data.qpos[self._angles] += self.np_random.normal(0, self.noise, len(self.joints))
        self._mujoco.mj_forward(self._model, self._data)
        self._clock = 0
        return self._observe(), {}

    def step(
        self, action: NDArray[np.floating[Any]]
    ) -> tuple[NDArray[np.float32], float, bool, bool, dict[str, Any]]:
        """Excite the muscles for 0.02 s.

        Args:
            action: Excitations, shape (muscles,); beyond 0..1 they count as 0 or 1.

        Raises:
            ValueError: The action has another shape, or is not finite.
        """
        action = np.asarray(action)
        if action.shape != self.action_space.shape or not np.isfinite(action).all():
            raise ValueError(f"action must be {len(self.muscles)} finite numbers, got {action}")
        before = self._data.qpos[_FORWARD]
        self._data.ctrl[:] = np.clip(action, 0, 1)
        self._mujoco.mj_step(self._model, self._data, _SUBSTEPS)
        self._clock += 1
        dt_s = self._model.opt.timestep * _SUBSTEPS
        speed = float(before - self._data.qpos[_FORWARD]) / dt_s
        goal = float(goal_reward(speed / self.wanted, 1.0))
        effort = float(np.square(self._data.act).mean())
        fell = bool(self._data.qpos[2] < _FALLEN * self._start[2])
        info: dict[str, Any] = {"fell": fell, "goal": goal, "effort": effort, "speed": speed}
        timed_out = self._clock >= self.steps and not fell
        if fell or timed_out:
            info["end"] = "fall" if fell else "time"
        reward = goal - _EFFORT_COST * effort - _FALL_COST * fell
        return self._observe(), reward, fell, timed_out, info

    def render(self) -> Any:
        """A picture from the side, shape (480, 640, 3), uint8; None without a render mode."""
        if self.render_mode is None:
            return None
        if self._renderer is None:
            self._renderer = self._mujoco.Renderer(self._model)
        self._renderer.update_scene(self._data, camera="side_view")
        return self._renderer.render()

    def close(self) -> None:
        """Give the renderer back."""
        if self._renderer is not None:
            self._renderer.close()
            self._renderer = None

    def _observe(self) -> NDArray[np.float32]:
        data = self._data
        felt = np.concatenate(
            [
                data.qpos[2:7],
                data.qvel[:6],
                data.qpos[self._angles],
                data.qvel[self._speeds],
                (data.actuator_length - self._shortest) / self._range,
                data.actuator_velocity,
                -data.actuator_force / self._strength,
                data.act,
            ]
        )
        observation: NDArray[np.float32] = np.clip(felt, -_BOUND, _BOUND).astype(np.float32)
        return observation


def _loaded(mujoco: Any, name: str) -> Any:
    """The model, without what MuJoCo says of its parts while myo-sim puts them together."""
    myo_sim = require("myo_sim", "mujoco", "brainnn")
    before = mujoco.get_mju_user_warning()
    mujoco.set_mju_user_warning(lambda message: None)
    try:
        with catch_warnings():
            simplefilter("ignore", UserWarning)
            return myo_sim.load_model(name)
    finally:
        mujoco.set_mju_user_warning(before)


def _standing(mujoco: Any, model: Any, data: Any) -> NDArray[np.float64]:
    """Positions of the model on its feet: its own posture, or let down until a foot touches."""
    if model.nkey:
        mujoco.mj_resetDataKeyframe(model, data, 0)
        mujoco.mj_forward(model, data)
    else:
        mujoco.mj_resetData(model, data)
        mujoco.mj_forward(model, data)
        while data.ncon == 0:
            data.qpos[2] -= 0.001
            mujoco.mj_forward(model, data)
    start: NDArray[np.float64] = data.qpos.copy()
    return start


def _free_joints(model: Any) -> NDArray[np.intp]:
    """Hinges that no equation ties to another joint."""
    hinge, tied = 3, set(model.eq_obj1id.tolist())
    return np.array(
        [each for each in range(model.njnt) if model.jnt_type[each] == hinge and each not in tied]
    )
