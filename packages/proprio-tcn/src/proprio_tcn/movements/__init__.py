"""Movement sets: letters in the air and planned reaches, as muscles feel them.

settings = MovementSettings(arm="human", jitter=0.03, writers=100)
movements = make_movements(open_arm("human"), settings, "train")
batch = movements.batch(range(64), keys=("spindle", "letter"))
"""

from typing import TYPE_CHECKING, Any

__all__ = [
    "LETTERS",
    "FontWriters",
    "MovementSet",
    "MovementSettings",
    "StoredMovements",
    "gauge",
    "generate_movements",
    "make_movements",
    "open_movements",
    "read_uci",
]

if TYPE_CHECKING:
    from proprio_tcn.movements.difficulty import gauge
    from proprio_tcn.movements.generation import generate_movements
    from proprio_tcn.movements.letters import LETTERS
    from proprio_tcn.movements.making import make_movements
    from proprio_tcn.movements.movement_set import MovementSet
    from proprio_tcn.movements.opening import StoredMovements, open_movements
    from proprio_tcn.movements.uci import read_uci
    from proprio_tcn.movements.writers import FontWriters
    from proprio_tcn.movements_config import MovementSettings

_HOMES = {
    "LETTERS": "letters",
    "FontWriters": "writers",
    "MovementSet": "movement_set",
    "StoredMovements": "opening",
    "gauge": "difficulty",
    "generate_movements": "generation",
    "make_movements": "making",
    "open_movements": "opening",
    "read_uci": "uci",
}


def __getattr__(name: str) -> Any:
    from importlib import import_module

    if name == "MovementSettings":
        return import_module("proprio_tcn.movements_config").MovementSettings
    if name in _HOMES:
        return getattr(import_module(f"proprio_tcn.movements.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
