"""What READMEs, pages and docstrings show runs: Python as it stands, commands with exit 0.

A page's Python blocks run one after another, as a reader would paste them. READMEs' commands run,
but for `LONG` ones; these, and all commands elsewhere, are whole studies: their configs are
composed. Lines that make an environment or call nox are left to the nox sessions themselves.
"""

from __future__ import annotations

import doctest
import functools
import importlib
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from hydra.core.config_store import ConfigStore
from hydra.core.override_parser.overrides_parser import OverridesParser

from neuro_common.cli import compose
from neuro_common.verbs import UsageError, Verb, find_verb

ROOT = Path(__file__).parents[1]
READMES = [ROOT / "README.md", *sorted(ROOT.glob("packages/*/README.md"))]
PAGES = [
    *READMES,
    *(ROOT / name for name in ("CONTRIBUTING.md", "shared-configs/README.md")),
    *(path for path in sorted(ROOT.glob("docs/**/*.md")) if "_build" not in path.parts),
]
PACKAGES = [path.parent.name for path in READMES[1:]]
FENCE = re.compile(r"^```([^`\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
INLINE = re.compile(rf"(?<!}})`((?:{'|'.join(PACKAGES)}) [^`\n]*[^`\n=])`")
# README commands that take more than five seconds, and where each runs instead.
LONG = {
    "rldbs-env demo": "session light",
    "brainnn train": "brainnn's test_cli, smaller",
    "proprio-tcn figures": "session demo",
    "proprio-tcn evaluate": "session demo",
    "proprio-tcn predict": "session demo",
    "proprio-tcn generate": "proprio-tcn's test_cli, smaller",
    "proprio-tcn train": "session tests, smaller",
    "rhythm-rnn train": "session tests, smaller",
    "rhythm-rnn figures": "session demo",
    "rhythm-rnn reduced": "session demo",
    "spinal-rnn optimise": "session demo",
}
# What a page asks for, and what a test can give it: no GPU, no hours, no other's data.
SMALLER = {
    "docs/many_machines.md": [
        (
            '4096, device="cuda", ensemble=range(64)',
            "4, device='cpu', n_neurons=20, ensemble=range(4)",
        ),
        ("n_steps=32, batch_size=32_768, n_epochs=4", "n_steps=4, batch_size=16, n_epochs=1"),
        ("learn(50_000_000)", "learn(16)"),
    ],
    "docs/packages/brainnn.md": [
        ('open_connectome("worm")', ""),
        ('open_connectome("edges.csv", nodes="nodes.csv")', ""),
    ],
    "docs/packages/rldbs-env.md": [
        ('4096, device="cuda", ensemble=range(64)', "4, device='cpu', ensemble=range(4)"),
        ('4096, 1, device="cuda"', "4, 1"),
    ],
    "docs/suppression_scores.md": [
        ("range(3000, 3008), free_steps=3000", "range(3000, 3002), n_neurons=50, free_steps=1000"),
        ("controlled_steps=6000, recovery_steps=3000", "controlled_steps=2000, recovery_steps=500"),
    ],
}
# What a reader has made before the first block of a page, which reads it.
MADE = {
    "docs/packages/neuro-common.md": "rhythm-rnn export format=onnx output=network.onnx",
    "docs/packages/rhythm-rnn.md": "rhythm-rnn export format=onnx output=step.onnx",
}
# Blocks that are only parsed.
PARSED = {"from ray.rllib": "Ray is no part of the environment that runs the tests"}


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def fences(path: Path) -> Iterator[tuple[str, int, str]]:
    """(language, line of its first line, text) of every fenced block."""
    text = path.read_text(encoding="utf-8")
    for match in FENCE.finditer(text):
        yield match[1], text[: match.start(2)].count("\n"), match[2]


def python_blocks(path: Path) -> list[str]:
    """Blocks as long as the page above them, so that a traceback names the page's line."""
    return ["\n" * line + text for language, line, text in fences(path) if language == "python"]


def commands(path: Path) -> list[str]:
    """Lines of a page's blocks that call one of our commands."""
    found = []
    for language, _, text in fences(path):
        if language in ("", "bash", "sh", "console"):
            lines = text.replace("\\\n", " ").splitlines()
            found += [line.removeprefix("$ ").split(" #")[0].strip() for line in lines]
    return [line for line in found if line.split(" ")[0] in PACKAGES]


def is_long(line: str) -> bool:
    return line.startswith(tuple(LONG)) or "--multirun" in line or " results" in line


def entry(package: str) -> list[str]:
    """What starts the command of a package."""
    text = (ROOT / "packages" / package / "pyproject.toml").read_text(encoding="utf-8")
    module, _, function = tomllib.loads(text)["project"]["scripts"][package].partition(":")
    return [sys.executable, "-c", f"import sys, {module} as m; sys.exit(m.{function}())"]


def run(line: str, folder: Path) -> None:
    """Run a command, installed or not, as a reader would."""
    package, *words = shlex.split(line)
    command = [*entry(package), *words]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{line}\n{done.stdout}\n{done.stderr}"


def verbs_of(package: str) -> list[Verb]:
    module = package.replace("-", "_") + (".command" if package == "neuro-common" else ".cli")
    return list(importlib.import_module(module).VERBS)


def check_config(line: str) -> None:
    """Compose what a command would run with; of a sweep the first job."""
    package, *words = shlex.split(line)
    if words[0].startswith("-") or (package, words[0]) == ("rldbs-env", "demo"):
        return
    verb, rest = find_verb(verbs_of(package), words)
    if verb.schema is None or "--help" in rest:
        return
    # a process is of one package: its groups are not those of another
    store = ConfigStore.instance()
    store.repo = {
        name: node for name, node in store.repo.items() if name.startswith(("hydra", "_"))
    }
    # overlays and Hydra's own settings have tests of their own
    own = [word for word in rest if re.match(r"[~+]?(?!hydra)\w[\w.@/]*(=|$)", word)]
    compose(package, verbs_of(package), verb.name, [first_of_sweep(word) for word in own])


def first_of_sweep(word: str) -> str:
    parsed = OverridesParser.create().parse_override(word)
    if not parsed.is_sweep_override():
        return word
    if parsed.is_choice_sweep() or parsed.is_range_sweep():
        return f"{parsed.get_key_element()}={next(iter(parsed.sweep_string_iterator()))}"
    return f"{parsed.get_key_element()}={parsed.value().start}"


@pytest.mark.parametrize("path", [p for p in PAGES if python_blocks(p)], ids=name_of)
def test_python_blocks_run(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    if name_of(path) in MADE:
        if find_spec("onnxruntime") is None:
            pytest.skip("onnxruntime is not installed here; the session together has it")
        run(MADE[name_of(path)], tmp_path)
    smaller = SMALLER.get(name_of(path), [])
    blocks = python_blocks(path)
    names: dict[str, Any] = {"__name__": "__main__"}
    for old, _ in smaller:
        assert any(old in text for text in blocks), f"{old!r} is not there any more"
    for text in blocks:
        for old, new in smaller:
            text = text.replace(old, new)
        code = compile(text, name_of(path), "exec")
        if not any(mark in text for mark in PARSED):
            exec(code, names)


def documented(mark: str) -> list[str]:
    """Modules that have a mark somewhere in their text."""
    found = []
    for path in sorted(ROOT.glob("packages/*/src/**/*.py")):
        if mark in path.read_text(encoding="utf-8"):
            parts = path.relative_to(ROOT).with_suffix("").parts[3:]
            found.append(".".join(parts).removesuffix(".__init__"))
    return found


def test_every_package_shows_an_example() -> None:
    assert {package.replace("-", "_") for package in PACKAGES} <= set(documented(">>> "))


@pytest.mark.parametrize("module", documented(">>> "))
def test_docstring_examples_run(
    module: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = doctest.testmod(importlib.import_module(module))
    assert result.attempted > 0
    assert result.failed == 0


@pytest.mark.parametrize("path", [path for path in READMES if commands(path)], ids=name_of)
def test_readme_commands_run(path: Path, tmp_path: Path) -> None:
    for line in commands(path):
        if not is_long(line):
            run(line, tmp_path)


@functools.cache
def fault(line: str) -> str | None:
    """What is wrong with a command, if anything is."""
    try:
        check_config(line)
    except UsageError as error:
        return f"{line}: {error}"
    return None


def faults(lines: list[str]) -> list[str]:
    return [found for line in lines if (found := fault(line))]


@pytest.mark.parametrize("path", PAGES, ids=name_of)
def test_commands_compose(path: Path) -> None:
    inline = INLINE.findall(FENCE.sub("", path.read_text(encoding="utf-8")))
    assert faults([*commands(path), *inline]) == []


@pytest.mark.parametrize("package", PACKAGES)
def test_examples_of_help_compose(package: str) -> None:
    assert faults([verb.example for verb in verbs_of(package)]) == []


def test_a_wrong_command_is_found() -> None:
    lines = ["rldbs-env evaluate sede=1", "brainnn wlak", "rldbs-env train algo=ppo,sac seed=0,1"]
    sede, wlak = faults(lines)
    assert "did you mean 'seed'?" in sede
    assert "'wlak' is no verb" in wlak


@pytest.mark.parametrize("path", PAGES, ids=name_of)
def test_local_links_lead_somewhere(path: Path) -> None:
    text = FENCE.sub("", path.read_text(encoding="utf-8"))
    links = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", text) + re.findall(r'src="([^":]+)"', text)
    missing = [link for link in links if not (path.parent / link).exists()]
    assert not missing
