"""What a session holds, in a few lines of text."""

import numpy as np

from spinal_rnn.formats.session_checks import condition_numbers
from spinal_rnn.muscles import MUSCLES
from spinal_rnn.session import Session

__all__ = ["summary"]


def summary(session: Session) -> list[str]:
    """How many trials of what, and how large the EMG of each muscle is, before and after pulses.

    Args:
        session: Any.
    """
    conditions, time_ms = session.conditions, session.time_ms
    distinct = int(condition_numbers(conditions).max()) + 1
    frequencies = ", ".join(f"{one:g}" for one in np.unique(conditions.frequency_hz))
    low, high = conditions.amplitude_ma.min(), conditions.amplitude_ma.max()
    lines = [
        f"{len(session)} trials of {session.duration_ms:g} ms at {session.fs_hz:g} samples per s",
        f"{conditions.groups().max() + 1} configurations, {distinct} conditions, "
        f"{len(session) - distinct} repeats",
        f"{frequencies} Hz, {low:g} to {high:g} mA",
        f"lead {session.lead.name}, subject {session.subject or 'without a name'}",
        "",
        "          peak of a trial, mV     before the first",
        "muscle    largest      median      pulse, rms mV",
    ]
    before = time_ms < session.lead_in_ms
    peak = np.abs(session.emg).max(axis=1)
    for muscle, name in enumerate(MUSCLES):
        rest = session.emg[:, before, muscle]
        rms = np.sqrt(np.mean(rest.astype(np.float64) ** 2)) if before.any() else np.nan
        silent = "   silent" if session.silent[muscle] else ""
        largest, median = peak[:, muscle].max(), np.median(peak[:, muscle])
        lines.append(f"{name:8}  {largest:7.3f}     {median:7.3f}           {rms:8.4f}{silent}")
    return lines
