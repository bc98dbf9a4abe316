"""What each command can be told: plain dataclasses that Hydra fills."""

from dataclasses import dataclass, field
from typing import Any

from rldbs_env.controllers import CONTROLLERS

__all__ = ["BenchmarkConfig", "EvaluateConfig", "FiguresConfig", "InfoConfig", "ModelConfig"]


@dataclass
class ModelConfig:
    """Parameters of `rldbs_env.BonhoefferVanDerPol`."""

    coupling: float = 0.03
    spread: float = 0.1
    mean_current: float = 0.6
    dt: float = 0.2


@dataclass
class EvaluateConfig:
    """`rldbs-env evaluate`: controllers through free, controlled, free on unseen ensembles.

    Attributes:
        controllers: Names of shipped controllers.
        arguments: Arguments by controller, such as ``+arguments.linear.gain=-0.03``.
        model: The ensembles' model.
        n_neurons: Neurons per ensemble.
        n_ensembles: How many ensembles, at least 2.
        first_ensemble: Seed of the first one; the others follow.
        free_steps: Steps before control.
        controlled_steps: Steps under control; the second half is scored.
        recovery_steps: Steps after switch-off.
        seed: Seed of the phases at the start and of the bootstrap.
        threads: Threads that share the ensembles.
    """

    controllers: list[str] = field(default_factory=lambda: list(CONTROLLERS))
    arguments: dict[str, dict[str, Any]] = field(default_factory=dict)
    model: ModelConfig = field(default_factory=ModelConfig)
    n_neurons: int = 1000
    n_ensembles: int = 20
    first_ensemble: int = 1000
    free_steps: int = 5000
    controlled_steps: int = 10_000
    recovery_steps: int = 5000
    seed: int = 0
    threads: int = 1

    def __post_init__(self) -> None:
        if not self.controllers:
            raise ValueError(f"controllers must name at least one of {', '.join(CONTROLLERS)}")
        if self.n_ensembles < 2:
            raise ValueError(
                f"n_ensembles must be at least 2 (an interval needs two), got {self.n_ensembles}"
            )


@dataclass
class FiguresConfig:
    """`rldbs-env figures`: draw the figures of an evaluation again.

    Attributes:
        run: Directory that `rldbs-env evaluate` wrote.
    """

    run: str


@dataclass
class BenchmarkConfig:
    """`rldbs-env benchmark`: steps per second on this machine.

    Attributes:
        num_envs: Environments in the batch.
        n_neurons: Neurons per ensemble.
        dtype: "float64" or "float32".
        repeats: Timed repeats; the median counts.
        threads: Threads that share the environments.
    """

    num_envs: int = 64
    n_neurons: int = 1000
    dtype: str = "float64"
    repeats: int = 5
    threads: int = 1

    def __post_init__(self) -> None:
        if self.repeats < 1:
            raise ValueError(f"repeats must be at least 1, got {self.repeats}")


@dataclass
class InfoConfig:
    """`rldbs-env info`: what is installed; nothing to choose."""
