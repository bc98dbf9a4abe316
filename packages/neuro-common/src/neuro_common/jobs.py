"""One job of Hydra is one run in its directory, whichever launcher runs it and in which process."""

import logging
import re
import shlex
import sys
import traceback
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, fields
from datetime import datetime
from itertools import product
from pathlib import Path
from typing import Any, ClassVar, cast

from neuro_common.files import write_json
from neuro_common.provenance import config_hash
from neuro_common.runs import Run, RunError, job_status
from neuro_common.sweeps import sweep_status
from neuro_common.verbs import (
    MENDABLE_ERRORS,
    ReaderLeft,
    UsageError,
    Verb,
    load,
    stoppable,
    suggestion,
)

__all__ = ["Job", "JobFailed", "SweepReporter", "plain_config", "shown"]

_log = logging.getLogger(__name__)
# overrides that say how a sweep runs; the command that repeats one of its jobs does without
_OF_THE_SWEEP = ("launcher=", "sweeper=", "sweep=", "resume=")
_SWEEP_NAME = re.compile(r"[\w.+-]*\w[\w.+-]*")


class JobFailed(RunError):
    """A job of a sweep failed; the others went on."""


@dataclass
class Job:
    """What Hydra calls for each job, here or in another process: one run in its directory."""

    distribution: str
    verb: Verb

    def __call__(self, config: Any) -> float | None:
        """Run the verb's function, or recall what it gave when the job is done already.

        Args:
            config: Hydra's config of the job.

        Raises:
            JobFailed: The job is one of a sweep and something went wrong.
            UsageError: The line does not fit the schema.
        """
        from hydra.core.hydra_config import HydraConfig
        from hydra.types import RunMode

        hydra = HydraConfig.get()
        directory = Path(hydra.runtime.output_dir)
        overrides = list(hydra.overrides.task)
        if hydra.mode != RunMode.MULTIRUN:
            return self._single(config, directory, overrides)
        try:
            return self._one_of_many(config, directory, overrides)
        except UsageError:
            raise
        except Exception as error:
            if not isinstance(error, MENDABLE_ERRORS):
                traceback.print_exc()
            # as text, because any exception must survive the way back from another process
            message = f"job {' '.join(overrides)} failed: {type(error).__name__}: {error}"
            print(message, file=sys.stderr, flush=True)
            raise JobFailed(message) from None

    def _single(self, config: Any, directory: Path, overrides: list[str]) -> float | None:
        try:
            if config.resume and not (directory / "config.json").exists():
                raise RunError(
                    f"resume=true must name a run that was begun, but {directory} holds none: add "
                    "hydra.run.dir=DIRECTORY"
                )
            return self._run(
                config, plain_config(config), directory, overrides, resume=config.resume
            )
        finally:
            # Hydra made it; a line that was refused shall leave no empty folder behind
            with suppress(OSError):
                directory.rmdir()

    def _one_of_many(self, config: Any, sweep: Path, overrides: list[str]) -> float | None:
        plain = plain_config(config)
        ours = [word for word in overrides if not word.lstrip("+").startswith(_OF_THE_SWEEP)]
        # a sweeper may ask twice and a cluster requeue: what the sweep began is taken up
        return self._run(config, plain, sweep / config_hash(plain), ours, resume=True)

    def _run(
        self,
        config: Any,
        plain: Mapping[str, Any],
        directory: Path,
        overrides: list[str],
        *,
        resume: bool,
    ) -> float | None:
        from omegaconf import OmegaConf

        settings = OmegaConf.to_object(config)
        function = load(self.verb.function)
        with (
            stoppable(),
            Run.open(
                directory,
                config=plain,
                distribution=self.distribution,
                verb=self.verb.name,
                command=shlex.join([self.distribution, *self.verb.name.split(), *overrides]),
                seed=plain.get("seed"),
                resume=resume,
            ) as run,
        ):
            if run.done:
                _log.info("%s is done already: skipped", shown(directory))
            else:
                try:
                    run.finish(function(settings, run))
                except BrokenPipeError:
                    raise ReaderLeft from None
                metric = "" if run.metric is None else f", metric {run.metric:.5g}"
                _log.info("%s is done%s", shown(directory), metric)
            return run.metric


def plain_config(config: Any) -> dict[str, Any]:
    """The resolved config as plain values, its keys checked against the schema.

    Raises:
        UsageError: A key that must be given is missing, or one is not in the schema, which Hydra
            lets through when it follows a ``+``.
    """
    from omegaconf import OmegaConf
    from omegaconf.errors import MissingMandatoryValue

    try:
        plain: Any = OmegaConf.to_container(config, resolve=True, throw_on_missing=True)
    except MissingMandatoryValue as error:
        raise UsageError(f"{error.full_key} must be given: add {error.full_key}=VALUE") from None
    known = [field.name for field in fields(cast("Any", OmegaConf.get_type(config)))]
    unknown = [key for key in plain if key not in known]
    if unknown:
        raise UsageError(
            f"{unknown[0]!r} is no option{suggestion(unknown[0], known)}; the options are "
            f"{', '.join(known)}"
        )
    return cast("dict[str, Any]", plain)


def shown(path: Path) -> str:
    """A path as a user would type it: relative to the working directory where it is below it."""
    try:
        return path.absolute().relative_to(Path.cwd()).as_posix()
    except ValueError:
        return path.as_posix()


class SweepReporter:
    """Hydra callback that says what a sweep finds, and remembers where this process writes.

    Attributes:
        run: Directory of the single run of this process.
        sweep: Directory of the sweep that this process launched.
    """

    run: ClassVar[Path | None] = None
    sweep: ClassVar[Path | None] = None

    def on_run_start(self, config: Any, **_: Any) -> None:
        """Remember the directory, for the line that resumes."""
        SweepReporter.run = Path(config.hydra.run.dir)

    def on_multirun_start(self, config: Any, **_: Any) -> None:
        """Say what resuming found, or refuse a sweep that exists."""
        sweep = Path(config.hydra.sweep.dir)
        found = (sweep / "sweep.json").exists()
        # Hydra swallows ordinary exceptions of a callback, hence SystemExit
        if not _SWEEP_NAME.fullmatch(config.sweep):
            raise SystemExit(
                f"sweep must be a name of letters, digits and . _ + -, got {config.sweep!r}"
            )
        if config.resume and not any(
            word.lstrip("+").startswith("sweep=") for word in config.hydra.overrides.task
        ):
            raise SystemExit("resume=true must name the sweep to take up: add sweep=NAME")
        if found and not config.resume:
            raise SystemExit(
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

    def on_run_end(self, **_: Any) -> None:
        """Nothing to do."""

    def on_multirun_end(self, **_: Any) -> None:
        """Nothing to do: ``main`` prints the table, also for a sweep that failed."""

    def on_job_start(self, **_: Any) -> None:
        """Nothing to do."""

    def on_job_end(self, **_: Any) -> None:
        """Nothing to do."""


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

    if not config.hydra.sweeper._target_.endswith(".BasicSweeper"):
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
