"""Networks that are read out: trained ones, their untrained beginnings, and untrained draws."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from proprio_tcn.neural.controls import control_input
from proprio_tcn.neural.features import Features, layer_features, spindle_input
from proprio_tcn.neural.protocol import Protocol
from proprio_tcn.neural.recording import Recording
from proprio_tcn.neural.targets import Targets

if TYPE_CHECKING:
    from proprio_tcn.networks.settings import TrunkSettings
    from proprio_tcn.networks.trunk import Trunk

__all__ = [
    "NamedNetwork",
    "network_features",
    "network_input",
    "of_muscles",
    "open_networks",
]

_MOVING = "_movement_r2"
_UNTRAINED = "untrained"
_MANIFEST = "manifest.json"
_NUMBERED = "muscle "  # names that a reader gave where the file has none


@dataclass(frozen=True, eq=False)
class NamedNetwork:
    """A network without its head, and what is known of it.

    Attributes:
        name: What tables call it.
        trunk: In evaluation mode, on the device it computes on.
        muscles: Names of the muscles that it sees; None sees those of the recording.
        task: What it was taught, or "untrained".
        performance: How well it does its task, greater is better; NaN for an untrained one.
        seed: Of its first weights.
        standardise: Its input is scaled by the session's own training windows; its trunk knows no
            scale.
        input_number: 1 for what the first trained network sees; others count on where scale,
            encoder or muscles differ.
    """

    name: str
    trunk: "Trunk"
    muscles: tuple[str, ...] | None
    task: str
    performance: float = float("nan")
    seed: int = 0
    standardise: bool = False
    input_number: int = 1

    @property
    def input(self) -> str:
        """How it sees spindles: "as trained", scaled by the "session", or "raw" in mm and mm/s.

        Further inputs of trained networks are numbered, as in "as trained, input 2".
        """
        if self.standardise:
            return "session"
        told = "as trained" if hasattr(self.trunk, "input_scale") else "raw"
        return told if self.input_number == 1 else f"{told}, input {self.input_number}"

    def row(self) -> dict[str, Any]:
        """Its facts, as a row of a table."""
        geometry = self.trunk.geometry
        return {
            "model": self.name,
            "task": self.task,
            "architecture": self.trunk.settings.name(),
            "family": self.trunk.settings.family,
            "layers": len(geometry),
            "parameters": sum(one.parameters for one in geometry),
            "performance": self.performance,
            "seed": self.seed,
            "input": self.input,
            "settings": json.dumps(self.trunk.settings.facts()),
        }


def open_networks(
    directories: Sequence[str | Path],
    recording: Recording,
    *,
    untrained: bool = True,
    draws: int = 0,
    device: str = "cpu",
) -> list[NamedNetwork]:
    """Load networks, and build untrained ones beside them.

    All see one input, so that only their weights differ: an untrained network has the input scale
    of the trained one that it stands beside. Draws, and those that are asked for by their model,
    have muscles, encoder and scale of the first trained one, raw spindles if that saw them. Without
    a trained one they see the session's muscles in standard deviations over its training windows.

    Args:
        directories: Of trained networks, folders above them such as that of a sweep, names of those
            that ship, or "untrained/MODEL" and "untrained/MODEL/SEED", with the first weights that
            a training with this seed would begin with.
        recording: Whose muscles untrained draws see.
        untrained: Add each architecture and seed as it was before training, once for each input.
        draws: Further untrained architectures from the published search space.
        device: Where they compute.

    Raises:
        FileNotFoundError: A directory holds no network.
        FormatError: Its files are damaged.
        ValueError: There is no such model, or the recording has no muscles.
    """
    import torch

    from proprio_tcn.networks.sampling import sample_trunk
    from proprio_tcn.networks.trunk import build_trunk
    from proprio_tcn.training.input_scale import ScaledTrunk
    from proprio_tcn.training.shipped import each_network
    from proprio_tcn.training.trained import load_network

    found: dict[str, NamedNetwork] = {}
    inputs: list[NamedNetwork] = []
    by_model = [one for one in directories if _is_model(one)]
    given = each_network([one for one in directories if one not in by_model])
    for directory in chain.from_iterable(map(_networks_in, given)):
        trained = load_network(directory, device=device)
        network, settings = trained.network, trained.network.trunk.settings
        name = f"{trained.task.name} {settings.name()} {network.seed}"
        if name in found:
            name = f"{name} {Path(directory).name}"
        told, again = name, 2
        while name in found:
            name, again = f"{told} {again}", again + 1
        found[name] = one = NamedNetwork(
            name,
            network.trunk.eval(),
            trained.muscles,
            trained.task.name,
            _performance(trained.metrics),
            network.seed,
        )
        number = next((n for n, other in enumerate(inputs) if _see_alike(one, other)), len(inputs))
        found[name] = one = replace(one, input_number=number + 1)
        inputs += [one] if number == len(inputs) else []
        first = f"untrained {settings.name()} {network.seed}"
        first += f" input {one.input_number}" if number else ""
        if untrained and first not in found:
            trunk = trained.begin().network.trunk.to(torch.device(device)).eval()
            found[first] = replace(
                one, name=first, trunk=trunk, task=_UNTRAINED, performance=float("nan")
            )
    like = next(iter(found.values()), None)
    muscles = None if like is None else like.muscles
    if (by_model or draws) and not (muscles or recording.muscles):
        raise ValueError(
            "untrained networks see muscle lengths, of which the recording has none: give draws=0 "
            "and no networks, or a recording with them, such as one of `proprio-tcn inputs`"
        )
    asked = [_first_weights(Path(one).as_posix()) for one in by_model]
    for draw in range(draws):
        settings = sample_trunk(draw)
        asked.append((f"untrained draw {draw} {settings.name()}", settings, draw))
    for name, settings, seed in asked:
        if name in found:
            continue
        trunk = build_trunk(settings, len(muscles or recording.muscles), seed)
        if like is not None and isinstance(like.trunk, ScaledTrunk):
            trunk = ScaledTrunk.of(trunk, encoding=like.trunk.encoding)
            trunk.input_mean.copy_(like.trunk.input_mean)
            trunk.input_scale.copy_(like.trunk.input_scale)
        trunk = trunk.to(torch.device(device)).eval()
        found[name] = NamedNetwork(
            name, trunk, muscles, "untrained", seed=seed, standardise=like is None
        )
    return list(found.values())


def _see_alike(one: NamedNetwork, other: NamedNetwork) -> bool:
    """Whether networks see the same muscles, encoded and scaled alike."""
    encodings = [getattr(network.trunk, "encoding", None) for network in (one, other)]
    facts, others = (None if found is None else found.facts() for found in encodings)
    scales, further = (list(network.trunk.buffers()) for network in (one, other))
    return (one.muscles, facts, len(scales)) == (other.muscles, others, len(further)) and all(
        mine.allclose(theirs, rtol=1e-4) for mine, theirs in zip(scales, further, strict=True)
    )


def _is_model(name: str | Path) -> bool:
    return Path(name).parts[:1] == (_UNTRAINED,) and not Path(name).is_dir()


def _first_weights(name: str) -> "tuple[str, TrunkSettings, int]":
    """What tables call an untrained network that is asked for by its model, its trunk, its seed."""
    from proprio_tcn.network_config import TRUNKS, trunk_settings

    model, _, told = name.removeprefix(f"{_UNTRAINED}/").partition("/")
    seed, models = told or "0", [one for one in TRUNKS if one != "sampled"]
    if model not in models or not seed.isdecimal():
        raise ValueError(
            f"an untrained network must be untrained/MODEL or untrained/MODEL/SEED, with one of "
            f"{', '.join(models)}, got {name!r}; draws=N takes N from the published search space"
        )
    settings = trunk_settings(TRUNKS[model]())
    return f"{_UNTRAINED} {settings.name()} {int(seed)}", settings, int(seed)


def network_features(
    networks: Sequence[NamedNetwork],
    targets: Targets,
    protocol: Protocol,
    *,
    control: str | None = None,
    seed: int = 0,
    device: str = "cpu",
    batch: int = 64,
) -> Iterator[Features]:
    """Features of every layer of every network, one network after another.

    Args:
        networks: Which.
        targets: Whose recording and windows they see.
        protocol: Placement, padding, components.
        control: As for `network_input`.
        seed: Of the control.
        device: Where the networks are.
        batch: Windows seen at once.

    Raises:
        ValueError: The recording lacks a muscle that a network sees.
    """
    inputs: dict[tuple[str, ...] | None, NDArray[np.float32]] = {}
    for one in networks:
        if one.muscles not in inputs:
            spindle = network_input(targets, protocol, one.muscles, control=control, seed=seed)
            inputs[one.muscles] = spindle
        yield from layer_features(
            one.name,
            _standardising(one, targets, protocol) if one.standardise else one.trunk,
            inputs[one.muscles],
            targets.windows,
            targets.split.train,
            placement=protocol.placement,
            components=protocol.components,
            batch=batch,
            device=device,
            compat=protocol.compat,
        )


def network_input(
    targets: Targets,
    protocol: Protocol,
    muscles: tuple[str, ...] | None,
    *,
    control: str | None = None,
    seed: int = 0,
) -> NDArray[np.float32]:
    """What networks see in the windows of targets, see `spindle_input`.

    Args:
        targets: Cut from a recording of muscle lengths.
        protocol: Placement and padding.
        muscles: That are seen, in order; None for those of the recording.
        control: One of `proprio_tcn.neural.controls.CONTROLS`, or None.
        seed: Of the control.

    Returns:
        Shape (windows, muscles, bins, 2).

    Raises:
        ValueError: The recording lacks a muscle, or there is none.
    """
    if targets.recording is None:
        raise ValueError("networks need targets that were cut from a recording of muscle lengths")
    seen = of_muscles(targets.recording, muscles or targets.recording.muscles)
    way = protocol.placement
    spindle = spindle_input(seen, targets.windows, placement=way, padding=protocol.padding)
    if control is None:
        return spindle
    return control_input(spindle, targets.windows, control, placement=way, seed=seed)


def _networks_in(directory: str | Path) -> "list[str | Path]":
    """A network; or all below a folder that is none, such as that of a sweep."""
    from proprio_tcn.training.shipped import find_network

    folder = find_network(directory)
    below = [] if (folder / _MANIFEST).exists() else folder.rglob(_MANIFEST)
    return sorted(path.parent for path in below) or [directory]


def of_muscles(recording: Recording, muscles: tuple[str, ...]) -> Recording:
    """A recording with the muscles that a network sees, in its order.

    Muscles that a reader had to number are taken as they come, if they are as many.

    Raises:
        ValueError: The recording lacks one of them.
    """
    own = recording.muscles
    if own == muscles:
        return recording
    numbered = bool(own) and all(one.startswith(_NUMBERED) for one in own)
    if numbered and len(own) == len(muscles):
        place = list(range(len(own)))
    elif lacking := [one for one in muscles if one not in own]:
        raise ValueError(
            f"the recording must hold the network's {len(muscles)} muscles, but it lacks "
            f"{len(lacking)} of them, such as {lacking[0]}; it has {len(own)}: "
            f"{', '.join(own[:4])}{', ...' if len(own) > 4 else ''}; train networks on the arm of "
            "this recording (`proprio-tcn train drawn.arm=MODEL.osim`), or take untrained ones "
            "(draws=2)"
        )
    else:
        place = [own.index(one) for one in muscles]
    kinematics = {
        name: values[..., place] if name.startswith("muscle_") else values
        for name, values in recording.kinematics.items()
    }
    return replace(recording, kinematics=kinematics, muscles=muscles)


def _standardising(one: NamedNetwork, targets: Targets, protocol: Protocol) -> "Trunk":
    """Its trunk with the scale of the training windows, as they were before any control."""
    from proprio_tcn.training.batches import ArrayMovements
    from proprio_tcn.training.input_scale import ScaledTrunk, spindle_scale

    spindle = network_input(targets, protocol, one.muscles)[targets.split.train]
    since = np.arange(spindle.shape[2]) - protocol.placement
    moving = (since >= 0) & (since < targets.windows.length[targets.split.train, None])
    seen = ArrayMovements(one.muscles or (), {"spindle": spindle, "moving": moving})
    return ScaledTrunk.of(one.trunk, spindle_scale(seen)).eval()


def _performance(metrics: dict[str, float]) -> float:
    """Accuracy or mean R2 in movement, of the test or else the validation; NaN if unknown."""
    for part in ("test_", "validation_"):
        for name in ("accuracy", "probe_accuracy"):
            if part + name in metrics:
                return float(metrics[part + name])
        of_targets = [
            value
            for name, value in metrics.items()
            if name.startswith(part) and name.endswith(_MOVING)
        ]
        if of_targets:
            return float(np.mean(of_targets))
    return float("nan")
