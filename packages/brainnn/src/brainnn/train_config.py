"""What `brainnn train` can be told: the network, the task, and how it learns."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from brainnn.connectome_config import ConnectomeConfig
from brainnn.learning.settings import PPO, Cloning, Dagger, TeacherPlan

__all__ = [
    "LEARNINGS",
    "NETWORKS",
    "TASKS",
    "BipedTaskConfig",
    "CloningConfig",
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

    Raises:
        ValueError: An option is unknown or out of its range.
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
        compat: As published: compare one frame late, with weights that sum to less than one.
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
    compat: bool = False


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
        discard_s: Start of a trial that is not scored.
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
    discard_s: float = 0.2
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
class CloningConfig(LearningConfig, Cloning):
    """From the task's reference as it was recorded, see `brainnn.learning.settings.Cloning`."""

    name: str = "cloning"


@dataclass
class DaggerConfig(LearningConfig, Dagger):
    """From a teacher that labels what the network itself comes to see.

    What is not told here is as of `brainnn.learning.settings.Dagger`.

    Attributes:
        teacher: Directory of a teacher; None is the one that ships.
        episode_steps: Duration of an episode, unless it falls.
    """

    name: str = "dagger"
    teacher: str | None = None
    episode_steps: int = 1600


@dataclass
class PPOConfig(LearningConfig, PPO):
    """By itself, from reward: recurrent PPO, first on imitation and goal, then on the goal alone.

    What is not told here is as of `brainnn.learning.settings.PPO`.

    Attributes:
        steps: Environment steps with the task's reward.
        goal_steps: Steps after them with the goal alone, from the start of the course.
        reference_start: Share of the episodes that start in a frame of the reference, in each of
            several equal parts of ``steps``.
        episode_steps: Duration of an episode.
    """

    name: str = "ppo"
    steps: int = 1_000_000
    goal_steps: int = 0
    reference_start: list[float] = field(default_factory=lambda: [0.7, 0.7, 0.4, 0.1])
    episode_steps: int = 300


@dataclass
class DaggerThenPPOConfig(LearningConfig):
    """From a teacher, and then from reward.

    Attributes:
        dagger: The first part.
        ppo: The second part, which goes on from the first.

    Raises:
        ValueError: The two parts squash actions differently.
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
    "cloning": CloningConfig,
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
        weights: Directory of trained weights to begin with, of the same network and connectome,
            whose wiring comes with them; None begins anew.
        episodes: Episodes of the final test, on seeds that no training sees.
        test_steps: Steps of each.
        seed: Of everything random.
        threads: Of torch.

    Raises:
        ValueError: A number is below 1.
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
class TeacherConfig(TeacherPlan):
    """`brainnn teacher`: the walker that networks learn from, and its walk as the reference.

    What is not told here is as of `brainnn.learning.settings.TeacherPlan`.

    Attributes:
        clip_steps: Duration of the reference, in steps of 0.02 s.
        episodes: Episodes of the final test.
        test_steps: Steps of each.
        seed: Of everything random.
        threads: Of torch.
    """

    clip_steps: int = 500
    episodes: int = 20
    test_steps: int = 1600
    seed: int = 0
    threads: int = 1
