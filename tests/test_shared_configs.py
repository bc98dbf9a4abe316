"""The overlays of shared-configs work from the installed commands, with `--config-dir`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

SHARED = Path(__file__).parents[1] / "shared-configs"
COMMAND = str(Path(sys.executable).with_name("rldbs-env"))
LAUNCHERS = {"joblib": "JoblibLauncher", "slurm": "SlurmLauncher"}
SMALL = "n_neurons=20 n_ensembles=2 free_steps=1000 controlled_steps=2000 recovery_steps=1000"


def run(*words: str, cwd: Path) -> str:
    line = [COMMAND, "evaluate", "--config-dir", str(SHARED), *words]
    done = subprocess.run(line, cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("name", sorted(path.stem for path in SHARED.glob("launcher/*.yaml")))
def test_launcher_overlay_chooses_its_launcher(name: str, tmp_path: Path) -> None:
    shown = run(f"+launcher={name}", "--cfg", "hydra", "-p", "hydra.launcher", cwd=tmp_path)
    assert f".{LAUNCHERS[name]}\n" in shown


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
