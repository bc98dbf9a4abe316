"""
Silence a synchronised population
=================================

A thousand neurons oscillate together. A controller that sees nothing but their mean field, and may
do nothing but kick all of them alike, takes the rhythm away and leaves every neuron active. We
watch it do so, and then look at a controller that only seems to.
"""

# %%
# The population
# --------------
# Ensembles go by number: seed 7 means the same neurons on any machine. They have settled on their
# collective rhythm when we get them.
import numpy as np

from neuro_common.plots import new_figure, stacked_traces
from neuro_common.style import CONTROLLED, FREE, PALETTE, STIMULATION, figure_style
from rldbs_env import BonhoefferVanDerPol, DBSVectorEnv, metrics, settled_ensembles, simulate
from rldbs_env.controllers import LinearFeedback, NoControl, Tonic

model = BonhoefferVanDerPol(coupling=0.03)
(ensemble,) = settled_ensembles(model, 1000, seeds=[7])
free = simulate(model, ensemble.state, ensemble.currents, 2000, neurons=[0, 1, 2])
print(f"period {metrics.period(free.mean_x, model.dt):.2f} time units, std {free.mean_x.std():.3f}")

# %%
# Three controllers
# -----------------
# A controller names what it wants to see, the environment shows it. Here one vector environment
# holds twenty ensembles that none of the controllers was tuned on, and steps them in one call.


def suppress(controller, n_steps=4000):
    """Mean field and kicks of every ensemble, shape (steps, ensembles), and the last neurons."""
    env = DBSVectorEnv(20, signals=controller.signals, window=controller.window, episode_steps=None)
    observation, _ = env.reset(seed=0, options={"ensemble": np.arange(500, 520)})
    memory, mean_x, kicks, neurons = None, [], [], []
    for step in range(n_steps):
        kick, memory = controller.predict(observation, memory)
        observation, _, _, _, info = env.step(kick)
        mean_x.append(info["mean_x"])
        kicks.append(kick[:, 0])
        if step >= n_steps - 1000 and step % 5 == 0:
            neurons.append(env.neurons[:, 0])
    return np.array(mean_x), np.array(kicks), np.array(neurons)


controllers = {
    "none": NoControl(),
    "linear feedback": LinearFeedback(gain=-0.02),
    "tonic kick": Tonic(amplitude=0.2),
}
results = {name: suppress(controller) for name, controller in controllers.items()}

# %%
# What they did
# -------------
time = np.arange(1, 4001) * model.dt
colours = dict(zip(results, (FREE, CONTROLLED, STIMULATION), strict=True))
with figure_style():
    figure, axes = new_figure(3, 1, sharex=True, sharey=True)
    stacked_traces(
        axes[:, 0],
        time,
        {name: mean_x[:, 0] for name, (mean_x, _, _) in results.items()},
        units=dict.fromkeys(results, "X"),
        time_label="time (time units)",
        colours=colours,
    )

# %%
# Flat is not enough
# ------------------
# Two traces are flat. The numbers tell them apart: linear feedback leaves the neurons active and
# its kicks die away with the rhythm; the tonic kick freezes the population, and what looks like
# perfect suppression is a population that no longer does anything. Scores are therefore never
# read without the fraction of active neurons.
before = results["none"][0]
print(f"{'':16} {'S_ratio':>8} {'charge':>9} {'active':>7}  quenched")
for name, (mean_x, kicks, neurons) in results.items():
    ratios = [metrics.s_ratio(before[2000:, e], mean_x[2000:, e]) for e in range(20)]
    active = [metrics.active_fraction(neurons[:, e]) for e in range(20)]
    frozen = sum(metrics.is_quenched(neurons[:, e]) for e in range(20))
    print(
        f"{name:16} {np.median(ratios):8.1f} {np.abs(kicks[2000:]).mean():9.5f} "
        f"{np.mean(active):7.3f}  {frozen} of 20"
    )

# %%
# Twenty ensembles, one picture
# -----------------------------
# The windowed standard deviation falls below 0.1 within a few hundred steps in every ensemble.
with figure_style():
    figure, axes = new_figure(height_mm=70)
    ax = axes[0, 0]
    mean_x = results["linear feedback"][0]
    for e in range(20):
        strength = metrics.windowed_std(mean_x[:, e])
        ax.semilogy(time[: len(strength)], strength, color=CONTROLLED, linewidth=0.6)
    ax.axhline(metrics.finite_size_floor(1000), color=PALETTE[1], linestyle="--")
    ax.annotate(
        "uncoupled neurons",
        (time[-1] * 0.98, metrics.finite_size_floor(1000)),
        (0, 3),
        textcoords="offset points",
        ha="right",
        color=PALETTE[1],
    )
    ax.set(xlabel="time (time units)", ylabel="std of X over 50 time units")
