"""The process that launches a sweep: one at a time claims it, and it fails if a job failed."""

import re
import shlex
import sys
from datetime import datetime
from itertools import product
from pathlib import Path
from typing import Any, ClassVar

from neuro_common.files import RunError, write_json
from neuro_common.jobs import JobFailed, plain_config, shown
from neuro_common.locks import Lock, holder
from neuro_common.provenance import config_hash
from neuro_common.runs import job_status
from neuro_common.sweeps import JobRow, sweep_status

__all__ = ["SweepReporter"]

_SWEEP_NAME = re.compile(r"[\w.+-]*\w[\w.+-]*")


class SweepReporter:
    """Hydra callback that claims a sweep, says what it finds, and knows where this process writes.

    Attributes:
        run: Directory of the single run of this process.
        sweep: Directory of the sweep that this process launched.
    """

    run: ClassVar[Path | None] = None
    sweep: ClassVar[Path | None] = None
    _lock: ClassVar[Lock | None] = None
    _before: ClassVar[dict[str, int] | None] = None

    @classmethod
    def forget(cls) -> None:
        """Let go of the sweep."""
        if cls._lock is not None:
            cls._lock.release()
        cls.run = cls.sweep = cls._lock = cls._before = None

    @classmethod
    def refuse_failures(cls) -> None:
        """Fail for jobs that a search went past; Hydra's own sweeper fails by itself.

        Raises:
            JobFailed: A job that was tried is not done; the message lists all of them.
        """
        if cls.sweep is None or cls._before is None:
            return
        now, rows = _written(cls.sweep), sweep_status(cls.sweep)
        # whatever runs now runs elsewhere, and was refused here
        tried = [r for r in rows if r.status == "running" or now[r.job] != cls._before.get(r.job)]
        failed = [row for row in tried if row.status != "done"]
        if failed:
            raise JobFailed(
                f"{len(failed)} of {len(rows)} jobs of the search are not done:\n"
                + "\n".join(map(_told, failed))
            )

    def on_run_start(self, config: Any, **_: Any) -> None:
        """Remember the directory, for the line that resumes."""
        SweepReporter.run = Path(config.hydra.run.dir)

    def on_multirun_start(self, config: Any, **_: Any) -> None:
        """Say what resuming found, or refuse a sweep that exists.

        Raises:
            SystemExit: The sweep has no name that a folder can have, is there already, or is not to
                be taken up; the message says what to add to the command.
        """
        sweep = Path(config.hydra.sweep.dir)
        # Hydra swallows ordinary exceptions of a callback, hence SystemExit
        if not _SWEEP_NAME.fullmatch(config.sweep):
            raise SystemExit(
                f"sweep must be a name of letters, digits and . _ + -, got {config.sweep!r}"
            )
        if config.resume and not any(
            word.lstrip("+").startswith("sweep=") for word in config.hydra.overrides.task
        ):
            raise SystemExit("resume=true must name the sweep to take up: add sweep=NAME")
        try:
            self._begin(config, sweep)
        except (RunError, OSError) as error:
            raise SystemExit(str(error)) from None

    def _begin(self, config: Any, sweep: Path) -> None:
        sweep.mkdir(parents=True, exist_ok=True)
        try:
            SweepReporter._lock = Lock(sweep / "lock")
        except BlockingIOError:
            other = f"{holder(sweep / 'lock')} is at work in {shown(sweep)}"
            if not config.resume:
                raise RunError(
                    f"sweep {sweep.name} must be new, but {other}: wait until it ends, choose "
                    "another name, or share the work with resume=true"
                ) from None
            print(f"sweep {sweep.name}: {other}; the jobs that it runs are refused here")
        found = (sweep / "sweep.json").exists()
        if found and not config.resume:
            raise RunError(
                f"sweep {sweep.name} must be new, but {shown(sweep)} exists: add resume=true to "
                "take it up, or choose another name"
            )
        if found:
            print(f"sweep {sweep.name}: {_found(config, sweep)}", flush=True)
        elif config.resume:
            print(f"sweep {sweep.name}: none at {shown(sweep)}, begun anew", flush=True)
        start = datetime.now().astimezone().isoformat(timespec="seconds")
        line = {"command": shlex.join([*sys.argv[0].split(), *sys.argv[1:]]), "start": start}
        write_json(sweep / "sweep.json", line, "neuro-common/sweep")
        SweepReporter.sweep = sweep
        SweepReporter._before = None if _is_grid(config) else _written(sweep)

    def on_run_end(self, **_: Any) -> None:
        """Nothing to do."""

    def on_multirun_end(self, **_: Any) -> None:
        """Nothing to do: ``main`` prints the table, also for a sweep that failed."""

    def on_job_start(self, **_: Any) -> None:
        """Nothing to do."""

    def on_job_end(self, **_: Any) -> None:
        """Nothing to do."""


def _written(sweep: Path) -> dict[str, int]:
    """When the status of each job was written, 0 where it was not."""
    files = {job.name: job / "provenance.json" for job in sweep.iterdir()}
    return {name: f.stat().st_mtime_ns if f.exists() else 0 for name, f in files.items()}


def _is_grid(config: Any) -> bool:
    return str(config.hydra.sweeper._target_).endswith(".BasicSweeper")


def _told(row: JobRow) -> str:
    settings = [f"{key}={value}" for key, value in row.settings.items()]
    return " ".join(["   ", row.job, *settings, row.status, *row.note.split()])


def _found(config: Any, sweep: Path) -> str:
    """How many jobs of this line are done, begun and to be run."""
    jobs = _jobs(config)
    if jobs is None:
        rows = [row.status for row in sweep_status(sweep)]
        return f"{rows.count('done')} done, {len(rows) - rows.count('done')} begun"
    states = [_state(sweep / job) for job in jobs]
    begun = [f"{states.count(s)} {s}" for s in dict.fromkeys(states) if s not in ("done", "new")]
    done = states.count("done")
    return ", ".join([f"{done} done", *begun, f"{len(states) - done} to run"])


def _state(directory: Path) -> str:
    try:
        return job_status(directory)
    except RunError:
        return "broken" if directory.exists() else "new"


def _jobs(config: Any) -> list[str] | None:
    """The hashes of all jobs of a sweep, or None where a sweeper decides as it goes."""
    from hydra.core.global_hydra import GlobalHydra
    from hydra.core.override_parser.overrides_parser import OverridesParser
    from omegaconf import open_dict

    if not _is_grid(config):
        return None
    loader = GlobalHydra.instance().config_loader()
    params = [f"{key}={value}" for key, value in (config.hydra.sweeper.params or {}).items()]
    choices: dict[str, list[str]] = {}
    parser = OverridesParser.create(config_loader=loader)
    for override in parser.parse_overrides([*params, *config.hydra.overrides.task]):
        key = override.get_key_element()
        values = override.sweep_string_iterator() if override.is_sweep_override() else None
        choices[key] = [f"{key}={v}" for v in values] if values else [override.input_line or ""]
    hashes = []
    for overrides in product(*choices.values()):
        job = loader.load_sweep_config(config, list(overrides))
        with open_dict(job):
            del job["hydra"]
        hashes.append(config_hash(plain_config(job)))
    return hashes
