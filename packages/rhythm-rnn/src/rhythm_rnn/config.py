"""What the verbs can be told, as plain dataclasses."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

__all__ = [
    "DRIVEN_CUES",
    "MODELS",
    "ClicksConfig",
    "DriveConfig",
    "EIRateConfig",
    "GRUConfig",
    "InfoConfig",
    "ModelConfig",
    "RateConfig",
    "ReducedConfig",
    "TrainConfig",
    "VanillaConfig",
]


@dataclass
class ModelConfig:
    """What every model is told.

    Attributes:
        name: The model's name in `MODELS`.
        units: Number of units.
        dt_ms: Step.

    Raises:
        ValueError: The name is another model's, or there is no unit.
    """

    name: str = ""
    units: int = 500
    dt_ms: float = 1.0

    def __post_init__(self) -> None:
        wanted = type(self).name
        if self.name != wanted:
            raise ValueError(f"model.name must be {wanted}, got {self.name!r}")
        if self.units < 1:
            raise ValueError(f"model.units must be at least 1, got {self.units}")


@dataclass
class RateConfig(ModelConfig):
    """What rate networks share.

    Attributes:
        tau_ms: Time constant of the units.
        activation: "relu", "tanh" or "softplus".
        spectral_radius: Of the first recurrent weights.
        recurrent_noise: Strength of the noise on the units, see `neuro_common.rate_noise.Noise`.
        input_noise: Strength of the noise on the inputs while it learns.
    """

    tau_ms: float = 10.0
    activation: str = "relu"
    spectral_radius: float = 0.8
    recurrent_noise: float = 0.01
    input_noise: float = 0.001


@dataclass
class EIRateConfig(RateConfig):
    """An excitatory-inhibitory rate network that keeps Dale's law.

    Attributes:
        excitatory_fraction: Part of the units that excite, in (0, 1].

    Raises:
        ValueError: The name is another model's, or a number is out of its range.
    """

    name: str = "ei_rate"
    excitatory_fraction: float = 0.8

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 < self.excitatory_fraction <= 1:
            raise ValueError(
                f"model.excitatory_fraction must be in (0, 1], got {self.excitatory_fraction}"
            )


@dataclass
class VanillaConfig(RateConfig):
    """A rate network whose weights have any sign: the baseline."""

    name: str = "vanilla"


@dataclass
class GRUConfig(ModelConfig):
    """A gated recurrent unit: what a network without the biology does."""

    name: str = "gru"
    units: int = 100


MODELS: Mapping[str, type[ModelConfig]] = {
    "ei_rate": EIRateConfig,
    "vanilla": VanillaConfig,
    "gru": GRUConfig,
}
"""The models by name."""


@dataclass
class TrainConfig:
    """`rhythm-rnn train`: a network learns synchronisation-continuation.

    Attributes:
        model: The model and its settings, one of `MODELS`.
        period_s: Periods to learn.
        duration_s: Length of a trial; clicks come in its first half.
        batch: Trials of an update.
        updates: Most updates, rounded up to whole ``validate_every``.
        coarse_updates: So many updates at first have ``coarse_dt_ms``, those after them the model's
            step; validation always has the model's. 0 for none, as a gated network needs it.
        coarse_dt_ms: A longer step, which must divide the click of 10 ms: at 5 ms a beat is learnt
            in a fifth of the time, and as many updates.
        validate_every: Updates between validations, each with a checkpoint.
        stop_loss: Validation loss at which the training ends.
        fine_rate: What the learning rates are multiplied with after the coarse updates.
        learning_rate: Of Adam.
        recurrent_gain_rate: Learning rate of the recurrent weights, times the number of units: a
            unit's summed input can change by about as much in an update.
        clip_norm: Largest norm of the gradient; a larger one is scaled down.
        spike: A loss of so many times the last validation loss is a spike: weights and optimiser
            go back to that validation, and the learning rates are halved.
        chunk_steps: Steps of a trial whose activity is in memory at a time; none for all.
        members: Networks to train at once, of the seeds ``seed``, ``seed + 1``, ...
        seed: Of everything random.
        threads: Of torch.
        device: "cpu", "cuda" or "cuda:1".

    Raises:
        ValueError: A number is out of its range, or there is no period.
    """

    model: ModelConfig = field(default_factory=EIRateConfig)
    period_s: list[float] = field(
        default_factory=lambda: [0.5, 0.333, 0.25, 0.2, 0.166, 0.143, 0.125]
    )
    duration_s: float = 2.0
    batch: int = 16
    updates: int = 3000
    coarse_updates: int = 900
    coarse_dt_ms: float = 5.0
    fine_rate: float = 0.3
    validate_every: int = 20
    stop_loss: float = 0.017
    learning_rate: float = 1e-3
    recurrent_gain_rate: float = 0.05
    clip_norm: float = 1.0
    spike: float = 10.0
    chunk_steps: int | None = None
    members: int = 1
    seed: int = 0
    threads: int = 1
    device: str = "cpu"

    def __post_init__(self) -> None:
        for name in ("batch", "updates", "validate_every", "members", "threads"):
            value = getattr(self, name)
            if value < 1:
                raise ValueError(f"{name} must be at least 1, got {value}")
        for name in ("learning_rate", "recurrent_gain_rate", "fine_rate", "clip_norm"):
            value = getattr(self, name)
            if not 0 < value < math.inf:
                raise ValueError(f"{name} must be finite and above 0, got {value}")
        if not self.spike > 1:
            raise ValueError(f"spike must be above 1, got {self.spike}")
        if not self.period_s:
            raise ValueError("period_s must hold at least one period, got none")
        self._check_model()

    def _check_model(self) -> None:
        if self.coarse_updates < 0:
            raise ValueError(f"coarse_updates must be at least 0, got {self.coarse_updates}")
        if isinstance(self.model, GRUConfig) and self.members > 1:
            raise ValueError(f"members must be 1 for a gated network, got {self.members}")
        if isinstance(self.model, GRUConfig) and self.coarse_updates:
            raise ValueError("coarse_updates must be 0 for a gated network, whose step is a sample")
        if self.coarse_updates and not self.coarse_dt_ms >= self.model.dt_ms:
            raise ValueError(
                f"coarse_dt_ms must be at least model.dt_ms={self.model.dt_ms:g}, "
                f"got {self.coarse_dt_ms:g}"
            )


DRIVEN_CUES = (
    0.1, 0.15, 0.2, 0.25, 0.3003, 0.35, 0.4, 0.45, 0.5, 0.55, 0.6024, 0.65, 0.6993, 0.75, 0.8, 0.85,
    0.9, 0.95, 1.0, 1.2,
)  # fmt: skip
"""Cues of a drive that is told none: those of the training, others between and outside."""


@dataclass
class DriveConfig:
    """`rhythm-rnn drive`: long runs of a trained network, its taps and its tempo against cue.

    Attributes:
        weights: What to run, see `rhythm_rnn.weights.load`.
        cues: Amplitudes of the cue; none for `DRIVEN_CUES`, with clicks for that of their tempo.
        clicks: CSV or npz file with the times of clicks in s; none for silence.
        duration_s: Length of the run.
        discard_s: What to leave out at the beginning before looking for taps.
        noise: Strength of the noise on the units.
        seed: Of the noise.
        save: Of the rates: "none", "every_10" for those of every tenth step, or another number,
            or "pca" for their principal components at every step.
        components: How many of these.
        threads: Of torch.
        device: "cpu", "cuda" or "cuda:1".

    Raises:
        ValueError: What to save is unknown, or a number out of its range.
    """

    weights: str = "pretrained"
    cues: list[float] | None = None
    clicks: str | None = None
    duration_s: float = 52.0
    discard_s: float = 2.0
    noise: float = 0.01
    seed: int = 0
    save: str = "none"
    components: int = 3
    threads: int = 1
    device: str = "cpu"

    def __post_init__(self) -> None:
        if not re.fullmatch(r"none|pca|every_[1-9]\d*", self.save):
            raise ValueError(f"save must be none, pca or every_10 or so, got {self.save!r}")
        if self.components < 1:
            raise ValueError(f"components must be at least 1, got {self.components}")
        if self.threads < 1:
            raise ValueError(f"threads must be at least 1, got {self.threads}")

    @property
    def save_every(self) -> int | None:
        """Steps between saved rates, if rates are to be saved."""
        return int(self.save.removeprefix("every_")) if self.save.startswith("every") else None


@dataclass
class ClicksConfig:
    """`rhythm-rnn figures clicks`: taps to clicks, changes of tempo, clicks out of order.

    Attributes:
        weights: What to run, see `rhythm_rnn.weights.load`.
        period_s: Periods of the clicks whose asynchronies are drawn.
        switch_s: Periods before and after each change of tempo.
        disorder_period_s: Period of the clicks of which one is out of order.
        shift: How far it is shifted, either way, as a part of the period, in (0, 0.5).
        repeats: Trials of everything.
        noise: Strength of the noise on the units.
        seed: Of the noise.
        threads: Of torch.

    Raises:
        ValueError: Switches are no pairs of periods, or a number is out of its range.
    """

    weights: str = "pretrained"
    period_s: list[float] = field(default_factory=lambda: [0.5, 0.25, 0.143])
    switch_s: list[list[float]] = field(default_factory=lambda: [[0.5, 0.25], [0.25, 0.5]])
    disorder_period_s: float = 0.25
    shift: float = 0.2
    repeats: int = 10
    noise: float = 0.01
    seed: int = 0
    threads: int = 1

    def __post_init__(self) -> None:
        if any(len(pair) != 2 for pair in self.switch_s):
            raise ValueError(f"switch_s must be pairs of periods, got {self.switch_s}")
        if not 0 < self.shift < 0.5:
            raise ValueError(f"shift must be in (0, 0.5), got {self.shift}")
        if self.threads < 1:
            raise ValueError(f"threads must be at least 1, got {self.threads}")


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

    Raises:
        ValueError: A list has another length than it must, or a number is out of its range.
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
