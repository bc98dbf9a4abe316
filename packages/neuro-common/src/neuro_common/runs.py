"""One run, one directory, one writer: what a run was asked, what it gave, and how it ended."""

import json
import logging
import math
import os
import time
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from neuro_common.files import (
    FORMAT_VERSION,
    DiskFull,
    FormatError,
    RunError,
    atomic_path,
    read_csv,
    read_json,
    to_json,
    write_csv,
    write_json,
)
from neuro_common.locks import Lock, holder, is_held
from neuro_common.metrics import MetricsLog
from neuro_common.provenance import config_hash, differing_keys, git_state, provenance

__all__ = [
    "FORMAT_VERSION",
    "FormatError",
    "Run",
    "RunError",
    "RunExists",
    "RunLocked",
    "atomic_path",
    "config_hash",
    "job_status",
    "provenance",
    "read_config",
    "read_csv",
    "read_json",
    "read_metric",
    "read_provenance",
    "write_csv",
    "write_json",
]

_CONFIG = "neuro-common/config"
_PROVENANCE = "neuro-common/provenance"
_DONE = "neuro-common/done"

_log = logging.getLogger(__name__)


class RunLocked(RunError):
    """Another writer is at work in the directory."""


class RunExists(RunError):
    """The directory holds a run already, and resuming was not asked for."""


