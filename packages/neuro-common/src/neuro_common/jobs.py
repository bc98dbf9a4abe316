"""One job of Hydra is one run in its directory, whichever launcher runs it and in which process."""

import logging
import shlex
import sys
import traceback
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, cast

from neuro_common.provenance import config_hash
from neuro_common.runs import Run, RunError
from neuro_common.verbs import (
    MENDABLE_ERRORS,
    ReaderLeft,
    UsageError,
    Verb,
    load,
    stoppable,
    suggestion,
)

__all__ = ["Job", "JobFailed", "MissingOption", "plain_config", "shown"]

_log = logging.getLogger(__name__)
# overrides that say how a sweep runs; the command that repeats one of its jobs does without
_OF_THE_SWEEP = ("launcher=", "sweeper=", "sweep=", "resume=")


class MissingOption(UsageError):
    """What must be given is not there."""


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
        MissingOption: A key that must be given is missing.
        UsageError: One is not in the schema, which Hydra lets through when it follows a ``+``.
    """
    from omegaconf import OmegaConf
    from omegaconf.errors import MissingMandatoryValue

    try:
        plain: Any = OmegaConf.to_container(config, resolve=True, throw_on_missing=True)
    except MissingMandatoryValue as error:
        key = error.full_key
        raise MissingOption(f"{key} must be given: add {key}=VALUE") from None
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
