"""The three-phase test against a closed loop in plain numpy."""

import dataclasses
import math
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from rldbs_env import BonhoefferVanDerPol, protocol, scoring
from rldbs_env.controllers import LinearFeedback, NoControl, Periodic, Tonic
from rldbs_env.disturbances import ObservationNoise
from rldbs_env.protocol import Protocol, Recording

Array = NDArray[Any]

Small = Callable[..., Protocol]
WINDOW = 50


def closed_loop(seed: int, gain: float) -> dict[str, Array]:
    """Specification 2.1 and 3.5 step by step: window of free steps, then the three phases."""
    rng = np.random.default_rng(seed)
    x, y = rng.uniform(-1, 1, 30), rng.uniform(-1, 1, 30)
    current = 0.6 + 0.1 * rng.standard_normal(30)

    def rates(x: Array, y: Array) -> Array:
        return np.array([
            x - x**3 / 3 - y + current + 0.03 * x.mean(),
            0.1 * (x - 0.8 * y + 0.7),
        ])  # fmt: skip

    def step(x: Array, y: Array, kick: float) -> Array:
        s = np.array([x + kick, y])
        k1 = rates(*s)
        k2 = rates(*(s + 0.1 * k1))
        k3 = rates(*(s + 0.1 * k2))
        k4 = rates(*(s + 0.2 * k3))
        return np.asarray(s + 0.2 / 6 * (k1 + 2 * k2 + 2 * k3 + k4))

    window: list[float] = []
    for _ in range(WINDOW):
        x, y = step(x, y, 0.0)
        window.append(x.mean())
    rows: dict[str, list[Any]] = {key: [] for key in ("x", "y", "kick", "reward", "state")}
    for t in range(3500):
        kick = 0.0
        if 1000 <= t < 3000:
            kick = float(np.float32(gain * (window[-1] - np.mean(window))))
        x, y = step(x, y, kick)
        window = [*window[1:], x.mean()]
        rows["x"].append(x.mean())
        rows["y"].append(y.mean())
        rows["kick"].append(kick)
        rows["reward"].append(-((x.mean() - np.mean(window)) ** 2) - 2 * abs(kick))
        rows["state"].append([x, y])
    return {key: np.array(values) for key, values in rows.items()}


@pytest.fixture(scope="module")
def oracle() -> list[dict[str, Array]]:
    return [closed_loop(seed, -0.1) for seed in (5, 3)]


def test_fields_kicks_and_rewards_are_those_of_a_loop_in_numpy(
    recording: Recording, oracle: list[dict[str, Array]]
) -> None:
    assert recording.mean_x.shape == (3500, 2)
    for e, wanted in enumerate(oracle):
        np.testing.assert_allclose(recording.mean_x[:, e], wanted["x"], atol=1e-6)
        np.testing.assert_allclose(recording.mean_y[:, e], wanted["y"], atol=1e-6)
        np.testing.assert_allclose(recording.kicks[:, e], wanted["kick"], atol=1e-6)
        np.testing.assert_allclose(recording.rewards[:, e], wanted["reward"], atol=1e-5)
        assert np.abs(wanted["kick"]).max() > 0.05


def test_every_fifth_state_of_the_last_thousand_steps_is_kept(
    recording: Recording, oracle: list[dict[str, Array]]
) -> None:
    assert recording.free_neurons.shape == recording.controlled_neurons.shape == (200, 2, 2, 30)
    assert recording.free_neurons.dtype == np.float32
    for e, wanted in enumerate(oracle):
        np.testing.assert_allclose(
            recording.free_neurons[:, e], wanted["state"][0:1000:5], atol=1e-5
        )
        np.testing.assert_allclose(
            recording.controlled_neurons[:, e], wanted["state"][2000:3000:5], atol=1e-5
        )
    assert recording.shown_x.shape == (700, 30)
    np.testing.assert_allclose(recording.shown_x, oracle[0]["state"][::5, 0], atol=1e-5)


def test_phases_follow_each_other_and_the_second_half_of_control_is_scored(
    recording: Recording,
) -> None:
    assert recording.phases == (slice(0, 1000), slice(1000, 3000), slice(3000, 3500))
    assert recording.scored == slice(2000, 3000)
    assert not recording.diverged.any()


