"""What the look into built files finds: a small package packed by hand, then spoilt."""

from __future__ import annotations

import base64
import hashlib
import importlib.util
import io
import sys
import tarfile
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[1]
SPEC = importlib.util.spec_from_file_location("distributions", ROOT / "tests/distributions.py")
assert SPEC is not None
assert SPEC.loader is not None
distributions = importlib.util.module_from_spec(SPEC)
sys.modules[SPEC.name] = distributions  # its dataclasses look there for their annotations
SPEC.loader.exec_module(distributions)

TOP = "toy_net-0.1.0"
INFO = f"{TOP}.dist-info"
PROJECT: dict[str, Any] = {
    "name": "toy-net",
    "version": "0.1.0",
    "description": "A toy",
    "requires-python": ">=3.11",
    "license": "MIT",
    "license-files": ["LICENSE"],
    "classifiers": ["Typing :: Typed"],
    "keywords": ["toys"],
    "dependencies": ["numpy>=2.0"],
    "optional-dependencies": {
        "all": ["tqdm>=4", "toy-net[old]"],
        "old": ["opensim>=4.6; python_version < '3.12'"],
    },
    "scripts": {"toy-net": "toy_net.cli:main"},
}
METADATA = """Metadata-Version: 2.4
Name: toy-net
Version: 0.1.0
Summary: A toy
License-Expression: MIT
License-File: LICENSE
Keywords: toys
Classifier: Typing :: Typed
Requires-Python: >=3.11
Requires-Dist: numpy>=2.0
Provides-Extra: all
Requires-Dist: opensim>=4.6; (python_version < '3.12') and extra == 'all'
Requires-Dist: tqdm>=4; extra == 'all'
Provides-Extra: old
Requires-Dist: opensim>=4.6; (python_version < '3.12') and extra == 'old'
Description-Content-Type: text/markdown

# Toy
See [the page](../docs/toy.md), [below](#use) and <img src="toy.png">.
"""
SOURCES = {
    "LICENSE": b"MIT",
    "README.md": METADATA.partition("\n\n")[2].encode(),
    "src/toy_net/__init__.py": b'"""A toy."""\n',
    "src/toy_net/conf/train.yaml": b"seed: 0\n",
    "src/toy_net/pretrained/weights.safetensors": b"\1\2",
    "src/toy_net/py.typed": b"",
    "tests/test_toy.py": b"",
}
IN_WHEEL = {name.removeprefix("src/"): d for name, d in SOURCES.items() if name[:4] == "src/"} | {
    f"{INFO}/METADATA": METADATA.encode(),
    f"{INFO}/WHEEL": b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    f"{INFO}/entry_points.txt": b"[console_scripts]\ntoy-net = toy_net.cli:main\n",
    f"{INFO}/licenses/LICENSE": b"MIT",
}
IN_SDIST = {f"{TOP}/{name}": data for name, data in SOURCES.items()} | {
    f"{TOP}/.gitignore": b"",
    f"{TOP}/PKG-INFO": METADATA.encode(),
}


def record(files: dict[str, bytes]) -> bytes:
    """A RECORD of these files, from the specification of wheels."""
    rows = [f"{INFO}/RECORD,,"]
    for name, data in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
        rows.append(f"{name},sha256={digest},{len(data)}")
    return "\n".join(rows).encode()


def write(folder: Path, wheel: dict[str, bytes], sdist: dict[str, bytes]) -> None:
    """Pack both files of the toy; the wheel gets a RECORD where it has none."""
    folder.mkdir(parents=True)
    with zipfile.ZipFile(folder / f"{TOP}-py3-none-any.whl", "w") as archive:
        for name, data in ({f"{INFO}/RECORD": record(wheel)} | wheel).items():
            archive.writestr(name, data)
    with tarfile.open(folder / f"{TOP}.tar.gz", "w:gz") as archive:
        for name, data in sdist.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))


def source(**changes: Any) -> Any:
    return distributions.Source(PROJECT | changes, SOURCES)


def look(folder: Path, package: Any = None, tag: str = "") -> list[str]:
    return list(distributions.problems(folder, {"toy-net": package or source()}, tag))


def without(files: dict[str, bytes], names: Iterable[str]) -> dict[str, bytes]:
    return {name: data for name, data in files.items() if name not in names}


