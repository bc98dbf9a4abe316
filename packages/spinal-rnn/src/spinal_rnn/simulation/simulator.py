"""Mapping sessions of simulated persons: the data that everything here can be tried on."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neuro_common.seeding import generator
from neuro_common.store import Signal
from spinal_rnn.conditions import Conditions
from spinal_rnn.encoding import pulse_trains
from spinal_rnn.lead import SPECIFY_565, Lead
from spinal_rnn.muscles import MUSCLES, muscle_index
from spinal_rnn.session import LEAD_IN_MS, Session
from spinal_rnn.simulation.depression import pulse_responses
from spinal_rnn.simulation.noise import Noise, lognormal, threshold_drift
from spinal_rnn.simulation.presets import PRESETS, draw_subject, preset_named
from spinal_rnn.simulation.subject import TRAIN_MS, Subject, TrueResponse

__all__ = [
    "LEAST_MV",
    "PRESETS",
    "Recorder",
    "Subject",
    "TrueResponse",
    "draw_subject",
    "measure",
    "simulate_session",
]

Array = NDArray[np.float64]

LEAST_MV = 10.0 / 2**15
"""Least step of a converter of 16 bits and a range of 10 mV to both sides."""

_SLOW_HZ = (22.0, 60.0)
_SLOW_DELAY_MS = 25.0
_SATURATED = 0.4
_SILENT = Noise(0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)


@dataclass(frozen=True)
class Recorder:
    """How the EMG is recorded.

    Attributes:
        fs_hz: Samples per second.
        digital: Round and clip to whole steps of `LEAST_MV`, as raw files hold it; the integers
            are ``session.emg / LEAST_MV``.
        dead: Muscles whose electrode is off: 0 throughout.
        saturated: Muscles whose amplifier clips, at 40 % of a full response.

    Raises:
        ValueError: There is no such muscle, or the sampling is too slow for the background EMG.
    """

    fs_hz: float = 1000.0
    digital: bool = False
    dead: tuple[str, ...] = ()
    saturated: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name in (*self.dead, *self.saturated):
            muscle_index(name)
        if not 900 < self.fs_hz <= 1e5:
            raise ValueError(
                f"fs_hz must be in (900, 1e5], got {self.fs_hz:g}: the EMG reaches to 450 Hz"
            )

    def record(self, emg_mv: Array, peak_mv: Array) -> NDArray[np.float32]:
        """What the recorder makes of the EMG.

        Args:
            emg_mv: Shape (trials, time, 14).
            peak_mv: Of a full response of each muscle, shape (14,).
        """
        limit = np.full(len(MUSCLES), np.inf)
        for name in self.saturated:
            limit[muscle_index(name)] = _SATURATED * peak_mv[muscle_index(name)]
        for name in self.dead:
            limit[muscle_index(name)] = 0
        emg_mv = np.clip(emg_mv, -limit, limit)
        if self.digital:
            emg_mv = np.clip(np.round(emg_mv / LEAST_MV), -(2**15), 2**15 - 1) * LEAST_MV
        return emg_mv.astype(np.float32)


def measure(
    subject: Subject,
    conditions: Conditions,
    seed: int = 0,
    *,
    noise: bool = True,
    recorder: Recorder | None = None,
) -> Session:
    """Measure trials of 200 ms on a simulated person.

    Args:
        subject: Who.
        conditions: The trials, in the order of measurement.
        seed: Of the noise: another one, or another place in the order, gives new noise.
        noise: False for the responses alone, the mean that the noise spreads around.
        recorder: How the EMG is recorded; None is `Recorder()`, 1000 samples per second.

    Returns:
        The session; its truth holds what the person really did (the roots recruited, the responses
        without noise) and what the noise made of thresholds and sizes.

    Raises:
        ValueError: The conditions are of another number of contacts.
    """
    recorder = recorder or Recorder()
    level, rng = subject.noise if noise else _SILENT, generator(seed, 1)
    trials, muscles = len(conditions), len(MUSCLES)
    samples = round((LEAD_IN_MS + TRAIN_MS) * recorder.fs_hz / 1e3)
    time_ms = np.arange(samples) / recorder.fs_hz * 1e3 - LEAD_IN_MS
    wave, peak_mv = subject.waveform, subject.waveform.peak_mv
    factor = threshold_drift(trials, level.threshold_drift, rng)
    size = lognormal((trials, muscles), level.trial_cv, rng)
    single = subject.response(conditions, factor).muscle
    emg = np.zeros((trials, samples, muscles))
    if noise:
        emg += level.at_rest(trials, time_ms, peak_mv, rng)
    for chosen, pulse_ms in pulse_trains(conditions, TRAIN_MS):
        pulses = pulse_responses(single[chosen], pulse_ms, subject.depression)
        pulses *= size[chosen, None] * lognormal(pulses.shape, level.pulse_cv, rng)
        emg[chosen] += wave.train(pulse_ms, pulses, time_ms)
        if subject.slow_gain.any() and _bursts_follow(conditions.frequency_hz[chosen[0]]):
            emg[chosen] += wave.train(
                pulse_ms + _SLOW_DELAY_MS, pulses * subject.slow_gain, time_ms
            )
        emg[chosen] += level.artefact(pulse_ms, time_ms, conditions.amplitude_ma[chosen], peak_mv)
    truth = _truth(subject, subject.response(conditions))
    truth["threshold_factor"] = Signal(factor, ("trial",), "1", "drift of all thresholds")
    truth["size_factor"] = Signal(size, ("trial", "muscle"), "1", "variability of responses")
    return Session(
        conditions,
        recorder.record(emg, peak_mv),
        recorder.fs_hz,
        LEAD_IN_MS,
        subject.lead,
        subject.name,
        truth,
    )


def simulate_session(
    seed: int = 0,
    preset: str = "default",
    *,
    recorder: Recorder | None = None,
    lead: Lead = SPECIFY_565,
) -> Session:
    """Simulate a mapping session of one person.

    Args:
        seed: Of the person, the choice of trials and the noise.
        preset: One of `spinal_rnn.simulation.presets.PRESETS`.
        recorder: How the EMG is recorded; None is `Recorder()`, 1000 samples per second.
        lead: Where the contacts lie; one with few contacts makes a shorter session.

    Returns:
        A session of 50 configurations, 900 trials of 200 ms ("easy": 12 and 100), a tenth of the
        conditions measured three times, with the truth beside.

    Raises:
        ValueError: There is no such preset.
    """
    conditions = preset_named(preset).protocol.draw(generator(seed, 2), lead)
    return measure(draw_subject(seed, preset, lead=lead), conditions, seed, recorder=recorder)


def _bursts_follow(frequency_hz: float) -> bool:
    low, high = _SLOW_HZ
    return low <= frequency_hz <= high


def _truth(subject: Subject, true: TrueResponse) -> dict[str, Signal]:
    roots, muscles = ("trial", "root"), ("trial", "muscle")
    return {
        "drive": Signal(true.drive, roots, "1", "drive of each root, in mean thresholds"),
        "recruited": Signal(true.recruited, roots, "1", "part of each root's fibres"),
        "response": Signal(true.muscle, muscles, "1", "response to a single pulse"),
        "late": Signal(true.late, muscles, "1", "mean response to later pulses"),
        "late_mv": Signal(true.late_mv, muscles, "mV", "the same, peak to peak"),
        "onset": Signal(subject.waveform.onset_ms, ("muscle",), "ms", "latency of each muscle"),
        "root_x": Signal(subject.root_x_mm, ("root",), "mm", "entry of each root, to the right"),
        "root_z": Signal(subject.root_z_mm, ("root",), "mm", "entry of each root, caudal"),
    }
