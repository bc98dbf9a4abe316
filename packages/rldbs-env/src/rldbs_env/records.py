"""Tests and what they are made of as plain values that files can hold, and back."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from typing import Any

import numpy as np

from rldbs_env.catalogue import MODELS
from rldbs_env.controllers import CONTROLLERS
from rldbs_env.delivery import Delivery
from rldbs_env.disturbances import (
    ActionNoise,
    CouplingDrift,
    CurrentDrift,
    ElectrodeDrift,
    Encapsulation,
    ObservationNoise,
    PulseLoss,
    Variety,
)
from rldbs_env.kuramoto import Contact
from rldbs_env.models import BonhoefferVanDerPol
from rldbs_env.networks import Network
from rldbs_env.protocol import Protocol
from rldbs_env.pulses import Pulse
from rldbs_env.reward import AbsoluteReward, QuadraticReward

__all__ = ["DISTURBANCES", "Named", "NamedNetwork", "protocol_of", "record_of"]

DISTURBANCES = (
    ObservationNoise, ActionNoise, PulseLoss, CouplingDrift, CurrentDrift, ElectrodeDrift,
    Encapsulation,
)  # fmt: skip
"""Every disturbance of this package."""

_CLASSES = (
    Contact, Pulse, Delivery, Variety, QuadraticReward, AbsoluteReward, *DISTURBANCES,
    *CONTROLLERS.values(),
)  # fmt: skip
_KINDS: dict[str, Any] = {one.__name__: one for one in _CLASSES} | MODELS
_NAMES = {kind: name for name, kind in _KINDS.items()}
_NETWORK, _OTHER = "Network", "other"


@dataclass(frozen=True)
class Named:
    """Something that a file knows by its name only; a test that has it cannot be run again.

    Attributes:
        name: What it called itself.
    """

    name: str


class NamedNetwork(Network):
    """A network that a file knows by its digest only; it equals the network that has it.

    Args:
        digest: The network's.
        n_neurons: Its number of neurons.
    """

    def __init__(self, digest: str, n_neurons: int) -> None:
        object.__setattr__(self, "digest", digest)
        object.__setattr__(self, "_n_neurons", n_neurons)

    @property
    def n_neurons(self) -> int:
        """Number of neurons."""
        return int(vars(self)["_n_neurons"])

    @property
    def largest_input(self) -> float:
        """Not known.

        Raises:
            ValueError: It is a network that only its name is known of.
        """
        raise ValueError(self._unknown())

    def check(self, n_neurons: int) -> None:
        """Refuse to be run.

        Raises:
            ValueError: Always.
        """
        raise ValueError(self._unknown())

    def _unknown(self) -> str:
        return (
            f"the connections of network {self.digest[:12]} are not in the file: to run this test "
            "again, put the network itself into its model"
        )

    def __repr__(self) -> str:
        return f"NamedNetwork({self.digest!r}, {self.n_neurons})"

    def __reduce__(self) -> tuple[Any, ...]:
        return NamedNetwork, (self.digest, self.n_neurons)


def record_of(protocol: Protocol) -> dict[str, Any]:
    """A test as plain values: numbers, texts, lists and dicts.

    Models, disturbances and the like are dicts with the name of their ``kind``; a network is kept
    by its digest, and what is no part of this package by its name.
    """
    return {entry.name: _plain(getattr(protocol, entry.name)) for entry in fields(protocol)}


def protocol_of(record: Mapping[str, Any]) -> Protocol:
    """The test that `record_of` described.

    Raises:
        KeyError, TypeError, ValueError: If it describes none, or a model of another package.
    """
    settings = {name: _value(plain) for name, plain in record.items()}
    model = record["model"]
    if "kind" not in model:  # before there were others
        settings["model"] = BonhoefferVanDerPol(**model)
    elif isinstance(settings["model"], Named):
        raise ValueError(
            f"the model {settings['model'].name} is none of {', '.join(MODELS)}: only what is in "
            "the tables can be read"
        )
    return Protocol(**settings)


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, np.generic):
        return _plain(value.item())
    if isinstance(value, float):
        return value if math.isfinite(value) else {"kind": "float", "name": str(value)}
    if isinstance(value, list | tuple | range | np.ndarray):
        return [_plain(one) for one in value]
    if isinstance(value, Network):
        return {"kind": _NETWORK, "digest": value.digest, "n_neurons": value.n_neurons}
    name = _NAMES.get(type(value))
    if name is None or not is_dataclass(value):
        known = value.name if isinstance(value, Named) else type(value).__name__
        return {"kind": _OTHER, "name": known}
    own = [entry.name for entry in fields(value) if entry.init]
    return {"kind": name} | {one: _plain(getattr(value, one)) for one in own}


def _value(plain: Any) -> Any:
    if isinstance(plain, list):
        return tuple(_value(one) for one in plain)
    if not isinstance(plain, dict) or "kind" not in plain:
        return plain
    entries = {name: _value(one) for name, one in plain.items() if name != "kind"}
    kind = plain["kind"]
    if kind == "float":
        return float(entries["name"])
    if kind == _NETWORK:
        return NamedNetwork(**entries)
    if kind == _OTHER:
        return Named(**entries)
    if kind not in _KINDS:
        raise ValueError(f"kind must be one of {', '.join(_KINDS)}, got {kind!r}")
    return _KINDS[kind](**entries)
