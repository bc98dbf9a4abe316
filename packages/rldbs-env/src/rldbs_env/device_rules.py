"""What of the settings an accelerator can do, as the numbers that both device steps work with."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rldbs_env.arrays import Array
from rldbs_env.delivery import Delivery
from rldbs_env.disturbances import Variety
from rldbs_env.flows import hindmarsh_rose_substeps, one_step
from rldbs_env.oscillators import Oscillators
from rldbs_env.reward import AbsoluteReward, QuadraticReward
from rldbs_env.settings import Settings

__all__ = ["ROWS", "DeviceRules", "rules_of"]

ROWS = {"x": 0, "y": 1, "action": 2}
"""The row of each signal in a window on the device."""


@dataclass(frozen=True)
class DeviceRules:
    """One environment step as numbers: one population, coupled all to all, nothing random.

    Attributes:
        flow: The model's equations of one neuron as plain Python, see `rldbs_env.flows`.
        n_variables: Of a neuron, 2 or 3.
        divides: Whether stiff steps are divided, by `rldbs_env.flows.hindmarsh_rose_substeps`.
        parameters: As for `rldbs_env.rk4.planar_step`, shape (10,), in the simulation's type.
        limits: Range (x_low, x_high, y_low, y_high) of the fields, shape (4,), likewise.
        pulse: Kick before each sub-step per unit of action, shape (sub-steps,), float64.
        terms: Weight, target, penalty, reward of divergence, largest action, shape (5,), float64.
        absolute: The deviation is paid for by its size, not by its square.
        to_window_mean: The deviation is that from the window's mean, not from the target.
        rows: What is observed, as rows of a window, see `ROWS`.
        length, stride, seen: Samples of a window, step between those seen, how many are seen.
        episode_steps: Steps after which an episode is truncated; 0 for never.
    """

    flow: Callable[..., Any]
    n_variables: int
    divides: bool
    parameters: Array
    limits: Array
    pulse: NDArray[np.float64]
    terms: NDArray[np.float64]
    absolute: bool
    to_window_mean: bool
    rows: tuple[int, ...]
    length: int
    stride: int
    seen: int
    episode_steps: int


def rules_of(settings: Settings) -> DeviceRules:
    """The step that these settings ask for.

    Raises:
        ValueError: If they ask for something that no device step does; the message names it all.
    """
    lacking = _lacking(settings)
    if lacking:
        raise ValueError(
            f"on a device there is no {', no '.join(lacking)}: use rldbs_env.DBSVectorEnv, "
            "which has everything"
        )
    model: Any = settings.model
    reward: Any = settings.reward
    absolute = type(reward) is AbsoluteReward
    weight, target = (1.0, None) if absolute else (reward.weight, reward.target)
    bound = float(np.float32(settings.max_kick))  # that of the action space
    terms = [weight, target or 0.0, reward.penalty, settings.divergence_reward, bound]
    return DeviceRules(
        flow=_plain(model.flow()),
        n_variables=len(model.variables),
        divides=model.substeps() is hindmarsh_rose_substeps,
        parameters=model.parameters(settings.dtype),
        limits=np.array(settings.limits, settings.dtype),
        pulse=np.array(settings.shape.weights),
        terms=np.array(terms, np.float64),
        absolute=absolute,
        to_window_mean=target is None,
        rows=tuple(ROWS[name] for name in settings.signals),
        length=settings.window_steps,
        stride=int(settings.stride),
        seen=settings.seen_steps,
        episode_steps=int(settings.episode_steps or 0),
    )


def _lacking(settings: Settings) -> list[str]:
    """What these settings ask for and a device does not do."""
    model, coupled = settings.model, isinstance(settings.model, Oscillators)
    rewards = (QuadraticReward, AbsoluteReward)
    wanted = {
        f"model {type(model).__name__}": not coupled,
        "several populations": model.n_sensors > 1 or model.n_electrodes > 1,
        "network": coupled and getattr(model, "network", None) is not None,
        "dynamic noise": coupled and getattr(model, "noise", 0.0) > 0,
        "rule of one's own for stiff steps": isinstance(model, Oscillators)
        and model.substeps() not in (one_step, hindmarsh_rose_substeps),
        f"reward {type(settings.reward).__name__}": type(settings.reward) not in rewards,
        "disturbances": bool(settings.disturbances),
        "delivery": settings.delivery != Delivery(),
        "variety": settings.variety != Variety(),
        "prelude": settings.prelude is not None,
        "signal 'countdown'": "countdown" in settings.signals,
        f"ensemble={settings.ensemble!r} (it needs a sequence of seeds, such as range(64))":
            isinstance(settings.ensemble, str),
    }  # fmt: skip
    return [name for name, asked in wanted.items() if asked]


def _plain(flow: Callable[..., Any]) -> Callable[..., Any]:
    """The Python function that numba compiled; plain arithmetic serves numbers and tensors."""
    return getattr(flow, "py_func", flow)
