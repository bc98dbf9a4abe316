"""What a run records of the code and the config that it is of."""

import json
import logging
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neuro_common import provenance as provenance_module
from neuro_common import runs
from neuro_common.provenance import VOLATILE_KEYS, differing_keys


@pytest.mark.skipif(shutil.which("git") is None, reason="needs git")
def test_other_revision_is_recorded_and_warned_of(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    begin: Any,
    finished: Any,
) -> None:
    def git(*words: str) -> str:
        who = ["-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false"]
        done = subprocess.run(["git", *who, *words], capture_output=True, text=True, check=True)
        return done.stdout.strip()

    monkeypatch.chdir(tmp_path)
    git("init", "--quiet")
    (tmp_path / "code.py").write_text("1")
    git("add", "code.py")
    git("commit", "--quiet", "-m", "one")
    first = git("rev-parse", "HEAD")
    finished(tmp_path / "done")
    with begin(tmp_path / "cut"):
        pass
    assert runs.read_provenance("done")["git"] == {"revision": first, "dirty": False}
    with begin(tmp_path / "cut", resume=True):
        pass
    assert not caplog.records

    (tmp_path / "code.py").write_text("2")
    assert provenance_module.git_state() == {"revision": first, "dirty": True}
    git("commit", "--quiet", "-a", "-m", "two")
    second = git("rev-parse", "HEAD")
    with caplog.at_level(logging.WARNING):
        assert begin(tmp_path / "done", resume=True).done
        with begin(tmp_path / "cut", resume=True):
            pass
    for record, name in zip(caplog.records, ["done", "cut"], strict=True):
        assert f"{name} was made at git revision {first[:8]}, this is {second[:8]}" in (
            record.getMessage()
        )
    caplog.clear()
    with begin(tmp_path / "cut", resume=True):
        pass
    assert not caplog.records
    sessions = runs.read_provenance("cut")["resumed"]
    assert [session["git"]["revision"] for session in sessions] == [first, second, second]


def test_provenance_outside_a_repository_names_versions(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    record = runs.provenance("toy train", None)
    assert record["git"] is None
    import numpy

    assert record["versions"]["numpy"] == numpy.__version__
    assert record["python"] == sys.version.split()[0]
    json.dumps(record)


configs = st.dictionaries(
    st.sampled_from(["a", "b", "c", "d"]),
    st.integers() | st.text() | st.dictionaries(st.sampled_from("xy"), st.booleans(), max_size=2),
)


@settings(max_examples=50)
@given(config=configs, volatile=st.dictionaries(st.sampled_from(sorted(VOLATILE_KEYS)), st.text()))
def test_hash_ignores_order_and_how_it_runs(
    config: dict[str, Any], volatile: dict[str, str]
) -> None:
    name = runs.config_hash(config)
    assert len(name) == 8
    assert set(name) <= set("0123456789abcdef")
    assert runs.config_hash({**volatile, **dict(reversed(config.items()))}) == name


def test_hash_tells_configs_apart() -> None:
    values = [{"a": 1}, {"a": 1.5}, {"a": "1"}, {"a": None}, {"b": 1}, {"a": {"a": 1}}, {}]
    assert len({runs.config_hash(value) for value in values}) == len(values)
    # pinned: directories of older sweeps must be found again
    assert runs.config_hash({"seed": 3, "model": {"width": 2}}) == "4118b93b"


def test_volatile_keys_count_below_the_top_level() -> None:
    assert runs.config_hash({"a": {"device": 1}}) != runs.config_hash({"a": {"device": 2}})


def test_differing_keys() -> None:
    assert differing_keys([{"a": 1, "b": {"c": 2, "d": 3}}, {"a": 1, "b": {"c": 4}}]) == {
        "b.c": [2, 4],
        "b.d": [3, None],
    }
    assert differing_keys([]) == {}
