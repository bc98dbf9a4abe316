"""What the verbs on trained walkers can be told, as plain dataclasses."""

from dataclasses import dataclass, field

__all__ = [
    "BASELINES",
    "ActivityFigureConfig",
    "EvaluateConfig",
    "LesionFigureConfig",
    "RecordConfig",
    "RobustnessFigureConfig",
    "TrainingFigureConfig",
    "WalkConfig",
    "WalkFigureConfig",
    "WalkReportConfig",
]

BASELINES = ("no_recurrence", "zero", "random", "standing", "replay", "teacher")
"""What a walker is scored beside: its own network with W = 0, no torque, random torques, a posture
that is held, the actions of the reference, and the teacher."""

_GROUPS = ("type", "class", "transmitter")
_FORMATS = ("mp4", "gif")


@dataclass
class WalkConfig:
    """Walks of a trained network.

    Attributes:
        weights: Directory of a training; "pretrained" is the taught walker that ships,
            "self_taught" the one that learned from reward alone.
        episodes: Episodes, each from the start of the course.
        steps: Longest episode.
        first_seed: Of the first episode; the others follow. No training of a network sees seeds
            below 65536; that of the teacher sees some below 140.
        seed: Of everything else that is random.
        threads: Of torch.

    Raises:
        ValueError: A number is out of its range.
    """

    weights: str = "pretrained"
    episodes: int = 20
    steps: int = 1600
    first_seed: int = 0
    seed: int = 0
    threads: int = 1

    def __post_init__(self) -> None:
        for name in ("episodes", "steps", "threads"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, got {getattr(self, name)}")
        if self.first_seed < 0:
            raise ValueError(f"first_seed must be at least 0, got {self.first_seed}")

    @property
    def seeds(self) -> list[int]:
        """One for each episode."""
        return list(range(self.first_seed, self.first_seed + self.episodes))


@dataclass
class EvaluateConfig(WalkConfig):
    """`brainnn evaluate`: score a walker beside controllers that do not walk, and its teacher.

    Attributes:
        baselines: Among `BASELINES`.
        teacher: Directory of the teacher; None is the one that ships.

    Raises:
        ValueError: A baseline is unknown, or a number out of its range.
    """

    baselines: list[str] = field(default_factory=lambda: [*BASELINES])
    teacher: str | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if unknown := [name for name in self.baselines if name not in BASELINES]:
            raise ValueError(f"baselines must be among {', '.join(BASELINES)}, got {unknown}")


@dataclass
class WalkFigureConfig(WalkConfig):
    """`brainnn figures gait` and `brainnn figures portrait`: one walk beside its reference.

    Attributes:
        walk: File that `brainnn record` wrote; None lets the walker walk.
        last_s: How much of the end of the walk is shown.

    Raises:
        ValueError: A number is out of its range.
    """

    episodes: int = 1
    steps: int = 500
    walk: str | None = None
    last_s: float = 2.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.last_s >= 0.1:
            raise ValueError(f"last_s must be at least 0.1, got {self.last_s}")


@dataclass
class ActivityFigureConfig(WalkConfig):
    """`brainnn figures activity`: when in a stride each neuron is active.

    Attributes:
        walk: File that `brainnn record` wrote; None lets the walker walk.
        neurons: Class or cell type of the neurons to show; None is all.
    """

    episodes: int = 5
    steps: int = 800
    walk: str | None = None
    neurons: str | None = "motor"


@dataclass
class LesionFigureConfig(WalkConfig):
    """`brainnn figures lesions`: which neurons carry the walk.

    Attributes:
        by: What makes a group of neurons: "type", "class" or "transmitter".
        draws: How often as many other neurons are silenced for each group.
        rows: Groups in the figure, those that change the walk most; the table has all.

    Raises:
        ValueError: The grouping is unknown, or a number out of its range.
    """

    episodes: int = 10
    steps: int = 500
    by: str = "type"
    draws: int = 3
    rows: int = 20

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.by not in _GROUPS:
            raise ValueError(f"by must be one of {', '.join(_GROUPS)}, got {self.by!r}")
        if self.draws < 0:
            raise ValueError(f"draws must be at least 0, got {self.draws}")
        if self.rows < 1:
            raise ValueError(f"rows must be at least 1, got {self.rows}")


@dataclass
class RobustnessFigureConfig(WalkConfig):
    """`brainnn figures robustness`: how much noise, loss and rough ground the walk bears.

    Attributes:
        sensor_noise: Standard deviations of what is added to each observed number.
        motor_noise: Standard deviations of what is added to each action.
        lesions: Shares of all neurons that are silenced.
        terrain: Roughness of the ground; 1 is that of the undisturbed walk, 0 is level.
        draws: Lesions drawn for each share.

    Raises:
        ValueError: A number is out of its range.
    """

    episodes: int = 10
    steps: int = 500
    sensor_noise: list[float] = field(default_factory=lambda: [0.02, 0.05, 0.1, 0.2])
    motor_noise: list[float] = field(default_factory=lambda: [0.1, 0.2, 0.4, 0.8])
    lesions: list[float] = field(default_factory=lambda: [0.02, 0.05, 0.1, 0.2])
    terrain: list[float] = field(default_factory=lambda: [1.5, 2.0, 3.0, 4.0])
    draws: int = 3

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.draws < 1:
            raise ValueError(f"draws must be at least 1, got {self.draws}")


@dataclass
class TrainingFigureConfig:
    """`brainnn figures training`: learning curves of a training, or of a sweep of them.

    Attributes:
        run: Directory of a training, or of a sweep: trainings that differ by their seed alone make
            one curve with its interval.
    """

    run: str


@dataclass
class RecordConfig(WalkConfig):
    """`brainnn record`: a walk as HDF5 with the rates of all neurons, as film, and as a strip.

    Attributes:
        video: Film the first episode: "mp4", which wants ffmpeg on the PATH, or "gif"; None does
            not.
        strip: Draw one stride of it as a row of pictures.

    Raises:
        ValueError: The kind of film is unknown, or a number out of its range.
    """

    episodes: int = 1
    steps: int = 500
    video: str | None = "gif"
    strip: bool = True

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.video is not None and self.video not in _FORMATS:
            raise ValueError(
                f"video must be one of {', '.join(_FORMATS)} or null, got {self.video!r}"
            )


@dataclass
class WalkReportConfig(WalkConfig):
    """`brainnn report`: one page on a walker: its scores, its gait, its neurons, its training."""

    steps: int = 800
