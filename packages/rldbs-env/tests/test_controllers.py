"""Controllers by hand on small windows, and what all of them have in common (specification, E)."""

import math
import re
from typing import Any

import numpy as np
import pytest
import scipy.signal
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from rldbs_env.controllers import (
    CONTROLLERS,
    Controller,
    DelayedFeedback,
    LinearFeedback,
    LinearXYFeedback,
    NoControl,
    NonlinearDelayedFeedback,
    OnOff,
    Periodic,
    Pid,
    RandomKicks,
    Tonic,
    make,
)

Array = NDArray[Any]


def kick(controller: Controller, *window: float) -> float:
    """The first kick on one observation."""
    return float(controller.predict(np.array(window))[0][0])


def kicks(controller: Controller, observations: Array) -> Array:
    """Kicks on a sequence of observations (time, features) of one environment: (time,)."""
    state, out = None, []
    for observation in observations:
        one, state = controller.predict(observation, state)
        out.append(float(one[0]))
    return np.array(out)


def silence(controller: Controller, n_steps: int) -> Array:
    return np.zeros((n_steps, len(controller.signals) * controller.window))


# The laws by hand


def test_no_control_does_nothing() -> None:
    assert kick(NoControl(window=3), 5, -4, 9) == 0.0


def test_tonic_kicks_do_not_depend_on_what_is_seen() -> None:
    assert kick(Tonic(window=2, amplitude=-0.25), 1, 2) == -0.25
    np.testing.assert_array_equal(
        kicks(Tonic(window=2, amplitude=0.5), silence(Tonic(window=2), 4)), 0.5
    )


def test_linear_feedback_acts_on_the_newest_sample_about_the_mean() -> None:
    """Mean 3, newest 6."""
    assert kick(LinearFeedback(window=4, gain=-0.125), 1, 2, 3, 6) == -0.375
    assert kick(LinearFeedback(window=4, gain=0.125), 1, 2, 3, 6) == 0.375
    assert kick(LinearFeedback(window=4, gain=-0.125), 6, 3, 2, 1) == 0.25


def test_sparse_linear_feedback_acts_on_the_first_step_and_every_fifth_after_it() -> None:
    controller = LinearFeedback(window=2, gain=-0.5, every=5)
    observations = np.stack([np.zeros(11), np.arange(1, 12) / 8], axis=1)
    expected = np.zeros(11)
    expected[[0, 5, 10]] = [-1 / 32, -6 / 32, -11 / 32]
    np.testing.assert_allclose(kicks(controller, observations), expected, rtol=1e-7)


def test_two_sensors_steer_an_electrode_each() -> None:
    """Means 3 and 1 of the first environment, 0 and -2 of the second."""
    controller = LinearFeedback(window=4, gain=-0.125, sensors=2)
    observation = np.array([[1, 2, 3, 6, 0, 0, 0, 4], [0, 0, 0, 0, -2, -2, 0, -4]])
    together, _ = controller.predict(observation)
    np.testing.assert_array_equal(together, [[-0.375, -0.375], [0.0, 0.25]])
    alone, _ = controller.predict(observation[0])
    np.testing.assert_array_equal(alone, together[0])


def test_sparse_feedback_of_two_sensors_acts_on_both_at_once() -> None:
    controller = LinearFeedback(window=2, gain=-0.5, every=2, sensors=2)
    state, acted = None, []
    for _ in range(4):
        one, state = controller.predict(np.array([0.0, 1.0, 0.0, -1.0]), state)
        acted.append(one)
    np.testing.assert_array_equal(acted, [[-0.25, 0.25], [0, 0], [-0.25, 0.25], [0, 0]])


def test_linear_feedback_in_x_and_y_adds_both_deviations() -> None:
    """X: mean 3, newest 6; Y: mean 1, newest 0."""
    controller = LinearXYFeedback(window=4, gain_x=-0.125, gain_y=0.25)
    assert kick(controller, 1, 2, 3, 6, 1, 2, 1, 0) == -0.375 - 0.25
    assert controller.signals == ("x", "y")


def test_without_y_it_is_linear_feedback() -> None:
    windows = np.random.default_rng(5).uniform(-1, 1, (7, 2, 30))
    both, _ = LinearXYFeedback(window=30, gain_x=-0.1, gain_y=0.0).predict(windows.reshape(7, 60))
    alone, _ = LinearFeedback(window=30, gain=-0.1).predict(windows[:, 0])
    np.testing.assert_array_equal(both, alone)


@pytest.mark.parametrize(("delay", "value"), [(0, 10.0), (1, 3.0), (4, 0.0)])
def test_delayed_feedback_acts_on_an_older_sample(delay: int, value: float) -> None:
    controller = DelayedFeedback(window=5, gain=0.125, delay=delay)
    assert kick(controller, 0, 1, 2, 3, 10) == pytest.approx(0.125 * (value - 3.2))


