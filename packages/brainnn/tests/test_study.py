"""The control study from its tables to its page, with tiny tables made here."""

from pathlib import Path

import numpy as np
import pytest

from brainnn.analysis.comparisons import compare_runs
from brainnn.analysis.study import TABLES, TEACHER_STEPS, Arm, WiringStudy, load_wiring_study
from brainnn.analysis.study_outcomes import (
    OUTCOMES,
    compare_study,
    comparison_table,
    outcome_of,
    study_summary,
    study_verdicts,
)
from brainnn.cli import main
from brainnn.figures.study import (
    control_curves,
    difference_figure,
    difference_plot,
    draw_differences,
)
from brainnn.study_report import study_curves, write_study_page
from brainnn.wiring_config import WiringFigureConfig
from neuro_common.files import FormatError, write_csv
from neuro_common.plots import new_figure
from neuro_common.runs import read_csv, read_metric
from neuro_common.stats import holm

pytestmark = pytest.mark.usefixtures("no_drawing")
TAUGHT = Arm("manc", "dagger", "edge")
SELF_TAUGHT = Arm("worm", "ppo", "edge")
LEVELS = {"connectome": 0.5, "rewired": 0.4, "signs": 0.5, "mlp": 0.6}
SEEDS = {"connectome": 4, "rewired": 4, "signs": 3, "mlp": 1}


@pytest.fixture
def tables(tmp_path: Path) -> Path:
    """A taught arm of four networks, and a self-taught one with two real runs alone."""
    columns: dict[str, dict[str, list[object]]] = {
        name: {column: [] for column in wanted} for name, wanted in TABLES.items()
    }

    def add(table: str, *cells: object) -> None:
        for column, cell in zip(columns[table].values(), cells, strict=True):
            column.append(cell)

    number = 0
    for network, seeds in SEEDS.items():
        for seed in range(seeds):
            level = LEVELS[network] + 0.01 * seed
            add("wiring_runs", number, "manc", network, "edge", "dagger", seed, 900, 6144)
            # the teacher drives at first, and well
            for step, reward in ((TEACHER_STEPS, 9.0), (5120, level), (6144, level + 0.2)):
                add("wiring_curves", number, step, reward)
            for episode in range(2):
                add("wiring_episodes", number, "intact", episode, level, episode, 500)
                if network != "mlp":
                    add("wiring_episodes", number, "lesions", episode, level / 2, 0, 500)
            number += 1
    for seed in range(2):
        add("wiring_runs", number, "worm", "connectome", "edge", "ppo", seed, 900, 2000)
        add("wiring_curves", number, 1000, 0.2)
        add("wiring_curves", number, 2000 + 1000 * seed, 0.4)
        number += 1
    for name, table in columns.items():
        write_csv(tmp_path / "tables" / f"{name}.csv", table)
    return tmp_path / "tables"


@pytest.fixture
def study(tables: Path) -> WiringStudy:
    return load_wiring_study(tables)


def test_runs_are_found_by_arm_and_network(study: WiringStudy) -> None:
    assert study.arms == [TAUGHT, SELF_TAUGHT]
    assert {name: len(runs) for name, runs in study.of(TAUGHT).items()} == SEEDS
    assert [*study.of(SELF_TAUGHT)] == ["connectome"]
    run = study.of(TAUGHT)["rewired"][2]
    assert (run.number, run.seed, run.parameters, run.steps) == (6, 2, 900, 6144)
    assert [*run.episodes] == ["intact", "lesions"]
    assert run.episodes["intact"].speed == pytest.approx([0.42, 0.42])
    assert run.episodes["intact"].fell.tolist() == [0, 1]
    assert TAUGHT.title == "fly leg circuit, taught, a gain for each edge"


def test_what_the_teacher_drove_is_no_learning(study: WiringStudy) -> None:
    run = study.of(TAUGHT)["rewired"][2]
    np.testing.assert_allclose(run.curve, [[5120, 6144], [0.42, 0.62]])
    # nobody drove for who taught itself
    assert study.of(SELF_TAUGHT)["connectome"][0].curve[0].tolist() == [1000, 2000]


