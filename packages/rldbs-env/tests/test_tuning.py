"""The scan of linear feedback: what it measures, what it chooses, what it refuses."""

import math
import re
from dataclasses import dataclass
from typing import Any

import gymnasium
import numpy as np
import pytest
from numpy.typing import NDArray

from rldbs_env import tuning
from rldbs_env.controllers import LinearFeedback, LinearXYFeedback
from rldbs_env.delivery import Delivery
from rldbs_env.environment import DBSEnv
from rldbs_env.models import BonhoefferVanDerPol, HindmarshRose
from rldbs_env.reward import QuadraticReward
from rldbs_env.tuning import GAINS, Trial, Tuned, tune_linear
from rldbs_env.vector import DBSVectorEnv

Array = NDArray[Any]
FEW = 200  # neurons


def tune(**arguments: Any) -> Tuned:
    """A small scan of 200 neurons, ten cycles long."""
    env = arguments.pop("env", None) or DBSVectorEnv(1, n_neurons=FEW)
    small = {"gains_x": (-0.02, 0.02), "gains_y": (0.0,), "ensembles": (2000, 2001)}
    return tune_linear(env, **{**small, "controlled_steps": 1620, "refine": False, **arguments})


def by_gains(tuned: Tuned) -> dict[tuple[float, float], Trial]:
    return {(trial.gain_x, trial.gain_y): trial for trial in tuned.trials}


