"""Open built pages in headless Chromium and report what a reader would see broken.

`python tests/browser.py FOLDER...` opens every page below the folders, wide and narrow, and fails
on an image that does not load, an error in the console, a page wider than its window, an empty
page. Of each folder's `index.html` it leaves screenshots, light and dark, in `results/browser`.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import tempfile
from html import escape, unescape
from pathlib import Path

__all__ = ["main", "problems", "screenshot"]

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
WIDTHS_PX = (1400, 390)
THEMES = {"dark": 0, "light": 1}
# what Sphinx writes for itself
SKIPPED = ("_static", "_sources", "_modules")
CONSOLE = re.compile(r'CONSOLE[:(]\d+\)?\] "(.*)", source: ')
PROBE = """<script>window.addEventListener("load", () => {
  for (const image of document.images) image.loading = "eager";
  setTimeout(() => {
    const images = [...document.images];
    const broken = images.filter(i => !i.naturalWidth).map(i => i.getAttribute("src").slice(0, 80));
    const extra = document.documentElement.scrollWidth - window.innerWidth;
    const letters = document.body.innerText.trim().length;
    parent.postMessage(JSON.stringify({broken, extra, letters}), "*");
  }, 500);
});</script>"""
# a window cannot be as narrow as a telephone's, a frame can
FRAME = """<!DOCTYPE html><body style="margin: 0"><script>
addEventListener("message", m => document.body.setAttribute("data-probe", m.data));
</script><iframe src="{source}" width="{width}" height="{height}" style="border: 0"></iframe>"""


def browser() -> str:
    """Path of a Chromium.

    Raises:
        SystemExit: If there is none, with the line that installs it.
    """
    for name in NAMES:
        if found := shutil.which(name):
            return found
    raise SystemExit("no Chromium found: apt-get install chromium")


def opened(source: Path, width_px: int, height_px: int, *options: str) -> tuple[str, str]:
    """Open a page in a frame; what the browser printed, and what it said on standard error."""
    with tempfile.TemporaryDirectory() as folder:
        frame = Path(folder) / "frame.html"
        uri = escape(source.resolve().as_uri())
        frame.write_text(FRAME.format(source=uri, width=width_px, height=height_px))
        plain = ["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"]
        window = [f"--user-data-dir={folder}", f"--window-size={max(width_px, 500)},{height_px}"]
        line = [browser(), *plain, *window, *options, frame.as_uri()]
        done = subprocess.run(line, capture_output=True, text=True, timeout=120, check=True)
    return done.stdout, done.stderr


def problems(page: Path, width_px: int) -> list[str]:
    """What is wrong with one page at one width; empty if nothing is."""
    probe = page.with_name(f".probe-{page.name}")
    text = page.read_text(encoding="utf-8")
    # reports forbid scripts; only the probe's own may run, the rest of their policy stays
    text = text.replace("default-src 'none'", "default-src 'none'; script-src 'unsafe-inline'")
    probe.write_text(text + PROBE, encoding="utf-8")
    told = ("--virtual-time-budget=5000", "--enable-logging=stderr", "--dump-dom")
    try:
        dom, log = opened(probe, width_px, 900, *told)
    finally:
        probe.unlink()
    found = [f"console: {message}" for message in CONSOLE.findall(log)]
    match = re.search(r'data-probe="([^"]*)"', dom)
    if match is None:
        return [*found, "the page did not finish loading"]
    seen = json.loads(unescape(match[1]))
    found += [f"image does not load: {source}" for source in seen["broken"]]
    if seen["extra"] > 0:
        found.append(f"{seen['extra']} px wider than its window")
    if seen["letters"] < 100:
        found.append(f"only {seen['letters']} letters of text")
    return found


def screenshot(page: Path, picture: Path, width_px: int, theme: str, height_px: int = 4000) -> None:
    """Save the top of a page as a PNG."""
    picture.parent.mkdir(parents=True, exist_ok=True)
    scheme = f"--blink-settings=preferredColorScheme={THEMES[theme]}"
    opened(page, width_px, height_px, scheme, f"--screenshot={picture.resolve()}")


def main(folders: list[str]) -> int:
    """Check every page and print one line for each; 1 if anything is wrong."""
    browser()
    missing = [folder for folder in folders if not (Path(folder) / "index.html").exists()]
    for folder in missing:
        print(f"{folder}/index.html is not there: build it first")
    wrong = len(missing)
    for folder in map(Path, folders):
        pages = [p for p in sorted(folder.rglob("*.html")) if not {*SKIPPED} & {*p.parts}]
        for page in pages:
            for width_px in WIDTHS_PX:
                found = problems(page, width_px)
                print(f"{page} at {width_px} px: {'; '.join(found) or 'ok'}", flush=True)
                wrong += len(found)
                for theme in THEMES if page == folder / "index.html" else ():
                    name = f"{folder.name}_{width_px}_{theme}.png"
                    screenshot(page, Path("results", "browser", name), width_px, theme)
    return 1 if wrong else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
