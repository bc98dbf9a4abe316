"""Figures of responses: the numbers that are drawn are the numbers that were given."""

import numpy as np
import pytest
from matplotlib.colors import to_hex

from neuro_common.runs import read_csv
from spinal_rnn.conditions import Conditions, parse_configuration, stack
from spinal_rnn.figures.bars import bar_plot, draw_bars, draw_selectivity_bars
from spinal_rnn.figures.ink import ANODE, CATHODE
from spinal_rnn.figures.maps import draw_maps, map_plot
from spinal_rnn.figures.page import new_page, themed
from spinal_rnn.figures.prediction import draw_prediction, stimulation_plot, waveform_plot
from spinal_rnn.figures.recruitment import curve_plot, draw_recruitment, recruitment_plot
from spinal_rnn.figures.roots import draw_roots, roots_plot
from spinal_rnn.figures.shown import Curve, Trials, mean_of_repeats
from spinal_rnn.lead import SPECIFY_565
from spinal_rnn.muscles import MUSCLES, swap_sides

pytestmark = pytest.mark.usefixtures("no_drawing")

VECTOR = parse_configuration("cath4_an3_5")


def trials() -> Trials:
    """Two frequencies and three amplitudes, one of them twice; every muscle has its own numbers."""
    ma = np.array([1.0, 2.0, 3.0, 1.0, 2.0, 3.0, 3.0])
    hz = np.array([20.0, 20.0, 20.0, 60.0, 60.0, 60.0, 60.0])
    response = ma[:, None] * np.arange(1, 15) / 50 + hz[:, None] / 1000
    response[-1] += 0.02
    return Trials(Conditions.of(VECTOR, ma, hz), response)


def panel(theme="light"):
    with themed(theme):
        return new_page()[1][0, 0]


def numbers(path, name):
    return np.array([one for one in read_csv(path.with_suffix(".csv"))[name] if one], dtype=float)


def test_repeats_are_averaged_and_sorted():
    mean = mean_of_repeats(trials().take([6, 5, 4, 3, 2, 1, 0]))
    assert mean.conditions.frequency_hz.tolist() == [20, 20, 20, 60, 60, 60]
    assert mean.conditions.amplitude_ma.tolist() == [1, 2, 3, 1, 2, 3]
    np.testing.assert_allclose(mean.response[-1], trials().response[5] + 0.01)


def test_trials_of_two_configurations_are_no_series():
    other = Conditions.of(parse_configuration("cath5_an16"), 1.0, 20.0)
    both = Trials(stack([trials().conditions, other]), np.zeros((8, 14)))
    with pytest.raises(ValueError, match="one configuration, got 2: take those of one"):
        mean_of_repeats(both)


def test_marks_and_curves_are_in_percent():
    ax = panel()
    (marks,) = recruitment_plot(ax, [1.0, 2.0], [0.1, 0.5], colour="red")
    assert marks.get_ydata().tolist() == [10, 50]
    along, response = np.array([0.0, 1.0]), np.array([[0.0] * 14, [0.8] * 14])
    threshold = np.tile([[0.5], [0.4], [0.9]], 14)
    threshold[:, 3] = np.nan
    curve = Curve(20.0, along, response, response - 0.1, response + 0.1, threshold)
    line, band, interval, triangle = curve_plot(ax, curve, 2, colour="red", foot=-7)
    assert line.get_ydata().tolist() == [0, 80]
    assert {round(y) for y in band.get_paths()[0].vertices[:, 1]} == {-10, 10, 70, 90}
    assert np.asarray(interval.get_xdata()).tolist() == [0.4, 0.9]
    assert (triangle.get_xdata()[0], triangle.get_ydata()[0]) == (0.5, -7)
    # a muscle without threshold has no triangle
    assert len(curve_plot(ax, curve, 3, colour="red")) == 2


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_recruitment_keeps_trials_curves_and_lead(tmp_path, theme):
    curve = Curve(60.0, np.array([1.0, 3.0]), np.full((2, 14), 0.5), threshold_ma=np.ones((3, 14)))
    png = draw_recruitment(SPECIFY_565, trials(), tmp_path / "r", curves=(curve,), theme=theme)
    np.testing.assert_allclose(numbers(png, "measured_RSol"), trials().response[:, 13])
    assert numbers(png, "curve_60_hz_LIl").tolist() == [0.5, 0.5]
    assert numbers(png, "curve_60_hz_threshold_low_ma").tolist() == [1.0] * 14
    part = numbers(png, "contact_part")
    assert (part[4], part[3], part[5], part.sum()) == (-1, 0.5, 0.5, 0)


