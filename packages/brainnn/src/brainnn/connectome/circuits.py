"""The circuits of the MANC papers: neurons by a list of cell types and serial sets."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np

from brainnn.connectome.columns import read_columns
from brainnn.connectome.graph import Connectome
from brainnn.connectome.names import known, natural_order, roi_name, type_spellings
from neuro_common.files import FormatError

__all__ = ["SerialSets", "TypeList", "listed_neurons", "read_serial_sets", "read_type_list"]

SerialSets = Mapping[str, Mapping[str, str]]
"""Body ids of each serial set, and the neuropil that each body is there for."""

_LINE = re.compile(r"(?P<name>.+?)\s*\((?P<count>\d+)\)")


@dataclass(frozen=True)
class TypeList:
    """The names of a circuit: cell types, or serial sets of homologous neurons of each leg.

    Attributes:
        premotor: Neurons that the list counts, by name.
        motor: The same for motor neurons.
    """

    premotor: Mapping[str, int]
    motor: Mapping[str, int]

    def __iter__(self) -> Iterator[str]:
        """All names, premotor ones first."""
        return iter((*self.premotor, *self.motor))


def read_type_list(path: str | Path) -> TypeList:
    """Read lines `NAME(count)`, premotor neurons first, motor neurons after an empty line.

    Raises:
        FileNotFoundError: There is no such file.
        FormatError: A line is another, a name comes twice, or there is none.
    """
    parts: list[dict[str, int]] = [{}]
    for number, line in enumerate(Path(path).read_text(encoding="utf-8").splitlines(), start=1):
        if not line.strip():
            if parts[-1]:
                parts.append({})
            continue
        if not (match := _LINE.fullmatch(line.strip())):
            raise FormatError(f"{path} must hold NAME(count), got {line!r} in line {number}")
        if any(match["name"] in part for part in parts):
            raise FormatError(f"{path} must name {match['name']} once, got it again, line {number}")
        parts[-1][match["name"]] = int(match["count"])
    premotor, *rest = [part for part in parts if part] or [{}]
    if not premotor or len(rest) > 1:
        raise FormatError(
            f"{path} must hold premotor neurons and, after one empty line, motor neurons, got "
            f"{len(rest) + bool(premotor)} parts"
        )
    return TypeList(premotor, rest[0] if rest else {})


def read_serial_sets(path: str | Path) -> SerialSets:
    """Read the table of serial sets: plot_name, bodyid and target, as the paper has them.

    Raises:
        FileNotFoundError: There is no such file.
        FormatError: The table is damaged, lacks a column, or names a body twice in one set.
    """
    columns = {"set": ("plot_name",), "id": ("bodyid", "bodyId", "body_id"), "roi": ("target",)}
    table = read_columns(path, columns)
    sets: dict[str, dict[str, str]] = {}
    for name, body, roi in zip(table["set"], table["id"], table["roi"], strict=True):
        bodies = sets.setdefault(str(name), {})
        if str(body) in bodies:
            raise FormatError(f"{path} must name a body once in {name}, got {body} again")
        bodies[str(body)] = roi_name(str(roi))
    return sets


def listed_neurons(
    connectome: Connectome,
    names: TypeList | Sequence[str],
    sets: SerialSets | None = None,
    *,
    absent: Literal["refuse", "drop"] = "refuse",
) -> Connectome:
    """The neurons of a list, sorted by id.

    A name is a serial set where ``sets`` has it, else a cell type, spelled with `_` or with `.`.
    Bodies of a set send, for this purpose, to the neuropil that the set names, and those of a type
    wherever the connectome says; `brainnn.connectome.selection.with_roi` then takes one leg's.

    Args:
        connectome: The whole, or enough of it.
        names: What the circuit is made of.
        sets: Serial sets.
        absent: What to do with a name, or a body of a set, that the connectome lacks.

    Raises:
        ValueError: A name is absent and not to be dropped, or no neuron is left.
    """
    if absent not in ("refuse", "drop"):
        raise ValueError(f"absent must be 'refuse' or 'drop', got {absent!r}")
    place = {name: index for index, name in enumerate(connectome.ids.tolist())}
    rois: dict[int, frozenset[str]] = {}
    for name in names:
        bodies = _bodies(connectome, name, (sets or {}).get(name), place, absent)
        for index, sends in bodies.items():
            rois[index] = rois.get(index, frozenset()) | sends
    chosen = sorted(rois, key=lambda index: natural_order(str(connectome.ids[index])))
    circuit = connectome.take(np.array(chosen, dtype=np.intp))
    return replace(circuit, rois=tuple(rois[index] for index in chosen))


def _bodies(
    connectome: Connectome,
    name: str,
    members: Mapping[str, str] | None,
    place: Mapping[str, int],
    absent: str,
) -> dict[int, frozenset[str]]:
    """Neuropils of each neuron that a name means."""
    if members is not None:
        if absent == "refuse":
            connectome.index_of([*members])
        return {place[b]: frozenset({roi}) for b, roi in members.items() if b in place}
    indices = np.flatnonzero(np.isin(connectome.types, type_spellings(name)))
    if not len(indices) and absent == "refuse":
        known(name, connectome.types.tolist(), "type or serial set", connectome.name)
    return {int(index): connectome.rois[index] for index in indices}
