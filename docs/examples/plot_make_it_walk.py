"""
A wiring diagram that walks
===========================

A network on a connectome learned to walk from a teacher: it drove, and at every step the teacher
said what it would have done. Here the one that ships walks, and is looked into; then another one,
which taught itself.
"""

# %%
# Does it walk?
# -------------
# From the start of the course, with pushes that it never saw, beside its teacher and itself without
# synapses.
import numpy as np

from brainnn import ablate, load_teacher, load_walker
from brainnn.analysis.rhythm import strides_of, walk_tuning
from brainnn.figures.activity import phase_heat_map, preferred_order
from brainnn.figures.gait import overlay, stance_bars
from brainnn.figures.video import posture_plot
from brainnn.learning.evaluation import evaluate
from brainnn.learning.rollouts import roll_out
from brainnn.pages import describe, record_walk
from neuro_common.plots import new_figure
from neuro_common.style import figure_style

walker = load_walker("pretrained")
print(describe(walker))
test = walker.body.test(600)
controllers = {
    "network": walker.controller(),
    "teacher": load_teacher().act,
    "without synapses": walker.controller(ablate(walker.core, np.arange(walker.core.state_size))),
}
print(f"\n{'':18}{'speed':>8}{'steps':>8}{'falls':>8}   (600 steps, 5 episodes)")
for name, controller in controllers.items():
    scores = evaluate(controller, test, range(5), steps=600)
    row = (scores["speed"].mean(), scores["steps"].mean(), scores["fell"].mean())
    print(f"{name:18}{row[0]:8.3f}{row[1]:8.0f}{row[2]:8.0%}")

# %%
# A stride
# --------
# Leg 1 in the first colour, leg 2 in the second.
walk = record_walk(walker, range(5), 600)
env = walker.body.environment(600, early_end=False)
observation, _ = env.reset(seed=0)
postures, controller = [], walker.controller()
for step in range(345):
    observation, *_ = env.step(controller(observation[None], step)[0])
    postures.append(env.body.body_states())
first = int(strides_of(walk)[0][2])
with figure_style():
    figure, axes = new_figure(2, 1, height_mm=90)
    for place, step in enumerate(range(first, first + 40, 5)):
        posture_plot(axes[0, 0], postures[step], 2.9 * place)
    axes[0, 0].set(aspect="equal", xlim=(-1.5, 21.8), ylim=(-0.3, 2.8))
    axes[0, 0].set_axis_off()
    time_s = 0.02 * np.arange(200)
    feet = walk.rollouts.observations[0, first : first + 200][:, [8, 13]] > 0.5
    stance_bars(axes[1, 0], time_s, {"leg 1": feet[:, 0], "leg 2": feet[:, 1]})
    axes[1, 0].set_xlabel("time (s)")

# %%
# Who is active when
# ------------------
# Each row is a motor neuron, each column a part of the stride.
motor = np.asarray(walker.core.roles.outputs)
tuning, _ = walk_tuning(walk, motor)
with figure_style():
    figure, axes = new_figure(1, 1, height_mm=110)
    phase_heat_map(axes[0, 0], tuning, preferred_order(tuning))

# %%
# Without a teacher
# -----------------
# This network was never told what to do. It was paid for being like the reference, one stride that
# comes round and round, and for speed; the clock of that stride is among its inputs.
alone = load_walker("self_taught")
test = alone.body.test(500)
clip = alone.body.clip
scores = evaluate(alone.controller(), test, range(5), steps=500, reference=clip)
for name in ("speed", "fell", "shaped_return", "stride_hz", "hip_1", "knee_1", "hip_2", "knee_2"):
    print(f"{name:14}{np.nanmean(scores[name]):8.2f}")
steps = np.arange(200, 350)
seen = roll_out(alone.controller(), test, [1], 350).observations[0, steps]
frames = np.array([clip.loop.frame(int(step)) for step in steps])
with figure_style():
    figure, axes = new_figure(2, 2, height_mm=80, sharex=True)
    for ax, (name, column) in zip(
        axes.flat, {"hip 1": 4, "hip 2": 9, "knee 1": 6, "knee 2": 11}.items(), strict=True
    ):
        lines = overlay(ax, 0.02 * steps, seen[:, column], clip.states[frames, column])
        ax.set(title=name, ylabel="angle (rad)")
    for ax in axes[1]:
        ax.set_xlabel("time (s)")
    axes[0, 1].legend(loc="lower right", bbox_to_anchor=(1, 1.05), ncols=2)
