"""Synchronised neurons as Gymnasium environments, for closed-loop deep brain stimulation.

>>> import gymnasium
>>> env = gymnasium.make("rldbs_env:rldbs/BvdP-v0", n_neurons=200)
>>> observation, info = env.reset(seed=1)
>>> observation, reward, terminated, truncated, info = env.step(env.action_space.sample())
>>> observation.shape, reward < 0, terminated
((250,), True, False)
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

import gymnasium

if TYPE_CHECKING:
    from rldbs_env import controllers, disturbances, metrics, networks, pulses
    from rldbs_env.delivery import Delivery
    from rldbs_env.ensembles import Ensemble, settled_ensembles
    from rldbs_env.environment import DBSEnv
    from rldbs_env.kuramoto import KuramotoGrid
    from rldbs_env.models import BonhoefferVanDerPol, HindmarshRose
    from rldbs_env.oscillators import Oscillators
    from rldbs_env.reward import QuadraticReward, Reward
    from rldbs_env.settings import Settings
    from rldbs_env.simulation import Trajectory, simulate
    from rldbs_env.tuning import tune_linear
    from rldbs_env.vector import DBSVectorEnv

__all__ = [
    "BonhoefferVanDerPol",
    "DBSEnv",
    "DBSVectorEnv",
    "Delivery",
    "Ensemble",
    "HindmarshRose",
    "KuramotoGrid",
    "Oscillators",
    "QuadraticReward",
    "Reward",
    "Settings",
    "Trajectory",
    "controllers",
    "disturbances",
    "metrics",
    "networks",
    "pulses",
    "settled_ensembles",
    "simulate",
    "tune_linear",
]

_HOMES = {
    "BonhoefferVanDerPol": "models",
    "DBSEnv": "environment",
    "DBSVectorEnv": "vector",
    "Delivery": "delivery",
    "Ensemble": "ensembles",
    "HindmarshRose": "models",
    "KuramotoGrid": "kuramoto",
    "Oscillators": "oscillators",
    "QuadraticReward": "reward",
    "Reward": "reward",
    "Settings": "settings",
    "Trajectory": "simulation",
    "settled_ensembles": "ensembles",
    "simulate": "simulation",
    "tune_linear": "tuning",
}

# Entry points as strings: numba is imported when the first environment is made.
for _name in (
    "BvdP", "BvdPDiscrete", "BvdPChargeBalanced", "BvdPResidual", "HindmarshRose", "KuramotoGrid"
):  # fmt: skip
    gymnasium.register(
        id=f"rldbs/{_name}-v0",
        entry_point="rldbs_env.catalogue:make_env",
        vector_entry_point="rldbs_env.catalogue:make_vector_env",
        kwargs={"name": f"rldbs/{_name}-v0"},
    )


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(f"rldbs_env.{_HOMES[name]}"), name)
    if name in __all__:
        return import_module(f"rldbs_env.{name}")
    raise AttributeError(f"module 'rldbs_env' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
