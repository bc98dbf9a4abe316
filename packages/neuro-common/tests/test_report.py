"""Reports: what is stored, and a page that is whole, safe and readable."""

import base64
import json
import math
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure

from neuro_common.files import FormatError
from neuro_common.report import Report, write_index

DASH, MINUS = "\N{EN DASH}", "\N{MINUS SIGN}"
PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJg"
    "gg=="
)


class Page(HTMLParser):
    """The tags of a page, the cells of its tables, and its text."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.cells: list[str] = []
        self.text = ""
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag in ("td", "th"):
            self.cells.append("")

    def handle_data(self, data: str) -> None:
        tag = self.tags[-1][0] if self.tags else ""
        if tag != "style":
            self.text += data
        if tag in ("td", "th"):
            self.cells[-1] += data.strip()

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


def write_report(directory: Path, title: str = "Nine controllers") -> Path:
    figure = directory / "figures" / "a.png"
    figure.parent.mkdir(parents=True, exist_ok=True)
    figure.write_bytes(PNG)
    return (
        Report(directory, title)
        .text("First <b>words</b>.")
        .table({"name": ["a", "b"], "residual": np.array([1.0, 0.0213])}, "What <it> gave")
        .figure(figure, 'The "mean" field')
        .command("rldbs-env evaluate 'signals=[x, y]'")
        .write()
    )


def test_json_holds_the_blocks_in_reading_order(tmp_path: Path) -> None:
    write_report(tmp_path)
    data = json.loads((tmp_path / "report.json").read_text())
    assert data["format"] == "neuro-common/report"
    assert data["title"] == "Nine controllers"
    assert data["blocks"] == [
        {"kind": "text", "text": "First <b>words</b>."},
        {
            "kind": "table",
            "columns": {"name": ["a", "b"], "residual": [1.0, 0.0213]},
            "caption": "What <it> gave",
        },
        {"kind": "figure", "path": "figures/a.png", "caption": 'The "mean" field'},
        {"kind": "command", "line": "rldbs-env evaluate 'signals=[x, y]'"},
    ]


def test_page_stands_alone(tmp_path: Path) -> None:
    page = Page(write_report(tmp_path))
    (image,) = page.all("img")
    assert image["src"] == "data:image/png;base64," + base64.b64encode(PNG).decode()
    assert not page.all("script")
    links = [a.get("src") or a.get("href") for _, a in page.tags if "src" in a or "href" in a]
    assert all(link is not None and link.startswith(("data:", "#")) for link in links)
    assert "url(" not in (tmp_path / "report.html").read_text()
    assert "@import" not in (tmp_path / "report.html").read_text()


def test_page_escapes_and_can_be_read_out(tmp_path: Path) -> None:
    page = Page(write_report(tmp_path))
    assert not page.all("it")
    for text in ("First <b>words</b>.", "What <it> gave", "'signals=[x, y]'", "Nine controllers"):
        assert text in page.text
    assert page.all("img")[0]["alt"] == 'The "mean" field'
    assert page.all("html")[0]["lang"] == "en"
    assert [attributes["scope"] for attributes in page.all("th")] == ["col", "col"]
    identifier = page.all("table")[0]["aria-labelledby"]
    assert identifier in [attributes.get("id") for attributes in page.all("figcaption")]


def test_numbers_are_aligned_and_gaps_are_dashes(tmp_path: Path) -> None:
    columns = {
        "few": [1.0, 0.0213],
        "wide": [123456.0, 1e-9],
        "gap": [math.nan, -2.5],
        "count": np.array([-3, 20]),
        "limit": [math.inf, 1.5],
        "flag": [True, False],
        "none": [None, "x-y"],
        "fine": [0.00123, 2.0],
    }
    Report(tmp_path, "t").table(columns, "c").write()
    page = Page(tmp_path / "report.html")
    assert page.cells[8:16] == [
        "1.0000",
        "1.235e+05",
        DASH,
        f"{MINUS}3",
        "inf",
        "yes",
        DASH,
        "0.00123",
    ]
    assert page.cells[16:] == [
        "0.0213",
        f"1e{MINUS}09",
        f"{MINUS}2.5",
        "20",
        "1.5",
        "no",
        "x-y",
        "2",
    ]
    numeric = [attributes.get("class") == "number" for attributes in page.all("th")]
    assert numeric == [True] * 5 + [False, False, True]


def test_page_tells_how_it_was_made(tmp_path: Path, begin: Any) -> None:
    assert not Page(write_report(tmp_path / "without")).all("footer")
    with begin(tmp_path / "with", command="toy train a=1", seed=17) as run:
        page = Page(write_report(run.directory))
    assert page.text.count("toy train a=1") == 1
    assert page.text.index("toy train a=1") < page.text.index("First <b>words</b>.")
    assert "17" in page.text
    assert np.__version__ in page.text


def test_index_gathers_every_report_below(tmp_path: Path) -> None:
    write_report(tmp_path / "b" / "deep", "Second <report>")
    write_report(tmp_path / "a", "First report")
    page = Page(write_index(tmp_path, "All of it"))
    assert [attributes["id"] for attributes in page.all("section")] == ["report-1", "report-2"]
    assert [attributes["href"] for attributes in page.all("a")] == ["#report-1", "#report-2"]
    assert page.text.index("First report") < page.text.index("Second <report>")
    assert len(page.all("img")) == 2
    assert page.text.count("All of it") == 2
    assert page.text.count("b/deep") == 2  # in the contents, and below the report itself
    identifiers = [a["id"] for _, a in page.tags if "id" in a]
    assert len(set(identifiers)) == len(identifiers)


def test_index_tells_once_what_all_runs_share(tmp_path: Path, begin: Any) -> None:
    for seed, name in enumerate(("a", "b")):
        with begin(tmp_path / name, seed=seed) as run:
            write_report(run.directory)
    text = Page(write_index(tmp_path, "All of it")).text
    assert text.count(f"numpy {np.__version__}") == 1
    assert text.count("toy train") == text.count("Seed") == text.count("Folder") == 2


def test_a_figure_is_shown_as_wide_as_it_was_drawn(tmp_path: Path) -> None:
    figure = Figure(figsize=(6.5, 2.0))
    for name in ("a.png", "a.svg"):
        figure.savefig(tmp_path / name, dpi=150)
    report = Report(tmp_path, "t").figures({tmp_path / "a.png": "one", tmp_path / "a.svg": "two"})
    drawn, scaled = Page(report.write()).all("img")
    assert drawn["style"] == "--inches: 6.5"
    assert "style" not in scaled
    assert (drawn["alt"], scaled["alt"]) == ("one", "two")


@pytest.fixture
def scored(begin: Any) -> Any:
    """Makes a run that is done, by its command and the rows of its table."""

    def score(directory: Path, command: str, rows: list[dict[str, object]]) -> None:
        with begin(directory, verb="score", command=command) as run:
            for step, row in enumerate(rows):
                run.log(step=step, **row)
            run.finish(None)

    return score


def test_index_shows_runs_without_a_report(tmp_path: Path, scored: Any) -> None:
    write_report(tmp_path / "c", "First report")
    scored(tmp_path / "a", "toy score deep 'x=<1 2>'", [{"r2": 0.25, "split": "easy"}])
    scored(tmp_path / "b", "toy score", [{"r2": 0.5, "n": 3}, {"r2": float("nan"), "n": -4}])
    scored(tmp_path / "curve", "toy train", [{"loss": 1 / (1 + i)} for i in range(101)])
    (tmp_path / "b" / "figures").mkdir()
    (tmp_path / "b" / "figures" / "stride.png").write_bytes(PNG)
    page = Page(write_index(tmp_path, "All of it"))
    titles = ("toy: score deep", "toy: score", "First report", "toy: train")
    assert [attributes["id"] for attributes in page.all("section")] == [
        f"report-{number}" for number in (1, 2, 3, 4)
    ]
    assert all(title in page.text for title in titles)
    assert "toy score deep 'x=<1 2>'" in page.text
    one = ["measure", "value", "r2", "0.25", "split", "easy"]
    two = ["r2", "n", "0.5", "3", DASH, f"{MINUS}4"]
    assert page.cells[:12] == one + two
    assert len(page.all("table")) == 3
    assert [image["alt"] for image in page.all("img")] == ["stride", 'The "mean" field']


@pytest.mark.parametrize("metrics", ["", "step,r2\n0", "step,r2\n0,1\n1", "\0", "\xff"])
def test_index_passes_over_what_is_no_table(tmp_path: Path, metrics: str, scored: Any) -> None:
    write_report(tmp_path / "c", "First report")
    scored(tmp_path / "a", "toy score", [])
    (tmp_path / "a" / "metrics.csv").write_bytes(metrics.encode("latin-1"))
    page = Page(write_index(tmp_path, "All of it"))
    assert "toy: score" in page.text
    assert len(page.all("table")) == 1


def test_index_passes_over_what_another_program_finished(tmp_path: Path) -> None:
    write_report(tmp_path / "c", "First report")
    for name, record in {"foreign": '{"created": 1}', "bare": None}.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "done").write_text("")
        if record is not None:
            (tmp_path / name / "provenance.json").write_text(record)
    assert len(Page(write_index(tmp_path, "All of it")).all("section")) == 1


def test_index_of_nothing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="at or below it, got none: run a verb"):
        write_index(tmp_path, "t")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"format": "neuro-common/rep', "must be a complete JSON file"),
        (
            '{"format": "neuro-common/report", "format_version": 9, "title": "t", "blocks": []}',
            "format_version <= 1, got 9",
        ),
        (
            '{"format": "neuro-common/report", "format_version": 1, "title": "t"}',
            "must hold a title and blocks, got something else",
        ),
        (
            '{"format": "neuro-common/report", "format_version": 1, "title": "t", "blocks": '
            '[{"kind": "figure", "path": "../secret.png", "caption": "c"}]}',
            "must have its figures below it, got ../secret.png",
        ),
        (
            '{"format": "neuro-common/report", "format_version": 1, "title": "t", "blocks": '
            '[{"kind": "figure", "path": "gone.png", "caption": "c"}]}',
            "gone.png must exist, because a report shows it",
        ),
    ],
)
def test_spoiled_report_is_refused(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "secret.png").write_bytes(PNG)
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "report.json").write_text(text)
    with pytest.raises(FormatError, match=message):
        write_index(tmp_path / "run", "t")
    assert not (tmp_path / "run" / "index.html").exists()


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        (
            "report.json",
            '{"created": 1, "tests": []}',
            'must have the format "neuro-common/report"',
        ),
        ("report.json", '{"format": "neuro-common/rep', "must be a complete JSON file"),
        ("provenance.json", '{"format": "neuro-', "provenance.json must be a complete JSON file"),
        ("provenance.json", {"format_version": 9}, "provenance.json must have format_version <= 1"),
        (
            "provenance.json",
            {"git": "abc"},
            r"provenance.json must be as a run wrote it, got git 'a",
        ),
        ("provenance.json", {"versions": [1]}, "got versions .1.: restore it from a copy"),
    ],
)
def test_index_stays_when_one_report_is_spoiled(
    tmp_path: Path, name: str, text: str | dict[str, object], message: str, begin: Any
) -> None:
    write_report(tmp_path / "good")
    index = write_index(tmp_path, "All of it")
    before = index.read_bytes()
    bad = tmp_path / "bad"
    with begin(bad) as run:
        write_report(run.directory, "Second report")
    file = bad / name
    spoiled = text if isinstance(text, str) else json.dumps(json.loads(file.read_text()) | text)
    file.write_text(spoiled)
    with pytest.raises(FormatError, match=message) as caught:
        write_index(tmp_path, "All of it")
    assert str(bad) in str(caught.value)
    assert index.read_bytes() == before
    assert file.read_text() == spoiled


def test_folder_that_is_called_like_a_report_is_none(tmp_path: Path) -> None:
    write_report(tmp_path / "good")
    (tmp_path / "other" / "report.json").mkdir(parents=True)
    assert len(Page(write_index(tmp_path, "All of it")).all("section")) == 1


def test_what_cannot_be_shown_is_refused(tmp_path: Path) -> None:
    report = Report(tmp_path / "run", "t")
    with pytest.raises(ValueError, match="title must say what the report is about, got an empty"):
        Report(tmp_path, " ")
    with pytest.raises(ValueError, match=r"one length, got {'a': 1, 'b': 2}"):
        report.table({"a": [1], "b": [1, 2]}, "c")
    with pytest.raises(ValueError, match="one length, got no column"):
        report.table({}, "c")
    with pytest.raises(FileNotFoundError, match="the figure must exist before it is added"):
        report.figure(tmp_path / "run" / "a.png", "c")
    (tmp_path / "a.png").write_bytes(PNG)
    (tmp_path / "a.pdf").write_bytes(b"")
    with pytest.raises(ValueError, match=r"a figure must be one of \.png.*got .*a\.pdf"):
        report.figure(tmp_path / "a.pdf", "c")
    with pytest.raises(ValueError, match=r"a figure must be below .*run, got .*a\.png"):
        report.figure(tmp_path / "a.png", "c")
