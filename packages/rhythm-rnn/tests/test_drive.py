"""Long runs: what a cue gives does not depend on its company, and what is saved is what was run."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA

from neuro_common.files import FormatError
from neuro_common.rate_noise import Noise
from neuro_common.rates import RateNetwork
from neuro_common.store import Recording, Signal, write_recording
from rhythm_rnn import task
from rhythm_rnn.drive import Drive, drive
from rhythm_rnn.model import GatedNetwork
from rhythm_rnn.recordings import read_drive, to_recording, write_drive
from rhythm_rnn.taps import find_taps

DOUBLE = torch.float64
NOISY = Noise(3, recurrent=0.01)


def network(units: int = 12, *, dtype: torch.dtype = DOUBLE, seed: int = 0) -> RateNetwork:
    return RateNetwork(units, 2, 1, seed=seed, dtype=dtype, spectral_radius=0.9)


def ring(gain: float = 1.3, units: int = 3) -> RateNetwork:
    """Units that inhibit the next one in a ring, which makes them oscillate."""
    net = RateNetwork(units, 2, 1, seed=0, dtype=DOUBLE, activation="tanh")
    with torch.no_grad():
        net.recurrent_weight.copy_(-2 * gain * torch.eye(units, dtype=DOUBLE).roll(1, 0))
        net.input_weight.copy_(torch.eye(units, 2, dtype=DOUBLE))
        net.output_weight.copy_(torch.eye(1, units, dtype=DOUBLE))
    return net


def test_outputs_are_those_of_a_free_run() -> None:
    net, cues = network(), [-0.5, 0.0, 0.8]
    run = drive(net, cues, duration_s=1.3, discard_s=0.2, noise=None)
    trials = task.free_run(cues, duration_s=1.3, dtype=np.float64)
    expected = net.free_run(torch.as_tensor(trials.inputs)).outputs[..., 0]
    np.testing.assert_allclose(run.outputs, expected, atol=1e-6)
    assert run.outputs.dtype == np.float32
    assert run.time_s[-1] == pytest.approx(1.299)
    assert run.settled.shape == (3, 1100)


def test_a_cue_gives_the_same_trace_alone_and_in_company() -> None:
    net = network(units=40)
    cues = np.linspace(-1, 1, 9)
    together = drive(net, cues, duration_s=0.5, discard_s=0, noise=NOISY)
    alone = drive(net, cues[6], duration_s=0.5, discard_s=0, noise=NOISY)
    np.testing.assert_allclose(alone.outputs[0], together.outputs[6], atol=1e-6)
    other = drive(net, cues[6], duration_s=0.5, discard_s=0, noise=replace(NOISY, seed=4))
    assert np.abs(other.outputs - alone.outputs).max() > 1e-3


def test_input_noise_is_shared_too() -> None:
    net, noise = network(), Noise(3, recurrent=0.01, inputs=0.02)
    together = drive(net, [0.2, 0.5], duration_s=0.4, discard_s=0, noise=noise)
    alone = drive(net, [0.5], duration_s=0.4, discard_s=0, noise=noise)
    np.testing.assert_allclose(alone.outputs[0], together.outputs[1], atol=1e-6)
    quiet = drive(net, [0.5], duration_s=0.4, discard_s=0, noise=replace(noise, inputs=0.0))
    assert np.abs(quiet.outputs - alone.outputs).max() > 1e-3


def test_shared_noise_has_the_stated_spread() -> None:
    net = network(units=200)
    with torch.no_grad():
        net.recurrent_weight.zero_()
        net.output_weight.copy_(torch.eye(1, 200, dtype=DOUBLE))
        net.output_bias.zero_()
        net.bias.fill_(1.0)  # above the threshold the rate is the state
        net.input_weight.zero_()
    run = drive(net, [0.5, 0.6], duration_s=12, discard_s=2, noise=NOISY, save_every=10)
    assert run.rates is not None
    assert run.rates[:, 20:].std() == pytest.approx(0.01 / np.sqrt(0.95), rel=0.02)
    np.testing.assert_array_equal(run.rates[0], run.rates[1])


def test_taps_are_those_of_the_settled_output_in_time_of_the_run() -> None:
    run = drive(ring(), [0.1, 0.2], duration_s=4, discard_s=1, noise=None)
    for output, found in zip(run.outputs, run.taps, strict=True):
        expected = find_taps(output[1000:])
        assert found.verdict == "valid"
        np.testing.assert_allclose(found.time_ms, expected.time_ms + 1000)
        assert found.spectral_period_ms == expected.spectral_period_ms
        # a tap is a crest
        near = output[np.round(found.time_ms).astype(int)]
        assert near.min() > np.percentile(output[1000:], 90)


def test_silence_and_divergence_are_told_apart() -> None:
    net = network(units=2)
    with torch.no_grad():
        net.recurrent_weight.copy_(3 * torch.eye(2, dtype=DOUBLE).roll(1, 0))
        net.input_weight.fill_(1.0)
    silent, exploding = drive(net, [-1.0, 1.0], duration_s=5, discard_s=0.1, noise=None).taps
    assert silent.verdict == "no rhythm"
    assert "swings by 0" in silent.reason
    assert exploding.verdict == "invalid"
    assert exploding.reason.startswith("the output is not finite from ")
    assert len(exploding.time_ms) == 0


def test_clicks_are_heard_on_the_grid_of_the_task() -> None:
    net, clicks = network(), [0.1, 0.3503, 0.6]
    run = drive(net, [0.4], click_s=clicks, duration_s=1, discard_s=0, noise=None)
    inputs = np.zeros((1, 1000, 2))
    inputs[:, 100:, task.CUE] = 0.4  # the cue steps on with the first click
    for first in (100, 351, 600):
        inputs[:, first : first + 10, task.CLICK] = 1
    expected = net.free_run(torch.as_tensor(inputs)).outputs[0, :, 0]
    np.testing.assert_allclose(run.outputs[0], expected, atol=1e-6)
    np.testing.assert_array_equal(run.click_s, clicks)


def test_every_kth_rate_is_kept() -> None:
    net = network()
    run = drive(net, [0.3, 0.5], duration_s=0.5, discard_s=0, noise=NOISY, save_every=7)
    again = drive(net, [0.3, 0.5], duration_s=0.5, discard_s=0, noise=NOISY, save_every=1)
    assert run.rates is not None
    assert again.rates is not None
    assert run.rates.shape == (2, 72, 12)
    np.testing.assert_array_equal(run.rates, again.rates[:, ::7])
    outputs = net.readout(torch.as_tensor(again.rates).double())[..., 0].detach()
    np.testing.assert_allclose(outputs, again.outputs, atol=1e-6)


def test_components_are_the_principal_ones_of_all_cues_together() -> None:
    net = ring()
    run = drive(net, [0.1, 0.3], duration_s=3, discard_s=1, noise=NOISY, save_every=1, components=2)
    assert run.rates is not None
    parts = run.components
    assert parts is not None
    settled = run.rates[:, 1000::10].reshape(-1, 3).astype(float)
    oracle = PCA(2).fit(settled)
    np.testing.assert_allclose(parts.mean, oracle.mean_, atol=1e-6)
    np.testing.assert_allclose(np.abs(np.sum(parts.axes * oracle.components_, axis=1)), 1)
    np.testing.assert_allclose(parts.explained_variance, oracle.explained_variance_ratio_)
    expected = (run.rates - parts.mean) @ parts.axes.T
    np.testing.assert_allclose(parts.scores, expected, atol=1e-5)
    largest = np.abs(parts.axes).argmax(axis=1)
    assert (parts.axes[[0, 1], largest] > 0).all()


def test_a_gated_network_is_driven_too() -> None:
    net = GatedNetwork(4, seed=1)
    run = drive(net, [0.2, 0.5], duration_s=0.3, discard_s=0)
    trials = task.free_run([0.2, 0.5], duration_s=0.3)
    expected, _ = net(torch.as_tensor(trials.inputs))
    np.testing.assert_allclose(run.outputs, expected[..., 0].detach(), atol=1e-6)


def test_the_progress_counts_every_step() -> None:
    steps: list[int] = []
    drive(network(), [0.3], duration_s=0.2, discard_s=0, components=1, report=steps.append)
    assert sum(steps) == 400


@pytest.fixture(scope="module")
def whole() -> Drive:
    """A drive with everything saved, one cue of which is silent."""
    return drive(
        ring(), [0.2, 3.0], click_s=[0.1, 0.2], duration_s=2, discard_s=0.5, save_every=10,
        components=2,
    )  # fmt: skip


def test_a_drive_comes_back_as_it_was_written(whole: Drive, tmp_path: Path) -> None:
    path = tmp_path / "data.h5"
    write_drive(path, whole)
    found = read_drive(path)
    for name in ("cues", "outputs", "click_s", "rates"):
        np.testing.assert_array_equal(getattr(found, name), getattr(whole, name))
    assert found.outputs.dtype == np.float32
    assert (found.dt_ms, found.discard_s, found.save_every) == (1.0, 0.5, 10)
    for one, other in zip(found.taps, whole.taps, strict=True):
        np.testing.assert_array_equal(one.time_ms, other.time_ms)
        assert (one.verdict, one.reason) == (other.verdict, other.reason)
    assert {tap.verdict for tap in found.taps} == {"valid", "no rhythm"}
    for name, values in vars(whole.components).items():
        np.testing.assert_array_equal(getattr(found.components, name), values)


def test_the_file_names_dimensions_and_units(whole: Drive) -> None:
    signals = to_recording(whole).signals
    assert signals["output"].dims == ("time", "cue")
    assert signals["time"].units == "s"
    assert signals["tap_time"].units == "ms"
    assert signals["rate"].dims == ("saved_time", "cue", "unit")
    assert signals["saved_time"].data[1] == pytest.approx(0.01)
    counts = np.bincount(signals["tap_cue"].data, minlength=2)
    assert counts.tolist() == [len(found.time_ms) for found in whole.taps]


def spoil_version(path: Path) -> None:
    with h5py.File(path, "a") as file:
        file.attrs["format_version"] = 99


def spoil_content(path: Path) -> None:
    write_recording(path, Recording({"time": Signal(np.zeros(3), ("time",), "s")}))


def spoil_layout(path: Path) -> None:
    with h5py.File(path, "a") as file:
        del file["tap_cue"]


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (spoil_version, "format_version <= 1, got 99: a newer release wrote it"),
        (spoil_content, 'must have the format "rhythm-rnn/drive", got None'),
        (spoil_layout, "no whole drive, it lacks 'tap_cue': run it again"),
        (lambda path: path.write_bytes(path.read_bytes()[:2000]), "damaged or no recording"),
    ],
)
def test_files_of_another_version_or_kind_are_refused(
    spoil: Callable[[Path], Any], message: str, whole: Drive, tmp_path: Path
) -> None:
    path = tmp_path / "data.h5"
    write_drive(path, whole)
    spoil(path)
    with pytest.raises(FormatError, match=message):
        read_drive(path)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"cues": []}, "cues must be finite and at least one, got"),
        ({"cues": [0.2, np.nan]}, "cues must be finite and at least one, got"),
        ({"duration_s": 2.01}, "leave at least 16 samples after discard_s=2, got 2.01"),
        ({"duration_s": np.nan}, "duration_s must be finite"),
        ({"duration_s": np.inf}, "duration_s must be finite"),
        ({"discard_s": -1}, "discard_s must be finite and at least 0, got -1"),
        ({"click_s": [0.3, 0.2]}, "click_s must be rising times"),
        ({"click_s": [0.3, np.nan]}, "click_s must be rising times"),
        ({"click_s": [100, 600]}, r"within the run, \[0, 3\) s, got 100 to 600: .* in seconds"),
        ({"onset_s": 3.5}, "onset_s must be within the trial"),
        ({"save_every": 0}, "save_every must be at least 1 or None, got 0"),
        ({"components": 13}, r"components must be in \[1, 12\]"),
    ],
)
def test_bad_runs_are_refused(changes: dict[str, Any], message: str) -> None:
    options = {"cues": [0.3], "duration_s": 3} | changes
    with pytest.raises(ValueError, match=message):
        drive(network(), options.pop("cues"), **options)


def test_another_network_is_refused() -> None:
    with pytest.raises(ValueError, match="must have 2 inputs, clicks and cue, and 1 output, got 3"):
        drive(RateNetwork(4, 3, 1, seed=0), [0.3])
    net = network(units=2)
    with torch.no_grad():
        net.recurrent_weight.copy_(3 * torch.eye(2, dtype=DOUBLE).roll(1, 0))
        net.input_weight.fill_(1.0)
    with pytest.raises(ValueError, match="rates must be finite to have components"):
        drive(net, [1.0], duration_s=5, noise=None, components=1)
