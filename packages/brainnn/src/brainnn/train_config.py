"""What `brainnn train` can be told: the network, the task, and how it learns."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from brainnn.connectome_config import ConnectomeConfig

__all__ = [
    "LEARNINGS",
    "NETWORKS",
    "TASKS",
    "BipedTaskConfig",
    "DaggerConfig",
    "DaggerThenPPOConfig",
    "LearningConfig",
    "MatchedConfig",
    "NetworkConfig",
    "PPOConfig",
    "TaskConfig",
    "TeacherConfig",
    "TrackingTaskConfig",
    "TrainConfig",
    "WiredConfig",
]

_NULLS = ("rewired", "weights", "signs", "random", "layers")
_MATCHED = ("dense", "gru", "mlp")
_GAINS = ("edge", "type_pair", "frozen")


@dataclass
class NetworkConfig:
    """What every network is told.

    Attributes:
        name: The network's name in `NETWORKS`.
        inputs: Who takes the input: a class or cell type, a share of all neurons (0.2), or a
            number of them, which are then drawn.
        outputs: Who is read out, in the same way.
        strength: How the strength of an edge follows from its synapses: "log1p", "count",
            "input_share" or "one".
        gains: What a trained gain belongs to: "edge", "type_pair" or "frozen" for nothing.
        substeps: Steps of the neurons an action.
        dt_ms: One of them.
        tau_ms: Time constant of all neurons, at least ``dt_ms``.
        train_tau: Train time constants, one for each cell type.
        train_bias: Train the bias of each neuron.
        train_initial_state: Train the state that an episode begins with.
        activation: "relu", "tanh", or another that `neuro_common.rate_sequence` knows.
        spectral_radius: Of the first recurrent weights; None leaves the strengths as they are.
        path: "dense", "sparse", or "auto" for the faster one.
    """

    name: str = ""
    inputs: Any = "interneuron"
    outputs: Any = "motor"
    strength: str = "log1p"
    gains: str = "edge"
    substeps: int = 4
    dt_ms: float = 5.0
    tau_ms: float = 10.0
    train_tau: bool = False
    train_bias: bool = True
    train_initial_state: bool = False
    activation: str = "relu"
    spectral_radius: float | None = 1.0
    path: str = "auto"

    def __post_init__(self) -> None:
        if self.gains not in _GAINS:
            raise ValueError(f"network.gains must be of {', '.join(_GAINS)}, got {self.gains!r}")


@dataclass
class WiredConfig(NetworkConfig):
    """A connectome, or a null model of it.

    Attributes:
        draw: Seed of the null model; None is the training's.
    """

    name: str = "connectome"
    draw: int | None = None


@dataclass
class MatchedConfig(NetworkConfig):
    """A network without a connectome, with as many trained numbers as the one that is described."""


NETWORKS: Mapping[str, type[NetworkConfig]] = {
    "connectome": WiredConfig,
    **dict.fromkeys(_NULLS, WiredConfig),
    **dict.fromkeys(_MATCHED, MatchedConfig),
}
"""The networks by name: the connectome, its null models, and networks without one."""


@dataclass
class TaskConfig:
    """What is to be done.

    Attributes:
        name: The task's name in `TASKS`.
    """

    name: str = ""


@dataclass
class BipedTaskConfig(TaskConfig):
    """Walk as the reference does, see `brainnn.bodies.biped.BipedImitationEnv`.

    Attributes:
        clip: The reference gait as ``.npz``; None is the one that ships.
        observation: "proprioception", 14 numbers, or "full", with the lidar's 10.
        phase: Let the network see the phase of the reference's stride.
        imitation: Share of imitation in the reward (the published w_I).
        goal: Share of the forward speed (w_G).
        pose: Within imitation, share of the joint angles (w_p).
        velocity: Within imitation, share of the joint speeds (w_v).
        fall: What a fall costs.
        max_pose_error: Deviation of the joints beyond which an episode ends, rad; None is never.
        max_lag: Way behind the reference beyond which an episode ends; None is never.
        compat: "published" compares one frame late, with weights that sum to less than one.
    """

    name: str = "biped"
    clip: str | None = None
    observation: str = "proprioception"
    phase: bool = False
    imitation: float = 0.7
    goal: float = 0.3
    pose: float = 0.7
    velocity: float = 0.3
    fall: float = 5.0
    max_pose_error: float | None = None
    max_lag: float | None = None
    compat: str | None = None


@dataclass
class TrackingTaskConfig(TaskConfig):
    """Follow or integrate a signal: the network alone, supervised, without a body.

    Attributes:
        kind: "follow" wants the signal through a low-pass filter, "integrate" its integral.
        duration_s: Of a trial.
        step_s: Between two observations.
        correlation_s: Correlation time of the signal.
        filter_s: Time constant of the filter.
        gain_per_s: What a signal of 1 adds in a second, for "integrate".
        ignore_s: Start of a trial that is not scored.
        updates: Gradient steps.
        batch: Trials in one of them.
        learning_rate: Of Adam.
    """

    name: str = "tracking"
    kind: str = "follow"
    duration_s: float = 2.0
    step_s: float = 0.02
    correlation_s: float = 0.1
    filter_s: float = 0.1
    gain_per_s: float = 2.0
    ignore_s: float = 0.2
    updates: int = 400
    batch: int = 32
    learning_rate: float = 3e-3


TASKS: Mapping[str, type[TaskConfig]] = {"biped": BipedTaskConfig, "tracking": TrackingTaskConfig}
"""The tasks by name."""


@dataclass
class LearningConfig:
    """How a network learns to walk.

    Attributes:
        name: Its name in `LEARNINGS`.
    """

    name: str = ""


@dataclass
class DaggerConfig(LearningConfig):
    """From a teacher that labels what the network itself comes to see.

    Attributes:
        teacher: Directory of a teacher; None is the one that ships.
        episode_steps: Duration of an episode, unless it falls.
        rounds: How often steps are labelled and learned from.
        teacher_rounds: The first of them, in which the teacher drives; all is behaviour cloning.
        envs: Environments side by side.
        segment_steps: Steps of each in a round, and of a gradient through time.
        burn_in: First steps of a segment that do not count.
        updates: Gradient steps after each round.
        batch: Segments in one of them.
        recent: Share of these that is from the last ``recent_rounds``.
        recent_rounds: See ``recent``.
        learning_rate: At the beginning.
        last_learning_rate: At the end.
        max_grad_norm: Longer gradients are shortened to this.
        teacher_noise: Standard deviation of what is added to the actions of a driving teacher.
        squash: Act by the tanh of the network's outputs; else they are clipped.
    """

    name: str = "dagger"
    teacher: str | None = None
    episode_steps: int = 1600
    rounds: int = 170
    teacher_rounds: int = 4
    envs: int = 16
    segment_steps: int = 64
    burn_in: int = 0
    updates: int = 20
    batch: int = 48
    recent: float = 1 / 3
    recent_rounds: int = 6
    learning_rate: float = 1e-2
    last_learning_rate: float = 1e-3
    max_grad_norm: float = 1.0
    teacher_noise: float = 0.1
    squash: bool = False


@dataclass
class PPOConfig(LearningConfig):
    """By itself, from reward: recurrent PPO, first on imitation and goal, then on the goal alone.

    Attributes:
        steps: Environment steps with the task's reward.
        goal_steps: Steps after them with the goal alone, from the start of the course.
        reference_start: Share of the episodes that start in a frame of the reference.
        episode_steps: Duration of an episode.
        checkpoint_steps: Steps from one checkpoint to the next.
        envs: Environments side by side.
        rollout_steps: Steps of each between two updates.
        segment_steps: Longest stretch that gradients run through.
        batch_steps: Steps in one gradient step, about.
        epochs: How often a rollout is learned from.
        learning_rate: At the beginning.
        last_learning_rate: At the end.
        gamma: Discount of a step.
        gae_lambda: Weight of longer returns in the advantage.
        clip_range: How far a probability may move from that of the rollout.
        target_kl: Divergence at which the epochs of a rollout end; None is never.
        entropy: Weight of the entropy in the loss.
        value: Weight of the critic in the loss.
        max_grad_norm: Longer gradients are shortened to this.
        first_std: Spread of the actions at the beginning.
        squash: Act by the tanh of the network's outputs; else they are clipped.
        critic_hidden: Units of each layer of the critic.
        critic_steps: Steps in which the critic alone learns.
    """

    name: str = "ppo"
    steps: int = 1_000_000
    goal_steps: int = 0
    reference_start: float = 0.7
    episode_steps: int = 300
    checkpoint_steps: int = 50_000
    envs: int = 32
    rollout_steps: int = 128
    segment_steps: int = 32
    batch_steps: int = 1024
    epochs: int = 6
    learning_rate: float = 3e-3
    last_learning_rate: float = 3e-4
    gamma: float = 0.97
    gae_lambda: float = 0.95
    clip_range: float = 0.2
    target_kl: float | None = 0.03
    entropy: float = 0.0
    value: float = 0.5
    max_grad_norm: float = 0.5
    first_std: float = 0.37
    squash: bool = True
    critic_hidden: list[int] = field(default_factory=lambda: [128, 128])
    critic_steps: int = 0


@dataclass
class DaggerThenPPOConfig(LearningConfig):
    """From a teacher, and then from reward.

    Attributes:
        dagger: The first part.
        ppo: The second part, which goes on from the first.
    """

    name: str = "dagger_then_ppo"
    dagger: DaggerConfig = field(default_factory=lambda: DaggerConfig(squash=True))
    ppo: PPOConfig = field(default_factory=lambda: PPOConfig(critic_steps=20_000, first_std=0.15))

    def __post_init__(self) -> None:
        if self.dagger.squash != self.ppo.squash:
            raise ValueError(
                "learning.dagger.squash and learning.ppo.squash must be the same, got "
                f"{self.dagger.squash} and {self.ppo.squash}"
            )


LEARNINGS: Mapping[str, type[LearningConfig]] = {
    "dagger": DaggerConfig,
    "ppo": PPOConfig,
    "dagger_then_ppo": DaggerThenPPOConfig,
}
"""The ways to learn by name."""


@dataclass
class TrainConfig:
    """`brainnn train`: a network on a connectome learns a task and is scored.

    Attributes:
        network: The network, one of `NETWORKS`: ``network=rewired``.
        task: What is to be done, one of `TASKS`.
        learning: How it learns to walk, one of `LEARNINGS`; of no use with ``task=tracking``.
        connectome: Which connectome, as `brainnn connectome build` has it:
            ``connectome.source=worm``.
        weights: Directory of trained weights to begin with, of the same network; None begins anew.
        episodes: Episodes of the final test, on seeds that no training sees.
        test_steps: Steps of each.
        seed: Of everything random.
        threads: Of torch.
    """

    network: NetworkConfig = field(default_factory=WiredConfig)
    task: TaskConfig = field(default_factory=BipedTaskConfig)
    learning: LearningConfig = field(default_factory=DaggerConfig)
    connectome: ConnectomeConfig = field(default_factory=ConnectomeConfig)
    weights: str | None = None
    episodes: int = 20
    test_steps: int = 1600
    seed: int = 0
    threads: int = 1

    def __post_init__(self) -> None:
        for name in ("episodes", "test_steps", "threads"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, got {getattr(self, name)}")


@dataclass
class TeacherConfig:
    """`brainnn teacher`: the walker that networks learn from, and its walk as the reference.

    Attributes:
        steps: Environment steps of PPO.
        envs: Environments side by side.
        episode_steps: Longest episode.
        speed: Forward speed up to which way is paid in full, units of length a second.
        clip_steps: Duration of the reference, in steps of 0.02 s.
        episodes: Episodes of the final test.
        test_steps: Steps of each.
        seed: Of everything random.
        threads: Of torch.
    """

    steps: int = 1_500_000
    envs: int = 16
    episode_steps: int = 500
    speed: float = 4.0
    clip_steps: int = 500
    episodes: int = 20
    test_steps: int = 1600
    seed: int = 0
    threads: int = 1
