"""The three-phase test against a closed loop in plain numpy, its scores against closed forms."""

import dataclasses
import math
import re
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from rldbs_env import BonhoefferVanDerPol, Delivery, HindmarshRose, KuramotoGrid, protocol, scoring
from rldbs_env.catalogue import ENVIRONMENTS
from rldbs_env.controllers import LinearFeedback, NoControl, Periodic, Tonic
from rldbs_env.disturbances import ActionNoise, ObservationNoise, PulseLoss, Variety
from rldbs_env.protocol import Protocol, Recording
from rldbs_env.pulses import biphasic, rectangular
from rldbs_env.scoring import Score

Array = NDArray[Any]

SMALL = Protocol(
    n_neurons=30,
    ensembles=(5, 3),
    free_steps=1000,
    controlled_steps=2000,
    recovery_steps=500,
    transient_steps=0,
)
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
def recording() -> Recording:
    return protocol.run(LinearFeedback(gain=-0.1, window=WINDOW), SMALL)


@pytest.fixture(scope="module")
def oracle() -> list[dict[str, Array]]:
    return [closed_loop(seed, -0.1) for seed in SMALL.ensembles]


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


# Scores of synthetic recordings


def synthetic(**changes: Any) -> Recording:
    """One ensemble of ten neurons: X a sine of amplitude 2, then 0.02 about 0.5, then 2 again."""
    test = Protocol(
        n_neurons=10, ensembles=(7,), free_steps=1620, controlled_steps=3240, recovery_steps=1620
    )
    t = np.arange(6480)
    amplitude = np.select([t < 1620, t < 1920, t < 5260], [2.0, 2.0, 0.02], 2.0)
    x = amplitude * np.sin(2 * np.pi * (t + 0.5) / 162) + np.where((t >= 1920) & (t < 5260), 0.5, 0)
    kicks = np.zeros((6480, 1))
    kicks[3240:4860:3, 0] = 0.03
    kicks[3241:4860:3, 0] = -0.01
    angle = 2 * np.pi * (np.arange(200)[:, None] / 40 + np.arange(10) / 10)
    spread = np.stack([np.cos(angle), np.sin(angle)], axis=1)[:, None].astype(np.float32)
    together = np.repeat(spread[..., :1], 10, axis=-1)
    values: dict[str, Any] = {
        "protocol": test,
        "sub_step_x": x[:, None, None],
        "mean_y": np.zeros((6480, 1)),
        "delivered": kicks[:, :, None],
        "rewards": np.where((t >= 3240) & (t < 4860), -0.25, -9.0)[:, None],
        "free_neurons": together,
        "controlled_neurons": spread,
        "shown_x": np.zeros((1296, 10), np.float32),
        "diverged": np.zeros(1, bool),
        "sizes": np.array([10]),
    }
    return Recording(**(values | changes))


def test_a_synthetic_success() -> None:
    (one,) = scoring.score(synthetic())
    assert one.ensemble == 7
    assert one.s_ratio == pytest.approx(100)
    assert one.s_sqrt == pytest.approx(10)
    assert one.s_db == pytest.approx(40)
    assert one.std_free == pytest.approx(math.sqrt(2))
    assert one.std_controlled == pytest.approx(0.01 * math.sqrt(2))
    assert one.floor_ratio == pytest.approx(0.01 * math.sqrt(2) / (1.3 / math.sqrt(10)))
    assert one.active_fraction == 1.0
    assert one.mean_shift == pytest.approx(0.5)
    assert one.order_free == pytest.approx(1, abs=1e-6)
    assert one.order_controlled == pytest.approx(0, abs=1e-6)
    assert one.charge == pytest.approx(0.04 / 3)
    assert one.net_charge == pytest.approx(0.02 / 3)
    assert one.energy == pytest.approx(0.001 / 3)
    assert one.peak == 0.03
    assert one.pulses_per_period == pytest.approx(2 / 3 * 162)
    assert one.reward == -0.25
    assert one.period == pytest.approx(32.4, rel=1e-4)
    assert (
        one.settling_step == 300
    )  # a window with one sample of the strong rhythm has a std of 0.13
    # the strong rhythm returns 400 steps after switch-off
    assert one.recovery_step == first_window(synthetic().mean_x[4860:, 0], above=math.sqrt(0.5))
    assert not one.quenched
    assert not one.diverged


