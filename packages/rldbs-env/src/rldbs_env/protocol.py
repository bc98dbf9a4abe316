"""The three-phase test of a controller: free, controlled, free again, on many ensembles."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from rldbs_env import metrics
from rldbs_env.arrays import Indices
from rldbs_env.catalogue import ENVIRONMENTS, make_model, name_of, settings_of
from rldbs_env.controllers import Controller
from rldbs_env.delivery import Delivery
from rldbs_env.disturbances import Disturbance, Variety
from rldbs_env.electrodes import Electrodes
from rldbs_env.models import BonhoefferVanDerPol
from rldbs_env.oscillators import Model
from rldbs_env.pulses import Pulse, delta
from rldbs_env.reward import QuadraticReward, Reward
from rldbs_env.vector import DBSVectorEnv

__all__ = ["NEURON_EVERY", "Protocol", "Recording", "Score", "run", "score"]

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
    """

    model: Model = field(default_factory=BonhoefferVanDerPol)
    n_neurons: int = 1000
    ensembles: Sequence[int] = tuple(range(1000, 1020))
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
        full = f"rldbs/{environment}-v0"
        name = full if full in ENVIRONMENTS else environment
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
        mean_x, mean_y: Mean fields, averaged over the sensors, shape (time, ensembles).
        delivered: Kick of each electrode at each step, as the rules of delivery let it pass and
            before losses and noise, shape (time, ensembles, electrodes); the pulse multiplies it.
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
    mean_x: NDArray[np.float64]
    mean_y: NDArray[np.float64]
    delivered: NDArray[np.float64]
    rewards: NDArray[np.float64]
    free_neurons: NDArray[np.float32]
    controlled_neurons: NDArray[np.float32]
    shown_x: NDArray[np.float32]
    diverged: NDArray[np.bool_]
    sizes: Indices

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


@dataclass(frozen=True)
class Score:
    """One controller on one ensemble; see `rldbs_env.metrics` for the definitions.

    Residual, charge, peak and reward are those of the scored half of control; settling and recovery
    count from switch-on and switch-off. The period is NaN where the free field does not oscillate.
    ``s_ratio``, ``s_sqrt``, ``s_db`` and ``floor_ratio`` (residual over the finite-size floor)
    are NaN for a population that is quenched or diverged: that is no suppression. For models other
    than the published one a neuron is active above a third of the std of free ones, and a rhythm
    has settled below a tenth of its free std.
    """

    ensemble: int
    s_ratio: float
    s_sqrt: float
    s_db: float
    std_free: float
    std_controlled: float
    floor_ratio: float
    quenched: bool
    diverged: bool
    active_fraction: float
    mean_shift: float
    order_free: float
    order_controlled: float
    charge: float
    net_charge: float
    energy: float
    peak: float
    pulses_per_period: float
    reward: float
    settling_step: float
    recovery_step: float
    period: float


def run(controller: Controller, protocol: Protocol) -> Recording:
    """Put a controller through the three phases on every ensemble at once.

    Args:
        controller: Anything with ``signals``, ``window`` and ``predict``.
        protocol: The test.

    Raises:
        ValueError: If the environment cannot be, or the controller does not fit it.
    """
    env = _environment(controller, protocol)
    electrodes = Electrodes(
        env.num_envs, protocol.model, protocol.pulse, protocol.delivery, protocol.levels,
        protocol.max_kick,
    )  # fmt: skip
    n_envs, every = env.num_envs, protocol.neuron_every
    on, off = protocol.free_steps, protocol.free_steps + protocol.controlled_steps
    n_steps = off + protocol.recovery_steps
    mean_x, mean_y, rewards = (np.zeros((n_steps, n_envs)) for _ in range(3))
    delivered = np.zeros((n_steps, n_envs, protocol.model.n_electrodes))
    diverged = np.zeros(n_envs, np.bool_)
    neurons: dict[int, list[NDArray[np.float32]]] = {on: [], off: []}
    shown: list[NDArray[np.float32]] = []

    silence = np.zeros((n_envs, protocol.model.n_electrodes), np.float32)
    memory = None
    observation, _ = env.reset(
        seed=protocol.seed, options={"ensemble": np.array(protocol.ensembles)}
    )
    sizes: Indices = env.get_state()["sizes"]
    for step in range(n_steps):
        kicks = silence
        if on <= step < off:
            kicks, memory = controller.predict(observation, memory, deterministic=True)
        action, delivered[step] = electrodes.deliver(kicks)
        observation, rewards[step], terminated, _, info = env.step(action)
        mean_x[step], mean_y[step] = info["mean_x"], info["mean_y"]
        diverged |= terminated
        electrodes.reset(np.flatnonzero(terminated))
        if step % NEURON_EVERY == 0:
            state = _as_xy(protocol.model, env.neurons)
            shown.append(state[0, 0, : min(_SHOWN_NEURONS, sizes[0])])
            for end, snapshots in neurons.items():
                if end - protocol.neuron_steps <= step < end and step % every == 0:
                    snapshots.append(state)
    env.close()
    watched = (np.array(neurons[on]), np.array(neurons[off]), np.array(shown))
    return Recording(protocol, mean_x, mean_y, delivered, rewards, *watched, diverged, sizes)


