"""
Train a task
============

Where is the hand? A network is to tell it from what the muscle spindles feel, for movements of
people whom it never saw. A small training that lasts seconds shows the parts; then the network that
ships, which learned from almost thirty times as many movements, is asked the same.
"""

# %%
# Movements
# ---------
# Twenty hasty writers write every letter once. The split is by writer: fourteen to learn from, two
# that choose the weights, four to be tested with. The seed makes them other people than those of
# the network that ships.
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from neuro_common.plots import new_figure
from neuro_common.style import FREE, PALETTE, figure_style
from proprio_tcn import (
    MovementSettings,
    TrainSettings,
    TrunkSettings,
    get_task,
    load_network,
    make_movements,
    open_arm,
    train_network,
)
from proprio_tcn.baselines.comparison import compare

drawn = MovementSettings(writers=20, jitter=0.06, seed=1)
arm = open_arm(drawn.arm)
train, validation, test = (make_movements(arm, drawn, split) for split in ("train", "val", "test"))
task = get_task("hand_position")
print(f"{task.title}: {task.targets[0].channels} numbers in {task.targets[0].unit} at every moment")
print(f"{len(train)}, {len(validation)} and {len(test)} movements, {len(train.muscles)} muscles")

# %%
# Training
# --------
# Four layers look at muscles and time at once, each with strides of two: 25 outputs for 400 bins. A
# folder keeps checkpoints, from which a training that was stopped goes on; here it is thrown away.
curve = []
with TemporaryDirectory() as folder:
    small = train_network(
        task,
        TrunkSettings(),
        train,
        validation,
        TrainSettings(epochs=20),
        Path(folder),
        seed=0,
        report=curve.append,
    )
shipped = load_network("pretrained/hand_position")

# %%
# What it has to beat
# -------------------
# The mean place, ridge regression on lengths and velocities, and one on products of lengths, which
# for the place of a hand is nearly the truth. All are asked at the times of the network's outputs
# and at every bin; bins of the movement count apart, since it is easy to be right at rest.
networks = {"small": small, "shipped": shipped}
found = compare(networks, train, validation, test, baselines=True, seed=0)
print("\n".join(found.lines()))

moving = {
    name: next(one.rmse for one in scores if one.where == "movement at outputs")
    for name, scores in found.targets.items()
}
with figure_style():
    figure, axes = new_figure(height_mm=75)
    ax = axes[0, 0]
    updates = [point.update for point in curve]
    errors = [point.scores["hand_movement_rmse"] for point in curve]
    ax.semilogy(updates, errors, "o-", color=PALETTE[0], markersize=3, label="small, validation")
    for colour, name in zip(PALETTE[1:], ("shipped", "quadratic", "linear", "mean"), strict=False):
        ax.axhline(moving[name], color=colour, linestyle="--", label=f"{name}, test")
    ticks = [0.5, 1, 2, 5, 10, 20]
    ax.minorticks_off()
    ax.set_yticks(ticks, [f"{one:g}" for one in ticks])
    ax.set(xlabel="updates", ylabel="error in movement (cm)")
    ax.legend(loc="center left", bbox_to_anchor=(1.01, 0.5))

# %%
# One movement
# ------------
# The longest letter of the test writers as the hand drew it, seen by somebody face to face, and as
# both networks tell it from the muscles: a dot for each output, and a spline between them.
batch = test.batch(np.arange(len(test)), task.keys)
row = int(batch["moving"].sum(axis=1).argmax())
one = {key: values[row : row + 1] for key, values in batch.items()}
bins = np.flatnonzero(one["moving"][0])
with figure_style():
    letter, axes = new_figure(1, 2, height_mm=75, sharex=True, sharey=True)
    for ax, (name, network) in zip(axes[0], networks.items(), strict=True):
        said = network.predict(one)[0]
        at = [centre for centre in network.network.centres if bins[0] <= centre <= bins[-1]]
        ax.plot(*one["hand"][0][1:, bins], color=FREE, label="the hand")
        ax.plot(*said[1:, bins], color=PALETTE[0], label=f"{name} network")
        ax.plot(*said[1:, at], "o", color=PALETTE[0], markersize=3)
        ax.set(xlabel="left (cm)", ylabel="up (cm)", aspect="equal")
        ax.legend(loc="lower left", bbox_to_anchor=(0, 1.0), ncols=2)
    axes[0, 0].invert_xaxis()

# %%
# On the command line, with more writers and longer:
# `proprio-tcn train task=hand_position drawn.jitter=0.06`, and for the network that ships
# `proprio-tcn evaluate weights=pretrained/hand_position`.
