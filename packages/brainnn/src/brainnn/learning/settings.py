"""How networks and the teacher learn, in plain values: torch is not needed to write it down."""

from dataclasses import dataclass, field

__all__ = ["PPO", "Cloning", "Dagger", "Supervised", "TeacherPlan"]


@dataclass
class Supervised:
    """How to learn from labelled steps, round by round, with gradients through time.

    Attributes:
        rounds: How often steps are labelled and learned from.
        segment_steps: Longest stretch that gradients run through.
        burn_in: First steps of a segment that do not count, since its state is that of an earlier
            network; the start of an episode has none.
        updates: Gradient steps after each round.
        batch: Segments in one of them.
        recent: Share of these that is from the last ``recent_rounds``.
        recent_rounds: See ``recent``.
        learning_rate: Of Adam at the beginning.
        last_learning_rate: At the end; in between it falls in a straight line.
        clip_norm: Longer gradients are shortened to this.
        squash: Whether the network acts by the tanh of its outputs; else they are clipped.
        checkpoint_rounds: Rounds from one checkpoint, at which episodes start over, to the next.

    Raises:
        ValueError: A number is out of its range.
    """

    rounds: int = 250
    segment_steps: int = 64
    burn_in: int = 0
    updates: int = 20
    batch: int = 48
    recent: float = 1 / 3
    recent_rounds: int = 6
    learning_rate: float = 1e-2
    last_learning_rate: float = 1e-3
    clip_norm: float = 1.0
    squash: bool = False
    checkpoint_rounds: int = 50

    def __post_init__(self) -> None:
        _at_least_one(
            self, "rounds", "segment_steps", "updates", "batch", "recent_rounds",
            "checkpoint_rounds",
        )  # fmt: skip
        if not 0 <= self.burn_in < self.segment_steps:
            raise ValueError(
                f"burn_in must be in [0, segment_steps={self.segment_steps}), got {self.burn_in}"
            )
        _share(self, "recent")


@dataclass
class Cloning(Supervised):
    """How to learn from a recorded walk alone, all of which is labelled in each round.

    Batches are smaller, since there is less to learn from. The network acts by the tanh of its
    outputs unless told otherwise, as one that learns from reward does, which may follow.
    """

    rounds: int = 100
    batch: int = 8
    squash: bool = True


@dataclass
class Dagger(Supervised):
    """How to learn from a teacher that labels what the network itself comes to see.

    Attributes:
        teacher_rounds: The first rounds, in which the teacher drives; ``rounds`` makes it behaviour
            cloning.
        num_envs: Environments side by side, each of which goes ``segment_steps`` in a round.
        teacher_noise: Standard deviation of what is added to the actions of a driving teacher, so
            that it shows how to recover.

    Raises:
        ValueError: A number is out of its range.
    """

    teacher_rounds: int = 4
    num_envs: int = 16
    teacher_noise: float = 0.1

    def __post_init__(self) -> None:
        super().__post_init__()
        _at_least_one(self, "num_envs")
        if not 1 <= self.teacher_rounds <= self.rounds:
            raise ValueError(
                f"teacher_rounds must be in [1, rounds={self.rounds}], got {self.teacher_rounds}"
            )


@dataclass
class PPO:
    """How to learn from reward.

    Attributes:
        num_envs: Environments side by side.
        rollout_steps: Steps of each between two updates.
        segment_steps: Longest stretch that gradients run through.
        batch_steps: Steps in one gradient step, about.
        epochs: How often a rollout is learned from.
        learning_rate: Of Adam at the beginning.
        last_learning_rate: At the end; in between it falls in a straight line.
        gamma: Discount of a step.
        gae_lambda: Weight of longer returns in the advantage.
        clip_range: How far a probability may move from that of the rollout.
        target_kl: Divergence from the rollout's policy at which its epochs end; None is never.
        entropy: Weight of the entropy in the loss.
        value: Weight of the critic in the loss.
        clip_norm: Longer gradients are shortened to this.
        first_std: Spread of the actions at the beginning.
        squash: Whether the mean action is the tanh of the network's output; else it is the output.
        critic_hidden: Units of each layer of the critic.
        critic_steps: Steps in which the critic alone learns, for a network that can walk already.
        checkpoint_steps: Steps from one checkpoint, at which the environments are reset, to the
            next.

    Raises:
        ValueError: A number is out of its range.
    """

    num_envs: int = 32
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
    clip_norm: float = 0.5
    first_std: float = 0.37
    squash: bool = True
    critic_hidden: list[int] = field(default_factory=lambda: [128, 128])
    critic_steps: int = 0
    checkpoint_steps: int = 50_000

    def __post_init__(self) -> None:
        _at_least_one(
            self, "num_envs", "rollout_steps", "segment_steps", "batch_steps", "epochs",
            "checkpoint_steps",
        )  # fmt: skip
        _share(self, "gamma", "gae_lambda")
        if self.gamma == 1:
            raise ValueError("gamma must be below 1, got 1: rewards are scaled by 1 - gamma")
        if self.first_std <= 0:
            raise ValueError(f"first_std must be above 0, got {self.first_std}")


@dataclass
class TeacherPlan:
    """How long the teacher learns, and what it is paid for.

    Attributes:
        steps: Environment steps of PPO.
        critic_steps: Steps before them in which only the critic learns.
        copying_updates: Gradient steps of imitation before that.
        copied_walks: Walks of the hand-written controller that are imitated.
        num_envs: Environments side by side.
        episode_steps: Longest episode.
        mid_stride: Share of the episodes that start in the middle of a stride, at the beginning;
            it falls to 0 in a straight line over half of the training.
        speed: Forward speed up to which way is paid in full, units of length a second.
        effort: Cost of a squared action.
        jerk: Cost of a squared change of an action.
        tilt: Cost of the hull's angle, rad.
        asymmetry: Cost of one hip being ahead of the other in the mean, rad.
        fall: Cost of a fall.
        log_std: Logarithm of the spread of actions at the beginning.
        learning_rate: At the beginning; it falls to almost nothing.
    """

    steps: int = 1_500_000
    critic_steps: int = 30_000
    copying_updates: int = 2500
    copied_walks: int = 40
    num_envs: int = 16
    episode_steps: int = 500
    mid_stride: float = 0.7
    speed: float = 4.0
    effort: float = 0.01
    jerk: float = 0.02
    tilt: float = 0.05
    asymmetry: float = 0.05
    fall: float = 25.0
    log_std: float = -1.4
    learning_rate: float = 3e-4

    def __post_init__(self) -> None:
        _at_least_one(self, "steps", "copying_updates", "copied_walks", "num_envs", "episode_steps")
        _share(self, "mid_stride")


def _at_least_one(settings: object, *names: str) -> None:
    for name in names:
        if getattr(settings, name) < 1:
            raise ValueError(f"{name} must be at least 1, got {getattr(settings, name)}")


def _share(settings: object, *names: str) -> None:
    for name in names:
        if not 0 <= getattr(settings, name) <= 1:
            raise ValueError(f"{name} must be in [0, 1], got {getattr(settings, name)}")
