"""Figures of a recurrent network, and what they are given."""

import numpy as np
import pytest
import torch

from neuro_common.runs import read_csv
from spinal_rnn.conditions import Conditions, parse_configuration
from spinal_rnn.encoding import encode
from spinal_rnn.figures.hidden import (
    activity_plot,
    orbit_plot,
    orbit_summary_plot,
    spectrum_plot,
    time_constant_plot,
)
from spinal_rnn.figures.network import draw_activity, draw_leak, draw_orbits, draw_weights
from spinal_rnn.figures.page import new_page, themed
from spinal_rnn.figures.training import draw_loss, loss_plot
from spinal_rnn.figures.weights import weight_map
from spinal_rnn.interpretation import Components, Orbit
from spinal_rnn.lead import SPECIFY_565
from spinal_rnn.models.recurrent import RecurrentModel
from spinal_rnn.models.recurrent_options import RecurrentOptions
from spinal_rnn.network_view import view_network, wiring

VECTOR = parse_configuration("cath4_an16")


def panel():
    with themed():
        return new_page()[1][0, 0]


def trained(network):
    conditions = Conditions.of(
        np.stack([VECTOR, parse_configuration("cath10_an16")] * 3), [1.0, 1, 2, 2, 3, 3], 40.0
    )
    emg = np.random.default_rng(0).normal(size=(6, 200, 14))
    return RecurrentModel(RecurrentOptions(network, units=10, epochs=1)).fit(conditions, emg)


@pytest.fixture(scope="module")
def leaky():
    model = trained("AEIRNN")
    return model, view_network(model, VECTOR, 4.0, (20.0, 40.0))


def test_the_orbit_is_drawn_in_time():
    scores = np.array([[0.0, 0], [3, 4], [6, 0]])
    ax = panel()
    dots = orbit_plot(ax, Components(scores, np.eye(2), np.array([0.7, 0.2])), [0, 1, 2])
    np.testing.assert_array_equal(dots.get_offsets(), scores)
    assert dots.get_array().tolist() == [0, 1, 2]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("PC1 (70 %)", "PC2 (20 %)")
    # one scale for both components
    assert np.ptp(ax.get_xlim()) == pytest.approx(np.ptp(ax.get_ylim()))


def test_trained_and_untrained_orbits_stand_side_by_side():
    one, other = Orbit(50.0, 1, 0.1, 2.0), Orbit(25.0, 1, 0.3, 1.0)
    lines = orbit_summary_plot(panel(), [20, 40], [one, other], [other, one], "closure")
    assert [line.get_ydata().tolist() for line in lines] == [[0.1, 0.3], [0.3, 0.1]]
    ax = panel()
    orbit_summary_plot(ax, [20, 40], [one, other], [one, other], "period_ms")
    stimulation = ax.lines[0]
    np.testing.assert_allclose(stimulation.get_xdata() * stimulation.get_ydata(), 1e3)


def test_units_are_coloured_by_sign():
    rates = np.arange(6.0).reshape(3, 2)
    lines = activity_plot(panel(), [0, 1, 2], rates, [-0.01, 0.01], largest=1.0)
    assert [segment[:, 1].tolist() for segment in lines.get_segments()] == rates.T.tolist()
    lines.update_scalarmappable()
    inhibits, excites = lines.get_colors()
    assert inhibits[2] > 0.8 > inhibits[0]
    assert excites[0] > 0.8 > excites[2]


def test_every_unit_is_counted_before_and_after():
    before, after = np.array([5.0, 5, 20]), np.array([4.0, 6, 50])
    counts = [
        [bar.get_height() for bar in bars] for bars in time_constant_plot(panel(), before, after)
    ]
    assert [sum(one) for one in counts] == [3, 3]
    assert max(counts[0]) == 2


def test_the_spectrum_has_a_unit_circle():
    ax = panel()
    (marks,) = spectrum_plot(ax, {"after": np.array([0.5 + 0.5j, -1.0])})
    assert marks.get_xdata().tolist() == [0.5, -1]
    assert marks.get_ydata().tolist() == [0.5, 0]
    np.testing.assert_allclose(np.hypot(*ax.lines[0].get_data()), 1)


