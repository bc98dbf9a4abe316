"""Recruitment curves: known ones are found again, scipy finds the same, intervals hold them."""

import numpy as np
import pytest
from scipy.optimize import least_squares

from spinal_rnn.conditions import Conditions, configuration, stack
from spinal_rnn.muscles import MUSCLES
from spinal_rnn.recruitment import (
    Curves,
    _jacobian,
    _leverage,
    fit_recruitment,
    recruitment_table,
)

AMPLITUDES = np.arange(1, 11) * 0.5
KNOWN = Curves(
    np.array([1.0, 0.3, 2.0]),
    np.array([2.0, 3.0, 1.2]),
    np.array([4.0, 8.0, 3.0]),
    np.array([0.02, 0.0, 0.1]),
)


def test_known_curves_are_found_again() -> None:
    fit = fit_recruitment(AMPLITUDES, KNOWN(AMPLITUDES), n_resamples=20)
    for name in ("plateau", "half_ma", "exponent", "threshold_ma", "slope"):
        np.testing.assert_allclose(getattr(fit.curves, name), getattr(KNOWN, name), rtol=1e-4)
    np.testing.assert_allclose(fit.explained, 1, atol=1e-9)
    np.testing.assert_allclose(fit.falling, 0, atol=1e-12)
    assert fit.responds.all()


def test_threshold_and_slope_are_those_of_the_curve() -> None:
    at = KNOWN(KNOWN.threshold_ma).diagonal()
    np.testing.assert_allclose(at - KNOWN.floor, 0.1 * KNOWN.plateau)
    step = 1e-6
    rise = KNOWN(KNOWN.half_ma + step) - KNOWN(KNOWN.half_ma - step)
    np.testing.assert_allclose(rise.diagonal() / (2 * step), KNOWN.slope, rtol=1e-6)


def test_least_squares_agrees_with_scipy() -> None:
    noisy = KNOWN(AMPLITUDES) + np.random.default_rng(0).normal(0, 0.02, (10, 3))
    fit = fit_recruitment(AMPLITUDES, noisy, n_resamples=20)
    ours = ((fit.curves(AMPLITUDES) - noisy) ** 2).sum(axis=0)

    def residual(theta: np.ndarray, column: int) -> np.ndarray:
        plateau, half, exponent, floor = np.split(np.array(theta), 4)
        curve = Curves(plateau, half, exponent, floor)(AMPLITUDES)[:, 0]
        return np.asarray(curve - noisy[:, column])

    for column in range(3):
        start = [getattr(KNOWN, n)[column] for n in ("plateau", "half_ma", "exponent", "floor")]
        scipys = least_squares(residual, start, args=(column,), x_scale=np.abs(start) + 0.1)
        assert ours[column] == pytest.approx(2 * scipys.cost, rel=1e-4)


def test_intervals_cover_the_truth() -> None:
    rng = np.random.default_rng(3)
    curve = Curves(*(np.full(100, x) for x in (1.0, 2.0, 4.0, 0.0)))
    noisy = curve(AMPLITUDES) + rng.normal(0, 0.05, (10, 100))
    fit = fit_recruitment(AMPLITUDES, noisy, n_resamples=60, confidence=0.9)
    for name in ("threshold_ma", "plateau"):
        truth = getattr(curve, name)
        covered = (fit.low[name] <= truth) & (truth <= fit.high[name])
        assert 0.78 <= covered.mean() <= 0.97, name


def test_noise_does_not_respond_and_a_fall_is_seen() -> None:
    rng = np.random.default_rng(4)
    noise = rng.uniform(0.01, 0.03, 10)
    falling = np.r_[KNOWN(AMPLITUDES[:6])[:, 0], np.linspace(0.9, 0.1, 4)]
    fit = fit_recruitment(AMPLITUDES, np.column_stack([noise, falling]), n_resamples=20)
    assert not fit.responds[0]
    assert fit.falling[1] > 0.3


def test_table_has_a_row_for_each_series_and_muscle() -> None:
    vector = configuration([4], [16])
    full = Conditions.of(vector, AMPLITUDES, 20.0)
    short = Conditions.of(vector, AMPLITUDES[:3], 40.0)
    response = np.zeros((13, 14))
    response[:10, 1] = KNOWN(AMPLITUDES)[:, 0]
    table = recruitment_table(stack([full, short]), response, n_resamples=20)
    assert table["muscle"] == list(MUSCLES)
    assert set(table["frequency_hz"]) == {20.0}
    assert table["responds"] == [muscle == "LRF" for muscle in MUSCLES]
    assert table["threshold_ma"][1] == pytest.approx(2 * 9**-0.25, rel=1e-3)
    assert np.isnan(table["threshold_ma"][0])


@pytest.mark.parametrize(
    ("amplitudes", "response", "message"),
    [
        (AMPLITUDES[:4], np.ones((4, 1)), "at least 5 amplitudes, got 4"),
        (AMPLITUDES, np.ones((9, 1)), "one amplitude a trial"),
        (AMPLITUDES - 0.5, np.ones((10, 1)), "above 0, got 0"),
        (AMPLITUDES, np.full((10, 1), np.nan), "must be finite"),
    ],
)
def test_bad_series_are_refused(amplitudes: np.ndarray, response: np.ndarray, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        fit_recruitment(amplitudes, response)


def test_bad_resampling_is_refused() -> None:
    with pytest.raises(ValueError, match="confidence in"):
        fit_recruitment(AMPLITUDES, KNOWN(AMPLITUDES), confidence=1.0)


@pytest.mark.parametrize("grows", [False, True])
@pytest.mark.parametrize("trials", [5, 10])
def test_thresholds_are_covered(trials: int, grows: bool) -> None:
    curve = Curves(*(np.full(60, x) for x in (1.0, 1.8, 4.0, 0.03)))
    amplitudes = np.arange(1, trials + 1) * 5 / trials
    mean = curve(amplitudes)
    deviation = np.hypot(0.01, 0.12 * mean) if grows else 0.03
    noisy = mean + deviation * np.random.default_rng(trials).normal(size=mean.shape)
    fit = fit_recruitment(amplitudes, noisy, n_resamples=60)
    truth = curve.threshold_ma
    covered = (fit.low["threshold_ma"] <= truth) & (truth <= fit.high["threshold_ma"])
    assert covered.mean() >= 0.82


def test_leverages_are_those_of_the_linearised_curve() -> None:
    x = np.log(np.linspace(0.1, 1, 9))
    theta = np.log([[0.8, 0.5, 3.0, 1.0]])
    theta[0, 3] = 0.05
    (slopes,) = _jacobian(theta, x)
    hat = slopes @ np.linalg.pinv(slopes)
    np.testing.assert_allclose(_leverage(theta, x)[0], np.diag(hat).clip(0, 0.95), rtol=1e-5)
    assert np.trace(hat) == pytest.approx(4)
