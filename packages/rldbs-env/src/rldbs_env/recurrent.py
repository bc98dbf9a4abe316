"""A trained policy that remembers: long short-term memory in numpy."""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from rldbs_env.sight import PolicyError, Sight, as_kicks

__all__ = ["RecurrentPolicy"]


@dataclass(frozen=True, kw_only=True)
class RecurrentPolicy(Sight):
    """Long short-term memory: ``kick = kick_scale * clip(readout h, -1, 1)``.

    The cell has no biases: where the field is constant its memory halves from step to step, and the
    stimulation dies away. It is not odd.

    Attributes:
        inputs: Weights of the samples, shape (4 units, n_inputs): input gate, forget gate,
            candidate, output gate.
        recurrent: Weights of the cell's last output, shape (4 units, units).
        readout: Shape (1, units).

    Raises:
        PolicyError: Weights are not finite or of another shape.
    """

    WEIGHTS: ClassVar[tuple[str, ...]] = ("inputs", "recurrent", "readout")

    inputs: NDArray[np.float32]
    recurrent: NDArray[np.float32]
    readout: NDArray[np.float32]

    def __post_init__(self) -> None:
        super().__post_init__()
        units = self.readout.shape[-1]
        wanted = {
            "inputs": (4 * units, self.n_inputs), "recurrent": (4 * units, units),
            "readout": (1, units),
        }  # fmt: skip
        for name, shape in wanted.items():
            weights = getattr(self, name)
            if weights.shape != shape or not np.isfinite(weights).all():
                raise PolicyError(
                    f"{name} must hold finite weights of shape {shape}, got {weights.shape}"
                )

    def predict(
        self,
        observation: NDArray[Any],
        state: Any = None,
        episode_start: NDArray[np.bool_] | None = None,
        deterministic: bool = True,
    ) -> tuple[NDArray[np.float32], Any]:
        """Kicks for these observations, and the memory for the next call.

        Args:
            observation: As for `samples`.
            state: What the last call returned, shape (2, envs, units); None at the start.
            episode_start: True, shape (envs,), where the memory is to be empty; None for nowhere.
            deterministic: The policy acts by its mean; accepted for the common interface.

        Raises:
            ValueError: If the observation does not hold these signals and this window.
        """
        seen = self.samples(observation)
        units = self.readout.shape[1]
        memory = np.zeros((2, len(seen), units), np.float32) if state is None else state
        if episode_start is not None:
            memory = np.where(np.reshape(episode_start, (-1, 1)), np.float32(0), memory)
        last, cell = memory
        gates = seen @ self.inputs.T + last @ self.recurrent.T
        admit, keep, candidate, give = np.split(gates, 4, axis=1)
        cell = _sigmoid(keep) * cell + _sigmoid(admit) * np.tanh(candidate)
        last = _sigmoid(give) * np.tanh(cell)
        kicks = self.kick_scale * np.clip(last @ self.readout.T, -1, 1)
        return as_kicks(kicks, observation), np.stack([last, cell])

    def tensors(self) -> dict[str, NDArray[np.float32]]:
        """The weights by the names that `load_policy` knows.

        Shapes (4 * units, inputs), (4 * units, units) and (1, units).
        """
        return {name: getattr(self, name) for name in self.WEIGHTS}

    def manifest(self) -> dict[str, Any]:
        """What must be known beside the weights, as plain values."""
        return super().manifest() | {"network": "lstm"}


def _sigmoid(values: NDArray[Any]) -> NDArray[Any]:
    return np.asarray(0.5 + 0.5 * np.tanh(0.5 * values))
