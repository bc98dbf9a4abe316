"""The numbers that a plot shows must be the numbers it was given, all labelled, none cut off."""

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.colors import to_rgba
from matplotlib.text import Text

from neuro_common.plots import new_figure, pareto, phase_portrait, raster, stacked_traces
from neuro_common.style import CONTROLLED, FREE, PALETTE, figure_style

TIME = np.arange(0.0, 10.0, 0.5)


@pytest.fixture(autouse=True)
def _house_style():
    with figure_style():
        yield


def nothing_is_cut_off(figure):
    figure.draw_without_rendering()
    ink = figure.get_tightbbox()
    width, height = figure.get_size_inches()
    return ink.x0 >= 0 and ink.y0 >= 0 and ink.x1 <= width and ink.y1 <= height


def test_a_new_figure_has_the_size_and_grid_asked_for():
    figure, axes = new_figure(2, 3, width_mm=127, height_mm=50.8, sharex=True)
    assert figure.get_size_inches() == pytest.approx([5.0, 2.0])
    assert axes.shape == (2, 3)
    axes[0, 0].set_xlim(3, 4)
    assert axes[1, 2].get_xlim() == (3, 4)
    tall, single = new_figure(3)
    assert tall.get_size_inches() * 25.4 == pytest.approx([180, 160])
    assert single.shape == (3, 1)


