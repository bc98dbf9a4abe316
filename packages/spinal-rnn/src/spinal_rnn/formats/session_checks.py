"""What makes a session of trials that were read: muscles in order, and nothing that cannot be."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from neuro_common.files import FormatError
from neuro_common.verbs import suggestion
from spinal_rnn.conditions import Conditions, configuration_name
from spinal_rnn.emg import BAND_HZ, check_band
from spinal_rnn.encoding import pulse_times_ms
from spinal_rnn.formats.condition_tables import is_number
from spinal_rnn.lead import SPECIFY_565, Lead
from spinal_rnn.muscles import MUSCLES
from spinal_rnn.session import LEAD_IN_MS, Session

__all__ = ["LEFT_OUT", "UNITS_MV", "Rules", "Trials", "condition_numbers", "to_session"]

UNITS_MV = {"V": 1e3, "mV": 1.0, "uV": 1e-3}
"""Units of EMG that can be read, in mV."""

LEFT_OUT = "-"
"""Name of a channel that is no muscle."""


@dataclass(frozen=True)
class Rules:
    """What a recording is taken for, and what is done about its faults.

    Attributes:
        fs_hz: Samples per second, unless the file tells.
        lead_in_ms: From the first sample to the first pulse, unless the file tells.
        unit: Of the EMG, one of `UNITS_MV`; for the raw steps of a converter, the mV of one as a
            number.
        muscles: Names of the channels in order, unless the file tells; `LEFT_OUT` for what is no
            muscle. None for the fourteen of `spinal_rnn.muscles.MUSCLES`.
        nan: "refuse" EMG that is not finite, "silence" its muscle in all trials, or "drop" its
            trial.
        repeated_trials: "keep" trials of one condition, which tell the noise, take their "mean", or
            "refuse" them.
        band_hz: The sampling rate must hold it.
        max_amplitude_ma: A larger amplitude is taken for an error.
        min_configurations: Fewer are no mapping session; 1 allows a single recruitment curve.
        subject: Whose it is, a code and no name; None for what the file tells.
        lead: Where the contacts lie.

    Raises:
        ValueError: A rule is unknown.
    """

    fs_hz: float | None = None
    lead_in_ms: float | None = None
    unit: str = "mV"
    muscles: Sequence[str] | None = None
    nan: Literal["refuse", "silence", "drop"] = "refuse"
    repeated_trials: Literal["keep", "mean", "refuse"] = "keep"
    band_hz: tuple[float, float] = BAND_HZ
    max_amplitude_ma: float = 20.0
    min_configurations: int = 2
    subject: str | None = None
    lead: Lead = SPECIFY_565

    def __post_init__(self) -> None:
        choices = {
            "nan": ("refuse", "silence", "drop"),
            "repeated_trials": ("keep", "mean", "refuse"),
        }
        for name, known in choices.items():
            if (value := getattr(self, name)) not in known:
                raise ValueError(f"{name} must be one of {', '.join(known)}, got {value!r}")
        if not 0 < self.unit_mv < np.inf:
            raise ValueError(
                f"unit must be one of {', '.join(UNITS_MV)}, or the mV of one step, got "
                f"{self.unit!r}"
            )

    @property
    def unit_mv(self) -> float:
        """The unit of the EMG in mV; NaN for one that is unknown."""
        if self.unit in UNITS_MV:
            return UNITS_MV[self.unit]
        return float(self.unit) if is_number(self.unit) else np.nan


@dataclass(frozen=True, eq=False)
class Trials:
    """Trials as they were read.

    Attributes:
        source: Where they come from, for messages.
        labels: What messages call each trial, such as "row 5".
        conditions: The stimulation of each.
        emg: Shape (trials, time, channels), in the unit of the file.
        facts: What the file tells beside: fs_hz, lead_in_ms, muscles, subject.
    """

    source: str
    labels: Sequence[str]
    conditions: Conditions
    emg: NDArray[Any]
    facts: dict[str, Any] = field(default_factory=dict)

    def take(self, trials: NDArray[Any]) -> "Trials":
        """Some of the trials; ``trials`` is a mask or their numbers.

        Shape (trials,) or (chosen,).
        """
        numbers = np.arange(len(self.labels))[trials]
        labels = [self.labels[number] for number in numbers]
        conditions, emg = self.conditions.take(numbers), self.emg[numbers]
        return replace(self, labels=labels, conditions=conditions, emg=emg)


def to_session(trials: Trials, rules: Rules) -> Session:
    """Check trials and make them a session.

    Args:
        trials: As they were read.
        rules: What they are taken for, and what is done about faults.

    Raises:
        FormatError: Something cannot be; the message says where, and what to do.
    """
    _check_shape(trials)
    trials = replace(trials, emg=_in_order(trials, rules) * rules.unit_mv)
    trials = _finite(trials, rules)
    _check_copies(trials)
    fs_hz = float(_fact(trials, rules, "fs_hz"))
    lead_in_ms = float(_fact(trials, rules, "lead_in_ms", LEAD_IN_MS))
    try:
        check_band(fs_hz, rules.band_hz)
    except ValueError as error:
        raise FormatError(f"{trials.source}: {error}") from None
    _check_stimulation(trials, rules, trials.emg.shape[1] / fs_hz * 1e3, lead_in_ms)
    trials = _repeats(trials, rules)
    subject = str(_fact(trials, rules, "subject", ""))
    try:
        emg = trials.emg.astype(np.float32)
        return Session(trials.conditions, emg, fs_hz, lead_in_ms, rules.lead, subject)
    except ValueError as error:
        raise FormatError(f"{trials.source}: {error}") from None


def condition_numbers(conditions: Conditions) -> NDArray[np.int64]:
    """Number the conditions; trials that repeat one have its number, shape (trials,).

    Args:
        conditions: Of the trials.
    """
    table = np.column_stack([*vars(conditions).values()]).round(6) + 0.0
    return np.asarray(np.unique(table, axis=0, return_inverse=True)[1]).reshape(-1)


def _fact(trials: Trials, rules: Rules, name: str, default: Any = None) -> Any:
    """What the rules say, else the file, else the default."""
    for value in (getattr(rules, name), trials.facts.get(name), default):
        if value is not None:
            return value
    if default is None:
        raise FormatError(f"{trials.source} does not tell {name}: give {name}=...")
    return default


def _check_shape(trials: Trials) -> None:
    shape = trials.emg.shape
    if trials.emg.ndim != 3:
        raise FormatError(
            f"{trials.source}: emg must have the shape (trials, time, muscles), got {shape}"
        )
    if len(trials.emg) != len(trials.labels):
        raise FormatError(
            f"{trials.source}: there must be EMG of each of the {len(trials.labels)} trials, got "
            f"that of {len(trials.emg)}: "
            + ("a trial is missing" if len(trials.emg) < len(trials.labels) else "a row is missing")
        )
    if trials.emg.dtype.kind not in "iuf":
        raise FormatError(f"{trials.source}: emg must be real numbers, got {trials.emg.dtype}")


def _in_order(trials: Trials, rules: Rules) -> NDArray[np.float64]:
    """The fourteen muscles, those without a channel at 0."""
    names = rules.muscles or trials.facts.get("muscles") or MUSCLES
    channels = trials.emg.shape[2]
    if len(names) != channels:
        transposed = ": transpose it" if trials.emg.shape[1] == len(names) else ""
        raise FormatError(
            f"{trials.source}: emg must have a channel for each of the {len(names)} muscles "
            f"{', '.join(names)}, got {channels}{transposed or ': name them with muscles=[...]'}"
        )
    emg = np.zeros((*trials.emg.shape[:2], len(MUSCLES)))
    for channel, name in enumerate(names):
        if name == LEFT_OUT:
            continue
        if name not in MUSCLES:
            raise FormatError(
                f"{trials.source}, column {name}: is no muscle{suggestion(name, MUSCLES)}; they "
                f"are {', '.join(MUSCLES)}, and {LEFT_OUT} for a channel to leave out"
            )
        if list(names).index(name) < channel:
            raise FormatError(f"{trials.source}, column {name}: each muscle may come once")
        emg[..., MUSCLES.index(name)] = trials.emg[..., channel]
    return emg


def _finite(trials: Trials, rules: Rules) -> Trials:
    bad = ~np.isfinite(trials.emg)
    if not bad.any():
        return trials
    if rules.nan == "silence":
        dead = bad.any(axis=(0, 1))
        if dead.all():
            raise FormatError(f"{trials.source}: every muscle has EMG that is not finite")
        return replace(trials, emg=np.where(dead, 0.0, trials.emg))
    faulty = bad.any(axis=(1, 2))
    if rules.nan == "drop":
        if faulty.all():
            raise FormatError(
                f"{trials.source}: every trial has EMG that is not finite: nan=silence sets the "
                "muscles to 0 instead"
            )
        return trials.take(~faulty)
    trial = int(faulty.argmax())
    names = [MUSCLES[one] for one in np.flatnonzero(bad[trial].any(axis=0))]
    raise FormatError(
        f"{trials.source} {trials.labels[trial]}, column {', '.join(names)}: EMG must be finite, "
        f"got NaN or infinity in {int(faulty.sum())} of {len(faulty)} trials: nan=silence sets "
        "these muscles to 0, nan=drop leaves these trials out"
    )


def _check_copies(trials: Trials) -> None:
    """Two measurements are never alike to the bit, unless nothing was recorded."""
    seen: dict[bytes, str] = {}
    for label, emg in zip(trials.labels, trials.emg, strict=True):
        if not np.ptp(emg, axis=0).any():
            continue
        other = seen.setdefault(sha256(emg.tobytes()).digest(), label)
        if other != label:
            raise FormatError(
                f"{trials.source} {label}: has the very EMG of {other}: a trial is repeated, leave "
                "one of them out"
            )


def _check_stimulation(trials: Trials, rules: Rules, duration_ms: float, lead_in_ms: float) -> None:
    conditions = trials.conditions
    above = conditions.amplitude_ma > rules.max_amplitude_ma
    if above.any():
        trial = int(above.argmax())
        raise FormatError(
            f"{trials.source} {trials.labels[trial]}, column amplitude_ma: must be at most "
            f"{rules.max_amplitude_ma:g} mA, got {conditions.amplitude_ma[trial]:g}: give mA, not "
            "uA, or raise max_amplitude_ma"
        )
    for trial, label in enumerate(trials.labels):
        frequency, pulses = float(conditions.frequency_hz[trial]), int(conditions.pulses[trial])
        try:
            times = pulse_times_ms(frequency, duration_ms, lead_in_ms, pulses)
        except ValueError as error:
            raise FormatError(f"{trials.source} {label}, column frequency_hz: {error}") from None
        if not len(times):
            raise FormatError(
                f"{trials.source}: lead_in_ms must be below the {duration_ms:g} ms of a trial, got "
                f"{lead_in_ms:g}"
            )
    configurations = len(np.unique(conditions.groups()))
    if configurations < rules.min_configurations:
        raise FormatError(
            f"{trials.source}: a session must have at least {rules.min_configurations} "
            f"configurations to learn from, got {configurations} "
            f"({configuration_name(conditions.configuration[0])}) in {len(trials.labels)} trials: "
            "min_configurations=1 allows it"
        )


def _repeats(trials: Trials, rules: Rules) -> Trials:
    if rules.repeated_trials == "keep":
        return trials
    number = condition_numbers(trials.conditions)
    first = np.unique(number, return_index=True)[1]
    again = first[number] != np.arange(len(number))
    if rules.repeated_trials == "refuse" and again.any():
        trial = int(again.argmax())
        raise FormatError(
            f"{trials.source} {trials.labels[trial]}: repeats the condition of "
            f"{trials.labels[first[number[trial]]]}: repeated_trials=keep keeps both, which "
            "tells the noise, repeated_trials=mean takes their mean"
        )
    order = np.sort(first)
    means = [trials.emg[number == number[trial]].mean(axis=0) for trial in order]
    return replace(trials.take(order), emg=np.stack(means))
