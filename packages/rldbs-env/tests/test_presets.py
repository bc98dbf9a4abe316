"""What controllers are told in each environment, and that it suits them."""

from typing import Any

import numpy as np
import pytest

from rldbs_env.catalogue import ENVIRONMENTS, id_of, settings_of
from rldbs_env.controllers import CONTROLLERS, LinearFeedback, Pid, make
from rldbs_env.models import BonhoefferVanDerPol, HindmarshRose
from rldbs_env.policy import SHIPPED, load_policy
from rldbs_env.presets import PRESETS, preset, shipped
from rldbs_env.protocol import Protocol, run
from rldbs_env.scoring import score


@pytest.mark.parametrize("name", CONTROLLERS)
def test_the_defaults_suit_the_first_environment(name: str) -> None:
    assert preset("rldbs/BvdP-v0", name) == preset("BvdP", name) == make(name)


@pytest.mark.parametrize("environment", ENVIRONMENTS)
@pytest.mark.parametrize("name", CONTROLLERS)
def test_every_law_looks_at_the_models_window(environment: str, name: str) -> None:
    window = Protocol.on(environment).model.window
    assert preset(environment, name).window == window


def test_laws_look_at_the_window_of_the_model_that_they_meet() -> None:
    slow = BonhoefferVanDerPol(dt=0.1)
    assert preset("BvdP", "linear").window == 250
    assert preset("BvdP", "linear", model=slow).window == 500  # the same 50 time units
    assert preset("BvdP", "linear", model=slow, window=123).window == 123


def test_every_preset_is_of_an_environment_and_can_be_made() -> None:
    for environment, laws in PRESETS.items():
        assert environment in ENVIRONMENTS
        for name, arguments in laws.items():
            made = preset(environment, name)
            assert {key: getattr(made, key) for key in arguments} == arguments


def test_what_is_told_replaces_the_preset() -> None:
    assert preset("HindmarshRose", "linear") == LinearFeedback(gain=-0.4, window=1531)
    told = preset("HindmarshRose", "linear", gain=-0.8, window=700)
    assert told == LinearFeedback(gain=-0.8, window=700)
    assert preset("BvdP", "pid", leak=0.5) == Pid(leak=0.5)


def test_the_agent_is_that_of_the_environment() -> None:
    for environment, name in (
        ("BvdP", "bvdp"),
        ("BvdPResidual", "bvdp"),
        ("BvdPChargeBalanced", "charge_balanced"),
        ("HindmarshRose", "hindmarsh_rose"),
    ):
        agent: Any = preset(environment, "policy")
        wanted = load_policy(SHIPPED[name])
        assert agent.signals == wanted.signals
        for layer, other in zip(agent.layers, wanted.layers, strict=True):
            np.testing.assert_array_equal(layer, other)
    named: Any = preset("KuramotoGrid", "policy:bvdp")
    assert named.lags == load_policy(SHIPPED["bvdp"]).lags


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(ValueError, match="no agent ships for rldbs/KuramotoGrid-v0, only for"):
        preset("KuramotoGrid", "policy")
    with pytest.raises(ValueError, match=r"environment must be one of .*, got 'BvdQ'"):
        preset("BvdQ", "linear")
    with pytest.raises(ValueError, match=r"controller must be one of .*, got 'lineal'"):
        preset("BvdP", "lineal")
    with pytest.raises(ValueError, match=r"linear takes the arguments .*, got 'gian'"):
        preset("HindmarshRose", "linear", gian=1)
    with pytest.raises(ValueError, match="policy:hindmarsh_rose takes no arguments, got window"):
        preset("HindmarshRose", "policy", window=3)


def test_ids_and_short_names() -> None:
    assert id_of("BvdP") == id_of("rldbs/BvdP-v0") == "rldbs/BvdP-v0"
    assert id_of("elsewhere/Other-v3") == "elsewhere/Other-v3"
    assert isinstance(settings_of(id_of("HindmarshRose"))["model"], HindmarshRose)


@pytest.mark.parametrize("name", ["linear", "linear_xy", "delayed", "pid", "adaptive"])
def test_phases_on_a_grid_are_dispersed_by_what_the_laws_are_told(name: str) -> None:
    """Ensemble 3000, which nothing was tuned on."""
    test = Protocol.on(
        "KuramotoGrid", ensembles=(3000,), free_steps=4 * 234, controlled_steps=8 * 234,
        recovery_steps=234,
    )  # fmt: skip
    assert score(run(preset("KuramotoGrid", name), test))[0].s_ratio > 5


def test_an_agent_is_named_only_where_one_was_trained() -> None:
    assert shipped("BvdP") == [*CONTROLLERS, "policy"]
    assert shipped("rldbs/KuramotoGrid-v0") == [*CONTROLLERS]