def test_plots_leave_pyplot_alone():
    code = (
        "import sys, numpy as np\n"
        "from neuro_common import plots, style\n"
        "with style.figure_style():\n"
        "    figure, axes = plots.new_figure()\n"
        "    plots.pareto(axes[0, 0], [1, 2], [2, 1], 'ab', x_label='x', y_label='y')\n"
        "    figure.canvas.draw()\n"
        "print('matplotlib.pyplot' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_stacked_traces_show_each_signal_with_its_unit():
    figure, axes = new_figure(2)
    traces = {"mean field": np.sin(TIME), "current": TIME**2}
    lines = stacked_traces(
        axes,
        TIME,
        traces,
        units={"mean field": "1", "current": "nA"},
        time_label="time (ms)",
        colours={"mean field": FREE, "current": CONTROLLED},
    )
    for line, panel, trace in zip(lines, axes[:, 0], traces.values(), strict=True):
        assert line.axes is panel
        np.testing.assert_array_equal(line.get_xdata(), TIME)
        np.testing.assert_array_equal(line.get_ydata(), trace)
        assert panel.get_xlim() == (0.0, 9.5)
    assert [line.get_color() for line in lines] == [FREE, CONTROLLED]
    assert [panel.get_ylabel() for panel in axes[:, 0]] == ["mean field", "current (nA)"]
    assert [panel.get_xlabel() for panel in axes[:, 0]] == ["", "time (ms)"]
    assert nothing_is_cut_off(figure)


def test_one_trace_goes_into_one_axes_in_the_first_colour():
    _, axes = new_figure()
    units = {"x": "mV"}
    (line,) = stacked_traces(axes[0, 0], TIME, {"x": TIME}, units=units, time_label="t")
    assert line.get_color() == PALETTE[0]


def test_long_traces_are_pixels_in_an_svg():
    for n_samples, pixels in ((5_000, False), (5_001, True)):
        time = np.arange(n_samples)
        axes = new_figure()[1]
        (line,) = stacked_traces(axes, time, {"x": time}, units={"x": "1"}, time_label="t")
        assert bool(line.get_rasterized()) is pixels


def rows_of(lines):
    rows = []
    for (start, bottom), (end, top) in lines.get_segments():
        assert start == end
        assert top - bottom == pytest.approx(0.8)
        rows.append((round(float(bottom + top) / 2), float(start)))
    return sorted(rows)


@settings(max_examples=30)
@given(st.lists(st.lists(st.integers(0, 19), unique=True), min_size=1, max_size=4))
def test_a_raster_has_one_line_per_spike_in_the_row_of_its_unit(spikes):
    fired = np.zeros((len(TIME), len(spikes)), dtype=bool)
    for unit, samples in enumerate(spikes):
        fired[samples, unit] = True
    expected = sorted((unit, TIME[k]) for unit, samples in enumerate(spikes) for k in samples)
    axes = new_figure(1, 2)[1]
    from_flags = raster(axes[0, 0], TIME, fired, time_label="time (s)")
    from_times = raster(axes[0, 1], TIME, [TIME[s] for s in spikes], time_label="time (s)")
    assert rows_of(from_flags) == rows_of(from_times) == expected
    for ax in axes[0]:
        assert ax.get_xlim() == (0.0, 9.5)
        assert ax.get_ylim() == (-0.5, len(spikes) - 0.5)
        assert (ax.get_xlabel(), ax.get_ylabel()) == ("time (s)", "unit")


def test_a_phase_portrait_ends_with_a_dot():
    figure, axes = new_figure(width_mm=85)
    x, y = np.cos(TIME), np.sin(TIME)
    path, end = phase_portrait(
        axes[0, 0], x, y, x_label="x (mV)", y_label="y (nA)", colour=FREE, label="free"
    )
    np.testing.assert_array_equal(path.get_xydata(), np.column_stack([x, y]))
    assert end.get_xydata().tolist() == [[x[-1], y[-1]]]
    assert {path.get_color(), end.get_color()} == {FREE}
    assert axes[0, 0].get_legend_handles_labels() == ([path], ["free"])
    assert (axes[0, 0].get_xlabel(), axes[0, 0].get_ylabel()) == ("x (mV)", "y (nA)")
    assert nothing_is_cut_off(figure)


CHARGE = np.array([0.0, 4e-4, 5e-4, 4e-1, 1e-1])
RESIDUAL = np.array([1.09, 0.023, 0.022, 0.9, 1.3])
NAMES = ["none", "linear", "PID", "biphasic", "periodic"]


def test_pareto_fills_and_joins_what_none_beats():
    figure, axes = new_figure(width_mm=120, height_mm=90)
    ax = axes[0, 0]
    ax.set_xscale("symlog", linthresh=1e-4)
    ax.set_yscale("log")
    order = [3, 2, 0, 4, 1]
    front, best, beaten, *texts = pareto(
        ax,
        CHARGE[order],
        RESIDUAL[order],
        [NAMES[k] for k in order],
        x_label="charge",
        y_label="residual",
    )
    assert front.get_xydata().tolist() == [[0.0, 1.09], [4e-4, 0.023], [5e-4, 0.022]]
    assert front.get_drawstyle() == "steps-post"
    assert {tuple(p) for p in best.get_xydata()} == {tuple(p) for p in front.get_xydata()}
    assert {tuple(p) for p in beaten.get_xydata()} == {(0.4, 0.9), (0.1, 1.3)}
    assert to_rgba(best.get_markerfacecolor()) == to_rgba(PALETTE[0])
    assert to_rgba(beaten.get_markerfacecolor()) == to_rgba("white")
    assert [text.get_text() for text in texts] == [NAMES[k] for k in order]
    assert [text.xy[0] for text in texts] == CHARGE[order].tolist()
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("charge", "residual")
    assert nothing_is_cut_off(figure)


def test_pareto_labels_cover_neither_each_other_nor_the_points():
    figure, axes = new_figure(width_mm=120, height_mm=90)
    rng = np.random.default_rng(4)
    x, y = rng.normal(size=(2, 20))
    names = [f"controller {k}" for k in range(20)]
    texts = pareto(axes[0, 0], x, y, names, x_label="x", y_label="y")[3:]
    figure.draw_without_rendering()
    boxes = [Text.get_window_extent(text) for text in texts]  # without the leader line
    assert not any(a.overlaps(b) for k, a in enumerate(boxes) for b in boxes[:k])
    spots = axes[0, 0].transData.transform(np.column_stack([x, y]))
    assert not any(box.contains(*spot) for box in boxes for spot in spots)
    page = axes[0, 0].get_window_extent()
    assert all(page.contains(*corner) for box in boxes for corner in box.corners())


def test_pareto_draws_intervals_below_and_above():
    axes = new_figure()[1]
    low_high = np.array([[0.1, 0.2, 0.3], [1.0, 2.0, 3.0]])
    x, y = np.array([1.0, 2.0, 3.0]), np.array([30.0, 20.0, 10.0])
    pareto(axes[0, 0], x, y, "abc", x_label="x", y_label="y", xerr=[0.5, 0.6, 0.7], yerr=low_high)
    bars = [segment for c in axes[0, 0].collections for segment in c.get_segments()]
    across, upright = bars[:3], bars[3:]
    np.testing.assert_allclose([s[:, 0] for s in across], [[0.5, 1.5], [1.4, 2.6], [2.3, 3.7]])
    np.testing.assert_allclose(
        [s[:, 1] for s in upright], [[29.9, 31.0], [19.8, 22.0], [9.7, 13.0]]
    )


def an_axes():
    return new_figure()[1][0, 0]


TRACE_LABELS = {"units": {"x": "1"}, "time_label": "t"}
PAIR_LABELS = {"x_label": "x", "y_label": "y"}


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: stacked_traces(new_figure(2)[1], TIME, {"x": TIME}, **TRACE_LABELS),
            "axes must be one per trace, got 2 for 1",
        ),
        (
            lambda: stacked_traces(an_axes(), TIME, {"x": TIME[1:]}, **TRACE_LABELS),
            r"x must be as long as .*got shape \(19,\) for \(20,\)",
        ),
        (
            lambda: stacked_traces(an_axes(), [1.0], {"x": [1.0]}, **TRACE_LABELS),
            r"time must be \(time,\) with at least 2 samples, got shape \(1,\)",
        ),
        (
            lambda: raster(an_axes(), TIME, np.ones((3, 2), dtype=bool), time_label="t"),
            r"boolean spikes must be \(time, units\) with 20 times, got shape \(3, 2\)",
        ),
        (
            lambda: raster(an_axes(), TIME, [], time_label="t"),
            "spikes must hold at least one unit, got none",
        ),
        (lambda: phase_portrait(an_axes(), [], [], **PAIR_LABELS), "not empty"),
        (
            lambda: phase_portrait(an_axes(), [1, 2], [1], **PAIR_LABELS),
            r"y must be as long as .*got shape \(1,\) for \(2,\)",
        ),
        (
            lambda: pareto(an_axes(), [1, 2], [1, 2], ["a"], **PAIR_LABELS),
            "labels must be one per point, got 1 for 2",
        ),
        (
            lambda: pareto(an_axes(), [1, np.nan], [1, 2], ["a", "b"], **PAIR_LABELS),
            "costs must not be NaN",
        ),
    ],
)
def test_what_cannot_be_drawn_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_without_matplotlib_the_message_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ModuleNotFoundError, match=r'pip install "neuro-common\[plot\]"'):
        new_figure()
