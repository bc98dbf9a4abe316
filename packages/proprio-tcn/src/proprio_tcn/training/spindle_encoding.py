"""Spindle encoders as a network meets them: the same in training, scoring and on recordings."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from neuro_common.seeding import generator
from proprio_tcn.spindles.encoders import SpindleSettings, encode

__all__ = ["SpindleEncoding"]


@dataclass(frozen=True, eq=False)
class SpindleEncoding:
    """What becomes of lengths and velocities before a trunk sees them.

    Attributes:
        settings: Which encoder, and what noise.
        rest_mm: Length of each muscle from which displacement is counted ``(muscles,)``: its mean
            in the movements of the training. No arm says at which length a muscle rests; with this
            one 29% of the rates of II fibres are at 0 or at the ceiling in letters of the human
            arm, 11% with ``length_scale=3``. With `rest_length_mm` it is 31% and 9%.
        seed: Of the noise.
    """

    settings: SpindleSettings
    rest_mm: NDArray[np.float64]
    seed: int = 0

    def encode(self, spindle: NDArray[Any], draw: int = 0) -> NDArray[np.float32]:
        """Movements as `proprio_tcn.spindles.encoders.encode` gives them, in two channels.

        Noise is keyed by the seed, the draw and the movement itself, so that a movement has the
        same noise in whatever batch and order it comes.

        Args:
            spindle: Length in mm and velocity in mm/s ``(n, muscles, bins, 2)``.
            draw: Number of the draw; other numbers give other noise.

        Returns:
            ``(n, muscles, bins, 2)``; the second channel of an encoder that has but one is zero.

        Raises:
            ValueError: There are other muscles, or a number is not finite.
        """
        seen = np.zeros(spindle.shape, np.float32)
        told = seen[..., : len(self.settings.channels)]
        if self.settings.noise == "none":
            told[:] = encode(spindle, self.settings, rest_mm=self.rest_mm)
            return seen
        for one, out in zip(spindle, told, strict=True):
            rng = generator(self.seed, draw, crc32(one.tobytes()))
            out[:] = encode(one, self.settings, rest_mm=self.rest_mm, rng=rng)
        return seen

    def facts(self) -> dict[str, Any]:
        """What :meth:`of_facts` takes, in plain values."""
        return {"settings": asdict(self.settings), "rest_mm": self.rest_mm.tolist(),
                "seed": self.seed}  # fmt: skip

    @classmethod
    def of_facts(cls, facts: Mapping[str, Any]) -> Self:
        """The encoding that gave these facts.

        Args:
            facts: From :meth:`facts`.

        Raises:
            KeyError: Something is missing.
            TypeError: There are other settings.
            ValueError: A setting is out of its range.
        """
        rest = np.asarray(facts["rest_mm"], np.float64)
        return cls(SpindleSettings(**facts["settings"]), rest, int(facts["seed"]))
