"""Training: one network on one task, or many of one architecture in one go; resumed to the bit."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from neuro_common.training import Fit, Plan, Point, claim_directory, fit_together
from proprio_tcn.networks.ensemble import Ensemble
from proprio_tcn.networks.making import Network
from proprio_tcn.networks.settings import TrunkSettings
from proprio_tcn.spindles.encoders import SpindleSettings
from proprio_tcn.tasks.sixteen import Task
from proprio_tcn.tasks.targets import TargetScale, target_values
from proprio_tcn.training.batches import Movements, batches_of
from proprio_tcn.training.input_scale import spindle_scale
from proprio_tcn.training.lesson import Evaluation, Lesson
from proprio_tcn.training.readout import fit_readout
from proprio_tcn.training.schedules import Course
from proprio_tcn.training.settings import TrainSettings
from proprio_tcn.training.spindle_encoding import SpindleEncoding
from proprio_tcn.training.trained import Trained

__all__ = ["fit_scale", "planned_updates", "train_network", "train_together"]


def fit_scale(task: Task, movements: Movements, settings: TrainSettings) -> TargetScale | None:
    """The scale that a regression is taught on; None for another task.

    Args:
        task: The task.
        movements: Those of the training.
        settings: With ``compat_weights`` units stay as they are.
    """
    if not task.is_regression:
        return None
    if settings.compat_weights:
        return TargetScale.raw(task.outputs(len(movements.muscles)))
    return TargetScale.fit(
        (target_values(task, batch), batch["moving"]) for batch in batches_of(movements, task.keys)
    )


def planned_updates(task: Task, settings: TrainSettings, movements: int) -> int:
    """Updates of a training of a task with so many movements."""
    return settings.epochs * max(1, movements // settings.for_task(task.name).batch)


def train_network(
    task: Task,
    trunk: TrunkSettings,
    train: Movements,
    validation: Movements,
    settings: TrainSettings,
    directory: Path,
    *,
    seed: int,
    encoder: SpindleSettings | None = None,
    device: str | torch.device = "cpu",
    report: Callable[[Point], None] = lambda point: None,
    advance: Callable[[int, float], None] = lambda updates, loss: None,
) -> Trained:
    """Teach a network a task; a training that was cut short in the directory is taken up.

    Args:
        task: The task.
        trunk: Settings of the trunk.
        train: Movements to learn from.
        validation: Movements of other writers, which choose the weights that are kept.
        settings: How to train.
        directory: Where ``checkpoints/`` go, and ``training.json``, which says whose they are.
        seed: Of the first weights, the order of movements and every other draw.
        encoder: What becomes of lengths and velocities before the network sees them; None leaves
            them as they are.
        device: Where to train; the result does not depend on it but by rounding.
        report: Called with every validation.
        advance: Called with the number of updates that were made, and the loss of the last.

    Returns:
        The network with the best weights, and its scores on validation.

    Raises:
        ValueError: There are not enough movements, or the sets are of different muscles.
        FormatError: The checkpoint in the directory is of another training: another task, seed,
            trunk, setting, set of muscles or number of movements.
    """
    (found,) = train_together(
        [(task, seed)],
        trunk,
        train,
        validation,
        settings,
        directory,
        seed=seed,
        encoder=encoder,
        device=device,
        report=lambda points: report(points[0]),
        advance=advance,
    )
    return found


def train_together(
    members: Sequence[tuple[Task, int]],
    trunk: TrunkSettings,
    train: Movements,
    validation: Movements,
    settings: TrainSettings,
    directory: Path,
    *,
    seed: int,
    encoder: SpindleSettings | None = None,
    device: str | torch.device = "cpu",
    report: Callable[[Sequence[Point]], None] = lambda points: None,
    advance: Callable[[int, float], None] = lambda updates, loss: None,
) -> list[Trained]:
    """Teach networks of one architecture in one go, other tasks or other first weights.

    Each has its optimiser and its best weights, as if it learnt alone; movements are made and
    brought to the device once for all of them.

    Args:
        members: Task and seed of the first weights of each.
        trunk: As for :func:`train_network`.
        train: As for :func:`train_network`, with what every task asks for.
        validation: As for :func:`train_network`.
        settings: As for :func:`train_network`; a schedule by patience is for one network alone.
        directory: As for :func:`train_network`.
        seed: Of the order of movements and every other draw but first weights and dropout.
        encoder: As for :func:`train_network`.
        device: As for :func:`train_network`.
        report: Called with every validation of all of them.
        advance: As for :func:`train_network`, with the mean loss.

    Raises:
        ValueError: As for :func:`train_network`, there is no member, or the settings are not for
            several.
        FormatError: As for :func:`train_network`.
    """
    _check(members, train, validation, settings)
    settings, encoder = settings.for_task(members[0][0].name), encoder or SpindleSettings()
    bins = next(batches_of(train, ("spindle",), 1))["spindle"].shape[2]
    sets = train, validation
    told = _told(members, trunk, sets, settings, encoder=encoder, bins=bins, seed=seed)
    claim_directory(directory, told, "proprio-tcn/training")
    scales = {task.name: fit_scale(task, train, settings) for task, _ in members}
    inputs, encoding = _inputs(train, settings, encoder, seed)
    begun = [
        Trained.untrained(
            task,
            trunk,
            tuple(train.muscles),
            scale=scales[task.name],
            settings=settings,
            seed=one,
            inputs=inputs,
            encoding=encoding,
            bins=bins,
            device=device,
        )
        for task, one in members
    ]
    work = _Work(begun, train, validation, settings, directory, seed)
    fits = fit_together(
        work.networks,
        [
            torch.optim.AdamW(
                one.parameters(), lr=settings.learning_rate, weight_decay=settings.weight_decay
            )
            for one in work.networks
        ],
        loss=work.losses,
        validate=work.validate,
        plan=Plan(
            work.updates,
            max(1, work.updates // (settings.validations or settings.epochs)),
            clip_norm=settings.clip_norm,
            spike=float("inf"),
            rate=work.course.rate,
        ),
        directory=directory,
        report=lambda points: work.note(points, report),
        advance=advance,
    )
    return [_finished(one, fit, *sets) for one, fit in zip(begun, fits, strict=True)]


class _Work:
    """Networks that learn, and their course."""

    def __init__(
        self,
        begun: Sequence[Trained],
        train: Movements,
        validation: Movements,
        settings: TrainSettings,
        directory: Path,
        seed: int,
    ) -> None:
        self._begun, self._validation = begun, validation
        self.networks = [one.network for one in begun]
        self._lesson = Lesson([one.reading for one in begun], train, seed)
        self.updates = settings.epochs * self._lesson.epoch_updates
        self.course = Course(settings, self.updates, directory)
        asked = self.networks[0] if len(begun) == 1 else Ensemble(self.networks)
        self._asked: Callable[..., Tensor | list[Tensor]] = (
            torch.compile(asked) if settings.compile else asked
        )
        self._done = 0
        self._last: list[Evaluation] = []

    def losses(self, update: int) -> Tensor:
        self._done = update
        if self.course.ended(update):
            # nothing hangs on it, so nothing is learnt
            device = next(self.networks[0].parameters()).device
            return torch.zeros(len(self.networks), device=device, requires_grad=True)
        self._done = update + 1
        for network in self.networks:
            network.train()
        return self._lesson.losses(self._asked, self.networks, update)

    def validate(self) -> list[Mapping[str, float]]:
        if not self._last or not self.course.ended(self._done):
            self._last = [one.evaluate(self._validation) for one in self._begun]
        return [_criterion(one) for one in self._last]

    def note(self, points: Sequence[Point], report: Callable[[Sequence[Point]], None]) -> None:
        self.course.note(points[0].update, points[0].scores["loss"])
        report(points)


def _check(
    members: Sequence[tuple[Task, int]],
    train: Movements,
    validation: Movements,
    settings: TrainSettings,
) -> None:
    if not members:
        raise ValueError("members must be at least one task with a seed, got none")
    if len(members) > 1 and settings.schedule == "patience":
        raise ValueError(
            'schedule must be "cosine" or "constant" for networks that learn together, got '
            '"patience": each would have a course of its own'
        )
    if tuple(train.muscles) != tuple(validation.muscles):
        raise ValueError(
            "movements of training and validation must be of the same muscles, got "
            f"{len(train.muscles)} and {len(validation.muscles)}"
        )


def _inputs(
    train: Movements, settings: TrainSettings, encoder: SpindleSettings, seed: int
) -> tuple[NDArray[np.float64] | None, SpindleEncoding | None]:
    """What networks do with lengths and velocities first: their scale, and the encoder."""
    plain = encoder.encoder == "kinematics"
    if plain and settings.compat_inputs:
        return None, None
    inputs = spindle_scale(train)
    if plain:
        return inputs, None
    encoding = SpindleEncoding(encoder, inputs[0, :, 0], seed)
    return (None if settings.compat_inputs else spindle_scale(train, encoding)), encoding


def _told(
    members: Sequence[tuple[Task, int]],
    trunk: TrunkSettings,
    sets: Sequence[Movements],
    settings: TrainSettings,
    *,
    encoder: SpindleSettings,
    bins: int,
    seed: int,
) -> dict[str, Any]:
    """All that decides what a training gives, in plain values; not where it runs."""
    how = asdict(settings)
    del how["compile"]
    return {
        "tasks": [task.name for task, _ in members],
        "seeds": [one for _, one in members],
        "seed": seed,
        "trunk": asdict(trunk),
        "settings": how,
        "encoder": asdict(encoder),
        "muscles": list(sets[0].muscles),
        "bins": bins,
        "movements": len(sets[0]),
        "validation_movements": len(sets[1]),
    }


def _finished(begun: Trained, fit: Fit, train: Movements, validation: Movements) -> Trained:
    begun.network.eval()
    if begun.settings.half_weights:
        _round_weights(begun.network)
    # an encoder would be gone around, too
    if begun.settings.linear_path and begun.task.head == "regress" and begun.encoding is None:
        begun = fit_readout(begun, train)
    if begun.settings.half_weights:
        _round_weights(begun.network)
    row = begun.evaluate(validation).row()
    return replace(
        begun,
        metrics={f"validation_{name}": value for name, value in row.items()},
        facts={"origin": "trained", "update": fit.best.update, "movements": len(train)},
    )


def _round_weights(network: Network) -> None:
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.copy_(parameter.half())


def _criterion(found: Evaluation) -> dict[str, float]:
    """Scores with the one under "loss" that chooses the weights: for letters, wrong answers."""
    row = found.row()
    if "accuracy" not in row:
        return row
    # confident networks have a rising cross entropy while they still get better
    wrong = 1 - row["accuracy"] + 1e-3 * row["loss"]
    return {"loss": wrong, "cross_entropy": row["loss"], "accuracy": row["accuracy"]}
