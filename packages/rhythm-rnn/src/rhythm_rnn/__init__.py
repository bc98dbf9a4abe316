"""A recurrent network that keeps a beat, and the mathematics of how.

>>> from rhythm_rnn import ReducedModel, limit_cycle, fixed_points
>>> model = ReducedModel()
>>> [point.kind for point in fixed_points(model, cue=0.1)]
['stable node', 'saddle', 'unstable focus']
>>> cycle = limit_cycle(model, cue=0.5, near=(0.075, 0.075, -0.01))
>>> print(f"{cycle.period_ms:.2f} ms, stable: {cycle.stable}")
83.57 ms, stable: True
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rhythm_rnn import taps, task
    from rhythm_rnn.continuation import bifurcations, continue_fixed_point
    from rhythm_rnn.cycles import Cycle, limit_cycle, trajectory
    from rhythm_rnn.diagram import Diagram, bifurcation_diagram
    from rhythm_rnn.flows import FixedPoint, Flow
    from rhythm_rnn.reduced import ReducedModel, fixed_points
    from rhythm_rnn.taps import Taps, find_taps
    from rhythm_rnn.task import Trials, draw_trials, free_run, synchronisation_continuation
    from rhythm_rnn.weights import load_network

__all__ = [
    "Cycle",
    "Diagram",
    "FixedPoint",
    "Flow",
    "ReducedModel",
    "Taps",
    "Trials",
    "bifurcation_diagram",
    "bifurcations",
    "continue_fixed_point",
    "draw_trials",
    "find_taps",
    "fixed_points",
    "free_run",
    "limit_cycle",
    "load_network",
    "synchronisation_continuation",
    "taps",
    "task",
    "trajectory",
]

_HOMES = {
    "Cycle": "cycles",
    "Diagram": "diagram",
    "FixedPoint": "flows",
    "Flow": "flows",
    "ReducedModel": "reduced",
    "Taps": "taps",
    "Trials": "task",
    "bifurcation_diagram": "diagram",
    "bifurcations": "continuation",
    "continue_fixed_point": "continuation",
    "draw_trials": "task",
    "find_taps": "taps",
    "fixed_points": "reduced",
    "free_run": "task",
    "limit_cycle": "cycles",
    "load_network": "weights",
    "synchronisation_continuation": "task",
    "trajectory": "cycles",
}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(f"rhythm_rnn.{_HOMES[name]}"), name)
    if name in __all__:
        return import_module(f"rhythm_rnn.{name}")
    raise AttributeError(f"module 'rhythm_rnn' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
