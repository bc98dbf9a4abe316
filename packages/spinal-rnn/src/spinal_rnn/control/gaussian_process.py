"""A Gaussian process over configurations: what a search without a model of the person would use.

The process is BoTorch's, with a Matern kernel over currents that are smoothed on the lead, so that
neighbouring contacts are alike, times one over the frequency's octaves. Its hyper-parameters are
fitted. The next configuration has the highest upper confidence bound (Srinivas et al. 2010).
"""

import warnings
from dataclasses import dataclass
from dataclasses import fields as dataclass_fields
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_solve, solve_triangular
from scipy.spatial.distance import cdist

from neuro_common.extras import require
from spinal_rnn.conditions import Conditions
from spinal_rnn.control.objectives import Objective
from spinal_rnn.control.search_space import fields
from spinal_rnn.control.surrogate import matern
from spinal_rnn.lead import SPECIFY_565, Lead

__all__ = [
    "ConfigurationProcess",
    "Hyperparameters",
    "Values",
    "fit_hyperparameters",
    "series_values",
]

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Values:
    """What each measured series came to.

    Attributes:
        vectors: Configurations, shape (series, contacts).
        frequency_hz: Shape (series,).
        pulse_width_us: Shape (series,).
        amplitude_ma: Where the series is best, shape (series,).
        value: The score there, shape (series,).
    """

    vectors: Array
    frequency_hz: Array
    pulse_width_us: Array
    amplitude_ma: Array
    value: Array

    def __len__(self) -> int:
        return len(self.vectors)

    def with_more(self, other: "Values") -> "Values":
        """These and others."""
        return Values(
            *(
                np.concatenate([mine, theirs])
                for mine, theirs in zip(_columns(self), _columns(other), strict=True)
            )
        )


def series_values(conditions: Conditions, responses: Array, objective: Objective) -> Values:
    """The best score of each series of amplitudes.

    Responses at three neighbouring amplitudes are averaged before they are scored: the best of ten
    single trials is mostly their noise.

    Args:
        conditions: Trials of any series.
        responses: As parts of the full one, shape (trials, 14).
        objective: The score.
    """
    kinds = (conditions.frequency_hz, conditions.pulse_width_us, conditions.pulses)
    keys = np.stack([conditions.groups(), *kinds], axis=1)
    rows = []
    for key in np.unique(keys, axis=0):
        (trials,) = np.nonzero((keys == key).all(axis=1))
        order = trials[np.argsort(conditions.amplitude_ma[trials], kind="stable")]
        smooth = np.stack(
            [responses[order[max(n - 1, 0) : n + 2]].mean(axis=0) for n in range(len(order))]
        )
        scores = objective(smooth)
        best = int(scores.argmax())
        rows.append((order[best], scores[best]))
    chosen = np.array([trial for trial, _ in rows], dtype=np.int64)
    return Values(
        conditions.configuration[chosen],
        conditions.frequency_hz[chosen],
        conditions.pulse_width_us[chosen],
        conditions.amplitude_ma[chosen],
        np.array([value for _, value in rows]),
    )


@dataclass(frozen=True)
class Hyperparameters:
    """Of a `ConfigurationProcess`, for values that are standardised.

    Attributes:
        length: Over which configurations are alike, in the smoothed currents' units.
        octaves: Over which frequencies are alike.
        variance: Of the function.
        noise: Variance of a measured value.
        mean: Far from all data.
    """

    length: float
    octaves: float
    variance: float
    noise: float
    mean: float


