"""
From a wiring diagram to a network
==================================

A connectome says who connects to whom and by how many synapses. A network needs more: signs,
strengths, who hears the world and who is heard by it. Each of these is a decision, and this page
takes them one by one.
"""

# %%
# A connectome
# ------------
# The default is a surrogate, drawn at random with the cell types, blocks and counts that were
# published of the circuit behind one leg of a fly. It is no animal's. A real one is opened by name
# (``worm``) or path.
import numpy as np

from brainnn import ConnectomeRNN, Wiring, choose_roles, null_model, open_connectome
from brainnn.connectome.compare import measures
from brainnn.connectome.layering import trophic_depth
from brainnn.figures.wiring import layered_plot, matrix_plot
from neuro_common.plots import new_figure
from neuro_common.style import figure_style

connectome = open_connectome("surrogate")
print(f"{len(connectome)} neurons, {connectome.edges} edges, {connectome.synapses} synapses")

with figure_style():
    figure, axes = new_figure(1, 1, height_mm=150)
    matrix_plot(axes[0, 0], connectome)

# %%
# Who is upstream of whom
# -----------------------
# A loop has no first neuron, but there is a depth that edges climb as evenly as they can.
with figure_style():
    figure, axes = new_figure(1, 1, height_mm=100)
    layered_plot(axes[0, 0], connectome, trophic_depth(connectome))
    axes[0, 0].set_xlabel("trophic depth")

# %%
# A network
# ---------
# What the body feels goes to interneurons, what the body does comes from motor neurons, and nothing
# goes past the wiring. Signs are those of the transmitters, and training does not turn them round.
roles = choose_roles(connectome, inputs="interneuron", outputs="motor")
wiring = Wiring.of(connectome, gains="edge")
network = ConnectomeRNN(wiring, roles, channels=14, actions=4, seed=0)
print(f"{network.trained} trained numbers, {wiring.gains} of them gains of edges")

# %%
# What it is compared with
# ------------------------
# A null model keeps some of what the wiring has and draws the rest again.
rng = np.random.default_rng(0)
ends = {"inputs": roles.inputs, "outputs": roles.outputs}
shown = ("edges", "in-degree, most", "reciprocity", "spectral radius, counts")
print(f"{'':12}" + "".join(f"{name:>26}" for name in shown))
graphs = {"surrogate": connectome}
graphs |= {kind: null_model(connectome, kind, rng, **ends) for kind in ("rewired", "random")}
for name, graph in graphs.items():
    found = measures(graph)
    print(f"{name:12}" + "".join(f"{found[measure]:26.4g}" for measure in shown))
