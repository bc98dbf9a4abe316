"""The arguments that single and vector environments share, checked in one place."""

import difflib
import math
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np

from rldbs_env.models import BonhoefferVanDerPol
from rldbs_env.reward import QuadraticReward, Reward

__all__ = ["SIGNALS", "Settings"]

SIGNALS = ("x", "y", "action")


@dataclass(frozen=True)
class Settings:
    """What an environment is made of.

    Attributes:
        model: The ensemble's model and its parameters.
        n_neurons: Number of neurons, at least 1.
        window: Samples that the agent sees of each signal, at least 1.
        signals: What the agent sees, in this order: any of "x", "y" (mean fields) and "action"
            (kicks). The observation is their windows one after the other, oldest sample first.
        reward: The reward; the published formula by default.
        divergence_reward: Reward of the step at which the ensemble diverges.
        max_kick: Largest absolute action, above 0. An action is the kick itself.
        pulse: Weights of the action in the sub-steps of one environment step; each sub-step is
            one RK4 step preceded by the kick ``weight * action``, and one sample of the window.
        episode_steps: Environment steps after which the episode is truncated; None for never.
        ensemble: "resample" draws a new ensemble at each reset, whose transient takes about as long
            as 2.5 episodes of 10,000 steps; "fixed" draws one at each seeded reset and keeps it
            until another is named; a sequence of seeds, such as ``range(1000)``, draws one of
            these at each reset and lets each settle only once.
        transient_steps: Free RK4 steps before an episode; None for as many as the model needs to
            settle. After a transient, up to one cycle more is run, so that phases are random.
        dtype: "float64" or "float32", of the simulation and of the observation.
    """

    model: BonhoefferVanDerPol = field(default_factory=BonhoefferVanDerPol)
    n_neurons: int = 1000
    window: int = 250
    signals: Sequence[str] = ("y",)
    reward: Reward = field(default_factory=QuadraticReward)
    divergence_reward: float = -1000.0
    max_kick: float = 1.0
    pulse: Sequence[float] = (1.0,)
    episode_steps: int | None = 10_000
    ensemble: str | Sequence[int] = "resample"
    transient_steps: int | None = None
    dtype: str = "float64"

    @classmethod
    def of(cls, arguments: dict[str, Any]) -> "Settings":
        """Build from keyword arguments; a wrong name is answered with the valid ones."""
        names = [entry.name for entry in fields(cls)]
        for name in arguments:
            if name not in names:
                raise TypeError(
                    f"unknown argument {name!r}{_suggest(name, names)}; "
                    f"an environment takes {', '.join(names)}"
                )
        return cls(**arguments)

    def __post_init__(self) -> None:
        for name, least in (
            ("n_neurons", 1), ("window", 1), ("episode_steps", 1), ("transient_steps", 0),
        ):  # fmt: skip
            value = getattr(self, name)
            may_be_none = name in ("episode_steps", "transient_steps")
            if not (may_be_none and value is None):
                _check_count(name, value, least)
        if not math.isfinite(self.divergence_reward):
            raise ValueError(f"divergence_reward must be finite, got {self.divergence_reward}")
        if not callable(self.reward):
            raise ValueError(f"reward must be callable (see rldbs_env.Reward), got {self.reward!r}")
        if self.dtype not in ("float64", "float32"):
            raise ValueError(f"dtype must be 'float64' or 'float32', got {self.dtype!r}")
        self._check_signals()
        self._check_stimulation()
        self._check_ensemble()

    def _check_signals(self) -> None:
        if isinstance(self.signals, str):
            raise ValueError(
                "signals must be a sequence of names such as ('y',), got the string "
                f"{self.signals!r}"
            )
        if not self.signals:
            raise ValueError(f"signals must name at least one of {SIGNALS}, got none")
        for signal in self.signals:
            if signal not in SIGNALS:
                raise ValueError(
                    f"signals must be among {SIGNALS}, got {signal!r}{_suggest(signal, SIGNALS)}"
                )
        if len(set(self.signals)) != len(self.signals):
            raise ValueError(f"signals must name each signal once, got {tuple(self.signals)}")

    def _check_stimulation(self) -> None:
        largest = self.model.largest_kick
        if not 0 < self.max_kick <= largest:
            raise ValueError(
                f"max_kick must be in (0, {largest}], got {self.max_kick} (under stronger kicks "
                f"an RK4 step of dt={self.model.dt} is not stable)"
            )
        if not len(self.pulse) or not np.all(np.abs(self.pulse) <= 1):
            raise ValueError(
                f"pulse must hold at least one weight, each in [-1, 1], got {tuple(self.pulse)}"
            )

    def _check_ensemble(self) -> None:
        if isinstance(self.ensemble, str):
            if self.ensemble not in ("resample", "fixed"):
                raise ValueError(
                    "ensemble must be 'resample', 'fixed' or a sequence of seeds, "
                    f"got {self.ensemble!r}"
                )
            return
        seeds = np.asarray(self.ensemble)
        if seeds.ndim != 1 or seeds.dtype.kind != "i" or (seeds < 0).any():
            raise ValueError(
                "ensemble must hold at least one seed below 2**63, each at least 0, "
                f"got {self.ensemble!r}"
            )
        object.__setattr__(self, "ensemble", tuple(seeds.tolist()))

    @property
    def settle_steps(self) -> int:
        """Free steps before an episode."""
        if self.transient_steps is None:
            return self.model.transient_steps
        return self.transient_steps


def _check_count(name: str, value: object, least: int) -> None:
    if not isinstance(value, int | np.integer) or value < least:
        raise ValueError(f"{name} must be a whole number of at least {least}, got {value!r}")


def _suggest(name: str, valid: Sequence[str]) -> str:
    close = difflib.get_close_matches(name, valid, n=1)
    return f" (did you mean {close[0]!r}?)" if close else ""
