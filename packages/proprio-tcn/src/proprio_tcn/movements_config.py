"""What a movement set can be told, and `proprio-tcn generate`, as plain dataclasses."""

from dataclasses import dataclass, field
from typing import Any

__all__ = ["GenerateConfig", "MovementSettings"]

_LAYOUTS = ("compact", "rendered", "full")
_LIMITS = ("max_error_cm", "max_joint_jerk", "max_reach_jerk", "max_muscle_jerk")
_COMPRESSIONS = ("none", "lzf", "gzip")


@dataclass
class MovementSettings:
    """Letters in the air, or reaches: who moves, which arm, and how movements vary.

    Attributes:
        arm: Name of an arm or path of its model, see `proprio_tcn.arms.opening.open_arm`.
        arm_options: What that takes beside it, such as ``hand``; other options, another set.
        movements: "letters", or "reaches" with torques and targets.
        pen: "scripts", whose writers are drawn, or the path of the UCI character trajectories
            (.mat or .npz), whose every trace is a writer of its letter.
        jitter: How much writers differ; 0.03 is a neat hand, 0.06 a hasty one.
        writers: Number of writers, of whom each writes every letter. Of reaches: so many people
            make 20 of them each.
        repeats: Trials of each writer and letter.
        seed: Of everything that is drawn.
        muscles: "moving", those that the arm's coordinates can change, or "all".
        planes: Where letters are written: "horizontal", "vertical".
        box_cm: Side of the square that a letter fills before it is resized.
        augment: Whether trials differ in size, rotation, shear and speed; False leaves letters as
            they were written.
        sizes: A trial's size is one of these.
        rotations_deg: A trial's rotation is one of these.
        shears_deg: A trial's shear along x and along y are two of these.
        speeds: A trial's speed is one of these.
        max_error_cm: Largest sum over bins of the distance from the wanted path.
        max_joint_jerk: Largest norm of the third gradient of joint angles, deg per cubed bin.
        max_reach_jerk: The same of reaches, which are smoother: where a joint meets the end of its
            range, others turn so suddenly that it would take hundreds of N m.
        max_muscle_jerk: Largest norm for muscle lengths, mm per cubed bin. Without any cut the
            median is 1.0 for the human arm and 1.3 for the macaque's.
        max_attempts: Draws of a trial before generation gives up.
        shares: Of writers to training, validation and test.
        start_points: At most so many places for letters to begin at, in each plane.

    Raises:
        ValueError: A setting is out of its range.
    """

    arm: str = "human"
    arm_options: dict[str, Any] = field(default_factory=dict)
    movements: str = "letters"
    pen: str = "scripts"
    jitter: float = 0.03
    writers: int = 100
    repeats: int = 1
    seed: int = 0
    muscles: str = "moving"
    planes: list[str] = field(default_factory=lambda: ["horizontal", "vertical"])
    box_cm: float = 5.0
    augment: bool = True
    sizes: list[float] = field(default_factory=lambda: [0.7, 1.0, 1.3])
    rotations_deg: list[float] = field(default_factory=lambda: [-30.0, -15.0, 0.0, 15.0, 30.0])
    shears_deg: list[float] = field(default_factory=lambda: [-30.0, -15.0, 0.0, 15.0, 30.0])
    speeds: list[float] = field(default_factory=lambda: [0.8, 1.0, 1.2, 1.4])
    max_error_cm: float = 0.01
    max_joint_jerk: float = 2.0
    max_reach_jerk: float = 0.3
    max_muscle_jerk: float = 4.0
    max_attempts: int = 200
    shares: list[float] = field(default_factory=lambda: [0.7, 0.1, 0.2])
    start_points: int = 1000

    def __post_init__(self) -> None:
        _one_of("movements", self.movements, ("letters", "reaches"))
        _one_of("muscles", self.muscles, ("moving", "all"))
        for plane in self.planes:
            _one_of("planes", plane, ("horizontal", "vertical"))
        for name in ("planes", "sizes", "rotations_deg", "shears_deg", "speeds"):
            if not getattr(self, name):
                raise ValueError(f"{name} must hold at least one value, got none")
        for name in ("writers", "repeats", "max_attempts", "start_points"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, got {getattr(self, name)}")
        for name in ("box_cm", *_LIMITS):
            if not getattr(self, name) > 0.0:
                raise ValueError(f"{name} must be above 0, got {getattr(self, name)}")
        if not 0.0 <= self.jitter <= 0.5:
            raise ValueError(f"jitter must be in [0, 0.5], got {self.jitter}")
        if self.seed < 0:
            raise ValueError(f"seed must be at least 0, got {self.seed}")
        _within("sizes", self.sizes, 0.2, 1.8)
        _within("speeds", self.speeds, 0.5, 3.0)
        _within("rotations_deg", self.rotations_deg, -180.0, 180.0)
        _within("shears_deg", self.shears_deg, -60.0, 60.0)


@dataclass
class GenerateConfig(MovementSettings):
    """`proprio-tcn generate`: a movement set as files.

    Attributes:
        output: Folder to write it to; None is ``movements`` in the directory of the run.
        layout: "compact", joint angles of moving bins only, rendered when it is opened;
            "rendered", with hand, elbow and muscles beside them; or "full", the published layout.
        compression: Of the full layout: "none", "lzf" or "gzip".
        workers: Processes that share the work; the result is the same with any number.

    Raises:
        ValueError: A name is unknown, or a number out of its range.
    """

    output: str | None = None
    layout: str = "compact"
    compression: str = "none"
    workers: int = 1

    def __post_init__(self) -> None:
        super().__post_init__()
        _one_of("layout", self.layout, _LAYOUTS)
        _one_of("compression", self.compression, _COMPRESSIONS)
        if self.workers < 1:
            raise ValueError(f"workers must be at least 1, got {self.workers}")


def _one_of(name: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise ValueError(f"{name} must be one of {', '.join(choices)}, got {value!r}")


def _within(name: str, values: list[float], low: float, high: float) -> None:
    for value in values:
        if not low <= value <= high:
            raise ValueError(f"{name} must be in [{low:g}, {high:g}], got {value:g}")
