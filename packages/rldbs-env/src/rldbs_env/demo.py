"""The demonstration: every shipped controller tries to silence populations that it never saw.

It runs on the light installation, where it prints the table; with the `plot` extra it saves the
figures, with the `cli` extra the report and all numbers as well.
"""

import argparse
import importlib.util
import shlex
from collections.abc import Sequence
from pathlib import Path

from rldbs_env.controllers import CONTROLLERS, make
from rldbs_env.evaluation import Evaluation, format_columns, quick_summary
from rldbs_env.protocol import FIRST_UNSEEN, Protocol

__all__ = ["main"]


def main(argv: Sequence[str]) -> int:
    """Run the demonstration; returns the exit code."""
    parser = argparse.ArgumentParser(prog="rldbs-env demo", description=__doc__.split("\n")[0])
    parser.add_argument(
        "--output",
        type=Path,
        default=Path("results/rldbs-env/demo"),
        help="where figures and report go, if their packages are there (default: %(default)s)",
    )
    parser.add_argument(
        "--neurons", type=int, default=1000, help="neurons per ensemble (default: %(default)s)"
    )
    parser.add_argument(
        "--ensembles", type=int, default=20, help="number of ensembles (default: %(default)s)"
    )
    arguments = parser.parse_args(argv)
    try:
        protocol = Protocol(
            n_neurons=arguments.neurons,
            ensembles=tuple(range(FIRST_UNSEEN, FIRST_UNSEEN + arguments.ensembles)),
        )
    except ValueError as error:
        parser.error(str(error))

    print(
        f"{protocol.n_neurons} neurons fire in synchrony, in {len(protocol.ensembles)} ensembles "
        f"that no controller was tuned on.\nEach controller sees the mean field and has "
        f"{protocol.controlled_steps} steps; S_ratio says how many times smaller it made the "
        "oscillation.\nMedians over ensembles, with their range:\n",
        flush=True,
    )
    evaluation = Evaluation(protocol)
    rows = []
    for name in [*CONTROLLERS, "policy"]:
        print(f"  {name} ...", flush=True)
        rows.append({"controller": name} | quick_summary(evaluation.add(name, make(name))))
    print("\n" + format_columns({key: [row[key] for row in rows] for key in rows[0]}))
    print(
        "\nA quenched population is frozen, its mean field flat because nothing moves: "
        "no suppression."
    )
    _save(evaluation, arguments.output, shlex.join(["rldbs-env", "demo", *argv]))
    return 0


def _save(evaluation: Evaluation, output: Path, command: str) -> None:
    """Write as much as the installed packages can."""
    if not _installed("neuro_common", "matplotlib", "scipy"):
        print('\nFor figures: pip install "rldbs-env[plot]"')
        return
    from rldbs_env.figures import draw_all, write_report

    if not _installed("h5py", "jinja2"):
        for path in draw_all(evaluation, output / "figures"):
            print(f"wrote {path}")
        return
    evaluation.write(output)
    print(f"\nwrote {write_report(evaluation, output, command)}")


def _installed(*modules: str) -> bool:
    return all(importlib.util.find_spec(module) for module in modules)
