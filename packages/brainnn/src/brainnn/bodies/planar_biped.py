"""The two-legged walker of Gymnasium, stepped faster and bit for bit alike.

The body, the terrain, the native reward and the end of an episode are those of BipedalWalker-v3
(gymnasium 1.4, Box2D). Half of the time of its step goes into ten lidar rays and numpy calls on
single numbers, which a controller that feels only its own body can do without.
"""

import warnings
from typing import Any, Final, SupportsFloat

import numpy as np
from gymnasium import spaces
from numpy.typing import ArrayLike, NDArray

with warnings.catch_warnings():
    # SWIG's start-up warnings, which as errors crash the interpreter
    warnings.simplefilter("ignore", DeprecationWarning)
    from Box2D import b2World
    from gymnasium.envs.box2d import bipedal_walker
    from gymnasium.envs.box2d.bipedal_walker import BipedalWalker

__all__ = [
    "BODIES",
    "DT_S",
    "JOINT_ANGLES",
    "JOINT_SPEEDS",
    "PROPRIOCEPTION",
    "SPEED_UNIT",
    "PlanarBiped",
]

BODIES: Final = ("hull", "thigh 1", "shank 1", "thigh 2", "shank 2")
"""Rows of a physical state."""

DT_S: Final = 1 / bipedal_walker.FPS
"""Duration of a step."""

PROPRIOCEPTION: Final = 14
"""Numbers of an observation before the lidar's ten."""

JOINT_ANGLES: Final = (4, 6, 9, 11)
"""Columns of hip 1, knee 1, hip 2, knee 2 in an observation, rad (a knee plus 1)."""

JOINT_SPEEDS: Final = (5, 7, 10, 12)
"""Columns of the joints' speeds, as a share of the motor's (4 rad/s hip, 6 rad/s knee)."""

SPEED_UNIT: Final = 0.3 * bipedal_walker.VIEWPORT_W / bipedal_walker.SCALE / bipedal_walker.FPS
"""Forward speed of an observation, column 2, for one unit of length a second: 0.12."""

_VIEW = (
    bipedal_walker.VIEWPORT_W / bipedal_walker.SCALE,
    bipedal_walker.VIEWPORT_H / bipedal_walker.SCALE,
)
_MOTOR_SPEEDS = (bipedal_walker.SPEED_HIP, bipedal_walker.SPEED_KNEE) * 2
_ENERGY_COST = 0.00035 * bipedal_walker.MOTORS_TORQUE
_COURSE = (bipedal_walker.TERRAIN_LENGTH - bipedal_walker.TERRAIN_GRASS) * (
    bipedal_walker.TERRAIN_STEP
)
_START_X = bipedal_walker.TERRAIN_STEP * bipedal_walker.TERRAIN_STARTPAD / 2
_SHANK_CORNERS = np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)]) * (
    0.8 * bipedal_walker.LEG_W / 2,
    bipedal_walker.LEG_H / 2,
)


