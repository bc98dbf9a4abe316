"""A mapping session of one person: what was stimulated, and what fourteen muscles answered."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuro_common.files import FormatError
from neuro_common.store import Recording, Signal, read_recording, write_recording
from spinal_rnn.conditions import Conditions
from spinal_rnn.lead import SPECIFY_565, Lead
from spinal_rnn.muscles import MUSCLES

__all__ = ["LEAD_IN_MS", "Session", "read_session"]

LEAD_IN_MS = 20.0
"""From the first sample to the first pulse."""

_KIND = "spinal-rnn/session"
_UNITS = {
    "configuration": "1",
    "amplitude_ma": "mA",
    "frequency_hz": "Hz",
    "pulse_width_us": "us",
    "pulses": "1",
}


@dataclass(frozen=True, eq=False)
class Session:
    """Trials of one person.

    Attributes:
        conditions: The stimulation of each trial.
        emg: What the electrodes recorded, in mV, shape (trials, time, 14), the muscles in the order
            of `spinal_rnn.muscles.MUSCLES`; a silent or missing muscle is 0 throughout.
        fs_hz: Samples per second.
        lead_in_ms: From the first sample to the first pulse.
        lead: Where the contacts lie.
        subject: Whose it is; a code, no name.
        truth: What a simulation knows beside, with the trials as the dimension "trial"; empty for a
            measured session.

    Raises:
        ValueError: A shape does not fit, or a number is not finite; the message names trial and
            muscle.
    """

    conditions: Conditions
    emg: NDArray[np.float32]
    fs_hz: float = 1000.0
    lead_in_ms: float = LEAD_IN_MS
    lead: Lead = SPECIFY_565
    subject: str = ""
    truth: Mapping[str, Signal] = field(default_factory=dict)

    def __post_init__(self) -> None:
        trials, contacts = self.conditions.configuration.shape
        if trials == 0:
            raise ValueError("a session must have at least one trial, got none")
        if contacts != len(self.lead):
            raise ValueError(
                f"the conditions must be of the {len(self.lead)} contacts of {self.lead.name}, the "
                f"case among them, got {contacts}"
            )
        if self.emg.ndim != 3 or self.emg.shape[::2] != (trials, len(MUSCLES)):
            raise ValueError(
                f"emg must have shape ({trials} trials, time, {len(MUSCLES)} muscles), got "
                f"{self.emg.shape}"
            )
        if not (np.isfinite(self.fs_hz) and self.fs_hz > 0):
            raise ValueError(f"fs_hz must be above 0, got {self.fs_hz}")
        if not 0 <= self.lead_in_ms < self.duration_ms:
            raise ValueError(
                f"lead_in_ms must be in [0, {self.duration_ms:g}), got {self.lead_in_ms}"
            )
        bad = ~np.isfinite(self.emg)
        if bad.any():
            trial, sample, muscle = (int(one[0]) for one in np.nonzero(bad))
            raise ValueError(
                f"trial {trial}, {MUSCLES[muscle]}, sample {sample}: emg must be finite, got "
                f"{self.emg[trial, sample, muscle]}; leave the trial out, or set the muscle to 0 "
                "in all trials if its electrode was dead"
            )

    def __len__(self) -> int:
        return len(self.conditions)

    @property
    def duration_ms(self) -> float:
        """Length of a trial."""
        samples: int = self.emg.shape[1]
        return samples / self.fs_hz * 1e3

    @property
    def time_ms(self) -> NDArray[np.float64]:
        """Time of each sample, from the first one, shape (time,)."""
        return np.arange(self.emg.shape[1]) / self.fs_hz * 1e3

    @property
    def silent(self) -> NDArray[np.bool_]:
        """Which muscles are 0 throughout, shape (14,)."""
        return np.asarray(~self.emg.any(axis=(0, 1)))

    def take(self, trials: Any) -> "Session":
        """Some of the trials, in the order asked for.

        Args:
            trials: What numpy takes as an index: numbers, a mask or a slice.
        """
        truth = {
            name: replace(signal, data=signal.data[trials]) if "trial" in signal.dims else signal
            for name, signal in self.truth.items()
        }
        taken = self.conditions.take(trials)
        return replace(self, conditions=taken, emg=self.emg[trials], truth=truth)

    def recording(self) -> Recording:
        """The session as signals with units and dimensions: for HDF5, xarray and NWB."""
        columns = vars(self.conditions)
        signals = {"time": Signal(self.time_ms, ("time",), "ms")}
        for name, unit in _UNITS.items():
            dims = ("trial", "contact") if name == "configuration" else ("trial",)
            signals[name] = Signal(columns[name], dims, unit)
        signals["emg"] = Signal(self.emg, ("trial", "time", "muscle"), "mV")
        signals["contact_x"] = Signal(self.lead.x_mm, ("contact",), "mm")
        signals["contact_z"] = Signal(self.lead.z_mm, ("contact",), "mm")
        signals |= {f"truth_{name}": signal for name, signal in self.truth.items()}
        facts = {
            "kind": _KIND,
            "fs_hz": self.fs_hz,
            "lead_in_ms": self.lead_in_ms,
            "lead": self.lead.name,
            "contact_mm": list(self.lead.contact_mm),
            "subject": self.subject,
            "muscles": list(MUSCLES),
        }
        return Recording(signals, facts)

    def write(self, path: str | Path) -> None:
        """Write the session to an HDF5 file, whole or not at all.

        Args:
            path: File to write; one that is there is replaced.
        """
        write_recording(path, self.recording())

    def to_xarray(self) -> Any:
        """The session as an ``xarray.Dataset`` with named muscles (needs xarray)."""
        return self.recording().to_xarray().assign_coords(muscle=list(MUSCLES))


def read_session(path: str | Path) -> Session:
    """Read a session that :meth:`Session.write` wrote.

    Args:
        path: The HDF5 file.

    Raises:
        FileNotFoundError: There is no such file.
        FormatError: The file is damaged, or holds something else.
    """
    recording = read_recording(path)
    facts, signals = recording.attributes, recording.signals
    if facts.get("kind") != _KIND:
        raise FormatError(
            f"{path} must hold a session of spinal-rnn, got {facts.get('kind', 'a recording')}"
        )
    try:
        if facts["muscles"] != list(MUSCLES):
            raise FormatError(f"{path} must have the muscles {MUSCLES}, got {facts['muscles']}")
        width, length = facts["contact_mm"]
        x_mm, z_mm = (signals[f"contact_{axis}"].data for axis in "xz")
        return Session(
            Conditions(*(signals[name].data for name in _UNITS)),
            signals["emg"].data,
            facts["fs_hz"],
            facts["lead_in_ms"],
            Lead(facts["lead"], x_mm, z_mm, (width, length)),
            facts["subject"],
            {n.removeprefix("truth_"): s for n, s in signals.items() if n.startswith("truth_")},
        )
    except (KeyError, TypeError, ValueError) as error:
        raise FormatError(
            f"{path} is no whole session: {error}; restore it from a copy, or make it again"
        ) from error
