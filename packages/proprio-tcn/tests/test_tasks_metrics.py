"""Scores against scikit-learn and hand-computed cases."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, r2_score, root_mean_squared_error

from proprio_tcn.tasks.metrics import (
    LetterTally,
    RegressionTally,
    beside_outputs,
    euclidean_error,
    score_table,
)
from proprio_tcn.tasks.sixteen import TASKS
from proprio_tcn.tasks.targets import target_slices

LIMB = TASKS["limb_position_velocity"]


def test_euclidean_error_of_three_four_nothing_is_five() -> None:
    # A21
    errors = np.tile(np.float64([3, 4, 0])[None, :, None], (2, 1, 7))
    assert euclidean_error(errors) == 5.0
    tally = RegressionTally(TASKS["hand_position"], 39)
    tally.add(errors, np.zeros_like(errors), np.ones((2, 7), bool))
    assert tally.euclidean_error == 5.0
    assert tally.scores()[0].rmse == pytest.approx(np.sqrt(25 / 3))


@given(seed=st.integers(0, 99), offset=st.floats(-1e3, 1e3))
def test_scores_are_those_of_scikit_learn(seed: int, offset: float) -> None:
    rng = np.random.default_rng(seed)
    wanted = offset + rng.normal(size=(6, 12, 20)) * rng.uniform(0.1, 50, (12, 1))
    predicted = wanted + rng.normal(size=wanted.shape)
    moving = rng.random((6, 20)) < 0.4
    tally = RegressionTally(LIMB, 39)
    for part in (slice(0, 4), slice(4, 6)):
        tally.add(predicted[part], wanted[part], moving[part])
    rows = {"all": np.ones_like(moving), "movement": moving}
    places = target_slices(LIMB, 39)
    assert len(tally.scores()) == 8
    for score in tally.scores():
        channels = places[score.target]
        truth, guess = (
            np.moveaxis(one, 1, 2)[rows[score.where]][:, channels] for one in (wanted, predicted)
        )
        assert score.r2 == pytest.approx(
            r2_score(truth, guess, multioutput="variance_weighted"), rel=1e-6, abs=1e-6
        )
        flat = root_mean_squared_error(truth.ravel(), guess.ravel())
        assert score.rmse == pytest.approx(flat, rel=1e-9)
    in_movement = [one.r2 for one in tally.scores() if one.where == "movement"]
    assert tally.r2() == pytest.approx(np.mean(in_movement))
    assert tally.euclidean_error == pytest.approx(euclidean_error(predicted - wanted))


def test_a_constant_target_has_no_infinite_score() -> None:
    wanted = np.full((2, 4, 5), 7.3)
    tally = RegressionTally(TASKS["joint_velocity"], 3)
    tally.add(wanted, wanted, np.ones((2, 5), bool))
    assert [one.r2 for one in tally.scores()] == [1, 1]
    tally.add(wanted + 1, wanted, np.ones((2, 5), bool))
    assert [one.r2 for one in tally.scores()] == [0, 0]


def test_what_was_never_scored_is_nan() -> None:
    tally = RegressionTally(LIMB, 39)
    assert all(np.isnan(one.rmse) for one in tally.scores())
    assert np.isnan(tally.euclidean_error)
    assert np.isnan(LetterTally().accuracy)


def test_bad_predictions_are_refused() -> None:
    tally = RegressionTally(TASKS["hand_position"], 39)
    values, moving = np.zeros((2, 3, 5)), np.ones((2, 5), bool)
    with pytest.raises(ValueError, match=r"must be \(n, 3, bins\) and moving \(n, bins\), got"):
        tally.add(values, values, moving[:, :4])
    with pytest.raises(ValueError, match="finite, got NaN or infinity"):
        tally.add(values * np.nan, values, moving)


def test_letters_are_counted() -> None:
    rng = np.random.default_rng(0)
    letter = rng.integers(0, 20, 200)
    scores = rng.normal(size=(200, 20))
    scores[np.arange(200), letter] += 2
    tally = LetterTally()
    tally.add(scores[:90], letter[:90])
    tally.add(scores[90:], letter[90:])
    assert tally.accuracy == accuracy_score(letter, scores.argmax(axis=1))
    assert tally.confusion.sum(axis=1).tolist() == np.bincount(letter, minlength=20).tolist()
    with pytest.raises(ValueError, match=r"scores must be \(3, 20\), got \(2, 20\)"):
        tally.add(scores[:2], letter[:3])
    with pytest.raises(ValueError, match=r"letters must be in \[0, 20\), got \[20\]"):
        tally.add(scores[:1], [20])


def test_scores_stand_side_by_side() -> None:
    tally = RegressionTally(TASKS["hand_position"], 39)
    tally.add(np.ones((1, 3, 4)), np.zeros((1, 3, 4)), np.ones((1, 4), bool))
    lines = score_table({"network": tally.scores(), "mean": tally.scores()})
    assert "network" in lines[0]
    assert "mean" in lines[0]
    assert "hand, in movement, at every bin" in lines[2]
    assert "1 cm, R2" in lines[2]


def test_scores_at_outputs_are_told_from_those_at_every_bin() -> None:
    wanted = np.random.default_rng(0).normal(size=(1, 3, 8))
    outputs, every = (RegressionTally(TASKS["hand_position"], 39) for _ in range(2))
    error = np.where(np.arange(8) % 4, 3.0, 1.0)  # right where outputs are, less so between them
    every.add(wanted + error, wanted, np.ones((1, 8), bool))
    outputs.add((wanted + error)[..., ::4], wanted[..., ::4], np.ones((1, 2), bool))
    both = beside_outputs(outputs.scores(), every.scores())
    assert [(one.where, round(one.rmse, 6)) for one in both[:2]] == [
        ("all at outputs", 1.0),
        ("all", round(np.sqrt(7), 6)),
    ]
    assert [one.where for one in both[2:]] == ["movement at outputs", "movement"]
    lines = score_table({"network": both})
    assert [line[:48].strip() for line in lines[1:]] == [
        "hand, all, at outputs",
        "hand, all, at every bin",
        "hand, in movement, at outputs",
        "hand, in movement, at every bin",
    ]