def test_delayed_feedback_sees_y_and_linear_feedback_x() -> None:
    assert (DelayedFeedback().signals, LinearFeedback().signals) == (("y",), ("x",))
    assert NonlinearDelayedFeedback().signals == ("x", "y")


def test_nonlinear_feedback_by_complex_arithmetic() -> None:
    """Means 2 and 5; now 2 + 1j * 3 * (-3), one sample before -1 + 1j * 3 * 1."""
    now, before = 2 - 9j, -1 + 3j
    controller = NonlinearDelayedFeedback(window=3, gain=0.001, delay=1, y_scale=3.0)
    assert kick(controller, 1, 1, 4, 7, 6, 2) == pytest.approx(
        0.001 * (now * now * before.conjugate()).real
    )


@given(st.floats(0.1, 3.0), st.integers(0, 19))
def test_nonlinear_feedback_is_of_third_order_and_turns_with_the_delay(
    size: float, delay: int
) -> None:
    """Z = r exp(i w t) gives gain r^3 cos(w (t + delay))."""
    angle = 2 * np.pi * np.arange(1, 21) / 20
    window = np.r_[1 + size * np.cos(angle), 3 + size / 2 * np.sin(angle)]
    controller = NonlinearDelayedFeedback(window=20, gain=0.01, delay=delay, y_scale=2.0)
    expected = 0.01 * size**3 * np.cos(2 * np.pi * delay / 20)
    assert kick(controller, *window) == pytest.approx(expected, abs=1e-7)


def test_pid_by_hand() -> None:
    """Errors 1.5, then 0.5; differences 3, then -2."""
    controller = Pid(window=2, proportional=-0.1, integral=-0.01, derivative=-0.001, leak=0.5)
    first = -0.1 * 1.5 - 0.01 * 1.5 - 0.001 * 3
    second = -0.1 * -1.0 - 0.01 * (0.75 - 1.0) - 0.001 * -2
    observed = kicks(controller, np.array([[1.0, 4.0], [4.0, 2.0]]))
    np.testing.assert_allclose(observed, [first, second], rtol=1e-6)


def test_the_integral_is_a_leaky_filter_of_the_error() -> None:
    windows = np.random.default_rng(0).uniform(-1, 1, (60, 3))
    controller = Pid(window=3, proportional=0, integral=0.1, derivative=0, leak=0.02)
    error = windows[:, -1] - windows.mean(axis=1)
    expected = 0.1 * scipy.signal.lfilter([1.0], [1.0, -0.98], error)
    np.testing.assert_allclose(kicks(controller, windows), expected, rtol=1e-6, atol=1e-7)


def test_on_off_has_hysteresis() -> None:
    """A window (-s, s) has the std s; kicks oppose the newest sample."""
    controller = OnOff(window=2, amplitude=0.125, on_above=0.2, off_below=0.1)
    strength = np.array([0.05, 0.15, 0.2, 0.21, 0.15, 0.11, 0.1, 0.15, 0.3])
    expected = -0.125 * np.array([0, 0, 0, 1, 1, 1, 0, 0, 1])
    windows = np.stack([-strength, strength], axis=1)
    np.testing.assert_array_equal(kicks(controller, windows), expected)
    np.testing.assert_array_equal(kicks(controller, -windows), -expected)


@pytest.mark.parametrize(
    ("biphasic", "period", "expected"),
    [
        (False, 1, [0.5] * 7),
        (False, 3, [0.5, 0, 0, 0.5, 0, 0, 0.5]),
        (True, 3, [0.5, -0.25, -0.25, 0.5, -0.25, -0.25, 0.5]),
        (True, 5, [0.5, -0.25, -0.25, 0, 0, 0.5, -0.25]),
    ],
)
def test_pulse_trains(biphasic: bool, period: int, expected: list[float]) -> None:
    controller = Periodic(window=1, amplitude=0.5, period_steps=period, biphasic=biphasic)
    np.testing.assert_array_equal(kicks(controller, silence(controller, 7)), expected)


@given(st.integers(3, 40), st.floats(-1, 1))
def test_biphasic_pulses_have_no_net_charge(period: int, amplitude: float) -> None:
    controller = Periodic(window=1, amplitude=amplitude, period_steps=period)
    train = kicks(controller, silence(controller, period))
    assert abs(train.sum()) < 1e-12
    assert np.abs(train).sum() == pytest.approx(2 * abs(amplitude), abs=1e-6)


