"""The laws from drive to late response against loops, closed forms and hand cases."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from spinal_rnn.conditions import Conditions, parse_configuration
from spinal_rnn.models.anatomical import AnatomicalForm
from spinal_rnn.models.forms import (
    Stimulation,
    late_factor,
    recruited,
    steady_resource,
    stimulation,
    strength,
)
from spinal_rnn.models.geometric import GeometricForm

FORMS = (
    AnatomicalForm(),
    AnatomicalForm(kernel="free", depression=False, floor=False),
    AnatomicalForm(shared_positions=False),
    GeometricForm(),
    GeometricForm(depression=False),
)


@given(
    kept=st.floats(0, 1), recovered=st.floats(0.01, 1), pulses=st.integers(min_value=1, max_value=9)
)
def test_the_late_factor_is_the_mean_over_pulses(
    kept: float, recovered: float, pulses: int
) -> None:
    resource, seen = 1.0, []
    for _ in range(pulses):
        resource = 1 - (1 - kept * resource) * (1 - recovered)
        seen.append(resource)
    numbers = [torch.tensor(one, dtype=torch.float64) for one in (kept, recovered, pulses)]
    assert float(late_factor(*numbers)) == pytest.approx(np.mean(seen), rel=1e-9)


@pytest.mark.parametrize(("hz", "expected"), [(20, 0.619), (40, 0.415), (80, 0.250)])
def test_the_steady_resource_of_the_literature_case(hz: float, expected: float) -> None:
    recovered = torch.tensor(1 - np.exp(-1000 / (hz * 100)))
    assert float(steady_resource(torch.tensor(0.6), recovered)) == pytest.approx(expected, abs=5e-4)


def test_strength_follows_weiss() -> None:
    widths = torch.tensor([300.0, 150.0])
    np.testing.assert_allclose(strength(widths, 300.0), [1, 2 / 3], rtol=1e-6)


def test_half_the_fibres_answer_near_the_threshold_and_none_without_drive() -> None:
    drive = torch.tensor([[[-5.0, 0.0, 1.0, 4.0]]])
    none, rest, half, all_of_them = recruited(drive, torch.tensor([[[5.0]]]))[0, 0].tolist()
    assert none < rest < 2e-4
    assert half == pytest.approx(0.5, abs=0.01)
    assert all_of_them > 0.99


@pytest.mark.parametrize("form", FORMS)
def test_nothing_happens_without_current(form: AnatomicalForm | GeometricForm) -> None:
    parameters = form.draw(3, torch.Generator().manual_seed(0))
    given_ = stimulation(Conditions.of(parse_configuration("cath4_an16"), [0.0, 5.0], 40.0))
    values, roots = form.respond(parameters, given_)
    assert values.shape == roots.shape == (3, 2, 14)
    assert roots[:, 0].max() < 5e-3
    floor = parameters["log_floor"].exp().max() if "log_floor" in parameters else 0.0
    assert values[:, 0].max() < floor + 0.02
    assert form.penalty(parameters).shape == (3,)


@pytest.mark.parametrize("form", FORMS)
def test_gradients_are_those_of_differences(form: AnatomicalForm | GeometricForm) -> None:
    drawn = form.draw(2, torch.Generator().manual_seed(1))
    parameters = {name: one.double() for name, one in drawn.items()}
    vector = torch.from_numpy(parse_configuration("cath4_an3_5"))

    def response(amplitude: torch.Tensor, hz: torch.Tensor) -> torch.Tensor:
        given_ = Stimulation(vector * amplitude[:, None], hz, torch.tensor([200.0]).double())
        return form.respond(parameters, given_)[0]

    numbers = (torch.tensor([2.0]).double(), torch.tensor([35.0]).double())
    asked = tuple(one.requires_grad_() for one in numbers)
    assert torch.autograd.gradcheck(response, asked, atol=1e-4, rtol=1e-3, eps=1e-5)


def test_depression_alone_makes_the_frequency_matter() -> None:
    given_ = stimulation(Conditions.of(parse_configuration("cath4_an16"), 4.0, [20.0, 80.0]))
    with_it = AnatomicalForm(floor=False)
    slow, fast = with_it.respond(with_it.draw(1, torch.Generator().manual_seed(0)), given_)[0][0]
    assert (fast < 0.8 * slow).all()
    without = AnatomicalForm(floor=False, depression=False)
    slow, fast = without.respond(without.draw(1, torch.Generator().manual_seed(0)), given_)[0][0]
    torch.testing.assert_close(fast, slow)


def test_roots_are_mirror_images_but_for_the_shift() -> None:
    form = AnatomicalForm()
    parameters = form.draw(2, torch.Generator().manual_seed(0))
    parameters["shift_mm"] = torch.tensor([[0.5, -2.0], [0.0, 0.0]])
    x_mm, z_mm = form.roots_mm(parameters)
    torch.testing.assert_close(x_mm[0, :7] + x_mm[0, 7:], torch.ones(7))
    torch.testing.assert_close(z_mm[:, :7], z_mm[:, 7:])
    torch.testing.assert_close(z_mm[0, :7], parameters["root_z_mm"][0] - 2)


def test_weights_are_parts_with_a_little_from_the_other_side() -> None:
    form = AnatomicalForm()
    parameters = form.draw(1, torch.Generator().manual_seed(0))
    weights = form.weights(parameters)[0]
    torch.testing.assert_close(weights.sum(dim=1), torch.ones(14))
    spill = torch.sigmoid(parameters["spill"])[0, 0]
    torch.testing.assert_close(weights[:7, 7:].sum(dim=1), spill.expand(7))
    torch.testing.assert_close(weights[7:, :7].sum(dim=1), spill.expand(7))


def test_a_contact_on_the_left_drives_left_roots() -> None:
    form = AnatomicalForm()
    parameters = form.draw(1, torch.Generator().manual_seed(0))
    given_ = stimulation(Conditions.of(parse_configuration("cath5_an16"), 2.0, 20.0))
    left, right = form.drive(parameters, given_)[0, 0].chunk(2)
    assert left.max() > 3 * right.max()
    assert int(left.argmax()) in (2, 3, 4)


def test_the_geometric_form_by_hand() -> None:
    form = GeometricForm(depression=False)
    parameters = form.draw(1, torch.Generator().manual_seed(0))
    conditions = Conditions.of(parse_configuration("cath4_an3_5"), 3.0, 20.0)
    lead, p = form.lead, {name: one[0].double().numpy() for name, one in parameters.items()}
    dx = lead.x_mm[:-1, None] - p["root_x_mm"]
    dz = lead.z_mm[:-1, None] - p["root_z_mm"]
    wide_x, wide_z = np.exp(p["log_width_mm"])

    def unit(u: np.ndarray) -> np.ndarray:
        return np.exp(-0.5 * u**2)

    spread = unit(dz / wide_z) + p["surround"] * unit(dz / (2.5 * wide_z))
    spread = np.exp(p["log_gain"]) * spread * unit(dx / (2 * wide_x)) + 0.3 * p["remainder"]
    drive = np.log1p(np.exp(-4 * conditions.currents_ma[0, :-1] @ spread)) / 4
    roots = 1 / (1 + np.exp(-5 * abs(p["slope"]) * np.log(drive + 1e-4)))
    pooled = np.log1p(np.exp(p["weight"])) @ roots
    expected = 1.6 / (1 + np.exp(-p["top"])) * (1 - np.exp(-pooled))
    values, recruited_ = form.respond(parameters, stimulation(conditions))
    np.testing.assert_allclose(values[0, 0], expected, rtol=1e-4)
    np.testing.assert_allclose(recruited_[0, 0], roots, rtol=1e-4, atol=1e-6)


def test_an_unknown_kernel_is_refused() -> None:
    with pytest.raises(ValueError, match="kernel must be one of rational, free, got 'point'"):
        AnatomicalForm(kernel="point")
