"""Agents that are no repeats of one training are compared with the laws one by one."""

from collections.abc import Callable

import numpy as np
import pytest
from matplotlib.figure import Figure

from neuro_common.stats import bootstrap_crossed, bootstrap_mean
from rldbs_env.comparison import comparison, paired_points
from rldbs_env.evaluation import Evaluation
from rldbs_env.protocol import Protocol
from rldbs_env.scoring import Score

PROTOCOL = Protocol(ensembles=(5, 6, 7), seed=3)


@pytest.fixture
def evaluation(scores: Callable[..., list[Score]]) -> Evaluation:
    many = {
        "linear": scores(10.0, 20.0, 40.0, first=5, charge=0.02),
        "policy": scores(20.0, 60.0, 40.0, first=5, charge=0.01),
        "policy:mine": scores(5.0, 20.0, 20.0, first=5, charge=0.03),
        "policy seed 0": scores(10.0, 20.0, 40.0, first=5, charge=0.03),
        "policy seed 1": scores(30.0, 60.0, 120.0, first=5, charge=0.03),
    }
    return Evaluation(PROTOCOL, many)


def test_another_policy_is_not_averaged_in(evaluation: Evaluation) -> None:
    table = comparison(evaluation)
    assert table["agent"] == ["policy", "policy:mine", "seeds"]
    assert table["beside"] == ["linear"] * 3
    ratios = np.array([[2.0, 3.0, 1.0], [0.5, 1.0, 0.5], [1.0, 1.0, 1.0], [3.0, 3.0, 3.0]])
    wanted = [bootstrap_mean(row, seed=3) for row in ratios[:2]]
    wanted.append(bootstrap_crossed(ratios[2:], seed=3))
    cells = [f"{mean:.3g} [{low:.3g}, {high:.3g}]" for mean, low, high in wanted]
    assert table["S_ratio over the law's"] == cells


def test_each_training_has_a_colour_and_seeds_share_theirs(evaluation: Evaluation) -> None:
    ax = Figure().subplots()
    points = paired_points(ax, evaluation)
    colours = [tuple(np.asarray(one.get_facecolor())[0, :3].tolist()) for one in points]
    assert len(set(colours[:3])) == 3
    assert colours[2] == colours[3]
    assert ax.get_legend() is not None
