"""The network must be the plain loop under autograd, whatever its options, only faster."""

import copy
import io
import pickle

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import solve_ivp

from neuro_common.rate_noise import Noise
from neuro_common.rate_structure import dale_signs, spectral_radius
from neuro_common.rates import RateNetwork

PLAIN = {
    "relu": torch.nn.functional.relu,
    "tanh": torch.tanh,
    "softplus": lambda h: torch.nn.functional.softplus(h, threshold=1e9),
}
OFF_DIAGONAL = ~torch.eye(500, dtype=torch.bool)


def draw(seed, *shape):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator, dtype=torch.float64)


def network(units=12, *, seed=3, **options):
    settings = {"signs": dale_signs(units, 0.8), "dtype": torch.float64, "spectral_radius": 0.9}
    made = RateNetwork(units, 2, 1, seed=seed, **settings | options)
    with torch.no_grad():
        made.bias.copy_(0.1 * draw(seed, units))
        made.output_bias.fill_(0.3)
    return made


def plain_run(made, inputs, state, noise):
    """The equations, step by step: outputs (batch, time, outputs), last state."""
    weight = made.recurrent_weight
    if made.signs is not None:
        weight = weight.abs() @ torch.diag(made.signs)
    weight = weight * made.mask
    tau = made.tau_ms
    alpha = made.dt_ms / tau
    shape = (inputs.shape[1], inputs.shape[0], len(weight))
    kicks = None if noise is None else noise.of_units(shape, alpha, 0)
    if noise is not None:
        inputs = noise.add_to_inputs(inputs.transpose(0, 1), alpha, 0).transpose(0, 1)
    activation, outputs = PLAIN[made.activation], []
    for t, x in enumerate(inputs.unbind(1)):
        drive = x @ made.input_weight.T + activation(state) @ weight.T + made.bias
        state = (1 - alpha) * state + alpha * drive
        if kicks is not None:
            state = state + kicks[t]
        outputs.append(activation(state) @ made.output_weight.T + made.output_bias)
    return torch.stack(outputs, dim=1), state


@st.composite
def networks(draw_from):
    units = draw_from(st.integers(2, 9))
    tau = draw_from(st.sampled_from(["shared", "each"]))
    made = network(
        units,
        seed=draw_from(st.integers(0, 1000)),
        signs=dale_signs(units, 0.7) if draw_from(st.booleans()) else None,
        mask=draw(1, units, units) > -1 if draw_from(st.booleans()) and units > 5 else None,
        autapses=draw_from(st.booleans()),
        tau_ms=10.0 if tau == "shared" else torch.linspace(4.0, 30.0, units),
        train_tau=draw_from(st.booleans()),
        dt_ms=draw_from(st.sampled_from([0.3, 1.0, 3.0])),
        activation=draw_from(st.sampled_from([*PLAIN])),
    )
    return made


@settings(max_examples=150)
@given(
    made=networks(),
    batch=st.integers(1, 4),
    steps=st.integers(1, 20),
    chunk_steps=st.none() | st.integers(1, 25),
    noise=st.none()
    | st.builds(
        Noise,
        seed=st.integers(0, 1000),
        recurrent=st.sampled_from([0.0, 0.1]),
        inputs=st.sampled_from([0.0, 0.1]),
        compat=st.booleans(),
    ),
)
def test_values_and_gradients_are_those_of_the_plain_loop(made, batch, steps, chunk_steps, noise):
    inputs = draw(5, batch, steps, 2).requires_grad_()
    state = draw(6, batch, made.units).requires_grad_()
    wanted = {"inputs": inputs, "state": state, **dict(made.named_parameters())}

    def gradients(outputs, last):
        loss = (outputs * draw(7, *outputs.shape)).sum() + (last * draw(8, *last.shape)).sum()
        return torch.autograd.grad(loss, list(wanted.values()))

    expected = plain_run(made, inputs, state, noise)
    found = made(inputs, state, noise=noise, chunk_steps=chunk_steps)
    for ours, theirs in zip(found, expected, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-10, atol=1e-12)
    ours, theirs = (dict(zip(wanted, gradients(*run), strict=True)) for run in (found, expected))
    torch.testing.assert_close(ours, theirs, rtol=1e-10, atol=1e-10)


