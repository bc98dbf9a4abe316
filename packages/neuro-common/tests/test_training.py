"""Training by Lightning: the numbers of a plain loop, exact resume, the guard, the messages."""

import math
import os
import signal
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from torch import Tensor

from neuro_common.files import FormatError
from neuro_common.training import Fit, Plan, Point, fit, fit_together


def _line(seed: int = 0) -> torch.nn.Linear:
    line = torch.nn.Linear(3, 1)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in line.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator))
    return line


def _data(key: int) -> tuple[Tensor, Tensor]:
    x = torch.randn(8, 3, generator=torch.Generator().manual_seed(key))
    return x, x.sum(dim=1, keepdim=True)


def _loss_of(module: torch.nn.Module) -> Callable[[int], Tensor]:
    def loss(update: int) -> Tensor:
        x, y = _data(update)
        return ((module(x) - y) ** 2).mean()

    return loss


def _validation_of(module: torch.nn.Module) -> Callable[[], Mapping[str, float]]:
    return lambda: {"loss": float(_loss_of(module)(10_000).detach())}


def _fit(
    folder: Path,
    module: torch.nn.Module,
    *,
    plan: Plan,
    loss: Callable[[int], Tensor] | None = None,
    report: Callable[[Point], None] = lambda point: None,
    rate: float = 0.05,
) -> Fit:
    return fit(
        module,
        torch.optim.Adam(module.parameters(), lr=rate),
        loss=loss or _loss_of(module),
        validate=_validation_of(module),
        plan=plan,
        directory=folder,
        report=report,
    )


def test_gives_the_numbers_of_a_plain_loop(tmp_path: Path) -> None:
    module, plain = _line(), _line()
    points: list[Point] = []
    found = _fit(tmp_path, module, plan=Plan(40, 10, clip_norm=0.5), report=points.append)
    optimizer = torch.optim.Adam(plain.parameters(), lr=0.05)
    expected = [_validation_of(plain)()["loss"]]
    for update in range(40):
        optimizer.zero_grad()
        _loss_of(plain)(update).backward()
        torch.nn.utils.clip_grad_norm_(plain.parameters(), 0.5)
        optimizer.step()
        if update % 10 == 9:
            expected.append(_validation_of(plain)()["loss"])
    assert [point.scores["loss"] for point in points] == expected
    assert [point.update for point in points] == [0, 10, 20, 30, 40]
    assert torch.equal(module.weight, plain.weight)
    assert (found.reason, found.updates, found.best) == ("updates", 40, points[-1])


def test_ends_with_the_best_weights_and_stops_when_they_are_good(tmp_path: Path) -> None:
    module = _line()
    found = _fit(tmp_path / "stop", module, plan=Plan(1000, 5, stop_loss=0.1))
    assert (found.reason, found.updates) == ("stop_loss", found.best.update)
    assert found.updates < 200
    assert _validation_of(module)()["loss"] == found.best.scores["loss"] <= 0.1
    # a rate too high to settle: the last is not the best
    wild = _line()
    points: list[Point] = []
    found = _fit(tmp_path / "wild", wild, plan=Plan(100, 5), rate=0.9, report=points.append)
    assert found.best.update < 100
    assert _validation_of(wild)()["loss"] == found.best.scores["loss"]
    assert found.best.scores["loss"] == min(point.scores["loss"] for point in points)


@pytest.mark.parametrize("killed_at", [3, 10, 27])
def test_taken_up_again_it_gives_the_same_bits(tmp_path: Path, killed_at: int) -> None:
    whole, cut, again = _line(), _line(), _line(seed=1)
    plan = Plan(40, 10)
    expected: list[Point] = []
    _fit(tmp_path / "whole", whole, plan=plan, report=expected.append)

    class Killed(BaseException):
        pass

    def until(update: int) -> Tensor:
        if update == killed_at:
            raise Killed
        return _loss_of(cut)(update)

    points: list[Point] = []
    with pytest.raises(Killed):
        _fit(tmp_path / "cut", cut, plan=plan, loss=until, report=points.append)
    later: list[Point] = []
    if killed_at < 10:
        again = _line()
    found = _fit(tmp_path / "cut", again, plan=plan, report=later.append)
    assert torch.equal(again.weight, whole.weight)
    assert found.updates == 40
    # the first point has no losses, and NaN is unequal to itself
    assert (points[1:] + later)[-4:] == expected[1:]
    # a training that is done is not done again
    assert _fit(tmp_path / "cut", _line(), plan=plan) == found