def test_scores_are_those_of_the_loop_in_numpy(
    recording: Recording, oracle: list[dict[str, Array]]
) -> None:
    scores = scoring.score(recording)
    assert [one.ensemble for one in scores] == [5, 3]
    for one, run in zip(scores, oracle, strict=True):
        free, scored = run["x"][:1000], run["x"][2000:3000]
        kicks = run["kick"][2000:3000]
        single = run["state"][2000:3000:5]
        wanted = {
            "std_free": free.std(),
            "std_controlled": scored.std(),
            "s_ratio": free.std() / scored.std(),
            "s_sqrt": math.sqrt(free.std() / scored.std()),
            "s_db": 20 * math.log10(free.std() / scored.std()),
            "floor_ratio": scored.std() / (1.3 / math.sqrt(30)),
            "mean_shift": abs(free.mean() - scored.mean()),
            "active_fraction": (single[:, 0].std(axis=0) > 0.5).mean(),
            "order_free": kuramoto(run["state"][0:1000:5]),
            "order_controlled": kuramoto(single),
            "charge": np.abs(kicks).mean(),
            "net_charge": kicks.mean(),
            "energy": np.square(kicks).mean(),
            "peak": np.abs(kicks).max(),
            "pulses_per_period": 162 * (kicks != 0).mean(),
            "reward": run["reward"][2000:3000].mean(),
            "settling_step": first_window(run["x"][1000:3000], below=0.1),
            "recovery_step": first_window(run["x"][3000:3500], above=free.std() / 2),
        }
        observed = dataclasses.asdict(one)
        for name, value in wanted.items():
            assert observed[name] == pytest.approx(value, rel=1e-3, abs=1e-5, nan_ok=True), name
        assert 31.0 < one.period < 34.0
        assert not one.quenched
        assert not one.diverged


def kuramoto(state: Array) -> float:
    """Mean order parameter of states (time, 2, neurons)."""
    x, y = state[:, 0] - state[:, 0].mean(), state[:, 1] - state[:, 1].mean()
    return float(np.abs(((x + 1j * y) / np.hypot(x, y)).mean(axis=1)).mean())


def first_window(x: Array, below: float = 0.0, above: float = math.inf) -> float:
    for step in range(len(x) - 249):
        if x[step : step + 250].std() < below or x[step : step + 250].std() > above:
            return step
    return math.nan


# What a controller is asked


class Spy:
    """Kicks by a number that grows from call to call; writes down what it was asked."""

    signals = ("y", "action", "x")
    window = 4

    def __init__(self) -> None:
        self.asked: list[tuple[Array, Any, bool]] = []

    def predict(
        self,
        observation: Array,
        state: Any = None,
        episode_start: Any = None,
        deterministic: bool = False,
    ) -> tuple[NDArray[np.float32], Any]:
        self.asked.append((observation.copy(), state, deterministic))
        kick = 0.0001 * len(self.asked)
        return np.full((len(observation), 1), kick, np.float32), len(self.asked)


def test_any_object_with_predict_is_tested(small: Small) -> None:
    spy = Spy()
    recording = protocol.run(spy, small())
    assert len(spy.asked) == 2000  # under control only
    assert [state for _, state, _ in spy.asked] == [None, *range(1, 2000)]
    assert all(deterministic is True for _, _, deterministic in spy.asked)
    np.testing.assert_allclose(
        recording.kicks[1000:3000, 1], 0.0001 * np.arange(1, 2001), rtol=1e-6
    )
    assert not recording.kicks[:1000].any()
    assert not recording.kicks[3000:].any()
    for call in (0, 1, 3, 1999):
        last = slice(1000 + call - 4, 1000 + call)  # samples up to the step before
        for e, seen in enumerate(spy.asked[call][0].reshape(2, 3, 4)):
            np.testing.assert_array_equal(seen[0], recording.mean_y[last, e])
            np.testing.assert_allclose(seen[1], recording.kicks[last, e], rtol=1e-6)
            np.testing.assert_array_equal(seen[2], recording.mean_x[last, e])


@dataclasses.dataclass(frozen=True)
class Confined(BonhoefferVanDerPol):
    """Counts as diverged where X exceeds 2, which only strong stimulation reaches."""

    def limits(self, max_kick: float) -> tuple[float, float, float, float]:
        return -5.0, 2.0, -9.0, 9.0


def test_what_diverged_once_has_diverged_for_good(small: Small) -> None:
    """The ensemble begins anew and ends its test in good order, yet it is no success."""
    test = small(model=Confined(), ensembles=(5,))
    recording = protocol.run(Tonic(amplitude=1.0), test)
    assert recording.diverged.all()
    assert recording.mean_x[3000:].max() < 2
    assert math.isnan(scoring.score(recording)[0].s_ratio)
    calm = protocol.run(LinearFeedback(window=WINDOW, gain=-0.1), test)
    assert not calm.diverged.any()
    assert scoring.score(calm)[0].s_ratio > 1


# Repeatability


def test_ensembles_do_not_disturb_each_other(recording: Recording, small: Small) -> None:
    alone = protocol.run(LinearFeedback(gain=-0.1, window=WINDOW), small(ensembles=(3,)))
    np.testing.assert_array_equal(alone.mean_x[:, 0], recording.mean_x[:, 1])
    np.testing.assert_array_equal(
        alone.controlled_neurons[:, 0], recording.controlled_neurons[:, 1]
    )
    one, other = scoring.score(alone)[0], scoring.score(recording)[1]
    np.testing.assert_equal(dataclasses.asdict(one), dataclasses.asdict(other))


def test_threads_change_nothing(recording: Recording, small: Small) -> None:
    shared = protocol.run(LinearFeedback(gain=-0.1, window=WINDOW), small(threads=2))
    np.testing.assert_array_equal(shared.mean_x, recording.mean_x)
    np.testing.assert_array_equal(shared.kicks, recording.kicks)


