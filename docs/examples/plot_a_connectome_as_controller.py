"""
A connectome as a controller
============================

Elsewhere in this gallery a network that is wired as a connectome walks. Here it gets another body,
a population of neurons whose common rhythm it is to take away. Its teacher is a law of feedback,
and it is tested as such laws are.
"""

# %%
# Teacher, student, body
# ----------------------
# The teacher sees the last 250 samples of the mean field X and kicks against what X is above
# their mean. The student sees the newest sample alone. It reaches interneurons only, the kick is
# read from motor neurons only, and no neuron is both: what gets through comes by the synapses. The
# connectome is the surrogate, drawn at random from published statistics of a fly's leg circuit.
#
# ``brainnn`` is told which channel of an observation its student sees, and ``rldbs_env`` tests any
# function as a controller.
import numpy as np
from gymnasium.wrappers import RescaleAction

from brainnn import (
    ConnectomeRNN,
    Dagger,
    Wiring,
    choose_roles,
    learn_from,
    null_model,
    open_connectome,
    perturb,
)
from neuro_common.plots import new_figure, stacked_traces
from neuro_common.style import CONTROLLED, FREE, PALETTE, STIMULATION, figure_style
from rldbs_env import BonhoefferVanDerPol, DBSEnv, metrics
from rldbs_env.controllers import CallableController, LinearFeedback, NoControl
from rldbs_env.protocol import Protocol, run
from rldbs_env.scoring import score

LARGEST_KICK = 0.05
teacher = LinearFeedback(gain=-0.02)
connectome = open_connectome("surrogate")
roles = choose_roles(connectome, inputs="interneuron", outputs="motor")


def student_on(graph):
    """An untrained student on a graph."""
    return ConnectomeRNN(Wiring.of(graph), roles, channels=1, actions=1, seed=0)


def controller_of(network):
    """A network as a controller: it sees the newest sample, 1 is the largest kick."""
    return CallableController(
        act=lambda seen, state: network(seen[:, None, -1:], state),
        module=network,
        stateful=True,
        signals=teacher.signals,
        window=teacher.window,
        kick_scale=LARGEST_KICK,
    )


print(f"{len(roles.inputs)} neurons see X, {len(roles.outputs)} others are read out")

# %%
# Imitation
# ---------
# The student drives, the teacher says at every step what it would have done. Populations of 200
# neurons, eight of them. A second student has the same neurons and as many connections, each to
# others than before.


def make_body():
    """An environment whose actions are parts of the largest kick."""
    body = DBSEnv(
        signals=teacher.signals,
        window=teacher.window,
        n_neurons=200,
        max_kick=LARGEST_KICK,
        ensemble=range(8),
        episode_steps=1000,
        dtype="float32",
    )
    return RescaleAction(body, np.float32(-1), np.float32(1))


def labels(observations):
    """What the teacher would have done."""
    return np.clip(teacher.predict(observations)[0] / LARGEST_KICK, -1, 1)


lesson = Dagger(
    rounds=10,
    teacher_rounds=2,
    num_envs=16,
    segment_steps=128,
    batch=16,
    learning_rate=1e-2,
    last_learning_rate=1e-3,
)
rewired = null_model(
    connectome, "rewired", np.random.default_rng(0), inputs=roles.inputs, outputs=roles.outputs
)
students = {"connectome": student_on(connectome), "rewired": student_on(rewired)}
for name, student in students.items():
    curve = learn_from(labels, student, make_body, lesson, seed=0, student_channels=[-1])
    first, last = curve["loss"][[0, -1]]
    steps = curve["labelled_steps"][-1]
    print(f"{name:11} {steps:.0f} labelled steps, mean squared error {first:.4f} to {last:.4f}")

# %%
# The test
# --------
# Free, controlled, free again, on larger populations that no training saw; the second half of
# control is scored. ``S_ratio`` is the standard deviation of X without control over the one with
# it. To cut the synapses shows whether the kicks come through the wiring.
protocol = Protocol(
    n_neurons=500,
    ensembles=range(500, 503),
    free_steps=1000,
    controlled_steps=2500,
    recovery_steps=250,
)
cut = perturb(students["connectome"], seed=0, recurrent_scale=0.0)
controllers = {
    "no control": NoControl(),
    "teacher": teacher,
    "connectome": controller_of(students["connectome"]),
    "rewired": controller_of(students["rewired"]),
    "untrained": controller_of(student_on(connectome)),
    "synapses cut": controller_of(cut),
}
recordings = {name: run(controller, protocol) for name, controller in controllers.items()}


