"""One step of a batch of environments in plain torch, on any device, and what it works on.

`rldbs_env._triton_step` does the same in one kernel. Neither lets the host wait for the device, so
that steps queue up behind one another, with one exception here: a model whose stiff steps are
divided asks the device once per sub-step into how many parts.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple, Protocol

import torch
from torch import Tensor

from rldbs_env.device_rules import DeviceRules
from rldbs_env.starts import Starts

__all__ = ["Bank", "DeviceStep", "Episodes", "Results", "TorchStep", "next_draw"]

_STABLE, _ACCURATE, _MOST_PARTS = 2.6, 1.3, 1000.0  # as rldbs_env.flows has them


class Episodes(NamedTuple):
    """Where every environment is; a step changes these tensors in place.

    Attributes:
        state: Shape (envs, variables, neurons).
        fields: Mean fields X and Y, shape (envs, 2).
        windows: Rings of the last samples of X, Y and the action, shape (envs, 3, length).
        heads: Slot of the oldest sample, which the next one takes, shape (envs,), int64.
        steps: Steps since the episode began, shape (envs,), int64.
        ensembles: Which ensemble of the bank it is, shape (envs,), int64.
        chaos: State of the draws of beginnings, shape (envs,), int64; see `next_draw`.
    """

    state: Tensor
    fields: Tensor
    windows: Tensor
    heads: Tensor
    steps: Tensor
    ensembles: Tensor
    chaos: Tensor


class Bank(NamedTuple):
    """`rldbs_env.starts.Starts` on a device; currents stay here, they are never copied."""

    state: Tensor
    fields: Tensor
    windows: Tensor
    currents: Tensor
    seeds: Tensor

    @classmethod
    def on(cls, device: torch.device, starts: Starts) -> Bank:
        """Copy a bank to a device."""
        return cls(*(torch.tensor(array, device=device) for array in starts))

    @property
    def phases(self) -> int:
        """Beginnings per ensemble."""
        return len(self.state) // len(self.currents)


class Results(NamedTuple):
    """What a step gives; it writes all of these, but final observations only where one ended.

    Attributes:
        observations: Shape (envs, features), of the new episode where one has ended.
        rewards, terminated, truncated: Shape (envs,).
        final_observations: The ended episodes' last observations, shape (envs, features).
        told: X, Y, charge and clipped action, before any new beginning, shape (envs, 4).
    """

    observations: Tensor
    rewards: Tensor
    terminated: Tensor
    truncated: Tensor
    final_observations: Tensor
    told: Tensor


class DeviceStep(Protocol):
    """One environment step of the whole batch, autoreset included."""

    def __call__(self, now: Episodes, actions: Tensor, results: Results) -> None:
        """Apply kicks, shape (envs,); they are clipped to the largest, and NaN diverges."""


def next_draw(chaos: Tensor) -> Tensor:
    """The next state of these draws, itself the draw: Park and Miller's minimal standard.

    Of any shape, which is kept.
    """
    return chaos * 48271 % 2147483647


class TorchStep:
    """`DeviceStep` in plain torch.

    Args:
        rules: What a step is.
        bank: Where episodes begin; its device is that of the step.
    """

    def __init__(self, rules: DeviceRules, bank: Bank) -> None:
        self._rules, self._bank = rules, bank
        self._numbers = [float(number) for number in rules.parameters]
        device = bank.state.device
        self._low, self._high = torch.tensor(rules.limits, device=device).view(2, 2).unbind(1)
        self._rows = torch.tensor(rules.rows, device=device)
        newest = (rules.length - 1) % rules.stride
        self._ages = newest + rules.stride * torch.arange(rules.seen, device=device)

    def __call__(self, now: Episodes, actions: Tensor, results: Results) -> None:
        """As `DeviceStep` says.

        Actions have shape (envs, electrodes).
        """
        rules = self._rules
        weight, target, penalty, divergence_reward, bound = rules.terms.tolist()
        action = actions.double().clamp(-bound, bound)
        currents = self._bank.currents.index_select(0, now.ensembles)
        values, fields, heads = now.state.unbind(1), now.fields, now.heads
        charge, diverged = torch.zeros_like(action), torch.zeros_like(action, dtype=torch.bool)
        for part in rules.pulse.tolist():
            kicks = (action * part).to(fields.dtype)
            charge = charge + kicks.abs().where(~diverged, 0.0)
            values = self._kicked_and_advanced(values, currents, fields[:, 0], kicks)
            reached = torch.stack([values[0].mean(1), values[1].mean(1)], 1)
            inside = reached.nan_to_num(nan=math.inf).clamp(self._low, self._high)
            escaped = ((reached != inside) | reached.isnan()).any(1)
            fields = inside.where(~diverged[:, None], fields)
            self._record(now.windows, heads, torch.cat([fields, kicks[:, None]], 1), diverged)
            heads = ((heads + 1) % rules.length).where(~diverged, heads)
            diverged = diverged | escaped

        if rules.to_window_mean:
            target = now.windows[:, 0].double().mean(1)
        deviation = fields[:, 0] - target
        cost = deviation.abs() if rules.absolute else deviation**2
        reward = (-weight * cost - penalty * charge).where(~diverged, divergence_reward)
        steps = now.steps + 1
        truncated = (steps >= rules.episode_steps) & (rules.episode_steps > 0)
        results.rewards.copy_(reward)
        results.terminated.copy_(diverged)
        results.truncated.copy_(truncated)
        delivered = torch.stack([charge, action], 1).to(fields.dtype)
        results.told.copy_(torch.cat([fields, delivered], 1))
        ended = diverged | truncated
        shown = self.observe(now.windows, heads)
        results.final_observations.copy_(shown.where(ended[:, None], results.final_observations))
        now.state.copy_(torch.stack(values, 1))
        for kept, new in ((now.fields, fields), (now.heads, heads), (now.steps, steps)):
            kept.copy_(new)
        now.chaos.copy_(next_draw(now.chaos).where(ended, now.chaos))
        self.begin(now, now.chaos % len(self._bank.state), ended)
        begun = self.observe(now.windows, now.heads)
        results.observations.copy_(begun.where(ended[:, None], shown))

    def begin(self, now: Episodes, starts: Tensor, where: Tensor) -> None:
        """Begin the episode ``starts[e]`` of the bank in each environment with ``where[e]``."""
        bank, new = self._bank, where[:, None]
        now.state.copy_(bank.state.index_select(0, starts).where(new[:, None], now.state))
        now.windows.copy_(bank.windows.index_select(0, starts).where(new[:, None], now.windows))
        now.fields.copy_(bank.fields.index_select(0, starts).where(new, now.fields))
        now.ensembles.copy_((starts // bank.phases).where(where, now.ensembles))
        now.heads.masked_fill_(where, 0)
        now.steps.masked_fill_(where, 0)

    def observe(self, windows: Tensor, heads: Tensor) -> Tensor:
        """What the agent sees of windows (envs, 3, length), shape (envs, features)."""
        slots = (heads[:, None] + self._ages) % self._rules.length
        rows = windows.index_select(1, self._rows)
        seen = rows.gather(2, slots[:, None].expand(-1, len(self._rows), -1))
        return seen.flatten(1)

    def _record(self, windows: Tensor, heads: Tensor, sample: Tensor, closed: Tensor) -> None:
        """Write X, Y and kick, shape (envs, 3), over the oldest sample where nothing is closed."""
        slots = heads[:, None, None].expand(-1, 3, 1)
        old = windows.gather(2, slots)
        windows.scatter_(2, slots, sample[:, :, None].where(~closed[:, None, None], old))

    def _kicked_and_advanced(
        self, values: tuple[Tensor, ...], currents: Tensor, mean: Tensor, kicks: Tensor
    ) -> tuple[Tensor, ...]:
        """One classical RK4 step of every ensemble, the mean field evaluated at each stage."""
        coupling, dt, shift, _, *constants = self._numbers

        def rates(at: tuple[Tensor, ...], mean_x: Tensor) -> tuple[Tensor, ...]:
            drive = (coupling * mean_x + shift)[:, None]
            slopes: tuple[Tensor, ...] = self._rules.flow(*at, currents + drive, tuple(constants))
            return slopes

        values, mean = (values[0] + kicks[:, None], *values[1:]), mean + kicks
        if not self._rules.divides:
            return _rk4(rates, values, mean, dt)
        parts = _parts(values, dt)
        for done in range(int(parts.max())):  # the host waits here
            after = _rk4(rates, values, mean, (dt / parts)[:, None])
            going = (done < parts)[:, None]
            values = tuple(a.where(going, b) for a, b in zip(after, values, strict=True))
            mean = values[0].mean(1)
        return values


def _rk4(rates: Any, start: tuple[Tensor, ...], mean: Tensor, dt: Any) -> tuple[Tensor, ...]:
    def moved(by: Any, slopes: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        return tuple(a + by * slope for a, slope in zip(start, slopes, strict=True))

    first = rates(start, mean)
    halfway = moved(dt / 2, first)
    second = rates(halfway, halfway[0].mean(1))
    halfway = moved(dt / 2, second)
    third = rates(halfway, halfway[0].mean(1))
    end = moved(dt, third)
    last = rates(end, end[0].mean(1))
    combined = zip(first, second, third, last, strict=True)
    return moved(dt / 6, tuple(a + 2 * b + 2 * c + d for a, b, c, d in combined))


def _parts(values: tuple[Tensor, ...], dt: float) -> Tensor:
    """Parts of a step of kicked neurons, shape (envs,), in their type.

    What `rldbs_env.flows.hindmarsh_rose_substeps` finds, without its short cut.
    """
    x, y, z = (value.double() for value in values)
    fall = (z - y).amax(1).clamp(min=0.0)
    depth = (fall / (3.0 + (fall / (3.0 + fall ** (1 / 3))).sqrt())).sqrt()
    least, most = torch.minimum(x.amin(1), -depth), x.amax(1)
    rate = dt * torch.maximum(3.0 * least**2 - 6.0 * least, 3.0 * most**2 - 6.0 * most)
    parts = (rate / _ACCURATE).ceil().clamp(max=_MOST_PARTS)
    return parts.where(rate > _STABLE, 1.0).to(values[0].dtype)
