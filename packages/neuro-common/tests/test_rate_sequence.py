"""The fast sequence must be the plain recursion, and its gradients those of autograd."""

import math

import pytest
import torch
from torch.autograd import gradcheck

from neuro_common import rate_sequence
from neuro_common.rate_sequence import ACTIVATIONS, add_input_drive, advance, leaky_sequence

PLAIN = {
    "relu": torch.nn.functional.relu,
    "tanh": torch.tanh,
    "softplus": lambda h: torch.nn.functional.softplus(h, threshold=1e9),
}
each_activation = pytest.mark.parametrize("name", PLAIN)


def draw(seed, *shape, scale=1.0):
    generator = torch.Generator().manual_seed(seed)
    return scale * torch.randn(shape, generator=generator, dtype=torch.float64)


@each_activation
def test_rates_and_slopes_are_those_of_autograd(name):
    state = torch.linspace(-30, 30, 601, dtype=torch.float64).requires_grad_()
    plain = PLAIN[name](state)
    (slope,) = torch.autograd.grad(plain.sum(), state)
    rate, found = torch.empty_like(state), torch.empty_like(state)
    ACTIVATIONS[name].rate(state.detach(), rate)
    ACTIVATIONS[name].slope(rate, found)
    torch.testing.assert_close(rate, plain.detach(), rtol=1e-14, atol=1e-15)
    torch.testing.assert_close(found, slope, rtol=1e-13, atol=1e-15)


def test_softplus_does_not_overflow():
    rate = torch.empty(2, dtype=torch.float64)
    ACTIVATIONS["softplus"].rate(torch.tensor([-1e4, 1e4], dtype=torch.float64), rate)
    assert rate.tolist() == [0.0, 1e4]


def test_two_units_by_hand():
    # unit 0 drives unit 1 with weight .5, nothing comes back
    drive = torch.tensor([[[1.0, 0.0]], [[0.0, 0.0]], [[0.0, -4.0]]], dtype=torch.float64)
    kernel = torch.tensor([[0.0, 0.0], [0.5, 0.0]], dtype=torch.float64)
    decay = torch.tensor([0.5, 0.9], dtype=torch.float64)
    states = torch.empty_like(drive)
    zero = torch.zeros(1, 2, dtype=torch.float64)
    last = advance(drive, kernel, decay, zero, ACTIVATIONS["relu"], states)
    expected = [[1.0, 0.0], [0.5, 0.5], [0.25, 0.25 + 0.45 - 4]]
    torch.testing.assert_close(states[:, 0], torch.tensor(expected, dtype=torch.float64))
    assert torch.equal(drive, states.clamp_min(0))
    assert torch.equal(last, states[-1])
    assert torch.equal(zero, torch.zeros_like(zero))


def test_the_state_before_is_kept_when_no_states_are_wanted():
    state, drive = draw(1, 3, 4), draw(2, 5, 3, 4)
    before, states = state.clone(), torch.empty_like(drive)
    kernel, decay = draw(3, 4, 4), torch.tensor(0.8, dtype=torch.float64)
    with_states = advance(drive.clone(), kernel, decay, state, ACTIVATIONS["tanh"], states)
    without = advance(drive, kernel, decay, state, ACTIVATIONS["tanh"])
    assert torch.equal(state, before)
    assert torch.equal(with_states, without)


@pytest.mark.parametrize("members", [(), (3,)])
def test_the_drive_is_inputs_times_weights_plus_noise(members):
    inputs, kernel = draw(1, 5, *members, 7, 2), draw(2, *members, 4, 2)
    noise = draw(3, 5, *members, 7, 4)
    expected = noise + torch.einsum("t...bc,...nc->t...bn", inputs, kernel)
    add_input_drive(noise, inputs, kernel)
    torch.testing.assert_close(noise, expected)


