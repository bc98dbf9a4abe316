import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from spinal_rnn.conditions import Conditions, configuration, parse_configuration
from spinal_rnn.encoding import (
    GAUSSIAN_WIDTHS,
    encode,
    encode_widths,
    published_configuration,
    published_pulse_times_ms,
    published_trains,
    pulse_times_ms,
)

FREQUENCIES = st.floats(1, 240)


def trial(name="cath4_an3_5", amplitude=3.0, frequency=60.0, width_us=300.0, pulses=1):
    return Conditions.of(parse_configuration(name), amplitude, frequency, width_us, pulses)


def test_sixty_hertz_has_eleven_pulses_none_wrapped():
    times = pulse_times_ms(60, 200, 20)
    assert len(times) == 11
    assert times[0] == 20
    assert times[-1] == pytest.approx(20 + 10 * 1000 / 60, abs=1e-9)
    assert np.diff(times) == pytest.approx(1000 / 60, abs=1e-9)


def test_a_pulse_at_the_end_belongs_to_the_next_trial():
    assert pulse_times_ms(20, 220, 20).tolist() == [20, 70, 120, 170]
    assert len(pulse_times_ms(60, 220, 20)) == 12
    assert pulse_times_ms(20, 15, 20).size == 0


def test_bursts_have_pulses_two_ms_apart_and_lose_those_behind_the_end():
    assert pulse_times_ms(40, 70, 20, 3).tolist() == [20, 22, 24, 45, 47, 49]
    assert pulse_times_ms(40, 199, 20, 3)[-3:].tolist() == [174, 195, 197]


def test_a_burst_longer_than_its_period_is_refused():
    with pytest.raises(ValueError, match="3 pulses, which take 6 ms at 500 Hz: lower"):
        pulse_times_ms(200, 100, 20, 3)
    assert len(pulse_times_ms(250, 100, 20, 2)) == 40  # just fits: pulses at 500 Hz throughout


def test_numbers_out_of_range_are_refused():
    with pytest.raises(ValueError, match="must be above 0 and pulses at least 1, got 0, 200 and 1"):
        pulse_times_ms(0, 200)
    with pytest.raises(ValueError, match="samples and fs_hz must be above 0, got 0 and 1000"):
        encode(trial(), 0, 1000)
    with pytest.raises(ValueError, match="width must be above 0 and no Gaussian biphasic"):
        encode(trial(), 200, 1000, width=0.1, biphasic=True)


def test_a_pulse_on_the_grid_is_one_sample_of_the_full_current():
    currents = encode(trial(frequency=20), 200, 1000)
    assert currents.shape == (1, 200, 17)
    assert np.flatnonzero(currents[0, :, 4]).tolist() == [20, 70, 120, 170]
    assert currents[0, 20, [3, 4, 5]].tolist() == [1.5, -3.0, 1.5]
    assert np.flatnonzero(currents[0, 20]).tolist() == [3, 4, 5]


def test_a_pulse_between_samples_is_split_so_that_its_mean_time_is_right():
    cathode = -encode(trial(), 200, 1000)[0, :, 4]
    assert cathode[:20].tolist() == [0] * 20
    assert cathode[36:38] == pytest.approx([1.0, 2.0], abs=1e-9)  # 36.667 ms, 3 mA
    for time in pulse_times_ms(60, 200, 20):
        near = slice(round(time) - 3, round(time) + 4)
        assert cathode[near].sum() == pytest.approx(3, abs=1e-9)
        assert cathode[near] @ np.arange(200)[near] / 3 == pytest.approx(time, abs=1e-9)


def test_a_fine_grid_shows_the_pulse_width():
    current = -encode(trial(frequency=20, width_us=450), 4000, 20_000)[0, :, 4]
    assert np.flatnonzero(current > 2.999).tolist()[:9] == list(range(400, 409))
    assert current.sum() / 20 == pytest.approx(4 * 3 * 0.45, rel=1e-9)  # charge in uC


