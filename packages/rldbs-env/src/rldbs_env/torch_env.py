"""Many ensembles at once on an accelerator: what goes in and what comes out are torch tensors."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec
from typing import Any

import gymnasium
import numpy as np
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space

from rldbs_env.device_rules import ROWS, DeviceRules, rules_of
from rldbs_env.interface import action_space, observation_space
from rldbs_env.settings import Settings
from rldbs_env.starts import starts_of

try:
    import torch
    from torch import Tensor
except ModuleNotFoundError as error:
    message = 'rldbs_env.torch_env needs torch: pip install "rldbs-env[gpu]"'
    raise ModuleNotFoundError(message) from error

from rldbs_env.torch_step import Bank, DeviceStep, Episodes, Results, TorchStep, next_draw

__all__ = ["TorchVectorEnv"]

_MOST_DRAWS = 2**31 - 1


class TorchVectorEnv(VectorEnv[Tensor, Tensor, Tensor]):
    """`rldbs_env.DBSVectorEnv` on a GPU: the same step, state and results stay on the device.

    Autoreset is within the same step, as there: ``info["final_obs"]`` and ``info["final_info"]``
    describe the ended episodes where ``info["_final_obs"]`` is true, until the next step.

    What is different:

    * A step never waits for the device. So an action is not refused: beyond ``max_kick`` it is
      clipped, an index of no level becomes the nearest one, and NaN diverges.
    * Episodes begin from a bank: a pool of ensembles, each settled once and kept at some phases of
      its rhythm. ``ensemble`` must be a sequence of seeds.
    * ``info`` has no masks; ``charge`` and ``kick`` are those of the step, where one has ended too.
    * There are one population, coupled all to all, any pulse, stride and levels, the signals "x",
      "y" and "action", and the rewards `QuadraticReward` and `AbsoluteReward`. Anything else is
      refused at construction.

    Args:
        num_envs: Number of environments, at least 1.
        device: Where they are: "cpu", "cuda" or "cuda:1".
        fused: Take one Triton kernel per step instead of plain torch; None for the kernel where it
            can be had. It needs a CUDA device, Triton 3.6 or later, and at most 8192 neurons.
        phases: Beginnings in the bank per ensemble.
        threads: CPU threads that make the bank.
        **settings: As for `rldbs_env.DBSEnv`; with ``dtype="float32"`` a GPU is fastest.

    Raises:
        ValueError: If the device has no such step, or a number is out of its range.
    """

    metadata: dict[str, Any] = {  # noqa: RUF012 - Gymnasium's own declaration
        "render_modes": [],
        "autoreset_mode": AutoresetMode.SAME_STEP,
    }

    def __init__(
        self,
        num_envs: int = 1,
        *,
        device: str | torch.device = "cuda",
        fused: bool | None = None,
        phases: int = 16,
        threads: int = 1,
        **settings: Any,
    ) -> None:
        if num_envs < 1:
            raise ValueError(f"num_envs must be at least 1, got {num_envs}")
        self.settings = Settings.of(settings)
        rules = rules_of(self.settings)
        self.device = _checked_device(device)
        self._bank = Bank.on(self.device, starts_of(self.settings, phases, threads))
        self._step = _step_of(rules, self._bank, fused)
        self._plain = TorchStep(rules, self._bank)
        self.num_envs = num_envs
        self.single_action_space = action_space(self.settings)
        self.single_observation_space = observation_space(self.settings)
        self.action_space = batch_space(self.single_action_space, num_envs)
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        levels = self.settings.levels
        self._levels = (
            None if levels is None else torch.tensor(levels, dtype=torch.float64, device=device)
        )
        self._index = {seed: i for i, seed in enumerate(self._bank.seeds.tolist())}
        n_features = len(rules.rows) * rules.seen
        self._now = _episodes(self._bank, num_envs)
        self._final = self._bank.state.new_zeros(num_envs, n_features)
        self._playing = False

    @property
    def fused(self) -> bool:
        """Whether a step is one kernel."""
        return not isinstance(self._step, TorchStep)

    def reset(
        self, *, seed: Any = None, options: dict[str, Any] | None = None
    ) -> tuple[Tensor, dict[str, Any]]:
        """Start an episode in every environment.

        Args:
            seed: One whole number, from which each environment gets draws of its own; None to go
                on with those that it has.
            options: ``{"ensemble": seeds}`` names the ensembles, one for all or one each; those
                that follow by autoreset are drawn from the pool again.

        Raises:
            ValueError: If the seed is a sequence, an option is unknown, or the pool has no such
                ensemble.
        """
        now = self._now
        if seed is not None or not self._playing:
            now.chaos.copy_(self._draws(seed))
        now.chaos.copy_(next_draw(now.chaos))
        starts = now.chaos % len(self._bank.state)
        if options:
            starts = self._chosen(options) * self._bank.phases + now.chaos % self._bank.phases
        self._plain.begin(now, starts, torch.ones_like(starts, dtype=torch.bool))
        self._playing = True
        return self._plain.observe(now.windows, now.heads), self._info()

    def step(self, actions: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor, dict[str, Any]]:
        """Kick every ensemble, advance it, and start anew those whose episode ended.

        Args:
            actions: On the device, one kick or index of a level per environment, shape
                (num_envs, 1) or (num_envs,).

        Returns:
            Observations (num_envs, features) and rewards in the simulation's type, terminated,
            truncated, each of shape (num_envs,), and the info.

        Raises:
            ValueError: If the shape or the device is wrong.
            gymnasium.error.ResetNeeded: Before the first reset.
        """
        if not self._playing:
            raise gymnasium.error.ResetNeeded("no episode has begun: call reset first")
        n, like = self.num_envs, self._now.fields
        if actions.shape not in ((n, 1), (n,)) or actions.device != like.device:
            raise ValueError(
                f"actions must be a tensor of shape ({n}, 1) on {like.device}, "
                f"got {tuple(actions.shape)} on {actions.device}"
            )
        results = Results(
            torch.empty_like(self._final), like.new_empty(n), like.new_empty(n, dtype=torch.bool),
            like.new_empty(n, dtype=torch.bool), self._final, like.new_empty(n, 4),
        )  # fmt: skip
        self._step(self._now, self._kicks(actions.detach().reshape(n)), results)
        ended = results.terminated | results.truncated
        mean_x, mean_y, charge, kick = results.told.unbind(1)
        delivered = {"charge": charge, "kick": kick[:, None]}
        final = {"mean_x": mean_x, "mean_y": mean_y, "diverged": results.terminated}
        info = {
            **self._info(),
            **delivered,
            "final_obs": self._final,
            "_final_obs": ended,
            "final_info": final | delivered,
            "_final_info": ended,
        }
        return results.observations, results.rewards, results.terminated, results.truncated, info

    @property
    def neurons(self) -> Tensor:
        """A copy of all neurons' state, shape (num_envs, n_variables, n_neurons)."""
        return self._now.state.clone()

    def get_state(self) -> dict[str, Tensor]:
        """Everything that the future depends on, to continue bit by bit with `set_state`.

        Each has shape (envs, ...).
        """
        return {name: tensor.clone() for name, tensor in self._now._asdict().items()}

    def set_state(self, state: Mapping[str, Tensor]) -> Tensor:
        """Continue from what `get_state` of an environment with the same settings returned.

        Returns:
            The observation of that moment.

        Raises:
            ValueError: If a tensor is missing, its type or shape is another, or it points beyond
                the windows or the pool.
        """
        wanted = self._now._asdict()
        if set(state) != set(wanted):
            raise ValueError(
                f"state must hold {', '.join(wanted)} as get_state gives them, got {list(state)}"
            )
        for name, tensor in wanted.items():
            given = state[name]
            if given.shape != tensor.shape or given.dtype != tensor.dtype:
                raise ValueError(
                    f"state[{name!r}] must be {tensor.dtype} of shape {tuple(tensor.shape)}, got "
                    f"{given.dtype} of shape {tuple(given.shape)}: same settings are needed"
                )
        bank = self._bank
        ranges = {
            "heads": (0, bank.windows.shape[2]),
            "ensembles": (0, len(bank.currents)),
            "chaos": (1, _MOST_DRAWS),
        }
        for name, (first, end) in ranges.items():
            if not bool(((state[name] >= first) & (state[name] < end)).all()):
                raise ValueError(
                    f"state[{name!r}] must be in [{first}, {end}), as that of a running episode "
                    "of the same settings is"
                )
        for name, tensor in wanted.items():
            tensor.copy_(state[name])
        self._playing = True
        return self._plain.observe(self._now.windows, self._now.heads)

    def _info(self) -> dict[str, Any]:
        fields = self._now.fields.clone()
        seeds = self._bank.seeds.index_select(0, self._now.ensembles)
        return {"mean_x": fields[:, 0], "mean_y": fields[:, 1], "ensemble": seeds}

    def _kicks(self, actions: Tensor) -> Tensor:
        if self._levels is None:
            return actions
        return self._levels.index_select(0, actions.long().clamp(0, len(self._levels) - 1))

    def _draws(self, seed: Any) -> Tensor:
        if seed is not None and not isinstance(seed, int | np.integer):
            raise ValueError(f"seed must be one whole number for all environments, got {seed!r}")
        draws = np.random.default_rng(seed).integers(1, _MOST_DRAWS, self.num_envs)
        return torch.from_numpy(draws).to(self.device)

    def _chosen(self, options: Mapping[str, Any]) -> Tensor:
        """Which ensembles of the bank the options name, shape (envs,)."""
        unknown = set(options) - {"ensemble"}
        if unknown:
            raise ValueError(f"reset takes the option 'ensemble', got {sorted(unknown)}")
        seeds = np.asarray(options["ensemble"])
        known = seeds.dtype.kind == "i" and seeds.shape in ((), (self.num_envs,))
        if not known or not set(seeds.reshape(-1).tolist()) <= set(self._index):
            raise ValueError(
                "option 'ensemble' must be a seed of the pool, or one per environment, got "
                f"{options['ensemble']!r} for a pool of {len(self._index)}"
            )
        chosen = [self._index[seed] for seed in np.broadcast_to(seeds, self.num_envs).tolist()]
        return torch.tensor(chosen, device=self.device)


