"""
Phases on a grid, electrodes in space
=====================================

The other models let one electrode reach all neurons alike. Here 512 phase oscillators sit on a
grid, a lead with four directional contacts acts on what is near it, and sensors hear what is near
them. Stimulation works through a phase response: what a kick does depends on when it comes.
"""

# %%
# Where contacts act
# ------------------
# Lengths are in grid units. Each contact's strength falls with the distance and with the angle from
# the direction that it faces. We look at one plane of the 8 x 8 x 8 grid, with the lead in its
# middle.
import numpy as np

from neuro_common.plots import new_figure
from neuro_common.style import CONTROLLED, FREE, PALETTE, STIMULATION, figure_style
from rldbs_env import DBSVectorEnv, KuramotoGrid, metrics, settled_ensembles, simulate
from rldbs_env.controllers import LinearFeedback
from rldbs_env.kuramoto import Contact, lead

ring = KuramotoGrid()
four = KuramotoGrid(contacts=lead(segments=4), sensors=lead(segments=4))
plane = four.points[:, 2] == 3
with figure_style():
    figure, axes = new_figure(1, 4, height_mm=55, sharey=True)
    for ax, contact in zip(axes[0], four.contacts, strict=True):
        strength = contact.strength(four.points)[plane].reshape(8, 8)
        image = ax.imshow(strength.T, origin="lower", vmin=0, vmax=1, cmap="cividis")
        ax.plot(*contact.position[:2], "o", color="white", markersize=4)
        ax.set(xlabel="x (grid units)", title=f"facing {contact.azimuth:.0f}°")
    axes[0, 0].set_ylabel("y (grid units)")
    figure.colorbar(image, ax=axes[0], label="strength", shrink=0.8)

# %%
# The free rhythm
# ---------------
# A sensor gives two fields, the weighted means of cos and sin of the phases. One that hears all
# units alike therefore gives the order parameter: R is the length of (X, Y).
(ensemble,) = settled_ensembles(ring, ring.n_units, seeds=[7])
free = simulate(ring, ensemble.state, ensemble.currents, 4000)
order = np.hypot(free.mean_x, free.mean_y)
print(f"order parameter {order.mean():.2f}; incoherent phases would have {1 / np.sqrt(512):.2f}")
print(f"period {metrics.period(free.mean_x, ring.dt):.2f} time units")

# %%
# A phase response
# ----------------
# The same ensemble with and without one small kick: the difference, over the kick and what of it
# reaches each unit, is the response curve. "type_2" draws every phase towards 0, where X is
# largest; "type_1" advances all.
with figure_style():
    figure, axes = new_figure(height_mm=70)
    ax = axes[0, 0]
    for response, colour in (("type_2", STIMULATION), ("type_1", PALETTE[2])):
        model = KuramotoGrid(response=response)
        phases, frequencies = model.draw(512, np.random.default_rng(0))
        kicked = simulate(model, phases, frequencies, 1, [1e-3]).state
        shift = kicked - simulate(model, phases, frequencies, 1, [0.0]).state
        measured = shift[0] / (1e-3 * model.contacts[0].strength(model.points))
        order_of_phases = np.argsort(phases[0])
        curve = model.phase_response(phases[0])
        worst = np.abs(measured - curve).max()
        print(f"{response}: measured less the formula, at most {worst:.3f}")
        ax.plot(phases[0], measured, ".", color=colour, markersize=3)
        ax.plot(phases[0][order_of_phases], curve[order_of_phases], color=colour, label=response)
    ax.axhline(0, color=FREE, linewidth=0.6)
    ax.set(xlabel="phase (rad)", ylabel="shift per unit kick (rad)")
    ax.legend()

# %%
# What is left is the step that follows the kick: in 0.05 time units the coupling undoes a little.
#
# Suppression
# -----------
# Kicks against X, for a response that pulls towards large X. Segments of a lead add up to two
# rings, so they need half the gain. With as many sensors as contacts, each contact can follow what
# it hears itself. The order parameter of all phases is taken from the neurons: a controller cannot
# see it.


def suppress(model, gain, free_steps=1000, n_steps=3000):
    """X that is heard, charge per step, shape (steps, 4), and the order parameter of all phases."""
    law = LinearFeedback(gain=gain, window=model.window, sensors=model.n_sensors)
    env = DBSVectorEnv(
        4, model=model, n_neurons=512, signals=("x",), window=law.window, episode_steps=None
    )
    observation, _ = env.reset(seed=0, options={"ensemble": np.arange(500, 504)})
    memory, heard, charge, order = None, [], [], []
    for step in range(n_steps):
        kicks, memory = law.predict(observation, memory)
        if step < free_steps:
            kicks = np.zeros_like(kicks)
        observation, _, _, _, info = env.step(kicks)
        heard.append(info["mean_x"])
        charge.append(np.abs(kicks).sum(axis=1))
        if step % 10 == 0:
            order.append(np.abs(np.exp(1j * env.neurons[:, 0]).mean(axis=1)))
    return np.array(heard), np.array(charge), np.array(order)


corner = Contact(position=(0, 0, 0), reach=1.0, falloff="gaussian")
trials = {
    "one ring": (ring, -0.3),
    "four segments": (four, -0.15),
    "hears a corner": (KuramotoGrid(sensors=(corner,)), -0.3),
    "twice the gain": (KuramotoGrid(), -0.6),
}
results = {name: suppress(*trial) for name, trial in trials.items()}
print(f"{'':15} {'S_ratio of X heard':>18} {'R before':>9} {'R after':>8} {'charge':>8}")
for name, (heard, charge, order) in results.items():
    ratio = np.median(heard[:1000].std(axis=0) / heard[-1500:].std(axis=0))
    print(
        f"{name:15} {ratio:18.1f} {order[:100].mean():9.3f} {order[-150:].mean():8.3f} "
        f"{charge[-1500:].mean():8.4f}"
    )

# %%
# Two rows look suppressed and are not. A sensor that hears a corner hears a few units, and feedback
# quietens these few. With twice the gain X is five times smaller, but the phases have not
# dispersed: their order parameter waxes and wanes about 0.4. Where neurons can be looked at, report
# R beside the suppression of X.
with figure_style():
    figure, axes = new_figure(height_mm=75)
    ax = axes[0, 0]
    time = (np.arange(0, 3000, 10) - 1000) * ring.dt
    colours = (CONTROLLED, PALETTE[5], PALETTE[2], STIMULATION)
    for (name, (_, _, order)), colour in zip(results.items(), colours, strict=True):
        ax.plot(time, order[:, 0], color=colour, label=name)
    ax.axhline(1 / np.sqrt(512), color=PALETTE[6], linestyle=":", label="incoherent phases")
    ax.axvline(0, color=FREE, linewidth=0.6)
    ax.set(xlabel="time since switch-on (time units)", ylabel="order parameter R", ylim=(0, 1))
    figure.legend(loc="outside right")
