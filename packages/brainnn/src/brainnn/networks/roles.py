"""Which neurons take the input and which are read out: two disjoint sets, with a path between."""

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches

import numpy as np
from numpy.typing import NDArray

from brainnn.connectome.graph import Connectome
from brainnn.connectome.names import class_name

__all__ = ["Choice", "Roles", "check_path", "choose_roles", "downstream"]

Choice = str | float | Sequence[int] | NDArray[np.integer]
"""A class or cell type, a share or number of neurons to draw, or indices."""


@dataclass(frozen=True, eq=False)
class Roles:
    """Neurons with a task towards the outside.

    Attributes:
        inputs: Neurons that the input reaches, sorted, shape (inputs,).
        outputs: Neurons that are read out, sorted, shape (outputs,).

    Raises:
        ValueError: A set is empty or names a neuron twice, or the two overlap.
    """

    inputs: NDArray[np.intp]
    outputs: NDArray[np.intp]

    def __post_init__(self) -> None:
        for name in ("inputs", "outputs"):
            given = np.asarray(getattr(self, name))
            chosen = np.unique(given).astype(np.intp)
            if given.ndim != 1 or not 0 < len(chosen) == len(given) or chosen[0] < 0:
                raise ValueError(f"{name} must be different neurons, at least one, got {given}")
            object.__setattr__(self, name, chosen)
        if len(both := np.intersect1d(self.inputs, self.outputs)):
            raise ValueError(
                f"no neuron may take input and be read out, got {len(both)} that do, "
                f"the first is {both[0]}"
            )


def choose_roles(
    connectome: Connectome,
    inputs: Choice = "interneuron",
    outputs: Choice = "motor",
    *,
    rng: np.random.Generator | None = None,
) -> Roles:
    """Choose input and read-out neurons.

    A string is a class, such as "interneuron" or "IN", else a cell type. A fraction up to 1.0 is
    that share of all neurons, an integer a number of neurons; they are drawn among those that the
    other choice leaves.

    Args:
        connectome: Whose neurons.
        inputs: Who takes the input.
        outputs: Who is read out.
        rng: For shares and numbers.

    Raises:
        ValueError: A name is unknown, a share is out of its range, the sets overlap, or no path
            leads from the inputs to the read-out.
    """
    taken: dict[str, NDArray[np.intp]] = {}
    # sets that are told come first, so that those that are drawn keep clear of them
    order = sorted((("inputs", inputs), ("outputs", outputs)), key=lambda one: _is_drawn(one[1]))
    for label, choice in order:
        free = np.setdiff1d(np.arange(len(connectome)), [*taken.values()])
        taken[label] = _chosen(connectome, label, choice, free, rng)
    roles = Roles(taken["inputs"], taken["outputs"])
    check_path(connectome, roles)
    return roles


def check_path(connectome: Connectome, roles: Roles) -> None:
    """Refuse roles that no path connects.

    Args:
        connectome: Whose neurons.
        roles: Their roles.

    Raises:
        ValueError: A role is none of the neurons', or no read-out neuron is downstream of an input.
    """
    last = max(roles.inputs[-1], roles.outputs[-1])
    if last >= len(connectome):
        raise ValueError(f"roles must be among {len(connectome)} neurons, got neuron {last}")
    if not downstream(connectome, roles.inputs)[roles.outputs].any():
        raise ValueError(
            f"a path must lead from the {len(roles.inputs)} input neurons of {connectome.name} to "
            f"the {len(roles.outputs)} read-out neurons, got none: choose others"
        )


def downstream(connectome: Connectome, sources: NDArray[np.intp]) -> NDArray[np.bool_]:
    """Which neurons a path of any length leads to, the sources themselves included.

    Args:
        connectome: The wiring.
        sources: Where paths begin, indices.

    Returns:
        Shape (neurons,).
    """
    to_post = (connectome.synapse_count > 0).T.tocsr()
    reached = np.zeros(len(connectome), dtype=bool)
    front = reached.copy()
    front[sources] = True
    while front.any():
        reached |= front
        front = (to_post @ front).astype(bool) & ~reached
    return reached


def _is_drawn(choice: Choice) -> bool:
    return np.ndim(choice) == 0 and not isinstance(choice, str)


def _chosen(
    connectome: Connectome,
    label: str,
    choice: Choice,
    free: NDArray[np.intp],
    rng: np.random.Generator | None,
) -> NDArray[np.intp]:
    if isinstance(choice, str):
        return _named(connectome, label, choice)
    if not _is_drawn(choice):
        return np.asarray(choice, dtype=np.intp)
    number = _number(label, float(choice), isinstance(choice, float), len(connectome))  # type: ignore[arg-type]
    if number > len(free):
        raise ValueError(
            f"{label} must leave neurons to the other set, got {choice} for {number} of "
            f"{len(free)} that are free"
        )
    if rng is None:
        raise ValueError(f"{label}={choice} draws neurons: give a generator as rng")
    return rng.choice(free, number, replace=False)


def _number(label: str, share: float, is_float: bool, neurons: int) -> int:
    number = int(share * neurons) if is_float and share <= 1 else int(share)
    if not np.isfinite(share) or number < 1 or (share > 1 and share % 1):
        raise ValueError(
            f"{label} must be a share in (0, 1] with at least one of {neurons} neurons, or a whole "
            f"number of them, got {share:g}"
        )
    return number


def _named(connectome: Connectome, label: str, name: str) -> NDArray[np.intp]:
    for names, wanted in (
        (connectome.classes, class_name(name)),
        (connectome.classes, name),
        (connectome.types, name),
    ):
        if wanted and len(found := np.flatnonzero(names == wanted)):
            return found
    known = sorted({*connectome.classes.tolist()} - {""})
    types = {*connectome.types.tolist()} - {""}
    near = get_close_matches(name, [*known, *sorted(types)], n=3, cutoff=0.5)
    raise ValueError(
        f"{label} must be a class ({', '.join(known) or 'none is known'}) or cell type of "
        f"{connectome.name}, got {name!r}" + (f"; near: {', '.join(near)}" if near else "")
    )
