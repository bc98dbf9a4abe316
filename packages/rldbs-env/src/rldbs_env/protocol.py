"""The three-phase test of a controller: free, controlled, free again, on many ensembles."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from rldbs_env.arrays import Indices
from rldbs_env.catalogue import id_of, make_model, name_of, settings_of
from rldbs_env.controllers import Controller
from rldbs_env.delivery import Delivery
from rldbs_env.disturbances import Disturbance, Variety
from rldbs_env.interface import nearest_actions
from rldbs_env.models import BonhoefferVanDerPol
from rldbs_env.oscillators import Model
from rldbs_env.pulses import Pulse, delta
from rldbs_env.reward import QuadraticReward, Reward
from rldbs_env.vector import DBSVectorEnv

__all__ = ["FIRST_UNSEEN", "NEURON_EVERY", "Protocol", "Recording", "run"]

FIRST_UNSEEN = 3000
"""Seed of the first ensemble that nothing in this package was trained, tuned or chosen by."""

NEURON_EVERY = 5
"""Steps from sample to sample of the neurons that are shown."""

_SHOWN_NEURONS = 50
_NEURON_WINDOWS = 4  # how long all neurons are watched, and about how often
_NEURON_SAMPLES = 200


@dataclass(frozen=True)
class Protocol:
    """How controllers are tested: an experiment, its ensembles and three phases.

    All steps are environment steps; one has as many RK4 steps as the pulse has weights.

    Attributes:
        model: The ensembles' model.
        n_neurons: Neurons per ensemble.
        ensembles: Seeds of the ensembles; use seeds that nothing was tuned on.
        free_steps: Steps before control, at least 4 windows (1,000).
        controlled_steps: Steps under control, at least 8 windows (2,000); the second half is
            scored.
        recovery_steps: Steps after switch-off, at least a window (250).
        transient_steps: Free RK4 steps before all this; None for as many as the model needs.
        seed: Seed of what else is random: phases at the start, disturbances, variety.
        threads: Threads that share the ensembles.
        pulse, delivery, disturbances, variety, reward, prelude, prelude_steps, dtype: As for
            `rldbs_env.DBSEnv`. With a prelude the free phase begins suppressed.
        levels: The only kicks there are, 0 among them: a controller's are rounded to the nearest.
        max_kick: Largest absolute kick, to which a controller's are clipped; None for the
            controller's own.

    Raises:
        ValueError: A number of steps is too small, an ensemble stands twice, or levels lack 0.
    """

    model: Model = field(default_factory=BonhoefferVanDerPol)
    n_neurons: int = 1000
    ensembles: Sequence[int] = tuple(range(FIRST_UNSEEN, FIRST_UNSEEN + 20))
    free_steps: int = 5000
    controlled_steps: int = 10_000
    recovery_steps: int = 5000
    transient_steps: int | None = None
    seed: int = 0
    threads: int = 1
    pulse: Pulse = field(default_factory=delta)
    delivery: Delivery = field(default_factory=Delivery)
    levels: Sequence[float] | None = None
    max_kick: float | None = None
    disturbances: Sequence[Disturbance] = ()
    variety: Variety = field(default_factory=Variety)
    reward: Reward = field(default_factory=QuadraticReward)
    prelude: Any = None
    prelude_steps: int = 5000
    dtype: str = "float64"

    def __post_init__(self) -> None:
        for name, least in (
            ("n_neurons", 1),
            ("threads", 1),
            ("free_steps", self.neuron_steps),
            ("controlled_steps", 2 * self.neuron_steps),
            ("recovery_steps", self.window_steps),
            ("seed", 0),
        ):
            value = getattr(self, name)
            if not isinstance(value, int) or value < least:
                raise ValueError(f"{name} must be a whole number of at least {least}, got {value}")
        if len(set(self.ensembles)) != len(self.ensembles) or not self.ensembles:
            raise ValueError(
                f"ensembles must hold at least one seed, each once, got {tuple(self.ensembles)}"
            )
        if self.levels is not None and 0 not in self.levels:
            raise ValueError(
                f"levels must hold 0, which is given in the free phases, got {tuple(self.levels)}"
            )

    @classmethod
    def on(
        cls,
        environment: str,
        difficulty: str = "published",
        *,
        model: Mapping[str, Any] | None = None,
        **changes: Any,
    ) -> Self:
        """The test on an environment of the catalogue.

        Args:
            environment: One of `rldbs_env.catalogue.ENVIRONMENTS`, or what is between
                ``rldbs/`` and ``-v0``.
            difficulty: One of `rldbs_env.catalogue.DIFFICULTIES`.
            model: Numbers of the environment's model to change.
            **changes: Fields of the test that replace those of the environment. The phases are
                20, 40 and 20 windows by default.

        Raises:
            ValueError: There is no such environment, difficulty or number of the model, or a
                value is out of its range.
        """
        name = id_of(environment)
        known = settings_of(name, difficulty)
        base: Any = known.get("model", BonhoefferVanDerPol())
        numbers = {entry.name: getattr(base, entry.name) for entry in fields(base)}
        try:
            changed = make_model(name_of(base), **(numbers | dict(model or {})))
        except TypeError as error:
            raise ValueError(f"{name_of(base)} cannot have {model}: {error}") from error
        units = getattr(changed, "n_units", known.get("n_neurons", cls.n_neurons))
        n_neurons = changes.pop("n_neurons", units)
        settings = settings_of(name, difficulty, model=changed, n_neurons=n_neurons)
        ours = {entry.name for entry in fields(cls)}
        chosen = {key: value for key, value in settings.items() if key in ours} | changes
        window = _window_steps(changed, chosen.get("pulse", delta()))
        phases = {"free_steps": 20, "controlled_steps": 40, "recovery_steps": 20}
        return cls(**{phase: n * window for phase, n in phases.items()} | chosen)

    @property
    def step_time(self) -> float:
        """Time units of an environment step."""
        return self.model.dt * len(self.pulse.weights)

    @property
    def cycle_steps(self) -> int:
        """Environment steps in one cycle of the free rhythm, rounded."""
        return round(self.model.period_steps / len(self.pulse.weights))

    @property
    def window_steps(self) -> int:
        """Samples over which the strength of the rhythm is taken, about a cycle and a half."""
        return _window_steps(self.model, self.pulse)

    @property
    def neuron_steps(self) -> int:
        """Last steps of a phase over which all neurons are watched, about six cycles."""
        return _NEURON_WINDOWS * self.window_steps

    @property
    def neuron_every(self) -> int:
        """Steps from sample to sample of all neurons."""
        longest = self.neuron_steps / _NEURON_SAMPLES
        return NEURON_EVERY * max(1, round(longest / NEURON_EVERY))


def _window_steps(model: Model, pulse: Pulse) -> int:
    return max(1, round(model.window / len(pulse.weights)))


@dataclass(frozen=True)
class Recording:
    """What happened to every ensemble in the three phases.

    Attributes:
        protocol: The test.
        sub_step_x: Mean field X after every RK4 step, averaged over the sensors, shape (time,
            sub-steps, ensembles).
        mean_y: Mean field Y after every step, shape (time, ensembles).
        delivered: Action of each electrode at each step as it was delivered: after rules of
            delivery, losses and noise, shape (time, ensembles, electrodes); the pulse multiplies
            it.
        rewards: Reward of each step, shape (time, ensembles).
        free_neurons, controlled_neurons: State of all neurons over the last `neuron_steps` of the
            phase, every `neuron_every`, shape (samples, ensembles, variables, neurons), float32;
            of phase oscillators cosine and sine.
        shown_x: x of some neurons of the first ensemble, every fifth step of all three phases,
            shape (samples, neurons), float32.
        diverged: Whether an ensemble left all bounds, shape (ensembles,).
        sizes: Neurons that each ensemble has; arrays are as wide as the largest.
    """

    protocol: Protocol
    sub_step_x: NDArray[np.float64]
    mean_y: NDArray[np.float64]
    delivered: NDArray[np.float64]
    rewards: NDArray[np.float64]
    free_neurons: NDArray[np.float32]
    controlled_neurons: NDArray[np.float32]
    shown_x: NDArray[np.float32]
    diverged: NDArray[np.bool_]
    sizes: Indices

    @property
    def mean_x(self) -> NDArray[np.float64]:
        """Mean field X after every step, shape (time, ensembles)."""
        return self.sub_step_x[:, -1]

    @property
    def kicks(self) -> NDArray[np.float64]:
        """Kick of each step, summed over the electrodes, shape (time, ensembles)."""
        return np.asarray(self.delivered.sum(axis=2))

    @property
    def phases(self) -> tuple[slice, slice, slice]:
        """Steps of the free, the controlled and the recovery phase."""
        on = self.protocol.free_steps
        off = on + self.protocol.controlled_steps
        return slice(0, on), slice(on, off), slice(off, off + self.protocol.recovery_steps)

    @property
    def scored(self) -> slice:
        """Steps of the controlled phase that are scored: its second half."""
        on, off = self.protocol.free_steps, self.phases[1].stop
        return slice((on + off) // 2, off)


def run(controller: Controller, protocol: Protocol) -> Recording:
    """Put a controller through the three phases on every ensemble at once.

    Args:
        controller: Anything with ``signals``, ``window`` and ``predict``.
        protocol: The test.

    Raises:
        ValueError: If the environment cannot be, or the controller does not fit it.
    """
    env = _environment(controller, protocol)
    num_envs, every = env.num_envs, protocol.neuron_every
    on, off = protocol.free_steps, protocol.free_steps + protocol.controlled_steps
    n_steps = off + protocol.recovery_steps
    mean_y, rewards = np.zeros((2, n_steps, num_envs))
    sub_step_x = np.zeros((n_steps, len(protocol.pulse.weights), num_envs))
    shape = (num_envs, protocol.model.n_electrodes)
    delivered = np.zeros((n_steps, *shape))
    diverged = np.zeros(num_envs, np.bool_)
    neurons: dict[int, list[NDArray[np.float32]]] = {on: [], off: []}
    shown: list[NDArray[np.float32]] = []

    silence = np.zeros(shape, np.float32)
    memory = None
    observation, _ = env.reset(
        seed=protocol.seed, options={"ensemble": np.array(protocol.ensembles)}
    )
    sizes: Indices = env.get_state()["sizes"]
    for step in range(n_steps):
        kicks = silence
        if on <= step < off:
            kicks, memory = controller.predict(observation, memory, deterministic=True)
        action = nearest_actions(kicks, shape, protocol.levels, protocol.max_kick)
        observation, rewards[step], terminated, _, info = env.step(action)
        sub_step_x[step] = env.sub_step_x.T
        mean_y[step], delivered[step] = info["mean_y"], info["kick"]
        diverged |= terminated
        if step % NEURON_EVERY == 0:
            state = _as_xy(protocol.model, env.neurons)
            shown.append(state[0, 0, : min(_SHOWN_NEURONS, sizes[0])])
            for end, snapshots in neurons.items():
                if end - protocol.neuron_steps <= step < end and step % every == 0:
                    snapshots.append(state)
    env.close()
    watched = (np.array(neurons[on]), np.array(neurons[off]), np.array(shown))
    return Recording(protocol, sub_step_x, mean_y, delivered, rewards, *watched, diverged, sizes)


def _environment(controller: Controller, protocol: Protocol) -> DBSVectorEnv:
    n_parts = len(protocol.pulse.weights)
    if controller.window < n_parts:
        raise ValueError(
            f"a controller must see a window of at least the pulse's {n_parts} sub-steps to be "
            f"tested, got window={controller.window}"
        )
    max_kick = protocol.max_kick
    if max_kick is None:
        max_kick = getattr(controller, "max_kick", 1.0)
        if protocol.levels is not None:
            max_kick = float(np.abs(protocol.levels).max())
    passed_on = (
        "model", "n_neurons", "transient_steps", "threads", "pulse", "delivery", "levels",
        "disturbances", "variety", "reward", "prelude", "prelude_steps", "dtype",
    )  # fmt: skip
    return DBSVectorEnv(
        len(protocol.ensembles),
        signals=controller.signals,
        window=controller.window,
        max_kick=max_kick,
        episode_steps=None,
        ensemble=tuple(protocol.ensembles),
        **{name: getattr(protocol, name) for name in passed_on},
    )


def _as_xy(model: Model, state: NDArray[Any]) -> NDArray[np.float32]:
    """State (ensembles, variables, neurons), x and y first; phases become cosine and sine."""
    if model.variables == ("phase",):
        state = np.concatenate([np.cos(state), np.sin(state)], axis=1)
    return state.astype(np.float32)
