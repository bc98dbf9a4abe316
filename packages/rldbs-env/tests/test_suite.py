"""The robustness suite: what its conditions change, and how it sums a controller up."""

import math
from collections.abc import Callable
from dataclasses import fields, replace

import numpy as np
import pytest

from rldbs_env import BonhoefferVanDerPol, Delivery, HindmarshRose
from rldbs_env.catalogue import ENVIRONMENTS
from rldbs_env.controllers import LinearFeedback, Tonic
from rldbs_env.disturbances import (
    ActionNoise,
    CouplingDrift,
    CurrentDrift,
    ElectrodeDrift,
    Encapsulation,
    ObservationNoise,
    PulseLoss,
)
from rldbs_env.protocol import Protocol, run
from rldbs_env.scoring import Score, score
from rldbs_env.settings import Settings
from rldbs_env.suite import (
    CONDITIONS,
    Submission,
    overall,
    protocols,
    run_suite,
    suite_table,
    summaries,
    suppression_of,
)

Scores = Callable[..., list[Score]]


def submitted(**scores: list[Score]) -> Submission:
    """A submission with these scores by condition."""
    return Submission("mine", {"gain": 2}, "rldbs/BvdP-v0", 2, 0, scores)


# What is tested


def test_the_conditions_have_names_and_summaries_of_their_own() -> None:
    names = [one.name for one in CONDITIONS]
    assert len(set(names)) == len(set(summaries().values())) == len(names) == 21
    assert all(name.isidentifier() for name in names)
    assert (names[0], names[-1]) == ("nominal", "clinical")


def test_each_condition_changes_one_thing() -> None:
    tests = protocols(n_ensembles=5, seed=3, threads=2)
    nominal = tests.pop("nominal")
    assert nominal == Protocol(
        ensembles=tuple(range(5000, 5005)),
        free_steps=3000,
        controlled_steps=6000,
        recovery_steps=500,
        seed=3,
        threads=2,
    )
    changed = {
        name: {
            entry.name: getattr(test, entry.name)
            for entry in fields(Protocol)
            if getattr(test, entry.name) != getattr(nominal, entry.name)
        }
        for name, test in tests.items()
    }
    clinical = changed.pop("clinical")
    assert clinical.keys() == {"disturbances", "variety"}
    hardest = Protocol.on("BvdP", "clinical")
    assert clinical == {"disturbances": hardest.disturbances, "variety": hardest.variety}
    model = BonhoefferVanDerPol
    slow = 30 * 162
    assert changed == {
        "size_100": {"n_neurons": 100},
        "size_10000": {"n_neurons": 10_000, "ensembles": (5000, 5001)},
        "coupling_167": {"model": model(coupling=0.05)},
        "coupling_333": {"model": model(coupling=0.1)},
        "spread_50": {"model": model(spread=0.05)},
        "spread_150": {"model": model(spread=0.1 * 1.5)},
        "dynamic_noise": {"model": model(noise=0.1)},
        "observation_noise_5": {"disturbances": (ObservationNoise(0.05),)},
        "observation_noise_10": {"disturbances": (ObservationNoise(0.1),)},
        "observation_noise_40": {"disturbances": (ObservationNoise(0.4),)},
        "action_noise": {"disturbances": (ActionNoise(0.005),)},
        "pulse_loss": {"disturbances": (PulseLoss(0.2),)},
        "skipping": {"delivery": Delivery(skip=4)},
        "refractory": {"delivery": Delivery(refractory_steps=2)},
        "energy_budget": {"delivery": Delivery(energy_budget=0.1)},
        "coupling_drift": {"disturbances": (CouplingDrift(0.5, slow),)},
        "current_drift": {"disturbances": (CurrentDrift(0.05, slow),)},
        "electrode_drift": {"disturbances": (ElectrodeDrift(0.3, slow),)},
        "encapsulation": {"disturbances": (Encapsulation(0.5, slow),)},
    }


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_every_environment_has_a_suite(name: str) -> None:
    tests = protocols(name, n_ensembles=2)
    wanted = [one.name for one in CONDITIONS]
    if "Kuramoto" in name:  # the grid is part of the model
        wanted = [one for one in wanted if not one.startswith("size_")]
    assert list(tests) == wanted
    window = tests["nominal"].window_steps
    for test in tests.values():
        assert (test.free_steps, test.controlled_steps) == (12 * window, 24 * window)
        Settings(  # that it can be: nothing is out of its range
            model=test.model, n_neurons=test.n_neurons, delivery=test.delivery, pulse=test.pulse,
            levels=test.levels, disturbances=test.disturbances, variety=test.variety,
        )  # fmt: skip


