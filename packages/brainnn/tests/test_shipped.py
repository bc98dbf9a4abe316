"""What ships does what its page says, on courses that no training saw."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from brainnn.bodies.clip import reference_clip
from brainnn.learning.evaluation import evaluate
from brainnn.learning.teacher import load_teacher
from brainnn.learning.walkers import load_walker
from brainnn.networks.lesions import perturb
from brainnn.networks.rnn import ConnectomeRNN

SEEDS, STEPS = range(40, 43), 300


@pytest.mark.parametrize("weights", ["pretrained", "self_taught"])
def test_it_walks_through_its_wiring(weights: str) -> None:
    walker = load_walker(weights)
    assert isinstance(walker.core, ConnectomeRNN)
    make_env = walker.body.test(STEPS)
    scores = evaluate(walker.controller(), make_env, SEEDS, steps=STEPS)
    assert scores["fell"].sum() <= 1
    assert scores["speed"][scores["fell"] == 0].min() > 0.4
    cut = walker.controller(perturb(walker.core, seed=0, recurrent_scale=0.0))
    assert evaluate(cut, make_env, SEEDS, steps=STEPS)["speed"].mean() < 0.1


def test_the_self_taught_one_walks_as_the_reference_does() -> None:
    walker = load_walker("self_taught")
    make_env, clip = walker.body.test(STEPS), reference_clip()
    scores = evaluate(walker.controller(), make_env, SEEDS, steps=STEPS, reference=clip)
    for joint in ("hip_1", "knee_1", "hip_2", "knee_2"):
        assert np.nanmean(scores[joint]) > 0.8
    assert np.nanmean(scores["stride_hz"]) == pytest.approx(1.25, rel=0.05)
    labels = load_teacher().act

    def teacher(observations: NDArray[Any], step: int) -> NDArray[np.float32]:
        return labels(observations[:, :14])

    own = evaluate(teacher, make_env, SEEDS, steps=STEPS)
    assert scores["shaped_return"].mean() > 0.85 * own["shaped_return"].mean()


def test_the_reference_repeats_one_stride() -> None:
    clip = reference_clip()
    assert clip.loop is not None
    assert clip.loop.seam == pytest.approx(0.0, abs=1e-9)
    period = round(clip.loop.period)
    assert clip.loop.period == period == 40
    start, stop = clip.loop.start, clip.loop.stop
    np.testing.assert_array_equal(
        clip.states[start : stop - period], clip.states[start + period : stop]
    )
