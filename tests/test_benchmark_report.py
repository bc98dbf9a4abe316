"""The benchmark page: ratios against the named baseline, from a record made by hand."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest

PATH = Path(__file__).parents[1] / "benchmarks" / "report.py"
SPEC = importlib.util.spec_from_file_location("benchmark_report", PATH)
assert SPEC is not None
assert SPEC.loader is not None
report = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(report)


def benchmark(name: str, median_s: float, steps: int, **info: Any) -> dict[str, Any]:
    extra = {"steps": steps, **info}
    return {"name": name, "group": "vector", "extra_info": extra, "stats": {"median": median_s}}


def record(*benchmarks: dict[str, Any]) -> dict[str, Any]:
    machine = {"cpu": {"brand_raw": "Abacus 3000"}}
    return {"benchmarks": list(benchmarks), "machine_info": machine, "datetime": "2026-01-02T03:04"}


def test_ratio_is_speed_over_the_baselines_speed() -> None:
    slow = benchmark("test_plain_numpy", 2.0, 100, baseline=True)
    fast = benchmark("test_kernel[64]", 0.5, 1000, label="kernel, 64 envs")
    text = report.page(record(slow, fast), {"numpy": "2.0"})
    rows = [line for line in text.splitlines() if line.startswith("| ")]
    assert rows[0] == "| case | steps/s | time per step | times plain numpy |"
    assert rows[1] == "| plain numpy | 50 | 20 ms | 1 |"
    assert rows[2] == "| kernel, 64 envs | 2,000 | 500 us | 40 |"
    assert "Abacus 3000" in text
    assert "2026-01-02" in text
    assert "numpy 2.0" in text


def test_memory_has_a_table_of_its_own() -> None:
    large = benchmark("test_plain", 1.0, 1, baseline=True, bytes=18e9)
    small = benchmark("test_chunks", 1.0, 1, bytes=0.45e9)
    rows = report.page(record(large, small), {}).splitlines()[-4:]
    assert rows[0] == "| case | memory | times plain |"
    assert rows[2:] == ["| plain | 18 GB | 1 |", "| chunks | 0.45 GB | 0.025 |"]


@pytest.mark.parametrize("baselines", [0, 2])
def test_a_group_has_exactly_one_baseline(baselines: int) -> None:
    members = [benchmark(f"test_{i}", 1.0, 1, baseline=i < baselines) for i in range(3)]
    with pytest.raises(ValueError, match=f"exactly one baseline, got {baselines}"):
        report.page(record(*members), {})


def test_a_benchmark_says_its_steps() -> None:
    nameless = benchmark("test_x", 1.0, 1)
    del nameless["extra_info"]["steps"]
    with pytest.raises(
        ValueError,
        match=r"test_x must set benchmark.group and extra_info\['steps'\] or \['bytes'\]",
    ):
        report.page(record(nameless), {})


@pytest.mark.parametrize(
    ("seconds", "text"), [(2.5, "2.5 s"), (0.02, "20 ms"), (3e-6, "3 us"), (4e-9, "4 ns")]
)
def test_durations_have_readable_units(seconds: float, text: str) -> None:
    assert report.duration(seconds) == text


def run_of(plain_s: float, kernel_s: float, memory: float) -> dict[str, Any]:
    plain = benchmark("test_plain", plain_s, 100, baseline=True)
    kernel = benchmark("test_kernel", kernel_s, 100)
    large = benchmark("test_large", 1.0, 1, baseline=True, bytes=8e9)
    small = benchmark("test_small", 1.0, 1, bytes=memory)
    for one in (large, small):
        one["group"] = "memory"
    return record(plain, kernel, large, small)


def test_several_runs_count_by_their_median() -> None:
    runs = [run_of(2.0, seconds, 2e9) for seconds in (0.5, 8.0, 0.4)]
    merged = report.merge(runs)
    assert report.gains(merged) == {("vector", "kernel"): 4.0, ("memory", "small"): 4.0}
    assert report.merge(runs[:1]) == {**runs[0]}
    with pytest.raises(ValueError, match="same benchmarks"):
        report.merge([runs[0], record(benchmark("test_other", 1.0, 1))])


def test_history_knows_the_last_gain_of_each_case(tmp_path: Path) -> None:
    history = tmp_path / "history.csv"
    assert report.recorded(history) == {}
    report.remember(history, "2026-01-02", "Abacus", {("a", "one, two"): 3.0, ("b", "x"): 1.5})
    report.remember(history, "2026-01-03", "Abacus", {("a", "one, two"): 2.0})
    assert report.recorded(history) == {("a", "one, two"): 2.0, ("b", "x"): 1.5}
    assert len(history.read_text().splitlines()) == 4
    history.write_text("date,gain\n")
    with pytest.raises(ValueError, match=r"history.csv must have the columns date, machine"):
        report.recorded(history)


def test_what_falls_behind_is_told() -> None:
    known = {("g", name): 10.0 for name in ("same", "warned", "failed", "gone")}
    found = {("g", "same"): 8.1, ("g", "warned"): 7.0, ("g", "failed"): 5.9, ("g", "new"): 1.0}
    warnings, failures = report.check(found, known)
    assert warnings == ["g: warned: 7 times its baseline, recorded 10"]
    assert failures == [
        "g: failed: 5.9 times its baseline, recorded 10",
        "g: gone: recorded, but not measured",
    ]


@pytest.mark.parametrize(("kernel_s", "code"), [(0.5, 0), (1.5, 1)])
def test_a_check_fails_on_a_regression(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    kernel_s: float,
    code: int,
) -> None:
    monkeypatch.setattr(report, "VERSIONS", ())
    where = [f"--history={tmp_path / 'history.csv'}", f"--output={tmp_path / 'page.md'}"]
    monkeypatch.setattr(report, "measure", lambda _: run_of(2.0, 0.5, 2e9))
    assert report.main(where) == 0
    monkeypatch.setattr(report, "measure", lambda _: run_of(2.0, kernel_s, 2e9))
    before = (tmp_path / "history.csv").read_bytes()
    assert report.main([*where, "--repeats", "3", "--check"]) == code
    assert (tmp_path / "history.csv").read_bytes() == before
    told = "::error::vector: kernel: 1.33 times its baseline, recorded 4" in capsys.readouterr().out
    assert told == bool(code)
