"""The rules of delivery against a slow oracle that keeps lists and follows one environment."""

import itertools
import math
import pickle

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from rldbs_env.delivery import Deliverer, Delivery
from rldbs_env.pulses import Pulse, asymmetric, biphasic, delta, rectangular

Floats = NDArray[np.float64]
WITHIN = 1e-11


class Oracle:
    """One environment, told step by step: lists, plain Python and exact sums."""

    def __init__(self, delivery: Delivery, pulse: Pulse, period_steps: int) -> None:
        self.rules = delivery
        self.weights = pulse.weights
        self.period = math.ceil(period_steps / len(pulse.weights))
        self.delivered: list[list[float]] = []

    def charge(self, kicks: list[float]) -> float:
        return math.fsum(abs(w * a) for w in self.weights for a in kicks)

    def energy(self, kicks: list[float]) -> float:
        return math.fsum((w * a) ** 2 for w in self.weights for a in kicks)

    def counts(self, step: int) -> bool:
        """Whether an action counts at this step, no pulse coming after those so far."""
        rest = self.rules.refractory_steps
        last = [i for i, kicks in enumerate(self.delivered) if any(kicks)][-1:]
        resting = bool(last) and step <= last[0] + rest
        return step % (self.rules.skip + 1) == 0 and step % self.rules.repeat == 0 and not resting

    def countdown(self) -> int:
        step = len(self.delivered)
        return next(n for n in itertools.count() if self.counts(step + n))

    def deliver(self, action: list[float]) -> list[float]:
        step = len(self.delivered)
        if self.counts(step):
            self.held = action
        kicks = [0.0 for _ in action]
        if self.counts(step) or self.rules.repeat > 1:
            kicks = self.held
        limit, budget = self.rules.max_charge_per_period, self.rules.energy_budget
        if limit is not None:
            before = self.delivered[max(0, step - self.period + 1) :]
            left = limit - math.fsum(self.charge(one) for one in before)
            kicks = self.scaled(kicks, self.charge(kicks), left, 1e-12 * limit, 1.0)
        if budget is not None:
            left = budget - math.fsum(self.energy(one) for one in self.delivered)
            kicks = self.scaled(kicks, self.energy(kicks), left, 1e-12 * budget, 0.5)
        self.delivered.append(kicks)
        return kicks

    @staticmethod
    def scaled(
        kicks: list[float], asked: float, left: float, rounding: float, power: float
    ) -> list[float]:
        if asked <= left + rounding:
            return kicks
        if left <= rounding:
            return [0.0 for _ in kicks]
        return [(left / asked) ** power * kick for kick in kicks]


PULSES = st.sampled_from(
    [delta(), rectangular(3), biphasic(), biphasic(3, 1, 2, 7), asymmetric(1, 1, 2.0, 9)]
)
LIMITS = st.none() | st.sampled_from([0.3, 1.0, 2.5]) | st.floats(0.01, 20)


@st.composite
def deliveries(draw: st.DrawFn) -> Delivery:
    timing: dict[str, int] = draw(
        st.fixed_dictionaries({"skip": st.integers(0, 6), "refractory_steps": st.integers(0, 8)})
        | st.fixed_dictionaries({"repeat": st.integers(1, 7)})
    )
    return Delivery(**timing, max_charge_per_period=draw(LIMITS), energy_budget=draw(LIMITS))


def actions(n_envs: int, n_electrodes: int) -> st.SearchStrategy[Floats]:
    """Sequences (steps, envs, electrodes) with many zeros, extremes and equal values."""
    elements = st.sampled_from([0.0, 0.0, 1.0, -1.0, 0.1, -0.25]) | st.floats(-1, 1).filter(
        lambda value: value == 0 or abs(value) > 1e-6
    )
    shape = st.integers(1, 40).map(lambda n: (n, n_envs, n_electrodes))
    return shape.flatmap(lambda s: hnp.arrays(np.float64, s, elements=elements))


SIZES = st.tuples(st.integers(1, 4), st.sampled_from([1, 2, 3, 12]))


def run(deliverer: Deliverer, asked: Floats) -> Floats:
    return np.array([deliverer.deliver(one) for one in asked])


