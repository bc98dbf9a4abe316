"""Controllers compared: what is kept of a test, how it is summed up."""

import math
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rldbs_env import BonhoefferVanDerPol
from rldbs_env.controllers import make
from rldbs_env.evaluation import (
    Evaluation,
    Example,
    format_columns,
    mean_interval,
    quick_summary,
    read_evaluation,
    summary,
    suppression,
)
from rldbs_env.protocol import Protocol, run
from rldbs_env.scoring import Score, score

# 3,251 steps: no multiple of the five steps between samples of single neurons
SMALL = Protocol(
    model=BonhoefferVanDerPol(coupling=0.04),
    n_neurons=30,
    ensembles=(7, 3),
    free_steps=1000,
    controlled_steps=2000,
    recovery_steps=251,
    transient_steps=1500,
    seed=5,
)
PLAIN = Score(
    ensemble=1000,
    s_ratio=4.0,
    s_sqrt=2.0,
    s_db=12.0,
    std_free=1.0,
    std_controlled=0.25,
    floor_ratio=1.5,
    quenched=False,
    diverged=False,
    active_fraction=1.0,
    mean_shift=0.02,
    order_free=0.8,
    order_controlled=0.1,
    charge=0.001,
    net_charge=-0.0001,
    energy=1e-6,
    peak=0.01,
    pulses_per_period=162.0,
    reward=-0.01,
    settling_step=300.0,
    recovery_step=math.nan,
    period=32.4,
)
QUENCHED = replace(
    PLAIN, s_ratio=math.nan, s_sqrt=math.nan, s_db=math.nan, floor_ratio=math.nan, quenched=True
)


def scores(*s_ratios: float) -> list[Score]:
    """One score per ensemble, NaN for a quenched one."""
    many = [QUENCHED if math.isnan(ratio) else replace(PLAIN, s_ratio=ratio) for ratio in s_ratios]
    return [replace(one, ensemble=1000 + i) for i, one in enumerate(many)]


def same(first: Any, second: Any) -> bool:
    """Equal, where NaN equals NaN."""
    one, other = asdict(first), asdict(second)
    return one.keys() == other.keys() and all(
        np.array_equal(one[key], other[key], equal_nan=not isinstance(one[key], bool))
        for key in one
    )


@pytest.fixture(scope="module")
def evaluation() -> Evaluation:
    made = Evaluation(SMALL)
    for name in ("linear", "none", "tonic"):
        made.add(name, make(name))
    return made


def test_adding_a_controller_keeps_its_scores_and_its_first_ensemble(
    evaluation: Evaluation,
) -> None:
    recording = run(make("linear"), SMALL)
    expected = score(recording)
    assert all(map(same, evaluation.scores["linear"], expected))
    assert [one.ensemble for one in evaluation.scores["linear"]] == [7, 3]
    example = evaluation.examples["linear"]
    np.testing.assert_array_equal(example.mean_x, recording.mean_x[:, 0])
    np.testing.assert_array_equal(example.mean_y, recording.mean_y[:, 0])
    np.testing.assert_array_equal(example.kicks, recording.kicks[:, 0])
    np.testing.assert_array_equal(example.neuron_x, recording.shown_x)
    assert not np.array_equal(recording.mean_x[:, 0], recording.mean_x[:, 1])


def test_adding_returns_the_scores_it_keeps() -> None:
    made = Evaluation(replace(SMALL, transient_steps=0))
    assert made.add("mine", make("none")) is made.scores["mine"]
    assert list(made.examples) == ["mine"]


def test_controllers_do_what_their_names_say(evaluation: Evaluation) -> None:
    linear, none, tonic = (evaluation.scores[name] for name in ("linear", "none", "tonic"))
    assert suppression(linear) > 3
    assert 0.8 < suppression(none) < 1.3
    assert all(one.quenched for one in tonic)
    assert suppression(tonic) == 0


@pytest.mark.parametrize(
    ("ratios", "expected"),
    [((4.0, 6.0), 5.0), ((9.0, math.nan, math.nan), 3.0), ((math.nan, math.nan), 0.0)],
)
def test_a_failed_ensemble_counts_as_no_suppression(
    ratios: tuple[float, ...], expected: float
) -> None:
    assert suppression(scores(*ratios)) == expected


def test_summary_has_a_row_per_controller() -> None:
    made = Evaluation(SMALL, {"b": scores(2.0, 4.0), "a": scores(1.0, 1.0)})
    table = summary(made)
    assert list(table) == [
        "controller",
        "S_ratio",
        "residual std",
        "charge per step",
        "mean shift",
        "active",
        "reward per step",
        "quenched",
    ]
    assert table["controller"] == ["b", "a"]
    # the mean of two values drawn with replacement is the lower one in a quarter of all draws;
    # an interval of no width is not shown
    assert table["S_ratio"] == ["3 [2, 4]", "1"]
    assert table["residual std"] == ["0.25"] * 2
    assert table["charge per step"] == ["0.001"] * 2
    assert table["mean shift"] == ["0.02"] * 2
    assert table["active"] == ["1"] * 2
    assert table["reward per step"] == ["-0.01"] * 2
    assert table["quenched"] == ["0 of 2", "0 of 2"]


