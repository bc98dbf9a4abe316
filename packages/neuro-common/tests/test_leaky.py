"""The leaky network must be the loops of its equations, whatever its options."""

import copy
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from neuro_common.leaky import LeakyNetwork
from neuro_common.leaky_cell import Leak
from neuro_common.rate_noise import Noise
from neuro_common.rate_structure import dale_signs, spectral_radius
from neuro_common.rates import RateNetwork

PLAIN = {
    "relu": lambda x: np.maximum(x, 0.0),
    "softplus": lambda x: np.logaddexp(x, 0.0),
    "tanh": np.tanh,
}
STAGES = ("drive", "state", "both")


def draw(seed, *shape):
    return torch.from_numpy(np.random.default_rng(seed).normal(size=shape))


def network(units=10, inputs=3, outputs=2, *, seed=4, **options):
    return LeakyNetwork(
        units, inputs, outputs, seed=seed, **{"dtype": torch.float64, "tau_ms": 4.0} | options
    )


def plain_run(net, inputs, kicks=None):
    """The equations of the module in numpy and float64: outputs, states, synapses, rates."""
    weights = {name: value.detach().double().numpy() for name, value in net.named_parameters()}
    recurrent, readout = weights["recurrent_weight"], weights["output_weight"]
    signs = None if net.signs is None else net.signs.double().numpy()
    if signs is not None:
        recurrent = np.abs(recurrent) * signs
    recurrent = np.where(net.mask.numpy(), recurrent, 0.0)
    if net.signed_readout:
        readout = np.abs(readout) * signs
    alpha = net.leak().detach().double().numpy()
    f = PLAIN[net.activation]
    same = lambda x: x  # noqa: E731
    before, after = {"drive": (f, same), "state": (same, f), "both": (f, f)}[net.activation_on]
    inputs = inputs.double().numpy()
    batch, steps, _ = inputs.shape
    rate = state = synapse = np.zeros((batch, net.units))
    outputs, rates, states, synapses = [], [], [], []
    for t in range(steps):
        drive = inputs[:, t] @ weights["input_weight"].T + weights["bias"] + rate @ recurrent.T
        if net.delay_steps and t >= net.delay_steps:
            drive = drive + outputs[t - net.delay_steps] @ weights["feedback_weight"].T
        if net.synapse_leak is not None:
            drive = synapse = synapse + net.synapse_leak().detach().double().numpy() * (
                drive - synapse
            )
        state = state + alpha * (before(drive) - state)
        if kicks is not None:
            state = state + kicks[t]
        rate = after(state)
        read = rate[:, net.read_units.numpy()]
        outputs.append(read @ readout.T + weights["output_bias"])
        rates.append(rate)
        states.append(state)
        synapses.append(synapse)
    return [np.stack(each, axis=1) for each in (outputs, rates, states, synapses)]


@st.composite
def networks(draw_from):
    units = draw_from(st.integers(2, 9))
    choose = lambda *values: draw_from(st.sampled_from(values))  # noqa: E731
    dale, activation, stage = choose(False, True), choose(*PLAIN), choose(*STAGES)
    readouts = ["all"]
    if dale:
        readouts += ["excitatory"]
        readouts += ["signed"] if activation != "tanh" and stage != "drive" else []
    return network(
        units,
        seed=draw_from(st.integers(0, 1000)),
        signs=dale_signs(units, 0.7) if dale else None,
        autapses=choose(False, True),
        tau_ms=choose(4.0, torch.linspace(1.5, 9.0, units)),
        synapse_tau_ms=choose(None, 3.0, torch.linspace(1.1, 5.0, units)),
        train_tau=choose(False, True),
        activation=activation,
        activation_on=stage,
        readout=choose(*readouts),
        feedback_delay_ms=choose(None, 1.0, 4.0, 30.0),
        dtype=choose(torch.float64, torch.float32),
    )


