"""Run a command where no cache folder can be made: as on a read-only installation.

`python without_caches.py PACKAGE COMMAND...` puts a plain file where each cache folder would go,
which stops even root, whom permissions do not stop, and takes the files away again.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

__all__ = ["run_without_caches"]

HOME_VARIABLES = ("HOME", "USERPROFILE", "LOCALAPPDATA", "XDG_CACHE_HOME")


def run_without_caches(package: str, command: list[str]) -> int:
    """Exit code of the command, run while neither the package nor HOME can hold a cache."""
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        raise ValueError(f"{package} is not installed for {sys.executable}")
    root = Path(spec.origin).parent
    folders = {root, *(path.parent for path in root.rglob("*.py"))}
    blocked = [folder / "__pycache__" for folder in folders]
    with tempfile.TemporaryDirectory() as scratch:
        home = Path(scratch) / "home"
        try:
            for path in (*blocked, home):
                shutil.rmtree(path, ignore_errors=True)
                path.write_text("")
            environment = os.environ | dict.fromkeys(HOME_VARIABLES, str(home))
            return subprocess.run(command, env=environment, check=False).returncode
        finally:
            for path in blocked:
                path.unlink(missing_ok=True)


if __name__ == "__main__":
    raise SystemExit(run_without_caches(sys.argv[1], sys.argv[2:]))
