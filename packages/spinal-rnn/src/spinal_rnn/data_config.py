"""What the verbs that make sessions can be told, as plain dataclasses."""

from dataclasses import dataclass, field

__all__ = ["ImportConfig", "SimulateConfig"]


@dataclass
class SimulateConfig:
    """`spinal-rnn simulate`: a mapping session of a simulated person.

    Attributes:
        preset: Population of the person: "tight", "default", "broad", "easy" or "mismatched".
        seed: Of the person, the trials and the noise.
        fs_hz: Samples per second.
        digital: Round the EMG to the steps of a 16-bit converter.
        dead: Muscles whose electrode is off, such as [LTA].
        saturated: Muscles whose amplifier clips.
        lead: CSV table of the lead's contacts, see `spinal_rnn.lead.read_lead`; None for the
            Specify 5-6-5.
    """

    preset: str = "default"
    seed: int = 0
    fs_hz: float = 1000.0
    digital: bool = False
    dead: list[str] = field(default_factory=list)
    saturated: list[str] = field(default_factory=list)
    lead: str | None = None


@dataclass
class ImportConfig:
    """`spinal-rnn import`: a measured session from a laboratory's files, checked and filtered.

    Attributes:
        source: A CSV table of conditions or of the published layout, or an npz or MATLAB file, see
            `spinal_rnn.formats.session_files.read_source`.
        emg: The EMG of a table of conditions: npy, npz, MATLAB or CSV.
        fs_hz: Samples per second, unless the file tells.
        lead_in_ms: From the first sample to the first pulse; None for what the file tells, or 20.
        unit: Of the EMG: "V", "mV" or "uV"; for the raw steps of a converter, the mV of one.
        muscles: Names of the channels in order, "-" for what is no muscle; None for what the file
            tells, or the fourteen in their order.
        lead: CSV table of the lead's contacts, see `spinal_rnn.lead.read_lead`; None for the
            Specify 5-6-5.
        subject: Whose it is, a code and no name; None for what the file tells.
        nan: "refuse" EMG that is not finite, "silence" its muscle, or "drop" its trial.
        repeated_trials: "keep" trials of one condition, take their "mean", or "refuse" them.
        max_amplitude_ma: A larger amplitude is taken for an error.
        min_configurations: Fewer are refused; 1 allows a single recruitment curve.
        preprocess: Band-pass, and resample to ``to_hz``. Otherwise the EMG stays as it is.
        band_hz: What to keep; the sampling rate must hold it.
        to_hz: Samples per second of the session.
        causal: Filter once, forwards: responses come later. Otherwise nothing moves.

    Raises:
        ValueError: A number is out of its range, or the band is not two frequencies.
    """

    source: str
    emg: str | None = None
    fs_hz: float | None = None
    lead_in_ms: float | None = None
    unit: str = "mV"
    muscles: list[str] | None = None
    lead: str | None = None
    subject: str | None = None
    nan: str = "refuse"
    repeated_trials: str = "keep"
    max_amplitude_ma: float = 20.0
    min_configurations: int = 2
    preprocess: bool = True
    band_hz: list[float] = field(default_factory=lambda: [10.0, 450.0])
    to_hz: float = 1000.0
    causal: bool = False

    def __post_init__(self) -> None:
        for name in ("fs_hz", "max_amplitude_ma", "to_hz"):
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise ValueError(f"{name} must be above 0, got {value}")
        if len(self.band_hz) != 2:
            raise ValueError(f"band_hz must be two frequencies, got {self.band_hz}")
        if self.min_configurations < 1:
            raise ValueError(
                f"min_configurations must be at least 1, got {self.min_configurations}"
            )
