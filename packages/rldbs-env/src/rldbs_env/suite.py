"""The robustness suite: one controller under twenty-one conditions.

Each condition changes one thing about an environment of the catalogue, the last one everything at
once. Ensembles have seeds from 5000 on, which nothing in this package was trained, tuned or chosen
by. Sizes of noise and pulses are those for `rldbs/BvdP-v0`, scaled for other environments.
"""

import math
import platform
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib.metadata import PackageNotFoundError, version
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rldbs_env.catalogue import id_of
from rldbs_env.controllers import Controller
from rldbs_env.delivery import Delivery
from rldbs_env.disturbances import (
    ActionNoise,
    CouplingDrift,
    CurrentDrift,
    Disturbance,
    ElectrodeDrift,
    Encapsulation,
    ObservationNoise,
    PulseLoss,
)
from rldbs_env.protocol import Protocol, run
from rldbs_env.scoring import Score, score

__all__ = [
    "CONDITIONS",
    "FIRST_ENSEMBLE",
    "Condition",
    "Overall",
    "Submission",
    "overall",
    "protocols",
    "run_suite",
    "suite_table",
    "summaries",
    "suppression_of",
]

FIRST_ENSEMBLE = 5000
"""Seed of the first ensemble; the others follow."""

_PHASES = {"free_steps": 12, "controlled_steps": 24, "recovery_steps": 2}  # in windows of 250
_WAVE_CYCLES = 30
_PACKAGES = ("rldbs-env", "gymnasium", "numba", "numpy")


class _Scale(NamedTuple):
    """How large an environment's rhythm, and the kicks that it takes, are beside BvdP's."""

    rhythm: float
    kick: float


# Free std of X, 1.09, 0.39 and 0.56, and std of the linear law's kicks while the rhythm is free:
# 0.022 by -0.02 X, 0.33 by -0.3 X, 1.1 by -0.4 X - 2 Y, 0.156 by -0.4 X, 0.168 by -0.3 X.
_SCALES = {
    "rldbs/BvdPDiscrete-v0": _Scale(1.0, 15.0),
    "rldbs/BvdPChargeBalanced-v0": _Scale(1.0, 50.0),
    "rldbs/HindmarshRose-v0": _Scale(0.36, 7.0),
    "rldbs/KuramotoGrid-v0": _Scale(0.5, 7.5),
}

Changes = Callable[[Protocol, str], Mapping[str, Any]]


@dataclass(frozen=True)
class Condition:
    """One row of the suite.

    Attributes:
        name: What files call it.
        summary: What figures and tables call it.
        changes: Fields of the test that differ, from the undisturbed test and the name of the
            environment.
        most_ensembles: More than these are too slow.
        grid: Whether models on a grid, whose size is part of the model, can have it.
    """

    name: str
    summary: str
    changes: Changes
    most_ensembles: int | None = None
    grid: bool = True


def _size(n_neurons: int) -> Changes:
    return lambda test, environment: {"n_neurons": n_neurons}


def _coupling(factor: float) -> Changes:
    def changes(test: Protocol, environment: str) -> dict[str, Any]:
        coupling = float(f"{test.model.coupling * factor:.6g}")
        return {"model": replace(test.model, coupling=coupling)}  # type: ignore[type-var]

    return changes


def _spread(factor: float) -> Changes:
    def changes(test: Protocol, environment: str) -> dict[str, Any]:
        model: Any = test.model
        name = "spread" if hasattr(model, "spread") else "frequency_spread"
        return {"model": replace(model, **{name: getattr(model, name) * factor})}

    return changes


def _noisy_neurons(noise: float) -> Changes:
    def changes(test: Protocol, environment: str) -> dict[str, Any]:
        return {"model": replace(test.model, noise=noise)}  # type: ignore[type-var]

    return changes


def _disturbed(make: Callable[[_Scale, float], Disturbance]) -> Changes:
    """A disturbance made from the environment's scale and the RK4 steps of a slow wave."""

    def changes(test: Protocol, environment: str) -> dict[str, Any]:
        wave = _WAVE_CYCLES * test.model.period_steps
        return {"disturbances": (make(_scale(environment), wave),)}

    return changes


def _resting(test: Protocol, environment: str) -> dict[str, Any]:
    return {"delivery": Delivery(refractory_steps=max(1, round(test.cycle_steps / 81)))}


def _on_a_budget(test: Protocol, environment: str) -> dict[str, Any]:
    return {"delivery": Delivery(energy_budget=0.1 * _scale(environment).kick ** 2)}


