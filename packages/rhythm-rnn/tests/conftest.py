"""A network whose rhythm is known without training."""

import numpy as np
import pytest
import torch

from neuro_common.rates import RateNetwork


@pytest.fixture(scope="module")
def beating() -> RateNetwork:
    """Three inhibitory units that fire in turn, each with an excitatory one that it holds down.

    Units 0, 1, 2 excite, 3, 4, 5 inhibit in a ring, weaker forwards than backwards (a threshold-
    linear network with a limit cycle, Morrison and Curto 2019), 6 excites and 7 inhibits but both
    are silent. The ring is symmetric, so that its units fire a third of the cycle apart. The output
    is the rate of unit 0. A cue above 0 drives the ring: it scales the rhythm and leaves its tempo.
    """
    signs = torch.tensor([1.0, 1, 1, -1, -1, -1, 1, -1])
    network = RateNetwork(8, 2, 1, seed=0, signs=signs, dtype=torch.float64)
    weight = np.zeros((8, 8))
    for i in range(3):
        weight[3 + i, 3 + (i - 1) % 3] = 0.5
        weight[3 + i, 3 + (i + 1) % 3] = 1.75
        weight[i, 3 + i] = 1.0
    drive = np.zeros((8, 2))
    drive[3:6, 1] = (1.0, 1.0, 1.001)  # not quite alike, or nothing would begin
    with torch.no_grad():
        network.recurrent_weight.copy_(torch.from_numpy(weight))
        network.input_weight.copy_(torch.from_numpy(drive))
        network.bias.copy_(torch.tensor([0.5, 0.5, 0.5, 0, 0, 0, -1, -1]))
        network.output_weight.copy_(torch.eye(8, dtype=torch.float64)[:1])
    return network


@pytest.fixture(scope="module")
def relaxing() -> RateNetwork:
    """A unit that excites itself, and a slower one that silences it.

    Below cue 0 the first one rests off or, as a saddle, on; above 0 it switches itself on until the
    second one switches it off. The output is its rate.
    """
    tau = torch.tensor([10.0, 30.0])
    network = RateNetwork(
        2, 2, 1, seed=0, autapses=True, tau_ms=tau, dt_ms=0.5, dtype=torch.float64
    )
    with torch.no_grad():
        network.recurrent_weight.copy_(torch.tensor([[3.0, -4.0], [2.0, 0.0]]))
        network.input_weight.copy_(torch.tensor([[0.0, 1.0], [0.0, 0.0]]))
        network.bias.copy_(torch.tensor([0.0, -1.0]))
        network.output_weight.copy_(torch.tensor([[1.0, 0.0]]))
    return network
