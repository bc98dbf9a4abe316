"""What rldbs-env promises when it is installed alone; `python light_check.py` exits 0 if it holds.

A script, because it runs where nothing but the wheel and what it asks for is installed, and also
where neither the package nor HOME can be written.
"""

from __future__ import annotations

import importlib.util
import os
import pickle
import subprocess
import sys
import sysconfig
import tempfile
import time
import warnings
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
from gymnasium.utils.env_checker import check_env

__all__ = ["main"]

HEAVY = (
    "h5py",
    "hydra",
    "matplotlib",
    "neuro_common",
    "omegaconf",
    "scipy",
    "stable_baselines3",
    "torch",
)
SMALL: dict[str, Any] = {
    "n_neurons": 50, "window": 30, "stride": 1, "episode_steps": 120, "prelude_steps": 100,
}  # fmt: skip
N_STEPS = 300
DEMO = ("demo", "--neurons", "50", "--ensembles", "2")


def check(holds: object, promise: str) -> None:
    """Leave with a message unless ``promise`` holds; python's -O cannot switch it off."""
    if not holds:
        raise SystemExit(f"light_check: this does not hold: {promise}")


def nothing_heavy() -> None:
    """No package of an extra has come along."""
    found = [name for name in HEAVY if importlib.util.find_spec(name)]
    check(not found, f"rldbs-env alone installs none of {', '.join(HEAVY)}; found {found}")


def small(name: str) -> dict[str, Any]:
    """Arguments that make an environment of this name quick."""
    if "KuramotoGrid" not in name:
        return SMALL
    from rldbs_env import KuramotoGrid

    return SMALL | {"model": KuramotoGrid(grid=(3, 3, 3)), "n_neurons": 27}


def rollout(env: Any, seed: int, n_steps: int = N_STEPS) -> list[Any]:
    """Observations, rewards and flags of random actions; a new episode where one ends."""
    env.action_space.seed(seed)
    seen: list[Any] = [env.reset(seed=seed)[0]]
    for _ in range(n_steps):
        observation, reward, terminated, truncated, _ = env.step(env.action_space.sample())
        check(env.observation_space.contains(observation), "observations are in their space")
        seen += [observation, reward, terminated, truncated]
        if terminated or truncated:
            seen.append(env.reset()[0])
    return seen


def same(first: list[Any], second: list[Any]) -> bool:
    """Whether two rollouts agree to the bit."""
    return len(first) == len(second) and all(map(np.array_equal, first, second))


def passes_gymnasiums_checker(name: str) -> None:
    """Gymnasium finds nothing to complain about; pictures need an extra."""
    env = gymnasium.make(name, **small(name)).unwrapped
    check_env(env, skip_render_check=True)
    env.close()


def is_reproducible(name: str) -> None:
    """The same seed gives the same episodes in two environments, another seed gives others."""
    first, second, other = (
        rollout(gymnasium.make(name, **small(name)).unwrapped, seed) for seed in (7, 7, 8)
    )
    check(same(first, second), f"{name}: the same seed gives the same {N_STEPS} steps")
    check(not same(first, other), f"{name}: another seed gives another ensemble")


def survives_pickling(name: str) -> None:
    """An environment that went through pickle in the middle of an episode goes on as it would."""
    env: Any = gymnasium.make(name, **small(name)).unwrapped
    env.reset(seed=3)
    env.action_space.seed(0)
    for _ in range(50):
        env.step(env.action_space.sample())
    copy = pickle.loads(pickle.dumps(env))
    for _ in range(60):
        action = env.action_space.sample()
        mine, its = env.step(action), copy.step(action)
        check(
            same(list(mine[:4]), list(its[:4])), f"{name}: a pickled copy goes on as the original"
        )
        check(mine[4] == its[4], f"{name}: a pickled copy tells the same info")


def batches_equal_singles(name: str, num_envs: int = 3) -> None:
    """The native vector environment is that many single ones, to the bit."""
    batch: Any = gymnasium.make_vec(
        name, num_envs, vectorization_mode="vector_entry_point", **small(name)
    )
    singles: list[Any] = [gymnasium.make(name, **small(name)).unwrapped for _ in range(num_envs)]
    observations = batch.reset(seed=11)[0]
    alone = [env.reset(seed=11 + i)[0] for i, env in enumerate(singles)]
    check(np.array_equal(observations, alone), f"{name}: a batch starts as single environments do")
    batch.action_space.seed(0)
    for _ in range(100):
        actions = batch.action_space.sample()
        observations, rewards, *_ = batch.step(actions)
        steps = [env.step(action) for env, action in zip(singles, actions, strict=True)]
        check(np.array_equal(observations, [s[0] for s in steps]), f"{name}: equal observations")
        check(np.array_equal(rewards, [s[1] for s in steps]), f"{name}: equal rewards")
    batch.close()


def demo_runs() -> None:
    """The installed command compares the controllers, names the extra, and writes nothing."""
    program = Path(sysconfig.get_path("scripts")) / f"rldbs-env{'.exe' if os.name == 'nt' else ''}"
    check(program.is_file(), f"the command is installed as {program}")
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [program, *DEMO], cwd=folder, capture_output=True, text=True, check=False
        )
        written = list(Path(folder).iterdir())
    print(done.stdout, end="")
    check(done.returncode == 0, f"the demo exits 0, got {done.returncode}: {done.stderr}")
    check(not done.stderr, f"the demo has nothing to complain about: {done.stderr}")
    for word in ("S_ratio", "\nlinear ", "\ntonic ", 'pip install "rldbs-env[plot]"'):
        check(word in done.stdout, f"the demo prints {word!r}")
    check(not written, f"the demo writes nothing without its extras, got {written}")


def main() -> int:
    """Check every promise and say which ones hold."""
    warnings.simplefilter("error")
    nothing_heavy()
    print("nothing heavy is installed")
    # by hand, so that the ids are there to be listed
    importlib.import_module("rldbs_env")
    names = sorted(name for name in gymnasium.registry if name.startswith("rldbs/"))
    check(names, "environments are registered")
    for name in names:
        for promise in (
            passes_gymnasiums_checker, is_reproducible, survives_pickling, batches_equal_singles,
        ):  # fmt: skip
            began = time.perf_counter()
            promise(name)
            said = promise.__name__.replace("_", " ")
            print(f"{name} {said} ({time.perf_counter() - began:.1f} s)", flush=True)
    demo_runs()
    print("the demo runs")
    return 0


if __name__ == "__main__":
    sys.exit(main())
