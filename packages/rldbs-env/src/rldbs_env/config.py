"""What each command can be told: plain dataclasses that Hydra fills."""

from dataclasses import dataclass, field
from typing import Any

from rldbs_env.controllers import CONTROLLERS

__all__ = [
    "BenchmarkConfig",
    "EvaluateConfig",
    "FiguresConfig",
    "InfoConfig",
    "PPOConfig",
    "SuiteConfig",
    "TrainConfig",
]


@dataclass
class EvaluateConfig:
    """`rldbs-env evaluate`: controllers through free, controlled, free on unseen ensembles.

    Attributes:
        controllers: Names of shipped controllers, and ``policy:DIRECTORY`` for a trained agent.
        arguments: Arguments by controller, such as ``arguments.linear.gain=-0.03``.
        environment: One of `rldbs_env.catalogue.ENVIRONMENTS`; ``BvdP`` is short for
            ``rldbs/BvdP-v0``.
        difficulty: One of `rldbs_env.catalogue.DIFFICULTIES`.
        model: Numbers of the environment's model to change, such as ``model.coupling=0.05``.
        n_neurons: Neurons per ensemble; None for the environment's own.
        n_ensembles: How many ensembles, at least 2.
        first_ensemble: Seed of the first one; the others follow.
        free_steps: Steps before control; None for 20 of the model's windows (5,000).
        controlled_steps: Steps under control, the second half of which is scored; None for 40
            windows (10,000).
        recovery_steps: Steps after switch-off; None for 20 windows.
        seed: Seed of phases, disturbances and the bootstrap.
        threads: Threads that share the ensembles.
    """

    controllers: list[str] = field(default_factory=lambda: [*CONTROLLERS, "policy"])
    arguments: dict[str, dict[str, Any]] = field(default_factory=dict)
    environment: str = "rldbs/BvdP-v0"
    difficulty: str = "published"
    model: dict[str, Any] = field(default_factory=dict)
    n_neurons: int | None = None
    n_ensembles: int = 20
    first_ensemble: int = 1000
    free_steps: int | None = None
    controlled_steps: int | None = None
    recovery_steps: int | None = None
    seed: int = 0
    threads: int = 1

    def __post_init__(self) -> None:
        if not self.controllers:
            raise ValueError(f"controllers must name at least one of {', '.join(CONTROLLERS)}")
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


@dataclass
class PPOConfig:
    """Proximal policy optimisation (Schulman et al. 2017), as stable-baselines3 has it.

    Attributes:
        name: "ppo".
        num_envs: Environments that play at once.
        n_steps: Steps of each environment in a rollout.
        batch_size: Samples per gradient step.
        n_epochs: Passes over a rollout.
        learning_rate: Of Adam at the start; it falls linearly to a fiftieth.
        gamma: Discount per step.
        gae_lambda: Of the generalised advantage estimate.
        clip_range: Of the probability ratio.
        hidden: Units of the hidden layers of actor and critic.
        first_kick_std: Spread of the exploring kicks at the start, in units of x.
        last_kick_std: And at the end; geometric in between.
    """

    name: str = "ppo"
    num_envs: int = 64
    n_steps: int = 128
    batch_size: int = 2048
    n_epochs: int = 4
    learning_rate: float = 1e-3
    gamma: float = 0.99
    gae_lambda: float = 0.95
    clip_range: float = 0.2
    hidden: list[int] = field(default_factory=lambda: [32, 32])
    first_kick_std: float = 0.0135
    last_kick_std: float = 0.001

    def __post_init__(self) -> None:
        if self.name != "ppo":
            raise ValueError(f"algo.name must be ppo, got {self.name!r}")
        for name in ("num_envs", "n_steps", "batch_size", "n_epochs"):
            _at_least_one(f"algo.{name}", getattr(self, name))
        if not self.hidden or min(self.hidden) < 1:
            raise ValueError(f"algo.hidden must hold layer sizes of at least 1, got {self.hidden}")
        if not 0 < self.last_kick_std <= self.first_kick_std:
            raise ValueError(
                "algo needs 0 < last_kick_std <= first_kick_std, got "
                f"{self.last_kick_std} and {self.first_kick_std}"
            )
        if not 0 < self.gamma < 1:
            raise ValueError(f"algo.gamma must be in (0, 1), got {self.gamma}")


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
        algo: The algorithm and its settings.
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
        kick_scale: Largest absolute kick.
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
    """

    algo: PPOConfig = field(default_factory=PPOConfig)
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
        if not 1 <= self.pool <= 900:
            raise ValueError(
                f"pool must be in [1, 900] (later ensembles are for tests), got {self.pool}"
            )
        _enough_ensembles(self.n_ensembles)


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
class SuiteConfig:
    """`rldbs-env benchmark suite`: one controller under every condition of `rldbs_env.suite`.

    Attributes:
        controller: Name of a shipped controller, or ``policy:DIRECTORY`` for a trained agent.
        arguments: Its arguments, such as ``arguments.gain=-0.03``.
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
