"""Cloning a recorded walk: what is shown of it, that it is learned, and what is refused."""

from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from brainnn.bodies.biped import BipedImitationEnv
from brainnn.bodies.clip import Clip, reference_clip
from brainnn.connectome.surrogate import surrogate
from brainnn.learning.cloning import clone, reference_lesson
from brainnn.learning.settings import Cloning
from brainnn.networks.core import Core
from brainnn.networks.rnn import ConnectomeRNN
from brainnn.networks.roles import choose_roles
from brainnn.networks.wiring import Wiring


@pytest.mark.parametrize("observation", ["proprioception", "full"])
@pytest.mark.parametrize("phase", [True, False])
@pytest.mark.parametrize("compat", [False, True])
def test_the_lesson_is_what_an_environment_shows(
    observation: Literal["proprioception", "full"], phase: bool, compat: bool
) -> None:
    env = BipedImitationEnv(observation=observation, phase=phase, compat=compat, steps=120)
    seen, done = reference_lesson(env)
    clip = reference_clip()
    assert seen.shape == (clip.steps, *(env.observation_space.shape or ()))
    assert seen.dtype == done.dtype == np.float32
    np.testing.assert_array_equal(done, np.clip(clip.actions, -1, 1))
    for frame in (0, 7, 100):
        shown, _ = env.reset(options={"frame": frame})
        np.testing.assert_allclose(seen[frame, :14], shown[:14], atol=1e-4)
        if phase:
            np.testing.assert_array_equal(seen[frame, -2:], shown[-2:])
    np.testing.assert_array_equal(seen[:, :14], clip.states[:-1, :14])


def test_actions_beyond_the_limits_count_as_the_limits() -> None:
    clip = reference_clip()
    wild = Clip.of(clip.states, 12 * clip.actions, clip.bodies)
    _, done = reference_lesson(BipedImitationEnv(wild, steps=1))
    assert np.abs(done).max() == 1


def replayed(core: Core, seen: NDArray[np.float32]) -> NDArray[np.float32]:
    with torch.no_grad():
        outputs: NDArray[np.float32] = torch.tanh(core(torch.from_numpy(seen)[None])[0])[0].numpy()
    return outputs


def test_a_network_replays_what_was_done() -> None:
    """From its own first state on, over the whole walk in one go."""
    torch.set_num_threads(1)
    clip, circuit = reference_clip(), surrogate()
    short = Clip.of(clip.states[:121], clip.actions[:120], source="its first strides")
    seen, done = reference_lesson(BipedImitationEnv(short, phase=True, steps=120))
    core = ConnectomeRNN(Wiring.of(circuit), choose_roles(circuit), 16, 4, seed=0)
    before = np.sqrt(np.square(replayed(core, seen) - done).mean())
    settings = Cloning(rounds=20, updates=10, batch=12, segment_steps=20, learning_rate=2e-2)
    curve = clone(seen, done, core, settings, seed=0)
    missed = np.sqrt(np.square(replayed(core, seen) - done).mean())
    assert before > 0.35
    assert missed < 0.05
    assert curve["loss"][-1] < 0.05 * curve["loss"][0]
    np.testing.assert_array_equal(curve["labelled_steps"], 120 * np.arange(1, 21))


class Counter(Core):
    """Its state counts its steps; it keeps what it was trained on."""

    def __init__(self) -> None:
        super().__init__(1, 1, 1)
        self.weight = torch.nn.Parameter(torch.zeros(1))
        self.lessons: list[tuple[Tensor, Tensor]] = []

    def forward(self, observations: Tensor, state: Tensor | None = None) -> tuple[Tensor, Tensor]:
        state = self.checked(observations, state)
        if torch.is_grad_enabled():
            self.lessons.append((observations[..., 0], state))
        return self.weight * observations, state + observations.shape[1]


def test_segments_cover_the_walk_and_go_on_from_the_state_there() -> None:
    core, steps = Counter(), np.arange(50.0)[:, None]
    settings = Cloning(rounds=8, segment_steps=16, updates=3, batch=64)
    clone(steps, 0 * steps, core, settings, seed=0)
    seen = torch.cat([one for one, _ in core.lessons])
    state = torch.cat([one for _, one in core.lessons])[:, 0]
    # a segment begins at the step that its state has counted to
    torch.testing.assert_close(seen[:, 0], state)
    assert {*seen[seen > 0].tolist()} == {float(step) for step in range(1, 50)}
    assert len({*state.tolist()}) > 10


def test_the_same_seed_gives_the_same_network_and_a_cut_changes_nothing(tmp_path: Path) -> None:
    steps = np.linspace(-1, 1, 40)[:, None]
    settings = Cloning(rounds=4, segment_steps=8, updates=2, batch=4, checkpoint_rounds=2)

    def learned(seed: int, directory: Path | None = None, stop: int = 10**6) -> float:
        def report(labelled: int, row: Any) -> None:
            if labelled >= stop:
                raise KeyboardInterrupt

        core = Counter()
        clone(steps, steps, core, settings, seed=seed, directory=directory, report=report)
        return float(core.weight.detach())

    expected = learned(1)
    assert learned(1) == expected != learned(2)
    with pytest.raises(KeyboardInterrupt):
        learned(1, tmp_path, stop=120)
    assert learned(1, tmp_path) == expected


@pytest.mark.parametrize(
    ("seen", "done"),
    [(np.zeros((5, 2)), np.zeros((5, 1))), (np.zeros((5, 1)), np.zeros((4, 1))),
     (np.zeros((0, 1)), np.zeros((0, 1)))],
)  # fmt: skip
def test_what_does_not_fit_the_network_is_refused(
    seen: NDArray[np.float64], done: NDArray[np.float64]
) -> None:
    with pytest.raises(ValueError, match=r"must have shapes \(steps, 1\) and \(steps, 1\) for"):
        clone(seen, done, Counter(), Cloning(), seed=0)
