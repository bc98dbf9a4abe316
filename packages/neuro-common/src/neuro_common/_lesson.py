"""The Lightning module behind :mod:`neuro_common.training`."""

import math
from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from dataclasses import asdict
from pathlib import Path
from typing import Any

import lightning.pytorch as lightning
import torch
from torch import Tensor

from neuro_common.files import atomic_path
from neuro_common.training import Fit, Plan, Point

__all__ = ["Learner", "Lesson"]

_SLOWER = 0.5


class Learner:
    """One module that learns: what it has been through, its best weights, where it can go back."""

    def __init__(self, module: torch.nn.Module, optimizer: torch.optim.Optimizer, plan: Plan):
        self.module, self.optimizer, self.plan = module, optimizer, plan
        self._rates = [group["lr"] for group in optimizer.param_groups]
        self.points: list[Point] = []
        self._losses: list[float] = []
        self._refused = 0
        self._best: dict[str, Tensor] = {}
        self._safe: tuple[dict[str, Any], dict[str, Any]] = ({}, {})

    @property
    def best_point(self) -> Point:
        """The validation with the lowest loss."""
        return min(self.points, key=lambda point: point.scores["loss"])

    @property
    def finished(self) -> bool:
        """Whether a validation was good enough; nothing is learnt after it."""
        return bool(self.points) and self.best_point.scores["loss"] <= self.plan.stop_loss

    def set_rates(self, factor: float) -> None:
        """Set the learning rates: a part of those at the start, less for every refusal."""
        for group, rate in zip(self.optimizer.param_groups, self._rates, strict=True):
            group["lr"] = rate * factor * _SLOWER**self._refused

    def accept(self, loss: float) -> bool:
        """Note the loss of an update; if it is a spike, the caller is to go back."""
        self._losses.append(loss)
        return not self._is_spike(loss)

    def score(self, update: int, scores: dict[str, float]) -> Point:
        """Note a validation."""
        if not self.points and not math.isfinite(scores["loss"]):
            raise FloatingPointError(f"the untrained loss must be finite, got {scores['loss']}")
        if self.points and self._is_spike(scores["loss"]):
            self.go_back()
            scores = dict(self.points[-1].scores)
        losses = self._losses or [math.nan]
        # max would let NaN through or not, by its place
        largest = math.nan if any(map(math.isnan, losses)) else max(losses)
        mean = sum(losses) / len(losses)
        rate = self.optimizer.param_groups[0]["lr"]
        point = Point(update, mean, largest, scores, self._refused, rate)
        self.points.append(point)
        self._losses.clear()
        if point is self.best_point:
            self._best = deepcopy(self.module.state_dict())
        self.keep_safe()
        return point

    def keep_safe(self) -> None:
        """Remember the state to go back to."""
        self._safe = deepcopy((self.module.state_dict(), self.optimizer.state_dict()))

    def record(self) -> dict[str, Any]:
        """What a checkpoint holds beside the states of module and optimiser."""
        points = [asdict(point) for point in self.points]
        return {"points": points, "refused": self._refused, "best": self._best}

    def recall(self, record: Mapping[str, Any]) -> None:
        """Take back what a checkpoint held."""
        self.points = [Point(**point) for point in record["points"]]
        self._refused, self._best = record["refused"], record["best"]

    def finish(self, update: int) -> Fit:
        """Put the best weights into the module."""
        self.module.load_state_dict(self._best)
        if self.finished:
            return Fit(self.best_point, self.points[-1].update, "stop_loss")
        return Fit(self.best_point, update, "updates")

    def _is_spike(self, loss: float) -> bool:
        # "not below", because NaN is one too
        return not loss <= self.plan.spike * self.points[-1].scores["loss"]

    def go_back(self) -> None:
        """Take back the state of the last validation, and learn more slowly from there."""
        weights, optimizer = deepcopy(self._safe)
        self.module.load_state_dict(weights)
        self.optimizer.load_state_dict(optimizer)
        self._refused += 1


