"""The demonstration: a table always, figures and a report where their packages are."""

import json
import sys
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from rldbs_env import command, demo
from rldbs_env.controllers import CONTROLLERS
from rldbs_env.evaluation import Evaluation, format_columns, quick_summary, read_evaluation
from rldbs_env.protocol import Protocol

SMALL = ("--neurons", "20", "--ensembles", "2")
PIP_LINE = '\nFor figures: pip install "rldbs-env[plot]"\n'


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Three controllers and short phases, in an empty folder."""
    steps: dict[str, Any] = {"free_steps": 1000, "controlled_steps": 2000, "recovery_steps": 250}
    monkeypatch.setattr(demo, "Protocol", partial(Protocol, **steps, transient_steps=3000))
    chosen = {name: CONTROLLERS[name] for name in ("none", "tonic", "linear")}
    monkeypatch.setattr(demo, "CONTROLLERS", chosen)
    monkeypatch.chdir(tmp_path)


def lines_of(capsys: pytest.CaptureFixture[str]) -> list[str]:
    out, err = capsys.readouterr()
    assert err == ""
    return str(out).splitlines()


def test_it_prints_the_table_and_writes_everything(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command.main(["demo", *SMALL, "--output", "my results/demo"]) == 0
    lines = lines_of(capsys)
    output = tmp_path / "my results" / "demo"
    assert lines[-1] == f"wrote {Path('my results/demo/report.html')}"
    assert sorted(path.name for path in output.iterdir()) == [
        "comparison.csv",
        "data.h5",
        "figures",
        "pairs.csv",
        "report.html",
        "report.json",
        "scores.csv",
        "summary.csv",
    ]
    assert len(list((output / "figures").iterdir())) == 7 * 3
    stored = read_evaluation(output)
    assert stored.protocol.ensembles == (3000, 3001)
    assert stored.protocol.n_neurons == 20
    rows = [{"controller": name} | quick_summary(many) for name, many in stored.scores.items()]
    table = format_columns({key: [row[key] for row in rows] for key in rows[0]}).splitlines()
    start = lines.index(table[0])
    assert lines[start : start + len(table)] == table
    assert [row["controller"] for row in rows] == ["none", "tonic", "linear", "policy"]
    assert table[3].startswith("tonic       -  ")
    assert table[3].endswith("2 of 2")
    blocks = json.loads((output / "report.json").read_text(encoding="utf-8"))["blocks"]
    (told,) = [block["line"] for block in blocks if block["kind"] == "command"]
    assert told == "rldbs-env demo --neurons 20 --ensembles 2 --output 'my results/demo'"


def test_it_says_what_it_does_while_it_does_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    assert demo.main(SMALL) == 0
    lines = lines_of(capsys)
    assert lines[:3] == [
        "20 neurons fire in synchrony, in 2 ensembles that no controller was tuned on.",
        "Each controller sees the mean field and has 2000 steps; S_ratio says how many times "
        "smaller it made the oscillation.",
        "Medians over ensembles, with their range:",
    ]
    assert [line for line in lines if line.endswith("...")] == [
        "  none ...",
        "  tonic ...",
        "  linear ...",
        "  policy ...",
    ]


def test_results_go_below_the_working_directory_by_default(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    seen: list[Path] = []
    monkeypatch.setattr(demo, "_save", lambda evaluation, output, told: seen.append(output))
    assert demo.main(SMALL) == 0
    assert seen == [Path("results/rldbs-env/demo")]
    assert lines_of(capsys)


@pytest.mark.parametrize("missing", ["neuro_common", "matplotlib", "scipy"])
def test_without_the_packages_for_figures_it_names_the_extra_and_writes_nothing(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    missing: str,
) -> None:
    monkeypatch.setitem(sys.modules, missing, None)
    assert command.main(["demo", *SMALL]) == 0
    out, err = capsys.readouterr()
    assert out.endswith(PIP_LINE)
    assert "S_ratio" in out
    assert err == ""
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("missing", ["h5py", "jinja2"])
def test_with_the_packages_for_figures_alone_it_writes_these(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    missing: str,
) -> None:
    pictures = {Path("out/figures/traces.png"): "a", Path("out/figures/spectra.png"): "b"}
    monkeypatch.setattr("rldbs_env.figures.draw_all", lambda evaluation, folder: pictures)
    monkeypatch.setitem(sys.modules, missing, None)
    assert demo.main([*SMALL, "--output", "out"]) == 0
    assert lines_of(capsys)[-2:] == [f"wrote {path}" for path in pictures]
    assert list(tmp_path.iterdir()) == []


def test_it_gives_the_same_table_every_time(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(demo, "_save", lambda *_: None)
    tables = []
    for _ in range(2):
        assert demo.main(SMALL) == 0
        tables.append(lines_of(capsys))
    assert tables[0] == tables[1]


def test_one_ensemble_is_enough(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def save(figure: Any, stem: Path, data: Any) -> Path:
        stem.parent.mkdir(exist_ok=True)
        stem.with_suffix(".png").touch()
        return stem.with_suffix(".png")

    monkeypatch.setattr("rldbs_env.figures.save_figure", save)
    assert command.main(["demo", "--neurons", "20", "--ensembles", "1", "--output", "one"]) == 0
    assert lines_of(capsys)[-1] == f"wrote {Path('one/report.html')}"
    assert (tmp_path / "one" / "report.html").is_file()


def exit_code(*words: str) -> int | str | None:
    try:
        return command.main(["demo", *words])
    except SystemExit as stop:
        return stop.code


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--ensembles", "0"), "ensembles must hold at least one seed, each once, got ()"),
        (("--neurons", "few"), "argument --neurons: invalid int value: 'few'"),
        (("--size", "3"), "unrecognized arguments: --size 3"),
    ],
)
def test_a_wrong_line_is_a_usage_error(
    capsys: pytest.CaptureFixture[str], words: tuple[str, ...], message: str
) -> None:
    assert exit_code(*words) == 2
    out, err = capsys.readouterr()
    assert f"rldbs-env demo: error: {message}" in err
    assert out == ""


def test_too_few_neurons_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code("--neurons", "0", "--ensembles", "2") in (1, 2)
    assert "n_neurons must be a whole number of at least 1, got 0" in capsys.readouterr().err


def test_a_place_that_cannot_be_written_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("in the way")
    assert exit_code(*SMALL, "--output", "file/demo") == 1
    assert "file" in capsys.readouterr().err


def test_ctrl_c_stops_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def stop(self: Evaluation, name: str, controller: Any) -> Any:
        raise KeyboardInterrupt

    monkeypatch.setattr(Evaluation, "add", stop)
    assert exit_code(*SMALL) == 130
    assert "stopped" in capsys.readouterr().err


def test_help_tells_the_defaults(capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code("--help") == 0
    shown = " ".join(capsys.readouterr().out.split())
    for word in ("--neurons", "(default: 1000)", "--ensembles", "(default: 20)", "--output"):
        assert word in shown
    assert f"(default: {Path('results/rldbs-env/demo')})" in shown
