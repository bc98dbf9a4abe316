"""What each command can be told: plain dataclasses that Hydra fills."""

from dataclasses import dataclass, field
from typing import Any

from rldbs_env.controllers import CONTROLLERS
from rldbs_env.hyperparameters import AlgoConfig, PPOConfig

__all__ = [
    "BenchmarkConfig",
    "EvaluateConfig",
    "FiguresConfig",
    "InfoConfig",
    "SuiteConfig",
    "TrainConfig",
    "TuneConfig",
]


@dataclass
class EvaluateConfig:
    """`rldbs-env evaluate`: controllers through free, controlled, free on unseen ensembles.

    Attributes:
        run: A training, or a sweep of trainings by seed: its agents are tested in the environment
            that they learned in, beside ``controllers``; None for no training.
        controllers: Names of shipped controllers, as `rldbs_env.presets` has them for the
            environment, and ``policy:DIRECTORY`` for a trained agent; None for all shipped ones, or
            beside ``run`` for the law of its training.
        arguments: Arguments by controller, such as ``arguments.linear.gain=-0.03``.
        environment: One of `rldbs_env.catalogue.ENVIRONMENTS`; ``BvdP`` is short for
            ``rldbs/BvdP-v0``. Of no use beside ``run``.
        difficulty: One of `rldbs_env.catalogue.DIFFICULTIES`.
        model: Numbers of the environment's model to change, such as ``model.coupling=0.05``.
        n_neurons: Neurons per ensemble; None for the environment's own.
        n_ensembles: How many ensembles, at least 2.
        first_seed: Of the first one; the others follow. Below 3000 agents were trained, or settings
            and the shipped agent chosen.
        free_steps: Steps before control; None for 20 of the model's windows (5,000).
        controlled_steps: Steps under control, the second half of which is scored; None for 40
            windows (10,000).
        recovery_steps: Steps after switch-off; None for 20 windows.
        seed: Seed of phases, disturbances and the bootstrap.
        threads: Threads that share the ensembles.

    Raises:
        ValueError: No controller is named.
    """

    run: str | None = None
    controllers: list[str] | None = None
    arguments: dict[str, dict[str, Any]] = field(default_factory=dict)
    environment: str = "rldbs/BvdP-v0"
    difficulty: str = "published"
    model: dict[str, Any] = field(default_factory=dict)
    n_neurons: int | None = None
    n_ensembles: int = 20
    first_seed: int = 3000
    free_steps: int | None = None
    controlled_steps: int | None = None
    recovery_steps: int | None = None
    seed: int = 0
    threads: int = 1

    def __post_init__(self) -> None:
        if self.controllers is not None and not self.controllers:
            raise ValueError(
                f"controllers must name at least one of {', '.join(CONTROLLERS)}, got none"
            )
        _enough_ensembles(self.n_ensembles)


@dataclass
class FiguresConfig:
    """`rldbs-env figures`: draw the figures of a run again, or of a sweep.

    Attributes:
        run: Directory that `evaluate`, `train` or `benchmark suite` wrote, or that of a sweep:
            over seeds of a training, over suites, or over one number of an evaluation.
        animation: Film an evaluation's best controller too, as gif and, with ffmpeg, as mp4.
    """

    run: str
    animation: bool = False


def _at_least_one(name: str, value: int) -> None:
    if value < 1:
        raise ValueError(f"{name} must be at least 1, got {value}")


def _enough_ensembles(n_ensembles: int) -> None:
    if n_ensembles < 2:
        raise ValueError(
            f"n_ensembles must be at least 2 (an interval needs two), got {n_ensembles}"
        )