def test_random_kicks_are_uniform_and_follow_from_the_seed() -> None:
    controller = RandomKicks(window=1, amplitude=0.5, seed=3)
    train = kicks(controller, silence(controller, 2000))
    assert scipy.stats.kstest(train, scipy.stats.uniform(-0.5, 1).cdf).pvalue > 0.01
    lag_one = np.corrcoef(train[1:], train[:-1])[0, 1]
    assert abs(lag_one) < 0.08
    np.testing.assert_array_equal(train[:50], kicks(controller, silence(controller, 50)))
    other = RandomKicks(window=1, amplitude=0.5, seed=4)
    assert not np.isin(train[:50], kicks(other, silence(other, 50))).any()


def test_environments_have_random_streams_of_their_own_whatever_the_batch() -> None:
    controller = RandomKicks(window=1)
    many, _ = controller.predict(np.zeros((5, 1)))
    few, _ = controller.predict(np.zeros((2, 1)))
    assert len(np.unique(many)) == 5
    np.testing.assert_array_equal(many[:2], few)


# The interface

MEMORABLE = {
    "random": {},
    "periodic": {"amplitude": 0.5},
    "linear": {"gain": 0.3, "every": 3},
    "pid": {"integral": 0.3, "leak": 0.1},
    "on_off": {"on_above": 0.9, "off_below": 0.5},
}
"""Controllers whose kicks depend on the past."""


@pytest.mark.parametrize("name", CONTROLLERS)
def test_a_batch_is_its_environments(name: str) -> None:
    controller = make(name, window=70, **MEMORABLE.get(name, {}))
    features = 70 * len(controller.signals)
    observations = np.random.default_rng(0).uniform(-1.5, 1.5, (6, 4, features))
    together, state = [], None
    for batch in observations:
        one, state = controller.predict(batch, state)
        assert one.shape == (4, 1)
        assert one.dtype == np.dtype(np.float32)
        together.append(one[:, 0])
    single, _ = controller.predict(observations[0, 0])
    assert single.shape == (1,)
    assert single.dtype == np.dtype(np.float32)
    for e in range(1 if name == "random" else 4):
        np.testing.assert_array_equal(
            np.array(together)[:, e], kicks(controller, observations[:, e])
        )


@pytest.mark.parametrize("name", MEMORABLE)
def test_a_new_episode_forgets_its_own_past_only(name: str) -> None:
    controller = make(name, window=2, **MEMORABLE[name])
    rng = np.random.default_rng(1)
    state = None
    for _ in range(4):
        _, state = controller.predict(rng.uniform(1, 2, (3, 1)) * [-1.0, 1.0], state)
    observation = rng.uniform(0.6, 0.8, (3, 1)) * [-1.0, 1.0]
    began = np.array([False, True, False])
    observed, _ = controller.predict(observation, state, episode_start=began)
    going_on, _ = controller.predict(observation, state)
    fresh, _ = controller.predict(observation)
    if name != "random":  # one sequence of the batch, which no single episode starts anew
        assert observed[1] == fresh[1] != going_on[1]
    np.testing.assert_array_equal(observed[[0, 2]], going_on[[0, 2]])
    every, _ = controller.predict(observation, state, episode_start=np.ones(3, bool))
    np.testing.assert_array_equal(every, fresh)


@pytest.mark.parametrize("name", CONTROLLERS)
def test_controllers_hold_no_state(name: str) -> None:
    controller = make(name, window=61)
    observation = np.random.default_rng(2).uniform(-1, 1, (2, 61 * len(controller.signals)))
    seen = observation.copy()
    _, state = controller.predict(observation)
    kept = np.array(state, copy=True)
    first = controller.predict(observation, state, deterministic=True)
    second = controller.predict(observation, state, deterministic=False)
    np.testing.assert_array_equal(first[0], second[0])
    np.testing.assert_array_equal(first[1], second[1])
    np.testing.assert_array_equal(state, kept)
    np.testing.assert_array_equal(observation, seen)


@given(
    st.sampled_from(sorted(CONTROLLERS)),
    hnp.arrays(np.float32, (3, 4), elements=st.floats(-1e3, 1e3, width=32)),
    st.floats(0.001, 2.0),
)
def test_kicks_keep_to_their_limit(name: str, windows: Array, limit: float) -> None:
    signals = CONTROLLERS[name].signals
    arguments = {"delay": 3} if "delayed" in name else {}
    controller = make(name, window=4, max_kick=limit, **arguments)
    state = None
    for window in windows:
        one, state = controller.predict(np.tile(window, len(signals)), state)
        assert abs(one[0]) <= np.float32(limit)