def control(controller: Any, ensemble: int, n_steps: int) -> Any:
    """X, kicks and rewards of the second half of control by a controller, one environment."""
    env = DBSEnv(
        n_neurons=FEW,
        signals=controller.signals,
        window=controller.window,
        ensemble=(ensemble,),
        episode_steps=None,
    )
    observation, _ = env.reset(seed=0)
    memory, record = None, []
    for _ in range(n_steps):
        kick, memory = controller.predict(observation, memory)
        observation, reward, _, _, info = env.step(kick)
        record.append((info["mean_x"], kick[0], reward))
    return np.array(record)[n_steps // 2 :].T


# What a trial says


def test_a_trial_is_what_the_controller_does_alone() -> None:
    tuned = tune(gains_x=(-0.02, -0.05), gains_y=(0.01,), ensembles=(2001,))
    for (gain_x, gain_y), trial in by_gains(tuned).items():
        law = LinearXYFeedback(gain_x=gain_x, gain_y=gain_y)
        mean_x, kicks, rewards = control(law, 2001, 1620)
        assert trial.residual_std == pytest.approx(mean_x.std(), rel=1e-12)
        assert trial.charge == pytest.approx(np.abs(kicks).mean(), rel=1e-6)
        assert trial.reward == pytest.approx(rewards.mean(), rel=1e-12)
        assert trial.cost == pytest.approx(mean_x.var() + 2 * trial.charge, rel=1e-12)


def test_trials_are_means_over_ensembles_and_do_not_depend_on_their_neighbours() -> None:
    together = by_gains(tune(gains_y=(0.0, 0.01)))
    assert len(together) == 4
    alone = [
        by_gains(tune(gains_x=(0.02,), gains_y=(0.01,), ensembles=(seed,)))[0.02, 0.01]
        for seed in (2000, 2001)
    ]
    for name in ("residual_std", "charge", "reward", "cost"):
        mean = np.mean([getattr(trial, name) for trial in alone])
        assert getattr(together[0.02, 0.01], name) == pytest.approx(mean, rel=1e-12)


def test_threads_and_an_environment_that_has_been_used_change_nothing() -> None:
    used = DBSVectorEnv(3, n_neurons=FEW, signals=("action",), ensemble="fixed")
    used.reset(seed=4)
    used.step(np.full(3, 0.5))
    before = used.neurons
    assert tune(env=used, threads=2) == tune()
    np.testing.assert_array_equal(used.neurons, before)


def test_charge_is_what_all_kicks_of_all_delivered_pulses_sum_to() -> None:
    """Where the reward is minus the charge, both must agree; here two pulses of three rest."""
    env = DBSVectorEnv(
        1,
        n_neurons=FEW,
        pulse=(1.0, -0.5, -0.5, 0.0, 0.0),
        delivery=Delivery(skip=2),
        reward=QuadraticReward(weight=0.0, penalty=1.0),
    )
    for trial in tune(env=env, gains_y=(-1.0, 0.0), controlled_steps=324).trials:
        assert trial.charge == pytest.approx(-trial.reward, rel=1e-12)
        assert trial.charge > 0


def test_the_price_of_charge_is_the_callers() -> None:
    """A dear charge favours doing nothing."""
    tuned = tune(gains_x=(-0.02, 0.0), charge_weight=1e6)
    assert (tuned.gain_x, tuned.gain_y) == (0.0, 0.0)
    trials = by_gains(tuned)
    assert trials[0.0, 0.0].charge == 0.0
    assert trials[0.0, 0.0].cost == pytest.approx(trials[0.0, 0.0].residual_std ** 2, rel=0.02)
    free = tune(gains_x=(-0.02, 0.0), charge_weight=0.0)
    assert free.gain_x == -0.02


# What it chooses


def test_the_sign_that_damps_is_found() -> None:
    tuned = tune()
    assert (tuned.gain_x, tuned.gain_y) == (-0.02, 0.0)
    best, other = tuned.trials
    assert best.residual_std < 0.1
    assert other.residual_std > 1.2
    assert best.cost < other.cost
    assert tuned.coarse == ()


def test_the_scan_of_both_signs_and_decades_finds_feedback_that_works_elsewhere() -> None:
    """121 pairs, then 25 around the best, tested on an ensemble of none of the scans."""
    tuned = tune(gains_x=GAINS, gains_y=GAINS, ensembles=(2000,), refine=True)
    assert (len(tuned.coarse), len(tuned.trials)) == (121, 25)
    costs = [trial.cost for trial in tuned.trials]
    assert costs == sorted(costs)
    assert (tuned.trials[0].gain_x, tuned.trials[0].gain_y) == (tuned.gain_x, tuned.gain_y)
    assert -0.1 < tuned.gain_x < -0.01
    assert tuned.coarse[0].gain_x in {trial.gain_x for trial in tuned.trials}
    mean_x, kicks, _ = control(
        LinearXYFeedback(gain_x=tuned.gain_x, gain_y=tuned.gain_y), 2100, 4000
    )
    assert mean_x.std() < 0.08
    assert np.abs(kicks).mean() < 2e-3


def test_the_default_gains_of_the_law_are_the_tuned_ones() -> None:
    """The deciding scan of ``tune_linear(DBSVectorEnv())``, begun at its own coarse optimum."""
    tuned = tune_linear(DBSVectorEnv(1), gains_x=(-0.03,), gains_y=(0.03,), threads=2)
    default = by_gains(tuned)[LinearXYFeedback().gain_x, LinearXYFeedback().gain_y]
    assert default.cost < 1.1 * tuned.trials[0].cost
    assert default.residual_std == pytest.approx(0.0202, rel=0.15)
    assert default.charge == pytest.approx(3.3e-4, rel=0.15)
    assert len(tuned.coarse) == 1


def test_tuned_feedback_pays_on_ensembles_that_it_was_not_tuned_on() -> None:
    """Means of ten: reward -1.08e-3 against -1.15e-3, residual 0.0206 against 0.0213.

    It settles later, in 880 steps against 310, and serves this coupling only.
    """
    x_law, xy_law = LinearFeedback(), LinearXYFeedback()
    trials = by_gains(
        tune_linear(
            DBSVectorEnv(1),
            gains_x=(x_law.gain, xy_law.gain_x),
            gains_y=(0.0, xy_law.gain_y),
            ensembles=range(2100, 2110),
            controlled_steps=12_000,
            refine=False,
            threads=2,
        )
    )
    x_alone, both = trials[x_law.gain, 0.0], trials[xy_law.gain_x, xy_law.gain_y]
    assert both.reward > x_alone.reward > -0.0014
    assert both.residual_std == pytest.approx(0.0206, rel=0.15)
    assert both.charge == pytest.approx(3.3e-4, rel=0.15)


def test_around_a_gain_of_zero_both_signs_are_refined() -> None:
    tuned = tune(gains_x=(0.0,), gains_y=(-0.02, 0.0), refine=True, charge_weight=1e6)
    assert {trial.gain_x for trial in tuned.trials} == {0.0}
    assert {trial.gain_y for trial in tuned.trials} == {0.0, -0.01, -0.005, 0.005, 0.01}


def test_bursting_neurons_are_tuned_too() -> None:
    """Free std of X 0.38; the law on X alone, -0.4, asks for ten times this charge."""
    model = HindmarshRose()
    env = DBSVectorEnv(1, model=model, n_neurons=50, max_kick=0.4)
    tuned = tune_linear(
        env,
        gains_x=(0.0, 0.02),
        gains_y=(-0.01, 0.01),
        ensembles=(2000,),
        controlled_steps=8 * model.period_steps,
        refine=False,
    )
    assert tuned.gain_y == -0.01
    assert tuned.trials[0].residual_std < 0.15
    assert tuned.trials[0].charge < 0.005
    assert math.isfinite(tuned.trials[-1].cost)  # sparse spikes are no quenching


# Failures are never chosen


@dataclass(frozen=True)
class Tight(BonhoefferVanDerPol):
    """Free oscillations stay within these bounds, enhanced ones do not."""

    def limits(self, max_kick: float) -> tuple[float, float, float, float]:
        return -1.75, 1.55, -0.5, 1.6


def test_a_pair_that_diverges_is_not_chosen_however_cheap() -> None:
    env = DBSVectorEnv(1, model=Tight(), n_neurons=FEW)
    tuned = tune(env=env, gains_x=(0.1, 0.0), charge_weight=0.0)
    trials = by_gains(tuned)
    assert math.isinf(trials[0.1, 0.0].cost)
    assert (tuned.gain_x, tuned.gain_y) == (0.0, 0.0)


def test_a_pair_that_quenches_is_not_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Feedback about the window mean does not freeze neurons, so one of them is called frozen."""

    class Frozen(tuning._Activity):
        @property
        def std(self) -> Array:
            std = super().std.copy()
            if len(std) > 2:
                std[0, : FEW // 10 + 1] = 0.0  # of the first pair's first ensemble
            return std

    monkeypatch.setattr(tuning, "_Activity", Frozen)
    tuned = tune()
    assert (tuned.gain_x, tuned.gain_y) == (0.02, 0.0)
    assert math.isinf(by_gains(tuned)[-0.02, 0.0].cost)
    with pytest.raises(
        ValueError,
        match="gains_x and gains_y must hold a pair that leaves the neurons active, but all of 1",
    ):
        tune(gains_x=(-0.02,), ensembles=(2000, 2001, 2002))


# Environments and arguments


@pytest.mark.parametrize(
    "env",
    [
        DBSEnv(n_neurons=FEW),
        gymnasium.make("rldbs_env:rldbs/BvdP-v0", n_neurons=FEW),
        gymnasium.make_vec("rldbs_env:rldbs/BvdP-v0", 2, n_neurons=FEW),
    ],
)
def test_every_kind_of_environment_is_accepted(env: Any) -> None:
    assert tune(env=env, controlled_steps=648) == tune(controlled_steps=648)


def test_window_and_kick_limit_are_those_of_the_environment() -> None:
    other = DBSVectorEnv(1, n_neurons=FEW, window=162, max_kick=0.005)
    tuned = tune(env=other, ensembles=(2000,), controlled_steps=648)
    assert tuned != tune(ensembles=(2000,), controlled_steps=648)
    assert max(trial.charge for trial in tuned.trials) <= 0.005 * (1 + 1e-6)


@pytest.mark.parametrize(
    ("arguments", "wanted"),
    [
        ({"gains_x": ()}, "gains_x must hold at least one finite gain, got []"),
        (
            {"gains_y": (1, math.nan)},
            "gains_y must hold at least one finite gain, got [1.0, nan]",
        ),
        ({"ensembles": ()}, "ensembles must hold at least one seed, got none"),
        ({"charge_weight": -1.0}, "charge_weight must be finite and at least 0, got -1.0"),
        ({"charge_weight": math.inf}, "charge_weight must be finite and at least 0, got inf"),
        ({"controlled_steps": 647}, "controlled_steps must be at least 648 (four cycles, to see"),
    ],
)
def test_impossible_arguments_are_refused(arguments: dict[str, Any], wanted: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(wanted)}"):
        tune(**arguments)


def test_foreign_environments_are_refused() -> None:
    with pytest.raises(TypeError, match="env must be a DBSEnv or a DBSVectorEnv, got <"):
        tune(env=gymnasium.make("CartPole-v1"))


@pytest.mark.parametrize(
    "settings", [{"model": BonhoefferVanDerPol(populations=2)}, {"levels": (-0.1, 0.0, 0.1)}]
)
def test_several_electrodes_and_indices_of_kicks_are_refused(settings: dict[str, Any]) -> None:
    env = DBSVectorEnv(1, n_neurons=FEW, **settings)
    with pytest.raises(ValueError, match="env must have one electrode and kicks as actions, got"):
        tune(env=env)