class Run:
    """The only writer of one run directory, as a context manager.

    Attributes:
        directory: The run's directory.
        done: Whether the run is complete; one that is resumed may be so from the start.
        metric: What ``finish`` was given, or None.
    """

    def __init__(self, directory: Path) -> None:
        """Hold ``directory`` without touching it; use ``Run.open``."""
        self.directory = directory
        self.done = False
        self.metric: float | None = None
        self._lock: Lock | None = None
        self._metrics = MetricsLog(directory / "metrics.csv")
        self._provenance: dict[str, Any] = {}
        self._started = time.monotonic()
        self._earlier_s = 0.0

    @classmethod
    def open(
        cls,
        directory: str | os.PathLike[str],
        *,
        config: Mapping[str, Any],
        distribution: str,
        verb: str,
        command: str,
        seed: int | None,
        resume: bool = False,
    ) -> Self:
        """Begin a run in a new directory, or take up one that was cut short.

        Args:
            directory: Where everything about the run goes; made if it is not there.
            config: Resolved config of plain values: the config of record.
            distribution: Distribution whose verb runs, such as ``"rldbs-env"``.
            verb: The verb, such as ``"evaluate"``.
            command: Command line that repeats the run.
            seed: Seed of the run, if it has one.
            resume: Take up what is there. A run that is done comes back with ``done`` set.

        Raises:
            RunExists: The directory holds a run, and ``resume`` is False.
            RunLocked: Another writer is at work in the directory.
            RunError: The run to resume is of another verb or has another config.
            FormatError: A file of the run is half written, foreign or of a newer version.
            ValueError: The config holds a number that is not finite.
        """
        run = cls(Path(directory))
        record = {"distribution": distribution, "verb": verb, "config": dict(config)}
        plain = json.loads(to_json(record))
        run.directory.mkdir(parents=True, exist_ok=True)
        if not (run.directory / "done").exists():
            run._take_lock()
        try:
            found = run._check_earlier(plain, resume)
            if (run.directory / "done").exists():
                run._recall()
            else:
                device = str(config.get("device", "cpu"))
                run._begin(plain, provenance(command, seed, device), resumed=found)
        except BaseException:
            run._release()
            raise
        return run

    def path(self, *parts: str) -> Path:
        """Name a file of the run, such as ``run.path("figures", "a.png")``; makes its folder."""
        path = self.directory.joinpath(*parts)
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def log(self, *, step: int, **values: float | str) -> None:
        """Append a row to ``metrics.csv``; the first row fixes the columns.

        After a resume, the first row replaces those of the same and later steps.

        Raises:
            ValueError: The columns are not those of the first row.
            RunError: The run is done.
        """
        self._refuse_if_done()
        self._metrics.append(step, values)

    def finish(self, metric: float | None) -> None:
        """Declare the run complete; the file ``done`` is the last that a run writes.

        Args:
            metric: The number that sums the run up and that sweepers optimise, or None.

        Raises:
            TypeError: The metric is no number.
            RunError: The run is done already.
        """
        self._refuse_if_done()
        self.metric = None if metric is None else float(metric)
        self._metrics.close()
        self._write_status("done")
        # JSON has no NaN, and a diverged run may well end in one
        finite = self.metric is None or math.isfinite(self.metric)
        data = {"metric": self.metric if finite else str(self.metric), "finished": _now()}
        write_json(self.directory / "done", data, _DONE)
        self.done = True

    def __enter__(self) -> Self:
        """Give the run itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Record how the run ended, unless it is done, and let go of the directory."""
        try:
            self._metrics.close()
            if not self.done:
                failed = isinstance(error, Exception)
                # on a full disk, what ended the work says more than that this could not be noted
                with suppress(*[DiskFull] if error else []):
                    self._write_status("failed" if failed else "stopped", error if failed else None)
        finally:
            self._release()

    def _take_lock(self) -> None:
        path = self.directory / "lock"
        try:
            self._lock = Lock(path)
        except BlockingIOError:
            raise RunLocked(
                f"{self.directory} must have one writer, but {holder(path)} is writing to it: "
                "wait until it ends, or give another directory"
            ) from None

    def _release(self) -> None:
        if self._lock is not None:
            self._lock.release()
            self._lock = None

    def _check_earlier(self, wanted: Mapping[str, Any], resume: bool) -> bool:
        """Tell whether there is a run that ``wanted`` may take up; refuse one that it may not."""
        finished = (self.directory / "done").exists()
        if not (self.directory / "config.json").exists():
            if finished or (self.directory / "provenance.json").exists():
                raise FormatError(
                    f"{self.directory} must hold config.json beside its other files, got a run "
                    "without it: delete the directory, or give another one"
                )
            return False
        stored = read_json(self.directory / "config.json", _CONFIG)
        if not resume:
            state = "is done" if finished else "was cut short"
            raise RunExists(
                f"{self.directory} must be new, got a run that {state}: add resume=true to take "
                "it up, or give another directory"
            )
        for key in ("distribution", "verb"):
            if stored.get(key) != wanted[key]:
                raise RunError(
                    f"{self.directory} must be a run of {key} {wanted[key]} to be taken up, got "
                    f"{stored.get(key)}: give another directory"
                )
        differing = differing_keys([read_config(self.directory), wanted["config"]])
        if differing:
            changes = ", ".join(f"{key} ({a} then, {b} now)" for key, (a, b) in differing.items())
            raise RunError(
                f"{self.directory} must be taken up with the config that it began with, but these "
                f"differ: {changes}; set them back, or give another directory"
            )
        return True

    def _recall(self) -> None:
        self._release()
        self.metric = read_metric(self.directory)
        self.done = True
        self._warn_of_revision(read_provenance(self.directory), git_state())

    def _begin(self, record: Mapping[str, Any], now: dict[str, Any], *, resumed: bool) -> None:
        if not resumed:
            write_json(self.directory / "config.json", record, _CONFIG)
        # a kill may have come between the two files
        if (self.directory / "provenance.json").exists():
            self._provenance = read_provenance(self.directory)
            self._warn_of_revision(self._provenance, now["git"])
            self._provenance["resumed"] = [*self._provenance.get("resumed", []), now]
        else:
            self._provenance = {**now, "duration_s": 0.0, "resumed": []}
        self._earlier_s = float(self._provenance.get("duration_s", 0.0))
        self._write_status("running")

    def _write_status(self, status: str, error: BaseException | None = None) -> None:
        duration_s = round(self._earlier_s + time.monotonic() - self._started, 3)
        text = None if error is None else f"{type(error).__name__}: {error}"
        self._provenance |= {"status": status, "duration_s": duration_s, "error": text}
        write_json(self.directory / "provenance.json", self._provenance, _PROVENANCE)

    def _warn_of_revision(self, earlier: Mapping[str, Any], git: Mapping[str, Any] | None) -> None:
        then, now = last_revision(earlier), (git or {}).get("revision")
        if then != now:
            _log.warning(
                "%s was made at git revision %s, this is %s: its results may not be comparable",
                self.directory,
                (then or "unknown")[:8],
                (now or "unknown")[:8],
            )

    def _refuse_if_done(self) -> None:
        if self.done:
            raise RunError(f"{self.directory} is done and takes no more: give another directory")


