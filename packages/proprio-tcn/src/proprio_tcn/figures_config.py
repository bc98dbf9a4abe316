"""What the verbs that draw can be told, as plain dataclasses."""

from dataclasses import dataclass, field

from proprio_tcn.movements_config import MovementSettings

__all__ = [
    "MovementFigureConfig",
    "PredictionFigureConfig",
    "RelationFigureConfig",
    "TasksFigureConfig",
    "WorkspaceFigureConfig",
]


@dataclass
class MovementFigureConfig:
    """`proprio-tcn figures movement`: one letter, from the pen to the spindles.

    Attributes:
        letter: What is written, see `proprio_tcn.movements.letters.LETTERS`.
        plane: "horizontal" or "vertical".
        writer: Who writes, from 0.
        drawn: The arm, and how movements vary; its planes are not read. Letters are as they were
            written unless ``drawn.augment=true``.
        muscles: How many muscles are named: those whose length changes most.
        postures: How many postures of the arm are drawn, from first to last.
        threads: Of inverse kinematics.

    Raises:
        ValueError: The plane is unknown, or a number out of its range.
    """

    letter: str = "a"
    plane: str = "vertical"
    writer: int = 0
    drawn: MovementSettings = field(default_factory=lambda: MovementSettings(augment=False))
    muscles: int = 6
    postures: int = 4
    threads: int = 1

    def __post_init__(self) -> None:
        if self.plane not in ("horizontal", "vertical"):
            raise ValueError(f"plane must be horizontal or vertical, got {self.plane!r}")
        if not 1 <= self.muscles <= 7:
            raise ValueError(f"muscles must be in [1, 7], one for each colour, got {self.muscles}")
        if self.postures < 2:
            raise ValueError(f"postures must be at least 2, got {self.postures}")


@dataclass
class PredictionFigureConfig:
    """`proprio-tcn figures prediction`: how well models and layers explain neurons.

    Attributes:
        run: Directory of `proprio-tcn predict`.
        runs: Several of them, such as of other animals, which are drawn together in place of one.
        rows: At most so many models are listed, the best of each kind first.
        confidence: Of the intervals over neurons.
        seed: Of the bootstrap.

    Raises:
        ValueError: Neither or both of ``run`` and ``runs`` are given, or a number is out of its
            range.
    """

    run: str | None = None
    runs: list[str] = field(default_factory=list)
    rows: int = 30
    confidence: float = 0.95
    seed: int = 0

    def __post_init__(self) -> None:
        if self.run and self.runs:
            raise ValueError("run=DIR draws one prediction, runs=[A,B] several: give one of them")
        if self.rows < 1:
            raise ValueError(f"rows must be at least 1, got {self.rows}")
        if not 0 < self.confidence < 1:
            raise ValueError(f"confidence must be in (0, 1), got {self.confidence}")


@dataclass
class TasksFigureConfig:
    """`proprio-tcn figures tasks`: how well trained networks do their tasks, by depth and family.

    Attributes:
        runs: Directories of `proprio-tcn train`, or folders above them, such as that of a sweep.
    """

    runs: list[str] = field(default_factory=list)


@dataclass
class RelationFigureConfig:
    """`proprio-tcn figures relation`: what a network can do, and what it explains.

    Attributes:
        run: Directory of `proprio-tcn compare`.
    """

    run: str


@dataclass
class WorkspaceFigureConfig:
    """`proprio-tcn figures workspace`: a recorded session's workspace beside a movement set's.

    Attributes:
        recording: File that `proprio-tcn inputs` wrote.
        movements: Folder that `proprio-tcn generate` wrote.
        split: "train", "val" or "test".
        within_cm: A recorded place of the hand counts as covered with a synthetic one so near.

    Raises:
        ValueError: The split is unknown, or the distance not above 0.
    """

    recording: str
    movements: str
    split: str = "train"
    within_cm: float = 2.0

    def __post_init__(self) -> None:
        if self.split not in ("train", "val", "test"):
            raise ValueError(f"split must be train, val or test, got {self.split!r}")
        if not self.within_cm > 0:
            raise ValueError(f"within_cm must be above 0, got {self.within_cm}")
