"""Classical controllers behind the interface that trained agents have: ``predict(obs)``.

A controller names the ``signals`` and the ``window`` that it wants to see; make the environment
with these. ``predict`` takes observations of shape (features,) or (envs, features) and returns
kicks of shape (1,) or (envs, 1) with the controller's memory, as stable-baselines3's models do:
pass that memory back, and ``episode_start`` where episodes began, so that the controller itself
holds no state and serves any number of environments.

Gains are in kick per unit of the signal, delays and periods in samples (RK4 steps).
"""

import difflib
from dataclasses import fields
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from rldbs_env.adaptive import AdaptiveVanishing, PhaseTriggered
from rldbs_env.callables import CallableController
from rldbs_env.feedback import (
    DelayedFeedback,
    LinearFeedback,
    LinearXYFeedback,
    NonlinearDelayedFeedback,
    OnOff,
    Pid,
)
from rldbs_env.laws import Law, Memory, NoControl, Periodic, RandomKicks, Tonic
from rldbs_env.policy import PRETRAINED, load_policy

__all__ = [
    "CONTROLLERS",
    "AdaptiveVanishing",
    "CallableController",
    "Controller",
    "DelayedFeedback",
    "LinearFeedback",
    "LinearXYFeedback",
    "NoControl",
    "NonlinearDelayedFeedback",
    "OnOff",
    "Periodic",
    "PhaseTriggered",
    "Pid",
    "RandomKicks",
    "Tonic",
    "make",
]


class Controller(Protocol):
    """Anything that turns observations into kicks; agents too, given ``signals`` and ``window``."""

    @property
    def signals(self) -> tuple[str, ...]:
        """Signals of the observation, in order."""

    @property
    def window(self) -> int:
        """Samples of each signal."""

    def predict(
        self,
        observation: NDArray[Any],
        state: Memory = None,
        episode_start: NDArray[np.bool_] | None = None,
        deterministic: bool = True,
    ) -> tuple[NDArray[np.float32], Memory]:
        """Kicks for these observations, and the memory for the next call.

        Observations (features,) or (envs, features), ``episode_start`` (envs,); kicks (electrodes,)
        or (envs, electrodes).
        """


CONTROLLERS: dict[str, type[Law]] = {
    "none": NoControl,
    "random": RandomKicks,
    "tonic": Tonic,
    "periodic": Periodic,
    "linear": LinearFeedback,
    "linear_xy": LinearXYFeedback,
    "delayed": DelayedFeedback,
    "nonlinear_delayed": NonlinearDelayedFeedback,
    "pid": Pid,
    "on_off": OnOff,
    "phase_triggered": PhaseTriggered,
    "adaptive": AdaptiveVanishing,
}
"""Every classical controller by the name that commands use."""


def make(name: str, **arguments: Any) -> Controller:
    """The controller of this name with these arguments.

    ``policy`` is the shipped agent, ``policy:DIRECTORY`` one that ``rldbs-env train`` wrote.

    Raises:
        ValueError: No such controller or argument; the message lists the valid ones.
        FileNotFoundError: The directory holds no policy.
    """
    if name == "policy" or name.startswith("policy:"):
        if arguments:
            raise ValueError(f"{name} takes no arguments, got {', '.join(arguments)}")
        return load_policy(name.removeprefix("policy").removeprefix(":") or PRETRAINED)
    if name not in CONTROLLERS:
        names = [*CONTROLLERS, "policy"]
        close = difflib.get_close_matches(name, names, n=1)
        hint = f" (did you mean {close[0]!r}?)" if close else ""
        raise ValueError(
            f"controller must be one of {', '.join(names)}, policy:DIRECTORY, got {name!r}{hint}"
        )
    valid = [entry.name for entry in fields(CONTROLLERS[name])]
    for argument in arguments:
        if argument not in valid:
            raise ValueError(f"{name} takes the arguments {', '.join(valid)}, got {argument!r}")
    return CONTROLLERS[name](**arguments)
