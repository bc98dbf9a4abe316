"""A batch of ensembles under closed-loop stimulation: what every environment here is made of."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from gymnasium import spaces
from numpy.typing import ArrayLike, NDArray

from rldbs_env import kernels
from rldbs_env.arrays import Flags, Indices
from rldbs_env.ensembles import settled_ensembles
from rldbs_env.parallel import Threads
from rldbs_env.reward import QuadraticReward
from rldbs_env.settings import SIGNALS, Settings

__all__ = ["Batch"]

_STATE = (
    "state", "currents", "mean_field", "parameters", "windows", "heads", "sums", "steps",
    "ensemble_seeds",
)  # fmt: skip


class Batch:
    """Arrays of ``n`` independent ensembles, advanced together by one compiled call.

    Attributes:
        state: Shape (envs, n_variables, n_neurons).
        mean_field: X and Y, shape (envs, 2).
        observations, rewards, charges, terminated, truncated: Results of the last step, the
            leading axis being envs; overwritten by the next step.
        ensemble_seeds: Seed of each environment's ensemble, shape (envs,).
    """

    def __init__(self, n: int, settings: Settings, threads: int = 1) -> None:
        self.settings = settings
        model, window = settings.model, settings.window
        dtype = np.dtype(settings.dtype)
        self.state = np.zeros((n, len(model.variables), settings.n_neurons), dtype)
        self.currents = np.zeros((n, settings.n_neurons), dtype)
        self.mean_field = np.zeros((n, 2), dtype)
        self.parameters = np.tile(model.parameters(dtype), (n, 1))
        self.windows = np.zeros((n, len(SIGNALS), 2 * window), dtype)
        self.heads: Indices = np.zeros(n, np.int64)
        self.sums = np.zeros(n)
        self.steps: Indices = np.zeros(n, np.int64)
        self.ensemble_seeds: Indices = np.full(n, -1, np.int64)
        self.rngs = [np.random.default_rng() for _ in range(n)]

        self.observations = np.zeros((n, len(settings.signals) * window), dtype)
        self.rewards = np.zeros(n)
        self.charges = np.zeros(n)
        self.terminated: Flags = np.zeros(n, np.bool_)
        self.truncated: Flags = np.zeros(n, np.bool_)

        self._members: Indices = np.arange(n)
        self._threads = Threads(threads, settings.n_neurons, dtype)
        self._pulse = np.array(settings.pulse, dtype=float)
        self._signals: Indices = np.array([SIGNALS.index(name) for name in settings.signals])
        self._limits = np.array(model.limits(settings.max_kick), dtype)
        self._episode_steps = settings.episode_steps or 0
        # a subclass may pay otherwise: only the formula itself is known to the kernel
        formula = settings.reward if type(settings.reward) is QuadraticReward else None
        self._reward_in_kernel = formula is not None
        formula = formula or QuadraticReward()
        target = np.nan if formula.target is None else formula.target
        self._reward_terms = np.array(
            [formula.weight, target, formula.penalty, settings.divergence_reward]
        )
        # The float32 action space rounds the bound, perhaps upwards.
        self._max_action = float(np.float32(settings.max_kick))

    def __len__(self) -> int:
        return len(self._members)

    def action_space(self) -> spaces.Box:
        """Space of one environment's action, shape (1,)."""
        bound = self._max_action
        return spaces.Box(-bound, bound, (1,), np.float32)

    def observation_space(self) -> spaces.Box:
        """Space of one environment's observation, shape (signals * window,)."""
        x_low, x_high, y_low, y_high = self._limits
        kick = self._max_action
        low = {"x": x_low, "y": y_low, "action": -kick}
        high = {"x": x_high, "y": y_high, "action": kick}
        names, window = self.settings.signals, self.settings.window
        return spaces.Box(
            np.repeat([low[name] for name in names], window).astype(self.settings.dtype),
            np.repeat([high[name] for name in names], window).astype(self.settings.dtype),
            dtype=np.dtype(self.settings.dtype).type,
        )

    def check_actions(self, actions: ArrayLike) -> NDArray[np.float64]:
        """Actions of all environments as an array of shape (envs,), or a ValueError."""
        values = np.asarray(actions, dtype=np.float64)
        if values.shape not in ((len(self), 1), (len(self),)):
            raise ValueError(
                f"actions must have shape ({len(self)}, 1), one kick per environment, "
                f"got {values.shape}"
            )
        values = values.reshape(-1)
        if not (np.abs(values) <= self._max_action).all():
            first = int(np.argmin(np.abs(values) <= self._max_action))
            raise ValueError(
                f"actions must be finite and in [-{self.settings.max_kick}, "
                f"{self.settings.max_kick}] (max_kick), got {values[first]} for environment {first}"
            )
        return values

    def step(self, actions: NDArray[np.float64]) -> None:
        """Apply checked actions, shape (envs,), and fill the result arrays."""
        self._threads.run(
            kernels.advance,
            self._members,
            self.state,
            self.currents,
            self.mean_field,
            self.parameters,
            self.windows,
            self.heads,
            self.sums,
            self.steps,
            actions,
            self._pulse,
            self._limits,
            self._reward_terms,
            self._episode_steps,
            self._signals,
            self.observations,
            self.rewards,
            self.charges,
            self.terminated,
            self.truncated,
        )
        if not self._reward_in_kernel:
            self._pay()

    def _pay(self) -> None:
        """Ask a reward that the kernel does not know, on copies of what it may look at."""
        mean_x, charges = self.mean_field[:, 0].copy(), self.charges.copy()
        paid = np.asarray(self.settings.reward(mean_x, self.window_means, charges), dtype=float)
        if paid.shape != (len(self),) or not np.isfinite(paid).all():
            raise ValueError(
                f"reward must return {len(self)} finite numbers, shape ({len(self)},), got {paid!r}"
            )
        self.rewards[:] = np.where(self.terminated, self.settings.divergence_reward, paid)

    @property
    def window_means(self) -> NDArray[np.float64]:
        """Mean of X over each window, shape (envs,)."""
        return self.sums / self.settings.window

    def seed(self, member: int, rng: np.random.Generator) -> None:
        """Give one environment its generator; a fixed ensemble is drawn anew at its next reset."""
        self.rngs[member] = rng
        self.ensemble_seeds[member] = -1

    def reset(self, members: Indices, options: Mapping[str, Any] | None = None) -> None:
        """Start a new episode in these environments.

        Args:
            members: Which environments, shape (m,).
            options: ``{"ensemble": seed}``, or one seed per member, names the ensemble to use.

        Raises:
            ValueError: If an option is unknown or names no ensemble, or the free ensemble leaves
                the limits of the observation.
        """
        settings = self.settings
        chosen = self._chosen_ensembles(members, options)
        ensembles = settled_ensembles(
            settings.model,
            settings.n_neurons,
            chosen,
            transient_steps=settings.settle_steps,
            dtype=settings.dtype,
            threads=self._threads.count,
            remember=settings.ensemble != "resample" or bool(options),
        )
        roll = np.zeros(len(self), np.int64)
        for member, seed, ensemble in zip(members, chosen, ensembles, strict=True):
            self.ensemble_seeds[member] = seed
            self.state[member] = ensemble.state
            self.currents[member] = ensemble.currents
            self.mean_field[member] = ensemble.mean_field
            if settings.settle_steps:
                roll[member] = self.rngs[member].integers(settings.model.period_steps)
        arrays = (self.state, self.currents, self.mean_field, self.parameters)
        self._threads.run(kernels.drift, members, *arrays, roll)
        self._threads.run(
            kernels.fill_windows, members, *arrays, self.windows, self.heads, self.sums
        )
        self.steps[members] = 0
        self.terminated[members] = False
        self.truncated[members] = False
        self._check_limits(members)
        self.observe(members)

    def _check_limits(self, members: Indices) -> None:
        low, high = self._limits[0::2, None], self._limits[1::2, None]
        filled = self.windows[members, :2, : self.settings.window]
        if not ((filled >= low) & (filled <= high)).all():  # false for NaN as well
            raise ValueError(
                f"a free ensemble must stay within {self._limits.tolist()}, but a mean field left "
                f"these limits under {self.settings.model}: take a smaller dt, coupling, spread or "
                "mean_current"
            )

    def observe(self, members: Indices) -> None:
        """Write these members' windows, oldest sample first, into ``observations``."""
        for member in members:
            head = self.heads[member]
            window = self.windows[member, self._signals, head : head + self.settings.window]
            self.observations[member] = window.reshape(-1)

    def _chosen_ensembles(self, members: Indices, options: Mapping[str, Any] | None) -> list[int]:
        unknown = set(options or {}) - {"ensemble"}
        if unknown:
            raise ValueError(f"reset takes the option 'ensemble', got {sorted(unknown)}")
        if options:
            seeds = np.asarray(options["ensemble"])
            if (
                seeds.dtype.kind != "i"
                or seeds.shape not in ((), (len(members),))
                or (seeds < 0).any()
            ):
                raise ValueError(
                    "option 'ensemble' must be a whole number of at least 0, or one per "
                    f"environment, got {options['ensemble']!r}"
                )
            return [int(seed) for seed in np.broadcast_to(seeds, (len(members),))]
        return [self._next_ensemble(int(member)) for member in members]

    def _next_ensemble(self, member: int) -> int:
        rule, rng = self.settings.ensemble, self.rngs[member]
        if rule == "resample" or (rule == "fixed" and self.ensemble_seeds[member] < 0):
            return int(rng.integers(2**63))
        if rule == "fixed":
            return int(self.ensemble_seeds[member])
        return int(rule[int(rng.integers(len(rule)))])

    def get_state(self) -> dict[str, Any]:
        """Everything that the future depends on, as copies: arrays, and the generators' states."""
        arrays = {name: getattr(self, name).copy() for name in _STATE}
        return arrays | {"rngs": [rng.bit_generator.state for rng in self.rngs]}

    def set_state(self, state: Mapping[str, Any]) -> None:
        """Continue exactly from what `get_state` returned, and observe it.

        Raises:
            ValueError: If it comes from an environment with another model or of other shapes, or
                holds no running episode; nothing is changed then.
        """
        wanted = {name: getattr(self, name) for name in _STATE}
        if set(state) != {*wanted, "rngs"} or len(state["rngs"]) != len(self):
            raise ValueError(
                f"state must hold {', '.join(wanted)} and rngs as get_state gives them"
            )
        for name, array in wanted.items():
            value = np.asarray(state[name])
            if value.shape != array.shape or value.dtype != array.dtype:
                raise ValueError(
                    f"state[{name!r}] must be {array.dtype} of shape {array.shape}, "
                    f"got {value.dtype} of shape {value.shape}: same settings are needed"
                )
        if not np.array_equal(state["parameters"], self.parameters):
            raise ValueError(f"state must come from {self.settings.model}, got another model's")
        if (state["ensemble_seeds"] < 0).any() or not np.isfinite(state["mean_field"]).all():
            raise ValueError("state must be that of a running episode, got none or a diverged one")
        rngs = [np.random.Generator(type(rng.bit_generator)()) for rng in self.rngs]
        try:
            for rng, saved in zip(rngs, state["rngs"], strict=True):
                rng.bit_generator.state = saved
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"state['rngs'] must hold states of generators: {error}") from error
        for name, array in wanted.items():
            array[...] = state[name]
        self.rngs = rngs
        self.terminated[:] = False
        self.truncated[:] = False
        self.observe(self._members)

    def close(self) -> None:
        """End the threads, if there were any."""
        self._threads.close()
