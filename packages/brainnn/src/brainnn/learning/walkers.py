"""A trained network with the body that it was trained on: what is saved, scored and shown."""

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from functools import partial
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any, cast

from brainnn.bodies.biped import BipedImitationEnv
from brainnn.bodies.clip import Clip, reference_clip
from brainnn.bodies.rewards import RewardWeights
from brainnn.learning.rollouts import Environment, NetworkController
from brainnn.networks.core import Core
from brainnn.networks.files import load_network, save_network
from brainnn.train_config import BipedTaskConfig
from neuro_common.files import FormatError

__all__ = ["Body", "TrainedWalker", "load_walker"]

# What ships, by the name under which it is asked for.
_SHIPPED = {"pretrained": "walker", "self_taught": "self_taught"}


@dataclass(frozen=True)
class Body:
    """The biped of a task; the reference is read once for all environments.

    Attributes:
        task: What the environments are told.
        clip: The reference gait.
    """

    task: BipedTaskConfig
    clip: Clip

    @classmethod
    def of(cls, task: BipedTaskConfig) -> "Body":
        """Read the reference of a task.

        Raises:
            FileNotFoundError: There is no such clip.
            FormatError: The clip is damaged.
        """
        return cls(task, reference_clip() if task.clip is None else Clip.load(task.clip))

    def environment(
        self,
        steps: int,
        *,
        imitation: float | None = None,
        reference_start: float = 0.0,
        early_end: bool = True,
        roughness: float = 1.0,
        render_mode: str | None = None,
    ) -> BipedImitationEnv:
        """Make an environment.

        Args:
            steps: Duration of an episode.
            imitation: Share of imitation in the reward; None is the task's.
            reference_start: Share of the episodes that start in a frame of the reference.
            early_end: Whether the task's early ends hold; a test does without.
            roughness: Of the ground: 1 is that of BipedalWalker-v3, 0 is level.
            render_mode: None, "human" or "rgb_array".
        """
        task = self.task
        shares = (task.imitation, task.goal) if imitation is None else (imitation, 1 - imitation)
        within = {"pose": task.pose, "velocity": task.velocity}
        if task.compat:
            weights = RewardWeights.published(*shares, **within)
        else:
            weights = RewardWeights.of(*shares, **within, fall=task.fall)
        return BipedImitationEnv(
            self.clip,
            observation=cast(Any, task.observation),
            phase=task.phase,
            weights=weights,
            steps=steps,
            reference_start=reference_start,
            max_pose_error=task.max_pose_error if early_end else None,
            max_lag=task.max_lag if early_end else None,
            compat=task.compat,
            roughness=roughness,
            render_mode=render_mode,
        )

    def test(self, steps: int, *, roughness: float = 1.0) -> Callable[[], Environment]:
        """What makes environments to test in: from the start of the course, until a fall.

        Args:
            steps: Duration of an episode.
            roughness: Of the ground.
        """
        return partial(self.environment, steps, early_end=False, roughness=roughness)


@dataclass(frozen=True, eq=False)
class TrainedWalker:
    """A network, and how it acts on which body.

    Attributes:
        core: The network.
        body: What it walks.
        squash: Whether it acts by the tanh of its outputs; else they are clipped.
        facts: How it was trained and what it scores, in plain values.
    """

    core: Core
    body: Body
    squash: bool
    facts: dict[str, Any] = field(default_factory=dict)

    def controller(self, core: Core | None = None) -> NetworkController:
        """What acts.

        Args:
            core: Another network in the place of this one, such as a lesioned copy.
        """
        return NetworkController(self.core if core is None else core, squash=self.squash)

    def save(self, directory: str | Path) -> None:
        """Write weights and manifest.

        Args:
            directory: Where to.
        """
        own = {"task": asdict(self.body.task), "squash": self.squash}
        save_network(directory, self.core, {**self.facts, **own})


def load_walker(weights: str | Path) -> TrainedWalker:
    """Read a walker.

    Args:
        weights: Directory of a training; "pretrained" is the taught walker that ships,
            "self_taught" the one that learned from reward alone.

    Raises:
        FileNotFoundError: There is none.
        FormatError: The files are damaged, or of a network that does not walk.
    """
    if str(weights) in _SHIPPED:
        with as_file(files("brainnn") / "pretrained" / _SHIPPED[str(weights)]) as directory:
            return _load(directory)
    return _load(Path(weights))


def _load(directory: Path) -> TrainedWalker:
    core, facts = load_network(directory)
    try:
        task = BipedTaskConfig(**facts.pop("task"))
        squash = bool(facts.pop("squash"))
    except (KeyError, TypeError) as error:
        raise FormatError(
            f"{directory} must hold a network that was trained to walk, got one without {error}: "
            "give the directory of `brainnn train task=biped`"
        ) from None
    return TrainedWalker(core, Body.of(task), squash, facts)