def _clinical(test: Protocol, environment: str) -> dict[str, Any]:
    hardest = Protocol.on(environment, "clinical", n_neurons=test.n_neurons)
    return {"disturbances": hardest.disturbances, "variety": hardest.variety}


def _scale(environment: str) -> _Scale:
    return _SCALES.get(id_of(environment), _Scale(1.0, 1.0))


CONDITIONS = (
    Condition("nominal", "nominal", lambda test, environment: {}),
    Condition("size_100", "100 neurons", _size(100), grid=False),
    Condition("size_10000", "10,000 neurons", _size(10_000), most_ensembles=2, grid=False),
    Condition("coupling_167", "coupling x 5/3", _coupling(5 / 3)),
    Condition("coupling_333", "coupling x 10/3", _coupling(10 / 3)),
    Condition("spread_50", "spread x 1/2", _spread(0.5)),
    Condition("spread_150", "spread x 3/2", _spread(1.5)),
    Condition("dynamic_noise", "noisy neurons", _noisy_neurons(0.1)),
    Condition(
        "observation_noise_5",
        "recording noise 5 %",
        _disturbed(lambda scale, wave: ObservationNoise(0.05 * scale.rhythm)),
    ),
    Condition(
        "observation_noise_10",
        "recording noise 10 %",
        _disturbed(lambda scale, wave: ObservationNoise(0.1 * scale.rhythm)),
    ),
    Condition(
        "observation_noise_40",
        "recording noise 40 %",
        _disturbed(lambda scale, wave: ObservationNoise(0.4 * scale.rhythm)),
    ),
    Condition(
        "action_noise",
        "kick noise",
        _disturbed(lambda scale, wave: ActionNoise(0.005 * scale.kick)),
    ),
    Condition("pulse_loss", "1 pulse in 5 lost", _disturbed(lambda scale, wave: PulseLoss(0.2))),
    Condition(
        "skipping",
        "4 kicks in 5 skipped",
        lambda test, environment: {"delivery": Delivery(skip=4)},
    ),
    Condition("refractory", "rest after each pulse", _resting),
    Condition("energy_budget", "energy budget", _on_a_budget),
    Condition(
        "coupling_drift",
        "coupling drifts by half",
        _disturbed(lambda scale, wave: CouplingDrift(0.5, wave)),
    ),
    Condition(
        "current_drift",
        "currents drift",
        _disturbed(lambda scale, wave: CurrentDrift(0.05, wave)),
    ),
    Condition(
        "electrode_drift",
        "electrode moves",
        _disturbed(lambda scale, wave: ElectrodeDrift(0.3, wave)),
    ),
    Condition(
        "encapsulation",
        "electrode encapsulated",
        _disturbed(lambda scale, wave: Encapsulation(0.5, wave)),
    ),
    Condition("clinical", "all at once", _clinical),
)
"""The suite, row by row."""


def summaries() -> dict[str, str]:
    """What figures and tables call each condition."""
    return {one.name: one.summary for one in CONDITIONS}


def protocols(
    environment: str = "rldbs/BvdP-v0", *, n_ensembles: int = 5, seed: int = 0, threads: int = 1
) -> dict[str, Protocol]:
    """The test of each condition by its name.

    Args:
        environment: As for `rldbs_env.protocol.Protocol.on`.
        n_ensembles: Ensembles of each condition, unless it has fewer, at least 1.
        seed: Seed of what is random beside the ensembles.
        threads: Threads that share the ensembles.

    Raises:
        ValueError: There is no such environment, or no ensemble.
    """
    if n_ensembles < 1:
        raise ValueError(f"n_ensembles must be at least 1, got {n_ensembles}")
    window = Protocol.on(environment).window_steps
    phases: dict[str, Any] = {name: windows * window for name, windows in _PHASES.items()}
    test = Protocol.on(environment, seed=seed, threads=threads, **phases)
    on_a_grid = hasattr(test.model, "n_units")
    tests = {}
    for one in CONDITIONS:
        if on_a_grid and not one.grid:
            continue
        n = min(n_ensembles, one.most_ensembles or n_ensembles)
        ensembles = tuple(range(FIRST_ENSEMBLE, FIRST_ENSEMBLE + n))
        tests[one.name] = replace(test, ensembles=ensembles, **one.changes(test, environment))
    return tests


