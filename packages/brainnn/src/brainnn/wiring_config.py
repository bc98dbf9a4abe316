"""What the verb on the control study can be told, as a plain dataclass."""

from dataclasses import dataclass

__all__ = ["WiringFigureConfig"]


@dataclass
class WiringFigureConfig:
    """`brainnn figures wiring`: real wirings beside their controls.

    Attributes:
        tables: Directory of ``wiring_runs.csv``, ``wiring_curves.csv`` and ``wiring_episodes.csv``;
            None is the study that ships.
        resamples: Bootstrap samples of each interval.
        seed: Of the bootstrap.

    Raises:
        ValueError: There are fewer than 100 resamples.
    """

    tables: str | None = None
    resamples: int = 2000
    seed: int = 0

    def __post_init__(self) -> None:
        if self.resamples < 100:
            raise ValueError(f"resamples must be at least 100, got {self.resamples}")
