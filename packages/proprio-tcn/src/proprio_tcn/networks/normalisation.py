"""Norm, scale, shift and rectification of a layer, with the zeros that the next layer wants.

The published norm takes one mean and one variance of a whole sample, over muscles, bins and
channels, and gives each channel a scale and a shift. It hides every scaling of the input, and it
tells every bin about all others, padding included. Two others do not: "masked" looks at the moving
bins alone and keeps the rest at zero, "step" looks at each bin alone, as a causal network must.
"""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from itertools import pairwise
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from proprio_tcn.networks.settings import NORMS

__all__ = ["EPS", "NormRectify", "checked_mask", "norm_rectify", "normalise"]

EPS = {"sample": 1e-12, "masked": 1e-12, "step": 1e-6}
"""What is added to the variance: the published number, and more where a bin may be all zeros."""

Sides = tuple[int, int, int, int]


def normalise(
    x: Tensor,
    scale: Tensor,
    shift: Tensor,
    kind: str,
    *,
    mask: Tensor | None = None,
    networks: int = 1,
) -> Tensor:
    """Normalise, scale and shift, in single precision at least.

    Args:
        x: Shape (batch, networks * channels, muscles, bins).
        scale: Of each channel, shape (networks * channels,).
        shift: Of each channel, likewise.
        kind: One of `proprio_tcn.networks.settings.NORMS`.
        mask: Moving bins, shape (batch, bins), which "masked" needs and others do not read.
        networks: How many lie side by side, each with statistics of its own.

    Returns:
        As ``x``; "masked" leaves zeros in bins that do not move.

    Raises:
        ValueError: The kind is unknown, or the mask is missing or of another shape.
    """
    wide = x if x.dtype == torch.float64 else x.float()
    steep, raised = scale.to(wide), shift.to(wide)
    if kind == "sample" and not torch._C._are_functorch_transforms_active():
        # not that of nn.functional, which refuses a single number; vmap has none for channels last
        return torch.group_norm(wide, networks, steep, raised, EPS[kind]).to(x.dtype)
    each = wide.reshape(x.shape[0], networks, -1, *x.shape[2:])
    kept = None
    if kind == "masked":
        kept = checked_mask(mask, x)[:, None, None, None, :].to(wide.dtype)
        count = kept.sum(4, keepdim=True).clamp(min=1) * each.shape[2] * each.shape[3]
        mean = (each * kept).sum((2, 3, 4), keepdim=True) / count
        variance = ((each - mean).square() * kept).sum((2, 3, 4), keepdim=True) / count
    elif kind in NORMS:
        over = (2, 3) if kind == "step" else (2, 3, 4)
        variance, mean = torch.var_mean(each, over, correction=0, keepdim=True)
    else:
        raise ValueError(f"norm must be one of {', '.join(NORMS)}, got {kind!r}")
    steep, raised = (one.view(networks, -1, 1, 1) for one in (steep, raised))
    normed = (each - mean) * torch.rsqrt(variance + EPS[kind]) * steep + raised
    if kept is not None:
        normed = normed * kept
    return normed.reshape(x.shape).to(x.dtype)


def norm_rectify(
    x: Tensor,
    scale: Tensor,
    shift: Tensor,
    kind: str,
    *,
    mask: Tensor | None = None,
    sides: Sides = (0, 0, 0, 0),
    networks: int = 1,
    compiled: bool = True,
) -> Tensor:
    """As :func:`normalise`, then ReLU and zeros around; in one compiled pass where that can be.

    Args:
        x: Shape (batch, networks * channels, muscles, bins), channels last in memory at best.
        scale: As there.
        shift: As there.
        kind: As there.
        mask: As there.
        sides: Zeros ahead of and behind the muscles, then the bins.
        networks: As there.
        compiled: Whether the compiled pass may be used; it cannot be differentiated twice.

    Returns:
        Shape (batch, networks * channels, wider, longer).

    Raises:
        ValueError: As :func:`normalise`.
    """
    if compiled and _compilable(x, scale):
        kept = checked_mask(mask, x) if kind == "masked" else None
        out: Tensor = _Compiled.apply(  # type: ignore[no-untyped-call]
            x, scale, shift, kind, kept, sides, networks
        )
        return out
    y = F.relu(normalise(x, scale, shift, kind, mask=mask, networks=networks))
    top, bottom, left, right = sides
    return F.pad(y, (left, right, top, bottom)) if any(sides) else y


def checked_mask(mask: Tensor | None, x: Tensor) -> Tensor:
    """The mask, if it is one of x, shape (batch, ..., bins).

    Raises:
        ValueError: It is missing or of another shape.
    """
    wanted = (x.shape[0], x.shape[-1])
    if mask is None or tuple(mask.shape) != wanted:
        got = "none" if mask is None else f"shape {tuple(mask.shape)}"
        raise ValueError(f'norm "masked" needs a mask of shape {wanted}, got {got}')
    return mask


