"""
One overlay, two sweeps
=======================

Where and how jobs run has nothing to do with what they compute. So it lies in overlays that every
command takes: here the same one runs a sweep of stimulation and a sweep of rhythm.
"""

# %%
# The overlay
# -----------
# A file of ``shared-configs``, seven lines. ``slurm`` and ``ray`` lie beside it, and a site can
# have a folder of its own.
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

from neuro_common.plots import new_figure
from neuro_common.style import PALETTE, figure_style
from neuro_common.sweeps import format_status, sweep_status

shared = Path("../../shared-configs").resolve()
print((shared / "launcher" / "joblib.yaml").read_text())

# %%
# The commands
# ------------
# Two packages, two questions: how much feedback desynchronises best, and how much noise a beat
# bears. After the verb, the words about the sweep are the same, and jobs run two at a time.
folder = tempfile.TemporaryDirectory()
sweep = f"--config-dir {shared} --multirun +launcher=joblib hydra.launcher.n_jobs=2 sweep=three"
lines = (
    f"rldbs-env evaluate {sweep} controllers=[linear] arguments.linear.gain=-0.01,-0.02,-0.05"
    " n_neurons=100 n_ensembles=4 free_steps=1000 controlled_steps=2000 recovery_steps=1000",
    f"rhythm-rnn drive {sweep} weights=ei_100 cues=[0.2,0.3,0.4,0.5,0.6,0.7,0.8] duration_s=8"
    " noise=0.01,0.02,0.04",
)


def run(line):
    """Run a command in the folder; where it wrote."""
    name, *words = shlex.split(line)
    command = Path(sys.executable).with_name(name)
    told = subprocess.run(
        [command, *words], cwd=folder.name, capture_output=True, text=True, check=True
    ).stdout
    return Path(folder.name) / told.splitlines()[-1]


sweeps = [run(line) for line in lines]
for line, where in zip(lines, sweeps, strict=True):
    print(line.replace(str(shared), "shared-configs"))
    print(where.relative_to(folder.name).as_posix())
    print(format_status(sweep_status(where)), end="\n\n")

# %%
# The results
# -----------
# A job is a folder that is named after its settings, whoever ran it. What one package wrote is read
# as what the other did. An error of 1 means that at some cue there was no rhythm at all.
gains, noises = (sweep_status(where) for where in sweeps)
with figure_style():
    figure, axes = new_figure(1, 2, height_mm=70)
    for ax, rows, key, x_label, y_label in (
        (axes[0, 0], gains, "arguments.linear.gain", "gain", "suppression (S_ratio)"),
        (axes[0, 1], noises, "noise", "noise on the units", "largest error of an interval"),
    ):
        values = [row.settings[key] for row in rows]
        ax.plot(values, [row.metric for row in rows], "o-", color=PALETTE[0])
        ax.set(xlabel=x_label, ylabel=y_label, ylim=(0, None))
folder.cleanup()
