"""Write docs/benchmarks.md from runs of the benchmarks: ratios to a named baseline.

`python -m benchmarks.report` runs every `benchmarks/test_*.py` with pytest-benchmark, and adds the
ratios to `benchmarks/history.csv`. `--repeats 5 --check` runs them five times, takes medians, and
fails where a ratio fell far behind the one recorded last. A benchmark says where it belongs with
`benchmark.group` and `benchmark.extra_info`: `steps` (of an environment or a network, in one round)
for its speed or `bytes` for its memory, `baseline` (true for exactly one member of each group) and,
if its test name reads badly, `label`.
"""

from __future__ import annotations

import argparse
import csv
import importlib.metadata
import json
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

__all__ = ["check", "gains", "main", "measure", "merge", "page", "recorded", "remember"]

FOLDER = Path(__file__).parent
TARGET = FOLDER.parent / "docs" / "benchmarks.md"
HISTORY = FOLDER / "history.csv"
COLUMNS = ("date", "machine", "group", "case", "gain")
VERSIONS = (
    *("rldbs-env", "rhythm-rnn", "spinal-rnn", "brainnn", "proprio-tcn", "neuro-common"),
    *("torch", "numpy", "numba", "gymnasium"),
)
WARN, FAIL = 0.8, 0.6  # of the gain that was recorded last

Gains = dict[tuple[str, str], float]
"""Group and case -> how many times better than the group's baseline: faster, or smaller."""


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


