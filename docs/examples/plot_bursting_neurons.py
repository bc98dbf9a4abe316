"""
Bursting neurons need a long memory
===================================

Hindmarsh-Rose neurons fire bursts of spikes. A synchronised ensemble of them is silenced by the
same two-line law as other neurons, if the law looks back over a whole burst; the published window
holds a tenth of one. And no kick that is allowed ends in NaN, as one of the published program did.
"""

# %%
# The free rhythm
# ---------------
# One step is 0.1 time units. Between two bursts lie 153 of them, more than 1,500 steps. A burst has
# spikes of its own, so its period is taken from the mean field smoothed over 20 time units.
import numpy as np

from neuro_common.plots import new_figure, stacked_traces
from neuro_common.style import CONTROLLED, FREE, PALETTE, STIMULATION, figure_style
from rldbs_env import DBSVectorEnv, HindmarshRose, metrics, settled_ensembles, simulate
from rldbs_env.controllers import LinearFeedback

model = HindmarshRose()
(ensemble,) = settled_ensembles(model, 1000, seeds=[7])
free = simulate(model, ensemble.state, ensemble.currents, 9000, neurons=range(3))
smooth = np.convolve(free.mean_x, np.full(200, 1 / 200), mode="valid")
free_std = free.mean_x.std()
print(f"std of X {free_std:.3f}, of Y {free.mean_y.std():.2f}")
print(f"burst period {metrics.period(smooth, model.dt):.1f} time units")
print(f"the model's window: {model.window} samples")

# %%
time = np.arange(1, 9001) * model.dt
with figure_style():
    figure, axes = new_figure(2, 1, sharex=True)
    stacked_traces(
        axes[:, 0],
        time[:4000],
        {"mean field X": free.mean_x[:4000], "x of one neuron": free.neuron_x[:4000, 0]},
        units={"mean field X": "1", "x of one neuron": "1"},
        time_label="time (time units)",
        colours={"mean field X": FREE, "x of one neuron": PALETTE[2]},
    )

# %%
# The window decides
# ------------------
# The law kicks in proportion to the distance of X from its mean. Over 150 samples, the published
# window, this mean follows the burst itself, and the law sees little of it: the rhythm fades over
# some twenty bursts. Over a whole burst the mean stays where it is, and one burst is enough.


def suppress(window, n_steps=7000):
    """Mean field and kicks of three ensembles, shape (steps, 3), and their last neurons."""
    law = LinearFeedback(gain=-0.4, window=window, max_kick=0.5)
    env = DBSVectorEnv(
        3, model=model, signals=law.signals, window=window, max_kick=0.5, episode_steps=None
    )
    observation, _ = env.reset(seed=0, options={"ensemble": np.arange(500, 503)})
    memory, mean_x, kicks, neurons = None, [], [], []
    for step in range(n_steps):
        kick, memory = law.predict(observation, memory)
        observation, _, _, _, info = env.step(kick)
        mean_x.append(info["mean_x"])
        kicks.append(kick[:, 0])
        if step >= n_steps - 2 * model.period_steps and step % 10 == 0:
            neurons.append(env.neurons[:, 0])
    return np.array(mean_x), np.array(kicks), np.array(neurons)


results = {window: suppress(window) for window in (150, model.window)}
print("in the last two bursts of time:")
print("window  residual  S_ratio   charge")
for window, (mean_x, kicks, _) in results.items():
    residual = mean_x[-2 * model.period_steps :].std(axis=0).mean()
    charge = np.abs(kicks[-2 * model.period_steps :]).mean()
    print(f"{window:6} {residual:9.3f} {free_std / residual:8.1f} {charge:8.4f}")

# %%
# The neurons go on bursting. Their x varies less than that of Bonhoeffer-van der Pol neurons, for
# which the threshold of `metrics.active_fraction` is made, so we take a third of what free ones
# have, as `rldbs_env.protocol` does, and watch two bursts.
threshold = free.neuron_x.std(axis=0).mean() / 3
for window, (_, _, neurons) in results.items():
    active = np.mean([metrics.active_fraction(neurons[:, e], threshold) for e in range(3)])
    print(f"window {window}: active neurons {active:.3f}, threshold {threshold:.2f}")

# %%
with figure_style():
    figure, axes = new_figure(2, 1, sharex=True, sharey=True)
    stacked_traces(
        axes[:, 0],
        time[:7000],
        {f"X, window {window}": mean_x[:, 0] for window, (mean_x, _, _) in results.items()},
        units={f"X, window {window}": "1" for window in results},
        time_label="time since switch-on (time units)",
        colours={f"X, window {window}": CONTROLLED for window in results},
    )

# %%
# The strongest kick
# ------------------
# With -0.5 before every step, an allowed action, the published program gives NaN after 152 steps. A
# plain RK4 step of this length does the same: where a neuron has been pushed to x = -2.3, its fast
# variable contracts at a rate of 30, beyond what the step can follow.


def plain_rk4(state, kick, n_steps):
    """Lowest x after each step of the textbook scheme, as far as it is finite."""
    lowest, h = [], model.dt
    with np.errstate(over="ignore", invalid="ignore"):
        for _ in range(n_steps):
            state = state + np.array([[kick], [0.0], [0.0]])
            k1 = model.rates(state, ensemble.currents)
            k2 = model.rates(state + h / 2 * k1, ensemble.currents)
            k3 = model.rates(state + h / 2 * k2, ensemble.currents)
            k4 = model.rates(state + h * k3, ensemble.currents)
            state = state + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
            if not np.isfinite(state).all():
                break
            lowest.append(state[0].min())
    return np.array(lowest)


plain = plain_rk4(ensemble.state, -0.5, 3000)
ours = simulate(
    model, ensemble.state, ensemble.currents, 3000, np.full(3000, -0.5), neurons=range(1000)
)
print(f"plain RK4: NaN in step {len(plain) + 1}")
print(f"ours: X ends at {ours.mean_x[-1]:.3f}, never below {ours.mean_x.min():.3f}")

# %%
# Ours divides such steps, and only such: a free ensemble is advanced exactly as published. What is
# reached is no success, though. The neurons are frozen.
active = metrics.active_fraction(ours.neuron_x[1000:])
print(f"active neurons {active:.3f}, quenched: {metrics.is_quenched(ours.neuron_x[1000:])}")
with figure_style():
    figure, axes = new_figure(height_mm=65)
    ax = axes[0, 0]
    ax.plot(time[:600], ours.neuron_x[:600].min(axis=1), color=STIMULATION, label="divided steps")
    ax.plot(time[: len(plain)], plain, color=FREE, linestyle="--", label="plain RK4")
    ax.plot(time[len(plain) - 1], plain[-1], "x", color=FREE)
    ax.set(xlabel="time since the first kick of -0.5 (time units)", ylabel="lowest x", ylim=(-6, 1))
    ax.legend()
