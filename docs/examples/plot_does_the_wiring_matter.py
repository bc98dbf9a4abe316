"""
Does the wiring matter?
=======================

A network on a connectome learns to walk. So may a network on any other graph: what the animal's
wiring has to do with it shows only beside networks that lack some of that wiring. This page reads
the control study that ships with the package; all of its numbers come from those tables.
"""

# %%
# What is compared
# ----------------
# Networks on two real wirings, the standard leg circuit of a fly (MANC) and C. elegans, are trained
# beside networks on null models of them. All have the same neurons, as many edges, as many
# excitatory and inhibitory neurons, the same synapse counts as a set, the same spectral radius, and
# the same input and read-out neurons.
#
# ==================  ================================  ==============================
# network             keeps                             loses
# ==================  ================================  ==============================
# rewired             in- and out-degree of a neuron    who meets whom
# shuffled counts     who meets whom, signs             how strongly
# shuffled signs      who meets whom, how strongly      who excites and who inhibits
# random graph        the number of edges               degrees too
# MLP                 the number of trained parameters  all wiring
# ==================  ================================  ==============================
#
# With a gain for each edge, training can make much of any graph. So there are arms in which it can
# change less: a gain for each pair of cell types, or frozen gains, where only input and read-out
# learn. Some networks are taught by a walker that labels their steps, some teach themselves from
# reward.
#
# The question is about topology and sign, not about single counts: published counts of the fly may
# be permuted within the rows of their matrix. And it is never asked of the surrogate, which is
# drawn at random from published statistics: it is itself a null model.
from brainnn.analysis.study import NETWORKS, load_wiring_study
from brainnn.analysis.study_outcomes import (
    OUTCOMES,
    compare_study,
    study_summary,
    study_verdicts,
)
from brainnn.figures.study import difference_figure, learning_figure
from brainnn.study_report import study_curves, study_differences

study = load_wiring_study()
for arm in study.arms:
    counts = (f"{NETWORKS[name]} {len(runs)}" for name, runs in study.of(arm).items())
    print(f"{arm.title}, runs: {', '.join(counts)}")

# %%
# How they learn
# --------------
# Reward a step against the steps that a teacher labelled, or that were walked: means over runs with
# 95 % bootstrap intervals, the real wiring bold. Each run has its own seed and, of a null model,
# its own draw. The rounds in which a teacher drove are left out; the dip near the end of the taught
# ones is where all environments begin anew, from rest.
figure = learning_figure(study_curves(study))

# %%
# By how much they differ
# -----------------------
# Real less control. A run is one observation, whatever the number of its episodes: blue is Welch's
# 95 % interval over runs, grey below it that of a bootstrap of runs and of the episodes in them. A
# dot is filled where a difference was found, with p corrected (Holm) for the controls beside it.
# The band is what the study could have missed: true differences that fewer than 80 % of such
# studies would find. An open dot says nothing about differences within the band.
findings = compare_study(study, n_resamples=1000)
shown = {name: OUTCOMES[name] for name in ("learning", "speed", "upright")}
figure = difference_figure(study_differences(findings), shown, NETWORKS)

# %%
# The speed with noise, without some neurons and on rough ground is the speed itself, not its share
# of the undisturbed one, which would tell nothing of a network that hardly walks.
shown = {name: OUTCOMES[name] for name in ("sensor_noise", "motor_noise", "lesions", "terrain")}
figure = difference_figure(study_differences(findings), shown, NETWORKS)

# %%
# What it shows
# -------------
# A sentence for each outcome of each arm. Where no difference was found it tells the smallest one
# that would have been seen: no difference found is not no difference.
for arm, sentences in study_verdicts(findings).items():
    print(f"{arm.title}:")
    for sentence in sentences:
        print(f"  - {sentence}")
    print()
print(study_summary(findings))

# %%
# ``brainnn figures wiring`` writes all of this as one page, with every comparison as a table;
# ``tables=DIR`` reads another study in the same format.
