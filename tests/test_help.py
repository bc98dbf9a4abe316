"""Help and imports are quick because they load none of the large libraries: which, not how long."""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = sorted(path.parent.name for path in ROOT.glob("packages/*/pyproject.toml"))
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
from importlib import import_module
from neuro_common.verbs import load
command, verbs = import_module({module!r}), import_module({verbs!r}).VERBS
configured = [verb for verb in verbs if verb.schema]
for verb in configured:
    print(*map(load, [verb.schema, *verb.groups.values()]))
for line in [[], *(verb.name.split() for verb in configured[:1])]:
    assert command.main([*line, "--help"]) == 0
"""


def loaded_by(code: str) -> set[str]:
    """Names of the modules that are there after some code, in a process of its own."""
    last = "import json, sys\nprint(json.dumps([*sys.modules]))"
    line = [sys.executable, "-W", "error", "-c", f"{code}\n{last}"]
    done = subprocess.run(line, capture_output=True, text=True, check=True)
    return set(json.loads(done.stdout.splitlines()[-1]))


@pytest.mark.parametrize("package", PACKAGES)
def test_help_loads_nothing_large(package: str) -> None:
    text = (ROOT / "packages" / package / "pyproject.toml").read_text(encoding="utf-8")
    module, _ = tomllib.loads(text)["project"]["scripts"][package].split(":")
    name = package.replace("-", "_")
    verbs = module if package == "neuro-common" else f"{name}.cli"
    loaded = loaded_by(HELP.format(module=module, verbs=verbs))
    assert not LARGE & loaded
    assert ("hydra" in loaded) == (package != "neuro-common")


@pytest.mark.parametrize("package", PACKAGES)
def test_import_loads_nothing_large(package: str) -> None:
    loaded = loaded_by(f"import {package.replace('-', '_')}")
    assert not (LARGE | {"hydra"}) & loaded


def test_something_large_would_be_seen() -> None:
    assert "scipy" in LARGE & loaded_by("import scipy")
