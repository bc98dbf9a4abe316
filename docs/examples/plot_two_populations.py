"""
Two populations, and a network
==============================

What a brain region does is seldom one population in which everyone hears everyone. We couple two
populations, give each an electrode of its own, and then replace the mean field by a small-world
network.
"""

# %%
# In step, and in antiphase
# -------------------------
# Coupled by a tenth of what couples each within, two populations of 500 neurons run in step. With a
# negative coupling they alternate. The field that an electrode between them would hear is then four
# times weaker, with both as synchronous as ever: a small mean field is no proof of anything.
import numpy as np

from neuro_common.plots import new_figure, stacked_traces
from neuro_common.style import CONTROLLED, FREE, PALETTE, figure_style
from rldbs_env import BonhoefferVanDerPol, DBSVectorEnv, networks, settled_ensembles, simulate
from rldbs_env.controllers import LinearFeedback

in_step = BonhoefferVanDerPol(populations=2, cross_coupling=0.1)
alternating = BonhoefferVanDerPol(populations=2, cross_coupling=-0.3)
fields = {}
for name, model in (("in step", in_step), ("alternating", alternating)):
    (ensemble,) = settled_ensembles(model, 1000, seeds=[7])
    fields[name] = simulate(model, ensemble.state, ensemble.currents, 2000).fields[:, 0]
    a, b = fields[name].T
    print(
        f"{name:12} std of X {a.std():.2f} and {b.std():.2f}, of their mean "
        f"{(a + b).std() / 2:.2f}, correlation {np.corrcoef(a, b)[0, 1]:+.2f}"
    )

# %%
time = np.arange(1, 2001) * in_step.dt
with figure_style():
    figure, axes = new_figure(2, 1, sharex=True, sharey=True)
    for ax, (name, (a, b)) in zip(
        axes[:, 0], ((n, f[:1000].T) for n, f in fields.items()), strict=True
    ):
        ax.plot(time[:1000], a, color=PALETTE[0], label="first population")
        ax.plot(time[:1000], b, color=PALETTE[2], label="second population")
        ax.plot(time[:1000], (a + b) / 2, color=FREE, linestyle="--", label="their mean")
        ax.set(ylabel="X", title=name)
    axes[1, 0].set_xlabel("time (time units)")
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside upper right", ncols=3)

# %%
# Separate electrodes
# -------------------
# Each population is recorded by a sensor and kicked by an electrode of its own, so an action is two
# kicks and an observation two windows. ``LinearFeedback(sensors=2)`` steers each electrode by the
# sensor of the same number. We compare it with one electrode only, and with both electrodes driven
# by the mean of both fields, as a single recording would give it.


def suppress(model, steer, n_steps=2500):
    """X of both populations, shape (steps, 3, 2), and kicks of the same shape."""
    env = DBSVectorEnv(3, model=model, n_neurons=500, signals=("x",), episode_steps=None)
    observation, _ = env.reset(seed=0, options={"ensemble": np.arange(500, 503)})
    x, given = [], []
    for _ in range(n_steps):
        kicks = steer(observation)
        observation, *_ = env.step(kicks)
        x.append(observation.reshape(3, 2, -1)[:, :, -1])
        given.append(kicks)
    return np.array(x), np.array(given)


law = LinearFeedback(gain=-0.02, sensors=2)


def both(observation):
    """Each electrode follows its own population."""
    return law.predict(observation)[0]


def first_only(observation):
    """The second electrode is silent."""
    return both(observation) * np.array([1, 0], np.float32)


def shared(observation):
    """Both electrodes follow the mean of both fields."""
    return np.repeat(both(observation).mean(axis=1, keepdims=True), 2, axis=1)


laws = {"each its own": both, "first only": first_only, "both by their mean": shared}
results = {}
print(f"{'':32} {'std of first':>12} {'of second':>10} {'of mean':>8} {'charge':>8}")
for model, name in ((in_step, "in step"), (alternating, "alternating")):
    for what, steer in laws.items():
        x, kicks = results[name, what] = suppress(model, steer)
        first, second = x[1250:].std(axis=0).mean(axis=0)
        together = x[1250:].mean(axis=2).std(axis=0).mean()
        charge = np.abs(kicks[1250:]).sum(axis=2).mean()
        print(f"{name:12} {what:19} {first:12.3f} {second:10.3f} {together:8.3f} {charge:8.5f}")

# %%
# An electrode in each is what works in both cases. One electrode silences its own population and
# leaves the other alone. The mean of both fields is a poor signal even for populations in step:
# once it is flat, they take up the antiphase, which it does not show. Below are the alternating
# ones, the first in blue, the second in green.
with figure_style():
    figure, axes = new_figure(3, 1, sharex=True, sharey=True)
    for index, colour in ((0, CONTROLLED), (1, PALETTE[2])):
        stacked_traces(
            axes[:, 0],
            np.arange(1, 2501) * in_step.dt,
            {what: results["alternating", what][0][:, 0, index] for what in laws},
            units=dict.fromkeys(laws, "X"),
            time_label="time since switch-on (time units)",
            colours=dict.fromkeys(laws, colour),
        )

# %%
# A small-world network
# ---------------------
# Ten neighbours on a ring instead of the mean of all. Moving some of the connections elsewhere is
# what makes the ring synchronise (Watts and Strogatz 1998).
rewirings = (0.0, 0.1, 0.3, 0.6, 1.0)
rhythm, runs = [], {}
for rewiring in rewirings:
    model = BonhoefferVanDerPol(network=networks.small_world(400, 10, rewiring, seed=0))
    (ensemble,) = settled_ensembles(model, 400, seeds=[7])
    runs[rewiring] = simulate(
        model, ensemble.state, ensemble.currents, 1500, neurons=range(0, 400, 2)
    )
    rhythm.append(runs[rewiring].mean_x.std())
    print(f"rewiring {rewiring:.1f}: std of X {rhythm[-1]:.2f}")

# %%
with figure_style():
    figure, axes = new_figure(1, 3, height_mm=70)
    axes[0, 0].plot(rewirings, rhythm, "o-", color=FREE)
    axes[0, 0].set(xlabel="part of connections moved", ylabel="std of X", ylim=(0, None))
    for ax, rewiring in zip(axes[0, 1:], (0.0, 1.0), strict=True):
        picture = runs[rewiring].neuron_x[-500:].T
        image = ax.imshow(
            picture, aspect="auto", origin="lower", extent=(0, 100, 0, 400), cmap="cividis"
        )
        ax.set(xlabel="time (time units)", title=f"moved {rewiring:.0%}")
    axes[0, 1].set_ylabel("neuron along the ring")
    figure.colorbar(image, ax=axes[0, 2], label="x")
