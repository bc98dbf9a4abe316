"""Controls: as many trained numbers, and what each of them remembers."""

from typing import Any

import numpy as np
import pytest
import torch

from brainnn.connectome.surrogate import surrogate, synthetic
from brainnn.networks.controls import GRUCore, MLPCore, dense_rnn, matched_control
from brainnn.networks.rnn import ConnectomeRNN
from brainnn.networks.roles import choose_roles
from brainnn.networks.wiring import Wiring


def network(gains: Any = "edge", channels: int = 16, **options: Any) -> ConnectomeRNN:
    connectome = surrogate(0)
    wiring = Wiring.of(connectome, gains=gains)
    return ConnectomeRNN(wiring, choose_roles(connectome), channels, 4, seed=1, **options)


@pytest.mark.parametrize("kind", ["dense", "gru", "mlp"])
@pytest.mark.parametrize("gains", ["edge", "type_pair", "frozen"])
@pytest.mark.parametrize("channels", [14, 28])
def test_controls_have_as_many_trained_numbers(kind: Any, gains: Any, channels: int) -> None:
    core = network(gains, channels)
    control = matched_control(kind, core, seed=2)
    assert control.trained == pytest.approx(core.trained, rel=0.02)
    assert (control.channels, control.actions) == (channels, 4)
    x = torch.randn(3, 5, channels, generator=torch.Generator().manual_seed(0))
    actions, state = control(x)
    assert actions.shape == (3, 5, 4)
    assert state.shape == (3, control.state_size)
    assert 0.01 < float(actions.detach().std()) < 3


def test_the_neuropil_too() -> None:
    connectome = synthetic(1101, 37026, seed=0)
    roles = choose_roles(connectome, 220, 220, rng=np.random.default_rng(0))
    options: Any = {"seed": 0, "spectral_radius": None}
    core = ConnectomeRNN(Wiring.of(connectome), roles, 24, 4, **options)
    assert core.trained == 37026 + 1101 + 220 * 24 + 220 * 4 + 4
    for kind in ("gru", "mlp"):
        control = matched_control(kind, core, seed=0)  # type: ignore[arg-type]
        assert control.trained == pytest.approx(core.trained, rel=0.02)


def test_a_dense_network_takes_the_dynamics_and_frees_the_signs() -> None:
    core = network(substeps=2, dt_ms=4.0, tau_ms=13.0, activation="tanh")
    control = matched_control("dense", core, seed=2)
    assert isinstance(control, ConnectomeRNN)
    assert (control.substeps, control.dt_ms, control.activation) == (2, 4.0, "tanh")
    assert {*np.round(control.tau_ms.tolist(), 5)} == {13.0}
    weight = control.effective_weight().detach().numpy()
    assert (weight != 0).sum() == control.state_size * (control.state_size - 1)
    assert np.abs(np.linalg.eigvals(weight)).max() == pytest.approx(1, abs=1e-4)
    assert bool(control.free.all())
    share = len(core.inputs) / core.state_size
    assert len(control.inputs) / control.state_size == pytest.approx(share, abs=0.1)


def test_who_remembers() -> None:
    x = torch.randn(2, 4, 3, generator=torch.Generator().manual_seed(0))
    other = x.clone()
    other[:, 0] += 1
    gru, mlp = GRUCore(3, 2, units=5, encoded=4, seed=0), MLPCore(3, 2, hidden=(5, 6), seed=0)
    assert not torch.equal(gru(x)[0][:, 3], gru(other)[0][:, 3])
    assert torch.equal(mlp(x)[0][:, 3], mlp(other)[0][:, 3])
    assert (gru.state_size, mlp.state_size) == (5, 0)
    first, state = gru(x[:, :2])
    second, _ = gru(x[:, 2:], state)
    torch.testing.assert_close(torch.cat((first, second), 1), gru(x)[0])


def test_a_seed_is_a_control() -> None:
    same, again, other = (GRUCore(3, 2, units=5, encoded=4, seed=seed) for seed in (1, 1, 2))
    x = torch.randn(1, 4, 3, generator=torch.Generator().manual_seed(0))
    assert torch.equal(same(x)[0], again(x)[0])
    assert not torch.equal(same(x)[0], other(x)[0])


def test_refusals() -> None:
    core = network()
    with pytest.raises(ValueError, match=r"control must be one of \['dense', 'gru', 'mlp'\], got"):
        matched_control("lstm", core, seed=0)  # type: ignore[arg-type]
    tiny = MLPCore(9, 3, hidden=(1, 1), seed=0)
    with pytest.raises(ValueError, match="no sizes of the control give 18 trained"):
        matched_control("gru", tiny, seed=0)
    with pytest.raises(ValueError, match="units must be at least 1, got 0"):
        GRUCore(3, 2, units=0, encoded=4, seed=0)
    with pytest.raises(ValueError, match="outputs must be at least 1, got 0"):
        dense_rnn(3, 2, inputs=2, outputs=0, hidden=3, seed=0)
