"""How selectively a stimulation activates one muscle, or a group of them.

Responses have the muscles along the last axis. `share`, `difference`, `group` and `legacy` are made
of plain arithmetic, so that they take numpy arrays and, for gradients, torch tensors.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["KINDS", "difference", "group", "legacy", "selectivity", "share"]

Array = TypeVar("Array", "NDArray[Any]", "Tensor")


def share(response: Array, muscle: int) -> Array:
    """The muscle's part of the summed response, in [0, 1]; it does not depend on the unit.

    Args:
        response: At least 0, shape (..., muscles).
        muscle: Index of the target.

    Returns:
        Shape (...); NaN where no muscle responds.
    """
    with np.errstate(invalid="ignore"):
        index: Array = response[..., muscle] / response.sum(-1)
    return index


def difference(response: Array, muscle: int) -> Array:
    """The muscle's response minus the mean of the others, in [-1, 1] for fractions.

    Args:
        response: As fractions of each muscle's largest response, shape (..., muscles).
        muscle: Index of the target.

    Returns:
        Shape (...); 0 where no muscle responds. It has the unit of the response.
    """
    others = response.shape[-1] - 1
    target = response[..., muscle]
    index: Array = target - (response.sum(-1) - target) / others
    return index


def group(
    response: Array, targets: Sequence[int], weights: Mapping[int, float] | None = None
) -> Array:
    """Mean response of several muscles minus the weighted mean of all others.

    Args:
        response: As for `difference`, shape (..., muscles).
        targets: Indices of the muscles to activate.
        weights: Of muscles to avoid, such as an antagonist; 1 for those not named. All weigh the
            same without it, and `difference` is the case of one target.

    Returns:
        Shape (...).

    Raises:
        ValueError: There is no target, all muscles are targets, or a weight is of a target, below 0
            or all of them are 0.
    """
    named: list[int] = sorted({*targets})
    given: dict[int, float] = dict(weights or {})
    others: list[int] = [one for one in range(response.shape[-1]) if one not in named]
    if not named or not others:
        raise ValueError(f"there must be a target and a muscle that is none, got {named}")
    if wrong := sorted({*given} - {*others}):
        raise ValueError(f"weights must be of muscles that are no targets, got some for {wrong}")
    parts = [given.get(one, 1.0) for one in others]
    if min(parts) < 0 or sum(parts) == 0:
        raise ValueError(f"weights must be at least 0 and not all 0, got {given}")
    avoided = sum(part * response[..., one] for part, one in zip(parts, others, strict=True))
    index: Array = response[..., named].sum(-1) / len(named) - avoided / sum(parts)
    return index


def legacy(response: Array, muscle: int) -> Array:
    """The published index: response over one plus the sum of the others.

    The one makes it depend on the unit, and it grows with the response alone. It is here to compare
    with published numbers.

    Args:
        response: Shape (..., muscles).
        muscle: Index of the target.

    Returns:
        Shape (...); 0 where no muscle responds.
    """
    target = response[..., muscle]
    index: Array = target / (1 + response.sum(-1) - target)
    return index


KINDS: Mapping[str, Callable[[NDArray[Any], int], NDArray[Any]]] = {
    "difference": difference,
    "share": share,
    "legacy": legacy,
}
"""The indices of one muscle by name."""


def selectivity(
    response: ArrayLike, kind: str = "difference", floor: float = 0.0
) -> NDArray[np.float64]:
    """An index of every muscle, where the muscle responds enough for it to mean something.

    Close to the threshold noise alone gives a share near 1.

    Args:
        response: Shape (..., muscles).
        kind: One of `KINDS`.
        floor: Least response of the muscle, in the unit of ``response``.

    Returns:
        Shape (..., muscles), NaN where the muscle's response is below the floor.

    Raises:
        ValueError: There is no such kind.
    """
    if kind not in KINDS:
        raise ValueError(f"kind must be one of {', '.join(KINDS)}, got {kind!r}")
    values = np.asarray(response, dtype=np.float64)
    muscles = range(values.shape[-1])
    index = np.stack([KINDS[kind](values, one) for one in muscles], axis=-1)
    return np.where(values >= floor, index, np.nan)