def _now() -> str:
    return datetime.now().astimezone().isoformat(timespec="seconds")


def read_config(directory: str | os.PathLike[str], *, of: str | None = None) -> dict[str, Any]:
    """The config of record of a run, as plain values.

    Args:
        directory: Of the run.
        of: What must have written it, such as ``"rldbs-env train"``; None takes any run.

    Raises:
        FileNotFoundError: The directory holds no run.
        RunError: The run is another command's.
        FormatError: The file is torn, foreign or of a newer version.
    """
    record = read_json(Path(directory) / "config.json", _CONFIG)
    found = f"{record.get('distribution')} {record.get('verb')}"
    if of not in (None, found):
        raise RunError(
            f"{directory} must be a run of {of}, got one of {found}: give another directory"
        )
    config = record.get("config")
    if not isinstance(config, dict):
        raise FormatError(f"{Path(directory) / 'config.json'} must hold a config, got {config!r}")
    return config


def read_provenance(directory: str | os.PathLike[str]) -> dict[str, Any]:
    """What a run was made with: see ``provenance``, and ``status``, ``duration_s``, ``resumed``.

    Raises:
        FileNotFoundError: The directory holds no run.
        FormatError: The file is torn, foreign or of a newer version.
    """
    return read_json(Path(directory) / "provenance.json", _PROVENANCE)


def read_metric(directory: str | os.PathLike[str]) -> float | None:
    """The number that a finished run gave, or None if it gave none.

    Raises:
        FileNotFoundError: The run is not done.
        FormatError: The file is torn, foreign or of a newer version.
    """
    metric = read_json(Path(directory) / "done", _DONE).get("metric")
    try:
        return None if metric is None else float(metric)
    except (TypeError, ValueError):
        raise FormatError(
            f"{Path(directory) / 'done'} must hold a number, got {metric!r}"
        ) from None


def last_revision(record: Mapping[str, Any]) -> str | None:
    """The git revision of the last session that a run's provenance knows of."""
    git = [record, *record.get("resumed", [])][-1].get("git") or {}
    revision: str | None = git.get("revision")
    return revision


def job_status(directory: str | os.PathLike[str]) -> str:
    """How a run stands: ``done``, ``running``, ``stopped``, ``failed`` or ``interrupted``.

    ``interrupted`` was begun, is not done, and nobody holds its lock: it was killed. So was what
    left an empty directory.

    Raises:
        RunError: The directory holds no run.
        FormatError: A file of the run is torn, foreign or of a newer version.
    """
    directory = Path(directory)
    if (directory / "done").exists():
        read_metric(directory)
        return "done"
    if not (directory / "lock").exists():
        if directory.is_dir() and not any(directory.iterdir()):
            return "interrupted"
        raise RunError(f"{directory} must be the directory of a run, got one without a lock file")
    if is_held(directory / "lock"):
        return "running"
    # read the files only now: a run that ended in between has left its status there
    if (directory / "done").exists():
        return "done"
    try:
        status = read_provenance(directory).get("status")
    except FileNotFoundError:
        return "interrupted"
    return str(status) if status in ("stopped", "failed") else "interrupted"
