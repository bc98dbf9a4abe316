"""Every environment by its name and difficulty: checkers, determinism, and what each promises."""

import warnings
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces
from gymnasium.utils.env_checker import check_env
from stable_baselines3.common.env_checker import check_env as sb3_check_env

from rldbs_env import (
    BonhoefferVanDerPol,
    DBSEnv,
    DBSVectorEnv,
    HindmarshRose,
    KuramotoGrid,
    QuadraticReward,
)
from rldbs_env.catalogue import (
    DIFFICULTIES,
    ENVIRONMENTS,
    MODELS,
    make_model,
    make_vector_env,
    name_of,
    settings_of,
)
from rldbs_env.controllers import LinearFeedback
from rldbs_env.disturbances import ObservationNoise, Variety
from rldbs_env.networks import small_world

EACH = pytest.mark.parametrize("name", ENVIRONMENTS)
EVERY = pytest.mark.parametrize("difficulty", DIFFICULTIES)


def small(name: str) -> dict[str, Any]:
    """Arguments by which an environment resets in no time."""
    arguments: dict[str, Any] = {"transient_steps": 50, "window": 40, "n_neurons": 64}
    if "Kuramoto" in name:
        arguments["model"] = KuramotoGrid(grid=(4, 4, 4))
    if "Residual" in name:
        arguments |= {"prelude": LinearFeedback(window=30), "prelude_steps": 20}
    return arguments


@EACH
@EVERY
def test_the_checkers_have_nothing_to_say(name: str, difficulty: str) -> None:
    env = gymnasium.make(f"rldbs_env:{name}", difficulty=difficulty, **small(name))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        # a recommendation: kicks of up to .5 are those of the publication
        warnings.filterwarnings("ignore", "We recommend you to use a symmetric and normalized")
        check_env(env.unwrapped, skip_render_check=True)
        sb3_check_env(env.unwrapped)


@EACH
@EVERY
def test_the_seed_decides_everything_and_observations_are_in_their_space(
    name: str, difficulty: str
) -> None:
    def rollout(seed: int) -> list[Any]:
        env = gymnasium.make(name, difficulty=difficulty, episode_steps=40, **small(name))
        trace: list[Any] = [env.reset(seed=seed)[0]]
        env.action_space.seed(seed)
        for _ in range(100):
            observation, reward, terminated, truncated, _ = env.step(env.action_space.sample())
            assert env.observation_space.contains(observation)
            assert np.isfinite(float(reward))
            assert not terminated
            trace += [observation, reward]
            if truncated:
                trace.append(env.reset()[0])
        return trace

    one, same, other = rollout(1), rollout(1), rollout(2)
    assert all(np.array_equal(a, b) for a, b in zip(one, same, strict=True))
    assert not np.array_equal(one[0], other[0])


@EACH
@EVERY
def test_the_vector_environment_is_its_singles(name: str, difficulty: str) -> None:
    batch = gymnasium.make_vec(name, 2, difficulty=difficulty, **small(name))
    assert isinstance(batch.unwrapped, DBSVectorEnv)
    singles = [gymnasium.make(name, difficulty=difficulty, **small(name)) for _ in range(2)]
    first, _ = batch.reset(seed=3)
    for e, single in enumerate(singles):
        np.testing.assert_array_equal(single.reset(seed=3 + e)[0], first[e])
    batch.action_space.seed(0)
    for _ in range(5):
        actions = batch.action_space.sample()
        observations, rewards, *_ = batch.step(actions)
        for e, single in enumerate(singles):
            observation, reward, *_ = single.step(actions[e])
            np.testing.assert_array_equal(observation, observations[e])
            assert reward == rewards[e]


# What each promises


def test_the_base_environment_is_the_published_one() -> None:
    env = gymnasium.make("rldbs/BvdP-v0").unwrapped
    assert isinstance(env, DBSEnv)
    assert env.settings == DBSEnv().settings
    assert env.observation_space.shape == (250,)
    assert (env.settings.signals, env.settings.episode_steps) == (("y",), 10_000)
    assert env.settings.reward == QuadraticReward(weight=1.0, penalty=2.0)


