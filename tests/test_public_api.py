"""The public surface, pinned: every `__all__` with signatures, every verb, every exit code.

A change here is a change for users: regenerate with
`nox -r -s together -- python tests/test_public_api.py` and say so in CHANGELOG.md.
"""

from __future__ import annotations

import ast
import contextlib
import difflib
import importlib
import io
import tomllib
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
SNAPSHOT = Path(__file__).with_name("public_api.txt")
PACKAGES = sorted(path.parent.name for path in ROOT.glob("packages/*/pyproject.toml"))
CALLED = ("__init__", "__call__", "__iter__", "__len__")
SHORT = 90
Function = ast.FunctionDef | ast.AsyncFunctionDef


def source_files(package: str) -> dict[str, Path]:
    """Import names of a package's public modules, and their files."""
    top = ROOT / "packages" / package / "src"
    parts = {path: path.relative_to(top).with_suffix("").parts for path in top.rglob("*.py")}
    names = {".".join(p).removesuffix(".__init__"): f for f, p in parts.items() if "conf" not in p}
    public = [n for n in names if not any(part.startswith("_") for part in n.split("."))]
    return {name: names[name] for name in sorted(public)}


def describe_function(node: Function) -> str:
    """Decorators, name and signature as they stand in the source."""
    marks = "".join(f"@{ast.unparse(mark)} " for mark in node.decorator_list)
    returns = f" -> {ast.unparse(node.returns)}" if node.returns else ""
    return f"{marks}{node.name}({ast.unparse(node.args)}){returns}"


def describe_class(node: ast.ClassDef) -> Iterator[str]:
    """Bases, fields, and the methods and properties that a user calls."""
    yield f"  class {node.name}({', '.join(ast.unparse(base) for base in node.bases)})"
    for part in node.body:
        if isinstance(part, ast.AnnAssign) and not ast.unparse(part.target).startswith("_"):
            yield f"    {ast.unparse(part)}"
        elif isinstance(part, Function) and (part.name in CALLED or part.name[0] != "_"):
            yield f"    {describe_function(part)}"


def describe_module(name: str, path: Path) -> Iterator[str]:
    """Lines for one module, one or more for each name in its `__all__`."""
    public = importlib.import_module(name).__all__
    defined: dict[str, list[str]] = {}
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.ClassDef):
            defined[node.name] = list(describe_class(node))
        elif isinstance(node, Function):
            defined[node.name] = [f"  def {describe_function(node)}"]
        elif isinstance(node, ast.Assign) and len(text := ast.unparse(node)) < SHORT:
            names = [part.id for part in ast.walk(node.targets[0]) if isinstance(part, ast.Name)]
            defined |= {key: [f"  {text}"] for key in names}
    yield name
    for exported in sorted(public):
        yield from defined.get(exported, [f"  {exported}"])


def entry_point(package: str) -> tuple[str, str]:
    """Module and function of a package's command."""
    text = (ROOT / "packages" / package / "pyproject.toml").read_text(encoding="utf-8")
    module, function = tomllib.loads(text)["project"]["scripts"][package].split(":")
    return module, function


def exit_code(package: str, line: str) -> int:
    """Exit code of a package's command, run in this process with its output dropped."""
    module, function = entry_point(package)
    main = getattr(importlib.import_module(module), function)
    sink = io.StringIO()
    with contextlib.redirect_stdout(sink), contextlib.redirect_stderr(sink):
        try:
            code = main(line.split())
        except SystemExit as stop:
            code = stop.code
    return int(code or 0)


def describe_command(package: str) -> Iterator[str]:
    """Lines for a package's verbs and the exit codes of good and bad use."""
    cli = f"{package.replace('-', '_')}.cli"
    modules = [importlib.import_module(name) for name in (entry_point(package)[0], cli)]
    yield f"command {package}"
    for verb in next(module.VERBS for module in modules if hasattr(module, "VERBS")):
        yield f"  {verb.name}: {verb.example}"
    for line in ("--help", "--version", "", "no-such-verb"):
        yield f"  exit {exit_code(package, line)}: {package} {line}".rstrip()


def describe() -> str:
    """The whole public surface as text."""
    lines: list[str] = []
    for package in PACKAGES:
        for name, path in source_files(package).items():
            lines += [*describe_module(name, path), ""]
        lines += [*describe_command(package), ""]
    return "\n".join(lines)


def test_public_surface_is_the_committed_one() -> None:
    expected = SNAPSHOT.read_text(encoding="utf-8").splitlines()
    difference = list(difflib.unified_diff(expected, describe().splitlines(), "committed", "now"))
    assert not difference, "\n".join(difference)


def test_exported_names_exist_once_and_are_public() -> None:
    for package in PACKAGES:
        for name in source_files(package):
            module = importlib.import_module(name)
            missing = [public for public in module.__all__ if not hasattr(module, public)]
            assert not missing, name
            assert len(set(module.__all__)) == len(module.__all__), name
            assert all(not public.startswith("_") for public in module.__all__), name


if __name__ == "__main__":
    SNAPSHOT.write_text(describe(), encoding="utf-8")
    print(f"wrote {SNAPSHOT}")
