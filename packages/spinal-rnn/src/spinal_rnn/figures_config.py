"""What the verbs that draw can be told, as plain dataclasses."""

from dataclasses import dataclass, field

__all__ = [
    "BarsConfig",
    "HiddenConfig",
    "MapsConfig",
    "PredictionConfig",
    "RecruitmentConfig",
    "ReportConfig",
    "RootsConfig",
]

_THEMES = ("light", "dark")


@dataclass
class RecruitmentConfig:
    """`spinal-rnn figures recruitment`: responses over the amplitude, with thresholds.

    Attributes:
        session: A preset that is simulated, or an HDF5 file.
        session_seed: Which person is simulated.
        weights: Of the prediction: fit fits the default model to all other configurations, none
            draws what was measured, else the directory of a trained model.
        configuration: Such as cath4_an3_5; none is the one with the strongest responses.
        theme: light or dark.
        threads: Of torch.
    """

    session: str = "default"
    session_seed: int = 0
    weights: str = "fit"
    configuration: str | None = None
    theme: str = "light"
    threads: int = 1

    def __post_init__(self) -> None:
        _check(self.theme, self.threads)


@dataclass
class BarsConfig(RecruitmentConfig):
    """`spinal-rnn figures bars`: responses and selectivity by frequency and amplitude.

    Attributes:
        session: A preset that is simulated, or an HDF5 file.
        session_seed: Which person is simulated.
        weights: Of the prediction, see `RecruitmentConfig`.
        configuration: Such as cath4_an3_5; none is the one with the strongest responses.
        theme: light or dark.
        threads: Of torch.
        selectivity: difference, share or legacy.
        floor: A muscle that responds less, as a part of its large response, has no selectivity.
        overlaid: Bars of a frequency over each other, as published.

    Raises:
        ValueError: The selectivity is unknown, or a number out of its range.
    """

    selectivity: str = "difference"
    floor: float = 0.3
    overlaid: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.selectivity not in ("difference", "share", "legacy"):
            raise ValueError(
                f"selectivity must be difference, share or legacy, got {self.selectivity!r}"
            )
        if not self.floor >= 0:
            raise ValueError(f"floor must be at least 0, got {self.floor}")


@dataclass
class MapsConfig(RecruitmentConfig):
    """`spinal-rnn figures maps`: responses over amplitude and frequency.

    Attributes:
        session: A preset that is simulated, or an HDF5 file.
        session_seed: Which person is simulated.
        weights: Of the prediction, see `RecruitmentConfig`; none maps what was measured.
        configuration: Such as cath4_an3_5; none is the one with the strongest responses.
        theme: light or dark.
        threads: Of torch.
        amplitude_range_ma: Lowest and highest of the predicted map.
        frequency_range_hz: Lowest and highest of the predicted map.
        points: Of the predicted map, along each axis.

    Raises:
        ValueError: A range is not [lowest, highest], or a number out of its range.
    """

    amplitude_range_ma: list[float] = field(default_factory=lambda: [0.25, 5.0])
    frequency_range_hz: list[float] = field(default_factory=lambda: [20.0, 80.0])
    points: int = 25

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("amplitude_range_ma", "frequency_range_hz"):
            ends = getattr(self, name)
            if len(ends) != 2 or not 0 < ends[0] < ends[1]:
                raise ValueError(f"{name} must be [lowest, highest] above 0, got {ends}")
        if self.points < 2:
            raise ValueError(f"points must be at least 2, got {self.points}")


@dataclass
class PredictionConfig(RecruitmentConfig):
    """`spinal-rnn figures prediction`: the EMG of one trial, measured and predicted.

    Attributes:
        session: A preset that is simulated, or an HDF5 file.
        session_seed: Which person is simulated.
        weights: Of the prediction, see `RecruitmentConfig`.
        configuration: Such as cath4_an3_5; none is the one with the strongest responses.
        theme: light or dark.
        threads: Of torch.
        amplitude_ma: Of the trial; the nearest there is.
        frequency_hz: Of the trial; the nearest there is.
    """

    amplitude_ma: float = 4.0
    frequency_hz: float = 40.0


@dataclass
class RootsConfig(RecruitmentConfig):
    """`spinal-rnn figures roots`: the roots that a configuration recruits.

    Attributes:
        session: A preset that is simulated, or an HDF5 file.
        session_seed: Which person is simulated.
        weights: Of the prediction, see `RecruitmentConfig`; none draws the truth of a simulation.
        configuration: Such as cath4_an3_5; none is the one with the strongest responses.
        theme: light or dark.
        threads: Of torch.
        n_amplitudes: How many of the measured amplitudes to draw, from low to high.

    Raises:
        ValueError: A number is out of its range.
    """

    n_amplitudes: int = 4

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.n_amplitudes < 1:
            raise ValueError(f"n_amplitudes must be at least 1, got {self.n_amplitudes}")


@dataclass
class HiddenConfig:
    """`spinal-rnn figures hidden`: orbits, rates and weights of a recurrent network.

    Attributes:
        session: A preset that is simulated, or an HDF5 file; without weights it is learnt.
        session_seed: Which person is simulated.
        weights: Directory of a trained recurrent model; none trains a small one first.
        network: Which one to train then.
        units: How many units it has.
        epochs: How long it is trained.
        configuration: Of the stimulation; none is the one with the strongest responses.
        amplitude_ma: Of the stimulation.
        frequencies_hz: Of the stimulation, rising.
        theme: light or dark.
        threads: Of torch.

    Raises:
        ValueError: Frequencies do not rise, or a number is out of its range.
    """

    session: str = "default"
    session_seed: int = 0
    weights: str | None = None
    network: str = "AEIRNN"
    units: int = 48
    epochs: int = 12
    configuration: str | None = None
    amplitude_ma: float = 4.0
    frequencies_hz: list[float] = field(default_factory=lambda: [20.0, 40.0, 60.0, 80.0])
    theme: str = "light"
    threads: int = 1

    def __post_init__(self) -> None:
        _check(self.theme, self.threads)
        if not self.frequencies_hz or sorted(set(self.frequencies_hz)) != list(self.frequencies_hz):
            raise ValueError(f"frequencies_hz must rise, got {self.frequencies_hz}")


@dataclass
class ReportConfig:
    """`spinal-rnn report`: one page on a mapping session.

    Attributes:
        session: A preset that is simulated, or an HDF5 file.
        session_seed: Which person is simulated.
        weights: Of the predictions, see `RecruitmentConfig`.
        configuration: That is drawn; none is the one with the strongest responses.
        floor: A muscle that responds less, as a part of its large response, has no selectivity.
        theme: light or dark.
        threads: Of torch.

    Raises:
        ValueError: A number is out of its range.
    """

    session: str = "default"
    session_seed: int = 0
    weights: str = "fit"
    configuration: str | None = None
    floor: float = 0.5
    theme: str = "light"
    threads: int = 1

    def __post_init__(self) -> None:
        _check(self.theme, self.threads)
        if not self.floor >= 0:
            raise ValueError(f"floor must be at least 0, got {self.floor}")


def _check(theme: str, threads: int) -> None:
    if theme not in _THEMES:
        raise ValueError(f"theme must be light or dark, got {theme!r}")
    if threads < 1:
        raise ValueError(f"threads must be at least 1, got {threads}")
