"""What a search may choose from."""

import numpy as np
import pytest

from spinal_rnn.conditions import configuration
from spinal_rnn.control.limits import Limits
from spinal_rnn.control.search_space import amplitude_series, bipolar, fields, multipolar, single
from spinal_rnn.lead import SPECIFY_565

LIMITS = Limits()


def test_single_and_bipolar_count_what_there_is() -> None:
    assert single(LIMITS).shape == (16, 17)
    assert bipolar(LIMITS).shape == (240, 17)
    fewer = Limits(forbidden=(3, 4))
    assert len(single(fewer)) == 14
    assert len(bipolar(fewer)) == 14 * 13
    assert not bipolar(fewer)[:, [3, 4]].any()
    assert (bipolar(LIMITS)[:, -1] == 0).all()


def test_single_contacts_need_the_case() -> None:
    with pytest.raises(ValueError, match="need the case as anode, and it is forbidden"):
        single(Limits(forbidden=(16,)))


@pytest.mark.parametrize("forbidden", [(), (16,), (0, 1, 16)])
def test_multipolar_sets_are_configurations_of_neighbours(forbidden: tuple[int, ...]) -> None:
    limits = Limits(forbidden=forbidden)
    vectors = multipolar(SPECIFY_565, limits, 300, np.random.default_rng(0))
    assert 200 < len(vectors) <= 300
    for vector in vectors:
        limits.admit(vector, [0.1], 20)
    np.testing.assert_allclose(vectors.sum(axis=1), 0, atol=1e-9)
    assert not vectors[:, list(forbidden)].any()
    assert ((vectors < 0).sum(axis=1) <= 3).all()
    again = multipolar(SPECIFY_565, limits, 300, np.random.default_rng(0))
    np.testing.assert_array_equal(vectors, again)


def test_series_reaches_the_ceiling_in_whole_steps() -> None:
    np.testing.assert_allclose(
        amplitude_series(configuration([4], [16]), LIMITS, 300, 10), np.arange(1, 11) * 0.5
    )
    low = Limits(total_ma=0.3)
    np.testing.assert_allclose(
        amplitude_series(configuration([4], [16]), low, 300), [0.1, 0.2, 0.3]
    )


def test_smoothed_currents_are_the_kernel_sum() -> None:
    vector = configuration([4], [5])
    smoothed = fields(SPECIFY_565, 10.0)(vector)
    places = np.stack([SPECIFY_565.x_mm, SPECIFY_565.z_mm], axis=1)
    far = np.linalg.norm(places[4] - places[5])
    assert smoothed[4] == pytest.approx(-1 + np.exp(-(far**2) / 200))
    assert smoothed.shape == (16,)
