"""
Keeping a beat
==============

A hundred rate units, eighty that excite and twenty that inhibit, have learnt to go on tapping when
the clicks have stopped. The network comes with the package.
"""

# %%
# Clicks, then silence
# --------------------
# In the first half of a trial it hears clicks; in the second it has only the cue, a constant input
# whose size stands for the tempo.
import numpy as np
import torch

from neuro_common.plots import new_figure
from neuro_common.rate_noise import Noise
from neuro_common.style import PALETTE, figure_style
from rhythm_rnn import find_taps, free_run, load_network, synchronisation_continuation
from rhythm_rnn.figures.training import trial_plot
from rhythm_rnn.taps import intervals

torch.set_num_threads(1)
network = load_network("ei_100")
noise = Noise(seed=1, recurrent=0.01)
trials = synchronisation_continuation([0.5, 0.2], 0.05, duration_s=4.0)
run = network.free_run(torch.from_numpy(trials.inputs), noise=noise)
outputs = run.outputs[..., 0].numpy()
with figure_style():
    figure, axes = new_figure(2, 2, height_mm=80, sharex=True, sharey="row")
    for i in range(2):
        trial_plot(axes[:, i], trials, i, outputs[i])
    for ax in axes.flat:
        ax.label_outer()
    for ax in axes[:, 0]:
        ax.get_legend().remove()

# %%
# A tempo that it never learnt
# ----------------------------
# It was trained at seven periods. The cue is a number, so any other may be given, and twenty
# seconds without a single click tell what the network makes of it. All cues run in one batch.
cues = np.array([0.2, 0.25, 0.3, 0.35, 0.4, 0.5, 0.6, 0.7, 0.8])
inputs = torch.from_numpy(free_run(cues, duration_s=22.0).inputs)
outputs = network.free_run(inputs, noise=noise).outputs[:, 2000:, 0].numpy()
found = [intervals(find_taps(output).time_ms) for output in outputs]
print("   cue  asked for      mean      sd")
for cue, one in zip(cues, found, strict=True):
    print(f"{cue:6.2f} {100 / cue:7.1f} ms {one.mean_ms:6.1f} ms {one.sd_ms:4.1f} ms")

with figure_style():
    figure, axes = new_figure(1, 2, height_mm=70)
    left, right = axes[0]
    fine = np.linspace(0.18, 0.82, 100)
    left.plot(fine, 100 / fine, color="0.6", label="asked for")
    left.plot(cues, [one.mean_ms for one in found], "o", color=PALETTE[0], label="tapped")
    left.set(xlabel="cue", ylabel="interval (ms)")
    left.legend()
    right.plot([one.mean_ms for one in found], [one.sd_ms for one in found], "o", color=PALETTE[0])
    right.set(xlabel="interval (ms)", ylabel="standard deviation (ms)", ylim=(0, None))

# %%
# Longer intervals vary more, as they do when people tap.