class PlanarBiped(BipedalWalker):
    """BipedalWalker-v3 with a faster step, and a physical state that can be read and set.

    Args:
        lidar: Whether an observation ends with the ten rays: 24 numbers, else 14.
        roughness: What the random part of the ground's slope is multiplied by: 0 is level ground,
            1 that of BipedalWalker-v3. The same seed draws the same hills, lower or higher.
        render_mode: None, "human" or "rgb_array".

    Raises:
        ValueError: The roughness is negative or not finite.
    """

    # Box2D has no types
    hull: Any
    prev_shaping: Any

    def __init__(
        self, *, lidar: bool = True, roughness: float = 1.0, render_mode: str | None = None
    ) -> None:
        if not 0 <= roughness < np.inf:
            raise ValueError(f"roughness must be at least 0 and finite, got {roughness}")
        super().__init__(render_mode=render_mode)
        self._roughness = roughness
        self._with_lidar = lidar
        if not lidar:
            space = self.observation_space
            assert isinstance(space, spaces.Box)
            self.observation_space = spaces.Box(
                space.low[:PROPRIOCEPTION], space.high[:PROPRIOCEPTION]
            )

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[NDArray[np.float32], dict[str, Any]]:
        """Stand at the start of a new course, in a new world.

        The world of Box2D remembers what was in it before; in a new one an episode depends on its
        seed alone, as the first one of BipedalWalker-v3 does.

        Args:
            seed: Of the terrain and the first push.
            options: None are known.

        Returns:
            The observation, shape (channels,), and no facts.
        """
        self._destroy()  # type: ignore[no-untyped-call]
        self.terrain: list[Any] = []
        self.world = b2World()
        return super().reset(seed=seed, options=options)  # type: ignore[no-any-return]

    def step(
        self, action: ArrayLike
    ) -> tuple[NDArray[np.float32], SupportsFloat, bool, bool, dict[str, Any]]:
        """Move the motors for 0.02 s.

        Args:
            action: Hip 1, knee 1, hip 2, knee 2, shape (4,): the sign is the direction in which the
                motor turns at its speed, the size, at most 1, its share of the largest torque.

        Returns:
            Observation, native reward, whether it fell or reached the end of the course, False, {}.
        """
        action = np.asarray(action)
        effort = np.minimum(np.abs(action), 1)
        torques = (bipedal_walker.MOTORS_TORQUE * effort).tolist()
        for joint, way, torque, speed in zip(
            self.joints, action.tolist(), torques, _MOTOR_SPEEDS, strict=True
        ):
            joint.motorSpeed = float(speed if way > 0 else -speed if way < 0 else 0)
            joint.maxMotorTorque = float(torque)
        self.world.Step(DT_S, 6 * 30, 2 * 30)
        before = self.prev_shaping
        observation, x, shaping = self._observe()
        reward = 0.0 if before is None else shaping - before
        # one by one and in the action's own precision, as the native sum is
        for cost in _ENERGY_COST * effort:
            reward -= cost
        fell = self.game_over or x < 0
        if self.render_mode == "human":
            self.render()  # type: ignore[no-untyped-call]
        return observation, -100 if fell else float(reward), fell or x > _COURSE, False, {}

    @property
    def fell(self) -> bool:
        """Whether the hull touched the ground or left the course at its beginning."""
        return bool(self.game_over or self.hull.position[0] < 0)

    @property
    def distance(self) -> float:
        """Way from the start, in units of length."""
        return float(self.hull.position[0]) - _START_X

    def body_states(self) -> NDArray[np.float32]:
        """Where the five bodies are and how they move.

        Returns:
            For each of :data:`BODIES` x from the hull, y above the ground under the lowest corner
            of a foot, angle (rad), and their three rates of change a second; shape (5, 6).
        """
        states = np.array(
            [
                (*part.position, part.angle, *part.linearVelocity, part.angularVelocity)
                for part in (self.hull, *self.legs)
            ]
        )
        corners = np.concatenate([_corners(shank) for shank in states[[2, 4]]])
        ground = np.interp(corners[:, 0], self.terrain_x, self.terrain_y)
        lowest = np.argmin(corners[:, 1] - ground)
        states[:, :2] -= states[0, 0], ground[lowest]
        return states.astype(np.float32)

    def place(self, states: NDArray[np.float32]) -> NDArray[np.float32]:
        """Put the bodies on the level start of the course, moving.

        Args:
            states: As :meth:`body_states` gives them, shape (5, 6).

        Returns:
            The observation there; its contacts are those of this place, where a step's are those
            of the place before it.

        Raises:
            ValueError: Another shape, or a number is not finite.
        """
        if states.shape != (len(BODIES), 6) or not np.isfinite(states).all():
            raise ValueError(
                f"states must be finite of shape {(len(BODIES), 6)}, got shape {states.shape}"
            )
        self.game_over = False
        for part, (x, y, angle, *velocity, spin) in zip(
            (self.hull, *self.legs), states.tolist(), strict=True
        ):
            part.transform = ((x + _START_X, y + bipedal_walker.TERRAIN_HEIGHT), angle)
            part.linearVelocity = velocity
            part.angularVelocity = spin
        # no time passes, but the contacts become those of the new place
        self.world.Step(0.0, 0, 0)
        return self._observe()[0]

    def _generate_terrain(self, hardcore: bool) -> None:
        plain = self.np_random
        self._np_random = _Rough(plain, self._roughness)
        super()._generate_terrain(hardcore)  # type: ignore[no-untyped-call]
        self._np_random = plain

    def _observe(self) -> tuple[NDArray[np.float32], float, float]:
        hull = self.hull
        position, velocity, angle = hull.position, hull.linearVelocity, hull.angle
        hip_1, knee_1, hip_2, knee_2 = self.joints
        state = [
            angle,
            2.0 * hull.angularVelocity / bipedal_walker.FPS,
            0.3
            * velocity.x
            * (bipedal_walker.VIEWPORT_W / bipedal_walker.SCALE)
            / bipedal_walker.FPS,
            0.3
            * velocity.y
            * (bipedal_walker.VIEWPORT_H / bipedal_walker.SCALE)
            / bipedal_walker.FPS,
            hip_1.angle,
            hip_1.speed / bipedal_walker.SPEED_HIP,
            knee_1.angle + 1.0,
            knee_1.speed / bipedal_walker.SPEED_KNEE,
            1.0 if self.legs[1].ground_contact else 0.0,
            hip_2.angle,
            hip_2.speed / bipedal_walker.SPEED_HIP,
            knee_2.angle + 1.0,
            knee_2.speed / bipedal_walker.SPEED_KNEE,
            1.0 if self.legs[3].ground_contact else 0.0,
        ]
        if self._with_lidar:
            state += self._rays(position)
        x = position[0]
        self.scroll = x - _VIEW[0] / 5
        self.prev_shaping = shaping = 130 * x / bipedal_walker.SCALE - 5.0 * abs(angle)
        return np.array(state, dtype=np.float32), x, shaping

    def _rays(self, position: Any) -> list[float]:
        for ray, (across, down) in zip(self.lidar, _RAYS, strict=True):
            ray.fraction = 1.0
            ray.p1 = position
            ray.p2 = (position[0] + across, position[1] - down)
            self.world.RayCast(ray, ray.p1, ray.p2)
        return [ray.fraction for ray in self.lidar]


class _Rough(np.random.Generator):
    """Draws as another generator, from the same stream, but its uniform numbers larger.

    The slope is all that the ground takes uniform numbers for.
    """

    def __init__(self, plain: np.random.Generator, factor: float) -> None:
        super().__init__(plain.bit_generator)
        self._factor = factor

    def uniform(self, *args: Any, **options: Any) -> Any:
        return self._factor * super().uniform(*args, **options)


_RAYS = [
    (
        float(np.sin(1.5 * ray / 10.0)) * bipedal_walker.LIDAR_RANGE,
        float(np.cos(1.5 * ray / 10.0)) * bipedal_walker.LIDAR_RANGE,
    )
    for ray in range(10)
]


def _corners(state: NDArray[np.floating[Any]]) -> NDArray[np.floating[Any]]:
    """Corners of a shank, shape (4, 2)."""
    x, y, angle = state[:3]
    sine, cosine = np.sin(angle), np.cos(angle)
    turn = np.array([(cosine, -sine), (sine, cosine)])
    corners: NDArray[np.floating[Any]] = _SHANK_CORNERS @ turn.T + (x, y)
    return corners
