"""The arguments that single and vector environments share, checked in one place."""

import difflib
import math
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np

from rldbs_env.delivery import Delivery
from rldbs_env.disturbances import Disturbance, Variety, widest
from rldbs_env.models import BonhoefferVanDerPol
from rldbs_env.oscillators import Model
from rldbs_env.pulses import Pulse, delta
from rldbs_env.reward import QuadraticReward, Reward

__all__ = ["SIGNALS", "Settings", "suggest"]

SIGNALS = ("x", "y", "action", "countdown")


@dataclass(frozen=True)
class Settings:
    """What an environment is made of.

    Attributes:
        model: The ensemble's model and its parameters.
        n_neurons: Number of neurons, at least 1.
        window: Samples that the agent sees of each signal, at least 1; None for the model's own,
            250 of the Bonhoeffer-van der Pol model.
        stride: The agent sees every ``stride``-th sample of a window, the newest included.
        signals: What the agent sees, in this order: any of "x", "y" (mean fields) and "action"
            (kicks), each of all sensors or electrodes. The observation is their windows one after
            the other, oldest sample first. "countdown", which must be last, is one number: the
            steps until the next action counts, as `delivery` has it.
        reward: The reward; the published formula by default.
        divergence_reward: Reward of the step at which the ensemble diverges.
        max_kick: Largest absolute action, above 0. An action is the kick itself.
        levels: The only kicks there are, for an action that is the index of one; None for any
            kick up to ``max_kick``.
        pulse: Shape of every pulse, a `rldbs_env.pulses.Pulse` or its weights: each sub-step of an
            environment step is one RK4 step preceded by the kick ``weight * action``, and one
            sample of the window.
        delivery: What the electrodes deliver of the actions: refractory period, charge limit,
            skipping, holding, energy budget.
        prelude: A controller that acts, before each episode, until the ensemble is suppressed: the
            episode begins with its residual rhythm, growing anew.
        prelude_steps: Steps under that controller.
        disturbances: Noise, drift and losses, see `rldbs_env.disturbances`.
        variety: What each reset draws anew of the model.
        episode_steps: Environment steps after which the episode is truncated; None for never.
        ensemble: "resample" draws a new ensemble at each reset, whose transient takes about as long
            as 2.5 episodes of 10,000 steps; "fixed" draws one at each seeded reset and keeps it
            until another is named; a sequence of seeds, such as ``range(1000)``, draws one of
            these at each reset and lets each settle only once.
        transient_steps: Free RK4 steps before an episode; None for as many as the model needs to
            settle. After a transient, up to one cycle more is run, so that phases are random.
        dtype: "float64" or "float32", of the simulation and of the observation.

    Raises:
        ValueError: A setting is unknown, out of its range or does not fit the others.
    """

    model: Model = field(default_factory=BonhoefferVanDerPol)
    n_neurons: int = 1000
    window: int | None = None
    stride: int = 1
    signals: Sequence[str] = ("y",)
    reward: Reward = field(default_factory=QuadraticReward)
    divergence_reward: float = -1000.0
    max_kick: float = 1.0
    levels: Sequence[float] | None = None
    pulse: Pulse | Sequence[float] = field(default_factory=delta)
    delivery: Delivery = field(default_factory=Delivery)
    prelude: Any = None
    prelude_steps: int = 5000
    disturbances: Sequence[Disturbance] = ()
    variety: Variety = field(default_factory=Variety)
    episode_steps: int | None = 10_000
    ensemble: str | Sequence[int] = "resample"
    transient_steps: int | None = None
    dtype: str = "float64"

    @classmethod
    def of(cls, arguments: dict[str, Any]) -> "Settings":
        """Build from keyword arguments; a wrong name is answered with the valid ones.

        Raises:
            TypeError: An argument is unknown; the message lists the valid ones.
        """
        names = [entry.name for entry in fields(cls)]
        for name in arguments:
            if name not in names:
                raise TypeError(
                    f"unknown argument {name!r}{suggest(name, names)}; "
                    f"an environment takes {', '.join(names)}"
                )
        return cls(**arguments)

    def __post_init__(self) -> None:
        for name, least in (
            ("n_neurons", 1), ("window", 1), ("stride", 1), ("episode_steps", 1),
            ("transient_steps", 0), ("prelude_steps", 1),
        ):  # fmt: skip
            value = getattr(self, name)
            may_be_none = name not in ("n_neurons", "stride", "prelude_steps")
            if not (may_be_none and value is None):
                _check_count(name, value, least)
        if not math.isfinite(self.divergence_reward):
            raise ValueError(f"divergence_reward must be finite, got {self.divergence_reward}")
        if not callable(self.reward):
            raise ValueError(f"reward must be callable (see rldbs_env.Reward), got {self.reward!r}")
        if self.dtype not in ("float64", "float32"):
            raise ValueError(f"dtype must be 'float64' or 'float32', got {self.dtype!r}")
        if not isinstance(self.pulse, Pulse):
            object.__setattr__(self, "pulse", Pulse(tuple(self.pulse)))
        self._check_signals()
        self._check_stimulation()
        self.variety.check(self.model, self.n_neurons)
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
                    f"signals must be among {SIGNALS}, got {signal!r}{suggest(signal, SIGNALS)}"
                )
        if "countdown" in self.signals[:-1] or tuple(self.signals) == ("countdown",):
            raise ValueError(
                f"signals must hold 'countdown' after another signal, got {tuple(self.signals)}"
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
        if self.levels is not None:
            levels = np.asarray(self.levels, dtype=float)
            if levels.ndim != 1 or not levels.size or not (abs(levels) <= self.max_kick).all():
                raise ValueError(
                    f"levels must hold at least one kick, each in [-{self.max_kick}, "
                    f"{self.max_kick}] (max_kick), got {self.levels}"
                )
        self.delivery.check(self.shape, self.model.period_steps, self.levels)

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
    def shape(self) -> Pulse:
        """The pulse, whatever it was given as."""
        return self.pulse if isinstance(self.pulse, Pulse) else Pulse(tuple(self.pulse))

    @property
    def limits(self) -> tuple[float, float, float, float]:
        """Range (x_low, x_high, y_low, y_high) that no mean field leaves, variety included."""
        farthest = widest(self.variety.widest(self.model), self.disturbances)
        return farthest.limits(self.max_kick)

    @property
    def window_steps(self) -> int:
        """Samples in a window."""
        return self.model.window if self.window is None else int(self.window)

    @property
    def seen_steps(self) -> int:
        """Samples of a window that the agent sees."""
        return (self.window_steps - 1) // self.stride + 1

    @property
    def settle_steps(self) -> int:
        """Free steps before an episode."""
        if self.transient_steps is None:
            return self.model.transient_steps
        return self.transient_steps


def _check_count(name: str, value: object, least: int) -> None:
    if not isinstance(value, int | np.integer) or value < least:
        raise ValueError(f"{name} must be a whole number of at least {least}, got {value!r}")


def suggest(name: str, valid: Sequence[str]) -> str:
    """What may have been meant, as the end of a message; empty if nothing is close."""
    close = difflib.get_close_matches(name, valid, n=1)
    return f" (did you mean {close[0]!r}?)" if close else ""
