"""Epidural stimulation of the spinal cord to leg muscles, and back to the best stimulation.

>>> from spinal_rnn import configuration_name, parse_configuration
>>> vector = parse_configuration("cath4_an3_5")
>>> vector[[3, 4, 5]].tolist()
[0.5, -1.0, 0.5]
>>> configuration_name(vector)
'cath4_an3_5'
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from spinal_rnn.conditions import (
        Conditions,
        configuration,
        configuration_name,
        parse_configuration,
    )
    from spinal_rnn.lead import SPECIFY_565, Lead
    from spinal_rnn.muscles import MUSCLES
    from spinal_rnn.session import Session, read_session

__all__ = [
    "MUSCLES",
    "SPECIFY_565",
    "Conditions",
    "Lead",
    "Session",
    "configuration",
    "configuration_name",
    "parse_configuration",
    "read_session",
]

_HOMES = {
    "MUSCLES": "muscles",
    "SPECIFY_565": "lead",
    "Conditions": "conditions",
    "Lead": "lead",
    "Session": "session",
    "configuration": "conditions",
    "configuration_name": "conditions",
    "parse_configuration": "conditions",
    "read_session": "session",
}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(f"spinal_rnn.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'spinal_rnn' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