@dataclass
class TrainConfig:
    """`rldbs-env train`: an agent learns, and is scored beside the linear law.

    What differs between environments comes from ``conf/env``: ``env=hindmarsh_rose``.

    Attributes:
        algo: The algorithm and its settings, one of `rldbs_env.hyperparameters.ALGORITHMS`.
        environment: Id in `rldbs_env.catalogue.ENVIRONMENTS`.
        steps: Environment steps, rounded up to whole rollouts.
        model: Numbers of the environment's model that replace its own.
        n_neurons: Neurons per ensemble.
        signals: What the agent sees, among x and y.
        window: Samples of each signal, one per sub-step.
        stride: The agent sees every so many samples of the window.
        lags: The samples that its networks use, counted back from the newest, multiples of
            ``stride``.
        pulse: Kick before each sub-step per unit of action; empty for the environment's own pulse.
        levels: The only kicks there are, 0 among them, for an algorithm that chooses among levels;
            empty for the environment's own.
        kick_scale: Largest absolute kick, where there are no levels.
        penalty: Price of charge in the reward, see `rldbs_env.reward.AbsoluteReward`.
        episode_steps: Steps of an episode.
        pool: Number of ensembles to train on, seeds 0 to pool - 1, at most 900.
        checkpoint_steps: Steps between checkpoints, each with a validation.
        n_ensembles: Unseen ensembles of the final test, seeds from 1000 on, at least 2.
        controlled_steps: Steps under control in the final test; the second half is scored.
        law: The controller that it is scored beside.
        law_arguments: Its arguments.
        seed: Of everything random.
        threads: Of the environments and of torch.

    Raises:
        ValueError: Signals, lags or levels cannot be, or a number is out of its range.
    """

    algo: AlgoConfig = field(default_factory=PPOConfig)
    environment: str = "rldbs/BvdP-v0"
    steps: int = 2_000_000
    model: dict[str, Any] = field(default_factory=dict)
    n_neurons: int = 1000
    signals: list[str] = field(default_factory=lambda: ["x"])
    window: int = 250
    stride: int = 1
    lags: list[int] = field(
        default_factory=lambda: [0, 5, 10, 20, 40, 60, 80, 100, 120, 140, 160, 180, 200, 220, 240]
    )
    pulse: list[float] = field(default_factory=list)
    levels: list[float] = field(default_factory=list)
    kick_scale: float = 0.1
    penalty: float = 20.0
    episode_steps: int = 4000
    pool: int = 64
    checkpoint_steps: int = 100_000
    n_ensembles: int = 20
    controlled_steps: int = 10_000
    law: str = "linear"
    law_arguments: dict[str, Any] = field(default_factory=dict)
    seed: int = 0
    threads: int = 1

    def __post_init__(self) -> None:
        for name in ("steps", "checkpoint_steps", "episode_steps", "threads", "stride"):
            _at_least_one(name, getattr(self, name))
        if not self.signals or not set(self.signals) <= {"x", "y"}:
            raise ValueError(f"signals must be among x, y, got {self.signals}")
        if not self.lags or not all(0 <= lag < self.window for lag in self.lags):
            raise ValueError(f"lags must be in [0, window) = [0, {self.window}), got {self.lags}")
        if any(lag % self.stride for lag in self.lags):
            raise ValueError(f"lags must be multiples of stride={self.stride}, got {self.lags}")
        if self.levels and 0 not in self.levels:
            raise ValueError(f"levels must hold 0, no kick, got {self.levels}")
        if not 1 <= self.pool <= 900:
            raise ValueError(
                f"pool must be in [1, 900] (later ensembles are for tests), got {self.pool}"
            )
        _enough_ensembles(self.n_ensembles)


@dataclass
class TuneConfig(TrainConfig):
    """`rldbs-env tune`: a search over trainings; all that `TrainConfig` has is told to each.

    Attributes:
        trials: Trainings, those that were given up early included.
        space: What is varied, by field of the training: ``{low, high, log}`` or a list of choices,
            such as ``space.penalty.low=5``. What an algorithm varies comes from ``conf/space``.
        study: Directory of the search, for several processes that work on one; None for this run's.
    """

    trials: int = 20
    space: dict[str, Any] = field(default_factory=dict)
    study: str | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        _at_least_one("trials", self.trials)


@dataclass
class BenchmarkConfig:
    """`rldbs-env benchmark`: steps per second on this machine.

    Attributes:
        num_envs: Environments in the batch.
        n_neurons: Neurons per ensemble.
        dtype: "float64" or "float32".
        repeats: Timed repeats; the median counts.
        threads: Threads that share the environments.

    Raises:
        ValueError: A number is out of its range.
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
class SuiteConfig:
    """`rldbs-env benchmark suite`: one controller under every condition of `rldbs_env.suite`.

    Attributes:
        controller: Name of a shipped controller, as `rldbs_env.presets` has it for the environment,
            or ``policy:DIRECTORY`` for a trained agent.
        arguments: Arguments that replace those, such as ``arguments.gain=-0.03``.
        environment: As for `EvaluateConfig`.
        n_ensembles: Ensembles of each condition, at least 1.
        seed: Seed of phases and disturbances.
        threads: Threads that share the ensembles.
    """

    controller: str = "linear"
    arguments: dict[str, Any] = field(default_factory=dict)
    environment: str = "rldbs/BvdP-v0"
    n_ensembles: int = 5
    seed: int = 0
    threads: int = 1

    def __post_init__(self) -> None:
        _at_least_one("n_ensembles", self.n_ensembles)


@dataclass
class InfoConfig:
    """`rldbs-env info`: what is installed; nothing to choose."""
