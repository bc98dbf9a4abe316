"""Places of contacts, mirror images, and leads from a file."""

from pathlib import Path

import numpy as np
import pytest

from neuro_common.files import FormatError
from spinal_rnn.lead import SPECIFY_565, Lead, read_lead


def test_the_lead_has_columns_of_five_six_and_five() -> None:
    x, z = SPECIFY_565.x_mm[:-1], SPECIFY_565.z_mm[:-1]
    columns = [int((x < -2).sum()), int((abs(x) < 2).sum()), int((x > 2).sum())]
    assert columns == [5, 6, 5]
    assert z[[1, 0, 15, 14]].tolist() == [0, 9.5, 19, 28.5]
    for side in ([7, 6, 5, 4, 3], [13, 12, 11, 10, 9]):
        assert z[side].tolist() == [4.5, 14, 23.5, 33, 42.5]
    assert np.isnan(SPECIFY_565.x_mm[SPECIFY_565.case])
    assert len(SPECIFY_565) == 17


def test_mirror_images_swap_the_sides_and_keep_the_middle() -> None:
    pairs = {7: 13, 6: 12, 5: 11, 4: 10, 3: 9, 2: 8}
    for left, right in pairs.items():
        assert SPECIFY_565.mirror[left] == right
        assert SPECIFY_565.mirror[right] == left
    for alone in (0, 1, 14, 15, 16):
        assert SPECIFY_565.mirror[alone] == alone


def test_a_lead_that_cannot_be_is_refused() -> None:
    nan = np.nan
    with pytest.raises(ValueError, match=r"two contacts and, last, a case at NaN, got \[\["):
        Lead("x", np.array([0.0, 1, 2]), np.array([0.0, 1, 2]))
    with pytest.raises(ValueError, match="must be finite"):
        Lead("x", np.array([0.0, nan, nan]), np.array([0.0, 1, nan]))
    with pytest.raises(ValueError, match=r"contacts must differ in place, got \[\["):
        Lead("x", np.array([0.0, 0, nan]), np.array([1.0, 1, nan]))
    skew = Lead("skew", np.array([-1.0, 2, nan]), np.array([0.0, 0, nan]))
    with pytest.raises(ValueError, match="contact 0 of lead skew must have a mirror image at x = "):
        skew.mirror  # noqa: B018


def test_a_lead_is_read_from_a_table(tmp_path: Path) -> None:
    path = tmp_path / "two.csv"
    path.write_text("contact,x_mm,z_mm\n1,1.5,0\n0,-1.5,0\n")
    lead = read_lead(path)
    assert (lead.name, len(lead), lead.x_mm[:2].tolist()) == ("two", 3, [-1.5, 1.5])
    assert lead.mirror.tolist() == [1, 0, 2]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("contact,x_mm\n0,1\n", r"must have the columns .*lacks \['z_mm'\]"),
        ("contact,x_mm,z_mm\n0,1,2\n1,a,2\n", "row 3: could not convert string to float: 'a'"),
        ("contact,x_mm,z_mm\n0,1,2\n0,1,3\n", "row 3: contacts must count from 0 to 1, each once"),
        ("contact,x_mm,z_mm\n0,1,2\n1,1,2\n", "contacts must differ in place"),
    ],
)
def test_a_bad_table_names_the_row(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "bad.csv"
    path.write_text(text)
    with pytest.raises(FormatError, match=message):
        read_lead(path)
