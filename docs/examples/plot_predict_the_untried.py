"""
Responses to stimulations that were never tried
===============================================

Sixteen contacts can be combined in millions of ways, and a session tries fifty of them. A model is of
use if it knows the others. Whether it does depends on how it is asked.
"""

# %%
# A person that does not exist
# ----------------------------
# The simulation has roots, muscles, depression from pulse to pulse and all the noise of a recording.
# The response of a trial is the mean peak-to-peak over the second and later pulses, as a part of the
# muscle's large responses in the trials that are learnt from.
import numpy as np
import torch

from neuro_common.plots import new_figure
from neuro_common.style import PALETTE, figure_style
from spinal_rnn.models.baselines import BASELINES
from spinal_rnn.models.waveform import WaveformModel
from spinal_rnn.muscles import MUSCLES
from spinal_rnn.responses import Scale, measure_responses
from spinal_rnn.scores import pooled_r2
from spinal_rnn.simulator import simulate_session
from spinal_rnn.splits import by_configuration, by_trial

torch.set_num_threads(1)
session = simulate_session(seed=0)
late_mv = measure_responses(session).late_mv
print(f"{len(session)} trials of {session.conditions.groups().max() + 1} configurations")
