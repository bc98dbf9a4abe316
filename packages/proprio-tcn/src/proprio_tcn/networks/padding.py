"""Zeros that a convolution is given at its ends, along one axis."""

from typing import NamedTuple

__all__ = ["Padding", "pad", "published_padding"]


class Padding(NamedTuple):
    """How one axis is padded.

    Attributes:
        size: Positions that come out.
        before: Zeros ahead of the first position.
        after: Zeros behind the last one.
    """

    size: int
    before: int
    after: int


def published_padding(size: int, kernel: int, stride: int) -> Padding:
    """Pad as TensorFlow's SAME: ``ceil(size / stride)`` positions come out, the odd zero is behind.

    Args:
        size: Positions that go in.
        kernel: Taps of the kernel.
        stride: Positions between outputs.

    Raises:
        ValueError: A number is below 1.
    """
    for name, value in (("size", size), ("kernel", kernel), ("stride", stride)):
        if value < 1:
            raise ValueError(f"{name} must be at least 1, got {value}")
    out = -(-size // stride)
    total = max((out - 1) * stride + kernel - size, 0)
    return Padding(out, total // 2, total - total // 2)


def pad(size: int, kernel: int, stride: int, *, causal: bool = False) -> Padding:
    """Pad one axis: as published, or for a causal network with the same zeros all in front.

    With all of them in front the last output ends at the last position, and no output sees a
    position behind the one that it stands for.

    Args:
        size: Positions that go in.
        kernel: Taps of the kernel.
        stride: Positions between outputs.
        causal: Whether the axis is time and the network causal.

    Raises:
        ValueError: A number is below 1.
    """
    out, before, after = published_padding(size, kernel, stride)
    return Padding(out, before + after, 0) if causal else Padding(out, before, after)
