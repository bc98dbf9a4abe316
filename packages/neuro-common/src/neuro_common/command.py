"""The command ``neuro-common``: look at sweeps and reports of any package, with numpy alone."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from neuro_common import cli

__all__ = ["VERBS", "gather_reports", "main", "show_sweep"]

VERBS = (
    cli.Verb(
        "sweep-status",
        "print how the jobs of a sweep stand",
        "neuro-common sweep-status results/rldbs-env/evaluate/multirun/seeds",
        "neuro_common.command:show_sweep",
    ),
    cli.Verb(
        "report",
        "gather the reports below a directory in one index.html",
        "neuro-common report results",
        "neuro_common.command:gather_reports",
    ),
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command line of ``neuro-common``; returns the exit code."""
    return cli.main("neuro-common", VERBS, argv)


def show_sweep(words: Sequence[str]) -> int:
    """Print the table of a sweep."""
    from neuro_common.sweeps import format_status, sweep_status

    arguments = _parser("sweep-status", "of a sweep").parse_args(list(words))
    print(format_status(sweep_status(arguments.directory)))
    return 0


def gather_reports(words: Sequence[str]) -> int:
    """Write ``index.html`` from all reports below a directory and say where it is."""
    from neuro_common.report import write_index

    parser = _parser("report", "with reports below it")
    parser.add_argument("--title", help="of the page (default: Reports in DIR)")
    arguments = parser.parse_args(list(words))
    directory: Path = arguments.directory
    print(write_index(directory, arguments.title or f"Reports in {directory.resolve().name}"))
    return 0


def _parser(verb: str, meaning: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=f"neuro-common {verb}")
    parser.add_argument("directory", metavar="DIR", type=Path, help=f"directory {meaning}")
    return parser


if __name__ == "__main__":
    sys.exit(main())