class ConfigurationProcess:
    """A belief about the best score of each configuration.

    Attributes:
        values: What it has seen.
        hyperparameters: What BoTorch fitted.
    """

    def __init__(self, values: Values, lead: Lead = SPECIFY_565, smoothing_mm: float = 8.0) -> None:
        """Fit the hyper-parameters to what was measured.

        Args:
            values: At least two series.
            lead: Where the contacts lie.
            smoothing_mm: Width of the Gaussian that smooths currents over the lead.

        Raises:
            ValueError: There are fewer than two series.
            neuro_common.extras.MissingExtra: BoTorch is not installed.
        """
        if len(values) < 2:
            raise ValueError(f"a process needs at least two series to fit, got {len(values)}")
        self._smooth = fields(lead, smoothing_mm)
        self._centre, self._unit = values.value.mean(), max(float(values.value.std()), 1e-9)
        inputs = self._features(values.vectors, values.frequency_hz)
        self.hyperparameters = fit_hyperparameters(
            inputs, (values.value - self._centre) / self._unit
        )
        self.observe(values)

    def observe(self, values: Values) -> None:
        """Replace what it has seen; the hyper-parameters stay.

        Args:
            values: All series by now.
        """
        self.values = values
        self._inputs = self._features(values.vectors, values.frequency_hz)
        covariance = _kernel(self._inputs, self._inputs, self.hyperparameters)
        covariance[np.diag_indices_from(covariance)] += self.hyperparameters.noise
        self._factor = np.linalg.cholesky(covariance)
        targets = (values.value - self._centre) / self._unit - self.hyperparameters.mean
        self._weights = cho_solve((self._factor, True), targets)

    def posterior(self, vectors: Array, frequency_hz: Any) -> tuple[Array, Array]:
        """Mean and standard deviation of the best score of configurations, without noise.

        Args:
            vectors: Shape (configurations, contacts).
            frequency_hz: One, or one of each.
        """
        inputs = self._features(vectors, frequency_hz)
        across = _kernel(inputs, self._inputs, self.hyperparameters)
        explained = solve_triangular(self._factor, across.T, lower=True)
        variance = self.hyperparameters.variance - (explained**2).sum(axis=0)
        mean = self.hyperparameters.mean + across @ self._weights
        deviation = np.sqrt(np.maximum(variance, 0))
        return mean * self._unit + self._centre, deviation * self._unit

    def _features(self, vectors: Array, frequency_hz: Any) -> Array:
        octaves = np.broadcast_to(np.log2(np.asarray(frequency_hz) / 20.0), len(vectors))
        return np.column_stack([self._smooth(vectors), octaves])


def fit_hyperparameters(inputs: Array, targets: Array) -> Hyperparameters:
    """Maximise the marginal likelihood with BoTorch, under its default priors.

    Args:
        inputs: Smoothed currents and, last, octaves, shape (series, features).
        targets: Standardised values, shape (series,).
    """
    torch = require("torch", "train")
    last = inputs.shape[1] - 1
    with warnings.catch_warnings():
        # importing it meets what torch deprecates; and it warns of data outside the unit cube and
        # of fits that end early, of which neither is wrong here
        warnings.simplefilter("ignore")
        kernels = require("gpytorch.kernels", "bo", "spinal-rnn")
        likelihoods = require("gpytorch.mlls", "bo", "spinal-rnn")
        models = require("botorch.models", "bo", "spinal-rnn")
        fitting = require("botorch.fit", "bo", "spinal-rnn")
        where = kernels.MaternKernel(nu=2.5, active_dims=tuple(range(last)))
        often = kernels.MaternKernel(nu=2.5, active_dims=(last,))
        kernel = kernels.ScaleKernel(where * often)
        model = models.SingleTaskGP(
            torch.as_tensor(inputs),
            torch.as_tensor(targets)[:, None],
            covar_module=kernel,
            outcome_transform=None,
        )
        fitting.fit_gpytorch_mll(likelihoods.ExactMarginalLogLikelihood(model.likelihood, model))
    return Hyperparameters(
        where.lengthscale.item(),
        often.lengthscale.item(),
        kernel.outputscale.item(),
        model.likelihood.noise.item(),
        model.mean_module.constant.item(),
    )


def _kernel(one: Array, other: Array, numbers: Hyperparameters) -> Array:
    """Covariance of the function at inputs, shape (inputs of one, inputs of other)."""
    where = cdist(one[:, :-1], other[:, :-1]) / numbers.length
    often = np.abs(one[:, -1:] - other[:, -1]) / numbers.octaves
    return numbers.variance * matern(where) * matern(often)


def _columns(values: Values) -> list[Array]:
    return [getattr(values, one.name) for one in dataclass_fields(values)]
