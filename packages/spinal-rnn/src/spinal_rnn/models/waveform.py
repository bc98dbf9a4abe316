"""EMG over time: the pulse responses of the root models, drawn out by each muscle's own reflex.

Every pulse evokes one reflex, of the size that the roots and the depression by earlier pulses give
it. What a reflex looks like is learnt from the EMG, as a curve of cubic splines for each muscle:
given the sizes, the best curve is the solution of linear equations, so that nothing is trained but
the sizes, on the late responses. Pulses lie at any time, samples on their grid.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.interpolate import BSpline

from neuro_common.checkpoint import load_checkpoint, save_checkpoint
from neuro_common.files import FormatError
from spinal_rnn.conditions import Conditions
from spinal_rnn.encoding import pulse_trains
from spinal_rnn.models.anatomical import AnatomicalForm
from spinal_rnn.models.base import Model, NotFitted, Prediction, check_target
from spinal_rnn.models.ensemble import RootEnsemble
from spinal_rnn.models.forms import Stimulation, recruited, stimulation
from spinal_rnn.models.weights import TrainedEnsemble, load_ensemble, save_ensemble
from spinal_rnn.responses import ONSET_MS, Scale, measure_responses
from spinal_rnn.session import LEAD_IN_MS, Session

__all__ = ["Reflex", "WaveformModel", "fit_reflex", "pulse_sizes", "spline_basis"]

Array = NDArray[np.float64]

_DEGREE = 3
_RIDGE = 1e-3
_CHUNK = 1024
_KIND = "spinal-rnn/reflex"
_FACTS = ("samples", "fs_hz", "lead_in_ms")
_SPLINES = ("first_ms", "last_ms", "step_ms")


def spline_basis(lag_ms: Array, first_ms: float, last_ms: float, step_ms: float) -> Array:
    """Cubic B-splines of a lag, on equal knots.

    Args:
        lag_ms: Time since a pulse, any shape.
        first_ms: Where the first spline begins to count.
        last_ms: Where the last one ends to.
        step_ms: Between knots.

    Returns:
        Shape (..., splines), 0 outside of first_ms to last_ms, with the sum 1 inside.
    """
    reach = _DEGREE * step_ms
    knots = np.arange(first_ms - reach, last_ms + reach + step_ms / 2, step_ms)
    inside = (lag_ms >= knots[_DEGREE]) & (lag_ms < knots[-_DEGREE - 1])
    values = np.zeros((*lag_ms.shape, len(knots) - _DEGREE - 1))
    values[inside] = BSpline.design_matrix(lag_ms[inside], knots, _DEGREE).toarray()
    return values


@dataclass(frozen=True, eq=False)
class Reflex:
    """What a muscle's EMG does after a pulse to which it responds with size 1.

    Attributes:
        weight: Of the splines, in the unit of the EMG, shape (splines, 14).
        first_ms: From the pulse to the first spline.
        last_ms: From the pulse to the end of the last.
        step_ms: Between knots.
    """

    weight: Array
    first_ms: float
    last_ms: float
    step_ms: float

    def at(self, lag_ms: Array) -> Array:
        """The curve some time after the pulse, shape (..., 14).

        Args:
            lag_ms: Any shape.
        """
        basis = spline_basis(lag_ms, self.first_ms, self.last_ms, self.step_ms)
        return np.asarray(basis @ self.weight)


def fit_reflex(
    parts: Iterator[tuple[Array, Array, Array]],
    *,
    first_ms: float = 4.0,
    last_ms: float = 50.0,
    step_ms: float = 1.0,
) -> Reflex:
    """The reflex of least squares, given when the pulses came and how large each response was.

    Args:
        parts: For each set of trials with the same pulses: the lag of each sample behind each pulse
            in ms, shape (pulses, time); the sizes, (trials, pulses, 14); the EMG, (trials, time,
            14).
        first_ms: As `Reflex.first_ms`.
        last_ms: As `Reflex.last_ms`.
        step_ms: As `Reflex.step_ms`.

    Raises:
        ValueError: There is no trial.
    """
    gram, projected = None, None
    for lag_ms, sizes, emg in parts:
        basis = spline_basis(lag_ms, first_ms, last_ms, step_ms)
        # the equations need products of sizes, pulse by pulse: no array of all trials' splines
        pairs = np.einsum("nkm,nlm->mkl", sizes, sizes)
        overlap = np.einsum("kts,ltr->klsr", basis, basis)
        left = np.einsum("mkl,klsr->msr", pairs, overlap, optimize=True)
        right = np.einsum("nkm,kts,ntm->ms", sizes, basis, emg, optimize=True)
        gram = left if gram is None else gram + left
        projected = right if projected is None else projected + right
    if gram is None or projected is None:
        raise ValueError("a reflex needs at least one trial to fit, got none")
    splines = gram.shape[1]
    size = np.trace(gram, axis1=1, axis2=2) / splines
    ridge = np.where(size > 0, _RIDGE * size, 1.0)[:, None, None] * np.eye(splines)
    weight = np.linalg.solve(gram + ridge, projected[..., None])[..., 0]
    return Reflex(weight.T, first_ms, last_ms, step_ms)


def pulse_sizes(ensemble: RootEnsemble, conditions: Conditions, pulse_ms: Array) -> Array:
    """What an ensemble says of the response to each pulse, without the floor that noise adds.

    Args:
        ensemble: Fitted, of an `AnatomicalForm` with depression.
        conditions: Trials that all have these pulses.
        pulse_ms: Their times, rising, shape (pulses,).

    Returns:
        Mean over the members, as parts of a muscle's large response, (trials, pulses, 14).

    Raises:
        ValueError: The model has no depression, so no response to a single pulse.
    """
    form, parameters = ensemble.form, ensemble.parameters
    if not (isinstance(form, AnatomicalForm) and form.depression):
        raise ValueError("pulse responses need an AnatomicalForm with depression")
    rows = [torch.split(column, _CHUNK) for column in stimulation(conditions)]
    with torch.no_grad():
        slope = parameters["log_slope"][..., None].exp()
        tau_ms = parameters["log_recovery_ms"][..., None].exp()
        top = parameters["log_top"].exp()[:, None]
        chunks = []
        for row in zip(*rows, strict=True):
            given = Stimulation(*row)
            size = form.pool(parameters, recruited(form.drive(parameters, given), slope))
            kept, _ = form.use(parameters, size, given.frequency_hz)
            resource = [torch.ones_like(size)]
            for gap_ms in np.diff(pulse_ms):
                missing = 1 - resource[-1] * kept
                resource.append(1 - missing * torch.exp(-gap_ms / tau_ms))
            chunks.append(torch.stack([(size * top * x).mean(dim=0) for x in resource], dim=1))
    return np.asarray(torch.cat(chunks).double().numpy())


class WaveformModel(Model):
    """EMG from conditions, by way of roots, pulse responses and reflexes.

    Targets are EMG of any unit, shape (trials, time, 14); activities of a prediction are the
    recruited parts of the roots, (trials, 14).

    Attributes:
        ensemble: Of the late responses; its predictions have intervals.
        scale: Large late response of each muscle, by which the ensemble's targets were divided.
        reflex: Of each muscle, None before :meth:`fit`.
    """

    def __init__(
        self,
        samples: int,
        fs_hz: float = 1000.0,
        lead_in_ms: float = LEAD_IN_MS,
        *,
        ensemble: RootEnsemble | None = None,
    ) -> None:
        """Say what trials look like.

        Args:
            samples: Of a trial.
            fs_hz: Samples per second.
            lead_in_ms: From the first sample to the first pulse.
            ensemble: Learns the late responses; None is one with defaults.
        """
        self.samples, self.fs_hz, self.lead_in_ms = samples, fs_hz, lead_in_ms
        if ensemble is None:
            late_ms = samples / fs_hz * 1e3 - lead_in_ms - float(ONSET_MS.mean())
            ensemble = RootEnsemble(AnatomicalForm(late_ms=late_ms))
        self.ensemble = ensemble
        self.scale: Scale | None = None
        self.reflex: Reflex | None = None

    def fit(self, conditions: Conditions, target: NDArray[Any]) -> Self:
        """Learn the late responses, then the reflexes.

        Args:
            conditions: Of the training trials.
            target: Their EMG, shape (trials, time, 14).

        Raises:
            ValueError: The two do not fit, or trials are too short for a late response.
        """
        check_target(conditions, target, ndim=3)
        if target.shape[1] != self.samples:
            raise ValueError(f"target must have {self.samples} samples, got {target.shape[1]}")
        emg = target.astype(np.float32)
        lead = self.ensemble.form.lead
        session = Session(conditions, emg, self.fs_hz, self.lead_in_ms, lead)
        late_mv = measure_responses(session).late_mv
        self.scale = Scale.fit(late_mv)
        self.ensemble.fit(conditions, self.scale.apply(late_mv))
        self.reflex = fit_reflex(
            (lag_ms, sizes, target[trials].astype(np.float64))
            for trials, lag_ms, sizes in self._pulses(conditions)
        )
        return self

    def predict(self, conditions: Conditions) -> Prediction:
        """Foretell the EMG.

        Args:
            conditions: Of any trials.

        Raises:
            NotFitted: There is nothing learnt yet.
        """
        if self.reflex is None:
            raise NotFitted("the model has learnt nothing yet: call fit first")
        emg = np.zeros((len(conditions), self.samples, self.reflex.weight.shape[1]))
        for trials, lag_ms, sizes in self._pulses(conditions):
            emg[trials] = np.einsum("nkm,ktm->ntm", sizes, self.reflex.at(lag_ms), optimize=True)
        return Prediction(emg, self.ensemble.predict(conditions).activities)

    def save(self, directory: str | Path) -> None:
        """Write the model: the ensemble to ``responses``, the reflexes to ``reflex``.

        Args:
            directory: Directory to write to.

        Raises:
            NotFitted: The model has learnt nothing yet.
        """
        if self.reflex is None or self.scale is None:
            raise NotFitted("the model has learnt nothing yet: call fit first")
        save_ensemble(Path(directory) / "responses", TrainedEnsemble(self.ensemble, self.scale, {}))
        facts = {name: getattr(self, name) for name in _FACTS}
        facts |= {name: getattr(self.reflex, name) for name in _SPLINES}
        weight = {"weight": self.reflex.weight}
        save_checkpoint(Path(directory) / "reflex", weight, {"kind": _KIND, **facts})

    @classmethod
    def load(cls, directory: str | Path) -> Self:
        """Read what :meth:`save` wrote; the predictions are the same to the bit.

        Args:
            directory: Directory that was written to.

        Raises:
            FileNotFoundError: There is no whole model.
            FormatError: The files are damaged or of something else.
        """
        trained = load_ensemble(Path(directory) / "responses")
        arrays, manifest = load_checkpoint(Path(directory) / "reflex")
        if manifest.get("kind") != _KIND:
            raise FormatError(f"{directory} must hold reflexes, got {manifest.get('kind')!r}")
        try:
            model = cls(*(manifest[name] for name in _FACTS), ensemble=trained.model)
            model.scale = trained.scale
            model.reflex = Reflex(arrays["weight"], *(manifest[name] for name in _SPLINES))
        except (KeyError, TypeError) as error:
            raise FormatError(
                f"{directory} is no whole waveform model: {error}; "
                "restore it from a copy, or train it again"
            ) from error
        return model

    def _pulses(self, conditions: Conditions) -> Iterator[tuple[NDArray[np.int64], Array, Array]]:
        """Trials with the same pulses, lags (pulses, time) and sizes (trials, pulses, 14)."""
        time_ms = np.arange(self.samples) / self.fs_hz * 1e3 - self.lead_in_ms
        for trials, pulse_ms in pulse_trains(conditions, float(time_ms[-1])):
            sizes = pulse_sizes(self.ensemble, conditions.take(trials), pulse_ms)
            yield trials, time_ms - pulse_ms[:, None], sizes
