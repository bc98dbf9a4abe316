"""Spaces and actions: shapes, limits, indices of levels, and what is refused."""

from typing import Any

import numpy as np
import pytest
from gymnasium import spaces
from hypothesis import given, settings
from hypothesis import strategies as st

from rldbs_env import BonhoefferVanDerPol, DBSEnv, DBSVectorEnv, Delivery, KuramotoGrid
from rldbs_env.interface import (
    action_space,
    checked_actions,
    nearest_actions,
    observation_space,
)
from rldbs_env.kuramoto import lead
from rldbs_env.settings import Settings

SMALL: dict[str, Any] = {"n_neurons": 40, "transient_steps": 20, "window": 30}
TWO = BonhoefferVanDerPol(populations=2)


# Spaces


def test_kicks_are_a_box_of_one_number_per_electrode() -> None:
    assert action_space(Settings()) == spaces.Box(-1, 1, (1,), np.float32)
    assert action_space(Settings(model=TWO, max_kick=0.5)) == spaces.Box(
        -0.5, 0.5, (2,), np.float32
    )
    grid = KuramotoGrid(contacts=lead(segments=4))
    assert action_space(Settings(model=grid, n_neurons=512)).shape == (4,)


def test_levels_are_discrete_or_one_index_per_electrode() -> None:
    assert action_space(Settings(levels=(-0.5, 0.0, 0.5))) == spaces.Discrete(3)
    assert action_space(Settings(levels=(-0.5, 0.5), model=TWO)) == spaces.MultiDiscrete([2, 2])


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("stride", [1, 3, 7, 30, 100])
def test_the_observation_is_signal_by_signal_and_sensor_by_sensor(dtype: str, stride: int) -> None:
    arguments: dict[str, Any] = {
        "signals": ("action", "y", "x", "countdown"), "stride": stride, "max_kick": 0.1,
        "dtype": dtype, "delivery": Delivery(skip=4, refractory_steps=3),
    }  # fmt: skip
    made = Settings(**SMALL, model=TWO, **arguments)
    space = observation_space(made)
    seen = {1: 30, 3: 10, 7: 5, 30: 1, 100: 1}[stride]
    assert space.shape == (6 * seen + 1,)
    assert space.dtype == dtype
    x_low, x_high, y_low, y_high = np.array(made.limits, dtype)
    kick = np.array(np.float32(0.1), dtype)
    low = space.low[:-1].reshape(6, seen)
    high = space.high[:-1].reshape(6, seen)
    for row, (lowest, highest) in enumerate(
        2 * [(-kick, kick)] + 2 * [(y_low, y_high)] + 2 * [(x_low, x_high)]
    ):
        assert (low[row] == lowest).all()
        assert (high[row] == highest).all()
    assert (space.low[-1], space.high[-1]) == (0, 7)


@settings(max_examples=15)
@given(
    window=st.integers(1, 40),
    stride=st.integers(1, 45),
    signals=st.permutations(["x", "y", "action"]),
    n_signals=st.integers(1, 3),
    sub_steps=st.sampled_from([1, 3]),
)
def test_strided_windows_are_every_so_many_samples_the_newest_included(
    window: int, stride: int, signals: list[str], n_signals: int, sub_steps: int
) -> None:
    arguments: dict[str, Any] = {
        "n_neurons": 5, "transient_steps": 20, "window": window,
        "signals": tuple(signals[:n_signals]), "pulse": (1.0, -0.5, 0.25)[:sub_steps],
    }  # fmt: skip
    whole, strided = DBSEnv(**arguments), DBSEnv(**arguments, stride=stride)
    observations = [(whole.reset(seed=0)[0], strided.reset(seed=0)[0])]
    for k in range(8):
        kick = np.array([0.1 * k])
        observations.append((whole.step(kick)[0], strided.step(kick)[0]))
    for full, sparse in observations:
        rows = full.reshape(n_signals, window)[:, ::-1][:, ::stride][:, ::-1]
        np.testing.assert_array_equal(sparse, rows.ravel())
        assert strided.observation_space.contains(sparse)