@pytest.mark.parametrize("frozen", [2, 10])
def test_a_frozen_population_is_no_success(frozen: int) -> None:
    neurons = synthetic().controlled_neurons.copy()
    neurons[..., :frozen] = 1.0
    (one,) = scoring.score(synthetic(controlled_neurons=neurons))
    assert one.quenched
    assert one.active_fraction == pytest.approx(1 - frozen / 10)
    _no_suppression(one)


def test_one_frozen_neuron_in_ten_is_a_success() -> None:
    neurons = synthetic().controlled_neurons.copy()
    neurons[..., :1] = 1.0
    (one,) = scoring.score(synthetic(controlled_neurons=neurons))
    assert not one.quenched
    assert one.s_ratio == pytest.approx(100)


def test_a_diverged_population_is_no_success() -> None:
    (one,) = scoring.score(synthetic(diverged=np.ones(1, bool)))
    assert one.diverged
    assert not one.quenched
    _no_suppression(one)


def _no_suppression(one: Score) -> None:
    for value in (one.s_ratio, one.s_sqrt, one.s_db, one.floor_ratio):
        assert math.isnan(value)
    assert one.std_controlled == pytest.approx(0.01 * math.sqrt(2))


def test_what_never_settles_nor_recovers_is_not_a_number() -> None:
    t = np.arange(6480)
    x = np.where(t < 4860, 2.0, 0.01) * np.sin(2 * np.pi * t / 162)
    (one,) = scoring.score(synthetic(sub_step_x=x[:, None, None]))
    assert math.isnan(one.settling_step)
    assert math.isnan(one.recovery_step)
    assert one.s_ratio == pytest.approx(1)


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


def test_any_object_with_predict_is_tested() -> None:
    spy = Spy()
    recording = protocol.run(spy, SMALL)
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


def test_what_diverged_once_has_diverged_for_good() -> None:
    """The ensemble begins anew and ends its test in good order, yet it is no success."""
    test = dataclasses.replace(SMALL, model=Confined(), ensembles=(5,))
    recording = protocol.run(Tonic(amplitude=1.0), test)
    assert recording.diverged.all()
    assert recording.mean_x[3000:].max() < 2
    assert math.isnan(scoring.score(recording)[0].s_ratio)
    calm = protocol.run(LinearFeedback(window=WINDOW, gain=-0.1), test)
    assert not calm.diverged.any()
    assert scoring.score(calm)[0].s_ratio > 1


# Repeatability


def test_ensembles_do_not_disturb_each_other(recording: Recording) -> None:
    alone = protocol.run(
        LinearFeedback(gain=-0.1, window=WINDOW), dataclasses.replace(SMALL, ensembles=(3,))
    )
    np.testing.assert_array_equal(alone.mean_x[:, 0], recording.mean_x[:, 1])
    np.testing.assert_array_equal(
        alone.controlled_neurons[:, 0], recording.controlled_neurons[:, 1]
    )
    assert scoring.score(alone)[0] == scoring.score(recording)[1]


def test_threads_change_nothing(recording: Recording) -> None:
    shared = protocol.run(
        LinearFeedback(gain=-0.1, window=WINDOW), dataclasses.replace(SMALL, threads=2)
    )
    np.testing.assert_array_equal(shared.mean_x, recording.mean_x)
    np.testing.assert_array_equal(shared.kicks, recording.kicks)


def test_the_seed_chooses_the_phase_at_which_the_test_begins() -> None:
    """One ensemble, settled, begun at another point of one and the same free run."""
    test = dataclasses.replace(SMALL, transient_steps=500, ensembles=(1,))
    first, again = (protocol.run(NoControl(), test).mean_x[:, 0] for _ in range(2))
    other = protocol.run(NoControl(), dataclasses.replace(test, seed=1)).mean_x[:, 0]
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)
    shifts = [lag for lag in range(-162, 163) if _same_but_shifted(first, other, lag)]
    assert len(shifts) == 1


