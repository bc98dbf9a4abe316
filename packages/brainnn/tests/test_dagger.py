"""Learning from a teacher: that it learns, on whose states, and the same twice."""

from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from brainnn.learning.dagger import learn_from
from brainnn.learning.settings import Dagger
from brainnn.learning.stateless import StatelessCore
from brainnn.networks.core import Core
from neuro_common.checkpoint import load_checkpoint, save_checkpoint
from neuro_common.files import FormatError


class Drift(gymnasium.Env[NDArray[np.float32], NDArray[np.float32]]):
    """A point that moves as it is told and is lost beyond 1; episodes of 12 steps."""

    observation_space = gymnasium.spaces.Box(-9, 9, (2,), np.float32)
    action_space = gymnasium.spaces.Box(-1, 1, (1,), np.float32)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[NDArray[np.float32], dict[str, Any]]:
        super().reset(seed=seed)
        self.place, self.count = float(self.np_random.uniform(-0.5, 0.5)), 0
        return self._seen(), {}

    def _seen(self) -> NDArray[np.float32]:
        return np.array([self.place, self.count / 12], np.float32)

    def step(
        self, action: NDArray[np.float32]
    ) -> tuple[NDArray[np.float32], float, bool, bool, dict[str, Any]]:
        self.place += 0.3 * float(action[0])
        self.count += 1
        lost = abs(self.place) > 1
        return self._seen(), 1 - abs(self.place), lost, not lost and self.count == 12, {}


def homing(observations: NDArray[np.float32]) -> NDArray[np.float32]:
    """A teacher that goes to the middle."""
    return np.clip(-2 * observations[:, :1], -1, 1)


def student(seed: int = 0) -> StatelessCore:
    return StatelessCore(2, 1, (8,), torch.Generator().manual_seed(seed))


SMALL = Dagger(
    rounds=8,
    teacher_rounds=2,
    num_envs=4,
    segment_steps=20,
    updates=15,
    batch=16,
    learning_rate=1e-2,
)


def test_it_learns_what_the_teacher_does() -> None:
    core, rows = student(), []
    curve = learn_from(
        homing, core, Drift, SMALL, seed=1, report=lambda steps, row: rows.append((steps, row))
    )
    assert curve["loss"][-1] < 0.05 * curve["loss"][0]
    np.testing.assert_array_equal(curve["labelled_steps"], 80 * np.arange(1, 9))
    assert [steps for steps, _ in rows] == curve["labelled_steps"].tolist()
    assert rows[3][1]["reward"] == curve["reward"][3]
    # the student drives now, and is not lost
    assert curve["ends"][-1] == 0
    assert curve["reward"][-1] > 0.8


def test_the_same_seed_gives_the_same_student_and_another_one_another() -> None:
    def weights(seed: int) -> list[NDArray[np.float32]]:
        core = student()
        learn_from(homing, core, Drift, SMALL, seed=seed)
        return [part.detach().numpy() for part in core.parameters()]

    first, again, other = weights(3), weights(3), weights(4)
    assert all(np.array_equal(one, two) for one, two in zip(first, again, strict=True))
    assert not np.array_equal(first[0], other[0])


class KilledError(Exception):
    pass


def test_a_training_that_was_killed_ends_as_one_that_was_not(tmp_path: Path) -> None:
    settings = Dagger(**{**vars(SMALL), "checkpoint_rounds": 3})
    whole = student()
    expected = learn_from(homing, whole, Drift, settings, seed=5)

    def die_at(deadline: int) -> Any:
        def report(steps: int, row: Any) -> None:
            if steps >= deadline:
                raise KilledError

        return report

    # before the first checkpoint, between two, and after the last but one
    for deadline in (160, 320, 640):
        with pytest.raises(KilledError):
            learn_from(
                homing, student(9) if deadline > 320 else student(), Drift, settings, seed=5,
                directory=tmp_path, report=die_at(deadline),
            )  # fmt: skip
        torch.manual_seed(deadline)
    resumed, steps = student(9), []
    found = learn_from(
        homing, resumed, Drift, settings, seed=5, directory=tmp_path,
        report=lambda labelled, row: steps.append(labelled),
    )  # fmt: skip
    assert steps == [560, 640]
    assert [*found] == [*expected]
    for name, values in expected.items():
        np.testing.assert_array_equal(found[name], values, err_msg=name)
    for one, two in zip(whole.parameters(), resumed.parameters(), strict=True):
        assert torch.equal(one, two)
    # one checkpoint is there, and a finished training is not begun again
    assert [path.name for path in (tmp_path / "checkpoints").iterdir()] == ["round_000008"]
    again = student(7)
    learn_from(homing, again, Drift, settings, seed=5, directory=tmp_path, report=die_at(0))
    assert all(map(torch.equal, again.parameters(), whole.parameters()))


