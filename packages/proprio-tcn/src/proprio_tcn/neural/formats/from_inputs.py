"""Recordings from two files: the movements that ``proprio-tcn inputs`` made, and spike counts."""

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neuro_common.files import FormatError
from proprio_tcn.movements.format import BINS
from proprio_tcn.neural.formats.npz import read_arrays
from proprio_tcn.neural.kinematics import with_derivatives
from proprio_tcn.neural.recording import Recording, checked_counts
from proprio_tcn.recorded.inputs import RecordedInputs, read_inputs
from proprio_tcn.recorded.windows import START_BIN

__all__ = ["read_recorded", "recording_of"]

_PARTS = ("spike_counts", "trial_ids", "neuron_ids")


def read_recorded(
    path: str | os.PathLike[str], *, spikes: str | os.PathLike[str] | None = None
) -> Recording:
    """Read recorded inputs and the spikes of the same trials.

    Args:
        path: File of `proprio_tcn.recorded.inputs.RecordedInputs.write`.
        spikes: An npz file of ``spike_counts`` and perhaps ``trial_ids`` and ``neuron_ids``, as
            :func:`recording_of` takes them.

    Raises:
        ValueError: No spikes are named.
        FileNotFoundError: There is no such file.
        FormatError: A file is damaged or holds something else, or the two do not fit one another.
    """
    if spikes is None:
        raise ValueError(
            f"{os.fspath(path)} holds movements and no neurons: give options.spikes=FILE.npz with "
            "spike_counts (trials, bins, neurons)"
        )
    inputs, arrays = read_inputs(Path(path)), read_arrays(spikes)
    if "spike_counts" not in arrays:
        raise FormatError(
            f"{os.fspath(spikes)} lacks spike_counts, got {', '.join(arrays) or 'nothing'}"
        )
    if unknown := [name for name in arrays if name not in _PARTS]:
        raise FormatError(
            f"{os.fspath(spikes)}: {unknown[0]!r} is unknown; the arrays are {', '.join(_PARTS)}"
        )
    try:
        return recording_of(
            inputs,
            arrays["spike_counts"],
            trial_ids=arrays.get("trial_ids"),
            neuron_ids=arrays.get("neuron_ids"),
            session=Path(path).stem,
        )
    except ValueError as error:
        raise FormatError(f"{os.fspath(spikes)}: {error}") from None


def recording_of(
    inputs: RecordedInputs,
    spikes: ArrayLike,
    *,
    trial_ids: ArrayLike | None = None,
    neuron_ids: ArrayLike | None = None,
    session: str = "",
) -> Recording:
    """Join recorded movements with the spikes of the same trials.

    Counts are of bins of 10 ms, either of the whole window of 400 bins, in which the movement
    begins at bin 100, or of the movements alone, from onset (of a bump if passive) to the end of
    the longest. The window tells what neurons did before and after a movement, for smoothing and
    lags.

    Args:
        inputs: The movements; active trials hold a movement, passive ones a bump.
        spikes: Counts ``(trials, bins, neurons)``.
        trial_ids: Trial of each row: names as in ``inputs.trial``, or whole numbers as in
            ``inputs.trial_row``; further trials are left out and told. None takes the rows to be in
            the order of the inputs.
        neuron_ids: Name of each neuron; None numbers them.
        session: Its name.

    Returns:
        The recording in the order of the inputs, with accelerations of what has a velocity. Beside
        the movement hand, elbow, joints and muscles rest where it begins and ends.

    Raises:
        ValueError: Spikes are no counts, or trials, bins or neurons do not fit.
    """
    counts = checked_counts(spikes)
    rows, left_out = _rows(inputs, len(counts), trial_ids)
    counts = counts[rows]
    longest = int(inputs.duration.max())
    bins = counts.shape[1]
    if bins not in (longest, BINS):
        raise ValueError(
            f"spike_counts must have {BINS} bins of 10 ms, the movement from bin {START_BIN}, or "
            f"the {longest} of the longest movement, from its onset, got {bins}"
        )
    whole = bins == BINS
    begin = START_BIN if whole else 0
    moving = slice(START_BIN, START_BIN + longest)
    direction = inputs.direction_deg
    if direction is None:
        direction = np.full(len(inputs), np.nan)
    recording = with_derivatives(
        Recording(
            counts[:, begin : begin + longest],
            inputs.duration,
            {name: values[:, moving] for name, values in inputs.kinematics().items()},
            movement_onset=np.where(inputs.passive, -1, 0),
            movement_end=np.where(inputs.passive, -1, inputs.duration),
            bump_onset=np.where(inputs.passive, 0, -1),
            target_direction_deg=np.where(inputs.passive, np.nan, direction),
            bump_direction_deg=np.where(inputs.passive, direction, np.nan),
            neurons=_neurons(counts.shape[2], neuron_ids),
            muscles=inputs.muscles,
            subject="" if inputs.species == "none" else inputs.species,
            session=session,
            left_out=left_out,
        )
    )
    return _in_window(recording, inputs, counts) if whole else recording


