"""Write docs/benchmarks.md from one run of the benchmarks: ratios to a named baseline.

`python -m benchmarks.report` runs every `benchmarks/test_*.py` with pytest-benchmark. A benchmark
says where it belongs with `benchmark.group` and `benchmark.extra_info`: `steps` (of an environment
or a network, in one round) for its speed or `bytes` for its memory, `baseline` (true for exactly
one member of each group) and, if its test name reads badly, `label`.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

__all__ = ["main", "measure", "page"]

FOLDER = Path(__file__).parent
TARGET = FOLDER.parent / "docs" / "benchmarks.md"
VERSIONS = ("rldbs-env", "neuro-common", "numpy", "numba", "gymnasium")


def measure(pytest_args: Iterable[str] = ()) -> dict[str, Any]:
    """Run the benchmark files in one process and return pytest-benchmark's record.

    Raises:
        SystemExit: With pytest's code, if a benchmark failed.
    """
    files = [str(path) for path in sorted(FOLDER.glob("test_*.py"))]
    with tempfile.TemporaryDirectory() as scratch:
        record = Path(scratch) / "record.json"
        line = [sys.executable, "-m", "pytest", "-q", *files, f"--benchmark-json={record}"]
        code = subprocess.run([*line, *pytest_args], check=False).returncode
        if code != 0:
            raise SystemExit(code)
        return dict(json.loads(record.read_text(encoding="utf-8")))


def page(record: Mapping[str, Any], versions: Mapping[str, str]) -> str:
    """The page as Markdown: one table per group, in the order of the files.

    Args:
        record: pytest-benchmark's JSON; medians of the rounds are used.
        versions: Distribution -> version, printed above the tables.

    Raises:
        ValueError: If a benchmark has no group, neither steps nor bytes, or a group not exactly one
            baseline.
    """
    groups: dict[str, list[Mapping[str, Any]]] = {}
    for benchmark in record["benchmarks"]:
        if not benchmark["group"] or not {"steps", "bytes"} & benchmark["extra_info"].keys():
            raise ValueError(
                f"{benchmark['name']} must set benchmark.group and extra_info['steps'] or ['bytes']"
            )
        groups.setdefault(benchmark["group"], []).append(benchmark)
    cpu = record["machine_info"].get("cpu", {}).get("brand_raw") or platform.processor()
    lines = [
        "# Benchmarks",
        "",
        "Written by `nox -s bench`; every number comes from one run, and the ratios are what",
        "carries over to another machine. Times are medians over rounds.",
        "",
        f"* Date: {record['datetime'][:10]}",
        f"* Machine: {cpu}, {os.cpu_count()} cores, {platform.system()}, one thread unless said",
        f"* Versions: Python {platform.python_version()}, "
        + ", ".join(f"{name} {version}" for name, version in versions.items()),
    ]
    for name, members in groups.items():
        lines += ["", f"## {name}", "", *table(name, members)]
    return "\n".join(lines) + "\n"


def table(group: str, members: list[Mapping[str, Any]]) -> list[str]:
    """Rows of one group, in the order of the files; the baseline is named in the header."""
    baselines = [member for member in members if member["extra_info"].get("baseline")]
    if len(baselines) != 1:
        raise ValueError(f"group {group!r} must have exactly one baseline, got {len(baselines)}")
    base = label(baselines[0])
    if "bytes" in baselines[0]["extra_info"]:
        return [
            f"| case | memory | times {base} |",
            "|---|---:|---:|",
            *(
                f"| {label(member)} | {size(member) / 1e9:.3g} GB "
                f"| {size(member) / size(baselines[0]):.3g} |"
                for member in members
            ),
        ]
    rows = [
        f"| case | steps/s | time per step | times {base} |",
        "|---|---:|---:|---:|",
    ]
    for member in members:
        ratio = speed(member) / speed(baselines[0])
        cells = [
            label(member),
            f"{speed(member):,.0f}",
            duration(1 / speed(member)),
            f"{ratio:.3g}",
        ]
        rows.append(f"| {' | '.join(cells)} |")
    return rows


def label(benchmark: Mapping[str, Any]) -> str:
    """The benchmark's own label, or its test name without the prefix."""
    name = benchmark["name"].removeprefix("test_").replace("_", " ")
    return str(benchmark["extra_info"].get("label", name))


def speed(benchmark: Mapping[str, Any]) -> float:
    """Steps per second, from the median round."""
    return float(benchmark["extra_info"]["steps"]) / float(benchmark["stats"]["median"])


def size(benchmark: Mapping[str, Any]) -> float:
    """Bytes of memory."""
    return float(benchmark["extra_info"]["bytes"])


def duration(seconds: float) -> str:
    """Seconds in the unit that keeps the number readable."""
    for unit, size in (("s", 1.0), ("ms", 1e-3), ("us", 1e-6)):
        if seconds >= size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds / 1e-9:.3g} ns"


def main(argv: list[str] | None = None) -> int:
    """Measure, write the page and say where it is."""
    parser = argparse.ArgumentParser(description="Run the benchmarks and write docs/benchmarks.md.")
    parser.add_argument("--output", type=Path, default=TARGET)
    options, pytest_args = parser.parse_known_args(argv)
    text = page(measure(pytest_args), {name: importlib.metadata.version(name) for name in VERSIONS})
    options.output.write_text(text, encoding="utf-8")
    print(f"wrote {options.output}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
