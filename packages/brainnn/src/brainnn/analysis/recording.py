"""Walks as files: what was observed, done and earned, and how active every neuron was."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from brainnn.bodies.planar_biped import DT_S
from brainnn.learning.rollouts import Rollouts
from brainnn.networks.rnn import ConnectomeRNN
from neuro_common.files import FormatError
from neuro_common.store import Recording, Signal, read_recording, write_recording

__all__ = ["Walk", "rates_of", "read_walk", "write_walk"]

_KIND = "brainnn walk"
_INFO = "info_"
_NAMES = ("ids", "types", "classes")
_PARTS = ("seeds", "observations", "actions", "rewards", "lengths", "terminated")


@dataclass(frozen=True, eq=False)
class Walk:
    """Episodes, with the activity of the network that walked.

    Attributes:
        rollouts: The episodes.
        rates: Rates of all neurons as the actions read them, NaN beyond the end of an episode,
            shape (runs, steps, neurons); None where no network was recorded.
        ids: Names of the neurons, shape (neurons,).
        types: Their cell types, "" where unknown, shape (neurons,).
        classes: Their classes, "" where unknown, shape (neurons,).
        facts: What else is known of the walk, in plain values.
    """

    rollouts: Rollouts
    rates: NDArray[np.float32] | None
    ids: tuple[str, ...]
    types: tuple[str, ...]
    classes: tuple[str, ...]
    facts: dict[str, Any]

    @classmethod
    def of(
        cls, rollouts: Rollouts, core: torch.nn.Module, facts: Mapping[str, Any] | None = None
    ) -> "Walk":
        """Put episodes and the activity of their network together.

        Args:
            rollouts: Episodes in which the network acted.
            core: The network; one that is no `ConnectomeRNN` has no rates to tell.
            facts: What else is known of the walk.
        """
        told = dict(facts or {})
        if not isinstance(core, ConnectomeRNN):
            return cls(rollouts, None, (), (), (), told)
        graph = core.wiring.connectome
        ids, types, classes = (tuple(getattr(graph, name).tolist()) for name in _NAMES)
        return cls(rollouts, rates_of(core, rollouts), ids, types, classes, told)


@torch.no_grad()
def rates_of(core: ConnectomeRNN, rollouts: Rollouts) -> NDArray[np.float32]:
    """Rates of a network in episodes in which it acted: what it observed tells them again.

    Args:
        core: The network, as it was then and without noise.
        rollouts: The episodes.

    Returns:
        Rates that each action read, NaN beyond the end of an episode, shape (runs, steps, neurons).

    Raises:
        ValueError: The network is noisy, so that its states cannot be known.
    """
    if core.noise_std:
        raise ValueError("the rates of a noisy network cannot be told again: record it without")
    seen = np.nan_to_num(rollouts.observations[:, :-1])
    _, rates, _ = core.run(torch.as_tensor(seen, dtype=core.output_bias.dtype))
    found: NDArray[np.float32] = rates.to(torch.float32).numpy()
    return np.where(np.isnan(rollouts.actions[..., :1]), np.float32(np.nan), found)


def write_walk(path: str | Path, walk: Walk) -> None:
    """Write a walk to an HDF5 file, with units.

    Args:
        path: File to write.
        walk: What to write.

    Raises:
        TypeError: A fact is no plain value.
    """
    runs = walk.rollouts
    steps = runs.actions.shape[1]
    plane = ("run", "time")
    signals = {
        "time": Signal(DT_S * np.arange(steps), ("time",), "s", "beginning of each step"),
        "frame": Signal(DT_S * np.arange(steps + 1), ("frame",), "s", "time of each observation"),
        "seeds": Signal(runs.seeds, ("run",), "1", "seed of each reset"),
        "lengths": Signal(runs.lengths, ("run",), "1", "steps of each episode"),
        "terminated": Signal(runs.terminated, ("run",), "1", "whether it ended by itself"),
        "observations": Signal(
            runs.observations,
            ("run", "frame", "channel"),
            "1",
            "before each step and after the last",
        ),
        "actions": Signal(runs.actions, (*plane, "joint"), "1", "share of the largest torque"),
        "rewards": Signal(runs.rewards, plane, "1", "reward of the environment"),
    }
    for name, values in runs.infos.items():
        signals[f"{_INFO}{name}"] = Signal(values, plane, "1", f"{name} of the environment's info")
    if walk.rates is not None:
        signals["rates"] = Signal(walk.rates, (*plane, "neuron"), "1", "rates that actions read")
    names = {name: list(getattr(walk, name)) for name in _NAMES}
    write_recording(path, Recording(signals, {"kind": _KIND, **names, "facts": walk.facts}))


def read_walk(path: str | Path) -> Walk:
    """Read what :func:`write_walk` wrote.

    Args:
        path: File to read.

    Raises:
        FileNotFoundError: There is no such file.
        FormatError: It is damaged, or a recording of something else.
    """
    found = read_recording(path)
    if (kind := found.attributes.get("kind")) != _KIND:
        raise FormatError(f"{path} must be a walk that `brainnn record` wrote, got {kind!r}")
    data = {name: signal.data for name, signal in found.signals.items()}
    try:
        rollouts = Rollouts(
            **{name: data[name] for name in _PARTS},
            infos={
                name.removeprefix(_INFO): values
                for name, values in data.items()
                if name.startswith(_INFO)
            },
        )
        ids, types, classes = (tuple(found.attributes[name]) for name in _NAMES)
        return Walk(rollouts, data.get("rates"), ids, types, classes, found.attributes["facts"])
    except KeyError as error:
        raise FormatError(f"{path} must be a whole walk, got one without {error}") from None
