"""What imports and help load: none of the large libraries (which, not how long); and lazy names."""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
from importlib import import_module
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = sorted(path.parent.name for path in ROOT.glob("packages/*/pyproject.toml"))
NAMES = [package.replace("-", "_") for package in PACKAGES]
# what draws, configures, trains or exports is imported by the functions that do so
INSIDE = {"h5py", "hydra", "lightning", "matplotlib", "omegaconf", "onnx"}
LARGE = {
    "Box2D",
    "h5py",
    "lightning",
    "matplotlib",
    "mujoco",
    "networkx",
    "numba",
    "pandas",
    "scipy",
    "sklearn",
    "stable_baselines3",
    "torch",
}
# the help of one verb, and what the others' helps read
HELP = """
from contextlib import redirect_stdout
from importlib import import_module
from io import StringIO
from neuro_common.verbs import load
command, verbs = import_module({module!r}), import_module({verbs!r}).VERBS
configured = [verb for verb in verbs if verb.schema]
for verb in configured:
    print(*map(load, [verb.schema, *verb.groups.values()]))
with redirect_stdout(StringIO()) as told:
    assert command.main(["--help"]) == 0
for verb in verbs:
    assert verb.name in told.getvalue() and verb.example in told.getvalue(), verb.name
for verb in configured[:1]:
    assert command.main([*verb.name.split(), "--help"]) == 0
"""


def loaded_by(code: str) -> set[str]:
    """Names of the modules that are there after some code, in a process of its own."""
    last = "import json, sys\nprint(json.dumps([*sys.modules]))"
    line = [sys.executable, "-W", "error", "-c", f"{code}\n{last}"]
    done = subprocess.run(line, capture_output=True, text=True, check=True)
    return set(json.loads(done.stdout.splitlines()[-1]))


@pytest.mark.parametrize("package", PACKAGES)
def test_help_lists_every_verb_and_loads_nothing_large(package: str) -> None:
    text = (ROOT / "packages" / package / "pyproject.toml").read_text(encoding="utf-8")
    module, _ = tomllib.loads(text)["project"]["scripts"][package].split(":")
    name = package.replace("-", "_")
    verbs = module if package == "neuro-common" else f"{name}.cli"
    loaded = loaded_by(HELP.format(module=module, verbs=verbs))
    assert not LARGE & loaded
    assert ("hydra" in loaded) == (package != "neuro-common")


@pytest.mark.parametrize("name", [*NAMES, "rhythm_rnn.task", "spinal_rnn.lead"])
def test_import_loads_nothing_large(name: str) -> None:
    assert not (LARGE | INSIDE) & loaded_by(f"import {name}")


@pytest.mark.parametrize("package", PACKAGES)
def test_no_module_loads_what_draws_configures_or_trains(package: str) -> None:
    top = ROOT / "packages" / package / "src"
    modules = {path.relative_to(top).with_suffix("").parts for path in top.rglob("[!_]*.py")}
    assert len(modules) > 20
    assert not INSIDE & loaded_by("import " + ", ".join(map(".".join, sorted(modules))))


def test_something_large_would_be_seen() -> None:
    assert loaded_by("import scipy, h5py") >= {"scipy", "h5py"}


@pytest.mark.parametrize("name", NAMES)
def test_lazy_names_are_those_of_their_homes(name: str) -> None:
    package = import_module(name)
    homes = getattr(package, "_HOMES", {})
    assert homes.keys() <= set(package.__all__) <= set(dir(package))
    for public in package.__all__:
        if public in homes:
            home = import_module(f"{name}.{homes[public]}")
            assert public in home.__all__
            assert getattr(package, public) is getattr(home, public)
        else:
            assert getattr(package, public) is import_module(f"{name}.{public}")


@pytest.mark.parametrize("name", NAMES)
def test_an_unknown_name_is_an_attribute_error(name: str) -> None:
    with pytest.raises(AttributeError, match=f"module '{name}' has no attribute 'utils'"):
        import_module(name).utils  # noqa: B018
