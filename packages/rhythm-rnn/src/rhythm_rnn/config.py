"""What the verbs can be told, as plain dataclasses."""

import math
from dataclasses import dataclass, field
from typing import Any

__all__ = ["InfoConfig", "ReducedConfig"]


@dataclass
class ReducedConfig:
    """`rhythm-rnn reduced`: the reduced model's fixed points, cycles and bifurcations.

    Attributes:
        model: Values of `rhythm_rnn.reduced.ReducedModel` to change, such as
            ``model.tau_ms=[10,10,40]``.
        cue_range: Lowest and highest cue of the bifurcation diagram.
        n_cycles: Limit cycles per window of cues with a rhythm, at least 2.
        course_cues: Cues of the time courses.
        duration_ms: Length of the time courses.
        cycle_cues: Cues of the limit cycles that are drawn.
        start: State from which the time courses begin.
    """

    model: dict[str, Any] = field(default_factory=dict)
    cue_range: list[float] = field(default_factory=lambda: [-2.0, 2.0])
    n_cycles: int = 40
    course_cues: list[float] = field(default_factory=lambda: [-1.0, 0.5, 1.8])
    duration_ms: float = 500.0
    cycle_cues: list[float] = field(default_factory=lambda: [0.197, 0.3, 0.5, 0.8, 1.2])
    start: list[float] = field(default_factory=lambda: [0.075, 0.075, -0.01])

    def __post_init__(self) -> None:
        if len(self.cue_range) != 2:
            raise ValueError(f"cue_range must be [lowest, highest], got {self.cue_range}")
        if not self.course_cues:
            raise ValueError("course_cues must hold at least one cue, got none")
        if len(self.start) != 3:
            raise ValueError(f"start must hold x, y and z, got {self.start}")
        if not 1 <= self.duration_ms < math.inf:
            raise ValueError(f"duration_ms must be at least 1, got {self.duration_ms}")


@dataclass
class InfoConfig:
    """`rhythm-rnn info`: versions, and what is there."""