def test_a_segment_that_goes_on_is_kept_with_its_state(tmp_path: Path) -> None:
    """States, starts of episodes and burn-in come back, and the network's own state is fresh."""
    settings = Dagger(
        rounds=4, teacher_rounds=4, num_envs=3, segment_steps=5, burn_in=2, updates=3, batch=30,
        checkpoint_rounds=2, learning_rate=0.1,
    )  # fmt: skip
    whole, cut, resumed = Spy(), Spy(), Spy()
    learn_from(homing, whole, Drift, settings, seed=0)

    def report(labelled: int, row: Any) -> None:
        if labelled == 45:
            raise KilledError

    with pytest.raises(KilledError):
        learn_from(homing, cut, Drift, settings, seed=0, directory=tmp_path, report=report)
    learn_from(homing, resumed, Drift, settings, seed=0, directory=tmp_path)
    assert len(resumed.lessons) == 6
    for (seen, state), (expected, before) in zip(resumed.lessons, whole.lessons[6:], strict=True):
        assert torch.equal(seen, expected)
        assert torch.equal(state, before)
    assert torch.equal(resumed.weight, whole.weight)


def test_a_foreign_or_unfitting_checkpoint_is_refused(tmp_path: Path) -> None:
    learn_from(homing, student(), Drift, SMALL, seed=0, directory=tmp_path)
    larger = StatelessCore(2, 1, (9,), torch.Generator().manual_seed(0))
    with pytest.raises(FormatError, match="does not fit this training"):
        learn_from(homing, larger, Drift, SMALL, seed=0, directory=tmp_path)
    place = next((tmp_path / "checkpoints").iterdir())
    tensors, _ = load_checkpoint(place)
    save_checkpoint(place, tensors, {"kind": "something"})
    with pytest.raises(FormatError, match="a brainnn supervised training, got 'something'"):
        learn_from(homing, student(), Drift, SMALL, seed=0, directory=tmp_path)


def test_the_student_sees_what_follows_from_its_own_actions() -> None:
    """An untaught student that runs away sees places where its teacher never is."""

    class Runaway(StatelessCore):
        def forward(self, observations: Tensor, state: Tensor | None = None) -> Any:
            outputs, state = super().forward(observations, state)
            return outputs * 0 + 1.0, state

    def furthest(teacher_rounds: int) -> float:
        places: list[float] = []

        def teacher(observations: NDArray[np.float32]) -> NDArray[np.float32]:
            places.append(float(observations[:, 0].max()))
            return homing(observations)

        settings = Dagger(
            rounds=3, teacher_rounds=teacher_rounds, num_envs=4, segment_steps=20, updates=1,
            batch=2, teacher_noise=0.0,
        )  # fmt: skip
        core = Runaway(2, 1, (4,), torch.Generator().manual_seed(0))
        learn_from(teacher, core, Drift, settings, seed=0)
        return max(places)

    assert furthest(teacher_rounds=3) <= 0.5
    assert furthest(teacher_rounds=1) > 0.7


