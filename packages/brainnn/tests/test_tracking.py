"""The task outside reinforcement learning: its trials, and that a wiring learns it."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from brainnn.connectome.surrogate import surrogate
from brainnn.networks.controls import MLPCore
from brainnn.networks.rnn import ConnectomeRNN
from brainnn.networks.roles import choose_roles
from brainnn.networks.tracking import TrackingTask, draw_trials, tracking_scores, train_tracking
from brainnn.networks.wiring import Wiring
from neuro_common.training import Point


def network(seed: int = 0) -> ConnectomeRNN:
    connectome = surrogate(0)
    return ConnectomeRNN(Wiring.of(connectome), choose_roles(connectome), 1, 1, seed=seed)


def test_the_signal_is_noise_of_variance_one_with_a_correlation_time() -> None:
    task = TrackingTask(duration_s=20.0, correlation_s=0.2)
    trials = draw_trials(task, np.random.default_rng(0), 60)
    assert trials.signal.shape == trials.target.shape == (60, 1000, 1)
    signal = trials.signal[:, 100:, 0].astype(float)
    assert signal.var() == pytest.approx(1, rel=0.05)
    lagged = (signal[:, 10:] * signal[:, :-10]).mean()
    assert lagged == pytest.approx(np.exp(-1), abs=0.05)


def test_targets_are_the_filter_and_the_integral() -> None:
    follow = draw_trials(TrackingTask(filter_s=0.3), np.random.default_rng(1), 2)
    kept, y = np.exp(-0.02 / 0.3), np.zeros(2)
    for step in range(100):
        y = kept * y + (1 - kept) * follow.signal[:, step, 0]
        np.testing.assert_allclose(follow.target[:, step, 0], y, rtol=1e-4, atol=1e-6)
    angle = draw_trials(TrackingTask("integrate", gain_per_s=3.0), np.random.default_rng(1), 2)
    np.testing.assert_array_equal(angle.signal, follow.signal)
    np.testing.assert_allclose(
        np.diff(angle.target, axis=1), 0.06 * angle.signal[:, 1:], rtol=1e-3, atol=1e-5
    )


def test_a_wiring_learns_to_follow(tmp_path: Path) -> None:
    core, points, updates = network(), [], []
    task = TrackingTask(duration_s=1.0)

    def report(point: Point) -> None:
        points.append(point.scores["explained_variance"])

    fit = train_tracking(
        core,
        task,
        tmp_path,
        seed=1,
        updates=40,
        report=report,
        advance=lambda update, loss: updates.append(update),
    )
    # first weights, and with them the first score, depend a little on the processor
    assert points[0] < 0.5
    assert points[-1] > 0.65
    assert sum(updates) == fit.updates == 40
    assert tracking_scores(core, task)["loss"] == pytest.approx(fit.best.scores["loss"])


def test_scores_of_a_network_that_says_nothing() -> None:
    core = MLPCore(1, 1, hidden=(2, 2), seed=0)
    for one in core.parameters():
        one.data.zero_()
    scores = tracking_scores(core, TrackingTask())
    assert scores["explained_variance"] == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"kind": "chase"}, r"kind must be one of \['follow', 'integrate'\], got 'chase'"),
        ({"filter_s": 0.0}, "filter_s must be above 0 and finite, got 0.0"),
        ({"discard_s": 3.0}, "discard_s must be at least 0 and below duration_s, got 3.0 and 2.0"),
    ],
)
def test_tasks_that_cannot_be(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        TrackingTask(**options)


def test_a_network_of_another_shape(tmp_path: Path) -> None:
    core = MLPCore(3, 1, hidden=(2, 2), seed=0)
    with pytest.raises(ValueError, match="must have one channel and one action, got 3 and 1"):
        train_tracking(core, TrackingTask(), tmp_path, seed=0)
