"""One configuration of a session, its curves, and the tables of the report."""

import numpy as np
import pytest

from spinal_rnn.conditions import Conditions, configuration_name, parse_configuration, stack
from spinal_rnn.figures.shown import Trials
from spinal_rnn.mapping import amplitude_grid, fitted_curves, map_configuration, predicted_curves
from spinal_rnn.models.base import Prediction
from spinal_rnn.responses import measure_responses
from spinal_rnn.selectivity import difference
from spinal_rnn.session_report import (
    by_condition,
    cathode_responses,
    lowest_thresholds,
    most_selective,
    quality,
)
from spinal_rnn.simulation.simulator import Recorder, simulate_session


@pytest.fixture(scope="module")
def session():
    return simulate_session(0, "easy", recorder=Recorder(dead=("LTA",)))


def hill(amplitude, half, plateau=1.0, exponent=4.0):
    return plateau * amplitude**exponent / (amplitude**exponent + half**exponent)


def series(name, half, hz=20.0):
    """A noise-free series whose half amplitudes are those of the muscles."""
    ma = np.arange(0.5, 5.01, 0.5)
    return Trials(Conditions.of(parse_configuration(name), ma, hz), hill(ma[:, None], half))


def joined(*parts):
    return Trials(stack([p.conditions for p in parts]), np.vstack([p.response for p in parts]))


def test_a_configuration_is_chosen_by_name(session):
    name = configuration_name(session.conditions.configuration[7])
    mapping = map_configuration(session, name)
    assert mapping.name == name
    expected = np.flatnonzero((session.conditions.configuration == mapping.vector).all(axis=1))
    np.testing.assert_array_equal(mapping.chosen, expected)
    late = measure_responses(session).late_mv
    large = np.where(late.any(axis=0), np.quantile(late, 0.99, axis=0), 1)
    np.testing.assert_allclose(mapping.trials.response, late[expected] / large)


def test_without_a_name_it_is_the_strongest_of_the_most_tried(session):
    mapping = map_configuration(session)
    group = mapping.responses.conditions.groups()
    count = np.bincount(group)
    assert len(mapping.chosen) == count.max()
    strength = mapping.trials.response.mean()
    for one in np.flatnonzero(count == count.max()):
        assert mapping.responses.response[group == one].mean() <= strength + 1e-12


def test_an_unknown_configuration_names_those_that_there_are(session):
    with pytest.raises(ValueError, match=r"one of the session's, got cath3_an16_5; it has cath"):
        map_configuration(session, "cath3_an16_5")


def test_the_others_leave_out_the_mirror_image(session):
    first, mirrored = parse_configuration("cath4_an16"), parse_configuration("cath10_an16")
    vectors = session.conditions.configuration.copy()
    vectors[:30], vectors[30:60] = first, mirrored
    conditions = session.conditions
    changed = Conditions(
        vectors, conditions.amplitude_ma, conditions.frequency_hz, conditions.pulse_width_us,
        conditions.pulses,
    )  # fmt: skip
    from dataclasses import replace

    mapping = map_configuration(replace(session, conditions=changed, truth={}), "cath4_an16")
    assert not set(mapping.others) & set(range(60))
    left_out = vectors[np.setdiff1d(np.arange(100), mapping.others)]
    assert (((left_out == first) | (left_out == mirrored)).all(axis=1)).all()
    alone = map_configuration(replace(session, conditions=changed, truth={}).take(slice(60)))
    with pytest.raises(ValueError, match="it has none: give weights=none"):
        _ = alone.others


def test_curves_go_through_their_trials():
    half = np.linspace(1.0, 3.0, 14)
    both = joined(series("cath4_an16", half), series("cath4_an16", half + 0.5, 60.0))
    slow, fast = fitted_curves(both, n_resamples=20)
    assert (slow.frequency_hz, fast.frequency_hz) == (20, 60)
    np.testing.assert_allclose(slow.response, hill(slow.amplitude_ma[:, None], half), atol=1e-3)
    # a tenth of the rise
    np.testing.assert_allclose(slow.threshold_ma[0], half * 9**-0.25, rtol=1e-3)
    np.testing.assert_allclose(fast.threshold_ma[0], (half + 0.5) * 9**-0.25, rtol=1e-3)


def test_a_muscle_that_hardly_rises_has_no_threshold():
    one = series("cath4_an16", np.full(14, 2.0))
    one.response[:, 5] *= 0.05
    (curve,) = fitted_curves(one, n_resamples=20)
    assert np.isnan(curve.threshold_ma[:, 5]).all()
    assert np.isfinite(np.delete(curve.threshold_ma, 5, axis=1)).all()


