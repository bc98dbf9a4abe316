"""What a model must beat: regressions that know nothing of roots, tuned so that they are strong.

Each sees one row of numbers for each trial: the current of each contact, amplitude and frequency,
or the currents spread by a Gaussian over the lead, and where they differ between trials, the pulse
width and the pulses of a burst; it learns all muscles at once. Hyper-parameters
are chosen within the training trials, by a cross-validation that holds out whole configurations,
the test that the models are to pass.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Self
from warnings import catch_warnings, simplefilter

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.dummy import DummyRegressor
from sklearn.exceptions import ConvergenceWarning
from sklearn.kernel_ridge import KernelRidge
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV, GroupKFold
from sklearn.neighbors import KNeighborsRegressor
from sklearn.neural_network import MLPRegressor
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import PolynomialFeatures, StandardScaler

from spinal_rnn.conditions import Conditions
from spinal_rnn.lead import SPECIFY_565, Lead
from spinal_rnn.models.base import Model, NotFitted, Prediction, check_target
from spinal_rnn.splits import mirror_of

__all__ = ["BASELINES", "Baseline", "baseline", "raw_features", "smoothed_features"]

Features = Callable[[Conditions], NDArray[np.float64]]

_FOLDS = 5
_ALPHAS = [1e-2, 1e-1, 1.0, 10.0, 100.0, 1e3, 1e4]
_KERNEL_ALPHAS = [1e-3, 1e-2, 1e-1, 1.0]
_GAMMAS = [1e-3, 3e-3, 1e-2, 3e-2, 1e-1]
_WIDTHS_MM = (2.5, 4.0, 7.0)
_EPOCHS = 60
_PULSE = ("pulse_width_us", "pulses")


def raw_features(conditions: Conditions) -> NDArray[np.float64]:
    """Currents of the contacts, amplitude and frequency, shape (trials, contacts + 2).

    Args:
        conditions: Any trials.
    """
    given = (conditions.amplitude_ma, conditions.frequency_hz)
    return np.column_stack([conditions.currents_ma, *given])


def smoothed_features(
    conditions: Conditions, lead: Lead = SPECIFY_565, width_mm: float = 7.0
) -> NDArray[np.float64]:
    """Currents as they arrive beside the contacts: a Gaussian over the lead spreads them.

    Args:
        conditions: Any trials.
        lead: Where the contacts lie.
        width_mm: Standard deviation of the Gaussian.

    Returns:
        The field at each contact but the case, amplitude and frequency, (trials, contacts + 1).
    """
    places = np.stack([lead.x_mm, lead.z_mm], axis=1)[:-1]
    squared = ((places[:, None] - places) ** 2).sum(axis=2)
    field_ma = conditions.currents_ma[:, :-1] @ np.exp(-0.5 * squared / width_mm**2)
    return np.column_stack([field_ma, conditions.amplitude_ma, conditions.frequency_hz])


@dataclass(frozen=True)
class _Kind:
    """A regression and the grid that its hyper-parameters are chosen from."""

    regressor: BaseEstimator
    grid: Mapping[str, list[Any]] = field(default_factory=dict)
    polynomial: int = 1
    smoothed: bool = False


def _kinds(seed: int) -> dict[str, _Kind]:
    kernel = {"regressor__alpha": _KERNEL_ALPHAS, "regressor__gamma": _GAMMAS}
    return {
        "mean": _Kind(DummyRegressor()),
        "ridge": _Kind(Ridge(), {"regressor__alpha": _ALPHAS}),
        "quadratic_ridge": _Kind(Ridge(), {"regressor__alpha": _ALPHAS}, polynomial=2),
        "k_nearest": _Kind(
            KNeighborsRegressor(weights="distance"), {"regressor__n_neighbors": [3, 5, 10, 20]}
        ),
        "kernel_ridge": _Kind(KernelRidge(kernel="rbf"), kernel),
        "smoothed_kernel_ridge": _Kind(KernelRidge(kernel="rbf"), kernel, smoothed=True),
        "perceptron": _Kind(
            MLPRegressor(hidden_layer_sizes=(64, 64), max_iter=_EPOCHS, random_state=seed),
            {"regressor__alpha": [1e-3, 1e-1, 10.0]},
        ),
    }


BASELINES = tuple(_kinds(0))
"""The names, the weakest first."""


class Baseline(Model):
    """A regression from features to all muscles, standardised and tuned; see :func:`baseline`.

    Attributes:
        name: One of `BASELINES`.
        chosen: Hyper-parameters that the cross-validation chose, empty before :meth:`fit`.
    """

    def __init__(self, name: str, kind: _Kind, lead: Lead) -> None:
        """Hold what is to be fitted; use :func:`baseline`."""
        self.name = name
        self.chosen: dict[str, Any] = {}
        self._kind, self._lead = kind, lead
        self._features: Features = raw_features
        self._also: list[str] = []
        self._pipeline: Pipeline | None = None

    def fit(self, conditions: Conditions, target: NDArray[np.float64]) -> Self:
        """Choose hyper-parameters by held-out configurations, then learn from all trials.

        Args:
            conditions: Of the training trials.
            target: Their responses, shape (trials, 14).

        Raises:
            ValueError: The two do not fit.
        """
        check_target(conditions, target)
        self._also = [name for name in _PULSE if np.ptp(getattr(conditions, name)) > 0]
        widths = _WIDTHS_MM if self._kind.smoothed else (None,)
        searches = [self._search(width, conditions, target) for width in widths]
        _, self._features, self._pipeline, self.chosen = max(searches, key=lambda one: one[0])
        return self

    def predict(self, conditions: Conditions) -> Prediction:
        """Foretell; there are no activities and no interval.

        Args:
            conditions: Of any trials.

        Raises:
            NotFitted: The model has learnt nothing yet.
        """
        if self._pipeline is None:
            raise NotFitted(f"{self.name} has learnt nothing yet: call fit first")
        rows = self._rows(self._features, conditions)
        return Prediction(np.asarray(self._pipeline.predict(rows)))

    def _rows(self, features: Features, conditions: Conditions) -> NDArray[np.float64]:
        """What the regression sees of each trial, shape (trials, numbers)."""
        also = [getattr(conditions, name) for name in self._also]
        return np.column_stack([features(conditions), *also])

    def _search(
        self, width_mm: float | None, conditions: Conditions, target: NDArray[np.float64]
    ) -> tuple[float, Features, Pipeline, dict[str, Any]]:
        """The best of the grid for one set of features, with its score."""

        def smoothed(trials: Conditions) -> NDArray[np.float64]:
            return smoothed_features(trials, self._lead, width_mm or 0.0)

        features: Features = raw_features if width_mm is None else smoothed
        chosen = {} if width_mm is None else {"width_mm": width_mm}
        groups = conditions.groups(mirror_of(self._lead))
        folds = min(_FOLDS, int(groups.max()) + 1)
        pipeline = Pipeline(
            [
                ("scale", StandardScaler()),
                ("terms", PolynomialFeatures(self._kind.polynomial, include_bias=False)),
                ("regressor", self._kind.regressor),
            ]
        )
        rows = self._rows(features, conditions)
        if not self._kind.grid or folds < 2:
            return 0.0, features, pipeline.fit(rows, target), chosen
        search = GridSearchCV(
            pipeline, dict(self._kind.grid), cv=GroupKFold(folds), scoring="neg_mean_squared_error"
        )
        with catch_warnings():
            # the perceptron's epochs are few on purpose: more learn the configurations by heart
            simplefilter("ignore", ConvergenceWarning)
            search.fit(rows, target, groups=groups)
        found = {key.partition("__")[2]: value for key, value in search.best_params_.items()}
        return float(search.best_score_), features, search.best_estimator_, chosen | found


def baseline(name: str, lead: Lead = SPECIFY_565, *, seed: int = 0) -> Baseline:
    """A baseline by its name.

    Args:
        name: One of `BASELINES`.
        lead: Where the contacts lie.
        seed: Of the perceptron's first weights.

    Raises:
        ValueError: There is no such baseline.
    """
    kinds = _kinds(seed)
    if name not in kinds:
        raise ValueError(f"a baseline must be one of {', '.join(kinds)}, got {name!r}")
    return Baseline(name, kinds[name], lead)
