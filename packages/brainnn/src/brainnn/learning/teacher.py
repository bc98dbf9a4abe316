"""The walker that networks learn from: a small policy without memory, the same for both legs."""

from collections.abc import Mapping
from importlib.resources import as_file, files
from itertools import pairwise
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from brainnn.bodies.mirror import MIRROR_OBSERVATION
from neuro_common.checkpoint import load_checkpoint, save_checkpoint
from neuro_common.files import FormatError

__all__ = ["Teacher", "load_teacher"]

_KIND = "brainnn teacher"


class Teacher(nn.Module):
    """One network for both legs: in the mirror, each does what the other did.

    ``action = tanh([f(o), f(mirror(o))])`` with a perceptron f of tanh units.

    Args:
        channels: Numbers in an observation of the planar biped: 14, or 24 with lidar.
        hidden: Units of each hidden layer.

    Raises:
        ValueError: Another number of channels.
    """

    mirror: Tensor

    def __init__(self, channels: int = 14, hidden: tuple[int, ...] = (128, 128)) -> None:
        super().__init__()
        if channels not in (14, 24):
            raise ValueError(f"channels must be 14, or 24 with lidar, got {channels}")
        self.channels, self.hidden = channels, tuple(hidden)
        layers: list[nn.Module] = []
        for before, after in pairwise((channels, *hidden)):
            layers += [nn.Linear(before, after), nn.Tanh()]
        self.leg = nn.Sequential(*layers, nn.Linear(hidden[-1], 2))
        mirror = torch.tensor(MIRROR_OBSERVATION[:channels])
        self.register_buffer("mirror", mirror, persistent=False)

    def forward(self, observations: Tensor) -> Tensor:
        """Mean actions, shape (..., 4), of observations, shape (..., channels)."""
        both = torch.cat([self.leg(observations), self.leg(observations[..., self.mirror])], -1)
        return torch.tanh(both)

    @torch.no_grad()
    def act(self, observations: NDArray[np.floating[Any]], step: int = 0) -> NDArray[np.float32]:
        """Its actions as a controller's or as labels.

        Args:
            observations: Shape (..., channels or more); what comes after its own is not looked at.
            step: Steps since the start, which do not matter to it.

        Returns:
            In (-1, 1), shape (..., 4).

        Raises:
            ValueError: The observations have fewer channels.
        """
        if observations.shape[-1] < self.channels:
            raise ValueError(
                f"observations must have {self.channels} channels for this teacher, got shape "
                f"{observations.shape}: make the environment with lidar"
            )
        own = torch.as_tensor(observations[..., : self.channels], dtype=torch.float32)
        actions: NDArray[np.float32] = self(own).numpy()
        return actions

    def save(self, directory: str | Path, facts: Mapping[str, Any]) -> None:
        """Write weights and manifest.

        Args:
            directory: Where to.
            facts: More for the manifest: how it was made, what it scores.
        """
        own = {"kind": _KIND, "channels": self.channels, "hidden": [*self.hidden]}
        save_checkpoint(directory, self.state_dict(), {**facts, **own})

    @classmethod
    def load(cls, directory: str | Path) -> Self:
        """Read what :meth:`save` wrote.

        Raises:
            FileNotFoundError: There is none.
            FormatError: The files are damaged, or of something else.
        """
        arrays, manifest = load_checkpoint(directory)
        if manifest.get("kind") != _KIND:
            raise FormatError(
                f"{directory} must hold a teacher, got {manifest.get('kind')!r}: give the "
                "directory of one"
            )
        try:
            teacher = cls(manifest["channels"], tuple(manifest["hidden"]))
            teacher.load_state_dict({name: torch.from_numpy(v) for name, v in arrays.items()})
        except (KeyError, TypeError, ValueError, RuntimeError) as error:
            raise FormatError(f"{directory} must hold a whole teacher, got: {error}") from error
        return teacher.eval()


def load_teacher() -> Teacher:
    """The teacher that ships."""
    with as_file(files("brainnn") / "pretrained" / "teacher") as directory:
        return Teacher.load(directory)
