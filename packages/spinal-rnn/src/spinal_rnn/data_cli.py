"""The verbs that make sessions: simulated, or from a laboratory's files."""

from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from neuro_common.runs import Run
    from spinal_rnn.data_config import ImportConfig, SimulateConfig
    from spinal_rnn.lead import Lead

__all__ = ["import_session", "simulate"]


def simulate(config: "SimulateConfig", run: "Run") -> float:
    """Write the session of a simulated person; returns the number of its trials."""
    from spinal_rnn.session_summary import summary
    from spinal_rnn.simulation.simulator import Recorder, simulate_session

    recorder = Recorder(config.fs_hz, config.digital, tuple(config.dead), tuple(config.saturated))
    lead = _lead(config.lead)
    session = simulate_session(config.seed, config.preset, recorder=recorder, lead=lead)
    session.write(run.path("session.h5"))
    print("\n".join([*summary(session), "", f"session={run.path('session.h5')}"]))
    return float(len(session))


def import_session(config: "ImportConfig", run: "Run") -> float:
    """Write a measured session; returns the number of its trials."""
    from spinal_rnn.emg import preprocess
    from spinal_rnn.formats.session_checks import Rules
    from spinal_rnn.formats.session_files import read_source
    from spinal_rnn.session_summary import summary

    low, high = config.band_hz
    rules = Rules(
        fs_hz=config.fs_hz,
        lead_in_ms=config.lead_in_ms,
        unit=config.unit,
        muscles=config.muscles,
        nan=cast(Any, config.nan),
        repeated_trials=cast(Any, config.repeated_trials),
        band_hz=(low, high),
        max_amplitude_ma=config.max_amplitude_ma,
        min_configurations=config.min_configurations,
        subject=config.subject,
        lead=_lead(config.lead),
    )
    session = read_source(config.source, config.emg, rules)
    if config.preprocess:
        session = preprocess(session, band_hz=(low, high), to_hz=config.to_hz, causal=config.causal)
    session.write(run.path("session.h5"))
    print("\n".join([*summary(session), "", f"session={run.path('session.h5')}"]))
    return float(len(session))


def _lead(table: str | None) -> "Lead":
    from spinal_rnn.lead import SPECIFY_565, read_lead

    return SPECIFY_565 if table is None else read_lead(Path(table))
