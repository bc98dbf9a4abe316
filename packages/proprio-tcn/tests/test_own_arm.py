"""An arm of one's own, from a MuJoCo file: every command takes its options and remembers them."""

from pathlib import Path

import numpy as np
import pytest

from neuro_common.files import RunError, read_csv
from neuro_common.runs import read_config
from proprio_tcn.arms.opening import open_arm
from proprio_tcn.arms.skeletal import SkeletalArm
from proprio_tcn.cli import main
from proprio_tcn.figures.trial import write_letter
from proprio_tcn.movements import generation
from proprio_tcn.movements.generation import generate_movements
from proprio_tcn.movements.making import describe_settings
from proprio_tcn.movements.opening import open_movements
from proprio_tcn.movements_config import MovementSettings
from proprio_tcn.neural.formats.opening import open_recording
from proprio_tcn.recorded.events import Trial, write_events
from proprio_tcn.recorded.inputs import read_inputs
from proprio_tcn.recorded.tables import MarkerTable
from proprio_tcn.recorded.trc import write_trc

XML = """
<mujoco><worldbody>
  <site name="top" pos="0 0 1"/><site name="chest" pos=".05 .05 .95"/>
  <body name="upper" pos="0 0 1">
    <joint name="lift" axis="0 -1 0" range="-40 100"/><joint name="spread" axis="1 0 0" range="-60 60"/>
    <joint name="turn" axis="0 0 1" range="-70 70"/>
    <geom type="capsule" size=".03" fromto="0 0 0 0 0 -.3" mass="1.5"/>
    <site name="front" pos=".03 0 -.1"/><site name="behind" pos="-.03 0 -.1"/>
    <site name="side" pos="0 .05 -.15"/>
    <body name="fore" pos="0 0 -.3"><joint name="bend" axis="0 -1 0" range="0 140"/>
      <geom type="capsule" size=".02" fromto="0 0 0 0 0 -.25" mass="1"/>
      <site name="bent" pos=".02 0 -.05"/><site name="heel" pos="-.03 0 .02"/>
      <site name="wrist" pos="0 0 -.25"/><site name="thumb" pos=".02 .06 -.22"/>
    </body>
  </body></worldbody>
  <tendon>
    <spatial name="flexor"><site site="front"/><site site="bent"/></spatial>
    <spatial name="extensor"><site site="behind"/><site site="heel"/></spatial>
    <spatial name="pectoral"><site site="chest"/><site site="side"/></spatial>
  </tendon>
  <actuator>
    <muscle name="flexor" tendon="flexor" range=".75 1.05"/>
    <muscle name="extensor" tendon="extensor" range=".75 1.05"/>
    <muscle name="pectoral" tendon="pectoral" range=".75 1.05"/>
  </actuator>
</mujoco>
"""  # noqa: E501
ROLES = {"hand": "wrist", "elbow": "fore", "shoulder": "top"}
OPTIONS = [f"arm_options.{role}={name}" for role, name in ROLES.items()]
DIRECTIONS = (0.0, 90.0, 180.0, 270.0)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("model.xml").write_text(XML, encoding="utf-8")
    return tmp_path


def settings(**options: object) -> MovementSettings:
    return MovementSettings(
        arm="model.xml",
        arm_options={**ROLES, **options},
        writers=3,
        shares=[0.4, 0.3, 0.3],
        start_points=20,
        planes=["vertical"],
        max_joint_jerk=20.0,
        max_muscle_jerk=20.0,
    )


def test_info_opens_it_with_its_options(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["info", "arm=model.xml", *OPTIONS, "arm_options.species=macaque"]
    words += ["arm_options.free=[lift,spread,bend]", "arm_options.locked_rad.turn=0.25"]
    words += ["arm_options.coordinates=[bend,lift]"]
    assert main(words) == 0
    told = capsys.readouterr().out
    assert "(macaque): 3 muscles, 3 move" in told
    assert told.index("bend 0 to 140 deg") < told.index("lift -40 to 100 deg")
    assert "spread" not in told


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ["arm=model.xml", *OPTIONS, "arm_options.hnad=wrist"],
            "the arm 'model.xml' has no option hnad; its options are hand, elbow, shoulder, name, "
            "species, free, locked_rad, ranges_rad, defaults_rad, markers, suffix, world, "
            "coordinates, wrapping, threads",
        ),
        (
            ["arm=human", "arm_options.hand=wrist"],
            "the arm 'human' has no option hand; its options are coordinates, wrapping, threads",
        ),
        (["arm=model.xml", *OPTIONS[1:]], "got none for hand: use arm_options.hand=NAME on a"),
        (["arm=model.xml", *OPTIONS, "arm_options.threads=two"], "must be of its kinds, got hand="),
    ],
)
def test_options_that_do_not_fit_are_named(
    capsys: pytest.CaptureFixture[str], words: list[str], message: str
) -> None:
    assert main(["info", *words]) == 1
    assert message in capsys.readouterr().err


def test_a_movement_set_remembers_them(capsys: pytest.CaptureFixture[str]) -> None:
    own = settings()
    words = ["generate", "arm=model.xml", *OPTIONS, "output=set", "writers=3", "start_points=20"]
    words += ["shares=[.4,.3,.3]", "planes=[vertical]", "max_joint_jerk=20", "max_muscle_jerk=20"]
    assert main([*words, "hydra.run.dir=a"]) == 0, capsys.readouterr().err
    # compact, so the arm is opened again, with the options that the file holds
    found = open_movements("set", "test")
    assert found.origin["arm_options"] == ROLES
    assert found.origin == describe_settings(own)
    assert found.muscles == ("flexor", "extensor", "pectoral")
    np.testing.assert_allclose(
        found.trials.hand, open_arm("model.xml", **ROLES).hand(
            np.deg2rad(found.trials.joint_angle.T.astype(float))).T * 100, atol=1e-4
    )  # fmt: skip
    arm = open_arm("model.xml", **ROLES)
    assert main([*words, "hydra.run.dir=b"]) == 0  # done before, and recognised
    with pytest.raises(RunError, match="the settings that it began with, but these differ: arm_op"):
        generate_movements(settings(hand="thumb"), arm, "set")
    none = settings()
    none.arm_options = {}
    with pytest.raises(RunError, match="the settings that it began with, but these differ: arm_op"):
        generate_movements(none, arm, "set")


