"""The overlays of shared-configs work from the installed commands, with `--config-dir`."""

from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

SHARED = Path(__file__).parents[1] / "shared-configs"
COMMAND = str(Path(sys.executable).with_name("rldbs-env"))
# what an overlay chooses, and the plugin that it is of
CHOSEN = {
    "launcher/joblib": ("JoblibLauncher", "hydra_joblib_launcher"),
    "launcher/slurm": ("SlurmLauncher", "hydra_submitit_launcher"),
    "launcher/submitit_local": ("LocalLauncher", "hydra_submitit_launcher"),
    "launcher/ray": ("RayLauncher", "hydra_ray_launcher"),
    "sweeper/optuna": ("OptunaSweeper", "hydra_optuna_sweeper"),
}
SMALL = "n_neurons=20 n_ensembles=2 free_steps=1000 controlled_steps=2000 recovery_steps=1000"


def run(*words: str, cwd: Path) -> str:
    line = [COMMAND, "evaluate", "--config-dir", str(SHARED), *words]
    done = subprocess.run(line, cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_every_overlay_is_checked() -> None:
    found = {path.relative_to(SHARED).with_suffix("").as_posix() for path in SHARED.rglob("*.yaml")}
    assert found == set(CHOSEN)


@pytest.mark.parametrize("overlay", CHOSEN)
def test_overlay_chooses_its_plugin(overlay: str, tmp_path: Path) -> None:
    wanted, plugin = CHOSEN[overlay]
    if find_spec(f"hydra_plugins.{plugin}") is None:
        pytest.skip(f"{plugin} is not installed here; the session launchers has it")
    group, name = overlay.split("/")
    shown = run(f"+{group}={name}", "--cfg", "hydra", "-p", f"hydra.{group}", cwd=tmp_path)
    assert f".{wanted}\n" in shown


def test_joblib_overlay_runs_a_sweep(tmp_path: Path) -> None:
    sweep = ["--multirun", "+launcher=joblib", "sweep=pair", "seed=0,1", "controllers=[linear]"]
    shown = run(*sweep, *SMALL.split(), cwd=tmp_path)
    assert "2 jobs: 2 done" in shown
    jobs = tmp_path / "results" / "rldbs-env" / "evaluate" / "multirun" / "pair"
    assert len(list(jobs.glob("*/done"))) == 2


def test_readme_names_every_overlay() -> None:
    text = (SHARED / "README.md").read_text(encoding="utf-8")
    for path in SHARED.rglob("*.yaml"):
        assert f"`+{path.parent.name}={path.stem}`" in text
