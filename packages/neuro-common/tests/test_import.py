"""Importing the package must stay cheap: nothing of an extra comes along uninvited."""

import pkgutil
import re
import subprocess
import sys
from pathlib import Path

import pytest

import neuro_common

# what a rate network is, a torch module: none without torch
TORCH_MODULES = {
    "device",
    "rate_ensemble",
    "rate_noise",
    "leaky",
    "leaky_cell",
    "rate_runs",
    "rate_sequence",
    "rate_structure",
    "rates",
    "training",
}
HEAVY = ("torch", "matplotlib", "h5py", "scipy", "hydra", "omegaconf", "jinja2", "tqdm", "xarray")


def heavy_modules_after(statement):
    code = f"import sys\n{statement}\nprint(*(set({HEAVY!r}) & sys.modules.keys()))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.split()


def test_no_module_imports_anything_heavy():
    assert heavy_modules_after("import neuro_common") == []
    assert heavy_modules_after("from neuro_common import *; seeding.spawn_seeds(1, 2)") == []
    # a private module is imported inside a function of the one it belongs to
    found = {module.name for module in pkgutil.iter_modules(neuro_common.__path__)}
    names = {name for name in found if not name.startswith("_")}
    assert {*neuro_common.__all__} < names
    assert names > TORCH_MODULES
    names -= TORCH_MODULES
    assert heavy_modules_after("import " + ", ".join(f"neuro_common.{n}" for n in names)) == []


@pytest.mark.parametrize("name", sorted(TORCH_MODULES))
def test_without_torch_a_rate_network_ends_with_the_line_that_installs_it(name):
    code = f"import sys; sys.modules['torch'] = None; import neuro_common.{name}"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert 'torch is not installed: run pip install "neuro-common[torch]"' in done.stderr


def test_something_heavy_would_be_seen():
    assert heavy_modules_after("import h5py") == ["h5py"]


def test_the_package_alone_does_not_even_import_numpy():
    code = "import sys, neuro_common; print('numpy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_the_example_in_the_readme_runs(tmp_path):
    readme = Path(__file__).parents[1] / "README.md"
    (example,) = re.findall(r"```python\n(.*?)```", readme.read_text(encoding="utf-8"), re.DOTALL)
    done = subprocess.run(
        [sys.executable, "-c", example], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    written = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.*")}
    assert {"data.h5", "trace.png", "trace.svg", "trace.csv"} <= written
