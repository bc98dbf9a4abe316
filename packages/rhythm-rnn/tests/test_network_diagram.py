"""Diagrams of networks that are known otherwise: the reduced model as a network, small ones."""

import numpy as np
import pytest
import torch

from neuro_common.rates import RateNetwork
from rhythm_rnn.network_diagram import STAGES, NetworkDiagram, network_diagram
from rhythm_rnn.reduced import ReducedModel, fixed_points


def reduced_network(dt_ms: float = 1.0) -> RateNetwork:
    """The reduced model as a network: softplus units with h = a s - k."""
    model = ReducedModel()
    network = RateNetwork(
        3,
        2,
        1,
        seed=0,
        autapses=True,
        activation="softplus",
        tau_ms=torch.from_numpy(model.tau_ms.copy()),
        dt_ms=dt_ms,
        dtype=torch.float64,
    )
    weight = model.slope[:, None] * model.weights * model.gain
    with torch.no_grad():
        network.recurrent_weight.copy_(torch.from_numpy(weight))
        network.input_weight.zero_()
        network.input_weight[:, 1] = torch.from_numpy(model.slope * model.cue_weights)
        network.bias.copy_(torch.from_numpy(model.slope * model.bias - model.threshold))
        network.output_weight.copy_(torch.tensor([[0.0, 0.0, model.gain[2]]]))
    return network


@pytest.fixture(scope="module")
def smooth() -> NetworkDiagram:
    return network_diagram(reduced_network(), cue_range=(-0.5, 2.0), n_cues=11)


def test_a_smooth_network_folds_and_has_a_hopf_point(smooth: NetworkDiagram) -> None:
    cues = {event.kind: event.before.cue for event in smooth.events}
    assert cues["fold"] == pytest.approx(0.18994012, abs=1e-8)
    assert cues["Hopf"] == pytest.approx(1.58120234, abs=1e-8)
    hopf = next(event.before for event in smooth.events if event.kind == "Hopf")
    assert hopf.eigenvalues[0] == pytest.approx(120.1216j, abs=1e-3)
    # the map is left by a turning pair somewhat longer
    event = next(event for event in smooth.events if event.kind == "change of stability")
    assert event.before.cue > cues["Hopf"]
    assert np.abs(event.before.multipliers).max() == pytest.approx(1.0, abs=1e-9)
    assert len(smooth.events) == 3


def test_a_smooth_networks_branches_are_the_models(smooth: NetworkDiagram) -> None:
    model = ReducedModel()
    assert len(smooth.branches) == 2  # node and saddle meet, the focus stays for itself
    n_ends = {-0.5: 3, 2.0: 1}
    ends = [(b.cue[i], b.state[i]) for b in smooth.branches for i in (0, -1)]
    for cue, n in n_ends.items():
        states = [(h + model.threshold) / model.slope for c, h in ends if c == cue]
        expected = [point.state for point in fixed_points(model, cue)]
        assert len(states) == len(expected) == n
        np.testing.assert_allclose(sorted(s[2] for s in states), [s[2] for s in expected])


def test_the_rhythm_lives_between_the_fold_and_the_maps_loss(smooth: NetworkDiagram) -> None:
    begins, ends = smooth.scan.begins, smooth.scan.ends
    assert begins is not None
    assert ends is not None
    assert begins.rests < 0.18994 < begins.runs + 0.01
    lost = max(event.before.cue for event in smooth.events)
    assert 1.5 < ends.runs < lost + 0.01
    assert smooth.onset is None  # its law is measured at non-smooth folds
    in_map = smooth.stable_in_map(smooth.branches[0])
    assert (in_map <= smooth.branches[0].stable).all()


def test_a_rectified_network_begins_at_its_border(relaxing: RateNetwork) -> None:
    calls: list[None] = []
    diagram = network_diagram(
        relaxing, cue_range=(-1.5, 0.5), n_cues=6, report=lambda: calls.append(None)
    )
    assert len(calls) == STAGES
    met = [(event.kind, event.unit, event.before.cue) for event in diagram.events]
    # 1 - W D has the determinants 1 with none on, -2 with the first, 6 with both
    assert met == [("non-smooth fold", 1, -1.0), ("non-smooth fold", 0, 0.0)]
    assert [event.before.output for event in diagram.events] == [0.5, 0.0]
    assert diagram.onset is not None
    assert diagram.onset.kind == "non-smooth SNIC"
    assert diagram.bistable == []
    (branch,) = diagram.branches
    assert branch.cue.tolist() == [-1.5, 0.0, 0.0, -1.0, -1.0, 0.5]


def test_bad_input_is_refused() -> None:
    network = reduced_network()
    with pytest.raises(ValueError, match=r"cue_range must be finite and rise, got \(1.0, 0.0\)"):
        network_diagram(network, cue_range=(1.0, 0.0))
    with pytest.raises(ValueError, match="n_cues must be at least 2, got 1"):
        network_diagram(network, n_cues=1)
