"""One network learning one task: the loss of every update, keyed by its number, and validation."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
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
from proprio_tcn.training.batches import Movements, other_trials
from proprio_tcn.training.input_scale import ScaledTrunk
from proprio_tcn.training.reading import Reading, Told

__all__ = ["Evaluation", "Forward", "Lesson", "Question", "evaluate"]

_ORDER, _DRAWS, _VIEWS, _SHIFTS, _NOISE, _SCORED = range(6)
_SCORED_BATCH = 64

Arrays = Mapping[str, NDArray[Any]]
Forward = Callable[..., Tensor]
"""A network: spindles, and what its task is conditioned on, to outputs."""


@dataclass(frozen=True, eq=False)
class Question:
    """A batch as a task puts it, the same to every network.

    Attributes:
        inputs: Spindles ``(n, muscles, bins, 2)``; two views of them for redundancy reduction.
        told: What a network is told beside each of them.
        compare: Loss of the outputs to each input.
    """

    inputs: tuple[Tensor, ...]
    told: tuple[Told, ...]
    compare: Callable[[Sequence[Tensor]], Tensor]

    def ask(self, reading: Reading, network: Forward) -> tuple[Tensor, ...]:
        """Outputs of a network to each input."""
        pairs = zip(self.inputs, self.told, strict=True)
        return tuple(reading.run(network, spindle, told) for spindle, told in pairs)


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
        rngs = [self._rng(_VIEWS, update, view) for view in range(2)]
        reading, draws = self._readings[0], self._rng(_NOISE, update)
        batches = _batches(reading, self._movements, chosen, self._keys, rngs, shift=rng)
        spindles = [self._noisy(reading.tensor(batch["spindle"]), draws) for batch in batches]
        inputs = _inputs(reading, spindles, rngs)
        return [_put(reading, batches, inputs) for reading in self._readings]

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
        told = [
            Told(*(_first(one[part] for one in each) for part in range(2)))
            for each in zip(*(question.told for question in questions), strict=True)
        ]
        asked = list(zip(questions[0].inputs, told, strict=True))
        with self._draws(members, update), self._readings[0].precision():
            given = [network(spindle, one.moving, one.target) for spindle, one in asked]
        lists = [one if isinstance(one, list) else [one] for one in given]
        members_outputs = zip(*lists, strict=True)
        triples = zip(questions, self._readings, members_outputs, strict=True)
        return torch.stack(
            [
                question.compare([reading.finish(one) for one in outputs])
                for question, reading, outputs in triples
            ]
        )

    def _noisy(self, spindle: Tensor, rng: np.random.Generator) -> Tensor:
        if not self._settings.spindle_noise:
            return spindle
        noise = rng.standard_normal(spindle.shape, dtype=np.float32)
        spread = self._settings.spindle_noise * spindle.std(dim=2, correction=0, keepdim=True)
        return spindle + spread * self._readings[0].tensor(noise)

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

    Raises:
        ValueError: There is no movement.
    """
    if not len(movements):
        raise ValueError("movements must be at least one to be scored, got none")
    task = reading.task
    tally: RegressionTally | LetterTally | None = None
    filled = None
    if task.is_regression:
        tally, filled = (RegressionTally(task, len(movements.muscles)) for _ in range(2))
    elif task.head == "classify":
        tally = LetterTally()
    total, count = 0.0, 0
    for number, chosen in enumerate(_scored(reading, movements)):
        rngs = [generator(seed, _SCORED, number, view) for view in range(2)]
        batches = _batches(reading, movements, chosen, task.keys, rngs)
        batch, size = batches[0], len(chosen)
        with torch.no_grad():
            spindles = [reading.tensor(one["spindle"]) for one in batches]
            question = _put(reading, batches, _inputs(reading, spindles, rngs))
            outputs = question.ask(reading, network)
            total += float(question.compare(outputs)) * size
        count += size
        answer = outputs[0].cpu().numpy()
        if filled is not None and isinstance(tally, RegressionTally):
            values, spindle = target_values(task, batch), batch["spindle"]
            at_outputs = reading.restore(answer, spindle), reading.sample(values)
            tally.add(*at_outputs, reading.moving(batch))
            filled.add(reading.fill(answer, spindle), values, batch["moving"])
        elif isinstance(tally, LetterTally):
            tally.add(answer, batch["letter"])
    return Evaluation(total / count, tally, filled)


def _scored(reading: Reading, movements: Movements) -> Iterator[NDArray[np.int64]]:
    """Batches to score; a correlation over a batch means the same only in batches of one size."""
    every = np.arange(len(movements))
    size = _SCORED_BATCH
    if reading.task.head == "project":
        size = reading.settings.batch
        every = every[: max(1, len(every) // size) * size]
    for first in range(0, len(every), size):
        yield every[first : first + size]


def _batches(
    reading: Reading,
    movements: Movements,
    chosen: NDArray[np.int64],
    keys: tuple[str, ...],
    rngs: Sequence[np.random.Generator],
    *,
    shift: np.random.Generator | None = None,
) -> list[Arrays]:
    """Some movements, and for redundancy reduction what they are compared with."""
    found = [movements.batch(chosen, keys, rng=shift)]
    if reading.task.head == "project":
        if "trial" in reading.settings.views:
            others = other_trials(movements, chosen, rngs[1])
            return [*found, movements.batch(others, keys, rng=shift)]
        return found * 2
    return found


def _columns(tally: RegressionTally, kind: str) -> dict[str, float]:
    found = {}
    for one in tally.scores():
        found[f"{one.target}_{one.where}_{kind}rmse"] = one.rmse
        found[f"{one.target}_{one.where}_{kind}r2"] = one.r2
    return found


def _inputs(
    reading: Reading, spindles: Sequence[Tensor], rngs: Sequence[np.random.Generator]
) -> tuple[Tensor, ...]:
    if reading.task.head != "project":
        return tuple(spindles)
    pairs, kinds = zip(spindles, rngs, strict=True), reading.settings.views
    return tuple(draw_view(one, kinds, rng, reading.blank) for one, rng in pairs)


def _put(reading: Reading, batches: Sequence[Arrays], inputs: tuple[Tensor, ...]) -> Question:
    task, settings, batch = reading.task, reading.settings, batches[0]
    told = tuple(reading.tell(one) for one in batches)
    if task.head == "project":
        compat = "variance" if settings.compat_barlow else None
        return Question(inputs, told, lambda out: barlow_loss(out[0], out[1], compat=compat))
    if task.head == "classify":
        letter = reading.tensor(batch["letter"].astype(np.int64))
        return Question(inputs, told, lambda out: F.cross_entropy(out[0], letter))
    wanted = reading.tensor(reading.teach(target_values(task, batch), batch["spindle"]))
    weight = None
    if settings.padding_weight != 1:
        moving = reading.moving(batch).astype(np.float32)
        weight = reading.tensor(settings.padding_weight + (1 - settings.padding_weight) * moving)
    return Question(inputs, told, lambda out: mean_squared_error(out[0], wanted, weight))


def _first(values: Iterable[Tensor | None]) -> Tensor | None:
    return next((one for one in values if one is not None), None)
