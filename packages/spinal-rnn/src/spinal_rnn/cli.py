"""The verbs of `spinal-rnn`, configured by Hydra."""

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from neuro_common import cli
from neuro_common.verbs import installed_lines

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
    cli.Verb(
        "figures recruitment",
        "Draw recruitment curves, measured and predicted.",
        "spinal-rnn figures recruitment configuration=cath4_an16",
        "spinal_rnn.figures_cli:recruitment",
        "spinal_rnn.figures_config:RecruitmentConfig",
    ),
    cli.Verb(
        "figures bars",
        "Draw responses and selectivity by frequency and amplitude.",
        "spinal-rnn figures bars configuration=cath4_an16",
        "spinal_rnn.figures_cli:bars",
        "spinal_rnn.figures_config:BarsConfig",
    ),
    cli.Verb(
        "figures maps",
        "Draw responses over amplitude and frequency.",
        "spinal-rnn figures maps configuration=cath4_an16",
        "spinal_rnn.figures_cli:maps",
        "spinal_rnn.figures_config:MapsConfig",
    ),
    cli.Verb(
        "figures prediction",
        "Draw the EMG of one trial, measured and predicted.",
        "spinal-rnn figures prediction amplitude_ma=4 frequency_hz=40",
        "spinal_rnn.figures_cli:prediction",
        "spinal_rnn.figures_config:PredictionConfig",
    ),
    cli.Verb(
        "figures roots",
        "Draw the roots that a configuration recruits.",
        "spinal-rnn figures roots configuration=cath4_an16",
        "spinal_rnn.figures_cli:roots",
        "spinal_rnn.figures_config:RootsConfig",
    ),
    cli.Verb(
        "figures hidden",
        "Draw what goes on inside a recurrent network.",
        "spinal-rnn figures hidden network=AEIRNN epochs=12",
        "spinal_rnn.figures_cli:hidden",
        "spinal_rnn.figures_config:HiddenConfig",
    ),
    cli.Verb(
        "report",
        "Write one page on a mapping session.",
        "spinal-rnn report session=default",
        "spinal_rnn.figures_cli:report",
        "spinal_rnn.figures_config:ReportConfig",
    ),
    cli.Verb(
        "train",
        "Fit a model to a session's responses or EMG, and score it on held-out configurations.",
        "spinal-rnn train session=default model=anatomical",
        "spinal_rnn.model_cli:train",
        "spinal_rnn.model_config:TrainConfig",
        groups={"model": "spinal_rnn.waveform_config:TRAINED_MODELS"},
    ),
    cli.Verb(
        "predict",
        "Foretell the responses to a table of conditions, with intervals.",
        "spinal-rnn predict weights=DIR conditions=conditions.csv",
        "spinal_rnn.model_cli:predict",
        "spinal_rnn.model_config:PredictConfig",
    ),
    cli.Verb(
        "export",
        "Write a trained model for other programs, checked by running it.",
        "spinal-rnn export weights=DIR format=onnx",
        "spinal_rnn.export_cli:export",
        "spinal_rnn.export_config:ExportConfig",
    ),
    cli.Verb(
        "evaluate",
        "Compare models on random rows and on held-out configurations, side by side.",
        "spinal-rnn evaluate session=default models=[anatomical,kernel_ridge]",
        "spinal_rnn.model_cli:evaluate",
        "spinal_rnn.model_config:EvaluateConfig",
    ),
    cli.Verb(
        "optimise",
        "Search for the stimulation that gives a wanted response, within limits.",
        "spinal-rnn optimise target=RRF series=10",
        "spinal_rnn.control_cli:optimise",
        "spinal_rnn.control_config:OptimiseConfig",
    ),
    cli.Verb(
        "next",
        "Write the trials to measure next, as a table to fill in.",
        "spinal-rnn next session=FILE series=5 target=RRF",
        "spinal_rnn.control_cli:next_trials",
        "spinal_rnn.control_config:NextConfig",
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
    rows = [*installed_lines(names), ""]
    rows += [f"contacts of {SPECIFY_565.name} (x to the right, z caudal, mm):"]
    places = zip(SPECIFY_565.x_mm[:-1], SPECIFY_565.z_mm[:-1], strict=True)
    rows += [f"  {contact:2d}  {x:5.1f} {z:5.1f}" for contact, (x, z) in enumerate(places)]
    rows += [f"  {SPECIFY_565.case:2d}  the case", "", f"muscles: {', '.join(MUSCLES)}"]
    print("\n".join(rows))


if __name__ == "__main__":
    sys.exit(main())
