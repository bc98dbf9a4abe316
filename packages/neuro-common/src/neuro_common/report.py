"""Results that can be mailed: one self-contained page per run, and one for a whole tree of them."""

import base64
import csv
import math
import os
import struct
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from typing import Any, Self

from neuro_common.extras import require
from neuro_common.files import FormatError, atomic_path, read_json, write_json
from neuro_common.runs import read_provenance

__all__ = ["Report", "write_index"]

_FORMAT = "neuro-common/report"
_DECIMALS = 4
_ROWS_LOGGED = 100
_MEDIA = {
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".gif": "image/gif",
}


class Report:
    """The page of one run: blocks in reading order, written as ``report.json`` and ``report.html``.

    >>> report = Report("results/first", "Two controllers on twenty unseen ensembles")
    >>> columns = {"controller": ["none", "linear"], "residual": [1.0, 0.021]}
    >>> report.text("Both see the mean field.").table(columns, "What is left of it").write().name
    'report.html'
    """

    def __init__(self, directory: str | os.PathLike[str], title: str) -> None:
        """Begin an empty page.

        Args:
            directory: Run directory; every figure must be below it.
            title: Title of the page.

        Raises:
            ValueError: The title is empty.
        """
        if not title.strip():
            raise ValueError("title must say what the report is about, got an empty one")
        self.directory = Path(directory)
        self.title = title
        self._blocks: list[dict[str, Any]] = []

    def text(self, paragraph: str) -> Self:
        """Add a paragraph of plain text."""
        return self._add(kind="text", text=paragraph)

    def table(self, columns: Mapping[str, Sequence[Any]], caption: str) -> Self:
        """Add a table.

        Args:
            columns: Heading to cells, all of one length. Numbers are shown with four significant
                digits; ``report.json`` keeps them whole.
            caption: What the table shows, in a sentence.

        Raises:
            ValueError: There is no column, or the columns differ in length.
        """
        cells = {name: [_cell(value) for value in values] for name, values in columns.items()}
        lengths = {name: len(values) for name, values in cells.items()}
        if len(set(lengths.values())) != 1:
            raise ValueError(f"columns must all have one length, got {lengths or 'no column'}")
        return self._add(kind="table", columns=cells, caption=caption)

    def figure(self, path: str | os.PathLike[str], caption: str) -> Self:
        """Add a figure.

        Args:
            path: PNG, SVG, JPEG or GIF file below the report's directory; it must exist.
            caption: What the figure shows, in a sentence; also read out to who cannot see it.

        Raises:
            FileNotFoundError: There is no such file.
            ValueError: The file is of another kind, or outside the report's directory.
        """
        file, root = Path(path).resolve(), self.directory.resolve()
        if not file.is_file():
            raise FileNotFoundError(f"the figure must exist before it is added, got {path}")
        if file.suffix.lower() not in _MEDIA:
            raise ValueError(f"a figure must be one of {', '.join(_MEDIA)}, got {path}")
        if not file.is_relative_to(root):
            raise ValueError(f"a figure must be below {self.directory}, got {path}")
        return self._add(kind="figure", path=file.relative_to(root).as_posix(), caption=caption)

    def figures(self, captions: Mapping[Path, str]) -> Self:
        """Add figures by path, each with its caption, in the order they have; see ``figure``."""
        for path, caption in captions.items():
            self.figure(path, caption)
        return self

    def command(self, line: str) -> Self:
        """Add a command line, to be copied."""
        return self._add(kind="command", line=line)

    def write(self) -> Path:
        """Write ``report.json`` and ``report.html``; returns the path of the page."""
        blocks = {"title": self.title, "blocks": self._blocks}
        write_json(self.directory / "report.json", blocks, _FORMAT)
        section = _read_section(self.directory, anchor="report")
        return _write_page(self.directory / "report.html", self.title, [section])

    def _add(self, **block: Any) -> Self:
        self._blocks.append(block)
        return self


@dataclass
class _Section:
    anchor: str
    title: str
    blocks: list[dict[str, Any]]
    facts: dict[str, str]
    command: str = ""
    folder: str = ""


