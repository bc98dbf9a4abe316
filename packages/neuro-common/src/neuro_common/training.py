"""Supervised training by Lightning: exact resume, a guard against spikes, the best weights kept.

The caller says what the loss of an update is and how to validate; every draw of an update is to be
keyed by its number. A validation writes a checkpoint with all that the training goes on from: a run
that is killed and taken up again gives the same numbers to the bit.
"""

import json
import logging
import math
import pickle
import signal
import threading
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from neuro_common.extras import require
from neuro_common.files import FormatError, read_json, to_json, write_json

if TYPE_CHECKING:
    import torch
    from torch import Tensor
else:
    torch = require("torch", "torch")
    Tensor = torch.Tensor

__all__ = ["Fit", "Plan", "Point", "claim_directory", "fit", "fit_together"]

_CLAIM = "training.json"
_HEAD = ("format", "format_version")


@dataclass(frozen=True)
class Plan:
    """How long to train and what to refuse.

    Attributes:
        updates: Most updates, refused ones included; rounded up to whole ``validate_every``.
        validate_every: Updates between validations; each writes a checkpoint.
        stop_loss: Validation loss at which the training ends.
        clip_norm: Largest norm of the gradient; a larger one is scaled down.
        spike: A loss that is not finite, or above so many times the last validation loss, is
            refused: weights and optimiser go back to that validation, and the learning rates are
            halved.
        rate: What to multiply the optimiser's learning rates with, by the number of the update.

    Raises:
        ValueError: A number is out of its range.
    """

    updates: int
    validate_every: int = 20
    stop_loss: float = -math.inf
    clip_norm: float = 1.0
    spike: float = 10.0
    rate: Callable[[int], float] = lambda update: 1.0

    def __post_init__(self) -> None:
        for name in ("updates", "validate_every"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, got {getattr(self, name)}")
        if not (self.clip_norm > 0 and self.spike > 1):
            raise ValueError(
                "clip_norm must be above 0 and spike above 1, "
                f"got {self.clip_norm} and {self.spike}"
            )


@dataclass(frozen=True)
class Point:
    """One validation.

    Attributes:
        update: Updates so far.
        train_loss: Mean loss of the updates since the last validation, NaN before the first.
        largest_loss: The largest of them, refused ones included, NaN before the first.
        scores: What the caller's ``validate`` gave.
        refused: Updates refused so far.
        learning_rate: Of the first group of parameters, at the last update that was made.
    """

    update: int
    train_loss: float
    largest_loss: float
    scores: Mapping[str, float]
    refused: int
    learning_rate: float


@dataclass(frozen=True)
class Fit:
    """How a training ended; its module holds the best weights.

    Attributes:
        best: The validation with the lowest loss.
        updates: Updates that were made.
        reason: Why it ended: "stop_loss" or "updates".
    """

    best: Point
    updates: int
    reason: Literal["stop_loss", "updates"]


def fit(
    module: torch.nn.Module,
    optimizer: torch.optim.Optimizer,
    *,
    loss: Callable[[int], Tensor],
    validate: Callable[[], Mapping[str, float]],
    plan: Plan,
    directory: Path,
    report: Callable[[Point], None] = lambda point: None,
    advance: Callable[[int, float], None] = lambda updates, loss: None,
) -> Fit:
    """Train a module (extra ``train``); a checkpoint in the directory is taken up.

    Args:
        module: What to train, on its device; it ends with the weights of its best validation.
        optimizer: Of the module's parameters.
        loss: The loss of an update, a scalar, from its number; the same number, the same draws.
        validate: Scores of the module as it is, ``"loss"`` among them; called without gradients.
        plan: How long to train.
        directory: Where ``checkpoints/`` and ``tensorboard/`` go.
        report: Called with every validation, the one before the first update included; after a
            resume with the new ones only.
        advance: Called with the number of updates that were made, and the loss of the last.

    Raises:
        FormatError: The checkpoint is damaged or of another module.
        FloatingPointError: The untrained module's validation loss is not finite.
    """
    (fitted,) = fit_together(
        [module],
        [optimizer],
        loss=lambda update: loss(update).reshape(1),
        validate=lambda: [validate()],
        plan=plan,
        directory=directory,
        report=lambda points: report(points[0]),
        advance=advance,
    )
    return fitted


def fit_together(
    modules: Sequence[torch.nn.Module],
    optimizers: Sequence[torch.optim.Optimizer],
    *,
    loss: Callable[[int], Tensor],
    validate: Callable[[], Sequence[Mapping[str, float]]],
    plan: Plan,
    directory: Path,
    report: Callable[[Sequence[Point]], None] = lambda points: None,
    advance: Callable[[int, float], None] = lambda updates, loss: None,
) -> list[Fit]:
    """Train modules whose losses come in one go, each as if it were alone (extra ``train``).

    Each has its own clipping, guard, best weights and end; one that is good enough waits for the
    others as it is.

    Args:
        modules: What to train, on one device.
        optimizers: Of the parameters of each.
        loss: The losses of an update, shape (modules,), from its number.
        validate: Scores of each module, ``"loss"`` among them.
        plan: How long to train.
        directory: As for :func:`fit`.
        report: Called with every validation, the last of each module; one that is good enough has
            no new ones.
        advance: Called with the number of updates that were made, and the mean loss of the last
            over those that still learn.

    Raises:
        FormatError: As for :func:`fit`.
        FloatingPointError: As for :func:`fit`.
        ValueError: There is no module, or not one optimiser for each.
    """
    if not modules or len(modules) != len(optimizers):
        raise ValueError(
            "modules must be at least one, each with an optimiser, got "
            f"{len(modules)} and {len(optimizers)}"
        )
    lightning = require("lightning.pytorch", "train")
    loggers = require("lightning.pytorch.loggers", "train")
    # its base class is Lightning's: only a training may import that
    from neuro_common._lesson import Learner, Lesson

    keeper = directory / "checkpoints" / "last.ckpt"
    pairs = zip(modules, optimizers, strict=True)
    learners = [Learner(module, optimizer, plan) for module, optimizer in pairs]
    lesson = Lesson(learners, loss, validate, plan, keeper, report, advance)
    device = next(modules[0].parameters()).device
    with _quiet(), _interruptible():
        trainer = lightning.Trainer(
            accelerator=device.type,
            devices=[device.index] if device.type == "cuda" else 1,
            max_epochs=-(-plan.updates // plan.validate_every),
            logger=loggers.TensorBoardLogger(directory, name="tensorboard", version=""),
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
        )
        try:
            trainer.fit(
                lesson,
                range(plan.validate_every),
                ckpt_path=str(keeper) if keeper.exists() else None,
                weights_only=True,
            )
        except (pickle.UnpicklingError, RuntimeError, KeyError, ValueError, EOFError) as error:
            if lesson.begun:
                raise
            raise FormatError(
                f"{keeper} must be a checkpoint of this training: {error}; "
                "give another directory, or delete it to begin anew"
            ) from error
    # Lightning leaves them on the processor
    lesson.to(device)
    return lesson.finish()


def claim_directory(directory: Path, training: Mapping[str, Any], format_name: str) -> None:
    """Write down which training a directory is of, or check that its checkpoints are of this one.

    Args:
        directory: Where ``checkpoints/`` go; the record ``training.json`` is beside them.
        training: All that decides the result, as for :func:`neuro_common.files.write_json`; groups
            of settings are mappings.
        format_name: Of the record, such as ``"rhythm-rnn/training"``.

    Raises:
        FormatError: The checkpoints there are of another training, or nothing says of which.
    """
    record = directory / _CLAIM
    if not (directory / "checkpoints" / "last.ckpt").exists():
        write_json(record, training, format_name)
        return
    if not record.exists():
        raise FormatError(
            f"{directory} must have a {_CLAIM} beside its checkpoints, got none, so they may be of "
            "another training: give another directory, or delete its checkpoints to begin anew"
        )
    found = {key: one for key, one in read_json(record, format_name).items() if key not in _HEAD}
    wanted, there = _flat(json.loads(to_json(training))), _flat(found)
    other = [key for key in {**wanted, **there} if wanted.get(key) != there.get(key)]
    if other:
        asked, got = (
            ", ".join(f"{key}={one.get(key)}" for key in other) for one in (wanted, there)
        )
        raise FormatError(
            f"{directory} must hold a training with {asked}, got checkpoints of one with {got}: "
            "give another directory, or delete its checkpoints to begin anew"
        )


def _flat(values: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in values.items():
        inside = _flat(value) if isinstance(value, Mapping) else {"": value}
        found |= {f"{key}.{name}" if name else key: one for name, one in inside.items()}
    return found


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep Lightning from telling what devices it has, and from asking for worker processes."""
    logger = logging.getLogger("lightning.pytorch")
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", module="lightning")
            yield
    finally:
        logger.setLevel(before)


@contextmanager
def _interruptible() -> Iterator[None]:
    """Let an interrupt come out as one: Lightning turns it into an exit and then ignores Ctrl-C."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.getsignal(signal.SIGINT)
    try:
        yield
    except SystemExit as error:
        if isinstance(error.__context__, KeyboardInterrupt):
            raise KeyboardInterrupt from None
        raise
    finally:
        signal.signal(signal.SIGINT, before)
