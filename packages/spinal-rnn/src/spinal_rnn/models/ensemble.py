"""An ensemble of root models, trained together, each without a part of the configurations.

What a member did not learn from calibrates the intervals; in the end every member learns from all
trials for a while. What members then disagree on tells where more trials are wanted. All members
are one batched computation, which takes less time than one after the other.
"""

import math
from copy import copy
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from spinal_rnn.conditions import Conditions
from spinal_rnn.models.anatomical import AnatomicalForm
from spinal_rnn.models.base import Model, NotFitted, Prediction, check_target
from spinal_rnn.models.forms import Form, Parameters, Stimulation, stimulation
from spinal_rnn.models.intervals import Calibration, calibrate
from spinal_rnn.splits import Split, configuration_folds, mirror_of

__all__ = ["RootEnsemble"]

_CHUNK = 2048
_LAST_RATE = 0.02  # of the first learning rate
_TOGETHER = 0.2  # of the updates
_TOGETHER_RATE = 0.25  # of the learning rate
_BETAS = (0.9, 0.99)


class RootEnsemble(Model):
    """Late responses from conditions, by way of fourteen roots.

    Targets are late responses as parts of a muscle's large one (`spinal_rnn.responses.Scale`).
    Repeated trials are kept as they are: each is a row of equal weight. A muscle that is 0 in all
    training trials is foretold to stay so.

    Attributes:
        form: What each member computes.
        parameters: The members' numbers, empty before :meth:`fit`.
        calibration: Of the intervals, None before :meth:`fit` and with one fold.
    """

    def __init__(
        self,
        form: Form | None = None,
        *,
        members: int = 10,
        folds: int = 5,
        updates: int = 320,
        learning_rate: float = 0.05,
        level: float = 0.9,
        seed: int = 0,
    ) -> None:
        """Say how to learn.

        Args:
            form: What each member computes; None is `AnatomicalForm` on the default lead.
            members: How many there are.
            folds: Parts of the configurations, of which each member leaves one out; 1 leaves none
                out, and gives no intervals.
            updates: By Adam, with all trials at once; in the last fifth, no member leaves any
                out.
            learning_rate: At the first update; it falls along a cosine.
            level: Coverage of the intervals.
            seed: Of the first parameters and of the folds.

        Raises:
            ValueError: There are fewer members than folds, or no update.
        """
        if not 1 <= folds <= members:
            raise ValueError(
                f"members must be at least as many as folds, at least 1, got {members} and {folds}"
            )
        if updates < 1:
            raise ValueError(f"updates must be at least 1, got {updates}")
        self.form: Form = AnatomicalForm() if form is None else form
        self.members, self.folds, self.updates = members, folds, updates
        self.learning_rate, self.level, self.seed = learning_rate, level, seed
        self.parameters: Parameters = {}
        self.calibration: Calibration | None = None

    def fit(self, conditions: Conditions, target: NDArray[np.float64]) -> Self:
        """Learn from the begin, all members together.

        Args:
            conditions: Of the training trials.
            target: Their late responses as parts, shape (trials, 14).

        Raises:
            ValueError: The two do not fit, all trials are of one configuration, or bursts differ in
                their number of pulses, which no form sees.
        """
        check_target(conditions, target)
        if len(kinds := np.unique(conditions.pulses)) > 1:
            raise ValueError(
                f"pulses must be the same in all trials, got {', '.join(map(str, kinds))}: root "
                "models do not tell bursts apart; keep the trials of one kind"
            )
        folds = self._folds(conditions)
        weight = np.ones((self.members, len(target)))
        for member in range(self.members if folds else 0):
            weight[member, folds[member % len(folds)].test] = 0
        drawn = self.form.draw(self.members, torch.Generator().manual_seed(self.seed))
        drawn = self.form.silence(drawn, torch.from_numpy(~target.any(axis=0)))
        together = round(_TOGETHER * self.updates) if folds else 0
        alone = self.updates - together
        self.parameters = _learn(
            self.form, drawn, conditions, target, weight, alone, self.learning_rate
        )
        self.calibration = self._calibrated(conditions, target, folds) if folds else None
        self.parameters = self.refit(
            conditions, target, updates=together, learning_rate=_TOGETHER_RATE * self.learning_rate
        ).parameters
        return self

    def refit(
        self,
        conditions: Conditions,
        target: NDArray[np.float64],
        *,
        updates: int = 20,
        learning_rate: float = 0.005,
    ) -> Self:
        """A copy that goes on learning from where this one is: cheap after a few more trials.

        Every member learns from every trial, so that the members agree on what was measured. The
        calibration is kept: it tells of configurations that were not.

        Args:
            conditions: Of all trials by now.
            target: What they answered, as parts on the scale of the first fit, shape (trials, 14).
            updates: How many more.
            learning_rate: At the first of them.

        Raises:
            NotFitted: There is nothing to go on from.
            ValueError: The two do not fit.
        """
        self._check_fitted()
        check_target(conditions, target)
        again = copy(self)
        weight = np.ones((self.members, len(target)))
        again.parameters = _learn(
            self.form, self.parameters, conditions, target, weight, updates, learning_rate
        )
        return again

    def response(
        self,
        configuration: Tensor,
        amplitude_ma: Tensor,
        frequency_hz: Tensor,
        pulse_width_us: Tensor,
    ) -> tuple[Tensor, Tensor]:
        """What each member says, differentiable in all arguments.

        Args:
            configuration: Shape (trials, contacts), the case among them.
            amplitude_ma: Shape (trials,).
            frequency_hz: Shape (trials,).
            pulse_width_us: Shape (trials,).

        Returns:
            Responses, shape (members, trials, 14), and recruited parts of the roots, shape
            (members, trials, 14).

        Raises:
            NotFitted: There is nothing learnt yet.
        """
        self._check_fitted()
        currents_ma = configuration * amplitude_ma[:, None]
        given = Stimulation(currents_ma, frequency_hz, pulse_width_us)
        return self.form.respond(self.parameters, given)

    def predict(self, conditions: Conditions) -> Prediction:
        """Foretell: mean over the members, recruited roots, interval.

        Args:
            conditions: Of any trials.

        Raises:
            NotFitted: There is nothing learnt yet.
        """
        values, roots = self.predict_members(conditions)
        mean = values.mean(axis=0)
        if self.calibration is None:
            return Prediction(mean, roots.mean(axis=0))
        return Prediction(
            mean, roots.mean(axis=0), *self.calibration.interval(mean, values.std(axis=0))
        )

    def predict_members(
        self, conditions: Conditions
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """What each member says.

        Args:
            conditions: Of any trials.

        Returns:
            Responses and recruited parts of the roots, each of shape (members, trials, 14).

        Raises:
            NotFitted: There is nothing learnt yet.
        """
        self._check_fitted()
        parts = [torch.split(part, _CHUNK) for part in stimulation(conditions)]
        with torch.no_grad():
            pairs = [
                self.form.respond(self.parameters, Stimulation(*part))
                for part in zip(*parts, strict=True)
            ]
        values, roots = (torch.cat(one, dim=1).double().numpy() for one in zip(*pairs, strict=True))
        return values, roots

    def _check_fitted(self) -> None:
        if not self.parameters:
            raise NotFitted("the ensemble has learnt nothing yet: call fit first")

    def _folds(self, conditions: Conditions) -> list[Split]:
        if self.folds == 1:
            return []
        mirror = mirror_of(self.form.lead)
        return list(configuration_folds(conditions, mirror, self.folds, seed=self.seed))

    def _calibrated(
        self, conditions: Conditions, target: NDArray[np.float64], folds: list[Split]
    ) -> Calibration:
        values, _ = self.predict_members(conditions)
        predicted = np.empty_like(target)
        for one, fold in enumerate(folds):
            predicted[fold.test] = values[one :: len(folds), fold.test].mean(axis=0)
        return calibrate(target, predicted, values.std(axis=0), self.level)


def _learn(
    form: Form,
    start: Parameters,
    conditions: Conditions,
    target: NDArray[np.float64],
    weight: NDArray[np.float64],
    updates: int,
    learning_rate: float,
) -> dict[str, Tensor]:
    """Parameters of least weighted squares, all members at once, from a start."""
    given = stimulation(conditions)
    wanted = torch.from_numpy(target.astype(np.float32))
    share = torch.from_numpy((weight / weight.sum(axis=1, keepdims=True)).astype(np.float32))
    parameters = {name: one.detach().clone().requires_grad_() for name, one in start.items()}
    optimiser = torch.optim.Adam(list(parameters.values()), lr=learning_rate, betas=_BETAS)
    for update in range(updates):
        falling = 0.5 * (1 + math.cos(math.pi * update / updates))
        optimiser.param_groups[0]["lr"] = learning_rate * max(falling, _LAST_RATE)
        values, _ = form.respond(parameters, given)
        error = (((values - wanted) ** 2).mean(dim=-1) * share).sum(dim=-1)
        optimiser.zero_grad()
        # the members share no parameter: the sum's gradient is each one's own
        total = (error + form.penalty(parameters)).sum()
        total.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
    return {name: one.detach() for name, one in parameters.items()}