def test_the_countdown_is_the_deliverers() -> None:
    env = DBSVectorEnv(
        2, **SMALL, signals=("x", "countdown"), delivery=Delivery(skip=2), episode_steps=4
    )
    observation, _ = env.reset(seed=0)
    seen = [observation[:, -1]]
    for _ in range(4):
        observation, _, _, truncated, info = env.step([0.1, 0.1])
        seen.append(observation[:, -1])
    assert truncated.all()
    np.testing.assert_array_equal(np.array(seen)[:, 0], [0, 2, 1, 0, 0])  # the last of a new one
    assert info["final_obs"][0][-1] == 2


# Actions


@pytest.mark.parametrize(
    ("n_envs", "model", "actions"),
    [
        (3, None, [[0.1], [0.2], [0.3]]),
        (3, None, [0.1, 0.2, 0.3]),
        (1, TWO, [[0.1, 0.2]]),
        (1, TWO, [0.1, 0.2]),
        (2, TWO, [[0.1, 0.2], [0.3, 0.4]]),
        (1, None, [0.1]),
    ],
)
def test_one_axis_is_enough_where_it_is_clear(n_envs: int, model: Any, actions: Any) -> None:
    made = Settings(model=model or BonhoefferVanDerPol())
    checked = checked_actions(made, n_envs, actions)
    assert checked.shape == (n_envs, made.model.n_electrodes)
    np.testing.assert_array_equal(checked.ravel(), np.ravel(actions))
    levels = Settings(model=made.model, levels=(0.1, 0.2, 0.3, 0.4))
    indices = np.arange(np.size(actions)).reshape(np.shape(actions))
    np.testing.assert_array_equal(
        checked_actions(levels, n_envs, indices).ravel(), np.ravel(actions)
    )


@pytest.mark.parametrize(
    ("n_envs", "model", "actions", "got"),
    [
        (3, None, [0.1, 0.2], r"\(2,\)"),
        (3, None, [[0.1, 0.2, 0.3]], r"\(1, 3\)"),
        (2, TWO, [0.1, 0.2], r"\(2,\)"),
        (2, TWO, [0.1, 0.2, 0.3, 0.4], r"\(4,\)"),
        (1, TWO, [0.1], r"\(1,\)"),
        (1, TWO, [[0.1], [0.2]], r"\(2, 1\)"),
        (1, None, [[[0.1]]], r"\(1, 1, 1\)"),
        (1, None, [], r"\(0,\)"),
    ],
)
def test_other_shapes_are_refused(n_envs: int, model: Any, actions: Any, got: str) -> None:
    for levels in (None, (0.1, 0.2, 0.3, 0.4)):
        made = Settings(model=model or BonhoefferVanDerPol(), levels=levels)
        wanted = rf"actions must have shape \({n_envs}, {made.model.n_electrodes}\), one kick per"
        with pytest.raises(ValueError, match=f"{wanted}.*got {got}"):
            checked_actions(made, n_envs, actions)


def test_kicks_up_to_the_bound_of_the_action_space_are_admitted() -> None:
    made = Settings(max_kick=0.1)
    space = action_space(made)
    assert isinstance(space, spaces.Box)
    for bound in (space.high, space.low, np.array([0.1])):
        np.testing.assert_array_equal(checked_actions(made, 1, bound)[0], bound)
    for beyond in (np.nextafter(np.float32(0.1), np.float32(1)), -0.11, np.nan, np.inf):
        with pytest.raises(ValueError, match=r"must be finite and in \[-0.1, 0.1\] \(max_kick\)"):
            checked_actions(made, 1, [beyond])


@pytest.mark.parametrize(
    "index", [1, np.int64(1), np.array(1), np.array([1]), np.uint8(1), np.int32(1)]
)
def test_indices_of_levels_may_be_any_whole_number(index: Any) -> None:
    env = DBSEnv(**SMALL, levels=(-0.5, 0.25, 0.5), signals=("action",))
    env.reset(seed=0)
    assert env.step(index)[0][-1] == 0.25


