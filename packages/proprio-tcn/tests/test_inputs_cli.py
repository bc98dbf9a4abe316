"""The verb inputs: a session's files in, one file and two tables out."""

import csv

import numpy as np
import pytest

from neuro_common import cli
from neuro_common.files import FormatError
from neuro_common.runs import Run
from proprio_tcn.arms.opening import open_arm
from proprio_tcn.inputs_cli import inputs
from proprio_tcn.inputs_config import InputsConfig
from proprio_tcn.recorded.events import Trial, write_events
from proprio_tcn.recorded.inputs import read_inputs
from proprio_tcn.recorded.storage import Storage, write_storage
from proprio_tcn.recorded.tables import MarkerTable
from proprio_tcn.recorded.trc import write_trc

VERB = cli.Verb(
    "inputs",
    "Make inputs of networks from recorded movements.",
    "proprio-tcn inputs markers=FILE.trc events=FILE.csv",
    "proprio_tcn.inputs_cli:inputs",
    "proprio_tcn.inputs_config:InputsConfig",
)
NAMES = ("Bicep_marker", "Elbow_Lateral_marker", "Ulna_marker", "Radius_marker")
TIME = np.arange(150) / 100


@pytest.fixture(scope="module")
def session(tmp_path_factory):
    """Markers (the first under another name), angles and events of one session."""
    folder = tmp_path_factory.mktemp("session")
    arm = open_arm("human")
    middle = np.array([0.5 * (one.low_rad + one.high_rad) for one in arm.coordinates])
    angles = middle + 0.3 * np.sin(4 * TIME[:, None] + np.arange(4))
    noise_m = 1e-3 * np.random.default_rng(0).standard_normal((len(TIME), len(NAMES), 3))
    place = np.stack([arm.marker(name, angles, axes="file") for name in NAMES], axis=1)
    table = MarkerTable(("BIC", *NAMES[1:]), TIME, place + noise_m)
    write_trc(folder / "markers.trc", table)
    names = tuple(one.name for one in arm.coordinates)
    write_storage(folder / "angles.mot", Storage(names, TIME, np.rad2deg(angles), True))
    write_events(
        folder / "events.csv",
        # the centres of the bins of "a" are frames
        (Trial("a", 0.195, 0.695), Trial("b", 0.8, 1.2, "passive", 0.9), Trial("c", 0.3, 0.4)),
    )
    return folder, angles


def carry_out(tmp_path, **options):
    config = InputsConfig(**options)
    with Run.open(
        tmp_path / "run",
        config=vars(config),
        distribution="proprio-tcn",
        verb="inputs",
        command="proprio-tcn inputs",
        seed=None,
    ) as run:
        metric = inputs(config, run)
        run.finish(metric)
    return metric