class NormRectify(nn.Module):
    """Norm, scale and shift of each channel, ReLU, and zeros around.

    On the CPU one compiled pass does all of it; elsewhere, in half precision, under torch.compile
    and torch.func, torch's own functions do.

    Args:
        channels: Of what comes in.
        kind: One of `proprio_tcn.networks.settings.NORMS`.
        sides: Zeros around what comes out: ahead of and behind the first muscles, then bins.

    Attributes:
        compiled: Whether the compiled pass may be used; it cannot be differentiated twice.

    Raises:
        ValueError: The norm is unknown.
    """

    def __init__(self, channels: int, kind: str, sides: Sides = (0, 0, 0, 0)) -> None:
        super().__init__()
        if kind not in NORMS:
            raise ValueError(f"norm must be one of {', '.join(NORMS)}, got {kind!r}")
        self.kind, self.sides, self.compiled = kind, sides, True
        self.scale = nn.Parameter(torch.ones(channels))
        self.shift = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """Normalise and rectify.

        Args:
            x: Shape (batch, channels, muscles, bins), channels last in memory at best.
            mask: Moving bins, shape (batch, bins); only "masked" reads it.

        Returns:
            Shape (batch, channels, wider, longer), channels last in memory.

        Raises:
            ValueError: "masked" has no mask, or one of another shape.
        """
        return norm_rectify(
            x,
            self.scale,
            self.shift,
            self.kind,
            mask=mask,
            sides=self.sides,
            compiled=self.compiled,
        )

    def middle(self, padded: Tensor) -> Tensor:
        """What came out without the zeros around it.

        The last axes become those of an output without padding.
        """
        top, bottom, left, right = self.sides
        height, bins = padded.shape[2] - bottom, padded.shape[3] - right
        return padded[:, :, top:height, left:bins]


class _Compiled(torch.autograd.Function):
    """Loops of `proprio_tcn.networks.norm_kernels`, on memory that lies channels last."""

    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        scale: Tensor,
        shift: Tensor,
        kind: str,
        mask: Tensor | None,
        sides: Sides,
        networks: int,
    ) -> Tensor:
        from proprio_tcn.networks import norm_kernels

        lying = x.permute(0, 2, 3, 1).contiguous()
        samples, height, bins, channels = lying.shape
        top, bottom, left, right = sides
        out = lying.new_empty(samples, top + height + bottom, left + bins + right, channels)
        arriving, written = _numpy(lying), _numpy(out)
        # what torch needs not know stays with numpy, whose small arrays cost less
        moments = np.empty((2, samples, bins, networks), arriving.dtype)
        moving = _every(samples, bins) if mask is None else _numpy(mask.bool())
        number = getattr(norm_kernels, kind.upper())
        gains = _numpy(scale), _numpy(shift)

        def work(part: slice) -> None:
            norm_kernels.forward(
                number,
                arriving[part],
                *gains,
                EPS[kind],
                moving[part],
                moments[0, part],
                moments[1, part],
                written[part],
                top,
                left,
            )

        _in_parts(samples, work)
        ctx.save_for_backward(lying, scale, shift)
        ctx.told = number, moving, moments, top, left
        return out.permute(0, 3, 1, 2)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        from proprio_tcn.networks import norm_kernels

        lying, scale, shift = ctx.saved_tensors
        number, moving, moments, top, left = ctx.told
        back = torch.empty_like(lying)
        x, above, below = _numpy(lying), _numpy(gradient.permute(0, 2, 3, 1)), _numpy(back)
        sums = np.empty((2, len(x), x.shape[3]), x.dtype)
        gains = _numpy(scale), _numpy(shift)

        def work(part: slice) -> None:
            norm_kernels.backward(
                number,
                x[part],
                *gains,
                moving[part],
                moments[0, part],
                moments[1, part],
                above[part],
                top,
                left,
                below[part],
                sums[0, part],
                sums[1, part],
            )

        _in_parts(len(x), work)
        by_scale, by_shift = torch.from_numpy(sums.sum(1)).unbind()
        return back.permute(0, 3, 1, 2), by_scale, by_shift, None, None, None, None


def _compilable(x: Tensor, scale: Tensor) -> bool:
    """Whether the compiled loops can take it: plain numbers in the processor's own memory."""
    if torch.compiler.is_compiling() or x.device.type != "cpu":
        return False
    if x.dtype != scale.dtype or x.dtype not in (torch.float32, torch.float64):
        return False
    return not torch._C._are_functorch_transforms_active()


def _numpy(tensor: Tensor) -> NDArray[Any]:
    """The same memory, or a copy in one run: the loops are compiled for no other."""
    array: NDArray[Any] = tensor.detach().numpy()
    return np.ascontiguousarray(array)


@lru_cache(maxsize=16)
def _every(samples: int, bins: int) -> NDArray[np.bool_]:
    return np.ones((samples, bins), bool)


def _in_parts(samples: int, work: Callable[[slice], None]) -> None:
    """Do the work of all samples, on as many threads as torch may use."""
    threads = min(torch.get_num_threads(), samples)
    if threads <= 1:
        work(slice(0, samples))
        return
    ends = [samples * part // threads for part in range(threads + 1)]
    parts = [slice(first, last) for first, last in pairwise(ends)]
    # the pool belongs to a process: a fork has none of its threads
    list(_pool(threads, os.getpid()).map(work, parts))


@lru_cache(maxsize=4)
def _pool(threads: int, process: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(threads, thread_name_prefix="norm")
