"""Recorded inputs with spikes: a small fake arm's session, joined, refused, and read out."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from neuro_common.cli import Verb, main
from neuro_common.files import FormatError
from neuro_common.runs import read_csv
from proprio_tcn.neural.formats.from_inputs import recording_of
from proprio_tcn.neural.formats.opening import open_recording
from proprio_tcn.neural.windows import active_windows, passive_windows
from proprio_tcn.recorded.inputs import RecordedInputs
from proprio_tcn.recorded.windows import START_BIN, pad

TRIALS, NEURONS = 30, 5
VERBS = (
    Verb(
        "predict",
        "predict",
        "proprio-tcn predict",
        "proprio_tcn.neural_cli:predict",
        "proprio_tcn.neural_config:PredictConfig",
    ),
)


def windows(values: list[NDArray[Any]]) -> NDArray[np.float32]:
    """Places (bins, channels) with their velocities in windows, (trials, channels, 400, 2)."""
    parts = [
        np.stack([pad(one, zero=False), pad(np.gradient(one, 0.01, axis=0), zero=True)], axis=-1)
        for one in values
    ]
    return np.stack(parts).transpose(0, 2, 1, 3).astype(np.float32)


def session() -> RecordedInputs:
    """Every third trial is a bump; the elbow follows one of two angles, the hand their sum."""
    rng = np.random.default_rng(0)
    passive = np.arange(TRIALS) % 3 == 2
    duration = np.where(passive, 13, rng.integers(50, 80, TRIALS))
    angles = []
    for bins in duration:
        time = 0.01 * np.arange(bins)[:, None]
        angles.append(40 + 20 * np.sin(rng.uniform(2, 6, 2) * time + rng.uniform(0, 6, 2)))
    pulls = rng.normal(size=(2, 3))
    return RecordedInputs(
        "fake",
        "macaque",
        ("flexor", "extensor", "chest"),
        ("shoulder", "elbow"),
        np.ones(3, dtype=bool),
        tuple(f"reach {number}" for number in range(TRIALS)),
        2 * np.arange(TRIALS),
        passive,
        duration,
        windows([one @ pulls for one in angles]),
        windows(angles),
        windows([one @ np.full((2, 3), 0.2) for one in angles]),
        windows([one[:, :1] @ np.full((1, 3), 0.2) for one in angles]),
    )


INPUTS = session()
LONGEST = int(INPUTS.duration.max())


def counts(bins: int = 400) -> NDArray[np.int64]:
    """Neurons whose rates follow the elbow linearly."""
    place = INPUTS.elbow[:, 0, :, 0] if INPUTS.elbow is not None else np.zeros(0)
    share = np.clip((place - place.mean()) / place.std() + 2, 0, None)
    rate = share[:, :, None] * np.linspace(1, 3, NEURONS)
    drawn = np.random.default_rng(1).poisson(rate)
    return drawn if bins == 400 else drawn[:, START_BIN : START_BIN + bins]


def test_movements_and_bumps_keep_their_bins() -> None:
    found = recording_of(INPUTS, counts())
    assert (found.bins, found.subject, found.neurons[0]) == (400, "macaque", "unit 1")
    active, passive = active_windows(found), passive_windows(found)
    assert active.trial.tolist() == np.flatnonzero(~INPUTS.passive).tolist()
    assert (active.length == INPUTS.duration[~INPUTS.passive]).all()
    assert (active.start == 100).all()
    assert passive.trial.tolist() == np.flatnonzero(INPUTS.passive).tolist()
    assert (passive.start == 100).all()
    np.testing.assert_array_equal(found.spikes, counts())
    assert INPUTS.elbow is not None
    np.testing.assert_array_equal(found.kinematics["elbow"][3, 120], INPUTS.elbow[3, :, 120, 0])
    # the arm that rests beside a movement does not jolt at its ends
    bins = slice(100, 100 + INPUTS.duration[0])
    want = np.gradient(INPUTS.hand[0, 1, bins, 1].astype(float), 0.01)
    assert found.kinematics["hand_acceleration"][0, bins, 1] == pytest.approx(want, rel=1e-4)
    assert not found.kinematics["hand_acceleration"][0, [99, bins.stop]].any()


def test_directions_are_of_reaches_or_of_bumps() -> None:
    unknown = recording_of(INPUTS, counts())
    assert np.isnan(unknown.target_direction_deg).all()
    assert (active_windows(unknown).condition == -1).all()
    direction = np.where(np.arange(TRIALS) % 5, 45.0 * (np.arange(TRIALS) % 2), np.nan)
    for bins in (400, LONGEST):
        found = recording_of(replace(INPUTS, direction_deg=direction), counts(bins))
        active, passive = active_windows(found), passive_windows(found)
        np.testing.assert_array_equal(active.direction_deg, direction[active.trial])
        np.testing.assert_array_equal(passive.direction_deg, direction[passive.trial])
        assert np.isnan(found.target_direction_deg[INPUTS.passive]).all()
        assert np.isnan(found.bump_direction_deg[~INPUTS.passive]).all()
        assert active.repeated.tolist() == [0, 1]


def test_counts_of_the_movements_alone_give_the_same_windows() -> None:
    whole, alone = recording_of(INPUTS, counts()), recording_of(INPUTS, counts(LONGEST))
    assert alone.bins == LONGEST
    assert alone.length.tolist() == INPUTS.duration.tolist()
    for windows_of in (active_windows, passive_windows):
        one, two = windows_of(whole), windows_of(alone)
        assert one.trial.tolist() == two.trial.tolist()
        np.testing.assert_array_equal(one.gather(whole.spikes), two.gather(alone.spikes))
        assert set(whole.kinematics) == set(alone.kinematics)
        for name, values in whole.kinematics.items():
            np.testing.assert_array_equal(
                one.gather(values), two.gather(alone.kinematics[name]), err_msg=name
            )


@pytest.mark.parametrize("ids", [np.array(INPUTS.trial), INPUTS.trial_row])
def test_trials_are_matched_by_name_or_row_in_any_order(ids: NDArray[Any]) -> None:
    order = np.random.default_rng(2).permutation(TRIALS)
    more = np.array(["extra"]) if ids.dtype.kind == "U" else np.array([7])
    given = np.concatenate([more, ids[order]])
    spikes = np.concatenate([counts()[:1], counts()[order]])
    found = recording_of(INPUTS, spikes, trial_ids=given, neuron_ids=np.arange(10, 15))
    np.testing.assert_array_equal(found.spikes, counts())
    assert found.neurons == ("10", "11", "12", "13", "14")
    assert found.left_out == (f"trial {more[0]}: not in the inputs",)


@pytest.mark.parametrize(
    ("spikes", "options", "message"),
    [
        (counts()[1:], {}, r"must have the 30 trials of the inputs, in their order, got 29: give"),
        (counts()[:, :90], {}, rf"must have 400 bins of 10 ms.* or the {LONGEST} of .*, got 90"),
        (counts() - 0.5, {}, r"spikes must be counts, whole numbers from 0 to 65535, got "),
        (counts()[0], {}, r"spikes must be counts of shape \(trials, bins, neurons\)"),
        (counts(), {"trial_ids": ["a"]}, r"for each of the 30 trials of spike_counts, got shape"),
        (counts(), {"trial_ids": np.arange(30.0)}, r"got shape \(30,\) of type float64"),
        (counts(), {"trial_ids": [4] * 30}, r"trial_ids must differ, got 4 twice"),
        (counts(), {"trial_ids": range(30)}, r"but 15 are missing, first 30; they hold 0, 1, 2,"),
        (counts(), {"neuron_ids": ["a"]}, r"neuron_ids must name the 5 neurons of spike_counts"),
        (counts(), {"neuron_ids": ["a"] * 5}, r"neurons must be 5 different names"),
    ],
)
def test_spikes_that_do_not_fit_are_refused(spikes: Any, options: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        recording_of(INPUTS, spikes, **options)


def test_files_are_joined_or_refused(tmp_path: Path) -> None:
    inputs, spikes = tmp_path / "inputs.h5", tmp_path / "counts.npz"
    INPUTS.write(inputs)
    np.savez(spikes, spike_counts=counts(), trial_ids=np.array(INPUTS.trial))
    found = open_recording(inputs, spikes=spikes)
    np.testing.assert_array_equal(found.spikes, counts())
    assert found.session == "inputs"
    with pytest.raises(ValueError, match=r"inputs.h5 holds movements and no neurons: give options"):
        open_recording(inputs)
    np.savez(spikes, counts=counts())
    with pytest.raises(FormatError, match=r"counts.npz lacks spike_counts, got counts"):
        open_recording(inputs, spikes=spikes)
    np.savez(spikes, spike_counts=counts(), neurons=np.arange(5))
    with pytest.raises(FormatError, match=r"'neurons' is unknown; the arrays are spike_counts, tr"):
        open_recording(inputs, spikes=spikes)
    np.savez(spikes, spike_counts=counts()[:2])
    with pytest.raises(FormatError, match=r"counts.npz: spike_counts must have the 30 trials"):
        open_recording(inputs, spikes=spikes)
    spikes.write_bytes(spikes.read_bytes()[:100])
    with pytest.raises(FormatError, match=r"must be a whole npz file of plain arrays"):
        open_recording(inputs, spikes=spikes)
    with pytest.raises(FileNotFoundError):
        open_recording(inputs, spikes=tmp_path / "none.npz")


def test_without_an_elbow_there_is_none() -> None:
    found = recording_of(replace(INPUTS, elbow=None), counts())
    assert not [name for name in found.kinematics if name.startswith("elbow")]


@pytest.mark.parametrize("window", ["active", "passive"])
def test_predict_reads_them_as_a_user_types_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, window: str
) -> None:
    monkeypatch.chdir(tmp_path)
    INPUTS.write("inputs.h5")
    np.savez("counts.npz", spike_counts=counts())
    words = ["predict", "recording=inputs.h5", "options.spikes=counts.npz"]
    words += ["draws=0", f"protocol.window={window}", "protocol.folds=3", "hydra.run.dir=out"]
    assert main("proprio-tcn", VERBS, words) == 0
    layers = read_csv(tmp_path / "out" / "layers.csv")
    score = dict(zip(layers["model"], map(float, layers["test_ev"]), strict=True))
    assert {"limb position", "limb velocity", "muscle length", "joint angle"} <= set(score)
    if window == "active":
        # the hand knows the sum of the angles only, the elbow the one that neurons follow
        assert score["limb position"] > 0.6
        assert score["limb position"] > score["hand position"] + 0.1