def test_a_spike_is_taken_back_and_slows_the_rate(tmp_path: Path) -> None:
    module = _line()

    def loss(update: int) -> Tensor:
        return _loss_of(module)(update) * (1e6 if update == 12 else 1.0)

    points: list[Point] = []
    _fit(tmp_path, module, plan=Plan(30, 10), loss=loss, report=points.append)
    assert [point.refused for point in points] == [0, 0, 1, 1]
    assert [point.learning_rate for point in points] == [0.05, 0.05, 0.025, 0.025]
    assert points[2].largest_loss > 1e4
    # updates 10 and 11 were taken back with it
    plain = _line()
    optimizer = torch.optim.Adam(plain.parameters(), lr=0.05)
    for update in [*range(10), *range(13, 20)]:
        optimizer.param_groups[0]["lr"] = 0.05 if update < 10 else 0.025
        optimizer.zero_grad()
        _loss_of(plain)(update).backward()
        torch.nn.utils.clip_grad_norm_(plain.parameters(), 1.0)
        optimizer.step()
    assert points[2].scores["loss"] == _validation_of(plain)()["loss"]


def test_learning_rates_follow_the_plan(tmp_path: Path) -> None:
    module, plain = _line(), _line()
    points: list[Point] = []
    plan = Plan(20, 5, rate=lambda update: 0.1 if update >= 12 else 1.0)
    _fit(tmp_path, module, plan=plan, report=points.append)
    assert [point.learning_rate for point in points] == pytest.approx([0.05] * 3 + [0.005] * 2)
    optimizer = torch.optim.Adam(plain.parameters(), lr=0.05)
    for update in range(20):
        optimizer.param_groups[0]["lr"] = 0.05 * plan.rate(update)
        optimizer.zero_grad()
        _loss_of(plain)(update).backward()
        torch.nn.utils.clip_grad_norm_(plain.parameters(), 1.0)
        optimizer.step()
    assert torch.equal(module.weight, plain.weight)


def test_a_loss_that_is_no_number_is_refused(tmp_path: Path) -> None:
    module = _line()

    def loss(update: int) -> Tensor:
        return _loss_of(module)(update) * (math.nan if update == 3 else 1.0)

    points: list[Point] = []
    found = _fit(tmp_path, module, plan=Plan(20, 10), loss=loss, report=points.append)
    assert math.isnan(points[1].largest_loss)
    assert points[1].refused == 1
    assert found.best.scores["loss"] < points[0].scores["loss"]
    assert bool(module.weight.isfinite().all())


def test_an_interrupt_comes_out_as_one_and_ctrl_c_still_works(tmp_path: Path) -> None:
    module = _line()

    def loss(update: int) -> Tensor:
        if update == 15:
            os.kill(os.getpid(), signal.SIGINT)
        return _loss_of(module)(update)

    # a process in the background may have been started with Ctrl-C ignored
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            _fit(tmp_path, module, plan=Plan(30, 10), loss=loss)
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    finally:
        signal.signal(signal.SIGINT, before)
    assert (tmp_path / "checkpoints" / "last.ckpt").is_file()


