"""The three-phase test on other environments: electrodes, pulses, noise, sizes, models."""

import dataclasses
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from rldbs_env import BonhoefferVanDerPol, Delivery, HindmarshRose, KuramotoGrid, protocol, scoring
from rldbs_env.catalogue import ENVIRONMENTS
from rldbs_env.controllers import LinearFeedback, NoControl, Tonic
from rldbs_env.disturbances import ActionNoise, PulseLoss, Variety
from rldbs_env.protocol import Protocol, Recording
from rldbs_env.pulses import biphasic, rectangular

Small = Callable[..., Protocol]
WINDOW = 50


def test_several_electrodes_are_summed_and_sensors_averaged(small: Small) -> None:
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


def test_a_pulse_of_five_sub_steps_is_paid_for_and_timed_as_such(small: Small) -> None:
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


def test_a_pulse_acts_as_its_kicks_in_single_steps(small: Small) -> None:
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


def test_the_window_must_hold_the_pulse_that_is_scored(small: Small) -> None:
    with pytest.raises(ValueError, match=r"window of at least the pulse's 5 sub-steps .* window=4"):
        protocol.run(Tonic(window=4), small(pulse=biphasic()))


def test_what_the_rules_hold_back_is_not_paid_for(small: Small) -> None:
    test = small(delivery=Delivery(skip=4))
    recording = protocol.run(Tonic(amplitude=0.05), test)
    given = np.flatnonzero(recording.kicks[:, 0])
    # counting begins with the episode, where silence takes its turns as well
    np.testing.assert_array_equal(given, np.arange(1000, 3000, 5))
    assert scoring.score(recording)[0].charge == pytest.approx(0.05 / 5)


def test_levels_are_the_only_kicks(small: Small, recording: Recording) -> None:
    test = small(levels=(-0.05, -0.01, 0.0, 0.01, 0.05))
    chosen = protocol.run(LinearFeedback(gain=-0.1, window=WINDOW), test)
    assert set(np.unique(chosen.kicks)) == {-0.05, -0.01, 0.0, 0.01, 0.05}
    np.testing.assert_array_equal(chosen.mean_x[:1000], recording.mean_x[:1000])


def test_kicks_are_clipped_to_what_the_environment_admits(small: Small) -> None:
    recording = protocol.run(Tonic(amplitude=0.5), small(max_kick=0.1))
    assert recording.kicks.max() == pytest.approx(0.1)


def test_lost_and_random_kicks_are_paid_for_as_they_are_delivered(small: Small) -> None:
    lossy = protocol.run(Tonic(amplitude=0.05), small(disturbances=(PulseLoss(0.5),)))
    under_control = lossy.kicks[1000:3000, 0]
    assert np.unique(under_control) == pytest.approx([0.0, 0.05])
    part = (under_control > 0).mean()
    assert part == pytest.approx(0.5, abs=4 * math.sqrt(0.25 / 2000))
    scored = lossy.kicks[2000:3000, 0]
    assert scoring.score(lossy)[0].charge == pytest.approx(scored.mean())
    noisy = protocol.run(NoControl(), small(disturbances=(ActionNoise(0.05),)))
    assert noisy.kicks.std() == pytest.approx(0.05, rel=0.05)


def test_ensembles_of_various_sizes_are_scored_on_the_neurons_they_have(small: Small) -> None:
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
        ({"environment": "BvdP", "model": {"coupling": "few"}}, "coupling must be a finite number"),
        (
            {"environment": "KuramotoGrid", "model": {"coupling": "few"}},
            "kuramoto_grid cannot have {'coupling': ",
        ),
        ({"environment": "BvdP", "model": {"dt": 0.9}}, r"dt must be in \(0, 0.5\]"),
    ],
)
def test_what_is_not_in_the_catalogue_is_refused(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Protocol.on(**arguments)