@given(
    fs=st.floats(500, 20_000),
    frequency=FREQUENCIES,
    width_us=st.floats(50, 1000),
    seed=st.integers(0, 99),
)
def test_area_does_not_hang_on_the_place_between_samples(fs, frequency, width_us, seed):
    samples = int(0.4 * fs)
    lead_in = 20 + np.random.default_rng(seed).uniform(0, 5)
    longest = max(width_us * 1e-3, 1e3 / fs)
    current = -encode(
        trial(amplitude=1, frequency=frequency, width_us=width_us), samples, fs, lead_in
    )
    times = pulse_times_ms(frequency, samples / fs * 1e3, lead_in)
    whole = times + longest <= samples / fs * 1e3
    area = current[0, :, 4].sum() * 1e3 / fs
    cut = (samples / fs * 1e3 - times[~whole]).sum()
    assert area == pytest.approx(whole.sum() * longest + cut, abs=1e-6)


@st.composite
def conditions(draw):
    contacts = draw(st.permutations(range(17)))
    cathodes, anodes = draw(st.integers(1, 4)), draw(st.integers(1, 4))
    parts = []
    for number in (cathodes, anodes):
        weights = np.array(draw(st.lists(st.floats(0.05, 1), min_size=number, max_size=number)))
        parts.append(np.round(weights / weights.sum(), 7))  # as a table might hold them
    vector = np.zeros(17)
    vector[contacts[:cathodes]] = -parts[0]
    vector[contacts[cathodes : cathodes + anodes]] = parts[1]
    frequency, amplitude = draw(FREQUENCIES), draw(st.sampled_from([0, 0.1, 3.7, 20]))
    return Conditions.of(vector, amplitude, frequency, draw(st.floats(50, 1000)))


WIDTHS = st.sampled_from([None, *GAUSSIAN_WIDTHS])


@given(conditions(), WIDTHS, st.sampled_from([1000.0, 2000.0, 4410.0]))
def test_conservation_currents_sum_to_zero_at_every_instant(one, width, fs):
    assert np.abs(encode(one, 200, fs, width=width).sum(axis=2)).max() < 1e-9


@given(conditions(), st.sampled_from([1000.0, 2000.0, 4410.0, 30_000.0]))
def test_balance_each_contact_is_given_back_its_charge(one, fs):
    frequency = float(one.frequency_hz[0])
    longest = max(one.pulse_width_us[0] / 1000, 1000 / fs)
    end_ms = 20 + 1000 / frequency + 2 * longest + 1000 / fs  # the second pulse just ends
    samples = int(end_ms * fs / 1000)
    assume(len(pulse_times_ms(frequency, samples / fs * 1e3)) == 2)
    currents = encode(one, samples, fs, biphasic=True)[0]
    assert np.abs(currents).sum() > 0 or one.amplitude_ma[0] == 0
    assert np.abs(currents.sum(axis=0)).max() < 1e-7


def test_balance_is_not_conservation():
    one = trial(frequency=20)
    single, double = (encode(one, 200, 1000, biphasic=flag) for flag in (False, True))
    assert single.sum(axis=1)[0, 4] == -12  # conserved at every instant, four pulses out of balance
    assert double.sum(axis=1)[0, 4] == 0
    assert double[0, 20:22, 4].tolist() == [-3, 3]


def test_gaussians_have_the_peak_of_the_current_and_their_own_area():
    for part in GAUSSIAN_WIDTHS:
        one = -encode(trial(frequency=10), 2000, 10_000, 50, width=part)[0, :, 4]
        spread = part * 100
        assert one.max() == pytest.approx(3, rel=1e-3)
        period = one[:1000].sum() * 0.1
        assert period == pytest.approx(3 * spread * np.sqrt(2 * np.pi), rel=1e-3)
        beside = one[500 + round(spread * 10)]
        assert beside == pytest.approx(3 * np.exp(-0.5), rel=1e-2)