def test_workers_and_figures_open_the_same_arm(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(generation, "_renderer", None)
    generation._begin_worker(settings(name="mine"), {})
    renderer = generation._renderer
    assert renderer is not None
    assert (renderer.arm.name, renderer.arm.muscles[0]) == ("mine", "flexor")
    letter = write_letter(settings(free=["lift", "turn", "spread", "bend"]), "c", "vertical")
    assert letter.coordinates == ("lift", "spread", "turn", "bend")
    assert letter.muscles == ("flexor", "extensor", "pectoral")


def test_sets_from_before_there_were_options_are_what_they_were() -> None:
    assert "arm_options" not in describe_settings(MovementSettings())
    pairs = MovementSettings(arm_options={"ranges_rad": {"bend": (0.0, 1.0)}})
    # as the file of the set gives it back
    assert describe_settings(pairs)["arm_options"] == {"ranges_rad": {"bend": [0.0, 1.0]}}


def session(trials: int = 32) -> None:
    """Reaches and bumps in four directions: markers, events with and without them, and spikes."""
    arm = open_arm("model.xml", **ROLES, markers=["side", "thumb"])
    assert isinstance(arm, SkeletalArm)
    rng = np.random.default_rng(0)
    time = np.arange(100 * trials + 50) / 100
    angles = np.tile(np.deg2rad([20.0, 0.0, 0.0, 60.0]), (len(time), 1))
    events = []
    for number in range(trials):
        direction, passive = DIRECTIONS[number % 4], number % 8 >= 4
        start, bins = 1.0 * number + 0.3, 40
        course = 0.5 * (1 - np.cos(2 * np.pi * np.arange(bins) / bins))
        turn = 0.3 * np.array([np.cos(np.deg2rad(direction)), np.sin(np.deg2rad(direction))])
        rows = slice(round(100 * start), round(100 * start) + bins)
        angles[rows, :2] += course[:, None] * turn * rng.uniform(0.8, 1.2)
        kind = ("passive", start) if passive else ("active", np.nan)
        events.append(Trial(f"t{number}", start, start + 0.01 * bins, *kind, direction))
    names = ("hand", "elbow", "side", "thumb")
    place = np.stack([arm.marker(name, angles, axes="file") for name in names], axis=1)
    write_trc("markers.trc", MarkerTable(names, time, place))
    write_events("events.csv", events)
    write_events("blank.csv", [Trial(*[*vars(one).values()][:-1]) for one in events])


INPUTS = ["inputs", "arm=model.xml", *OPTIONS, "arm_options.markers=[side,thumb]"]
INPUTS += ["markers=markers.trc", "figure=false"]


def spikes() -> None:
    inputs = read_inputs("out/inputs.h5")
    speed = inputs.hand[:, :2, :, 1].transpose(0, 2, 1)
    rate = np.exp(speed @ np.random.default_rng(1).normal(0, 0.04, (2, 6)))
    np.savez("counts.npz", spike_counts=np.random.default_rng(2).poisson(rate))


def test_markers_become_a_prediction_that_knows_directions() -> None:
    session()
    assert main([*INPUTS, "events=events.csv", "hydra.run.dir=out"]) == 0
    spikes()
    recording = open_recording("out/inputs.h5", spikes="counts.npz")
    kinds = np.arange(32) % 8 >= 4
    wanted = np.tile(DIRECTIONS, 8)
    np.testing.assert_array_equal(recording.target_direction_deg, np.where(kinds, np.nan, wanted))
    np.testing.assert_array_equal(recording.bump_direction_deg, np.where(kinds, wanted, np.nan))
    words = ["predict", "recording=out/inputs.h5", "options.spikes=counts.npz", "draws=0"]
    words += ["kinematics=[hand velocity,direction]"]
    for window in ("active", "passive"):
        assert main([*words, f"protocol.window={window}", "protocol.folds=2",
                     f"hydra.run.dir={window}"]) == 0  # fmt: skip
        layers = read_csv(Path(window) / "layers.csv")
        score = dict(zip(layers["model"], map(float, layers["test_ev"]), strict=True))
        assert score["hand velocity"] > 0.1
        assert "direction" in score
        # only trials of known direction are repeats, whose mean courses can be compared
        ceilings = read_csv(Path(window) / "ceilings.csv")
        assert np.isfinite([float(one) for one in ceilings["reliability"]]).all()
    assert read_config("out")["arm_options"]["hand"] == "wrist"


def test_without_the_column_no_direction_is_known() -> None:
    session(8)
    text = Path("blank.csv").read_text()
    Path("older.csv").write_text(text.replace(",direction_deg", "").replace(",\n", "\n"))
    assert main([*INPUTS, "events=older.csv", "hydra.run.dir=out"]) == 0
    assert read_inputs("out/inputs.h5").direction_deg is None
    spikes()
    recording = open_recording("out/inputs.h5", spikes="counts.npz")
    assert np.isnan(recording.target_direction_deg).all()
    assert np.isnan(recording.bump_direction_deg).all()
