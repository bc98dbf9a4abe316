"""Optional dependencies: a missing one ends with the line that installs it, said in one place."""

import importlib
from types import ModuleType

__all__ = ["MissingExtra", "require"]


class MissingExtra(ModuleNotFoundError):
    """An optional dependency is not installed; the message holds the line that installs it."""


def require(module: str, extra: str, distribution: str = "neuro-common") -> ModuleType:
    """Import an optional dependency, or say how to install it.

    Args:
        module: Name of the module to import, such as ``"scipy.signal"``.
        extra: Extra of ``distribution`` that installs it, such as ``"signals"``.
        distribution: Distribution whose extra it is.

    Returns:
        The imported module.

    Raises:
        MissingExtra: The module's top-level package is not installed.
        ModuleNotFoundError: The module is there, but something that it imports itself is not.
    """
    package = module.partition(".")[0]
    try:
        importlib.import_module(package)
    except ModuleNotFoundError as error:
        if error.name != package:
            raise
        message = f'{package} is not installed: run pip install "{distribution}[{extra}]"'
        raise MissingExtra(message, name=package) from error
    return importlib.import_module(module)