def _environment(controller: Controller, protocol: Protocol) -> DBSVectorEnv:
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
    if _has_phases(model):
        state = np.concatenate([np.cos(state), np.sin(state)], axis=1)
    return state.astype(np.float32)


def _has_phases(model: Model) -> bool:
    return model.variables == ("phase",)


def score(recording: Recording) -> list[Score]:
    """Score every ensemble of a recording, in the order of the protocol's ensembles."""
    return [_score_one(recording, e) for e in range(len(recording.protocol.ensembles))]


def _score_one(recording: Recording, e: int) -> Score:
    protocol, size = recording.protocol, int(recording.sizes[e])
    free, controlled, recovery = (recording.mean_x[phase, e] for phase in recording.phases)
    scored = recording.mean_x[recording.scored, e]
    before, neurons = (
        watched[:, e, :, :size]
        for watched in (recording.free_neurons, recording.controlled_neurons)
    )
    published = isinstance(protocol.model, BonhoefferVanDerPol)
    active_std = 0.5 if published else float(np.median(before[:, 0].std(axis=0))) / 3
    calm_std = 0.1 if published else 0.1 * float(free.std())
    active = metrics.active_fraction(neurons[:, 0], active_std)
    quenched = metrics.is_quenched(neurons[:, 0], active_std)
    failed = quenched or bool(recording.diverged[e])
    floor = metrics.finite_size_floor(size, name_of(protocol.model))
    settling = metrics.settling_step(controlled, calm_std, protocol.window_steps)
    recovered = metrics.recovery_step(recovery, float(free.std()), protocol.window_steps)
    weights = protocol.pulse.weights
    price = metrics.stimulation(
        recording.delivered[recording.scored, e],
        protocol.model.period_steps / len(weights),
        weights,
    )
    return Score(
        ensemble=int(protocol.ensembles[e]),
        s_ratio=math.nan if failed else metrics.s_ratio(free, scored),
        s_sqrt=math.nan if failed else metrics.s_sqrt(free, scored),
        s_db=math.nan if failed else metrics.s_db(free, scored),
        std_free=float(free.std()),
        std_controlled=float(scored.std()),
        floor_ratio=math.nan if failed else float(scored.std()) / floor,
        quenched=quenched,
        diverged=bool(recording.diverged[e]),
        active_fraction=active,
        mean_shift=metrics.mean_shift(free, scored),
        order_free=_mean_order(protocol.model, before),
        order_controlled=_mean_order(protocol.model, neurons),
        reward=float(recording.rewards[recording.scored, e].mean()),
        settling_step=math.nan if settling is None else settling,
        recovery_step=math.nan if recovered is None else recovered,
        period=_period(free, protocol.step_time),
        **asdict(price),
    )


def _period(free: NDArray[np.float64], dt: float) -> float:
    try:
        return metrics.period(free, dt)
    except ValueError:
        return math.nan


def _mean_order(model: Model, neurons: NDArray[np.float32]) -> float:
    x, y = neurons[:, 0], neurons[:, 1]
    if _has_phases(model):  # the angle itself is the phase
        return float(np.hypot(x.mean(axis=1), y.mean(axis=1)).mean())
    return float(metrics.order_parameter(x, y).mean())
