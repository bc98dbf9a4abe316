"""Functions and networks as controllers: what they are shown, and what becomes of their state."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from rldbs_env import protocol
from rldbs_env.controllers import CallableController, LinearFeedback

Array = NDArray[Any]


def test_a_function_in_a_test_is_the_law_that_it_computes() -> None:
    law = LinearFeedback(gain=-0.02)
    same = CallableController(
        act=lambda seen: -0.02 / 0.5 * (seen[:, -1:] - seen.mean(axis=1, keepdims=True)),
        window=law.window,
        kick_scale=0.5,
    )
    test = protocol.Protocol(
        n_neurons=20, ensembles=(0, 1), free_steps=1000, controlled_steps=2000, max_kick=0.5
    )
    expected, found = (protocol.run(one, test).kicks for one in (law, same))
    assert np.abs(expected).max() > 0
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_outputs_are_parts_of_the_largest_kick_and_keep_the_shape() -> None:
    controller = CallableController(act=lambda seen: seen, signals=("x", "y"), kick_scale=0.5)
    kicks, state = controller.predict(np.array([0.5, 3.0]))
    assert kicks.tolist() == [0.25, 0.5]
    assert kicks.dtype == np.float32
    assert state is None
    assert controller.predict(np.array([[0.5, -3.0]]))[0].tolist() == [[0.25, -0.5]]
    assert controller.max_kick == 0.5


def counting(seen: Array, state: Array | None) -> tuple[Array, Array]:
    """Its output is a tenth of its state, the number of its calls from 5."""
    state = np.full((len(seen), 1), 5.0) if state is None else state + 1
    return state / 10, state


def test_the_state_goes_on_and_starts_anew_where_an_episode_does() -> None:
    controller = CallableController(
        act=counting, stateful=True, initial_state=lambda envs: np.full((envs, 1), 1.0)
    )
    seen = np.zeros((2, 1))
    first, state = controller.predict(seen)
    second, later = controller.predict(seen, state)
    third, _ = controller.predict(seen, later, np.array([False, True]))
    fourth, _ = controller.predict(seen, later, np.array([True, True]))
    found = [10 * kicks[:, 0] for kicks in (first, second, third, fourth)]
    np.testing.assert_allclose(found, [[2, 2], [3, 3], [4, 2], [2, 2]], rtol=1e-6)
    assert later[:, 0].tolist() == [3, 3]


def test_without_a_first_state_episodes_start_together() -> None:
    controller = CallableController(act=counting, stateful=True)
    seen = np.zeros((2, 1))
    kicks, state = controller.predict(seen, np.full((2, 1), 9.0), np.array([True, True]))
    assert kicks[:, 0].tolist() == [0.5, 0.5]
    with pytest.raises(ValueError, match="1 of 2 episodes begin: give initial_state, so that"):
        controller.predict(seen, state, np.array([True, False]))


def test_a_recurrent_network_acts_as_it_does_in_torch() -> None:
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    network = torch.nn.GRU(1, 3, batch_first=True, dtype=torch.float64)
    controller = CallableController(
        act=lambda seen, state: network(seen[:, None, -1:], state),
        module=network,
        stateful=True,
        window=4,
        kick_scale=2.0,
    )
    windows = np.random.default_rng(0).normal(size=(5, 2, 4))
    expected = network(torch.as_tensor(windows[:, :, -1:]).transpose(0, 1))[0].detach().numpy()
    state: Any = None
    for step, seen in enumerate(windows):
        kicks, state = controller.predict(seen, state)
        np.testing.assert_allclose(kicks, 2 * expected[:, step], atol=1e-6)
    assert not state.requires_grad
    plain = CallableController(act=lambda seen: seen, module=torch.nn.Identity())
    assert plain.predict(np.array([[0.25]]))[0].tolist() == [[0.25]]


def test_some_rows_of_a_tensor_start_anew() -> None:
    torch = pytest.importorskip("torch")
    controller = CallableController(
        act=lambda seen, state: (state + seen, state + 1.0),
        module=torch.nn.Identity(),
        stateful=True,
        initial_state=lambda envs: torch.zeros(envs, 1),
        kick_scale=10.0,
    )
    seen, kept = np.zeros((2, 1)), torch.full((2, 1), 0.5)
    kicks, _ = controller.predict(seen, kept, np.array([True, False]))
    assert kicks[:, 0].tolist() == [0.0, 5.0]
    assert kept[:, 0].tolist() == [0.5, 0.5]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"window": 0}, "window must be at least 1, got 0"),
        ({"kick_scale": float("nan")}, "kick_scale must be finite and above 0, got nan"),
    ],
)
def test_settings_out_of_range_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        CallableController(act=lambda seen: seen, **options)


@pytest.mark.parametrize(
    ("outputs", "message"),
    [
        (np.zeros(3), r"finite outputs of shape \(2, electrodes\), got shape \(3,\)$"),
        (np.zeros((2, 0)), r"got shape \(2, 0\)$"),
        (np.full((2, 1), np.nan), r"got shape \(2, 1\) with NaN or infinity"),
    ],
)
def test_outputs_that_are_no_kicks_are_refused(outputs: Array, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        CallableController(act=lambda seen: outputs).predict(np.zeros((2, 1)))


def test_observations_of_another_window_are_refused() -> None:
    controller = CallableController(act=lambda seen: seen[:, :1], window=4)
    with pytest.raises(ValueError, match=r"multiple of 4 features: .* got shape \(2, 3\)"):
        controller.predict(np.zeros((2, 3)))
