"""How one pen trace becomes many: size, rotation, shear, speed, and a plane in space.

The transforms are those of Sandbrink et al., eLife 2023 and Marin Vargas, Bisi et al., Cell 2024,
in their order: resize, affine, speed, embed.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from proprio_tcn.movements.writers import resample_time
from proprio_tcn.movements_config import MovementSettings

__all__ = [
    "PLANES",
    "Latents",
    "affine",
    "augment",
    "change_speed",
    "draw_latents",
    "embed",
    "resize",
]

Floats = NDArray[np.float64]

# Columns are the pen's x and y in the world: x forward, y left, z up.
PLANES: dict[str, Floats] = {
    "horizontal": np.array([[0.0, 1.0], [-1.0, 0.0], [0.0, 0.0]]),
    "vertical": np.array([[0.0, 0.0], [-1.0, 0.0], [0.0, 1.0]]),
}


class Latents(NamedTuple):
    """What sets one trial of a letter apart from another.

    Attributes:
        size: Factor of the letter's size, and of its duration.
        rotation_deg: Counterclockwise.
        shear_x_deg: Angle by which verticals lean.
        shear_y_deg: Angle by which horizontals lean.
        speed: Factor of the speed.
        noise: Drawn and kept as in the published set, and never applied, as there.
    """

    size: float = 1.0
    rotation_deg: float = 0.0
    shear_x_deg: float = 0.0
    shear_y_deg: float = 0.0
    speed: float = 1.0
    noise: float = 0.0


def draw_latents(settings: MovementSettings, rng: np.random.Generator) -> Latents:
    """Draw each from its levels, independently and evenly; none vary without ``augment``."""
    if not settings.augment:
        return Latents()
    levels = (
        settings.sizes,
        settings.rotations_deg,
        settings.shears_deg,
        settings.shears_deg,
        settings.speeds,
        [0.0, 0.1, 0.3],
    )
    return Latents(*(float(one[rng.integers(len(one))]) for one in levels))


def augment(trace: Floats, latents: Latents) -> Floats:
    """Resize, turn and shear, then change the speed of a pen trace; (2, bins) to (2, others)."""
    turned = affine(
        resize(trace, latents.size),
        latents.rotation_deg,
        latents.shear_x_deg,
        latents.shear_y_deg,
    )
    return change_speed(turned, latents.speed)


def resize(trace: Floats, size: float) -> Floats:
    """Write larger or smaller at the same speed, so that a larger letter takes longer.

    The steps between bins, the first of them zero, are read linearly at ``floor(bins * size)``
    equal steps and summed up from the first position.

    Args:
        trace: Shape (axes, bins).
        size: Factor above 0.

    Raises:
        ValueError: Nothing would be left.
    """
    bins = _whole("size", trace.shape[1] * size)
    steps = np.diff(trace, axis=1, prepend=trace[:, :1])
    return np.cumsum(resample_time(steps, bins), axis=1) + trace[:, :1]


def affine(trace: Floats, rotation_deg: float, shear_x_deg: float, shear_y_deg: float) -> Floats:
    """Rotate, then shear, about the origin of the box: [[1, tan sx], [tan sy, 1]] R(rotation).

    Args:
        trace: Shape (2, bins).
        rotation_deg: Counterclockwise.
        shear_x_deg: Of x with y.
        shear_y_deg: Of y with x.
    """
    turn, shear_x, shear_y = np.deg2rad([rotation_deg, shear_x_deg, shear_y_deg])
    rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    shear = np.array([[1.0, np.tan(shear_x)], [np.tan(shear_y), 1.0]])
    turned: Floats = shear @ rotation @ trace
    return turned


def change_speed(trace: Floats, speed: float) -> Floats:
    """Go the same way faster or slower: positions read linearly at ``floor(bins / speed)`` steps.

    Args:
        trace: Shape (axes, bins).
        speed: Factor above 0.

    Raises:
        ValueError: Nothing would be left.
    """
    return resample_time(trace, _whole("speed", trace.shape[1] / speed))


def embed(trace: Floats, plane: str, start_cm: Floats) -> Floats:
    """Put a pen trace into space: the origin of its box at ``start_cm``; (2, bins) to (3, bins).

    In the horizontal plane the pen's y points forward, in the vertical plane up; its x points to
    the right in both.

    Args:
        trace: Shape (2, bins), cm.
        plane: "horizontal" or "vertical".
        start_cm: Shape (3,), world frame.

    Raises:
        ValueError: There is no such plane.
    """
    if plane not in PLANES:
        raise ValueError(f"plane must be one of {', '.join(PLANES)}, got {plane!r}")
    path: Floats = PLANES[plane] @ trace + np.asarray(start_cm, dtype=np.float64)[:, None]
    return path


def _whole(name: str, bins: float) -> int:
    whole = int(np.floor(bins)) if np.isfinite(bins) else 0
    if whole < 2:
        raise ValueError(f"{name} must leave at least 2 bins, got {bins:.3g}")
    return whole
