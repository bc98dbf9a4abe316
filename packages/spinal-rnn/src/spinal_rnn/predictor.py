"""Fitted models asked for what figures show: late responses, waveforms, recruited roots."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from spinal_rnn.conditions import Conditions
from spinal_rnn.models.base import Prediction
from spinal_rnn.responses import Scale, measure_responses
from spinal_rnn.session import Session

if TYPE_CHECKING:
    from spinal_rnn.mapping import Mapping
    from spinal_rnn.models.base import Model
    from spinal_rnn.models.waveform import WaveformModel

__all__ = ["Predictor", "predictor"]


@dataclass(frozen=True, eq=False)
class Predictor:
    """A model of waveforms in mV, with the session that it speaks of.

    Attributes:
        model: Fitted to EMG in mV.
        session: Gives samples, sampling rate and lead.
        scale: Large responses, by which late ones are divided.
        roots: The model by way of roots, if it is one.
    """

    model: "Model"
    session: Session
    scale: Scale
    roots: "WaveformModel | None" = None

    def waveforms_mv(self, conditions: Conditions) -> NDArray[np.float64]:
        """EMG, shape (trials, time, 14).

        Args:
            conditions: Of any trials.
        """
        return self.model.predict(conditions).values

    def late(self, conditions: Conditions) -> Prediction:
        """Late responses as parts of the large ones, with intervals where the model has them.

        Args:
            conditions: Of any trials.
        """
        if self.roots is None or self.roots.scale is None:
            emg = self.waveforms_mv(conditions).astype(np.float32)
            heard = replace(self.session, conditions=conditions, emg=emg, truth={})
            return Prediction(self.scale.apply(measure_responses(heard).late_mv))
        found = self.roots.ensemble.predict(conditions)
        ratio = self.roots.scale.mv / self.scale.mv
        low, high = (None if one is None else one * ratio for one in (found.low, found.high))
        return Prediction(found.values * ratio, found.activities, low, high)

    def root_heights_mm(self) -> NDArray[np.float64] | None:
        """Where the roots of a side lie along the lead, from rostral to caudal, shape (7,).

        None for a model without places of roots.
        """
        from spinal_rnn.models.anatomical import AnatomicalForm

        if self.roots is None or not isinstance(self.roots.ensemble.form, AnatomicalForm):
            return None
        form, parameters = self.roots.ensemble.form, self.roots.ensemble.parameters
        _, z_mm = form.roots_mm(parameters)
        heights = z_mm.mean(dim=0).double().numpy()
        return np.asarray(heights.reshape(2, -1).mean(axis=0))


def predictor(mapping: "Mapping", weights: str) -> Predictor | None:
    """The model that ``weights`` names.

    Args:
        mapping: The session and the configuration that is drawn.
        weights: "fit" fits the default model to all configurations but the one that is drawn and
            its mirror image; "none" is no model; else the directory of a trained one.

    Raises:
        FileNotFoundError: There is no such directory.
        FormatError: It holds no model.
    """
    from spinal_rnn.models.ensemble import RootEnsemble
    from spinal_rnn.models.waveform import WaveformModel

    session, scale = mapping.session, mapping.scale
    if weights == "none":
        return None
    if weights == "fit":
        from spinal_rnn.models.anatomical import AnatomicalForm

        known = mapping.session.take(mapping.others)
        ensemble = RootEnsemble(AnatomicalForm(session.lead))
        model = WaveformModel(
            session.emg.shape[1], session.fs_hz, session.lead_in_ms, ensemble=ensemble
        )
        model.fit(known.conditions, known.emg)
        return Predictor(model, session, scale, model)
    from spinal_rnn.models.recurrent import RecurrentModel

    return Predictor(RecurrentModel.load(weights), session, scale)
