"""Look into every built wheel and sdist before a user does: metadata, contents, sizes, RECORD.

`python tests/distributions.py FOLDER [TAG]` reads the files that `nox -s build` left in
FOLDER/PACKAGE/ and says what is wrong with them. That a wheel, which is built from the sdist, holds
the very files of the checkout shows that the sdist is whole. A TAG, such as v0.1.0, asks for what
only a release needs: the version that the tag names, an address, and links that lead somewhere
from the index's page.
"""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import re
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

from packaging.metadata import Metadata
from packaging.requirements import Requirement

__all__ = ["Built", "Source", "committed", "main", "problems", "read_sdist", "read_wheel"]

ROOT = Path(__file__).resolve().parents[1]
MAX_WHEEL_BYTES = 10_000_000
MAX_WEIGHTS_BYTES = 5_000_000


@dataclass(frozen=True)
class Source:
    """One package of the repository: its ``[project]`` table and its committed files."""

    project: dict[str, Any]
    files: Mapping[str, bytes]

    @property
    def stem(self) -> str:
        """Start of the names of its wheel and sdist."""
        return f"{self.project['name'].replace('-', '_')}-{self.project['version']}"


@dataclass(frozen=True)
class Built:
    """A wheel or sdist: its path, and its files by name."""

    path: Path
    files: Mapping[str, bytes]


def committed(home: Path) -> Source:
    """A package's committed files, as the checkout has them now."""
    line = ["git", "ls-files", "-z", "."]
    listed = subprocess.run(line, cwd=home, capture_output=True, check=True).stdout.decode()
    names = [name for name in listed.split("\0") if (home / name).is_file()]
    files = {name: (home / name).read_bytes() for name in names}
    return Source(tomllib.loads(files["pyproject.toml"].decode())["project"], files)


def read_wheel(path: Path) -> Built:
    """Every file of a wheel."""
    with zipfile.ZipFile(path) as archive:
        return Built(path, {name: archive.read(name) for name in archive.namelist()})


def read_sdist(path: Path) -> Built:
    """Every file of an sdist; what is no plain file, such as a link, counts as an empty one."""
    with tarfile.open(path) as archive:
        members = [(member.name, archive.extractfile(member)) for member in archive]
        return Built(path, {name: file.read() if file else b"" for name, file in members})


def requirements(project: Mapping[str, Any]) -> set[Requirement]:
    """What a wheel has to ask for: the package's own extras stand for what they ask for."""
    optional: dict[str, list[str]] = project.get("optional-dependencies", {})

    def lines(extra: str) -> Iterator[Requirement]:
        for asked in map(Requirement, optional[extra]):
            if asked.name == project["name"]:
                for other in asked.extras:
                    yield from lines(other)
            else:
                yield asked

    found = {Requirement(line) for line in project["dependencies"]}
    for extra in optional:
        for asked in lines(extra):
            first, _, marker = str(asked).partition("; ")
            condition = f"({marker}) and " if marker else ""
            found.add(Requirement(f"{first}; {condition}extra == '{extra}'"))
    return found


def metadata_problems(text: bytes, source: Source) -> Iterator[str]:
    """What METADATA says against ``pyproject.toml`` and the README."""
    try:
        found = Metadata.from_email(text)
    except ExceptionGroup as group:
        yield from (f"METADATA: {error}" for error in group.exceptions)
        return
    project = source.project
    expected = {
        "name": project["name"],
        "version": project["version"],
        "summary": project["description"],
        "requires_python": project["requires-python"],
        "license_expression": project["license"],
        "license_files": project["license-files"],
        "classifiers": project["classifiers"],
        "keywords": project["keywords"],
        "project_urls": project.get("urls"),
        "provides_extra": sorted(project.get("optional-dependencies", {})),
        "description_content_type": "text/markdown",
        "description": source.files["README.md"].decode(),
    }
    for field, wanted in expected.items():
        got = getattr(found, field)
        got = str(got) if isinstance(wanted, str) else got
        if (got or None) != (wanted or None):
            yield f"METADATA: {field} must be {wanted!r:.80}, got {got!r:.80}"
    asked, wanted = set(found.requires_dist or ()), requirements(project)
    for line in sorted(map(str, wanted - asked)):
        yield f"METADATA does not ask for {line}"
    for line in sorted(map(str, asked - wanted)):
        yield f"METADATA asks for {line}, pyproject.toml does not"


def content_problems(built: Built, expected: Mapping[str, bytes], made: set[str]) -> Iterator[str]:
    """Files too many, too few or changed, beside those that the build itself ``made``."""
    for name in sorted(set(built.files) - set(expected) - made):
        yield f"{name} does not belong there: no committed file of the package is its source"
    for name in sorted((set(expected) | made) - set(built.files)):
        yield f"{name} is missing"
    for name in sorted(set(expected) & set(built.files)):
        if expected[name] != built.files[name]:
            yield f"{name} is not what the checkout has: build again"


def record_problems(built: Built, record: str) -> Iterator[str]:
    """RECORD has to name every file with its size and hash, itself without."""
    rows = csv.reader(io.StringIO(built.files[record].decode()))
    listed = {name: (digest, size) for name, digest, size in rows}
    actual = {record: ("", "")}
    for name, data in built.files.items():
        if name != record:
            digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).decode().rstrip("=")
            actual[name] = (f"sha256={digest}", str(len(data)))
    for name in sorted(set(listed) | set(actual)):
        if listed.get(name) != actual.get(name):
            yield f"RECORD has {listed.get(name)} of {name}, the file {actual.get(name)}"


