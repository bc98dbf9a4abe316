"""Controllers compared: what is kept of a test, how it is summed up."""

import math
from collections.abc import Callable
from dataclasses import replace
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

Scores = Callable[..., list[Score]]


def test_adding_a_controller_keeps_its_scores_and_its_first_ensemble(
    evaluation: Evaluation,
) -> None:
    recording = run(make("linear"), evaluation.protocol)
    assert repr(evaluation.scores["linear"]) == repr(score(recording))
    assert [one.ensemble for one in evaluation.scores["linear"]] == [7, 3, 5]
    example = evaluation.examples["linear"]
    np.testing.assert_array_equal(example.mean_x, recording.mean_x[:, 0])
    np.testing.assert_array_equal(example.mean_y, recording.mean_y[:, 0])
    np.testing.assert_array_equal(example.kicks, recording.kicks[:, 0])
    np.testing.assert_array_equal(example.neuron_x, recording.shown_x)
    assert not np.array_equal(recording.mean_x[:, 0], recording.mean_x[:, 1])


def test_adding_returns_the_scores_it_keeps(small: Callable[..., Protocol]) -> None:
    made = Evaluation(small())
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
    scores: Scores, ratios: tuple[float, ...], expected: float
) -> None:
    assert suppression(scores(*ratios)) == expected


def test_summary_has_a_row_per_controller(scores: Scores) -> None:
    made = Evaluation(Protocol(), {"b": scores(2.0, 4.0), "a": scores(1.0, 1.0)})
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


def test_summary_never_takes_a_quenched_ensemble_for_a_success(scores: Scores) -> None:
    some = scores(math.nan, 2.0, math.nan, 4.0)
    one = scores(math.nan, 3.0)
    none = scores(math.nan, math.nan)
    table = summary(Evaluation(Protocol(), {"some": some, "one": one, "none": none}))
    assert table["S_ratio"] == ["1.5 [0, 3]", "1.5 [0, 3]", "-"]
    assert table["quenched"] == ["2 of 4", "1 of 2", "2 of 2"]
    assert table["residual std"][2] == "0.25"


def test_summary_agrees_with_a_bootstrap_written_by_hand(scores: Scores) -> None:
    ratios = np.array([3.0, 5.0, 8.0, 13.0, 21.0])
    made = Evaluation(Protocol(), {"a": scores(*ratios)})
    (cell,) = summary(made)["S_ratio"]
    means = ratios[np.random.default_rng(0).integers(0, 5, (20_000, 5))].mean(axis=1)
    low, high = np.quantile(means, [0.025, 0.975])
    mean, limits = cell.split(" ", 1)
    shown = [float(text) for text in limits.strip("[]").split(", ")]
    assert float(mean) == 10.0
    assert shown == pytest.approx([low, high], abs=0.35)
    assert summary(made)["S_ratio"] == [cell]


def test_a_single_value_has_an_interval_of_no_width() -> None:
    assert mean_interval([3.5], seed=0) == (3.5, 3.5, 3.5)
    assert mean_interval([2.0, 4.0], seed=0) == (3.0, 2.0, 4.0)


def test_quick_summary_is_a_median_and_for_s_ratio_its_range(scores: Scores) -> None:
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


def test_the_default_transient_is_read_back_as_such(tmp_path: Path, scores: Scores) -> None:
    example = Example(np.ones(3), np.ones(3), np.ones(3), np.ones((1, 2), np.float32))
    protocol = Protocol(ensembles=(1000,))
    Evaluation(protocol, {"a": scores(2.0)}, {"a": example}).write(tmp_path)
    assert read_evaluation(tmp_path).protocol == protocol


number = st.floats(allow_nan=True, allow_infinity=True)


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    numbers=st.lists(
        st.fixed_dictionaries({
            "s_ratio": number, "reward": number, "settling_step": number, "charge": number,
            "quenched": st.booleans(), "diverged": st.booleans(),
            "ensemble": st.integers(0, 2**63 - 1),
        }),
        min_size=1,
        max_size=3,
        unique_by=lambda one: one["ensemble"],
    ),
    values=st.lists(st.floats(width=32), min_size=4, max_size=4),
    coupling=st.floats(-1, 1),
)  # fmt: skip
def test_any_number_survives_the_files(
    tmp_path: Path,
    scores: Scores,
    numbers: list[dict[str, Any]],
    values: list[float],
    coupling: float,
) -> None:
    many = [replace(scores(1.0)[0], **one) for one in numbers]
    x, y, kicks = np.array([values, values[::-1], values])
    example = Example(x, y, kicks, np.array([values], np.float32))
    protocol = Protocol(
        BonhoefferVanDerPol(coupling=coupling), ensembles=tuple(one.ensemble for one in many)
    )
    Evaluation(protocol, {"a": many}, {"a": example}).write(tmp_path)
    again = read_evaluation(tmp_path)
    assert repr(again.scores["a"]) == repr(many)
    for name, array in vars(example).items():
        np.testing.assert_array_equal(getattr(again.examples["a"], name), array)
    assert again.protocol == protocol