def test_a_package_as_it_should_be(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(tmp_path / "toy-net", IN_WHEEL, IN_SDIST)
    assert look(tmp_path) == []
    assert "9 files, 0.00 MB of weights (at most 5)" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"tests/test_toy.py": b""}, "tests/test_toy.py does not belong there"),
        ({"toy_net/__pycache__/a.pyc": b""}, "toy_net/__pycache__/a.pyc does not belong there"),
        ({"toy_net/py.typed": None}, "toy_net/py.typed is missing"),
        ({"toy_net/conf/train.yaml": None}, "toy_net/conf/train.yaml is missing"),
        ({"toy_net/conf/train.yaml": b"seed: 1"}, "train.yaml is not what the checkout has"),
        ({f"{INFO}/licenses/LICENSE": None}, "licenses/LICENSE is missing"),
        ({f"{INFO}/WHEEL": b"Tag: cp311-cp311-linux\n"}, "WHEEL must say Root-Is-Purelib: true"),
        ({f"{INFO}/entry_points.txt": b""}, "entry_points.txt must be '[console_scripts]"),
        ({f"{INFO}/RECORD": record({})}, "RECORD has None of toy_net/py.typed, the file ('sha256="),
        ({f"{INFO}/METADATA": b"Name: toy-net\n"}, "METADATA: 'version' is a required field"),
    ],
)
def test_a_spoilt_wheel(tmp_path: Path, change: dict[str, bytes | None], message: str) -> None:
    gone = [name for name, data in change.items() if data is None]
    added = {name: data for name, data in change.items() if data is not None}
    write(tmp_path / "toy-net", without(IN_WHEEL, gone) | added, IN_SDIST)
    found = look(tmp_path)
    assert any(line.startswith(f"{TOP}-py3-none-any.whl: ") and message in line for line in found)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"version": "0.1.0rc1"}, "must hold ['toy_net-0.1.0rc1-py3-none-any.whl'"),
        ({"requires-python": ">=3.12"}, "requires_python must be '>=3.12', got '>=3.11'"),
        ({"license": "BSD-3-Clause"}, "license_expression must be 'BSD-3-Clause', got 'MIT'"),
        ({"classifiers": []}, "classifiers must be [], got ['Typing :: Typed']"),
        ({"urls": {"Home": "https://a.b"}}, "project_urls must be {'Home': 'https://a.b'}"),
        ({"dependencies": []}, "METADATA asks for numpy>=2.0, pyproject.toml does not"),
        ({"dependencies": ["numpy", "scipy"]}, "METADATA does not ask for scipy"),
        ({"optional-dependencies": {}}, "provides_extra must be [], got ['all', 'old']"),
    ],
)
def test_metadata_are_those_of_the_source(
    tmp_path: Path, change: dict[str, Any], message: str
) -> None:
    write(tmp_path / "toy-net", IN_WHEEL, IN_SDIST)
    assert any(message in line for line in look(tmp_path, source(**change)))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ([f"{TOP}/tests/test_toy.py"], f"{TOP}/tests/test_toy.py is missing"),
        ([f"{TOP}/README.md"], f"{TOP}/README.md is missing"),
        ([f"{TOP}/PKG-INFO"], "PKG-INFO must be the wheel's METADATA"),
    ],
)
def test_a_spoilt_sdist(tmp_path: Path, change: list[str], message: str) -> None:
    write(tmp_path / "toy-net", IN_WHEEL, without(IN_SDIST, change))
    assert f"{TOP}.tar.gz: {message}" in look(tmp_path)


def test_sizes_have_limits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "toy-net", IN_WHEEL, IN_SDIST)
    monkeypatch.setattr(distributions, "MAX_WEIGHTS_BYTES", 1)
    monkeypatch.setattr(distributions, "MAX_WHEEL_BYTES", 1000)
    size = (tmp_path / f"toy-net/{TOP}-py3-none-any.whl").stat().st_size
    heavy, large = sorted(line.partition(": ")[2] for line in look(tmp_path))[::-1]
    assert heavy == "weights must be at most 1e-06 MB a wheel, got 2 bytes"
    assert large == f"must be at most 0.001 MB, got {size:,} bytes"


def test_two_wheels_share_no_file(tmp_path: Path) -> None:
    for package in ("toy-net", "other"):
        write(tmp_path / package, IN_WHEEL, IN_SDIST)
    found = list(distributions.problems(tmp_path, {"toy-net": source(), "other": source()}))
    assert "toy-net and other both install toy_net/py.typed" in found
    assert len(found) == len(IN_WHEEL) + 1


def test_a_release_asks_for_more(tmp_path: Path) -> None:
    write(tmp_path / "toy-net", IN_WHEEL, IN_SDIST)
    leads = "leads nowhere from the index's page: make it https"
    assert look(tmp_path, tag="v0.2.0") == [
        "toy-net: the tag must be v0.1.0, got v0.2.0",
        "toy-net: [project.urls] must name the repository and the documentation",
        f"toy-net: README.md: the link ../docs/toy.md {leads}",
        f"toy-net: README.md: the link toy.png {leads}",
    ]


def test_committed_files_are_those_that_git_lists() -> None:
    found = distributions.committed(ROOT / "packages" / "neuro-common")
    assert found.stem == f"neuro_common-{found.project['version']}"
    assert {"LICENSE", "README.md", "src/neuro_common/py.typed"} <= set(found.files)
    assert not any("__pycache__" in name for name in found.files)


def test_every_package_is_published_from_an_environment_of_its_own() -> None:
    text = (ROOT / ".github/workflows/release.yml").read_text(encoding="utf-8")
    publish = yaml.safe_load(text)["jobs"]["publish"]
    packages = publish["strategy"]["matrix"]["package"]
    assert packages[0] == "neuro-common"
    assert sorted(packages) == sorted(
        path.parent.name for path in ROOT.glob("packages/*/pyproject.toml")
    )
    assert publish["environment"] == "pypi-${{ matrix.package }}"
    assert publish["permissions"] == {"id-token": "write"}
    assert text.count("id-token") == 1
    assert "secrets." not in text
