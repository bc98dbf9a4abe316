"""Importing the package is light, and its example runs."""

import doctest
import json
import pkgutil
import subprocess
import sys
from importlib import import_module

import pytest

import spinal_rnn

HEAVY = {"h5py", "hydra", "lightning", "matplotlib", "omegaconf", "onnx", "scipy", "torch"}
MODULES = sorted(module.name for module in pkgutil.iter_modules(spinal_rnn.__path__))


def heavy_after(statement: str) -> set[str]:
    """Heavy packages that are loaded after a statement, in a process of its own."""
    code = f"import json, sys\n{statement}\nprint(json.dumps([*sys.modules]))"
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=True
    )
    return HEAVY & set(json.loads(done.stdout))


def test_the_package_loads_nothing_heavy() -> None:
    assert heavy_after("import spinal_rnn") == set()
    assert heavy_after("import spinal_rnn.cli, spinal_rnn.config, spinal_rnn.lead") == set()


def test_no_module_loads_what_draws_configures_or_trains() -> None:
    names = ", ".join(f"spinal_rnn.{name}" for name in MODULES)
    assert heavy_after(f"import {names}") <= {"scipy", "torch"}


def test_something_heavy_would_be_seen() -> None:
    assert heavy_after("import h5py") >= {"h5py"}


@pytest.mark.parametrize("name", spinal_rnn.__all__)
def test_every_name_is_reached_by_attribute(name: str) -> None:
    found = getattr(spinal_rnn, name)
    home = spinal_rnn._HOMES.get(name)
    if home is None:
        assert found is import_module(f"spinal_rnn.{name}")
    else:
        module = import_module(f"spinal_rnn.{home}")
        assert found is getattr(module, name)
        assert name in module.__all__
    assert name in dir(spinal_rnn)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'spinal_rnn' has no attribute 'utils'"):
        spinal_rnn.utils  # noqa: B018


def test_the_example_in_the_docstring_runs() -> None:
    assert doctest.testmod(spinal_rnn, raise_on_error=True).attempted == 5
