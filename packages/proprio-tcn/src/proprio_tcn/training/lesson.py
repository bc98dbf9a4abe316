"""One network learning one task: the loss of every update, keyed by its number, and validation."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from neuro_common.seeding import generator
from proprio_tcn.networks.making import Network
from proprio_tcn.tasks.losses import barlow_loss, draw_view, mean_squared_error
from proprio_tcn.tasks.metrics import LetterTally, RegressionTally
from proprio_tcn.tasks.targets import target_values
from proprio_tcn.training.batches import Movements, batches_of
from proprio_tcn.training.input_scale import ScaledTrunk
from proprio_tcn.training.reading import Reading, Told

__all__ = ["Evaluation", "Forward", "Lesson", "Question", "evaluate"]

_ORDER, _DRAWS, _VIEWS, _SHIFTS, _NOISE, _SCORED = range(6)

Arrays = Mapping[str, NDArray[Any]]
Forward = Callable[..., Tensor]
"""A network: spindles, and what its task is conditioned on, to outputs."""


@dataclass(frozen=True, eq=False)
class Question:
    """A batch as a task puts it, the same to every network.

    Attributes:
        inputs: Spindles ``(n, muscles, bins, 2)``; two views of them for redundancy reduction.
        told: What a network is told beside them.
        compare: Loss of the outputs to each input.
    """

    inputs: tuple[Tensor, ...]
    told: Told
    compare: Callable[[Sequence[Tensor]], Tensor]

    def ask(self, reading: Reading, network: Forward) -> tuple[Tensor, ...]:
        """Outputs of a network to each input."""
        return tuple(reading.run(network, spindle, self.told) for spindle in self.inputs)


@dataclass(frozen=True, eq=False)
class Evaluation:
    """Scores of a network on movements.

    Attributes:
        loss: As in training, but without its draws.
        tally: Errors of a regression at the times of its outputs, or answers of action
            recognition; None for redundancy reduction.
        filled: Errors of a regression at all bins, interpolated between outputs.
    """

    loss: float
    tally: RegressionTally | LetterTally | None
    filled: RegressionTally | None = None

    @property
    def metric(self) -> float:
        """What is larger for a better network: accuracy, mean R2 in movement, or minus the loss."""
        if isinstance(self.tally, LetterTally):
            return self.tally.accuracy
        return -self.loss if self.tally is None else self.tally.r2()

    def row(self) -> dict[str, float]:
        """Numbers by name, as tables and manifests hold them."""
        found = {"loss": self.loss}
        if isinstance(self.tally, LetterTally):
            found["accuracy"] = self.tally.accuracy
        if isinstance(self.tally, RegressionTally):
            found |= _columns(self.tally, "")
            found["euclidean_error"] = self.tally.euclidean_error
        if self.filled is not None:
            found |= _columns(self.filled, "filled_")
        return found


class Lesson:
    """What networks are asked at each update; those that learn together see the same movements.

    Args:
        readings: How the outputs of each network are read, at least one.
        movements: What to learn from.
        seed: Of the order, the dropout and every other draw.

    Raises:
        ValueError: There are not enough movements for one batch, or redundancy reduction is to be
            learnt together with another task.
    """

    def __init__(self, readings: Sequence[Reading], movements: Movements, seed: int) -> None:
        self._readings, self._movements, self._seed = readings, movements, seed
        self._settings = readings[0].settings
        heads = {reading.task.head for reading in readings}
        if "project" in heads and len(heads) > 1:
            raise ValueError(
                "redundancy_reduction must be learnt apart from other tasks: it sees two views of "
                f"every movement; got {', '.join(one.task.name for one in readings)}"
            )
        self._keys = tuple(dict.fromkeys(key for one in readings for key in one.task.keys))
        self.epoch_updates = len(movements) // self._settings.batch
        if not self.epoch_updates:
            raise ValueError(
                f"movements must be at least batch={self._settings.batch} to learn from, "
                f"got {len(movements)}"
            )

    def questions(self, update: int) -> list[Question]:
        """What each network is asked; each epoch goes through the movements in its own order."""
        size = self._settings.batch
        epoch, place = divmod(update, self.epoch_updates)
        order = self._rng(_ORDER, epoch).permutation(len(self._movements))
        chosen = order[place * size : (place + 1) * size]
        rng = self._rng(_SHIFTS, update) if self._settings.shift else None
        batch = self._movements.batch(chosen, self._keys, rng=rng)
        spindle = self._readings[0].tensor(batch["spindle"])
        if self._settings.spindle_noise:
            noise = self._rng(_NOISE, update).standard_normal(spindle.shape, dtype=np.float32)
            spread = self._settings.spindle_noise * spindle.std(dim=2, correction=0, keepdim=True)
            spindle = spindle + spread * self._readings[0].tensor(noise)
        rngs = [self._rng(_VIEWS, update, view) for view in range(2)]
        inputs = _inputs(self._readings[0], spindle, rngs)
        return [_put(reading, batch, inputs) for reading in self._readings]

    def losses(
        self, network: Callable[..., Tensor | list[Tensor]], members: Sequence[Network], update: int
    ) -> Tensor:
        """The loss of each network at an update, ``(networks,)``.

        Args:
            network: One network, or an ensemble that gives a list of outputs.
            members: The networks themselves, in their mode for training.
            update: Number of the update.
        """
        questions = self.questions(update)
        told = Told(*(_first(one.told[part] for one in questions) for part in range(2)))
        with self._draws(members, update), self._readings[0].precision():
            given = [network(one, told.moving, told.target) for one in questions[0].inputs]
        lists = [one if isinstance(one, list) else [one] for one in given]
        members_outputs = zip(*lists, strict=True)
        triples = zip(questions, self._readings, members_outputs, strict=True)
        return torch.stack(
            [
                question.compare([reading.finish(one) for one in outputs])
                for question, reading, outputs in triples
            ]
        )

    @contextmanager
    def _draws(self, members: Sequence[Network], update: int) -> Iterator[None]:
        """Let dropout and encoders draw what belongs to an update; torch's generator stays."""
        for member in members:
            member.reseed(update)
            if isinstance(member.trunk, ScaledTrunk):
                member.trunk.reseed(update)
        device = self._readings[0].device
        seed = int(self._rng(_DRAWS, update).integers(2**63))
        with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
            torch.manual_seed(seed)
            yield

    def _rng(self, *place: int) -> np.random.Generator:
        return generator(self._seed, *place)