@settings(max_examples=120)
@given(net=networks(), batch=st.integers(1, 3), steps=st.integers(1, 24))
def test_every_option_is_the_loop_of_the_equations(net, batch, steps):
    inputs = draw(5, batch, steps, 3).to(net.bias.dtype)
    tolerance = 1e-12 if net.bias.dtype == torch.float64 else 1e-5
    outputs, activities = net(inputs)
    wanted = dict(zip(("rate", "state", "synapse"), plain_run(net, inputs)[1:], strict=True))
    if net.synapse_leak is None:
        del wanted["synapse"]
    np.testing.assert_allclose(
        outputs.detach(), plain_run(net, inputs)[0], rtol=tolerance, atol=tolerance
    )
    assert [*activities] == [*wanted]
    for name, values in wanted.items():
        assert activities[name].dtype == net.bias.dtype
        np.testing.assert_allclose(
            activities[name].detach(), values, rtol=tolerance, atol=tolerance
        )


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("activation", ["softplus", "tanh"])
def test_gradients_are_those_of_finite_differences(stage, activation):
    net = network(
        4,
        inputs=2,
        signs=dale_signs(4, 0.5),
        synapse_tau_ms=torch.tensor([1.5, 2.0, 3.0, 4.0]),
        tau_ms=torch.tensor([2.0, 3.0, 4.0, 5.0]),
        train_tau=True,
        activation=activation,
        activation_on=stage,
        readout="excitatory",
        feedback_delay_ms=2.0,
    )
    names = [name for name, _ in net.named_parameters()]

    def run(inputs, *values):
        outputs, _ = torch.func.functional_call(net, dict(zip(names, values, strict=True)), inputs)
        return outputs

    values = [value.detach().clone().requires_grad_() for value in net.parameters()]
    assert len(values) == 8
    assert torch.autograd.gradcheck(run, (draw(3, 2, 7, 2).requires_grad_(), *values))


def one_unit(**options):
    """H = 1, B = 1, J = 0, biases 0, W = 1, alpha = 1/2."""
    net = network(1, 1, 1, **{"tau_ms": 2.0} | options)
    with torch.no_grad():
        for value in net.parameters():
            value.zero_()
        net.input_weight.fill_(1.0)
        net.output_weight.fill_(1.0)
    return net


def test_the_hand_cases_of_one_unit():
    pulse = torch.tensor([[[1.0], [0.0]]], dtype=torch.float64)
    adaptive, _ = one_unit()(pulse)
    assert adaptive.ravel().tolist() == pytest.approx([0.380797, 0.190399], abs=1e-6)
    outputs, activities = one_unit(activation_on="state", signs=torch.ones(1))(pulse)
    assert activities["state"].ravel().tolist() == [0.5, 0.25]
    assert outputs.ravel().tolist() == pytest.approx([0.462117, 0.244919], abs=1e-6)
    outputs, activities = one_unit(synapse_tau_ms=2.0)(pulse)
    assert activities["synapse"].ravel().tolist() == [0.5, 0.25]
    assert outputs.ravel().tolist() == pytest.approx([0.231059, 0.237989], abs=1e-6)


def test_an_output_comes_back_after_the_delay_and_not_before():
    net = one_unit(tau_ms=1.0, feedback_delay_ms=3.0, activation="relu")
    with torch.no_grad():
        net.feedback_weight.fill_(2.0)
    outputs, _ = net(torch.eye(8, dtype=torch.float64)[:1, :, None])
    assert outputs.ravel().tolist() == [1, 0, 0, 2, 0, 0, 4, 0]


