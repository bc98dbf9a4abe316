"""What is done about the faults of a recording, as a plain dataclass."""

from dataclasses import dataclass, field
from typing import Literal

import numpy as np

__all__ = ["RecordedSettings"]


@dataclass
class RecordedSettings:
    """How recorded files become inputs of a network.

    Attributes:
        axes: Axes of the markers: "file", those of the arm's own model file, as OpenSim wants them;
            or "world", x forward, y left, z up from the shoulder.
        marker_weights: Weight of each marker in the fit; 1 for those that are not named. A marker
            of weight 0 is left out, and need not be one of the arm.
        max_gap_s: Longer gaps are not filled.
        long_gaps: "refuse" markers that are gone for longer, or "mask" them: the others are fitted
            without. Gaps of joint angles are refused.
        max_residual_mm: A marker that the arm's fit misses by more is refused: it was swapped, the
            place cannot be reached, or the model is not scaled to the animal.
        lowpass_hz: Zero-phase low-pass of the joint angles (Butterworth, fourth order); None for
            none. Frames above 100 per s that hold faster noise need one.
        out_of_range: "refuse" recorded joint angles out of the model's range, or "keep" them; a fit
            to markers keeps to the range, and its residuals tell where that was too narrow.
        too_long: "refuse" trials longer than the window has room for, or "drop" them.
        passive_bins: Bins of a passive trial, from the onset of its bump.

    Raises:
        ValueError: A value is none of those.
    """

    axes: Literal["file", "world"] = "file"
    marker_weights: dict[str, float] = field(default_factory=dict)
    max_gap_s: float = 0.1
    long_gaps: Literal["refuse", "mask"] = "refuse"
    max_residual_mm: float = 20.0
    lowpass_hz: float | None = None
    out_of_range: Literal["refuse", "keep"] = "refuse"
    too_long: Literal["refuse", "drop"] = "refuse"
    passive_bins: int = 13

    def __post_init__(self) -> None:
        choices = {
            "axes": ("file", "world"),
            "long_gaps": ("refuse", "mask"),
            "out_of_range": ("refuse", "keep"),
            "too_long": ("refuse", "drop"),
        }
        for name, known in choices.items():
            if getattr(self, name) not in known:
                raise ValueError(
                    f"{name} must be {' or '.join(known)}, got {getattr(self, name)!r}"
                )
        for marker, weight in self.marker_weights.items():
            if not 0 <= weight < np.inf:
                raise ValueError(f"marker_weights must be at least 0, got {weight} for {marker}")
        if not 0 <= self.max_gap_s < np.inf:
            raise ValueError(f"max_gap_s must be at least 0, got {self.max_gap_s}")
        if not self.max_residual_mm > 0:
            raise ValueError(f"max_residual_mm must be above 0, got {self.max_residual_mm}")
        if self.lowpass_hz is not None and not self.lowpass_hz > 0:
            raise ValueError(f"lowpass_hz must be above 0, got {self.lowpass_hz}")
        if not 1 <= self.passive_bins <= 300:
            raise ValueError(f"passive_bins must be in [1, 300], got {self.passive_bins}")
