"""Verbs outside, Hydra inside: one line per verb gives it configs, sweeps and resuming."""

import os
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from neuro_common.extras import require
from neuro_common.files import DiskFull
from neuro_common.jobs import Job, JobFailed, MissingOption, shown
from neuro_common.launching import SweepReporter
from neuro_common.progress import Progress, progress
from neuro_common.schemas import schema_of
from neuro_common.sweeps import format_status, sweep_status
from neuro_common.verbs import (
    DONE,
    USAGE,
    UsageError,
    Verb,
    find_verb,
    guarded,
    help_text,
    load,
    resume_line,
    suggestion,
    version_of,
)

__all__ = ["Progress", "UsageError", "Verb", "compose", "main", "progress"]


def main(distribution: str, verbs: Sequence[Verb], argv: Sequence[str] | None = None) -> int:
    """Run one command line.

    Args:
        distribution: Distribution and command, such as ``"rldbs-env"``; its configs are in
            ``rldbs_env.conf``, one per verb, named as the verb with ``_`` for a space.
        verbs: The verbs of the command.
        argv: The words after the command; None takes them from the process.

    Returns:
        Exit code: 0 done, 1 the user can mend it, 2 usage, 130 stopped.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    if not words:
        print(help_text(distribution, verbs), file=sys.stderr)
        return USAGE
    if words[0] in ("-h", "--help", "--version"):
        return guarded(distribution, lambda: _about(distribution, verbs, words[0]))
    try:
        verb, rest = find_verb(verbs, words)
    except UsageError as error:
        print(f"{distribution}: {error}", file=sys.stderr)
        return USAGE

    def work() -> int:
        if verb.schema is None:
            return int(load(verb.function)(rest))
        return _run_hydra(distribution, verb, rest)

    return guarded(f"{distribution} {verb.name}", work)


def _about(distribution: str, verbs: Sequence[Verb], option: str) -> int:
    told = f"{distribution} {version_of(distribution)}"
    print(told if option == "--version" else help_text(distribution, verbs))
    return DONE


def compose(
    distribution: str, verbs: Sequence[Verb], verb: str, overrides: Sequence[str] = ()
) -> Any:
    """Compose the config of a verb without running it, for tests and notebooks.

    Args:
        distribution: As for ``main``.
        verbs: As for ``main``.
        verb: Name of a verb that has a schema.
        overrides: What would follow the verb on the command line.

    Returns:
        The config as OmegaConf's DictConfig; ``OmegaConf.to_object`` turns it into the schema's
        dataclass.

    Raises:
        UsageError: There is no such verb, or an override does not fit.
    """
    hydra = require("hydra", "cli")
    found, _ = find_verb(verbs, verb.split())
    with _usage_errors(distribution, found, overrides):
        _register(distribution, found)
        with hydra.initialize_config_module(_config_module(distribution), version_base=None):
            return hydra.compose(_config_name(found), list(overrides))


def _config_module(distribution: str) -> str:
    return f"{distribution.replace('-', '_')}.conf"


def _config_name(verb: Verb) -> str:
    return verb.name.replace(" ", "_")


def _register(distribution: str, verb: Verb) -> None:
    """Store the verb's schema, with what every verb has, as ``<config name>_schema``.

    Of a group's choices each is stored as ``<group>/<choice>_schema``, which the choice's file
    names in its defaults.
    """
    from hydra.core.config_store import ConfigStore
    from omegaconf import MISSING, OmegaConf

    node = OmegaConf.structured(schema_of(str(verb.schema)))
    # every look-up behind Hydra's help copies the whole store, which takes half a second in all
    ConfigStore.__deepcopy__ = lambda store, memo: store  # type: ignore[attr-defined]
    store = ConfigStore.instance()
    for group, choices in verb.groups.items():
        # a choice can be merged into its base only while nothing has been chosen
        node[group] = MISSING
        for choice, one in load(choices).items():
            chosen = OmegaConf.structured(one)
            _open_dicts(chosen)
            store.store(f"{choice}_schema", chosen, group=group, provider=distribution)
    _open_dicts(node)
    store.store(f"{_config_name(verb)}_schema", node, provider=distribution)


def _open_dicts(node: Any) -> None:
    """Let a line add keys to what the schema calls a dict, without Hydra's ``+``."""
    from omegaconf import OmegaConf

    for key in node:
        if OmegaConf.is_missing(node, key) or OmegaConf.is_interpolation(node, key):
            continue
        if OmegaConf.is_dict(node[key]):
            if OmegaConf.get_type(node, key) is dict:
                OmegaConf.set_struct(node[key], False)
            else:
                _open_dicts(node[key])


