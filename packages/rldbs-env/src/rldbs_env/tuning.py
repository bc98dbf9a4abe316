"""A scan that tunes linear feedback to a model, to a window and to what charge may cost."""

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import gymnasium
import numpy as np
from gymnasium.vector import VectorEnv
from numpy.typing import NDArray

from rldbs_env.feedback import deviation
from rldbs_env.settings import Settings
from rldbs_env.vector import DBSVectorEnv

__all__ = ["GAINS", "Trial", "Tuned", "tune_linear"]

GAINS = (-1.0, -0.3, -0.1, -0.03, -0.01, 0.0, 0.01, 0.03, 0.1, 0.3, 1.0)
"""Gains of the first scan: both signs, half a decade apart."""

_AROUND = (0.5, 0.7, 1.0, 1.4, 2.0)
_CYCLES = 30
_QUENCH_CYCLES = 2


@dataclass(frozen=True)
class Trial:
    """One pair of gains: means over ensembles and over the second half of control.

    Attributes:
        gain_x: In kick per unit of X.
        gain_y: In kick per unit of Y.
        residual_std: Std of X.
        charge: Sum of the absolute kicks that were delivered, per environment step.
        reward: The environment's reward per step.
        cost: ``residual_std^2 + charge_weight * charge``; infinite where an ensemble diverged or
            was quenched (fewer than 0.9 of its neurons have a third of the std of free ones),
            which is no suppression.
    """

    gain_x: float
    gain_y: float
    residual_std: float
    charge: float
    reward: float
    cost: float


@dataclass(frozen=True)
class Tuned:
    """What `tune_linear` found.

    Attributes:
        gain_x: Best gain of X, in kick per unit of X.
        gain_y: Best gain of Y, in kick per unit of Y.
        trials: Every pair of the deciding scan, the best first.
        coarse: Every pair of the scan before it, the best first; empty if there was none.
    """

    gain_x: float
    gain_y: float
    trials: tuple[Trial, ...]
    coarse: tuple[Trial, ...] = ()


