"""
How a tempo switch looks
========================

The cue changes in the middle of a run, without a click to help. How soon does the network tap at
the new tempo, and does it matter in which direction it changes?
"""

# %%
# From slow to fast, and back
# ---------------------------
# Each of 64 runs has noise of its own, so that the switch can be averaged.
import numpy as np
import torch

from neuro_common.plots import new_figure
from neuro_common.rate_noise import Noise
from neuro_common.style import PALETTE, figure_style
from rhythm_rnn import find_taps, load_network
from rhythm_rnn.task import tempo_switch

torch.set_num_threads(1)
network = load_network("ei_100")
SLOW, FAST, BEATS, RUNS = 0.4, 0.2, 8, 64


def switched(first_s: float, second_s: float) -> tuple[np.ndarray, np.ndarray]:
    """Cue (time,) and outputs (runs, time) of runs whose cue changes at beat 8."""
    trials = tempo_switch(
        np.tile([first_s, second_s], (RUNS, 1)),
        0.05,
        switch_beat=BEATS,
        clicks=4,
        duration_s=BEATS * first_s + 12 * second_s,
    )
    noise = Noise(seed=2, recurrent=0.01)
    run = network.free_run(torch.from_numpy(trials.inputs), noise=noise)
    return trials.inputs[0, :, 1], run.outputs[..., 0].numpy()


with figure_style():
    figure, axes = new_figure(2, 2, height_mm=90, sharex="col", height_ratios=(1, 3))
    directions = ((SLOW, FAST), (FAST, SLOW))
    for column, (first, second) in zip(axes.T, directions, strict=True):
        cue, outputs = switched(first, second)
        time = np.arange(len(cue)) / 1e3 - 0.05 - BEATS * first
        column[0].plot(time, cue, color=PALETTE[2])
        column[0].set(ylabel="cue", title=f"{first * 1e3:.0f} to {second * 1e3:.0f} ms")
        column[1].plot(time, outputs[:5].T, color=PALETTE[0], lw=0.7, alpha=0.6)
        column[1].plot(time, outputs.mean(axis=0), color="black", lw=1.5)
        column[1].axvline(0.0, color="0.6", lw=0.8, ls=":")
        column[1].set(xlabel="time from the switch (s)", ylabel="output", xlim=(-1.2, 1.6))

# %%
# Black is the mean of all runs, blue are five of them. The mean fades as runs drift apart.
#
# The first intervals after the switch
# ------------------------------------
# The switch comes with a tap. Intervals are counted from the tap that is nearest to it.
for first, second in directions:
    cue, outputs = switched(first, second)
    at = 50 + BEATS * first * 1e3
    rows = []
    for output in outputs:
        times = find_taps(output).time_ms
        gaps = np.diff(times)
        after = gaps[np.abs(times - at).argmin() :][:5]
        if len(after) == 5:
            rows.append(after)
    means = np.mean(rows, axis=0)
    shown = ", ".join(f"{mean:.0f}" for mean in means)
    print(f"{first * 1e3:.0f} to {second * 1e3:.0f} ms: intervals {shown} ms ({len(rows)} runs)")