class Spy(Core):
    """Its state counts its steps, from 100; it keeps what it was trained on."""

    def __init__(self) -> None:
        super().__init__(2, 1, 1)
        self.weight = torch.nn.Parameter(torch.zeros(1))
        self.lessons: list[tuple[Tensor, Tensor]] = []

    def initial_state(self, batch: int) -> Tensor:
        return torch.full((batch, 1), 100.0)

    def forward(self, observations: Tensor, state: Tensor | None = None) -> tuple[Tensor, Tensor]:
        state = self.checked(observations, state)
        if torch.is_grad_enabled():
            self.lessons.append((observations, state))
        return self.weight * observations[..., :1], state + observations.shape[1]


def test_a_segment_goes_on_from_the_state_that_the_student_had_there() -> None:
    core = Spy()
    settings = Dagger(rounds=3, teacher_rounds=3, num_envs=3, segment_steps=5, updates=2, batch=30)
    learn_from(homing, core, Drift, settings, seed=0)
    first = torch.cat([observations[:, 0, 1] for observations, _ in core.lessons])
    state = torch.cat([state[:, 0] for _, state in core.lessons])
    # the second number of an observation is the step of its episode, a twelfth each
    torch.testing.assert_close(state, 100 + (12 * first).round())
    assert set(state.tolist()) == {100.0, 105.0, 110.0}


@pytest.mark.parametrize(("segment_steps", "counts"), [(12, True), (5, False)])
def test_burn_in_spares_the_start_of_an_episode_only(segment_steps: int, counts: bool) -> None:
    """Segments of 12 steps are whole episodes here, of 5 steps most go on from an older state."""

    def learned(burn_in: int) -> Tensor:
        core = Spy()
        settings = Dagger(
            rounds=2, teacher_rounds=2, num_envs=2, segment_steps=segment_steps, burn_in=burn_in,
            updates=4, batch=8, teacher_noise=0.0, learning_rate=0.1,
        )  # fmt: skip
        learn_from(homing, core, Drift, settings, seed=0)
        return core.weight.detach()

    assert torch.equal(learned(0), learned(3)) == counts


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"rounds": 0}, "rounds must be at least 1, got 0"),
        ({"teacher_rounds": 0}, r"teacher_rounds must be in \[1, rounds=250\], got 0"),
        ({"burn_in": 64}, r"burn_in must be in \[0, segment_steps=64\), got 64"),
        ({"checkpoint_rounds": 0}, "checkpoint_rounds must be at least 1, got 0"),
        ({"recent": 1.5}, r"recent must be in \[0, 1\], got 1.5"),
    ],
)
def test_settings_out_of_range_are_refused(changed: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Dagger(**changed)


class Double(Drift):
    """A body whose observations are float64, as many are."""

    def _seen(self) -> NDArray[Any]:
        return super()._seen().astype(np.float64)


def test_observations_of_float64_teach_the_same() -> None:
    curves = [learn_from(homing, student(), body, SMALL, seed=0) for body in (Drift, Double)]
    assert curves[0]["loss"].tolist() == curves[1]["loss"].tolist()


def test_a_student_may_see_less_than_its_teacher() -> None:
    """It sees the clock alone, or the place alone; only the place tells what to do."""

    def last_loss(*channels: int) -> float:
        core = StatelessCore(1, 1, (8,), torch.Generator().manual_seed(0))
        curve = learn_from(homing, core, Drift, SMALL, seed=0, student_channels=channels)
        return float(curve["loss"][-1])

    assert last_loss(0) == last_loss(-2)
    assert last_loss(0) < 0.02 < last_loss(1)


@pytest.mark.parametrize(
    ("teacher", "channels", "message"),
    [
        (homing, (0,), r"see 2 channels, got 1 of observations of shape \(2,\): give student_chan"),
        (homing, (0, 2), "student_channels must be among the 2 of an observation: index 2 is out"),
        (lambda seen: seen, None, r"the teacher must give actions of shape \(4, 1\), got \(4, 2\)"),
    ],
)
def test_what_does_not_fit_the_student_is_refused(
    teacher: Any, channels: tuple[int, ...] | None, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        learn_from(teacher, student(), Drift, SMALL, seed=0, student_channels=channels)