def tune_linear(
    env: gymnasium.Env[Any, Any] | VectorEnv[Any, Any, Any],
    *,
    gains_x: Sequence[float] = GAINS,
    gains_y: Sequence[float] = GAINS,
    ensembles: Sequence[int] = range(2000, 2004),
    controlled_steps: int | None = None,
    charge_weight: float = 2.0,
    refine: bool = True,
    threads: int = 1,
) -> Tuned:
    """Find the gains of `rldbs_env.feedback.LinearXYFeedback` that cost least.

    All pairs of gains act at once, each on every ensemble, in one batch of environments of the
    given one's settings; a second, finer scan goes around the best pair. By default 121 and then
    25 pairs act on four ensembles each. The given environment itself is not touched.

    Args:
        env: A `rldbs_env.DBSEnv` or `rldbs_env.DBSVectorEnv`, wrapped or not, with one electrode
            and kicks as actions. All its settings are taken, except signals, ensembles and
            length of episodes.
        gains_x: Gains of X to combine with all of ``gains_y``.
        gains_y: Gains of Y.
        ensembles: Seeds of the ensembles; report scores on others.
        controlled_steps: Environment steps of control, half of which are scored; None for thirty
            cycles of the model's rhythm. The first of two scans takes two fifths of them.
        charge_weight: Price of charge in the cost; the default is that of the published reward.
        refine: Whether to scan a second time; if not, the pairs given are all that is tried.
        threads: Threads that share the environments.

    Raises:
        TypeError: If ``env`` is none of this package's.
        ValueError: If an argument is out of range, or no pair left all neurons active.
    """
    settings = getattr(env.unwrapped, "settings", None)
    if not isinstance(settings, Settings):
        raise TypeError(f"env must be a DBSEnv or a DBSVectorEnv, got {env!r}")
    grid_x, grid_y = _gains("gains_x", gains_x), _gains("gains_y", gains_y)
    if not len(ensembles):
        raise ValueError("ensembles must hold at least one seed, got none")
    if not (math.isfinite(charge_weight) and charge_weight >= 0):
        raise ValueError(f"charge_weight must be finite and at least 0, got {charge_weight}")
    cycle = _cycle_steps(settings)
    n_steps = math.ceil(_CYCLES * cycle) if controlled_steps is None else controlled_steps
    least = math.ceil(2 * _QUENCH_CYCLES * cycle)
    if n_steps < least:
        raise ValueError(
            f"controlled_steps must be at least {least} (four cycles, to see whether the neurons "
            f"go on), got {n_steps}"
        )

    active_std = _free_std(settings, ensembles) / 3

    def scan(of_x: list[float], of_y: list[float], steps: int) -> tuple[Trial, ...]:
        pairs = list(itertools.product(of_x, of_y))
        gains = np.repeat(np.array(pairs), len(ensembles), axis=0)
        env = _batch(settings, ensembles, len(pairs), threads)
        outcome = _control(env, gains, steps, active_std)
        cost = outcome.residual_std**2 + charge_weight * outcome.charge
        cost[outcome.failed] = math.inf
        columns = (outcome.residual_std, outcome.charge, outcome.reward, cost)
        means = [column.reshape(len(pairs), -1).mean(axis=1) for column in columns]
        trials = [Trial(*map(float, row)) for row in np.column_stack([pairs, *means])]
        return tuple(sorted(trials, key=lambda trial: trial.cost))

    if not refine:
        trials = scan(grid_x, grid_y, n_steps)
        return Tuned(*_best(trials), trials)
    coarse = scan(grid_x, grid_y, max(2 * n_steps // 5, least))
    best_x, best_y = _best(coarse)
    trials = scan(_near(best_x, grid_x), _near(best_y, grid_y), n_steps)
    return Tuned(*_best(trials), trials, coarse)


def _gains(name: str, values: Sequence[float]) -> list[float]:
    gains = [float(value) for value in values]
    if not gains or not all(math.isfinite(gain) for gain in gains):
        raise ValueError(f"{name} must hold at least one finite gain, got {gains}")
    return list(dict.fromkeys(gains))


def _cycle_steps(settings: Settings) -> float:
    """Environment steps in one cycle of the free rhythm."""
    return settings.model.period_steps / len(settings.shape.weights)


def _near(gain: float, grid: Sequence[float]) -> list[float]:
    """Gains around one of a grid, itself among them."""
    if gain != 0:
        near = [gain * factor for factor in _AROUND]
    else:
        smallest = min((abs(other) for other in grid if other != 0), default=0.0)
        near = [part * smallest for part in (0.0, -0.5, -0.25, 0.25, 0.5)]
    return list(dict.fromkeys(float(f"{value:.3g}") for value in near))


def _best(ranked: Sequence[Trial]) -> tuple[float, float]:
    if math.isinf(ranked[0].cost):
        raise ValueError(
            "gains_x and gains_y must hold a pair that leaves the neurons active, but all of "
            f"{len(ranked)} pairs quenched an ensemble or drove it out of bounds: take smaller ones"
        )
    return ranked[0].gain_x, ranked[0].gain_y


def _batch(
    settings: Settings, ensembles: Sequence[int], repeats: int, threads: int
) -> DBSVectorEnv:
    """Environments of these settings that see X and Y: all ensembles, then all of them again."""
    arguments = {entry.name: getattr(settings, entry.name) for entry in fields(settings)}
    arguments |= {"signals": ("x", "y"), "episode_steps": None, "ensemble": tuple(ensembles)}
    env = DBSVectorEnv(repeats * len(ensembles), threads=threads, **arguments)
    if env.single_action_space.shape != (1,):
        raise ValueError(
            "env must have one electrode and kicks as actions, got the action space "
            f"{env.single_action_space}"
        )
    return env


def _start(env: DBSVectorEnv) -> NDArray[Any]:
    """Reset with one seed for all: an ensemble begins at the same phase under every pair."""
    ensembles = np.array(env.settings.ensemble)
    repeats = env.num_envs // len(ensembles)
    return env.reset(seed=[0] * env.num_envs, options={"ensemble": np.tile(ensembles, repeats)})[0]


class _Activity:
    """The std of every neuron's x over the last cycles of a run, from snapshots."""

    def __init__(self, env: DBSVectorEnv, n_steps: int) -> None:
        cycle = _cycle_steps(env.settings)
        self._env = env
        self._from = n_steps - math.ceil(_QUENCH_CYCLES * cycle)
        self._every = math.ceil(cycle / 16)
        self._snapshots: list[NDArray[np.float32]] = []

    def look(self, step: int) -> None:
        """Take a snapshot if it is time."""
        if step >= self._from and step % self._every == 0:
            self._snapshots.append(self._env.neurons[:, 0].astype(np.float32))

    @property
    def std(self) -> NDArray[np.float32]:
        """Shape (envs, neurons)."""
        return np.asarray(np.std(self._snapshots, axis=0))


def _free_std(settings: Settings, ensembles: Sequence[int]) -> float:
    """Median std of a neuron's x without stimulation."""
    env = _batch(settings, ensembles, 1, 1)
    _start(env)
    n_steps = math.ceil(_QUENCH_CYCLES * _cycle_steps(settings))
    activity = _Activity(env, n_steps)
    for step in range(n_steps):
        env.step(np.zeros(env.num_envs))
        activity.look(step)
    env.close()
    return float(np.median(activity.std))


@dataclass(frozen=True)
class _Outcome:
    """What gains did to each environment of a batch; all of shape (envs,)."""

    residual_std: NDArray[np.float64]
    charge: NDArray[np.float64]
    reward: NDArray[np.float64]
    failed: NDArray[np.bool_]


def _control(
    env: DBSVectorEnv, gains: NDArray[np.float64], n_steps: int, active_std: float
) -> _Outcome:
    """Apply each environment's pair of gains, shape (envs, 2), and score the second half."""
    settings, num_envs = env.settings, env.num_envs
    mean_x, charge, reward = (np.zeros((n_steps, num_envs)) for _ in range(3))
    failed = np.zeros(num_envs, np.bool_)
    activity = _Activity(env, n_steps)
    observation = _start(env)
    for step in range(n_steps):
        kicks = (gains * deviation(observation.reshape(num_envs, 2, -1))).sum(axis=1)
        kicks = np.clip(np.where(failed, 0.0, kicks), -settings.max_kick, settings.max_kick)
        kicks = kicks.astype(np.float32)  # as the controller's are
        observation, reward[step], terminated, _, info = env.step(kicks)
        mean_x[step], charge[step] = info["mean_x"], info["charge"]
        failed |= terminated
        activity.look(step)
    env.close()
    failed |= (activity.std > active_std).mean(axis=1) < 0.9
    scored = slice(n_steps // 2, None)
    return _Outcome(
        mean_x[scored].std(axis=0),
        charge[scored].mean(axis=0),
        reward[scored].mean(axis=0),
        failed,
    )