def _in_window(
    recording: Recording, inputs: RecordedInputs, counts: NDArray[np.unsignedinteger[Any]]
) -> Recording:
    """The movements of a recording at their place in the window, with all that was counted."""
    kinematics = inputs.kinematics()
    for name, values in recording.kinematics.items():
        if name not in kinematics:
            # beyond a movement the arm is held: taken over the window, its ends would be jolts
            placed = np.zeros((len(values), BINS, values.shape[2]), dtype=np.float32)
            placed[:, START_BIN : START_BIN + values.shape[1]] = values
            kinematics[name] = placed
    events: dict[str, Any] = {
        name: np.where(getattr(recording, name) < 0, -1, getattr(recording, name) + START_BIN)
        for name in ("movement_onset", "movement_end", "bump_onset")
    }
    length = np.full(len(recording), BINS)
    return replace(recording, spikes=counts, length=length, kinematics=kinematics, **events)


def _rows(
    inputs: RecordedInputs, count: int, trial_ids: ArrayLike | None
) -> tuple[NDArray[np.int64], tuple[str, ...]]:
    """Row of the spikes of each trial of the inputs, and what was left out."""
    if trial_ids is None:
        if count != len(inputs):
            raise ValueError(
                f"spike_counts must have the {len(inputs)} trials of the inputs, in their order, "
                f"got {count}: give trial_ids to match them"
            )
        return np.arange(count), ()
    ids = np.asarray(trial_ids)
    if ids.shape != (count,) or ids.dtype.kind not in "iuU":
        raise ValueError(
            f"trial_ids must be a name or a row of the events for each of the {count} trials of "
            f"spike_counts, got shape {ids.shape} of type {ids.dtype}"
        )
    given = ids.tolist()
    if twice := [one for one in given if given.count(one) > 1]:
        raise ValueError(f"trial_ids must differ, got {twice[0]!r} twice")
    wanted = list(inputs.trial) if ids.dtype.kind == "U" else inputs.trial_row.tolist()
    if lacking := [one for one in wanted if one not in given]:
        raise ValueError(
            f"trial_ids must hold the {len(wanted)} trials of the inputs, but {len(lacking)} are "
            f"missing, first {lacking[0]!r}; they hold {', '.join(map(str, given[:4]))}"
            f"{', ...' if len(given) > 4 else ''}"
        )
    left_out = tuple(f"trial {one}: not in the inputs" for one in given if one not in wanted)
    return np.array([given.index(one) for one in wanted], dtype=np.int64), left_out


def _neurons(count: int, neuron_ids: ArrayLike | None) -> tuple[str, ...]:
    if neuron_ids is None:
        return tuple(f"unit {number + 1}" for number in range(count))
    ids = np.asarray(neuron_ids)
    if ids.shape != (count,):
        raise ValueError(
            f"neuron_ids must name the {count} neurons of spike_counts, got shape {ids.shape}"
        )
    return tuple(str(one) for one in ids)
