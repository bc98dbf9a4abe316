"""What a device can do of the settings, as numbers; what it cannot is refused by name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from rldbs_env import BonhoefferVanDerPol, Delivery, HindmarshRose, KuramotoGrid, QuadraticReward
from rldbs_env.controllers import make
from rldbs_env.device_rules import rules_of
from rldbs_env.disturbances import ActionNoise, Variety
from rldbs_env.networks import small_world
from rldbs_env.reward import AbsoluteReward
from rldbs_env.settings import Settings

POOL: dict[str, Any] = {"ensemble": (1, 2)}


@pytest.mark.parametrize(
    ("changes", "lacking"),
    [
        ({"model": KuramotoGrid(), "n_neurons": 512}, "model KuramotoGrid"),
        ({"model": BonhoefferVanDerPol(populations=2)}, "several populations"),
        ({"model": BonhoefferVanDerPol(network=small_world(1000, 4, 0.1, seed=0))}, "network"),
        ({"model": BonhoefferVanDerPol(noise=0.1)}, "dynamic noise"),
        ({"reward": lambda x, mean, charge: -charge}, "reward function"),
        ({"disturbances": (ActionNoise(),)}, "disturbances"),
        ({"delivery": Delivery(skip=2)}, "delivery"),
        ({"variety": Variety((("coupling", 0.03, 0.1),))}, "variety"),
        ({"prelude": make("linear")}, "prelude"),
        ({"signals": ("y", "countdown")}, "signal 'countdown'"),
        ({"ensemble": "resample"}, r"ensemble='resample' \(it needs a sequence of seeds"),
    ],
)
def test_what_no_device_does_is_refused_by_name(changes: dict[str, Any], lacking: str) -> None:
    with pytest.raises(
        ValueError, match=rf"on a device there is no {lacking}.*use rldbs_env\.DBSV"
    ):
        rules_of(Settings(**POOL | changes))


def test_all_that_is_lacking_is_named_at_once() -> None:
    with pytest.raises(ValueError, match=r"no dynamic noise, no delivery: use"):
        rules_of(Settings(model=BonhoefferVanDerPol(noise=0.1), delivery=Delivery(skip=2), **POOL))


@dataclass(frozen=True)
class _Divided(BonhoefferVanDerPol):
    def substeps(self) -> Any:
        return len


def test_a_rule_of_ones_own_for_stiff_steps_is_refused() -> None:
    with pytest.raises(ValueError, match="no rule of one's own for stiff steps"):
        rules_of(Settings(model=_Divided(), **POOL))


def test_numbers_of_the_published_environment() -> None:
    rules = rules_of(Settings(dtype="float32", **POOL))
    assert (rules.n_variables, rules.divides, rules.length, rules.seen) == (2, False, 250, 250)
    assert rules.rows == (1,)
    assert rules.to_window_mean
    assert not rules.absolute
    assert rules.parameters.dtype == rules.limits.dtype == np.float32
    np.testing.assert_array_equal(rules.terms, [1.0, 0.0, 2.0, -1000.0, 1.0])
    assert rules.flow(0.0, 0.0, 0.5, (0.1, 0.8, 0.7, 1 / 3, 0, 0)) == pytest.approx((0.5, 0.07))


def test_numbers_of_other_settings() -> None:
    rules = rules_of(
        Settings(
            model=HindmarshRose(), signals=("action", "x"), stride=10, max_kick=0.1,
            pulse=(1.0, -1.0), reward=QuadraticReward(3.0, 4.0, target=-0.4), episode_steps=None,
            **POOL,
        )
    )  # fmt: skip
    assert rules.divides
    assert rules.rows == (2, 0)
    assert (rules.length, rules.stride, rules.seen, rules.episode_steps) == (1531, 10, 154, 0)
    assert not rules.to_window_mean
    np.testing.assert_array_equal(rules.pulse, [1.0, -1.0])
    np.testing.assert_array_equal(rules.terms, [3.0, -0.4, 4.0, -1000.0, np.float32(0.1)])
    assert rules_of(Settings(reward=AbsoluteReward(7.0), **POOL)).absolute
