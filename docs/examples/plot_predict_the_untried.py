"""
Responses to stimulations that were never tried
===============================================

Sixteen contacts can be combined in millions of ways, and a session tries fifty of them. A model is
of use if it knows the others. Whether it does depends on how it is asked.
"""

# %%
# Two ways to ask
# ---------------
# Trials can be held out at random, or with all others of their configuration. In the first case the
# same contacts at the next amplitude were learnt from, and to be near them is enough.
import numpy as np
import torch

from neuro_common.plots import new_figure
from neuro_common.style import PALETTE, figure_style
from spinal_rnn import MUSCLES, RootEnsemble, Scale, WaveformModel, measure_responses
from spinal_rnn.models.baselines import baseline
from spinal_rnn.simulation.simulator import simulate_session
from spinal_rnn.splits import by_configuration, by_trial

torch.set_num_threads(1)
session = simulate_session(seed=0)
late_mv = measure_responses(session).late_mv
mirror = session.lead.mirror
splits = [by_trial(session.conditions), by_configuration(session.conditions, mirror)]
models = {"nearest neighbours": baseline("k_nearest"), "roots": RootEnsemble()}
print(f"{len(session)} trials, R2 of the late responses\n")
print(f"{'':20}{splits[0].name:>14}{splits[1].name:>26}")
for name, model in models.items():
    scores = []
    for split in splits:
        target = Scale.fit(late_mv[split.train]).apply(late_mv)
        model.fit(session.conditions.take(split.train), target[split.train])
        held_out = session.conditions.take(split.test)
        scores.append(model.score(held_out, target[split.test]))
    print(f"{name:20}{scores[0]:14.2f}{scores[1]:26.2f}")

# %%
# How sure it is
# --------------
# The roots' model, as it last was, on configurations that it never saw. Nine of ten measured
# responses should lie in its intervals.
prediction = models["roots"].predict(held_out)
low, high = prediction.low, prediction.high
wanted = target[split.test]
inside = ((wanted >= low) & (wanted <= high)).mean()
with figure_style():
    figure, axes = new_figure(1, 2, height_mm=75)
    for ax, name in zip(axes[0], ("LST", "RRF"), strict=True):
        muscle = MUSCLES.index(name)
        at = prediction.values[:, muscle]
        ax.vlines(at, low[:, muscle], high[:, muscle], color="0.8", linewidth=1)
        ax.plot(at, wanted[:, muscle], ".", color=PALETTE[0])
        ax.plot([0, 1.1], [0, 1.1], color="0.5", linewidth=1)
        ax.set(xlabel="predicted response", ylabel="measured response", title=name)
print(f"{100 * inside:.0f} % of the measured responses lie in their 90 % intervals")

# %%
# The EMG itself
# --------------
# Every pulse evokes a reflex of the size that roots and depression give it. The shape of the reflex
# is then a matter of linear equations.
train, test = session.take(split.train), session.take(split.test)
model = WaveformModel(session.emg.shape[1]).fit(train.conditions, train.emg)
emg = model.predict(test.conditions).values
strongest = np.argsort(np.abs(test.emg).max(axis=(1, 2)))[-40::20]
with figure_style():
    figure, axes = new_figure(2, 1, height_mm=90, sharex=True)
    for ax, trial in zip(axes[:, 0], strongest, strict=True):
        muscle = np.abs(test.emg[trial]).max(axis=0).argmax()
        ax.plot(session.time_ms, test.emg[trial, :, muscle], color="0.6", label="measured")
        ax.plot(session.time_ms, emg[trial, :, muscle], color=PALETTE[1], label="predicted")
        hz = test.conditions.frequency_hz[trial]
        ax.set(ylabel="EMG (mV)", title=f"{MUSCLES[muscle]}, {hz:.0f} Hz")
    axes[0, 0].legend()
    axes[1, 0].set(xlabel="time (ms)")
