"""Sessions from tables: what is read, what rules change, and damage named by row and column."""

import csv
from pathlib import Path

import numpy as np
import pytest

from neuro_common.files import FormatError
from spinal_rnn.conditions import configuration_name
from spinal_rnn.formats.emg_tables import is_published
from spinal_rnn.formats.session_checks import Rules
from spinal_rnn.formats.session_files import read_source
from spinal_rnn.lead import Lead
from spinal_rnn.muscles import MUSCLES

RULES = Rules(fs_hz=2000)


def write_rows(path, rows):
    with Path(path).open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return Path(path)


def condition_rows(session, form="sets"):
    rows, conditions = [], session.conditions
    for trial, vector in enumerate(conditions.configuration):
        row = {
            "trial": f"t{trial}",
            "amplitude_ma": conditions.amplitude_ma[trial],
            "frequency_hz": conditions.frequency_hz[trial],
            "pulse_width_us": 300,
            "pulses": conditions.pulses[trial],
        }
        if form == "sets":
            row["cathodes"] = " ".join(map(str, np.flatnonzero(vector < 0)))
            row["anodes"] = str(np.flatnonzero(vector > 0).tolist())
        elif form == "name":
            row["configuration"] = configuration_name(vector)
        else:
            scale = conditions.amplitude_ma[trial] if form == "mA" else 1
            row |= {f"contact_{i}": one * scale for i, one in enumerate(vector)}
        rows.append(row)
    return rows


def published_rows(session):
    rows, conditions = [], session.conditions
    for trial, vector in enumerate(conditions.configuration):
        row = {
            "": trial,
            "Frequency": conditions.frequency_hz[trial],
            "Amplitude": conditions.amplitude_ma[trial],
            "PulseWidth": 300,
            "Pulses": conditions.pulses[trial],
            "Cathodes": str(np.flatnonzero(vector < 0).tolist()),
            "Anodes": str(np.flatnonzero(vector > 0).tolist()),
        }
        row |= {f"ElectrodeConf_{i + 1}": one for i, one in enumerate(vector)}
        row |= {m: str(session.emg[trial, :, i].tolist()) for i, m in enumerate(MUSCLES)}
        rows.append(row)
    return rows


def write_table(folder, session, rows=None, emg=None):
    table = write_rows(folder / "conditions.csv", rows or condition_rows(session))
    np.save(folder / "emg.npy", session.emg if emg is None else emg)
    return table, folder / "emg.npy"


def write_emg_rows(folder, session, emg=None, trials=("t0", "t1", "t2", "t3"), muscles=MUSCLES):
    emg = session.emg if emg is None else emg
    rows = [
        {"trial": name, **dict(zip(muscles, sample.tolist(), strict=True))}
        for name, trial in zip(trials, emg, strict=True)
        for sample in trial
    ]
    return write_rows(folder / "emg.csv", rows)


@pytest.mark.parametrize("form", ["sets", "name", "parts", "mA"])
def test_a_table_with_a_matrix(tmp_path, form, session, assert_same):
    files = write_table(tmp_path, session, condition_rows(session, form))
    assert_same(read_source(*files, RULES))


def test_a_table_with_emg_in_rows(tmp_path, session, assert_same):
    order = [2, 0, 3, 1]  # samples find their trial by its name
    emg = write_emg_rows(tmp_path, session, session.emg[order], [f"t{one}" for one in order])
    assert_same(read_source(write_rows(tmp_path / "c.csv", condition_rows(session)), emg, RULES))


def test_the_published_layout(tmp_path, session, assert_same):
    path = write_rows(tmp_path / "table.csv", published_rows(session))
    assert is_published(path)
    assert_same(read_source(path, rules=RULES))


def test_a_spreadsheet_s_byte_order_mark_and_spaces_are_taken_off(tmp_path, session, assert_same):
    table, emg = write_table(tmp_path, session)
    text = table.read_text()
    table.write_text("\ufeff" + text.replace("frequency_hz,", " frequency_hz ,", 1))
    assert_same(read_source(table, emg, RULES))
    table.write_text(text.replace("pulses", " trial", 1))
    with pytest.raises(FormatError, match="must have distinct column names, got trial, amplitude"):
        read_source(table, emg, RULES)
    table.write_text(text.replace(",", ";"))
    with pytest.raises(FormatError, match="must have commas between its cells, got semicolons"):
        read_source(table, emg, RULES)


