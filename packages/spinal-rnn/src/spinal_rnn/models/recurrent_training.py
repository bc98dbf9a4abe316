"""How a recurrent network learns waveforms: its loss, its batches, its rate and its validation.

The loss of an update is the mean squared error in percent squared and what regularisers add; that
of a validation is the error alone, so that curves compare across regularisers.
"""

import hashlib
import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from neuro_common.leaky import LeakyNetwork
from neuro_common.rate_noise import Noise
from neuro_common.rate_structure import dale_signs
from neuro_common.seeding import generator
from neuro_common.training import Plan, claim_directory
from spinal_rnn.conditions import Conditions
from spinal_rnn.models.published import GatedNetwork, Network, published_network
from spinal_rnn.models.recurrent_options import FIRST_TAU_MS, RecurrentOptions
from spinal_rnn.muscles import MUSCLES
from spinal_rnn.splits import Split, by_configuration

__all__ = [
    "Lesson",
    "Trials",
    "build_network",
    "claim",
    "hold_out",
    "one_cycle",
    "penalty",
]

_EXCITATORY_FRACTION = 0.8
_DRAWS = 20
_RISE, _FIRST_RATE, _LAST_RATE = 0.3, 1 / 25, 1e-3
# Streams of a seed.
_BATCHES, _NOISE, _DROPOUT, _HELD_OUT, _TAU = range(5)


@dataclass(frozen=True, eq=False)
class Trials:
    """What is learnt from.

    Attributes:
        inputs: Such as currents in mA, shape (trials, time, channels).
        percent: EMG in percent of a muscle's maximum, shape (trials, time, 14).
        train: Numbers of the trials to learn from.
        held_out: Numbers of the trials that choose the best weights.
    """

    inputs: Tensor
    percent: Tensor
    train: Tensor
    held_out: Tensor


def build_network(options: RecurrentOptions, channels: int, dt_ms: float) -> Network:
    """The network of options, with its first weights.

    Args:
        options: Its name, units and seed.
        channels: Of its input.
        dt_ms: Interval between samples.
    """
    sizes = (options.units, channels, len(MUSCLES))
    if options.network != "DaleRNN":
        return published_network(options.network, *sizes, seed=options.seed, dt_ms=dt_ms)
    tau = generator(options.seed, _TAU).choice(np.asarray(FIRST_TAU_MS), options.units)
    return LeakyNetwork(
        *sizes,
        seed=options.seed,
        signs=dale_signs(options.units, _EXCITATORY_FRACTION),
        tau_ms=torch.from_numpy(tau),
        train_tau=True,
        dt_ms=dt_ms,
        activation="relu",
        activation_on="state",
        readout="signed",
    )


def hold_out(
    options: RecurrentOptions,
    conditions: Conditions,
    target: NDArray[np.float64],
    mirror: NDArray[np.int64] | None,
) -> Split:
    """The configurations that choose the best weights, apart from those that are learnt from.

    Few configurations may be weak or strong ones by chance: of several draws, the one is taken
    whose EMG is most nearly as strong as that of the others.

    Args:
        options: How many, and the seed of the draws.
        conditions: Of the training trials.
        target: Their EMG, shape (trials, time, 14).
        mirror: The mirror image of each contact, or None.

    Raises:
        ValueError: There is one configuration only.
    """
    count = max(1, round(options.held_out * len(np.unique(conditions.groups(mirror)))))
    seeds = generator(options.seed, _HELD_OUT).integers(2**32, size=_DRAWS)
    power = np.square(target).mean(axis=(1, 2)) + np.finfo(np.float64).tiny

    def difference(split: Split) -> float:
        return float(abs(np.log(power[split.test].mean() / power[split.train].mean())))

    draws = [by_configuration(conditions, mirror, count, seed=int(seed)) for seed in seeds]
    return min(draws, key=difference)


def claim(directory: Path, options: RecurrentOptions, trials: Trials) -> None:
    """Note what is trained in a directory, or see that its checkpoints are of the same.

    Args:
        directory: Of the training.
        options: How it is trained.
        trials: What is learnt from.

    Raises:
        FormatError: The checkpoints there are of another training, or nothing says of which.
    """
    digest = hashlib.sha256()
    for values in vars(trials).values():
        digest.update(values.cpu().numpy().tobytes())
    training = {"options": asdict(options), "trials": digest.hexdigest()[:16]}
    claim_directory(directory, training, "spinal-rnn/recurrent-training")


