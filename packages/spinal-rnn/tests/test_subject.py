"""What a simulated person does, without noise."""

from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spinal_rnn.conditions import Conditions, configuration, parse_configuration, stack
from spinal_rnn.encoding import pulse_trains
from spinal_rnn.lead import SPECIFY_565
from spinal_rnn.simulation.anatomy import field_kernel, hill_pool, root_places
from spinal_rnn.simulation.depression import pulse_responses
from spinal_rnn.simulation.presets import draw_subject

MEAN = draw_subject(jitter=False)


def test_the_mean_person_follows_the_formulas_step_by_step() -> None:
    vector = parse_configuration("cath4_an3_5")
    true = MEAN.response(Conditions.of(vector, 3.0, 40.0, 200.0))
    x, z = root_places()
    drives = []
    for root in range(14):
        outwards = -1 if root < 7 else 1
        nodes = []
        for down, out, weight in ((0, 0, 1.0), (7, 0.8, 0.45), (14, 1.2, 0.2)):
            total = 0.0
            for contact, current in ((4, -3.0), (3, 1.5), (5, 1.5)):
                dx = SPECIFY_565.x_mm[contact] - (x[root] + outwards * out)
                dz = SPECIFY_565.z_mm[contact] - (z[root] + down)
                rho2 = 49 + (1.5 * dx) ** 2
                total -= current * 49 * (rho2 - 0.3 * dz**2) / (rho2 + dz**2) ** 2
            nodes.append(weight * total)
        drives.append(max(nodes) * 2 / (1 + 300 / 200))
    np.testing.assert_allclose(true.drive[0], drives, atol=1e-12)
    u = MEAN.weights @ true.recruited[0]
    np.testing.assert_allclose(
        true.muscle[0], u**2.5 * (1 + 0.35**2.5) / (u**2.5 + 0.35**2.5), atol=1e-12
    )


def test_the_late_response_is_a_mean_over_whole_periods_after_the_first() -> None:
    true = MEAN.response(Conditions.of(parse_configuration("cath4_an16"), 3.0, 20.0))
    sizes = pulse_responses(true.muscle, np.array([0.0, 50.0, 100.0]), MEAN.depression)
    np.testing.assert_allclose(true.late[0], sizes[0, 1:].mean(axis=0), atol=1e-12)
    np.testing.assert_allclose(true.late_mv, true.late * MEAN.waveform.peak_to_peak_mv)


def test_slow_stimulation_leaves_responses_whole_and_fast_does_not() -> None:
    vector = parse_configuration("cath4_an16")
    true = MEAN.response(Conditions.of(vector, 3.0, [1.0, 5.0, 10.0, 20.0, 80.0]))
    np.testing.assert_allclose(true.late[0], true.muscle[0])
    np.testing.assert_allclose(true.late[1], true.muscle[1])  # the next period is cut
    assert (np.diff(true.late[2:, 3]) < 0).all()


@settings(max_examples=40)
@given(
    seed=st.integers(0, 1000),
    contact=st.integers(0, 15),
    amplitude_ma=st.floats(0, 8),
    more=st.floats(0, 3),
    preset=st.sampled_from(["tight", "default", "broad", "mismatched"]),
)
def test_against_the_case_more_current_recruits_more(
    seed: int, contact: int, amplitude_ma: float, more: float, preset: str
) -> None:
    person = draw_subject(seed, preset)
    vector = configuration([contact], [16])
    weak, strong = person.response(
        Conditions.of(vector, [amplitude_ma, amplitude_ma + more], 40.0)
    ).muscle
    assert (strong >= weak - 1e-12).all()
    assert (weak >= 0).all()
    assert (strong <= 1 + 1e-12).all()


def test_a_mirrored_stimulus_of_the_mean_person_gives_the_mirrored_response() -> None:
    conditions = Conditions.of(parse_configuration("cath4_an3_0"), [1.0, 2.0, 4.0], 40.0)
    mirrored = conditions.mirrored(SPECIFY_565.mirror)
    here, there = MEAN.response(conditions).late, MEAN.response(mirrored).late
    np.testing.assert_allclose(np.roll(here, 7, axis=1), there, atol=1e-12)


def test_a_longer_pulse_lowers_the_threshold_by_the_law_of_weiss() -> None:
    vector = parse_configuration("cath5_an16")
    short = MEAN.response(Conditions.of(vector, 2.0 * 2.5 / 1.6, 40.0, 200.0))
    long = MEAN.response(Conditions.of(vector, 2.0, 40.0, 500.0))
    np.testing.assert_allclose(short.drive, long.drive)
    same = MEAN.response(Conditions.of(vector, 2.0, 40.0, [200.0, 500.0])).muscle
    assert same[0].max() < same[1].max()


def test_higher_thresholds_are_weaker_currents() -> None:
    conditions = Conditions.of(parse_configuration("cath5_an16"), 2.2, 40.0)
    drifted = MEAN.response(conditions, np.array([1.1]))
    np.testing.assert_allclose(
        drifted.muscle,
        MEAN.response(Conditions.of(conditions.configuration, 2.0, 40.0)).muscle,
    )


def test_a_burst_depresses_and_its_second_pulse_is_its_own_response() -> None:
    vector = parse_configuration("cath4_an16")
    one, two = MEAN.response(Conditions.of(vector, 3.0, 20.0, pulses=[1, 2])).late
    assert (two[:7] < one[:7]).all()


def test_trials_of_one_train_come_together() -> None:
    vector = parse_configuration("cath4_an16")
    groups = pulse_trains(Conditions.of(vector, 1.0, [60.0, 20.0, 60.0], pulses=[1, 1, 2]), 180.0)
    assert sorted(np.concatenate([trials for trials, _ in groups])) == [0, 1, 2]
    times = {int(trials[0]): pulses for trials, pulses in groups}
    np.testing.assert_allclose(times[0], np.arange(11) * 1e3 / 60)
    np.testing.assert_allclose(times[1], [0, 50, 100, 150])
    assert len(times[2]) == 22


def test_no_train_changes_what_another_gives() -> None:
    vectors = [parse_configuration(f"cath{one}_an16") for one in (4, 11)]
    parts = [Conditions.of(vectors[0], 2.0, 20.0), Conditions.of(vectors[1], 3.0, 80.0)]
    together = MEAN.response(stack(parts)).late
    for row, part in zip(together, parts, strict=True):
        np.testing.assert_allclose(MEAN.response(part).late[0], row, atol=1e-14)


def test_your_own_person() -> None:
    person = replace(MEAN, name="mine", pool=partial(hill_pool, half=0.5), spread=0.2)
    conditions = Conditions.of(parse_configuration("cath4_an16"), 2.0, 40.0)
    assert person.response(conditions).muscle.max() != MEAN.response(conditions).muscle.max()
    assert MEAN.transfer[4, 0, 3] == field_kernel(np.array(-0.5), np.array(10.0))


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match=r"threshold must have shape \(14,\), got \(7,\)"):
        replace(MEAN, threshold=np.ones(7))
    with pytest.raises(ValueError, match="transfer must have shape"):
        replace(MEAN, transfer=np.ones((16, 3, 14)))
    with pytest.raises(ValueError, match="threshold must be above 0"):
        replace(MEAN, threshold=np.zeros(14))
    few = Conditions.of(configuration([0], [2], contacts=9), 1.0, 40.0)
    with pytest.raises(ValueError, match="conditions must be of the 17 contacts of Specify 5-6-5"):
        MEAN.response(few)
