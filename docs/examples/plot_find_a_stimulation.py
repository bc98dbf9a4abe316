"""
Finding a stimulation
=====================

Which contacts, at which current, activate the right rectus femoris and nothing else? A search on a
model of the person says one thing, the person may say another. So the best candidates are measured.
"""

# %%
# What a single contact can do
# ----------------------------
# The person is simulated, so the truth is known: the selectivity is the target's response less the
# mean of the others, and the target must answer with half of its full response at least.
import numpy as np
import torch

from neuro_common.plots import new_figure
from neuro_common.style import PALETTE, figure_style
from spinal_rnn import MUSCLES, configuration_name, draw_subject, measure_responses
from spinal_rnn.control.candidates import evaluate
from spinal_rnn.control.limits import Limits
from spinal_rnn.control.model import EnsembleSurrogate
from spinal_rnn.control.objectives import Selectivity
from spinal_rnn.control.regret import Truth
from spinal_rnn.control.search_space import single
from spinal_rnn.control.searches import search
from spinal_rnn.control.sequential import Plan, SimulatedPerson, best_measured, correct, run
from spinal_rnn.control.surrogate import Doubt
from spinal_rnn.figures.lead import lead_plot
from spinal_rnn.models.ensemble import RootEnsemble
from spinal_rnn.simulation.simulator import simulate_session

torch.set_num_threads(1)
seed, hz = 1, 20.0
person, session = draw_subject(seed), simulate_session(seed)
target = Selectivity((MUSCLES.index("RRF"),))
limits = Limits(frequencies_hz=(hz,))
truth = Truth(person, hz)
alone = evaluate(truth, target, single(limits), limits)
print(f"best single contact: {alone.names[0]}, selectivity {alone.mean[0]:.3f}")

# %%
# What the model proposes
# -----------------------
# An ensemble learns from the mapping session and is searched: single contacts, pairs, random sets,
# and by gradient. Nothing that leaves the limits can come out.
surrogate = EnsembleSurrogate.fit(measure_responses(session), hz, RootEnsemble())
found = search(surrogate, target, limits, methods=["exhaustive", "random", "gradient"])
best = found["gradient"]
with figure_style():
    figure, axes = new_figure(1, 3, height_mm=75)
    for ax, (method, candidates) in zip(axes[0], found.items(), strict=True):
        lead_plot(ax, person.lead, candidates.vectors[0])
        ax.set_title(f"{method} {candidates.mean[0]:.2f}")

# %%
# What the person says
# --------------------
# Twenty configurations, each a noisy series of ten amplitudes. The model is corrected after every
# five. Marks are what the corrected model believes in, against the truth that only a simulation
# knows.
pool = np.concatenate([one.first(60).vectors for one in found.values()])
plan = Plan(series=20)
trials = run(surrogate, target, pool, SimulatedPerson(person, seed), limits, plan=plan)
believed = correct(surrogate, trials, Doubt(), person.lead)
chosen = best_measured(believed, target, limits, plan, trials)
real = target(truth.responses(chosen.conditions))[0]
with figure_style():
    figure, ((ax,),) = new_figure(height_mm=75)
    ax.errorbar(
        real, chosen.mean, yerr=chosen.deviation, fmt="o", color=PALETTE[0], label="measured"
    )
    ax.axvline(alone.mean[0], color="0.5", label="best single contact")
    ax.plot([real.min(), real.max()], [real.min(), real.max()], color="0.7")
    ax.set(xlabel="true selectivity", ylabel="believed selectivity")
    ax.legend()
print(f"recommended: {configuration_name(chosen.vectors[0])}, selectivity {real[0]:.3f}")
