"""Training on synchronisation-continuation: draws keyed by seed and update, a fixed validation."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from neuro_common.device import set_torch
from neuro_common.rate_ensemble import RateEnsemble
from neuro_common.rate_noise import Noise
from neuro_common.rates import RateNetwork
from neuro_common.seeding import generator
from neuro_common.training import Fit, Plan, Point, fit_together
from rhythm_rnn.config import TrainConfig
from rhythm_rnn.model import Network, build, noise_of
from rhythm_rnn.task import Trials, draw_trials, synchronisation_continuation

__all__ = ["Examples", "Learnt", "examples", "loss_by_period", "mean_loss", "train"]

_ONSETS = 8
_LATEST_ONSET_S = 0.1
_TEST_TRIALS, _TEST_BATCH = 512, 64
# Streams of a seed; the noise of validation and examples is the same for all seeds.
_TRIALS, _NOISE, _TEST = 0, 1, 2
_FIXED_NOISE = 20240524


@dataclass(frozen=True, eq=False)
class Learnt:
    """What a training gave.

    Attributes:
        network: With the weights of its best validation.
        fit: How the training ended.
        config: What trained it, alone, with its seed.
    """

    network: Network
    fit: Fit
    config: TrainConfig


@dataclass(frozen=True, eq=False)
class Examples:
    """One trial of each period and what a network makes of it.

    Attributes:
        period_s: The periods, shape (periods,).
        trials: The trials, one of each period.
        outputs: Shape (periods, time).
    """

    period_s: NDArray[np.float64]
    trials: Trials
    outputs: NDArray[np.floating[Any]]


def train(
    config: TrainConfig,
    directory: Path,
    *,
    report: Callable[[Sequence[Point]], None] = lambda points: None,
    advance: Callable[[int, float], None] = lambda updates, loss: None,
) -> list[Learnt]:
    """Train a network, or several of different seeds at once; a checkpoint is taken up.

    Threads and device are settings of the process, see :func:`neuro_common.device.set_torch`.

    Args:
        config: What to train, on what and for how long.
        directory: Where ``checkpoints/`` and ``tensorboard/`` go.
        report: Called with every validation, a point for each network; its scores are the mean
            ``loss`` and the one of each period, as ``loss_500ms``.
        advance: Called with the number of updates that were made, and the loss of the last.

    Returns:
        The networks of the seeds ``seed``, ``seed + 1``, ..., each with the weights of its best
        validation. One that is trained among others learns what it would learn alone.

    Raises:
        ValueError: A number of the config is out of its range, or torch has no such device.
        FormatError: The checkpoint is damaged or of another network.
    """
    device = set_torch(config.threads, config.device)
    members = [replace(config, seed=config.seed + i) for i in range(config.members)]
    networks = [build(config.model, member.seed).to(device) for member in members]
    ensemble = _ensemble(networks) if len(networks) > 1 else None

    def loss(update: int) -> Tensor:
        coarse = update < config.coarse_updates
        for network in networks:
            network.dt_ms = config.coarse_dt_ms if coarse else config.model.dt_ms
        drawn = [_draw(member, update, networks[0].dt_ms) for member in members]
        noises = [
            noise_of(config.model, int(generator(member.seed, _NOISE, update).integers(2**63)))
            for member in members
        ]
        if ensemble is None:
            squares = _squares(networks[0], drawn[0], noises[0], config.chunk_steps)
            return squares.mean().reshape(1)
        inputs = torch.from_numpy(np.stack([trials.inputs for trials in drawn])).to(device)
        target = torch.from_numpy(np.stack([trials.target for trials in drawn])).to(device)
        outputs, _ = ensemble(inputs, noise=noises, chunk_steps=config.chunk_steps)
        return torch.as_tensor(((outputs - target) ** 2).mean(dim=(1, 2, 3)))

    def validate() -> list[dict[str, float]]:
        for network in networks:
            network.dt_ms = config.model.dt_ms
        names = [f"loss_{period * 1e3:g}ms" for period in config.period_s]
        rows = [loss_by_period(network, config) for network in networks]
        return [
            {"loss": float(row.mean())} | dict(zip(names, row.tolist(), strict=True))
            for row in rows
        ]

    fits = fit_together(
        networks,
        [torch.optim.Adam(_groups(network, config)) for network in networks],
        loss=loss,
        validate=validate,
        plan=Plan(
            config.updates,
            config.validate_every,
            stop_loss=config.stop_loss,
            clip_norm=config.clip_norm,
            spike=config.spike,
            rate=lambda update: 1.0 if update < config.coarse_updates else config.fine_rate,
        ),
        directory=directory,
        report=report,
        advance=advance,
    )
    for network in networks:
        network.dt_ms = config.model.dt_ms
    parts = zip(networks, fits, members, strict=True)
    return [Learnt(network, fit, member) for network, fit, member in parts]


def loss_by_period(network: Network, config: TrainConfig) -> NDArray[np.float64]:
    """Mean squared error on the fixed validation trials, eight onsets of each period.

    Args:
        network: The network.
        config: Its periods, their duration and the model's noise.

    Returns:
        Shape (periods,).
    """
    periods = np.repeat(config.period_s, _ONSETS)
    onsets = np.tile(np.arange(_ONSETS) / _ONSETS * _LATEST_ONSET_S, len(config.period_s))
    trials = _trials(config, periods, onsets)
    with torch.no_grad():
        squares = _squares(network, trials, noise_of(config.model, _FIXED_NOISE))
    by_trial = squares.mean(dim=(1, 2)).double().cpu().numpy()
    return np.asarray(by_trial.reshape(-1, _ONSETS).mean(axis=1))


def mean_loss(network: Network, config: TrainConfig) -> float:
    """Mean squared error on 512 trials that were neither trained on nor validated on.

    Args:
        network: The network.
        config: What it was trained with.
    """
    rng = generator(config.seed, _TEST)
    periods = rng.choice(config.period_s, _TEST_TRIALS)
    onsets = rng.uniform(0.0, _LATEST_ONSET_S, _TEST_TRIALS)
    losses = []
    for first in range(0, _TEST_TRIALS, _TEST_BATCH):
        part = slice(first, first + _TEST_BATCH)
        noise = noise_of(config.model, int(rng.integers(2**63)))
        with torch.no_grad():
            squares = _squares(network, _trials(config, periods[part], onsets[part]), noise)
        losses.append(float(squares.mean()))
    return float(np.mean(losses))


def examples(network: Network, config: TrainConfig) -> Examples:
    """Run one trial of each period, with its clicks and with noise.

    Args:
        network: The network.
        config: What it was trained with.
    """
    periods = np.asarray(config.period_s, dtype=np.float64)
    trials = _trials(config, periods, np.full(len(periods), _LATEST_ONSET_S / 2))
    with torch.no_grad():
        outputs = _outputs(network, trials, noise_of(config.model, _FIXED_NOISE))
    return Examples(periods, trials, outputs[..., 0].cpu().numpy())


def _ensemble(networks: Sequence[Network]) -> RateEnsemble:
    return RateEnsemble(network for network in networks if isinstance(network, RateNetwork))


def _draw(config: TrainConfig, update: int, dt_ms: float) -> Trials:
    return draw_trials(
        generator(config.seed, _TRIALS, update),
        config.batch,
        period_s=config.period_s,
        latest_onset_s=_LATEST_ONSET_S,
        duration_s=config.duration_s,
        dt_ms=dt_ms,
    )


def _trials(config: TrainConfig, periods: Any, onsets: Any) -> Trials:
    return synchronisation_continuation(
        periods, onsets, duration_s=config.duration_s, dt_ms=config.model.dt_ms
    )


def _squares(
    network: Network, trials: Trials, noise: Noise | None, chunk_steps: int | None = None
) -> Tensor:
    """Squared errors, shape (batch, time, 1)."""
    outputs = _outputs(network, trials, noise, chunk_steps)
    return (outputs - torch.from_numpy(trials.target).to(outputs.device)) ** 2


def _outputs(
    network: Network, trials: Trials, noise: Noise | None, chunk_steps: int | None = None
) -> Tensor:
    device = next(network.parameters()).device
    inputs = torch.from_numpy(trials.inputs).to(device)
    if isinstance(network, RateNetwork):
        outputs, _ = network(inputs, noise=noise, chunk_steps=chunk_steps)
    else:
        outputs, _ = network(inputs)
    return outputs  # type: ignore[no-any-return]


def _groups(network: Network, config: TrainConfig) -> list[dict[str, Any]]:
    """Parameters with their rates: the more units feed a unit, the less each weight may move."""
    named = dict(network.named_parameters())
    if not isinstance(network, RateNetwork):
        return [{"params": list(named.values()), "lr": config.learning_rate}]
    recurrent = named.pop("recurrent_weight")
    return [
        {"params": list(named.values()), "lr": config.learning_rate},
        {"params": [recurrent], "lr": config.recurrent_gain_rate / network.units},
    ]
