"""What a result was made with, so that it can be made again: code, versions, machine, settings."""

import hashlib
import os
import platform
import subprocess
from collections.abc import Mapping, Sequence
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from neuro_common.files import to_json

__all__ = [
    "VOLATILE_KEYS",
    "config_hash",
    "differing_keys",
    "flatten",
    "git_state",
    "provenance",
    "settings",
]

VOLATILE_KEYS = frozenset({"hydra", "resume", "sweep", "threads", "device"})
"""Top-level config keys that say how a job runs, not what it computes."""

_DISTRIBUTIONS = (
    "neuro-common",
    "rldbs-env",
    "rhythm-rnn",
    "spinal-rnn",
    "brainnn",
    "proprio-tcn",
    "numpy",
    "scipy",
    "numba",
    "torch",
    "gymnasium",
    "stable-baselines3",
    "mujoco",
    "scikit-learn",
    "lightning",
    "h5py",
    "hydra-core",
    "matplotlib",
)


def settings(config: Mapping[str, Any]) -> dict[str, Any]:
    """The part of a config that decides the result: all but ``VOLATILE_KEYS``."""
    return {key: value for key, value in config.items() if key not in VOLATILE_KEYS}


def config_hash(config: Mapping[str, Any]) -> str:
    """Name a job by what it computes.

    Args:
        config: Resolved config of plain values.

    Returns:
        Eight hex digits, the same for any order of the keys and any ``VOLATILE_KEYS``.

    Raises:
        ValueError: A number is NaN or infinite.
        TypeError: A value has no plain form.
    """
    text = to_json(settings(config), indent=None, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def differing_keys(configs: Sequence[Mapping[str, Any]]) -> dict[str, list[Any]]:
    """The settings that are not the same in all configs.

    Args:
        configs: Configs of plain values; ``VOLATILE_KEYS`` are left out.

    Returns:
        Dotted key to its value in each config, None where a config lacks it.
    """
    flat = [flatten(settings(config)) for config in configs]
    keys = dict.fromkeys(key for one in flat for key in one)
    columns = {key: [one.get(key) for one in flat] for key in keys}
    return {key: values for key, values in columns.items() if any(v != values[0] for v in values)}


def flatten(config: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested keys as dotted ones, such as ``{"model.width": 2}``."""
    flat: dict[str, Any] = {}
    for key, value in config.items():
        if isinstance(value, Mapping) and value:
            flat |= flatten(value, f"{prefix}{key}.")
        else:
            flat[f"{prefix}{key}"] = value
    return flat


def provenance(command: str, seed: int | None, device: str = "cpu") -> dict[str, Any]:
    """Collect what is needed to repeat a run; imports none of the packages that it lists.

    Args:
        command: The command line, as it would be typed again.
        seed: Seed of the run, if it has one.
        device: Device that it computes on.

    Returns:
        Plain values: ``command``, ``seed``, ``device``, ``start`` (ISO 8601 with zone), ``git``
        (``revision`` and ``dirty`` of the repository of the working directory, or None),
        ``versions`` of the installed distributions, ``python``, ``platform``, ``cpu``.
    """
    return {
        "command": command,
        "seed": seed,
        "device": device,
        "start": datetime.now().astimezone().isoformat(timespec="seconds"),
        "git": git_state(),
        "versions": _versions(),
        "python": platform.python_version(),
        "platform": platform.platform(),
        "cpu": _cpu_name(),
    }


def _versions() -> dict[str, str]:
    versions = {}
    for name in _DISTRIBUTIONS:
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            continue
    return versions


def git_state() -> dict[str, Any] | None:
    """Revision of the repository around the working directory, and whether it was edited since.

    Returns:
        ``{"revision": str, "dirty": bool}``, or None outside a repository or without git.
    """
    revision = _git("rev-parse", "HEAD")
    if revision is None:
        return None
    # untracked files do not count: the results themselves are often among them
    changes = _git("status", "--porcelain", "--untracked-files=no")
    return {"revision": revision, "dirty": None if changes is None else bool(changes)}


def _git(*arguments: str) -> str | None:
    # without optional locks, jobs that start together do not fight for the index
    environment = {**os.environ, "GIT_OPTIONAL_LOCKS": "0"}
    try:
        answer = subprocess.run(
            ["git", *arguments],
            capture_output=True,
            text=True,
            check=True,
            timeout=10,
            env=environment,
            stdin=subprocess.DEVNULL,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return answer.stdout.strip()


def _cpu_name() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor() or platform.machine())
