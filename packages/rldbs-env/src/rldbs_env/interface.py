"""What an environment takes and gives: its Gymnasium spaces, and actions checked against them."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from gymnasium import spaces
from numpy.typing import ArrayLike, NDArray

from rldbs_env.settings import Settings

__all__ = ["action_space", "checked_actions", "nearest_actions", "observation_space"]


def action_space(settings: Settings) -> spaces.Space[Any]:
    """Kicks, shape (electrodes,), or indices of the levels where there are some."""
    n_electrodes, bound = settings.model.n_electrodes, _largest_action(settings)
    if settings.levels is None:
        return spaces.Box(-bound, bound, (n_electrodes,), np.float32)
    if n_electrodes == 1:
        return spaces.Discrete(len(settings.levels))
    return spaces.MultiDiscrete(n_electrodes * [len(settings.levels)])


def observation_space(settings: Settings) -> spaces.Box:
    """The windows one after the other, each signal within its limits, and last the countdown."""
    x_low, x_high, y_low, y_high = settings.limits
    n_sensors, n_electrodes = settings.model.n_sensors, settings.model.n_electrodes
    bound = _largest_action(settings)
    ranges = {
        "x": n_sensors * [(x_low, x_high)],
        "y": n_sensors * [(y_low, y_high)],
        "action": n_electrodes * [(-bound, bound)],
    }
    rows = [row for name in settings.signals if name in ranges for row in ranges[name]]
    low, high = (np.repeat([row[end] for row in rows], settings.seen_steps) for end in (0, 1))
    if "countdown" in settings.signals:
        low, high = np.append(low, 0.0), np.append(high, settings.delivery.longest_wait)
    dtype = np.dtype(settings.dtype)
    return spaces.Box(low.astype(dtype), high.astype(dtype), dtype=dtype.type)


def checked_actions(settings: Settings, num_envs: int, actions: ArrayLike) -> NDArray[np.float64]:
    """The kicks that these actions ask for, shape (envs, electrodes).

    Args:
        settings: What the environments are made of.
        num_envs: How many there are.
        actions: Shape (envs, electrodes); one axis is enough where there is one environment or
            one electrode. Indices of levels are whole numbers.

    Raises:
        ValueError: If the shape is another or an action is not in the action space.
    """
    given = np.asarray(actions)
    shape = (num_envs, settings.model.n_electrodes)
    if given.shape != shape and not (1 in shape and given.shape == (max(shape),)):
        raise ValueError(
            f"actions must have shape {shape}, one kick per environment and electrode, "
            f"got {given.shape}"
        )
    given = given.reshape(shape)
    if settings.levels is not None:
        levels = np.asarray(settings.levels, dtype=float)
        if given.dtype.kind not in "iu" or not np.isin(given, np.arange(len(levels))).all():
            raise ValueError(
                f"actions must be whole numbers in [0, {len(levels)}), indices of the levels, "
                f"got {given.reshape(-1).tolist()}"
            )
        return np.asarray(levels[given.astype(np.int64)])
    values = given.astype(np.float64)
    admitted = np.abs(values) <= _largest_action(settings)
    if not admitted.all():
        member, electrode = np.argwhere(~admitted)[0]
        raise ValueError(
            f"actions must be finite and in [-{settings.max_kick}, {settings.max_kick}] "
            f"(max_kick), got {values[member, electrode]} for environment {member}"
        )
    return values


def nearest_actions(
    kicks: NDArray[Any],
    shape: tuple[int, int],
    levels: Sequence[float] | None = None,
    max_kick: float | None = None,
) -> NDArray[Any]:
    """The actions that come nearest to a controller's kicks.

    Args:
        kicks: What the controller gave, of ``shape`` or any other of that size.
        shape: (envs, electrodes).
        levels: The only kicks that there are, if the actions are indices of levels.
        max_kick: Kicks are clipped to this absolute value; None to leave them as they are.

    Returns:
        Kicks, or indices of the nearest levels, of ``shape``.

    Raises:
        ValueError: If there is not one kick per environment and electrode.
    """
    if np.size(kicks) != shape[0] * shape[1]:
        raise ValueError(
            f"a controller must give kicks of shape {shape}, one per ensemble and electrode, "
            f"got {np.shape(kicks)}"
        )
    asked = np.reshape(kicks, shape)
    if max_kick is not None:
        asked = np.clip(asked, -max_kick, max_kick)
    if levels is None:
        return asked
    return np.asarray(np.abs(np.asarray(levels) - asked[..., None]).argmin(axis=-1))


def _largest_action(settings: Settings) -> float:
    """``max_kick`` in the action space's float32, which rounds it, perhaps upwards."""
    return float(np.float32(settings.max_kick))
