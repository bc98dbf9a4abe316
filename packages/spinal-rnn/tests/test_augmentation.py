import numpy as np
import pytest

from spinal_rnn.augmentation import add_mirrored, delayed, draw_delays, mirrored
from spinal_rnn.conditions import Conditions, configuration_name, parse_configuration
from spinal_rnn.encoding import encode
from spinal_rnn.lead import Lead
from spinal_rnn.muscles import MUSCLES
from spinal_rnn.session import Session


def session():
    vectors = np.stack([parse_configuration(n) for n in ("cath4_an3_5", "cath0_an1")])
    emg = np.arange(2 * 30 * 14, dtype=np.float32).reshape(2, 30, 14)
    return Session(Conditions.of(vectors, [1.0, 2.0], 40), emg, lead_in_ms=5)


def test_the_mirror_swaps_contacts_and_muscles():
    one = session()
    image = mirrored(one)
    names = [configuration_name(v) for v in image.conditions.configuration]
    assert names == ["cath10_an9_11", "cath0_an1"]
    left, right = MUSCLES.index("LTA"), MUSCLES.index("RTA")
    assert np.array_equal(image.emg[..., right], one.emg[..., left])
    assert not np.array_equal(image.emg[..., left], one.emg[..., left])
    back = mirrored(image)
    assert np.array_equal(back.emg, one.emg)
    assert np.array_equal(back.conditions.configuration, one.conditions.configuration)


def test_mirror_images_come_after_the_trials():
    both = add_mirrored(session())
    assert len(both) == 4
    assert both.conditions.amplitude_ma.tolist() == [1, 2, 1, 2]
    assert np.array_equal(both.emg[:2], session().emg)
    assert np.array_equal(both.emg[2:], mirrored(session()).emg)
    # a configuration and its image belong to one group, so honest splits keep them together
    assert both.conditions.groups(both.lead.mirror).tolist() == [1, 0, 1, 0]


def test_a_crooked_lead_has_no_mirror_image():
    lead = Lead("crooked", np.array([0.0, 1.0, np.nan]), np.array([0.0, 0.0, np.nan]))
    conditions = Conditions.of(np.array([-1.0, 1.0, 0.0]), 1, 20)
    one = Session(conditions, np.zeros((1, 30, 14), np.float32), lead=lead)
    with pytest.raises(ValueError, match="contact 1 of lead crooked must have a mirror image"):
        add_mirrored(one)


def test_delays_are_drawn_from_the_whole_range_and_the_first_is_none():
    trial, delay = draw_delays(400, np.random.default_rng(0))
    assert trial[:7].tolist() == [0] * 6 + [1]
    assert len(trial) == len(delay) == 2400
    assert not delay[::6].any()
    drawn = np.delete(delay, np.s_[::6])
    assert (drawn.min(), drawn.max()) == (1, 49)
    assert drawn.mean() == pytest.approx(25, abs=1)
    again = draw_delays(400, np.random.default_rng(0))[1]
    assert np.array_equal(delay, again)


def test_stimulation_and_emg_are_delayed_alike():
    one = session()
    emg = delayed(one.emg, np.array([0.0, 7.0]), 1000.0)
    assert np.array_equal(emg[0], one.emg[0])
    assert not emg[1, :7].any()
    assert np.array_equal(emg[1, 7:], one.emg[1, :-7])
    currents = encode(one.conditions, 30, 1000.0, 5)
    later = encode(one.conditions, 30, 1000.0, 12)
    assert delayed(currents, np.array([7.0, 7.0]), 1000.0) == pytest.approx(later)


def test_the_published_augmentation_blanks_the_lead_in():
    emg = np.ones((2, 100, 14))
    out = delayed(emg, np.array([1.0, 30.0]), 1000.0, blank_ms=20)
    assert np.flatnonzero(out[0, :, 0]).tolist() == list(range(21, 100))
    assert np.flatnonzero(out[1, :, 0]).tolist() == list(range(50, 100))


def test_a_delay_beyond_the_trial_leaves_silence():
    assert not delayed(np.ones((1, 50, 2)), np.array([80.0]), 1000.0).any()


def test_delays_that_cannot_be_are_refused():
    with pytest.raises(ValueError, match="delays rise from at least 0, got 5 and 9 to 3 ms"):
        draw_delays(2, np.random.default_rng(0), shortest_ms=9, longest_ms=3)
    with pytest.raises(ValueError, match=r"must be 2 numbers of at least 0, got \[-1.0, 0.0\]"):
        delayed(np.ones((2, 50, 2)), np.array([-1.0, 0.0]), 1000.0)
    with pytest.raises(ValueError, match=r"must be 2 numbers of at least 0, got \[1.0\]"):
        delayed(np.ones((2, 50, 2)), np.array([1.0]), 1000.0)