def test_on_the_state_alone_it_is_the_rate_network():
    units, noise = 12, Noise(7, recurrent=0.3, inputs=0.2)
    signs = dale_signs(units, 0.75)
    tau = torch.linspace(3.0, 20.0, units)
    fast = RateNetwork(units, 3, 2, seed=1, signs=signs, tau_ms=tau, dtype=torch.float64)
    net = network(units, signs=signs, tau_ms=tau, activation="relu", activation_on="state")
    weights = fast.state_dict()
    net.load_state_dict(
        {name: weights.get(name, value) for name, value in net.state_dict().items()}
    )
    inputs = draw(2, 4, 30, 3)
    outputs, activities = net(inputs, noise=noise)
    torch.testing.assert_close(outputs, fast(inputs, noise=noise)[0], rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(activities["rate"], fast.rates(inputs, noise=noise)[0])
    assert float(activities["rate"].detach().std()) > 0.05


def test_noise_is_scaled_by_the_leak_as_it_is_and_keyed():
    net = network(400, tau_ms=10.0, autapses=True)
    with torch.no_grad():
        for name in ("input_weight", "recurrent_weight", "bias"):
            getattr(net, name).zero_()
    inputs = torch.zeros(1, 400, 3, dtype=torch.float64)
    states = net(inputs, noise=Noise(3, recurrent=0.5))[1]["state"].detach()
    # of an autoregression: sigma / sqrt(1 - alpha / 2)
    assert float(states[:, 100:].std()) == pytest.approx(0.5 / math.sqrt(0.95), rel=0.02)
    kicks = Noise(3, recurrent=0.5).of_units((400, 1, 400), net.leak(), 0).numpy()
    np.testing.assert_allclose(states, plain_run(net, inputs, kicks)[2], atol=1e-12)
    again = net(inputs[:, :50], noise=Noise(3, recurrent=0.5))[1]["state"]
    assert torch.equal(again, states[:, :50])
    assert not torch.equal(net(inputs, noise=Noise(4, recurrent=0.5))[1]["state"], states)


def test_dales_law_as_published_and_in_every_path():
    units, signs = 40, dale_signs(40, 0.8)
    published = network(units, signs=signs, activation_on="state", readout="excitatory")
    strict = network(units, signs=signs, activation="relu", activation_on="both", readout="signed")
    inputs = 5 * draw(1, 8, 60, 3)
    for net in (published, strict):
        weight = net.effective_weight().detach()
        assert torch.equal(weight.diagonal(), torch.zeros(units, dtype=torch.float64))
        assert (weight[:, :32] >= 0).all()
        assert (weight[:, 32:] <= 0).all()
    assert published.output_weight.shape == (2, 32)
    assert torch.equal(published.effective_output_weight()[:, 32:], torch.zeros(2, 8).double())
    # what the published form lets through: a negative rate of an excitatory unit
    assert float(published(inputs)[1]["rate"].detach()[..., :32].min()) < -0.5
    assert float(strict(inputs)[1]["rate"].detach().min()) >= 0
    readout = strict.effective_output_weight().detach()
    assert (readout[:, :32] >= 0).all()
    assert (readout[:, 32:] <= 0).all()


def test_the_first_weights_are_balanced_scaled_and_the_same_everywhere():
    net = network(200, inputs=17, outputs=14, signs=dale_signs(200, 0.8), spectral_radius=0.7)
    weight = net.effective_weight().detach()
    assert spectral_radius(weight) == pytest.approx(0.7)
    # four times as many that are a quarter as strong
    assert float(weight.sum(1).mean()) == pytest.approx(
        0.0, abs=0.02 * float(weight.abs().sum(1).mean())
    )
    assert float(net.input_weight.detach().abs().max()) == pytest.approx(17**-0.5, rel=0.01)
    single = network(
        200, inputs=17, outputs=14, signs=dale_signs(200, 0.8), spectral_radius=0.7, dtype=None
    )
    assert single.bias.dtype == torch.float32
    assert torch.equal(single.recurrent_weight, net.recurrent_weight.float())
    other = network(200, inputs=17, outputs=14, seed=5)
    assert not torch.equal(other.input_weight, net.input_weight)


@pytest.mark.parametrize(
    ("options", "parameters"),
    [
        # B, J, b, W, b_y, each unit's leak, each unit's synapse, A; one bias for each unit
        ({}, 17 * 20 + 400 + 20 + 14 * 20 + 14),
        ({"train_tau": True}, 17 * 20 + 400 + 20 + 14 * 20 + 14 + 20),
        ({"train_tau": True, "synapse_tau_ms": torch.full((20,), 3.0)}, 1054 + 20 + 20),
        ({"train_tau": True, "feedback_delay_ms": 50.0}, 1054 + 20 + 14 * 20),
        ({"signs": dale_signs(20, 0.8), "readout": "excitatory"}, 1054 - 4 * 14),
    ],
)
def test_no_parameter_is_there_for_nothing(options, parameters):
    options = {"tau_ms": torch.full((20,), 5.0)} | options
    net = network(20, 17, 14, **options)
    assert sum(value.numel() for value in net.parameters()) == parameters
    outputs, _ = net(draw(1, 2, 60, 17))
    outputs.square().sum().backward()
    for name, value in net.named_parameters():
        assert float(value.grad.abs().max()) > 0, name


def test_a_trained_leak_stays_within_its_bounds():
    net = network(6, tau_ms=torch.linspace(1.5, 40.0, 6), train_tau=True)
    torch.testing.assert_close(net.leak.tau_ms, torch.linspace(1.5, 40.0, 6).double())
    for sign in (1, -1):
        pushed = copy.deepcopy(net)
        optimizer = torch.optim.SGD(pushed.leak.parameters(), lr=1e3)
        for _ in range(3):
            optimizer.zero_grad()
            (sign * pushed.leak().sum()).backward()
            optimizer.step()
        alpha = pushed.leak().detach()
        assert not torch.equal(alpha, net.leak())
        assert (alpha > 0).all()
        assert (alpha <= 1).all()


def test_given_alphas_are_taken_to_the_bit():
    given = torch.tensor([0.1, 1.0, 1 / 3])
    fixed = Leak(torch.full((3,), 5.0), 3, 1.0, trained=False).float()
    fixed.set_alpha(given)
    assert torch.equal(fixed(), given)
    torch.testing.assert_close(fixed.tau_ms, torch.tensor([10.0, 1.0, 3.0]))
    trained = Leak(torch.full((3,), 5.0), 3, 1.0, trained=True)
    trained.set_alpha(given * 0.9)
    torch.testing.assert_close(trained(), (given * 0.9).double())


def test_alphas_out_of_bounds_need_to_be_asked_for():
    fixed = Leak(torch.full((2,), 5.0), 2, 1.0, trained=False)
    trained = Leak(torch.full((2,), 5.0), 2, 1.0, trained=True)
    wild = torch.tensor([1.2, -0.1], dtype=torch.float64)
    with pytest.raises(ValueError, match=r"alpha must be in \(0, 1\], got \[1.2, -0.1\]"):
        fixed.set_alpha(wild)
    fixed.set_alpha(wild, compat=True)
    assert torch.equal(fixed(), wild)
    with pytest.raises(ValueError, match=r"in \(0, 1\) to be trained, got \[1.2, -0.1\]"):
        trained.set_alpha(wild, compat=True)
    with pytest.raises(ValueError, match=r"in \(0, 1\) to be trained, got \[1.0\]"):
        trained.set_alpha(torch.tensor([1.0, 0.5]))
    with pytest.raises(ValueError, match=r"got \[nan\]"):
        fixed.set_alpha(torch.tensor([math.nan, 0.5]), compat=True)
    with pytest.raises(ValueError, match=r"alpha must have shape \(2,\), got \(1,\)"):
        fixed.set_alpha(torch.tensor([0.5]))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"units": 0}, "units must be at least 1, got 0"),
        ({"activation": "sigmoid"}, "activation must be one of relu, softplus, tanh"),
        ({"activation_on": "rate"}, "activation_on must be one of drive, state, both, got 'rate'"),
        ({"readout": "some"}, "readout must be one of all, excitatory, signed"),
        ({"readout": "excitatory"}, 'readout "excitatory" needs the signs of the units'),
        (
            {"readout": "signed", "signs": dale_signs(10, 0.8), "activation_on": "state"},
            'never negative: relu or softplus on "state" or "both", got tanh on "state"',
        ),
        (
            {"readout": "signed", "signs": dale_signs(10, 0.8), "activation": "relu"},
            'got relu on "drive"',
        ),
        (
            {"readout": "excitatory", "signs": -torch.ones(10)},
            'readout "excitatory" needs an excitatory unit, got none',
        ),
        ({"signs": torch.zeros(10)}, "signs must be 1 or -1 for each of 10 units"),
        ({"tau_ms": 0.5}, "tau_ms must be finite and at least dt_ms=1.0"),
        ({"synapse_tau_ms": 1.0, "train_tau": True}, "tau_ms must be above dt_ms=1.0 to be"),
        ({"feedback_delay_ms": 0.0}, "whole number of steps of dt_ms=1.0, at least one, got 0.0"),
        ({"feedback_delay_ms": 2.5}, "got 2.5"),
        ({"spectral_radius": 0.0}, "spectral_radius must be above 0"),
    ],
)
def test_options_that_cannot_be_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        network(**options)


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        (torch.zeros(2, 5, 4).double(), r"inputs must have shape \(batch, time, 3\)"),
        (torch.zeros(2, 5, 3), "inputs must be torch.float64"),
        (torch.full((2, 5, 3), math.nan).double(), "inputs must be finite"),
    ],
)
def test_inputs_that_do_not_fit_are_refused(inputs, message):
    with pytest.raises(ValueError, match=message):
        network()(inputs)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_a_gpu_gives_the_same_numbers():
    options = {"signs": dale_signs(10, 0.8), "readout": "excitatory", "synapse_tau_ms": 3.0}
    here, there = (
        network(**options, train_tau=True, feedback_delay_ms=5.0, device=device)
        for device in ("cpu", "cuda")
    )
    inputs = draw(1, 4, 30, 3)
    here(inputs)[0].square().mean().backward()
    there(inputs.cuda())[0].square().mean().backward()
    for ours, theirs in zip(here.parameters(), there.parameters(), strict=True):
        torch.testing.assert_close(theirs.grad.cpu(), ours.grad, rtol=1e-9, atol=1e-12)
