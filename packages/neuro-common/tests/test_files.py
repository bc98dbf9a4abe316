"""Atomic files, JSON with a format, CSV."""

import math
import os
import sys
from enum import Enum
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neuro_common.files import (
    FormatError,
    atomic_path,
    read_csv,
    read_json,
    write_csv,
    write_json,
)

FORMAT = "test/thing"
names = st.text("abcdef _-", min_size=1)


class Colour(Enum):
    RED = 1


def test_atomic_path_replaces_on_success(tmp_path: Path) -> None:
    target = tmp_path / "deep" / "a.svg"
    with atomic_path(target) as temporary:
        assert temporary.parent == target.parent
        assert temporary.suffix == ".svg"
        temporary.write_text("one")
        assert not target.exists()
    with atomic_path(target) as temporary:
        temporary.write_text("two")
        assert target.read_text() == "one"
    assert target.read_text() == "two"
    assert os.listdir(target.parent) == ["a.svg"]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows replaces no file that is open")
def test_reader_keeps_the_file_that_it_opened(tmp_path: Path) -> None:
    target = tmp_path / "a.txt"
    target.write_text("one")
    with open(target) as reader:
        with atomic_path(target) as temporary:
            temporary.write_text("two")
        assert reader.read() == "one"


def test_atomic_path_leaves_everything_on_failure(tmp_path: Path) -> None:
    target = tmp_path / "a.txt"
    target.write_text("old")

    def write_half() -> None:
        with atomic_path(target) as temporary:
            temporary.write_text("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_half()
    assert target.read_text() == "old"
    assert os.listdir(tmp_path) == ["a.txt"]


values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(names, inner),
    max_leaves=8,
)


@settings(max_examples=50)
@given(data=st.dictionaries(names, values))
def test_json_round_trip(tmp_path_factory: pytest.TempPathFactory, data: dict[str, object]) -> None:
    path = tmp_path_factory.mktemp("json") / "a.json"
    write_json(path, data, FORMAT)
    assert read_json(path, FORMAT) == {"format": FORMAT, "format_version": 1, **data}


def test_json_takes_paths_enums_and_numpy(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    data = {"p": Path("a") / "b", "e": Colour.RED, "n": np.int32(3), "x": np.array([[1.5, 2]])}
    write_json(path, data, FORMAT)
    found = read_json(path, FORMAT)
    assert [found[key] for key in data] == ["a/b", "RED", 3, [[1.5, 2.0]]]


@pytest.mark.parametrize("number", [math.nan, math.inf, np.float32("nan")])
def test_json_refuses_what_is_not_finite(tmp_path: Path, number: float) -> None:
    with pytest.raises(ValueError, match="numbers must be finite to go into JSON, got"):
        write_json(tmp_path / "a.json", {"x": number}, FORMAT)
    assert os.listdir(tmp_path) == []


def test_json_refuses_objects(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match=r"only plain values, paths, enums and arrays.*got object"):
        write_json(tmp_path / "a.json", {"x": object()}, FORMAT)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"format": "test/thing", "form', "must be a complete JSON file, got one that breaks off"),
        ("", "must be a complete JSON file"),
        ("[1]", 'must have the format "test/thing", got None'),
        ('{"a": 1}', 'must have the format "test/thing", got None'),
        ('{"format": "other", "format_version": 1}', "test/thing\", got 'other'"),
        ('{"format": "test/thing"}', "whole format_version >= 1, got None"),
        ('{"format": "test/thing", "format_version": true}', "format_version >= 1, got True"),
        ('{"format": "test/thing", "format_version": 0}', "format_version >= 1, got 0"),
        (
            '{"format": "test/thing", "format_version": 2}',
            "format_version <= 1, got 2: a newer release wrote it, so update with pip install",
        ),
    ],
)
def test_json_that_is_not_ours_is_refused(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "a.json"
    path.write_text(text)
    with pytest.raises(FormatError, match=message):
        read_json(path, FORMAT)


def test_json_that_is_no_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(b"\x89HDF\xff\xfe")
    with pytest.raises(FormatError, match="must be a complete JSON file"):
        read_json(path, FORMAT)


@settings(max_examples=50)
@given(
    columns=st.dictionaries(
        names, st.lists(st.floats(allow_nan=False), min_size=2, max_size=2), min_size=1
    )
)
def test_csv_keeps_every_digit(
    tmp_path_factory: pytest.TempPathFactory, columns: dict[str, list[float]]
) -> None:
    path = tmp_path_factory.mktemp("csv") / "a.csv"
    write_csv(path, {name: np.array(column) for name, column in columns.items()})
    found = read_csv(path)
    assert list(found) == list(columns)
    assert {name: [float(cell) for cell in cells] for name, cells in found.items()} == columns


def test_csv_fills_short_columns_and_quotes(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    write_csv(path, {"x": [1, 2], "name": ['say "a, b"\nand c']})
    assert path.read_bytes() == b'x,name\n1,"say ""a, b""\nand c"\n2,\n'
    assert read_csv(path) == {"x": ["1", "2"], "name": ['say "a, b"\nand c', ""]}


def test_csv_needs_a_column(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="must have at least one column, got none"):
        write_csv(tmp_path / "a.csv", {})


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "must begin with a row of distinct column names, got "),
        (b"a,a\n1,2\n", "must begin with a row of distinct column names"),
        (b"a,b\n1,2\n3\n", "must have 2 cells in every row, got 1 in row 3"),
        (b"\xff\xfe,b\n", "must be a CSV text file, got something else"),
    ],
)
def test_csv_that_is_broken_is_refused(tmp_path: Path, data: bytes, message: str) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(data)
    with pytest.raises(FormatError, match=message):
        read_csv(path)


def test_a_folder_is_no_csv(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="must be a CSV text file, got a folder: name a file in"):
        read_csv(tmp_path)
