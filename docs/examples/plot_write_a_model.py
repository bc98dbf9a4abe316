"""
Write a model of your own
=========================

A model is its equations, a few numbers and the range of what its mean fields can do. Coupling,
populations, networks, noise, the compiled steps, environments, disturbances and tuning come with
`rldbs_env.Oscillators`. Ours are the excitatory and inhibitory groups of Wilson and Cowan
(1972), coupled through their excitatory activity until they share a rhythm.
"""

# %%
# The equations
# -------------
# A flow says what one neuron's variables do, given the current that it receives, coupling included.
# It is compiled, and it gets up to six constants of the model. They come in the arithmetic's own
# type: a bare ``1.0`` here would turn float32 into float64.
import math
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
from numba import njit
from scipy.integrate import solve_ivp

from neuro_common.plots import new_figure, phase_portrait, stacked_traces
from neuro_common.style import CONTROLLED, FREE, PALETTE, STIMULATION, figure_style
from rldbs_env import DBSEnv, DBSVectorEnv, metrics, settled_ensembles, simulate
from rldbs_env.controllers import LinearXYFeedback
from rldbs_env.oscillators import Oscillators
from rldbs_env.tuning import tune_linear


@njit
def wilson_cowan_flow(x, y, current, constants):
    one, excitation, inhibition, drive, recurrence, threshold = constants
    dx = one / (one + math.exp(inhibition * y - excitation * x - current)) - x
    dy = one / (one + math.exp(threshold + recurrence * y - drive * x)) - y
    return dx, dy


# %%
# The model
# ---------
# A frozen dataclass with defaults for coupling, spread, mean current and dt; its period and its
# transient in time units; the flow and its constants; the strongest kick; and the limits. Ensembles
# start between -1 and 1, and x relaxes to a value between 0 and 1 at rate 1: kicks of at most ``a``
# before every step carry it no farther than ``a / (1 - exp(-dt))`` beyond. y is not kicked.
# ``rates`` is the model as one reads it in a paper: it is for tests, such as the one below.


@dataclass(frozen=True)
class WilsonCowan(Oscillators):
    """Groups of excitatory (x) and inhibitory (y) neurons; one time unit is about 10 ms."""

    coupling: float = 1.5
    spread: float = 0.3
    mean_current: float = -1.5
    dt: float = 0.05

    weights: ClassVar[tuple[float, ...]] = (10.0, 10.0, 10.0, -2.0, 6.0)
    variables: ClassVar[tuple[str, ...]] = ("x", "y")
    period: ClassVar[float] = 5.1
    transient_time: ClassVar[float] = 250.0
    largest_dt: ClassVar[float] = 0.2
    largest_kick: ClassVar[float] = 0.5

    def flow(self):
        return wilson_cowan_flow

    @property
    def constants(self):
        return (1.0, *self.weights)

    def rates(self, state, currents):
        x, y = np.asarray(state, dtype=float)
        excitation, inhibition, drive, recurrence, threshold = self.weights
        dx = 1 / (1 + np.exp(inhibition * y - excitation * x - self.inputs(x, currents))) - x
        dy = 1 / (1 + np.exp(threshold + recurrence * y - drive * x)) - y
        return np.stack([dx, dy])

    def limits(self, max_kick):
        farthest = 1 + max_kick / (1 - math.exp(-self.dt))
        return -farthest, farthest, -1.0, 1.0


# %%
# Is it right?
# ------------
# ``rates`` by scipy's DOP853 against the compiled step. A scheme of fourth order is sixteen times
# closer with half the step.
model = WilsonCowan()
state, currents = model.draw(50, np.random.default_rng(0))
oracle = solve_ivp(
    lambda t, flat: model.rates(flat.reshape(2, 50), currents).ravel(),
    (0, 20),
    state.ravel(),
    method="DOP853",
    rtol=1e-12,
    atol=1e-12,
)
errors = {}
for dt in (0.1, 0.05, 0.025):
    finer = replace(model, dt=dt)
    end = simulate(finer, state, currents, round(20 / dt)).state
    errors[dt] = np.abs(end - oracle.y[:, -1].reshape(2, 50)).max()
    print(f"dt {dt:5.3f}: largest error after 20 time units {errors[dt]:.1e}")
print(f"ratios {errors[0.1] / errors[0.05]:.1f} and {errors[0.05] / errors[0.025]:.1f}")

