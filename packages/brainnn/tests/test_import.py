"""Importing the package is light, and its example runs."""

import doctest
import json
import pkgutil
import subprocess
import sys
from importlib import import_module

import pytest

import brainnn

HEAVY = {"h5py", "hydra", "lightning", "matplotlib", "omegaconf", "onnx", "scipy", "torch"}
MODULES = sorted(module.name for module in pkgutil.iter_modules(brainnn.__path__))


def heavy_after(statement: str) -> set[str]:
    """Heavy packages that are loaded after a statement, in a process of its own."""
    code = f"import json, sys\n{statement}\nprint(json.dumps([*sys.modules]))"
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=True
    )
    return HEAVY & set(json.loads(done.stdout))


def test_the_package_loads_nothing_heavy() -> None:
    assert heavy_after("import brainnn") == set()
    assert heavy_after("import brainnn.cli, brainnn.config") == set()


def test_no_module_loads_what_draws_configures_or_trains() -> None:
    names = ", ".join(f"brainnn.{name}" for name in MODULES)
    assert heavy_after(f"import {names}") <= {"scipy", "torch"}


def test_something_heavy_would_be_seen() -> None:
    assert heavy_after("import h5py") >= {"h5py"}


@pytest.mark.parametrize("name", brainnn.__all__)
def test_every_name_is_reached_by_attribute(name: str) -> None:
    found = getattr(brainnn, name)
    home = brainnn._HOMES.get(name)
    if home is None:
        assert found is import_module(f"brainnn.{name}")
    else:
        module = import_module(f"brainnn.{home}")
        assert found is getattr(module, name)
        assert name in module.__all__
    assert name in dir(brainnn)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'brainnn' has no attribute 'utils'"):
        brainnn.utils  # noqa: B018


def test_the_example_in_the_docstring_runs() -> None:
    assert doctest.testmod(brainnn, raise_on_error=True).attempted == 5
