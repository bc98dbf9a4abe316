"""The verbs of `spinal-rnn`, configured by Hydra."""

import platform
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from neuro_common import cli
from neuro_common.verbs import version_of

if TYPE_CHECKING:
    from neuro_common.runs import Run
    from spinal_rnn.config import InfoConfig

__all__ = ["VERBS", "info", "main"]

VERBS = (
    cli.Verb(
        "info",
        "List versions, the lead's contacts and the muscles.",
        "spinal-rnn info",
        "spinal_rnn.cli:info",
        "spinal_rnn.config:InfoConfig",
    ),
    cli.Verb(
        "simulate",
        "Simulate the mapping session of a person.",
        "spinal-rnn simulate preset=default seed=3",
        "spinal_rnn.data_cli:simulate",
        "spinal_rnn.data_config:SimulateConfig",
    ),
    cli.Verb(
        "import",
        "Check a measured session, filter it and convert it.",
        "spinal-rnn import source=conditions.csv emg=emg.npy fs_hz=2000",
        "spinal_rnn.data_cli:import_session",
        "spinal_rnn.data_config:ImportConfig",
    ),
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command line of ``spinal-rnn``; returns the exit code."""
    return cli.main("spinal-rnn", VERBS, argv)


def info(config: "InfoConfig", run: "Run") -> None:
    """Print what is installed, the lead and the muscles."""
    from spinal_rnn.lead import SPECIFY_565
    from spinal_rnn.muscles import MUSCLES

    names = ("spinal-rnn", "neuro-common", "torch", "scikit-learn", "numpy", "scipy", "matplotlib")
    rows = [f"{name} {version_of(name)}" for name in names]
    rows += [f"Python {platform.python_version()}, {platform.platform()}", ""]
    rows += [f"contacts of {SPECIFY_565.name} (x to the right, z caudal, mm):"]
    places = zip(SPECIFY_565.x_mm[:-1], SPECIFY_565.z_mm[:-1], strict=True)
    rows += [f"  {contact:2d}  {x:5.1f} {z:5.1f}" for contact, (x, z) in enumerate(places)]
    rows += [f"  {SPECIFY_565.case:2d}  the case", "", f"muscles: {', '.join(MUSCLES)}"]
    print("\n".join(rows))


if __name__ == "__main__":
    sys.exit(main())
