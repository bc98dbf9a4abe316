"""Learning from labelled steps, round by round, with gradients through time, resumable to the bit.

Where the steps come from is the matter of a `Source`: a network that walks while a teacher labels
what it sees (`brainnn.learning.dagger`), or a recorded walk (`brainnn.learning.cloning`).
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from brainnn.learning.checkpoints import (
    adam_tensors,
    named_tensors,
    read_last,
    restore_adam,
    write_last,
)
from brainnn.learning.settings import Supervised
from brainnn.networks.core import Core
from neuro_common.files import FormatError
from neuro_common.seeding import generator

__all__ = ["LabelledSegment", "RoundReport", "Source", "learn_rounds"]

RoundReport = Callable[[int, Mapping[str, float]], None]
"""Called after every round with the number of labelled steps and its row."""

_KIND = "brainnn supervised"


@dataclass(frozen=True)
class LabelledSegment:
    """Labelled steps of one episode in a row, padded to the length that all segments have.

    Attributes:
        observations: Shape (steps, channels).
        labels: What is right to do, in [-1, 1], shape (steps, actions).
        weight: 0 where a step does not count, shape (steps,).
        state: Of the network before the first step, shape (state_size,); None at the start of an
            episode.
    """

    observations: Tensor
    labels: Tensor
    weight: Tensor
    state: Tensor | None

    @classmethod
    def of(
        cls,
        observations: NDArray[np.float32],
        labels: NDArray[np.float32],
        state: Tensor | None,
        settings: Supervised,
    ) -> Self:
        """Pad a stretch; the first steps of one that goes on from a state are its burn-in.

        Args:
            observations: Shape (length, channels).
            labels: Shape (length, actions).
            state: As of the attribute.
            settings: Length of all segments, and of the burn-in.
        """
        steps, length = settings.segment_steps, len(observations)
        weight = torch.zeros(steps)
        weight[0 if state is None else settings.burn_in : length] = 1.0
        return cls(_padded(observations, steps), _padded(labels, steps), weight, state)


class Source(Protocol):
    """Where labelled steps come from.

    Attributes:
        steps: How many a round has.
    """

    steps: int

    def label(self, number: int) -> tuple[list[LabelledSegment], dict[str, float]]:
        """Label the steps of a round; what there is to tell of it goes into its row.

        Args:
            number: Of the round.
        """
        ...

    def close(self) -> None:
        """Let go of all environments."""
        ...


def learn_rounds(
    core: Core,
    settings: Supervised,
    make_source: Callable[[np.random.Generator], Source],
    directory: Path | None,
    *,
    seed: int,
    report: RoundReport,
) -> dict[str, NDArray[np.float64]]:
    """Train a network, in place; a checkpoint found in the directory is taken up.

    Every ``checkpoint_rounds`` all begins anew but what was learned and labelled: the source, and
    the randomness by a seed that this round alone has. So a training that was cut off there ends as
    one that was not, to the bit.

    Args:
        core: What learns.
        settings: How.
        make_source: Makes a source from what it may draw from.
        directory: Where ``checkpoints/`` goes; None keeps none.
        seed: Of everything.
        report: See `RoundReport`; rounds of an earlier session are left out.

    Returns:
        The learning curve, one entry for each round: ``labelled_steps``, ``loss`` (mean squared
        error of its updates) and what the source tells.

    Raises:
        FormatError: The last checkpoint is damaged, or of another training.
    """
    optimiser = torch.optim.Adam(core.parameters(), lr=settings.learning_rate)
    folder = None if directory is None else directory / "checkpoints"
    lesson, rows = _restored(folder, core, optimiser)
    for first in range(len(rows), settings.rounds, settings.checkpoint_rounds):
        rng = generator(seed, first)
        with closing(make_source(rng)) as source:
            for number in range(first, min(first + settings.checkpoint_rounds, settings.rounds)):
                segments, told = source.label(number)
                lesson.add(segments)
                _set_rate(optimiser, settings, number)
                losses = [
                    _update(core, optimiser, lesson.draw(settings, rng), settings)
                    for _ in range(settings.updates)
                ]
                row = {"loss": float(np.mean(losses)), **told}
                labelled = (number + 1) * source.steps
                rows.append({"labelled_steps": float(labelled), **row})
                report(labelled, row)
        if folder is not None:
            _save(folder, core, optimiser, lesson, rows)
    return {name: np.array([row[name] for row in rows]) for name in rows[-1]}


class _Lesson:
    """All segments that were ever labelled, and which round each is of."""

    def __init__(
        self, segments: Sequence[LabelledSegment] = (), begins: Sequence[int] = ()
    ) -> None:
        self._segments, self._begins = [*segments], [*begins]

    def add(self, segments: Sequence[LabelledSegment]) -> None:
        self._begins.append(len(self._segments))
        self._segments += segments

    def draw(self, settings: Supervised, rng: np.random.Generator) -> list[LabelledSegment]:
        """A batch, a share of it from the last rounds."""
        recent_from = self._begins[max(0, len(self._begins) - settings.recent_rounds)]
        recent = round(settings.recent * settings.batch)
        old = rng.integers(0, len(self._segments), settings.batch - recent)
        new = rng.integers(recent_from, len(self._segments), recent)
        return [self._segments[number] for number in (*old, *new)]

    def tensors(self, core: Core) -> dict[str, Tensor]:
        blank = torch.zeros(core.state_size)
        columns = {
            name: torch.stack([getattr(one, name) for one in self._segments])
            for name in ("observations", "labels", "weight")
        }
        columns["state"] = torch.stack(
            [blank if one.state is None else one.state for one in self._segments]
        )
        columns["fresh"] = torch.tensor([one.state is None for one in self._segments])
        columns["begins"] = torch.tensor(self._begins)
        return {f"lesson:{name}": column for name, column in columns.items()}

    @classmethod
    def of(cls, arrays: Mapping[str, NDArray[Any]]) -> Self:
        columns = named_tensors(arrays, "lesson:")
        names = ("observations", "labels", "weight", "state", "fresh")
        segments = [
            LabelledSegment(observations, labels, weight, None if fresh else state)
            for observations, labels, weight, state, fresh in zip(
                *(columns[name] for name in names), strict=True
            )
        ]
        return cls(segments, columns["begins"].tolist())


def _save(
    folder: Path,
    core: Core,
    optimiser: torch.optim.Optimizer,
    lesson: _Lesson,
    rows: list[dict[str, float]],
) -> None:
    weights = {f"core:{name}": value for name, value in core.state_dict().items()}
    tensors = {**weights, **adam_tensors(optimiser), **lesson.tensors(core)}
    # as a tensor: JSON has no NaN
    tensors["rows"] = torch.tensor([[*row.values()] for row in rows], dtype=torch.float64)
    manifest = {"kind": _KIND, "columns": [*rows[-1]]}
    write_last(folder, f"round_{len(rows):06d}", tensors, manifest)


def _restored(
    folder: Path | None, core: Core, optimiser: torch.optim.Optimizer
) -> tuple[_Lesson, list[dict[str, float]]]:
    found = None if folder is None else read_last(folder, "round", _KIND)
    if found is None:
        return _Lesson(), []
    arrays, manifest = found
    try:
        core.load_state_dict(named_tensors(arrays, "core:"))
        restore_adam(optimiser, arrays)
        columns = manifest["columns"]
        rows = [dict(zip(columns, row, strict=True)) for row in arrays["rows"].tolist()]
        return _Lesson.of(arrays), rows
    except (KeyError, RuntimeError, ValueError, TypeError) as error:
        raise FormatError(f"{folder} does not fit this training: {error}") from error


def _set_rate(optimiser: torch.optim.Optimizer, settings: Supervised, number: int) -> None:
    done = number / max(settings.rounds - 1, 1)
    fall = settings.last_learning_rate - settings.learning_rate
    for group in optimiser.param_groups:
        group["lr"] = settings.learning_rate + done * fall


def _update(
    core: Core,
    optimiser: torch.optim.Optimizer,
    chosen: list[LabelledSegment],
    settings: Supervised,
) -> float:
    first = core.initial_state(len(chosen))
    state = torch.stack(
        [own if one.state is None else one.state for one, own in zip(chosen, first, strict=True)]
    )
    outputs, _ = core(torch.stack([one.observations for one in chosen]), state)
    acted = torch.tanh(outputs) if settings.squash else outputs
    weight = torch.stack([one.weight for one in chosen])
    missed = (acted - torch.stack([one.labels for one in chosen])).square().mean(-1)
    loss = (missed * weight).sum() / weight.sum()
    optimiser.zero_grad()
    loss.backward()
    torch.nn.utils.clip_grad_norm_(core.parameters(), settings.clip_norm)
    optimiser.step()
    return float(loss.detach())


def _padded(values: NDArray[np.float32], steps: int) -> Tensor:
    held = torch.zeros(steps, values.shape[-1])
    held[: len(values)] = torch.from_numpy(values)
    return held