@pytest.mark.parametrize(
    ("index", "got"),
    [
        (3, r"\[3\]"),
        (-1, r"\[-1\]"),
        (1.0, r"\[1.0\]"),
        (0.5, r"\[0.5\]"),
        (np.nan, r"\[nan\]"),
        (True, r"\[True\]"),
        ("1", r"\['1'\]"),
        (None, r"\[None\]"),
        (2**63, rf"\[{2**63}\]"),
    ],
)
def test_what_is_no_index_is_refused_and_changes_nothing(index: Any, got: str) -> None:
    env = DBSEnv(**SMALL, levels=(-0.5, 0.0, 0.5))
    env.reset(seed=0)
    before = env.neurons
    with pytest.raises(ValueError, match=rf"whole numbers in \[0, 3\), indices of .*, got {got}"):
        env.step(index)
    np.testing.assert_array_equal(env.neurons, before)


def test_levels_of_a_batch_are_one_index_each() -> None:
    env = DBSVectorEnv(3, **SMALL, levels=(-0.5, 0.0, 0.5), signals=("action",))
    assert env.action_space == spaces.MultiDiscrete([3, 3, 3])
    env.reset(seed=0)
    for actions in (np.array([0, 1, 2]), [[0], [1], [2]]):
        np.testing.assert_array_equal(env.step(actions)[0][:, -1], [-0.5, 0.0, 0.5])
    with pytest.raises(ValueError, match=r"indices of the levels, got \[0, 1, 3\]"):
        env.step([0, 1, 3])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"levels": ()}, r"levels must hold at least one kick, each in \[-1.0, 1.0\] \(max_kick\)"),
        ({"levels": (0.5, 1.5)}, r"each in \[-1.0, 1.0\] \(max_kick\), got \(0.5, 1.5\)"),
        ({"levels": (0.5, np.nan)}, "levels must hold at least one kick"),
        ({"levels": [[0.5]]}, "levels must hold at least one kick"),
        ({"stride": 0}, "stride must be a whole number of at least 1, got 0"),
        ({"stride": 1.5}, "stride must be a whole number of at least 1, got 1.5"),
        ({"prelude_steps": 0}, "prelude_steps must be a whole number of at least 1, got 0"),
        ({"signals": ("countdown",)}, "signals must hold 'countdown' after another signal, got"),
        ({"signals": ("countdown", "x")}, "signals must hold 'countdown' after another signal"),
    ],
)
def test_impossible_settings_are_refused(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        DBSEnv(**arguments)


# A controller's kicks as actions


def test_a_controllers_kicks_are_the_actions() -> None:
    asked = np.array([[0.25], [-0.5], [0.0]], np.float32)
    for given_as in (asked, asked[:, 0]):
        np.testing.assert_array_equal(nearest_actions(given_as, (3, 1)), asked)


def test_a_controllers_kicks_are_clipped() -> None:
    asked = np.array([[0.25, -0.9], [2.0, 0.0]])
    found = nearest_actions(asked, (2, 2), max_kick=0.5)
    np.testing.assert_array_equal(found, [[0.25, -0.5], [0.5, 0.0]])


def test_a_controllers_kicks_become_indices_of_the_nearest_levels() -> None:
    asked = np.array([[-9.0], [-0.26], [-0.24], [0.04], [0.06], [0.29], [0.31]])
    found = nearest_actions(asked, (7, 1), (-0.5, 0.0, 0.1, 0.5))
    np.testing.assert_array_equal(found[:, 0], [0, 0, 1, 1, 2, 2, 3])


@pytest.mark.parametrize("shape", [(2,), (2, 3), (3, 1)])
def test_another_number_of_kicks_is_refused(shape: Any) -> None:
    wanted = r"a controller must give kicks of shape \(2, 2\), one per ensemble and electrode, got"
    with pytest.raises(ValueError, match=wanted):
        nearest_actions(np.zeros(shape), (2, 2))
