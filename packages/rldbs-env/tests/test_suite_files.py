"""Submissions: written, read back, refused when anything about them is not as the suite made it."""

import hashlib
import json
import math
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure

from neuro_common.files import FormatError
from rldbs_env import suite_report
from rldbs_env.catalogue import id_of
from rldbs_env.controllers import LinearFeedback
from rldbs_env.suite import CONDITIONS, Submission, overall, run_suite, suite_table
from rldbs_env.suite_files import read_reference, read_submission, suite_rows, write_submission
from rldbs_env.suite_report import suppression_by_condition, write_suite_report

Rows = Callable[[Path], list[dict[str, str]]]
pytestmark = pytest.mark.usefixtures("few")


@pytest.fixture(scope="module")
def submission(shorten_suite: Callable[[pytest.MonkeyPatch], None]) -> Submission:
    with pytest.MonkeyPatch.context() as patch:
        shorten_suite(patch)
        found = run_suite("linear", LinearFeedback(gain=-0.05), {"gain": -0.05}, n_ensembles=2)
    scores: Any = found.scores
    # one that is quenched, so that there is something that is not a number
    scores["noisy"][1] = replace(
        scores["noisy"][1], quenched=True, s_ratio=math.nan, s_sqrt=math.nan, s_db=math.nan
    )
    return found


@pytest.fixture
def written(submission: Submission, tmp_path: Path) -> Path:
    write_submission(submission, tmp_path)
    return tmp_path / "suite.json"


def test_a_submission_comes_back_whole(submission: Submission, written: Path) -> None:
    again = read_submission(written)
    for name in ("controller", "arguments", "environment", "n_ensembles", "seed", "versions"):
        assert getattr(again, name) == getattr(submission, name), name
    assert list(again.scores) == ["plain", "noisy", "large"]
    for name, scores in submission.scores.items():
        for one, other in zip(scores, again.scores[name], strict=True):
            for key, value in asdict(one).items():
                found = getattr(other, key)
                assert found == value or (math.isnan(found) and math.isnan(value)), key
                assert type(found) is type(value) or key in ("settling_step", "recovery_step")
    assert overall(again) == overall(submission)


def test_the_file_says_what_it_is_and_what_was_tested(
    submission: Submission, written: Path
) -> None:
    data = json.loads(written.read_text(encoding="utf-8"))
    assert (data["format"], data["format_version"]) == ("rldbs-env/suite", 1)
    assert data["versions"] == dict(submission.versions)
    noisy = data["conditions"]["noisy"]
    assert noisy["protocol"]["disturbances"] == [{"kind": "ObservationNoise", "std": 0.1}]
    assert [one["ensemble"] for one in noisy["scores"]] == [5000, 5001]
    assert noisy["scores"][1]["s_ratio"] == "nan"
    assert data["overall"]["worst_s_ratio"] == overall(submission).worst_s_ratio


def test_the_table_has_a_row_per_condition_and_the_whole(
    submission: Submission, written: Path, rows: Rows
) -> None:
    found = rows(written.with_name("suite.csv"))
    assert [row["condition"] for row in found] == ["plain", "noisy", "large", "overall"]
    assert {row["controller"] for row in found} == {"linear gain=-0.05"}
    assert {row["environment"] for row in found} == {"rldbs/BvdP-v0"}
    table, total = suite_table(submission), overall(submission)
    assert [float(row["s_ratio"]) for row in found] == [*table["s_ratio"], total.s_ratio]
    last = found[-1]
    assert float(last["s_ratio_min"]) == total.worst_s_ratio == min(table["s_ratio"])
    assert float(last["charge"]) == pytest.approx(np.mean(table["charge"]))
    assert (last["quenched"], last["ensembles"]) == ("1", "5")


# What is refused


def resigned(path: Path, change: Callable[[dict[str, Any]], None]) -> None:
    """Change the content, and give it the checksum of what it is now."""
    data = json.loads(path.read_text(encoding="utf-8"))
    change(data)
    content = {k: v for k, v in data.items() if k not in ("format", "format_version", "sha256")}
    text = json.dumps(content, sort_keys=True, ensure_ascii=False)
    data["sha256"] = hashlib.sha256(text.encode()).hexdigest()
    path.write_text(json.dumps(data), encoding="utf-8")


def test_the_checksum_is_that_of_the_content(written: Path) -> None:
    resigned(written, lambda data: None)
    assert read_submission(written).controller == "linear"


def test_an_edited_number_is_refused(written: Path) -> None:
    text = written.read_text(encoding="utf-8")
    for old, new in (('"charge": ', '"charge": 1'), ('"linear"', '"mine"')):
        assert old in text
        written.write_text(text.replace(old, new, 1), encoding="utf-8")
        with pytest.raises(FormatError, match="must have the SHA-256 that it was written with"):
            read_submission(written)


def drop(condition: str) -> Callable[[dict[str, Any]], None]:
    return lambda data: data["conditions"].pop(condition)


