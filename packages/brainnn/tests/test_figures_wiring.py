"""What the figures of wiring draw, by their numbers."""

import csv

import numpy as np
import pytest

from brainnn.connectome.graph import Connectome
from brainnn.connectome.layering import colour_layers, layer_of, trophic_depth
from brainnn.connectome.surrogate import surrogate, synthetic
from brainnn.figures.measures import degree_plot, draw_degrees, draw_nulls, measure_plot
from brainnn.figures.wiring import (
    SIGN_COLOURS,
    draw_layers,
    draw_matrix,
    layered_plot,
    matrix_order,
    matrix_plot,
)
from neuro_common.plots import new_figure

HAND = Connectome.of(
    "hand",
    [[0, 5, 0, 0], [0, 0, 40, 0], [7, 0, 0, 0], [0, 0, 0, 0]],
    ["m", "a", "b", "s"],
    types=["M", "B", "A", "S"],
    classes=["motor", "interneuron", "interneuron", "sensory"],
    signs=[0, -1, 1, 1],
)


@pytest.fixture
def ax():
    return new_figure()[1][0, 0]


def columns(path):
    with path.with_suffix(".csv").open() as file:
        return {name: list(cells) for name, *cells in zip(*csv.reader(file), strict=True)}


def test_the_matrix_runs_from_the_senses_to_the_muscles():
    assert HAND.ids[matrix_order(HAND)].tolist() == ["s", "b", "a", "m"]
    odd = Connectome.of("odd", np.zeros((4, 4)), classes=["muscle", "motor", "glia", "sensory"])
    assert matrix_order(odd).tolist() == [3, 2, 1, 0]
    circuit = surrogate()
    classes = circuit.classes[matrix_order(circuit)]
    assert (classes[:93] == "interneuron").all()
    signs = circuit.signs[matrix_order(circuit)]
    assert (signs[:37] == 1).all()
    assert (signs[37:93] == -1).all()


def test_edges_have_the_colour_of_their_sign_and_the_most_synapses_are_darkest(ax):
    image = np.asarray(matrix_plot(ax, HAND).get_array())
    assert image.shape == (4, 4, 3)
    inked = np.argwhere(image.min(axis=2) < 1)
    # in order s b a m: b -> m, a -> b, m -> a
    assert inked.tolist() == [[1, 3], [2, 1], [3, 2]]
    blue = [int(SIGN_COLOURS[-1][place : place + 2], 16) / 255 for place in (1, 3, 5)]
    np.testing.assert_allclose(image[2, 1], blue)
    assert image[3, 2].min() > 0.7 - 0.3 * 0.37
    labels = [label.get_text() for label in ax.get_yticklabels()]
    assert labels == ["sensory (1)", "interneuron (2)", "motor (1)"]


def test_a_large_matrix_shows_the_strongest_edge_of_a_pixel(ax):
    graph = synthetic(1101, 20000)
    image = np.asarray(matrix_plot(ax, graph).get_array())
    assert image.shape == (400, 400, 3)
    order = matrix_order(graph)
    counts = graph.synapse_count.toarray()[order][:, order]
    pixel = np.arange(1101) * 400 // 1101
    most = np.zeros((400, 400))
    np.maximum.at(most, (pixel[:, None], pixel[None, :]), counts)
    assert np.array_equal(image.min(axis=2) < 1, most > 0)
    # more synapses leave less light, among pixels of one sign
    green = image[:100, :, 1][most[:100] > 0]
    strongest = most[:100][most[:100] > 0]
    assert (np.diff(green[np.argsort(strongest)]) <= 1e-12).all()


def test_neurons_stand_at_their_depth_and_apart(ax):
    circuit = surrogate()
    number = layer_of(colour_layers(circuit), len(circuit))
    lines, dots = layered_plot(ax, circuit, number)
    x, y = np.asarray(dots.get_offsets()).T
    assert np.array_equal(x, number)
    assert len(np.unique(np.stack([x, y]), axis=1).T) == 143
    assert np.abs(y).max() < 1
    assert len(lines.get_segments()) == 1624


def test_columns_are_ordered_by_their_neighbours(ax):
    # two chains side by side: no edges cross
    chains = np.zeros((6, 6))
    for pre, post in [(0, 3), (3, 4), (1, 2), (2, 5)]:
        chains[pre, post] = 5
    graph = Connectome.of("chains", chains)
    _, dots = layered_plot(ax, graph, trophic_depth(graph))
    x, y = np.asarray(dots.get_offsets()).T
    np.testing.assert_allclose(x, [0, 0, 1, 1, 2, 2], atol=1e-6)
    assert len(set(y[[0, 3, 4]])) == len(set(y[[1, 2, 5]])) == 1
    assert y[0] != y[1]


def test_neurons_without_edges_are_hollow(ax):
    _, dots = layered_plot(ax, HAND, [0, 1, 2, 0])
    white = (dots.get_facecolors()[:, :3] == 1).all(axis=1)
    assert white.tolist() == [False, False, False, True]


def test_a_staircase_tells_how_many_have_at_least_so_much(ax):
    (line,) = degree_plot(ax, {"hand": [3, 1, 1, 7]}, x_label="degree")
    assert line.get_xdata().tolist() == [1, 3, 7]
    assert line.get_ydata().tolist() == [1, 0.5, 0.25]


def test_null_models_are_dots_beside_the_line_of_the_real_one(ax):
    dots = measure_plot(ax, {"real": [0.3], "rewired": [0.1, 0.2], "random": [0.05]})
    assert ax.lines[0].get_xdata() == [0.3, 0.3]
    assert [one.get_offsets()[:, 0].tolist() for one in dots] == [[0.1, 0.2], [0.05]]
    assert np.round(dots[1].get_offsets()[:, 1]).tolist() == [1]
    assert [label.get_text() for label in ax.get_yticklabels()] == ["rewired", "random"]


def test_pages_have_their_numbers_beside(tmp_path):
    edges = columns(draw_matrix(HAND, tmp_path / "matrix"))
    rows = sorted(zip(*edges.values(), strict=True))
    assert list(edges) == ["pre", "post", "synapse_count", "sign"]
    assert rows == [("a", "b", "40", "-1"), ("b", "m", "7", "1"), ("m", "a", "5", "0")]
    places = columns(draw_layers(HAND, [3, 1, 2, 0], tmp_path / "layers", x_label="layer"))
    assert places["id"] == ["m", "a", "b", "s"]
    assert places["depth"] == ["3.0", "1.0", "2.0", "0.0"]
    other = Connectome.of("other", np.ones((2, 2)))
    spread = columns(draw_degrees([HAND, other], tmp_path / "degrees"))
    assert spread["hand in_degree"][:2] == ["0", "1"]
    assert spread["hand in_degree share"][:2] == ["1.0", "0.75"]
    assert spread["other synapses"][0] == "1"
    panels = {f"measure {number}": {"hand": [1.0], "random": [number, 2.0]} for number in range(4)}
    drawn = columns(draw_nulls(panels, tmp_path / "nulls"))
    assert drawn["measure 3: random"] == ["3.0", "2.0"]
    assert drawn["measure 0: hand"][0] == "1.0"


def test_a_graph_without_edges_can_be_drawn(tmp_path):
    empty = Connectome.of("empty", np.zeros((3, 3)))
    assert draw_matrix(empty, tmp_path / "matrix").is_file()
    assert draw_layers(empty, [0, 0, 1], tmp_path / "layers", x_label="layer").is_file()
