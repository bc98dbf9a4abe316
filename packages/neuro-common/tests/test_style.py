"""Figures must look alike for everybody, come with their numbers, and leave no state behind."""

import csv
import sys
import xml.etree.ElementTree as ElementTree
from itertools import combinations

import matplotlib as mpl
import numpy as np
import pytest

from neuro_common.plots import new_figure
from neuro_common.style import CONTROLLED, FREE, PALETTE, STIMULATION, figure_style, save_figure

# Machado, Oliveira and Fernandes (2009): how full protanopia and deuteranopia see linear RGB
SEEN = {
    "all": np.eye(3),
    "protanopia": np.array(
        [
            [0.152286, 1.052583, -0.204868],
            [0.114503, 0.786281, 0.099216],
            [-0.003882, -0.048116, 1.051998],
        ]
    ),
    "deuteranopia": np.array(
        [
            [0.367322, 0.860646, -0.227968],
            [0.280085, 0.672501, 0.047413],
            [-0.011820, 0.042940, 0.968881],
        ]
    ),
}


def as_seen(colour, matrix):
    linear = np.asarray(mpl.colors.to_rgb(colour)) ** 2.2
    return np.clip(matrix @ linear, 0, 1) ** (1 / 2.2)


@pytest.mark.parametrize("eyes", SEEN)
@pytest.mark.parametrize("colours", [PALETTE, (FREE, CONTROLLED, STIMULATION)])
def test_colours_stay_apart_for_all_eyes_and_show_on_white(eyes, colours):
    seen = [as_seen(colour, SEEN[eyes]) for colour in colours]
    assert min(np.linalg.norm(a - b) for a, b in combinations(seen, 2)) > 0.15
    assert min(np.linalg.norm(1 - colour) for colour in seen) > 0.4


def test_the_style_holds_inside_and_is_gone_after():
    with mpl.rc_context({"axes.grid": True, "font.size": 31}):
        with figure_style():
            assert mpl.rcParams["axes.grid"] is False  # a user's own settings do not get in
            assert mpl.rcParams["font.size"] == 9
            assert mpl.rcParams["axes.prop_cycle"].by_key()["color"] == list(PALETTE)
        assert mpl.rcParams["axes.grid"] is True
        assert mpl.rcParams["font.size"] == 31


def test_the_style_is_gone_after_an_error_too():
    before = mpl.rcParams["font.size"]
    with pytest.raises(RuntimeError, match="stop"), figure_style():
        raise RuntimeError("stop")
    assert mpl.rcParams["font.size"] == before


def a_figure():
    with figure_style():
        figure, axes = new_figure(width_mm=101.6, height_mm=50.8)
        axes[0, 0].plot([0.0, 1.0], [2.0, 3.0])
        axes[0, 0].set_xlabel("time (ms)")
    return figure


def test_a_figure_is_saved_three_ways(tmp_path):
    data = {"time_ms": np.array([0.1, 1 / 3]), "name": ["a", "b,c", "d"], "n": np.arange(1)}
    png = save_figure(a_figure(), tmp_path / "deep" / "fig.1", data)
    assert png == tmp_path / "deep" / "fig.1.png"
    header = png.read_bytes()[:24]
    assert header[:8] == b"\x89PNG\r\n\x1a\n"
    size = int.from_bytes(header[16:20], "big"), int.from_bytes(header[20:24], "big")
    assert size == (600, 300)  # 4 x 2 inches at 150 dpi
    assert ElementTree.parse(png.with_suffix(".svg")).getroot().tag.endswith("svg")
    with open(png.with_suffix(".csv"), encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    assert rows[0] == ["time_ms", "name", "n"]
    assert [float(row[0]) for row in rows[1:3]] == [0.1, 1 / 3]
    assert [row[1:] for row in rows[1:]] == [["a", "0"], ["b,c", ""], ["d", ""]]
    assert len(list(png.parent.iterdir())) == 3


def test_the_same_figure_gives_the_same_bytes(tmp_path):
    for name in ("one", "two"):
        save_figure(a_figure(), str(tmp_path / name), {"x": [1.0]})
    for suffix in (".png", ".svg", ".csv"):
        one, two = (tmp_path / f"{name}{suffix}" for name in ("one", "two"))
        assert one.read_bytes() == two.read_bytes()


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"x": np.ones((2, 2))}, r'data\["x"\] must be \(values,\), got shape \(2, 2\)'),
        ({"x": 3.0}, r'data\["x"\] must be \(values,\), got shape \(\)'),
        ({}, "must have at least one column, got none"),
    ],
)
def test_bad_numbers_leave_the_old_figure_alone(tmp_path, data, message):
    save_figure(a_figure(), tmp_path / "fig", {"x": [1.0]})
    before = {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    with pytest.raises(ValueError, match=message):
        save_figure(a_figure(), tmp_path / "fig", data)
    assert {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()} == before


def test_a_figure_of_pyplot_is_closed(tmp_path):
    import matplotlib.pyplot as plt

    plt.switch_backend("agg")
    figure = plt.figure()
    save_figure(figure, tmp_path / "fig", {"x": [1.0]})
    assert not plt.fignum_exists(figure.number)


def test_without_matplotlib_the_message_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with (
        pytest.raises(ModuleNotFoundError, match=r'pip install "neuro-common\[plot\]"'),
        figure_style(),
    ):
        pass
