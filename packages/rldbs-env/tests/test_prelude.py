"""Episodes that begin where a first controller has suppressed the rhythm."""

import pickle
from typing import Any

import numpy as np
import pytest

from rldbs_env import BonhoefferVanDerPol, DBSEnv, DBSVectorEnv, HindmarshRose
from rldbs_env.controllers import LinearFeedback, NoControl, Tonic
from rldbs_env.disturbances import ObservationNoise, Variety
from rldbs_env.prelude import suppressed_ensembles
from rldbs_env.pulses import biphasic
from rldbs_env.settings import Settings

SMALL: dict[str, Any] = {"n_neurons": 40, "transient_steps": 300, "window": 30}


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_an_ensemble_is_the_first_controllers_episode(dtype: str) -> None:
    """Delta kicks at every step, whatever the environment's own pulse and observation are."""
    law = LinearFeedback(window=50, gain=-0.2)
    made = Settings(**SMALL, prelude=law, prelude_steps=70, pulse=biphasic(), stride=3, dtype=dtype)
    (ensemble,) = suppressed_ensembles(made, made.model, 40, [6])
    env = DBSEnv(**{**SMALL, "window": 50}, signals=("x",), dtype=dtype, episode_steps=None)
    env.np_random = np.random.default_rng((6, 2))
    observation, _ = env.reset(options={"ensemble": 6})
    for _ in range(70):
        observation = env.step(law.predict(observation)[0])[0]
    np.testing.assert_array_equal(ensemble.state, env.neurons)
    assert ensemble.state.dtype == dtype


def test_the_rhythm_is_suppressed_at_the_beginning_and_comes_back() -> None:
    env = DBSVectorEnv(
        2, signals=("x",), prelude=LinearFeedback(), episode_steps=None, ensemble=(0, 1)
    )
    observation, _ = env.reset(seed=0, options={"ensemble": np.array([0, 1])})
    assert observation.std(axis=1).max() < 0.1
    for _ in range(6000):
        observation = env.step([0.0, 0.0])[0]
    assert observation.std(axis=1).min() > 0.5


def test_an_idle_prelude_is_a_longer_transient() -> None:
    made = Settings(**SMALL, prelude=NoControl(window=1), prelude_steps=40)
    (ensemble,) = suppressed_ensembles(made, made.model, 40, [3])
    env = DBSEnv(**{**SMALL, "window": 41}, signals=("x", "y"))
    env.np_random = np.random.default_rng((3, 2))
    observation, _ = env.reset(options={"ensemble": 3})
    np.testing.assert_allclose(ensemble.fields[:, 0], observation[[40, 81]], atol=1e-12)


def test_what_comes_of_an_ensemble_is_its_own() -> None:
    """Neither the batch, the seed of the reset nor disturbances change it."""
    law = LinearFeedback(window=40)
    arguments: dict[str, Any] = {**SMALL, "transient_steps": 0, "prelude": law, "prelude_steps": 60}
    together = DBSVectorEnv(3, **arguments)
    together.reset(seed=0, options={"ensemble": np.array([4, 5, 6])})
    alone = DBSEnv(**arguments, disturbances=(ObservationNoise(0.5),))
    alone.reset(seed=77, options={"ensemble": 5})
    np.testing.assert_array_equal(alone.neurons, together.neurons[1])


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_the_seed_decides_everything(dtype: str) -> None:
    arguments: dict[str, Any] = {
        **SMALL, "prelude": LinearFeedback(window=40), "prelude_steps": 50,
        "model": BonhoefferVanDerPol(noise=0.05), "dtype": dtype, "episode_steps": 10,
    }  # fmt: skip
    envs = [DBSVectorEnv(2, **arguments) for _ in range(2)]
    np.testing.assert_array_equal(envs[0].reset(seed=1)[0], envs[1].reset(seed=1)[0])
    envs.append(pickle.loads(pickle.dumps(envs[0])))
    for _ in range(25):  # through two resets
        first, *others = (env.step([0.1, 0.2])[0] for env in envs)
        for other in others:
            np.testing.assert_array_equal(first, other)


class Counted:
    """A linear law that counts its calls; two of them are equal only if they are one."""

    signals, window = ("x",), 40

    def __init__(self) -> None:
        self.calls = 0

    def predict(self, observation: Any, *memory: Any) -> tuple[Any, Any]:
        self.calls += 1
        return LinearFeedback(window=40).predict(observation, *memory)


