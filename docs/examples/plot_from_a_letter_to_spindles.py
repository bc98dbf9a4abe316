"""
From a letter to spindles
=========================

Networks that are to learn what the proprioceptive system computes need many movements. Here is how
one is made: a letter, somebody who writes it, an arm that follows the pen, and what its muscle
spindles feel.
"""

# %%
# Who writes
# ----------
# The font has one stroke for each letter. A writer bends, leans and times it in a way of their own,
# the same at every trial; one number, the jitter, says how much writers differ. The first panel is
# the font, with a dot every 100 ms; the others are five writers each, neat ones and hasty ones.
import numpy as np

from neuro_common.plots import new_figure, raster
from neuro_common.style import PALETTE, figure_style
from proprio_tcn.arms.opening import open_arm
from proprio_tcn.figures.movement import arm_plot, course_plot, most_moved, pen_plot
from proprio_tcn.figures.trial import write_letter
from proprio_tcn.movements.letters import LETTERS
from proprio_tcn.movements.writers import FontWriters
from proprio_tcn.movements_config import MovementSettings
from proprio_tcn.spindles.encoders import SpindleSettings, encode, rest_length_mm

number = LETTERS.index("a")
with figure_style():
    figure, axes = new_figure(1, 3, height_mm=75)
    pen_plot(axes[0, 0], FontWriters(1, jitter=0.0).trace(0, number))
    axes[0, 0].set_title("THE FONT")
    for ax, jitter, who in zip(axes[0, 1:], (0.03, 0.06), ("NEAT", "HASTY"), strict=True):
        writers = FontWriters(5, jitter)
        for writer in range(writers.count):
            ax.plot(*writers.trace(writer, number), color=PALETTE[writer])
        ax.set(title=f"{who}, JITTER {jitter:g}", xlabel="x (cm)", aspect="equal")

# %%
# The arm
# -------
# A human arm with four joint angles follows the pen in the air, upright before the body or flat.
# Every trial begins in another place and posture, and is larger or smaller, turned, sheared, faster
# or slower than the writer's form. The square is the shoulder; four postures go from pale to dark.
neat = MovementSettings(writers=5, jitter=0.03)
trials = [write_letter(neat, "a", plane, writer=1) for plane in ("vertical", "horizontal")]
with figure_style():
    space, axes = new_figure(1, 2, height_mm=110)
    for place, trial in enumerate(trials):
        axes[0, place].remove()
        ax = space.add_subplot(1, 2, place + 1, projection="3d")
        arm_plot(ax, trial.hand_cm, trial.elbow_cm, trial.moving)
        ax.set_title(("VERTICAL", "HORIZONTAL")[place])
        ax.set(xlim=(0, 50), ylim=(-20, 30), zlim=(-50, 0), aspect="equal")

# %%
# What the muscles do
# -------------------
# Of 63 muscles 37 change their length with these angles; the six that change most have names here.
# Lengths are those of the path around bones, velocities follow from the joints' by the same
# geometry. The two lower panels are what networks see, in a window of 4 s that begins at rest: 37
# muscles, 400 bins of 10 ms, length and velocity.
trial = trials[0]
begin, end = trial.time_s[trial.moving][[0, -1]]
named = most_moved(trial.muscle_length_mm, 6)
change = trial.muscle_length_mm - trial.muscle_length_mm[:, :1]
rows = {"change (mm)": change, "velocity (mm/s)": trial.muscle_velocity_mm_s}
with figure_style():
    courses, axes = new_figure(3, 1, height_mm=120, sharex=True)
    angles = dict(zip(trial.coordinates, trial.joint_angle_deg, strict=True))
    course_plot(axes[0, 0], trial.time_s, angles, trial.moving, label="angle (deg)")
    for ax, (label, values) in zip(axes[1:, 0], rows.items(), strict=True):
        chosen = {trial.muscles[one]: values[one] for one in named}
        others = np.delete(values, named, axis=0)
        course_plot(ax, trial.time_s, chosen, trial.moving, label=label, others=others)
    axes[2, 0].set(xlabel="time (s)", xlim=(begin - 0.15, end + 0.15))
    courses.align_ylabels(axes[:, 0])

# %%
# What the spindles say
# ---------------------
# A primary ending (Ia) follows length and, to a power of 0.6, velocity; a secondary one (II) length
# alone. The laws were fitted to cats, whose muscles move less: lengths and velocities are divided
# by four first. Below, ten Ia fibres of the muscle that moves most, spike by spike.
arm = open_arm("human")
rest = rest_length_mm(arm)[arm.moving]
spindle = np.stack([trial.muscle_length_mm, trial.muscle_velocity_mm_s], axis=-1)
rates = encode(spindle, SpindleSettings("afferents", length_scale=4.0), rest_mm=rest)
most, fibres = named[0], np.full(10, named[0])
spikes = encode(
    spindle[fibres],
    SpindleSettings("afferents", "gamma", length_scale=4.0),
    rest_mm=rest[fibres],
    rng=np.random.default_rng(0),
)
with figure_style():
    firing, axes = new_figure(3, 1, height_mm=120, sharex=True)
    for channel, (ax, name) in enumerate(zip(axes[:2, 0], ("Ia", "II"), strict=True)):
        values = rates[..., channel]
        chosen = {trial.muscles[one]: values[one] for one in named}
        others, label = np.delete(values, named, axis=0), f"{name} (impulses/s)"
        course_plot(ax, trial.time_s, chosen, trial.moving, label=label, others=others)
    raster(axes[2, 0], trial.time_s, spikes[..., 0].T > 0, time_label="time (s)")
    axes[2, 0].set(ylabel=f"Ia of {trial.muscles[most]}", xlim=(begin - 0.15, end + 0.15))
    firing.align_ylabels(axes[:, 0])
ia = rates[most, :, 0]
print(f"An Ia fibre of {trial.muscles[most]}: {ia.min():.0f} to {ia.max():.0f} impulses/s")
