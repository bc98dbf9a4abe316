"""Courses of the learning rate over a training."""

import math
from collections.abc import Sequence
from pathlib import Path

from neuro_common.files import FormatError, read_json, write_json
from proprio_tcn.training.settings import TrainSettings

__all__ = ["Course", "cosine_rate", "patience_decays"]

_FORMAT = "proprio-tcn/validations"
_WARM_UP = 0.05
_LAST = 0.01
_DECAY = 0.25
_DECAYS = 2


def cosine_rate(update: int, updates: int) -> float:
    """Part of the learning rate: up over the first twentieth, then down along half a cosine.

    Args:
        update: Number of the update, from 0.
        updates: How many there are.
    """
    rise = max(1.0, _WARM_UP * updates)
    if update < rise:
        return (update + 1) / (rise + 1)
    part = min(1.0, (update - rise) / max(1.0, updates - rise))
    return _LAST + (1 - _LAST) * (1 + math.cos(math.pi * part)) / 2


def patience_decays(losses: Sequence[float], patience: int) -> int:
    """How often validation has stood still for too long.

    Args:
        losses: Of the validations so far.
        patience: Validations without a new best one that make up one decay; the count then begins
            anew.
    """
    decays, waited, best = 0, 0, math.inf
    for loss in losses:
        if loss < best:
            best, waited = loss, 0
        else:
            waited += 1
        if waited == patience:
            decays, waited = decays + 1, 0
    return decays


class Course:
    """The learning rate of a training; what it depends on is in a file, for a resume.

    Args:
        settings: Of the training.
        updates: How many there are.
        directory: Where ``validations.json`` is kept.

    Raises:
        FormatError: The file is damaged.
    """

    def __init__(self, settings: TrainSettings, updates: int, directory: Path) -> None:
        self._settings, self._updates = settings, updates
        self._file = directory / "validations.json"
        self._losses: dict[int, float] = {}
        if self._file.exists():
            rows = read_json(self._file, _FORMAT).get("losses")
            if not isinstance(rows, list) or any(len(row) != 2 for row in rows):
                raise FormatError(f"{self._file} must hold pairs of update and loss: delete it")
            self._losses = {int(update): float(loss) for update, loss in rows}

    def note(self, update: int, loss: float) -> None:
        """Keep a validation, before any later one that a killed session had come to."""
        self._losses = {u: one for u, one in self._losses.items() if u < update} | {update: loss}
        write_json(self._file, {"losses": [list(pair) for pair in self._losses.items()]}, _FORMAT)

    def rate(self, update: int) -> float:
        """Part of the learning rate at an update; 0 once the training has ended."""
        if self._settings.schedule == "cosine":
            return cosine_rate(update, self._updates)
        decays = self._decays(update)
        return 0.0 if decays >= _DECAYS else _DECAY**decays

    def ended(self, update: int) -> bool:
        """Whether validation has stood still for good."""
        return self._decays(update) >= _DECAYS

    def _decays(self, update: int) -> int:
        if self._settings.schedule != "patience":
            return 0
        losses = [loss for known, loss in self._losses.items() if known <= update]
        return patience_decays(losses, self._settings.patience)
