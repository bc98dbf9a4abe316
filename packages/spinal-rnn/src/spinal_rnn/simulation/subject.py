"""One simulated person: roots beside the lead, fibres, pools, depression and waveforms."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from spinal_rnn.conditions import Conditions
from spinal_rnn.encoding import pulse_trains
from spinal_rnn.lead import SPECIFY_565, Lead
from spinal_rnn.muscles import MUSCLES
from spinal_rnn.simulation.anatomy import (
    CHRONAXIE_US,
    ROOTS,
    Pool,
    hill_pool,
    muscle_response,
    recruited_fraction,
    root_drive,
    width_factor,
)
from spinal_rnn.simulation.depression import Depression, pulse_responses
from spinal_rnn.simulation.noise import Noise
from spinal_rnn.simulation.waveform import Waveform

__all__ = ["TRAIN_MS", "Subject", "TrueResponse"]

Array = NDArray[np.float64]

TRAIN_MS = 180.0
"""How long the stimulation of a trial lasts: 200 ms less the lead-in."""


@dataclass(frozen=True, eq=False)
class TrueResponse:
    """What stimulation does to a simulated person, without noise.

    Attributes:
        drive: Of each root, in thresholds of a mean root, shape (trials, 14 roots).
        recruited: Part of each root's fibres, shape (trials, 14 roots).
        muscle: R, the response to a single pulse as a part of the largest, shape (trials, 14).
        late: The same, mean over the pulses of all bursts but the first whose period the trial
            records to its end, shape (trials, 14).
        late_mv: ``late`` times the peak-to-peak of a full response, shape (trials, 14): the size of
            late responses that do not overlap.
    """

    drive: Array
    recruited: Array
    muscle: Array
    late: Array
    late_mv: Array


@dataclass(frozen=True, eq=False)
class Subject:
    """Everything that is known of one simulated person. Make your own, or `draw_subject`.

    Attributes:
        name: What it is called.
        root_x_mm: Where the roots enter the cord, in the frame of the lead, shape (14,), in the
            order of `spinal_rnn.simulation.anatomy.ROOTS`.
        root_z_mm: As root_x_mm.
        transfer: Drive of each node of each root by 1 mA of cathodic current at each contact, shape
            (contacts, nodes, 14), such as `spinal_rnn.simulation.anatomy.transfer` or a
            finite-element model gives it.
        threshold: Median drive at which the fibres of a root fire, shape (14,).
        weights: Part of each root in each muscle, shape (14 muscles, 14 roots).
        depression: How responses shrink in a train.
        waveform: Their shape.
        spread: sigma of the log-normal thresholds within a root.
        chronaxie_us: Of the fibres.
        pool: From input to output of a pool of motoneurons.
        slow_gain: Size of a second response of each muscle, 25 ms after the first one, to trains of
            22 to 60 Hz, as a part of the first, shape (14,).
        noise: What the recording adds.
        lead: Where the contacts lie.

    Raises:
        ValueError: A shape does not fit, or a threshold is not above 0.
    """

    name: str
    root_x_mm: Array
    root_z_mm: Array
    transfer: Array
    threshold: Array
    weights: Array
    depression: Depression
    waveform: Waveform
    spread: float = 0.30
    chronaxie_us: float = CHRONAXIE_US
    pool: Pool = hill_pool
    slow_gain: Array = field(default_factory=lambda: np.zeros(len(MUSCLES)))
    noise: Noise = field(default_factory=Noise)
    lead: Lead = SPECIFY_565

    def __post_init__(self) -> None:
        roots, muscles = (len(ROOTS),), (len(MUSCLES),)
        wanted = {
            "root_x_mm": roots,
            "root_z_mm": roots,
            "transfer": (len(self.lead), *self.transfer.shape[1:2], *roots),
            "threshold": roots,
            "weights": muscles + roots,
            "slow_gain": muscles,
        }
        for name, shape in wanted.items():
            if getattr(self, name).shape != shape:
                raise ValueError(f"{name} must have shape {shape}, got {getattr(self, name).shape}")
        if not (self.threshold > 0).all():
            raise ValueError(f"threshold must be above 0, got {self.threshold.tolist()}")

    def response(
        self, conditions: Conditions, threshold_factor: Array | None = None
    ) -> TrueResponse:
        """What stimulation does to this person.

        Args:
            conditions: Of the contacts of this person's lead. Amplitudes are not limited here.
            threshold_factor: What thresholds are multiplied by in each trial, shape (trials,).

        Raises:
            ValueError: The conditions are of another number of contacts.
        """
        contacts = conditions.configuration.shape[1]
        if contacts != len(self.lead):
            raise ValueError(
                f"conditions must be of the {len(self.lead)} contacts of {self.lead.name}, the "
                f"case among them, got {contacts}"
            )
        strength = width_factor(conditions.pulse_width_us, self.chronaxie_us)
        if threshold_factor is not None:
            strength = strength / threshold_factor
        drive = root_drive(conditions.currents_ma, self.transfer) * strength[:, None]
        recruited = recruited_fraction(drive, self.threshold, self.spread)
        muscle = muscle_response(recruited, self.weights, self.pool)
        late = np.empty_like(muscle)
        for trials, pulse_ms in pulse_trains(conditions, TRAIN_MS):
            sizes = pulse_responses(muscle[trials], pulse_ms, self.depression)
            late[trials] = self._late(sizes, pulse_ms, 1e3 / conditions.frequency_hz[trials[0]])
        return TrueResponse(drive, recruited, muscle, late, late * self.waveform.peak_to_peak_mv)

    def _late(self, sizes: Array, pulse_ms: Array, period_ms: float) -> Array:
        """Mean over all bursts but the first whose period the trial records to its end."""
        whole = pulse_ms[:, None] + period_ms + self.waveform.onset_ms <= TRAIN_MS
        later = whole & (pulse_ms[:, None] > period_ms - 1e-6)
        if not later.any(axis=0).all():  # so few pulses that nothing is depressed
            return np.asarray(sizes[:, 0])
        return np.asarray((sizes * later).sum(axis=1) / later.sum(axis=0))
