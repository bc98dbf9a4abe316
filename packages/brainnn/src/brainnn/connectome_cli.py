"""The verbs on connectomes: build, look at, draw and compare."""

from collections.abc import Sequence
from dataclasses import fields, replace
from typing import TYPE_CHECKING

from brainnn.connectome_config import ConnectomeConfig

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from brainnn.connectome.graph import Connectome
    from brainnn.connectome_config import (
        ConnectomeBuildConfig,
        ConnectomeCompareConfig,
        ConnectomeInfoConfig,
        ConnectomePlotConfig,
    )
    from neuro_common.runs import Run

__all__ = ["build", "compare_graphs", "configured_connectome", "describe", "info", "plot"]

_SHOWN_TYPES = 12
_PANELS = (
    "reciprocity",
    "largest strongly connected part",
    "excitatory edges",
    "in-degree, most",
    "out-degree, most",
    "spectral radius, counts",
)


def build(config: "ConnectomeBuildConfig", run: "Run") -> float:
    """Write a connectome as npz; returns the number of its edges."""
    import numpy as np

    from brainnn.connectome.formats import save_connectome, save_graphml
    from brainnn.connectome.nulls import null_model

    graph = configured_connectome(config)
    if config.null is not None:
        rng = np.random.default_rng(config.seed)
        graph = null_model(graph, config.null, rng, moved=config.moved)
    if config.name is not None:
        graph = replace(graph, name=config.name)
    save_connectome(run.path("connectome.npz"), graph)
    if config.graphml:
        save_graphml(run.path("connectome.graphml"), graph)
    print("\n".join([*describe(graph), "", f"connectome={run.path('connectome.npz')}"]))
    return float(graph.edges)


def info(config: "ConnectomeInfoConfig", run: "Run") -> float:
    """Tell what is in a connectome; returns the number of its edges."""
    from brainnn.connectome.compare import measures

    graph = configured_connectome(config)
    lines = [f"{name:34}{value:.5g}" for name, value in measures(graph).items()]
    print("\n".join([*describe(graph), "", *lines]))
    return float(graph.edges)


def plot(config: "ConnectomePlotConfig", run: "Run") -> float:
    """Draw a connectome on one page; returns the number of its edges."""
    from brainnn.figures.measures import draw_degrees
    from brainnn.figures.wiring import draw_layers, draw_matrix
    from neuro_common.report import Report

    graph = configured_connectome(config)
    shown, depth, label = _ordered(graph, config.depth, config.begin)
    lines = describe(graph)
    captions = {
        draw_matrix(graph, run.path("figures", "matrix")): "Who synapses onto whom: neurons by "
        "class, sign and type; each edge has the colour of its source's sign.",
        draw_layers(shown, depth, run.path("figures", "layers"), x_label=label): "Neurons by "
        f"{label}; {len(graph) - len(shown)} that no path reaches are left out, those without "
        "edges are hollow. Heights bring connected neurons together and mean nothing else.",
        draw_degrees([graph], run.path("figures", "degrees")): "Part of the neurons with at least "
        "so many partners, and of the edges with at least so many synapses.",
    }
    page = Report(run.directory, f"brainnn: the connectome {graph.name}")
    page.text(" ".join(line.strip() for line in lines)).figures(captions).write()
    print("\n".join([*lines, "", f"report={run.path('report.html')}"]))
    return float(graph.edges)


def compare_graphs(config: "ConnectomeCompareConfig", run: "Run") -> None:
    """Measure a connectome beside others and its null models, and write the table."""
    from math import isfinite

    from brainnn.connectome.compare import compare, measures
    from brainnn.connectome.sources import open_connectome
    from brainnn.figures.measures import draw_degrees, draw_nulls
    from neuro_common.report import Report
    from neuro_common.runs import write_csv

    graph = configured_connectome(config)
    graphs = [graph, *map(open_connectome, config.others)]
    table = compare(graphs)
    names = [str(name) for name in table["measure"]]
    drawn = _null_measures(graph, config)
    draws = {
        f"{kind}, draw {number}": [drawn[kind][name][number] for name in names]
        for kind in drawn
        for number in range(config.draws)
    }
    write_csv(run.path("measures.csv"), {**table, **draws})
    shown = {heading: [_number(cell) for cell in column] for heading, column in table.items()}
    shown |= {kind: [_spread(drawn[kind][name]) for name in names] for kind in drawn}
    page = Report(run.directory, "brainnn: connectomes compared")
    page.text(
        f"{len(graphs)} connectome{'s' * (len(graphs) > 1)}, and {config.draws} draws of each of "
        f"{len(drawn)} null models of {graph.name}."
    )
    page.table(shown, "Measures; null models as mean and standard deviation over their draws.")
    if drawn:
        real = measures(graph)
        panels = {
            name: {graph.name: [real[name]], **{kind: drawn[kind][name] for kind in drawn}}
            for name in _PANELS
            if isfinite(real[name])
        }
        page.figure(
            draw_nulls(panels, run.path("figures", "nulls")),
            f"Measures of {graph.name} (line) and of its null models (a dot for each draw).",
        )
    page.figure(
        draw_degrees(graphs, run.path("figures", "degrees")),
        "Part of the neurons with at least so many partners, and of the edges with at least so "
        "many synapses.",
    )
    page.write()
    print("\n".join([*_table(shown), "", f"report={run.path('report.html')}"]))