def set_score(name: str, value: Any) -> Callable[[dict[str, Any]], None]:
    return lambda data: data["conditions"]["plain"]["scores"][0].__setitem__(name, value)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (drop("noisy"), "must hold the conditions plain, noisy, large; this one lacks noisy and"),
        (
            lambda data: data["conditions"].__setitem__("easy", data["conditions"]["plain"]),
            "this one lacks none and has easy beside them",
        ),
        (
            lambda data: data["conditions"]["noisy"]["protocol"].__setitem__("disturbances", []),
            "condition noisy must be tested as this version's suite does",
        ),
        (
            lambda data: data["conditions"]["plain"]["scores"].pop(),
            r"condition plain must have the ensembles \[5000, 5001\], got \[5000\]",
        ),
        (set_score("ensemble", 7), r"must have the ensembles \[5000, 5001\], got \[7, 5001\]"),
        (set_score("s_ratio", 500.0), "S_ratio must be the free std over the controlled one"),
        (set_score("quenched", True), "S_ratio must be the free std over the controlled one"),
        (set_score("charge", None), "charge must be of type float, got None"),
        (set_score("charge", "free"), "holds no submission that can be read"),
        (set_score("diverged", 0), "diverged must be of type bool, got 0"),
        (set_score("luck", 1.0), "holds no submission that can be read"),
        (
            lambda data: data["conditions"]["plain"]["scores"][0].pop("charge"),
            "holds no submission that can be read",
        ),
        (
            lambda data: data["overall"].__setitem__("s_ratio", 99.0),
            "the overall score must be that of the conditions",
        ),
        (lambda data: data.__setitem__("seed", 1), "condition plain must be tested as this"),
        (lambda data: data.__setitem__("environment", "BvdQ"), "environment must be one of"),
        (lambda data: data.pop("versions"), "holds no submission that can be read"),
        (lambda data: data.__setitem__("conditions", []), "holds no submission that can be read"),
    ],
)
def test_what_is_not_the_suite_is_refused(
    written: Path, change: Callable[[dict[str, Any]], None], message: str
) -> None:
    resigned(written, change)
    with pytest.raises(FormatError, match=message):
        read_submission(written)