def evaluate(reading: Reading, network: Forward, movements: Movements, seed: int) -> Evaluation:
    """Scores on other movements; the network is to be in its mode for use.

    Redundancy reduction is scored in whole batches of the size of the training, as its loss
    depends on that; a rest that fills none is left out.

    Args:
        reading: How outputs are read.
        network: The network.
        movements: Those of validation, or of the test.
        seed: Of the views of redundancy reduction.
    """
    task = reading.task
    tally: RegressionTally | LetterTally | None = None
    filled = None
    if task.is_regression:
        tally, filled = (RegressionTally(task, len(movements.muscles)) for _ in range(2))
    elif task.head == "classify":
        tally = LetterTally()
    total, count = 0.0, 0
    for number, batch in enumerate(_scored(reading, movements)):
        size = len(batch["spindle"])
        rngs = [generator(seed, _SCORED, number, view) for view in range(2)]
        with torch.no_grad():
            inputs = _inputs(reading, reading.tensor(batch["spindle"]), rngs)
            question = _put(reading, batch, inputs)
            outputs = question.ask(reading, network)
            total += float(question.compare(outputs)) * size
        count += size
        answer = outputs[0].cpu().numpy()
        if filled is not None and isinstance(tally, RegressionTally):
            values, found = target_values(task, batch), reading.restore(answer)
            tally.add(found, reading.sample(values), reading.moving(batch))
            filled.add(reading.fill(found), values, batch["moving"])
        elif isinstance(tally, LetterTally):
            tally.add(answer, batch["letter"])
    return Evaluation(total / count, tally, filled)


def _scored(reading: Reading, movements: Movements) -> Iterator[Arrays]:
    """Batches to score; a correlation over a batch means the same only in batches of one size."""
    keys, size = reading.task.keys, reading.settings.batch
    if reading.task.head != "project":
        yield from batches_of(movements, keys)
        return
    whole = max(1, len(movements) // size)
    yield from islice(batches_of(movements, keys, size), whole)


def _columns(tally: RegressionTally, kind: str) -> dict[str, float]:
    found = {}
    for one in tally.scores():
        found[f"{one.target}_{one.where}_{kind}rmse"] = one.rmse
        found[f"{one.target}_{one.where}_{kind}r2"] = one.r2
    return found


def _inputs(
    reading: Reading, spindle: Tensor, rngs: Sequence[np.random.Generator]
) -> tuple[Tensor, ...]:
    if reading.task.head != "project":
        return (spindle,)
    return tuple(draw_view(spindle, reading.settings.views, rng, reading.blank) for rng in rngs)


def _put(reading: Reading, batch: Arrays, inputs: tuple[Tensor, ...]) -> Question:
    task, settings, told = reading.task, reading.settings, reading.tell(batch)
    if task.head == "project":
        compat = "variance" if settings.compat_barlow else None
        return Question(inputs, told, lambda out: barlow_loss(out[0], out[1], compat=compat))
    if task.head == "classify":
        letter = reading.tensor(batch["letter"].astype(np.int64))
        return Question(inputs, told, lambda out: F.cross_entropy(out[0], letter))
    wanted = reading.tensor(reading.teach(target_values(task, batch)))
    weight = None
    if settings.padding_weight != 1:
        moving = reading.moving(batch).astype(np.float32)
        weight = reading.tensor(settings.padding_weight + (1 - settings.padding_weight) * moving)
    return Question(inputs, told, lambda out: mean_squared_error(out[0], wanted, weight))


def _first(values: Iterable[Tensor | None]) -> Tensor | None:
    return next((one for one in values if one is not None), None)
