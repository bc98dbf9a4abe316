"""The ensemble foretells configurations that it never saw, and learns on cheaply."""

import numpy as np
import pytest
import torch

from spinal_rnn.conditions import parse_configuration
from spinal_rnn.lead import SPECIFY_565
from spinal_rnn.models.anatomical import AnatomicalForm
from spinal_rnn.models.base import NotFitted
from spinal_rnn.models.ensemble import RootEnsemble
from spinal_rnn.models.forms import Form
from spinal_rnn.models.geometric import GeometricForm
from spinal_rnn.responses import Responses, Scale, measure_responses
from spinal_rnn.scores import coverage, pooled_r2
from spinal_rnn.simulation.simulator import simulate_session
from spinal_rnn.splits import Split, by_configuration

torch.set_num_threads(1)


@pytest.fixture(scope="module")
def responses() -> Responses:
    return measure_responses(simulate_session(0, "easy"))


@pytest.fixture(scope="module")
def target(responses: Responses) -> np.ndarray:
    return Scale.fit(responses.late_mv).apply(responses.late_mv)


@pytest.fixture(scope="module")
def fitted(responses: Responses, target: np.ndarray) -> RootEnsemble:
    return RootEnsemble(members=5, folds=5, updates=120).fit(responses.conditions, target)


def test_held_out_configurations_of_a_default_session() -> None:
    responses = measure_responses(simulate_session(0))
    split = by_configuration(responses.conditions, SPECIFY_565.mirror, seed=0)
    assert isinstance(split, Split)
    target = Scale.fit(responses.late_mv[split.train]).apply(responses.late_mv)
    model = RootEnsemble(members=5, updates=200)
    model.fit(responses.conditions.take(split.train), target[split.train])
    predicted = model.predict(responses.conditions.take(split.test))
    truth = target[split.test]
    assert pooled_r2(truth, predicted.values) > 0.9
    assert predicted.low is not None
    assert predicted.high is not None
    assert 0.8 < coverage(truth, predicted.low, predicted.high) < 0.97
    assert np.median(predicted.high - predicted.low) < 0.05


def test_a_prediction_has_roots_and_limits(responses: Responses, fitted: RootEnsemble) -> None:
    predicted = fitted.predict(responses.conditions)
    assert predicted.activities is not None
    assert predicted.activities.shape == predicted.values.shape == (100, 14)
    assert 0 <= predicted.activities.min() < predicted.activities.max() <= 1
    assert predicted.low is not None
    assert predicted.high is not None
    assert (predicted.low <= predicted.values).all()
    assert (predicted.values <= predicted.high).all()


def test_it_fits_and_repeats_itself(
    responses: Responses, target: np.ndarray, fitted: RootEnsemble
) -> None:
    assert fitted.score(responses.conditions, target) > 0.9
    first, again, other = (
        RootEnsemble(members=2, folds=2, updates=4, seed=seed)
        .fit(responses.conditions, target)
        .predict(responses.conditions)
        .values
        for seed in (0, 0, 1)
    )
    np.testing.assert_array_equal(first, again)
    assert np.abs(first - other).max() > 1e-3


def test_the_response_is_that_of_predict_and_has_gradients(
    responses: Responses, fitted: RootEnsemble
) -> None:
    vector = torch.tensor(parse_configuration("cath4_an3_5"), dtype=torch.float32)[None]
    amplitude = torch.tensor([2.5], requires_grad=True)
    number = torch.full((1,), 40.0), torch.full((1,), 300.0)
    values, roots = fitted.response(vector, amplitude, *number)
    assert values.shape == roots.shape == (5, 1, 14)
    values.mean().backward()
    slope = float(amplitude.grad)
    with torch.no_grad():
        higher, lower = (
            fitted.response(vector, torch.tensor([one]), *number)[0].mean() for one in (2.51, 2.49)
        )
    assert slope == pytest.approx(float(higher - lower) / 0.02, rel=0.02)
    assert slope > 0


def test_many_conditions_are_predicted_in_parts(responses: Responses, fitted: RootEnsemble) -> None:
    many = responses.conditions.take(np.arange(5000) % 100)
    values = fitted.predict(many).values
    np.testing.assert_allclose(values[:100], values[4900:], atol=1e-6)


def test_refit_takes_in_new_trials_and_leaves_the_old_model_alone(
    responses: Responses, target: np.ndarray, fitted: RootEnsemble
) -> None:
    before = fitted.predict(responses.conditions).values
    changed = target.copy()
    new = responses.conditions.groups() == 0
    changed[new] *= 0.7
    learnt = fitted.refit(responses.conditions, changed, updates=30, learning_rate=0.01)
    np.testing.assert_array_equal(fitted.predict(responses.conditions).values, before)
    assert learnt.calibration is fitted.calibration
    after = learnt.predict(responses.conditions).values
    error, old = (np.abs(one[new] - changed[new]).mean() for one in (after, before))
    assert error < 0.8 * old


@pytest.mark.parametrize("form", [AnatomicalForm(), GeometricForm()])
def test_a_silent_muscle_stays_silent(form: Form, responses: Responses, target: np.ndarray) -> None:
    silenced = target.copy()
    silenced[:, 4] = 0
    model = RootEnsemble(form, members=2, folds=2, updates=20).fit(responses.conditions, silenced)
    again = model.refit(responses.conditions, silenced, updates=5)
    values = again.predict(responses.conditions).values
    assert values[:, 4].max() < 1e-9
    assert np.delete(values, 4, axis=1).max() > 0.1


def test_one_fold_gives_no_intervals(responses: Responses, target: np.ndarray) -> None:
    model = RootEnsemble(AnatomicalForm(kernel="free"), members=1, folds=1, updates=5)
    predicted = model.fit(responses.conditions, target).predict(responses.conditions)
    assert predicted.low is predicted.high is None


def test_what_cannot_be_learnt_is_refused(responses: Responses, target: np.ndarray) -> None:
    with pytest.raises(ValueError, match="members must be at least as many as folds"):
        RootEnsemble(members=3, folds=5)
    with pytest.raises(ValueError, match="updates must be at least 1, got 0"):
        RootEnsemble(updates=0)
    model = RootEnsemble(members=2, folds=2, updates=1)
    with pytest.raises(NotFitted, match="call fit first"):
        model.predict(responses.conditions)
    with pytest.raises(ValueError, match="one row for each of 100 trials"):
        model.fit(responses.conditions, target[:5])
    spoilt = target.copy()
    spoilt[7, 2] = np.nan
    with pytest.raises(ValueError, match="trial 7: the target must be finite"):
        model.fit(responses.conditions, spoilt)
    one = responses.conditions.groups() == 0
    with pytest.raises(ValueError, match="at least two configurations, got one"):
        model.fit(responses.conditions.take(one), target[one])
