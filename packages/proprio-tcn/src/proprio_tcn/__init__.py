"""What the proprioceptive system computes: arms, movements, networks on tasks, and neurons.

>>> import numpy as np
>>> from proprio_tcn import open_arm, sample_trunk
>>> arm = open_arm("two_link")  # the published two-link arm of a macaque
>>> (100 * arm.hand(np.deg2rad([[36.0, 5.0, 5.0, 50.0]]))).round(3).tolist()  # cm
[[27.911, 1.184, -14.481]]
>>> sample_trunk(seed=0, family="spatiotemporal").family
'spatiotemporal'
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from proprio_tcn.arms.arm import Arm
    from proprio_tcn.arms.dynamics import inverse_dynamics
    from proprio_tcn.arms.inverse import solve_postures
    from proprio_tcn.arms.opening import open_arm
    from proprio_tcn.movements.generation import generate_movements
    from proprio_tcn.movements.making import make_movements
    from proprio_tcn.movements.movement_set import MovementSet
    from proprio_tcn.movements.opening import open_movements
    from proprio_tcn.movements_config import MovementSettings
    from proprio_tcn.networks.making import build_network
    from proprio_tcn.networks.sampling import sample_trunk
    from proprio_tcn.networks.settings import TrunkSettings
    from proprio_tcn.neural.prediction import predict
    from proprio_tcn.neural.recording import Recording
    from proprio_tcn.neural.scores import explained_variance
    from proprio_tcn.recorded.inputs import read_inputs
    from proprio_tcn.recorded.reconstruction import reconstruct
    from proprio_tcn.spindles.encoders import SpindleSettings, encode
    from proprio_tcn.tasks.sixteen import TASKS, get_task
    from proprio_tcn.training.fitting import train_network
    from proprio_tcn.training.settings import TrainSettings
    from proprio_tcn.training.trained import load_network

__all__ = [
    "TASKS",
    "Arm",
    "MovementSet",
    "MovementSettings",
    "Recording",
    "SpindleSettings",
    "TrainSettings",
    "TrunkSettings",
    "build_network",
    "encode",
    "explained_variance",
    "generate_movements",
    "get_task",
    "inverse_dynamics",
    "load_network",
    "make_movements",
    "open_arm",
    "open_movements",
    "predict",
    "read_inputs",
    "reconstruct",
    "sample_trunk",
    "solve_postures",
    "train_network",
]

_HOMES = {
    "TASKS": "tasks.sixteen",
    "Arm": "arms.arm",
    "MovementSet": "movements.movement_set",
    "MovementSettings": "movements_config",
    "Recording": "neural.recording",
    "SpindleSettings": "spindles.encoders",
    "TrainSettings": "training.settings",
    "TrunkSettings": "networks.settings",
    "build_network": "networks.making",
    "encode": "spindles.encoders",
    "explained_variance": "neural.scores",
    "generate_movements": "movements.generation",
    "get_task": "tasks.sixteen",
    "inverse_dynamics": "arms.dynamics",
    "load_network": "training.trained",
    "make_movements": "movements.making",
    "open_arm": "arms.opening",
    "open_movements": "movements.opening",
    "predict": "neural.prediction",
    "read_inputs": "recorded.inputs",
    "reconstruct": "recorded.reconstruction",
    "sample_trunk": "networks.sampling",
    "solve_postures": "arms.inverse",
    "train_network": "training.fitting",
}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(f"proprio_tcn.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'proprio_tcn' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
