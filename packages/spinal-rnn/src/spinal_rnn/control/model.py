"""The fitted ensemble as a surrogate: no noise floor, and parts of each muscle's full response."""

from dataclasses import dataclass, replace
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from spinal_rnn.conditions import Conditions
from spinal_rnn.models.anatomical import AnatomicalForm
from spinal_rnn.models.ensemble import RootEnsemble
from spinal_rnn.models.forms import NEVER, Parameters, Stimulation, stimulation
from spinal_rnn.responses import Responses, Scale

__all__ = ["EnsembleSurrogate"]

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class EnsembleSurrogate:
    """What the members of a fitted `RootEnsemble` say a muscle does.

    The ensemble learns peak-to-peaks, to which noise adds a floor. The surrogate leaves the floor
    out, and divides by the late response of fully recruited roots at the reference frequency. A
    muscle that was 0 in all trials has no full response; it is 0 here, too.

    Attributes:
        form: The ensemble's form.
        parameters: The ensemble's.
        scale: Of the responses that the ensemble was fitted to.
        reference_hz: Where a full response is 1.
    """

    form: AnatomicalForm
    parameters: Parameters
    scale: Scale
    reference_hz: float

    @classmethod
    def fit(cls, responses: Responses, reference_hz: float, ensemble: RootEnsemble) -> Self:
        """Fit an ensemble to a session's responses.

        Args:
            responses: Of the session.
            reference_hz: The lowest frequency that may be used, for it gives the largest responses.
            ensemble: What to fit, with an `AnatomicalForm`.

        Raises:
            TypeError: The ensemble has another form.
        """
        scale = Scale.fit(responses.late_mv)
        ensemble.fit(responses.conditions, scale.apply(responses.late_mv))
        if not isinstance(ensemble.form, AnatomicalForm):
            raise TypeError(f"the form must be an AnatomicalForm, got {type(ensemble.form)}")
        return cls(ensemble.form, ensemble.parameters, scale, reference_hz)

    def responses(self, conditions: Conditions) -> Array:
        """Late responses as parts of the full one, shape (members, trials, 14)."""
        with torch.no_grad():
            values = self.respond(stimulation(conditions))
        return np.asarray(values.double().numpy())

    def respond(self, given: Stimulation) -> Tensor:
        """The same, differentiable in the stimulation, shape (members, trials, 14)."""
        quiet = replace(self.form, floor=False)
        values, _ = quiet.respond(self.parameters, given)
        return (values / self._full[:, None]).masked_fill(self._silent[:, None], 0)

    def parts(self, late_mv: Array, conditions: Conditions) -> Array:
        """Measured responses without the floor, as parts of the full one.

        Args:
            late_mv: Shape (trials, 14).
            conditions: The trials.
        """
        given = stimulation(conditions)
        silent = given._replace(currents_ma=torch.zeros_like(given.currents_ma))
        with torch.no_grad():
            floor, _ = self.form.respond(self.parameters, silent)
        squared = self.scale.apply(late_mv) ** 2 - floor.double().numpy().mean(axis=0) ** 2
        parts = np.sqrt(np.maximum(squared, 0)) / self._full.mean(dim=0).numpy()
        return np.asarray(np.where(self._silent[0].numpy(), 0.0, parts))

    @property
    def _silent(self) -> Tensor:
        """Which muscles the ensemble was told never to respond, (members, 14)."""
        return self.parameters["log_top"] <= NEVER

    @property
    def _full(self) -> Tensor:
        """Late response of fully recruited roots at the reference frequency, (members, 14)."""
        top = self.parameters["log_top"].exp()
        if not self.form.depression:
            return top
        ones = torch.ones(len(top), 1, top.shape[1])
        hz = torch.tensor([self.reference_hz])
        return top * self.form.resource(self.parameters, ones, hz)[:, 0]
