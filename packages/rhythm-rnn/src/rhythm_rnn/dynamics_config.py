"""What the verbs that draw a trained network's dynamics can be told, as plain dataclasses."""

from dataclasses import dataclass, field
from typing import Any

__all__ = ["FixedPointsConfig", "FlowConfig", "PhaseResponseConfig", "ReducedFitConfig"]

_OFF_PLANES = ("relaxed", "trajectory", "mean")


@dataclass
class FlowConfig:
    """`rhythm-rnn figures flow`: the flow on the plane of two principal components.

    Attributes:
        weights: What to run, see `rhythm_rnn.weights.load`.
        cues: Cues of the first figure, on from 50 ms.
        duration_ms: Length of its runs.
        cue: Cue of the second figure.
        times_ms: Times of the second figure, rising; before 50 ms there is no cue.
        off_plane: Where states are off the plane: relaxed (published), trajectory or mean. Over
            time, the field round the trajectory is drawn besides.
        points: Of a grid, on a side.
        half_width: Of a grid; none takes the trajectory in.
        compat: The published plane: fitted to z-scored states, used on states as they are.
        threads: Of torch.

    Raises:
        ValueError: A list is empty or does not rise, an option is unknown, or a number is out of
            its range.
    """

    weights: str = "pretrained"
    cues: list[float] = field(default_factory=lambda: [-0.5, -0.2, 0.1, 1.0, 1.5, 2.0])
    duration_ms: float = 500.0
    cue: float = 0.5
    times_ms: list[float] = field(default_factory=lambda: [40.0, 90.0, 180.0, 230.0, 280.0, 330.0])
    off_plane: str = "relaxed"
    points: int = 32
    half_width: float | None = None
    compat: bool = False
    threads: int = 1

    def __post_init__(self) -> None:
        _check_threads(self.threads)
        if not self.cues or not self.times_ms:
            raise ValueError(
                f"cues and times_ms must hold at least one, got {self.cues} and {self.times_ms}"
            )
        if self.times_ms[0] < 0 or sorted(set(self.times_ms)) != list(self.times_ms):
            raise ValueError(f"times_ms must rise from 0 or later, got {self.times_ms}")
        if not self.duration_ms >= 10:
            raise ValueError(f"duration_ms must be at least 10, got {self.duration_ms}")
        if self.off_plane not in _OFF_PLANES:
            raise ValueError(
                f"off_plane must be one of {', '.join(_OFF_PLANES)}, got {self.off_plane!r}"
            )


@dataclass
class PhaseResponseConfig:
    """`rhythm-rnn figures phase_response`: how a push at each phase moves the later taps.

    Attributes:
        weights: What to run, see `rhythm_rnn.weights.load`.
        cues: Cues at which the network keeps a beat.
        channel: What is pushed: click or cue.
        amplitudes: Of the pulses, the faintest first.
        width_ms: Length of the pulses.
        phases: Number of phases.
        cycles: Number of taps that are followed.
        discard_s: Transient before.
        duration_s: Length of the rhythm that nothing disturbs, at least 13 cycles.
        threads: Of torch.

    Raises:
        ValueError: A list is empty, or the channel is unknown.
    """

    weights: str = "pretrained"
    cues: list[float] = field(default_factory=lambda: [0.2, 0.4, 0.8])
    channel: str = "click"
    amplitudes: list[float] = field(default_factory=lambda: [0.1, 1.0])
    width_ms: float = 10.0
    phases: int = 32
    cycles: int = 6
    discard_s: float = 4.0
    duration_s: float = 10.0
    threads: int = 1

    def __post_init__(self) -> None:
        _check_threads(self.threads)
        for name in ("cues", "amplitudes"):
            values: list[Any] = getattr(self, name)
            if not values:
                raise ValueError(f"{name} must hold at least one number, got none")
        if self.channel not in ("click", "cue"):
            raise ValueError(f"channel must be click or cue, got {self.channel!r}")


@dataclass
class FixedPointsConfig:
    """`rhythm-rnn figures fixed_points`: what rests in a trained network, over the cue.

    Attributes:
        weights: What to study, see `rhythm_rnn.weights.load`.
        cue_range: Lowest and highest cue, for the reduced model too.
        n_cues: Cues at which the network is run, at least 2.
        n_cycles: Limit cycles of the reduced model, at least 2.
        seed: Of the random starts of Newton's method.
        threads: Of torch.

    Raises:
        ValueError: The range of cues is not [lowest, highest].
    """

    weights: str = "pretrained"
    cue_range: list[float] = field(default_factory=lambda: [-1.0, 2.0])
    n_cues: int = 61
    n_cycles: int = 24
    seed: int = 0
    threads: int = 1

    def __post_init__(self) -> None:
        _check_threads(self.threads)
        if len(self.cue_range) != 2:
            raise ValueError(f"cue_range must be [lowest, highest], got {self.cue_range}")


@dataclass
class ReducedFitConfig:
    """`rhythm-rnn figures reduced_fit`: the reduced model fitted to a network's periods.

    Attributes:
        weights: What to run, see `rhythm_rnn.weights.load`.
        cues: Cues at which the network keeps a beat, at least 4.
        class_cue: Which of them the classes of units are taken from.
        threads: Of torch.

    Raises:
        ValueError: The cue of the classes is none of the cues.
    """

    weights: str = "pretrained"
    cues: list[float] = field(
        default_factory=lambda: [0.2, 0.25, 0.3003, 0.4, 0.5, 0.6024, 0.6993, 0.8]
    )
    class_cue: float = 0.5
    threads: int = 1

    def __post_init__(self) -> None:
        _check_threads(self.threads)
        if self.class_cue not in self.cues:
            raise ValueError(f"class_cue must be one of cues {self.cues}, got {self.class_cue}")


def _check_threads(threads: int) -> None:
    if threads < 1:
        raise ValueError(f"threads must be at least 1, got {threads}")
