"""What each algorithm can be told: one dataclass per algorithm, named as stable-baselines3 does."""

from dataclasses import dataclass, field

__all__ = [
    "ALGORITHMS",
    "A2CConfig",
    "AlgoConfig",
    "DQNConfig",
    "OffPolicyConfig",
    "OnPolicyConfig",
    "PPOConfig",
    "RecurrentPPOConfig",
    "SACConfig",
    "TD3Config",
]


@dataclass
class AlgoConfig:
    """What every algorithm is told.

    Attributes:
        name: The algorithm's name in `ALGORITHMS`.
        num_envs: Environments that play at once.
        learning_rate: At the start; it falls linearly to a fiftieth.
        gamma: Discount per step.
        hidden: Units of the hidden layers of actor and critic.

    Raises:
        ValueError: The name is another algorithm's, or a number is out of its range.
    """

    name: str = ""
    num_envs: int = 64
    learning_rate: float = 1e-3
    gamma: float = 0.99
    hidden: list[int] = field(default_factory=lambda: [32, 32])

    def __post_init__(self) -> None:
        wanted = type(self).name
        if self.name != wanted:
            raise ValueError(f"algo.name must be {wanted}, got {self.name!r}")
        for name in _COUNTS:
            value = getattr(self, name, 1)
            if value < 1:
                raise ValueError(f"algo.{name} must be at least 1, got {value}")
        if not self.hidden or min(self.hidden) < 1:
            raise ValueError(f"algo.hidden must hold layer sizes of at least 1, got {self.hidden}")
        if not 0 < self.gamma < 1:
            raise ValueError(f"algo.gamma must be in (0, 1), got {self.gamma}")
        if not self.learning_rate > 0:
            raise ValueError(f"algo.learning_rate must be above 0, got {self.learning_rate}")

    @property
    def rollout_steps(self) -> int:
        """Steps of each environment between updates."""
        raise NotImplementedError

    def kick_std(self, part: float) -> float | None:
        """Spread of the exploring kicks after that part of the training; None if not scheduled."""
        return None


_COUNTS = (
    "num_envs", "n_steps", "batch_size", "n_epochs", "lstm_units", "buffer_size", "train_freq",
    "gradient_steps", "policy_delay", "target_update_interval",
)  # fmt: skip


@dataclass
class OnPolicyConfig(AlgoConfig):
    """What algorithms that learn from their latest rollout share.

    Attributes:
        n_steps: Steps of each environment in a rollout.
        gae_lambda: Of the generalised advantage estimate.
        first_kick_std: Spread of the exploring kicks at the start, in units of x.
        last_kick_std: And at the end; geometric in between.
    """

    n_steps: int = 128
    gae_lambda: float = 0.95
    first_kick_std: float = 0.0135
    last_kick_std: float = 0.001

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_spread(self.first_kick_std, self.last_kick_std)

    @property
    def rollout_steps(self) -> int:
        """Steps of each environment between updates."""
        return self.n_steps

    def kick_std(self, part: float) -> float:
        """Spread of the exploring kicks after that part of the training."""
        return _between(self.first_kick_std, self.last_kick_std, part)


@dataclass
class PPOConfig(OnPolicyConfig):
    """Proximal policy optimisation (Schulman et al. 2017).

    Attributes:
        batch_size: Samples per gradient step.
        n_epochs: Passes over a rollout.
        clip_range: Of the probability ratio.
    """

    name: str = "ppo"
    batch_size: int = 2048
    n_epochs: int = 4
    clip_range: float = 0.2


@dataclass
class RecurrentPPOConfig(PPOConfig):
    """The same with an actor that remembers: a layer of long short-term memory without biases.

    Attributes:
        lstm_units: Units of that layer; ``hidden`` are the critic's layers.
    """

    name: str = "recurrent_ppo"
    n_steps: int = 64
    batch_size: int = 512
    last_kick_std: float = 0.002
    lstm_units: int = 32


@dataclass
class A2CConfig(OnPolicyConfig):
    """Advantage actor-critic (Mnih et al. 2016): one gradient step per rollout.

    Nothing bounds its steps: they grow as the exploring kicks become small, which therefore end
    four times as large as those of PPO.

    Attributes:
        normalize_advantage: Whether advantages are divided by their spread.
        use_rms_prop: RMSprop as in the publication; if not, Adam.
    """

    name: str = "a2c"
    num_envs: int = 16
    n_steps: int = 32
    last_kick_std: float = 0.004
    normalize_advantage: bool = True
    use_rms_prop: bool = False


