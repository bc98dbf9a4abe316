"""What a regression is taught: values at the times of its outputs, in standard deviations."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from proprio_tcn.tasks.sixteen import Task

__all__ = ["Interpolation", "TargetScale", "interpolation_matrix", "target_slices", "target_values"]

Interpolation = Literal["linear", "cubic"]
_CONSTANT = 1e-6  # of the largest value: below it a channel is a constant with rounding noise


def target_values(task: Task, batch: Mapping[str, NDArray[Any]]) -> NDArray[np.float32]:
    """The targets of a batch, one after the other.

    Args:
        task: A regression.
        batch: Of a movement set, with the task's keys.

    Returns:
        ``(n, channels, bins)`` in the targets' units; those of spindles are first all lengths, then
        all velocities.

    Raises:
        ValueError: The task is no regression, or a value is not finite.
    """
    if not task.is_regression:
        raise ValueError(f"task must be a regression to have target values, got {task.name}")
    parts = [
        batch[target.key] if target.part is None else batch[target.key][..., target.part]
        for target in task.targets
    ]
    values = np.concatenate(parts, axis=1, dtype=np.float32)
    if not np.isfinite(values).all():
        raise ValueError(
            f"targets of {task.name} must be finite, got {int((~np.isfinite(values)).sum())} that "
            "are not: look at the movement set"
        )
    return values


def target_slices(task: Task, muscles: int) -> dict[str, slice]:
    """Where each target's channels are among the outputs.

    Args:
        task: A regression.
        muscles: Number of muscles that the network sees.
    """
    ends = np.cumsum([target.count(muscles) for target in task.targets]).tolist()
    starts = [0, *ends[:-1]]
    named = zip(task.targets, starts, ends, strict=True)
    return {target.name: slice(start, end) for target, start, end in named}


@dataclass(frozen=True, eq=False)
class TargetScale:
    """Standardisation of each channel.

    Attributes:
        mean: Subtracted, ``(channels,)``.
        scale: Divided by, ``(channels,)``; 1 where a channel never changes.
        slopes: By which the same bin's lengths and velocities are multiplied and subtracted, too,
            ``(channels, muscles, 2)`` in units per mm and per mm/s; None subtracts nothing.
    """

    mean: NDArray[np.float64]
    scale: NDArray[np.float64]
    slopes: NDArray[np.floating[Any]] | None = None

    @classmethod
    def raw(cls, channels: int) -> Self:
        """Units as they are, as published: in a mixture the largest numbers rule the loss."""
        return cls(np.zeros(channels), np.ones(channels))

    @classmethod
    def fit(cls, batches: Iterable[tuple[ArrayLike, ArrayLike]]) -> Self:
        """Mean and standard deviation over the bins of movements.

        Args:
            batches: Pairs of values ``(n, channels, bins)`` and which bins move ``(n, bins)``.

        Raises:
            ValueError: No bin moves, or a value is not finite.
        """
        count, total, squares = 0, np.zeros(0), np.zeros(0)
        centre: NDArray[np.float64] | None = None
        for values, moving in batches:
            taken = np.moveaxis(np.asarray(values, np.float64), 1, 2)[np.asarray(moving, bool)]
            if not np.isfinite(taken).all():
                raise ValueError("targets must be finite, got NaN or infinity in a movement")
            if not len(taken):
                continue
            if centre is None:
                # far from zero, sums of squares would cancel
                centre = taken.mean(axis=0)
                total, squares = np.zeros_like(centre), np.zeros_like(centre)
            off = taken - centre
            count += len(off)
            total += off.sum(axis=0)
            squares += np.square(off).sum(axis=0)
        if centre is None:
            raise ValueError("at least one bin must move to standardise targets, got none")
        mean = total / count
        deviation = np.sqrt(np.maximum(squares / count - mean**2, 0))
        constant = deviation <= _CONSTANT * np.maximum(1, np.abs(centre + mean))
        return cls(centre + mean, np.where(constant, 1.0, deviation))

    def standardise(
        self, values: NDArray[Any], spindle: NDArray[Any] | None = None
    ) -> NDArray[np.float32]:
        """Values ``(n, channels, ...)`` in standard deviations.

        Args:
            values: In units.
            spindle: Of the same bins ``(n, muscles, bins, 2)``, which slopes need.
        """
        mean, scale = self._shaped(values)
        return np.asarray((values - mean - self._slope(spindle)) / scale, np.float32)

    def restore(
        self, values: NDArray[Any], spindle: NDArray[Any] | None = None
    ) -> NDArray[np.float32]:
        """Standardised values ``(n, channels, ...)`` in their units.

        Args:
            values: In standard deviations.
            spindle: As for :meth:`standardise`.
        """
        mean, scale = self._shaped(values)
        return np.asarray(values * scale + mean + self._slope(spindle), np.float32)

    def _slope(self, spindle: NDArray[Any] | None) -> Any:
        """What is linear in the spindles, ``(n, channels, bins)``, or 0."""
        if self.slopes is None:
            return 0.0
        if spindle is None:
            raise ValueError("spindle must be given to a scale with slopes, got none")
        both = np.moveaxis(spindle, 2, 1).reshape(len(spindle), spindle.shape[2], -1)
        # large terms cancel: lengths are some hundred mm
        steep = self.slopes.reshape(len(self.slopes), -1).astype(np.float64)
        return np.moveaxis(both @ steep.T, 2, 1)

    def _shaped(self, values: NDArray[Any]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        if values.ndim < 2 or values.shape[1] != len(self.mean):
            raise ValueError(
                f"values must be (n, {len(self.mean)}, ...) for this scale, got {values.shape}"
            )
        shape = (-1,) + (1,) * (values.ndim - 2)
        return self.mean.reshape(shape), self.scale.reshape(shape)


def interpolation_matrix(
    known: ArrayLike, wanted: ArrayLike, kind: Interpolation = "linear"
) -> NDArray[np.float64]:
    """Weights that take values at some times to values at others; beyond the ends they are held.

    Args:
        known: Times of the values, increasing ``(n,)``.
        wanted: Times that are asked for ``(m,)``.
        kind: "linear", or "cubic" for a spline that ends flat, as a padded movement does.

    Returns:
        ``(m, n)``; rows sum to one.

    Raises:
        ValueError: The known times do not increase, or the kind is unknown.
    """
    times, asked = np.asarray(known, np.float64), np.asarray(wanted, np.float64)
    if times.ndim != 1 or not len(times) or not (np.diff(times) > 0).all():
        raise ValueError(f"known times must be (n,) and increase, got {times}")
    if kind not in ("linear", "cubic"):
        raise ValueError(f'kind must be "linear" or "cubic", got {kind!r}')
    unit = np.eye(len(times))
    if len(times) == 1:
        return np.ones((len(asked), 1))
    inside = np.clip(asked, times[0], times[-1])
    if kind == "cubic":
        from scipy.interpolate import CubicSpline

        return np.asarray(CubicSpline(times, unit, bc_type="clamped")(inside))
    return np.stack([np.interp(inside, times, column) for column in unit], axis=1)