def test_stronger_kicks_are_clipped() -> None:
    assert kick(Tonic(window=1, amplitude=7.0), 0) == 1.0
    assert kick(Tonic(window=1, amplitude=-7.0, max_kick=0.5), 0) == -0.5
    assert kick(LinearFeedback(window=2, gain=-9.0), 0, 1) == -1.0


@pytest.mark.parametrize("name", CONTROLLERS)
def test_controllers_are_made_by_name(name: str) -> None:
    controller = make(name, window=100, max_kick=0.25)
    assert type(controller) is CONTROLLERS[name]
    assert (controller.window, controller.max_kick) == (100, 0.25)
    assert CONTROLLERS[name]().window == 250


def test_the_defaults_are_the_published_and_the_tuned_laws() -> None:
    assert make("linear") == LinearFeedback(gain=-0.02, every=1, max_kick=1.0)
    assert make("linear_xy") == LinearXYFeedback(gain_x=-0.021, gain_y=0.021)
    assert make("delayed") == DelayedFeedback(gain=0.05, delay=60)
    assert make("periodic") == Periodic(amplitude=0.1, period_steps=5, biphasic=True)
    assert make("tonic") == Tonic(amplitude=0.2)


def test_unknown_names_and_arguments_are_refused() -> None:
    names = (
        "none, random, tonic, periodic, linear, linear_xy, delayed, nonlinear_delayed, pid, "
        "on_off, phase_triggered, adaptive"
    )
    wanted = re.escape(
        f"controller must be one of {names}, policy, policy:DIRECTORY, got 'liner' "
        "(did you mean 'linear'?)"
    )
    with pytest.raises(ValueError, match=f"^{wanted}$"):
        make("liner")
    with pytest.raises(ValueError, match=r"got 'qqq'$"):
        make("qqq")
    wanted = "linear takes the arguments window, max_kick, gain, every, sensors, got 'gian'"
    with pytest.raises(ValueError, match=f"^{wanted}$"):
        make("linear", gian=1.0)


@pytest.mark.parametrize(
    ("name", "arguments", "wanted"),
    [
        *[(name, {"window": 0}, "window must be at least 1, got 0") for name in CONTROLLERS],
        ("none", {"max_kick": 0}, "max_kick must be finite and above 0, got 0"),
        ("tonic", {"max_kick": math.nan}, "max_kick must be finite and above 0, got nan"),
        ("pid", {"max_kick": math.inf}, "max_kick must be finite and above 0, got inf"),
        ("linear", {"every": 0}, "every must be at least 1, got 0"),
        ("linear", {"sensors": 0}, "sensors must be at least 1, got 0"),
        ("linear_xy", {"gain_y": math.nan}, "gain_y must be finite, got nan"),
        ("linear", {"gain": "abc"}, "gain must be a number, got 'abc'"),
        ("linear", {"window": "long"}, "window must be a number, got 'long'"),
        ("delayed", {"delay": None}, "delay must be a number, got None"),
        ("tonic", {"max_kick": [1]}, r"max_kick must be a number, got \[1\]"),
        ("delayed", {"delay": 250}, r"delay must be in \[0, window\) = \[0, 250\), got 250"),
        ("delayed", {"delay": -1}, r"delay must be in \[0, window\) = \[0, 250\), got -1"),
        ("nonlinear_delayed", {"window": 60}, r"\[0, window\) = \[0, 60\), got 60"),
        ("periodic", {"period_steps": 2}, "period_steps must be at least 3 for this pulse, got 2"),
        ("periodic", {"period_steps": 0, "biphasic": False}, "at least 1 for this pulse, got 0"),
        ("pid", {"leak": 0}, r"leak must be in \(0, 1\], got 0"),
        ("pid", {"leak": 1.1}, r"leak must be in \(0, 1\], got 1.1"),
        ("pid", {"window": 1}, "window must be at least 2 for a derivative, got 1"),
        ("on_off", {"on_above": 0.1, "off_below": 0.2}, "off_below=0.2, on_above=0.1"),
        ("on_off", {"off_below": -0.1}, "0 <= off_below <= on_above, got off_below=-0.1"),
    ],
)
def test_impossible_arguments_are_refused(
    name: str, arguments: dict[str, Any], wanted: str
) -> None:
    with pytest.raises(ValueError, match=wanted):
        make(name, **arguments)


@pytest.mark.parametrize("shape", [(), (3,), (5,), (2, 3), (2, 2, 4)])
def test_observations_of_other_environments_are_refused(shape: tuple[int, ...]) -> None:
    wanted = re.escape(
        "LinearFeedback needs observations of 4 features: make the environment with "
        f"signals=('x',), window=4; got shape {shape}"
    )
    with pytest.raises(ValueError, match=wanted):
        LinearFeedback(window=4).predict(np.zeros(shape))
