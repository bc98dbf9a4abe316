"""What holds for every package alike: names, versions, files, sizes, dependencies, configs."""

from __future__ import annotations

import ast
import importlib
import re
import tomllib
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[1]
PACKAGES = sorted(path.parent.name for path in ROOT.glob("packages/*/pyproject.toml"))
MODULES = sorted(ROOT.glob("packages/*/src/**/*.py"))
MAX_LINES = 400
each_package = pytest.mark.parametrize("package", PACKAGES)


def source(package: str) -> Path:
    return ROOT / "packages" / package / "src" / package.replace("-", "_")


def project(package: str) -> dict[str, Any]:
    text = (ROOT / "packages" / package / "pyproject.toml").read_text(encoding="utf-8")
    return dict(tomllib.loads(text)["project"])


def requirements(package: str) -> list[str]:
    table = project(package)
    groups = [table["dependencies"], *table.get("optional-dependencies", {}).values()]
    return [line for group in groups for line in group]


def verbs() -> Iterator[tuple[str, str]]:
    for package in PACKAGES:
        if (source(package) / "cli.py").exists() and (source(package) / "conf").exists():
            cli = importlib.import_module(f"{package.replace('-', '_')}.cli")
            for verb in getattr(cli, "VERBS", ()):
                if verb.schema is not None:
                    yield package, verb.name


def test_the_repository_has_packages() -> None:
    assert "neuro-common" in PACKAGES


@each_package
def test_metadata_is_alike(package: str) -> None:
    table, common = project(package), project("neuro-common")
    assert table["name"] == package
    for key in ("version", "requires-python", "license"):
        assert table[key] == common[key], key
    assert table["requires-python"] == ">=3.11"
    assert table["license"] == "MIT"
    assert table["readme"] == "README.md"
    assert "Typing :: Typed" in table["classifiers"]
    assert not any(c.startswith("License ::") for c in table["classifiers"])
    assert list(table["scripts"]) == [package]


@each_package
def test_files_are_there(package: str) -> None:
    home, module = ROOT / "packages" / package, source(package)
    expected = [home / "README.md", home / "LICENSE", home / "tests", module / "py.typed"]
    if list(module.glob("conf/**/*.yaml")):
        expected.append(module / "conf" / "__init__.py")
    missing = [path for path in expected if not path.exists()]
    assert not missing
    assert (home / "LICENSE").read_text() == (ROOT / "LICENSE").read_text()


@each_package
def test_siblings_are_asked_for_by_the_lock_step_range(package: str) -> None:
    major, minor, _ = project(package)["version"].split(".")
    wanted = f">={major}.{minor},<{major}.{int(minor) + 1}"
    for line in requirements(package):
        name, extras, specifier = re.fullmatch(r"([\w-]+)(\[.*?\])?(.*)", line).groups()  # type: ignore[union-attr]
        if name == package:
            assert extras, f"{line} asks for the package itself"
            assert not specifier, f"{line}: a package's own extra needs no version"
        elif name in PACKAGES:
            assert specifier == wanted, line


@each_package
def test_dependencies_are_ranges(package: str) -> None:
    for line in requirements(package):
        assert "==" not in line, f"{line} pins; only constraints.txt does"


def brought_along(package: str) -> set[str]:
    """Every distribution that the package and its extras install, from the installed metadata.

    But for brainnn's `worm`, which conflicts with the pins: c302 itself is under MIT.
    """
    found: set[str] = set()
    extras = [name for name in project(package).get("optional-dependencies", ()) if name != "worm"]
    queue = [Requirement(f"{package}[{','.join(extras)}]")]
    seen: set[str] = set()
    while queue:
        wanted = queue.pop()
        if str(wanted) in seen:
            continue
        seen.add(str(wanted))
        found.add(wanted.name)
        for line in metadata.requires(wanted.name) or []:
            child = Requirement(line)
            asked = wanted.extras or {""}
            if not child.marker or any(child.marker.evaluate({"extra": e}) for e in asked):
                queue.append(child)
    return found


def license_of(name: str) -> str:
    """What a distribution says its licence is, the most exact field first."""
    fields = metadata.metadata(name)
    classifiers = [c for c in fields.get_all("Classifier") or [] if c.startswith("License ::")]
    stated = [line.strip().split("\n")[0] for line in fields.get_all("License") or []]
    return "; ".join(fields.get_all("License-Expression") or classifiers or stated)


@each_package
def test_no_dependency_is_gpl(package: str) -> None:
    licenses = {name: license_of(name) for name in brought_along(package)}
    gpl = {n: text for n, text in licenses.items() if re.search(r"\bA?GPL|General Public", text)}
    assert not {n: text for n, text in gpl.items() if "Lesser" not in text and "LGPL" not in text}
    assert "numpy" in licenses


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_module_has_docstring_size_and_all(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    tree = ast.parse(text)
    assert ast.get_docstring(tree), "no docstring"
    assert text.count("\n") <= MAX_LINES, "split by idea"
    names = {
        target.id
        for node in tree.body
        if isinstance(node, ast.Assign | ast.AnnAssign)
        for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
        if isinstance(target, ast.Name)
    }
    assert "__all__" in names or path.parent.name == "conf", "no __all__"
    assert path.name != "utils.py"


def raised(node: ast.AST) -> set[str]:
    """Classes that a function itself raises, outside of what it catches."""
    found: set[str] = set()
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Raise) and child.exc is not None:
            name = re.match(r"[\w.]+", ast.unparse(child.exc))
            found |= {name[0]} if name and name[0][0].isupper() else set()
        elif not isinstance(child, ast.FunctionDef | ast.Lambda | ast.ClassDef | ast.Try):
            found |= raised(child)
    return found - {"NotImplementedError"}


