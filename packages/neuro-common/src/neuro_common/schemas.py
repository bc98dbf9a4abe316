"""A verb's schema with what every verb has, found again by name where a launcher sends a job."""

from dataclasses import field, make_dataclass
from functools import cache
from typing import Any

from neuro_common.verbs import load

__all__ = ["schema_of"]


@cache
def schema_of(reference: str) -> type[Any]:
    """The dataclass that types a verb's config: its schema, and ``sweep`` and ``resume``.

    Pickling keeps its name only, since older cloudpickles lose the fields of a class that they
    pickle whole; a checking ``__post_init__`` would then see the defaults.

    Args:
        reference: ``"module:Class"`` of the schema.
    """
    schema = load(reference)
    shared: list[tuple[str, type, Any]] = [
        ("sweep", str, field(default="${now:%Y-%m-%d_%H-%M-%S}")),
        ("resume", bool, field(default=False)),
    ]
    made = make_dataclass(schema.__name__, shared, bases=(schema,))
    # a dot would mean a class within a class
    made.__module__, made.__qualname__ = __name__, reference.replace(".", "/")
    return made


def __getattr__(name: str) -> type[Any]:
    """What unpickling asks for: a schema, by its qualified name."""
    if ":" not in name:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return schema_of(name.replace("/", "."))
