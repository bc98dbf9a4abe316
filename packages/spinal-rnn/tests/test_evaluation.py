"""Every score names its split, learns nothing from the held-out trials, and sums up in a table."""

from typing import Self

import numpy as np
import pytest
from numpy.typing import NDArray

from spinal_rnn.conditions import Conditions
from spinal_rnn.evaluation import (
    constant_width,
    evaluate,
    hide_frequency,
    score_table,
    scored,
)
from spinal_rnn.lead import SPECIFY_565
from spinal_rnn.models.base import Model, Prediction
from spinal_rnn.models.baselines import baseline
from spinal_rnn.responses import Responses, Scale, measure_responses
from spinal_rnn.scores import pooled_r2
from spinal_rnn.simulation.simulator import simulate_session
from spinal_rnn.splits import by_configuration, by_trial

RESPONSES = measure_responses(simulate_session(0, "easy"))
HONEST = by_configuration(RESPONSES.conditions, SPECIFY_565.mirror, 3)
EASY = by_trial(RESPONSES.conditions)


class Spy(Model):
    """Says one, and remembers what it was shown."""

    def fit(self, conditions: Conditions, target: NDArray[np.float64]) -> Self:
        self.shown = conditions, target
        return self

    def predict(self, conditions: Conditions) -> Prediction:
        ones = np.ones((len(conditions), 14))
        return Prediction(ones, None, 0 * ones, 2 * ones)


def test_a_model_is_shown_the_training_part_on_its_own_scale() -> None:
    spy = Spy()
    (score,) = evaluate(RESPONSES, {"spy": lambda: spy}, [HONEST], SPECIFY_565)
    conditions, target = spy.shown
    scale = Scale.fit(RESPONSES.late_mv[HONEST.train])
    np.testing.assert_allclose(target, scale.apply(RESPONSES.late_mv[HONEST.train]))
    assert len(conditions) == len(HONEST.train) < len(RESPONSES)
    test = scale.apply(RESPONSES.late_mv[HONEST.test])
    assert (score.model, score.split) == ("spy", "held-out configuration")
    assert score.r2 == pytest.approx(pooled_r2(test, np.ones_like(test)))
    assert score.coverage == pytest.approx((test <= 2).mean())
    assert score.width == 2
    assert 0.9 < score.ceiling < 1


def test_scores_of_baselines_have_no_intervals_and_make_a_table() -> None:
    models = {"mean": lambda: baseline("mean"), "ridge": lambda: baseline("ridge")}
    scores = list(evaluate(RESPONSES, models, [EASY, HONEST], SPECIFY_565))
    assert [(one.model, one.split) for one in scores] == [
        ("mean", "random row"),
        ("ridge", "random row"),
        ("mean", "held-out configuration"),
        ("ridge", "held-out configuration"),
    ]
    assert all(np.isnan(one.coverage) and np.isnan(one.width) for one in scores)
    assert scores[0].r2 < 0.01
    head, mean, ridge, ceiling = score_table(scores)
    assert head.split() == ["pooled", "R2", "random", "row", "held-out", "configuration"]
    assert [float(one) for one in ridge.split()[1:]] == [
        pytest.approx(scores[1].r2, abs=1e-3),
        pytest.approx(scores[3].r2, abs=1e-3),
    ]
    assert mean.startswith("mean ")
    assert ceiling.startswith("ceiling from repeats")


def test_without_repeats_there_is_no_ceiling() -> None:
    once = RESPONSES.conditions.take(np.arange(100) % 2 == 0)
    target = np.random.default_rng(0).random((len(once), 14))
    _, first = np.unique(once.currents_ma @ np.arange(17) + once.frequency_hz, return_index=True)
    conditions, target = once.take(first), target[first]
    split = by_configuration(conditions, SPECIFY_565.mirror, 2)
    said = Prediction(target[split.test])
    score = scored("truth", split, conditions, target, said, SPECIFY_565)
    assert score.r2 == 1
    assert np.isnan(score.ceiling)


def test_a_constant_width_covers_what_the_mean_leaves() -> None:
    target = np.zeros((100, 14))
    target[RESPONSES.conditions.groups(SPECIFY_565.mirror) < 3] = 1.0
    width = constant_width(RESPONSES.conditions, target, SPECIFY_565)
    # more than a tenth of the trials lie at 1, about 0.75 from the mean of the others
    assert 1 < width < 2


def test_a_hidden_frequency_is_one_for_all() -> None:
    hidden = hide_frequency(RESPONSES)
    assert isinstance(hidden, Responses)
    assert set(hidden.conditions.frequency_hz) == {np.median(RESPONSES.conditions.frequency_hz)}
    np.testing.assert_array_equal(hidden.late_mv, RESPONSES.late_mv)
