"""The shipped controllers as they suit each environment of the catalogue.

The controllers' own defaults are those for the Bonhoeffer-van der Pol model. Here is what they are
told elsewhere, found on ensembles 900 to 903 by `rldbs_env.tuning.tune_linear` and by short scans.
On bursting neurons X and Y rise and fall together (their correlation is 0.95): the laws that need a
phase of the two have no setting there.
"""

from collections.abc import Mapping
from typing import Any

from rldbs_env.catalogue import id_of, settings_of
from rldbs_env.controllers import CONTROLLERS, Controller, make
from rldbs_env.models import BonhoefferVanDerPol
from rldbs_env.oscillators import Model

__all__ = ["PRESETS", "preset", "shipped"]

PRESETS: Mapping[str, Mapping[str, Mapping[str, Any]]] = {
    "rldbs/BvdPDiscrete-v0": {
        "linear": {"gain": -0.3},  # less is rounded to no kick
    },
    "rldbs/BvdPChargeBalanced-v0": {
        "linear_xy": {"gain_x": -0.4, "gain_y": -2.0},
        "delayed": {"gain": -2.0, "delay": 0},
    },
    "rldbs/HindmarshRose-v0": {
        "linear": {"gain": -0.4},
        "linear_xy": {"gain_x": -0.01, "gain_y": -0.01},
        "delayed": {"gain": -0.06, "delay": 5},
        "pid": {"proportional": -0.4, "integral": 0.0, "derivative": -0.4},
        "on_off": {"amplitude": 0.05, "on_above": 0.07, "off_below": 0.035},
    },
    "rldbs/KuramotoGrid-v0": {
        "linear": {"gain": -0.3},
        "linear_xy": {"gain_x": -0.6, "gain_y": -0.6},
        "delayed": {"gain": 0.1, "delay": 25},
        "nonlinear_delayed": {"gain": 3.0, "delay": 60, "y_scale": 1.0},
        "pid": {"proportional": -0.3, "integral": -0.002, "derivative": -0.3},
        "on_off": {"amplitude": 0.02, "on_above": 0.1, "off_below": 0.05},
        "phase_triggered": {"gain": -1.5, "target": -1.2, "width": 43, "y_scale": 1.0},
        "adaptive": {
            "first_phase": 0.2, "gain_rate": 3e-3, "phase_rate": 6e-3, "largest_gain": 0.4,
            "quiet_below": 0.03, "y_scale": 1.0,
        },
    },
}  # fmt: skip
"""Arguments by environment and controller, beside the window."""

_POLICIES = {
    "rldbs/BvdP-v0": "policy",
    "rldbs/BvdPResidual-v0": "policy",
    "rldbs/BvdPChargeBalanced-v0": "policy:charge_balanced",
    "rldbs/HindmarshRose-v0": "policy:hindmarsh_rose",
}


def shipped(environment: str) -> list[str]:
    """Names of all controllers for an environment, and of its agent if one was trained for it."""
    return [*CONTROLLERS, *(["policy"] if id_of(environment) in _POLICIES else [])]


def preset(
    environment: str, name: str, *, model: Model | None = None, **arguments: Any
) -> Controller:
    """The controller of this name as it suits an environment.

    Laws look at the window of the model; ``policy`` is the agent that was trained for the
    environment.

    Args:
        environment: One of `rldbs_env.catalogue.ENVIRONMENTS`, or what is between ``rldbs/`` and
            ``-v0``.
        name: As for `rldbs_env.controllers.make`.
        model: The model that it will meet; None for the environment's own.
        **arguments: These replace those of `PRESETS`.

    Raises:
        ValueError: There is no such environment, controller or argument, or no agent was trained
            for the environment.
        FileNotFoundError: A directory that was named holds no policy.
    """
    full = id_of(environment)
    own: Model = settings_of(full).get("model", BonhoefferVanDerPol())
    if name == "policy":
        if full not in _POLICIES:
            raise ValueError(
                f"no agent ships for {full}, only for {', '.join(_POLICIES)}: name one of your "
                "own, policy:DIRECTORY"
            )
        return make(_POLICIES[full], **arguments)
    if name.startswith("policy:"):
        return make(name, **arguments)
    suited = {"window": (own if model is None else model).window} | dict(
        PRESETS.get(full, {}).get(name, {})
    )
    return make(name, **suited | arguments)
