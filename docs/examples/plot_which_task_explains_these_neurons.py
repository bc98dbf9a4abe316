"""
Which task explains these neurons?
==================================

If proprioception serves a goal, a network that learnt this goal should explain neurons better than
one that learnt another. That is the hypothesis; this page asks how far the method can carry it. The
neurons here are simulated, so that the right answer is known: once they follow a layer of one of
the networks, once only the arm.
"""

# %%
# A session
# ---------
# A human arm of 63 muscles makes a hundred reaches. Four of the networks that come with the package
# are asked, each taught one goal with letters in the air: where the hand is, how the joints move,
# which letter it was, and what two trials of one letter share. Beside them stands each
# architecture as it was before its training, fed the same way.
from dataclasses import replace

import numpy as np

from neuro_common.plots import new_figure
from neuro_common.style import figure_style
from proprio_tcn.arms.opening import open_arm
from proprio_tcn.figures.prediction import rank_plot
from proprio_tcn.figures.tables import Explained
from proprio_tcn.neural.ceilings import ceiling_table
from proprio_tcn.neural.features import layer_features, spindle_input
from proprio_tcn.neural.kinematics import kinematic_features
from proprio_tcn.neural.models import network_features, open_networks
from proprio_tcn.neural.prediction import predict
from proprio_tcn.neural.protocol import Protocol, Reaching
from proprio_tcn.neural.reaches import simulate_reaches
from proprio_tcn.neural.statistics import compare_models
from proprio_tcn.neural.synthetic import Encoding, plant_neurons
from proprio_tcn.neural.targets import prepare
from proprio_tcn.neural.windows import active_windows

TASKS = ("hand_position", "joint_velocity", "action_recognition", "redundancy_reduction")
LINEAR = ("muscle length + velocity", "limb position + velocity", "hand velocity", "direction")

reaches = simulate_reaches(open_arm("human"), Reaching(active=100, passive=0), seed=0)
opened = open_networks([f"pretrained/{task}" for task in TASKS], reaches)
letters = iter("ABCDEF")
networks = []
for one in opened:
    name = one.task.replace("_", " ")
    name += f" {next(letters)}" if one.task == "untrained" else ""
    networks.append(replace(one, name=name))
print(f"{len(reaches)} reaches, {len(reaches.muscles)} muscles that move, and the networks")
for one in networks:
    print(f"  {one.name}: {one.trunk.settings.name()}")

# %%
# Neurons of one layer
# --------------------
# Thirty neurons now follow the second layer of the network that was taught where the hand is: each
# weighs the layer's leading components at random, and fires with Poisson noise, some 80 spikes a
# second.
source, windows = networks[0], active_windows(reaches)
layers = layer_features(
    source.name,
    source.trunk,
    spindle_input(reaches, windows),
    windows,
    np.arange(len(windows)),
    components=30,
)
window, place = windows.rows()
state = np.zeros((*reaches.spikes.shape[:2], 30))
state[windows.trial[window], windows.start[window] + place] = layers[1].values
encoding = Encoding(n_neurons=30, link="identity", gain=0.4, rate_hz=80.0)
session, truth = plant_neurons(reaches, state, encoding, seed=1)

# %%
# Every network and every linear model of the movement is read out by the same ridge regression, on
# the same trials; a fifth of them is held out. Components and penalties come from the others.
protocol = Protocol()
targets = prepare(session, protocol)
models = [
    *network_features(networks, targets, protocol),
    *kinematic_features(session, targets.windows, LINEAR),
]


def ask(session, truth):
    """What models explain in the trials held out, and what could be explained at most."""
    targets = prepare(session, protocol)
    found = predict(targets, models)
    ceiling = np.mean(ceiling_table(targets, protocol, truth.rates, seed=0)["oracle_ev"])
    print(f"test EV (the true rates: {ceiling:.3f})")
    for one in sorted(found.best_layers(), key=lambda one: -one.test_ev.mean()):
        print(f"  {one.test_ev.mean():6.3f}  {one.model}, {one.layer}")
    return found, ceiling


of_layer = ask(session, truth)

# %%
# The layer that made the neurons comes out first, near the ceiling. That is what the method can do
# when one of the candidates is right.
#
# Neurons of no network
# ---------------------
# Now the neurons know of no task: they weigh position and velocity of hand and elbow, and a soft
# threshold turns the sum into a rate.
state = reaches.variables(["hand", "elbow", "hand_velocity", "elbow_velocity"])
session, truth = plant_neurons(
    reaches, state, Encoding(n_neurons=30, link="softplus", gain=2.0, rate_hz=80.0), seed=2
)
of_limb = ask(session, truth)

# %%
# Best layers side by side: trained networks blue, untrained ones grey, linear models of the
# movement orange, each with a 95 % interval over neurons; dashed, the true rates. The order is that
# of the first neurons.
kinds = {one.name: "untrained" if one.task == "untrained" else "trained" for one in networks}
order = sorted(of_layer[0].models, key=lambda name: -of_layer[0].best_layer(name).test_ev.mean())
with figure_style():
    figure, axes = new_figure(1, 2, height_mm=80)
    for ax, (found, ceiling), title in zip(
        axes[0], (of_layer, of_limb), ("NEURONS OF A LAYER", "NEURONS OF THE LIMB"), strict=True
    ):
        rows = [
            Explained(name, name, 0, kinds.get(name, "linear"), name, True, score.test_ev)
            for name in order
            for score in [found.best_layer(name)]
        ]
        rank_plot(ax, rows)
        ax.axvline(ceiling, color="black", linestyle="--")
        ax.set_xlim(right=1.05 * ceiling)
        ax.set_title(title)
    axes[0, 1].set_yticklabels([])

# %%
# Something is still the best of them. Is it better than networks that learnt nothing? Differences
# from the best untrained one, with intervals over neurons and trials:
best = of_limb[0].best_layers()
reference = max(
    (one for one in best if one.model.startswith("untrained")), key=lambda one: one.test_ev.mean()
)
for pair in compare_models(best, reference=reference.model, n_resamples=1000, seed=0):
    print(f"{pair.difference:+.3f} ({pair.low:+.3f} to {pair.high:+.3f})  {pair.first}")

# %%
# What one can conclude
# ---------------------
# If one layer of one network explains neurons up to their ceiling, and all else stays below, that
# says a lot. A ranking alone says little: something always comes first. Layers drawn at random are
# a rich set of features of the muscles, and with a ridge regression behind them an untrained
# network can win over every trained one, with neurons that encode a limb and nothing else. So a
# task is supported by what training on it *adds* to the same network untrained, over many networks
# and sessions, and not by the best number in a table.
#
# ``proprio-tcn predict`` asks all of this of a recorded session, ``proprio-tcn compare`` puts
# intervals on it, and ``folds=5`` holds every trial out once.