def test_rates_are_differentiable_and_read_out_to_the_outputs():
    made, inputs = network(), draw(1, 3, 20, 2)
    noise = Noise(1, recurrent=0.1)
    rates, last = made.rates(inputs, noise=noise)
    outputs, same = made(inputs, noise=noise)
    assert rates.shape == (3, 20, 12)
    assert torch.equal(last, same)
    torch.testing.assert_close(made.readout(rates), outputs)
    rates.square().mean().backward()
    assert made.input_weight.grad.abs().min() > 0


def test_only_the_presynaptic_sign_counts():
    made = network(4, signs=torch.tensor([1.0, 1.0, 1.0, -1.0]))
    weight = made.effective_weight().detach()
    assert (weight[:3, 3] < 0).all(), "what the inhibitory unit sends"
    assert (weight[3, :3] > 0).all(), "what it receives"
    assert torch.equal(weight.diagonal(), torch.zeros(4, dtype=torch.float64))
    alone, everyone = torch.zeros(1, 4, dtype=torch.float64), torch.zeros(1, 1, 2)
    alone[0, 3] = 1.0
    with torch.no_grad():
        made.bias.zero_()
    last = made.free_run(everyone.double(), alone).last
    torch.testing.assert_close(last[0, :3], 0.1 * weight[:3, 3])


def test_signs_by_row_would_be_another_network():
    made, inputs = network(), draw(1, 2, 20, 2)
    wrong = copy.deepcopy(made)
    wrong.signs = wrong.signs[:, None]
    assert (wrong.effective_weight() - made.effective_weight()).abs().max() > 0.1
    assert (wrong(inputs)[0] - made(inputs)[0]).abs().max() > 1e-3


def test_trials_of_a_batch_do_not_touch_each_other():
    made, inputs = network(40), draw(1, 5, 60, 2)
    together, last = made(inputs)
    for trial in range(5):
        alone, last_alone = made(inputs[trial : trial + 1])
        torch.testing.assert_close(alone[0], together[trial], rtol=0, atol=1e-12)
        torch.testing.assert_close(last_alone[0], last[trial], rtol=0, atol=1e-12)


def test_a_run_goes_on_from_its_last_state():
    made, inputs = network(), draw(1, 3, 40, 2)
    whole, last = made(inputs)
    first, middle = made(inputs[:, :13])
    second, end = made(inputs[:, 13:], middle)
    torch.testing.assert_close(torch.cat((first, second), dim=1), whole)
    torch.testing.assert_close(end, last)


def test_the_first_weights_of_500_units():
    made = RateNetwork(500, 2, 1, seed=1, signs=dale_signs(500, 0.8), spectral_radius=0.53)
    weight = made.effective_weight().detach()
    assert spectral_radius(weight) == pytest.approx(0.53, abs=1e-5)
    assert made.input_weight.std().item() == pytest.approx(0.0631, rel=0.05)
    assert made.output_weight.std().item() == pytest.approx(0.0632, rel=0.1)
    assert (weight[OFF_DIAGONAL] != 0).all()
    assert made.bias.abs().max() == 0
    before = made.recurrent_weight.detach().clone()
    optimizer = torch.optim.Adam(made.parameters(), lr=1e-3)
    inputs = draw(1, 4, 40, 2).float()
    for _ in range(5):
        optimizer.zero_grad()
        outputs, _ = made(inputs, noise=Noise(2, recurrent=0.01))
        (outputs - inputs[..., :1]).square().mean().backward()
        optimizer.step()
    moved = made.recurrent_weight != before
    assert moved[OFF_DIAGONAL].double().mean() > 0.99
    assert not moved[~OFF_DIAGONAL].any()
    weight = made.effective_weight()
    assert (weight[:, :400] >= 0).all()
    assert (weight[:, 400:] <= 0).all()


def test_a_weight_at_zero_can_leave_it():
    made = network()
    with torch.no_grad():
        made.recurrent_weight[3, 1] = 0.0
    made(draw(1, 2, 20, 2))[0].sum().backward()
    assert made.recurrent_weight.grad[3, 1] != 0


