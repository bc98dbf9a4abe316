"""How a network is trained, in plain values; needs no torch."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Self

__all__ = ["SCHEDULES", "VIEWS", "PublishedSettings", "TrainSettings"]

SCHEDULES = ("cosine", "constant", "patience")
"""Courses of the learning rate."""

VIEWS = ("trial", "time", "muscle", "noise")
"""What can be done to a movement to make a second view of it."""

_BATCH = 32
# off the diagonal, chance alone makes squared correlations of one over the batch
_BATCHES: Mapping[str, int] = {"redundancy_reduction": 256}


@dataclass
class TrainSettings:
    """How a network is trained.

    Attributes:
        epochs: Passes through the training movements.
        batch: Movements of an update; 0 for 32, or 256 in redundancy reduction, whose loss compares
            the movements of a batch.
        learning_rate: Of Adam, at its largest.
        schedule: "cosine" rises over the first updates and falls to nothing, "constant" stays,
            "patience" divides by four when validation has not improved for ``patience`` times, and
            ends the training at the second time, as published.
        patience: In validations.
        readout: How heads for whole movements see them: "pooled" over time, or "flatten", as
            published, which has to learn a letter anew for every place in the window.
        mask_padding: Where a task wants one answer to a movement, take the statistics of the norm
            from the movement alone (`norm="masked"`) in place of the whole window, which is mostly
            padding. A norm other than "sample" is left as it is.
        dropout: Share of the features that such a head, or a decoder, is not shown in training.
        bottleneck: Numbers at each output of the trunk that a decoder sees: 8 are as many as four
            coordinates and their velocities; 0 for all that the trunk gives, as published. Fewer
            are shown whole, without dropout.
        weight_decay: Of Adam, decoupled.
        clip_norm: Largest norm of the gradient.
        validations: In all; 0 for one every epoch.
        compat_inputs: Leave spindles in mm and mm/s, as published. Otherwise the trunk has each
            muscle's length and velocity in standard deviations, which it learns much faster from.
        compat_weights: Leave targets in their units, as published: in a mixture the largest
            numbers rule the loss. Otherwise every channel is standardised.
        linear_path: Once a regression is learnt, fit its last layer anew in closed form, to the
            trunk's features and the spindles of the same bin together: what is linear in the
            spindles need not pass through norms that take away its size. The trunk stays as it was
            learnt. Not with an encoder, which it would go around, and not for torques.
        compat_alignment: Compare outputs with the bins of the published code in place of those
            that they stand for: up to 72 bins off, for strides of three.
        padding_weight: Weight in the loss of a bin outside the movement.
        shift: Move each movement to another start whenever it is drawn.
        spindle_noise: Standard deviation of noise that is added to the spindles in training, in
            parts of each channel's standard deviation within the sample.
        interpolation: How outputs become 400 bins, "cubic" or "linear".
        views: What the two views of redundancy reduction are made with, some of `VIEWS`: "trial"
            takes two trials of one writer and letter, elsewhere and in another posture; the others
            change a movement, see `proprio_tcn.tasks.losses.draw_view`. "time" alone, as published,
            leaves views that agree in the arm's posture, and that is what is learnt.
        compat_barlow: Divide by the variance, as published.
        half_weights: Round what was learnt to float16 before it is scored; the files are half as
            large, and hold what the scores are of.
        amp: Compute in bfloat16 where that is safe.
        compile: Let torch compile the network.

    Raises:
        ValueError: An option is unknown, or a number out of its range.
    """

    epochs: int = 20
    batch: int = 0
    learning_rate: float = 2e-3
    schedule: str = "cosine"
    patience: int = 5
    readout: str = "pooled"
    mask_padding: bool = True
    dropout: float = 0.3
    bottleneck: int = 8
    weight_decay: float = 0.0
    clip_norm: float = 10.0
    validations: int = 0
    compat_inputs: bool = False
    compat_weights: bool = False
    linear_path: bool = True
    compat_alignment: bool = False
    padding_weight: float = 1.0
    shift: bool = False
    spindle_noise: float = 0.0
    interpolation: str = "cubic"
    views: list[str] = field(default_factory=lambda: ["trial"])
    compat_barlow: bool = False
    half_weights: bool = False
    amp: bool = False
    compile: bool = False

    def __post_init__(self) -> None:
        for name in ("epochs", "patience"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, got {getattr(self, name)}")
        sizes = ("batch", "bottleneck", "validations")
        for name in (*sizes, "weight_decay", "padding_weight", "spindle_noise"):
            if not getattr(self, name) >= 0:
                raise ValueError(f"{name} must be at least 0, got {getattr(self, name)}")
        if not (self.learning_rate > 0 and self.clip_norm > 0):
            raise ValueError(
                "learning_rate and clip_norm must be above 0, got "
                f"{self.learning_rate} and {self.clip_norm}"
            )
        if self.schedule not in SCHEDULES:
            raise ValueError(f"schedule must be of {', '.join(SCHEDULES)}, got {self.schedule!r}")
        if self.interpolation not in ("cubic", "linear"):
            raise ValueError(
                f'interpolation must be "cubic" or "linear", got {self.interpolation!r}'
            )
        if not self.views or (unknown := [one for one in self.views if one not in VIEWS]):
            given = unknown if self.views else self.views
            raise ValueError(f"views must be some of {', '.join(VIEWS)}, got {given}")

    def for_task(self, task: str) -> Self:
        """The same with a number of movements in ``batch``, where it is left to the task.

        Args:
            task: Name of the task.
        """
        return self if self.batch else replace(self, batch=_BATCHES.get(task, _BATCH))


@dataclass
class PublishedSettings(TrainSettings):
    """How Marin Vargas, Bisi et al. 2024 (Cell) trained their convolutional networks.

    These are the numbers of the regressions. Elsewhere they took others, which are to be given: for
    redundancy reduction ``batch=256 learning_rate=5e-3 epochs=25``, with an LSTM
    ``learning_rate=1e-3 epochs=70 patience=1``; and in action recognition and torque their patience
    was longer than the training, which is ``schedule=constant``. They validated every 200 of 405
    updates, and went back to the best weights at each decay, which is not done here.
    """

    epochs: int = 50
    batch: int = 512
    learning_rate: float = 5e-4
    schedule: str = "patience"
    patience: int = 5
    readout: str = "flatten"
    mask_padding: bool = False
    clip_norm: float = 1e9  # in effect none
    validations: int = 100
    compat_inputs: bool = True
    compat_weights: bool = True
    linear_path: bool = False
    bottleneck: int = 0
    views: list[str] = field(default_factory=lambda: ["time"])
    compat_alignment: bool = True
    interpolation: str = "linear"
    compat_barlow: bool = True
