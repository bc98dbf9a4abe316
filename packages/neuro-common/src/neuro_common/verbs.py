"""What every command line shares before Hydra is needed: verbs, help, errors, exit codes."""

import difflib
import logging
import os
import shlex
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from types import FrameType
from typing import Any

from neuro_common.extras import MissingExtra
from neuro_common.files import RunError

__all__ = [
    "DONE",
    "MENDABLE",
    "MENDABLE_ERRORS",
    "STOPPED",
    "USAGE",
    "ReaderLeft",
    "UsageError",
    "Verb",
    "find_verb",
    "guarded",
    "help_text",
    "installed_lines",
    "load",
    "resume_line",
    "stoppable",
    "suggestion",
    "version_of",
]

DONE, MENDABLE, USAGE, STOPPED = 0, 1, 2, 130
"""Exit codes: all went well, the user can mend it, the line was wrong, stopped from outside."""

MENDABLE_ERRORS = (ValueError, RunError, MissingExtra, OSError)


class UsageError(Exception):
    """The command line is wrong; the message says what would be right."""


class ReaderLeft(BaseException):
    """Nobody reads any more what is printed, as behind ``| head``: the work stops as by Ctrl-C."""


@dataclass(frozen=True)
class Verb:
    """One thing that a command does.

    Attributes:
        name: One or two words, such as ``"evaluate"`` or ``"connectome build"``.
        summary: What it does, in one line.
        example: A whole command line that works.
        function: ``"module:function"``, imported on use. With a schema it takes the config object
            and the ``Run`` and returns the metric or None; without one, it takes the list of
            arguments and returns the exit code.
        schema: ``"module:Class"`` of the dataclass that types the Hydra config, or None for a
            function that does without Hydra.
        groups: Fields of the schema that are one of several dataclasses, and where these are:
            ``{"algo": "module:NAME"}`` for a mapping NAME from choices to dataclasses, which all
            have the field's own type as their base.
    """

    name: str
    summary: str
    example: str
    function: str
    schema: str | None = None
    groups: Mapping[str, str] = field(default_factory=dict)


def load(reference: str) -> Any:
    """Import what ``"module:name"`` says."""
    module, _, name = reference.partition(":")
    return getattr(import_module(module), name)


def version_of(distribution: str) -> str:
    """The installed version of a distribution, or "not installed": it may run from its sources."""
    try:
        return version(distribution)
    except PackageNotFoundError:
        return "not installed"


def installed_lines(distributions: Sequence[str]) -> list[str]:
    """What is installed, a line for each distribution, and Python and the machine last."""
    import platform

    rows = [f"{name} {version_of(name)}" for name in distributions]
    return [*rows, f"Python {platform.python_version()}, {platform.platform()}"]


def help_text(distribution: str, verbs: Sequence[Verb]) -> str:
    """List the verbs with one example each."""
    width = max(len(verb.name) for verb in verbs)
    lines = [f"usage: {distribution} VERB [arguments]", ""]
    for verb in verbs:
        lines += [f"  {verb.name:{width}}  {verb.summary}", f"  {'':{width}}    {verb.example}"]
    lines += [
        "",
        f"{distribution} VERB --help lists what a verb can be told; {distribution} --version "
        "tells the version.",
    ]
    return "\n".join(lines)


def find_verb(verbs: Sequence[Verb], words: Sequence[str]) -> tuple[Verb, list[str]]:
    """Take the verb off a line.

    Returns:
        The verb, and the words that are left.

    Raises:
        UsageError: The line begins with no verb; the message suggests the nearest.
    """
    names = [verb.name for verb in verbs]
    first_of_two = any(name.startswith(f"{words[0]} ") for name in names)
    for verb in sorted(verbs, key=lambda verb: -len(verb.name.split())):
        parts = verb.name.split()
        rest = list(words[len(parts) :])
        # what follows a verb with a config is KEY=VALUE or an option: a bare word belongs to a verb
        misspelt = first_of_two and verb.schema is not None and rest and rest[0].isidentifier()
        if list(words[: len(parts)]) == parts and not (misspelt and len(parts) == 1):
            return verb, rest
    wanted = " ".join(words[:2]) if first_of_two else words[0]
    raise UsageError(
        f"{wanted!r} is no verb{suggestion(wanted, names)}; the verbs are {', '.join(names)}"
    )


def suggestion(word: str, names: Sequence[str]) -> str:
    """Phrase the nearest name as a question, or nothing when none is near."""
    near = difflib.get_close_matches(word, names, n=1)
    return f" (did you mean {near[0]!r}?)" if near else ""


def resume_line(distribution: str, verb: str, words: Sequence[str], where: str) -> str:
    """The line that takes up what was stopped.

    Args:
        distribution: The command.
        verb: The verb.
        words: What followed the verb.
        where: ``sweep=NAME`` or ``hydra.run.dir=DIRECTORY``.
    """
    dropped = ("resume=", "sweep=", "hydra.run.dir=")
    kept = [word for word in words if not word.startswith(dropped)]
    return shlex.join([distribution, *verb.split(), *kept, where, "resume=true"])


@contextmanager
def stoppable() -> Iterator[None]:
    """Let SIGTERM, a cluster's preemption, stop the work as Ctrl-C does: by KeyboardInterrupt."""

    def stop(number: int, frame: FrameType | None) -> None:
        # a second one must not cut short the saving that the first one began
        signal.signal(number, signal.SIG_IGN)
        raise KeyboardInterrupt

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def guarded(command: str, work: Callable[[], int]) -> int:
    """Run ``work`` and turn what goes wrong into a message and an exit code.

    Output that nobody reads any more ends it without a message. Errors that the user cannot mend
    keep their traceback; HYDRA_FULL_ERROR=1 gives one to every error of a single run.

    Args:
        command: Command and verb, which head each message.
        work: What to do; returns an exit code.
    """
    verbose = os.environ.get("HYDRA_FULL_ERROR") == "1"
    try:
        with stoppable(), _lossy_logging():
            code, message = work(), ""
    except UsageError as error:
        code, message = USAGE, str(error)
    except KeyboardInterrupt:
        code, message = STOPPED, "stopped"
    except SystemExit as error:
        code = error.code if isinstance(error.code, int) else MENDABLE if error.code else DONE
        message = error.code if isinstance(error.code, str) else ""
    except (ReaderLeft, BrokenPipeError):
        code, message = STOPPED, ""
    except MENDABLE_ERRORS as error:
        if verbose:
            raise
        code, message = MENDABLE, str(error)
    if message:
        with suppress(BrokenPipeError):
            print(f"{command}: {message}", file=sys.stderr)
    _drop_unread()
    return code


@contextmanager
def _lossy_logging() -> Iterator[None]:
    """Let log lines into a closed pipe get lost; logging would print a traceback for each."""
    before, logging.raiseExceptions = logging.raiseExceptions, False
    try:
        yield
    finally:
        logging.raiseExceptions = before


def _drop_unread() -> None:
    """Empty the streams, or Python says at its end that nobody read the rest."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except BrokenPipeError:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, stream.fileno())
            os.close(nowhere)
