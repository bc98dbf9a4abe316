"""What tables call the same thing, said in one word: classes, transmitters, neuropils, types."""

import re
from collections.abc import Sequence

from neuro_common.verbs import suggestion

__all__ = [
    "class_name",
    "known",
    "natural_order",
    "roi_name",
    "roi_names",
    "transmitter_name",
    "type_spellings",
]

_CLASSES = {
    **{name: name for name in ("sensory", "interneuron", "motor", "descending", "ascending")},
    "in": "interneuron",
    "intrinsic": "interneuron",
    "intrinsic neuron": "interneuron",
    "mn": "motor",
    "motor neuron": "motor",
    "motoneuron": "motor",
    "sn": "sensory",
    "sensory neuron": "sensory",
    "dn": "descending",
    "descending neuron": "descending",
    "an": "ascending",
    "ascending neuron": "ascending",
}
_TRANSMITTERS = {
    "ach": "acetylcholine",
    "glu": "glutamate",
    "glut": "glutamate",
    "unknown": "",
    "unclear": "",
    "unk": "",
}


def class_name(text: str) -> str:
    """A class in one word: "IN", "intrinsic neuron" and "interneuron" are all "interneuron".

    A class that has no such word stays as it is.
    """
    return _CLASSES.get(text.strip().lower(), text.strip())


def transmitter_name(text: str) -> str:
    """A transmitter in lower case and in full; "" where a table says unknown or unclear."""
    word = text.strip().lower()
    return _TRANSMITTERS.get(word, word)


def roi_name(text: str) -> str:
    """A neuropil without brackets: `LegNp(T1)(L)` is `LegNpT1_L`, and `ProAN(L)` is `ProANL`."""
    return text.strip().replace(")(", "_").replace("(", "").replace(")", "")


def roi_names(cell: object) -> frozenset[str]:
    """The neuropils of a cell of a table.

    Args:
        cell: A list, or text such as ``"A|B"``, ``"A, B"`` or ``"['A', 'B']"``.
    """
    if isinstance(cell, str):
        parts: Sequence[object] = re.split(r"[|,;]", cell.strip().strip("[]"))
    else:
        parts = cell if isinstance(cell, Sequence) else [cell]
    names = (roi_name(str(part).strip(" '\"")) for part in parts)
    return frozenset(name for name in names if name)


def type_spellings(name: str) -> tuple[str, ...]:
    """A cell type as written, and with `_` for `.` and the reverse: tables spell both ways."""
    return tuple(dict.fromkeys((name, name.replace("_", "."), name.replace(".", "_"))))


def natural_order(name: str) -> tuple[bool, int, str]:
    """Key that sorts ids: numbers first and by size, then names."""
    return (not name.isdecimal(), len(name) if name.isdecimal() else 0, name)


def known(word: str, names: Sequence[str], what: str, where: str) -> str:
    """Let a name pass that is there.

    Args:
        word: The name wanted.
        names: Those that there are.
        what: Of what it is a name, for the message.
        where: What was searched, for the message.

    Raises:
        ValueError: It is not there; the message suggests the nearest, or lists some.
    """
    if word in names:
        return word
    some = ", ".join(sorted(set(names) - {""})[:8]) or "none at all"
    more = " ..." if len(set(names) - {""}) > 8 else ""
    raise ValueError(
        f"{where} has no {what} {word!r}{suggestion(word, list(names))}: it has {some}{more}"
    )
