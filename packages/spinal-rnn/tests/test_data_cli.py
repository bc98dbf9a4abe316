"""The verbs that make sessions, as a user types them."""

import re
from pathlib import Path

import numpy as np
import pytest

from spinal_rnn.data_config import ImportConfig
from spinal_rnn.emg import preprocess
from spinal_rnn.session import read_session
from spinal_rnn.simulation.simulator import LEAST_MV, simulate_session


def files(run):
    return {path.name for path in Path(run).iterdir()}


@pytest.fixture(scope="module")
def simulated(tmp_path_factory, spinal):
    folder = tmp_path_factory.mktemp("simulate")
    options = ("preset=easy", "seed=2", "fs_hz=2000", "digital=true", "dead=[LTA]")
    done = spinal(folder, "simulate", *options)
    assert done.returncode == 0, done.stderr
    return done.stdout, Path(re.search(r"session=(.*)", done.stdout)[1])


def test_simulate_writes_a_session_and_tells_what_it_holds(simulated):
    told, path = simulated
    assert "100 trials of 200 ms at 2000 samples per s" in told
    assert re.search(r"LTA +0\.000 +0\.000 +0\.0000   silent\n", told)
    assert "metric 100" in told
    session = read_session(path)
    assert session.subject == "easy 2"
    assert session.silent.tolist() == [i == 4 for i in range(14)]
    steps = session.emg / LEAST_MV
    assert np.abs(steps - steps.round()).max() < 1e-3
    wanted = simulate_session(2, "easy").conditions
    assert np.array_equal(session.conditions.configuration, wanted.configuration)
    assert {"session.h5", "config.json", "provenance.json", "done"} <= files(path.parent)


def test_import_of_a_table_gives_back_the_session(tmp_path, simulated, spinal):
    session = read_session(simulated[1])
    conditions = session.conditions
    np.save(tmp_path / "emg.npy", session.emg)
    names = ["amplitude_ma", "frequency_hz", *(f"contact_{contact}" for contact in range(17))]
    numbers = [conditions.amplitude_ma, conditions.frequency_hz, *conditions.configuration.T]
    text = [",".join(names)] + [",".join(map(repr, row)) for row in np.stack(numbers, 1).tolist()]
    (tmp_path / "conditions.csv").write_text("\n".join(text))
    options = ("source=conditions.csv", "emg=emg.npy", "fs_hz=2000", "subject=P01")
    done = spinal(tmp_path, "import", *options)
    assert done.returncode == 0, done.stderr
    assert "12 configurations, 84 conditions, 16 repeats" in done.stdout
    assert "at 1000 samples per s" in done.stdout
    read = read_session(re.search(r"session=(.*)", done.stdout)[1])
    assert read.subject == "P01"
    assert read.conditions.configuration == pytest.approx(conditions.configuration, abs=1e-12)
    assert read.emg == pytest.approx(preprocess(session).emg, abs=1e-6)


def test_another_lead_is_simulated_and_imported(tmp_path, spinal):
    places = [f"{contact},{x},{9 * row}" for row in range(3) for contact, x in
              ((2 * row, -2), (2 * row + 1, 2))]  # fmt: skip
    (tmp_path / "six.csv").write_text("\n".join(["contact,x_mm,z_mm", *places]))
    done = spinal(tmp_path, "simulate", "preset=easy", "lead=six.csv", "seed=1")
    assert done.returncode == 0, done.stderr
    session = read_session(re.search(r"session=(.*)", done.stdout)[1])
    assert (session.lead.name, session.conditions.configuration.shape[1]) == ("six", 7)
    assert session.lead.z_mm[:6].tolist() == [0, 0, 9, 9, 18, 18]
    assert not session.silent.any()
    columns = {name: column for name, column in vars(session.conditions).items()}
    np.savez(tmp_path / "six.npz", emg=session.emg, fs_hz=session.fs_hz, **columns)
    done = spinal(tmp_path, "import", "source=six.npz", "lead=six.csv", "preprocess=false")
    assert done.returncode == 0, done.stderr
    read = read_session(re.search(r"session=(.*)", done.stdout)[1])
    assert np.array_equal(read.emg, session.emg)
    assert np.array_equal(read.lead.x_mm, session.lead.x_mm, equal_nan=True)
    done = spinal(tmp_path, "import", "source=six.npz")
    assert done.returncode == 1
    assert "must have the shape (trials, 17 contacts, the case last), got" in done.stderr


def test_a_failed_import_writes_no_session(tmp_path, spinal):
    (tmp_path / "conditions.csv").write_text(
        "amplitude_ma,frequency_hz,cathodes,anodes\n1,20,4,3\n2,20,4,4\n"
    )
    np.save(tmp_path / "emg.npy", np.zeros((2, 400, 14)))
    done = spinal(tmp_path, "import", "source=conditions.csv", "emg=emg.npy", "fs_hz=2000")
    assert done.returncode == 1
    assert "conditions.csv row 3, column cathodes, anodes: a contact is cathode" in done.stderr
    assert "Traceback" not in done.stderr
    assert not [path for path in tmp_path.rglob("*") if path.name in ("session.h5", "done")]


def test_an_import_of_nothing_says_what_to_give(tmp_path, spinal):
    done = spinal(tmp_path, "import")
    assert done.returncode == 2
    assert "source must be given: add source=VALUE, as in `spinal-rnn import source=" in done.stderr


def test_numbers_of_an_import_are_checked():
    with pytest.raises(ValueError, match=r"fs_hz must be above 0, got -1"):
        ImportConfig("s.npz", fs_hz=-1)
    with pytest.raises(ValueError, match=r"band_hz must be two frequencies, got \[10\.0\]"):
        ImportConfig("s.npz", band_hz=[10.0])
    with pytest.raises(ValueError, match=r"min_configurations must be at least 1, got 0"):
        ImportConfig("s.npz", min_configurations=0)