def test_files_of_another_kind_are_refused(written: Path, tmp_path: Path) -> None:
    whole = written.read_text(encoding="utf-8")
    for text, message in (
        (whole[: len(whole) // 2], "must be a complete JSON file"),
        (whole.replace("rldbs-env/suite", "other/suite", 1), 'must have the format "rldbs-env/su'),
        (whole.replace('"format_version": 1', '"format_version": 2'), "must have format_version <"),
        ("[]", "must have the format"),
    ):
        written.write_text(text, encoding="utf-8")
        with pytest.raises(FormatError, match=message):
            read_submission(written)
    with pytest.raises(FileNotFoundError):
        read_submission(tmp_path / "nowhere.json")


# The rows that it stands beside


EVERYWHERE = {"none", "linear", "linear_xy", "delayed", "pid", "adaptive"}


@pytest.mark.parametrize(
    ("environment", "among"),
    [
        ("rldbs/BvdP-v0", EVERYWHERE | {"on_off", "phase_triggered", "periodic", "policy"}),
        ("BvdPChargeBalanced", {"none", "linear_xy", "delayed", "policy"}),
        ("HindmarshRose", {"linear", "policy"}),
        ("KuramotoGrid", EVERYWHERE),
    ],
)
def test_the_shipped_rows_are_those_of_the_whole_suite(environment: str, among: set[str]) -> None:
    shipped = read_reference(environment)
    controllers = dict.fromkeys(shipped["controller"])
    assert among <= set(controllers)
    grid = environment == "KuramotoGrid"
    wanted = [*(one.name for one in CONDITIONS if one.grid or not grid), "overall"]
    assert set(shipped["environment"]) == {id_of(environment)}
    for name in controllers:
        mine = [i for i, one in enumerate(shipped["controller"]) if one == name]
        assert [shipped["condition"][i] for i in mine] == wanted
        medians = [shipped["s_ratio"][i] for i in mine]
        assert medians[-1] == pytest.approx(math.exp(np.log(medians[:-1]).mean()))
        charges = [shipped["charge"][i] for i in mine]
        assert charges[-1] == pytest.approx(np.mean(charges[:-1]))
    s_ratio = dict(zip(shipped["controller"], shipped["s_ratio"], strict=True))  # the last row's
    assert s_ratio.get("none", 1.0) == pytest.approx(1, abs=0.1)
    assert s_ratio.get("linear", s_ratio["linear_xy"]) > 14


def test_environments_without_rows_have_none() -> None:
    assert read_reference("rldbs/BvdPDiscrete-v0") == {}


def test_a_reference_of_something_else_is_refused(tmp_path: Path) -> None:
    text = "controller,s_ratio\nlinear,good\n"
    (tmp_path / "suite_BvdP.csv").write_text(text, encoding="utf-8")
    with pytest.raises(FormatError, match="must hold the suite's rows"):
        read_reference("BvdP", tmp_path)


# The figure and the page


def test_the_figure_shows_medians_ranges_and_failures(submission: Submission) -> None:
    ax = Figure().subplots()
    reference = {"plain": 10.0, "large": 20.0}
    faint, dots, crosses = suppression_by_condition(ax, [submission], reference)  # type: ignore[misc]
    table = suite_table(submission)
    np.testing.assert_array_equal(faint.get_xdata(), [10, math.nan, 20])  # type: ignore[attr-defined]
    np.testing.assert_array_equal(
        dots.get_xdata(),  # type: ignore[attr-defined]
        [table["s_ratio"][0], table["s_ratio"][2]],
    )
    np.testing.assert_array_equal(crosses.get_xdata(), [table["s_ratio"][1]])  # type: ignore[attr-defined]
    np.testing.assert_array_equal(crosses.get_ydata(), [1])  # type: ignore[attr-defined]
    ranges: Any = ax.collections[0]
    ends = [segment[:, 0].tolist() for segment in ranges.get_segments()]
    wanted = zip(table["s_ratio_min"], table["s_ratio_max"], strict=True)
    assert ends == [list(pair) for pair in wanted]
    assert [text.get_text() for text in ax.get_yticklabels()] == [
        "as it is",
        "a noisy recording",
        "more neurons",
    ]
    assert ax.get_xscale() == "log"
    marks = {float(np.asarray(line.get_xdata())[0]) for line in ax.lines if len(line.get_xdata())}  # type: ignore[arg-type]
    assert {1.0, overall(submission).s_ratio} <= marks
    assert len(suppression_by_condition(Figure().subplots(), [submission, submission], {})) == 4


def test_the_page_has_the_leaders_the_figure_and_the_conditions(
    submission: Submission, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rows: Rows
) -> None:
    beside = suite_rows([Submission("linear", {}, "BvdP", 2, 0, submission.scores)])
    monkeypatch.setattr(suite_report, "read_reference", {"rldbs/BvdP-v0": beside}.__getitem__)
    page = write_suite_report([submission], tmp_path)
    assert page == tmp_path / "report.html"
    blocks = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))["blocks"]
    assert [block["kind"] for block in blocks] == ["text", "table", "figure", "table"]
    leaders, table = blocks[1]["columns"], blocks[3]["columns"]
    assert leaders["controller"] == ["linear gain=-0.05", "linear"]
    assert leaders["from"] == ["this run", "shipped"]
    assert leaders["S_ratio"] == [overall(submission).s_ratio] * 2
    assert leaders["worst condition"] == [overall(submission).worst_condition] * 2
    assert table["condition"] == ["plain", "noisy", "large"]
    assert table["linear's S_ratio"] == table["S_ratio"] == suite_table(submission)["s_ratio"]
    drawn = rows(tmp_path / "figures" / "suppression_by_condition.csv")
    assert [row["condition"] for row in drawn] == ["plain", "noisy", "large", "overall"]
    assert "data:image/png;base64," in page.read_text(encoding="utf-8")


def test_a_page_without_shipped_rows_shows_the_controller_alone(
    submission: Submission, tmp_path: Path
) -> None:
    write_suite_report([replace(submission, environment="rldbs/BvdPDiscrete-v0")], tmp_path)
    blocks = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))["blocks"]
    assert blocks[1]["columns"]["controller"] == ["linear gain=-0.05"]
    assert "linear's S_ratio" not in blocks[3]["columns"]


def test_several_submissions_are_compared(
    submission: Submission, tmp_path: Path, rows: Rows
) -> None:
    other = replace(submission, controller="mine", arguments={})
    write_suite_report([submission, other], tmp_path)
    blocks = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))["blocks"]
    assert [block["kind"] for block in blocks] == ["text", "table", "figure", "table", "table"]
    names = [row["controller"] for row in rows(tmp_path / "suite.csv")]
    assert names == ["linear gain=-0.05"] * 4 + ["mine"] * 4


def test_submissions_of_several_environments_are_not_compared(
    submission: Submission, tmp_path: Path
) -> None:
    other = replace(submission, environment="rldbs/HindmarshRose-v0")
    for bad in ([submission, other], []):
        with pytest.raises(ValueError, match="at least one, all on one environment, got"):
            write_suite_report(bad, tmp_path)


@pytest.mark.parametrize(
    ("n_ensembles", "seed", "controller"), [(3, 0, "pid"), (5, 1, "pid"), (5, 0, "linear")]
)
def test_submissions_of_other_tests_are_not_compared(
    n_ensembles: int, seed: int, controller: str, tmp_path: Path
) -> None:
    one = Submission("linear", {}, "rldbs/BvdP-v0", 5, 0, {})
    other = Submission(controller, {}, "rldbs/BvdP-v0", n_ensembles, seed, {})
    told = rf"linear \(n_ensembles=5, seed=0\); {controller} \(n_ensembles={n_ensembles}, seed="
    with pytest.raises(ValueError, match=told):
        write_suite_report([one, other], tmp_path)
