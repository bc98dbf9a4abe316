"""Readers and writers of marker, angle and event files: what is read, and what is refused."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from neuro_common.files import FormatError
from proprio_tcn.recorded.csv_tables import read_angle_csv, read_marker_csv
from proprio_tcn.recorded.events import Trial, read_events, write_events
from proprio_tcn.recorded.storage import Storage, angles_of, read_storage, write_storage
from proprio_tcn.recorded.tables import MarkerTable
from proprio_tcn.recorded.trc import read_trc, write_trc

TRC = """PathFileType\t4\t(X/Y/Z)\tsession.trc
DataRate\tCameraRate\tNumFrames\tNumMarkers\tUnits\tOrigDataRate\tOrigDataStartFrame\tOrigNumFrames
50.0\t50.0\t3\t2\tmm\t50.0\t1\t3
Frame#\tTime\thand\t\t\telbow\t\t
\t\tX1\tY1\tZ1\tX2\tY2\tZ2

1\t0.00\t100\t-200\t300\t1\t2\t3
2\t0.02\t\t\t\t4\t5\t6
3\t0.04\t110\t-210\t310\t7\t\t9
"""

ANGLES = """Coordinates
version=1
nRows=3
nColumns=3
inDegrees=yes

Units are S.I. units (second, meters, Newtons, ...)
endheader
time\tshoulder_flexion\telbow_flexion
0.00\t90\t10
0.01\t45\tNaN
0.02\t0\t30
"""


@pytest.fixture
def written(tmp_path):
    def write(name, text):
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path

    return write


def refused(reader, path, message):
    with pytest.raises(FormatError, match=message):
        reader(path)


def test_a_trc_file_gives_metres_and_gaps(written):
    table = read_trc(written("session.trc", TRC))
    assert table.names == ("hand", "elbow")
    assert table.fs_hz == pytest.approx(50.0)
    assert table.place_m[0, 0] == pytest.approx([0.1, -0.2, 0.3])
    assert np.isnan(table.place_m[1, 0]).all()
    assert np.isnan(table.place_m[2, 1]).all()  # one blank coordinate, and it was not seen
    assert table.place_m[1, 1] == pytest.approx([0.004, 0.005, 0.006])
    metres = read_trc(written("m.trc", TRC.replace("\tmm\t", "\tm\t")))
    assert metres.place_m[0, 0] == pytest.approx([100, -200, 300])


@settings(max_examples=25)
@given(
    place=arrays(np.float64, (4, 2, 3), elements=st.floats(-3, 3)),
    seen=arrays(np.bool_, (4, 2)),
    rate=st.floats(20, 500),
    units=st.sampled_from(["mm", "cm", "m"]),
)
def test_trc_round_trip(tmp_path_factory, place, seen, rate, units):
    path = tmp_path_factory.mktemp("trc") / "a.trc"
    place = np.where(seen[..., None], place, np.nan)
    write_trc(path, MarkerTable(("a", "b"), 1.5 + np.arange(4) / rate, place), units)
    back = read_trc(path)
    assert back.names == ("a", "b")
    assert back.fs_hz == pytest.approx(rate, rel=1e-6)
    assert back.time_s == pytest.approx(1.5 + np.arange(4) / rate, abs=1e-9)
    assert back.place_m == pytest.approx(place, abs=1e-11, nan_ok=True)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("PathFileType", "Header", r"line 1: must begin with PathFileType, got 'Header"),
        ("NumFrames", "Frames", r"lines 2 and 3: must tell NumFrames, got DataRate, "),
        ("\tmm\t", "\tinch\t", r"line 3: Units must be one of m, cm, mm, got 'inch'"),
        ("3\t2\tmm", "3\ttwo\tmm", r"line 3: NumMarkers must be a number of at least 1, got 'two'"),
        ("3\t2\tmm", "3\tinf\tmm", r"line 3: NumMarkers must be a number of at least 1, got 'inf'"),
        ("50.0\t50.0", "0\t50.0", r"line 3: DataRate must be a number of at least 1, got '0'"),
        ("3\t2\tmm", "5\t2\tmm", r"must have the 5 frames that line 3 tells, got 3"),
        ("3\t2\tmm", "3\t3\tmm", r"line 4: must name the 3 markers that line 3 tells, got 2"),
        ("elbow", "hand", r"line 4: marker 'hand' is named twice"),
        ("Frame#\tTime", "No\tTime", r"line 4: must begin with Frame# and Time"),
        ("2\t0.02\t\t\t\t4\t5\t6", "2\t0.02\t\t4\t5\t6", r"line 8: must have 8 cells, got 6"),
        ("\t-200\t", "\tx200\t", r"line 7, column hand y: must be a number or blank, got 'x200'"),
        ("\t-200\t", "\tinf\t", r"line 7, column hand y: must be finite or blank, got inf"),
        ("3\t0.04", "3\t0.02", r"line 9: time must grow from line to line, got 0.02 s after 0.02"),
        ("3\t0.04", "3\t", r"line 9: time must grow from line to line, got nan s"),
        ("3\t0.04", "3\t0.4", r"line 9: frames must be evenly spaced, got a step of 0.38 s"),
        ("50.0\t50.0", "100.0\t50.0", r"header says 100 frames per s, but its times have 50"),
    ],
)
def test_a_malformed_trc_file_is_refused_by_line(written, old, new, message):
    refused(read_trc, written("bad.trc", TRC.replace(old, new, 1)), message)


def test_what_is_no_trc_file_is_refused(tmp_path, written):
    refused(read_trc, written("short.trc", "\n".join(TRC.splitlines()[:4])), r"must have 5 lines")
    refused(read_trc, written("empty.trc", ""), r"line 1: must begin with PathFileType, got ''")
    (tmp_path / "binary.trc").write_bytes(b"\xff\xfe\x00PathFileType")
    refused(read_trc, tmp_path / "binary.trc", r"must be a text file, got something else")
    with pytest.raises(FileNotFoundError, match=r"none.trc must be a file, got nothing there"):
        read_trc(tmp_path / "none.trc")
    one = read_trc(written("good.trc", TRC))
    with pytest.raises(ValueError, match=r"units must be one of m, cm, mm, got 'inch'"):
        write_trc(tmp_path / "a.trc", one, "inch")
    with pytest.raises(
        FormatError, match=r"has no marker 'hnad' \(did you mean 'hand'\?\); it has"
    ):
        one.select(["hnad"])
    assert one.select(["elbow"]).place_m[0, 0] == pytest.approx([0.001, 0.002, 0.003])


def test_a_mot_file_gives_angles_in_radians(written):
    angles = angles_of(read_storage(written("a.mot", ANGLES)))
    assert angles.names == ("shoulder_flexion", "elbow_flexion")
    assert angles.angle_rad[:, 0] == pytest.approx(np.deg2rad([90, 45, 0]))
    assert np.isnan(angles.angle_rad[1, 1])
    assert angles.fs_hz == pytest.approx(100.0)
    radians = angles_of(read_storage(written("r.mot", ANGLES.replace("=yes", "=no"))))
    assert radians.angle_rad[0, 0] == 90.0
    assert angles.select(["elbow_flexion"]).angle_rad[2, 0] == pytest.approx(np.deg2rad(30))
    with pytest.raises(FormatError, match=r"has no coordinate 'wrist'; it has shoulder_flexion"):
        angles.select(["wrist"])


def test_columns_may_be_paths_of_states_and_the_header_of_simm(written):
    state = "/jointset/sh/shoulder_flexion"
    text = ANGLES.replace("shoulder_flexion\telbow_flexion", f"{state}/value\t{state}/speed")
    assert angles_of(read_storage(written("s.sto", text))).names == ("shoulder_flexion",)
    simm = "a.mot\ndatacolumns 3\ndatarows 3\nendheader\n" + ANGLES.split("endheader\n")[1]
    table = read_storage(written("simm.mot", simm))
    assert table.values.shape == (3, 2)


@pytest.mark.parametrize(
    ("header", "degrees"),
    [
        (["a.mot", "datacolumns 3", "datarows 3"], True),
        (["a.mot", "version 1", "datacolumns 3", "datarows 3"], False),
        (["Coordinates", "nRows=3", "nColumns=3"], True),
        (["Coordinates", "version=1", "nRows=3", "nColumns=3"], False),
        (["Coordinates", "version=1", "nRows=3", "nColumns=3", "inDegrees=y"], True),
        (["Coordinates", "version=2", "nRows=3", "nColumns=3", "inDegrees=No"], False),
    ],
)
def test_tables_before_version_1_are_in_degrees(written, header, degrees):
    """What ``Storage.isInDegrees`` of OpenSim 4.6 says of these headers."""
    text = "\n".join([*header, "endheader", ANGLES.split("endheader\n")[1]])
    table = read_storage(written("old.mot", text))
    assert table.in_degrees == degrees
    first = angles_of(table).angle_rad[0, 0]
    assert first == pytest.approx(np.deg2rad(90) if degrees else 90.0)


@settings(max_examples=25)
@given(
    values=arrays(np.float64, (5, 3), elements=st.floats(-400, 400) | st.just(np.nan)),
    degrees=st.booleans(),
)
def test_storage_round_trip(tmp_path_factory, values, degrees):
    path = tmp_path_factory.mktemp("sto") / "a.sto"
    write_storage(path, Storage(("a", "b", "c"), np.arange(5) / 120, values, degrees, "angles"))
    back = read_storage(path)
    assert (back.names, back.in_degrees, back.title) == (("a", "b", "c"), degrees, "angles")
    assert back.values == pytest.approx(values, abs=1e-9, rel=1e-11, nan_ok=True)
    assert back.time_s == pytest.approx(np.arange(5) / 120, abs=1e-10)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("endheader", "end", r"must have a header that ends with the line endheader, got none"),
        ("nRows=3", "nRows=4", r"must have the 4 rows that its header tells, got 3: it was cut"),
        ("nColumns=3", "nColumns=2", r"must have the 2 columns that its header tells, got 3"),
        ("nRows=3", "nRows=x", r"line 3: nrows must be a number of at least 0, got 'x'"),
        ("version=1", "version=one", r"line 2: version must be a number of at least 0, got 'one'"),
        ("=yes", "=true", r"line 5: inDegrees must be yes or no, got 'true'"),
        (
            "version=1\nnRows=3\nnColumns=3\ninDegrees=yes",
            "inDegrees=no",
            r"line 2: inDegrees=no must come with version=1, got version=0: OpenSim reads older",
        ),
        (
            "version=1",
            "DataType=Vec3",
            r"line 2: DataType must be double, one number in a cell, got Vec3",
        ),
        ("time\t", "frame\t", r"line 9: must name the columns, time first, got 'frame"),
        ("elbow_flexion", "shoulder_flexion", r"line 9: column 'shoulder_flexion' is named twice"),
        ("0.01\t45\tNaN", "0.01\t45", r"line 11: must have 3 cells, got 2"),
        ("\t30", "\tthirty", r"line 12, column elbow_flexion: must be a number or blank, got 'th"),
    ],
)
def test_a_malformed_mot_file_is_refused_by_line(written, old, new, message):
    refused(read_storage, written("bad.mot", ANGLES.replace(old, new, 1)), message)


def test_marker_and_angle_tables(written):
    text = "time_s,hand_x,hand_y,hand_z,tip.X,tip.Y,tip.Z\n0,1,2,3,4,5,6\n0.01,7,,9,1,1,1\n"
    table = read_marker_csv(written("m.csv", "\ufeff" + text), "cm")
    assert table.names == ("hand", "tip")
    assert table.place_m[0, 1] == pytest.approx([0.04, 0.05, 0.06])
    assert np.isnan(table.place_m[1, 0]).all()
    angles = read_angle_csv(written("a.csv", "time_s,e_deg,f_rad\n0,180,1\n0.01,90,\n"))
    assert angles.names == ("e", "f")
    assert angles.angle_rad[0] == pytest.approx([np.pi, 1.0])
    assert np.isnan(angles.angle_rad[1, 1])


def test_malformed_tables_are_refused(written):
    def markers(text, message):
        refused(lambda path: read_marker_csv(path, "mm"), written("m.csv", text), message)

    markers("t,a_x,a_y,a_z\n0,1,2,3\n", r"must have the column time_s, got t, a_x")
    markers("time_s,a_x,a_y\n0,1,2\n", r"marker 'a' lacks the column a_z")
    markers("time_s,a_x,a_y,a_z,b\n0,1,2,3,4\n", r"column 'b' must be time_s or a marker's name")
    markers("time_s\n0\n1\n", r"must have columns of at least one marker")
    markers("time_s,a_x,a_y,a_z\n0,1,2,3\n", r"must hold at least 2 frames, got 1")
    markers("time_s,a_x,a_y,a_z\n0,1,2,3\n1,1,2,q\n", r"line 3, column a_z: must be a number")
    with pytest.raises(ValueError, match=r"units must be one of m, cm, mm, got 'ft'"):
        read_marker_csv("m.csv", "ft")
    refused(read_angle_csv, written("a.csv", "time_s,e\n0,1\n1,2\n"), r"'e' must be time_s, or end")
    refused(read_angle_csv, written("a.csv", "time_s\n0\n1\n"), r"at least one angle, got time_s")


def test_two_columns_of_one_thing_are_refused(written):
    refused(
        lambda path: read_marker_csv(path, "mm"),
        written("m.csv", "time_s,a_x,a_y,a_z,a.X\n0,1,2,3,4\n1,1,2,3,4\n"),
        r"must have one column for x of marker 'a', got 'a_x' and 'a\.X': leave one out",
    )
    refused(
        read_angle_csv,
        written("a.csv", "time_s,e_deg, e_deg\n0,1,2\n1,2,3\n"),
        r"columns of different names beside their blanks, got 'time_s', 'e_deg', ' e_deg'",
    )
    twice = read_angle_csv(written("b.csv", "time_s,e_deg,e_rad,f_deg\n0,1,2,3\n1,2,3,4\n"))
    assert twice.select(["f"]).names == ("f",)
    refused(lambda _: twice.select(["e"]), None, r"must have one column for coordinate 'e', got 2")


def test_events_round_trip(tmp_path):
    trials = (Trial("a", 0.5, 1.25), Trial("b", 2.0, 3.0, "passive", 2.125, -90.0))
    write_events(tmp_path / "e.csv", trials)
    first, second = read_events(tmp_path / "e.csv")
    assert (first.name, first.start_s, first.end_s, first.condition) == ("a", 0.5, 1.25, "active")
    assert np.isnan([first.bump_s, first.direction_deg]).all()
    assert second == trials[1]
    (tmp_path / "short.csv").write_text("trial,start_s,end_s\n7,1,2\n")
    assert read_events(tmp_path / "short.csv")[0].condition == "active"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("trial,start_s\n1,2\n", r"must have the column end_s, got trial, start_s"),
        ("trial,start_s,end_s,go\n1,2,3,4\n", r"column 'go' is unknown; the columns are trial, st"),
        ("trial,start_s,end_s\n", r"must have a row for each trial, got none"),
        ("trial,start_s,end_s\n1,2,3\n1,4,5\n", r"row 3: trial '1' is there twice"),
        ("trial,start_s,end_s\n,2,3\n", r"row 2: trial has no name"),
        ("trial,start_s,end_s\n1,3,3\n", r"row 2: trial '1' must start before it ends, got st"),
        ("trial,start_s,end_s\n1,,3\n", r"row 2: trial '1' must start before it ends, got st"),
        ("trial,start_s,end_s\n1,a,3\n", r"line 2, column start_s: must be a number or blank, got"),
        ("trial,start_s,end_s,direction_deg\n1,2,3,400\n", r"row 2, column direction_deg: must b"),
        ("trial,start_s,end_s,direction_deg\n1,2,3,up\n", r"line 2, column direction_deg: must be"),
        ("trial,start_s,end_s,condition\n1,2,3,odd\n", r"column condition: must be active or pass"),
        ("trial,start_s,end_s,condition\n1,2,3,passive\n", r"passive trial '1' must tell the on"),
    ],
)  # fmt: skip
def test_malformed_events_are_refused(written, text, message):
    refused(read_events, written("e.csv", text), message)
