"""Teaching oneself: the loop, its curriculum, and a resume that changes nothing."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from brainnn.learning.reinforce import Stage, reinforce
from brainnn.learning.settings import PPO
from brainnn.networks.core import Core
from neuro_common.checkpoint import load_checkpoint, save_checkpoint
from neuro_common.files import FormatError


class Leaky(Core):
    """Four leaky units."""

    def __init__(self, seed: int = 0) -> None:
        super().__init__(2, 1, 4)
        draw = torch.Generator().manual_seed(seed)
        self.input = torch.nn.Parameter(torch.randn(4, 2, generator=draw))
        self.readout = torch.nn.Parameter(0.1 * torch.randn(1, 4, generator=draw))

    def forward(self, observations: Tensor, state: Tensor | None = None) -> tuple[Tensor, Tensor]:
        state = self.checked(observations, state)
        outputs = []
        for observation in observations.unbind(1):
            state = 0.5 * state + torch.tanh(observation @ self.input.T)
            outputs.append(state @ self.readout.T)
        return torch.stack(outputs, 1), state


class Target(gymnasium.Env[NDArray[np.float32], NDArray[np.float32]]):
    """Pays for actions near a number that is shown; the episodes' ends are drawn."""

    observation_space = gymnasium.spaces.Box(-9, 9, (2,), np.float32)
    action_space = gymnasium.spaces.Box(-1, 1, (1,), np.float32)

    def __init__(self, stage: Stage) -> None:
        self.stage, self.count = stage, 0

    def _seen(self) -> NDArray[np.float32]:
        self.target = float(self.np_random.choice([-0.6, 0.6]))
        return np.array([self.target, 1], np.float32)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[NDArray[np.float32], dict[str, Any]]:
        super().reset(seed=seed)
        self.count = 0
        return self._seen(), {}

    def step(
        self, action: NDArray[np.float32]
    ) -> tuple[NDArray[np.float32], float, bool, bool, dict[str, Any]]:
        reward = 1 - abs(float(action[0]) - self.target)
        self.count += 1
        fell = bool(self.np_random.random() < 0.05)
        late = not fell and self.count == self.stage.episode_steps
        return self._seen(), reward, fell, late, {}


SMALL = PPO(
    num_envs=4, rollout_steps=16, segment_steps=8, batch_steps=32, epochs=3, critic_hidden=[8],
    checkpoint_steps=128,
)  # fmt: skip
STAGES = (Stage(400, episode_steps=10), Stage(300, imitation=0.0, episode_steps=20))
Row = Callable[[int, Any], None]


def learn(
    directory: Path, core: Leaky, report: Row = lambda step, row: None, **changed: Any
) -> dict[str, NDArray[np.float64]]:
    told: dict[str, Any] = {"stages": STAGES, "settings": SMALL, "seed": 5, **changed}
    return reinforce(
        core, Target, told["stages"], told["settings"], directory, seed=told["seed"], report=report
    )


def test_it_learns(tmp_path: Path) -> None:
    core = Leaky()
    settings = PPO(
        num_envs=8, rollout_steps=32, segment_steps=8, batch_steps=128, learning_rate=1e-2,
        gamma=0.5, first_std=0.3, target_kl=None, critic_hidden=[8],
    )  # fmt: skip
    stages = [Stage(8_000, episode_steps=20)]
    curve = learn(tmp_path, core, stages=stages, settings=settings)
    # standing at 0 earns 0.4
    assert curve["reward"][0] < 0.5
    assert curve["reward"][-3:].mean() > 0.7
    assert curve["step"].tolist() == [256 * count for count in range(1, 33)]
    # episodes end with probability .05 a step, and by time after 20
    expected = (1 - 0.95**20) / 0.05
    assert curve["episode_steps"].mean() == pytest.approx(expected, rel=0.1)
    assert curve["ends"].mean() == pytest.approx(1 - 0.95**20, abs=0.1)


def test_a_training_that_was_killed_ends_as_one_that_was_not(tmp_path: Path) -> None:
    whole = Leaky()
    expected = learn(tmp_path / "whole", whole)

    class KilledError(Exception):
        pass

    def die_at(deadline: int) -> Row:
        def report(step: int, row: Any) -> None:
            if step >= deadline:
                raise KilledError

        return report

    for deadline in (192, 576):
        with pytest.raises(KilledError):
            learn(
                tmp_path / "killed", Leaky(seed=9) if deadline > 192 else Leaky(), die_at(deadline)
            )
        torch.manual_seed(0)
    resumed, steps = Leaky(seed=9), []
    found = learn(tmp_path / "killed", resumed, lambda step, row: steps.append(step))
    assert steps[0] > 512
    for name, values in expected.items():
        if name != "fps":
            np.testing.assert_array_equal(found[name], values, err_msg=name)
    for one, two in zip(whole.parameters(), resumed.parameters(), strict=True):
        assert torch.equal(one, two)