def test_outcomes_are_of_the_runs_that_have_them(study: WiringStudy) -> None:
    learning = outcome_of(study, TAUGHT, "learning")
    assert np.concatenate(learning["rewired"]) == pytest.approx([0.5, 0.51, 0.52, 0.53])
    assert outcome_of(study, TAUGHT, "upright")["signs"][0].tolist() == [1, 0]
    assert [*outcome_of(study, TAUGHT, "lesions")] == ["connectome", "rewired", "signs"]
    assert outcome_of(study, TAUGHT, "lesions")["signs"][0] == pytest.approx([0.25, 0.25])
    assert outcome_of(study, TAUGHT, "terrain") == {}
    # the longer curve counts as far as the shorter one goes, where it is half way up
    heights = outcome_of(study, SELF_TAUGHT, "learning")["connectome"]
    assert np.concatenate(heights) == pytest.approx([0.3, 0.25])
    with pytest.raises(ValueError, match="outcome must be one of learning, speed"):
        outcome_of(study, TAUGHT, "grace")


def test_families_are_outcomes_of_arms_with_controls(study: WiringStudy) -> None:
    findings = compare_study(study, n_resamples=200, seed=3)
    assert [*findings] == [(TAUGHT, name) for name in ("learning", "speed", "upright", "lesions")]
    values = outcome_of(study, TAUGHT, "speed")
    real = values.pop("connectome")
    assert findings[TAUGHT, "speed"][0] == compare_runs(real, values, n_resamples=200, seed=3)[0]
    table = comparison_table(findings)
    assert table["control"] == ["rewired", "signs", "mlp"] * 3 + ["rewired", "signs"]
    assert table["control_runs"][:3] == [4, 3, 1]
    assert table["difference"][:3] == pytest.approx([0.1, 0.005, -0.085])
    known = [place for place, p in enumerate(table["p"]) if np.isfinite(p)]
    assert len(known) == 8
    corrected = holm([table["p"][place] for place in known])
    assert [table["p_study"][place] for place in known] == pytest.approx(corrected)


def test_the_verdict_says_what_differs_and_what_would_have_been_seen(study: WiringStudy) -> None:
    findings = compare_study(study, n_resamples=200)
    learning, _, upright, lesions = study_verdicts(findings)[TAUGHT]
    assert learning.startswith(
        "Reward a step while it learned: the real wiring was 0.100 above rewired (95 % interval "
    )
    least = findings[TAUGHT, "learning"][1].detectable
    assert f"no difference from shuffled signs was found; one of at least {least:.3f}" in learning
    assert learning.endswith("there were too few runs to tell it from MLP.")
    assert upright.startswith("Share without a fall: every run was at 0.500, as with rewired and")
    assert "0.050 above rewired" in lesions
    summary = study_summary(findings)
    assert summary.startswith("In 3 of 4 families of comparisons")
    assert "a difference in 0.2 of them" in summary
    assert "Corrected for all 8 comparisons at once, 3 differences remained." in summary


def test_the_figure_shows_what_was_found(study: WiringStudy, tmp_path: Path) -> None:
    findings = compare_study(study, n_resamples=200)
    family = findings[TAUGHT, "lesions"]
    _, axes = new_figure()
    difference_plot(axes[0, 0], {"rewired": "rewired (4)", "signs": "b", "mlp": "c"}, family)
    faces = [line.get_markerfacecolor() for line in axes[0, 0].lines if line.get_marker() == "o"]
    assert [face == "white" for face in faces] == [False, True, True]
    bands = [(bar.get_x(), bar.get_width()) for bar in axes[0, 0].patches]
    assert bands[1] == pytest.approx((-family[1].detectable, 2 * family[1].detectable))
    assert bands[2] == (0, 0)
    panels = {TAUGHT.title: {"lesions": family}, "other, taught, arm": {"speed": family}}
    labels = {"lesions": OUTCOMES["lesions"], "terrain": OUTCOMES["terrain"]}
    names = {"rewired": "rewired", "signs": "shuffled signs"}
    path = draw_differences(panels, labels, names, tmp_path / "differences")
    table = read_csv(path.with_suffix(".csv"))
    assert table["arm"] == [TAUGHT.title] * 2
    assert np.array(table["mean"], float) == pytest.approx([0.05, 0.0025])
    with pytest.raises(ValueError, match="an arm must have one of terrain, got none"):
        difference_figure(panels, {"terrain": ""}, names)


def test_curves_are_means_over_runs(study: WiringStudy) -> None:
    panels = study_curves(study)
    curve = panels[TAUGHT.title]["rewired"]
    assert curve.mean == pytest.approx([0.415, 0.615])
    _, axes = new_figure()
    colours = dict.fromkeys(panels[TAUGHT.title], "black")
    lines = control_curves(axes[0, 0], panels[TAUGHT.title], colours)
    assert [*lines] == ["real wiring", "rewired", "shuffled signs", "MLP"]
    # a single run has no band
    assert len(axes[0, 0].collections) == 3


