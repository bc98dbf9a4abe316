"""What the verbs on connectomes can be told, as plain dataclasses."""

from dataclasses import dataclass, field
from typing import Any

__all__ = [
    "ConnectomeBuildConfig",
    "ConnectomeCompareConfig",
    "ConnectomeConfig",
    "ConnectomeInfoConfig",
    "ConnectomePlotConfig",
]

_NULLS = ("rewired", "weights", "signs", "random", "layers")
_DEPTHS = ("trophic", "layers", "hops")


@dataclass
class ConnectomeConfig:
    """Which connectome, and what of it; the steps are taken in this order.

    Attributes:
        source: "surrogate", "worm", "neuprint", or a file: a table of edges (CSV, Feather,
            Parquet), .npz, .graphml, published .json or .npy.
        options: What the source is told, such as ``options.nodes=nodes.csv`` of a table of edges,
            ``options.seed=3`` of the surrogate, ``options.graph=standard_leg`` of a JSON file.
        threshold: Fewest synapses of a connection.
        hops: Longest path from or to ``hops_from``, in connections.
        hops_from: Ids of neurons.
        direction: Of these paths: "downstream", "upstream" or "both".
        type_list: File of lines NAME(count): the neurons of a published circuit.
        serial_sets: Table of the serial sets that the list names.
        types: Cell types to keep; none keeps all.
        classes: Classes to keep, such as [interneuron,motor]; none keeps all.
        roi: Neuropil that neurons must send to.
        pattern: Regular expression that a type must hold.
        absent: "refuse" or "drop" names that the source lacks.
    """

    source: str = "surrogate"
    options: dict[str, Any] = field(default_factory=dict)
    threshold: int = 1
    hops: int | None = None
    hops_from: list[str] = field(default_factory=list)
    direction: str = "both"
    type_list: str | None = None
    serial_sets: str | None = None
    types: list[str] = field(default_factory=list)
    classes: list[str] = field(default_factory=list)
    roi: str | None = None
    pattern: str | None = None
    absent: str = "refuse"


@dataclass
class ConnectomeBuildConfig(ConnectomeConfig):
    """`brainnn connectome build`: write a connectome, or a null model of it, as one file.

    Attributes:
        name: What to call it; None keeps its name.
        null: Write a null model: "rewired", "weights", "signs", "random" or "layers".
        seed: Of the null model.
        moved: Least part of the edges that a rewired one has at new places.
        graphml: Write it as GraphML too.
    """

    name: str | None = None
    null: str | None = None
    seed: int = 0
    moved: float = 0.9
    graphml: bool = False

    def __post_init__(self) -> None:
        if self.null is not None:
            _check_among("null", self.null, _NULLS)


@dataclass
class ConnectomeInfoConfig(ConnectomeConfig):
    """`brainnn connectome info`: what is in a connectome, and its measures."""


@dataclass
class ConnectomePlotConfig(ConnectomeConfig):
    """`brainnn connectome plot`: matrix, layers and degrees.

    Attributes:
        depth: Where neurons stand from left to right: by "trophic" depth, by "layers" of a
            colouring, or by "hops" from neurons of class ``begin``.
        begin: Class that hops begin at.
    """

    depth: str = "trophic"
    begin: str = "sensory"

    def __post_init__(self) -> None:
        _check_among("depth", self.depth, _DEPTHS)


@dataclass
class ConnectomeCompareConfig(ConnectomeConfig):
    """`brainnn connectome compare`: measures of a connectome beside others and its null models.

    Attributes:
        others: Further names or files, as they are: build a part of a connectome first.
        nulls: Null models to draw of the first one.
        draws: How many of each.
        seed: Of the draws.
        moved: Least part of the edges that a rewired one has at new places.

    Raises:
        ValueError: A statistic or null model is unknown, or draws is below 1.
    """

    others: list[str] = field(default_factory=list)
    nulls: list[str] = field(default_factory=lambda: [*_NULLS])
    draws: int = 10
    seed: int = 0
    moved: float = 0.9

    def __post_init__(self) -> None:
        for kind in self.nulls:
            _check_among("nulls", kind, _NULLS)
        if self.draws < 1:
            raise ValueError(f"draws must be at least 1, got {self.draws}")


def _check_among(option: str, value: str, valid: tuple[str, ...]) -> None:
    if value not in valid:
        raise ValueError(f"{option} must be of {', '.join(valid)}, got {value!r}")