def _checked_device(device: str | torch.device) -> torch.device:
    """As `neuro_common.device.checked_device`, which a light install does not have."""
    try:
        found = torch.device(device)
    except RuntimeError:
        found = None
    cards = torch.cuda.device_count()
    if found is not None and found.type == "cpu":
        return found
    if found is not None and found.type == "cuda" and (found.index or 0) < cards:
        return found
    raise ValueError(
        f'device must be "cpu", or "cuda" where torch finds a graphics card, got {str(device)!r}; '
        f"torch {torch.__version__} finds {cards}"
    )


def _episodes(bank: Bank, n: int) -> Episodes:
    state = bank.state
    return Episodes(
        state=state.new_zeros(n, *state.shape[1:]),
        fields=state.new_zeros(n, 2),
        windows=state.new_zeros(n, len(ROWS), bank.windows.shape[2]),
        heads=bank.seeds.new_zeros(n),
        steps=bank.seeds.new_zeros(n),
        ensembles=bank.seeds.new_zeros(n),
        chaos=bank.seeds.new_zeros(n),
    )


def _step_of(rules: DeviceRules, bank: Bank, fused: bool | None) -> DeviceStep:
    """The fused step where it is wanted, or where nothing is wanted and it can be had."""
    wanted = bank.state.device.type == "cuda" if fused is None else fused
    hindrance = _hindrance(bank) if wanted else None
    if fused and hindrance:
        raise ValueError(f"fused=True needs {hindrance}: take fused=False")
    if hindrance or not wanted:
        return TorchStep(rules, bank)
    from rldbs_env._triton_step import TritonStep

    return TritonStep(rules, bank)


def _hindrance(bank: Bank) -> str | None:
    """Why there can be no fused step, or None."""
    if find_spec("triton") is None:
        return "Triton (pip install triton), which is not installed"
    import triton

    from rldbs_env._triton_step import MOST_NEURONS, interpreted

    if tuple(map(int, triton.__version__.split(".")[:2])) < (3, 6):
        return f"Triton 3.6 or later, got {triton.__version__}"

    device, n_neurons = bank.state.device, bank.state.shape[2]
    if n_neurons > MOST_NEURONS:
        return f"at most {MOST_NEURONS} neurons, got {n_neurons}"
    if device.type != "cuda" and not interpreted():
        return f"a CUDA device, got {device}"
    return None