def test_the_page_is_written_by_the_verb(
    tables: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["figures", "wiring", f"tables={tables}", "resamples=200"]) == 0
    (run,) = Path("results/brainnn/figures_wiring").iterdir()
    assert read_metric(run) == 3
    said = capsys.readouterr().out
    assert "fly leg circuit, taught, a gain for each edge:\n  Reward a step" in said
    page = (run / "report.html").read_text()
    assert "never about the surrogate" in page
    assert "0.100 above rewired" in page
    assert read_csv(run / "comparisons.csv")["outcome"][0] == "learning"
    assert {path.name for path in (run / "figures").glob("*.csv")} == {
        "learning.csv", "walking.csv", "disturbed.csv",
    }  # fmt: skip
    other = ["hydra.run.dir=other", f"tables={tmp_path}/none"]
    assert main(["figures", "wiring", *other]) == 1
    assert "wiring_runs.csv must be a table, got nothing there" in capsys.readouterr().err
    with pytest.raises(ValueError, match="resamples must be at least 100"):
        WiringFigureConfig(resamples=9)


def test_a_study_without_controls_has_no_page(study: WiringStudy, tmp_path: Path) -> None:
    alone = WiringStudy(tuple(run for run in study.runs if run.network == "connectome"))
    with pytest.raises(ValueError, match="runs of the real wiring and of a control"):
        write_study_page(alone, compare_study(alone), tmp_path)


@pytest.mark.parametrize(
    ("table", "row", "said"),
    [
        (
            "runs",
            "99,surrogate,connectome,edge,ppo,0,9,9",
            "one of manc, worm in column connectome",
        ),
        ("runs", "99,worm,layers,edge,ppo,0,9,9", "one of connectome, rewired"),
        (
            "runs",
            "99,worm,signs,edge,ppo,-1,9,9",
            r"at least 0 in column seed, got '-1' in line 16",
        ),
        ("runs", "0,worm,signs,edge,ppo,0,9,9", "no two rows of one run, got 0 again in line 16"),
        ("runs", "99,worm,connectome,edge,ppo,1,9,9", "no two rows of one connectome, learning"),
        ("curves", "0,x,0.5", "whole numbers of at least 0 in column step, got 'x'"),
        ("curves", "0,9,nan", "finite numbers in column reward, got 'nan'"),
        ("curves", "77,9,0.5", "runs in wiring_runs.csv, got 77"),
        ("curves", "0,5120,0.5", "no two rows of one run, step"),
        ("episodes", "0,rain,0,0.5,0,9", "one of intact, sensor_noise"),
        ("episodes", "0,intact,7,0.5,2,9", "at least 0 at most 1 in column fell, got '2'"),
        ("episodes", "0,intact,0,0.5,0,9", "no two rows of one run, condition, episode"),
        ("episodes", "0,intact,0", "must have 6 cells in every row, got 3"),
    ],
)
def test_tables_that_do_not_fit_are_refused(tables: Path, table: str, row: str, said: str) -> None:
    with (tables / f"wiring_{table}.csv").open("a") as file:
        file.write(f"{row}\n")
    with pytest.raises(FormatError, match=said):
        load_wiring_study(tables)


def test_tables_that_lack_something_are_refused(tables: Path) -> None:
    runs = tables / "wiring_runs.csv"
    text = runs.read_text()
    runs.write_text(text.replace("seed", "sead", 1))
    with pytest.raises(FormatError, match="must have a column seed"):
        load_wiring_study(tables)
    runs.write_text(text.splitlines()[0] + "\n")
    with pytest.raises(FormatError, match="must have at least one run, got none"):
        load_wiring_study(tables)
    (tables / "wiring_curves.csv").unlink()
    with pytest.raises(FileNotFoundError, match=r"wiring_curves\.csv must be a table"):
        load_wiring_study(tables)


def test_the_study_that_ships_can_be_read_and_compared() -> None:
    study = load_wiring_study()
    findings = compare_study(study, n_resamples=100)
    assert {arm.connectome for arm, _ in findings} == {"manc", "worm"}
    assert all(np.isfinite(one.difference.mean) for many in findings.values() for one in many)