@dataclass
class OffPolicyConfig(AlgoConfig):
    """What algorithms that learn from a replay buffer share.

    Attributes:
        buffer_size: Transitions that the buffer holds.
        learning_starts: Steps of random kicks before learning begins.
        batch_size: Samples per gradient step.
        tau: Part of the networks that their targets take over at each update.
        train_freq: Steps of each environment between updates.
        gradient_steps: Gradient steps of an update.
        n_steps: Steps whose rewards a value is built on, before the critic's estimate.

    Raises:
        ValueError: As for `AlgoConfig`, or the buffer is smaller than a rollout.
    """

    buffer_size: int = 200_000
    learning_starts: int = 10_000
    batch_size: int = 256
    tau: float = 0.005
    train_freq: int = 4
    gradient_steps: int = 16
    n_steps: int = 10

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 < self.tau <= 1:
            raise ValueError(f"algo.tau must be in (0, 1], got {self.tau}")
        if self.buffer_size < self.num_envs * self.n_steps:
            raise ValueError(
                "algo.buffer_size must hold n_steps of every environment, "
                f"{self.num_envs * self.n_steps} transitions, got {self.buffer_size}"
            )

    @property
    def rollout_steps(self) -> int:
        """Steps of each environment between updates."""
        return self.train_freq


@dataclass
class SACConfig(OffPolicyConfig):
    """Soft actor-critic (Haarnoja et al. 2018), which explores by the spread of its actions.

    Attributes:
        target_entropy: Of the actions, in nats, to which the price of entropy is adjusted: -3 is a
            spread of about 0.012 times ``kick_scale``.
        first_entropy_price: Price of a nat of entropy at the start, in units of the reward.

    Raises:
        ValueError: As for `OffPolicyConfig`, or the price of entropy is not above 0.
    """

    name: str = "sac"
    target_entropy: float = -3.0
    first_entropy_price: float = 0.003

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.first_entropy_price > 0:
            raise ValueError(
                f"algo.first_entropy_price must be above 0, got {self.first_entropy_price}"
            )


@dataclass
class TD3Config(OffPolicyConfig):
    """Twin delayed deterministic policy gradient (Fujimoto et al. 2018).

    Attributes:
        first_kick_std: Spread of the exploring kicks at the start, in units of x.
        last_kick_std: And at the end; geometric in between.
        policy_delay: Updates of the critics per update of the actor.
        target_policy_noise: Spread of the noise on the target's actions, which are in [-1, 1].
        target_noise_clip: Largest such noise.
    """

    name: str = "td3"
    first_kick_std: float = 0.0135
    last_kick_std: float = 0.001
    policy_delay: int = 2
    target_policy_noise: float = 0.02
    target_noise_clip: float = 0.05

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_spread(self.first_kick_std, self.last_kick_std)

    def kick_std(self, part: float) -> float:
        """Spread of the exploring kicks after that part of the training."""
        return _between(self.first_kick_std, self.last_kick_std, part)


@dataclass
class DQNConfig(OffPolicyConfig):
    """Deep Q-network (Mnih et al. 2015), which chooses among the levels of its environment.

    Attributes:
        target_update_interval: Steps, of all environments together, between updates of the target.
        exploration_fraction: Part of the training over which random choices become rarer.
        exploration_initial_eps: Part of choices that are random at the start.
        exploration_final_eps: And after that.

    Raises:
        ValueError: As for `OffPolicyConfig`, or a share of exploration is out of its range.
    """

    name: str = "dqn"
    target_update_interval: int = 64
    exploration_fraction: float = 0.5
    exploration_initial_eps: float = 0.5
    exploration_final_eps: float = 0.02

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("exploration_initial_eps", "exploration_final_eps"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"algo.{name} must be in [0, 1], got {getattr(self, name)}")
        if not 0 < self.exploration_fraction <= 1:
            raise ValueError(
                f"algo.exploration_fraction must be in (0, 1], got {self.exploration_fraction}"
            )


def _check_spread(first: float, last: float) -> None:
    if not 0 < last <= first:
        raise ValueError(f"algo needs 0 < last_kick_std <= first_kick_std, got {last} and {first}")


def _between(first: float, last: float, part: float) -> float:
    return float(first ** (1 - part) * last**part)


ALGORITHMS: dict[str, type[AlgoConfig]] = {
    one.name: one
    for one in (PPOConfig, A2CConfig, RecurrentPPOConfig, SACConfig, TD3Config, DQNConfig)
}
"""What an algorithm can be told, by the name that commands use."""