def test_summary_never_takes_a_quenched_ensemble_for_a_success() -> None:
    some = scores(math.nan, 2.0, math.nan, 4.0)
    one = scores(math.nan, 3.0)
    none = scores(math.nan, math.nan)
    table = summary(Evaluation(SMALL, {"some": some, "one": one, "none": none}))
    assert table["S_ratio"] == ["1.5 [0, 3]", "1.5 [0, 3]", "-"]
    assert table["quenched"] == ["2 of 4", "1 of 2", "2 of 2"]
    assert table["residual std"][2] == "0.25"


def test_summary_agrees_with_a_bootstrap_written_by_hand() -> None:
    ratios = np.array([3.0, 5.0, 8.0, 13.0, 21.0])
    (cell,) = summary(Evaluation(SMALL, {"a": scores(*ratios)}))["S_ratio"]
    means = ratios[np.random.default_rng(0).integers(0, 5, (20_000, 5))].mean(axis=1)
    low, high = np.quantile(means, [0.025, 0.975])
    mean, limits = cell.split(" ", 1)
    shown = [float(text) for text in limits.strip("[]").split(", ")]
    assert float(mean) == 10.0
    assert shown == pytest.approx([low, high], abs=0.35)
    (again,) = summary(Evaluation(SMALL, {"a": scores(*ratios)}))["S_ratio"]
    assert again == cell


def test_a_single_value_has_an_interval_of_no_width() -> None:
    assert mean_interval([3.5], seed=0) == (3.5, 3.5, 3.5)
    assert mean_interval([2.0, 4.0], seed=0) == (3.0, 2.0, 4.0)


def test_quick_summary_is_a_median_and_for_s_ratio_its_range() -> None:
    assert quick_summary(scores(2.0, 9.0, 4.0)) == {
        "S_ratio": "4 (2 to 9)",
        "residual std": "0.25",
        "charge per step": "0.001",
        "mean shift": "0.02",
        "active": "1",
        "reward per step": "-0.01",
        "quenched": "0 of 3",
    }
    assert quick_summary(scores(math.nan, 3.0))["S_ratio"] == "1.5 (0 to 3)"
    failed = quick_summary(scores(math.nan, math.nan))
    assert (failed["S_ratio"], failed["quenched"]) == ("-", "2 of 2")


def test_both_summaries_have_the_same_columns(evaluation: Evaluation) -> None:
    assert ["controller", *quick_summary(evaluation.scores["none"])] == [*summary(evaluation)]


def test_columns_are_aligned_under_their_headings() -> None:
    text = format_columns({"name": ["a", "longer one"], "x": [1.23456789, 2], "y": ["", "end"]})
    assert text.splitlines() == [
        "name        x      y",
        "--------------------",
        "a           1.235",
        "longer one  2      end",
    ]


def test_the_default_transient_is_read_back_as_such(tmp_path: Path) -> None:
    example = Example(np.ones(3), np.ones(3), np.ones(3), np.ones((1, 2), np.float32))
    protocol = Protocol(ensembles=(1000,))
    Evaluation(protocol, {"a": scores(2.0)}, {"a": example}).write(tmp_path)
    assert read_evaluation(tmp_path).protocol == protocol


number = st.floats(allow_nan=True, allow_infinity=True)


@settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    many=st.lists(
        st.builds(
            replace,
            st.just(PLAIN),
            s_ratio=number,
            reward=number,
            settling_step=number,
            charge=number,
            quenched=st.booleans(),
            diverged=st.booleans(),
            ensemble=st.integers(0, 2**63 - 1),
        ),
        min_size=1,
        max_size=3,
        unique_by=lambda one: one.ensemble,
    ),
    values=st.lists(st.floats(width=32), min_size=4, max_size=4),
    coupling=st.floats(-1, 1),
)
def test_any_number_survives_the_files(
    tmp_path: Path, many: list[Score], values: list[float], coupling: float
) -> None:
    x, y, kicks = np.array([values, values[::-1], values])
    example = Example(x, y, kicks, np.array([values], np.float32))
    protocol = Protocol(
        BonhoefferVanDerPol(coupling=coupling), ensembles=tuple(one.ensemble for one in many)
    )
    Evaluation(protocol, {"a": many}, {"a": example}).write(tmp_path)
    again = read_evaluation(tmp_path)
    assert all(map(same, again.scores["a"], many))
    assert same(again.examples["a"], example)
    assert again.protocol == protocol
