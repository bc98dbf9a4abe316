"""Agents beside laws: the paired numbers are those of the scores, and the interval is crossed."""

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure

from neuro_common.report import Report
from neuro_common.stats import bootstrap_crossed, bootstrap_mean
from rldbs_env.comparison import (
    add_comparison,
    agents_and_laws,
    comparison,
    paired_points,
    pairs,
    short_name,
)
from rldbs_env.evaluation import Evaluation
from rldbs_env.protocol import Protocol
from rldbs_env.scoring import Score

PROTOCOL = Protocol(ensembles=(5, 6, 7), seed=3)


@pytest.fixture
def evaluation(scores: Callable[..., list[Score]]) -> Evaluation:
    many = {
        "linear": scores(40.0, 50.0, 20.0, first=5, charge=0.02, reward=-1.0),
        "none": scores(1.0, 1.0, 1.0, first=5, charge=0.0, reward=-1.0),
        "tonic": scores(math.nan, 2.0, 2.0, first=5, charge=0.01, reward=-1.0),
        "policy seed 0": scores(80.0, 75.0, 50.0, first=5, charge=0.01, reward=-0.5),
        "policy seed 1": scores(60.0, math.nan, 10.0, first=5, charge=0.03, reward=-0.75),
    }
    return Evaluation(PROTOCOL, many)


RATIOS = np.array([[2.0, 1.5, 2.5], [1.5, 0.0, 0.5]])


def test_agents_are_those_that_were_trained(evaluation: Evaluation) -> None:
    agents, laws = agents_and_laws(evaluation)
    assert agents == ["policy seed 0", "policy seed 1"]
    assert laws == ["linear", "none", "tonic"]


def test_of_a_long_directory_the_end_is_shown() -> None:
    assert short_name("policy:results/mine") == "policy:results/mine"
    run = "policy:results/rldbs-env/train/2026-11-23_00-12-45"
    assert short_name(run) == "policy:…2026-11-23_00-12-45"
    assert short_name(f"{run}_in_the_same_night/") == "policy:…-12-45_in_the_same_night"


def test_means_over_agents_and_ensembles_with_crossed_intervals(evaluation: Evaluation) -> None:
    table = comparison(evaluation)
    assert table["beside"] == ["linear", "none", "tonic"]
    mean, low, high = bootstrap_crossed(RATIOS, seed=3)
    assert table["S_ratio over the law's"][0] == f"{mean:.3g} [{low:.3g}, {high:.3g}]"
    assert table["charge over the law's"][0].startswith("1 [0.5")
    assert table["reward above the law's"][0].startswith("0.375 [0.25")
    assert mean == RATIOS.mean()


def test_there_is_no_ratio_to_what_is_frozen_or_free_of_charge(evaluation: Evaluation) -> None:
    table = comparison(evaluation)
    assert table["charge over the law's"][1] == "-"
    assert table["S_ratio over the law's"][2] == "-"
    assert table["S_ratio over the law's"][1] != "-"


def test_of_one_agent_only_ensembles_are_resampled(evaluation: Evaluation) -> None:
    del evaluation.scores["policy seed 1"]
    mean, low, high = bootstrap_mean(RATIOS[0], seed=3)
    cell = comparison(evaluation)["S_ratio over the law's"][0]
    assert cell == f"{mean:.3g} [{low:.3g}, {high:.3g}]"


@pytest.mark.parametrize("kept", ["linear", "policy seed 0"])
def test_nothing_is_compared_with_nothing(
    evaluation: Evaluation, kept: str, tmp_path: Path
) -> None:
    alone = Evaluation(PROTOCOL, {kept: evaluation.scores[kept]})
    assert comparison(alone) == {}
    add_comparison(Report(tmp_path, "alone"), alone, tmp_path)
    assert not list(tmp_path.iterdir())


def test_every_pair_is_listed(evaluation: Evaluation) -> None:
    rows = pairs(evaluation)
    assert {len(column) for column in rows.values()} == {2 * 3 * 3}
    first = {name: column[0] for name, column in rows.items()}
    assert first == {
        "agent": "policy seed 0", "law": "linear", "ensemble": 5, "s_ratio": 80.0,
        "s_ratio_law": 40.0, "S_ratio over the law's": 2.0, "charge over the law's": 0.5,
        "reward above the law's": 0.5,
    }  # fmt: skip


def test_points_lie_where_the_scores_are(evaluation: Evaluation) -> None:
    ax = Figure().subplots()
    one, two = paired_points(ax, evaluation)
    np.testing.assert_array_equal(one.get_offsets(), [[40, 80], [50, 75], [20, 50]])
    np.testing.assert_array_equal(two.get_offsets(), [[40, 60], [50, 0], [20, 10]])
    assert ax.get_xlabel() == "S_ratio of linear"
    assert ax.get_xlim() == ax.get_ylim() == (0.0, pytest.approx(84.0))


def test_a_report_gets_table_figure_and_files(
    evaluation: Evaluation, tmp_path: Path, rows: Callable[[Path], list[dict[str, str]]]
) -> None:
    report = Report(tmp_path, "seeds")
    add_comparison(report, evaluation, tmp_path)
    report.write()
    written = [row["beside"] for row in rows(tmp_path / "comparison.csv")]
    assert written == ["linear", "none", "tonic"]
    assert (tmp_path / "pairs.csv").is_file()
    assert (tmp_path / "figures" / "paired.png").is_file()


@pytest.fixture
def several(scores: Callable[..., list[Score]]) -> Evaluation:
    """Agents that are no repeats of one training beside two that are."""
    many = {
        "linear": scores(10.0, 20.0, 40.0, first=5, charge=0.02),
        "policy": scores(20.0, 60.0, 40.0, first=5, charge=0.01),
        "policy:mine": scores(5.0, 20.0, 20.0, first=5, charge=0.03),
        "policy seed 0": scores(10.0, 20.0, 40.0, first=5, charge=0.03),
        "policy seed 1": scores(30.0, 60.0, 120.0, first=5, charge=0.03),
    }
    return Evaluation(PROTOCOL, many)


def test_another_policy_is_not_averaged_in(several: Evaluation) -> None:
    table = comparison(several)
    assert table["agent"] == ["policy", "policy:mine", "seeds"]
    assert table["beside"] == ["linear"] * 3
    ratios = np.array([[2.0, 3.0, 1.0], [0.5, 1.0, 0.5], [1.0, 1.0, 1.0], [3.0, 3.0, 3.0]])
    wanted = [bootstrap_mean(row, seed=3) for row in ratios[:2]]
    wanted.append(bootstrap_crossed(ratios[2:], seed=3))
    cells = [f"{mean:.3g} [{low:.3g}, {high:.3g}]" for mean, low, high in wanted]
    assert table["S_ratio over the law's"] == cells


def test_each_training_has_a_colour_and_seeds_share_theirs(several: Evaluation) -> None:
    ax = Figure().subplots()
    points = paired_points(ax, several)
    colours = [tuple(np.asarray(one.get_facecolor())[0, :3].tolist()) for one in points]
    assert len(set(colours[:3])) == 3
    assert colours[2] == colours[3]
    assert ax.get_legend() is not None
