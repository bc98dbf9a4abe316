"""A reference gait: what the walker observed, did and was, frame by frame."""

import zipfile
import zlib
from dataclasses import dataclass
from functools import cache, cached_property
from importlib.resources import files
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from brainnn.bodies.loops import Loop, find_loop
from neuro_common.files import FORMAT_VERSION, FormatError, atomic_path, check_format

__all__ = ["CLIP_FILE", "Clip", "reference_clip"]

CLIP_FILE = "reference_gait.npz"
"""The reference beside the teacher that walked it."""

_FORMAT = "brainnn/clip"
_CHANNELS, _MOTORS, _BODIES = 24, 4, (5, 6)


@dataclass(frozen=True, eq=False)
class Clip:
    """A recorded walk of the planar biped, 50 frames a second.

    Attributes:
        states: Observations with lidar, the first at the start, shape (steps + 1, 24).
        actions: What was done from each frame to the next, maybe beyond -1..1 where the body clips
            it, shape (steps, 4).
        bodies: Physical states as :meth:`PlanarBiped.body_states` gives them, shape
            (steps + 1, 5, 6); None where they were not recorded.
        source: Where it comes from, in one line.
    """

    states: NDArray[np.float32]
    actions: NDArray[np.float32]
    bodies: NDArray[np.float32] | None = None
    source: str = ""

    @classmethod
    def of(
        cls,
        states: ArrayLike,
        actions: ArrayLike,
        bodies: ArrayLike | None = None,
        *,
        source: str = "",
    ) -> Self:
        """Check the parts and put them together.

        Raises:
            ValueError: A shape does not fit, or a number is not finite.
        """
        actions = _checked("actions", actions, (_MOTORS,))
        steps = len(actions)
        if steps == 0:
            raise ValueError("actions must have a step at least, got none")
        observed = _checked("states", states, (_CHANNELS,), steps + 1)
        there = None if bodies is None else _checked("bodies", bodies, _BODIES, steps + 1)
        return cls(observed, actions, there, source)

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Read what :meth:`save` wrote.

        Raises:
            FileNotFoundError: There is no such file.
            FormatError: It is damaged, or of something else.
        """
        if not zipfile.is_zipfile(path) and Path(path).stat():
            raise FormatError(f"{path} must be a whole clip (.npz), got something else")
        try:
            with np.load(path, allow_pickle=False) as file:
                parts = {name: file[name] for name in file.files}
        except (ValueError, EOFError, zipfile.BadZipFile, zlib.error) as error:
            raise FormatError(f"{path} must be a whole clip, got a damaged one ({error})") from None
        name, version = parts.get("format"), parts.get("format_version")
        check_format(
            path,
            None if name is None else str(name),
            None if version is None else version.tolist(),
            _FORMAT,
        )
        try:
            return cls.of(
                parts["states"],
                parts["actions"],
                parts.get("bodies"),
                source=str(parts["source"]),
            )
        except (KeyError, ValueError) as error:
            raise FormatError(f"{path} must be a whole clip, got one with {error}") from None

    @classmethod
    def from_published(cls, states: str | Path, actions: str | Path) -> Self:
        """Read a clip from the two ``.npy`` files of the published layout.

        Args:
            states: Observations, the one of the reset first, shape (steps + 1, 24).
            actions: Raw policy means, shape (steps, 4).

        Raises:
            FileNotFoundError: There is no such file.
            FormatError: A file is damaged, or the shapes are others.
        """
        try:
            parts = [np.load(path, allow_pickle=False) for path in (states, actions)]
            return cls.of(*parts, source=f"{Path(states).name}, {Path(actions).name}")
        except (ValueError, EOFError, TypeError) as error:
            raise FormatError(
                f"{states} and {actions} must be observations (steps + 1, {_CHANNELS}) and actions "
                f"(steps, {_MOTORS}) as .npy, got: {error}"
            ) from None

    def save(self, path: str | Path) -> None:
        """Write it to an ``.npz`` file, atomically."""
        parts: dict[str, Any] = {
            "format": _FORMAT,
            "format_version": FORMAT_VERSION,
            "states": self.states,
            "actions": self.actions,
            "source": self.source,
        }
        if self.bodies is not None:
            parts["bodies"] = self.bodies
        with atomic_path(path) as temporary, open(temporary, "wb") as file:
            np.savez_compressed(file, **parts)

    @property
    def steps(self) -> int:
        """Number of actions, one less than frames."""
        return len(self.actions)

    @property
    def mean_speed(self) -> float:
        """Forward speed in units of the observation, mean over all frames."""
        return float(self.states[:, 2].mean(dtype=np.float64))

    @cached_property
    def loop(self) -> Loop | None:
        """A stretch of whole strides that can be played again and again; None if there is none."""
        return find_loop(self.states)


@cache
def reference_clip() -> Clip:
    """The reference gait that ships with the package."""
    path = files("brainnn") / "pretrained" / "teacher" / CLIP_FILE
    return Clip.load(Path(str(path)))


def _checked(
    label: str, values: ArrayLike, row: tuple[int, ...], rows: int | None = None
) -> NDArray[np.float32]:
    array = np.asarray(values, dtype=np.float32)
    if array.shape[1:] != row or array.ndim == 0 or rows not in (None, len(array)):
        wanted = ("steps" if rows is None else rows, *row)
        raise ValueError(f"{label} must have shape {wanted}, got {array.shape}")
    if not np.isfinite(array).all():
        raise ValueError(f"{label} must be finite, got NaN or infinity")
    return array