def test_the_discrete_environment_has_21_kicks() -> None:
    env = gymnasium.make("rldbs/BvdPDiscrete-v0", **small(""), signals=("action",)).unwrapped
    assert isinstance(env, DBSEnv)
    assert env.action_space == spaces.Discrete(21)
    env.reset(seed=0)
    for k in range(21):
        for index in (k, np.int64(k)):
            observation, reward, *_ = env.step(index)  # type: ignore[arg-type]
            assert observation[-1] == pytest.approx(k / 20 - 0.5, abs=1e-15)
        assert reward <= -2 * abs(k / 20 - 0.5) + 1e-12


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_kicks_of_the_balanced_environment_sum_to_zero(dtype: str) -> None:
    name = "rldbs/BvdPChargeBalanced-v0"
    arguments = small(name) | {"window": 5, "signals": ("action",), "dtype": dtype}
    env = gymnasium.make_vec(name, 50, **arguments)
    env.reset(seed=0)
    rng = np.random.default_rng(0)
    for _ in range(40):
        actions = rng.uniform(-1, 1, (50, 1)).astype(np.float32)
        kicks, *_ = env.step(actions)
        assert np.abs(kicks.sum(axis=1, dtype=float)).max() < 1e-12
        np.testing.assert_array_equal(kicks, actions * np.array([1, -0.5, -0.5, 0, 0], dtype))


def test_the_balanced_reward_pays_for_the_whole_pulse() -> None:
    env = gymnasium.make("rldbs/BvdPChargeBalanced-v0", **small(""), signals=("x",))
    env.reset(seed=0)
    observation, reward, *_ = env.step(np.array([0.4]))
    deviation = observation[-1] - observation.mean()
    assert reward == pytest.approx(-(deviation**2) - 2 * 0.4, abs=1e-12)


def test_the_residual_environment_begins_suppressed() -> None:
    """By the default prelude; the rhythm's own std is 1.09."""
    env = make_vector_env(name="rldbs/BvdPResidual-v0", num_envs=2, signals=("x",))
    observation, _ = env.reset(seed=0)
    assert observation.shape == (2, 250)
    assert observation.std(axis=1).max() < 0.1
    law = LinearFeedback()
    xs = []
    for _ in range(2000):
        observation, _, _, _, info = env.step(law.predict(observation)[0])
        xs.append(info["mean_x"])
    assert np.array(xs).std(axis=0).max() < 0.05


def test_the_bursting_environment_sees_a_whole_burst() -> None:
    env = gymnasium.make("rldbs/HindmarshRose-v0", n_neurons=100)
    unwrapped = env.unwrapped
    assert isinstance(unwrapped, DBSEnv)
    assert unwrapped.settings.model == HindmarshRose()
    assert env.observation_space.shape == (154,)  # every tenth of 1,531 samples
    assert env.action_space == spaces.Box(-0.5, 0.5, (1,), np.float32)
    y, _ = env.reset(seed=0)
    assert y.max() > -2
    assert y.min() < -8
    rewards = [float(env.step(np.zeros(1))[1]) for _ in range(1600)]
    assert np.mean(rewards) == pytest.approx(-2 * 0.39**2, rel=0.15)


def test_the_grid_environment_has_512_units_and_one_contact() -> None:
    env = gymnasium.make("rldbs/KuramotoGrid-v0").unwrapped
    assert isinstance(env, DBSEnv)
    assert (env.settings.n_neurons, env.settings.signals) == (512, ("x",))
    assert env.action_space.shape == (1,)


# Difficulties


@EACH
def test_each_difficulty_holds_what_the_easier_one_does(name: str) -> None:
    published, varied, clinical = (
        DBSEnv(**settings_of(name, difficulty, **small(name))).settings
        for difficulty in DIFFICULTIES
    )
    assert not published.disturbances
    assert published.variety == Variety()
    assert varied.variety == clinical.variety != Variety()
    assert tuple(varied.disturbances) == tuple(clinical.disturbances[:1])
    assert len(clinical.disturbances) == 7
    for easy in ("model", "pulse", "levels", "reward", "max_kick", "stride", "prelude_steps"):
        assert getattr(published, easy) == getattr(varied, easy) == getattr(clinical, easy)


@EACH
def test_varied_environments_differ_from_reset_to_reset(name: str) -> None:
    env = gymnasium.make_vec(name, 12, difficulty="varied", **small(name))
    env.reset(seed=0)
    state = env.unwrapped.get_state()  # type: ignore[attr-defined]
    coupling = env.unwrapped.settings.model.coupling  # type: ignore[attr-defined]
    assert len(set(state["couplings"])) == 12
    assert (state["couplings"] >= coupling).all()
    assert (state["couplings"] <= 3 * coupling).all()
    sizes = state["sizes"]
    assert (len(set(sizes)) == 1) == ("Kuramoto" in name)
    assert 6 <= sizes.min() <= sizes.max() <= 64


