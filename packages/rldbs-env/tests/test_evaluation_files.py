"""Evaluations in files: read back exactly, refused where something is wrong."""

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import astuple
from pathlib import Path

import h5py
import numpy as np
import pytest

from neuro_common.runs import FormatError
from rldbs_env import BonhoefferVanDerPol, networks
from rldbs_env.controllers import make
from rldbs_env.disturbances import ObservationNoise
from rldbs_env.evaluation import Evaluation, read_evaluation, summary
from rldbs_env.protocol import Protocol
from rldbs_env.pulses import biphasic
from rldbs_env.records import NamedNetwork
from rldbs_env.scoring import Score


@pytest.fixture
def stored(evaluation: Evaluation, tmp_path: Path) -> Path:
    evaluation.write(tmp_path)
    return tmp_path


def same(read: Sequence[Score], written: Sequence[Score]) -> None:
    np.testing.assert_array_equal([astuple(one) for one in read], [astuple(one) for one in written])


def test_what_is_written_is_read_back_exactly(evaluation: Evaluation, stored: Path) -> None:
    again = read_evaluation(stored)
    assert again.protocol == evaluation.protocol
    assert list(again.scores) == list(evaluation.scores) == list(again.examples)
    for name, many in evaluation.scores.items():
        same(again.scores[name], many)
        assert len(many) == 3
        for kind in ("mean_x", "mean_y", "kicks", "neuron_x"):
            written, read = (getattr(e.examples[name], kind) for e in (evaluation, again))
            np.testing.assert_array_equal(read, written)
            assert read.dtype == written.dtype
    assert summary(again) == summary(evaluation)


GRID = Protocol.on(
    "KuramotoGrid",
    model={"grid": [3, 3, 3]},
    ensembles=(1, 2),
    free_steps=936,
    controlled_steps=1872,
    recovery_steps=234,
    disturbances=(ObservationNoise(0.01),),
)
ON_A_NETWORK = Protocol(
    n_neurons=30,
    ensembles=(7, 3),
    free_steps=1000,
    controlled_steps=2000,
    recovery_steps=251,
    transient_steps=0,
    model=BonhoefferVanDerPol(network=networks.small_world(30, 4, 0.1, seed=1)),
    pulse=biphasic(),
)


@pytest.mark.parametrize("protocol", [GRID, ON_A_NETWORK], ids=["grid", "network"])
def test_evaluations_of_other_experiments_are_read_back_and_drawn(
    tmp_path: Path, protocol: Protocol
) -> None:
    from rldbs_env.figures import write_report

    made = Evaluation(protocol)
    made.add("linear", make("linear", window=protocol.model.window))
    made.write(tmp_path)
    again = read_evaluation(tmp_path)
    assert again.protocol == protocol
    same(again.scores["linear"], made.scores["linear"])
    with h5py.File(tmp_path / "data.h5") as file:
        np.testing.assert_allclose(np.diff(file["time"][:4]), protocol.step_time)
    page = write_report(again, tmp_path / "page").read_text(encoding="utf-8")
    if protocol is GRID:
        assert "(kuramoto_grid, coupling 0.52, ObservationNoise)" in page
    else:
        assert "(coupling 0.03, biphasic pulses)" in page
        assert isinstance(again.protocol.model.network, NamedNetwork)  # type: ignore[attr-defined]
        with pytest.raises(ValueError, match="put the network itself into its model"):
            again.add("linear", make("linear"))


def test_an_evaluation_of_the_first_version_is_read(evaluation: Evaluation, stored: Path) -> None:
    """Its protocol was the fields of the test, the model without a name."""
    with h5py.File(stored / "data.h5", "a") as file:
        attributes = json.loads(file.attrs["attributes"])
        first = ("n_neurons", "ensembles", "free_steps", "controlled_steps", "recovery_steps")
        kept = (*first, "transient_steps", "seed", "threads")
        old = {name: attributes["protocol"][name] for name in kept}
        old["model"] = {"coupling": 0.04, "spread": 0.1, "mean_current": 0.6, "dt": 0.2}
        file.attrs["attributes"] = json.dumps(attributes | {"protocol": old})
    assert read_evaluation(stored).protocol == evaluation.protocol


def test_scores_have_the_types_they_went_with(stored: Path) -> None:
    first = read_evaluation(stored).scores["tonic"][0]
    assert first.quenched is True
    assert first.diverged is False
    assert type(first.ensemble) is int
    assert math.isnan(first.s_ratio)


