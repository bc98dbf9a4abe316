"""Models of one's own: their steps, their kernels, and environments of them."""

import pickle
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pytest
import scipy.linalg
import scipy.sparse
import scipy.stats
from numpy.typing import NDArray
from scipy.integrate import solve_ivp

from rldbs_env import BonhoefferVanDerPol, DBSEnv, DBSVectorEnv, HindmarshRose, simulate
from rldbs_env._jit import jit, specialise
from rldbs_env.flows import one_step
from rldbs_env.kernels import kernels_of
from rldbs_env.networks import small_world
from rldbs_env.oscillators import Oscillators
from rldbs_env.rk4 import compiled_step
from rldbs_env.speed import numpy_step

Floats = NDArray[np.float64]


def draw(model: Oscillators, n_neurons: int, seed: int = 0) -> tuple[Floats, Floats]:
    return model.draw(n_neurons, np.random.default_rng(seed))


@pytest.mark.parametrize("dt", [0.1, 0.01])
def test_noise_on_a_spring_grows_as_it_should(dt: float) -> None:
    """For x' = y + noise, y' = -4 x: noise^2 times integrals of cos^2(2 s) and 4 sin^2(2 s)."""
    time = 3.0
    model = Made(coupling=0.0, noise=0.5, dt=dt)
    run = simulate(model, np.zeros((2, 10_000)), np.zeros(10_000), round(time / dt), seed=1)
    swing = np.sin(4 * time) / 8
    expected = [0.25 * (time / 2 + swing), 0.25 * 4 * (time / 2 - swing)]
    np.testing.assert_allclose(run.state.var(axis=1), expected, rtol=0.06)
    np.testing.assert_allclose(run.state.mean(axis=1), 0, atol=0.05)


@jit
def van_der_pol_flow(x: Any, y: Any, current: Any, constants: Any) -> Any:
    stiffness, one, _, _, _, _ = constants
    return y + current, stiffness * (one - x * x) * y - x


@jit
def wave_flow(x: Any, y: Any, z: Any, current: Any, constants: Any) -> Any:
    rate, _, _, _, _, _ = constants
    return rate * (y - x) + current, rate * (z - y), rate * (x - z)


@dataclass(frozen=True)
class VanDerPol(Oscillators):
    """Van der Pol oscillators, coupled and forced through x."""

    coupling: float = 0.2
    spread: float = 0.05
    mean_current: float = 0.0
    dt: float = 0.05
    stiffness: float = 1.0

    variables: ClassVar[tuple[str, ...]] = ("x", "y")
    period: ClassVar[float] = 6.7
    transient_time: ClassVar[float] = 50.0
    largest_dt: ClassVar[float] = 0.2
    largest_kick: ClassVar[float] = 0.5

    def flow(self) -> Callable[..., Any]:
        return van_der_pol_flow

    @property
    def constants(self) -> tuple[float, ...]:
        return self.stiffness, 1.0

    def rates(self, state: Any, currents: Any) -> Floats:
        x, y = np.asarray(state, float)
        return np.stack([y + self.inputs(x, currents), self.stiffness * (1 - x * x) * y - x])

    def limits(self, max_kick: float) -> tuple[float, float, float, float]:
        return -20.0, 20.0, -40.0, 40.0


@dataclass(frozen=True)
class Wave(VanDerPol):
    """Three variables that pass a wave round."""

    variables: ClassVar[tuple[str, ...]] = ("x", "y", "z")

    def flow(self) -> Callable[..., Any]:
        return wave_flow

    @property
    def constants(self) -> tuple[float, ...]:
        return (0.7,)


@dataclass(frozen=True)
class Made(VanDerPol):
    """Springs whose flow is made by a function, so that no file tells it from others."""

    def flow(self) -> Callable[..., Any]:
        return MADE


def made_flow(force: float) -> Callable[..., Any]:
    @jit
    def flow(x: Any, y: Any, current: Any, constants: Any) -> Any:
        return y + current, -force * x

    return flow


MADE = made_flow(4.0)


def test_a_model_of_ones_own_follows_an_adaptive_solver() -> None:
    model = VanDerPol(stiffness=1.5)
    state, currents = draw(model, 20)

    def rates(_: float, flat: Floats) -> Floats:
        x, y = flat.reshape(2, -1)
        return np.concatenate([y + currents + 0.2 * x.mean(), 1.5 * (1 - x * x) * y - x])

    times = np.arange(1, 401) * 0.05
    truth = solve_ivp(
        rates, (0, 20), state.ravel(), "DOP853", t_eval=times, rtol=1e-11, atol=1e-12
    ).y.reshape(2, 20, -1)
    run = simulate(model, state, currents, 400)
    np.testing.assert_allclose(run.mean_x, truth[0].mean(axis=0), atol=1e-4, rtol=0)
    np.testing.assert_allclose(run.mean_y, truth[1].mean(axis=0), atol=1e-4, rtol=0)
    kicks = np.random.default_rng(0).uniform(-0.5, 0.5, 100)
    run = simulate(model, state, currents, 100, kicks)
    for kick in kicks:
        state = numpy_step(model, state, currents, kick)
    np.testing.assert_allclose(run.state, state, atol=1e-12, rtol=0)


