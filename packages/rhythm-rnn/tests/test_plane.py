"""The flow on a plane, against a plain loop that goes through all components, as published."""

from typing import Any

import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA
from sklearn.preprocessing import StandardScaler

from neuro_common.rate_structure import dale_signs
from neuro_common.rates import RateNetwork
from rhythm_rnn.flows import Array
from rhythm_rnn.plane import (
    Grid,
    Plane,
    flow_fields,
    flow_panels,
    principal_plane,
    published_start,
    published_states,
)

UNITS = 12
STEPS = 30


def network(dtype: torch.dtype = torch.float64, **options: Any) -> RateNetwork:
    made = RateNetwork(
        UNITS, 2, 1, seed=3, signs=dale_signs(UNITS, 0.75), spectral_radius=1.4, dtype=dtype,
        **options,
    )  # fmt: skip
    with torch.no_grad():
        made.bias.copy_(torch.linspace(-0.1, 0.4, UNITS))
    return made


def inputs_at(cue: float, steps: int = STEPS) -> Array:
    inputs = np.zeros((steps, 2))
    inputs[steps // 3 :, 1] = cue
    return inputs


def start() -> Array:
    return np.random.default_rng(5).uniform(-1, 1, UNITS)


def loop(
    net: RateNetwork, axes: Array, mean: Array, first: Array, inputs: Array, grid: Array
) -> tuple[Array, Array]:
    """Increments `(steps, points, 2)` and speeds `(steps, points)`: to all components and back."""
    weight = net.effective_weight().detach().double().numpy()
    pull, bias = (p.detach().double().numpy() for p in (net.input_weight, net.bias))
    alpha = net.dt_ms / net.tau_ms.double().numpy()
    increments, speeds = [], []
    carried = np.tile((first - mean) @ axes.T, (len(grid), 1))
    for x in inputs:
        old = carried.copy()
        old[:, :2] = grid
        states = old @ axes + mean
        drive = np.maximum(states, 0) @ weight.T + pull @ x + bias
        carried = ((1 - alpha) * states + alpha * drive - mean) @ axes.T
        increments.append((carried - old)[:, :2])
        speeds.append(np.linalg.norm(carried - old, axis=1))
    return np.array(increments), np.array(speeds)


@pytest.mark.parametrize(("dtype", "close"), [(torch.float64, 1e-13), (torch.float32, 1e-5)])
def test_the_relaxed_field_is_the_published_one_at_every_step(
    dtype: torch.dtype, close: float
) -> None:
    net = network(dtype)
    states = published_states(net, start(), cues=[-0.5, 0.2], duration_ms=120)
    scaled = StandardScaler().fit_transform(states.reshape(-1, UNITS))
    pca = PCA(UNITS, svd_solver="full").fit(scaled)
    plane = Plane(pca.components_[:2], pca.mean_, pca.explained_variance_ratio_[:2])
    grid, inputs = Grid(np.linspace(-2, 2, 5), np.linspace(-1, 1, 4)), inputs_at(0.5)
    increments, speeds = loop(net, pca.components_, pca.mean_, start(), inputs, grid.points)
    wanted = [0, 9, 10, STEPS - 1]
    fields = flow_fields(net, plane, grid, inputs, wanted, start=start())
    for step, field in zip(wanted, fields, strict=True):
        np.testing.assert_allclose(
            field.velocity, increments[step].reshape(4, 5, 2), rtol=0, atol=close
        )
        np.testing.assert_allclose(field.speed, speeds[step].reshape(4, 5), rtol=0, atol=close)
        assert field.off_plane == "relaxed"


def test_time_constants_of_units_and_another_step_are_kept() -> None:
    net = network(tau_ms=torch.linspace(5, 40, UNITS), dt_ms=0.5)
    plane = principal_plane(np.random.default_rng(0).normal(size=(50, UNITS)))
    basis = np.linalg.qr(np.vstack([plane.axes, np.eye(UNITS)]).T)[0].T
    basis[:2] = plane.axes
    grid = Grid.around((0, 0), 1.0, 3)
    increments, _ = loop(net, basis, plane.origin, start(), inputs_at(0.3), grid.points)
    (field,) = flow_fields(net, plane, grid, inputs_at(0.3), [STEPS - 1], start=start())
    np.testing.assert_allclose(field.velocity.reshape(-1, 2), increments[-1] / 0.5, atol=1e-12)


def test_on_the_trajectory_the_field_is_its_velocity() -> None:
    net = network()
    plane = principal_plane(published_states(net, start(), duration_ms=100))
    inputs = torch.from_numpy(inputs_at(0.5))[None]
    states = net.free_run(inputs, torch.from_numpy(start())[None], save_every=1).states[0].numpy()
    here = plane.project(states[18])
    grid = Grid(here[:1], here[1:])
    (field,) = flow_fields(net, plane, grid, inputs[0], [19], start=start(), off_plane="trajectory")
    np.testing.assert_allclose(
        field.velocity[0, 0], plane.project(states[19]) - here, rtol=0, atol=1e-12
    )
    assert field.speed[0, 0] == pytest.approx(np.linalg.norm(states[19] - states[18]), abs=1e-12)


def test_at_the_mean_the_field_does_not_know_the_run() -> None:
    net = network()
    plane = principal_plane(published_states(net, start(), duration_ms=100))
    inputs = np.tile([0.0, 0.5], (STEPS, 1))
    grid = Grid.around((0, 0), 0.5, 3)
    early, late = flow_fields(
        net, plane, grid, inputs, [0, STEPS - 1], start=start(), off_plane="mean"
    )
    np.testing.assert_array_equal(early.velocity, late.velocity)
    # in the middle of the grid lies the mean itself
    state = torch.from_numpy(plane.origin)[None]
    after = net.free_run(torch.from_numpy(inputs[:1])[None], state).last[0].numpy()
    np.testing.assert_allclose(early.velocity[1, 1], plane.project(after), rtol=0, atol=1e-12)


def test_the_plane_is_that_of_scikit_learn() -> None:
    states = np.random.default_rng(1).normal(size=(4, 30, UNITS)) * np.arange(1, UNITS + 1)
    flat = states.reshape(-1, UNITS)
    pca = PCA(2, svd_solver="full").fit(flat)
    plane = principal_plane(states)
    np.testing.assert_allclose(np.abs(plane.axes @ pca.components_.T), np.eye(2), atol=1e-10)
    np.testing.assert_allclose(plane.explained, pca.explained_variance_ratio_, atol=1e-12)
    signs = np.sign((plane.axes * pca.components_).sum(axis=1))
    np.testing.assert_allclose(
        plane.project(states), (pca.transform(flat) * signs).reshape(4, 30, 2)
    )
    assert (plane.axes.max(axis=1) == np.abs(plane.axes).max(axis=1)).all()


def test_the_published_plane_mixes_two_scales() -> None:
    states = np.random.default_rng(1).normal(size=(60, UNITS)) * np.arange(UNITS) + 3.0
    scaled = StandardScaler().fit_transform(states)
    pca = PCA(2, svd_solver="full").fit(scaled)
    plane = principal_plane(states, compat=True)
    np.testing.assert_allclose(np.abs(plane.axes @ pca.components_.T), np.eye(2), atol=1e-8)
    signs = np.sign((plane.axes * pca.components_).sum(axis=1))
    np.testing.assert_allclose(plane.project(states), pca.transform(states) * signs, atol=1e-8)


def test_the_published_start_has_tap_units_alike() -> None:
    tap = np.arange(UNITS) % 3 == 0
    first = published_start(tap)
    generator = torch.Generator().manual_seed(112023)
    uniform = torch.rand(UNITS, generator=generator).numpy() * 2 - 1
    np.testing.assert_array_equal(first[~tap], uniform[~tap])
    assert len(set(first[tap])) == 1
    assert 0 < first[0] < 1
    np.testing.assert_array_equal(first, published_start(tap))


def test_panels_follow_the_run_and_say_whether_the_cue_is_on() -> None:
    net = network(torch.float32)
    plane = principal_plane(published_states(net, start(), duration_ms=100))
    panels = flow_panels(net, plane, 0.5, [40, 50, 90], points=4)
    assert [panel.cue_on for panel in panels] == [False, True, True]
    assert [len(panel.path) for panel in panels] == [41, 51, 91]
    np.testing.assert_array_equal(panels[2].path[:41], panels[0].path)
    np.testing.assert_allclose(panels[0].path[0], plane.project(np.zeros(UNITS)))
    assert 0 < panels[0].in_plane <= 1
    grid = panels[2].field.grid
    (whole,) = flow_panels(net, plane, 0.5, [91], points=4)
    low, high = whole.path.min(axis=0), whole.path.max(axis=0)
    assert (grid.x.mean(), grid.y.mean()) == pytest.approx(tuple((low + high) / 2))
    assert np.ptp(grid.x) == pytest.approx(1.4 * (high - low).max())
    quiet = flow_panels(
        net, plane, 0.0, [40], points=4, centre=(grid.x.mean(), grid.y.mean()),
        half_width=np.ptp(grid.x) / 2,
    )  # fmt: skip
    np.testing.assert_array_equal(quiet[0].field.velocity, panels[0].field.velocity)


@pytest.mark.parametrize("steps", [[], [3, 3], [-1], [STEPS]])
def test_steps_outside_the_run_are_refused(steps: list[int]) -> None:
    plane = principal_plane(np.eye(UNITS))
    with pytest.raises(ValueError, match=r"steps must rise within the 30 of the run, got \["):
        flow_fields(
            network(), plane, Grid.around((0, 0), 1, 2), inputs_at(0.1), steps, start=start()
        )


def test_bad_planes_grids_and_names_are_refused() -> None:
    with pytest.raises(ValueError, match=r"at least 2 states of 2 units, got shape \(1, 3\)"):
        principal_plane(np.zeros((1, 3)))
    with pytest.raises(ValueError, match="states must be finite"):
        principal_plane(np.full((4, 3), np.nan))
    with pytest.raises(ValueError, match="half_width must be finite and above 0, got 0"):
        Grid.around((0, 0), 0, 3)
    with pytest.raises(ValueError, match="points must be at least 2 on a side, got 1"):
        Grid.around((0, 0), 1, 1)
    plane = principal_plane(np.eye(UNITS))
    with pytest.raises(ValueError, match="off_plane must be one of relaxed, trajectory, mean"):
        flow_panels(network(), plane, 0.1, [1], points=2, off_plane="far")  # type: ignore[arg-type]