def _same_but_shifted(first: Array, other: Array, lag: int) -> bool:
    early, late = (first, other) if lag >= 0 else (other, first)
    return np.array_equal(early[abs(lag) :], late[: len(late) - abs(lag)])


def test_the_same_controller_meets_the_same_free_phase() -> None:
    runs = [protocol.run(one, SMALL) for one in (NoControl(), Tonic(), Periodic())]
    for one in runs[1:]:
        np.testing.assert_array_equal(one.mean_x[:750], runs[0].mean_x[:750])
        assert not np.array_equal(one.mean_x[1000:], runs[0].mean_x[1000:])


def test_without_control_nothing_is_delivered_and_nothing_gained() -> None:
    test = dataclasses.replace(
        SMALL, transient_steps=3000, n_neurons=200, controlled_steps=3240, free_steps=1620
    )
    for one in scoring.score(protocol.run(NoControl(), test)):
        assert (one.charge, one.energy, one.peak, one.pulses_per_period) == (0, 0, 0, 0)
        assert one.s_ratio == pytest.approx(1, abs=0.05)
        assert one.active_fraction > 0.95


# Other experiments


def small(**changes: Any) -> Protocol:
    return dataclasses.replace(SMALL, **changes)


def test_several_electrodes_are_summed_and_sensors_averaged() -> None:
    """31 neurons in two populations: the mean of the means is not the mean of all."""
    test = small(model=BonhoefferVanDerPol(populations=2), n_neurons=31)
    recording = protocol.run(LinearFeedback(gain=-0.1, window=WINDOW, sensors=2), test)
    assert recording.delivered.shape == (3500, 2, 2)
    np.testing.assert_array_equal(
        recording.kicks, recording.delivered[..., 0] + recording.delivered[..., 1]
    )
    x = recording.controlled_neurons[:, :, 0].astype(float)  # (samples, ensembles, neurons)
    means = (x[..., :15].mean(axis=2) + x[..., 15:].mean(axis=2)) / 2
    np.testing.assert_allclose(recording.mean_x[2000:3000:5], means, atol=1e-6)
    assert np.abs(x.mean(axis=2) - means).max() > 1e-3
    (one, _) = scoring.score(recording)
    scored = recording.delivered[2000:3000, 0]
    assert one.charge == pytest.approx(np.abs(scored).sum(axis=1).mean())
    assert one.energy == pytest.approx((scored**2).sum(axis=1).mean())
    assert one.peak == pytest.approx(np.abs(scored).max())


def test_a_pulse_of_five_sub_steps_is_paid_for_and_timed_as_such() -> None:
    test = small(pulse=biphasic(), transient_steps=2000, n_neurons=200)
    assert (test.step_time, test.cycle_steps, test.window_steps) == (1.0, 32, 50)
    assert (test.neuron_steps, test.neuron_every) == (200, 5)
    recording = protocol.run(Tonic(amplitude=0.25, window=5), test)
    assert recording.free_neurons.shape[0] == 40
    for one in scoring.score(recording):
        assert one.charge == pytest.approx(2 * 0.25)
        assert one.net_charge == 0
        assert one.energy == pytest.approx(1.5 * 0.25**2)
        assert one.peak == 0.25
        assert one.pulses_per_period == pytest.approx(162 / 5)
        assert 31.0 < one.period < 34.0
    assert not recording.delivered[:1000].any()


def test_a_pulse_acts_as_its_kicks_in_single_steps() -> None:
    """Half the kick before each of two sub-steps is a law that acts on every second step."""
    both = protocol.run(Tonic(amplitude=0.02, window=2), small(pulse=rectangular(2)))
    single = protocol.run(
        Tonic(amplitude=0.01, window=2),
        small(free_steps=2000, controlled_steps=4000, recovery_steps=1000),
    )
    np.testing.assert_allclose(both.mean_x, single.mean_x[1::2], atol=1e-9)
    one_by_one = single.mean_x.reshape(both.sub_step_x.shape)
    np.testing.assert_allclose(both.sub_step_x, one_by_one, atol=1e-9)
    for pulsed, plain in zip(scoring.score(both), scoring.score(single), strict=True):
        assert pulsed.s_ratio == pytest.approx(plain.s_ratio, rel=1e-9)
        assert pulsed.std_controlled == pytest.approx(plain.std_controlled, rel=1e-9)


