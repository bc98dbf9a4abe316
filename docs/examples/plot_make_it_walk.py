"""
A wiring diagram that walks
===========================

A network on a connectome learned to walk from a teacher: it drove, and at every step the teacher
said what it would have done. Here the one that ships walks, and is looked into.
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
from brainnn.figures.gait import stance_bars
from brainnn.figures.video import posture_plot
from brainnn.learning.evaluation import evaluate
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