def test_the_same_seed_is_the_same_training_and_another_another(tmp_path: Path) -> None:
    rewards = [
        learn(tmp_path / str(number), Leaky(), seed=seed)["reward"]
        for number, seed in enumerate((1, 1, 2))
    ]
    assert np.array_equal(rewards[0], rewards[1])
    assert not np.array_equal(rewards[0], rewards[2])


def test_a_finished_training_is_not_begun_again(tmp_path: Path) -> None:
    first = learn(tmp_path, Leaky())
    core, steps = Leaky(seed=3), []
    again = learn(tmp_path, core, lambda step, row: steps.append(step))
    assert steps == []
    assert np.array_equal(first["reward"], again["reward"])


def test_stages_follow_one_another(tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []

    class Watched(Target):
        def reset(self, **told: Any) -> tuple[NDArray[np.float32], dict[str, Any]]:
            seen.append((self.stage.episode_steps, told.get("seed") or 0))
            return super().reset(**told)

    settings = PPO(**{**vars(SMALL), "checkpoint_steps": 10**6})
    reinforce(Leaky(), Watched, STAGES, settings, tmp_path, seed=0)
    stages = [stage for stage, _ in seen]
    assert stages == sorted(stages)
    assert {*stages} == {10, 20}
    # a seed for each environment, at the start and where the second stage begins
    seeds = [seed for _, seed in seen if seed]
    assert len({*seeds}) == len(seeds)
    assert sum(seed > 0 for stage, seed in seen if stage == 20) == 4
    assert min(seeds) >= 2**16


def test_the_actor_is_held_while_the_critic_warms_up(tmp_path: Path) -> None:
    core = Leaky()
    before = [part.clone() for part in core.parameters()]
    held = PPO(**{**vars(SMALL), "critic_steps": 10_000})
    curve = learn(tmp_path, core, settings=held)
    assert all(torch.equal(a, b) for a, b in zip(before, core.parameters(), strict=True))
    assert curve["std"][-1] == pytest.approx(held.first_std)
    assert curve["value_loss"][-1] < curve["value_loss"][0]


def test_what_was_frozen_stays_so(tmp_path: Path) -> None:
    core = Leaky()
    core.input.requires_grad_(False)
    before = core.input.clone()
    learn(tmp_path, core)
    assert torch.equal(core.input, before)


def test_the_rate_falls_in_a_straight_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rates: list[float] = []
    step = torch.optim.Adam.step

    def watched(optimiser: torch.optim.Adam, *told: Any, **more: Any) -> Any:
        rates.append(optimiser.param_groups[0]["lr"])
        return step(optimiser, *told, **more)

    monkeypatch.setattr(torch.optim.Adam, "step", watched)
    falling = PPO(**{**vars(SMALL), "learning_rate": 1e-2, "last_learning_rate": 1e-3})
    learn(tmp_path, Leaky(), stages=[Stage(640)], settings=falling)
    # ten rollouts of 64 steps, each learnt from once it is over
    assert [*dict.fromkeys(rates)] == pytest.approx(np.linspace(9.1e-3, 1e-3, 10))


def test_a_foreign_or_unfitting_checkpoint_is_refused(tmp_path: Path) -> None:
    learn(tmp_path, Leaky())
    with pytest.raises(FormatError, match="does not fit this training"):
        learn(tmp_path, Leaky(), settings=PPO(**{**vars(SMALL), "critic_hidden": [9]}))
    place = next((tmp_path / "checkpoints").iterdir())
    tensors, _ = load_checkpoint(place)
    save_checkpoint(place, tensors, {"kind": "something"})
    with pytest.raises(FormatError, match="a brainnn reinforcement training, got 'something'"):
        learn(tmp_path, Leaky())


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"num_envs": 0}, "num_envs must be at least 1, got 0"),
        ({"checkpoint_steps": 0}, "checkpoint_steps must be at least 1, got 0"),
        ({"gamma": 1.5}, r"gamma must be in \[0, 1\], got 1.5"),
        ({"gamma": 1.0}, "gamma must be below 1"),
        ({"first_std": 0.0}, "first_std must be above 0, got 0.0"),
    ],
)
def test_settings_out_of_range_are_refused(changed: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        PPO(**changed)


def test_stages_out_of_range_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="must be at least 1, got 0 and 300"):
        Stage(0)
    with pytest.raises(ValueError, match=r"imitation must be in \[0, 1\], got 2"):
        Stage(1, imitation=2)
    with pytest.raises(ValueError, match="stages must be at least one, got none"):
        learn(tmp_path, Leaky(), stages=())