def test_the_window_must_hold_the_pulse_that_is_scored() -> None:
    with pytest.raises(ValueError, match=r"window of at least the pulse's 5 sub-steps .* window=4"):
        protocol.run(Tonic(window=4), small(pulse=biphasic()))


def test_what_the_rules_hold_back_is_not_paid_for() -> None:
    test = small(delivery=Delivery(skip=4))
    recording = protocol.run(Tonic(amplitude=0.05), test)
    given = np.flatnonzero(recording.kicks[:, 0])
    # counting begins with the episode, where silence takes its turns as well
    np.testing.assert_array_equal(given, np.arange(1000, 3000, 5))
    assert scoring.score(recording)[0].charge == pytest.approx(0.05 / 5)


def test_levels_are_the_only_kicks() -> None:
    test = small(levels=(-0.05, -0.01, 0.0, 0.01, 0.05))
    recording = protocol.run(LinearFeedback(gain=-0.1, window=WINDOW), test)
    assert set(np.unique(recording.kicks)) == {-0.05, -0.01, 0.0, 0.01, 0.05}
    free = protocol.run(LinearFeedback(gain=-0.1, window=WINDOW), SMALL)
    np.testing.assert_array_equal(recording.mean_x[:1000], free.mean_x[:1000])


def test_kicks_are_clipped_to_what_the_environment_admits() -> None:
    recording = protocol.run(Tonic(amplitude=0.5), small(max_kick=0.1))
    assert recording.kicks.max() == pytest.approx(0.1)


def test_lost_and_random_kicks_are_paid_for_as_they_are_delivered() -> None:
    lossy = protocol.run(Tonic(amplitude=0.05), small(disturbances=(PulseLoss(0.5),)))
    under_control = lossy.kicks[1000:3000, 0]
    assert np.unique(under_control) == pytest.approx([0.0, 0.05])
    part = (under_control > 0).mean()
    assert part == pytest.approx(0.5, abs=4 * math.sqrt(0.25 / 2000))
    scored = lossy.kicks[2000:3000, 0]
    assert scoring.score(lossy)[0].charge == pytest.approx(scored.mean())
    noisy = protocol.run(NoControl(), small(disturbances=(ActionNoise(0.05),)))
    assert noisy.kicks.std() == pytest.approx(0.05, rel=0.05)


def test_the_controller_hears_noise_and_the_score_does_not() -> None:
    spy = Spy()
    recording = protocol.run(spy, small(disturbances=(ObservationNoise(0.5),)))
    heard = np.array([asked.reshape(2, 3, 4)[:, 2, -1] for asked, _, _ in spy.asked])
    noise = heard[1:] - recording.mean_x[1000:2999]
    assert noise.std() == pytest.approx(0.5, rel=0.1)
    before = recording.mean_x[1:1000] - recording.mean_x[:999]
    assert np.abs(before).max() < 0.2  # the field itself is smooth


def test_ensembles_of_various_sizes_are_scored_on_the_neurons_they_have() -> None:
    """Arrays are as wide as the largest; what is beyond an ensemble's end would look frozen."""
    test = small(n_neurons=200, variety=Variety(n_neurons=(10, 60)), transient_steps=1500)
    recording = protocol.run(LinearFeedback(window=WINDOW), test)
    assert recording.controlled_neurons.shape[3] == 200
    assert len(set(recording.sizes.tolist())) == 2
    assert recording.sizes.max() <= 60
    assert recording.shown_x.shape[1] == min(50, recording.sizes[0])
    for one, size in zip(scoring.score(recording), recording.sizes, strict=True):
        assert one.active_fraction > 0.9
        assert not one.quenched
        assert one.floor_ratio == pytest.approx(one.std_controlled / (1.3 / math.sqrt(size)))
    same = protocol.run(LinearFeedback(window=WINDOW), test)
    np.testing.assert_array_equal(same.mean_x, recording.mean_x)


