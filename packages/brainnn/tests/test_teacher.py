"""The teacher: the same for both legs, and the same after a reload."""

from pathlib import Path

import numpy as np
import pytest
import torch
from gymnasium import spaces
from stable_baselines3 import PPO

from brainnn.bodies.mirror import mirror_actions, mirror_observations
from brainnn.bodies.planar_biped import PlanarBiped
from brainnn.learning.policies import SymmetricPolicy
from brainnn.learning.teacher import Teacher
from neuro_common.checkpoint import load_checkpoint, save_checkpoint
from neuro_common.files import FormatError


def observations(channels: int, batch: int = 5) -> np.ndarray:
    return np.random.default_rng(0).normal(size=(batch, channels)).astype(np.float32)


@pytest.mark.parametrize("channels", [14, 24])
def test_in_the_mirror_the_legs_change_roles(channels: int) -> None:
    torch.manual_seed(0)
    teacher = Teacher(channels, (16, 8))
    seen = observations(channels)
    actions = teacher.act(seen)
    mirrored = teacher.act(mirror_observations(seen))
    # but for rounding: sums are taken in the order that suits the processor
    np.testing.assert_allclose(mirrored, mirror_actions(actions), rtol=1e-5, atol=1e-6)
    assert np.abs(actions[:, :2] - actions[:, 2:]).max() > 0.01
    assert np.abs(actions).max() < 1


def test_it_does_not_look_beyond_its_own_channels() -> None:
    teacher = Teacher(14, (8,))
    seen = observations(26)
    np.testing.assert_array_equal(teacher.act(seen), teacher.act(seen[:, :14]))
    with pytest.raises(ValueError, match=r"24 channels for this teacher, got shape \(5, 14\)"):
        Teacher(24, (8,)).act(seen[:, :14])


def test_save_and_load(tmp_path: Path) -> None:
    teacher = Teacher(24, (8, 4))
    teacher.save(tmp_path, {"command": "a command"})
    seen = observations(24)
    np.testing.assert_array_equal(Teacher.load(tmp_path).act(seen), teacher.act(seen))
    tensors, manifest = load_checkpoint(tmp_path)
    assert manifest["command"] == "a command"
    save_checkpoint(tmp_path, tensors, {**manifest, "hidden": [8]})
    with pytest.raises(FormatError, match="must hold a whole teacher"):
        Teacher.load(tmp_path)
    save_checkpoint(tmp_path, tensors, {"kind": "x"})
    with pytest.raises(FormatError, match="must hold a teacher, got 'x'"):
        Teacher.load(tmp_path)


def test_a_body_with_other_channels_is_refused() -> None:
    with pytest.raises(ValueError, match="channels must be 14, or 24 with lidar, got 17"):
        Teacher(17)


def policy(channels: int = 14) -> SymmetricPolicy:
    box = spaces.Box(-np.inf, np.inf, (channels,), np.float32)
    return SymmetricPolicy(box, spaces.Box(-1, 1, (4,)), lambda _: 1e-3, hidden=(16, 8))


def test_the_critic_does_not_tell_the_legs_apart() -> None:
    seen, made = observations(14), policy()
    values = made.predict_values(torch.from_numpy(seen))
    mirrored = made.predict_values(torch.from_numpy(mirror_observations(seen)))
    torch.testing.assert_close(mirrored, values)
    assert values.std() > 1e-3


def test_log_probabilities_are_those_of_a_gaussian() -> None:
    made = policy()
    with torch.no_grad():
        made.log_std.copy_(torch.tensor([-1.0, 0.5]))
    seen = torch.from_numpy(observations(14))
    actions, _, log_prob = made(seen)
    spread = torch.tensor([-1.0, 0.5, -1.0, 0.5]).exp()
    expected = torch.distributions.Normal(made.actor(seen), spread).log_prob(actions).sum(1)
    torch.testing.assert_close(log_prob, expected)
    torch.testing.assert_close(made.evaluate_actions(seen, actions)[1], expected)


def test_stable_baselines3_trains_it() -> None:
    torch.set_num_threads(1)
    model = PPO(
        SymmetricPolicy, PlanarBiped(lidar=False), n_steps=64, batch_size=32, n_epochs=1, seed=0,
        policy_kwargs={"hidden": (8,)}, device="cpu",
    )  # fmt: skip
    made = model.policy
    assert isinstance(made, SymmetricPolicy)
    before = [part.clone() for part in made.parameters()]
    model.learn(64)
    assert not any(torch.equal(a, b) for a, b in zip(before, made.parameters(), strict=True))


def test_no_spread_that_depends_on_the_state() -> None:
    box = spaces.Box(-1, 1, (14,))
    with pytest.raises(ValueError, match="use_sde must be False"):
        SymmetricPolicy(box, spaces.Box(-1, 1, (4,)), lambda _: 1e-3, use_sde=True)
