"""Names of the recurrent networks, and how one is trained: plain values, without torch."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

__all__ = ["FIRST_TAU_MS", "GATED", "LEAKY", "NETWORKS", "RecurrentOptions"]

GATED = ("GRU", "LSTM", "LSTM2")
"""The published classes from torch."""

LEAKY = (
    *("RNN", "ARNN", "ASRNN", "AFRNN", "ASFRNN"),
    *("EIRNN", "AEIRNN", "ASEIRNN", "AFEIRNN", "ASFEIRNN"),
)
"""The published leaky classes."""

NETWORKS = (*GATED, *LEAKY, "DaleRNN")
"""What `RecurrentOptions.network` may be; DaleRNN keeps Dale's law in every path."""

FIRST_TAU_MS = (2.0, 5.0, 10.0, 20.0, 50.0)
"""What the time constants of the units are drawn from before they are trained."""


_OLDER = {"clip": "clip_norm", "rate": "l2_rate"}


@dataclass
class RecurrentOptions:
    """A network and how it is trained.

    Attributes:
        network: One of `NETWORKS`.
        units: Number of units, of each layer.
        epochs: Passes through the training trials.
        batch: Trials of an update.
        learning_rate: Of Adam, at the top of its cycle.
        clip_norm: Largest norm of a gradient, in units of the target's variance.
        l1: Weight of the sum of absolute input, recurrent and output weights in the loss.
        l2: Weight of the sum of their squares.
        l2_rate: Weight of the mean squared rate.
        noise: Of the units of a leaky network, in training only.
        held_out: Part of the training configurations that choose the best weights.
        seed: Of the first weights, the batches, the noise and what is held out.

    Raises:
        ValueError: The network is unknown, or a number is out of its range.
    """

    network: str = "GRU"
    units: int = 64
    epochs: int = 60
    batch: int = 32
    learning_rate: float = 6e-3
    clip_norm: float = 1.0
    l1: float = 0.0
    l2: float = 0.0
    l2_rate: float = 0.0
    noise: float = 0.0
    held_out: float = 0.2
    seed: int = 0

    def __post_init__(self) -> None:
        if self.network not in NETWORKS:
            raise ValueError(f"network must be one of {', '.join(NETWORKS)}, got {self.network!r}")
        for name in ("units", "epochs", "batch"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, got {getattr(self, name)}")
        for name in ("learning_rate", "clip_norm"):
            if not 0 < getattr(self, name) < math.inf:
                raise ValueError(f"{name} must be finite and above 0, got {getattr(self, name)}")
        for name in ("l1", "l2", "l2_rate", "noise"):
            if not 0 <= getattr(self, name) < math.inf:
                raise ValueError(f"{name} must be finite and at least 0, got {getattr(self, name)}")
        if self.noise and self.network in GATED:
            raise ValueError(f"noise must be 0 for {self.network}, got {self.noise}")
        if not 0 < self.held_out < 1:
            raise ValueError(f"held_out must be in (0, 1), got {self.held_out}")

    @classmethod
    def stored(cls, options: Mapping[str, Any]) -> Self:
        """Those of a model's file, in which older names are known too.

        Args:
            options: By name.

        Raises:
            TypeError: There is no such option.
            ValueError: As for the class.
        """
        return cls(**{_OLDER.get(name, name): value for name, value in options.items()})