def merge(records: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """One record of several runs: the median over the runs of each benchmark's median round.

    Raises:
        ValueError: If the runs are not of the same benchmarks.
    """
    names = [[benchmark["name"] for benchmark in record["benchmarks"]] for record in records]
    if any(run != names[0] for run in names):
        raise ValueError("runs must be of the same benchmarks, got different ones")
    merged = []
    for several in zip(*(record["benchmarks"] for record in records), strict=True):
        middle = median(float(one["stats"]["median"]) for one in several)
        merged.append({**several[-1], "stats": {"median": middle}})
    return {**records[-1], "benchmarks": merged}


def grouped(record: Mapping[str, Any]) -> dict[str, list[Mapping[str, Any]]]:
    """Benchmarks by their group, in the order of the files.

    Raises:
        ValueError: If a benchmark has no group, or neither steps nor bytes.
    """
    groups: dict[str, list[Mapping[str, Any]]] = {}
    for benchmark in record["benchmarks"]:
        if not benchmark["group"] or not {"steps", "bytes"} & benchmark["extra_info"].keys():
            raise ValueError(
                f"{benchmark['name']} must set benchmark.group and extra_info['steps'] or ['bytes']"
            )
        groups.setdefault(benchmark["group"], []).append(benchmark)
    return groups


def baseline(group: str, members: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    """What the others of a group are compared with.

    Raises:
        ValueError: If there is not exactly one baseline.
    """
    found = [member for member in members if member["extra_info"].get("baseline")]
    if len(found) != 1:
        raise ValueError(f"group {group!r} must have exactly one baseline, got {len(found)}")
    return found[0]


def machine(record: Mapping[str, Any]) -> str:
    """The processor that a record is of."""
    return str(record["machine_info"].get("cpu", {}).get("brand_raw") or platform.processor())


def gains(record: Mapping[str, Any]) -> Gains:
    """How many times better than its group's baseline each other benchmark is."""
    found: Gains = {}
    for name, members in grouped(record).items():
        base = baseline(name, members)
        for member in (one for one in members if one is not base):
            if "bytes" in base["extra_info"]:
                found[name, label(member)] = size(base) / size(member)
            else:
                found[name, label(member)] = speed(member) / speed(base)
    return found


def recorded(history: Path) -> Gains:
    """The gain that was recorded last of every case; empty without a history.

    Raises:
        ValueError: If the file has other columns.
    """
    if not history.exists():
        return {}
    with history.open(encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file)
        if tuple(reader.fieldnames or ()) != COLUMNS:
            raise ValueError(f"{history} must have the columns {', '.join(COLUMNS)}")
        return {(row["group"], row["case"]): float(row["gain"]) for row in reader}


def remember(history: Path, date: str, processor: str, found: Gains) -> None:
    """Add the gains of one run to the history."""
    new = not history.exists()
    with history.open("a", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        if new:
            writer.writerow(COLUMNS)
        for (group, case), gain in found.items():
            writer.writerow([date, processor, group, case, f"{gain:.3g}"])


def check(found: Gains, known: Gains) -> tuple[list[str], list[str]]:
    """Which cases fell behind what is recorded of them.

    Returns:
        What to warn of, below .8 of the recorded gain, and what fails, below .6; cases that were
        recorded and not measured fail, too.
    """
    warnings: list[str] = []
    failures: list[str] = []
    for (group, case), old in known.items():
        if (group, case) not in found:
            failures.append(f"{group}: {case}: recorded, but not measured")
            continue
        new = found[group, case]
        if new < WARN * old:
            told = f"{group}: {case}: {new:.3g} times its baseline, recorded {old:.3g}"
            (failures if new < FAIL * old else warnings).append(told)
    return warnings, failures


def page(record: Mapping[str, Any], versions: Mapping[str, str]) -> str:
    """The page as Markdown: one table per group, in the order of the files.

    Args:
        record: pytest-benchmark's JSON; medians of the rounds are used.
        versions: Distribution -> version, printed above the tables.

    Raises:
        ValueError: If a benchmark has no group, neither steps nor bytes, or a group not exactly one
            baseline.
    """
    lines = [
        "# Benchmarks",
        "",
        "Written by `nox -s bench`; every number comes from one run, and the ratios are what",
        "carries over to another machine. Times are medians over rounds.",
        "",
        f"* Date: {record['datetime'][:10]}",
        f"* Machine: {machine(record)}, {os.cpu_count()} cores, {platform.system()}, "
        "one thread unless said",
        f"* Versions: Python {platform.python_version()}, "
        + ", ".join(f"{name} {version}" for name, version in versions.items()),
    ]
    for name, members in grouped(record).items():
        lines += ["", f"## {name}", "", *table(name, members)]
    return "\n".join(lines) + "\n"


def table(group: str, members: list[Mapping[str, Any]]) -> list[str]:
    """Rows of one group, in the order of the files; the baseline is named in the header."""
    base = baseline(group, members)
    if "bytes" in base["extra_info"]:
        return [
            f"| case | memory | times {label(base)} |",
            "|---|---:|---:|",
            *(
                f"| {label(member)} | {size(member) / 1e9:.3g} GB "
                f"| {size(member) / size(base):.3g} |"
                for member in members
            ),
        ]
    rows = [
        f"| case | steps/s | time per step | times {label(base)} |",
        "|---|---:|---:|---:|",
    ]
    for member in members:
        ratio = speed(member) / speed(base)
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
    """Measure, write the page and the history, or check against it; 1 if a case failed."""
    parser = argparse.ArgumentParser(description="Run the benchmarks and write docs/benchmarks.md.")
    parser.add_argument("--output", type=Path, default=TARGET)
    parser.add_argument("--history", type=Path, default=HISTORY)
    parser.add_argument("--repeats", type=int, default=1, help="runs, of which medians are taken")
    parser.add_argument("--check", action="store_true", help="compare with the history instead")
    options, pytest_args = parser.parse_known_args(argv)
    known = recorded(options.history)
    versions = {name: importlib.metadata.version(name) for name in VERSIONS}  # fails early
    record = merge([measure(pytest_args) for _ in range(options.repeats)])
    text = page(record, versions)
    options.output.write_text(text, encoding="utf-8")
    print(f"wrote {options.output}")
    if not options.check:
        remember(options.history, record["datetime"][:10], machine(record), gains(record))
        return 0
    warnings, failures = check(gains(record), known)
    # GitHub shows lines of this form beside the run
    print(*(f"::warning::{line}" for line in warnings), sep="\n")
    print(*(f"::error::{line}" for line in failures), sep="\n")
    return 1 if failures else 0


if __name__ == "__main__":
    raise SystemExit(main())
