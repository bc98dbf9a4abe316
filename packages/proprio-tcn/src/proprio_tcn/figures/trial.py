"""One letter of one writer, from the pen to the spindles, as plain arrays."""

from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from proprio_tcn.movements.format import BIN_S, BINS
from proprio_tcn.movements.letters import LETTERS
from proprio_tcn.movements.making import make_renderer, make_set, open_writers
from proprio_tcn.movements.movement_set import MovementSet
from proprio_tcn.movements.rendering import Cell, render
from proprio_tcn.movements_config import MovementSettings

__all__ = ["LetterTrial", "letter_trial", "write_letter"]

Floats = NDArray[np.float64]


class LetterTrial(NamedTuple):
    """A movement in its window of bins.

    Attributes:
        title: What moves and how, for captions.
        time_s: Of each bin, shape (bins,).
        moving: Bins of the movement, shape (bins,).
        pen_cm: As it was written, before any augmentation, shape (2, bins of the trace).
        hand_cm: World frame with the shoulder at the origin, shape (3, bins).
        elbow_cm: Likewise.
        coordinates: Names of the joint angles.
        joint_angle_deg: Shape (coordinates, bins).
        muscles: Their names.
        muscle_length_mm: Shape (muscles, bins).
        muscle_velocity_mm_s: Shape (muscles, bins).
    """

    title: str
    time_s: Floats
    moving: NDArray[np.bool_]
    pen_cm: Floats
    hand_cm: Floats
    elbow_cm: Floats
    coordinates: tuple[str, ...]
    joint_angle_deg: Floats
    muscles: tuple[str, ...]
    muscle_length_mm: Floats
    muscle_velocity_mm_s: Floats


def write_letter(
    settings: MovementSettings, letter: str, plane: str, writer: int = 0, *, threads: int = 1
) -> LetterTrial:
    """Let an arm write a letter; the same settings give the same trial.

    Args:
        settings: The arm, and how movements vary; must be of letters.
        letter: One of ``LETTERS``.
        plane: "horizontal" or "vertical".
        writer: Who writes, from 0.
        threads: Of inverse kinematics.

    Raises:
        ValueError: There is no such letter or writer, or the settings are of reaches.
        RenderingError: The trial was never accepted.
    """
    if len(letter) != 1 or letter not in LETTERS:
        raise ValueError(f"letter must be one of {', '.join(LETTERS)}, got {letter!r}")
    if settings.movements != "letters":
        raise ValueError(f"movements must be letters to be written, got {settings.movements}")
    if not 0 <= writer < settings.writers:
        raise ValueError(f"writer must be in [0, {settings.writers}), got {writer}")
    from proprio_tcn.arms.opening import open_arm

    arm = open_arm(settings.arm, **settings.arm_options)
    own = replace(settings, planes=[plane])
    number = LETTERS.index(letter)
    trials, _ = render(make_renderer(arm, own, threads=threads), [Cell(writer, number, 0)])
    pen = open_writers(own).trace(writer, number)
    title = f"{letter!r} in the {plane} plane by writer {writer}, {settings.arm} arm"
    return letter_trial(make_set(arm, own, "all", trials), 0, pen, title)


def letter_trial(movements: MovementSet, row: int, pen_cm: Floats, title: str) -> LetterTrial:
    """One movement of a set.

    Args:
        movements: The set.
        row: Which sample.
        pen_cm: What was written, shape (2, points).
        title: What moves and how.
    """
    batch = movements.batch([row], ("spindle", "hand", "elbow", "joint_angle", "moving"))
    spindle = batch["spindle"][0].astype(np.float64)
    return LetterTrial(
        title,
        np.arange(BINS, dtype=np.float64) * BIN_S,
        batch["moving"][0],
        np.asarray(pen_cm, dtype=np.float64),
        batch["hand"][0].astype(np.float64),
        batch["elbow"][0].astype(np.float64),
        movements.coordinates,
        batch["joint_angle"][0].astype(np.float64),
        movements.muscles,
        spindle[..., 0],
        spindle[..., 1],
    )
