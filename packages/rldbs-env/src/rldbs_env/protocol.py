"""The three-phase test of a controller: free, controlled, free again, on many ensembles."""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field

import numpy as np
from numpy.typing import NDArray

from rldbs_env import metrics
from rldbs_env.controllers import Controller
from rldbs_env.models import BonhoefferVanDerPol
from rldbs_env.vector import DBSVectorEnv

__all__ = ["NEURON_EVERY", "Protocol", "Recording", "Score", "run", "score"]

_NEURON_STEPS = 1000
NEURON_EVERY = 5
_SHOWN_NEURONS = 50


@dataclass(frozen=True)
class Protocol:
    """How controllers are tested.

    Attributes:
        model: The ensembles' model.
        n_neurons: Neurons per ensemble.
        ensembles: Seeds of the ensembles; use seeds that nothing was tuned on.
        free_steps: Steps before control, at least 1,000.
        controlled_steps: Steps under control, at least 2,000; the second half is scored.
        recovery_steps: Steps after switch-off, at least 250.
        transient_steps: Free steps before all this; None for as many as the model needs.
        seed: Seed of what else is random (the phases at which the test begins).
        threads: Threads that share the ensembles.
    """

    model: BonhoefferVanDerPol = field(default_factory=BonhoefferVanDerPol)
    n_neurons: int = 1000
    ensembles: Sequence[int] = tuple(range(1000, 1020))
    free_steps: int = 5000
    controlled_steps: int = 10_000
    recovery_steps: int = 5000
    transient_steps: int | None = None
    seed: int = 0
    threads: int = 1

    def __post_init__(self) -> None:
        for name, least in (
            ("n_neurons", 1),
            ("threads", 1),
            ("free_steps", _NEURON_STEPS),
            ("controlled_steps", 2 * _NEURON_STEPS),
            ("recovery_steps", 250),
        ):
            value = getattr(self, name)
            if not isinstance(value, int) or value < least:
                raise ValueError(f"{name} must be a whole number of at least {least}, got {value}")
        if len(set(self.ensembles)) != len(self.ensembles) or not self.ensembles:
            raise ValueError(
                f"ensembles must hold at least one seed, each once, got {tuple(self.ensembles)}"
            )


@dataclass(frozen=True)
class Recording:
    """What happened to every ensemble in the three phases.

    Attributes:
        protocol: The test.
        mean_x, mean_y: Mean fields, shape (time, ensembles).
        kicks: Kick before each step, shape (time, ensembles).
        rewards: Reward of each step, shape (time, ensembles).
        free_neurons, controlled_neurons: State of all neurons over the last 1,000 steps of the
            phase, every fifth step, shape (samples, ensembles, variables, neurons), float32.
        shown_x: x of some neurons of the first ensemble, every fifth step of all three phases,
            shape (samples, neurons), float32.
        diverged: Whether an ensemble left all bounds, shape (ensembles,).
    """

    protocol: Protocol
    mean_x: NDArray[np.float64]
    mean_y: NDArray[np.float64]
    kicks: NDArray[np.float64]
    rewards: NDArray[np.float64]
    free_neurons: NDArray[np.float32]
    controlled_neurons: NDArray[np.float32]
    shown_x: NDArray[np.float32]
    diverged: NDArray[np.bool_]

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
    are NaN for a population that is quenched or diverged: that is no suppression.
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
    """
    env = DBSVectorEnv(
        len(protocol.ensembles),
        model=protocol.model,
        n_neurons=protocol.n_neurons,
        signals=controller.signals,
        window=controller.window,
        max_kick=getattr(controller, "max_kick", 1.0),
        episode_steps=None,
        transient_steps=protocol.transient_steps,
        ensemble=tuple(protocol.ensembles),
        threads=protocol.threads,
    )
    n_envs, n_shown = env.num_envs, min(_SHOWN_NEURONS, protocol.n_neurons)
    on = protocol.free_steps
    off = on + protocol.controlled_steps
    n_steps = off + protocol.recovery_steps
    mean_x, mean_y, kicks, rewards = (np.zeros((n_steps, n_envs)) for _ in range(4))
    diverged = np.zeros(n_envs, np.bool_)
    neurons: dict[int, list[NDArray[np.float32]]] = {on: [], off: []}
    shown: list[NDArray[np.float32]] = []

    silence = np.zeros((n_envs, 1), np.float32)
    memory = None
    observation, _ = env.reset(
        seed=protocol.seed, options={"ensemble": np.array(protocol.ensembles)}
    )
    for step in range(n_steps):
        action = silence
        if on <= step < off:
            action, memory = controller.predict(observation, memory, deterministic=True)
            action = np.reshape(action, (n_envs, 1))
        observation, rewards[step], terminated, _, info = env.step(action)
        kicks[step] = action[:, 0]
        mean_x[step], mean_y[step] = info["mean_x"], info["mean_y"]
        diverged |= terminated
        if step % NEURON_EVERY == 0:
            state = env.neurons.astype(np.float32)
            shown.append(state[0, 0, :n_shown])
            for end, snapshots in neurons.items():
                if end - _NEURON_STEPS <= step < end:
                    snapshots.append(state)
    env.close()
    return Recording(
        protocol,
        mean_x,
        mean_y,
        kicks,
        rewards,
        np.array(neurons[on]),
        np.array(neurons[off]),
        np.array(shown),
        diverged,
    )


def score(recording: Recording) -> list[Score]:
    """Score every ensemble of a recording, in the order of the protocol's ensembles."""
    return [_score_one(recording, e) for e in range(len(recording.protocol.ensembles))]


def _score_one(recording: Recording, e: int) -> Score:
    protocol = recording.protocol
    free, controlled, recovery = (recording.mean_x[phase, e] for phase in recording.phases)
    scored = recording.mean_x[recording.scored, e]
    neurons = recording.controlled_neurons[:, e]
    quenched = metrics.is_quenched(neurons[:, 0])
    failed = quenched or bool(recording.diverged[e])
    floor = metrics.finite_size_floor(protocol.n_neurons)
    settling = metrics.settling_step(controlled)
    recovered = metrics.recovery_step(recovery, float(free.std()))
    price = metrics.stimulation(recording.kicks[recording.scored, e], protocol.model.period_steps)
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
        active_fraction=metrics.active_fraction(neurons[:, 0]),
        mean_shift=metrics.mean_shift(free, scored),
        order_free=_mean_order(recording.free_neurons[:, e]),
        order_controlled=_mean_order(neurons),
        reward=float(recording.rewards[recording.scored, e].mean()),
        settling_step=math.nan if settling is None else settling,
        recovery_step=math.nan if recovered is None else recovered,
        period=_period(free, protocol.model.dt),
        **asdict(price),
    )


def _period(free: NDArray[np.float64], dt: float) -> float:
    try:
        return metrics.period(free, dt)
    except ValueError:
        return math.nan


def _mean_order(neurons: NDArray[np.float32]) -> float:
    return float(metrics.order_parameter(neurons[:, 0], neurons[:, 1]).mean())
