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

    print(format_status(sweep_status(_directory("sweep-status", "of a sweep", words))))
    return 0


def gather_reports(words: Sequence[str]) -> int:
    """Write ``index.html`` from all reports below a directory and say where it is."""
    from neuro_common.report import write_index

    directory = _directory("report", "with reports below it", words)
    print(write_index(directory, f"Reports in {directory.resolve().name}"))
    return 0


def _directory(verb: str, meaning: str, words: Sequence[str]) -> Path:
    parser = argparse.ArgumentParser(prog=f"neuro-common {verb}")
    parser.add_argument("directory", metavar="DIR", type=Path, help=f"directory {meaning}")
    directory: Path = parser.parse_args(list(words)).directory
    return directory


if __name__ == "__main__":
    sys.exit(main())
