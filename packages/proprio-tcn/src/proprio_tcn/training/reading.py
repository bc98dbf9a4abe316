"""How the outputs of a network are read: on which scale they are, and at which times."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, cast

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from proprio_tcn.tasks.sixteen import Task
from proprio_tcn.tasks.targets import Interpolation, TargetScale, interpolation_matrix
from proprio_tcn.training.settings import TrainSettings

__all__ = ["Reading", "Told"]


class Told(NamedTuple):
    """What a network can be told beside the spindles.

    Attributes:
        moving: Bins of the movement ``(n, bins)``; only networks with a masked norm read it.
        target: Of a reach ``(n, 3, bins)`` in cm, for torques.
    """

    moving: Tensor | None
    target: Tensor | None


class Reading:
    """From bins to outputs of a network and back.

    Targets are taken at the exact centres of outputs, and outputs are interpolated back to bins:
    nothing is stretched, whatever the strides.

    Args:
        task: What the network is asked.
        scale: Of its targets; None for a task that is no regression.
        centres: Bin of the movement that each output stands for ``(outputs in time,)``.
        bins: Of a movement.
        settings: Interpolation and precision.
        blank: Spindles that the network takes for nothing ``(muscles, 1, 2)``; None is zero.
        device: That of the network.
    """

    def __init__(
        self,
        task: Task,
        scale: TargetScale | None,
        centres: ArrayLike,
        bins: int,
        settings: TrainSettings,
        blank: Tensor | None = None,
        *,
        device: str | torch.device = "cpu",
    ) -> None:
        self.blank = blank
        self.task, self.scale, self.settings = task, scale, settings.for_task(task.name)
        self.device = torch.device(device)
        every = np.arange(bins)
        at = every if task.head == "decode" else np.asarray(centres)
        self._whole = np.array_equal(at, every)
        kind = cast("Interpolation", settings.interpolation)
        self._sampling = interpolation_matrix(every, at).T.astype(np.float32)
        self._filling = interpolation_matrix(at, every, kind).T.astype(np.float32)
        self._at = np.clip(at, 0, bins - 1)

    def sample(self, values: NDArray[Any]) -> NDArray[np.float32]:
        """Values of all bins ``(n, channels, bins)`` at the times of the outputs."""
        return np.asarray(values if self._whole else values @ self._sampling, np.float32)

    def at_outputs(self, spindle: NDArray[Any]) -> NDArray[Any]:
        """Spindles ``(n, muscles, bins, 2)`` of the bins that outputs stand for."""
        return spindle if self._whole else spindle[:, :, self._at]

    def teach(self, values: NDArray[Any], spindle: NDArray[Any]) -> NDArray[np.float32]:
        """Targets of all bins in units as outputs are to give them."""
        return self._scale.standardise(self.sample(values), self.at_outputs(spindle))

    def restore(self, outputs: NDArray[Any], spindle: NDArray[Any]) -> NDArray[np.float32]:
        """Outputs ``(n, channels, outputs in time)`` in units."""
        return self._scale.restore(outputs, self.at_outputs(spindle))

    def fill(self, outputs: NDArray[Any], spindle: NDArray[Any]) -> NDArray[np.float32]:
        """Outputs ``(n, channels, outputs in time)`` in units at all bins.

        Between outputs that are 160 ms apart strokes are lost: it is the outputs that were learnt.
        """
        every = outputs if self._whole else outputs @ self._filling
        return self._scale.restore(every, spindle)

    def moving(self, batch: Mapping[str, NDArray[Any]]) -> NDArray[np.bool_]:
        """Which outputs are of the movement ``(n, outputs in time)``."""
        return self.sample(batch["moving"][:, None].astype(np.float32))[:, 0] >= 0.5

    def tensor(self, values: NDArray[Any]) -> Tensor:
        """An array on the device."""
        return torch.from_numpy(np.ascontiguousarray(values)).to(self.device)

    def run(self, network: Callable[..., Tensor], spindle: Tensor, told: Told) -> Tensor:
        """Outputs of a network in single precision, computed in the precision of the settings.

        Args:
            network: From spindles, moving bins and the target of a reach.
            spindle: ``(n, muscles, bins, 2)``.
            told: The rest.

        Returns:
            As :meth:`finish`.
        """
        with self.precision():
            return self.finish(network(spindle, told.moving, told.target))

    def precision(self) -> torch.autocast:
        """The context that networks are to be called in."""
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.settings.amp)

    def finish(self, outputs: Tensor) -> Tensor:
        """Outputs in single precision; spindles become lengths, then velocities.

        Args:
            outputs: As the head gives them.

        Returns:
            Of the same shape, but for spindles ``(n, 2 muscles, bins)``.
        """
        if self.task.head == "decode":
            outputs = outputs.movedim(3, 1).flatten(1, 2)
        return outputs.float()

    def tell(self, batch: Mapping[str, NDArray[Any]]) -> Told:
        """What a network is told beside the spindles.

        Args:
            batch: Of a movement set, with what the task is conditioned on.
        """
        moving = self.tensor(batch["moving"].astype(bool)) if "moving" in batch else None
        condition = self.task.condition
        return Told(moving, None if condition is None else self.tensor(batch[condition]))

    def predict(
        self, network: Callable[..., Tensor], batch: Mapping[str, NDArray[Any]]
    ) -> NDArray[np.float32]:
        """What a network says of a batch.

        Args:
            network: In its mode for use.
            batch: With spindles, and what the task is conditioned on.

        Returns:
            Values in units ``(n, channels, bins)`` of a regression, else the outputs as they are.
        """
        with torch.no_grad():
            outputs = self.run(network, self.tensor(batch["spindle"]), self.tell(batch))
        found = outputs.cpu().numpy()
        return np.asarray(found) if self.scale is None else self.fill(found, batch["spindle"])

    @property
    def _scale(self) -> TargetScale:
        if self.scale is None:
            raise ValueError(f"{self.task.name} has no targets over time, so nothing to scale")
        return self.scale