def public_functions(path: Path) -> Iterator[tuple[str, ast.FunctionDef, str]]:
    """Functions and methods of what a module offers: name, definition and docstring.

    What constructors raise may be told by the class.
    """
    tree = ast.parse(path.read_text(encoding="utf-8"))
    offered = re.search(r"^__all__ = (\[.*?\])", path.read_text(encoding="utf-8"), re.S | re.M)
    names = ast.literal_eval(offered[1]) if offered else []
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and node.name in names:
            yield node.name, node, ast.get_docstring(node) or ""
        elif isinstance(node, ast.ClassDef) and node.name in names:
            for part in node.body:
                if isinstance(part, ast.FunctionDef) and not re.match(r"_[^_]", part.name):
                    of_class = ast.get_docstring(node) if part.name.startswith("__") else ""
                    told = f"{ast.get_docstring(part) or ''}\n{of_class or ''}"
                    yield f"{node.name}.{part.name}", part, told


@pytest.mark.parametrize(
    "path",
    [path for path in MODULES if not re.match(r"_[^_]", path.name)],
    ids=lambda path: path.relative_to(ROOT).as_posix(),
)
def test_docstrings_tell_what_is_raised(path: Path) -> None:
    untold = {
        name: sorted(missing)
        for name, function, told in public_functions(path)
        if (missing := {one for one in raised(function) if one not in told.partition("Raises:")[2]})
    }
    assert not untold, "give the docstring a section Raises: with these"


@pytest.mark.parametrize(("package", "verb"), list(verbs()))
def test_verb_composes(package: str, verb: str) -> None:
    from neuro_common.cli import compose

    cli = importlib.import_module(f"{package.replace('-', '_')}.cli")
    config = compose(package, cli.VERBS, verb, [])
    assert "sweep" in config
    assert "resume" in config


@each_package
def test_package_is_named_wherever_packages_are_listed(package: str) -> None:
    module = package.replace("-", "_")
    ci = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text(encoding="utf-8"))
    assert package in ci["jobs"]["tests"]["strategy"]["matrix"]["package"]
    assert f"packages/{package}\n" in (ROOT / "docs/index.md").read_text(encoding="utf-8")
    assert f"(packages/{package})" in (ROOT / "README.md").read_text(encoding="utf-8")
    tools = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]
    assert module in tools["importlinter"]["root_packages"]


@each_package
def test_every_module_is_in_the_api_page(package: str) -> None:
    page = (ROOT / "docs" / "packages" / f"{package}.md").read_text(encoding="utf-8")
    parts = [path.relative_to(source(package).parent) for path in source(package).rglob("*.py")]
    names = {".".join(part.with_suffix("").parts).removesuffix(".__init__") for part in parts}
    public = {n for n in names if not any(p.startswith("_") or p == "conf" for p in n.split("."))}
    documented = set(re.findall(r"automodule:: ([\w.]+)", page))
    assert documented == public


def test_listed_packages_exist() -> None:
    ci = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text(encoding="utf-8"))
    assert sorted(ci["jobs"]["tests"]["strategy"]["matrix"]["package"]) == PACKAGES
    named = re.findall(r"\(packages/([\w-]+)\)", (ROOT / "README.md").read_text(encoding="utf-8"))
    assert sorted(set(named)) == PACKAGES
    pages = (ROOT / "docs" / "packages").glob("*.md")
    assert sorted(page.stem for page in pages) == PACKAGES


def nox_sessions() -> set[str]:
    tree = ast.parse((ROOT / "noxfile.py").read_text(encoding="utf-8"))
    functions = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
    return {f.name for f in functions if any("session" in ast.unparse(d) for d in f.decorator_list)}


@pytest.mark.parametrize("path", sorted(ROOT.glob(".github/workflows/*.yml")), ids=lambda p: p.stem)
def test_workflow_jobs_call_existing_nox_sessions(path: Path) -> None:
    jobs = yaml.safe_load(path.read_text(encoding="utf-8"))["jobs"]
    lines = [step.get("run", "") for job in jobs.values() for step in job["steps"]]
    # what stands behind -- is told to the session
    asked = [re.search(r"python -m nox -s (.+?)(?: -- |$)", line) for line in lines]
    bare = [re.sub(r"\(.*\)", "", match[1]).replace('"', "") for match in asked if match]
    called = {name for line in bare for name in line.split()}
    assert called <= nox_sessions()
    assert called


def test_ci_script_and_readme_run_the_same_command() -> None:
    command = "python -m pip install nox && python -m nox"
    assert f"\n{command}\n" in (ROOT / ".ci/run").read_text(encoding="utf-8")
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert re.search(rf"^{re.escape(command)}( +#.*)?$", readme, re.MULTILINE)
    assert re.search(rf"^{re.escape(command)} -s demo( +#.*)?$", readme, re.MULTILINE)


def test_contributing_is_short() -> None:
    assert len((ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8").splitlines()) <= 60


def test_citation_has_the_version() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["version"] == project("neuro-common")["version"]