def _run_hydra(distribution: str, verb: Verb, words: Sequence[str]) -> int:
    hydra = require("hydra", "cli")
    if {"-h", "--help"} & set(words):
        print(f"{verb.summary}\n\n    {verb.example}\n")
    _register(distribution, verb)
    app = hydra.main(
        version_base=None,
        config_path=f"pkg://{_config_module(distribution)}",
        config_name=_config_name(verb),
    )(Job(distribution, verb))
    try:
        with (
            _hydra_process(f"{distribution} {verb.name}", words),
            _usage_errors(distribution, verb, words),
        ):
            _run_past_failures(app)
    except (KeyboardInterrupt, JobFailed, DiskFull):
        _print_sweep()
        _print_resume_line(distribution, verb, words)
        raise
    except UsageError:
        _forget_empty_sweep()
        raise
    else:
        _print_sweep()
        return DONE
    finally:
        SweepReporter.forget()


def _run_past_failures(app: Callable[[], None]) -> None:
    """A search that went past jobs that failed has failed, whatever came of it."""
    try:
        app()
    except Exception:
        SweepReporter.refuse_failures()
        raise
    SweepReporter.refuse_failures()


@contextmanager
def _hydra_process(command: str, words: Sequence[str]) -> Iterator[None]:
    """Set what Hydra reads from the process: the arguments, and that errors are to be raised."""
    argv, variable = sys.argv, os.environ.get("HYDRA_FULL_ERROR")
    # argparse wants the overrides in one piece, wherever the flag was typed
    sys.argv = [command, *sorted(words, key=lambda word: word not in ("-m", "--multirun"))]
    os.environ["HYDRA_FULL_ERROR"] = "1"
    try:
        yield
    finally:
        sys.argv = argv
        if variable is None:
            del os.environ["HYDRA_FULL_ERROR"]
        else:
            os.environ["HYDRA_FULL_ERROR"] = variable


def _print_sweep() -> None:
    if SweepReporter.sweep is not None:
        print(f"\n{format_status(sweep_status(SweepReporter.sweep))}", flush=True)
        print(shown(SweepReporter.sweep), flush=True)


def _forget_empty_sweep() -> None:
    """Leave the name free for the corrected line."""
    sweep = SweepReporter.sweep
    if sweep is not None and not any(sweep.glob("*/config.json")):
        with suppress(OSError):
            (sweep / "sweep.json").unlink(missing_ok=True)
            (sweep / "lock").unlink(missing_ok=True)
            sweep.rmdir()


def _print_resume_line(distribution: str, verb: Verb, words: Sequence[str]) -> None:
    if SweepReporter.sweep is not None:
        where = f"sweep={SweepReporter.sweep.name}"
    elif SweepReporter.run is not None and (SweepReporter.run / "config.json").exists():
        where = f"hydra.run.dir={shown(SweepReporter.run)}"
    else:
        return
    line = resume_line(distribution, verb.name, words, where)
    print(f"take it up again with\n    {line}", file=sys.stderr)


@contextmanager
def _usage_errors(distribution: str, verb: Verb, words: Sequence[str]) -> Iterator[None]:
    """Turn what Hydra and OmegaConf say of a wrong line into a usage error that helps."""
    from hydra.errors import HydraException
    from omegaconf.errors import OmegaConfBaseException

    try:
        yield
    except MissingOption as error:
        raise UsageError(f"{error}, as in `{verb.example}`") from None
    except (HydraException, OmegaConfBaseException) as error:
        found = re.match(r"Could not override '(.+)'", str(error))
        if found:
            raise UsageError(_unknown_key(found[1], distribution, verb, words)) from None
        cause = f"\n{error.__cause__}" if error.__cause__ else ""
        raise UsageError(f"{error}{cause}") from None


def _unknown_key(key: str, distribution: str, verb: Verb, words: Sequence[str]) -> str:
    import hydra
    from omegaconf import OmegaConf

    # the options of a group are those of its choice, in a sweep of the first
    choices = [word.partition(",")[0] for word in words if word.partition("=")[0] in verb.groups]
    with hydra.initialize_config_module(_config_module(distribution), version_base=None):
        config = hydra.compose(_config_name(verb), choices)
    parent, _, last = key.rpartition(".")
    node = OmegaConf.select(config, parent) if parent else config
    if not OmegaConf.is_dict(node):
        node, last = config, key
    names = [str(name) for name in node]
    where = f"below {parent}" if node is not config else "of this verb"
    return (
        f"{key!r} is no option{suggestion(last, names)}; the options {where} are {', '.join(names)}"
    )