def one_cycle(update: int, updates: int) -> float:
    """Part of the learning rate: a rise for three tenths of the updates, then a long fall.

    Both follow half a cosine (Smith and Topin 2017).

    Args:
        update: Its number, from 0.
        updates: How many there are.
    """
    rise = max(1.0, _RISE * updates)
    if update < rise:
        low, part = _FIRST_RATE, 1 - update / rise
    else:
        low, part = _LAST_RATE, (update - rise) / max(1.0, updates - rise)
    return low + (1 - low) * (1 + math.cos(math.pi * part)) / 2


def penalty(options: RecurrentOptions, network: Network, rates: Tensor) -> Tensor:
    """What the regularisers add to the loss of an update.

    The sums are over input, recurrent and output weights of every layer as they act; biases,
    feedback and time constants are free.

    Args:
        options: Their weights.
        network: The network.
        rates: Of its units, any shape.
    """
    total = rates.new_zeros(())
    if options.l1 or options.l2:
        for weight in _weights(network):
            total = total + options.l1 * weight.abs().sum() + options.l2 * weight.square().sum()
    if options.l2_rate:
        total = total + options.l2_rate * rates.square().mean()
    return total


def _weights(network: Network) -> list[Tensor]:
    if isinstance(network, GatedNetwork):
        return [value for name, value in network.named_parameters() if "weight" in name]
    return [network.input_weight, network.effective_weight(), network.effective_output_weight()]


class Lesson:
    """The loss of each update, keyed by seed and number, and the validation.

    Args:
        options: How to train.
        network: What to train.
        trials: What to learn from.
        gain: What an output of 1 means, in percent.
    """

    def __init__(
        self, options: RecurrentOptions, network: Network, trials: Trials, gain: float
    ) -> None:
        self._options, self._network, self._trials, self._gain = options, network, trials, gain
        self._batches = -(-len(trials.train) // options.batch)

    @property
    def plan(self) -> Plan:
        """A validation every epoch; only a loss that is not finite is refused."""
        updates = self._options.epochs * self._batches
        return Plan(
            updates,
            self._batches,
            clip_norm=self._options.clip_norm * self._gain**2,
            # a regulariser may weigh more than any error
            spike=math.inf,
            rate=lambda update: one_cycle(update, updates),
        )

    def loss(self, update: int) -> Tensor:
        """The loss of an update, in percent squared.

        A scalar.
        """
        options, trials = self._options, self._trials
        chosen = trials.train[self._batch(update)]
        noise = None
        if options.noise:
            noise = Noise(_key(options.seed, _NOISE, update), recurrent=options.noise)
        with _keyed_dropout(self._network, _key(options.seed, _DROPOUT, update)):
            outputs, activities = self._network.train()(trials.inputs[chosen], noise=noise)
        error = (self._gain * outputs - trials.percent[chosen]).square().mean()
        return torch.as_tensor(error + penalty(options, self._network, activities["rate"]))

    def validate(self) -> dict[str, float]:
        """The mean squared error on the held-out configurations, in percent squared."""
        trials, size, squares = self._trials, self._options.batch, 0.0
        for first in range(0, len(trials.held_out), size):
            chosen = trials.held_out[first : first + size]
            outputs, _ = self._network.eval()(trials.inputs[chosen])
            squares += float((self._gain * outputs - trials.percent[chosen]).square().sum())
        return {"loss": squares / trials.percent[trials.held_out].numel()}

    def _batch(self, update: int) -> Tensor:
        """Each epoch goes through the trials once, in an order of its own."""
        epoch, place = divmod(update, self._batches)
        order = generator(self._options.seed, _BATCHES, epoch).permutation(len(self._trials.train))
        size = self._options.batch
        return torch.from_numpy(order[place * size : (place + 1) * size]).to(
            self._trials.train.device
        )


def _key(*place: int) -> int:
    return int(generator(*place).integers(2**63))


@contextmanager
def _keyed_dropout(network: Network, seed: int) -> Iterator[None]:
    """Torch's dropout takes no generator: seed the global one, and give it back as it was."""
    if not isinstance(network, GatedNetwork):
        yield
        return
    device = next(network.parameters()).device
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.manual_seed(seed)
        yield
