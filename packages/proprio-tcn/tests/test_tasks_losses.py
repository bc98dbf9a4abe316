"""Losses against loops, closed forms and the published numbers."""

import numpy as np
import pytest
import torch

from proprio_tcn.tasks.losses import (
    barlow_loss,
    draw_view,
    mean_squared_error,
    residual_variance,
    trial_r2,
)

FIRST = torch.tensor([[0.0, 0.0], [2.0, 0.0], [4.0, 2.0]], dtype=torch.float64)
SECOND = torch.tensor([[0.0, 0.0], [0.0, 6.0], [6.0, 12.0]], dtype=torch.float64)


def loop_barlow(first: np.ndarray, second: np.ndarray, power: int) -> float:
    total = 0.0
    for i in range(first.shape[1]):
        for j in range(second.shape[1]):
            a, b = first[:, i] - first[:, i].mean(), second[:, j] - second[:, j].mean()
            c = np.mean(a * b) / (a.std() * b.std()) ** power
            total += (c - 1) ** 2 if i == j else 5e-3 * c**2
    return total


def test_barlow_divides_by_the_standard_deviation() -> None:
    # A7, both numbers from two views of three samples and two outputs
    assert float(barlow_loss(FIRST, SECOND)) == pytest.approx(0.0458983848622455, abs=1e-13)
    compat = barlow_loss(FIRST, SECOND, compat="variance")
    assert float(compat) == pytest.approx(1.32109375, abs=1e-13)


def test_barlow_is_the_loop_and_vanishes_for_equal_views() -> None:
    rng = np.random.default_rng(0)
    first, second = rng.normal(size=(2, 17, 6))
    for compat, power in ((None, 1), ("variance", 2)):
        found = barlow_loss(torch.from_numpy(first), torch.from_numpy(second), compat=compat)
        assert float(found) == pytest.approx(loop_barlow(first, second, power), rel=1e-10)
    equal = torch.from_numpy(first)
    diagonal_only = barlow_loss(equal, equal * 3 + 1, off_diagonal=0.0)
    assert float(diagonal_only) == pytest.approx(0, abs=1e-20)
    # an output without spread has no correlation, and no infinity
    dead = equal.clone()
    dead[:, 2] = 1
    assert float(barlow_loss(dead, dead, off_diagonal=0.0)) == pytest.approx(1.0)


def test_barlow_refuses_what_it_cannot_correlate() -> None:
    with pytest.raises(ValueError, match=r"n at least 2, got \(1, 3\) and \(1, 3\)"):
        barlow_loss(torch.zeros(1, 3), torch.zeros(1, 3))
    with pytest.raises(ValueError, match='compat must be "variance" or None'):
        barlow_loss(FIRST, SECOND, compat="std")


def test_squared_error_by_weights() -> None:
    predicted = torch.tensor([[[1.0, 5.0], [0.0, 0.0]]])
    wanted = torch.tensor([[[0.0, 3.0], [2.0, 0.0]]])
    assert float(mean_squared_error(predicted, wanted)) == pytest.approx((1 + 4 + 4) / 4)
    weight = torch.tensor([[1.0, 3.0]])
    # bins have 2.5 and 2 on average over channels
    assert float(mean_squared_error(predicted, wanted, weight)) == pytest.approx((2.5 + 6) / 4)
    with pytest.raises(ValueError, match=r"one shape, got \(1, 2, 2\) and \(1, 2\)"):
        mean_squared_error(predicted, wanted[..., 0])


def test_residual_variance_is_the_loop() -> None:
    # A10: the mean of each trial and neuron is free, only bins of the movement count
    rng = np.random.default_rng(1)
    predicted, wanted = rng.normal(size=(2, 5, 30, 3))
    moving = rng.random((5, 30)) < 0.6
    each = [[np.var((predicted - wanted)[t, moving[t], n]) for n in range(3)] for t in range(5)]
    explained = [
        [1 - each[t][n] / np.var(wanted[t, moving[t], n]) for n in range(3)] for t in range(5)
    ]
    given = [torch.from_numpy(one) for one in (predicted, wanted, moving)]
    assert float(residual_variance(*given)) == pytest.approx(np.mean(each), abs=1e-12)
    np.testing.assert_allclose(trial_r2(*given).numpy(), explained, atol=1e-12)
    silent = given[1].clone()
    silent[0, :, 0] = 0
    found = trial_r2(given[0], silent, given[2])
    assert found.isnan().nonzero().tolist() == [[0, 0]]
    assert not found.isinf().any()
    offsets = torch.from_numpy(rng.normal(size=(5, 1, 3)))
    moved = residual_variance(given[0] + offsets, *given[1:])
    assert float(moved) == pytest.approx(np.mean(each), abs=1e-12)
    given[0].requires_grad_()
    residual_variance(*given).backward()
    assert given[0].grad is not None
    assert float(given[0].grad[~given[2]].abs().max()) == 0
    with pytest.raises(ValueError, match="every trial must have at least one bin that moves"):
        residual_variance(given[0], given[1], torch.zeros(5, 30, dtype=torch.bool))
    with pytest.raises(ValueError, match=r"values must be \(trials, bins, neurons\)"):
        residual_variance(given[0], given[1], torch.zeros(5, 29, dtype=torch.bool))


def test_views_zero_two_windows() -> None:
    spindle = torch.ones(50, 6, 400, 2)
    view = draw_view(spindle, ("time",), np.random.default_rng(0))
    gone = (view == 0).all(dim=3)
    assert bool((gone == gone[:, :1]).all())
    lost = gone[:, 0].sum(dim=1)
    assert int(lost.min()) >= 50
    assert int(lost.max()) == 100
    first = gone[:, 0].int().argmax(dim=1)
    assert int(first.min()) >= 0
    assert int(first.max()) <= 200
    assert len(set(first.tolist())) > 20
    assert bool((spindle == 1).all())
    again = draw_view(spindle, ("time",), np.random.default_rng(0))
    assert torch.equal(view, again)


def test_what_is_left_out_of_a_view_is_blank() -> None:
    spindle = torch.ones(5, 3, 400, 2)
    blank = torch.arange(6.0).reshape(3, 1, 2) + 7
    view = draw_view(spindle, ("time",), np.random.default_rng(0), blank)
    plain = draw_view(spindle, ("time",), np.random.default_rng(0))
    assert torch.equal(view, torch.where(plain == 0, blank.expand_as(view), plain))


def test_views_of_muscles_and_noise() -> None:
    rng = np.random.default_rng(0)
    spindle = torch.from_numpy(rng.normal(size=(200, 39, 400, 2)).astype(np.float32))
    view = draw_view(spindle, ("muscle",), rng)
    dead = (view == 0).flatten(2).all(dim=2).sum(dim=1)
    assert (int(dead.min()), int(dead.max())) == (0, 18)
    noisy = draw_view(spindle[:40], ("noise",), rng) - spindle[:40]
    factor = noisy.std(dim=2) / spindle[:40].std(dim=2)
    touched = factor[factor > 0]
    assert float(touched.min()) > 0.08
    assert float(touched.max()) < 0.45
    numbers = (factor[..., 0] > 0).sum(dim=1)
    assert int(numbers.max()) <= 18