# Against the oracle


@given(deliveries(), PULSES, st.integers(9, 60), SIZES.flatmap(lambda s: actions(*s)))
def test_kicks_and_countdown_are_those_of_the_oracle(
    delivery: Delivery, pulse: Pulse, period_steps: int, asked: Floats
) -> None:
    _, n_envs, n_electrodes = asked.shape
    deliverer = Deliverer(delivery, n_envs, n_electrodes, pulse, period_steps)
    oracles = [Oracle(delivery, pulse, period_steps) for _ in range(n_envs)]
    for one in asked:
        np.testing.assert_array_equal(deliverer.countdown, [o.countdown() for o in oracles])
        expected = [o.deliver(action) for o, action in zip(oracles, one.tolist(), strict=True)]
        np.testing.assert_allclose(deliverer.deliver(one), expected, rtol=1e-9, atol=1e-10)


@given(deliveries(), PULSES, st.integers(9, 60), SIZES.flatmap(lambda s: actions(*s)), st.data())
def test_a_batch_is_its_environments_bit_by_bit_and_resets_one_at_a_time(
    delivery: Delivery, pulse: Pulse, period_steps: int, asked: Floats, data: st.DataObject
) -> None:
    n_steps, n_envs, n_electrodes = asked.shape
    resets = data.draw(hnp.arrays(np.bool_, (n_steps, n_envs), elements=st.booleans(), fill=None))
    together = Deliverer(delivery, n_envs, n_electrodes, pulse, period_steps)
    singles = [Deliverer(delivery, 1, n_electrodes, pulse, period_steps) for _ in range(n_envs)]
    for step in range(n_steps):
        kicks = together.deliver(asked[step])
        for e, single in enumerate(singles):
            np.testing.assert_array_equal(kicks[e : e + 1], single.deliver(asked[step, e : e + 1]))
        together.reset(np.flatnonzero(resets[step]))
        for e in np.flatnonzero(resets[step]).tolist():
            singles[e] = Deliverer(delivery, 1, n_electrodes, pulse, period_steps)
    for name, array in together.get_state().items():
        alone = np.concatenate([single.get_state()[name] for single in singles])
        np.testing.assert_array_equal(array, alone, err_msg=name)


@given(
    deliveries(),
    PULSES,
    st.integers(9, 60),
    SIZES.flatmap(lambda s: actions(*s)),
    st.integers(0, 40),
)
def test_a_restored_state_continues_bit_by_bit(
    delivery: Delivery, pulse: Pulse, period_steps: int, asked: Floats, kept: int
) -> None:
    _, n_envs, n_electrodes = asked.shape

    def new() -> Deliverer:
        return Deliverer(delivery, n_envs, n_electrodes, pulse, period_steps)

    first, other = new(), new()
    run(first, asked[:kept])
    state = pickle.loads(pickle.dumps(first.get_state()))
    run(other, asked[::-1])  # a past of its own
    other.set_state(state)
    np.testing.assert_array_equal(other.countdown, first.countdown)
    expected = run(first, asked[kept:])
    np.testing.assert_array_equal(run(other, asked[kept:]), expected)
    other.set_state(state)  # the state was not changed by running on
    np.testing.assert_array_equal(run(other, asked[kept:]), expected)


# What the rules promise


@given(deliveries(), PULSES, st.integers(9, 60), SIZES.flatmap(lambda s: actions(*s)))
def test_limits_are_kept_and_balance_and_directions_survive(
    delivery: Delivery, pulse: Pulse, period_steps: int, asked: Floats
) -> None:
    _, n_envs, n_electrodes = asked.shape
    kicks = run(Deliverer(delivery, n_envs, n_electrodes, pulse, period_steps), asked)
    sub_steps = np.einsum("tea,j->eatj", kicks, pulse.weights)
    if delivery.max_charge_per_period is not None:
        charge = np.abs(sub_steps).sum(axis=(1, 3))
        period = math.ceil(period_steps / len(pulse.weights))
        for begin in range(len(kicks)):
            window = charge[:, begin : begin + period].sum(axis=1)
            assert (window <= delivery.max_charge_per_period * (1 + WITHIN)).all()
    if delivery.energy_budget is not None:
        energy = (sub_steps**2).sum(axis=(1, 2, 3))
        assert (energy <= delivery.energy_budget * (1 + WITHIN)).all()
    if pulse.balanced:
        assert np.abs(sub_steps.sum(axis=3)).max() < 1e-12
    if delivery.repeat == 1:
        assert (np.abs(kicks) <= np.abs(asked)).all()
        assert (kicks * asked >= 0).all()
        # One factor for all electrodes: the direction in their space stays.
        size = np.abs(kicks).sum(axis=2, keepdims=True)
        full = np.abs(asked).sum(axis=2, keepdims=True)
        np.testing.assert_allclose(kicks * full, asked * size, rtol=1e-12, atol=1e-15)