@each_activation
@pytest.mark.parametrize("decay_shape", [(1, 1), (1, 3)])
@pytest.mark.parametrize("noisy", [False, True])
@pytest.mark.parametrize("steps", [1, 5])
@pytest.mark.parametrize("members", [(), (2,)])
def test_gradients_agree_with_finite_differences(
    name, decay_shape, noisy, steps, members, monkeypatch
):
    monkeypatch.setattr(rate_sequence, "_BLOCK_STEPS", 2)
    inputs = draw(1, steps, *members, 2, 2).requires_grad_()
    noise = draw(2, steps, *members, 2, 3, scale=0.1).requires_grad_() if noisy else None
    input_kernel, kernel = (draw(3 + n, *members, 3, 2 + n).requires_grad_() for n in range(2))
    decay = (0.8 + 0.1 * draw(5, *members, *decay_shape).tanh()).requires_grad_()
    readout, state = (draw(6 + n, *members, 2, 3).requires_grad_() for n in range(2))

    def run(inputs, noise, *others):
        # the noise is overwritten
        return leaky_sequence(inputs, None if noise is None else noise.clone(), *others, name)

    assert gradcheck(run, (inputs, noise, input_kernel, kernel, decay, readout, state))


@pytest.mark.parametrize("steps", [1, 31, 32, 33, 100])
def test_gradients_of_outputs_rates_and_last_state_add_up(steps):
    inputs, state = draw(1, steps, 2, 2), draw(6, 2, 3)
    kernel, decay = draw(4, 3, 3, scale=0.1).requires_grad_(), torch.tensor(0.9).double()
    parts = leaky_sequence(inputs, None, draw(3, 3, 2), kernel, decay, draw(7, 1, 3), state, "tanh")
    losses = [part.square().sum() for part in parts]
    alone = [torch.autograd.grad(loss, kernel, retain_graph=True)[0] for loss in losses]
    (together,) = torch.autograd.grad(sum(losses), kernel)
    torch.testing.assert_close(sum(alone), together, rtol=1e-11, atol=1e-13)
    assert all(grad.abs().max() > 0 for grad in alone)


def test_a_second_derivative_is_refused():
    inputs, kernel = draw(1, 4, 2, 2), draw(4, 3, 3).requires_grad_()
    decay, state = torch.tensor(0.9, dtype=torch.float64), draw(6, 2, 3)
    outputs, *_ = leaky_sequence(
        inputs, None, draw(3, 3, 2), kernel, decay, draw(7, 1, 3), state, "tanh"
    )
    (grad,) = torch.autograd.grad(outputs.square().sum(), kernel, create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        grad.sum().backward()


def bytes_kept(**requires):
    """Bytes that a sequence of 20 steps, 3 trials and 50 units in float64 keeps for backward."""
    kept = {}

    def pack(tensor):
        kept[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    decay = torch.tensor(0.9, dtype=torch.float64, requires_grad=requires.get("decay", False))
    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        kernel = draw(4, 50, 50, scale=0.01).requires_grad_()
        leaky_sequence(
            draw(1, 20, 3, 2),
            None,
            draw(3, 50, 2),
            kernel,
            decay,
            draw(7, 1, 50),
            draw(6, 3, 50),
            "relu",
        )
    return sum(kept.values())


def test_only_the_rates_are_kept_and_the_states_if_the_decay_is_trained():
    sequence, small = 20 * 3 * 50 * 8, 8 * (50 * 50 + 20 * 3 * 2 + 50 * 2 + 1 + 50 + 3 * 50)
    assert bytes_kept() == sequence + small
    assert bytes_kept(decay=True) == 2 * sequence + small


def test_the_first_state_of_a_long_run_has_forgotten_its_start():
    # without connections a state decays to decay**steps of what it was
    state = torch.full((1, 2), 3.0, dtype=torch.float64)
    zero = torch.zeros(100, 1, 2, dtype=torch.float64)
    nothing = torch.zeros(2, 2, dtype=torch.float64)
    last = advance(zero, nothing, torch.tensor(0.9).double(), state, ACTIVATIONS["relu"])
    expected = 3 * math.pow(torch.tensor(0.9).double().item(), 100)
    torch.testing.assert_close(last, torch.full_like(last, expected))
