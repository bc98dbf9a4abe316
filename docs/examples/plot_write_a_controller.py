"""
Write a controller of your own
==============================

A controller is any object that says which signals it wants, how many samples of them, and what it
would do now. No class to inherit from, nothing to register. Ours extrapolates the mean field a
little, so as to kick against where it is going. Then it is tested as the shipped ones are.
"""

# %%
# Twenty lines
# ------------
# An observation is the window of each signal, oldest sample first; a batch of them has a row per
# environment. What a controller remembers, one row per environment, it returns beside its kicks and
# gets back with the next observation: it holds no state itself, so it can serve any number of
# environments. `episode_start` is true where an episode has just begun.
import numpy as np

from neuro_common.plots import new_figure, pareto, stacked_traces
from neuro_common.style import CONTROLLED, STIMULATION, figure_style
from rldbs_env.controllers import LinearFeedback
from rldbs_env.disturbances import ObservationNoise
from rldbs_env.protocol import Protocol, run
from rldbs_env.scoring import score


class LookAhead:
    """Feedback on X as it will be in so many samples, if it goes on as it does now."""

    signals = ("x",)
    window = 250

    def __init__(self, gain=-0.02, ahead=8, memory=5):
        self.gain, self.ahead, self.memory = gain, ahead, memory

    def predict(self, observation, state=None, episode_start=None, deterministic=True):
        x = np.atleast_2d(observation)
        slope = np.zeros(len(x)) if state is None else np.array(state)
        if episode_start is not None:
            slope[episode_start] = 0.0
        slope += (x[:, -1] - x[:, -2] - slope) / self.memory
        expected = x[:, -1] + self.ahead * slope
        kick = self.gain * (expected - x.mean(axis=1))
        return kick.astype(np.float32).reshape(*np.shape(observation)[:-1], 1), slope


# %%
# The test
# --------
# Free, controlled, free again, on ensembles that nothing was tuned on; a quarter of the default
# length here. The second half of control is scored. Both laws, at three gains each.
protocol = Protocol(
    n_neurons=500,
    ensembles=range(500, 503),
    free_steps=1000,
    controlled_steps=2500,
    recovery_steps=250,
)
laws = {
    **{f"linear {gain}": LinearFeedback(gain=gain) for gain in (-0.01, -0.02, -0.03)},
    **{f"look ahead {gain}": LookAhead(gain=gain) for gain in (-0.01, -0.02, -0.03)},
}
recordings = {name: run(law, protocol) for name, law in laws.items()}


def median(recording, quantity):
    """Median of one quantity over the ensembles."""
    return float(np.median([getattr(one, quantity) for one in score(recording)]))


columns = ("s_ratio", "std_controlled", "charge", "settling_step", "active_fraction")
print(f"{'':17} {'S_ratio':>8} {'residual':>9} {'charge':>8} {'settles':>8} {'active':>7}")
for name, recording in recordings.items():
    ratio, residual, charge, settled, active = (median(recording, c) for c in columns)
    print(f"{name:17} {ratio:8.1f} {residual:9.4f} {charge:8.5f} {settled:8.0f} {active:7.3f}")

# %%
# Residual and charge are one trade-off, so a single number decides nothing. The front joins the
# laws that none beats in both.
with figure_style():
    figure, axes = new_figure(height_mm=80)
    axes[0, 0].set(xscale="log", yscale="log")
    pareto(
        axes[0, 0],
        [median(r, "charge") for r in recordings.values()],
        [median(r, "std_controlled") for r in recordings.values()],
        list(recordings),
        x_label="charge (kick per step)",
        y_label="residual (std of X)",
    )

# %%
# In the same three phases
# ------------------------
recording = recordings["look ahead -0.02"]
time = np.arange(len(recording.mean_x)) * protocol.model.dt
with figure_style():
    figure, axes = new_figure(2, 1, sharex=True)
    stacked_traces(
        axes[:, 0],
        time,
        {"mean field X": recording.mean_x[:, 0], "kick": recording.kicks[:, 0]},
        units={"mean field X": "1", "kick": "1"},
        time_label="time (time units)",
        colours={"mean field X": CONTROLLED, "kick": STIMULATION},
    )
    for switch in (recording.phases[1].start, recording.phases[1].stop):
        for ax in axes[:, 0]:
            ax.axvline(time[switch], color="0.7", linewidth=0.6)

# %%
# With a noisy electrode
# ----------------------
# A law that differentiates pays for noise, in charge. The protocol takes disturbances as an
# environment does.
noisy = Protocol(
    n_neurons=500,
    ensembles=range(500, 503),
    free_steps=1000,
    controlled_steps=2500,
    recovery_steps=250,
    disturbances=(ObservationNoise(0.1),),
)
for name in ("linear -0.02", "look ahead -0.02"):
    recording = run(laws[name], noisy)
    print(
        f"{name:17} in noise: residual {median(recording, 'std_controlled'):.4f}, "
        f"charge {median(recording, 'charge'):.5f}"
    )
