"""Searches, the sequential loop, regret and the environment, on a simulated person."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from gymnasium.utils.env_checker import check_env

from spinal_rnn.conditions import Conditions, parse_configuration
from spinal_rnn.control.candidates import evaluate, join
from spinal_rnn.control.environment import StimulationEnv
from spinal_rnn.control.limits import Limits
from spinal_rnn.control.model import EnsembleSurrogate
from spinal_rnn.control.objectives import Match, Selectivity
from spinal_rnn.control.regret import Setting, Truth, by_model, by_order, by_process
from spinal_rnn.control.search_space import bipolar, multipolar, single
from spinal_rnn.control.searches import evolution, exhaustive, gradient, random, search
from spinal_rnn.control.sequential import (
    Plan,
    SimulatedPerson,
    best_measured,
    correct,
    propose,
    run,
)
from spinal_rnn.control.surrogate import Doubt
from spinal_rnn.control.trial_table import Trials, read_trials
from spinal_rnn.lead import SPECIFY_565
from spinal_rnn.models.ensemble import RootEnsemble
from spinal_rnn.responses import measure_responses
from spinal_rnn.simulation.simulator import Recorder, draw_subject, simulate_session

HZ = 20.0
LIMITS = Limits(frequencies_hz=(HZ,))
PERSON = draw_subject(1, "easy")
TRUTH = Truth(PERSON, HZ)
RRF = Selectivity((8,))
SMALL = Plan(series=4, batch=2, trials=5, singles=1, grid=6)


@pytest.fixture(scope="module")
def surrogate() -> EnsembleSurrogate:
    torch.set_num_threads(1)
    session = simulate_session(1, "easy")
    ensemble = RootEnsemble(members=2, folds=2, updates=60)
    return EnsembleSurrogate.fit(measure_responses(session), HZ, ensemble)


def test_full_response_is_one_and_depends_on_the_frequency() -> None:
    strong = Conditions.of(single(LIMITS), 1000.0, [HZ])
    np.testing.assert_allclose(TRUTH.responses(strong).max(axis=1), 1, atol=1e-3)
    fast = Conditions.of(single(LIMITS), 1000.0, [80.0])
    assert TRUTH.responses(fast).max() < 0.7


def test_each_configuration_gets_its_best_amplitude() -> None:
    found = evaluate(TRUTH, RRF, single(LIMITS), LIMITS, amplitudes=50)
    assert len(found) == 16
    assert (np.diff(found.bound) <= 0).all()
    amplitudes = np.arange(1, 51) * 0.1
    for place in (0, 7):
        series = Conditions.of(found.vectors[place], amplitudes, HZ)
        scores = RRF(TRUTH.responses(series)[0])
        assert found.mean[place] == pytest.approx(scores.max())
        assert found.amplitude_ma[place] == pytest.approx(amplitudes[scores.argmax()])
    np.testing.assert_array_equal(np.sort(found.tried), np.arange(16))
    np.testing.assert_array_equal(found.vectors[found.tried == 3], single(LIMITS)[[3]])


def test_searches_of_more_frequencies_find_the_lowest() -> None:
    wide = Limits(frequencies_hz=(80.0, 20.0, 40.0))
    responding = evaluate(TRUTH, RRF, single(LIMITS)[10:14], wide).first(2)
    assert (responding.mean > 0.3).all()
    assert (responding.frequency_hz == 20).all()


def test_joined_candidates_are_ranked_and_single() -> None:
    one = evaluate(TRUTH, RRF, single(LIMITS), LIMITS)
    other = evaluate(TRUTH, RRF, bipolar(LIMITS)[:5], LIMITS)
    both = join([one, other, one])
    assert len(both) == 21
    assert (np.diff(both.bound) <= 0).all()


def test_more_search_is_no_worse() -> None:
    alone = evaluate(TRUTH, RRF, single(LIMITS), LIMITS).bound[0]
    pairs = exhaustive(TRUTH, RRF, LIMITS)
    assert len(pairs) == 256
    assert pairs.bound[0] >= alone
    drawn = random(TRUTH, RRF, LIMITS, count=200, seed=1)
    start = join([pairs, drawn]).first(1)
    evolved = evolution(TRUTH, RRF, LIMITS, start, generations=4, population=8)
    assert join([start, evolved]).bound[0] >= start.bound[0]
    assert evolved.bound[0] > alone


def test_gradient_climbs_through_the_model(surrogate: EnsembleSurrogate) -> None:
    start = evaluate(surrogate, RRF, bipolar(LIMITS), LIMITS).first(4)
    found = gradient(surrogate, RRF, LIMITS, start, updates=40)
    assert found.bound[0] > start.bound[0] + 0.005
    wanted = Match(TRUTH.responses(start.conditions)[0, 0].clip(0, 1))
    assert gradient(surrogate, wanted, LIMITS, start, updates=5).bound[0] < 0
    closed = replace(LIMITS, forbidden=(0, 16))
    begin = evaluate(surrogate, RRF, bipolar(closed)[:20], closed).first(3)
    assert not gradient(surrogate, RRF, closed, begin, updates=5).vectors[:, [0, 16]].any()


def test_search_refuses_what_it_cannot_do(surrogate: EnsembleSurrogate) -> None:
    with pytest.raises(ValueError, match="methods must be some of exhaustive"):
        search(surrogate, RRF, LIMITS, methods=("best",))
    with pytest.raises(ValueError, match="first method must be exhaustive or random"):
        search(surrogate, RRF, LIMITS, methods=("gradient",))
    with pytest.raises(TypeError, match="gradient needs a surrogate with respond"):
        search(TRUTH, RRF, LIMITS, methods=("exhaustive", "gradient"))


def test_a_configuration_without_an_amplitude_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one configuration"):
        evaluate(TRUTH, RRF, np.empty((0, 17)), LIMITS)
    with pytest.raises(ValueError, match=r"no amplitude of a whole 0\.1 mA"):
        evaluate(TRUTH, RRF, single(LIMITS), Limits(charge_uc=0.01))


def test_surrogate_takes_the_floor_off_and_scales(surrogate: EnsembleSurrogate) -> None:
    session = simulate_session(1, "easy")
    measured = measure_responses(session)
    parts = surrogate.parts(measured.late_mv, measured.conditions)
    truth = TRUTH.responses(measured.conditions)[0]
    silent = truth < 0.005
    assert parts[silent].mean() < 0.03
    assert np.corrcoef(parts.ravel(), truth.ravel())[0, 1] > 0.95
    answers = surrogate.responses(measured.conditions)
    assert answers.shape == (2, len(session), 14)
    assert np.corrcoef(answers.mean(axis=0).ravel(), truth.ravel())[0, 1] > 0.9


def test_a_loop_that_is_stopped_goes_on_as_if_it_had_not(tmp_path: Path) -> None:
    pool = np.concatenate([single(LIMITS), bipolar(LIMITS)[::40]])
    measurer = SimulatedPerson(PERSON, 3)
    options = {"plan": SMALL, "doubt": Doubt()}
    whole = run(TRUTH, RRF, pool, measurer, LIMITS, **options)  # type: ignore[arg-type]
    state = tmp_path / "trials.csv"
    half = replace(SMALL, series=2)
    run(TRUTH, RRF, pool, measurer, LIMITS, plan=half, doubt=Doubt(), state=state)
    assert len(read_trials(state, LIMITS)) == 2
    rest = run(TRUTH, RRF, pool, measurer, LIMITS, plan=SMALL, doubt=Doubt(), state=state)
    assert [one.name for one in rest.proposals] == [one.name for one in whole.proposals]
    for mine, theirs in zip(rest.late_mv, whole.late_mv, strict=True):
        np.testing.assert_array_equal(mine, theirs)
    assert len({one.name for one in whole.proposals}) == 4
    best = best_measured(correct(TRUTH, whole, Doubt(), SPECIFY_565), RRF, LIMITS, SMALL, whole)
    assert best.names[0] in {one.name.split()[0] for one in whole.proposals}


def test_a_pool_that_is_empty_ends_the_loop() -> None:
    pool = single(LIMITS)[:3]
    trials = run(TRUTH, RRF, pool, SimulatedPerson(PERSON), LIMITS, plan=SMALL)
    # the best single contact of all sixteen came first
    assert len(trials) in (3, 4)
    assert propose(TRUTH, RRF, pool, LIMITS, SMALL, trials, 2) == []


def test_nothing_measured_is_nothing_to_recommend() -> None:
    with pytest.raises(ValueError, match="there must be a measured series"):
        best_measured(TRUTH, RRF, LIMITS, SMALL, Trials())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"series": 0}, "series must be at least 1, got 0"),
        ({"singles": 9}, "singles must be in 0 to batch=5, got 9"),
        ({"span": 1.0}, "span must be in"),
    ],
)
def test_bad_plans_are_refused(change: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Plan(**change)  # type: ignore[arg-type]


def test_strategies_see_noise_and_are_scored_on_the_truth() -> None:
    session = measure_responses(simulate_session(1, "easy"))
    setting = Setting(session, TRUTH, RRF, SimulatedPerson(PERSON, 5), LIMITS, budgets=(1, 3))
    pool = multipolar(SPECIFY_565, LIMITS, 40, np.random.default_rng(0))
    bound = evaluate(TRUTH, RRF, np.concatenate([single(LIMITS), pool]), LIMITS, amplitudes=50)
    found = {
        "model": by_model(setting, pool, replace(SMALL, series=3), Doubt()),
        "process": by_process(replace(setting, budgets=(3,)), pool, kappa=0.5),
        "order": by_order(setting, pool),
    }
    scores = {
        name: [RRF(TRUTH.responses(one))[0, 0] for one in choices.values()]
        for name, choices in found.items()
    }
    assert [len(values) for values in scores.values()] == [2, 1, 2]
    for name, values in scores.items():
        assert max(values) <= bound.bound[0] + 1e-9, name
    # the model is the truth here: it cannot do worse than one that has to learn
    assert scores["model"][-1] >= max(scores["process"][-1], scores["order"][-1]) - 0.02


def test_environment_keeps_gymnasiums_rules_and_the_limits() -> None:
    limits = replace(LIMITS, frequencies_hz=(20.0, 40.0), contact_ma=1.5)
    env = StimulationEnv(TRUTH, RRF, limits, trials=3)
    check_env(env, skip_render_check=True)
    env.action_space.seed(0)
    seen, _ = env.reset(seed=0)
    assert not seen[:31].any()
    env.history.clear()
    for trial in range(3):
        action = env.action_space.sample()
        seen, reward, ended, cut, info = env.step(action)
        assert not ended
        assert cut == (trial == 2)
        currents_ma = info["currents_ma"]
        amplitude_ma = np.abs(currents_ma).sum() / 2
        trial_again = Conditions.of(currents_ma / amplitude_ma, amplitude_ma, info["frequency_hz"])
        answer = TRUTH.responses(trial_again)[0, 0]
        np.testing.assert_allclose(seen[:14], answer, atol=1e-6)
        assert reward == pytest.approx(float(RRF(answer)))
        assert np.abs(currents_ma[:-1]).max() <= 1.5 + 1e-9
        np.testing.assert_allclose(info["vector"], currents_ma / amplitude_ma)
        assert env.history[-1] == {**info, "reward": reward, "member": 0}
    env.reset()
    assert [one["reward"] for one in env.history][-1] == reward
    assert len(env.history) == 3


def test_environment_of_no_trial_is_refused() -> None:
    with pytest.raises(ValueError, match="trials must be at least 1, got 0"):
        StimulationEnv(TRUTH, RRF, LIMITS, trials=0)


def test_a_muscle_without_emg_never_responds() -> None:
    session = simulate_session(3, "easy", recorder=Recorder(dead=("RRF",)))
    ensemble = RootEnsemble(members=2, folds=2, updates=5)
    surrogate = EnsembleSurrogate.fit(measure_responses(session), 20.0, ensemble)
    strong = Conditions.of(parse_configuration("cath12_an16"), 5.0, [20.0])
    assert not surrogate.responses(strong)[..., 8].any()
    assert (np.delete(surrogate.responses(strong), 8, axis=2) > 0).all()
    assert surrogate.parts(np.ones((1, 14)), strong)[0, 8] == 0


class _Flat:
    """Every configuration is as good as every other."""

    def responses(self, conditions: object) -> np.ndarray:
        return np.full((2, len(conditions), 14), 0.5)  # type: ignore[arg-type]

    def parts(self, late_mv: np.ndarray, conditions: object) -> np.ndarray:
        return late_mv


def test_configurations_of_a_batch_are_apart_in_the_smoothing_that_is_asked_for() -> None:
    limits, plan = Limits(frequencies_hz=(20.0,)), Plan(batch=5, singles=0, apart=0.3)
    pool = np.zeros((2, 17))
    # neighbours: alike where currents are smoothed over the whole lead, apart where they are not
    pool[0, [4, 5]], pool[1, [4, 6]] = (-1, 1), (-1, 1)
    found = [
        len(
            propose(
                _Flat(), Selectivity((0,)), pool, limits, plan, Trials(), 2, SPECIFY_565,
                smoothing_mm=width,
            )
        )
        for width in (Doubt().smoothing_mm, 500.0)
    ]  # fmt: skip
    assert found == [2, 1]
