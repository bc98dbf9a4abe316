"""
Where a rhythm begins, and where it dies
========================================

Three populations, excitatory and inhibitory at the tap and inhibitory between taps, keep a beat as
long as a tonic cue is neither too weak nor too strong. At both ends the rhythm is lost, in two
quite different ways.
"""

# %%
# The whole range
# ---------------
# Fixed points are followed over the cue by continuation. Where none of them is stable, limit cycles
# are looked for.
import numpy as np

from neuro_common.plots import new_figure
from neuro_common.style import PALETTE, figure_style
from rhythm_rnn import ReducedModel, bifurcation_diagram, fixed_points, limit_cycle, trajectory
from rhythm_rnn.figures.reduced import bifurcation_plot, period_plot
from rhythm_rnn.normal_forms import fold_form, hopf_form

model = ReducedModel()
diagram = bifurcation_diagram(model, n_cycles=24)
with figure_style():
    figure, axes = new_figure(1, 2, height_mm=75)
    period_plot(axes[0, 0], diagram)
    bifurcation_plot(axes[0, 1], diagram)

# %%
# The beginning: slow, and at full size
# -------------------------------------
# Just below its onset the model rests at a stable node, with a saddle close by. We leave the saddle
# by its two ways out. One is short. The other goes once round before it comes to the same node: the
# circle on which the rhythm will run is there already, with two fixed points on it. When they meet
# and vanish, the rhythm has its full size and an infinite period.
(fold, hopf) = (one.point for one in diagram.bifurcations)
cue = fold.cue - 0.05
node, saddle, _ = fixed_points(model, cue)
values, vectors = np.linalg.eig(model.jacobian(saddle.state))
way_out = vectors[:, values.real.argmax()].real
time_ms = np.arange(0.0, 1500.0, 0.5)
ways = [trajectory(model, saddle.state + s * way_out, time_ms, cue) for s in (1e-4, -1e-4)]
close = limit_cycle(model, fold.cue + 0.001, near=ways[0].max(axis=0))

with figure_style():
    figure, axes = new_figure(1, 2, height_mm=75)
    for way, colour in zip(ways, (PALETTE[0], PALETTE[1]), strict=True):
        axes[0, 0].plot(way[:, 0], way[:, 2], color=colour)
    axes[0, 0].plot(node.state[0], node.state[2], "o", color="black", ms=4, label="node")
    axes[0, 0].plot(
        saddle.state[0], saddle.state[2], "s", color="black", ms=4, mfc="w", label="saddle"
    )
    axes[0, 0].legend()
    axes[0, 0].set(xlabel="x", ylabel="z", title="just below the onset")
    axes[0, 1].plot(close.time_ms, close.orbit[:, 2], color=PALETTE[2])
    axes[0, 1].set(xlabel="time (ms)", ylabel="z", title="one cycle just above")

# %%
# Close to the onset the period is set by the time that it takes to pass the place where the fixed
# points were. The normal form of the fold tells that time without any simulation.
onset = diagram.onset
print(f"{onset.kind} at cue {onset.cue:.6f}")
print(f"measured:  {onset.law.slope_ms:.2f} ms / sqrt(distance) + {onset.law.offset_ms:.0f} ms")
print(f"predicted: {fold_form(model, fold).passage_ms:.2f} ms / sqrt(distance)")

# %%
# The end: at full speed, and ever smaller
# ----------------------------------------
# At the other end the cycle shrinks with the root of the distance and keeps its period: a Hopf
# point. The negative real part of its cubic coefficient says that the cycle attracts up to there.
print(f"Hopf point at cue {hopf.cue:.6f}, cubic coefficient {hopf_form(model, hopf):.0f} per ms")
distances = np.array([0.1, 0.01, 0.001])
near = diagram.cycles[-1].start
for distance in distances:
    cycle = limit_cycle(model, hopf.cue - distance, near)
    swing = np.ptp(cycle.orbit[:, 2])
    print(
        f"{distance:5.3f} below it: period {cycle.period_ms:.2f} ms, z swings by {swing:.5f}, "
        f"or {swing / np.sqrt(distance):.4f} sqrt(distance)"
    )
