"""What the verbs that draw a trained network's population can be told, as plain dataclasses."""

from dataclasses import dataclass, field

__all__ = ["ClassesConfig", "FreeRunConfig", "RasterConfig", "TrajectoriesConfig"]

_TRAINED_CUES = (0.2, 0.3003, 0.4, 0.5, 0.6024, 0.6993, 0.8)


@dataclass
class FreeRunConfig:
    """A network left alone with a cue.

    Attributes:
        weights: What to run, see `rhythm_rnn.weights.load`.
        duration_s: Length of the run, without its transient.
        discard_s: Length of the transient.
        noise: Strength of the noise on the units.
        seed: Of everything random.
        compat: Analyse as the published program did.
        threads: Of torch.

    Raises:
        ValueError: A number is out of its range.
    """

    weights: str = "pretrained"
    duration_s: float = 20.0
    discard_s: float = 2.0
    noise: float = 0.01
    seed: int = 0
    compat: bool = False
    threads: int = 1

    def __post_init__(self) -> None:
        if self.threads < 1:
            raise ValueError(f"threads must be at least 1, got {self.threads}")


@dataclass
class RasterConfig(FreeRunConfig):
    """`rhythm-rnn figures raster`: the rates of all units, in the order in which they fire.

    Attributes:
        cue: Amplitude of the cue.
        window_s: Begin and end of what is drawn, counted from the end of the transient.

    Raises:
        ValueError: The window is not [begin, end], or a number is out of its range.
    """

    cue: float = 0.5
    window_s: list[float] = field(default_factory=lambda: [0.0, 1.0])

    def __post_init__(self) -> None:
        super().__post_init__()
        if len(self.window_s) != 2:
            raise ValueError(f"window_s must be [begin, end], got {self.window_s}")


@dataclass
class TrajectoriesConfig(FreeRunConfig):
    """`rhythm-rnn figures trajectories`: the population's path at several tempi.

    Attributes:
        cues: Cues of the trajectories.
        cue_range: Lowest and highest cue of the interval against the cue, above 0.
        n_cues: How many cues between them.
        sample_ms: Interval between samples of the rates; the published length of a cycle depends on
            it.

    Raises:
        ValueError: A list has another length than it must, or a number is out of its range.
    """

    cues: list[float] = field(default_factory=lambda: [*_TRAINED_CUES])
    cue_range: list[float] = field(default_factory=lambda: [0.1, 1.2])
    n_cues: int = 24
    sample_ms: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.cues:
            raise ValueError("cues must hold at least one cue, got none")
        if len(self.cue_range) != 2 or not 0 < self.cue_range[0] < self.cue_range[1]:
            raise ValueError(f"cue_range must be [lowest, highest] above 0, got {self.cue_range}")
        if self.n_cues < 1:
            raise ValueError(f"n_cues must be at least 1, got {self.n_cues}")
        if not self.sample_ms > 0:
            raise ValueError(f"sample_ms must be above 0, got {self.sample_ms}")


@dataclass
class ClassesConfig(FreeRunConfig):
    """`rhythm-rnn figures classes`: classes of units, their weights, the rhythm without each.

    Attributes:
        cue: Cue of the classes that weights and lesions are for.
        cues: Cues at which units are counted.
        tap_within: Distance to the nearest tap below which a unit is a tap unit, as a share of the
            cycle.
        lesion_cues: Cues at which a network with a lesion runs.
        doses: Shares of a class's outgoing weights to take away; 1 silences it.
        draws: Draws of equally many active units for each class.

    Raises:
        ValueError: There is no cue for lesions, or a number is out of its range.
    """

    duration_s: float = 6.0
    noise: float = 0.0
    cue: float = 0.5
    cues: list[float] = field(default_factory=lambda: [*_TRAINED_CUES])
    tap_within: float = 0.2
    lesion_cues: list[float] = field(default_factory=lambda: [0.2, 0.5, 0.8])
    doses: list[float] = field(default_factory=lambda: [0.05, 1.0])
    draws: int = 3

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.lesion_cues:
            raise ValueError("lesion_cues must hold at least one cue, got none")
