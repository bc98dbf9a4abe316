"""The published classes must be the loops of their equations with the same weights."""

import numpy as np
import pytest
import torch

from neuro_common.rate_noise import Noise
from spinal_rnn.models.published import GatedNetwork, load_published, published_network
from spinal_rnn.models.recurrent_options import GATED, LEAKY

UNITS, INPUTS, OUTPUTS, STEPS = 20, 17, 14, 130
LAYERS = {"GRU": 1, "LSTM": 1, "LSTM2": 2}
EXCITATORY = 16


def linear(rng, outputs, inputs):
    return {
        "weight": rng.uniform(-1, 1, (outputs, inputs)) / np.sqrt(inputs),
        "bias": rng.uniform(-1, 1, outputs) / np.sqrt(inputs),
    }


def cell_weights(rng, gates, inputs):
    shapes = {"weight_ih": (gates * UNITS, inputs), "weight_hh": (gates * UNITS, UNITS)}
    shapes |= {"bias_ih": (gates * UNITS,), "bias_hh": (gates * UNITS,)}
    return {part: rng.uniform(-1, 1, shape) / np.sqrt(UNITS) for part, shape in shapes.items()}


def weights_of(name, seed=0):
    """A state dictionary as the published program would save it."""
    rng = np.random.default_rng(seed)
    state = {}

    def add(prefix, parts, suffix=""):
        state.update({f"{prefix}.{part}{suffix}": value for part, value in parts.items()})

    if name in GATED:
        prefix, gates = ("gru", 3) if name == "GRU" else ("lstm", 4)
        for layer in range(LAYERS[name]):
            inputs = UNITS if layer else INPUTS
            add(prefix, cell_weights(rng, gates, inputs), f"_l{layer}")
        add("fc", linear(rng, OUTPUTS, UNITS))
        return state
    dale = "EI" in name
    add("fc", linear(rng, OUTPUTS, EXCITATORY if dale else UNITS))
    if dale or name in ("RNN", "ARNN"):
        add("rnn", cell_weights(rng, 1, INPUTS))
    if dale:
        state["h2h.mask"] = np.where(np.arange(UNITS) < EXCITATORY, 1.0, -1.0) * (1 - np.eye(UNITS))
        state["_sigma_rec"] = np.zeros((1, UNITS))
    if name not in ("RNN", "ARNN"):
        add("input2h", linear(rng, UNITS, INPUTS))
        add("h2h", linear(rng, UNITS, UNITS))
    if "F" in name:
        add("f2h", linear(rng, UNITS, OUTPUTS))
    state["alpha"] = rng.uniform(0.05, 1, (1, UNITS)) if "A" in name else np.ones(1)
    if "S" in name:
        state["alpha_s"] = rng.uniform(0.05, 1, (1, UNITS))
    return state


def affine(state, layer, values):
    return values @ state[f"{layer}.weight"].T + state[f"{layer}.bias"]


def leaky_loop(name, state, inputs):
    """The equations of each class, one after the other."""
    batch, steps, _ = inputs.shape
    h = v = s = np.zeros((batch, UNITS))
    alpha, alpha_s = state["alpha"].ravel(), state.get("alpha_s", np.ones(1)).ravel()
    if name in ("RNN", "ARNN"):
        keys = {"input2h": "ih", "h2h": "hh"}
        parts = ("weight", "bias")
        state = state | {f"{a}.{p}": state[f"rnn.{p}_{b}"] for a, b in keys.items() for p in parts}
    if "EI" in name:
        state = state | {"h2h.weight": np.abs(state["h2h.weight"]) * state["h2h.mask"]}
    ys, rs = [], []
    for t in range(steps):
        r = np.tanh(v) if "EI" in name else h
        drive = affine(state, "input2h", inputs[:, t]) + affine(state, "h2h", r)
        if "F" in name:
            y = ys[t - 50] if t >= 50 else np.zeros((batch, OUTPUTS))
            drive = drive + affine(state, "f2h", y)
        if name in ("RNN", "ARNN", "AFRNN"):
            h = h + alpha * (np.tanh(drive) - h)
        elif name in ("ASRNN", "ASFRNN"):
            s = s + alpha_s * (drive - s)
            h = h + alpha * (np.tanh(s) - h)
        elif name in ("EIRNN", "AEIRNN", "AFEIRNN"):
            v = v + alpha * (drive - v)
        else:
            s = s + alpha_s * (drive - s)
            v = v + alpha * (np.tanh(s) - v)
        rs.append(np.tanh(v) if "EI" in name else h)
        ys.append(affine(state, "fc", rs[-1][:, :EXCITATORY] if "EI" in name else rs[-1]))
    return np.stack(ys, axis=1), np.stack(rs, axis=1)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def gated_loop(name, state, inputs):
    prefix = "gru" if name == "GRU" else "lstm"
    for layer in range(LAYERS[name]):
        h = c = np.zeros((len(inputs), UNITS))
        passed = []
        for t in range(inputs.shape[1]):
            w_i, w_h, b_i, b_h = (
                state[f"{prefix}.{p}_l{layer}"]
                for p in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
            )
            by_input, by_state = inputs[:, t] @ w_i.T + b_i, h @ w_h.T + b_h
            if name == "GRU":
                (r, z, n), (r_h, z_h, n_h) = (np.split(x, 3, axis=1) for x in (by_input, by_state))
                r, z = sigmoid(r + r_h), sigmoid(z + z_h)
                h = (1 - z) * np.tanh(n + r * n_h) + z * h
            else:
                i, f, g, o = np.split(by_input + by_state, 4, axis=1)
                c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
                h = sigmoid(o) * np.tanh(c)
            passed.append(h)
        inputs = np.stack(passed, axis=1)
    return affine(state, "fc", inputs), inputs


