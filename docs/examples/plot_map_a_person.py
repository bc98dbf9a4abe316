"""
Mapping a person
================

Sixteen contacts lie behind the spinal cord. A mapping session stimulates through some of them,
louder and louder, and records what fourteen leg muscles answer. This person is simulated.
"""

# %%
# One trial
# ---------
# Cathode 4 lies on the left, between its two anodes. Forty pulses a second evoke a reflex each, and
# each reflex weakens the next ones.
import numpy as np

from neuro_common.plots import new_figure
from neuro_common.style import PALETTE, figure_style
from spinal_rnn import MUSCLES, Conditions, parse_configuration
from spinal_rnn.figures.lead import lead_plot
from spinal_rnn.recruitment import fit_recruitment
from spinal_rnn.responses import measure_responses
from spinal_rnn.simulation.presets import draw_subject
from spinal_rnn.simulation.simulator import measure

person = draw_subject(seed=0)
vector = parse_configuration("cath4_an3_5")
trial = measure(person, Conditions.of(vector, amplitude_ma=4, frequency_hz=40))
shown = ["LRF", "LST", "LTA", "RTA"]
with figure_style():
    figure, axes = new_figure(1, 2, height_mm=75, width_ratios=[1, 3])
    lead_plot(axes[0, 0], person.lead, vector)
    for row, name in enumerate(shown):
        emg = trial.emg[0, :, MUSCLES.index(name)]
        axes[0, 1].plot(trial.time_ms, emg - 4 * row, color=PALETTE[row], label=name)
    axes[0, 1].set(xlabel="time (ms)", yticks=[-4 * row for row in range(4)], yticklabels=shown)

# %%
# Recruitment
# -----------
# The response of a trial is the mean peak-to-peak over the second and later pulses. Against the
# amplitude it has a threshold and a plateau, here with intervals from resampled trials.
amplitudes = np.tile(np.arange(0.5, 5.1, 0.5), 3)
series = measure(person, Conditions.of(vector, amplitudes, 40))
late_mv = measure_responses(series).late_mv
fit = fit_recruitment(amplitudes, late_mv)
fine = np.linspace(0.5, 5, 100)
with figure_style():
    figure, ((ax,),) = new_figure(height_mm=70)
    for row, name in enumerate(shown):
        muscle = MUSCLES.index(name)
        ax.plot(amplitudes, late_mv[:, muscle], ".", color=PALETTE[row])
        ax.plot(fine, fit.curves(fine)[:, muscle], color=PALETTE[row], label=name)
    ax.set(xlabel="amplitude (mA)", ylabel="response (mV)")
    ax.legend()

for name in ("LST", "LTA"):
    muscle = MUSCLES.index(name)
    low, high = fit.low["threshold_ma"][muscle], fit.high["threshold_ma"][muscle]
    print(f"{name} threshold {fit.curves.threshold_ma[muscle]:.2f} mA ({low:.2f} to {high:.2f})")

# %%
# Frequency
# ---------
# The same stimulation at five frequencies, ten times each. The later responses shrink; the largest
# is the first, which nothing has depressed, and knows no frequency.
frequencies = np.array([20.0, 40, 60, 80, 100])
repeated = Conditions.of(vector, 4, np.tile(frequencies, 10))
answered = measure_responses(measure(person, repeated))
with figure_style():
    figure, ((ax,),) = new_figure(height_mm=65)
    for values, label in ((answered.peak_mv, "largest"), (answered.late_mv, "later pulses")):
        mean = values[:, MUSCLES.index("LTA")].reshape(10, -1).mean(axis=0)
        ax.plot(frequencies, mean, "o-", label=label)
    ax.set(xlabel="frequency (Hz)", ylabel="response of LTA (mV)", ylim=(0, None))
    ax.legend()