def test_the_seed_chooses_the_phase_at_which_the_test_begins(small: Small) -> None:
    """One ensemble, settled, begun at another point of one and the same free run."""
    test = small(transient_steps=500, ensembles=(1,))
    first, again = (protocol.run(NoControl(), test).mean_x[:, 0] for _ in range(2))
    other = protocol.run(NoControl(), dataclasses.replace(test, seed=1)).mean_x[:, 0]
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)
    shifts = [lag for lag in range(-162, 163) if _same_but_shifted(first, other, lag)]
    assert len(shifts) == 1


def _same_but_shifted(first: Array, other: Array, lag: int) -> bool:
    early, late = (first, other) if lag >= 0 else (other, first)
    return np.array_equal(early[abs(lag) :], late[: len(late) - abs(lag)])


def test_every_controller_meets_the_same_free_phase(small: Small) -> None:
    runs = [protocol.run(one, small()) for one in (NoControl(), Tonic(), Periodic())]
    for one in runs[1:]:
        np.testing.assert_array_equal(one.mean_x[:750], runs[0].mean_x[:750])
        assert not np.array_equal(one.mean_x[1000:], runs[0].mean_x[1000:])


def test_without_control_nothing_is_delivered_and_nothing_gained(small: Small) -> None:
    test = small(transient_steps=3000, n_neurons=200, controlled_steps=3240, free_steps=1620)
    for one in scoring.score(protocol.run(NoControl(), test)):
        assert (one.charge, one.energy, one.peak, one.pulses_per_period) == (0, 0, 0, 0)
        assert one.s_ratio == pytest.approx(1, abs=0.05)
        assert one.active_fraction > 0.95


def test_the_controller_hears_noise_and_the_score_does_not(small: Small) -> None:
    spy = Spy()
    recording = protocol.run(spy, small(disturbances=(ObservationNoise(0.5),)))
    heard = np.array([asked.reshape(2, 3, 4)[:, 2, -1] for asked, _, _ in spy.asked])
    noise = heard[1:] - recording.mean_x[1000:2999]
    assert noise.std() == pytest.approx(0.5, rel=0.1)
    before = recording.mean_x[1:1000] - recording.mean_x[:999]
    assert np.abs(before).max() < 0.2  # the field itself is smooth


# Bad input


def test_levels_without_silence_are_refused() -> None:
    wanted = re.escape("levels must hold 0, which is given in the free phases, got (-0.1, 0.1)")
    with pytest.raises(ValueError, match=wanted):
        Protocol(levels=(-0.1, 0.1))


def test_a_controller_for_another_number_of_electrodes_is_refused(small: Small) -> None:
    with pytest.raises(ValueError, match=r"a controller must give kicks of shape \(2, 2\)"):
        protocol.run(Spy(), small(model=BonhoefferVanDerPol(populations=2)))


def test_the_default_is_twenty_ensembles() -> None:
    assert list(Protocol().ensembles) == list(range(3000, 3020))
    assert Protocol().model == BonhoefferVanDerPol(coupling=0.03, spread=0.1)
    assert Protocol().n_neurons == 1000


@pytest.mark.parametrize(
    ("name", "least"), [("free_steps", 1000), ("controlled_steps", 2000), ("recovery_steps", 250)]
)
def test_phases_must_be_long_enough(name: str, least: int) -> None:
    shortest: dict[str, Any] = {name: least}
    assert getattr(Protocol(**shortest), name) == least
    with pytest.raises(
        ValueError, match=f"{name} must be a whole number of at least {least}, got {least - 1}"
    ):
        Protocol(**shortest | {name: least - 1})


@pytest.mark.parametrize("ensembles", [(), (1, 2, 1)])
def test_ensembles_are_named_once_each(ensembles: tuple[int, ...]) -> None:
    wanted = re.escape(f"ensembles must hold at least one seed, each once, got {ensembles}")
    with pytest.raises(ValueError, match=wanted):
        Protocol(ensembles=ensembles)


@pytest.mark.parametrize(
    ("changes", "wanted"),
    [
        ({"ensembles": (-1,)}, r"ensemble must hold at least one seed .* at least 0, got"),
        ({"seed": -1}, "seed must be a whole number of at least 0, got -1"),
        ({"n_neurons": 0}, "n_neurons must be a whole number of at least 1, got 0"),
        ({"transient_steps": -1}, "transient_steps must be a whole number of at least 0, got -1"),
        ({"threads": 0}, "threads must be a whole number of at least 1, got 0"),
    ],
)
def test_impossible_tests_are_refused(changes: dict[str, Any], wanted: str, small: Small) -> None:
    with pytest.raises(ValueError, match=wanted):
        protocol.run(NoControl(), small(**changes))


def test_kicks_beyond_the_environments_are_refused(small: Small) -> None:
    with pytest.raises(ValueError, match=r"max_kick must be in \(0, 2.0\], got 3.0"):
        protocol.run(Tonic(amplitude=2.5, max_kick=3.0), small())