GRID = Protocol.on(
    "KuramotoGrid",
    model={"grid": [3, 3, 3]},
    ensembles=(1, 2),
    free_steps=936,
    controlled_steps=1872,
    recovery_steps=234,
)


def test_phase_oscillators_are_seen_as_cosine_and_sine() -> None:
    assert GRID.n_neurons == 27
    assert (GRID.window_steps, GRID.neuron_steps, GRID.neuron_every) == (234, 936, 5)
    recording = protocol.run(LinearFeedback(gain=-0.2, window=234), GRID)
    x, y = recording.free_neurons[:, 0].transpose(1, 0, 2)
    np.testing.assert_allclose(x**2 + y**2, 1, atol=1e-6)
    np.testing.assert_allclose(x.mean(axis=1), recording.mean_x[0:936:5, 0], atol=1e-6)
    np.testing.assert_allclose(y.mean(axis=1), recording.mean_y[0:936:5, 0], atol=1e-6)
    (one, _) = scoring.score(recording)
    modulus = np.abs((recording.mean_x + 1j * recording.mean_y)[0:936:5, 0]).mean()
    assert one.order_free == pytest.approx(modulus, abs=1e-6)
    assert one.active_fraction == 1.0
    assert math.isnan(one.floor_ratio)
    assert one.s_ratio > 2
    assert one.period == pytest.approx(2 * math.pi / 1.07, rel=0.1)


def test_a_phase_that_stands_still_is_not_active() -> None:
    recording = protocol.run(NoControl(), GRID)
    frozen = np.repeat(recording.controlled_neurons[:1], len(recording.controlled_neurons), axis=0)
    (one, _) = scoring.score(dataclasses.replace(recording, controlled_neurons=frozen))
    assert one.quenched
    assert one.active_fraction == 0.0


def test_bursting_neurons_are_judged_over_bursts() -> None:
    test = Protocol.on("HindmarshRose", n_neurons=20, ensembles=(1,))
    assert (test.window_steps, test.cycle_steps, test.max_kick) == (1531, 1531, 0.5)
    assert (test.free_steps, test.controlled_steps, test.recovery_steps) == (30_620, 61_240, 30_620)
    test = dataclasses.replace(
        test, free_steps=6124, controlled_steps=12_248, recovery_steps=1531, transient_steps=3000
    )
    recording = protocol.run(LinearFeedback(gain=-0.4, window=1531), test)
    assert recording.free_neurons.shape == (205, 1, 3, 20)
    (one,) = scoring.score(recording)
    assert one.active_fraction == 1.0
    assert one.floor_ratio == pytest.approx(one.std_controlled / (0.53 / math.sqrt(20)))
    assert 0.3 < one.std_free < 0.5
    calmed = recording.mean_x.copy()
    calmed[9000:18_372] *= 0.05  # so few neurons do not settle by themselves
    (one,) = scoring.score(dataclasses.replace(recording, sub_step_x=calmed[:, None]))
    x, begun = calmed[6124:18_372, 0], int(one.settling_step)
    assert x[begun : begun + 1531].std() < 0.1 * one.std_free
    assert x[begun - 1 : begun + 1530].std() >= 0.1 * one.std_free


@pytest.mark.parametrize(
    ("name", "difficulty"),
    [
        *((name, "published") for name in ENVIRONMENTS if "HindmarshRose" not in name),
        ("rldbs/BvdP-v0", "varied"),
        ("rldbs/BvdPChargeBalanced-v0", "clinical"),
        ("rldbs/HindmarshRose-v0", "clinical"),
        ("rldbs/KuramotoGrid-v0", "clinical"),
    ],
)
def test_every_environment_of_the_catalogue_can_be_tested(name: str, difficulty: str) -> None:
    test = Protocol.on(name, difficulty, ensembles=(3,))
    window = test.window_steps
    test = dataclasses.replace(
        test,
        free_steps=4 * window,
        controlled_steps=8 * window,
        recovery_steps=window,
        transient_steps=0,
        prelude_steps=50,
        **({} if isinstance(test.model, KuramotoGrid) else {"n_neurons": 20}),
        **({"variety": Variety()} if difficulty != "published" else {}),
    )
    recording = protocol.run(LinearFeedback(gain=-0.05, window=window), test)
    assert not recording.diverged.any()
    assert recording.kicks[test.free_steps : test.free_steps + test.controlled_steps].any()
    (one,) = scoring.score(recording)
    assert one.std_controlled > 0


