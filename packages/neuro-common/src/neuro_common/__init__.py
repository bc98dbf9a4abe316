"""Shared ground of packages for computational motor neuroscience: data, figures and runs.

    >>> from neuro_common import seeding, stats
    >>> silenced = seeding.generator(3, 0).normal(48.0, 4.0, size=20)
    >>> mean, low, high = stats.bootstrap_mean(silenced, seed=3)
    >>> bool(low < mean < high)
    True

Each module is imported when it is first used, and what it needs beyond numpy with it. Rate networks
are torch modules and are asked for by name: ``from neuro_common.rates import RateNetwork``.
"""

from importlib import import_module
from types import ModuleType

__all__ = [
    "checkpoint",
    "cli",
    "command",
    "exchange",
    "exporting",
    "extras",
    "files",
    "plots",
    "progress",
    "provenance",
    "report",
    "runs",
    "seeding",
    "signals",
    "stats",
    "store",
    "style",
    "sweeps",
]


def __getattr__(name: str) -> ModuleType:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return import_module(f"{__name__}.{name}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