def write_index(directory: str | os.PathLike[str], title: str) -> Path:
    """Write ``index.html``, one page with all that was reported at or below a directory.

    A finished run without a report of its own is shown with its command and what it logged.

    Args:
        directory: Where to look for ``report.json``, and where the page goes.
        title: Title of the page.

    Returns:
        The path of the page.

    Raises:
        FileNotFoundError: There is no report.
        FormatError: A report is torn, foreign or of a newer version, or a figure of it is gone.
    """
    root = Path(directory)
    reported = {file.parent for file in root.rglob("report.json") if file.is_file()}
    if not reported:
        raise FileNotFoundError(
            f"{root} must have a report.json at or below it, got none: run a verb that writes a "
            "report first"
        )
    sections: list[_Section] = []
    for folder in sorted(reported | {file.parent for file in root.rglob("done")}):
        anchor = f"report-{len(sections) + 1}"
        read = _read_section if folder in reported else _section_of_run
        section = read(folder, anchor)
        if section is not None:
            section.folder = folder.relative_to(root).as_posix().removeprefix(".")
            sections.append(section)
    return _write_page(root / "index.html", title, sections)


def _section_of_run(directory: Path, anchor: str) -> _Section | None:
    """A finished run without a report; None if another program made it."""
    try:
        facts = _facts(directory)
    except FormatError:
        return None
    command = facts.pop("Command", "")
    if not command:
        return None
    package, *words = command.split()
    verb = " ".join(takewhile(lambda word: "=" not in word, words))
    drawn = [path.relative_to(directory) for path in sorted(directory.glob("figures/*.png"))]
    figures = [{"kind": "figure", "path": str(path), "caption": path.stem} for path in drawn]
    blocks = [*_logged(directory), *(_prepare(figure, directory) for figure in figures)]
    return _Section(anchor, f"{package}: {verb}", blocks, facts, command)


def _logged(directory: Path) -> list[dict[str, Any]]:
    """The table of what a run logged, if it is a short one and no learning curve."""
    try:
        text = (directory / "metrics.csv").read_text(encoding="utf-8")
        heads, *rows = csv.reader(text.splitlines())
        columns = dict(zip(heads, zip(*rows, strict=True), strict=True))
    except (OSError, ValueError, csv.Error):
        return []
    columns.pop("step", None)
    if not 1 <= len(rows) <= _ROWS_LOGGED:
        return []
    if len(rows) == 1:
        values = [cells[0] for cells in columns.values()]
        columns = {"measure": tuple(columns), "value": tuple(values)}
    cells = {name: [_cell(_number(cell)) for cell in cells] for name, cells in columns.items()}
    block = {"kind": "table", "columns": cells, "caption": "What was logged, from metrics.csv."}
    return [_prepare(block, directory)]


def _number(text: str) -> int | float | str:
    for kind in (int, float):
        with suppress(ValueError):
            return kind(text)
    return text


def _read_section(directory: Path, anchor: str) -> _Section:
    data, facts = read_json(directory / "report.json", _FORMAT), _facts(directory)
    try:
        blocks = [_prepare(block, directory) for block in data["blocks"]]
        command = facts.pop("Command", "")
        return _Section(anchor, str(data["title"]), blocks, facts, command)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise FormatError(
            f"{directory / 'report.json'} must hold a title and blocks, got something else "
            f"({error!r}): write the report again"
        ) from None


def _prepare(block: Mapping[str, Any], directory: Path) -> dict[str, Any]:
    """A block as the template shows it: figures inlined, tables as rows of cells."""
    if block["kind"] == "figure":
        media, data = _read_figure(block["path"], directory)
        source = f"data:{media};base64,{base64.b64encode(data).decode()}"
        return {**block, "source": source, "width_in": _width_in(data)}
    if block["kind"] == "table":
        columns = block["columns"]
        numeric = [_is_numeric(cells) for cells in columns.values()]
        rows = zip(*(_shown(cells) for cells in columns.values()), strict=True)
        return {
            **block,
            "heads": list(zip(columns, numeric, strict=True)),
            "rows": [list(zip(row, numeric, strict=True)) for row in rows],
        }
    return dict(block)


def _read_figure(path: str, directory: Path) -> tuple[str, bytes]:
    file = directory / path
    media = _MEDIA.get(file.suffix.lower())
    if media is None or not file.resolve().is_relative_to(directory.resolve()):
        raise FormatError(f"{directory} must have its figures below it, got {path}")
    try:
        return media, file.read_bytes()
    except FileNotFoundError:
        raise FormatError(
            f"{file} must exist, because a report shows it: make the figure again"
        ) from None


