"""
Is a silent mean field at rest?
===============================

A population of neurons swings together, and a controller takes the swing away. What is left may
be a population at rest, or one whose neurons go on, each at its own time. The tools that find
periods, fixed points and their bifurcations in a rhythm network tell the two apart: they
take any flow, so also that of these neurons.
"""

# %%
# Three recordings
# ----------------
# One population of 1000 neurons without control, under feedback, and under a constant kick, from
# ``rldbs_env``. ``find_taps`` of ``rhythm_rnn`` looks at the mean field without being told which
# period to expect; its milliseconds are the time units of the neurons here.
import numpy as np

from neuro_common.plots import new_figure, stacked_traces
from neuro_common.style import CONTROLLED, FREE, PALETTE, STIMULATION, figure_style
from rhythm_rnn import bifurcations, continue_fixed_point, find_taps, limit_cycle
from rhythm_rnn.flows import find_fixed_points
from rldbs_env import BonhoefferVanDerPol, metrics, settled_ensembles
from rldbs_env.controllers import LinearFeedback, NoControl, Tonic
from rldbs_env.protocol import Protocol, run

model = BonhoefferVanDerPol()
test = Protocol(
    model=model, ensembles=[500], free_steps=1000, controlled_steps=5000, recovery_steps=250
)
controllers = {
    "free": NoControl(),
    "feedback": LinearFeedback(gain=-0.02),
    "constant kick": Tonic(amplitude=0.2),
}
recordings = {name: run(controller, test) for name, controller in controllers.items()}
fields = {name: one.mean_x[one.scored, 0] for name, one in recordings.items()}
neurons = {name: one.controlled_neurons[:, 0, 0] for name, one in recordings.items()}

print(f"{'':14}{'mean X':>8}{'std X':>8}{'active':>8}  taps")
for name, x in fields.items():
    taps = find_taps(x, model.dt)
    told = f"every {taps.spectral_period_ms:.2f}" if taps.verdict == "valid" else taps.reason
    active = metrics.active_fraction(neurons[name])
    print(f"{name:14}{x.mean():8.3f}{x.std():8.3f}{active:8.3f}  {taps.verdict}: {told}")

colours = dict(zip(fields, (FREE, CONTROLLED, STIMULATION), strict=True))
time = np.arange(1000) * model.dt
with figure_style():
    figure, axes = new_figure(3, 1, sharex=True, sharey=True, height_mm=110)
    for ax, watched in zip(axes[:, 0], neurons.values(), strict=True):
        ax.plot(time[::5], watched[-200:, :4], color="0.8", linewidth=0.6)
    stacked_traces(
        axes[:, 0],
        time,
        {name: x[-1000:] for name, x in fields.items()},
        units=dict.fromkeys(fields, "X"),
        time_label="time (time units)",
        colours=colours,
    )

# %%
# Grey are four of the neurons. Flat is the mean field under both kinds of control; only under one
# of them are the neurons at rest.
#
# A flow for the other package
# ----------------------------
# A flow is an object with a velocity and its derivatives by the state and by one parameter, the
# cue. Here the cue is a neuron's current. In a population that is perfectly together every neuron
# meets its own x as the mean field, so two variables stand for all of them; with a coupling of 0 it
# is a neuron alone.


class Neuron:
    """A Bonhoeffer-van der Pol neuron whose mean field is its own x."""

    def __init__(self, coupling):
        self.coupling = coupling

    def velocity(self, state, cue):
        x, y = np.moveaxis(state, -1, 0)
        dx = x - x**3 / 3 - y + cue + self.coupling * x
        return np.stack([dx, model.recovery * (x - model.slope * y + model.offset)], axis=-1)

    def jacobian(self, state, cue):
        x = state[..., 0]
        of_x = np.stack([1 - x**2 + self.coupling, -np.ones_like(x)], axis=-1)
        of_y = model.recovery * np.stack([np.ones_like(x), np.full_like(x, -model.slope)], axis=-1)
        return np.stack([of_x, of_y], axis=-2)

    def cue_derivative(self, state, cue):
        return np.broadcast_to([1.0, 0.0], state.shape)


together, alone = Neuron(model.coupling), Neuron(0.0)
some = np.array([0.3, -0.4])
theirs = model.rates(some[:, None], np.array([0.6]))[:, 0]
print(f"differs from the model by {np.abs(together.velocity(some, 0.6) - theirs).max():.1g}")

# %%
# The free rhythm: a limit cycle
# ------------------------------
# The mean field of a thousand different neurons is compared with the cycle of one pair of
# equations.
start = [1.0, 0.0]
cycle = limit_cycle(together, model.mean_current, start)
measured = metrics.period(fields["free"], model.dt)
lonely = limit_cycle(alone, model.mean_current, start)
print(f"period of the mean field {measured:.2f}, of the cycle {cycle.period_ms:.2f}")
print(f"of a neuron alone {lonely.period_ms:.2f} time units")
print(
    f"std of the mean field {fields['free'].std():.3f}, of the cycle {cycle.orbit[:, 0].std():.3f}"
)

# %%
# The period carries over, to 1.4 per cent. The size does not: the neurons are not quite
# together, which one pair of equations cannot show.
#
# What rests, and what does not
# -----------------------------
# The fixed point of a neuron is followed over its current. Between two Hopf points it is unstable:
# a neuron with such a current cannot rest.
starts = np.array([[x, y] for x in (-1.5, -0.5, 0.5, 1.5) for y in (-1.0, 0.0, 1.0)])
(lowest,) = find_fixed_points(alone, -0.5, starts)
branch = continue_fixed_point(alone, lowest.state, -0.5, cue_range=(-0.5, 2.5))
first, last = (one.point.cue for one in bifurcations(alone, branch))
(ensemble,) = settled_ensembles(model, 1000, seeds=[500])
inside = np.mean((ensemble.currents > first) & (ensemble.currents < last))
print(f"no rest for currents from {first:.4f} to {last:.4f}, which {inside:.1%} of neurons have")

