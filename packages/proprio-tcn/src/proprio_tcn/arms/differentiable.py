"""Arms in torch: gradients flow from muscle lengths and hand back to joint angles.

The arm computes in float64 on the processor; what goes in and comes out has the dtype and device of
the angles. Second derivatives are not there. Importing this module imports torch.
"""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.autograd.function import FunctionCtx, once_differentiable

from proprio_tcn.arms.arm import Arm

__all__ = ["hand_positions", "muscle_lengths"]

Floats = NDArray[np.float64]


def muscle_lengths(arm: Arm, angles_rad: Tensor) -> Tensor:
    """Muscle lengths in m, (..., muscles), from angles (..., coordinates).

    The gradient at a posture in which a path jumps is that of the side on which it is.

    Raises:
        ValueError: If the last dimension is not the arm's coordinates or an angle is not finite.
    """
    lengths: Tensor = _Lengths.apply(angles_rad, arm)  # type: ignore[no-untyped-call]
    return lengths


def hand_positions(arm: Arm, angles_rad: Tensor) -> Tensor:
    """Places of the hand in m, (..., 3), from angles (..., coordinates).

    Raises:
        ValueError: As :func:`muscle_lengths`.
    """
    hand: Tensor = _Hand.apply(angles_rad, arm)  # type: ignore[no-untyped-call]
    return hand


def _evaluate(ctx: FunctionCtx, angles: Tensor, values: Floats, jacobian: Floats) -> Tensor:
    shape = angles.shape[:-1]
    derivatives = torch.from_numpy(jacobian).to(angles)
    ctx.save_for_backward(derivatives.reshape(*shape, *jacobian.shape[1:]))
    return torch.from_numpy(values).to(angles).reshape(*shape, values.shape[1])


def _rows(angles: Tensor) -> Floats:
    flat = angles.detach().reshape(-1, angles.shape[-1]) if angles.ndim else angles.detach()
    rows: Floats = flat.cpu().double().numpy()
    return rows


class _Lengths(torch.autograd.Function):
    @staticmethod
    def forward(ctx: FunctionCtx, angles: Tensor, arm: Arm) -> Tensor:
        pose = arm.pose(_rows(angles))
        return _evaluate(ctx, angles, pose.muscle_length_m, pose.muscle_jacobian_m)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        (jacobian,) = ctx.saved_tensors
        return (gradient.unsqueeze(-2) @ jacobian).squeeze(-2), None


class _Hand(torch.autograd.Function):
    @staticmethod
    def forward(ctx: FunctionCtx, angles: Tensor, arm: Arm) -> Tensor:
        return _evaluate(ctx, angles, *arm.hand_jacobian(_rows(angles)))

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        (jacobian,) = ctx.saved_tensors
        return (gradient.unsqueeze(-2) @ jacobian).squeeze(-2), None