@given(st.integers(1, 9), SIZES.flatmap(lambda s: actions(*s)))
def test_pulses_keep_their_distance(refractory: int, asked: Floats) -> None:
    _, n_envs, n_electrodes = asked.shape
    kicks = run(
        Deliverer(Delivery(refractory_steps=refractory), n_envs, n_electrodes, delta(), 30), asked
    )
    for e in range(n_envs):
        pulses = np.flatnonzero(kicks[:, e].any(axis=1))
        assert (np.diff(pulses) > refractory).all()
        wanted = np.flatnonzero(asked[:, e].any(axis=1))
        assert pulses[:1].tolist() == wanted[:1].tolist()


def sequence(delivery: Delivery, asked: list[float], pulse: Pulse | None = None) -> list[float]:
    deliverer = Deliverer(delivery, 1, 1, pulse or delta(), 20)
    return run(deliverer, np.array(asked).reshape(-1, 1, 1)).reshape(-1).tolist()


def test_rules_by_hand() -> None:
    asked = [0.0, 0.5, 0.25, 1.0, -1.0, 0.5, 0.25, 0.75]
    assert sequence(Delivery(refractory_steps=2), asked) == [0, 0.5, 0, 0, -1, 0, 0, 0.75]
    assert sequence(Delivery(skip=2), asked) == [0, 0, 0, 1, 0, 0, 0.25, 0]
    assert sequence(Delivery(skip=2, refractory_steps=4), asked) == [0, 0, 0, 1, 0, 0, 0, 0]
    assert sequence(Delivery(repeat=3), asked) == [0, 0, 0, 1, 1, 1, 0.25, 0.25]
    assert sequence(Delivery(max_charge_per_period=2.0), asked) == [
        0, 0.5, 0.25, 1, -0.25, 0, 0, 0,
    ]  # fmt: skip
    assert sequence(Delivery(energy_budget=1.5625), asked) == [0, 0.5, 0.25, 1, -0.5, 0, 0, 0]


def test_the_charge_of_a_biphasic_pulse_is_twice_its_action() -> None:
    """A period of 20 sub-steps holds four pulses of five."""
    delivery = Delivery(max_charge_per_period=4.0)
    assert sequence(delivery, [1.0] * 7, biphasic()) == [1, 1, 0, 0, 1, 1, 0]
    assert sequence(Delivery(energy_budget=2.25), [1.0, 1.0, 1.0], biphasic()) == pytest.approx(
        [1, math.sqrt(0.5), 0]
    )


def test_a_period_that_is_no_whole_number_of_pulses_is_rounded_up() -> None:
    deliverer = Deliverer(Delivery(max_charge_per_period=1.0), 1, 1, rectangular(3), 7)
    kicks = run(deliverer, np.ones((7, 1, 1)))
    assert kicks.reshape(-1) == pytest.approx([1, 0, 0, 1, 0, 0, 1])


def test_what_fits_exactly_is_delivered_whole() -> None:
    """Ten times 0.1 is one, whatever rounding says, and leaves nothing for an eleventh."""
    delivery = Delivery(max_charge_per_period=1.0, energy_budget=0.1, refractory_steps=0)
    assert sequence(delivery, [0.1] * 12) == [0.1] * 10 + [0, 0]


