"""A batch of ensembles under closed-loop stimulation: what every environment here is made of."""

from collections.abc import Mapping
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rldbs_env.arrays import Array, Flags, Indices
from rldbs_env.chance import chaos_of
from rldbs_env.delivery import Deliverer
from rldbs_env.disturbances import Conditions, Variety
from rldbs_env.ensembles import Ensemble, settled_ensembles
from rldbs_env.kernels import Kernels, kernels_of
from rldbs_env.oscillators import Model
from rldbs_env.parallel import Threads
from rldbs_env.prelude import suppressed_ensembles
from rldbs_env.reward import QuadraticReward
from rldbs_env.settings import Settings

__all__ = ["Batch"]

_STATE = (
    "state", "sizes", "currents", "fields", "parameters", "chaos", "windows", "heads", "sums",
    "measurement", "couplings", "keys", "steps", "ensemble_seeds",
)  # fmt: skip


class Batch:
    """Arrays of ``n`` independent ensembles, advanced together by one compiled call.

    Attributes:
        state: Shape (envs, n_variables, n_neurons).
        fields: X and Y of each sensor, shape (envs, 2, sensors).
        observations, rewards, charges, terminated, truncated: Results of the last step, the
            leading axis being envs; overwritten by the next step.
        delivered: Action of each electrode in the last step, after rules of delivery, disturbances
            and clipping, shape (envs, electrodes); the pulse multiplies it.
        ensemble_seeds: Seed of each environment's ensemble, shape (envs,).
    """

    def __init__(self, n: int, settings: Settings, threads: int = 1) -> None:
        self.settings = settings
        model, window = settings.model, settings.window_steps
        n_sensors, n_electrodes = model.n_sensors, model.n_electrodes
        dtype = np.dtype(settings.dtype)
        self.state = np.zeros((n, len(model.variables), settings.n_neurons), dtype)
        self.sizes: Indices = np.full(n, settings.n_neurons)
        self.currents = np.zeros((n, settings.n_neurons), dtype)
        self.fields = np.zeros((n, 2, n_sensors), dtype)
        self.parameters = np.tile(model.parameters(dtype), (n, 1))
        self.chaos = np.zeros((n, 4), np.uint64)
        self.windows = np.zeros((n, 3 * n_sensors + n_electrodes, 2 * window), dtype)
        self.heads: Indices = np.zeros(n, np.int64)
        self.sums = np.zeros((n, n_sensors))
        self.measurement = np.tile(np.array([1.0, 0.0], dtype), (n, 1))
        self.couplings = np.full(n, model.coupling)
        self.keys = np.zeros(n, np.uint64)
        self.steps: Indices = np.zeros(n, np.int64)
        self.ensemble_seeds: Indices = np.full(n, -1, np.int64)
        self.rngs = [np.random.default_rng() for _ in range(n)]

        rows = {
            "x": range(n_sensors),
            "y": range(n_sensors, 2 * n_sensors),
            "action": range(2 * n_sensors, 2 * n_sensors + n_electrodes),
        }
        seen = [row for name in settings.signals for row in rows.get(name, ())]
        self._rows: Indices = np.array(seen, np.int64)
        self._counts_down = "countdown" in settings.signals
        self.kicks = np.zeros((n, n_electrodes), dtype)
        n_features = len(seen) * settings.seen_steps + self._counts_down
        self.observations = np.zeros((n, n_features), dtype)
        self.rewards = np.zeros(n)
        self.charges = np.zeros(n)
        self.delivered = np.zeros((n, n_electrodes))
        self.terminated: Flags = np.zeros(n, np.bool_)
        self.truncated: Flags = np.zeros(n, np.bool_)

        self._members: Indices = np.arange(n)
        noise = settings.variety.widest(model).parameters(dtype)[3]
        self._noisy = bool(noise > 0 or settings.disturbances)
        self._wiring = model.wiring(settings.n_neurons, dtype)
        self._threads = Threads(threads, (model.n_work, settings.n_neurons), dtype)
        self._pulse = np.array(settings.shape.weights)
        self._deliverer = Deliverer(
            settings.delivery, n, n_electrodes, settings.shape, model.period_steps
        )
        self._limits = np.array(settings.limits, dtype)
        self._episode_steps = settings.episode_steps or 0
        # a subclass may pay otherwise: only the formula itself is known to the kernel
        formula = settings.reward if type(settings.reward) is QuadraticReward else None
        self._reward_in_kernel = formula is not None
        formula = formula or QuadraticReward()
        target = np.nan if formula.target is None else formula.target
        self._reward_terms = np.array(
            [formula.weight, target, formula.penalty, settings.divergence_reward]
        )

    def __len__(self) -> int:
        return len(self._members)

    @cached_property
    def _kernels(self) -> Kernels:
        return kernels_of(self.settings.model.step())

    def __getstate__(self) -> dict[str, Any]:
        """Compiled kernels are found again where this is unpickled."""
        return {name: value for name, value in self.__dict__.items() if name != "_kernels"}

    @property
    def mean_field(self) -> Array:
        """X and Y averaged over the sensors, shape (envs, 2)."""
        if self.fields.shape[2] == 1:
            return self.fields[:, :, 0]
        return np.asarray(self.fields.mean(axis=2))

    @property
    def sub_step_x(self) -> Array:
        """X at the sub-steps of the last step that the window holds, shape (envs, sub-steps)."""
        if len(self._pulse) == 1:
            return self.mean_field[:, :1].copy()
        length = self.settings.window_steps
        n_last = min(len(self._pulse), length)
        last = self.heads[:, None] + length - n_last + np.arange(n_last)
        true = self.windows[:, -self.fields.shape[2] :]
        return np.asarray(np.take_along_axis(true, last[:, None], axis=2).mean(axis=1))

    def step(self, actions: NDArray[np.float64]) -> None:
        """Apply checked actions, shape (envs, electrodes), and fill the result arrays."""
        if self._deliverer.active:
            actions = self._deliverer.deliver(actions)
        settings = self.settings
        if settings.disturbances:
            conditions = self._disturb()
            actions = (actions + conditions.kick[:, None]) * conditions.reach[:, None]
            actions = np.clip(actions, -settings.max_kick, settings.max_kick)
        self.delivered = actions
        self._threads.run(
            self._kernels.advance,
            self._members,
            self.sizes,
            self.state,
            self.currents,
            self.fields,
            self.parameters,
            self._wiring,
            self.chaos,
            self.windows,
            self.heads,
            self.sums,
            self.measurement,
            self.steps,
            actions,
            self.kicks,
            self._pulse,
            self._limits,
            self._reward_terms,
            self._episode_steps,
            self._rows,
            self.settings.stride,
            self.observations,
            self.rewards,
            self.charges,
            self.terminated,
            self.truncated,
        )
        if self._counts_down:
            self.observations[:, -1] = self._deliverer.countdown
        if not self._reward_in_kernel:
            self._pay()

    def _disturb(self) -> Conditions:
        """Put the conditions of this moment into the numbers of the step and the sensors."""
        conditions = Conditions(self.keys, self.steps * len(self._pulse))
        for disturbance in self.settings.disturbances:
            disturbance.apply(conditions)
        self.parameters[:, 0] = self.couplings * conditions.coupling
        self.parameters[:, 2] = conditions.shift
        self.measurement[:, 0] = conditions.gain
        self.measurement[:, 1] = conditions.noise
        return conditions

    def _pay(self) -> None:
        """Ask a reward that the kernel does not know, on copies of what it may look at."""
        paid, n_sensors = np.zeros(len(self)), self.fields.shape[2]
        for sensor in range(n_sensors):
            one = np.asarray(
                self.settings.reward(
                    self.fields[:, 0, sensor].copy(),
                    self.window_means[:, sensor],
                    self.charges.copy(),
                ),
                dtype=float,
            )
            if one.shape != (len(self),) or not np.isfinite(one).all():
                raise ValueError(
                    f"reward must return {len(self)} finite numbers, shape ({len(self)},), "
                    f"got {one!r}"
                )
            paid += one / n_sensors
        self.rewards[:] = np.where(self.terminated, self.settings.divergence_reward, paid)

    @property
    def window_means(self) -> NDArray[np.float64]:
        """Mean of X over each sensor's window, shape (envs, sensors)."""
        return self.sums / self.settings.window_steps

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
        roll = np.zeros(len(self), np.int64)
        for member, seed, ensemble in zip(
            members, chosen, self._ensembles(members, chosen, bool(options)), strict=True
        ):
            n = len(ensemble.currents)
            self.ensemble_seeds[member], self.sizes[member] = seed, n
            self.state[member, :, :n] = ensemble.state
            self.currents[member, :n] = ensemble.currents
            self.fields[member] = ensemble.fields
            if settings.settle_steps:
                roll[member] = self.rngs[member].integers(settings.model.period_steps)
            if self._noisy:
                self.chaos[member] = chaos_of(self.rngs[member])
        self.steps[members] = 0
        self.charges[members] = 0.0
        self.delivered[members] = 0.0
        self._deliverer.reset(members)
        if settings.disturbances:
            self.keys[members] = self.chaos[members, 0]
            self._disturb()
        arrays = (
            self.sizes, self.state, self.currents, self.fields, self.parameters, self._wiring,
            self.chaos, np.zeros_like(self.kicks[0]),
        )  # fmt: skip
        self._threads.run(self._kernels.drift, members, *arrays, roll)
        self._threads.run(
            self._kernels.fill_windows,
            members,
            *arrays,
            self.windows,
            self.heads,
            self.sums,
            self.measurement,
            self._limits,
        )
        self.terminated[members] = False
        self.truncated[members] = False
        self._check_limits(members)
        self.observe(members)

    def _ensembles(self, members: Indices, seeds: list[int], named: bool) -> list[Ensemble]:
        """The ensembles of these seeds; where models vary, they are drawn and noted here."""
        settings, dtype = self.settings, self.settings.dtype
        remember = settings.ensemble != "resample" or named

        def begun(model: Model, n_neurons: int, some: list[int]) -> list[Ensemble]:
            if settings.prelude is not None:
                return suppressed_ensembles(settings, model, n_neurons, some, remember=remember)
            return settled_ensembles(
                model,
                n_neurons,
                some,
                transient_steps=settings.settle_steps,
                dtype=dtype,
                threads=self._threads.count,
                remember=remember,
            )

        if settings.variety == Variety():
            return begun(settings.model, settings.n_neurons, seeds)
        ensembles = []
        for member, seed in zip(members, seeds, strict=True):
            model, n_neurons = settings.variety.draw(
                settings.model, settings.n_neurons, self.rngs[member]
            )
            self.parameters[member] = model.parameters(dtype)
            self.couplings[member] = model.coupling
            ensembles += begun(model, n_neurons, [seed])
        return ensembles

    def _check_limits(self, members: Indices) -> None:
        x_low, x_high, y_low, y_high = self._limits
        x = self.windows[members, -self.fields.shape[2] :, : self.settings.window_steps]
        y = self.fields[members, 1]
        inside = ((x >= x_low) & (x <= x_high)).all() and ((y >= y_low) & (y <= y_high)).all()
        if not inside:  # NaN is not inside either
            raise ValueError(
                f"a free ensemble must stay within {self._limits.tolist()}, but a mean field left "
                f"these limits under {self.settings.model}: take a smaller dt, coupling, spread or "
                "mean_current"
            )

    def observe(self, members: Indices) -> None:
        """Write these members' windows, oldest sample first, into ``observations``."""
        length, stride = self.settings.window_steps, self.settings.stride
        for member in members:
            head = self.heads[member]
            seen = slice(head + (length - 1) % stride, head + length, stride)
            windows = self.windows[member, self._rows, seen].reshape(-1)
            self.observations[member, : windows.size] = windows
        if self._counts_down:
            self.observations[members, -1] = self._deliverer.countdown[members]

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
        arrays |= {f"delivery.{k}": v for k, v in self._deliverer.get_state().items()}
        return arrays | {"rngs": [rng.bit_generator.state for rng in self.rngs]}

    def set_state(self, state: Mapping[str, Any]) -> None:
        """Continue exactly from what `get_state` returned, and observe it.

        Raises:
            ValueError: If it comes from an environment with another model or of other shapes, or
                holds no running episode; nothing is changed then.
        """
        wanted = {name: getattr(self, name) for name in _STATE}
        delivery = {f"delivery.{name}" for name in self._deliverer.get_state()}
        if set(state) != {*wanted, *delivery, "rngs"} or len(state["rngs"]) != len(self):
            raise ValueError(
                f"state must hold {', '.join([*wanted, *delivery])} and rngs, {len(self)} of these"
                f", as get_state gives them, got {', '.join(state)}"
            )
        for name, array in wanted.items():
            value = np.asarray(state[name])
            if value.shape != array.shape or value.dtype != array.dtype:
                raise ValueError(
                    f"state[{name!r}] must be {array.dtype} of shape {array.shape}, "
                    f"got {value.dtype} of shape {value.shape}: same settings are needed"
                )
        if self.settings.variety == Variety():
            told, here = (
                np.delete(one, [0, 2], 1) for one in (state["parameters"], self.parameters)
            )
            # coupling and shift, which drift under disturbances, are left out
            same = np.array_equal(told, here) and np.array_equal(state["couplings"], self.couplings)
            if not same:
                raise ValueError(f"state must come from {self.settings.model}, got another model's")
        if (state["ensemble_seeds"] < 0).any() or not np.isfinite(state["fields"]).all():
            raise ValueError("state must be that of a running episode, got none or a diverged one")
        rngs = [np.random.Generator(type(rng.bit_generator)()) for rng in self.rngs]
        try:
            for rng, saved in zip(rngs, state["rngs"], strict=True):
                rng.bit_generator.state = saved
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"state['rngs'] must hold states of generators: {error}") from error
        self._deliverer.set_state({k.removeprefix("delivery."): state[k] for k in delivery})
        for name, array in wanted.items():
            array[...] = state[name]
        self.rngs = rngs
        self.terminated[:] = False
        self.truncated[:] = False
        self.observe(self._members)

    def close(self) -> None:
        """End the threads, if there were any."""
        self._threads.close()
