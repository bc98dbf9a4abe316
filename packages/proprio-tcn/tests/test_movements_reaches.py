import numpy as np
import pytest

from proprio_tcn.arms.dynamics import inverse_dynamics
from proprio_tcn.arms.two_link import TwoLinkArm
from proprio_tcn.movements.making import make_movements
from proprio_tcn.movements.movement_set import MovementSet
from proprio_tcn.movements.opening import open_movements
from proprio_tcn.movements.reaches import minimum_jerk
from proprio_tcn.movements.storage import write_movements
from proprio_tcn.movements_config import MovementSettings

SETTINGS = MovementSettings(
    arm="two_link",
    movements="reaches",
    writers=4,
    shares=[0.5, 0.25, 0.25],
    start_points=40,
)


@pytest.fixture(scope="module")
def reaches() -> MovementSet:
    return make_movements(TwoLinkArm(), SETTINGS, "test")


def test_the_minimum_jerk_path_starts_and_ends_at_rest():
    begin, end = np.array([1.0, -2.0, 0.0]), np.array([4.0, 2.0, 0.0])
    path = minimum_jerk(begin, end, 101)
    np.testing.assert_allclose(path[:, [0, 50, 100]].T, [begin, (begin + end) / 2, end])
    speed = np.linalg.norm(np.diff(path, axis=1), axis=0) * 100
    # along the way of length 5 in unit time the peak speed is 15/8 of the mean
    assert speed.max() == pytest.approx(5 * 15 / 8, rel=1e-3)
    assert speed[[0, -1]].max() < 0.01
    sixth = np.diff(minimum_jerk(begin, end, 20), 6, axis=1)
    np.testing.assert_allclose(sixth, 0.0, atol=1e-9)  # a polynomial of fifth order


def test_reaches_go_straight_from_place_to_target(reaches: MovementSet):
    trials = reaches.trials
    assert len(reaches) == 20
    assert (reaches.letter == -1).all()
    assert trials.target is not None
    at = trials.offset
    for row in range(len(reaches)):
        hand = trials.hand[:, at[row] : at[row + 1]].astype(float)
        np.testing.assert_allclose(hand[:, -1], trials.target[row], atol=1e-3)
        expected = minimum_jerk(hand[:, 0], hand[:, -1], hand.shape[1])
        np.testing.assert_allclose(hand, expected, atol=2e-3)
    assert trials.length.min() >= 60
    assert trials.length.max() <= 140


def test_torques_move_the_arm_so(reaches: MovementSet):
    batch = reaches.batch(range(20), ("joint_angle", "joint_velocity", "joint_acceleration"))
    moving = reaches.batch(range(20), ("moving",))["moving"]
    torque = reaches.batch(range(20), ("torque",))["torque"]
    for row in range(20):
        if reaches.trials.start[row] < 2:
            continue  # differences are one-sided at the edge of the window
        states = [np.deg2rad(batch[key][row, :, moving[row]].astype(float)) for key in batch]
        expected = inverse_dynamics(TwoLinkArm(), *states)
        np.testing.assert_allclose(torque[row][:, moving[row]].T, expected, atol=2e-4)
    assert np.abs(torque).max() > 0.05  # gravity is on


def test_beside_a_reach_the_torque_holds_the_arm_up(reaches: MovementSet):
    batch = reaches.batch(range(20), ("joint_angle", "torque"))
    angles = np.deg2rad(batch["joint_angle"][:, :, -1].astype(float))
    still = inverse_dynamics(TwoLinkArm(), angles, 0 * angles, 0 * angles)
    # the last bin of a reach is at rest but for the last of its deceleration
    np.testing.assert_allclose(batch["torque"][:, :, -1], still, atol=0.02)


def test_places_too_near_each_other_are_refused():
    settings = MovementSettings(**{**vars(SETTINGS), "start_points": 1})
    message = r"start_points must be enough for reaches of \d.* cm, got 1 places .*: raise start_po"
    with pytest.raises(ValueError, match=message):
        make_movements(TwoLinkArm(), settings, "test")


@pytest.mark.parametrize("layout", ["compact", "full"])
def test_reaches_are_kept_with_their_torques(layout: str, reaches: MovementSet, tmp_path):
    write_movements(tmp_path / "dataset_test.hdf5", reaches, layout)
    back = open_movements(tmp_path, "test", arm=TwoLinkArm())
    for key in ("torque", "target", "hand", "letter"):
        np.testing.assert_array_equal(back.batch([3], (key,))[key], reaches.batch([3], (key,))[key])
    import h5py

    with h5py.File(tmp_path / "dataset_test.hdf5") as file:
        assert file["target_coords_one"].shape == (20, 3)
        if layout == "full":
            assert file["torque_coords"].shape == (20, 4, 400)
            assert file["torque_coords"].attrs["units"] == "N m"
            assert file["target_coords"].shape == (20, 3, 400)
            assert file["spindle_info"].shape == (20, 0, 400, 2)
