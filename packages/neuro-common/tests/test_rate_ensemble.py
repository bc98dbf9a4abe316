"""A member must give in company what it gives alone, gradients and noise included."""

import math

import pytest
import torch

from neuro_common.rate_ensemble import RateEnsemble
from neuro_common.rate_noise import Noise
from neuro_common.rate_structure import dale_signs
from neuro_common.rates import RateNetwork

NOISE = (Noise(1, recurrent=0.1, inputs=0.1), None, Noise(3, recurrent=0.05), Noise(4, inputs=0.2))


def draw(seed, *shape):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator, dtype=torch.float64)


def networks(units=12, *, train_tau=False, **options):
    """Four that differ in weights, signs, connections and time constants."""
    made = []
    for seed in range(4):
        tau_ms = torch.linspace(5, 20 + seed, units) if train_tau else 10.0 + seed
        one = RateNetwork(
            units, 2, 3, seed=seed, signs=dale_signs(units, 0.5 + 0.1 * seed) if seed else None,
            mask=draw(seed, units, units) > -1.5, tau_ms=tau_ms, train_tau=train_tau,
            **{"dtype": torch.float64, "spectral_radius": 0.9} | options,
        )  # fmt: skip
        with torch.no_grad():
            one.bias.copy_(0.1 * draw(seed, units))
            one.output_bias.fill_(0.1 * seed)
        made.append(one)
    return made


def gradients(outputs, last, parameters):
    loss = (outputs * draw(7, *outputs.shape)).sum() + (last * draw(8, *last.shape)).sum()
    return torch.autograd.grad(loss, parameters)