def test_parts_that_a_table_rounds_sum_to_zero_exactly(tmp_path, session):
    rows = condition_rows(session, "parts")
    rows[1] |= {"contact_16": 0, "contact_2": 0.333, "contact_6": 0.333, "contact_9": 0.333}
    read = read_source(*write_table(tmp_path, session, rows), RULES)
    assert read.conditions.configuration[1, [2, 6, 9]].tolist() == [1 / 3] * 3
    assert abs(read.conditions.currents_ma.sum(axis=1)).max() < 1e-12


def change(row, **cells):
    return lambda rows: [{**one, **(cells if i == row else {})} for i, one in enumerate(rows)]


def rename(old, new):
    return lambda rows: [{new if k == old else k: v for k, v in one.items()} for one in rows]


def without(column):
    return lambda rows: [{k: v for k, v in one.items() if k != column} for one in rows]


@pytest.mark.parametrize(
    ("form", "damage", "message"),
    [
        ("sets", change(1, cathodes="0 16"), "row 3, column cathodes, anodes: a contact is cathode "
         r"or anode, not both, got \[16\]"),
        ("sets", change(2, cathodes="17"), r"row 4, column cathodes, anodes: contacts must be in 0 "
         r"to 16, got \[17\]"),
        ("sets", change(0, anodes=""), "row 2, column cathodes, anodes: there must be a cathode"),
        ("sets", change(0, anodes="__import__('os')"), "must list contacts like 3 5 or"),
        ("name", change(3, configuration="cath4"), "row 5, column configuration: a configuration "
         "must read like cath11_an8_9, got 'cath4'"),
        ("parts", change(0, contact_3=0.4), r"row 2, contacts: currents must sum to zero, got "
         r"-0\.1: if the case returns"),
        ("mA", change(1, contact_0=-2.0, contact_16=2.0), r"row 3, contacts: cathodes must sum to "
         r"-1 \(parts\) or to -3 \(mA"),
        ("parts", change(1, contact_0=0), "row 3, contacts: there must be a cathode and an anode"),
        ("parts", without("contact_7"), "lacks the column contact_7"),
        ("sets", without("anodes"), "lacks the column anodes"),
        ("sets", change(1, amplitude_ma="3,0"), "row 3, column amplitude_ma: must be a number, got "
         "'3,0'"),
        ("sets", change(1, amplitude_ma=-1), "row 3: amplitude_ma must be at least 0"),
        ("sets", change(3, frequency_hz=0), "row 5: frequency_hz must be in"),
        ("sets", change(0, amplitude_ma="nan"), "row 2: amplitude_ma must be at least 0"),
        ("sets", change(2, amplitude_ma=500), "row 4, column amplitude_ma: must be at most 20 mA, "
         "got 500: give mA, not uA, or raise max_amplitude_ma"),
        ("sets", change(2, pulses=1.5), "row 4, column pulses: must be a whole number from 1 "
         r"to 1000, got 1\.5"),
        ("sets", change(2, pulses=1e300), "row 4, column pulses: must be a whole number"),
        ("sets", change(2, pulses=30), "row 4, column frequency_hz: a burst must end within its "
         "period of 25 ms, got 30 pulses"),
        ("sets", change(3, trial="t1"), "trial 't1' is repeated, in row 3 and row 5"),
        ("sets", rename("amplitude_ma", "amplitude"), r"column 'amplitude' is unknown \(did you "
         r"mean 'amplitude_ma'\?\): rename it or leave it out"),
        ("sets", without("frequency_hz"), "must have frequency_hz, got amplitude_ma"),
        ("sets", lambda rows: [{**one, "configuration": "cath4_an3"} for one in rows],
         "must tell the contacts in one form, .* got cathodes and configuration"),
        ("sets", lambda rows: without("cathodes")(without("anodes")(rows)), "got none"),
        ("sets", lambda rows: rows[:3], "there must be EMG of each of the 3 trials, got that of 4: "
         "a row is missing"),
        ("sets", lambda rows: [*rows, {**rows[0], "trial": "t4"}], "of each of the 5 trials, got "
         "that of 4: a trial is missing"),
        ("sets", lambda rows: [{**rows[0], "trial": t, "amplitude_ma": t + 1} for t in range(4)],
         r"at least 2 configurations to learn from, got 1 \(cath4_an3_5\) in 4 trials"),
    ],
)  # fmt: skip
def test_a_damaged_table_names_row_and_column(tmp_path, form, damage, message, session):
    table, emg = write_table(tmp_path, session, damage(condition_rows(session, form)))
    with pytest.raises(FormatError, match=message) as caught:
        read_source(table, emg, RULES)
    assert "conditions.csv" in str(caught.value)