def test_a_damaged_or_foreign_checkpoint_is_refused(tmp_path: Path) -> None:
    _fit(tmp_path, _line(), plan=Plan(10, 10))
    path = tmp_path / "checkpoints" / "last.ckpt"
    with pytest.raises(
        FormatError, match=r"must be a checkpoint of this training.*\s.*size mismatch"
    ):
        _fit(tmp_path, torch.nn.Linear(4, 1), plan=Plan(10, 10))
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(FormatError, match=r"must be a checkpoint of this training"):
        _fit(tmp_path, _line(), plan=Plan(10, 10))
    assert path.read_bytes() == whole[: len(whole) // 2]


def test_an_untrained_module_without_a_finite_loss_is_refused(tmp_path: Path) -> None:
    module = _line()
    module.weight.data.fill_(math.inf)
    with pytest.raises(
        FloatingPointError, match=r"the untrained loss must be finite, got (nan|inf)"
    ):
        _fit(tmp_path, module, plan=Plan(10, 10))


def test_what_a_plan_refuses() -> None:
    with pytest.raises(ValueError, match="updates must be at least 1, got 0"):
        Plan(0)
    with pytest.raises(ValueError, match="validate_every must be at least 1, got 0"):
        Plan(1, 0)
    with pytest.raises(ValueError, match=r"spike above 1, got 1\.0 and 1"):
        Plan(1, spike=1)


def test_it_writes_what_tensorboard_reads(tmp_path: Path) -> None:
    _fit(tmp_path, _line(), plan=Plan(20, 10))
    events = EventAccumulator(str(tmp_path / "tensorboard")).Reload()
    assert len(events.Scalars("train/loss")) == 20
    assert [one.step for one in events.Scalars("validation/loss")] == [0, 10, 20]


def _together(
    folder: Path,
    modules: list[torch.nn.Linear],
    plan: Plan,
    spike: tuple[int, int] | None = None,
) -> tuple[list[Fit], list[list[Point]]]:
    """Modules with data of their own; one update of one of them may be a spike."""

    def losses(update: int) -> Tensor:
        factors = [1e6 if (i, update) == spike else 1.0 for i in range(len(modules))]
        pairs = zip(modules, factors, strict=True)
        # of a square the backward pass needs the weights as they were
        return torch.stack([
            factor * (_loss_of(module)(update) + 0 * module.weight.square().sum())
            for module, factor in pairs
        ])  # fmt: skip

    points: list[list[Point]] = [[] for _ in modules]

    def report(last: Sequence[Point]) -> None:
        for one, point in zip(points, last, strict=True):
            if not one or one[-1] is not point:
                one.append(point)

    found = fit_together(
        modules,
        [torch.optim.Adam(module.parameters(), lr=0.05) for module in modules],
        loss=losses,
        validate=lambda: [_validation_of(module)() for module in modules],
        plan=plan,
        directory=folder,
        report=report,
    )
    return found, points


def test_modules_trained_together_are_as_if_alone(tmp_path: Path) -> None:
    plan = Plan(200, 10, stop_loss=0.5)
    modules, alone = [_line(seed) for seed in range(3)], [_line(seed) for seed in range(3)]
    found, points = _together(tmp_path / "together", modules, plan)
    for i, module in enumerate(alone):
        expected: list[Point] = []
        fitted = _fit(tmp_path / str(i), module, plan=plan, report=expected.append)
        assert found[i] == fitted
        assert points[i][1:] == expected[1:]
        assert torch.equal(modules[i].weight, module.weight)
    assert len({fitted.updates for fitted in found}) > 1


def test_a_spike_of_one_is_no_concern_of_the_others(tmp_path: Path) -> None:
    plan = Plan(30, 10)
    calm, stirred = ([_line(seed) for seed in range(2)] for _ in range(2))
    _together(tmp_path / "calm", calm, plan)
    _, points = _together(tmp_path / "stirred", stirred, plan, spike=(1, 12))
    assert torch.equal(calm[0].weight, stirred[0].weight)
    assert not torch.equal(calm[1].weight, stirred[1].weight)
    assert [one[-1].refused for one in points] == [0, 1]


def test_a_checkpoint_of_another_number_of_modules_is_refused(tmp_path: Path) -> None:
    _together(tmp_path, [_line(0), _line(1)], Plan(10, 10))
    with pytest.raises(FormatError, match="must be a checkpoint of this training"):
        _fit(tmp_path, _line(), plan=Plan(20, 10))
    with pytest.raises(ValueError, match="each with an optimiser, got 1 and 0"):
        fit_together(
            [_line()], [], loss=lambda _: torch.zeros(1), validate=list, plan=Plan(1),
            directory=tmp_path,
        )  # fmt: skip