@pytest.mark.parametrize("activation", ["relu", "tanh", "softplus"])
@pytest.mark.parametrize("chunk_steps", [None, 23])
@pytest.mark.parametrize("noise", [None, NOISE])
@pytest.mark.parametrize("train_tau", [False, True])
def test_values_and_gradients_are_those_of_each_alone(activation, chunk_steps, noise, train_tau):
    members = networks(activation=activation, train_tau=train_tau)
    inputs = draw(5, 4, 3, 50, 2).requires_grad_()
    state = draw(6, 4, 3, 12).requires_grad_()
    wanted = [inputs, state, *(p for one in members for p in one.parameters())]
    found = RateEnsemble(members)(inputs, state, noise=noise, chunk_steps=chunk_steps)
    alone = [one(inputs[i], state[i], noise=noise and noise[i]) for i, one in enumerate(members)]
    expected = [torch.stack(parts) for parts in zip(*alone, strict=True)]
    assert found[0].shape == (4, 3, 50, 3)
    for ours, theirs in zip(found, expected, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-10, atol=1e-12)
    for ours, theirs in zip(gradients(*found, wanted), gradients(*expected, wanted), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize("train_tau", [False, True])
def test_a_free_run_is_that_of_each_alone(train_tau):
    members, inputs, state = networks(train_tau=train_tau), draw(5, 4, 3, 150, 2), draw(6, 4, 3, 12)
    ensemble = RateEnsemble(members)
    run = ensemble.free_run(inputs, state, noise=NOISE, save_every=7)
    for i, one in enumerate(members):
        alone = one.free_run(inputs[i], state[i], noise=NOISE[i], save_every=7)
        for name in ("outputs", "states", "last"):
            ours, theirs = getattr(run, name)[i], getattr(alone, name)
            torch.testing.assert_close(ours, theirs, rtol=1e-11, atol=1e-12)
    assert run.states.shape == (4, 3, 22, 12)
    assert [block.first for block in ensemble.blocks(inputs)] == [0, 64, 128]
    assert ensemble.free_run(inputs).states.shape == (4, 3, 0, 12)


def test_single_precision_differs_by_rounding_only():
    members, inputs = networks(100, dtype=torch.float32), draw(5, 4, 16, 200, 2).float()
    noise = [Noise(seed, recurrent=0.01) for seed in range(4)]
    together = RateEnsemble(members).free_run(inputs, noise=noise).outputs
    for i, one in enumerate(members):
        alone = one.free_run(inputs[i], noise=noise[i]).outputs
        assert (together[i] - alone).abs().max() < 2e-6 * alone.abs().max()


def test_members_learn_as_they_do_alone():
    together, alone, inputs = networks(), networks(), draw(5, 4, 3, 40, 2)
    ensemble = RateEnsemble(together)
    optimizer = torch.optim.Adam(ensemble.parameters(), lr=1e-2)
    for step in range(3):
        noise = [Noise(10 * step + i, recurrent=0.1) for i in range(4)]
        optimizer.zero_grad()
        ensemble(inputs, noise=noise)[0].square().mean(dim=(1, 2, 3)).sum().backward()
        optimizer.step()
    for i, one in enumerate(alone):
        optimizer = torch.optim.Adam(one.parameters(), lr=1e-2)
        for step in range(3):
            optimizer.zero_grad()
            outputs, _ = one(inputs[i], noise=Noise(10 * step + i, recurrent=0.1))
            outputs.square().mean().backward()
            optimizer.step()
        for ours, theirs in zip(together[i].parameters(), one.parameters(), strict=True):
            torch.testing.assert_close(ours, theirs, rtol=1e-8, atol=1e-10)


def test_a_member_that_blows_up_leaves_the_others_alone():
    members, inputs = networks(), draw(5, 4, 3, 100, 2)
    expected = RateEnsemble(members).free_run(inputs).outputs
    with torch.no_grad():
        members[1].recurrent_weight.mul_(1e4)
    outputs = RateEnsemble(members).free_run(inputs).outputs
    assert not (outputs[1].abs() < 1e100).all()
    assert torch.equal(outputs[[0, 2, 3]], expected[[0, 2, 3]])


def test_weights_travel_under_the_name_of_their_member():
    one, other = RateEnsemble(networks()), RateEnsemble(networks(spectral_radius=0.5))
    state = one.state_dict()
    assert state["networks.3.bias"].shape == (12,)
    other.load_state_dict(state)
    inputs = draw(5, 4, 3, 40, 2)
    assert torch.equal(other(inputs)[0], one(inputs)[0])
    assert torch.equal(one.networks[2](inputs[2])[0], networks()[2](inputs[2])[0])


def network(**options):
    settings = {"units": 5, "inputs": 2, "outputs": 1, "seed": 0} | options
    return RateNetwork(**settings)


UNLIKE = [
    ({"units": 6}, "units is 5 in number 0 and 6 in number 1"),
    ({"inputs": 1}, "inputs is 2 in number 0 and 1 in number 1"),
    ({"outputs": 3}, "outputs is 1 in number 0 and 3 in number 1"),
    ({"activation": "tanh"}, "activation is relu in number 0 and tanh in number 1"),
    ({"dtype": torch.float64}, "dtype is torch.float32 in number 0 and torch.float64 in number 1"),
    ({"tau_ms": torch.full((5,), 9.0)}, r"tau_ms' shape is \(\) in number 0 and \(5,\) in"),
]


@pytest.mark.parametrize(("changes", "message"), UNLIKE)
def test_networks_that_are_not_alike_are_refused(changes, message):
    with pytest.raises(ValueError, match=f"networks must be alike, but {message}"):
        RateEnsemble([network(), network(**changes)])


def test_an_ensemble_of_none_is_refused():
    with pytest.raises(ValueError, match="networks must hold at least one network, got none"):
        RateEnsemble([])


BAD_INPUTS = [
    (torch.zeros(3, 5, 2), None, r"inputs must have shape \(2, batch, time, 2\) .* got \(3, 5, 2"),
    (torch.zeros(3, 4, 5, 2), None, r"inputs must have shape .* got \(3, 4, 5, 2\)"),
    (torch.zeros(2, 4, 0, 2), None, r"at least one step, got \(2, 4, 0, 2\)"),
    (torch.zeros(2, 4, 5, 2), torch.zeros(4, 5), r"state must have shape \(2, 4, 5\), got \(4, 5"),
    (torch.full((2, 4, 5, 2), math.nan), None, "inputs must be finite, got NaN or infinity"),
]


@pytest.mark.parametrize(("inputs", "state", "message"), BAD_INPUTS)
def test_bad_inputs_are_refused_before_anything_runs(inputs, state, message):
    ensemble = RateEnsemble([network(), network()])
    for run in (ensemble, ensemble.blocks, ensemble.free_run):
        with pytest.raises(ValueError, match=message):
            run(inputs, state)


def test_noise_is_one_for_each_member():
    ensemble, inputs = RateEnsemble([network(), network()]), torch.zeros(2, 4, 5, 2)
    for run in (ensemble, ensemble.blocks, ensemble.free_run):
        with pytest.raises(ValueError, match="noise must be one for each of 2 members, got 1"):
            run(inputs, noise=[Noise(1)])