def pulses(batch=3):
    x = np.zeros((batch, STEPS, INPUTS))
    x[:, 20::25] = 3 * np.random.default_rng(9).normal(size=(batch, 1, INPUTS))
    return x


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", [*LEAKY, *GATED])
def test_transplanted_weights_give_the_published_outputs(name, dtype):
    state, inputs = weights_of(name), pulses()
    outputs, rates = (gated_loop if name in GATED else leaky_loop)(name, state, inputs)
    network = load_published(name, {key: value.astype(dtype) for key, value in state.items()})
    with torch.no_grad():
        found, activities = network.eval()(torch.from_numpy(inputs.astype(dtype)))
    tolerance = 1e-5 if dtype == np.float32 else 1e-12
    assert found.numpy().dtype == dtype
    np.testing.assert_allclose(found, outputs, atol=tolerance, rtol=0)
    np.testing.assert_allclose(activities["rate"], rates, atol=tolerance, rtol=0)
    assert np.ptp(outputs) > 0.5


def test_alphas_are_taken_to_the_bit_or_trained_further():
    state = weights_of("ASEIRNN")
    exact = load_published("ASEIRNN", state)
    assert np.array_equal(exact.leak().numpy(), state["alpha"].ravel())
    assert np.array_equal(exact.synapse_leak().numpy(), state["alpha_s"].ravel())
    further = load_published("ASEIRNN", state, train_tau=True)
    assert further.leak.logit.requires_grad
    np.testing.assert_allclose(further.leak().detach(), state["alpha"].ravel(), rtol=1e-12)


def test_parameters_of_a_live_module_are_taken_too():
    network = published_network("LSTM", UNITS, seed=5)
    names = {"recurrent": "lstm", "output": "fc"}
    state = {}
    for name, value in network.named_parameters():
        part, rest = name.split(".")
        state[f"{names[part]}.{rest}"] = value
    inputs = torch.from_numpy(pulses()).float()
    assert torch.equal(load_published("LSTM", state)(inputs)[0], network(inputs)[0])


def test_an_alpha_out_of_bounds_is_a_thing_of_compat():
    state = weights_of("ARNN")
    state["alpha"][0, 3] = 1.25
    with pytest.raises(ValueError, match=r"alpha must be in \(0, 1\], got \[1.25\]"):
        load_published("ARNN", state)
    network = load_published("ARNN", state, compat=True)
    outputs, _ = network(torch.from_numpy(pulses()))
    np.testing.assert_allclose(outputs.detach(), leaky_loop("ARNN", state, pulses())[0], atol=1e-12)


PUBLISHED_COUNTS = {
    **{"GRU": 2634, "LSTM": 3414, "LSTM2": 6774, "RNN": 1075, "ARNN": 1094, "AEIRNN": 1818},
    **{"ASRNN": 1114, "ASEIRNN": 1838, "AFRNN": 1394, "ASFRNN": 1414, "ASFEIRNN": 2138},
}


