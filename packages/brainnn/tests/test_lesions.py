"""Lesions and perturbations are copies, and do what their numbers say."""

from typing import Any

import numpy as np
import pytest
import torch

from brainnn.connectome.surrogate import surrogate
from brainnn.networks.lesions import ablate, perturb
from brainnn.networks.rnn import ConnectomeRNN
from brainnn.networks.roles import choose_roles
from brainnn.networks.wiring import Wiring

X = torch.randn(2, 20, 6, generator=torch.Generator().manual_seed(0))


def network(**options: Any) -> ConnectomeRNN:
    connectome = surrogate(0)
    core = ConnectomeRNN(
        Wiring.of(connectome), choose_roles(connectome), 6, 3, seed=1, activation="tanh", **options
    )
    with torch.no_grad():
        core.bias.normal_(generator=torch.Generator().manual_seed(2))
    return core


@pytest.mark.parametrize("path", ["dense", "sparse"])
def test_an_ablated_neuron_is_as_if_it_were_not_there(path: Any) -> None:
    core = network(path=path)
    silent = np.concatenate([core.roles.inputs[:5], core.roles.outputs[:7]])
    lesioned = ablate(core, silent)
    actions, rates, _ = lesioned.run(X)
    assert float(rates[..., silent].detach().abs().max()) == 0

    kept = np.setdiff1d(np.arange(143), silent)
    weight = core.effective_weight().detach()[kept][:, kept]
    parts = {name: one.detach() for name, one in core.matrices().items()}
    state = torch.zeros(2, len(kept))
    for step in range(20):
        for _ in range(core.substeps):
            drive = X[:, step] @ parts["input"][kept].T + parts["bias"][kept]
            state = state + 0.5 * (drive - state + torch.tanh(state) @ weight.T)
        expected = torch.tanh(state) @ parts["output"][:, kept].T + parts["output_bias"]
        torch.testing.assert_close(actions[:, step].detach(), expected, rtol=1e-5, atol=1e-5)


def test_the_original_stays_and_lesions_add_up() -> None:
    core = network()
    before = core(X)[0]
    once = ablate(core, core.connectome.classes == "motor")
    assert torch.equal(core(X)[0], before)
    assert torch.equal(once(X)[0], torch.zeros_like(before) + core.output_bias)
    twice = ablate(ablate(core, [1]), [2])
    assert np.flatnonzero(~twice.active.numpy()).tolist() == [1, 2]
    assert torch.equal(ablate(core, [])(X)[0], before)


def test_a_lesion_lasts_through_training() -> None:
    lesioned = ablate(network(), [0, 1, 2])
    lesioned(X)[0].square().sum().backward()
    with torch.no_grad():
        for one in lesioned.parameters():
            one.sub_(0.1 * torch.sign(one.grad) if one.grad is not None else 0.0)
    assert float(lesioned.run(X)[1][..., :3].detach().abs().max()) == 0


def test_weights_are_scaled_and_shaken_without_a_change_of_sign() -> None:
    core = network()
    halved = perturb(core, seed=0, recurrent_scale=0.5)
    torch.testing.assert_close(halved.edge_weights(), core.edge_weights() / 2)
    shaken = perturb(core, seed=0, weight_noise=0.2)
    ratio = (shaken.edge_weights() / core.edge_weights()).detach()
    assert float(ratio.min()) > 0
    assert float(ratio.log().std()) == pytest.approx(0.2, rel=0.1)
    again = perturb(core, seed=0, weight_noise=0.2)
    assert torch.equal(again.edge_weights(), shaken.edge_weights())


def test_state_noise_has_the_strength_that_it_says() -> None:
    core = perturb(network(dt_ms=1.0, tau_ms=20.0), seed=3, recurrent_scale=0.0, state_noise=0.3)
    with torch.no_grad():
        core.input_weight.zero_()
        _, rates, _ = core.run(torch.zeros(20, 300, 6))
        still = core.bias.tanh()
    spread = (rates[:, 100:].atanh() - still.atanh()).std()
    # Euler's factor 1 / sqrt(1 - dt / (2 tau))
    assert float(spread) == pytest.approx(0.3 / np.sqrt(1 - 1 / 40), rel=0.02)
    first, second = core(X)[0], core(X)[0]
    assert not torch.equal(first, second)


@pytest.mark.parametrize("options", [{"state_noise": -1.0}, {"recurrent_scale": np.nan}])
def test_numbers_out_of_range(options: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="must be at least 0 and finite, got"):
        perturb(network(), seed=0, **options)


def test_neurons_that_are_not_there() -> None:
    with pytest.raises(ValueError, match="neurons must be among 143"):
        ablate(network(), [143])