def test_bars_are_grouped_by_frequency_and_amplitude():
    mean = mean_of_repeats(trials())
    hz, ma = mean.conditions.frequency_hz, mean.conditions.amplitude_ma
    values = np.arange(1.0, 7.0)
    grouped = bar_plot(panel(), hz, ma, values, colours=["k"] * 6)
    assert [bar.get_width() for bar in grouped] == values.tolist()
    middle = np.array([bar.get_y() + bar.get_height() / 2 for bar in grouped])
    assert (np.diff(middle) > 0).all()
    np.testing.assert_allclose(middle[[1, 4]], [0, 1], atol=1e-12)
    overlaid = bar_plot(panel(), hz, ma, values, colours=["k"] * 6, overlaid=True)
    assert [bar.get_y() for bar in overlaid][:3] == [overlaid[0].get_y()] * 3
    # the smallest amplitude on top
    order = [bar.get_zorder() for bar in overlaid][:3]
    assert order == sorted(order, reverse=True)
    empty = bar_plot(panel(), hz, ma, np.full(6, np.nan), colours=["k"] * 6)
    assert [bar.get_width() for bar in empty] == [0] * 6


@pytest.fixture
def drawn_panels(monkeypatch):
    """The axes of each muscle of the figures that are drawn."""
    from spinal_rnn.figures import bars

    pages = []
    real = bars.muscle_page

    def kept(*args, **options):
        pages.append(real(*args, **options))
        return pages[-1]

    monkeypatch.setattr(bars, "muscle_page", kept)
    return pages


def widths(page):
    return np.array([[bar.get_width() for bar in ax.containers[0]] for ax in page[2].T.flat])


def test_left_and_right_bars_are_those_of_left_and_right_muscles(tmp_path, drawn_panels):
    measured = trials()
    png = draw_bars(SPECIFY_565, measured, tmp_path / "bars", predicted=measured.response / 2)
    lengths = widths(drawn_panels[0])
    expected = 100 * mean_of_repeats(measured).response.T
    np.testing.assert_allclose(lengths, expected)
    left, right = lengths[:7], lengths[7:]
    assert np.abs(left - right).min() > 10
    panels = drawn_panels[0][2]
    assert all(ax.get_xlim()[0] > ax.get_xlim()[1] for ax in panels[:, 0])
    assert all(ax.get_xlim()[0] < ax.get_xlim()[1] for ax in panels[:, 1])
    np.testing.assert_allclose(numbers(png, "bar_RIl"), expected[7])
    np.testing.assert_allclose(numbers(png, "predicted_RIl"), expected[7] / 2)


def test_swapped_sides_swap_the_bars(tmp_path, drawn_panels):
    measured = trials()
    swapped = Trials(measured.conditions, swap_sides(measured.response))
    for number, one in enumerate((measured, swapped)):
        draw_bars(SPECIFY_565, one, tmp_path / f"bars_{number}")
    first, second = (widths(page) for page in drawn_panels)
    np.testing.assert_allclose(first[:7], second[7:])
    assert not np.allclose(first, second)


def test_selectivity_bars_have_their_own_limits(tmp_path, drawn_panels):
    mean = mean_of_repeats(trials())
    index = np.where(mean.response > 0.5, mean.response - 0.75, np.nan)
    png = draw_selectivity_bars(SPECIFY_565, Trials(mean.conditions, index), tmp_path / "s")
    np.testing.assert_allclose(widths(drawn_panels[0]), np.nan_to_num(index.T))
    assert drawn_panels[0][2][0, 1].get_xlim() == pytest.approx((-0.3, 1.0))
    assert read_csv(png.with_suffix(".csv"))["bar_LIl"][0] == "nan"