single = simulate(model, state.astype(np.float32), currents.astype(np.float32), 400)
double = simulate(model, state, currents, 400)
print(f"float32 against float64: {np.abs(single.mean_x - double.mean_x).max():.1e}")

# %%
# Does it synchronise?
# --------------------
# And are period and transient what we wrote into the class? A period that is wrong by much makes
# wrong windows, and a transient that is too short makes ensembles that are still settling.
for coupling in (0.0, 0.5, 1.0, 1.5):
    one = replace(model, coupling=coupling)
    (ensemble,) = settled_ensembles(one, 500, seeds=[7])
    free = simulate(one, ensemble.state, ensemble.currents, 2000, neurons=[0, 1])
    print(f"coupling {coupling:.1f}: std of X {free.mean_x.std():.3f}")
print(f"period {metrics.period(free.mean_x, model.dt):.2f} time units")
first, second = free.mean_x[:1000].std(), free.mean_x[1000:].std()
print(f"std of the first half {first:.4f}, of the second {second:.4f}")

# %%
time = np.arange(1, 2001) * model.dt
with figure_style():
    figure, axes = new_figure(1, 2, height_mm=70, width_ratios=(2, 1))
    axes[0, 0].plot(time[:600], free.neuron_x[:600, 0], color=PALETTE[2], label="one group")
    axes[0, 0].plot(time[:600], free.mean_x[:600], color=FREE, label="mean field X")
    axes[0, 0].set(xlabel="time (time units)", ylabel="x", ylim=(0, 1.2))
    axes[0, 0].legend(ncols=2)
    phase_portrait(
        axes[0, 1], free.mean_x[-300:], free.mean_y[-300:], x_label="X", y_label="Y", colour=FREE
    )

# %%
# Everything else is there
# ------------------------
# An environment, and linear feedback tuned to a model that nobody has tuned it to: a small scan,
# then a closer one, on ensembles other than those of the test.
env = DBSEnv(model=model, n_neurons=200, max_kick=0.2)
tuned = tune_linear(
    env,
    gains_x=(-0.3, -0.1, 0.0, 0.1),
    gains_y=(-0.1, 0.0, 0.1, 0.3),
    ensembles=range(2000, 2002),
    controlled_steps=1000,
)
print(f"gains {tuned.gain_x} of X and {tuned.gain_y} of Y")
law = LinearXYFeedback(gain_x=tuned.gain_x, gain_y=tuned.gain_y, window=model.window, max_kick=0.2)
envs = DBSVectorEnv(
    4, model=model, n_neurons=500, signals=law.signals, window=law.window, max_kick=0.2
)
observation, _ = envs.reset(seed=0, options={"ensemble": np.arange(500, 504)})
mean_x, kicks, neurons = [], [], []
for step in range(4000):
    kick = law.predict(observation)[0] * (step >= 1000)
    observation, _, _, _, info = envs.step(kick)
    mean_x.append(info["mean_x"])
    kicks.append(kick[:, 0])
    neurons.append(envs.neurons[:, 0] if step % 5 == 0 else neurons[-1])
mean_x, kicks, neurons = np.array(mean_x), np.array(kicks), np.array(neurons)
before, after = mean_x[:1000].std(axis=0), mean_x[2500:].std(axis=0)
print(f"S_ratio {np.median(before / after):.1f}, charge {np.abs(kicks[2500:]).mean():.5f}")
half = neurons[:1000].std(axis=0).mean() / 2
active = np.mean([metrics.active_fraction(neurons[2500:, e], half) for e in range(4)])
print(f"active groups {active:.3f} (std above {half:.2f}, half of what it was)")

# %%
with figure_style():
    figure, axes = new_figure(2, 1, sharex=True)
    stacked_traces(
        axes[:, 0],
        (np.arange(4000) - 1000) * model.dt,
        {"mean field X": mean_x[:, 0], "kick": kicks[:, 0]},
        units={"mean field X": "1", "kick": "1"},
        time_label="time since switch-on (time units)",
        colours={"mean field X": CONTROLLED, "kick": STIMULATION},
    )

# %%
# Put a flow into a file
# ----------------------
# Compiled steps are cached on disk, under the content of the file in which the flow is defined. One
# that was typed at a prompt has no file, and is compiled again by every process. Let a flow call
# nothing of another file: numba would not notice when that file changes.
