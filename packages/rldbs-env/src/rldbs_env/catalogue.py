"""The environments by name, and what their levels of difficulty are."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import gymnasium
import numpy as np

from rldbs_env.disturbances import (
    ActionNoise,
    CouplingDrift,
    CurrentDrift,
    Disturbance,
    ElectrodeDrift,
    Encapsulation,
    ObservationNoise,
    PulseLoss,
    Variety,
)
from rldbs_env.kuramoto import KuramotoGrid
from rldbs_env.models import BonhoefferVanDerPol, HindmarshRose
from rldbs_env.oscillators import Model
from rldbs_env.pulses import biphasic
from rldbs_env.reward import QuadraticReward
from rldbs_env.settings import suggest

__all__ = [
    "DIFFICULTIES",
    "ENVIRONMENTS",
    "MODELS",
    "EnvironmentId",
    "id_of",
    "make_env",
    "make_model",
    "make_vector_env",
    "name_of",
    "settings_of",
]

MODELS: dict[str, type[BonhoefferVanDerPol | HindmarshRose | KuramotoGrid]] = {
    "bvdp": BonhoefferVanDerPol,
    "hindmarsh_rose": HindmarshRose,
    "kuramoto_grid": KuramotoGrid,
}
"""Every model by the name that commands use."""

DIFFICULTIES = ("published", "varied", "clinical")
"""``published``: as in the publications. ``varied``: coupling, spread and size are drawn anew at
each reset, and recordings are noisy. ``clinical``: beside that everything drifts, pulses are lost
and disturbed, and the electrode is encapsulated."""


@dataclass(frozen=True)
class EnvironmentId:
    """One name of the catalogue.

    Attributes:
        name: Gymnasium's id.
        summary: What it is, in a line.
        replaces: The published variants that it stands for, and what it does otherwise.
        settings: Arguments of `rldbs_env.DBSEnv` that make it; others are the defaults.
        history: What changed from version to version.
    """

    name: str
    summary: str
    replaces: str
    settings: Mapping[str, Any]
    history: tuple[str, ...] = ("v0: first version.",)


ENVIRONMENTS = {
    one.name: one
    for one in (
        EnvironmentId(
            "rldbs/BvdP-v0",
            "Bonhoeffer-van der Pol neurons, any kick",
            "The base variants `oscillator-v0`: ensembles of their own per reset, settled "
            "starts, limits that hold, actions that are checked instead of applied as they "
            "come.",
            {},
        ),
        EnvironmentId(
            "rldbs/BvdPDiscrete-v0",
            "the same, one of 21 kicks from -0.5 to 0.5",
            "The discrete variants (raw integers 0 to 20 as kicks, or k / 20 - 0.5 without "
            "a registered name): the second scaling, Gymnasium's five results, a window of "
            "250 samples.",
            {"levels": tuple(np.linspace(-0.5, 0.5, 21).round(2).tolist())},
        ),
        EnvironmentId(
            "rldbs/BvdPChargeBalanced-v0",
            "the same, every pulse followed by its charge with the opposite sign",
            "The balanced variant with the sub-steps (1, -1/2, -1/2, 0, 0): a sample per "
            "sub-step from the reset on, the whole pulse paid for. Its own program with "
            "other pulses has no source.",
            {"pulse": biphasic(), "reward": QuadraticReward(penalty=1.0)},
        ),
        EnvironmentId(
            "rldbs/BvdPResidual-v0",
            "the same, after a first controller has suppressed the rhythm",
            'The "double" variant, a second agent after a frozen first one: the first is '
            "any controller, and works for 5,000 steps instead of 55,000, by which it has "
            "long settled. The second acts alone.",
            {"prelude": "linear"},
        ),
        EnvironmentId(
            "rldbs/HindmarshRose-v0",
            "bursting Hindmarsh-Rose neurons, seen over a whole burst",
            "The bursting variant: limits that the rhythm does not leave, a window of a "
            "whole burst instead of a tenth of one, the window's mean as target instead of "
            "-0.4, and no NaN under strong kicks.",
            {
                "model": HindmarshRose(),
                "max_kick": 0.5,
                "episode_steps": 5000,
                "stride": 10,
                "reward": QuadraticReward(weight=2.0, penalty=0.5),
            },
        ),
        EnvironmentId(
            "rldbs/KuramotoGrid-v0",
            "phase oscillators on a grid, with an electrode of limited reach",
            "The phase-oscillator environments of another publication (512 units, spatial "
            "electrodes): one kick per step instead of a pulse of three, global coupling "
            "unless `coupling_kernel` is given.",
            {"model": KuramotoGrid(), "n_neurons": 512, "signals": ("x",)},
        ),
    )
}
"""Every environment by its name."""


def id_of(environment: str) -> str:
    """The id of an environment that is named by it, or by what is between ``rldbs/`` and ``-v0``.

    What names no environment is returned as it is.
    """
    full = f"rldbs/{environment}-v0"
    return full if full in ENVIRONMENTS else environment


def settings_of(name: str, difficulty: str = "published", **changes: Any) -> dict[str, Any]:
    """Arguments of the environment of this name.

    Args:
        name: One of `ENVIRONMENTS`.
        difficulty: One of `DIFFICULTIES`.
        **changes: Arguments that replace those of the name and the difficulty.

    Raises:
        ValueError: There is no such name or difficulty; the message lists the valid ones.
    """
    if name not in ENVIRONMENTS:
        raise ValueError(
            f"environment must be one of {', '.join(ENVIRONMENTS)}, "
            f"got {name!r}{suggest(name, [*ENVIRONMENTS])}"
        )
    if difficulty not in DIFFICULTIES:
        raise ValueError(
            f"difficulty must be one of {', '.join(DIFFICULTIES)}, "
            f"got {difficulty!r}{suggest(difficulty, DIFFICULTIES)}"
        )
    settings = dict(ENVIRONMENTS[name].settings) | {
        key: value for key, value in changes.items() if key in ("model", "n_neurons")
    }
    if difficulty != "published":
        model = settings.get("model", BonhoefferVanDerPol())
        settings["variety"] = _variety(model, settings.get("n_neurons", 1000))
        settings["disturbances"] = _disturbances(model, difficulty)
    settings |= changes
    if isinstance(settings.get("prelude"), str):
        from rldbs_env.controllers import make

        settings["prelude"] = make(settings["prelude"])
    return settings


def _variety(model: Model, n_neurons: int) -> Variety:
    """Coupling from the published one to three times as much, spread by half, size by ten."""
    if isinstance(model, KuramotoGrid):
        return Variety(
            (_up_to(model, "coupling", 2.0), _up_to(model, "frequency_spread", 0.5)),
        )
    if not isinstance(model, BonhoefferVanDerPol | HindmarshRose):
        return Variety()
    factor = 3 if isinstance(model, BonhoefferVanDerPol) else 1.5
    ranges = (_up_to(model, "coupling", factor), _up_to(model, "spread", 0.5))
    sizes = model.populations == 1 and model.network is None
    return Variety(ranges, (max(1, n_neurons // 10), n_neurons) if sizes else None)


def _up_to(model: Model, name: str, factor: float) -> tuple[str, float, float]:
    """The range of a model's number between what it is and so many times that."""
    value = getattr(model, name)
    return name, min(value, factor * value), max(value, factor * value)


