"""Open built pages in headless Chromium and report what a reader would see broken.

`python tests/browser.py FOLDER...` opens every `index.html` and `report.html` below the folders,
wide and narrow, and fails on images that do not load, a page wider than its window, an empty page.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import tempfile
from html import unescape
from pathlib import Path

__all__ = ["main", "problems"]

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
WIDTHS_PX = (1280, 500)
PROBE = """<script>window.addEventListener("load", () => {
  const images = [...document.images];
  const broken = images.filter(i => !i.naturalWidth).map(i => i.getAttribute("src").slice(0, 80));
  const extra = document.documentElement.scrollWidth - window.innerWidth;
  const letters = document.body.innerText.trim().length;
  const found = {broken, extra, letters, images: images.length};
  document.documentElement.setAttribute("data-probe", JSON.stringify(found));
});</script>"""


def browser() -> str:
    """Path of a Chromium.

    Raises:
        SystemExit: If there is none, with the line that installs it.
    """
    for name in NAMES:
        if found := shutil.which(name):
            return found
    raise SystemExit("no Chromium found: apt-get install chromium")


def problems(page: Path, width_px: int, program: str) -> list[str]:
    """What is wrong with one page at one width; empty if nothing is."""
    probe = page.with_name(f".probe-{page.name}")
    text = page.read_text(encoding="utf-8")
    # reports forbid scripts; only the probe's own may run, the rest of their policy stays
    text = text.replace("default-src 'none'", "default-src 'none'; script-src 'unsafe-inline'")
    probe.write_text(text + PROBE, encoding="utf-8")
    try:
        with tempfile.TemporaryDirectory() as profile:
            options = ["--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={profile}"]
            view = [f"--window-size={width_px},900", "--virtual-time-budget=5000", "--dump-dom"]
            line = [program, *options, *view, probe.resolve().as_uri()]
            dom = subprocess.run(line, capture_output=True, text=True, timeout=120, check=True)
    finally:
        probe.unlink()
    match = re.search(r'data-probe="([^"]*)"', dom.stdout)
    if match is None:
        return ["the page did not finish loading"]
    seen = json.loads(unescape(match[1]))
    found = [f"image does not load: {source}" for source in seen["broken"]]
    if seen["extra"] > 0:
        found.append(f"{seen['extra']} px wider than its window")
    if seen["letters"] < 100:
        found.append(f"only {seen['letters']} letters of text")
    return found


def main(folders: list[str]) -> int:
    """Check every page and print one line for each; 1 if anything is wrong."""
    program = browser()
    missing = [folder for folder in folders if not (Path(folder) / "index.html").exists()]
    for folder in missing:
        print(f"{folder}/index.html is not there: build it first")
    wrong = len(missing)
    for page in [
        p for f in folders for n in ("index", "report") for p in Path(f).rglob(f"{n}.html")
    ]:
        for width_px in WIDTHS_PX:
            found = problems(page, width_px, program)
            print(f"{page} at {width_px} px: {'; '.join(found) or 'ok'}")
            wrong += len(found)
    return 1 if wrong else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
