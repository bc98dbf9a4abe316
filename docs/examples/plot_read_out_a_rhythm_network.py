"""
Reading out a rhythm network
============================

The prediction of neurons from models was made for spikes of an arm's cortex. It does not ask where
its neurons come from. Here they are the hundred units of a network that keeps a beat, of which we
know what makes them fire.
"""

# %%
# A session
# ---------
# Sixty trials at five tempi: clicks, then silence in which the beat goes on. Each trial has noise
# of its own, so that the taps drift. A unit's rate becomes a spike count in bins of 10 ms, at 60
# spikes a second for the rate 1. What stands for the hand is the output, one-dimensional, and its
# movement is the whole trial from the second click on. The tempo takes the place of a direction: it
# is what is repeated, and held out in equal shares.
import numpy as np
import torch

from neuro_common.plots import new_figure
from neuro_common.rate_noise import Noise
from neuro_common.style import PALETTE, figure_style
from proprio_tcn.neural.ceilings import ceiling_table
from proprio_tcn.neural.features import Features
from proprio_tcn.neural.kinematics import kinematic_features, with_derivatives
from proprio_tcn.neural.lags import lag_curve
from proprio_tcn.neural.prediction import predict
from proprio_tcn.neural.protocol import Protocol
from proprio_tcn.neural.recording import Recording
from proprio_tcn.neural.targets import prepare
from rhythm_rnn import find_taps, load_network, synchronisation_continuation
from rhythm_rnn.model import build
from rhythm_rnn.weights import load

torch.set_num_threads(1)
TEMPI_S, REPEATS, BIN, HZ = (0.5, 0.333, 0.25, 0.2, 0.166), 12, 10, 60.0
periods_s = np.tile(TEMPI_S, REPEATS)
tasks = synchronisation_continuation(periods_s, 0.05, duration_s=3.0)
inputs = torch.from_numpy(tasks.inputs)


def binned(values):
    """Means of 10 ms, (trials, bins, ...)."""
    return values.reshape(len(values), -1, BIN, *values.shape[2:]).mean(axis=2)


def heard(network, noise=None):
    """Output (trials, ms) and binned rates (trials, bins, units) of a network in all trials."""
    run = network.free_run(inputs, noise=noise, save_every=1)
    return run.outputs[..., 0].numpy(), binned(network.rate_of(run.states).numpy())


output, rates = heard(load_network("ei_100"), Noise(seed=1, recurrent=0.02))
expected = HZ * BIN / 1e3 * rates.astype(np.float64)
trials, bins, units = rates.shape
recording = with_derivatives(
    Recording(
        spikes=np.random.default_rng(0).poisson(expected).astype(np.uint16),
        length=np.full(trials, bins),
        kinematics={"hand": binned(output)[..., None]},
        movement_onset=np.round(100 * (0.05 + periods_s)).astype(np.int64),
        movement_end=np.full(trials, bins),
        bump_onset=np.full(trials, -1),
        target_direction_deg=np.tile(np.arange(5.0), REPEATS),
        bump_direction_deg=np.full(trials, np.nan),
        neurons=tuple(f"unit {number}" for number in range(units)),
    )
)
protocol = Protocol(min_rate_hz=1.0, placement=0)
lags = range(-12, 13, 2)
targets = prepare(recording, protocol, lags=lags)
train, test = len(targets.split.train), len(targets.split.test)
print(f"{len(targets.neurons)} of {units} units fire at 1 Hz or more")
print(f"{train} trials to learn from, {test} held out, {len(targets.rates)} bins")

# %%
# What explains the units
# -----------------------
# Five kinds of features, all read out by the same ridge regression. The clock of the task knows
# when the next tap is due, not when it comes. The phase goes from one tap of the network to the
# next. A network of 500 units has learnt the same task. Its untrained beginning hears the same
# clicks and the same cue. Of both, the principal components of the training trials.
windows = targets.windows


def harmonics(phase):
    """Sines and cosines of three harmonics, and the tempo, in the bins of all windows."""
    angles = 2 * np.pi * windows.gather(phase)[:, None] * np.arange(1, 4)
    tempo = 0.1 / periods_s[windows.trial[windows.rows()[0]], None]
    return np.concatenate([np.sin(angles), np.cos(angles), tempo], axis=1)


def components(values, most=75):
    """Leading principal components of the training windows, in the bins of all windows."""
    rows = windows.gather(values).astype(np.float64)
    mean = rows[targets.train].mean(axis=0)
    axes = np.linalg.svd(rows[targets.train] - mean, full_matrices=False)[2]
    return (rows - mean) @ axes[:most].T


time_ms = BIN * (np.arange(bins) + 0.5)
due = (time_ms / 1e3 - 0.05) / periods_s[:, None]
taps = [find_taps(one).time_ms for one in output]
tapped = np.stack([np.interp(time_ms, one, np.arange(len(one))) for one in taps])
other = load("ei_500")
features = [
    Features("clock", "due taps", harmonics(due)),
    Features("phase", "own taps", harmonics(tapped)),
    *kinematic_features(
        recording, windows, ["hand position", "hand position + velocity + acceleration"]
    ),
    Features("another network", "500 units", components(heard(other.network)[1])),
    Features("untrained twin", "500 units", components(heard(build(other.config, seed=1))[1])),
]
prediction = predict(targets, features, alphas=protocol.alphas)
ceilings = ceiling_table(targets, protocol, expected, seed=0)
ceiling = np.array(ceilings["oracle_ev"])
print(f"{'':40} {'features':>8} {'median':>7} {'of what can be':>15}")
for one in prediction.layers:
    part = np.median(one.test_ev / ceiling)
    print(f"{one.model:40} {one.features:8} {np.median(one.test_ev):7.3f} {100 * part:13.0f} %")
print(f"{'the rates that made the spikes':49} {np.median(ceiling):7.3f}")

# %%
# Spikes are noisy, so that even the rates that made them explain a part of their variance only.
#
# When they fire
# --------------
# The output alone, without its derivatives, gives each unit one number: how much, not when. The lag
# at which it explains most says when. It is chosen on the training trials.
(position,) = kinematic_features(recording, windows, ["hand position"])
curve = lag_curve(targets, position, lags, protocol)
with figure_style():
    figure, axes = new_figure(1, 2, height_mm=85)
    left, right = axes[0]
    shown = [one.test_ev / ceiling for one in prediction.layers]
    names = (
        "clock",
        "own phase",
        "output",
        "output and\nderivatives",
        "another\nnetwork",
        "untrained",
    )
    marks = {"showfliers": False, "medianprops": {"color": PALETTE[1]}}
    left.boxplot(shown, orientation="horizontal", **marks)
    left.set_yticks(range(1, len(names) + 1), names)
    left.invert_yaxis()
    left.set(xlabel="test explained variance, part of the ceiling")
    best = curve.best * BIN
    edges = np.arange(lags[0] - 1, lags[-1] + 2, 2) * BIN
    right.hist(best, bins=edges, color=PALETTE[0])
    right.set(xlabel="best lag behind the output (ms)", ylabel="units")
print(f"{(best < 0).sum()} units lead the output, {(best > 0).sum()} follow it")