def test_a_gaussian_narrower_than_a_sample_keeps_the_area_of_a_sample():
    one = -encode(trial(amplitude=1, frequency=120), 200, 1000, width=1 / 50)[0, :, 4]
    assert one.sum() == pytest.approx(22, abs=1e-6)  # pulses from 20 to 195 ms


def test_widths_go_from_coarse_to_the_pulses():
    one = trial(frequency=20)
    levels = encode_widths(one, 200, 1000)
    assert levels.shape == (1, 5, 200, 17)
    assert np.array_equal(levels[:, 4], encode(one, 200, 1000))
    assert np.array_equal(levels[:, 1], encode(one, 200, 1000, width=2 / 25))
    areas = np.abs(levels[0, :, :, 4]).sum(axis=1)
    assert (np.diff(areas) < 0).all()


PUBLISHED = {
    20: [20, 70, 120, 170],
    30: [20, 53, 86, 120, 153, 186],
    40: [20, 45, 70, 95, 120, 145, 170, 195],
    60: [4, 20, 36, 53, 70, 86, 103, 120, 136, 153, 170, 186],
    80: [8, *(int(20 + 12.5 * k) for k in range(15))],
    120: [4, 12, *(int(20 + 1000 * k / 120) for k in range(22))],
}


@pytest.mark.parametrize("frequency", PUBLISHED)
def test_published_times(frequency):
    times = published_pulse_times_ms(frequency, 200, 1000)
    assert sorted(times.tolist()) == PUBLISHED[frequency]
    levels = encode_widths(trial(frequency=frequency), 200, 1000, compat=True)
    assert np.flatnonzero(levels[0, 4, :, 4] < -2.9).tolist() == PUBLISHED[frequency]


def test_published_bursts_wrap_one_pulse_to_the_beginning():
    times = published_pulse_times_ms(40, 200, 1000, pulses=3)
    assert times[-3:].tolist() == [195, 197, 0]


def test_published_currents_by_hand():
    one = trial(frequency=20)
    levels = encode_widths(one, 1000, 5000, compat=True)
    assert levels.shape == (1, 5, 1000, 17)
    assert levels[0, 4].min() == -3
    assert levels[0, 4, :, 3].max() == 1.5
    # at 5 kHz the time axis has steps of 199/999 ms; the nearest sample to 20 ms is set to 1
    axis = np.arange(1000) * 199 / 999
    bells = [np.exp(-((axis - centre) ** 2) / (2 * 6.0**2)) for centre in (20, 70, 120, 170)]
    coarse = -3 * sum(bell / bell.max() for bell in bells)
    assert levels[0, 0, :, 4] == pytest.approx(coarse, abs=1e-12)
    assert np.abs(levels.sum(axis=3)).max() < 1e-9


def test_published_configuration_lets_the_anode_win():
    assert published_configuration([4], [3, 5]) == pytest.approx(configuration([4], [3, 5]))
    both = published_configuration([4, 7], [4])
    assert both[[4, 7]].tolist() == [1.0, -0.5]
    with pytest.raises(ValueError, match="sum to zero"):
        Conditions.of(both, 1, 20)


def test_many_trials_follow_their_own_frequency():
    many = Conditions.of(parse_configuration("cath1_an16"), [1.0, 2.0, 3.0], [20, 40, 20])
    currents = encode(many, 200, 1000)
    for index in range(3):
        assert np.array_equal(currents[index], encode(many.take([index]), 200, 1000)[0])


def test_a_published_contact_that_is_both_is_an_anode_in_the_published_currents():
    trains = published_trains(60.0, 200, 1000.0)
    currents = 3.0 * trains[..., None] * published_configuration([3, 4], [3, 5])
    assert currents[4, 20, [3, 4, 5]] == pytest.approx([1.5, -1.5, 1.5], abs=1e-12)
    ordinary = encode_widths(
        Conditions.of(configuration([4], [3, 5]), 3.0, 60.0), 200, 1000.0, compat=True
    )
    assert currents[..., 5] == pytest.approx(ordinary[0, ..., 5], abs=1e-12)