def test_a_table_without_rows(tmp_path, session):
    table, emg = write_table(tmp_path, session)
    table.write_text(table.read_text().splitlines()[0])
    with pytest.raises(FormatError, match="must have a row for each trial, got none"):
        read_source(table, emg, RULES)


@pytest.mark.parametrize(
    ("change_emg", "message"),
    [
        (lambda emg: emg[..., 0], r"must have the shape \(trials, time, muscles\), got \(4, 400\)"),
        (lambda emg: emg.swapaxes(1, 2), "got 400: transpose it"),
        (lambda emg: emg[..., :12], r"each of the 14 muscles .*, got 12: name them with muscles="),
        (lambda emg: emg.astype(complex), "must be real numbers, got complex128"),
        (lambda emg: np.where(np.arange(4)[:, None, None] == 2, np.nan, emg),
         "row 4, column LIl, LRF, .*: EMG must be finite, got NaN or infinity in 1 of 4 trials: "
         "nan=silence sets these muscles to 0, nan=drop leaves these trials out"),
    ],
)  # fmt: skip
def test_emg_that_does_not_fit(tmp_path, change_emg, message, session):
    with pytest.raises(FormatError, match=message):
        read_source(*write_table(tmp_path, session, emg=change_emg(session.emg)), RULES)


def test_emg_that_is_not_finite_can_be_silenced_or_left_out(tmp_path, session):
    emg = session.emg.copy()
    emg[2, 17, 4] = np.nan
    files = write_table(tmp_path, session, emg=emg)
    silenced = read_source(*files, Rules(fs_hz=2000, nan="silence"))
    assert np.flatnonzero(silenced.silent).tolist() == [4]
    assert len(silenced) == 4
    dropped = read_source(*files, Rules(fs_hz=2000, nan="drop"))
    assert np.array_equal(dropped.emg, session.emg[[0, 1, 3]])
    assert dropped.conditions.frequency_hz.tolist() == [20, 60, 20]
    emg[:, 0] = np.inf
    files = write_table(tmp_path, session, emg=emg)
    with pytest.raises(FormatError, match="every trial has EMG that is not finite: nan=silence"):
        read_source(*files, Rules(fs_hz=2000, nan="drop"))
    with pytest.raises(FormatError, match="every muscle has EMG that is not finite"):
        read_source(*files, Rules(fs_hz=2000, nan="silence"))


def test_repeats_are_kept_averaged_or_refused(tmp_path, session):
    files = write_table(tmp_path, session)
    assert len(read_source(*files, RULES)) == 4
    mean = read_source(*files, Rules(fs_hz=2000, repeated_trials="mean"))
    assert mean.conditions.amplitude_ma.tolist() == [1.5, 3.0, 0.5]
    assert mean.emg[0] == pytest.approx(session.emg[[0, 3]].mean(axis=0), abs=1e-6)
    assert np.array_equal(mean.emg[1:], session.emg[1:3])
    with pytest.raises(
        FormatError, match="row 5: repeats the condition of row 2: repeated_trials="
    ):
        read_source(*files, Rules(fs_hz=2000, repeated_trials="refuse"))


