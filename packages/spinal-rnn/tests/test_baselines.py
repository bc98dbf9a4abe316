"""Baselines are scikit-learn's, tuned on configurations that they did not see."""

import numpy as np
import pytest
from sklearn.linear_model import Ridge
from sklearn.preprocessing import StandardScaler

from spinal_rnn.conditions import Conditions, parse_configuration
from spinal_rnn.lead import SPECIFY_565
from spinal_rnn.models.base import NotFitted
from spinal_rnn.models.baselines import BASELINES, baseline, raw_features, smoothed_features
from spinal_rnn.responses import Scale, measure_responses
from spinal_rnn.simulation.simulator import simulate_session

RESPONSES = measure_responses(simulate_session(0, "easy"))
CONDITIONS = RESPONSES.conditions
TARGET = Scale.fit(RESPONSES.late_mv).apply(RESPONSES.late_mv)


@pytest.mark.parametrize("name", BASELINES)
def test_every_baseline_fits_and_foretells(name: str) -> None:
    model = baseline(name).fit(CONDITIONS, TARGET)
    assert model.predict(CONDITIONS).values.shape == (100, 14)
    r2 = model.score(CONDITIONS, TARGET)
    assert r2 == pytest.approx(0) if name == "mean" else r2 > 0.3


def test_ridge_is_ridge() -> None:
    model = baseline("ridge").fit(CONDITIONS, TARGET)
    rows = StandardScaler().fit_transform(raw_features(CONDITIONS))
    plain = Ridge(alpha=model.chosen["alpha"]).fit(rows, TARGET)
    np.testing.assert_allclose(model.predict(CONDITIONS).values, plain.predict(rows))


def test_features_by_hand() -> None:
    one = Conditions.of(parse_configuration("cath4_an3_5"), 2.0, 40.0)
    raw = raw_features(one)[0]
    assert raw[[3, 4, 5]].tolist() == [1, -2, 1]
    assert raw[-2:].tolist() == [2, 40]
    smooth = smoothed_features(one, SPECIFY_565, 9.5)[0]
    # its neighbours lie a pitch of 9.5 mm away, one standard deviation
    assert smooth[4] == pytest.approx(-2 + 2 * np.exp(-0.5))
    assert smooth.shape == (18,)
    assert smooth[-2:].tolist() == [2, 40]


def test_an_unknown_baseline_and_an_unfitted_one_are_refused() -> None:
    with pytest.raises(ValueError, match=r"a baseline must be one of mean, ridge.*got 'lasso'"):
        baseline("lasso")
    with pytest.raises(NotFitted, match="ridge has learnt nothing yet"):
        baseline("ridge").predict(CONDITIONS)
