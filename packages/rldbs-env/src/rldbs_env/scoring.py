"""What a controller did in a test, as numbers: one score per ensemble."""

import math
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from rldbs_env import metrics
from rldbs_env.catalogue import name_of
from rldbs_env.models import BonhoefferVanDerPol
from rldbs_env.oscillators import Model
from rldbs_env.protocol import Recording

__all__ = ["Score", "score"]


@dataclass(frozen=True)
class Score:
    """One controller on one ensemble; see `rldbs_env.metrics` for the definitions.

    Residual, charge, peak and reward are those of the scored half of control, X taken at every RK4
    step; settling and recovery count from switch-on and switch-off. The period is NaN where the
    free field does not oscillate.
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


def score(recording: Recording) -> list[Score]:
    """Score every ensemble of a recording, in the order of the protocol's ensembles."""
    return [_score_one(recording, e) for e in range(len(recording.protocol.ensembles))]


def _score_one(recording: Recording, e: int) -> Score:
    protocol, size = recording.protocol, int(recording.sizes[e])
    controlled, recovery = (recording.mean_x[phase, e] for phase in recording.phases[1:])
    # a sample per step would not see what a pulse does and undoes within it
    free, scored = (
        recording.sub_step_x[span, :, e].ravel() for span in (recording.phases[0], recording.scored)
    )
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
        period=_period(free, protocol.model.dt),
        **asdict(price),
    )


def _period(free: NDArray[np.float64], dt: float) -> float:
    try:
        return metrics.period(free, dt)
    except ValueError:
        return math.nan


def _mean_order(model: Model, neurons: NDArray[np.float32]) -> float:
    x, y = neurons[:, 0], neurons[:, 1]
    if model.variables == ("phase",):  # the angle itself is the phase
        return float(np.hypot(x.mean(axis=1), y.mean(axis=1)).mean())
    return float(metrics.order_parameter(x, y).mean())
