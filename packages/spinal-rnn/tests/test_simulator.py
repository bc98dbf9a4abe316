"""Simulated sessions: what is measured is what the person does, and the noise is what was asked."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from spinal_rnn.conditions import Conditions, parse_configuration
from spinal_rnn.muscles import muscle_index
from spinal_rnn.responses import measure_responses
from spinal_rnn.session import Session, read_session
from spinal_rnn.simulation.noise import Noise
from spinal_rnn.simulation.presets import PRESETS, draw_subject
from spinal_rnn.simulation.simulator import LEAST_MV, Recorder, measure, simulate_session

LATERAL = parse_configuration("cath4_an16")
FREQUENCIES = [20.0, 40.0, 60.0, 80.0]


@pytest.fixture(scope="module")
def session() -> Session:
    return simulate_session(0)


def test_the_default_session(session: Session) -> None:
    assert session.emg.shape == (900, 200, 14)
    assert session.emg.dtype == np.float32
    assert (session.fs_hz, session.lead_in_ms, session.subject) == (1000, 20, "default 0")
    assert np.abs(session.emg[:, :19]).max() < 0.15 * np.abs(session.emg).max()


@pytest.mark.parametrize("preset", PRESETS)
def test_one_seed_is_one_session_to_the_bit(preset: str) -> None:
    one, same, other = (simulate_session(seed, preset) for seed in (2, 2, 3))
    assert one.emg.tobytes() == same.emg.tobytes()
    assert one.conditions.configuration.tobytes() == same.conditions.configuration.tobytes()
    for name, signal in one.truth.items():
        assert signal.data.tobytes() == same.truth[name].data.tobytes(), name
    assert one.emg.tobytes() != other.emg.tobytes()


def test_the_truth_is_what_the_person_does(session: Session) -> None:
    true = draw_subject(0).response(session.conditions)
    np.testing.assert_array_equal(session.truth["late"].data, true.late)
    np.testing.assert_array_equal(session.truth["recruited"].data, true.recruited)
    assert session.truth["recruited"].dims == ("trial", "root")
    taken = session.take([5, 2])
    np.testing.assert_array_equal(taken.truth["late_mv"].data, true.late_mv[[5, 2]])
    assert taken.truth["root_z"].data.shape == (14,)


def test_truth_and_emg_come_back_from_a_file_to_the_bit(tmp_path: Path) -> None:
    easy = simulate_session(1, "easy")
    easy.write(tmp_path / "s.h5")
    back = read_session(tmp_path / "s.h5")
    assert back.emg.tobytes() == easy.emg.tobytes()
    assert back.truth.keys() == easy.truth.keys()
    assert back.truth["drive"].data.tobytes() == easy.truth["drive"].data.tobytes()


def test_without_noise_the_first_response_is_r_times_the_waveform() -> None:
    person = draw_subject(1)
    conditions = Conditions.of(LATERAL, [2.0, 4.0], 1.0)
    quiet = measure(person, conditions, noise=False)
    single = person.response(conditions).muscle
    wanted = single[:, None] * person.waveform.at(quiet.time_ms - quiet.lead_in_ms)
    np.testing.assert_allclose(quiet.emg, wanted, atol=1e-6)


@pytest.mark.parametrize("preset", ["default", "mismatched"])
def test_late_peak_to_peak_is_the_true_late_response(preset: str) -> None:
    person = draw_subject(2, preset)
    conditions = Conditions.of(
        np.repeat([LATERAL, parse_configuration("cath10_an9_11")], 16, axis=0),
        np.tile(np.repeat([1.0, 2.0, 3.0, 5.0], 4), 2),
        np.tile(FREQUENCIES, 8),
    )
    quiet = measure(person, conditions, noise=False)
    measured, true = measure_responses(quiet).late_mv, quiet.truth["late_mv"].data
    large = quiet.truth["late"].data > 0.05
    # sampling at 1 kHz misses the peaks a little, and at 80 Hz responses overlap
    assert (measured / true.clip(1e-12))[large].min() > 0.93
    assert (measured / true.clip(1e-12))[large].max() < 1.08
    for hz in FREQUENCIES:
        rows = conditions.frequency_hz == hz
        for muscle in range(14):
            if np.ptp(true[rows, muscle]) > 0.1:
                correlation = np.corrcoef(measured[rows, muscle], true[rows, muscle])[0, 1]
                assert correlation > 0.999


def test_noise_varies_around_the_noise_free_response() -> None:
    person = draw_subject(3)
    same = Conditions.of(np.repeat(LATERAL[None], 800, axis=0), 4.0, 20.0)
    noisy, quiet = measure(person, same, 5), measure(person, same, noise=False)
    np.testing.assert_allclose(noisy.emg.mean(axis=0), quiet.emg[0], atol=0.06)
    muscle = muscle_index("LSol")
    late = measure_responses(noisy).late_mv[:, muscle]
    assert late.std() / late.mean() == pytest.approx(0.13, abs=0.02)
    rest = noisy.emg[:, :18].std(axis=(0, 1)) / person.waveform.peak_mv
    np.testing.assert_allclose(rest, np.sqrt(0.015**2 + 0.005**2 / 2 + 0.01**2 / 2), rtol=0.1)


def test_each_source_of_noise_alone() -> None:
    mean_person, quiet = draw_subject(jitter=False), Noise(0, 0, 0, 0, 0, 0, 0)
    conditions = Conditions.of(np.repeat(LATERAL[None], 400, axis=0), 2.0, 20.0)
    soleus = muscle_index("LSol")

    def measured(**level: float) -> tuple[Session, np.ndarray, np.ndarray]:
        """The session, and peak-to-peak of the first and of the second period of each trial."""
        person = replace(mean_person, noise=replace(quiet, **level))
        session = measure(person, conditions, 1)
        emg = session.emg[:, :, soleus]
        return session, np.ptp(emg[:, 38:88], axis=1), np.ptp(emg[:, 88:138], axis=1)

    _, first, second = measured(trial_cv=0.12)
    assert first.std() / first.mean() == pytest.approx(0.12, abs=0.015)
    np.testing.assert_allclose(second / first, (second / first)[0], rtol=1e-5)
    _, first, second = measured(pulse_cv=0.05)
    ratio = second / first
    assert ratio.std() / ratio.mean() == pytest.approx(0.05 * np.sqrt(2), abs=0.01)
    session, first, _ = measured(threshold_drift=0.1)
    factor = session.truth["threshold_factor"].data
    assert np.ptp(factor) > 0.09
    wanted = mean_person.response(conditions, factor).muscle[:, soleus]
    np.testing.assert_allclose(first / first[0], wanted / wanted[0], rtol=1e-4)


def test_the_artefact_stands_at_the_pulse() -> None:
    person = replace(draw_subject(0), noise=Noise(0, 0, 0, 0, 0, artefact_per_ma=0.005))
    conditions = Conditions.of(LATERAL, 4.0, 20.0)
    with_artefact = measure(
        replace(person, noise=replace(person.noise, threshold_drift=0.0)), conditions
    )
    added = with_artefact.emg[0] - measure(person, conditions, noise=False).emg[0]
    height = 4 * 0.005 * person.waveform.peak_mv
    # the box of 1 ms begins at the sample and is shared with the next one
    np.testing.assert_allclose(added[20:22, 7], height[7] / 2, atol=1e-6)
    np.testing.assert_allclose(added[20:22, 0], -height[0] / 2, atol=1e-6)
    assert set(np.flatnonzero(np.abs(added[:, 7]) > 1e-6)) == {20, 21, 70, 71, 120, 121, 170, 171}


def test_repeats_share_the_truth_and_not_the_noise(session: Session) -> None:
    conditions = session.conditions
    rows = np.column_stack([conditions.groups(), conditions.frequency_hz, conditions.amplitude_ma])
    _, number, counts = np.unique(rows, axis=0, return_inverse=True, return_counts=True)
    assert (counts == 3).sum() == 75
    three = np.flatnonzero(number.reshape(-1) == np.flatnonzero(counts == 3)[0])
    assert np.ptp(session.truth["late"].data[three], axis=0).max() == 0
    assert (np.ptp(session.emg[three], axis=0).max(axis=0) > 0).all()


def test_an_easy_session_is_short_and_nearly_free_of_noise() -> None:
    easy = simulate_session(0, "easy")
    assert len(easy) == 100
    quiet = measure(draw_subject(0, "easy"), easy.conditions, noise=False)
    noisy, true = measure_responses(easy).late_mv, measure_responses(quiet).late_mv
    lost = ((noisy - true) ** 2).sum() / ((true - true.mean(axis=0)) ** 2).sum()
    assert lost < 0.005
    full = simulate_session(0)
    quiet = measure(draw_subject(0), full.conditions, noise=False)
    noisy, true = measure_responses(full).late_mv, measure_responses(quiet).late_mv
    lost = ((noisy - true) ** 2).sum() / ((true - true.mean(axis=0)) ** 2).sum()
    assert 0.03 < lost < 0.12


def test_pulses_fall_between_samples() -> None:
    person = draw_subject(0, jitter=False)
    conditions = Conditions.of(LATERAL, 3.0, 60.0)
    slow, fast = (
        measure(person, conditions, noise=False, recorder=Recorder(fs_hz)).emg[0]
        for fs_hz in (1000.0, 3000.0)
    )
    np.testing.assert_allclose(slow, fast[::3], atol=1e-6)
    # the period of 16.667 ms is 50 samples of 3 kHz
    late = fast[500:550, 6] / np.ptp(fast[500:550, 6])
    later = fast[550:, 6] / np.ptp(fast[550:, 6])
    np.testing.assert_allclose(late, later, atol=0.01)


def test_a_raw_recording_holds_whole_steps_of_16_bits() -> None:
    conditions = Conditions.of(LATERAL, [1.0, 5.0], 40.0)
    loud = replace(draw_subject(0), noise=Noise(motion=30.0))
    raw = measure(loud, conditions, recorder=Recorder(2000.0, digital=True))
    assert raw.emg.shape == (2, 400, 14)
    steps = raw.emg / LEAST_MV
    np.testing.assert_array_equal(steps, np.round(steps))
    assert (steps.min(), steps.max()) == (-(2**15), 2**15 - 1)


def test_dead_and_saturated_channels() -> None:
    person = draw_subject(0)
    conditions = Conditions.of(LATERAL, 5.0, 40.0)
    plain = measure(person, conditions)
    spoilt = measure(person, conditions, recorder=Recorder(dead=("LTA",), saturated=("LMG",)))
    tibialis, gastrocnemius = muscle_index("LTA"), muscle_index("LMG")
    assert spoilt.silent.tolist() == [muscle == tibialis for muscle in range(14)]
    limit = 0.4 * person.waveform.peak_mv[gastrocnemius]
    assert np.abs(spoilt.emg[..., gastrocnemius]).max() == pytest.approx(limit)
    assert np.abs(plain.emg[..., gastrocnemius]).max() > 1.5 * limit
    others = [muscle for muscle in range(14) if muscle not in (tibialis, gastrocnemius)]
    np.testing.assert_array_equal(plain.emg[..., others], spoilt.emg[..., others])


def test_a_second_response_comes_25_ms_later_in_trains_of_22_to_60_hz() -> None:
    conditions = Conditions.of(LATERAL, 4.0, FREQUENCIES)
    with_slow = draw_subject(0, slow_gain=0.2)
    plain, slow = (
        measure(person, conditions, noise=False).emg for person in (draw_subject(0), with_slow)
    )
    difference = slow - plain
    assert (difference[[0, 3]] == 0).all()
    np.testing.assert_allclose(difference[1:3, 25:], 0.2 * plain[1:3, :-25], atol=1e-6)


def test_a_large_amplitude_is_not_refused_here() -> None:
    person = draw_subject(0)
    assert np.isfinite(measure(person, Conditions.of(LATERAL, 100.0, 40.0)).emg).all()


def test_what_cannot_be_recorded_is_refused() -> None:
    with pytest.raises(ValueError, match=r"fs_hz must be in \(900, 1e5\], got 500"):
        Recorder(500.0)
    with pytest.raises(ValueError, match=r"muscle must be one of .* got 'LTa'"):
        Recorder(dead=("LTa",))
    with pytest.raises(ValueError, match=r"got 'esay' \(did you mean 'easy'\?\)"):
        simulate_session(0, "esay")