def test_fixed_zeros_stay_and_the_rest_has_the_radius():
    mask = draw(4, 12, 12) > 0
    made = network(mask=mask, spectral_radius=1.3, activation="tanh")
    weight = made.effective_weight().detach()
    assert torch.equal(weight != 0, mask & ~torch.eye(12, dtype=torch.bool))
    assert spectral_radius(weight) == pytest.approx(1.3)
    made(draw(1, 2, 20, 2))[0].sum().backward()
    assert torch.equal(made.recurrent_weight.grad != 0, weight != 0)


def test_the_seed_alone_decides_the_first_weights():
    one, same, other = network(seed=1), network(seed=1), network(seed=2)
    assert torch.equal(one.recurrent_weight, same.recurrent_weight)
    assert not torch.equal(one.recurrent_weight, other.recurrent_weight)
    single = network(seed=1, dtype=torch.float32)
    assert (single.recurrent_weight / one.recurrent_weight - 1).abs().max() < 1e-6


def test_noise_is_the_seeds_and_no_noise_is_no_noise():
    made, inputs = network(), draw(1, 2, 50, 2)
    noise = Noise(4, recurrent=0.05, inputs=0.05)
    torch.manual_seed(0)
    run, _ = made(inputs, noise=noise)
    assert torch.equal(made(inputs, noise=noise)[0], run)
    assert not torch.equal(made(inputs, noise=Noise(5, 0.05, 0.05))[0], run)
    assert torch.equal(made(inputs)[0], made(inputs)[0])
    assert torch.equal(made.eval()(inputs, noise=noise)[0], run), "eval changes nothing"
    drawn = torch.rand(1)
    torch.manual_seed(0)
    assert torch.equal(torch.rand(1), drawn), "torch's own generator was not touched"


