"""Learning curves of sweeps: what belongs together, whose seed it is, beside which law."""

import math
from pathlib import Path
from typing import Any

import pytest

from neuro_common.plots import new_figure
from neuro_common.runs import read_csv
from rldbs_env.evaluation import Evaluation
from rldbs_env.learning import Training, _draw_curves, _groups, learning_curves, paired_ratio
from rldbs_env.protocol import Protocol
from rldbs_env.scoring import Score

Curve = dict[str, list[float]]


def scored(s_ratio: float) -> Score:
    numbers = dict.fromkeys(Score.__dataclass_fields__, 1.0) | {"s_ratio": s_ratio}
    return Score(**numbers)  # type: ignore[arg-type]


def curve(level: float, points: int = 2) -> Curve:
    columns = ("step", "reward", "s_ratio", "charge")
    return {name: [level * (1 + point) for point in range(points)] for name in columns}


def training(seed: int, **config: Any) -> Training:
    return Training(Path(str(seed)), {"seed": seed, "threads": seed + 1, **config})


def test_trainings_that_were_told_other_things_have_no_median_together() -> None:
    _, axes = new_figure(1, 2)
    curves, laws = [curve(1.0), curve(3.0), curve(10.0)], [40.0, 50.0, 7.0]
    lines = learning_curves(axes[0], curves, laws, ["gamma=0.9", "gamma=0.9", "gamma=0.99"])
    medians = {str(line.get_label()): line for line in lines if "=" in str(line.get_label())}
    assert medians["gamma=0.9"].get_ydata().tolist() == [2.0, 4.0]  # type: ignore[union-attr]
    assert medians["gamma=0.99"].get_ydata().tolist() == [10.0, 20.0]  # type: ignore[union-attr]
    levels = [line.get_ydata()[0] for line in axes[0, 0].lines if line.get_linestyle() == "--"]
    assert levels == [45.0, 7.0]  # each group's law


def test_a_curve_of_one_validation_is_a_point() -> None:
    _, axes = new_figure(1, 2)
    assert {line.get_marker() for line in learning_curves(axes[0], [curve(1.0)], [5.0])} == {"None"}
    *_, median = learning_curves(axes[0], [curve(1.0, points=1)], [5.0])
    assert median.get_marker() == "."


def test_the_numbers_of_learning_curves_name_the_seeds(tmp_path: Path) -> None:
    curves = [curve(1.0), curve(2.0, points=1)]
    _draw_curves(curves, [1.0, 1.0], tmp_path, [7, 3], ["", ""])
    table = read_csv(tmp_path / "figures" / "learning_curves.csv")
    assert table["seed"] == ["7", "7", "3"]
    assert "training" not in table  # nothing was varied


@pytest.mark.parametrize(
    ("configs", "groups"),
    [
        ([{"algo": {"name": "ppo", "gamma": 0.9}}] * 2, ["", ""]),
        (
            [{"algo": {"name": "ppo", "n_epochs": 4}}, {"algo": {"name": "sac", "tau": 0.1}}],
            ["algo.name=ppo", "algo.name=sac"],
        ),
        (
            [{"algo": {"name": "ppo", "gamma": gamma}} for gamma in (0.9, 0.99)],
            ["algo.gamma=0.9", "algo.gamma=0.99"],
        ),
        ([{"model": {"coupling": 0.1}}, {"model": {}}], ["model.coupling=0.1", "model.coupling="]),
    ],
)
def test_trainings_that_differ_by_their_seed_alone_are_one_group(
    configs: list[dict[str, Any]], groups: list[str]
) -> None:
    found = _groups([training(seed, **config) for seed, config in enumerate(configs)])
    for name, wanted in zip(found, groups, strict=True):
        assert name.startswith(wanted)


def test_where_the_law_freezes_the_population_there_is_no_pair() -> None:
    evaluation = Evaluation(Protocol(ensembles=(0, 1, 2)))
    evaluation.scores["tonic"] = [scored(ratio) for ratio in (10.0, math.nan, 20.0)]
    evaluation.scores["policy"] = [scored(ratio) for ratio in (30.0, 50.0, math.nan)]
    assert paired_ratio(evaluation) == 1.5  # the median of 3 and 0
    evaluation.scores["tonic"] = [scored(math.nan)] * 3
    assert math.isnan(paired_ratio(evaluation))
