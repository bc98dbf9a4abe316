"""A training to walk from its configuration: taught, self-taught, or taught first."""

from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from shutil import rmtree

from brainnn.connectome.graph import Connectome
from brainnn.learning.cloning import clone, reference_lesson
from brainnn.learning.dagger import learn_from
from brainnn.learning.reinforce import Stage, reinforce
from brainnn.learning.teacher import Teacher, load_teacher
from brainnn.learning.walkers import Body, TrainedWalker, load_walker
from brainnn.networks.core import Core
from brainnn.networks.files import load_network, save_network
from brainnn.networks.making import make_network
from brainnn.networks.rnn import ConnectomeRNN
from brainnn.train_config import (
    BipedTaskConfig,
    CloningConfig,
    DaggerConfig,
    DaggerThenPPOConfig,
    PPOConfig,
    TrainConfig,
)

__all__ = ["COLUMNS", "planned_steps", "stages_of", "train_walker"]

COLUMNS = ("reward", "ends", "loss", "episode_steps", "kl", "std", "value_loss", "fps")
"""What is followed of a training, after the part that it belongs to; NaN where that has it not."""

Report = Callable[[int, str, Mapping[str, float]], None]


def train_walker(
    config: TrainConfig,
    connectome: Connectome,
    directory: Path,
    *,
    report: Report = lambda step, part, row: None,
) -> TrainedWalker:
    """Train a network to walk; what is found in the directory is taken up.

    Args:
        config: Of the training, with ``task=biped``.
        connectome: The wiring, or what the wiring is drawn from.
        directory: Where ``checkpoints/`` goes.
        report: Called now and then with the steps so far, "cloning", "dagger" or "ppo", and
            `COLUMNS`.

    Raises:
        ValueError: The configuration does not fit together, or to its weights.
        FormatError: A checkpoint is damaged, or of another training.
    """
    body, (taught, rewarded) = _body(config), _parts(config)
    body.test(config.test_steps)().close()  # a test that cannot be is refused before the training
    core = _first_network(config, body, connectome)
    done = 0
    if taught is not None:
        core = _teach(core, body, taught, config.seed, directory, report)
        done = _labelled_steps(taught, body)
    if rewarded is not None:
        _reinforce(core, body, rewarded, config.seed, directory, report, done)
    return TrainedWalker(core, body, _squash(config), {"learning": asdict(config.learning)})


def planned_steps(config: TrainConfig) -> int:
    """Environment steps of all parts of a training.

    Args:
        config: Of the training, with ``task=biped``.

    Raises:
        ValueError: The configuration does not fit together.
    """
    taught, rewarded = _parts(config)
    labelled = _labelled_steps(taught, _body(config)) if taught else 0
    return labelled + (rewarded.steps + rewarded.goal_steps if rewarded else 0)


