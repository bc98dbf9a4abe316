"""Trained policies as torch modules, which other programs get as ONNX or torch.export files."""

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from neuro_common.exporting import Exportable, Program, difference
from rldbs_env.catalogue import settings_of
from rldbs_env.models import BonhoefferVanDerPol
from rldbs_env.policy import Policy
from rldbs_env.recurrent import RecurrentPolicy
from rldbs_env.sight import Sight

__all__ = ["PolicyModule", "RecurrentModule", "exportable"]

_STEPS = 20


class _Seen(nn.Module):
    """Observations, shape (batch, signals * samples), to what a network sees of them."""

    places: Tensor

    def __init__(self, sight: Sight) -> None:
        super().__init__()
        self.signals, self.kick_scale = len(sight.signals), sight.kick_scale
        self.window = len(range((sight.window - 1) % sight.stride, sight.window, sight.stride))
        newest = self.window - 1
        places = torch.tensor([newest - lag // sight.stride for lag in sight.lags])
        self.register_buffer("places", places)

    def seen(self, observation: Tensor) -> Tensor:
        """Chosen samples of each window minus that window's mean, shape (batch, inputs)."""
        windows = observation.reshape(-1, self.signals, self.window)
        deviation: Tensor = windows[:, :, self.places] - windows.mean(2, keepdim=True)
        return deviation.flatten(1)


class PolicyModule(_Seen):
    """A policy without memory.

    Args:
        policy: Its weights are copied.
    """

    levels: Tensor

    def __init__(self, policy: Policy) -> None:
        super().__init__(policy)
        parts: list[nn.Module] = []
        for number, weight in enumerate(policy.layers):
            layer = nn.Linear(weight.shape[1], weight.shape[0], bias=bool(policy.biases))
            state = {"weight": torch.from_numpy(np.array(weight))}
            if policy.biases:
                state["bias"] = torch.from_numpy(np.array(policy.biases[number]))
            layer.load_state_dict(state)
            parts += [layer, nn.Tanh()]
        self.layers = nn.Sequential(*parts[:-1])
        self.squash = policy.squash
        self.register_buffer("levels", torch.tensor(policy.levels))

    def forward(self, observation: Tensor) -> Tensor:
        """Kicks.

        Args:
            observation: Shape (batch, features).

        Returns:
            Shape (batch, 1).
        """
        last: Tensor = self.layers(self.seen(observation))
        if len(self.levels):
            return self.levels[last.argmax(1, keepdim=True)]
        return self.kick_scale * (last.tanh() if self.squash == "tanh" else last.clamp(-1, 1))


class RecurrentModule(_Seen):
    """One step of a policy with memory.

    Args:
        policy: Its weights are copied.
    """

    inputs: Tensor
    recurrent: Tensor
    readout: Tensor

    def __init__(self, policy: RecurrentPolicy) -> None:
        super().__init__(policy)
        for name in RecurrentPolicy.WEIGHTS:
            self.register_buffer(name, torch.from_numpy(np.array(getattr(policy, name))))

    def forward(
        self, observation: Tensor, hidden: Tensor, cell: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Kicks, and the memory for the next step.

        Args:
            observation: Shape (batch, features).
            hidden: What the cell last gave out, shape (batch, units); zeros at the start.
            cell: What it holds, shape (batch, units); zeros at the start.

        Returns:
            Kicks (batch, 1), and the next ``hidden`` and ``cell``.
        """
        gates = self.seen(observation) @ self.inputs.T + hidden @ self.recurrent.T
        admit, keep, candidate, give = gates.chunk(4, dim=1)
        cell = keep.sigmoid() * cell + admit.sigmoid() * candidate.tanh()
        hidden = give.sigmoid() * cell.tanh()
        return self.kick_scale * (hidden @ self.readout.T).clamp(-1, 1), hidden, cell


def exportable(policy: Policy | RecurrentPolicy) -> Exportable:
    """A policy, as `neuro_common.exporting` writes it.

    Args:
        policy: One that ships, or of a training.
    """
    module: PolicyModule | RecurrentModule
    if isinstance(policy, RecurrentPolicy):
        module = RecurrentModule(policy)
    else:
        module = PolicyModule(policy)
    features = module.signals * module.window
    inputs = {"observation": torch.zeros(2, features)}
    signals = {
        "observation": f"(batch, {features}): of each signal in order the samples of its window, "
        "oldest first, without unit, as the environment gives them"
    }
    following = {}
    if isinstance(policy, RecurrentPolicy):
        units = policy.readout.shape[1]
        for name in ("hidden", "cell"):
            inputs[name] = torch.zeros(2, units)
            signals[name] = f"(batch, {units}): what next_{name} was, zeros at the start"
            following[f"next_{name}"] = f"(batch, {units}): to be given back as {name}"
    signals["kick"] = "(batch, 1): amplitude of the next pulse, without unit, for the environment"
    return Exportable(
        module.eval(),
        inputs,
        signals | following,
        _about(policy),
        lambda program: _deviation(program, policy, features),
        "rldbs-env",
    )


def _about(policy: Policy | RecurrentPolicy) -> dict[str, Any]:
    model = settings_of(policy.environment).get("model", BonhoefferVanDerPol())
    manifest = policy.manifest()
    return {
        "model": manifest.pop("kind"),
        **manifest,
        "standardisation": "minus the mean of the signal's window, inside",
        "dt": model.dt,
        "dt_unit": "time units of the model, one sample each; a kick is due once a pulse",
    }


def _deviation(program: Program, policy: Policy | RecurrentPolicy, features: int) -> float:
    """The largest difference from numpy in some steps with loud and with quiet observations."""
    rng = np.random.default_rng(0)
    memory: list[Any] = []
    if isinstance(policy, RecurrentPolicy):
        memory = [np.zeros((6, policy.readout.shape[1]), np.float32)] * 2
    state, worst = None, 0.0
    loudness = np.geomspace(1e-3, 3, 6)[:, None]
    for _ in range(_STEPS):
        observation = (loudness * rng.normal(size=(6, features))).astype(np.float32)
        kick, *memory = program(observation, *memory)
        wanted, state = policy.predict(observation, state)
        worst = max(worst, difference([kick, *memory], [wanted, *([] if state is None else state)]))
    return worst
