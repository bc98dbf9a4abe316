"""The lead as it is drawn: places, signs and parts; and the page on light and dark paper."""

import numpy as np
import pytest
from matplotlib.colors import to_hex, to_rgb

from neuro_common.style import save_figure
from spinal_rnn.conditions import configuration, parse_configuration
from spinal_rnn.figures.contacts import contact_plot, draw_contacts
from spinal_rnn.figures.ink import ANODE, CATHODE, faint, frequency_colours, ink, ramp_colours
from spinal_rnn.figures.lead import lead_plot, paddle_mm
from spinal_rnn.figures.page import muscle_page, new_page, themed
from spinal_rnn.lead import SPECIFY_565


def drawn(vector=None, theme="light"):
    with themed(theme):
        _, axes = new_page()
        boxes = lead_plot(axes[0, 0], SPECIFY_565, vector)
    return axes[0, 0], boxes


def written(ax):
    return [text.get_text() for text in ax.texts]


def test_contacts_are_drawn_to_scale():
    ax, boxes = drawn()
    assert len(boxes) == 17
    for box, x, z in zip(boxes, SPECIFY_565.x_mm[:-1], SPECIFY_565.z_mm[:-1], strict=False):
        assert (box.get_x() + box.get_width() / 2, box.get_y() + box.get_height() / 2) == (
            pytest.approx((x, z))
        )
        assert (box.get_width(), box.get_height()) == SPECIFY_565.contact_mm
    assert ax.get_aspect() == 1
    # caudal is down, and the case lies below the paddle
    assert ax.get_ylim()[0] > boxes[16].get_y() > paddle_mm(SPECIFY_565)[3]
    assert {str(n) for n in range(16)} | {"case", "L", "R", "rostral", "10 mm"} == set(written(ax))


def test_cathodes_and_anodes_differ_in_colour_and_sign():
    vector = configuration([2, 8], [3, 16], cathode_parts=[0.3, 0.7])
    ax, boxes = drawn(vector)
    colours = [to_hex(box.get_facecolor()) for box in boxes]
    assert [n for n, one in enumerate(colours) if one == CATHODE] == [2, 8]
    assert [n for n, one in enumerate(colours) if one == ANODE] == [3, 16]
    words = written(ax)
    assert words.count("\N{MINUS SIGN}") == 2
    assert words.count("+") == 1
    assert "case +" in words
    parts = {text.get_text(): text.get_position()[0] for text in ax.texts if "%" in text.get_text()}
    assert parts == {"30%": -1.1, "70%": 1.1, "50%": -3.5}
    assert ax.get_title(loc="center") == "cath2_8_an3_16"
    lead_plot(ax, SPECIFY_565, vector, title="searched")
    assert ax.get_title(loc="center") == "searched"


def test_a_pole_of_one_contact_says_no_part():
    ax, _ = drawn(parse_configuration("cath4_an16"))
    assert not [word for word in written(ax) if "%" in word]


def test_a_vector_of_another_lead_is_refused():
    with pytest.raises(ValueError, match=r"vector must have shape \(17,\) for Specify 5-6-5"):
        drawn(np.zeros(5))


@pytest.mark.parametrize(("theme", "paper"), [("light", "#ffffff"), ("dark", "#15181c")])
def test_ink_stands_out_from_paper(theme, paper, tmp_path):
    ax, _ = drawn(theme=theme)
    assert to_hex(ax.get_facecolor()) == paper
    contrast = np.abs(np.subtract(ink(ax), to_rgb(paper))).min()
    assert contrast > 0.7
    np.testing.assert_allclose(faint(ax, 0.25), 0.25 * np.array(ink(ax)) + 0.75 * np.array(
        to_rgb(paper)))  # fmt: skip
    from matplotlib.image import imread

    png = save_figure(ax.figure, tmp_path / "lead", {"a": [1.0]})
    # the paper is kept in the file
    assert to_hex(imread(png)[2, 2, :3]) == paper


def test_an_unknown_theme_is_refused():
    with (
        pytest.raises(ValueError, match="theme must be one of light, dark, got 'sepia'"),
        themed("sepia"),
    ):
        pass


def test_a_page_has_two_sides_of_seven_muscles():
    with themed():
        _, beside, panels = muscle_page(SPECIFY_565, parse_configuration("cath4_an16"), above=1)
    assert panels.shape == (8, 2)
    assert beside.get_title(loc="center") == "cath4_an16"


def test_colours_are_the_same_for_one_frequency_whatever_its_order():
    assert frequency_colours([60, 20, 20]) == frequency_colours([20, 60])
    assert len({*frequency_colours(range(1, 7)).values()}) == 6
    ramp = ramp_colours(("#000000", "#ffffff"), 3)
    np.testing.assert_allclose(ramp[:, 0], [0, 0.5, 1], atol=0.01)


def test_contacts_are_coloured_by_what_they_evoke(tmp_path):
    values = np.arange(16.0)
    values[3] = np.nan
    with themed():
        _, axes = new_page()
        contacts = contact_plot(axes[0, 0], SPECIFY_565, values, largest=20)
    shown = contacts.get_array()
    assert shown.mask.tolist() == [n == 3 for n in range(16)]
    assert shown.compressed().tolist() == np.delete(values, 3).tolist()
    assert contacts.get_clim() == (0, 20)
    from neuro_common.runs import read_csv

    response = np.full((16, 14), 0.25)
    png = draw_contacts(SPECIFY_565, response, tmp_path / "contacts", theme="dark")
    assert set(read_csv(png.with_suffix(".csv"))["response_RSol"]) == {"25.0"}