def test_a_map_has_a_cell_for_each_pair_and_gaps_for_others():
    hz, ma = np.array([20.0, 20.0, 60.0]), np.array([1.0, 3.0, 1.0])
    mesh = map_plot(panel(), hz, ma, np.array([5.0, 15.0, 25.0]), largest=30)
    cells = np.ma.filled(mesh.get_array().astype(float), np.nan).reshape(2, 2)
    np.testing.assert_array_equal(cells, [[5, 15], [25, np.nan]])
    assert mesh.get_clim() == (0, 30)
    corners = mesh.get_coordinates()
    assert corners[0, :, 0].tolist() == [0, 2, 4]
    assert corners[:, 0, 1].tolist() == [0, 40, 80]


def test_a_map_of_one_frequency_is_drawn(tmp_path):
    one = trials().take(slice(0, 3))
    png = draw_maps(SPECIFY_565, one, tmp_path / "map", measured=one, theme="dark")
    np.testing.assert_allclose(numbers(png, "map_LTA"), one.response[:, 4])
    np.testing.assert_allclose(numbers(png, "measured_LTA"), one.response[:, 4])


def test_each_contact_has_a_line_at_each_pulse():
    one = Conditions.of(VECTOR, 3.0, 60.0)
    ax = panel()
    lines = stimulation_plot(ax, one, 200.0, 20.0)
    assert [to_hex(line.get_color()[0]) for line in lines] == [ANODE, CATHODE, ANODE]
    ends = [np.array(line.get_segments()) for line in lines]
    assert [segments.shape[0] for segments in ends] == [11, 11, 11]
    assert [segments[0, 1, 1] for segments in ends] == [1.5, -3, 1.5]
    np.testing.assert_allclose(np.diff(ends[1][:, 0, 0]), 1e3 / 60)
    # the middle one of three stands at the pulse itself
    assert ends[1][0, 0, 0] == 20
    assert sum(segments[0, 1, 1] for segments in ends) == 0


def test_measured_is_solid_and_predicted_dashed(tmp_path):
    solid, dashed = waveform_plot(panel(), [0, 1], [0, 1], [1, 0])
    assert (solid.get_linestyle(), dashed.get_linestyle()) == ("-", "--")
    time = np.arange(200.0)
    emg = np.sin(time[:, None] / 9) * np.arange(1, 15) / 14
    png = draw_prediction(
        SPECIFY_565, Conditions.of(VECTOR, 3.0, 40.0), time, emg, tmp_path / "p", lead_in_ms=20.0,
        predicted=emg / 2,
    )  # fmt: skip
    for muscle, name in enumerate(MUSCLES):
        np.testing.assert_allclose(numbers(png, f"measured_{name}"), 100 * emg[:, muscle])
        np.testing.assert_allclose(numbers(png, f"predicted_{name}"), 50 * emg[:, muscle])


def test_roots_lie_where_they_lie(tmp_path):
    z = np.array([0.0, 6, 12, 18, 24, 30, 36])
    parts = np.vstack([np.arange(7) / 10, np.arange(7) / 8])
    ax = panel()
    bars = roots_plot(ax, z, parts, colours=["k", "r"], true=parts / 2)
    for row, container in zip(parts, bars, strict=True):
        np.testing.assert_allclose([bar.get_width() for bar in container], 100 * row)
    middle = [
        np.mean([bar.get_y() + bar.get_height() / 2 for bar in pair])
        for pair in zip(*bars, strict=True)
    ]
    np.testing.assert_allclose(middle, z, atol=1e-12)
    np.testing.assert_allclose(ax.lines[0].get_xdata(), 50 * parts[0])
    both = np.hstack([parts, parts[:, ::-1]])
    png = draw_roots(
        SPECIFY_565, VECTOR, [1.0, 2.0], both, tmp_path / "roots", z_mm=z, true=both / 2,
        theme="dark",
    )  # fmt: skip
    np.testing.assert_allclose(numbers(png, "learned_L_S2"), parts[:, 6])
    np.testing.assert_allclose(numbers(png, "learned_R_S2"), parts[:, 0])
    np.testing.assert_allclose(numbers(png, "true_R_L1"), parts[:, 6] / 2)
