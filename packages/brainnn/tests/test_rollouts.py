"""Closed-loop runs and their scores, against hand cases and the environments themselves."""

from typing import Any

import gymnasium
import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from brainnn.bodies.biped import BipedImitationEnv
from brainnn.bodies.clip import reference_clip
from brainnn.bodies.planar_biped import PlanarBiped
from brainnn.bodies.stances import Standing, no_action
from brainnn.learning.evaluation import SCORES, evaluate, score, summarise
from brainnn.learning.rollouts import NetworkController, Rollouts, roll_out
from brainnn.networks.core import Core


class Steps(Core):
    """Says how many steps it has seen, a tenth each, from its own start."""

    def __init__(self) -> None:
        super().__init__(1, 1, 1)
        self.size = torch.nn.Parameter(torch.tensor(0.1))

    def forward(self, observations: Tensor, state: Tensor | None = None) -> tuple[Tensor, Tensor]:
        state = self.checked(observations, state) + 1
        return self.size * state[:, None], state


class Sum(gymnasium.Env[NDArray[np.float32], NDArray[np.float32]]):
    """Adds up actions; ends by itself at 1, and is cut off after as many steps as its seed."""

    action_space = gymnasium.spaces.Box(-1, 1, (1,), np.float32)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[NDArray[np.float32], dict[str, Any]]:
        assert seed is not None
        self.left, self.total = seed, np.zeros(1, np.float32)
        return self.total.copy(), {}

    def step(
        self, action: NDArray[np.float32]
    ) -> tuple[NDArray[np.float32], float, bool, bool, dict[str, Any]]:
        self.total += action
        self.left -= 1
        info = {"left": self.left, "end": "some words"}
        over = bool(self.total[0] > 0.99)
        return self.total.copy(), float(action[0]), over, self.left == 0, info


def test_episodes_run_side_by_side_and_end_for_themselves() -> None:
    controller = NetworkController(Steps())
    for _ in range(2):  # the second time it begins anew
        found = roll_out(controller, Sum, seeds=[2, 9, 7], steps=3)
        assert found.lengths.tolist() == [2, 3, 3]
        np.testing.assert_allclose(found.rewards[0], [0.1, 0.2, np.nan])
        np.testing.assert_allclose(found.rewards[1], [0.1, 0.2, 0.3], rtol=1e-6)
        np.testing.assert_allclose(found.observations[1, :, 0], [0, 0.1, 0.3, 0.6], rtol=1e-6)
        np.testing.assert_allclose(found.actions[0, :, 0], [0.1, 0.2, np.nan])
        assert not found.terminated.any()
    assert found.infos.keys() == {"left"}
    np.testing.assert_array_equal(found.infos["left"], [[1, 0, np.nan], [8, 7, 6], [6, 5, 4]])
    found = roll_out(controller, Sum, seeds=[2, 9], steps=6)
    assert found.lengths.tolist() == [2, 4]
    assert found.terminated.tolist() == [False, True]


def test_a_network_is_clipped_or_squashed() -> None:
    core = Steps()
    core.size.data.fill_(3.0)
    seen = np.zeros((2, 1), np.float32)
    assert NetworkController(core)(seen, 0).tolist() == [[1], [1]]
    assert NetworkController(core, squash=True)(seen, 0)[0, 0] == pytest.approx(np.tanh(3))


@pytest.mark.parametrize(("seeds", "steps"), [([], 5), ([1], 0)])
def test_seeds_and_steps_are_needed(seeds: list[int], steps: int) -> None:
    with pytest.raises(ValueError, match=f"got {len(seeds)} seeds and {steps} steps"):
        roll_out(NetworkController(Steps()), Sum, seeds, steps)


def test_scores_are_those_of_the_environment() -> None:
    clip = reference_clip()
    found = evaluate(Standing.of(clip), BipedImitationEnv, [3, 4], steps=250, reference=clip)
    env = BipedImitationEnv()
    observation, _ = env.reset(seed=4)
    native, shaped, speeds, over = 0.0, 0.0, [], False
    while not over and len(speeds) < 250:
        action = Standing.of(clip)(observation, len(speeds))
        observation, reward, over, _, info = env.step(action)
        native, shaped = native + float(info["native"]), shaped + reward
        speeds.append(observation[2])
    assert list(found) == ["seed", *SCORES]
    assert found["seed"].tolist() == [3, 4]
    assert found["native_return"][1] == pytest.approx(native)
    assert found["shaped_return"][1] == pytest.approx(shaped)
    assert found["speed"][1] == pytest.approx(np.mean(speeds, dtype=float), abs=1e-7)
    np.testing.assert_allclose(found["speed_m_s"], found["speed"] / 0.12)
    assert found["fell"][1] == over
    assert found["steps"][1] == len(speeds)


def test_the_reference_on_its_own_terrain_is_like_itself() -> None:
    clip = reference_clip()
    seen = np.full((2, clip.steps + 1, 24), np.nan, np.float32)
    seen[0], seen[1, :81] = clip.states, clip.states[:81]
    lengths = np.array([clip.steps, 80])
    rewards = np.full((2, clip.steps), np.nan)
    rewards[0], rewards[1, :80] = 1.0, 1.0
    rewards[1, 79] = -100
    walks = Rollouts(
        np.array([1, 2]), seen, np.zeros((2, clip.steps, 4), np.float32), rewards, {}, lengths,
        np.array([False, True]),
    )  # fmt: skip
    found = score(walks, clip)
    for joint in ("hip_1", "knee_1", "hip_2", "knee_2"):
        assert found[joint][0] == pytest.approx(1, abs=1e-6)
    assert found["speed"][0] == pytest.approx(clip.states[1:, 2].mean(dtype=float))
    assert found["fell"].tolist() == [0, 1]
    assert found["native_return"].tolist() == [clip.steps, 79 - 100]
    # a walk that is too short has no gait
    assert np.isnan([found[name][1] for name in ("stride_hz", "hip_1", "knee_2")]).all()
    assert np.isnan(found["shaped_return"]).all()
    assert np.isnan(score(walks)["hip_1"]).all()


def test_a_fall_in_the_native_environment_is_seen() -> None:
    found = evaluate(no_action, PlanarBiped, [0, 1], steps=300)
    imitating = evaluate(no_action, BipedImitationEnv, [0, 1], steps=300)
    assert found["fell"].tolist() == [1, 1]
    for name in ("steps", "fell", "native_return"):
        np.testing.assert_allclose(found[name], imitating[name])
    assert np.isnan(found["shaped_return"]).all()


def test_means_have_intervals() -> None:
    scores = {name: np.array([1.0, 3.0, np.nan]) for name in SCORES}
    scores["hip_1"] = np.full(3, np.nan)
    scores["knee_1"] = np.array([np.nan, 2.0, np.nan])
    found = summarise(scores)
    assert found["speed"] == (2.0, 1.0, 3.0)
    assert np.isnan(found["hip_1"]).all()
    assert found["knee_1"].mean == 2.0
    assert np.isnan(found["knee_1"].low)