def test_a_pulse_that_nothing_is_left_of_causes_no_rest() -> None:
    delivery = Delivery(max_charge_per_period=1.0, refractory_steps=3)
    deliverer = Deliverer(delivery, 1, 1, delta(), 8)
    kicks = run(deliverer, np.ones((10, 1, 1))).reshape(-1)
    assert kicks.tolist() == [1, 0, 0, 0, 0, 0, 0, 0, 1, 0]
    assert deliverer.countdown.tolist() == [2]


def test_electrodes_share_rest_charge_and_energy() -> None:
    one_of_two = np.array([[[1.0, 0.0]], [[0.0, 1.0]], [[0.5, -0.5]]])
    rest = run(Deliverer(Delivery(refractory_steps=1), 1, 2, delta(), 9), one_of_two)
    np.testing.assert_array_equal(rest[:, 0], [[1, 0], [0, 0], [0.5, -0.5]])
    charge = run(Deliverer(Delivery(max_charge_per_period=1.5), 1, 2, delta(), 9), one_of_two)
    np.testing.assert_array_equal(charge[:, 0], [[1, 0], [0, 0.5], [0, 0]])
    energy = run(Deliverer(Delivery(energy_budget=2.125), 1, 2, delta(), 9), one_of_two)
    np.testing.assert_allclose(energy[:, 0], [[1.0, 0.0], [0.0, 1.0], [0.25, -0.25]])


@pytest.mark.parametrize("limit", [1.7, 1000.0])
def test_the_running_sum_does_not_drift(limit: float) -> None:
    """It is summed afresh once a period of 13 steps; the lower limit binds, the other never."""
    deliverer = Deliverer(Delivery(max_charge_per_period=limit), 3, 1, delta(), 13)
    asked = np.random.default_rng(0).uniform(-1, 1, (2600, 3, 1))
    charge = np.abs(run(deliverer, asked))[:, :, 0]
    windows = np.lib.stride_tricks.sliding_window_view(charge, 13, axis=0).sum(axis=2)
    assert windows.max() <= limit * (1 + WITHIN)
    assert (windows[-100:].max() == pytest.approx(limit, rel=1e-12)) == (limit < 2)
    state = deliverer.get_state()
    np.testing.assert_array_equal(state["charges"], charge[-13:].T)
    np.testing.assert_array_equal(state["charged"], state["charges"].sum(axis=1))


# Without rules


def test_without_rules_everything_is_delivered() -> None:
    deliverer = Deliverer(Delivery(), 2, 3, delta(), 5)
    assert not deliverer.active
    asked = np.arange(6.0).reshape(2, 3)
    kicks = deliverer.deliver(asked)
    np.testing.assert_array_equal(kicks, asked)
    assert not np.shares_memory(kicks, asked)
    np.testing.assert_array_equal(deliverer.countdown, [0, 0])


@pytest.mark.parametrize(
    "delivery",
    [
        Delivery(refractory_steps=1),
        Delivery(skip=1),
        Delivery(repeat=2),
        Delivery(max_charge_per_period=1.0),
        Delivery(energy_budget=1.0),
    ],
)
def test_any_rule_is_at_work_and_leaves_the_callers_array_alone(delivery: Delivery) -> None:
    deliverer = Deliverer(delivery, 1, 1, delta(), 5)
    assert deliverer.active
    asked = np.ones((1, 1), np.float32)
    for _ in range(3):
        kicks = deliverer.deliver(asked)
        assert kicks.dtype == np.float64
        kicks[:] = 7.0  # what the caller does with the result does not come back
    assert asked[0, 0] == 1.0
    assert np.abs(deliverer.deliver(asked)).max() <= 1.0


@given(deliveries())
def test_deliveries_are_values(delivery: Delivery) -> None:
    again = pickle.loads(pickle.dumps(delivery))
    assert again == delivery
    assert hash(again) == hash(delivery)


@given(deliveries(), deliveries())
def test_a_state_of_other_rules_is_refused(one: Delivery, other: Delivery) -> None:
    assume(one != other)
    state = Deliverer(one, 1, 1, delta(), 5).get_state()
    with pytest.raises(ValueError, match=r"same settings are needed|got one of other rules"):
        Deliverer(other, 1, 1, delta(), 5).set_state(state)