def test_weights_have_symmetric_limits_and_fill_their_panel():
    ax = panel()
    image = weight_map(ax, [[0.1, -0.4], [0.2, 0.3]], "J", from_label="from", to_label="to")
    assert image.get_clim() == (-0.4, 0.4)
    assert ax.get_aspect() == "auto"
    named = panel()
    weight_map(named, np.zeros((14, 5)), "W", from_label="unit", to_label="muscle")
    assert [label.get_text() for label in named.get_yticklabels()][::13] == ["LIl", "RSol"]


def test_the_view_is_that_of_the_network(leaky):
    model, view = leaky
    assert view.rates.shape == (2, 200, 10)
    current = encode(view.conditions, 200, 1000.0).astype(np.float32)
    with torch.no_grad():
        outputs, activity = model.network(torch.from_numpy(current))
    np.testing.assert_allclose(view.rates, activity["rate"].numpy())
    bias = model.network.output_bias.detach().numpy()
    np.testing.assert_allclose(
        view.rates @ view.wiring.output.T + bias, outputs.numpy(), rtol=1e-4, atol=1e-6
    )
    assert view.wiring.input.shape == (10, 17)
    # eight of ten units excite
    assert ((view.wiring.sent > 0) == (np.arange(10) < 8)).all()
    assert set(view.first_wiring.tau_ms.round(3)) <= {2.0, 5.0, 10.0, 20.0, 50.0}
    assert not np.allclose(view.first_wiring.recurrent, view.wiring.recurrent)


def test_an_untrained_network_follows_the_stimulation_too(leaky):
    _, view = leaky
    periods = [one.period_ms for one in view.untrained_orbits]
    assert periods == pytest.approx([50, 25], abs=0.5)


def test_pages_keep_their_numbers(leaky, tmp_path, no_drawing):
    _, view = leaky
    orbits = draw_orbits(SPECIFY_565, view, tmp_path / "orbits", theme="dark")
    table = read_csv(orbits.with_suffix(".csv"))
    assert [float(one) for one in table["frequency_hz"][:2]] == [20, 40]
    found = [float(one) for one in table["untrained_radius"][:2]]
    assert found == pytest.approx([one.radius for one in view.untrained_orbits])
    activity = read_csv(draw_activity(SPECIFY_565, view, tmp_path / "a").with_suffix(".csv"))
    unit = activity["unit"][0]
    np.testing.assert_allclose(
        np.array(activity[f"rate_{unit}_40_hz"], float), view.rates[1, :, int(unit)]
    )
    leak = read_csv(draw_leak(view, tmp_path / "leak").with_suffix(".csv"))
    np.testing.assert_allclose(np.array(leak["tau_after_ms"], float), view.wiring.tau_ms)
    maps = read_csv(draw_weights(view, tmp_path / "weights").with_suffix(".csv"))
    recurrent = np.array([one for one in maps["J"] if one], float).reshape(10, 10)
    np.testing.assert_allclose(recurrent, view.wiring.recurrent)


def test_a_gru_shows_what_it_has(tmp_path, no_drawing):
    model = trained("GRU")
    view = view_network(model, VECTOR, 4.0, (40.0,))
    assert view.wiring.recurrent is None
    np.testing.assert_allclose(view.wiring.sent, wiring(model.network).output.mean(axis=0))
    assert draw_leak(view, tmp_path / "leak") is None
    table = read_csv(draw_weights(view, tmp_path / "weights").with_suffix(".csv"))
    assert "J" not in table
    assert len(table["W"]) == 140
    draw_activity(SPECIFY_565, view, tmp_path / "activity")


def test_the_loss_marks_the_update_that_is_kept(tmp_path, no_drawing):
    update, train, held_out = [0, 10, 20], [np.nan, 3.0, 1.0], [5.0, 2.0, 4.0]
    lines = loss_plot(panel(), update, train, held_out)
    np.testing.assert_array_equal(lines[0].get_ydata(), train)
    assert lines[1].get_ydata().tolist() == held_out
    assert lines[2].get_xdata() == [10, 10]
    png = draw_loss(update, train, held_out, tmp_path / "loss", theme="dark")
    assert read_csv(png.with_suffix(".csv"))["held_out_loss"] == ["5.0", "2.0", "4.0"]
