"""Legs with muscles: they load, stand up, pull and fall, and the checkers pass."""

import sys

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from stable_baselines3.common.env_checker import check_env as check_sb3

import brainnn.bodies  # noqa: F401
from neuro_common.extras import MissingExtra

pytest.importorskip("mujoco")
pytest.importorskip("myo_sim")

from brainnn.bodies.muscle_legs import MuscleLegsEnv


@pytest.fixture(scope="module")
def legs() -> MuscleLegsEnv:
    """The larger model, read once."""
    return MuscleLegsEnv(80, steps=50)


@pytest.mark.parametrize(("muscles", "joints"), [(80, 14), (26, 12)])
def test_both_checkers_pass(muscles: int, joints: int) -> None:
    env = gymnasium.make("brainnn/MuscleLegs-v0", muscles=muscles).unwrapped
    assert isinstance(env, MuscleLegsEnv)
    assert (len(env.muscles), len(env.joints)) == (muscles, joints)
    assert env.observation_space.shape == (11 + 2 * joints + 4 * muscles,)
    check_env(env, skip_render_check=True)
    # excitations are 0..1 by nature
    with pytest.warns(UserWarning, match="symmetric and normalized Box action space"):
        check_sb3(env, skip_render_check=True)


def test_it_stands_at_the_start(legs: MuscleLegsEnv) -> None:
    observation, _ = legs.reset(seed=0)
    assert observation[0] == pytest.approx(0.96, abs=0.01)
    np.testing.assert_allclose(observation[1:5], [1, 0, 0, 0], atol=1e-6)
    assert {"hip_flexion_r", "knee_angle_l", "ankle_angle_r"} <= set(legs.joints)
    np.testing.assert_array_equal(legs.reset(seed=0)[0], observation)
    assert np.abs(legs.reset(seed=1)[0] - observation)[11:25].max() > 0.005


def test_an_excited_muscle_is_activated_and_pulls(legs: MuscleLegsEnv) -> None:
    muscle = legs.muscles.index("soleus_r")
    legs.reset(seed=0)
    relaxed = [legs.step(np.zeros(80))[0][-160 + muscle] for _ in range(5)]
    assert max(relaxed) < 0.05
    legs.reset(seed=0)
    excited = np.zeros(80)
    excited[muscle] = 1
    for _ in range(5):
        observation, _, _, _, info = legs.step(excited)
    forces, activations = observation[-160:-80], observation[-80:]
    # first order, 10 ms to rise by half and faster beyond
    assert activations[muscle] > 0.95
    assert np.delete(activations, muscle).max() == 0
    assert forces[muscle] > 0.2
    assert info["effort"] == pytest.approx(activations[muscle] ** 2 / 80, rel=1e-5)


def test_without_muscles_it_falls_once(legs: MuscleLegsEnv) -> None:
    legs.reset(seed=0)
    over, total = False, 0.0
    while not over:
        _, reward, over, truncated, info = legs.step(np.zeros(80))
        assert not truncated
        total = reward
    assert (info["fell"], info["end"]) == (True, "fall")
    assert total == pytest.approx(info["goal"] - 0.1 * info["effort"] - 5)
    assert info["goal"] == pytest.approx(np.exp(-4 * max(0, 1 - info["speed"] / 1.2) ** 2))


def test_the_toes_point_forward(legs: MuscleLegsEnv) -> None:
    legs.reset(seed=0)
    data, model = legs._data, legs._model
    toes, heel = (data.body(name).xpos for name in ("toes_r", "calcn_r"))
    assert (toes - heel)[1] < -0.1
    data.qvel[1] = -1.0
    assert legs.step(np.zeros(80))[4]["speed"] == pytest.approx(1, abs=0.3)
    assert model.nu == 80


def test_time_runs_out() -> None:
    env = MuscleLegsEnv(26, steps=2)
    env.reset(seed=0)
    assert env.step(np.zeros(26))[2:4] == (False, False)
    *_, terminated, truncated, info = env.step(np.zeros(26))
    assert (terminated, truncated, info["end"]) == (False, True, "time")
    assert env.render() is None


def test_impossible_options_are_refused(legs: MuscleLegsEnv) -> None:
    with pytest.raises(ValueError, match=r"muscles must be one of \[80, 26\], got 50"):
        MuscleLegsEnv(50)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="wanted must be above 0, steps 1 or more"):
        MuscleLegsEnv(wanted=0)
    legs.reset(seed=0)
    with pytest.raises(ValueError, match="action must be 80 finite numbers, got"):
        legs.step(np.zeros(26))


def test_a_missing_extra_ends_with_the_line_that_installs_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "myo_sim", None)
    with pytest.raises(MissingExtra, match=r"myo_sim is not installed: run pip install"):
        MuscleLegsEnv()
