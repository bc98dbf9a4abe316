"""Closed-form baselines against scikit-learn on movements held as arrays."""

import numpy as np
import pytest
from sklearn.decomposition import PCA
from sklearn.linear_model import LinearRegression
from sklearn.metrics import root_mean_squared_error
from sklearn.preprocessing import PolynomialFeatures

from proprio_tcn.baselines.regression import (
    bin_features,
    fit_bin_regression,
    score_bin_regressions,
    score_pca,
)
from proprio_tcn.tasks.sixteen import TASKS
from proprio_tcn.tasks.targets import TargetScale
from proprio_tcn.training.batches import ArrayMovements
from proprio_tcn.training.reading import Reading
from proprio_tcn.training.settings import TrainSettings

MUSCLES = 5


def movements(seed: int, n: int = 30, bins: int = 40) -> ArrayMovements:
    """Three hidden states drive five muscles; the hand is a quadratic of them."""
    rng = np.random.default_rng(seed)
    mixing = np.random.default_rng(0).normal(size=(MUSCLES, 3))
    state = np.cumsum(rng.normal(size=(n, 3, bins)), axis=2) / 5
    moving = np.zeros((n, bins), bool)
    moving[:, 10:30] = True
    length = np.einsum("ms,nsb->nmb", mixing, state) * 10 + 300
    length[:, 0] = 134.7  # a muscle of a locked joint
    velocity = np.gradient(length, 0.01, axis=2)
    hand = 5 * state + 2 * state**2 + 30 + 0.1 * rng.normal(size=state.shape)
    return ArrayMovements(
        tuple(f"muscle {i}" for i in range(MUSCLES)),
        {
            "spindle": np.stack([length, velocity], axis=3).astype(np.float32),
            "hand": hand.astype(np.float32),
            "moving": moving,
            "torque": rng.normal(size=(n, 4, bins)).astype(np.float32) + state[:, :1],
            "target": np.repeat(rng.normal(size=(n, 3, 1)), bins, axis=2).astype(np.float32),
        },
    )


def rows(one: ArrayMovements, where: str) -> tuple[np.ndarray, np.ndarray]:
    x = bin_features(one.arrays["spindle"], "linear")
    y = np.moveaxis(one.arrays["hand"], 1, 2)
    mask = one.arrays["moving"] if where == "movement" else np.ones(y.shape[:2], bool)
    return x[mask], y[mask]


@pytest.mark.parametrize("where", ["all", "movement"])
def test_linear_ridge_is_least_squares_where_data_abound(where: str) -> None:
    train, validation, test = (movements(seed) for seed in (1, 2, 3))
    model = fit_bin_regression(TASKS["hand_position"], train, validation, "linear")
    oracle = LinearRegression().fit(*rows(train, where))
    x, y = rows(test, where)
    predicted = np.moveaxis(model.predict(test.arrays, where), 1, 2)
    mask = test.arrays["moving"] if where == "movement" else np.ones_like(test.arrays["moving"])
    best = root_mean_squared_error(y.ravel(), oracle.predict(x).ravel())
    found = root_mean_squared_error(y.ravel(), predicted[mask].ravel())
    assert found == pytest.approx(best, rel=0.02)
    assert model.alpha[where] < 1


def test_what_does_not_move_teaches_nothing() -> None:
    task, train, still = TASKS["hand_position"], movements(1), movements(2)
    still.arrays["moving"][:] = False
    with pytest.raises(ValueError, match="must have bins that move, got 600 and 0"):
        fit_bin_regression(task, train, still, "linear")
    none = ArrayMovements(train.muscles, {key: one[:0] for key, one in train.arrays.items()})
    with pytest.raises(ValueError, match="must have bins that move, got 1200 and 0"):
        fit_bin_regression(task, train, none, "linear")


def test_the_three_regressions_are_scored_where_they_were_fitted() -> None:
    train, validation, test = (movements(seed) for seed in (1, 2, 3))
    scores = score_bin_regressions(
        TASKS["hand_position"], train, validation, test, quadratic_every=1
    )
    for where in ("all", "movement"):
        by = {
            name: next(one for one in found if one.where == where) for name, found in scores.items()
        }
        mean = rows(train, where)[1].mean(axis=0)
        y = rows(test, where)[1]
        assert by["mean"].rmse == pytest.approx(np.sqrt(np.square(y - mean).mean()), rel=1e-5)
        assert by["quadratic"].rmse < 0.5 * by["linear"].rmse < 0.5 * by["mean"].rmse
        # the noise of the hand is what is left
        assert by["quadratic"].rmse == pytest.approx(0.1, rel=0.15)


