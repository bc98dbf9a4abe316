"""Epidural stimulation of the spinal cord to leg muscles, and back to the best stimulation.

>>> from spinal_rnn import Conditions, configuration_name, draw_subject, parse_configuration
>>> vector = parse_configuration("cath4_an3_5")
>>> vector[[3, 4, 5]].tolist()
[0.5, -1.0, 0.5]
>>> response = draw_subject(seed=0).response(Conditions.of(vector, amplitude_ma=4, frequency_hz=40))
>>> [f"{part:.2f}" for part in response.recruited[0, 3:7]]  # left L4, L5, S1 and S2
['0.10', '0.86', '1.00', '0.00']
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from spinal_rnn.conditions import (
        Conditions,
        configuration,
        configuration_name,
        parse_configuration,
    )
    from spinal_rnn.control.limits import Limits
    from spinal_rnn.emg import preprocess
    from spinal_rnn.encoding import encode
    from spinal_rnn.formats.session_files import read_source
    from spinal_rnn.lead import SPECIFY_565, Lead
    from spinal_rnn.models.baselines import baseline
    from spinal_rnn.models.ensemble import RootEnsemble
    from spinal_rnn.models.files import load_model
    from spinal_rnn.models.hybrid import HybridModel
    from spinal_rnn.models.recurrent import RecurrentModel
    from spinal_rnn.models.waveform import WaveformModel
    from spinal_rnn.muscles import MUSCLES
    from spinal_rnn.recruitment import fit_recruitment
    from spinal_rnn.responses import Responses, Scale, measure_responses
    from spinal_rnn.session import Session, read_session
    from spinal_rnn.simulation.presets import PRESETS, draw_subject
    from spinal_rnn.simulation.simulator import measure, simulate_session
    from spinal_rnn.simulation.subject import Subject
    from spinal_rnn.sources import open_session
    from spinal_rnn.splits import Split, by_configuration, by_trial

__all__ = [
    "MUSCLES",
    "PRESETS",
    "SPECIFY_565",
    "Conditions",
    "HybridModel",
    "Lead",
    "Limits",
    "RecurrentModel",
    "Responses",
    "RootEnsemble",
    "Scale",
    "Session",
    "Split",
    "Subject",
    "WaveformModel",
    "baseline",
    "by_configuration",
    "by_trial",
    "configuration",
    "configuration_name",
    "draw_subject",
    "encode",
    "fit_recruitment",
    "load_model",
    "measure",
    "measure_responses",
    "open_session",
    "parse_configuration",
    "preprocess",
    "read_session",
    "read_source",
    "simulate_session",
]

_HOMES = {
    "MUSCLES": "muscles",
    "PRESETS": "simulation.presets",
    "SPECIFY_565": "lead",
    "Conditions": "conditions",
    "HybridModel": "models.hybrid",
    "Lead": "lead",
    "Limits": "control.limits",
    "RecurrentModel": "models.recurrent",
    "Responses": "responses",
    "RootEnsemble": "models.ensemble",
    "Scale": "responses",
    "Session": "session",
    "Split": "splits",
    "Subject": "simulation.subject",
    "WaveformModel": "models.waveform",
    "baseline": "models.baselines",
    "by_configuration": "splits",
    "by_trial": "splits",
    "configuration": "conditions",
    "configuration_name": "conditions",
    "draw_subject": "simulation.presets",
    "encode": "encoding",
    "fit_recruitment": "recruitment",
    "load_model": "models.files",
    "measure": "simulation.simulator",
    "measure_responses": "responses",
    "open_session": "sources",
    "parse_configuration": "conditions",
    "preprocess": "emg",
    "read_session": "session",
    "read_source": "formats.session_files",
    "simulate_session": "simulation.simulator",
}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(f"spinal_rnn.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'spinal_rnn' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
