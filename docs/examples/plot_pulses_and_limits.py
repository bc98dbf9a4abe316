"""
Pulses and limits, and what they cost
=====================================

A kick before every step is a mathematician's stimulus. A stimulator gives pulses whose charge comes
back, rests between them, and has limits. We let one law act through pulse shapes and through rules
of delivery, and see what each costs.
"""

# %%
# Shapes
# ------
# A pulse has one weight per sub-step, and a sub-step is one RK4 step of the model. An environment
# step lasts as long as the pulse. The weights of biphasic and asymmetric pulses sum to zero.
import numpy as np

from neuro_common.plots import new_figure, pareto, stacked_traces
from neuro_common.style import CONTROLLED, STIMULATION, figure_style
from rldbs_env import Delivery, pulses
from rldbs_env.controllers import LinearFeedback, LinearXYFeedback
from rldbs_env.protocol import Protocol, run
from rldbs_env.scoring import score

shapes = {
    "delta": pulses.delta(),
    "rectangular": pulses.rectangular(5),
    "biphasic": pulses.biphasic(),
    "with a gap": pulses.biphasic(first=1, gap=2, second=2, period=5),
    "passive recharge": pulses.asymmetric(first=1, gap=0, tau=2.0, period=10),
}
print(f"{'':17} {'charge':>7} {'net charge':>11} {'energy':>7}")
for name, pulse in shapes.items():
    print(f"{name:17} {pulse.charge:7.2f} {pulse.net_charge:11.1e} {pulse.energy:7.3f}")
with figure_style():
    figure, axes = new_figure(1, 5, height_mm=45, sharey=True)
    for ax, (name, pulse) in zip(axes[0], shapes.items(), strict=True):
        ax.bar(np.arange(len(pulse.weights)), pulse.weights, 0.9, color=STIMULATION)
        ax.axhline(0, color="0.7", linewidth=0.6)
        ax.set(xlabel="sub-step", xlim=(-1, 10), title=name)
    axes[0, 0].set_ylabel("kick per unit of action")

# %%
# What a shape costs
# ------------------
# A rectangle works like the kick whose charge it spreads, if its gain is that of five kicks. In a
# balanced pulse the second phase undoes most of what the first did. What is left is an effect of
# the time between them: it needs feedback on Y, the other variable, gains twenty times larger, and
# twenty times the charge. All charges here are per RK4 step, so that pulses of different lengths
# can be compared.


def trial(law, pulse=shapes["delta"], delivery=None):
    """Recording of three ensembles in three phases of 1000, 4000 and 250 RK4 steps."""
    parts = len(pulse.weights)
    protocol = Protocol(
        n_neurons=500,
        ensembles=range(500, 503),
        free_steps=1000 // parts,
        controlled_steps=4000 // parts,
        recovery_steps=250 // parts,
        pulse=pulse,
        delivery=delivery or Delivery(),
    )
    return run(law, protocol)


def report(recordings):
    """One line each: medians over the ensembles, charges per RK4 step; residual and charge."""
    price = {}
    print(f"{'':18} {'S_ratio':>8} {'charge':>8} {'net charge':>11} {'peak':>6} {'settles':>8}")
    for name, recording in recordings.items():
        parts = len(recording.protocol.pulse.weights)
        scores = score(recording)
        ratio, charge, net, peak, settled, residual = (
            float(np.median([getattr(one, quantity) for one in scores]))
            for quantity in (
                "s_ratio", "charge", "net_charge", "peak", "settling_step", "std_controlled",
            )
        )  # fmt: skip
        print(
            f"{name:18} {ratio:8.1f} {charge / parts:8.5f} {net / parts:11.1e} {peak:6.3f} "
            f"{settled * parts:8.0f}"
        )
        if ratio > 5:
            price[name] = (charge / parts, residual)
    return price


both = LinearXYFeedback(gain_x=-0.4, gain_y=-2.0)
by_shape = {
    "delta": trial(LinearFeedback(gain=-0.02)),
    "rectangular": trial(LinearFeedback(gain=-0.1), shapes["rectangular"]),
    "biphasic": trial(both, shapes["biphasic"]),
    "with a gap": trial(LinearXYFeedback(gain_x=0.0, gain_y=-2.0), shapes["with a gap"]),
    "passive recharge": trial(
        LinearXYFeedback(gain_x=0.0, gain_y=-4.0), shapes["passive recharge"]
    ),
}
price = report(by_shape)

# %%
with figure_style():
    figure, axes = new_figure(3, 1, sharex=True, sharey=True)
    for ax, name in zip(axes[:, 0], ("delta", "biphasic", "passive recharge"), strict=True):
        recording = by_shape[name]
        time = np.arange(len(recording.mean_x)) * recording.protocol.step_time
        stacked_traces(
            [ax],
            time[time < 900],
            {name: recording.mean_x[time < 900, 0]},
            units={name: "X"},
            time_label="",
            colours={name: CONTROLLED},
        )
        ax.axvline(time[recording.phases[1].start], color="0.7", linewidth=0.6)
        ax.tick_params(labelbottom=ax is axes[-1, 0])
    axes[-1, 0].set_xlabel("time (time units)")

# %%
# Rules of delivery
# -----------------
# Time is counted in environment steps. A law that may act on every tenth step only needs ten times
# the gain, and then loses nothing: X changes slowly. What hurts is a limit on charge, for charge is
# needed at the beginning, while the rhythm is strong. Half of a full dose is too little: it is used
# up in one half of each cycle, and all kicks have one sign.
rules = {
    "rest of 9": (Delivery(refractory_steps=9), -0.2),
    "4 of 5 dropped": (Delivery(skip=4), -0.1),
    "held for 20": (Delivery(repeat=20), -0.02),
    "charge 1 a cycle": (Delivery(max_charge_per_period=1.0), -0.02),
    "charge 0.5 a cycle": (Delivery(max_charge_per_period=0.5), -0.02),
}
by_rule = {
    name: trial(LinearFeedback(gain=gain), delivery=delivery)
    for name, (delivery, gain) in rules.items()
}
price |= report(by_rule)

# %%
# What arrives is not what was asked for. `Recording.delivered` holds what the rules let pass.
with figure_style():
    figure, axes = new_figure(3, 1, sharex=True)
    for ax, name in zip(axes[:, 0], ("rest of 9", "held for 20", "charge 1 a cycle"), strict=True):
        kicks = by_rule[name].delivered[950:1500, 0, 0]
        time = np.arange(-50, 500) * 0.2
        ax.plot(time, kicks, color=STIMULATION, drawstyle="steps-post")
        ax.set(ylabel="kick", title=name)
    axes[-1, 0].set_xlabel("time since switch-on (time units)")

# %%
# One picture of the price
# ------------------------
# Residual against charge, for all that made the rhythm at least five times smaller.
charges, residuals = zip(*price.values(), strict=True)
with figure_style():
    figure, axes = new_figure(height_mm=90)
    axes[0, 0].set(xscale="log", yscale="log", xlim=(3e-4, 5e-2))
    pareto(
        axes[0, 0],
        charges,
        residuals,
        list(price),
        x_label="charge (kick per RK4 step)",
        y_label="residual (std of X)",
    )