def test_baselines_are_scored_at_the_outputs_of_a_network_too() -> None:
    train, validation, test = (movements(seed) for seed in (1, 2, 3))
    task, centres = TASKS["hand_position"], np.arange(1, 40, 8)
    reading = Reading(task, TargetScale.raw(3), centres, 40, TrainSettings())
    scores = score_bin_regressions(task, train, validation, test, reading=reading)
    plain = score_bin_regressions(task, train, validation, test)
    for features, found in scores.items():
        assert found[1::2] == plain[features]
    at_outputs = scores["linear"][::2]
    assert [one.where for one in at_outputs] == ["all at outputs", "movement at outputs"]
    model = fit_bin_regression(task, train, validation, "linear")
    for one, where in zip(at_outputs, ("all", "movement"), strict=True):
        mask = test.arrays["moving"] if where == "movement" else np.ones((30, 40), bool)
        errors = np.moveaxis(model.predict(test.arrays, where) - test.arrays["hand"], 1, 2)
        kept = errors[:, centres][mask[:, centres]]
        assert one.rmse == pytest.approx(np.sqrt(np.square(kept).mean()), rel=1e-5)


def test_quadratic_features_are_those_of_scikit_learn() -> None:
    length = np.random.default_rng(0).normal(size=(2, 4, 3, 2))
    found = bin_features(length, "quadratic").reshape(6, -1)
    base = np.moveaxis(length[..., 0], 1, 2).reshape(6, 4)
    oracle = PolynomialFeatures(2, include_bias=False).fit_transform(base)
    np.testing.assert_allclose(found, oracle)
    assert bin_features(length, "mean").shape == (2, 3, 0)
    with pytest.raises(ValueError, match="features must be of mean, linear, quadratic, got 'cub"):
        bin_features(length, "cubic")


def test_a_torque_baseline_is_told_the_target_too() -> None:
    train, validation, test = (movements(seed) for seed in (1, 2, 3))
    task = TASKS["torque"]
    model = fit_bin_regression(task, train, validation, "linear")
    assert model.weights["all"].shape == (1 + 2 * MUSCLES + 3, 4)
    assert fit_bin_regression(task, train, validation, "quadratic").weights["all"].shape[0] == (
        1 + 8 + 36
    )
    assert model.predict(test.arrays, "all").shape == (30, 4, 40)


def test_pca_rebuilds_windows_as_scikit_learn_does() -> None:
    train, test = movements(1), movements(2)
    task = TASKS["autoencoder"]
    scores = score_pca(task, train, test, components=6, window_bins=4)
    centre, scale = (
        getattr(rows(train, "all")[0], name)(axis=0).astype(np.float64) for name in ("mean", "std")
    )
    scale[0] = scale[MUSCLES] = 1.0

    def windows(one: ArrayMovements) -> np.ndarray:
        x = (bin_features(one.arrays["spindle"], "linear") - centre) / scale
        return x.reshape(-1, 4 * 2 * MUSCLES)

    pca = PCA(6, svd_solver="full").fit(windows(train))
    back = pca.inverse_transform(pca.transform(windows(test))).reshape(-1, 2 * MUSCLES)
    errors = (back * scale + centre) - rows(test, "all")[0]
    length = next(s for s in scores if (s.target, s.where) == ("muscle_length", "all"))
    assert length.rmse == pytest.approx(np.sqrt(np.square(errors[:, :MUSCLES]).mean()), rel=1e-3)
    full = score_pca(task, train, test, components=40, window_bins=4)
    assert full[0].rmse < 1e-3
    with pytest.raises(ValueError, match=r"components must be in \[1, 40\]"):
        score_pca(task, train, test, components=41, window_bins=4)
    with pytest.raises(
        ValueError, match="window_bins must divide the 40 bins of a movement, got 7"
    ):
        score_pca(task, train, test, components=4, window_bins=7)


def test_arrays_are_checked() -> None:
    one = movements(0, 3)
    with pytest.raises(KeyError, match=r"keys must be of spindle, .* got letter"):
        one.batch(np.arange(2), ("spindle", "letter"))
    with pytest.raises(ValueError, match=r"same number of samples, got {'a': 2, 'b': 3}"):
        ArrayMovements((), {"a": np.zeros(2), "b": np.zeros(3)})
    kept = ArrayMovements.of(one, ("hand", "moving"))
    np.testing.assert_array_equal(kept.arrays["hand"], one.arrays["hand"])
    assert list(kept.arrays) == ["hand", "moving"]
