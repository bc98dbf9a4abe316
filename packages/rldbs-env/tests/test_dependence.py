"""Sweeps over one number: what is found to vary, what the columns hold, what is drawn."""

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from neuro_common.plots import new_figure
from neuro_common.runs import read_csv
from rldbs_env import animation, command
from rldbs_env.dependence import (
    dependence_of,
    suppression_over,
    varied_number,
    write_dependence,
)
from rldbs_env.evaluation import Evaluation
from rldbs_env.protocol import Protocol
from rldbs_env.scoring import Score


def score(**changes: Any) -> Score:
    numbers = dict.fromkeys(Score.__dataclass_fields__, 1.0) | {"ensemble": 0}
    flags = {"quenched": False, "diverged": False}
    return Score(**(numbers | flags | changes))  # type: ignore[arg-type]


def evaluation(ratios: list[float], residuals: list[float]) -> Evaluation:
    made = Evaluation(Protocol(ensembles=tuple(range(len(ratios)))))
    made.scores["linear"] = [
        replace(score(s_ratio=ratio, std_controlled=residual), ensemble=number)
        for number, (ratio, residual) in enumerate(zip(ratios, residuals, strict=True))
    ]
    return made


def test_the_number_that_varies_is_found_in_depth() -> None:
    configs = [{"seed": 0, "model": {"coupling": c, "dt": 0.2}} for c in (0.1, 0.03)]
    assert varied_number(configs) == ("model.coupling", [0.1, 0.03])


@pytest.mark.parametrize(
    ("configs", "message"),
    [
        ([{"a": 1}, {"a": 1}], "got no difference"),
        ([{"a": 1, "b": 1}, {"a": 2, "b": 2}], "got a, b"),
        ([{"a": "x"}, {"a": "y"}], r"a must be a number to be drawn over, got \['x', 'y'\]"),
    ],
)
def test_sweeps_over_anything_else_are_refused(configs: list[dict[str, Any]], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        varied_number(configs)


def test_rows_are_in_the_order_of_the_values_and_quenched_counts_as_zero() -> None:
    columns = dependence_of(
        [2.0, 1.0],
        [evaluation([40.0, 50.0, 70.0], [0.1, 0.2, 0.4]), evaluation([math.nan, 3.0], [1.0, 3.0])],
    )
    assert columns == {
        "value": [1.0, 2.0],
        "controller": ["linear", "linear"],
        "s_ratio_median": [1.5, 50.0],
        "s_ratio_low": [0.0, 40.0],
        "s_ratio_high": [3.0, 70.0],
        "residual_median": [3.0, 0.2],  # a frozen population has none to speak of
        "residual_low": [3.0, 0.1],
        "residual_high": [3.0, 0.4],
    }


def test_what_is_drawn_is_what_the_columns_hold(tmp_path: Path) -> None:
    values = [100.0, 1000.0, 3000.0]
    made = [evaluation([value / 20, value / 10], [1 / value, 2 / value]) for value in values]
    _, axes = new_figure(1, 2)
    lines = suppression_over(axes[0], "n_neurons", dependence_of(values, made))
    np.testing.assert_allclose(lines[0].get_xydata(), [[v, 0.075 * v] for v in values])
    np.testing.assert_allclose(lines[1].get_xydata(), [[v, 1.5 / v] for v in values])
    assert axes[0, 0].get_xscale() == "log"
    page = write_dependence("n_neurons", values, made, tmp_path)
    assert "suppression over n_neurons" in page.read_text()
    assert read_csv(tmp_path / "summary.csv")["s_ratio_median"] == ["7.5", "75.0", "225.0"]


def test_a_sweep_over_a_number_is_drawn_over_it_and_a_run_is_filmed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    short = "n_ensembles=2 free_steps=1000 controlled_steps=2000 recovery_steps=250"
    swept = "evaluate controllers=[linear] n_neurons=20,60 sweep=size --multirun"
    sweep = tmp_path / "results/rldbs-env/evaluate/multirun/size"
    drawn = tmp_path / "drawn"
    for line in (f"{swept} {short}", f"figures run={sweep} hydra.run.dir={drawn}"):
        assert command.main(line.split()) == 0
    assert read_csv(drawn / "summary.csv")["value"] == ["20.0", "60.0"]
    assert (drawn / "figures/dependence.png").is_file()
    assert "suppression over n_neurons" in (drawn / "report.html").read_text()

    monkeypatch.setattr(animation, "_FRAMES_PER_CYCLE", 1)
    (job, *_) = sorted(path.parent for path in sweep.glob("*/scores.csv"))
    filmed = tmp_path / "filmed"
    line = f"figures run={job} animation=true hydra.run.dir={filmed}"
    assert command.main(line.split()) == 0
    assert (filmed / "figures/suppression.gif").stat().st_size > 10_000
    assert f"wrote {filmed / 'figures/suppression.gif'}" in capsys.readouterr().out
