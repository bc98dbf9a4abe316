"""How the jobs of a sweep stand, read from their directories alone, during the sweep or later."""

import os
import re
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from neuro_common.provenance import differing_keys, flatten
from neuro_common.runs import (
    FormatError,
    RunError,
    job_status,
    last_revision,
    read_config,
    read_metric,
    read_provenance,
)

__all__ = ["JobRow", "format_status", "sweep_status"]

_JOB = re.compile(r"[0-9a-f]{8}")
_ORDER = ("done", "running", "stopped", "failed", "interrupted", "broken")


@dataclass
class JobRow:
    """One job of a sweep.

    Attributes:
        job: Eight hex digits, the name of its directory.
        status: What ``job_status`` says, or ``broken`` where the files cannot be read.
        metric: Its number, once it is done.
        duration_s: Time that it took so far, over all sessions; unknown for a killed one.
        settings: The config keys that differ within the sweep, with this job's values.
        revision: Git revision of its last session, or None.
        note: The error of a failed or broken job, else empty.
    """

    job: str
    status: str
    metric: float | None = None
    duration_s: float | None = None
    settings: dict[str, Any] = field(default_factory=dict)
    revision: str | None = None
    note: str = ""


def sweep_status(directory: str | os.PathLike[str]) -> list[JobRow]:
    """Read how every job of a sweep stands.

    Args:
        directory: The sweep's directory, ``results/<distribution>/<verb>/multirun/<sweep>``.

    Returns:
        One row per job, in order of the settings that differ.

    Raises:
        RunError: The directory does not exist or is no sweep's.
    """
    directory = Path(directory)
    if not directory.is_dir():
        raise RunError(
            f"{directory} must be the directory of a sweep, but there is none: give "
            "results/<distribution>/<verb>/multirun/<sweep>"
        )
    jobs = sorted(path for path in directory.iterdir() if _JOB.fullmatch(path.name))
    if not jobs and not (directory / "sweep.json").exists():
        raise RunError(
            f"{directory} must be the directory of a sweep, got one without jobs and sweep.json: "
            "give results/<distribution>/<verb>/multirun/<sweep>"
        )
    rows = [JobRow(job.name, "broken") for job in jobs]
    configs = [_read_job(job, row) for job, row in zip(jobs, rows, strict=True)]
    differing = differing_keys([config for config in configs if config])
    for row, config in zip(rows, configs, strict=True):
        values = flatten(config)
        row.settings = {key: values.get(key) for key in differing}
    return sorted(rows, key=lambda row: [_sort_key(value) for value in row.settings.values()])


def _read_job(directory: Path, row: JobRow) -> dict[str, Any]:
    """Fill the row as far as the files can be read; return the config, empty where it cannot."""
    config: dict[str, Any] = {}
    try:
        status = job_status(directory)
        # a job that was killed, or that begins just now, may not have its first files yet
        with suppress(FileNotFoundError):
            config = read_config(directory)
            duration_s = _read_facts(directory, row)
            if status in ("done", "stopped", "failed"):
                row.duration_s = duration_s
        if status == "done":
            row.metric = read_metric(directory)
        row.status = status
    except (RunError, OSError) as error:
        row.note = str(error)
    return config


def _read_facts(directory: Path, row: JobRow) -> float | None:
    """Fill revision and note from the provenance; return how long the job took so far."""
    record = read_provenance(directory)
    error, duration_s = record.get("error"), record.get("duration_s")
    try:
        revision = last_revision(record)
    except (AttributeError, TypeError) as problem:
        raise FormatError(_foreign(directory, f"git and resumed that read {problem}")) from None
    wanted = {"git revision": (revision, str), "error": (error, str)}
    for name, (value, kind) in {**wanted, "duration_s": (duration_s, int | float)}.items():
        if value is not None and not isinstance(value, kind):
            raise FormatError(_foreign(directory, f"{name} {value!r}"))
    row.revision, row.note = revision, error or ""
    return duration_s


def _foreign(directory: Path, got: str) -> str:
    return (
        f"{directory / 'provenance.json'} must be as a run wrote it, got {got}: restore it from a "
        "copy, or delete it"
    )


def _sort_key(value: Any) -> tuple[bool, float, str]:
    number = isinstance(value, int | float)
    return (not number, float(value) if number else 0.0, str(value))


def format_status(rows: Sequence[JobRow]) -> str:
    """Lay the rows out as a table for the terminal, with one line that sums them up.

    The revision has a column only where jobs differ in it.
    """
    columns: dict[str, list[str]] = {
        "job": [row.job for row in rows],
        "status": [row.status for row in rows],
        "metric": [_number(row.metric) for row in rows],
        "time": [_duration(row.duration_s) for row in rows],
    }
    for key in rows[0].settings if rows else ():
        columns[key] = [_text(row.settings[key]) for row in rows]
    if len({row.revision for row in rows if row.revision}) > 1:
        columns["revision"] = [(row.revision or "-")[:8] for row in rows]
    if any(row.note for row in rows):
        columns["error"] = [" ".join(row.note.split()) for row in rows]
    lines = _table(columns) if rows else []
    counts = Counter(row.status for row in rows)
    parts = ", ".join(f"{counts[status]} {status}" for status in _ORDER if counts[status])
    noun = "job" if len(rows) == 1 else "jobs"
    return "\n".join([*lines, f"{len(rows)} {noun}" + (f": {parts}" if parts else "")])


def _table(columns: dict[str, list[str]]) -> list[str]:
    widths = [max(map(len, [name, *cells])) for name, cells in columns.items()]
    rows = [tuple(columns), *zip(*columns.values(), strict=True)]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.5g}"


def _text(value: Any) -> str:
    return "-" if value is None else str(value)


def _duration(seconds: float | None) -> str:
    if seconds is None:
        return "-"
    if seconds < 60:
        return f"{seconds:.1f}s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}h{minutes:02}m" if hours else f"{minutes}m{rest:02}s"