def _null_measures(
    graph: "Connectome", config: "ConnectomeCompareConfig"
) -> dict[str, dict[str, list[float]]]:
    """Measures of each draw, by the kind of null model and the name of the measure."""
    import numpy as np

    from brainnn.connectome.compare import measures
    from brainnn.connectome.nulls import null_model

    found = {}
    rngs = np.random.default_rng(config.seed).spawn(len(config.nulls))
    for kind, rng in zip(config.nulls, rngs, strict=True):
        nulls = (
            null_model(graph, kind, one, moved=config.moved) for one in rng.spawn(config.draws)
        )
        draws = [measures(null) for null in nulls]
        found[kind] = {name: [draw[name] for draw in draws] for name in draws[0]}
    return found


def configured_connectome(config: ConnectomeConfig) -> "Connectome":
    """The connectome that a config asks for."""
    from brainnn.connectome.choice import choose_connectome

    return choose_connectome(
        **{one.name: getattr(config, one.name) for one in fields(ConnectomeConfig)}
    )


def describe(graph: "Connectome") -> list[str]:
    """What is in a connectome, in a few lines."""
    from collections import Counter

    from brainnn.connectome.compare import block_edges

    def told(values: Sequence[str], most: int | None = None) -> str:
        found = Counter(values).most_common()
        names = [f"{name or 'unknown'} {number}" for name, number in found[:most]]
        more = f" and {len(found) - len(names)} more" if len(found) > len(names) else ""
        return ", ".join(names) + more

    signs = [{1: "+", -1: "-", 0: "?"}[int(sign)] for sign in graph.signs]
    blocks = [
        f"{pre or 'unknown'} to {post or 'unknown'} {edges}"
        for (pre, post), edges in block_edges(graph).items()
    ]
    return [
        f"{graph.name}: {len(graph)} neurons, {graph.edges} edges, {graph.synapses} synapses.",
        f"  from: {graph.source or 'unknown'}",
        f"  classes: {told(graph.classes.tolist())}",
        f"  transmitters: {told(graph.transmitters.tolist())}; signs: {told(signs)}",
        f"  types: {told(graph.types.tolist(), _SHOWN_TYPES)}",
        f"  edges: {', '.join(blocks) or 'none'}",
    ]


def _ordered(
    graph: "Connectome", depth: str, begin: str
) -> "tuple[Connectome, NDArray[np.float64] | NDArray[np.intp], str]":
    """Which neurons to draw, where each stands from left to right, and what that is called."""
    from brainnn.connectome.layering import colour_layers, hop_depth, layer_of, trophic_depth
    from brainnn.connectome.names import class_name, known

    if depth == "trophic":
        return graph, trophic_depth(graph), "trophic depth"
    if depth == "layers":
        return graph, layer_of(colour_layers(graph), len(graph)), "layer of a colouring"
    name = known(class_name(begin), graph.classes.tolist(), "class", graph.name)
    hops = hop_depth(graph, graph.classes == name)
    return graph.take(hops >= 0), hops[hops >= 0], f"fewest connections from {name} neurons"


def _number(cell: "str | float") -> str:
    return cell if isinstance(cell, str) else f"{cell:.5g}"


def _spread(values: Sequence[float]) -> str:
    """Mean and, where they differ, standard deviation."""
    from statistics import fmean, stdev

    if not max(values) > min(values):  # NaN too
        return _number(values[0])
    return f"{fmean(values):.4g} ± {stdev(values):.2g}"


def _table(columns: "dict[str, list[str]]") -> list[str]:
    cells = [[heading, *column] for heading, column in columns.items()]
    first, *rest = [max(map(len, column)) for column in cells]
    return [
        row[0].ljust(first)
        + "".join(f"  {cell:>{width}}" for cell, width in zip(row[1:], rest, strict=True))
        for row in zip(*cells, strict=True)
    ]