def test_files_say_what_they_hold(
    evaluation: Evaluation, stored: Path, rows: Callable[[Path], list[dict[str, str]]]
) -> None:
    table = rows(stored / "scores.csv")
    names = ["none", "tonic", "linear", "delayed"]
    assert [row["controller"] for row in table] == [name for name in names for _ in range(3)]
    assert [row["ensemble"] for row in table] == ["7", "3", "5"] * 4
    assert float(table[0]["s_ratio"]) == evaluation.scores["none"][0].s_ratio
    assert table[5]["s_ratio"] == "nan"
    with h5py.File(stored / "data.h5") as file:
        assert file["mean_x"].shape == (4, 4503)
        assert file["neuron_x"].shape == (4, 901, 30)
        assert [dim.label for dim in file["neuron_x"].dims] == [
            "controller",
            "sample_time",
            "neuron",
        ]
        np.testing.assert_allclose(file["time"][:3], [0.2, 0.4, 0.6])
        # the first sample is taken after the first step, then after every fifth
        np.testing.assert_allclose(file["sample_time"][:], 0.2 + np.arange(901))
        assert file["time"].attrs["units"] == "time units"


@pytest.mark.parametrize("name", ["data.h5", "scores.csv"])
def test_a_directory_without_an_evaluation_is_refused(stored: Path, name: str) -> None:
    (stored / name).unlink()
    with pytest.raises(
        FileNotFoundError,
        match=f"must hold an evaluation, got a directory without {name}: name one that rldbs-env",
    ):
        read_evaluation(stored)


def test_a_missing_directory_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"nowhere must hold an evaluation"):
        read_evaluation(tmp_path / "nowhere")


@pytest.mark.parametrize("kept", [0, 100, 0.5, 0.99])
def test_a_truncated_recording_is_refused(stored: Path, kept: float) -> None:
    file = stored / "data.h5"
    whole = file.read_bytes()
    file.write_bytes(whole[: int(kept if kept >= 1 else kept * len(whole))])
    with pytest.raises(FormatError, match=r"data\.h5 is damaged or no recording"):
        read_evaluation(stored)


def test_a_recording_with_a_wrong_byte_is_refused(stored: Path) -> None:
    file = stored / "data.h5"
    damaged = bytearray(file.read_bytes())
    damaged[len(damaged) // 2] ^= 1
    file.write_bytes(damaged)
    with pytest.raises(FormatError, match=r"data\.h5 is damaged or no recording"):
        read_evaluation(stored)


def test_a_recording_of_something_else_is_refused(stored: Path) -> None:
    from neuro_common.store import Recording, Signal, write_recording

    write_recording(stored / "data.h5", Recording({"v": Signal(np.ones(3), ("time",), "mV")}, {}))
    with pytest.raises(FormatError, match="holds no evaluation that can be read"):
        read_evaluation(stored)


def test_a_newer_recording_is_refused(stored: Path) -> None:
    with h5py.File(stored / "data.h5", "a") as file:
        file.attrs["format_version"] = 2
    with pytest.raises(FormatError, match="must have format_version <= 1, got 2"):
        read_evaluation(stored)


def edit(file: Path, old: str, new: str) -> None:
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new, 1), encoding="utf-8")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("controller,", "who,"),
        (",s_ratio", ",s_ration"),
        (",period\n", ",period,more\n"),
        (",nan,", ",none,"),
        (",True,", ",yes,"),
        (",7,", ",7.5,"),
    ],
)
def test_a_table_of_something_else_is_refused(stored: Path, old: str, new: str) -> None:
    edit(stored / "scores.csv", old, new)
    with pytest.raises(FormatError, match=r"holds no evaluation that can be read|cells in every"):
        read_evaluation(stored)


def test_a_table_that_breaks_off_in_a_row_is_refused(stored: Path) -> None:
    file = stored / "scores.csv"
    text = file.read_text(encoding="utf-8")
    file.write_text(text[: text.rindex(",")], encoding="utf-8")
    with pytest.raises(FormatError, match=r"must have 23 cells in every row, got 22 in row 13"):
        read_evaluation(stored)


@pytest.mark.parametrize("lost", [1, 3, 12])
def test_a_table_that_lacks_rows_is_refused(stored: Path, lost: int) -> None:
    file = stored / "scores.csv"
    lines = file.read_text(encoding="utf-8").splitlines(keepends=True)
    file.write_text("".join(lines[:-lost]), encoding="utf-8")
    with pytest.raises(FormatError, match="holds no evaluation that can be read"):
        read_evaluation(stored)


def test_a_refused_directory_is_left_as_it_was(
    stored: Path, contents: Callable[[Path], dict[str, bytes]]
) -> None:
    edit(stored / "scores.csv", "linear", "unheard_of")
    before = contents(stored)
    with pytest.raises(FormatError, match="holds no evaluation that can be read"):
        read_evaluation(stored)
    assert contents(stored) == before
