"""Speed of making batches of movements, beside the fastest network that could ask for them.

A step is one movement of the human arm, 37 muscles and 400 bins: its spindles and the hand, made
from the compact set, or taken through forward, backward and Adam by the smallest network of the
published search space, of one layer and eight channels. On the machine this was written on, in one
thread: 50,900 movements/s made and 4,150 learnt from, 12 times. A movement is 124 kB, so that the
batches are written at 6.3 GB/s, about what memory takes from one core.
"""

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import pytest
import torch

from proprio_tcn.arms.opening import open_arm
from proprio_tcn.movements.making import make_movements
from proprio_tcn.movements.movement_set import MovementSet
from proprio_tcn.movements_config import MovementSettings
from proprio_tcn.networks.head_settings import HeadSettings
from proprio_tcn.networks.making import build_network
from proprio_tcn.networks.settings import TrunkSettings

BATCH, BATCHES = 32, 4
NETWORK, LOADER = "smallest network, an update", "batches of spindles and hand"
SMALLEST = TrunkSettings("spatiotemporal", [8], [], 3, 3, [2], [2])


@cache
def movements() -> MovementSet:
    return make_movements(open_arm("human"), MovementSettings(writers=10), "train")


def load() -> None:
    """Batches as training asks for them."""
    rng = np.random.default_rng(0)
    for _ in range(BATCHES):
        movements().batch(rng.integers(len(movements()), size=BATCH), ("spindle", "hand"))


def updating() -> Callable[[], None]:
    """As many updates of the network."""
    found = movements()
    network = build_network(SMALLEST, HeadSettings("regress", 3), len(found.muscles), 0)
    optimiser = torch.optim.Adam(network.parameters())
    spindle = torch.from_numpy(found.batch(np.arange(BATCH), ("spindle",))["spindle"])

    def work() -> None:
        for _ in range(BATCHES):
            optimiser.zero_grad()
            network(spindle).square().mean().backward()
            optimiser.step()

    return work


@pytest.mark.parametrize("label", [NETWORK, LOADER])
def test_batches(benchmark: Any, label: str) -> None:
    benchmark.group = "Movements: making batches, beside learning from them"
    steps = BATCH * BATCHES
    benchmark.extra_info |= {"label": label, "steps": steps, "baseline": label == NETWORK}
    benchmark.pedantic(load if label == LOADER else updating(), rounds=10, warmup_rounds=1)