def test_a_trial_that_was_written_twice_is_refused(tmp_path, session):
    emg = session.emg
    emg[3] = emg[0]
    with pytest.raises(FormatError, match=r"row 5: has the very EMG of row 2: a trial is repeated"):
        read_source(*write_table(tmp_path, session, emg=emg), RULES)
    emg[[0, 3]] = 0  # nothing was recorded, which is no copy
    assert len(read_source(*write_table(tmp_path, session, emg=emg), RULES)) == 4


def test_the_sampling_rate_must_be_told_and_hold_the_band(tmp_path, session):
    files = write_table(tmp_path, session)
    with pytest.raises(FormatError, match=r"does not tell fs_hz: give fs_hz=\.\.\."):
        read_source(*files)
    with pytest.raises(
        FormatError, match="fs_hz must be above 900 for a band up to 450 Hz, got 500"
    ):
        read_source(*files, Rules(fs_hz=500))
    assert read_source(*files, Rules(fs_hz=500, band_hz=(10, 200))).fs_hz == 500


def test_a_lead_in_beyond_the_trial_is_refused(tmp_path, session):
    with pytest.raises(
        FormatError, match="lead_in_ms must be below the 200 ms of a trial, got 250"
    ):
        read_source(*write_table(tmp_path, session), Rules(fs_hz=2000, lead_in_ms=250))


def test_one_configuration_can_be_allowed(tmp_path, session):
    rows = [{**condition_rows(session)[0], "trial": t, "amplitude_ma": t + 1} for t in range(4)]
    rules = Rules(fs_hz=2000, min_configurations=1)
    assert len(read_source(*write_table(tmp_path, session, rows), rules)) == 4


def test_raw_steps_of_a_converter_are_read_by_the_mv_of_one(tmp_path, session):
    steps = np.random.default_rng(1).integers(-(2**15), 2**15, (4, 400, 14), dtype=np.int16)
    read = read_source(*write_table(tmp_path, session, emg=steps), Rules(fs_hz=2000, unit="3e-4"))
    assert read.emg == pytest.approx(steps * 3e-4, rel=1e-6)
    for wrong in ("0", "-1", "inf", "nan"):
        with pytest.raises(ValueError, match=f"or the mV of one step, got '{wrong}'"):
            Rules(unit=wrong)


@pytest.mark.parametrize(
    ("trials", "muscles", "message"),
    [
        (("t0", "t1", "t2", "t9"), MUSCLES, "emg.csv: trial 't3' is missing: add it, or take out"),
        (("t0", "t1", "t2", "t0"), MUSCLES, "trial 't0' is repeated, in row 2 and row 1202"),
        (("t0", "t1", "t2", "t3"), ("LIL", *MUSCLES[1:]),
         r"column LIL: is no muscle \(did you mean 'LIl'\?\); they are LIl, "),
        (("t0", "t1", "t2", "t3"), ("Sol", *MUSCLES[1:]), r"column Sol: is no muscle \(did you"),
    ],
)  # fmt: skip
def test_damaged_rows_of_emg(tmp_path, trials, muscles, message, session):
    table, _ = write_table(tmp_path, session)
    with pytest.raises(FormatError, match=message):
        read_source(table, write_emg_rows(tmp_path, session, None, trials, muscles), RULES)


