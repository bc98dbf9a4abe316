"""Recorded walks, lesions and disturbances, against cases worked out by hand."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from brainnn.analysis.lesion import changes, groups_of, lesion_groups, lesion_table
from brainnn.analysis.recording import Walk, rates_of, read_walk, write_walk
from brainnn.analysis.rhythm import best_frame, strides_of, walk_tuning
from brainnn.analysis.robustness import NoisyController, disturb, robustness
from brainnn.bodies.clip import Clip
from brainnn.connectome.graph import Connectome
from brainnn.learning.rollouts import NetworkController, Rollouts
from brainnn.networks.lesions import perturb
from brainnn.networks.rnn import ConnectomeRNN
from brainnn.networks.roles import Roles
from brainnn.networks.wiring import Wiring
from neuro_common.files import FormatError
from neuro_common.store import Recording, Signal, write_recording


@pytest.fixture
def core() -> ConnectomeRNN:
    rng = np.random.default_rng(0)
    counts = rng.integers(0, 3, (8, 8)) * (1 - np.eye(8, dtype=int))
    graph = Connectome.of(
        "eight",
        counts,
        types=["A", "A", "B", "B", "C", "M", "M", "M"],
        classes=["interneuron"] * 5 + ["motor"] * 3,
        signs=[1, 1, -1, -1, 1, 1, 1, 1],
    )
    roles = Roles(np.arange(3), np.arange(5, 8))
    return ConnectomeRNN(Wiring.of(graph), roles, 14, 4, seed=0, activation="tanh")


@pytest.fixture
def walk(core: ConnectomeRNN) -> Walk:
    """Two episodes with a stride of ten frames, one of them short."""
    rng = np.random.default_rng(1)
    steps = 160
    observations = rng.normal(size=(2, steps + 1, 14)).astype(np.float32)
    observations[:, :, 8] = np.arange(steps + 1) % 10 < 5
    observations[:, :, 13] = np.arange(steps + 1) % 10 >= 5
    actions = rng.normal(size=(2, steps, 4)).astype(np.float32)
    rewards = rng.normal(size=(2, steps))
    observations[1, 91:], actions[1, 90:], rewards[1, 90:] = np.nan, np.nan, np.nan
    runs = Rollouts(
        np.array([3, 4]), observations, actions, rewards, {"pose": rewards / 2},
        np.array([steps, 90]), np.array([False, True]),
    )  # fmt: skip
    return Walk.of(runs, core, {"network": "eight"})


def test_rates_are_those_that_the_actions_read(core: ConnectomeRNN, walk: Walk) -> None:
    controller = NetworkController(core)
    weight, bias = core.output_weight.detach().numpy(), core.output_bias.detach().numpy()
    assert walk.rates is not None
    for step in range(5):
        acted = controller(walk.rollouts.observations[:, step], step)
        read = walk.rates[:, step, 5:] @ weight.T + bias
        np.testing.assert_allclose(acted, read.clip(-1, 1), atol=1e-6)
    assert np.isnan(walk.rates[1, 90:]).all()
    assert np.isfinite(walk.rates[1, :90]).all()
    with pytest.raises(ValueError, match="noisy network"):
        rates_of(perturb(core, seed=0, state_noise=0.1), walk.rollouts)


def test_a_walk_comes_back_as_it_went(walk: Walk, tmp_path: Path) -> None:
    write_walk(tmp_path / "walk.h5", walk)
    found = read_walk(tmp_path / "walk.h5")
    np.testing.assert_array_equal(found.rates, walk.rates)
    np.testing.assert_array_equal(found.rollouts.observations, walk.rollouts.observations)
    np.testing.assert_array_equal(found.rollouts.infos["pose"], walk.rollouts.infos["pose"])
    assert found.rollouts.terminated.tolist() == [False, True]
    assert found.types == ("A", "A", "B", "B", "C", "M", "M", "M")
    assert found.facts == {"network": "eight"}
    other = Recording({"x": Signal(np.zeros(2), ("x",), "1")})
    write_recording(tmp_path / "other.h5", other)
    with pytest.raises(FormatError, match="must be a walk that `brainnn record` wrote"):
        read_walk(tmp_path / "other.h5")


def test_a_controller_without_neurons_has_no_rates(walk: Walk) -> None:
    found = Walk.of(walk.rollouts, torch.nn.Linear(14, 4))
    assert found.rates is None
    with pytest.raises(ValueError, match="must have rates"):
        walk_tuning(found, [0])


def test_tuning_is_by_the_strides_of_leg_1(walk: Walk) -> None:
    strides = strides_of(walk)
    assert list(strides) == [0]  # the other episode ends before the walk has settled
    assert strides[0].tolist() == [100, 110, 120, 130, 140, 150]
    time = np.arange(160)
    rates = np.cos(2 * np.pi * (time / 10 - 0.3))[None, :, None] * np.ones((2, 1, 8))
    tuning, feet = walk_tuning(replace(walk, rates=rates.astype(np.float32)), [2, 5])
    assert len(tuning.phase) == 9
    np.testing.assert_allclose(tuning.preferred, 0.3, atol=1e-6)
    assert feet.mean[:4].tolist() == [[1, 0]] * 4
    with pytest.raises(ValueError, match="3 whole strides after 150 steps"):
        walk_tuning(walk, [0], settle=150)


def test_a_stretch_is_found_again_in_its_reference() -> None:
    rng = np.random.default_rng(2)
    clip = Clip.of(rng.normal(size=(121, 24)), rng.normal(size=(120, 4)))
    assert best_frame(clip.states[73:103], clip) == 73
    assert best_frame(clip.states, clip) == 0
    with pytest.raises(ValueError, match="121 frames at most"):
        best_frame(np.zeros((122, 14)), clip)


def scores_of(active: float, episodes: int = 4) -> dict[str, np.ndarray]:
    """Scores that tell how many neurons were active."""
    spread = np.linspace(-0.1, 0.1, episodes)
    return {
        "seed": np.arange(episodes, dtype=float),
        "speed": active + spread,
        "stride_hz": np.full(episodes, 2.0),
        "fell": (np.arange(episodes) < 8 - active).astype(float),
    }


def test_a_lesion_is_held_against_as_many_others_of_its_classes(core: ConnectomeRNN) -> None:
    groups = groups_of(core.connectome)
    assert {name: len(one) for name, one in groups.items()} == {"A": 2, "B": 2, "C": 1, "M": 3}
    silenced: list[list[int]] = []

    def score(one: ConnectomeRNN) -> dict[str, np.ndarray]:
        silenced.append(np.flatnonzero(~one.active.numpy()).tolist())
        return scores_of(float(one.active.sum()))

    lesions = lesion_groups(core, groups, score, draws=2)
    assert silenced[0] == []
    assert silenced[1] == [0, 1]
    assert all(len(one) == 2 and {*one} <= {2, 3, 4} for one in silenced[2:4])
    # there are no other motor neurons to draw
    assert [(one.group, one.draw) for one in lesions][-1] == ("M", 0)
    table = lesion_table(lesions)
    assert table["group"] == ["intact", "M", "A", "A", "B", "B", "C", "C"]
    assert table["random"] == [False, False, False, True, False, True, False, True]
    assert table["speed"] == pytest.approx([1, 5 / 8, 0.75, 0.75, 0.75, 0.75, 7 / 8, 7 / 8])
    assert table["upright"][:2] == [1.0, 0.25]
    assert table["stride_hz"] == [1.0] * 8
    assert table["speed_low"][1] < 5 / 8 < table["speed_high"][1]


def test_what_an_episode_lacks_is_left_out() -> None:
    before, after = scores_of(8.0), scores_of(8.0)
    after["stride_hz"][:3] = np.nan
    found = changes(after, before)
    assert found["stride_hz"].mean == 1.0
    assert np.isnan(found["stride_hz"].low)
    after["stride_hz"][:] = np.nan
    assert np.isnan(changes(after, before)["stride_hz"].mean)


def test_noise_has_the_spread_that_was_asked_for() -> None:
    seen: list[np.ndarray] = []

    def controller(observations: np.ndarray, step: int) -> np.ndarray:
        seen.append(observations)
        return np.zeros((len(observations), 4), np.float32)

    noisy = NoisyController(controller, 0.5, 0.1, seed=3)
    actions = noisy(np.ones((5000, 2), np.float32), 7)
    assert seen[0].std() == pytest.approx(0.5, rel=0.05)
    assert actions.std() == pytest.approx(0.1, rel=0.05)
    np.testing.assert_array_equal(actions, noisy(np.ones((5000, 2), np.float32), 7))
    assert not np.array_equal(actions, noisy(np.ones((5000, 2), np.float32), 8))


def test_disturbances_are_scored_level_by_level(core: ConnectomeRNN) -> None:
    lost: list[int] = []

    def act(one: ConnectomeRNN) -> NetworkController:
        lost.append(8 - int(one.active.sum()))
        return NetworkController(one)

    def walk(controller: object, roughness: float) -> dict[str, np.ndarray]:
        return scores_of(8.0 / roughness)

    levels = {"motor_noise": [0.2], "lesions": [0.25, 0.5], "terrain": [2.0]}
    table = robustness(core, act, walk, levels, draws=2)
    assert lost == [0, 0, 2, 2, 4, 4, 0]
    assert table["disturbance"] == ["none", "motor_noise", "lesions", "lesions", "terrain"]
    assert table["level"] == [0.0, 0.2, 0.25, 0.5, 2.0]
    assert table["speed"] == pytest.approx([1.0] * 4 + [0.5])
    assert table["speed_low"][:4] == pytest.approx([1.0] * 4)  # draws that are alike add nothing


def test_wrong_arguments_are_refused(core: ConnectomeRNN) -> None:
    with pytest.raises(ValueError, match="by must be one of type, class, transmitter"):
        groups_of(core.connectome, "colour")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="tells no transmitter"):
        groups_of(core.connectome, "transmitter")
    with pytest.raises(ValueError, match="draws must be at least 0"):
        lesion_groups(core, {}, lambda one: {}, draws=-1)
    with pytest.raises(ValueError, match="kind must be one of sensor_noise"):
        disturb(core, NetworkController, "rain", 0.1, 0)
    with pytest.raises(ValueError, match="a share of lesions below 1, got 1"):
        disturb(core, NetworkController, "lesions", 1.0, 0)
    with pytest.raises(ValueError, match="draws must be at least 1"):
        robustness(core, NetworkController, lambda one, ground: {}, {}, draws=0)
