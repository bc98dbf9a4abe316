"""Trained networks with all that is needed to use them, and their files."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor, nn

from neuro_common.checkpoint import load_checkpoint, save_checkpoint
from neuro_common.device import checked_device
from neuro_common.files import FormatError
from proprio_tcn.movements.format import BINS
from proprio_tcn.networks.geometry import published_target_bins
from proprio_tcn.networks.head_settings import PROJECTED, HeadSettings
from proprio_tcn.networks.making import Network, build_network, network_from_facts
from proprio_tcn.networks.settings import TrunkSettings
from proprio_tcn.tasks.sixteen import Task, get_task
from proprio_tcn.tasks.targets import TargetScale
from proprio_tcn.training.batches import Movements
from proprio_tcn.training.input_scale import ScaledTrunk
from proprio_tcn.training.lesson import Evaluation, evaluate
from proprio_tcn.training.reading import Reading
from proprio_tcn.training.settings import TrainSettings
from proprio_tcn.training.shipped import find_network
from proprio_tcn.training.spindle_encoding import SpindleEncoding

__all__ = ["Trained", "load_network", "save_network"]

_KIND = "proprio-tcn/network"
_NETWORK = "network."
_HEAD = "head."
_BEFORE = {"linear_path": False, "bottleneck": 0}  # of manifests that do not name them
_SCALE = "target_"


@dataclass(frozen=True, eq=False)
class Trained:
    """A network with its task.

    Attributes:
        network: Trunk and head.
        task: What it was taught.
        muscles: Names of the muscles that it sees, in order.
        scale: Of the targets; None for a task that is no regression.
        settings: How it was trained.
        metrics: Scores by name, ``validation_`` or ``test_`` before what `Evaluation.row` calls
            them.
        facts: What else was told: origin, command, movements.
    """

    network: Network
    task: Task
    muscles: tuple[str, ...]
    scale: TargetScale | None
    settings: TrainSettings
    metrics: dict[str, float] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def untrained(
        cls,
        task: Task,
        trunk: TrunkSettings,
        muscles: tuple[str, ...],
        *,
        scale: TargetScale | None,
        settings: TrainSettings,
        seed: int,
        inputs: NDArray[np.float64] | None = None,
        encoding: SpindleEncoding | None = None,
        bins: int = BINS,
        device: str | torch.device = "cpu",
    ) -> Self:
        """A network as every training of these settings and this seed begins.

        Args:
            task: What it is to be taught.
            trunk: Settings of its trunk.
            muscles: Names of the muscles that it sees.
            scale: Of the targets.
            settings: How it is to be trained.
            seed: Of its first weights.
            inputs: Scale of the spindles, of
                `proprio_tcn.training.input_scale.spindle_scale`; None leaves them in mm and mm/s,
                as published.
            encoding: What becomes of lengths and velocities before that; None leaves them.
            bins: Of a movement.
            device: Where it goes.
        """
        settings = settings.for_task(task.name)
        outputs = task.outputs(len(muscles)) or PROJECTED
        head = HeadSettings(
            task.head, outputs, settings.readout, settings.dropout, settings.bottleneck
        )
        network = build_network(trunk, head, len(muscles), seed, bins=bins)
        if inputs is not None or encoding is not None:
            network.trunk = ScaledTrunk.of(network.trunk, inputs, encoding)
        network.to(device)
        return cls(network, task, muscles, scale, settings, facts={"origin": "untrained"})

    def begin(self) -> Self:
        """The network as its training began, on the same scales, with no way around the trunk."""
        trunk = self.network.trunk
        scale = None if self.scale is None else replace(self.scale, slopes=None)
        inputs = None
        if isinstance(trunk, ScaledTrunk):
            both = torch.stack([trunk.input_mean, trunk.input_scale])[:, :, 0]
            inputs = both.double().cpu().numpy()
        return self.untrained(
            self.task,
            trunk.settings,
            self.muscles,
            scale=scale,
            settings=self.settings,
            seed=self.network.seed,
            inputs=inputs,
            encoding=self.encoding,
            bins=trunk.bins,
            device=self.device,
        )

    @property
    def device(self) -> torch.device:
        """Where the network is."""
        return next(self.network.parameters()).device

    @property
    def encoding(self) -> SpindleEncoding | None:
        """What becomes of lengths and velocities before the network sees them."""
        trunk = self.network.trunk
        return trunk.encoding if isinstance(trunk, ScaledTrunk) else None

    @property
    def reading(self) -> Reading:
        """How the outputs are read."""
        trunk = self.network.trunk
        blank = trunk.blank if isinstance(trunk, ScaledTrunk) else None
        centres: ArrayLike = self.network.centres
        if self.settings.compat_alignment:
            centres = published_target_bins(len(self.network.centres), trunk.bins)
        return Reading(
            self.task, self.scale, centres, trunk.bins, self.settings, blank, device=self.device
        )

    @property
    def validation_metric(self) -> float:
        """What `Evaluation.metric` was on validation; NaN where it was never scored."""
        if self.task.head == "project":
            return -self.metrics.get("validation_loss", math.nan)
        names = ["accuracy"]
        if self.task.is_regression:
            names = [f"{target.name}_movement_r2" for target in self.task.targets]
        return float(np.mean([self.metrics.get(f"validation_{one}", math.nan) for one in names]))

    def predict(self, batch: Mapping[str, NDArray[Any]]) -> NDArray[np.float32]:
        """What the network says of a batch, see `Reading.predict`."""
        return self.reading.predict(self.network.eval(), batch)

    def evaluate(self, movements: Movements) -> Evaluation:
        """Scores on movements.

        Args:
            movements: Of the muscles that the network sees.

        Raises:
            ValueError: They are of other muscles.
        """
        if tuple(movements.muscles) != self.muscles:
            raise ValueError(
                f"movements must be of the network's {len(self.muscles)} muscles "
                f"({', '.join(self.muscles[:3])}, ...), got {len(movements.muscles)} "
                f"({', '.join(movements.muscles[:3])}, ...)"
            )
        return evaluate(self.reading, self.network.eval(), movements, self.network.seed)


def save_network(directory: str | Path, trained: Trained) -> None:
    """Write a network, whole or not at all.

    The projection of redundancy reduction is left out: it serves its training alone. What was
    learnt with ``half_weights`` is kept as float16.

    Args:
        directory: Where ``weights.safetensors`` and ``manifest.json`` go.
        trained: The network.
    """
    learnt = dict(trained.network.named_parameters())
    halved = learnt.keys() if trained.settings.half_weights else ()
    tensors: dict[str, NDArray[Any] | Tensor] = {
        f"{_NETWORK}{name}": (tensor.half() if name in halved else tensor).contiguous()
        for name, tensor in trained.network.state_dict().items()
        if trained.task.head != "project" or not name.startswith(_HEAD)
    }
    if trained.scale is not None:
        parts = asdict(trained.scale)
        tensors |= {f"{_SCALE}{name}": one for name, one in parts.items() if one is not None}
    manifest = {
        "kind": _KIND,
        "task": trained.task.name,
        "network": trained.network.facts(),
        "muscles": list(trained.muscles),
        "settings": asdict(trained.settings),
        # JSON has no NaN
        "metrics": {k: v if math.isfinite(v) else None for k, v in trained.metrics.items()},
        "facts": dict(trained.facts),
    }
    if trained.encoding is not None:
        manifest["encoder"] = trained.encoding.facts()
    save_checkpoint(directory, tensors, manifest)


class _LeftOut(nn.Module):
    """In the place of a head that was not kept."""

    def forward(self, *_: Any) -> Tensor:
        raise ValueError(
            "redundancy_reduction keeps no projection, which its training alone needs: take the "
            "trunk, and for a score its test_probe_accuracy"
        )


def load_network(directory: str | Path, *, device: str = "cpu") -> Trained:
    """Read what :func:`save_network` wrote; predictions are the same to the last bit.

    Args:
        directory: That of a training run, any that was written to, or the name of a network that
            ships, such as "pretrained/hand_position", see
            `proprio_tcn.training.shipped.shipped_networks`.
        device: Where the network goes, see :func:`neuro_common.device.checked_device`.

    Raises:
        ValueError: Torch has no such device here.
        FileNotFoundError: There are no weights, or no manifest, or no network of that name ships.
        FormatError: They are damaged, or of something else.
    """
    found = checked_device(device)
    directory = find_network(directory)
    tensors, manifest = load_checkpoint(directory)
    if manifest.get("kind") != _KIND:
        raise FormatError(
            f"{directory} must hold a network of proprio-tcn, got {manifest.get('kind')!r}"
        )
    try:
        task = get_task(manifest["task"])
        network = network_from_facts(manifest["network"])
        state = {
            name.removeprefix(_NETWORK): torch.from_numpy(np.array(one))
            for name, one in tensors.items()
            if name.startswith(_NETWORK)
        }
        if "trunk.input_mean" in state:
            told = manifest.get("encoder")
            encoding = None if told is None else SpindleEncoding.of_facts(told)
            network.trunk = ScaledTrunk.of(network.trunk, encoding=encoding)
        if task.head == "project" and not any(name.startswith(_HEAD) for name in state):
            network.head = _LeftOut()
        network.load_state_dict(state)
        scale = {
            name.removeprefix(_SCALE): one
            for name, one in tensors.items()
            if name.startswith(_SCALE)
        }
        settings = _BEFORE | manifest["settings"]
        settings.pop("device", None)  # earlier ones told where they were trained
        return Trained(
            network.to(found).eval(),
            task,
            tuple(manifest["muscles"]),
            TargetScale(**scale) if task.is_regression else None,
            TrainSettings(**settings),
            {k: math.nan if v is None else v for k, v in manifest["metrics"].items()},
            manifest["facts"],
        )
    except (KeyError, TypeError, ValueError, RuntimeError, AttributeError) as error:
        raise FormatError(
            f"{directory} is no whole network: {error}; restore it from a copy, or train it again"
        ) from error
