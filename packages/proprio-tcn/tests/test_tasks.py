"""The sixteen tasks against the publication's table."""

import pytest

from proprio_tcn.tasks.sixteen import LETTERS, ORIGINS, TASKS, Target, get_task

PUBLISHED = {  # name of the published code: targets' channels, units
    "classification": (20, [""]),
    "regression": (3, ["cm"]),
    "regress_ee_vel": (3, ["cm/s"]),
    "regress_ee_pos_vel": (6, ["cm", "cm/s"]),
    "regress_ee_pos_vel_acc": (9, ["cm", "cm/s", "cm/s2"]),
    "regress_ee_elbow_pos": (6, ["cm", "cm"]),
    "regress_ee_elbow_vel": (6, ["cm/s", "cm/s"]),
    "regress_ee_elbow_pos_vel": (12, ["cm", "cm", "cm/s", "cm/s"]),
    "regress_ee_elbow_pos_vel_acc": (18, ["cm", "cm", "cm/s", "cm/s", "cm/s2", "cm/s2"]),
    "regress_joints_pos": (4, ["deg"]),
    "regress_joints_vel": (4, ["deg/s"]),
    "regress_joints_pos_vel": (8, ["deg", "deg/s"]),
    "regress_joints_pos_vel_acc": (12, ["deg", "deg/s", "deg/s2"]),
    "torque": (4, ["N m"]),
    "autoencoder": (78, ["mm", "mm/s"]),
    "bt": (0, []),
}


def test_outputs_and_units_are_the_published_ones() -> None:
    found = {
        task.published: (task.outputs(39), [target.unit for target in task.targets])
        for task in TASKS.values()
    }
    assert found == PUBLISHED
    assert list(found) == list(PUBLISHED)
    assert LETTERS == TASKS["action_recognition"].outputs(39) == 20


def test_names_heads_and_titles() -> None:
    heads = {name: task.head for name, task in TASKS.items() if task.head != "regress"}
    assert heads == {
        "action_recognition": "classify",
        "torque": "torque",
        "autoencoder": "decode",
        "redundancy_reduction": "project",
    }
    assert all(name == task.name for name, task in TASKS.items())
    title = TASKS["limb_position_velocity_acceleration"].title
    assert title == "Limb position, velocity and acceleration"
    assert len({task.title for task in TASKS.values()}) == 16
    assert {task.hypothesis for task in TASKS.values()} == {
        "action recognition",
        "end-effector state",
        "limb state",
        "joint state",
        "sensorimotor control",
        "efficient coding",
    }


def test_keys_are_those_of_a_movement_set() -> None:
    assert TASKS["joint_position_velocity"].keys == (
        "spindle",
        "joint_angle",
        "joint_velocity",
        "moving",
    )
    assert TASKS["torque"].keys == ("spindle", "torque", "moving", "target")
    assert TASKS["autoencoder"].keys == ("spindle", "moving")
    limb = [target.key for target in TASKS["limb_position_velocity"].targets]
    assert limb == ["hand", "elbow", "hand_velocity", "elbow_velocity"]
    assert TASKS["autoencoder"].outputs(37) == 74
    assert Target("hand", "cm", 3).name == "hand"


def test_a_name_that_is_no_task_is_refused() -> None:
    assert get_task("torque") is TASKS["torque"]
    with pytest.raises(ValueError, match=r"task must be one of action_recognition, .*'grasp'"):
        get_task("grasp")
    with pytest.raises(ValueError, match="is no task but the weights that every task begins with"):
        get_task("untrained")
    assert set(ORIGINS) == {"trained", "untrained", "data_driven"}