# %%
# A kick before every step is a current of kick / dt. X is recorded just before the next kick, so
# that half a kick is added to compare it with a flow.
amplitude = controllers["constant kick"].amplitude
(here,) = find_fixed_points(together, model.mean_current, starts)
(there,) = find_fixed_points(together, model.mean_current + amplitude / model.dt, starts)
kicked = fields["constant kick"].mean() + amplitude / 2
print(f"without a kick: {here.kind} at X = {here.state[0]:.3f}")
print(f"under the kick: {there.kind} at X = {there.state[0]:.3f}, measured {kicked:.3f}")

# %%
# The field under the constant kick is where a stable fixed point is. The field under feedback is
# not where the unstable one is: it is no state that the equations rest in. What is it then? If each
# neuron runs round its own cycle, at its own time, and the field is constant, then the field is the
# mean over the cycles, and the cycles are those in that field.
currents = np.linspace(0.0, 1.4, 57)


def mean_x(current):
    """Mean of x over a neuron's cycle, or where it rests."""
    found = limit_cycle(alone, current, start, rtol=1e-7)
    if found is None:
        return find_fixed_points(alone, current, starts)[0].state[0]
    return np.trapezoid(found.orbit[:, 0], found.time_ms) / found.period_ms


means = np.array([mean_x(current) for current in currents])
field = 0.0
for _ in range(50):
    field = np.interp(ensemble.currents + model.coupling * field, currents, means).mean()
silent = fields["feedback"].mean()
print(f"mean over the cycles {field:.3f}, under feedback {silent:.3f}")
print(f"mean of the free field {fields['free'].mean():.3f}")

with figure_style():
    figure, axes = new_figure(1, 2, height_mm=80)
    ax = axes[0, 0]
    ax.plot(cycle.orbit[:, 0], cycle.orbit[:, 1], color="black", label="cycle")
    for name, one in recordings.items():
        x = fields[name] + (amplitude / 2 if name == "constant kick" else 0.0)
        y = one.mean_y[one.scored, 0]
        ax.plot(x[-1000:], y[-1000:], color=colours[name], label=f"mean field, {name}")
    ax.plot(*here.state, "o", color="black", mfc="white", label="fixed point, unstable")
    ax.plot(*there.state, "o", color="black", ms=4, label="fixed point, stable, kick")
    ax.set(xlabel="X", ylabel="Y", ylim=(-0.5, 5))
    ax.legend(loc="upper left")
    ax = axes[0, 1]
    x = branch.state[:, 0]
    ax.plot(branch.cue, np.where(branch.stable, x, np.nan), color="black", label="rest, stable")
    ax.plot(branch.cue, np.where(branch.stable, np.nan, x), "k:", label="rest, unstable")
    ax.plot(currents, means, color=PALETTE[2], label="mean over the cycle")
    for name, place in (("feedback", (0.6, silent)), ("constant kick", (1.6, kicked))):
        ax.plot(*place, "s", color=colours[name], label=f"mean field, {name}")
    ax.set(xlabel="current, kick / dt added", ylabel="x", ylim=(-1.7, 3.2))
    ax.legend(loc="upper left")

# %%
# A threshold foretold
# --------------------
# A neuron should come to rest where its current, the kick and the field pass the upper Hopf point
# together. So the part of a population that a constant kick leaves active can be foretold. It is
# measured with and without coupling.
amplitudes = np.linspace(0.1, 0.22, 13)
outcome = {}
for coupling in (0.0, model.coupling):
    other = BonhoefferVanDerPol(coupling=coupling)
    short = Protocol(
        model=other,
        n_neurons=300,
        ensembles=[500],
        free_steps=1000,
        controlled_steps=3000,
        recovery_steps=250,
    )
    (few,) = settled_ensembles(other, 300, seeds=[500])
    rows = []
    for amplitude in amplitudes:
        one = run(Tonic(amplitude=amplitude), short)
        x = one.mean_x[one.scored, 0].mean() + amplitude / 2
        limit = last - amplitude / other.dt - coupling * x
        active = metrics.active_fraction(one.controlled_neurons[:, 0, 0])
        rows.append((np.mean(few.currents < limit), active))
    outcome[coupling] = np.transpose(rows)

print("constant kick        ", *(f"{one:4.2f}" for one in amplitudes))
for coupling, (foretold, active) in outcome.items():
    print(f"coupling {coupling:.2f}, foretold", *(f"{one:4.2f}" for one in foretold))
    print(f"coupling {coupling:.2f}, measured", *(f"{one:4.2f}" for one in active))
with figure_style():
    figure, axes = new_figure(1, 2, height_mm=70, sharey=True)
    for ax, (coupling, (foretold, active)) in zip(axes[0], outcome.items(), strict=True):
        ax.plot(amplitudes, foretold, color="black", label="from the Hopf point")
        ax.plot(amplitudes, active, "s", color=STIMULATION, ms=4, label="300 neurons")
        ax.set(xlabel="constant kick", title=f"coupling {coupling:g}")
    axes[0, 0].set(ylabel="active neurons")
    axes[0, 1].legend()

# %%
# Without coupling the prediction nearly holds. With it, more neurons go on than were foretold. The
# prediction takes the field for constant; as long as many neurons are active it still swings, and
# may keep some going that would rest in a constant one.
#
# What carries over
# -----------------
# A limit cycle stands for the free rhythm, and a fixed point for the frozen population: two
# equations know both. The suppressed population is neither. Its field is constant although its
# neurons are not, since they are out of step; that is seen in the neurons, and not in the field.