def rows(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_markers_become_inputs_with_residuals_told(session, tmp_path, capsys):
    folder, angles = session
    metric = carry_out(
        tmp_path,
        markers=str(folder / "markers.trc"),
        events=str(folder / "events.csv"),
        rename={"BIC": "Bicep_marker"},
    )
    told = capsys.readouterr().out
    assert "3 trials, 2 active and 1 passive, of" in told
    assert "markers.trc at 100 frames per s" in told
    assert "(human): 63 muscles, 37 of them moved by elv_angle, shoulder_elv" in told
    assert f"recording={tmp_path / 'run' / 'inputs.h5'}" in told
    # 12 coordinates less 4 angles are free to miss a millimetre of noise
    assert metric == pytest.approx(np.sqrt(3 * 8 / 12), rel=0.15)
    written = read_inputs(tmp_path / "run" / "inputs.h5")
    assert written.trial == ("a", "b", "c")
    assert written.duration.tolist() == [50, 13, 10]
    found = np.deg2rad(written.joint[0, :, 100:150, 0]).T
    assert np.abs(found - angles[20:70]).max() < 0.1
    residuals = rows(tmp_path / "run" / "residuals.csv")
    assert [row["marker"] for row in residuals[:4]] == list(NAMES)
    pooled = np.sqrt(np.mean([float(row["rms_mm"]) ** 2 for row in residuals]))
    assert pooled == pytest.approx(metric)
    drawn = rows(tmp_path / "run" / "figures" / "session.csv")
    assert float(drawn[20]["time_s"]) == 0.005
    assert float(drawn[20]["elbow_flexion_deg"]) == pytest.approx(
        float(written.joint[0, 3, 100, 0]), abs=1e-3
    )
    assert f"    {tmp_path / 'run' / 'report.html'}" in told
    assert (tmp_path / "run" / "report.html").exists()
    line = next(line for line in told.splitlines() if line.startswith("Ulna_marker"))
    ulna = [float(row["max_mm"]) for row in residuals if row["marker"] == "Ulna_marker"]
    assert float(line.split()[2]) == pytest.approx(max(ulna), abs=1e-3)


def test_angles_become_inputs_and_a_table_for_figures(session, tmp_path, capsys):
    folder, angles = session
    options = {"angles": str(folder / "angles.mot"), "events": str(folder / "events.csv")}
    assert carry_out(tmp_path, figure=False, **options) is None
    assert not (tmp_path / "run" / "figures").exists()
    assert "RMS" not in capsys.readouterr().out
    assert not (tmp_path / "run" / "residuals.csv").exists()
    table = rows(tmp_path / "run" / "kinematics.csv")
    assert len(table) == 73
    assert (table[0]["trial"], table[0]["bin"], table[50]["condition"]) == ("a", "100", "passive")
    assert float(table[7]["time_s"]) == 0.075  # the centre of its eighth bin
    assert float(table[7]["elbow_flexion_deg"]) == pytest.approx(
        np.rad2deg(angles[27, 3]), abs=1e-3
    )
    arm = open_arm("human")
    for name, place in (("hand", arm.hand), ("elbow", arm.elbow)):
        here, ahead, behind = (place(angles[27 + step][None])[0] * 100 for step in (0, 1, -1))
        found = [float(table[7][f"{name}_{axis}_cm"]) for axis in "xyz"]
        assert found == pytest.approx(here, abs=1e-3)
        speed = [float(table[7][f"{name}_{axis}_cm_s"]) for axis in "xyz"]
        assert speed == pytest.approx((ahead - behind) / 0.02, abs=0.02)


def test_the_config_composes_and_is_what_the_verb_takes():
    from omegaconf import OmegaConf

    words = ["arm=a.osim", "markers=m.trc", "events=e.csv", "marker_weights={Marker_1: 0.5}"]
    config = OmegaConf.to_object(cli.compose("proprio-tcn", (VERB,), "inputs", words))
    assert isinstance(config, InputsConfig)
    assert (config.arm, config.max_gap_s) == ("a.osim", 0.1)
    assert config.marker_weights == {"Marker_1": 0.5}


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"events": "e.csv"}, ValueError, r"markers or angles must name a file, and not both"),
        (
            {"events": "e.csv", "markers": "a.trc", "angles": "a.mot"},
            ValueError,
            r"markers or angles must name a file, and not both: give markers=FILE.trc, or angles=",
        ),
        ({"events": "e", "markers": "a.c3d"}, FormatError, r"must be a .trc or .csv file, got a.c"),
        ({"events": "e", "angles": "a.mat"}, FormatError, r"must be a .mot, .sto or .csv file, go"),
        ({"events": "e", "axes": "x"}, ValueError, r"axes must be file or world, got 'x'"),
    ],
)
def test_a_line_that_cannot_be_is_refused(tmp_path, options, error, message):
    with pytest.raises(error, match=message):
        carry_out(tmp_path, **options)


def test_wrong_names_are_refused_before_anything_is_written(session, tmp_path):
    folder, _ = session
    options = {"markers": str(folder / "markers.trc"), "events": str(folder / "events.csv")}
    with pytest.raises(FormatError, match=r"has no marker 'BIK' \(did you mean 'BIC'\?\)"):
        carry_out(tmp_path / "a", rename={"BIK": "Bicep_marker"}, **options)
    with pytest.raises(FormatError, match=r"rename must leave each marker its own name, got 'Ulna"):
        carry_out(tmp_path / "b", rename={"BIC": "Ulna_marker"}, **options)
    with pytest.raises(
        FormatError, match=r"has no marker 'BIC'.*; leave it out with marker_weights="
    ):
        carry_out(tmp_path / "c", **options)
    assert not list(tmp_path.rglob("inputs.h5"))
