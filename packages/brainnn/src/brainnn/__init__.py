"""Controllers shaped by a connectome, walking a body, and what the wiring does to it.

>>> from brainnn import ConnectomeRNN, Wiring, choose_roles, open_connectome
>>> connectome = open_connectome("surrogate")
>>> roles = choose_roles(connectome, inputs="interneuron", outputs="motor")
>>> network = ConnectomeRNN(Wiring.of(connectome), roles, channels=14, actions=4, seed=0)
>>> len(connectome), connectome.edges, len(roles.inputs), len(roles.outputs)
(143, 1624, 93, 50)
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from brainnn.analysis.gait import describe_gait
    from brainnn.analysis.study import load_wiring_study
    from brainnn.bodies.biped import BipedImitationEnv
    from brainnn.bodies.clip import Clip, reference_clip
    from brainnn.connectome.formats import load_connectome, save_connectome
    from brainnn.connectome.graph import Connectome
    from brainnn.connectome.layering import colour_layers
    from brainnn.connectome.nulls import null_model
    from brainnn.connectome.signs import with_signs
    from brainnn.connectome.sources import open_connectome
    from brainnn.connectome.surrogate import surrogate
    from brainnn.learning.cloning import clone
    from brainnn.learning.dagger import learn_from
    from brainnn.learning.evaluation import evaluate
    from brainnn.learning.reinforce import Stage, reinforce
    from brainnn.learning.settings import PPO, Cloning, Dagger
    from brainnn.learning.teacher import Teacher, load_teacher
    from brainnn.learning.walkers import load_walker
    from brainnn.networks.controls import matched_control
    from brainnn.networks.files import load_network, save_network
    from brainnn.networks.lesions import ablate, perturb
    from brainnn.networks.rnn import ConnectomeRNN
    from brainnn.networks.roles import Roles, choose_roles
    from brainnn.networks.sweep import SweepRNN
    from brainnn.networks.wiring import Wiring

__all__ = [
    "PPO",
    "BipedImitationEnv",
    "Clip",
    "Cloning",
    "Connectome",
    "ConnectomeRNN",
    "Dagger",
    "Roles",
    "Stage",
    "SweepRNN",
    "Teacher",
    "Wiring",
    "ablate",
    "choose_roles",
    "clone",
    "colour_layers",
    "describe_gait",
    "evaluate",
    "learn_from",
    "load_connectome",
    "load_network",
    "load_teacher",
    "load_walker",
    "load_wiring_study",
    "matched_control",
    "null_model",
    "open_connectome",
    "perturb",
    "reference_clip",
    "reinforce",
    "save_connectome",
    "save_network",
    "surrogate",
    "with_signs",
]

_HOMES = {
    "BipedImitationEnv": "bodies.biped",
    "Clip": "bodies.clip",
    "Cloning": "learning.settings",
    "Connectome": "connectome.graph",
    "ConnectomeRNN": "networks.rnn",
    "Dagger": "learning.settings",
    "PPO": "learning.settings",
    "Roles": "networks.roles",
    "Stage": "learning.reinforce",
    "SweepRNN": "networks.sweep",
    "Teacher": "learning.teacher",
    "Wiring": "networks.wiring",
    "ablate": "networks.lesions",
    "choose_roles": "networks.roles",
    "clone": "learning.cloning",
    "colour_layers": "connectome.layering",
    "describe_gait": "analysis.gait",
    "evaluate": "learning.evaluation",
    "learn_from": "learning.dagger",
    "load_connectome": "connectome.formats",
    "load_network": "networks.files",
    "load_teacher": "learning.teacher",
    "load_walker": "learning.walkers",
    "load_wiring_study": "analysis.study",
    "matched_control": "networks.controls",
    "null_model": "connectome.nulls",
    "open_connectome": "connectome.sources",
    "perturb": "networks.lesions",
    "reference_clip": "bodies.clip",
    "reinforce": "learning.reinforce",
    "save_connectome": "connectome.formats",
    "save_network": "networks.files",
    "surrogate": "connectome.surrogate",
    "with_signs": "connectome.signs",
}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(f"brainnn.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'brainnn' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