def wheel_problems(wheel: Built, source: Source) -> Iterator[str]:
    """What is wrong with one wheel."""
    info = f"{source.stem}.dist-info"
    parts = ("METADATA", "RECORD", "WHEEL", "entry_points.txt")
    sources = {n.removeprefix("src/"): d for n, d in source.files.items() if n.startswith("src/")}
    expected = sources | {f"{info}/licenses/LICENSE": source.files["LICENSE"]}
    yield from content_problems(wheel, expected, {f"{info}/{part}" for part in parts})
    if all(f"{info}/{part}" in wheel.files for part in parts):
        yield from metadata_problems(wheel.files[f"{info}/METADATA"], source)
        yield from record_problems(wheel, f"{info}/RECORD")
        if b"Root-Is-Purelib: true\nTag: py3-none-any\n" not in wheel.files[f"{info}/WHEEL"]:
            yield "WHEEL must say Root-Is-Purelib: true and Tag: py3-none-any: one for all systems"
        commands = [f"{name} = {where}" for name, where in source.project["scripts"].items()]
        wanted = "\n".join(["[console_scripts]", *commands, ""])
        if wheel.files[f"{info}/entry_points.txt"].decode() != wanted:
            yield f"entry_points.txt must be {wanted!r}"
    if (size := wheel.path.stat().st_size) > MAX_WHEEL_BYTES:
        yield f"must be at most {MAX_WHEEL_BYTES / 1e6:g} MB, got {size:,} bytes"
    if (size := weights_bytes(wheel)) > MAX_WEIGHTS_BYTES:
        yield f"weights must be at most {MAX_WEIGHTS_BYTES / 1e6:g} MB a wheel, got {size:,} bytes"


def weights_bytes(wheel: Built) -> int:
    """Bytes of weights in a wheel."""
    return sum(len(d) for name, d in wheel.files.items() if name.endswith(".safetensors"))


def sdist_problems(sdist: Built, wheel: Built, source: Source) -> Iterator[str]:
    """What is wrong with one sdist, the wheel beside it being right."""
    expected = {f"{source.stem}/{name}": data for name, data in source.files.items()}
    made = {f"{source.stem}/PKG-INFO", f"{source.stem}/.gitignore"}
    yield from content_problems(sdist, expected, made)
    metadata = wheel.files.get(f"{source.stem}.dist-info/METADATA")
    if sdist.files.get(f"{source.stem}/PKG-INFO") != metadata:
        yield "PKG-INFO must be the wheel's METADATA"
    if not any(name.startswith("tests/test_") for name in source.files):
        yield "an sdist has its package's tests"


def release_problems(source: Source, tag: str) -> Iterator[str]:
    """What may wait until a release: the tag's version, an address, links for the index's page."""
    if tag != f"v{source.project['version']}":
        yield f"the tag must be v{source.project['version']}, got {tag}"
    if not source.project.get("urls"):
        yield "[project.urls] must name the repository and the documentation"
    links = re.findall(r"\]\(([^)]+)\)|src=\"([^\"]+)\"", source.files["README.md"].decode())
    for link in (one or other for one, other in links):
        if not re.match("https://|#", link):
            yield f"README.md: the link {link} leads nowhere from the index's page: make it https"


def problems(folder: Path, sources: Mapping[str, Source], tag: str = "") -> Iterator[str]:
    """What is wrong with the built files of all packages, each line with the file's name."""
    wheels: dict[str, Built] = {}
    for package, source in sources.items():
        names = [f"{source.stem}-py3-none-any.whl", f"{source.stem}.tar.gz"]
        found = sorted(path.name for path in (folder / package).glob("*"))
        if found != sorted(names):
            yield f"{folder / package} must hold {names}, got {found}"
            continue
        path, sdist = (folder / package / name for name in names)
        wheel = wheels[package] = read_wheel(path)
        print(
            f"{path.name}: {path.stat().st_size / 1e6:.2f} MB (at most {MAX_WHEEL_BYTES / 1e6:g}), "
            f"{len(wheel.files)} files, {weights_bytes(wheel) / 1e6:.2f} MB of weights "
            f"(at most {MAX_WEIGHTS_BYTES / 1e6:g})"
        )
        yield from (f"{path.name}: {line}" for line in wheel_problems(wheel, source))
        lines = sdist_problems(read_sdist(sdist), wheel, source)
        yield from (f"{sdist.name}: {line}" for line in lines)
        if tag:
            yield from (f"{package}: {line}" for line in release_problems(source, tag))
    for (one, first), (other, second) in combinations(wheels.items(), 2):
        for name in sorted(set(first.files) & set(second.files)):
            yield f"{one} and {other} both install {name}"


def main(folder: str, tag: str = "") -> int:
    """Exit code of the look into a folder of built files: 1 if anything is wrong."""
    homes = sorted(path.parent for path in ROOT.glob("packages/*/pyproject.toml"))
    found = list(problems(Path(folder), {home.name: committed(home) for home in homes}, tag))
    print("\n".join(found) or "all built files are right")
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