@pytest.mark.parametrize("chunk_steps", [1, 16, 23, 64, 100])
def test_chunks_change_nothing_but_memory(chunk_steps):
    made, inputs, kept = network(40, train_tau=True), draw(1, 3, 100, 2), {}
    noise = Noise(4, recurrent=0.05, inputs=0.05)

    def pack(tensor):
        kept[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    def gradients(**options):
        kept.clear()
        with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
            outputs, _ = made(inputs, noise=noise, **options)
        size = sum(kept.values())
        return torch.autograd.grad(outputs.square().mean(), list(made.parameters())), size

    whole, size = gradients()
    chunked, small = gradients(chunk_steps=chunk_steps)
    for ours, theirs in zip(chunked, whole, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-11, atol=1e-15)
    array = 100 * 3 * 40 * 8
    weights = 6 * 40 * 40 * 8
    assert array < size < 4 * array + weights
    assert small < array + weights if chunk_steps > 1 else small < 2 * array + weights


@pytest.mark.parametrize("steps", [1, 63, 64, 65, 200])
def test_a_free_run_is_the_same_run(steps):
    made, inputs = network(tau_ms=torch.linspace(5, 20, 12)), draw(1, 3, steps, 2)
    state, noise = draw(2, 3, 12), Noise(4, recurrent=0.05, inputs=0.05)
    outputs, last = made(inputs, state, noise=noise)
    rates, _ = made.rates(inputs, state, noise=noise)
    run = made.free_run(inputs, state, noise=noise, save_every=1)
    torch.testing.assert_close(run.outputs, outputs.detach(), rtol=0, atol=1e-13)
    torch.testing.assert_close(run.last, last.detach(), rtol=0, atol=1e-13)
    torch.testing.assert_close(made.rate_of(run.states), rates.detach(), rtol=0, atol=1e-13)
    assert not run.outputs.requires_grad
    for every in (2, 7, 64, 150):
        thin = made.free_run(inputs, state, noise=noise, save_every=every)
        assert torch.equal(thin.states, run.states[:, ::every])
        assert torch.equal(thin.outputs, run.outputs)
    assert made.free_run(inputs, state, noise=noise).states.shape == (3, 0, 12)


def test_blocks_are_the_pieces_of_a_free_run():
    made, inputs = network(), draw(1, 3, 150, 2)
    blocks = list(made.blocks(inputs))
    assert [block.first for block in blocks] == [0, 64, 128]
    run = made.free_run(inputs, save_every=1)
    assert torch.equal(torch.cat([block.states for block in blocks], dim=1), run.states)
    assert torch.equal(torch.cat([block.outputs for block in blocks], dim=1), run.outputs)
    assert all(torch.equal(made.rate_of(block.states), block.rates) for block in blocks)
    assert torch.is_grad_enabled()


def test_a_constant_cue_needs_no_memory():
    made = network()
    cues = torch.tensor([[0.0, -0.5], [0.0, 0.0], [0.0, 0.8]], dtype=torch.float64)
    expanded = cues[:, None].expand(3, 100, 2)
    outputs = made.free_run(expanded.contiguous()).outputs
    torch.testing.assert_close(made.free_run(expanded).outputs, outputs, rtol=0, atol=1e-13)


@pytest.mark.parametrize("activation", ["tanh", "softplus"])
def test_the_step_converges_to_the_ode_with_order_one(activation):
    tau = np.linspace(5.0, 20.0, 8)
    cue, start = np.array([0.4, -0.3]), draw(2, 1, 8)
    options = {"tau_ms": torch.tensor(tau), "activation": activation, "spectral_radius": 1.5}
    reference = network(8, **options)
    weight, w_in, bias = (
        tensor.detach().numpy()
        for tensor in (reference.effective_weight(), reference.input_weight, reference.bias)
    )
    rate = {"tanh": np.tanh, "softplus": lambda h: np.logaddexp(h, 0.0)}[activation]
    ode = solve_ivp(
        lambda _, h: (-h + weight @ rate(h) + w_in @ cue + bias) / tau,
        (0.0, 30.0), start[0].numpy(), method="DOP853", rtol=1e-11, atol=1e-13,
    )  # fmt: skip
    errors = []
    for dt_ms in (0.4, 0.2, 0.1, 0.05):
        inputs = torch.tensor(cue).expand(1, round(30 / dt_ms), 2)
        last = network(8, dt_ms=dt_ms, **options).free_run(inputs, start).last[0].numpy()
        errors.append(np.abs(last - ode.y[:, -1]).max())
    orders = np.log2(np.array(errors[:-1]) / errors[1:])
    assert orders == pytest.approx([1.0, 1.0, 1.0], abs=0.05)
    assert errors[-1] < 5e-3


def test_weights_travel():
    made, inputs = network(train_tau=True, tau_ms=torch.linspace(5, 20, 12)), draw(1, 2, 30, 2)
    expected, _ = made(inputs)
    other = network(seed=9, signs=-dale_signs(12, 0.5), train_tau=True, tau_ms=torch.full((12,), 9))
    other.load_state_dict(made.state_dict())
    pickled = pickle.load(io.BytesIO(pickle.dumps(made)))
    for twin in (other, copy.deepcopy(made), pickled):
        assert torch.equal(twin(inputs)[0], expected)
    single = copy.deepcopy(made).float()
    torch.testing.assert_close(single(inputs.float())[0].double(), expected, rtol=0, atol=2e-6)


def test_trained_time_constants_stay_above_the_step():
    made = network(tau_ms=1.5, train_tau=True)
    assert made.tau_ms.item() == pytest.approx(1.5, rel=1e-12)
    with torch.no_grad():
        made.log_tau_excess.sub_(30)
    assert made.tau_ms >= made.dt_ms
    assert made(draw(1, 1, 5, 2))[0].isfinite().all()


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_a_gpu_gives_the_same_numbers():
    made, inputs = network(64), draw(1, 4, 50, 2)
    there, inputs_there = copy.deepcopy(made).cuda(), inputs.cuda()
    made(inputs)[0].square().mean().backward()
    there(inputs_there, chunk_steps=16)[0].square().mean().backward()
    for ours, theirs in zip(made.parameters(), there.parameters(), strict=True):
        torch.testing.assert_close(theirs.grad.cpu(), ours.grad, rtol=1e-9, atol=1e-12)
    noise = Noise(3, recurrent=0.1, inputs=0.1)
    assert torch.equal(there(inputs_there, noise=noise)[0], there(inputs_there, noise=noise)[0])