def median(recording, quantity):
    """Median of one quantity over the populations."""
    return float(np.median([getattr(one, quantity) for one in score(recording)]))


columns = ("s_ratio", "std_controlled", "charge", "net_charge", "active_fraction")
print(f"{'':14} {'S_ratio':>8} {'residual':>9} {'charge':>8} {'net':>8} {'active':>7}")
for name, recording in recordings.items():
    ratio, residual, charge, net, active = (median(recording, one) for one in columns)
    print(f"{name:14} {ratio:8.2f} {residual:9.4f} {charge:8.5f} {net:8.5f} {active:7.3f}")

# %%
# The student does about what the teacher does, and so does the one on the other graph: this task
# asks only that a signal gets through. One training each says no more than that; and the surrogate
# is random itself, so that nothing about an animal's wiring could follow.
recording = recordings["connectome"]
time = np.arange(len(recording.mean_x)) * protocol.model.dt
with figure_style():
    figure, axes = new_figure(3, 1, sharex=True, height_mm=120)
    stacked_traces(
        axes[:2, 0],
        time,
        {"mean field X": recording.mean_x[:, 0], "kick": recording.kicks[:, 0]},
        units={"mean field X": "1", "kick": "1"},
        time_label="time (time units)",
        colours={"mean field X": CONTROLLED, "kick": STIMULATION},
    )
    shown = {
        "no control": FREE,
        "teacher": "black",
        "connectome": CONTROLLED,
        "rewired": PALETTE[2],
    }
    for name, colour in shown.items():
        strength = metrics.windowed_std(recordings[name].mean_x[:, 0])
        line = "--" if name == "rewired" else "-"
        axes[2, 0].semilogy(time[-len(strength) :], strength, line, color=colour, label=name)
    axes[1, 0].set_xlabel("")
    axes[1, 0].tick_params(labelbottom=False)
    axes[2, 0].set(xlabel="time (time units)", ylabel="std of X\nover 50 time units")
    axes[2, 0].legend(ncols=4, loc="lower left")
    for switch in (recording.phases[1].start, recording.phases[1].stop):
        for ax in axes[:, 0]:
            ax.axvline(time[switch], color="0.7", linewidth=0.6)


# %%
# What it learned, and what it did not
# ------------------------------------
# The teacher takes the mean of X from its window. The student has no such window. Its kicks are
# nearly a straight line in X: it has learned a gain, and a number that stands for the mean. Memory
# it has little. So something should be wrong where the mean is another: the same populations with a
# higher mean current.
def seen_and_done(recording):
    """X as it was seen and the kick that followed, under control, shape (steps, populations)."""
    on = recording.phases[1]
    return recording.mean_x[on][:-1], recording.kicks[on][1:]


x, kick = (values[50:].ravel() for values in seen_and_done(recordings["connectome"]))
gain, constant = np.polyfit(x, kick, 1)
explained = np.corrcoef(x, kick)[0, 1] ** 2
print(f"kick = {gain:.4f} (X {constant / gain:+.3f}), which explains {explained:.3f} of it\n")

other = Protocol(
    model=BonhoefferVanDerPol(mean_current=0.75),
    n_neurons=500,
    ensembles=range(500, 503),
    free_steps=1000,
    controlled_steps=2500,
    recovery_steps=250,
)
shifted = {name: run(controllers[name], other) for name in ("teacher", "connectome", "rewired")}
print(f"{'current 0.75':14} {'S_ratio':>8} {'residual':>9} {'charge':>8} {'net':>8} {'active':>7}")
for name, one in shifted.items():
    ratio, residual, charge, net, active = (median(one, quantity) for quantity in columns)
    print(f"{name:14} {ratio:8.2f} {residual:9.4f} {charge:8.5f} {net:8.5f} {active:7.3f}")

# %%
# It suppresses all the same, and pays with a constant kick that never dies away: its kicks are 0 at
# the X that it knows, those of the teacher at the mean of what it sees.
with figure_style():
    figure, axes = new_figure(1, 2, height_mm=75, sharey=True)
    for ax, runs, current in zip(axes[0], (recordings, shifted), (0.6, 0.75), strict=True):
        for name in ("teacher", "connectome"):
            x, kick = seen_and_done(runs[name])
            ax.plot(x[:, 0], kick[:, 0], ".", ms=1.5, color=shown[name], label=name)
        ax.axhline(0.0, color="0.7", linewidth=0.6)
        ax.set(xlabel="mean field X", title=f"mean current {current}")
    axes[0, 0].set_ylabel("kick")
    axes[0, 1].legend(markerscale=5)