def test_three_variables_of_ones_own_by_the_matrix_exponential() -> None:
    model = Wave(coupling=0.1, dt=0.01)
    state, currents = draw(model, 5)
    n = 5
    one, zero = np.eye(n), np.zeros((n, n))
    matrix = np.block(
        [
            [-0.7 * one + 0.1 / n, 0.7 * one, zero],
            [zero, -0.7 * one, 0.7 * one],
            [0.7 * one, zero, -0.7 * one],
        ]
    )
    forced = np.zeros((3 * n + 1, 3 * n + 1))
    forced[:-1, :-1], forced[:n, -1] = matrix, currents
    end = scipy.linalg.expm(3.0 * forced) @ np.append(state.ravel(), 1.0)
    run = simulate(model, state, currents, 300)
    np.testing.assert_allclose(run.state.ravel(), end[:-1], atol=1e-9, rtol=0)


def test_models_of_one_process_do_not_share_kernels() -> None:
    models = (BonhoefferVanDerPol(), VanDerPol(), Made(), HindmarshRose(), Wave())
    steps = [model.step() for model in models]
    assert len(set(steps)) == 5
    assert len({kernels_of(step).trace for step in steps}) == 5
    assert BonhoefferVanDerPol(coupling=0.5).step() is steps[0]
    state, currents = draw(models[0], 10)
    ends = [simulate(model, state, currents, 20).state for model in models[:3]]
    again = [simulate(model, state, currents, 20).state for model in models[:3]]
    for one, other in zip(ends, again, strict=True):
        np.testing.assert_array_equal(one, other)
    assert not np.allclose(ends[0], ends[1])
    assert not np.allclose(ends[1], ends[2])


def test_a_flow_that_was_made_by_a_function_is_the_one_that_is_used() -> None:
    for force in (4.0, 9.0):
        made = compiled_step(2, made_flow(force), one_step)
        assert made is not compiled_step(2, made_flow(force), one_step)
    model = Made(coupling=0.0, dt=0.01)
    x = simulate(model, [[1.0], [0.0]], [0.0], 100).mean_x[-1]
    assert x == pytest.approx(np.cos(2), abs=1e-6)


def template(x: float) -> float:
    """`part` stands for a compiled function."""
    return float(part(x))


def part(x: float) -> float:
    raise NotImplementedError


def test_parts_that_no_file_tells_apart_are_told_apart() -> None:
    """Closures, functions of one name, and those typed in, as in a notebook or at a prompt."""

    def times(factor: float) -> Callable[[float], float]:
        return jit(lambda x: factor * x)

    typed: dict[str, Any] = {"jit": jit}
    parts = [
        times(2.0),
        times(3.0),
        jit(lambda x: 4.0 * x),
        jit(lambda x: 5.0 * x),
    ]
    for factor in (6.0, 7.0):
        exec(f"@jit\ndef typed_in(x):\n    return {factor} * x", typed)
        parts.append(typed["typed_in"])
    made = [specialise(template, part=one) for one in parts]
    assert [one(1.0) for one in made] == [2.0, 3.0, 4.0, 5.0, 6.0, 7.0]
    nested = [specialise(template, part=one) for one in made]
    assert [one(1.0) for one in nested] == [2.0, 3.0, 4.0, 5.0, 6.0, 7.0]


def test_a_model_of_ones_own_lives_in_environments() -> None:
    model = VanDerPol()
    assert pickle.loads(pickle.dumps(model)) == model
    assert hash(VanDerPol()) == hash(model)
    assert (model.period_steps, model.window) == (134, 201)
    env = DBSVectorEnv(3, model=model, n_neurons=30, signals=("x", "y"), max_kick=0.5)
    observation, _ = env.reset(seed=0)
    assert observation.shape == (3, 402)
    twin = pickle.loads(pickle.dumps(env))
    for _ in range(20):
        one, two = env.step([[0.1], [0.2], [0.5]]), twin.step([[0.1], [0.2], [0.5]])
        np.testing.assert_array_equal(one[0], two[0])
        assert env.observation_space.contains(one[0])
    networked = VanDerPol(network=small_world(30, 4, 0.1, 0), noise=0.1)
    DBSEnv(model=networked, n_neurons=30, transient_steps=10, max_kick=0.1).reset(seed=0)
    with pytest.raises(ValueError, match=r"max_kick must be in \(0, 0.5\], got 1.0"):
        DBSEnv(model=model)


def test_steps_are_divided_only_where_a_model_says_so() -> None:
    assert VanDerPol().substeps() is one_step
    assert HindmarshRose().substeps() is not one_step
    assert one_step(np.full((2, 1), 1e9), 1, np.zeros(1), np.float64(0.1)) == 1


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("populations", 0, "populations must be a whole number of at least 1, got 0"),
        ("populations", 1.5, "populations must be a whole number of at least 1, got 1.5"),
        ("noise", -0.1, r"noise must be at least 0 \(a standard deviation\), got -0.1"),
        ("noise", np.nan, "noise must be a finite number, got nan"),
        ("cross_coupling", np.inf, "cross_coupling must be a finite number, got inf"),
    ],
)
def test_impossible_parameters_are_refused(field: str, value: Any, message: str) -> None:
    for kind in (BonhoefferVanDerPol, HindmarshRose, VanDerPol):
        with pytest.raises(ValueError, match=message):
            kind(**{field: value})
