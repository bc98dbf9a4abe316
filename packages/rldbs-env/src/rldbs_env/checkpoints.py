"""All that a training depends on, as tensors and plain values, and back: without pickle."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.buffers import ReplayBuffer

from rldbs_env.algorithms import environments_of

__all__ = ["KIND", "restore", "snapshot"]

KIND = "rldbs-env training"
"""What the manifest of a checkpoint says that it is."""

# numbers that models keep between updates, where they have them
_COUNTERS = ("num_timesteps", "_n_updates", "_n_calls", "exploration_rate")
_REPLAY = ("observations", "next_observations", "actions", "rewards", "dones", "timeouts")

Tensors = dict[str, Any]


def snapshot(model: BaseAlgorithm) -> tuple[Tensors, dict[str, Any]]:
    """Everything that the rest of a training depends on, as copied tensors and plain values.

    To be called between updates, when no rollout is half done.

    Tensors have the shapes that the model has.
    """
    env = environments_of(model).env.get_state()
    rngs = env.pop("rngs")
    # stable-baselines3 shuffles its batches with numpy's global generator
    name, keys, position, has_gauss, gauss = np.random.get_state(legacy=True)  # noqa: NPY002
    tensors: Tensors = {f"env.{key}": value for key, value in env.items()}
    tensors |= _parameters(model) | _memory(model) | _replay(model)
    tensors |= {
        "torch_rng": torch.get_rng_state(),
        "numpy_rng": np.array(keys),
        "episode_starts": np.array(model._last_episode_starts),
    }
    manifest = {
        "kind": KIND,
        "step": model.num_timesteps,
        "counters": {key: getattr(model, key) for key in _COUNTERS if hasattr(model, key)},
        "rngs": rngs,
        "numpy_rng": [name, int(position), int(has_gauss), float(gauss)],
        "action_rng": model.action_space.np_random.bit_generator.state,
    }
    return tensors, manifest


def _parameters(model: BaseAlgorithm) -> Tensors:
    """Networks, optimisers and single variables, such as the price of entropy."""
    tensors: Tensors = {}
    for name, state in model.get_parameters().items():
        entries = state.items()
        if name.endswith("optimizer"):
            moments = state["state"].items()
            entries = {f"{i}:{key}": v for i, entry in moments for key, v in entry.items()}.items()
        tensors |= {f"{name}:{key}": value.clone() for key, value in entries}
    for name in _variables(model):
        tensors[f"variable:{name}"] = getattr(model, name).detach().clone()
    return tensors


def _variables(model: BaseAlgorithm) -> list[str]:
    return model._get_torch_save_params()[1]


def _memory(model: BaseAlgorithm) -> Tensors:
    """Hidden states of a recurrent actor, of a training that has one."""
    states = getattr(model, "_last_lstm_states", None)
    flat = () if states is None else (*states.pi, *states.vf)
    return {f"lstm:{number}": state.clone() for number, state in enumerate(flat)}


def _buffer(model: BaseAlgorithm) -> ReplayBuffer | None:
    return getattr(model, "replay_buffer", None)


def _replay(model: BaseAlgorithm) -> Tensors:
    """The rows of the replay buffer that are filled, and where the next goes."""
    buffer = _buffer(model)
    if buffer is None:
        return {}
    rows = slice(buffer.buffer_size if buffer.full else buffer.pos)
    tensors: Tensors = {f"replay:{name}": getattr(buffer, name)[rows].copy() for name in _REPLAY}
    return tensors | {"replay_position": np.array([buffer.pos, buffer.full])}


def restore(
    model: BaseAlgorithm, tensors: Mapping[str, NDArray[Any]], manifest: Mapping[str, Any]
) -> None:
    """Put a model, its environments and the generators where `snapshot` found them.

    Tensors are of the shapes that `snapshot` gave.

    Raises:
        KeyError, RuntimeError, TypeError, ValueError: The checkpoint is not of such a training.
    """

    def part(prefix: str) -> dict[str, NDArray[Any]]:
        named = {key: value for key, value in tensors.items() if key.startswith(prefix)}
        return {key.removeprefix(prefix): value for key, value in named.items()}

    def torch_part(prefix: str) -> dict[str, torch.Tensor]:
        return {key: torch.from_numpy(value.copy()) for key, value in part(prefix).items()}

    parameters: dict[str, Any] = {}
    for name, state in model.get_parameters().items():
        found = torch_part(f"{name}:")
        is_optimiser = name.endswith("optimizer")
        parameters[name] = _moments(found, state["param_groups"]) if is_optimiser else found
    model.set_parameters(parameters)
    for name, value in torch_part("variable:").items():
        getattr(model, name).data.copy_(value)
    memory = torch_part("lstm:")
    if memory:
        states: Any = model._last_lstm_states  # type: ignore[attr-defined]
        for number, state in enumerate((*states.pi, *states.vf)):
            state.copy_(memory[str(number)])
    _restore_replay(model, part("replay:"), tensors)
    venv = environments_of(model)
    observations = venv.env.set_state(part("env.") | {"rngs": manifest["rngs"]})
    model._last_obs = venv.features(observations)
    model._last_episode_starts = tensors["episode_starts"].copy()
    for key, count in manifest["counters"].items():
        setattr(model, key, count)
    model.action_space.np_random.bit_generator.state = manifest["action_rng"]
    torch.set_rng_state(torch.from_numpy(tensors["torch_rng"].copy()))
    name, position, has_gauss, gauss = manifest["numpy_rng"]
    np.random.set_state((name, tensors["numpy_rng"], position, has_gauss, gauss))  # noqa: NPY002


def _moments(found: Mapping[str, torch.Tensor], groups: Any) -> dict[str, Any]:
    """The state of an optimiser, whose rates are set anew before each step."""
    state: dict[int, dict[str, torch.Tensor]] = {}
    for key, value in found.items():
        number, _, name = key.partition(":")
        state.setdefault(int(number), {})[name] = value
    return {"state": state, "param_groups": groups}


def _restore_replay(
    model: BaseAlgorithm, found: Mapping[str, NDArray[Any]], tensors: Mapping[str, NDArray[Any]]
) -> None:
    buffer = _buffer(model)
    if buffer is None:
        return
    for name in _REPLAY:
        rows = found[name]
        getattr(buffer, name)[: len(rows)] = rows
    position, full = tensors["replay_position"].tolist()
    buffer.pos, buffer.full = position, bool(full)