class Unhashable(Counted):
    """The same without a hash, as an agent that holds arrays."""

    __hash__ = None  # type: ignore[assignment]

    def __eq__(self, other: object) -> bool:
        raise AssertionError("weights are not compared")


@pytest.mark.parametrize("kind", [Counted, Unhashable])
def test_what_was_suppressed_once_is_remembered(kind: type[Counted]) -> None:
    law = kind()
    arguments: dict[str, Any] = {**SMALL, "prelude": law, "prelude_steps": 30}
    env = DBSVectorEnv(2, **arguments, ensemble=(4, 5), episode_steps=3)
    env.reset(seed=0, options={"ensemble": np.array([4, 5])})
    assert law.calls == 30  # both at once
    for _ in range(9):
        env.step([0.1, 0.2])
    DBSEnv(**arguments).reset(options={"ensemble": 5})
    assert law.calls == 30
    DBSEnv(**arguments | {"prelude": kind()}).reset(options={"ensemble": 5})
    assert law.calls == 30
    for other in ({"dtype": "float32"}, {"transient_steps": 301}, {"prelude_steps": 31}):
        calls = law.calls
        DBSEnv(**arguments | other).reset(options={"ensemble": 5})
        assert law.calls >= calls + 30


def test_ensembles_that_never_come_again_are_not_remembered() -> None:
    law = Counted()
    env = DBSEnv(**SMALL, prelude=law, prelude_steps=30, ensemble="resample")
    info = env.reset(seed=0)[1]
    env.reset(seed=0)
    assert law.calls == 60
    env.reset(options={"ensemble": info["ensemble"]})
    env.reset(options={"ensemble": info["ensemble"]})
    assert law.calls == 90


def test_remembered_ensembles_cannot_be_written() -> None:
    made = Settings(**SMALL, prelude=LinearFeedback(window=20), prelude_steps=5)
    for _ in range(2):
        (ensemble,) = suppressed_ensembles(made, made.model, 40, [1])
        with pytest.raises(ValueError, match="read-only"):
            ensemble.state[0, 0] = 1.0


def test_models_vary_under_a_prelude_too() -> None:
    variety = Variety((("coupling", 0.05, 0.5),), (10, 40))
    arguments: dict[str, Any] = {
        **SMALL, "prelude": LinearFeedback(window=40), "prelude_steps": 30, "variety": variety,
    }  # fmt: skip
    batch = DBSVectorEnv(3, **arguments)
    first, _ = batch.reset(seed=0)
    state = batch.get_state()
    assert len(set(state["couplings"])) == 3
    np.testing.assert_allclose(state["parameters"][:, 0], state["couplings"])
    assert len(set(state["sizes"])) > 1
    assert ((state["sizes"] >= 10) & (state["sizes"] <= 40)).all()
    for e in range(3):
        np.testing.assert_array_equal(DBSEnv(**arguments).reset(seed=e)[0], first[e])


def test_a_first_controller_that_kicks_too_strongly_is_clipped() -> None:
    model = BonhoefferVanDerPol()
    law = Tonic(amplitude=5.0, max_kick=9.0, window=5)
    made = Settings(**SMALL, prelude=law, prelude_steps=200)
    (ensemble,) = suppressed_ensembles(made, model, 40, [0])
    at_limit = Settings(**SMALL, prelude=Tonic(amplitude=2.0, max_kick=2.0, window=5),
                        prelude_steps=200)  # fmt: skip
    (expected,) = suppressed_ensembles(at_limit, model, 40, [0])
    np.testing.assert_array_equal(ensemble.state, expected.state)


def test_any_model_can_have_a_prelude() -> None:
    env = DBSEnv(
        **SMALL,
        model=HindmarshRose(),
        max_kick=0.5,
        prelude=LinearFeedback(gain=-0.4, window=100, max_kick=0.5),
        prelude_steps=50,
    )
    observation, _ = env.reset(seed=0)
    assert env.observation_space.contains(observation)
    two = BonhoefferVanDerPol(populations=2)
    env = DBSEnv(**SMALL, model=two, prelude=LinearFeedback(sensors=2, window=20), prelude_steps=20)
    assert env.reset(seed=0)[0].shape == (60,)


def test_a_prelude_that_does_not_fit_the_model_says_what_it_needs() -> None:
    env = DBSEnv(**SMALL, model=BonhoefferVanDerPol(populations=2), prelude=LinearFeedback())
    with pytest.raises(ValueError, match="LinearFeedback needs observations of 250 features: make"):
        env.reset(seed=0)
