"""Gradients through the arm, against central differences in float64."""

import numpy as np
import pytest
import torch
from torch.autograd import gradcheck

from proprio_tcn.arms.differentiable import hand_positions, muscle_lengths
from proprio_tcn.arms.opening import open_arm
from proprio_tcn.arms.two_link import TwoLinkArm


@pytest.fixture(scope="module")
def elbow():
    return open_arm("elbow")


def test_gradcheck_of_muscles_and_hand(elbow) -> None:
    angles = torch.tensor([[0.3, 1.2], [0.8, 0.4]], dtype=torch.float64, requires_grad=True)
    assert gradcheck(lambda one: muscle_lengths(elbow, one), angles, atol=1e-6)
    assert gradcheck(lambda one: hand_positions(elbow, one), angles, atol=1e-6)
    two = torch.rand(2, 3, 4, dtype=torch.float64, requires_grad=True)
    assert gradcheck(lambda one: hand_positions(TwoLinkArm(), one), two)


def test_shape_dtype_and_values_are_kept(elbow) -> None:
    angles = torch.rand(2, 5, 2, requires_grad=True)
    lengths = muscle_lengths(elbow, angles)
    assert lengths.shape == (2, 5, 6)
    assert lengths.dtype == torch.float32
    expected = elbow.muscle_lengths(angles.detach().double().reshape(-1, 2).numpy())
    np.testing.assert_allclose(lengths.detach().reshape(-1, 6), expected, rtol=1e-6)
    lengths.sum().backward()
    assert angles.grad is not None
    assert angles.grad.shape == angles.shape
    assert muscle_lengths(elbow, torch.zeros(2)).shape == (6,)


def test_descent_brings_the_hand_to_a_target() -> None:
    arm = TwoLinkArm()
    target = torch.tensor([0.2, 0.05, -0.1], dtype=torch.float64)
    angles = torch.tensor([0.6, 0.1, 0.1, 0.9], dtype=torch.float64, requires_grad=True)
    optimiser = torch.optim.LBFGS([angles], max_iter=60, tolerance_grad=1e-12)

    def miss() -> torch.Tensor:
        optimiser.zero_grad()
        loss = (hand_positions(arm, angles) - target).square().sum()
        loss.backward()
        return loss

    optimiser.step(miss)
    assert float(miss().detach()) < 1e-9  # 0.03 mm


def test_second_derivatives_and_bad_angles_are_refused(elbow) -> None:
    angles = torch.zeros(1, 2, dtype=torch.float64, requires_grad=True)
    (slope,) = torch.autograd.grad(
        muscle_lengths(elbow, angles).square().sum(), angles, create_graph=True
    )
    with pytest.raises(RuntimeError, match="differentiate twice"):
        slope.sum().backward()
    with pytest.raises(ValueError, match=r"must have shape \(n, 2\)"):
        hand_positions(elbow, torch.zeros(1, 3))
    with pytest.raises(ValueError, match="got nan for"):
        muscle_lengths(elbow, torch.full((1, 2), torch.nan))