@dataclass(frozen=True)
class Submission:
    """What the suite found about one controller.

    Attributes:
        controller: Its name.
        arguments: What it was given beside its name.
        environment: Id of the environment.
        n_ensembles: Ensembles of each condition, unless it has fewer.
        seed: Seed of what was random beside the ensembles.
        scores: One score per ensemble, by condition.
        versions: Versions of Python and of the packages that were at work.
    """

    controller: str
    arguments: Mapping[str, Any]
    environment: str
    n_ensembles: int
    seed: int
    scores: Mapping[str, Sequence[Score]]
    versions: Mapping[str, str] = field(default_factory=lambda: _versions())


def run_suite(
    name: str,
    controller: Controller,
    arguments: Mapping[str, Any] | None = None,
    *,
    environment: str = "rldbs/BvdP-v0",
    n_ensembles: int = 5,
    seed: int = 0,
    threads: int = 1,
    report: Callable[[str, Sequence[Score]], None] = lambda condition, scores: None,
) -> Submission:
    """Put a controller through every condition.

    Args:
        name: What to call it.
        controller: Anything with ``signals``, ``window`` and ``predict``.
        arguments: What it was made with, for the record.
        environment: As for `protocols`, as are ``n_ensembles``, ``seed`` and ``threads``.
        n_ensembles: See above.
        seed: See above.
        threads: See above.
        report: Called after each condition with its name and scores.
    """
    tests = protocols(environment, n_ensembles=n_ensembles, seed=seed, threads=threads)
    scores = {}
    for condition, test in tests.items():
        scores[condition] = score(run(controller, test))
        report(condition, scores[condition])
    full = id_of(environment)
    return Submission(name, dict(arguments or {}), full, n_ensembles, seed, scores)


def _versions() -> dict[str, str]:
    found = {"python": platform.python_version()}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "unknown"
    return found


def suppression_of(scores: Sequence[Score]) -> NDArray[np.float64]:
    """S_ratio of each ensemble, where a quenched or diverged one counts as 1: no suppression."""
    return np.array([1.0 if math.isnan(one.s_ratio) else one.s_ratio for one in scores])


class Overall(NamedTuple):
    """A submission in a few numbers.

    Attributes:
        s_ratio: Geometric mean over the conditions of the median S_ratio.
        worst_condition: The condition with the least median S_ratio.
        worst_s_ratio: That one.
        charge: Mean over the conditions of the median charge per step.
        quenched: Ensembles that were quenched, in all conditions together.
        diverged: Ensembles that diverged.
    """

    s_ratio: float
    worst_condition: str
    worst_s_ratio: float
    charge: float
    quenched: int
    diverged: int


def overall(submission: Submission) -> Overall:
    """The submission in a few numbers; a quenched or diverged ensemble counts as S_ratio 1."""
    medians = {
        condition: float(np.median(suppression_of(scores)))
        for condition, scores in submission.scores.items()
    }
    worst = min(medians, key=medians.__getitem__)
    every = [one for scores in submission.scores.values() for one in scores]
    charges = [np.median([one.charge for one in many]) for many in submission.scores.values()]
    return Overall(
        float(np.exp(np.log(list(medians.values())).mean())),
        worst,
        medians[worst],
        float(np.mean(charges)),
        sum(one.quenched for one in every),
        sum(one.diverged for one in every),
    )


def suite_table(submission: Submission) -> dict[str, list[Any]]:
    """One row per condition: medians over ensembles, S_ratio with its range.

    ``settling_step`` is NaN where half of the ensembles or more never settle.

    Returns:
        Columns by heading.
    """
    rows = [
        {"condition": condition, **_row(scores)} for condition, scores in submission.scores.items()
    ]
    return {name: [row[name] for row in rows] for name in rows[0]}


def _row(scores: Sequence[Score]) -> dict[str, Any]:
    s_ratio = suppression_of(scores)
    settling = np.median(np.nan_to_num([one.settling_step for one in scores], nan=np.inf))
    medians = {
        name: float(np.median([getattr(one, name) for one in scores]))
        for name in ("std_controlled", "charge", "mean_shift")
    }
    return {
        "s_ratio": float(np.median(s_ratio)),
        "s_ratio_min": float(s_ratio.min()),
        "s_ratio_max": float(s_ratio.max()),
        **medians,
        "settling_step": float(settling) if np.isfinite(settling) else math.nan,
        "quenched": sum(one.quenched for one in scores),
        "diverged": sum(one.diverged for one in scores),
        "ensembles": len(scores),
    }