def stages_of(learning: PPOConfig, task: BipedTaskConfig) -> list[Stage]:
    """The curriculum: the task's reward with ever more starts at rest, then the goal alone.

    Args:
        learning: How long, and where episodes start.
        task: What imitation counts.

    Raises:
        ValueError: There is no share of starts in the reference, or there are more than steps.
    """
    shares = learning.reference_start
    if not 1 <= len(shares) <= learning.steps:
        raise ValueError(
            f"learning.reference_start must be 1 to {learning.steps} shares (learning.steps), "
            f"got {shares}"
        )
    imitation = task.imitation / (task.imitation + task.goal)
    ends = [learning.steps * part // len(shares) for part in range(len(shares) + 1)]
    stages = [
        Stage(last - first, imitation, share, learning.episode_steps)
        for first, last, share in zip(ends, ends[1:], shares, strict=False)
    ]
    if learning.goal_steps:
        stages.append(Stage(learning.goal_steps, 0.0, 0.0, learning.episode_steps))
    return stages


def _body(config: TrainConfig) -> Body:
    if not isinstance(config.task, BipedTaskConfig):
        raise ValueError(f"task must be biped to train a walker, got {config.task.name!r}")
    return Body.of(config.task)


def _parts(config: TrainConfig) -> tuple[CloningConfig | DaggerConfig | None, PPOConfig | None]:
    learning = config.learning
    if isinstance(learning, DaggerThenPPOConfig):
        return learning.dagger, learning.ppo
    if isinstance(learning, CloningConfig | DaggerConfig):
        return learning, None
    if isinstance(learning, PPOConfig):
        return None, learning
    raise ValueError(
        f"learning must be cloning, dagger, ppo or dagger_then_ppo, got {learning.name!r}"
    )


def _squash(config: TrainConfig) -> bool:
    return any(part.squash for part in _parts(config) if part is not None)


def _labelled_steps(learning: CloningConfig | DaggerConfig, body: Body) -> int:
    if isinstance(learning, CloningConfig):
        return learning.rounds * body.clip.steps
    return learning.rounds * learning.num_envs * learning.segment_steps


def _first_network(config: TrainConfig, body: Body, connectome: Connectome) -> Core:
    env = body.environment(1)
    (channels,), (actions,) = env.observation_space.shape or (0,), env.action_space.shape or (0,)
    env.close()
    if config.weights is None:
        return make_network(config.network, connectome, channels, actions, seed=config.seed)
    walker = load_walker(config.weights)
    core = walker.core
    _check_kind(config.network.name, connectome, core)
    if walker.squash != _squash(config):
        raise ValueError(
            f"learning.squash must be {walker.squash}, as it was for the weights, got "
            f"{not walker.squash}: the same outputs would be other actions"
        )
    if (core.channels, core.actions) != (channels, actions):
        raise ValueError(
            f"weights must be of a network with {channels} channels and {actions} actions for this "
            f"task, got {core.channels} and {core.actions}: set task.phase and task.observation as "
            "they were"
        )
    return core


def _check_kind(network: str, connectome: Connectome, core: Core) -> None:
    """Refuse weights of another network: its wiring comes with them, and nothing else is asked."""
    wanted = {"connectome": connectome.name, "dense": "dense", "gru": "gru", "mlp": "mlp"}
    name = wanted.get(network, f"{connectome.name}, {network}")
    found = core.connectome.name if isinstance(core, ConnectomeRNN) else core.kind
    if found != name:
        raise ValueError(
            f"weights must be of the network that is asked for, {name} (network={network} on "
            f"{connectome.name}), got those of {found}: give network= and connectome= as they were"
        )


def _teach(
    core: Core,
    body: Body,
    learning: CloningConfig | DaggerConfig,
    seed: int,
    directory: Path,
    report: Report,
) -> Core:
    """Learn from labels; the result is a file, for a resumed training to go on from."""
    kept = directory / "checkpoints" / "taught"
    lessons = directory / "checkpoints" / "lessons"

    def tell(steps: int, row: Mapping[str, float]) -> None:
        report(steps, learning.name, _row(row))

    if not (kept / "manifest.json").is_file():
        if isinstance(learning, CloningConfig):
            reference = reference_lesson(body.environment(1))
            clone(*reference, core, learning, seed=seed, directory=lessons, report=tell)
        else:
            teacher = load_teacher() if learning.teacher is None else Teacher.load(learning.teacher)
            steps = learning.episode_steps
            learn_from(
                teacher.act,
                core,
                lambda: body.environment(steps, early_end=False),
                learning,
                seed=seed,
                directory=lessons,
                report=tell,
            )
        save_network(kept, core)
        rmtree(lessons)
    # read in any case, so that a resumed training has the same in memory as one in one go
    return load_network(kept)[0]


def _reinforce(
    core: Core,
    body: Body,
    learning: PPOConfig,
    seed: int,
    directory: Path,
    report: Report,
    done: int,
) -> None:
    reinforce(
        core,
        lambda stage: body.environment(
            stage.episode_steps,
            imitation=stage.imitation,
            reference_start=stage.reference_start,
            early_end=stage.imitation > 0,  # who does not imitate may be somewhere else
        ),
        stages_of(learning, body.task),
        learning,
        directory,
        seed=seed,
        report=lambda steps, row: report(done + steps, "ppo", _row(row)),
    )


def _row(row: Mapping[str, float]) -> dict[str, float]:
    return {name: float(row.get(name, float("nan"))) for name in COLUMNS}
