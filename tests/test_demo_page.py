"""The demo page's check, on a page that the report code makes of every package's command."""

import ast
import base64
import importlib.util
import re
import shlex
import shutil
from pathlib import Path
from typing import Any

import pytest

from neuro_common.report import Report, write_index
from neuro_common.runs import Run

ROOT = Path(__file__).parents[1]
SPEC = importlib.util.spec_from_file_location("demo_page", ROOT / "tests" / "demo_page.py")
assert SPEC is not None
assert SPEC.loader is not None
demo_page = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(demo_page)
PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJg"
    "gg=="
)


def demo_commands() -> list[str]:
    """The lines of the noxfile's demo, without running the noxfile."""
    tree = ast.parse((ROOT / "noxfile.py").read_text(encoding="utf-8"))
    wanted = [
        node
        for node in tree.body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) in ("FIGURES", "DEMO")
    ]
    names: dict[str, Any] = {}
    exec(compile(ast.Module(wanted, []), "noxfile.py", "exec"), names)
    return list(names["DEMO"])


*COMMANDS, LAST = demo_commands()


def write_reports(root: Path, commands: list[str]) -> None:
    """A small report for each command, where the command would have put it."""
    for line in commands:
        package, *rest = shlex.split(line)
        where = line.rpartition("results/demo/")[2]
        verb = [word for word in rest if not word.startswith("hydra.")]
        asked = {"distribution": package, "verb": rest[0], "seed": 0}
        command = shlex.join([package, *verb])
        with Run.open(root / where, config={}, command=command, **asked) as run:  # type: ignore[arg-type]
            figure = run.path("figures", "one.png")
            figure.write_bytes(PNG)
            report = Report(run.directory, f"{package}: {where}").figure(figure, "What it <did>")
            report.table({"name": ["a", "b"], "score": [1.0, 0.5]}, "How well").write()


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("results") / "demo"
    write_reports(root, COMMANDS)
    return write_index(root, "The demo")


@pytest.fixture
def page(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(made, tmp_path))


def change(page: Path, old: str, new: str) -> None:
    text = page.read_text(encoding="utf-8")
    assert re.search(old, text)
    page.write_text(re.sub(old, new, text), encoding="utf-8")


def test_the_demo_has_every_package_with_a_model() -> None:
    packages = {path.parent.name for path in ROOT.glob("packages/*/pyproject.toml")}
    assert {line.split()[0] for line in COMMANDS} == packages - {"neuro-common"}
    assert LAST.startswith("neuro-common report results/demo")


def test_page_of_all_packages_is_whole(page: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert demo_page.problems(page, COMMANDS) == []
    assert demo_page.main([str(page), *COMMANDS]) == 0
    assert f"shows all of {len(COMMANDS)} commands" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ('src="data:[^"]*"', 'src="plot.png"', "is not there: plot.png"),
        ('src="data:[^"]*"', 'src="data:image/png;base64,!"', "data are torn: data:image/png;"),
        ('src="data:[^"]*"', 'src="data:image/png;base64,SGVsbG8="', "data are no image/png: data"),
        ('src="data:[^"]*"', 'src="https://e.org/a.png"', "lies elsewhere: https://e.org/a.png"),
        ('src="data:[^"]*"', 'src="//e.org/a.png"', "lies elsewhere: //e.org/a.png"),
        ("<style>", "<style>a { background: url('http://e.org/b') }", "elsewhere: http://e.org/b"),
        ("<style>", "<style>@import 'c.css';", "is not there: c.css"),
        ('href="#report-2"', 'href="#gone"', "leads nowhere: #gone"),
        ("<img [^>]*>", "", "no figure of brainnn"),
        ("</?table[^>]*>", "", "no table of spinal-rnn"),
        ("rhythm-rnn reduced", "rhythm-rnn drive", "command not shown: rhythm-rnn reduced hydra."),
    ],
)
def test_what_a_page_lacks_is_named(
    page: Path, old: str, new: str, problem: str, capsys: pytest.CaptureFixture[str]
) -> None:
    change(page, old, new)
    found = demo_page.problems(page, COMMANDS)
    assert any(problem in fault for fault in found), found
    assert demo_page.main([str(page), *COMMANDS]) == 1
    assert problem in capsys.readouterr().out


def test_a_file_beside_the_page_is_there(page: Path) -> None:
    change(page, 'src="data:[^"]*"', 'src="a%20plot.png#top"')
    (page.parent / "a plot.png").write_bytes(PNG)
    assert demo_page.problems(page, COMMANDS) == []
