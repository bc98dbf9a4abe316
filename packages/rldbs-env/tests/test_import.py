"""Importing the package must stay light: nothing of an extra, and no compiler before it is used."""

import json
import pkgutil
import subprocess
import sys

import gymnasium

import rldbs_env

HEAVY = {
    "h5py",
    "hydra",
    "matplotlib",
    "neuro_common",
    "numba",
    "omegaconf",
    "scipy",
    "stable_baselines3",
    "torch",
}
MODULES = sorted(module.name for module in pkgutil.iter_modules(rldbs_env.__path__))
# What needs the extra `cli`, `gpu`, `train` or `tune`.
WITH_TORCH = {"_triton_step", "export", "torch_env", "torch_step"}
WITH_TRAIN = {
    "agents", "algorithms", "checkpoints", "sb3", "search", "search_report", "torch_ppo", "training"
}  # fmt: skip
WITH_EXTRAS = {
    "animation", "benchmark_cli", "cli", "comparison", "dependence", "evaluate_cli", "figures",
    "learning", "suite_files", "suite_report", "train_cli",
    *WITH_TORCH, *WITH_TRAIN,
}  # fmt: skip


def heavy_after(statement: str, *blocked: str) -> set[str]:
    """Heavy packages that are loaded after a statement, in a process without the blocked ones."""
    code = (
        "import json, sys\n"
        f"sys.modules.update(dict.fromkeys({blocked!r}))\n"
        f"{statement}\n"
        "print(json.dumps([name for name, module in sys.modules.items() if module]))"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=True
    )
    return HEAVY & set(json.loads(done.stdout))


def test_the_package_loads_nothing_heavy() -> None:
    assert heavy_after("import rldbs_env") == set()


def test_something_heavy_would_be_seen() -> None:
    assert heavy_after("import h5py") >= {"h5py"}


def test_what_commands_are_told_loads_nothing_heavy() -> None:
    assert heavy_after("import rldbs_env.config, rldbs_env.command, rldbs_env.controllers") == set()
    assert heavy_after("import rldbs_env.cli") == {"neuro_common"}


def test_the_first_environment_loads_the_compiler_and_nothing_else() -> None:
    lines = "import gymnasium; gymnasium.make('rldbs_env:rldbs/BvdP-v0', n_neurons=2)"
    # numba looks for scipy by itself
    assert heavy_after(lines) - {"scipy"} == {"numba"}
    assert heavy_after(lines, "scipy") == {"numba"}


def test_all_public_names_load_the_compiler_and_nothing_else() -> None:
    assert heavy_after("from rldbs_env import *", "scipy") == {"numba"}


def test_only_training_and_its_adapter_need_stable_baselines() -> None:
    others = [name for name in MODULES if name not in WITH_TRAIN | WITH_TORCH]
    lines = "import " + ", ".join(f"rldbs_env.{name}" for name in others)
    assert not heavy_after(lines, "stable_baselines3", "torch") & {"stable_baselines3", "torch"}


def test_without_stable_baselines_the_adapter_names_the_extra() -> None:
    lines = (
        "try:\n    import rldbs_env.sb3\n"
        "except ModuleNotFoundError as error:\n    message = str(error)\n"
        """assert 'pip install "rldbs-env[train]"' in message, message"""
    )
    assert "torch" not in heavy_after(lines, "stable_baselines3")


def test_the_light_modules_need_no_extra() -> None:
    light = [name for name in MODULES if name not in WITH_EXTRAS]
    lines = "import " + ", ".join(f"rldbs_env.{name}" for name in light)
    assert heavy_after(lines, *(HEAVY - {"numba"})) == {"numba"}


def test_the_environment_is_registered_with_both_entry_points() -> None:
    spec = gymnasium.spec("rldbs/BvdP-v0")
    assert spec.entry_point == "rldbs_env.catalogue:make_env"
    assert spec.vector_entry_point == "rldbs_env.catalogue:make_vector_env"
    assert spec.max_episode_steps is None