def test_noise_and_steps_are_scaled_to_the_model() -> None:
    tests = protocols("HindmarshRose")
    assert tests["spread_50"].model == HindmarshRose(spread=0.01)
    assert tests["observation_noise_10"].disturbances == (ObservationNoise(0.1 * 0.36),)
    assert tests["action_noise"].disturbances == (ActionNoise(0.005 * 7.0),)
    assert tests["energy_budget"].delivery == Delivery(energy_budget=0.1 * 7.0**2)
    assert tests["refractory"].delivery == Delivery(refractory_steps=round(1531 * 2 / 162))
    assert tests["coupling_drift"].disturbances == (CouplingDrift(0.5, 30 * 1531),)
    balanced = protocols("rldbs/BvdPChargeBalanced-v0")
    assert balanced["observation_noise_10"].disturbances == (ObservationNoise(0.1),)
    assert balanced["action_noise"].disturbances == (ActionNoise(0.25),)
    grid = protocols("KuramotoGrid")["spread_150"].model
    assert grid.frequency_spread == pytest.approx(0.36)  # type: ignore[attr-defined]


def test_few_ensembles_are_the_first_ones() -> None:
    tests = protocols(n_ensembles=1)
    assert {test.ensembles for test in tests.values()} == {(5000,)}
    with pytest.raises(ValueError, match="n_ensembles must be at least 1, got 0"):
        protocols(n_ensembles=0)
    with pytest.raises(ValueError, match=r"environment must be one of .*, got 'BvdQ'"):
        protocols("BvdQ")


# What it gives


@pytest.mark.usefixtures("few")
def test_a_controller_is_put_through_every_condition() -> None:
    seen: list[tuple[str, int]] = []
    found = run_suite(
        "mine",
        LinearFeedback(gain=-0.05),
        {"gain": -0.05},
        environment="BvdP",
        n_ensembles=2,
        seed=4,
        report=lambda condition, scores: seen.append((condition, len(scores))),
    )
    assert seen == [("plain", 2), ("noisy", 2), ("large", 1)]
    assert list(found.scores) == ["plain", "noisy", "large"]
    assert (found.controller, found.arguments, found.n_ensembles, found.seed) == (
        "mine",
        {"gain": -0.05},
        2,
        4,
    )
    assert found.environment == "rldbs/BvdP-v0"
    assert {"python", "numpy", "numba", "gymnasium", "rldbs-env"} == set(found.versions)
    test = Protocol(
        n_neurons=20, ensembles=(5000, 5001), free_steps=1000, controlled_steps=2000,
        recovery_steps=250, seed=4, disturbances=(ObservationNoise(0.1),),
    )  # fmt: skip
    for one, wanted in zip(
        found.scores["noisy"], score(run(LinearFeedback(gain=-0.05), test)), strict=True
    ):
        assert (one.ensemble, one.s_ratio, one.charge) == (
            wanted.ensemble,
            wanted.s_ratio,
            wanted.charge,
        )
    assert overall(found).s_ratio > 1.5


@pytest.mark.usefixtures("few")
def test_who_freezes_the_neurons_has_suppressed_nothing() -> None:
    found = run_suite("tonic", Tonic(), n_ensembles=1)
    assert found.arguments == {}
    total = overall(found)
    assert (total.s_ratio, total.worst_s_ratio, total.quenched, total.diverged) == (1, 1, 3, 0)
    assert suite_table(found)["quenched"] == [1, 1, 1]


def test_the_whole_is_the_geometric_mean_of_medians(scores: Scores) -> None:
    found = submitted(a=scores(2.0, 9.0, 4.0), b=scores(16.0), c=scores(math.nan, 2.0, math.nan))
    np.testing.assert_array_equal(suppression_of(found.scores["c"]), [1, 2, 1])
    total = overall(found)
    assert total.s_ratio == pytest.approx((4 * 16 * 1) ** (1 / 3))
    assert (total.worst_condition, total.worst_s_ratio) == ("c", 1.0)
    assert total.charge == pytest.approx(0.001)
    assert (total.quenched, total.diverged) == (2, 0)


def test_the_table_has_medians_ranges_and_counts(scores: Scores) -> None:
    first = [
        replace(one, settling_step=step, charge=charge, std_controlled=std, mean_shift=shift)
        for one, step, charge, std, shift in zip(
            scores(2.0, 9.0, 4.0), (100, math.nan, 300), (1e-3, 5e-3, 2e-3), (0.5, 0.1, 0.2),
            (0, 9, 1), strict=True,
        )
    ]  # fmt: skip
    frozen, diverged = scores(math.nan, 8.0)
    diverged = replace(diverged, settling_step=math.nan, diverged=True)
    table = suite_table(submitted(a=first, b=[frozen, diverged]))
    settled = table.pop("settling_step")
    assert settled[0] == 300.0
    assert math.isnan(settled[1])  # half of them never settle
    assert table == {
        "condition": ["a", "b"],
        "s_ratio": [4.0, 4.5],
        "s_ratio_min": [2.0, 1.0],
        "s_ratio_max": [9.0, 8.0],
        "std_controlled": [0.2, 0.25],
        "charge": [2e-3, 1e-3],
        "mean_shift": [1.0, 0.02],
        "quenched": [0, 1],
        "diverged": [0, 1],
        "ensembles": [3, 2],
    }
