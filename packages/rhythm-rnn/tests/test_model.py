"""The models: what each is, that configs are checked, and that noise is where it should be."""

import pytest
import torch

from neuro_common.rates import RateNetwork
from rhythm_rnn.config import MODELS, EIRateConfig, GRUConfig, ModelConfig, VanillaConfig
from rhythm_rnn.model import GatedNetwork, build, noise_of


@pytest.mark.parametrize("name", MODELS)
def test_every_model_runs_in_batches_as_alone(name: str) -> None:
    network = build(MODELS[name](units=12), seed=3)
    inputs = torch.rand(3, 40, 2)
    with torch.no_grad():
        outputs, last = network(inputs)
        alone, _ = network(inputs[1:2])
    assert outputs.shape == (3, 40, 1)
    assert last.shape == (3, 12)
    torch.testing.assert_close(outputs[1:2], alone, rtol=0, atol=1e-6)


@pytest.mark.parametrize("name", MODELS)
def test_a_free_run_in_stretches_is_the_run(name: str) -> None:
    network = build(MODELS[name](units=12), seed=3)
    inputs = torch.rand(2, 150, 2)
    with torch.no_grad():
        outputs, last = network(inputs)
    blocks = list(network.blocks(inputs))
    torch.testing.assert_close(torch.cat([b.outputs for b in blocks], dim=1), outputs)
    torch.testing.assert_close(blocks[-1].states[:, -1], last)
    assert [block.first for block in blocks] == [0, 64, 128]


@pytest.mark.parametrize("name", MODELS)
def test_first_weights_belong_to_the_seed(name: str) -> None:
    def weights(seed: int) -> torch.Tensor:
        network = build(MODELS[name](units=12), seed)
        return torch.cat([parameter.detach().flatten() for parameter in network.parameters()])

    before = torch.random.get_rng_state()
    assert torch.equal(weights(1), weights(1))
    assert not torch.equal(weights(1), weights(2))
    assert torch.equal(torch.random.get_rng_state(), before)


def test_only_the_excitatory_inhibitory_model_keeps_dales_law() -> None:
    network = build(EIRateConfig(units=64), seed=0)
    assert isinstance(network, RateNetwork)
    weight = network.effective_weight()
    assert bool((weight[:, :51] >= 0).all() and (weight[:, 51:] <= 0).all())
    vanilla = build(VanillaConfig(units=64), seed=0)
    assert isinstance(vanilla, RateNetwork)
    assert vanilla.signs is None
    columns = vanilla.effective_weight().detach().sign().mean(dim=0).abs()
    assert float(columns.max()) < 0.7


def test_the_baseline_remembers_for_a_time_constant() -> None:
    # the published one kept nothing of its state, a tenth of its drive
    network = build(VanillaConfig(units=4), seed=0)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.zero_()
    state = torch.ones(1, 4)
    _, last = network(torch.zeros(1, 10, 2), state)
    torch.testing.assert_close(last, torch.full((1, 4), 0.9**10))


def test_noise_comes_from_the_config() -> None:
    noise = noise_of(EIRateConfig(recurrent_noise=0.02, input_noise=0.0), seed=7)
    assert noise is not None
    assert (noise.seed, noise.recurrent, noise.inputs) == (7, 0.02, 0.0)
    assert noise_of(GRUConfig(), seed=7) is None


def test_what_a_config_refuses() -> None:
    with pytest.raises(ValueError, match=r"model\.name must be ei_rate, got 'gru'"):
        EIRateConfig(name="gru")
    with pytest.raises(ValueError, match=r"model\.units must be at least 1, got 0"):
        VanillaConfig(units=0)
    for fraction in (0.0, 1.1, -0.5):
        with pytest.raises(ValueError, match=r"excitatory_fraction must be in \(0, 1\]"):
            EIRateConfig(excitatory_fraction=fraction)
    with pytest.raises(TypeError, match="config must be of a model"):
        build(ModelConfig(), seed=0)


def test_a_gated_network_is_torchs_gru() -> None:
    network = build(GRUConfig(units=5), seed=1)
    assert isinstance(network, GatedNetwork)
    state = torch.rand(2, 5)
    inputs = torch.rand(2, 3, 2)
    cell = torch.nn.GRUCell(2, 5)
    own = network.recurrent
    with torch.no_grad():
        for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"):
            getattr(cell, name).copy_(getattr(own, f"{name}_l0"))
        _, last = network(inputs, state)
        for t in range(3):
            state = cell(inputs[:, t], state)
    torch.testing.assert_close(last, state)