def _disturbances(model: Model, difficulty: str) -> tuple[Disturbance, ...]:
    """Noise of a tenth of the free rhythm; slow things last about sixty cycles."""
    slow = 60 * model.period_steps
    noise = ObservationNoise({"bvdp": 0.1, "hindmarsh_rose": 0.04}.get(name_of(model), 0.05))
    if difficulty == "varied":
        return (noise,)
    return (
        noise,
        ActionNoise(0.002),
        PulseLoss(0.1),
        CouplingDrift(0.3, slow),
        CurrentDrift(0.02, slow),
        ElectrodeDrift(0.2, slow),
        Encapsulation(0.6, slow),
    )


def make_model(name: str, **numbers: Any) -> Model:
    """The model of this name with these numbers.

    Raises:
        ValueError: There is no such model or number; the message lists the valid ones.
    """
    if name not in MODELS:
        raise ValueError(
            f"model must be one of {', '.join(MODELS)}, got {name!r}{suggest(name, [*MODELS])}"
        )
    valid = [entry.name for entry in fields(MODELS[name])]
    for number in numbers:
        if number not in valid:
            raise ValueError(
                f"{name} takes {', '.join(valid)}, got {number!r}{suggest(number, valid)}"
            )
    return MODELS[name](**numbers)


def name_of(model: Model) -> str:
    """The model's name in `MODELS`, or that of its class."""
    kind: type = type(model)
    return next((name for name, one in MODELS.items() if one is kind), kind.__name__)


def make_env(
    *, name: str, difficulty: str = "published", **arguments: Any
) -> gymnasium.Env[Any, Any]:
    """The environment that `gymnasium.make` returns for a name."""
    from rldbs_env.environment import DBSEnv

    return DBSEnv(**settings_of(name, difficulty, **arguments))


def make_vector_env(
    *, name: str, num_envs: int = 1, difficulty: str = "published", **arguments: Any
) -> gymnasium.vector.VectorEnv[Any, Any, Any]:
    """The vector environment that `gymnasium.make_vec` returns for a name."""
    from rldbs_env.vector import DBSVectorEnv

    return DBSVectorEnv(num_envs, **settings_of(name, difficulty, **arguments))
