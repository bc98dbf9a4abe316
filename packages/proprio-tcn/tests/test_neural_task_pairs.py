"""Tasks paired over architectures, against scipy and by hand."""

import json
from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import wilcoxon

from neuro_common.stats import holm
from proprio_tcn.neural.prediction import Prediction
from proprio_tcn.neural.task_pairs import Placed, task_pairs


def placed(task: str, gain: float, *, norm: str = "sample", session: str = "a") -> list[Placed]:
    """Eight architectures with two first weights, ever better, and a task's gain."""
    rng = np.random.default_rng([ord(task[0]), ord(session)])
    return [
        Placed(session, task, f"trunk {trunk}", norm, seed, 0.02 * trunk + gain + noise)
        for trunk in range(8)
        for seed, noise in zip("12", rng.normal(0, 0.004, 2), strict=True)
    ]


def test_pairs_take_the_architecture_out() -> None:
    hand, letters = placed("hand_position", 0.03), placed("action_recognition", 0.02, norm="masked")
    begun = placed("untrained", 0.0) + placed("untrained", 0.001, norm="masked")
    found = task_pairs([*begun, *letters, *hand], n_resamples=2000, seed=1)
    assert list(zip(found["first"], found["second"], strict=True)) == [
        ("action_recognition", "hand_position"),
        ("action_recognition", "untrained"),
        ("hand_position", "untrained"),
    ]
    assert found["architectures"] == [8] * 3
    assert found["pairs"] == [16] * 3
    values = [np.array([one.test_ev for one in own]) for own in (letters, hand)]
    gains = [
        values[0] - values[1],
        values[0] - [one.test_ev for one in begun[16:]],
        values[1] - [one.test_ev for one in begun[:16]],
    ]
    means = [one.reshape(8, 2).mean(axis=1) for one in gains]
    np.testing.assert_allclose(found["difference"], [one.mean() for one in means])
    p = [wilcoxon(one).pvalue for one in means]
    np.testing.assert_allclose(found["p_wilcoxon"], p)
    np.testing.assert_allclose(found["p_holm"], holm(p))
    # the percentile bootstrap of a mean of eight is near the normal interval
    for number, one in enumerate(means):
        half = 1.96 * one.std() / np.sqrt(8)
        assert found["high"][number] - one.mean() == pytest.approx(half, rel=0.25)
        assert one.mean() - found["low"][number] == pytest.approx(half, rel=0.25)


def test_untrained_partners_see_the_same_input() -> None:
    reaches = [replace(one, input="as trained, input 2") for one in placed("torque", 0.0)]
    begun, other = placed("untrained", 0.0), placed("untrained", 0.05, session="b")
    others = [replace(one, session="a", input="as trained, input 2") for one in other]
    found = task_pairs([*reaches, *begun, *others])
    wanted = np.mean([one.test_ev - two.test_ev for one, two in zip(reaches, others, strict=True)])
    assert (found["first"], found["pairs"]) == (["torque"], [16])
    assert found["difference"] == pytest.approx([wanted])


def test_sessions_are_no_architectures() -> None:
    sessions = [
        *(one for name in "ab" for one in placed("hand_position", 0.03, session=name)),
        *(one for name in "ab" for one in placed("untrained", 0.0, session=name)),
    ]
    found = task_pairs(sessions)
    assert (found["architectures"], found["pairs"]) == ([8], [32])
    # what has no partner, or one only, is left out
    alone = [Placed("a", "torque", "trunk 1", "sample", "1", 0.5)]
    assert task_pairs([*sessions, *alone])["first"] == ["hand_position"]
    other = [Placed("a", "torque", f"other {n}", "sample", "1", 0.5) for n in range(3)]
    assert task_pairs([*sessions, *other])["first"] == ["hand_position"]
    nothing = task_pairs([])
    assert set(nothing) == set(found)
    assert not any(nothing.values())


def test_equal_networks_do_not_differ() -> None:
    hand = placed("hand_position", 0.0)
    same = [
        Placed("a", "hand_velocity", one.trunk, "sample", one.seed, one.test_ev) for one in hand
    ]
    found = task_pairs([*hand, *same])
    assert (found["difference"], found["p_wilcoxon"], found["low"]) == ([0.0], [1.0], [0.0])


def test_models_are_told_apart_by_their_settings() -> None:
    class Scores:
        """The part of a prediction that is read."""

        models = ("one", "two", "hollow")

        def best_layer(self, model: str) -> "Layer":
            return Layer({"one": 0.25, "two": 0.5, "hollow": float("nan")}[model])

    class Layer:
        def __init__(self, mean: float) -> None:
            self.test_ev = np.array([mean - 0.1, mean + 0.1])

    settings = json.dumps({"norm": "masked", "family": "spatiotemporal"})
    names = ["one", "two", "hollow", "not asked"]
    models = {
        "model": names,
        "task": ["hand_position", "untrained", "untrained", "untrained"],
        "settings": [settings] * 4,
        "seed": ["1", "2", "3", "4"],
        "input": ["as trained"] * 4,
    }
    prediction: Prediction = Scores()  # type: ignore[assignment]
    found = Placed.of("a", prediction, models)
    assert [(one.task, one.norm, one.seed) for one in found] == [
        ("hand_position", "masked", "1"),
        ("untrained", "masked", "2"),
    ]
    np.testing.assert_allclose([one.test_ev for one in found], [0.25, 0.5])
    assert found[0].trunk == json.dumps({"family": "spatiotemporal"})