def test_rows_of_emg_without_conditions_or_of_other_length(tmp_path, session):
    emg = write_emg_rows(tmp_path, session)
    table = write_rows(tmp_path / "c.csv", condition_rows(session)[:3])
    with pytest.raises(FormatError, match="row 1202: trial 't3' has no conditions: add their row"):
        read_source(table, emg, RULES)
    table, _ = write_table(tmp_path, session)
    lines = emg.read_text().splitlines()
    emg.write_text("\n".join(lines[:-5]))
    with pytest.raises(
        FormatError, match="row 1202: trial 't3' must have 400 samples like 't0', got 395"
    ):
        read_source(table, emg, RULES)
    lines[9] = lines[9].replace(lines[9].split(",")[3], "loud")
    emg.write_text("\n".join(lines))
    with pytest.raises(FormatError, match="row 10, column LVLat: must be a number, got 'loud'"):
        read_source(table, emg, RULES)
    nameless = write_rows(tmp_path / "n.csv", without("trial")(condition_rows(session)))
    with pytest.raises(FormatError, match="must both have the column trial"):
        read_source(nameless, emg, RULES)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (change(2, RRF="[0.1, 0.2]"), "row 4, column RRF: must hold 400 samples like LIl in row 2, "
         "got 2"),
        (change(1, LTA="[0.1, open('x')]"), r"row 3, column LTA: must be a list of numbers, got "
         r"\"open\('x'\)\""),
        (change(1, LTA="[0.1 0.2 ... 0.3]"), "it was cut when it was printed, write all of it"),
        (change(3, LTA=""), "row 5, column LTA: must be a list of numbers, got none"),
        (change(0, Cathodes="[3]"), r"row 2, column cathodes, anodes: .* not both, got \[3\]"),
        (rename("LTA", "LTib"), r"column LTib: is no muscle"),
        (change(0, LSol=str([float("nan")] * 400)), "row 2, column LSol: EMG must be finite"),
        (lambda rows: [{k: v for k, v in one.items() if k not in MUSCLES} for one in rows],
         "must have a column for each muscle, got none"),
    ],
)  # fmt: skip
def test_a_damaged_published_table(tmp_path, damage, message, session):
    path = write_rows(tmp_path / "table.csv", damage(published_rows(session)))
    with pytest.raises(FormatError, match=message):
        read_source(path, rules=RULES)


def test_a_cell_beyond_any_trial_is_refused(tmp_path, session):
    path = write_rows(tmp_path / "table.csv", change(2, RRF="0," * 70_000)(published_rows(session)))
    with pytest.raises(FormatError, match="field larger than field limit"):
        read_source(path, rules=RULES)


def test_files_that_are_not_what_was_asked_for(tmp_path, session):
    table, emg = write_table(tmp_path, session)
    with pytest.raises(FileNotFoundError):
        read_source(tmp_path / "none.csv", emg, RULES)
    with pytest.raises(FileNotFoundError, match="must be a file, got nothing there"):
        read_source(table, tmp_path / "none.npy", RULES)
    with pytest.raises(FormatError, match="must come with its EMG, or be a table of the published"):
        read_source(table)
    with pytest.raises(FormatError, match="must be a CSV table of conditions when emg is given"):
        read_source(emg, emg)
    (tmp_path / "a.json").write_text("{}")
    with pytest.raises(FormatError, match=r"end in \.csv, \.npy, \.npz or \.mat, got '\.json'"):
        read_source(tmp_path / "a.json")
    with pytest.raises(FormatError, match="lacks configuration, got emg"):
        read_source(emg)
    np.savez(tmp_path / "all.npz", emg=session.emg, amplitude_ma=session.conditions.amplitude_ma)
    with pytest.raises(FormatError, match=r"must not tell amplitude_ma, which .*s\.csv tells"):
        read_source(table, tmp_path / "all.npz")
    np.savez(tmp_path / "empty.npz", fs_hz=2000)
    with pytest.raises(FormatError, match=r"empty\.npz must hold emg, got fs_hz"):
        read_source(table, tmp_path / "empty.npz")


def test_another_lead_has_its_own_contacts(tmp_path, session):
    lead = Lead("quad", np.array([0.0, 0, 0, np.nan]), np.array([0.0, 9, 18, np.nan]))
    rows = [
        {"amplitude_ma": 1, "frequency_hz": 40, "cathodes": 0, "anodes": "1 2"},
        {"amplitude_ma": 1, "frequency_hz": 40, "cathodes": 2, "anodes": 3},
    ]
    files = write_table(tmp_path, session, rows, session.emg[:2])
    read = read_source(*files, Rules(fs_hz=2000, lead=lead))
    assert read.conditions.configuration.tolist() == [[-1, 0.5, 0.5, 0], [0, 0, -1, 1]]
    assert (read.conditions.pulse_width_us == 300).all()
    rows[1]["anodes"] = 4
    with pytest.raises(FormatError, match=r"row 3, .*contacts must be in 0 to 3, got \[4\]"):
        read_source(*write_table(tmp_path, session, rows), Rules(fs_hz=2000, lead=lead))
