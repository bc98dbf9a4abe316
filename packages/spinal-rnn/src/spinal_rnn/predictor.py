"""Fitted models asked for what figures show: late responses, waveforms, recruited roots."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, cast

import numpy as np
from numpy.typing import NDArray

from spinal_rnn.conditions import Conditions
from spinal_rnn.models.base import Model, Prediction
from spinal_rnn.responses import Scale, late_ms, measure_responses
from spinal_rnn.session import Session

if TYPE_CHECKING:
    from spinal_rnn.mapping import Mapping
    from spinal_rnn.models.recurrent import RecurrentModel
    from spinal_rnn.models.waveform import WaveformModel
    from spinal_rnn.models.weights import TrainedEnsemble

__all__ = ["Predictor", "predictor"]


@dataclass(frozen=True, eq=False)
class Predictor:
    """What is known of a session's responses: by roots, by waveforms, or by both.

    Attributes:
        session: Gives samples, sampling rate and lead.
        scale: Large responses, by which late ones are divided.
        roots: Foretells late responses by way of roots.
        waveforms: Foretells EMG in mV.
    """

    session: Session
    scale: Scale
    roots: "TrainedEnsemble | None" = None
    waveforms: Model | None = None

    def emg_mv(self, conditions: Conditions) -> NDArray[np.float64]:
        """EMG, shape (trials, time, 14).

        Args:
            conditions: Of any trials.

        Raises:
            ValueError: The model knows late responses only.
        """
        if self.waveforms is None:
            raise ValueError(
                "the EMG needs a model of waveforms, but these weights foretell late responses: "
                "give weights=fit, or those of a recurrent model"
            )
        return self.waveforms.predict(conditions).values

    def late(self, conditions: Conditions) -> Prediction:
        """Late responses as parts of the large ones, with intervals where the model has them.

        Args:
            conditions: Of any trials.
        """
        if self.roots is None:
            emg = self.emg_mv(conditions).astype(np.float32)
            heard = replace(self.session, conditions=conditions, emg=emg, truth={})
            return Prediction(self.scale.apply(measure_responses(heard).late_mv))
        found = self.roots.model.predict(conditions)
        ratio = self.roots.scale.mv / self.scale.mv
        low, high = (None if one is None else one * ratio for one in (found.low, found.high))
        return Prediction(found.values * ratio, found.activities, low, high)

    def root_heights_mm(self) -> NDArray[np.float64] | None:
        """Where the roots of a side lie along the lead, from rostral to caudal, shape (7,).

        None for a model without places of roots.
        """
        from spinal_rnn.models.anatomical import AnatomicalForm

        form = None if self.roots is None else self.roots.model.form
        if self.roots is None or not isinstance(form, AnatomicalForm) or form.kernel == "free":
            return None
        _, z_mm = form.roots_mm(self.roots.model.parameters)
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
        ValueError: The model is of another lead, of trials that were sampled otherwise, or of
            bursts of another number of pulses.
    """
    from spinal_rnn.models.files import load_model, responses_of
    from spinal_rnn.models.hybrid import HybridModel
    from spinal_rnn.models.recurrent import RecurrentModel
    from spinal_rnn.models.weights import TrainedEnsemble, check_pulses

    session, scale = mapping.session, mapping.scale
    if weights == "none":
        return None
    if weights == "fit":
        return _fit_to_others(mapping)
    model = load_model(weights)
    if not isinstance(model, TrainedEnsemble):
        _check_sampling(model.front if isinstance(model, HybridModel) else model, session)
    if isinstance(model, RecurrentModel):
        return Predictor(session, scale, waveforms=model)
    trained = responses_of(model)
    waveforms = None if isinstance(model, TrainedEnsemble) else model
    lead = trained.model.form.lead
    if len(lead) != len(session.lead):
        raise ValueError(
            f"weights must be of the {len(session.lead)} contacts of {session.lead.name}, got "
            f"those of {len(lead)}"
        )
    places = [np.stack([one.x_mm, one.z_mm]) for one in (lead, session.lead)]
    if not np.allclose(places[0], places[1], equal_nan=True):
        raise ValueError(
            f"weights must be of contacts that lie as on {session.lead.name}, got those of "
            f"{lead.name} at other places: train on this session"
        )
    check_pulses(trained, mapping.trials.conditions)
    return Predictor(session, scale, trained, waveforms)


def _check_sampling(model: "WaveformModel | RecurrentModel", session: Session) -> None:
    """Refuse a model of waveforms whose samples are not the session's."""
    learnt = (model.samples, model.fs_hz, model.lead_in_ms)
    recorded = (session.emg.shape[1], session.fs_hz, session.lead_in_ms)
    if learnt != recorded:
        told = "{} samples at {:g} Hz, the first pulse at {:g} ms".format
        raise ValueError(
            f"weights must be of trials like the session's, {told(*recorded)}, got those of trials "
            f"of {told(*learnt)}: import the session so, or train on it"
        )


def _fit_to_others(mapping: "Mapping") -> Predictor:
    from spinal_rnn.models.anatomical import AnatomicalForm
    from spinal_rnn.models.ensemble import RootEnsemble
    from spinal_rnn.models.waveform import WaveformModel
    from spinal_rnn.models.weights import TrainedEnsemble

    session = mapping.session
    known = session.take(mapping.others)
    ensemble = RootEnsemble(AnatomicalForm(session.lead, late_ms=late_ms(session)))
    model = WaveformModel(
        session.emg.shape[1], session.fs_hz, session.lead_in_ms, ensemble=ensemble
    )
    model.fit(known.conditions, known.emg)
    trained = TrainedEnsemble(ensemble, cast(Scale, model.scale), {})
    return Predictor(session, mapping.scale, trained, model)
