"""The demo page shows every package whole, and needs nothing but itself.

`python tests/demo_page.py results/demo/index.html COMMAND...` fails on a source that is missing or
lies elsewhere, on a command that the page does not show, and on a package of these commands
without a figure or a table.
"""

import base64
import binascii
import re
import shlex
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

__all__ = ["Page", "Section", "main", "problems"]

REFERRING = ("src", "href", "srcset", "poster", "data", "action")
IN_STYLE = re.compile(r"url\(\s*['\"]?([^'\")]*)|@import\s+['\"]([^'\"]*)")
BEGINNINGS = {
    "image/png": b"\x89PNG\r\n",
    "image/jpeg": b"\xff\xd8",
    "image/gif": b"GIF8",
    "image/svg+xml": b"<",
}


@dataclass
class Section:
    """What one report on the page shows."""

    figures: int = 0
    tables: int = 0
    commands: list[str] = field(default_factory=list)


class Page(HTMLParser):
    """The reports of a page, its anchors, and whatever it refers to."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.sections: list[Section] = []
        self.anchors: set[str] = set()
        self.sources: list[str] = []
        self._within = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.sources += [given[name] for name in REFERRING if name in given]
        self._style(given.get("style", ""))
        if "id" in given:
            self.anchors.add(given["id"])
        if tag in ("style", "pre"):
            self._within = tag
        if tag == "section":
            self.sections.append(Section())
        if not self.sections:
            return
        self.sections[-1].figures += tag == "img"
        self.sections[-1].tables += tag == "table"
        if tag == "pre":
            self.sections[-1].commands.append("")

    def handle_endtag(self, tag: str) -> None:
        if tag == self._within:
            self._within = ""

    def handle_data(self, data: str) -> None:
        if self._within == "style":
            self._style(data)
        elif self._within == "pre" and self.sections:
            self.sections[-1].commands[-1] += data

    def _style(self, text: str) -> None:
        self.sources += ["".join(found) for found in IN_STYLE.findall(text)]


def problems(page: Path, commands: Sequence[str]) -> list[str]:
    """What is wrong with a page that should show these commands and what they made."""
    read = Page(page.read_text(encoding="utf-8"))
    found = [fault for source in read.sources if (fault := _fault(source, page, read.anchors))]
    wanted = {command: _words(command) for command in commands}
    shown = {_words(line) for section in read.sections for line in section.commands}
    found += [f"command not shown: {line}" for line, words in wanted.items() if words not in shown]
    for package in sorted({words[0] for words in wanted.values()}):
        own = [s for s in read.sections if any(_words(c)[:1] == (package,) for c in s.commands)]
        if not sum(section.figures for section in own):
            found.append(f"no figure of {package}")
        if not sum(section.tables for section in own):
            found.append(f"no table of {package}")
    return found


def _words(command: str) -> tuple[str, ...]:
    """A command without where its results went, which a page does not repeat."""
    return tuple(word for word in shlex.split(command) if not word.startswith("hydra."))


def _fault(source: str, page: Path, anchors: set[str]) -> str | None:
    """What is wrong with one thing that a page refers to."""
    short = source[:80]
    if source.startswith("data:"):
        head, _, content = source.removeprefix("data:").partition(",")
        media = head.removesuffix(";base64")
        try:
            data = base64.b64decode(content, validate=True)
        except binascii.Error:
            return f"data are torn: {short}"
        begins = data.lstrip().startswith(BEGINNINGS.get(media, b""))
        return None if begins else f"data are no {media}: {short}"
    if source.startswith("#"):
        return None if source[1:] in anchors else f"leads nowhere: {short}"
    if re.match(r"[a-zA-Z][\w+.-]*:|//", source):
        return f"lies elsewhere: {short}"
    file = page.parent / unquote(source.partition("#")[0])
    return None if file.exists() else f"is not there: {short}"


def main(words: Sequence[str]) -> int:
    """Check one page and print what is wrong; 1 if anything is."""
    page = Path(words[0])
    found = problems(page, words[1:])
    print(f"{page}:", "; ".join(found) or f"shows all of {len(words) - 1} commands")
    return 1 if found else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
