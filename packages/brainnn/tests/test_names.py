"""One word for what tables call differently."""

import pytest

from brainnn.connectome.names import (
    class_name,
    known,
    natural_order,
    roi_name,
    roi_names,
    transmitter_name,
    type_spellings,
)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("LegNp(T1)(L)", "LegNpT1_L"),
        ("NTct(UTct-T1)(L)", "NTctUTct-T1_L"),
        ("ProAN(L)", "ProANL"),
        ("IntTct", "IntTct"),
        ("LegNpT1_L", "LegNpT1_L"),
    ],
)
def test_neuropils_lose_their_brackets(text: str, name: str) -> None:
    assert roi_name(text) == name


@pytest.mark.parametrize(
    "cell",
    ["LegNp(T1)(L)|IntTct", "['LegNp(T1)(L)', 'IntTct']", ["LegNp(T1)(L)", "IntTct"]],
)
def test_a_cell_holds_neuropils_as_text_or_list(cell: object) -> None:
    assert roi_names(cell) == {"LegNpT1_L", "IntTct"}


def test_no_neuropil_is_none() -> None:
    assert roi_names("") == roi_names("[]") == roi_names([]) == frozenset()


def test_classes_and_transmitters_have_one_word() -> None:
    assert [class_name(text) for text in ("IN", "Motor neuron", " SN", "glia")] == [
        "interneuron",
        "motor",
        "sensory",
        "glia",
    ]
    assert [transmitter_name(text) for text in ("ACh", "GLUT", "GABA", "unclear", "")] == [
        "acetylcholine",
        "glutamate",
        "gaba",
        "",
        "",
    ]


def test_types_are_spelled_with_underscore_or_stop() -> None:
    assert type_spellings("IN20A_22A001") == ("IN20A_22A001", "IN20A.22A001")
    assert type_spellings("IN20A.22A001") == ("IN20A.22A001", "IN20A_22A001")
    assert type_spellings("IN03A007") == ("IN03A007",)


def test_ids_sort_by_number_and_then_by_name() -> None:
    assert sorted(["ADAL", "10192", "9", "100"], key=natural_order) == ["9", "100", "10192", "ADAL"]


def test_an_unknown_name_gets_a_suggestion() -> None:
    with pytest.raises(
        ValueError, match=r"here has no type 'IN1' \(did you mean 'IN10'\?\): it ha"
    ):
        known("IN1", ["", "IN10", "MN"], "type", "here")
    with pytest.raises(ValueError, match=r"here has no type 'x': it has none at all"):
        known("x", [""], "type", "here")
