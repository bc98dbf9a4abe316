"""A learner whose update is refused leaves the others' update as it is."""

from pathlib import Path

import pytest
import torch

from neuro_common.training import Plan, fit_together


def learnt(directory: Path, starts: list[float], spikes: set[tuple[int, int]]) -> list[float]:
    """Weights after four updates; (learner, update) in spikes have a huge loss."""
    modules = [torch.nn.Linear(1, 1, bias=False) for _ in starts]
    for module, start in zip(modules, starts, strict=True):
        torch.nn.init.constant_(module.weight, start)

    def loss(update: int) -> torch.Tensor:
        # the product keeps the weights themselves for the backward pass
        return torch.stack([
            (module.weight * module.weight).sum() * (1e9 if (i, update) in spikes else 1)
            for i, module in enumerate(modules)
        ])  # fmt: skip

    fit_together(
        modules,
        [torch.optim.SGD(module.parameters(), lr=0.1) for module in modules],
        loss=loss,
        validate=lambda: [{"loss": float(module.weight.detach() ** 2)} for module in modules],
        plan=Plan(4, 2, spike=10.0, clip_norm=100.0),
        directory=directory,
    )
    return [float(module.weight.detach()) for module in modules]


def test_a_refused_update_of_one_leaves_that_of_the_other(tmp_path: Path) -> None:
    together = learnt(tmp_path / "both", [1.0, 2.0], {(1, 1)})
    (first,) = learnt(tmp_path / "first", [1.0], set())
    (second,) = learnt(tmp_path / "second", [2.0], {(0, 1)})
    assert together == pytest.approx([first, second])
    assert first == pytest.approx(0.8**4)
    # one of four refused, the update before it taken back, and half the rate from there
    assert second == pytest.approx(2 * 0.9**2)
