"""What the READMEs and packages' docstrings show runs: Python as it stands, commands with exit 0.

Lines that make an environment or call nox are left to the nox sessions themselves, and lines that
read results wait for someone who has them.
"""

from __future__ import annotations

import doctest
import importlib
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
READMES = [ROOT / "README.md", *sorted(ROOT.glob("packages/*/README.md"))]
PACKAGES = [path.parent.name for path in READMES[1:]]
FENCE = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def blocks(*languages: str) -> list[tuple[str, str]]:
    """(where, text) of every fenced block of one of the languages."""
    found = []
    for path in READMES:
        for index, (language, text) in enumerate(FENCE.findall(path.read_text(encoding="utf-8"))):
            if language in languages:
                found.append((f"{path.parent.name}-{index}", text))
    return found


def commands() -> list[tuple[str, list[str]]]:
    """(where, lines) of every shell block that calls one of our commands."""
    found = []
    for where, text in blocks("bash", "sh", "console"):
        joined = text.replace("\\\n", " ").splitlines()
        lines = [line.removeprefix("$ ").split(" #")[0].strip() for line in joined]
        ours = [line for line in lines if line.split(" ")[0] in PACKAGES and " results" not in line]
        if ours:
            found.append((where, ours))
    return found


@pytest.mark.parametrize(("where", "text"), blocks("python"), ids=lambda v: v[:24])
def test_python_block_runs(where: str, text: str, tmp_path: Path) -> None:
    script = tmp_path / "block.py"
    script.write_text(text, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-W", "error", script], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0, f"{where}\n{text}\n{done.stderr}"


@pytest.mark.parametrize("package", PACKAGES)
def test_docstring_example_runs(package: str) -> None:
    result = doctest.testmod(importlib.import_module(package.replace("-", "_")))
    assert result.attempted > 0
    assert result.failed == 0


@pytest.mark.parametrize(("where", "lines"), commands(), ids=lambda v: v if type(v) is str else "")
def test_commands_run(where: str, lines: list[str], tmp_path: Path) -> None:
    scripts = Path(sys.executable).parent
    for line in lines:
        name, *arguments = shlex.split(line)
        command = [str(scripts / name), *arguments]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
        assert done.returncode == 0, f"{where}: {line}\n{done.stdout}\n{done.stderr}"


@pytest.mark.parametrize("path", READMES, ids=lambda path: path.parent.name)
def test_local_links_lead_somewhere(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    links = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", text) + re.findall(r'src="([^":]+)"', text)
    missing = [link for link in links if not (path.parent / link).exists()]
    assert not missing
