"""A network alone, taught to follow a signal or to integrate one: no body, no reward.

It shows in a minute whether a wiring can carry a signal from its inputs to its read-out, and how
long it remembers.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.signal import lfilter
from torch import Tensor

from brainnn.networks.core import Core
from neuro_common.seeding import generator
from neuro_common.training import Fit, Plan, Point, fit

__all__ = ["TrackingTask", "TrackingTrials", "draw_trials", "tracking_scores", "train_tracking"]

TrackingKind = Literal["follow", "integrate"]
"""What is wanted: the signal through a filter, or its integral."""

# Streams of a seed; the trials that validate, and those that test, are the same for all seeds.
_TRIALS, _TEST = 0, 1
_FIXED_TRIALS = 20240524
_VALIDATION = 64


@dataclass(frozen=True)
class TrackingTask:
    """What is shown and what is wanted.

    Attributes:
        kind: "follow" wants the signal through a low-pass filter; "integrate" takes the signal for
            an angle's rate and wants the angle.
        duration_s: Of a trial.
        step_s: Between two observations.
        correlation_s: Correlation time of the signal, low-passed noise of variance 1.
        filter_s: Time constant of the filter, for "follow".
        gain_per_s: Angle that a rate of 1 makes in a second, for "integrate".
        discard_s: Start of a trial that is not scored.

    Raises:
        ValueError: The kind is unknown, or a time is out of its range.
    """

    kind: TrackingKind = "follow"
    duration_s: float = 2.0
    step_s: float = 0.02
    correlation_s: float = 0.1
    filter_s: float = 0.1
    gain_per_s: float = 2.0
    discard_s: float = 0.2

    def __post_init__(self) -> None:
        if self.kind not in get_args(TrackingKind):
            raise ValueError(f"kind must be one of {[*get_args(TrackingKind)]}, got {self.kind!r}")
        for name in ("step_s", "correlation_s", "filter_s", "gain_per_s"):
            if not 0 < getattr(self, name) < np.inf:
                raise ValueError(f"{name} must be above 0 and finite, got {getattr(self, name)}")
        if not 0 <= self.discard_s < self.duration_s < np.inf:
            raise ValueError(
                "discard_s must be at least 0 and below duration_s, got "
                f"{self.discard_s} and {self.duration_s}"
            )


@dataclass(frozen=True, eq=False)
class TrackingTrials:
    """Trials of a task.

    Attributes:
        signal: What is shown, shape (trials, time, 1), float32.
        target: What is wanted after each step, shape (trials, time, 1), float32.
    """

    signal: NDArray[np.float32]
    target: NDArray[np.float32]


def draw_trials(task: TrackingTask, rng: np.random.Generator, trials: int) -> TrackingTrials:
    """Draw trials.

    Args:
        task: Which task.
        rng: For the signals.
        trials: How many.
    """
    steps = round(task.duration_s / task.step_s)
    signal = _low_pass(rng.normal(size=(trials, steps)), task.step_s / task.correlation_s)
    # a stationary one: the filter leaves so much of the variance
    kept = np.exp(-task.step_s / task.correlation_s)
    signal *= np.sqrt((1 + kept) / (1 - kept))
    if task.kind == "follow":
        target = _low_pass(signal, task.step_s / task.filter_s)
    else:
        target = np.cumsum(signal, axis=1) * task.step_s * task.gain_per_s
    return TrackingTrials(*(one[..., None].astype(np.float32) for one in (signal, target)))


def train_tracking(
    core: Core,
    task: TrackingTask,
    directory: Path,
    *,
    seed: int,
    updates: int = 400,
    batch: int = 32,
    learning_rate: float = 3e-3,
    report: Callable[[Point], None] = lambda point: None,
    advance: Callable[[int, float], None] = lambda updates, loss: None,
) -> Fit:
    """Teach a network a task through time; a checkpoint in the directory is taken up.

    Args:
        core: Of one channel and one action; it ends with the weights of its best validation.
        task: The task.
        directory: Where ``checkpoints/`` and ``tensorboard/`` go.
        seed: Of the trials.
        updates: How many.
        batch: Trials an update.
        learning_rate: Of Adam.
        report: Called with every validation; its scores are those of :func:`tracking_scores`.
        advance: Called with the number of updates that were made, and the loss of the last.

    Raises:
        ValueError: The network has other channels or actions, or a number is out of its range.
        FormatError: The checkpoint is damaged or of another network.
    """
    if (core.channels, core.actions) != (1, 1):
        raise ValueError(
            "a network that tracks must have one channel and one action, got "
            f"{core.channels} and {core.actions}"
        )
    trained = [one for one in core.parameters() if one.requires_grad]

    def loss(update: int) -> Tensor:
        trials = draw_trials(task, generator(seed, _TRIALS, update), batch)
        return _squares(core, task, trials)[0].mean()

    return fit(
        core,
        torch.optim.Adam(trained, lr=learning_rate),
        loss=loss,
        validate=lambda: tracking_scores(core, task),
        plan=Plan(updates),
        directory=directory,
        report=report,
        advance=advance,
    )


def tracking_scores(core: Core, task: TrackingTask, *, test: bool = False) -> Mapping[str, float]:
    """Scores on fixed trials that no training sees.

    Args:
        core: The network.
        task: The task.
        test: Take other trials than those of the validation, by which the weights were chosen.

    Returns:
        ``loss``, the mean squared error, and ``explained_variance``, 1 minus its ratio to the mean
        square of the target.
    """
    trials = draw_trials(task, generator(_FIXED_TRIALS, *([_TEST] if test else [])), _VALIDATION)
    with torch.no_grad():
        squares, wanted = _squares(core, task, trials)
    loss = float(squares.mean())
    return {"loss": loss, "explained_variance": 1 - loss / float(wanted.square().mean())}


def _squares(core: Core, task: TrackingTask, trials: TrackingTrials) -> tuple[Tensor, Tensor]:
    """Squared errors and targets of the steps that are scored, shape (trials, time, 1)."""
    like = next(core.parameters())
    signal, target = (torch.from_numpy(one).to(like) for one in (trials.signal, trials.target))
    scored = slice(round(task.discard_s / task.step_s), None)
    actions, _ = core(signal)
    wanted = target[:, scored]
    return (actions[:, scored] - wanted) ** 2, wanted


def _low_pass(values: NDArray[np.float64], rate: float) -> NDArray[np.float64]:
    """First-order filter from rest, exact for values that are held for a step."""
    kept = np.exp(-rate)
    return np.asarray(lfilter([1 - kept], [1, -kept], values, axis=1))
