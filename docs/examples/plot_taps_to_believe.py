"""
Which taps to believe
=====================

A network that was trained on a beat gives out a wave. Are its crests a beat, and which? A detector
that filters round the expected period answers before it has looked.
"""

# %%
# Three outputs
# -------------
# A beat of 260 ms with some jitter, the same beat at 112 ms, and noise round a constant.
import numpy as np

from neuro_common.plots import new_figure
from neuro_common.style import FREE, PALETTE, figure_style
from rhythm_rnn.taps import compat_taps, find_taps, intervals

rng = np.random.default_rng(5)


def wave(period_ms, n=20_000):
    """Crests every period, give or take 4 %."""
    crests = np.cumsum(period_ms * (1 + 0.04 * rng.normal(size=2 * n // period_ms)))
    phase = np.interp(np.arange(n), np.append(0, crests), np.arange(len(crests) + 1))
    return 0.5 + 0.4 * np.cos(2 * np.pi * phase) + 0.02 * rng.normal(size=n)


outputs = {
    "a beat of 260 ms": wave(260),
    "a beat of 112 ms": wave(112),
    "noise": 0.5 + 0.02 * rng.normal(size=20_000),
}

# %%
# Asked for 400 ms
# ----------------
# ``compat_taps`` is told to expect 400 ms, as if a network had missed its tempo. ``find_taps`` is
# told nothing: it asks whether the output recurs, takes the period from the spectrum, and compares.
found = {}
for name, output in outputs.items():
    expecting = np.diff(compat_taps(output, 0.4).taps)
    taps = found[name] = find_taps(output)
    measured = f"{intervals(taps.time_ms).mean_ms:.1f} ms" if len(taps.time_ms) else "no taps"
    print(
        f"{name:16}  expecting 400 ms: {expecting.mean():5.1f} ms, "
        f"{(expecting <= 0).sum()} intervals of nothing;  unbiased: {measured}, {taps.verdict}"
    )

# %%
with figure_style():
    figure, axes = new_figure(3, 1, sharex=True)
    for ax, (name, output) in zip(axes[:, 0], outputs.items(), strict=True):
        ax.plot(output[:2000], color=FREE, linewidth=0.6)
        wrong = compat_taps(output, 0.4).taps
        wrong = wrong[wrong < 2000]
        ax.plot(wrong, output[wrong], "o", color=PALETTE[1], mfc="none", label="expecting 400 ms")
        right = found[name].time_ms
        right = right[right < 2000]
        ax.vlines(right, 0, 1, color=PALETTE[0], label="unbiased")
        ax.set(title=name, ylabel="output", ylim=(0, 1))
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside upper right", ncols=2)
    axes[-1, 0].set(xlabel="time (ms)", xlim=(0, 2000))
