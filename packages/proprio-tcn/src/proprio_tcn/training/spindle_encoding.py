"""Spindle encoders as a network meets them: the same in training, scoring and on recordings."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Self, TypeVar
from zlib import crc32

import numpy as np
import torch
from numpy.random import SeedSequence
from numpy.typing import NDArray
from torch import Tensor

from neuro_common.seeding import generator
from proprio_tcn.spindles.encoders import SpindleSettings, encode
from proprio_tcn.spindles.keyed_noise import movement_keys, normal_numbers
from proprio_tcn.spindles.spike_trains import gaussian_spread

__all__ = ["SpindleEncoding"]

_T = TypeVar("_T", bound=Any)


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

    def encode(self, spindle: _T, draw: int = 0) -> _T:
        """Movements as `proprio_tcn.spindles.encoders.encode` gives them, in two channels.

        Tensors stay on their device; only spikes are drawn on the processor. Noise is keyed by the
        seed, the draw and the movement itself, so that a movement has the same noise in whatever
        batch and order it comes, on any device.

        Args:
            spindle: Length in mm and velocity in mm/s ``(n, muscles, bins, 2)``; array or tensor.
            draw: Number of the draw; other numbers give other noise.

        Returns:
            ``(n, muscles, bins, 2)``; the second channel of an encoder that has but one is zero.
            Arrays are float32.

        Raises:
            ValueError: There are other muscles, or a number is not finite.
        """
        plain = isinstance(spindle, np.ndarray)
        given = torch.from_numpy(np.array(spindle, np.float32)) if plain else spindle
        found: Any = self._encoded(given, draw)
        return found.numpy() if plain else found  # type: ignore[no-any-return]

    def _encoded(self, spindle: Tensor, draw: int) -> Tensor:
        counted = self.settings.noise in ("gamma", "poisson")
        told = self._spikes(spindle, draw) if counted else self._rates(spindle, draw)
        return torch.nn.functional.pad(told, (0, 2 - told.shape[-1]))

    def _rates(self, spindle: Tensor, draw: int) -> Tensor:
        rates = encode(spindle, replace(self.settings, noise="none"), rest_mm=self.rest_mm)
        if self.settings.noise == "none":
            return rates
        salt = SeedSequence([self.seed, draw]).generate_state(1, np.uint64)
        keys = movement_keys(spindle, int(salt[0]))
        noise = normal_numbers(keys, rates[0].numel()).reshape(rates.shape).to(rates.dtype)
        spreads = [
            gaussian_spread(rates[..., channel], cv, self.settings.fibres)
            for channel, cv in enumerate(self.settings.interval_cvs)
        ]
        return (rates + torch.stack(spreads, dim=-1) * noise).clip(min=0)

    def _spikes(self, spindle: Tensor, draw: int) -> Tensor:
        counts = [
            encode(
                one,
                self.settings,
                rest_mm=self.rest_mm,
                rng=generator(self.seed, draw, crc32(one.tobytes())),
            )
            for one in spindle.cpu().numpy()
        ]
        return torch.from_numpy(np.stack(counts)).to(spindle)

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