@pytest.mark.parametrize("name", PUBLISHED_COUNTS)
def test_parameters_are_the_published_ones_less_those_without_effect(name):
    network = published_network(name, UNITS, seed=0)
    count = sum(value.numel() for value in network.parameters())
    surplus = 0
    if name not in GATED:
        second_bias, feedback_bias = UNITS, UNITS * ("F" in name)
        dead_cell = (INPUTS * UNITS + UNITS**2 + 2 * UNITS) * ("EI" in name)
        surplus = second_bias + feedback_bias + dead_cell + (name == "RNN")  # its alpha of 1
    assert count == PUBLISHED_COUNTS[name] - surplus


@pytest.mark.parametrize("name", [*LEAKY, *GATED])
def test_new_networks_begin_from_their_seed_and_learn(name):
    inputs = torch.from_numpy(pulses()).float()
    network = published_network(name, UNITS, seed=3)
    outputs, activities = network(inputs)
    assert outputs.shape == (3, STEPS, OUTPUTS)
    assert activities["rate"].shape == (3, STEPS, UNITS)
    outputs.square().mean().backward()
    norms = [float(value.grad.norm()) for value in network.parameters()]
    assert min(norms) > 0
    assert max(norms) < 10
    bias = "output_bias" if name in LEAKY else "output.bias"
    for seed in (3, 4):
        other = published_network(name, UNITS, seed=seed).state_dict()[bias]
        assert torch.equal(other, network.state_dict()[bias]) == (seed == 3)


def test_the_letters_of_a_name_say_what_it_has():
    tau = (4.0, 9.0)
    for name in LEAKY:
        network = published_network(name, UNITS, seed=0, tau_ms=tau)
        assert (network.leak.logit is not None) == ("A" in name)
        assert (network.synapse_leak is not None) == ("S" in name)
        assert network.delay_steps == 50 * ("F" in name)
        assert (network.signs is not None) == ("EI" in name)
    drawn = published_network("ARNN", UNITS, seed=0, tau_ms=tau).leak.tau_ms.detach()
    assert sorted(set(drawn.round(decimals=4).tolist())) == [4.0, 9.0]
    root = published_network("ASRNN", UNITS, seed=0, tau_ms=tau)
    alphas = (root.leak() * root.synapse_leak()).detach()
    torch.testing.assert_close(alphas, 1 / drawn)
    assert float(published_network("EIRNN", UNITS, seed=0).leak()) == 1.0


def test_the_first_weights_leave_the_global_generator_alone():
    before = torch.random.get_rng_state()
    published_network("LSTM2", UNITS, seed=1)
    assert torch.equal(torch.random.get_rng_state(), before)


def test_dropout_acts_between_layers_in_training_only():
    network = GatedNetwork("LSTM2", UNITS, INPUTS, OUTPUTS, seed=0)
    inputs = torch.from_numpy(pulses()).float()
    assert not torch.equal(network(inputs)[0], network(inputs)[0])
    network.eval()
    assert torch.equal(network(inputs)[0], network(inputs)[0])


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("LSTM3", {}, "network must be one of RNN, .*LSTM2, got 'LSTM3' \\(did you mean"),
        ("ASRNN", {"alpha_s": None}, "missing: alpha_s; unexpected: none"),
        ("RNN", {"input2h.weight": np.ones((2, 2))}, "missing: none; unexpected: input2h.weight"),
        ("AFRNN", {"f2h.bias": None, "A": np.ones(1)}, "missing: f2h.bias; unexpected: A"),
        ("GRU", {"fc.bias": np.full(OUTPUTS, np.nan)}, "fc.bias of GRU must be finite"),
        ("ARNN", {"fc.weight": np.ones(OUTPUTS)}, r"fc.weight of ARNN must be a matrix, got .*14,"),
        ("ARNN", {"rnn.weight_hh": np.ones((3, 3))}, r"must belong together, got \{'fc.weight'"),
        ("AEIRNN", {"fc.bias": np.ones(3)}, r"AEIRNN must belong together"),
        ("GRU", {"gru.weight_hh_l0": np.ones((3, 3))}, r"GRU must belong together"),
        ("AEIRNN", {"alpha": np.full((1, 3), 0.5)}, r"alpha must have shape \(20,\), got \(3,\)"),
    ],
)
def test_weights_that_do_not_fit_are_refused(name, change, message):
    state = weights_of(name) if name in (*LEAKY, *GATED) else {}
    state = {key: value for key, value in (state | change).items() if value is not None}
    with pytest.raises(ValueError, match=message):
        load_published(name, state)


def test_gated_networks_refuse_noise():
    with pytest.raises(ValueError, match="noise must be None for a GRU or an LSTM"):
        published_network("GRU", 4, seed=0)(torch.zeros(1, 2, 17), noise=Noise(0, recurrent=0.1))
