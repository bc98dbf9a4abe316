"""A training to walk from its configuration: taught, self-taught, or taught first."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import Any

from brainnn.connectome.graph import Connectome
from brainnn.learning.dagger import Dagger, learn_from
from brainnn.learning.reinforce import PPO, Stage, reinforce
from brainnn.learning.teacher import Teacher, load_teacher
from brainnn.learning.walkers import Body, TrainedWalker, load_walker
from brainnn.networks.core import Core
from brainnn.networks.files import load_network, save_network
from brainnn.networks.making import make_network
from brainnn.train_config import (
    BipedTaskConfig,
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
        report: Called now and then with the steps so far, "dagger" or "ppo", and `COLUMNS`.

    Raises:
        ValueError: The configuration does not fit together.
        FormatError: A checkpoint is damaged, or of another training.
    """
    task, learning = config.task, config.learning
    if not isinstance(task, BipedTaskConfig):
        raise ValueError(f"task must be biped to train a walker, got {task.name!r}")
    taught, rewarded = _parts(config)
    body = Body.of(task)
    core = _first_network(config, body, connectome)
    done = 0
    if taught is not None:
        core = _teach(core, body, taught, config.seed, directory, report)
        done = taught.rounds * taught.envs * taught.segment_steps
    if rewarded is not None:
        _reinforce(core, body, rewarded, config.seed, directory, report, done)
    squash = any(part.squash for part in (taught, rewarded) if part is not None)
    return TrainedWalker(core, body, squash, {"learning": asdict(learning)})


def planned_steps(config: TrainConfig) -> int:
    """Environment steps of all parts of a training.

    Args:
        config: Of the training.
    """
    taught, rewarded = _parts(config)
    labelled = taught.rounds * taught.envs * taught.segment_steps if taught else 0
    return labelled + (rewarded.steps + rewarded.goal_steps if rewarded else 0)


def stages_of(learning: PPOConfig, task: BipedTaskConfig) -> list[Stage]:
    """The curriculum: the task's reward, then the goal alone.

    Args:
        learning: How long, and where episodes start.
        task: What imitation counts.
    """
    imitation = task.imitation / (task.imitation + task.goal)
    stages = [
        Stage(learning.steps, imitation, learning.reference_start, learning.episode_steps),
    ]
    if learning.goal_steps:
        stages.append(Stage(learning.goal_steps, 0.0, 0.0, learning.episode_steps))
    return stages


def _parts(config: TrainConfig) -> tuple[DaggerConfig | None, PPOConfig | None]:
    learning = config.learning
    if isinstance(learning, DaggerThenPPOConfig):
        return learning.dagger, learning.ppo
    if isinstance(learning, DaggerConfig):
        return learning, None
    if isinstance(learning, PPOConfig):
        return None, learning
    raise ValueError(f"learning must be dagger, ppo or dagger_then_ppo, got {learning.name!r}")


def _first_network(config: TrainConfig, body: Body, connectome: Connectome) -> Core:
    env = body.environment(1)
    (channels,), (actions,) = env.observation_space.shape or (0,), env.action_space.shape or (0,)
    env.close()
    if config.weights is None:
        return make_network(config.network, connectome, channels, actions, seed=config.seed)
    core = load_walker(config.weights).core
    if (core.channels, core.actions) != (channels, actions):
        raise ValueError(
            f"weights must be of a network with {channels} channels and {actions} actions for this "
            f"task, got {core.channels} and {core.actions}: set task.phase and task.observation as "
            "they were"
        )
    return core


def _teach(
    core: Core, body: Body, learning: DaggerConfig, seed: int, directory: Path, report: Report
) -> Core:
    """Learn from the teacher; the result is a file, for a resumed training to go on from."""
    kept = directory / "checkpoints" / "taught"
    if not (kept / "manifest.json").is_file():
        teacher = load_teacher() if learning.teacher is None else Teacher.load(learning.teacher)
        learn_from(
            teacher.act,
            core,
            lambda: body.environment(learning.episode_steps, early_end=False),
            Dagger(**_shared(learning, Dagger)),
            seed=seed,
            report=lambda steps, row: report(steps, "dagger", _row(row)),
        )
        save_network(kept, core)
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
    settings = PPO(**_shared(learning, PPO))
    reinforce(
        core,
        lambda stage: body.environment(
            stage.episode_steps, imitation=stage.imitation, reference_start=stage.reference_start
        ),
        stages_of(learning, body.task),
        replace(settings, critic_hidden=tuple(learning.critic_hidden)),
        directory,
        seed=seed,
        checkpoint_steps=learning.checkpoint_steps,
        report=lambda steps, row: report(done + steps, "ppo", _row(row)),
    )


def _shared(config: DaggerConfig | PPOConfig, settings: type[Dagger] | type[PPO]) -> dict[str, Any]:
    return {one.name: getattr(config, one.name) for one in fields(settings)}


def _row(row: Mapping[str, float]) -> dict[str, float]:
    return {name: float(row.get(name, float("nan"))) for name in COLUMNS}
