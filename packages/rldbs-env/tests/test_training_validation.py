"""Validation: a frozen population is no success, while an agent learns or in a search."""

import numpy as np
import pytest

from rldbs_env import BonhoefferVanDerPol, KuramotoGrid
from rldbs_env.controllers import LinearFeedback, Tonic
from rldbs_env.oscillators import Model
from rldbs_env.search import objective
from rldbs_env.training import CurvePoint, validate

GRID = KuramotoGrid(grid=(4, 4, 4))


@pytest.mark.parametrize("amplitude", [1.0, -0.1])
def test_a_validation_gives_nothing_for_freezing(amplitude: float) -> None:
    s_ratio, charge = validate(
        Tonic(amplitude=amplitude), BonhoefferVanDerPol(), 50, ensembles=(900, 901)
    )
    assert s_ratio == 0.0
    assert charge == pytest.approx(abs(amplitude))
    assert objective(CurvePoint(0.0, s_ratio, charge, 0.0), 0.0003) == 0.0


@pytest.mark.parametrize(
    ("model", "n_neurons", "law", "least"),
    [
        (BonhoefferVanDerPol(), 50, LinearFeedback(), 5.0),
        (GRID, 64, LinearFeedback(gain=-0.3, window=GRID.window), 3.0),
    ],
)
def test_a_validation_scores_what_goes_on(
    model: Model, n_neurons: int, law: LinearFeedback, least: float
) -> None:
    s_ratio, charge = validate(law, model, n_neurons, ensembles=(900, 901))
    assert np.isfinite(s_ratio)
    assert s_ratio > least
    assert charge > 0
