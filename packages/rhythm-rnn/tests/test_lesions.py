"""Lesions: what a weakened network computes, and what becomes of a rhythm whose cause is known."""

import numpy as np
import pytest
import torch

from neuro_common.rate_structure import dale_signs
from neuro_common.rates import RateNetwork
from rhythm_rnn.activity import excitatory_units, record
from rhythm_rnn.classes import classes_of
from rhythm_rnn.lesions import Lesion, lesion_classes, weakened


def test_silencing_is_holding_rates_at_zero() -> None:
    network = RateNetwork(12, 2, 1, seed=3, signs=dale_signs(12, 0.7), dtype=torch.float64)
    network.bias.data.normal_(generator=torch.Generator().manual_seed(0))
    units = np.arange(12) % 3 == 0
    before = network.recurrent_weight.clone()
    inputs = torch.full((1, 60, 2), 0.4, dtype=torch.float64)
    found = weakened(network, units, 1.0).free_run(inputs).outputs[0, :, 0].numpy()
    assert torch.equal(network.recurrent_weight, before)

    weight, drive = network.effective_weight().detach().numpy(), network.input_weight.detach()
    held = np.where(units, 0.0, 1.0)
    state, expected = np.zeros(12), []
    for _ in range(60):
        rates = np.maximum(state, 0) * held
        current = weight @ rates + drive.numpy() @ [0.4, 0.4] + network.bias.detach().numpy()
        state = state + 0.1 * (current - state)
        readout = network.output_weight.detach().numpy()[0]
        expected.append(readout @ (np.maximum(state, 0) * held))
    np.testing.assert_allclose(found, expected, rtol=1e-10)


def test_a_dose_scales_outgoing_weights_only() -> None:
    network = RateNetwork(6, 2, 1, seed=1, signs=dale_signs(6, 0.5), dtype=torch.float64)
    weaker = weakened(network, np.arange(6) == 4, 0.25)
    share = (weaker.effective_weight() / network.effective_weight()).detach().numpy()
    expected = np.ones((6, 6))
    expected[:, 4] = 0.75
    off = ~np.eye(6, dtype=bool)
    np.testing.assert_allclose(share[off], expected[off])
    readout = (weaker.output_weight / network.output_weight).detach().numpy()
    np.testing.assert_allclose(readout, [[1, 1, 1, 1, 0.75, 1]])
    assert torch.equal(weaker.input_weight, network.input_weight)
    with pytest.raises(ValueError, match=r"dose must be in \[0, 1\], got 1.5"):
        weakened(network, np.arange(6) == 4, 1.5)


@pytest.fixture(scope="module")
def lesions(beating: RateNetwork) -> list[Lesion]:
    (activity,) = record(beating, [1.0], duration_s=2.0, discard_s=1.0)
    labels = classes_of(activity, excitatory_units(beating))
    return lesion_classes(
        beating, labels, [1.0, 2.0], seed=5, doses=[0.1, 1.0], draws=1, duration_s=2.0
    )


def test_the_ring_needs_its_units_and_not_those_that_only_listen(lesions: list[Lesion]) -> None:
    intact, *others = lesions
    assert (intact.target, intact.dose, intact.units, intact.control) == ("intact", 0, 0, 0)
    assert intact.verdicts == ("valid", "valid")
    found = {(one.target, one.dose): one for one in others if one.control == 0}
    assert [*found] == [(c, d) for d in (0.1, 1.0) for c in ("Tap-E", "Tap-I", "Int-E", "Int-I")]
    # units 1 and 2 act on nobody
    assert found["Int-E", 1.0].interval_ms == pytest.approx(intact.interval_ms, rel=1e-12)
    assert found["Int-E", 1.0].units == 2
    # unit 0 is the output, 5 is a third of the ring
    assert found["Tap-E", 1.0].swing == pytest.approx([0, 0], abs=1e-12)
    assert found["Tap-E", 0.1].swing == pytest.approx(0.9 * intact.swing, rel=1e-12)
    assert found["Tap-E", 0.1].interval_ms == pytest.approx(intact.interval_ms, rel=1e-9)
    for target in ("Tap-I", "Int-I"):
        assert found[target, 1.0].verdicts == ("no rhythm", "no rhythm")
        assert np.isnan(found[target, 1.0].interval_ms).all()
    shorter = found["Int-I", 0.1].interval_ms / intact.interval_ms
    assert shorter == pytest.approx([0.9956, 0.9956], abs=1e-4)


def test_controls_are_as_many_active_units_and_the_same_at_every_dose(
    beating: RateNetwork, lesions: list[Lesion], monkeypatch: pytest.MonkeyPatch
) -> None:
    controls = [one for one in lesions if one.control]
    assert [one.units for one in controls] == [1, 1, 2, 2] * 2
    drawn = []

    def spy(network: RateNetwork, units: np.ndarray, dose: float) -> RateNetwork:
        drawn.append((float(dose), tuple(np.flatnonzero(units).tolist())))
        return network

    monkeypatch.setattr("rhythm_rnn.lesions.weakened", spy)
    labels = np.array([0, 2, 2, 3, 3, 1, 4, 4])
    lesion_classes(
        beating, labels, [1.0], seed=5, doses=[0.1, 1.0], draws=4, duration_s=0.1, discard_s=0
    )
    weak = [units for dose, units in drawn if dose == 0.1]
    assert weak == [units for dose, units in drawn if dose == 1.0]
    assert weak[0] == (0,)
    assert not {6, 7} & {unit for units in weak for unit in units}
    assert len(set(weak)) > 6


def test_what_is_found_is_told_and_runaway_is_named(beating: RateNetwork) -> None:
    # an excitatory pair that only inhibition holds
    network = RateNetwork(3, 2, 1, seed=0, signs=torch.tensor([1.0, 1.0, -1.0]))
    weight = torch.tensor([[0, 1.5, 4.0], [1.5, 0, 4.0], [2.0, 2.0, 0]])
    network.recurrent_weight.data.copy_(weight)
    network.input_weight.data.fill_(1.0)
    told: list[Lesion] = []
    found = lesion_classes(
        network, np.array([0, 0, 3]), [0.5], seed=0, draws=0, duration_s=2.0, report=told.append
    )
    assert told == found
    assert [one.target for one in found] == ["intact", "Tap-E", "Int-I"]
    assert [one.verdicts for one in found] == [("no rhythm",), ("no rhythm",), ("runaway",)]
    assert found[2].swing == np.inf
    with pytest.raises(ValueError, match="draws must be at least 0, got -1"):
        lesion_classes(network, np.array([0, 0, 3]), [0.5], seed=0, draws=-1)