def _width_in(data: bytes) -> float | None:
    """Width in inches that a PNG was drawn for, which is how large its letters are; else None."""
    head, _, density = data[:4096].partition(b"pHYs")
    if not (head.startswith(b"\x89PNG") and len(density) >= 9 and density[8] == 1):
        return None
    pixels, per_metre = struct.unpack(">I", head[16:20])[0], struct.unpack(">I", density[:4])[0]
    return round(pixels / per_metre / 0.0254, 2) if per_metre else None


def _cell(value: Any) -> Any:
    """A table's cell as JSON can hold it; NaN, which it cannot, is a value that is missing."""
    plain = value.tolist() if hasattr(value, "tolist") else value
    if plain is None or isinstance(plain, bool | int | str):
        return plain
    if isinstance(plain, float):
        return plain if math.isfinite(plain) else None if math.isnan(plain) else str(plain)
    return str(plain)


def _is_numeric(cells: Sequence[Any]) -> bool:
    return all(
        cell is None or cell in ("inf", "-inf") or _is_number(cell) for cell in cells
    ) and any(map(_is_number, cells))


def _is_number(cell: Any) -> bool:
    return isinstance(cell, int | float) and not isinstance(cell, bool)


def _shown(cells: Sequence[Any]) -> list[str]:
    """Cells as text: numbers to four digits, and with one number of decimals where that is few."""
    short = [f"{cell:.4g}" for cell in cells if isinstance(cell, float)]
    decimals = max((len(text.partition(".")[2]) for text in short), default=0)
    aligned = decimals <= _DECIMALS and not any("e" in text for text in short)
    form = f".{decimals}f" if aligned else ".4g"

    def text(cell: Any) -> str:
        if cell is None:
            return "\N{EN DASH}"
        if isinstance(cell, bool):
            return "yes" if cell else "no"
        number = format(cell, form) if isinstance(cell, float) else str(cell)
        return number.replace("-", "\N{MINUS SIGN}") if _is_number(cell) else number

    return [text(cell) for cell in cells]


def _facts(directory: Path) -> dict[str, str]:
    """What the footer tells of a run's provenance, by name; nothing where there is none."""
    try:
        record = read_provenance(directory)
    except FileNotFoundError:
        return {}
    git, versions = record.get("git") or {}, record.get("versions") or {}
    for name, value in (("git", git), ("versions", versions)):
        if not isinstance(value, dict):
            raise FormatError(
                f"{directory / 'provenance.json'} must be as a run wrote it, got {name} {value!r}: "
                "restore it from a copy, or delete it"
            )
    revision = str(git.get("revision") or "")[:12] + (", edited since" if git.get("dirty") else "")
    facts = {
        "Command": record.get("command"),
        "Seed": record.get("seed"),
        "Revision": revision,
        "Versions": ", ".join(f"{name} {number}" for name, number in versions.items()),
        "Python": record.get("python"),
        "Machine": ", ".join(str(record[key]) for key in ("cpu", "platform") if record.get(key)),
        "Device": record.get("device"),
        "Start": record.get("start"),
    }
    return {name: str(fact) for name, fact in facts.items() if fact not in (None, "")}


def _take_shared(sections: Sequence[_Section]) -> dict[str, str]:
    """Take out of the sections what is true of all their runs, to be told once."""
    first, *others = [section.facts for section in sections if section.facts] or [{}]
    shared = {
        name: fact
        for name, fact in first.items()
        if others and all(other.get(name) == fact for other in others)
    }
    for section in sections:
        section.facts = {n: fact for n, fact in section.facts.items() if n not in shared}
    return shared


def _write_page(path: Path, title: str, sections: Sequence[_Section]) -> Path:
    jinja2 = require("jinja2", "report")
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("neuro_common", "templates"),
        undefined=jinja2.StrictUndefined,
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    shared = _take_shared(sections)
    template = environment.get_template("report.html.j2")
    page = template.render(title=title, sections=sections, shared=shared)
    with atomic_path(path) as temporary:
        temporary.write_text(page, encoding="utf-8")
    return path