def test_an_environment_is_named_in_full_or_in_short() -> None:
    assert Protocol.on("rldbs/BvdP-v0") == Protocol.on("BvdP") == Protocol()
    discrete = Protocol.on("BvdPDiscrete")
    assert discrete.levels is not None
    assert len(discrete.levels) == 21
    assert Protocol.on("BvdPChargeBalanced").pulse == biphasic()
    balanced = Protocol.on("BvdPChargeBalanced")
    phases = (balanced.free_steps, balanced.controlled_steps, balanced.recovery_steps)
    assert phases == (1000, 2000, 1000)
    clinical = Protocol.on("BvdP", "clinical", n_neurons=300)
    assert len(clinical.disturbances) == 7
    assert clinical.variety.n_neurons == (30, 300)


def test_numbers_of_the_model_and_of_the_test_replace_the_environments() -> None:
    test = Protocol.on(
        "HindmarshRose", model={"coupling": 0.3}, n_neurons=10, free_steps=7000, seed=4
    )
    assert test.model == HindmarshRose(coupling=0.3)
    assert (test.n_neurons, test.free_steps, test.seed) == (10, 7000, 4)
    assert test.reward == ENVIRONMENTS["rldbs/HindmarshRose-v0"].settings["reward"]
    clinical = Protocol.on("BvdP", "clinical", model={"coupling": 0.05})
    assert ("coupling", 0.05, 3 * 0.05) in clinical.variety.ranges
    grid = Protocol.on("KuramotoGrid", model={"grid": (2, 3, 4)})
    assert grid.n_neurons == 24


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"environment": "BvdQ"}, "environment must be one of rldbs/BvdP-v0, .*, got 'BvdQ'"),
        ({"environment": "BvdP", "difficulty": "har"}, "difficulty must be one of published, "),
        (
            {"environment": "BvdP", "model": {"delay": 1}},
            "bvdp takes coupling, spread, mean_current, dt, .*, got 'delay'",
        ),
        (
            {"environment": "HindmarshRose", "model": {"frequency_spread": 1}},
            "hindmarsh_rose takes .*, got 'frequency_spread'",
        ),
        ({"environment": "BvdP", "model": {"coupling": "few"}}, "bvdp cannot have {'coupling': "),
        ({"environment": "BvdP", "model": {"dt": 0.9}}, r"dt must be in \(0, 0.5\]"),
    ],
)
def test_what_is_not_in_the_catalogue_is_refused(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Protocol.on(**arguments)


# Bad input


def test_levels_without_silence_are_refused() -> None:
    wanted = re.escape("levels must hold 0, which is given in the free phases, got (-0.1, 0.1)")
    with pytest.raises(ValueError, match=wanted):
        Protocol(levels=(-0.1, 0.1))


def test_a_controller_for_another_number_of_electrodes_is_refused() -> None:
    with pytest.raises(ValueError, match=r"a controller must give kicks of shape \(2, 2\)"):
        protocol.run(Spy(), small(model=BonhoefferVanDerPol(populations=2)))


def test_the_default_is_twenty_ensembles() -> None:
    assert list(Protocol().ensembles) == list(range(1000, 1020))
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
        ({"n_neurons": 0}, "n_neurons must be a whole number of at least 1, got 0"),
        ({"transient_steps": -1}, "transient_steps must be a whole number of at least 0, got -1"),
        ({"threads": 0}, "threads must be a whole number of at least 1, got 0"),
    ],
)
def test_impossible_tests_are_refused(changes: dict[str, Any], wanted: str) -> None:
    with pytest.raises(ValueError, match=wanted):
        protocol.run(NoControl(), dataclasses.replace(SMALL, **changes))


def test_kicks_beyond_the_environments_are_refused() -> None:
    with pytest.raises(ValueError, match=r"max_kick must be in \(0, 2.0\], got 3.0"):
        protocol.run(Tonic(amplitude=2.5, max_kick=3.0), SMALL)