def test_difficulties_suit_any_model() -> None:
    for model in (
        BonhoefferVanDerPol(populations=2),
        BonhoefferVanDerPol(network=small_world(64, 4, 0.1, 0)),
        BonhoefferVanDerPol(coupling=-0.05),
        BonhoefferVanDerPol(coupling=0),
        HindmarshRose(dt=0.05),
        KuramotoGrid(grid=(4, 4, 4), coupling_kernel="gaussian"),
    ):
        for difficulty in DIFFICULTIES:
            arguments = small("") | {"model": model}
            env = DBSEnv(**settings_of("rldbs/BvdP-v0", difficulty, **arguments))
            observation, _ = env.reset(seed=0)
            assert env.observation_space.contains(observation)


def test_arguments_replace_those_of_the_difficulty() -> None:
    noise = (ObservationNoise(0.7),)
    made = settings_of("rldbs/BvdP-v0", "clinical", disturbances=noise, variety=Variety())
    assert made == {"disturbances": noise, "variety": Variety()}
    assert settings_of("rldbs/BvdPDiscrete-v0", levels=None)["levels"] is None
    made = settings_of("rldbs/BvdP-v0", prelude="delayed")
    assert made["prelude"].signals == ("y",)


# Names


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: settings_of("rldbs/BvdPDiscret-v0"),
            r"environment must be one of rldbs/BvdP-v0, .*\(did you mean 'rldbs/BvdPDiscrete-v0'\?",
        ),
        (lambda: settings_of("xyz"), "environment must be one of .*KuramotoGrid-v0, got 'xyz'$"),
        (
            lambda: settings_of("rldbs/BvdP-v0", "clinicl"),
            r"difficulty must be one of published, varied, .*\(did you mean 'clinical'\?\)",
        ),
        (
            lambda: gymnasium.make("rldbs/BvdP-v0", difficulty="hard"),
            "difficulty must be one of published, varied, clinical, got 'hard'",
        ),
        (
            lambda: settings_of("rldbs/BvdP-v0", prelude="liner"),
            r"got 'liner' \(did you mean 'linear'\?\)",
        ),
        (
            lambda: make_model("bvpd"),
            r"model must be one of bvdp, hindmarsh_rose, kuramoto_grid, got 'bvpd' \(did you mean",
        ),
        (
            lambda: make_model("bvdp", couplin=1.0),
            r"bvdp takes coupling, .*, got 'couplin' \(did you mean 'coupling'\?\)",
        ),
        (lambda: make_model("bvdp", dt=-1), r"dt must be in \(0, 0.5\] for a stable RK4 step"),
    ],
)
def test_wrong_names_are_answered_with_the_right_ones(call: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()


def test_a_wrong_argument_of_a_name_is_answered_too() -> None:
    with pytest.raises(TypeError, match=r"unknown argument 'windw' \(did you mean 'window'\?\)"):
        gymnasium.make("rldbs/HindmarshRose-v0", windw=3)
    with pytest.raises(gymnasium.error.NameNotFound, match="BvdPDiscrete"):
        gymnasium.make("rldbs/BvdPDiscret-v0")


def test_models_have_names_and_names_have_models() -> None:
    for name, kind in MODELS.items():
        assert name_of(make_model(name)) == name
        assert type(make_model(name)) is kind

    class Mine(BonhoefferVanDerPol):
        """A subclass is a model of its own."""

    assert name_of(Mine()) == "Mine"
    assert make_model("hindmarsh_rose", coupling=0.3) == HindmarshRose(coupling=0.3)


@EACH
def test_every_name_says_what_it_is(name: str) -> None:
    one = ENVIRONMENTS[name]
    assert one.name == name
    assert len(one.summary) > 20
    assert one.history[0].startswith("v0")
    assert gymnasium.spec(name).kwargs == {"name": name}


def test_every_registered_name_is_in_the_catalogue() -> None:
    registered = {name for name in gymnasium.registry if name.startswith("rldbs/")}
    assert registered == set(ENVIRONMENTS)
