"""The closed form against scikit-learn's loop."""

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.linear_model import Ridge
from sklearn.metrics import explained_variance_score
from sklearn.preprocessing import StandardScaler

from proprio_tcn.neural.ridge import ALPHAS, fit_ridge

Floats = NDArray[np.float64]


def made(
    rng: np.random.Generator, trials: int = 40, features: int = 12, neurons: int = 9
) -> tuple[Floats, Floats, NDArray[np.int64]]:
    """Correlated features on other scales and offsets, neurons from clean to pure noise."""
    length = rng.integers(5, 30, trials)
    bins = int(length.sum())
    mixed = rng.normal(size=(bins, features)) @ rng.normal(size=(features, features))
    x = mixed * rng.lognormal(sigma=2, size=features) + rng.normal(size=features) * 5
    noise = rng.normal(size=(bins, neurons)) * np.geomspace(0.1, 1000, neurons)
    y = (x / x.std(axis=0)) @ rng.normal(size=(features, neurons)) + noise + 3
    fold = np.repeat(rng.permutation(trials) % 5, length)
    return x, y, fold


def by_scikit(x: Floats, y: Floats, fold: NDArray[np.int64], alphas: Any) -> dict[str, Floats]:
    """The published protocol: folds x penalties fits, then one with each neuron's penalty."""
    scaler = StandardScaler().fit(x)
    z = scaler.transform(x)
    ev = np.empty((fold.max() + 1, len(alphas), y.shape[1]))
    for number in range(fold.max() + 1):
        train, test = fold != number, fold == number
        for place, alpha in enumerate(alphas):
            predicted = Ridge(alpha=alpha).fit(z[train], y[train]).predict(z[test])
            ev[number, place] = explained_variance_score(
                y[test], predicted, multioutput="raw_values"
            )
    alpha = np.asarray(alphas)[ev.mean(axis=0).argmax(axis=0)]
    last = Ridge(alpha=alpha).fit(z, y)
    return {
        "ev": ev.mean(axis=0),
        "alpha": alpha,
        "coefficients": last.coef_.T / scaler.scale_[:, None],
        "predicted": last.predict(z),
    }


@settings(max_examples=15)
@given(st.integers(0, 10_000))
def test_equals_scikit_learn(seed: int) -> None:
    x, y, fold = made(np.random.default_rng(seed))
    wanted = by_scikit(x, y, fold, ALPHAS)
    fit = fit_ridge(x, y, fold)
    np.testing.assert_array_equal(fit.alpha, wanted["alpha"])
    np.testing.assert_allclose(fit.fold_ev, wanted["ev"], atol=1e-9)
    np.testing.assert_allclose(fit.predict(x), wanted["predicted"], rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(fit.coefficients, wanted["coefficients"], rtol=1e-6, atol=1e-9)
    train_ev = explained_variance_score(y, wanted["predicted"], multioutput="raw_values")
    np.testing.assert_allclose(fit.train_ev, train_ev, atol=1e-9)


def test_silent_and_constant_stay_finite() -> None:
    rng = np.random.default_rng(0)
    x, y, fold = made(rng)
    x[:, 3] = 7.25  # a muscle that never moves
    y[:, 2] = 0.0
    y[:, 4] = np.where(fold == 1, y[:, 4], 0.0)  # silent but for one fold
    fit, wanted = fit_ridge(x, y, fold), by_scikit(x, y, fold, ALPHAS)
    np.testing.assert_allclose(fit.coefficients[3], 0, atol=1e-9)
    np.testing.assert_array_equal(fit.alpha, wanted["alpha"])
    np.testing.assert_allclose(fit.fold_ev, wanted["ev"], atol=1e-9)
    assert fit.fold_ev[0, 2] == 1
    assert fit.train_ev[2] == 1


def test_torch_tensors_give_the_same() -> None:
    x, y, fold = made(np.random.default_rng(1))
    here = fit_ridge(x, y, fold)
    there = fit_ridge(*(torch.as_tensor(one) for one in (x, y, fold)))
    np.testing.assert_array_equal(there.alpha.numpy(), here.alpha)
    np.testing.assert_allclose(there.fold_ev.numpy(), here.fold_ev, atol=1e-11)
    np.testing.assert_allclose(there.coefficients.numpy(), here.coefficients, rtol=1e-7)


@pytest.mark.gpu
def test_gpu_gives_the_same() -> None:
    if not torch.cuda.is_available():
        pytest.skip("needs a CUDA device")
    x, y, fold = made(np.random.default_rng(1))
    here = fit_ridge(x, y, fold)
    there = fit_ridge(*(torch.as_tensor(one, device="cuda") for one in (x, y, fold)))
    np.testing.assert_array_equal(there.alpha.cpu().numpy(), here.alpha)
    np.testing.assert_allclose(there.fold_ev.cpu().numpy(), here.fold_ev, atol=1e-9)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda x, y, f: (x[:-1], y, f),
            r"must be \(bins, features\), .* got \[\(9, 2\), \(10, 3\)",
        ),
        (lambda x, y, f: (x, y, f * 0), r"at least 2"),
        (lambda x, y, f: (x, y, f * 2), r"every fold from 0 to 2 must have bins, 1 has none"),
        (lambda x, y, f: (x * np.nan, y, f), r"x must be finite, got 20 NaN"),
        (lambda x, y, f: (x, y / 0, f), r"y must be finite, got 30 NaN"),
    ],
)
@pytest.mark.filterwarnings("ignore:divide by zero")
def test_bad_input_is_refused(change: Any, message: str) -> None:
    rng = np.random.default_rng(3)
    x, y, fold = rng.normal(size=(10, 2)), rng.normal(size=(10, 3)), np.arange(10) % 2
    with pytest.raises(ValueError, match=message):
        fit_ridge(*change(x, y, fold))


def test_bad_penalties_are_refused() -> None:
    x, y, fold = made(np.random.default_rng(4))
    for wrong in (0.0, float("nan"), float("inf")):
        with pytest.raises(
            ValueError, match=rf"alphas must be finite and above 0, .* got \[{wrong}, 1\.0\]"
        ):
            fit_ridge(x, y, fold, alphas=(wrong, 1.0))
