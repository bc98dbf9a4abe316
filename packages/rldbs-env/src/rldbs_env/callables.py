"""Any function or network as a controller, so that it can be tested as the shipped ones are.

A network of torch is told by ``module``; torch itself is not imported here.
"""

import math
import sys
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rldbs_env.laws import Memory

__all__ = ["CallableController"]


@dataclass(frozen=True, eq=False, kw_only=True)
class CallableController:
    """What ``act`` says of observations, as kicks.

    A law without memory, and a recurrent network that sees the newest sample alone::

        CallableController(act=lambda seen: -0.4 * seen[:, -1:])
        CallableController(
            act=lambda seen, state: network(seen[:, None, -1:], state),
            module=network, stateful=True, window=250, kick_scale=0.05,
        )

    Attributes:
        act: From observations (envs, features) to outputs (envs, electrodes), of which 1 is the
            largest kick; a time axis of length 1 may lie between. If ``stateful``, from these and
            the state of the last call, None at the start, to outputs and the next state.
        signals: Signals that it sees, in order.
        window: Samples of each; ``features`` is their number times that of signals and sensors.
        kick_scale: Kick of an output of 1; outputs are clipped to [-1, 1].
        stateful: Whether ``act`` takes and gives a state.
        initial_state: Number of environments to their first state, an array or tensor whose first
            axis is envs. Without it ``act`` is given None, and episodes must start together.
        module: The torch module in ``act``, if there is one: observations are then tensors of the
            dtype and on the device of its parameters, and nothing is kept for gradients.

    Raises:
        ValueError: ``window`` or ``kick_scale`` is out of its range.
    """

    act: Callable[..., Any]
    signals: tuple[str, ...] = ("x",)
    window: int = 1
    kick_scale: float = 1.0
    stateful: bool = False
    initial_state: Callable[[int], Any] | None = None
    module: Any = None

    def __post_init__(self) -> None:
        if self.window < 1:
            raise ValueError(f"window must be at least 1, got {self.window}")
        if not (math.isfinite(self.kick_scale) and self.kick_scale > 0):
            raise ValueError(f"kick_scale must be finite and above 0, got {self.kick_scale}")

    @property
    def max_kick(self) -> float:
        """Largest absolute kick: what the environment must admit."""
        return self.kick_scale

    def predict(
        self,
        observation: NDArray[Any],
        state: Memory = None,
        episode_start: NDArray[np.bool_] | None = None,
        deterministic: bool = True,
    ) -> tuple[NDArray[np.float32], Memory]:
        """Kicks for these observations, and the memory for the next call.

        Args:
            observation: Shape (features,) or (envs, features).
            state: What the last call returned; None at the start.
            episode_start: True where a new episode began, shape (envs,); None for nowhere.
            deterministic: Accepted for the common interface.

        Returns:
            Kicks, shape (electrodes,) or (envs, electrodes), and the memory.

        Raises:
            ValueError: The observation does not hold these signals and this window, ``act`` gives
                other than one row of finite numbers per environment, or some episodes begin and
                there is no ``initial_state``.
        """
        values = np.asarray(observation)
        rows = len(self.signals) * self.window
        if values.ndim not in (1, 2) or values.shape[-1] == 0 or values.shape[-1] % rows:
            raise ValueError(
                f"this controller needs observations of a multiple of {rows} features: make the "
                f"environment with signals={self.signals}, window={self.window}; got shape "
                f"{values.shape}"
            )
        batch = np.atleast_2d(values)
        seen, frozen = self._seen(batch)
        with frozen:
            if self.stateful:
                state = self._begun(state, len(batch), episode_start)
                outputs, state = self.act(seen, state)
            else:
                outputs = self.act(seen)
        found = np.asarray(outputs if self.module is None else outputs.detach().cpu())
        if found.size == 0 or found.shape[:1] != (len(batch),) or not np.isfinite(found).all():
            raise ValueError(
                f"act must give finite outputs of shape ({len(batch)}, electrodes), got shape "
                f"{found.shape}" + ("" if np.isfinite(found).all() else " with NaN or infinity")
            )
        kicks = self.kick_scale * np.clip(found, -1, 1)
        return kicks.astype(np.float32).reshape(*values.shape[:-1], -1), state

    def _seen(self, batch: NDArray[Any]) -> tuple[Any, Any]:
        """Observations as ``act`` takes them, and the context to call it in."""
        if self.module is None:
            return batch, nullcontext()
        torch = sys.modules["torch"]  # who has a module has imported it
        like = next(self.module.parameters(), torch.empty(0))
        return torch.as_tensor(batch, dtype=like.dtype, device=like.device), torch.no_grad()

    def _begun(self, state: Memory, envs: int, episode_start: NDArray[np.bool_] | None) -> Memory:
        """The state to act from: the first one where an episode has just begun."""
        starts = np.zeros(envs, np.bool_) if episode_start is None else np.asarray(episode_start)
        starts = starts.astype(np.bool_).reshape(envs)
        if state is None or starts.all():
            return None if self.initial_state is None else self.initial_state(envs)
        if not starts.any():
            return state
        if self.initial_state is None:
            raise ValueError(
                f"{int(starts.sum())} of {envs} episodes begin: give initial_state, so that these "
                "alone start anew"
            )
        first = self.initial_state(envs)
        state = state.copy() if isinstance(state, np.ndarray) else state.clone()
        for env in np.flatnonzero(starts).tolist():
            state[env] = first[env]
        return state
