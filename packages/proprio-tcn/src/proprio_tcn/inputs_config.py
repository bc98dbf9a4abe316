"""What `proprio-tcn inputs` can be told, as a plain dataclass."""

from dataclasses import dataclass, field
from typing import Any

__all__ = ["InputsConfig"]


@dataclass
class InputsConfig:
    """`proprio-tcn inputs`: a recorded session as the input of networks.

    Attributes:
        events: CSV of the trials: trial, start_s, end_s, perhaps condition ("active" or "passive"),
            bump_s and direction_deg (of the reach, or of the bump).
        arm: Name of an arm or path of its model, see `proprio_tcn.arms.opening.open_arm`; the
            macaque of the paper is a path of an .osim file.
        arm_options: What that takes beside it, such as ``arm_options.coordinates``, the free joint
            coordinates of the model in order.
        markers: Places of markers: .trc, or CSV with time_s, NAME_x, NAME_y, NAME_z.
        angles: Joint angles in place of markers: .mot, .sto, or CSV with time_s and NAME_deg.
        unit: Of the places in a CSV file: "m", "cm" or "mm"; a .trc file tells its own.
        axes: "file" for markers in the axes of the arm's model file, as OpenSim wants them, or
            "world": x forward, y left, z up from the shoulder.
        rename: Names of the arm's markers by those of the file, such as {RWRIST: Marker_4}.
        marker_weights: Weight of each marker in the fit, by its name in the arm; 0 leaves it out.
        max_gap_s: Longer gaps are not filled.
        long_gaps: "refuse" markers that are gone for longer, or "mask" them.
        max_residual_mm: A marker that the fit misses by more is refused.
        lowpass_hz: Zero-phase low-pass of the joint angles; None for none.
        out_of_range: "refuse" recorded joint angles out of the model's range, or "keep" them.
        too_long: "refuse" trials longer than 3 s, or "drop" them.
        passive_bins: Bins of 10 ms of a passive trial, from the onset of its bump.
        figure: Draw the session: residuals of markers, the hand's paths, joints and muscles.
    """

    events: str
    arm: str = "human"
    arm_options: dict[str, Any] = field(default_factory=dict)
    markers: str | None = None
    angles: str | None = None
    unit: str = "mm"
    axes: str = "file"
    rename: dict[str, str] = field(default_factory=dict)
    marker_weights: dict[str, float] = field(default_factory=dict)
    max_gap_s: float = 0.1
    long_gaps: str = "refuse"
    max_residual_mm: float = 20.0
    lowpass_hz: float | None = None
    out_of_range: str = "refuse"
    too_long: str = "refuse"
    passive_bins: int = 13
    figure: bool = True
