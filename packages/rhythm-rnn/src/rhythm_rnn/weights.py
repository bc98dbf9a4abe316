"""Trained weights: those that ship, those of a training run, and those of the published program."""

import pickle
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from neuro_common.checkpoint import load_checkpoint, save_checkpoint
from neuro_common.files import FormatError
from neuro_common.rate_structure import dale_signs
from neuro_common.rates import RateNetwork
from rhythm_rnn.config import MODELS, EIRateConfig, ModelConfig
from rhythm_rnn.model import Network, build
from rhythm_rnn.task import TRAINED_PERIODS_S, context_cue

__all__ = ["SHIPPED", "Trained", "load", "load_network", "read_published", "save"]

_KIND = "rhythm-rnn/network"
_FOLDER = Path(__file__).parent / "pretrained"
_DEFAULT = "ei_500"
SHIPPED = (_DEFAULT, "ei_100")
"""Names of the networks that come with the package; ``pretrained`` is the first of them."""

_PUBLISHED_KEYS = ("w_ih", "b_ih", "w_hh", "b_hh", "w_ho", "b_ho")
_PUBLISHED_EXCITATORY = 0.8


@dataclass(frozen=True, eq=False)
class Trained:
    """A network and what is known of it.

    Attributes:
        network: The network, ready to run.
        config: Its model and settings.
        facts: What its maker recorded: losses, command, seed.
    """

    network: Network
    config: ModelConfig
    facts: Mapping[str, Any]

    @property
    def trained_cues(self) -> NDArray[np.float64]:
        """Cues of the tempi that it learnt, shape (tempi,); the published ones if none is told."""
        return context_cue(self.facts.get("period_s", TRAINED_PERIODS_S))


def load(source: str | Path = "pretrained") -> Trained:
    """Load a trained network.

    Args:
        source: "pretrained" or one of `SHIPPED`; the directory of a training run; or a ``.pth`` or
            ``.pt`` file of the published program.

    Raises:
        FileNotFoundError: There is nothing of that name.
        FormatError: The file is damaged, of another kind, or of another size than its config says.
    """
    name = str(source)
    if name == "pretrained" or name in SHIPPED:
        return _load_directory(_FOLDER / (_DEFAULT if name == "pretrained" else name))
    path = Path(source)
    if path.is_dir():
        return _load_directory(path)
    if path.is_file():
        return read_published(path)
    raise FileNotFoundError(
        f"weights must be pretrained, {', '.join(SHIPPED)}, the directory of a training run or a "
        f"file of the published program, got {name!r}, which is none of them"
    )


def load_network(source: str | Path = "pretrained") -> RateNetwork:
    """Load a trained rate network, for analyses that need its weights.

    Args:
        source: As for `load`.

    Raises:
        ValueError: It is a network of another kind.
        FileNotFoundError: As for `load`.
        FormatError: As for `load`.
    """
    trained = load(source)
    if not isinstance(trained.network, RateNetwork):
        raise ValueError(
            f"weights must be of a rate network (ei_rate or vanilla), got {trained.config.name}"
        )
    return trained.network


def save(
    directory: str | Path, network: Network, config: ModelConfig, facts: Mapping[str, Any]
) -> None:
    """Write a network as ``weights.safetensors`` and ``manifest.json``.

    Args:
        directory: Directory to write to.
        network: The network.
        config: What it was built from.
        facts: What is to be recorded of it, in plain values.
    """
    parameters = {name: value.detach().cpu() for name, value in network.named_parameters()}
    manifest = {"kind": _KIND, "model": asdict(config), "facts": dict(facts)}
    save_checkpoint(directory, parameters, manifest)


def read_published(path: str | Path) -> Trained:
    """Load a checkpoint of Zemlianova, Bose and Rinzel's program (2024), six tensors.

    Half of its recurrent weights are exactly zero and were never trained; they become missing
    connections. Its second input bias was never used.

    Args:
        path: A file of ``torch.save``; only tensors are read from it, no pickled code.

    Raises:
        FormatError: It is no such file, or its tensors do not belong together.
    """
    try:
        found = torch.load(path, map_location="cpu", weights_only=True)
    except (RuntimeError, pickle.UnpicklingError, EOFError):
        # torch's own message tells to read it in a way that runs code
        raise FormatError(
            f"{path} must be a file of torch.save with tensors only, got another file: give the "
            "directory of a training, or a checkpoint of the published program"
        ) from None
    keys = sorted(found) if isinstance(found, dict) else type(found).__name__
    if keys != sorted(_PUBLISHED_KEYS):
        raise FormatError(f"{path} must hold {', '.join(_PUBLISHED_KEYS)}, got {keys}")
    units = len(found["b_hh"])
    config = EIRateConfig(units=units, excitatory_fraction=_PUBLISHED_EXCITATORY)
    connected = found["w_hh"] != 0
    network = RateNetwork(
        units,
        2,
        1,
        seed=0,
        signs=dale_signs(units, config.excitatory_fraction),
        mask=connected if connected.shape == (units, units) else None,
        dtype=found["w_hh"].dtype,
    )
    inputs = found["w_ih"]
    tensors = {
        "input_weight": inputs.T if inputs.shape == (2, units) else inputs,
        "recurrent_weight": found["w_hh"],
        "output_weight": found["w_ho"].reshape(1, -1),
        "bias": found["b_hh"],
        "output_bias": found["b_ho"].reshape(-1),
    }
    _fill(network, tensors, path)
    return Trained(network, config, {"source": "published program"})


def _load_directory(path: Path) -> Trained:
    arrays, manifest = load_checkpoint(path)
    if manifest.get("kind") != _KIND:
        raise FormatError(f"{path} must hold a network of rhythm-rnn, got {manifest.get('kind')!r}")
    model: dict[str, Any] = manifest.get("model") or {}
    name = model.get("name", "")
    if name not in MODELS:
        raise FormatError(f"{path} must be of a model in {[*MODELS]}, got {name!r}")
    try:
        config = MODELS[name](**model)
        network = build(config, seed=0)
    except (TypeError, ValueError) as error:
        raise FormatError(f"{path} must have a config of {name}: {error}") from None
    _fill(network, arrays, path)
    return Trained(network, config, manifest.get("facts", {}))


def _fill(network: Network, tensors: Mapping[str, Any], path: str | Path) -> None:
    """Put tensors in the place of a network's parameters, all of them and no others."""
    wanted = {name: tuple(value.shape) for name, value in network.named_parameters()}
    given = {name: torch.from_numpy(np.asarray(value)) for name, value in tensors.items()}
    found = {name: tuple(value.shape) for name, value in given.items()}
    if found != wanted:
        raise FormatError(f"{path} must hold tensors of shapes {wanted}, got {found}")
    for name, parameter in network.named_parameters():
        if not bool(given[name].isfinite().all()):
            raise FormatError(f"{path} must hold finite weights, got NaN or infinity in {name}")
        parameter.data.copy_(given[name])