class Lesson(lightning.LightningModule):
    """Epochs from validation to validation; each of them ends in a checkpoint."""

    def __init__(
        self,
        learners: Sequence[Learner],
        loss: Callable[[int], Tensor],
        validate: Callable[[], Sequence[Mapping[str, float]]],
        plan: Plan,
        keeper: Path,
        report: Callable[[Sequence[Point]], None],
        advance: Callable[[int, float], None],
    ) -> None:
        super().__init__()
        self.automatic_optimization = False
        self.begun = False
        self.members = torch.nn.ModuleList(learner.module for learner in learners)
        self.learners = learners
        self._loss, self._validate = loss, validate
        self._plan, self._keeper = plan, keeper
        self._report, self._advance = report, advance
        self._update = 0

    def configure_optimizers(self) -> list[torch.optim.Optimizer]:
        """The optimisers that were given."""
        return [learner.optimizer for learner in self.learners]

    def on_train_start(self) -> None:
        """Validate the untrained modules, or go on from where the checkpoint was written."""
        self.begun = True
        if self._update:
            for learner in self.learners:
                learner.keep_safe()
            self._advance(self._update, self.learners[0].points[-1].train_loss)
            # it may have been cut off between its last checkpoint and its end
            self._stop_if_finished()
        else:
            self._score()

    def training_step(self, batch: int, index: int) -> None:
        """One update of every learner that has not finished, or a refusal."""
        losses = self._loss(self._update)
        values = losses.detach().tolist()
        learning = [i for i, learner in enumerate(self.learners) if not learner.finished]
        accepted = [i for i in learning if self.learners[i].accept(values[i])]
        if accepted:
            for i in accepted:
                self.learners[i].optimizer.zero_grad()
            # not losses[accepted]: a list would be copied to the device
            self.manual_backward(torch.stack([losses[i] for i in accepted]).sum())
            for i in accepted:
                learner = self.learners[i]
                torch.nn.utils.clip_grad_norm_(learner.module.parameters(), self._plan.clip_norm)
                learner.set_rates(self._plan.rate(self._update))
                self._optimizers()[i].step()
        # not before: the backward pass of all learners needs their weights as they were
        for i in set(learning) - set(accepted):
            self.learners[i].go_back()
        self._update += 1
        mean = sum(values[i] for i in learning) / len(learning)
        self._note("train/loss", mean)
        self._advance(1, mean)

    def on_train_epoch_end(self) -> None:
        """Validate, and write the checkpoint."""
        self._score()
        with atomic_path(self._keeper) as temporary:
            self.trainer.save_checkpoint(temporary)
        self._stop_if_finished()

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Add what Lightning does not know of."""
        learners = [learner.record() for learner in self.learners]
        checkpoint["lesson"] = {"update": self._update, "learners": learners}

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Take it back."""
        self._update = checkpoint["lesson"]["update"]
        for learner, record in zip(self.learners, checkpoint["lesson"]["learners"], strict=True):
            learner.recall(record)

    def finish(self) -> list[Fit]:
        """Put its best weights into every module."""
        return [learner.finish(self._update) for learner in self.learners]

    def _score(self) -> None:
        with torch.no_grad():
            found = self._validate()
        for i, (learner, scores) in enumerate(zip(self.learners, found, strict=True)):
            if not learner.finished:
                point = learner.score(self._update, dict(scores))
                for name, value in point.scores.items():
                    self._note(f"validation/{name}" + (f"/{i}" if len(found) > 1 else ""), value)
        self._report([learner.points[-1] for learner in self.learners])

    def _stop_if_finished(self) -> None:
        if all(learner.finished for learner in self.learners):
            self.trainer.should_stop = True

    def _optimizers(self) -> list[Any]:
        found = self.optimizers()
        return found if isinstance(found, list) else [found]

    def _note(self, name: str, value: float) -> None:
        """For TensorBoard, at the number of updates: Lightning counts steps of all optimisers."""
        self.logger.experiment.add_scalar(name, value, self._update)  # type: ignore[union-attr]