def test_few_amplitudes_give_no_curve():
    assert fitted_curves(series("cath4_an16", np.ones(14)).take(slice(4))) == ()


def test_predictions_become_a_curve_for_each_frequency():
    both = joined(series("cath4_an16", np.ones(14)), series("cath4_an16", np.ones(14), 60.0))
    grid = amplitude_grid(both)
    assert (len(grid), grid.amplitude_ma.max()) == (122, 5)
    values = grid.frequency_hz[:, None] * np.ones(14)
    known = fitted_curves(both, n_resamples=5)
    slow, fast = predicted_curves(Prediction(values, None, values - 1, values + 1), grid, known)
    assert (set(slow.response.ravel()), set(fast.high.ravel())) == ({20.0}, {61.0})
    assert (np.diff(fast.amplitude_ma) > 0).all()
    assert slow.threshold_ma is known[0].threshold_ma


def test_the_lowest_threshold_is_found_and_an_extrapolated_one_is_not():
    near, far = np.full(14, 1.5), np.full(14, 2.5)
    near[3], far[3] = 9.0, 2.0
    below = np.full(14, 9.0)
    below[6] = 0.2  # its threshold lies under the lowest amplitude
    trials = joined(
        series("cath4_an16", near), series("cath5_an16", far), series("cath6_an16", below)
    )
    table = lowest_thresholds(trials)
    assert table["configuration"][:4] == ["cath4_an16"] * 3 + ["cath5_an16"]
    assert table["configuration"][6] == "cath4_an16"
    assert table["threshold (mA)"][0] == pytest.approx(1.5 * 9**-0.25, rel=1e-3)
    assert table["threshold (mA)"][3] == pytest.approx(2.0 * 9**-0.25, rel=1e-3)
    assert table["from"][0] <= table["threshold (mA)"][0] <= table["to"][0]
    trials.response[:, 2] *= 0.1
    assert [column[2] for column in lowest_thresholds(trials).values()] == ["LVLat", *[None] * 8]


def test_the_most_selective_condition_is_that_of_mean_responses():
    conditions = Conditions.of(parse_configuration("cath4_an16"), [1.0, 2, 2, 3], 20.0)
    response = np.full((4, 14), 0.1)
    response[:, 0] = [0.45, 0.2, 1.2, 0.6]  # the repeats come to 0.7
    trials = Trials(conditions, response)
    assert by_condition(trials).response[:, 0].tolist() == pytest.approx([0.45, 0.7, 0.6])
    table = most_selective(trials, floor=0.5)
    assert table["amplitude (mA)"][0] == 2
    assert table["response (%)"][0] == pytest.approx(70)
    mean = np.append(0.7, np.full(13, 0.1))
    assert table["difference"][0] == pytest.approx(difference(mean, 0))
    assert table["share"][0] == pytest.approx(0.7 / 2)
    assert [column[1] for column in table.values()] == ["LRF", *[None] * 7]


def test_cathodes_count_where_they_are_alone():
    vectors = [parse_configuration(one) for one in ("cath4_an16", "cath4_an5", "cath2_8_an16")]
    trials = Trials(Conditions.of(np.stack(vectors), 1.0, 20.0), np.arange(42.0).reshape(3, 14))
    means = cathode_responses(trials)
    assert means.shape == (16, 14)
    np.testing.assert_allclose(means[4], trials.response[:2].mean(axis=0))
    assert np.isnan(np.delete(means, 4, axis=0)).all()


def test_quality_tells_silence_noise_and_scatter(session):
    mapping = map_configuration(session)
    table = quality(mapping)
    assert table["silent"] == [name == "LTA" for name in table["muscle"]]
    assert np.isnan(table["large response (mV)"][4])
    large = np.delete(np.array(table["large response (mV)"]), 4)
    np.testing.assert_allclose(large, np.delete(mapping.scale.mv, 4))
    before = session.emg[:, :20, 0].astype(float)
    assert table["EMG before pulses (mV rms)"][0] == pytest.approx(np.sqrt((before**2).mean()))
    assert (np.delete(np.array(table["scatter of repeats (%)"]), 4) > 0).all()


def test_without_repeats_there_is_no_scatter(session):
    from spinal_rnn.formats.session_checks import condition_numbers

    _, first = np.unique(condition_numbers(session.conditions), return_index=True)
    table = quality(map_configuration(session.take(np.sort(first))))
    assert np.isnan(table["scatter of repeats (%)"]).all()
