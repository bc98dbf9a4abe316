"""The verbs of `rldbs-env` that are configured by Hydra."""

from typing import TYPE_CHECKING

from neuro_common.cli import Verb
from neuro_common.verbs import installed_lines

if TYPE_CHECKING:
    from neuro_common.runs import Run
    from rldbs_env.config import InfoConfig

__all__ = ["VERBS", "info"]

VERBS = (
    Verb(
        "demo",
        "Every shipped controller tries to silence a synchronised population.",
        "rldbs-env demo --output results/demo/rldbs-env",
        "rldbs_env.demo:main",
    ),
    Verb(
        "evaluate",
        "Score controllers on ensembles that they never saw: free, controlled, free again.",
        "rldbs-env evaluate controllers=[linear,pid] model.coupling=0.03,0.05 --multirun",
        "rldbs_env.evaluate_cli:evaluate",
        "rldbs_env.config:EvaluateConfig",
    ),
    Verb(
        "train",
        "Train an agent and score it beside the linear law on ensembles that it never saw.",
        "rldbs-env train algo=ppo seed=0,1,2,3,4 --multirun",
        "rldbs_env.train_cli:train",
        "rldbs_env.config:TrainConfig",
        {"algo": "rldbs_env.hyperparameters:ALGORITHMS"},
    ),
    Verb(
        "tune",
        "Search for the settings of a training, judged on ensembles kept for validation.",
        "rldbs-env tune env=bvdp algo=sac trials=20 steps=200000",
        "rldbs_env.train_cli:tune",
        "rldbs_env.config:TuneConfig",
        {"algo": "rldbs_env.hyperparameters:ALGORITHMS"},
    ),
    Verb(
        "figures",
        "Draw a run again, or the trainings or the suites of a sweep side by side.",
        "rldbs-env figures run=results/rldbs-env/evaluate/2026-01-31_12-00-00",
        "rldbs_env.evaluate_cli:figures",
        "rldbs_env.config:FiguresConfig",
    ),
    Verb(
        "export",
        "Write a trained policy for other programs, checked by running it.",
        "rldbs-env export weights=bvdp format=onnx",
        "rldbs_env.export_cli:export",
        "neuro_common.export_config:ExportConfig",
    ),
    Verb(
        "benchmark",
        "Measure steps per second on this machine.",
        "rldbs-env benchmark num_envs=1,16,64 --multirun",
        "rldbs_env.benchmark_cli:benchmark",
        "rldbs_env.config:BenchmarkConfig",
    ),
    Verb(
        "benchmark suite",
        "Score one controller under many conditions, and write a table to submit.",
        "rldbs-env benchmark suite controller=linear arguments.gain=-0.03",
        "rldbs_env.benchmark_cli:benchmark_suite",
        "rldbs_env.config:SuiteConfig",
    ),
    Verb(
        "info",
        "List versions, environments, models, controllers and disturbances.",
        "rldbs-env info",
        "rldbs_env.cli:info",
        "rldbs_env.config:InfoConfig",
    ),
)


def info(config: "InfoConfig", run: "Run") -> None:
    """Print what is installed and what can be named on the command line."""
    from rldbs_env import controllers
    from rldbs_env.catalogue import DIFFICULTIES, ENVIRONMENTS, MODELS
    from rldbs_env.records import DISTURBANCES
    from rldbs_env.settings import SIGNALS

    names = ("rldbs-env", "neuro-common", "gymnasium", "numba", "numpy", "stable-baselines3")
    rows = [*installed_lines(names), ""]
    lists = {
        "environments": ENVIRONMENTS,
        "difficulties": DIFFICULTIES,
        "models": MODELS,
        "controllers": [*controllers.CONTROLLERS, "policy"],
        "disturbances": [one.__name__ for one in DISTURBANCES],
        "signals": SIGNALS,
    }
    rows += [f"{name + ':':<14}{', '.join(names)}" for name, names in lists.items()]
    print("\n".join(rows))
