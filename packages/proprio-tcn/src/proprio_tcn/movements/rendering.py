"""From a pen trace to joints and muscles: trials are drawn until one can be moved, and smoothly."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from neuro_common.files import RunError
from neuro_common.seeding import generator
from proprio_tcn.arms.arm import Arm
from proprio_tcn.movements.augmentation import Latents, augment, draw_latents, embed
from proprio_tcn.movements.kinematics import draw_start, jerk
from proprio_tcn.movements.muscles import chosen_muscles, joint_velocity, render_course
from proprio_tcn.movements.start_points import StartPoints, random_postures
from proprio_tcn.movements.trials import Trials
from proprio_tcn.movements.writers import Writers
from proprio_tcn.movements_config import MovementSettings

__all__ = ["Cell", "Draw", "Renderer", "RenderingError", "draw_letter", "render"]

Floats = NDArray[np.float64]
Solver = Callable[..., Any]

_LETTER_STREAM = 2
_GROUP = 64  # trials of similar length that inverse kinematics gets at once
_PLANES = ("horizontal", "vertical")


class RenderingError(RunError):
    """No draw of a trial was accepted."""


class Cell(NamedTuple):
    """Which trial of a movement set: it alone decides, with the seed, what is drawn."""

    writer: int
    letter: int
    repeat: int


class Draw(NamedTuple):
    """One attempt at a trial.

    Attributes:
        path_cm: Where the hand shall be in every bin, world frame, shape (3, bins).
        posture_rad: Before the first bin, shape (coordinates,).
        start: Bin of the window that it begins at.
        plane: 0 horizontal, 1 vertical; -1 neither.
        latents: What was drawn of size, rotation, shear and speed.
    """

    path_cm: Floats
    posture_rad: Floats
    start: int
    plane: int
    latents: Latents


Drawer = Callable[[Cell, int], Draw]


@dataclass(frozen=True, eq=False)
class Renderer:
    """All that trials are drawn and judged with.

    Attributes:
        arm: Who moves.
        settings: How movements vary, and which are accepted.
        draw: From a cell and the number of an attempt to the attempt.
        solve: Inverse kinematics, as ``proprio_tcn.arms.inverse.solve_postures``.
        load: Torques of joints from angles, velocities and accelerations in rad, each
            (bins, coordinates); None for movements without.
        threads: Of inverse kinematics.
    """

    arm: Arm
    settings: MovementSettings
    draw: Drawer
    solve: Solver
    load: Callable[[Floats, Floats, Floats], Floats] | None = None
    threads: int = 1


def draw_letter(
    cell: Cell,
    attempt: int,
    settings: MovementSettings,
    writers: Writers,
    places: Mapping[str, StartPoints],
    arm: Arm,
) -> Draw:
    """Draw an attempt at a letter: latents, plane, place, posture and start, independently.

    Args:
        cell: Whose trial of which letter.
        attempt: Counts from 0.
        settings: Levels of the latents, planes, seed.
        writers: Who writes.
        places: Where letters can begin, by plane.
        arm: For the ranges of its coordinates.
    """
    rng = generator(settings.seed, _LETTER_STREAM, *cell, attempt)
    latents = draw_latents(settings, rng)
    plane = settings.planes[rng.integers(len(settings.planes))]
    points = places[plane].points_cm
    place = points[rng.integers(len(points))]
    posture = random_postures(arm, 1, rng)[0]
    trace = augment(writers.trace(cell.writer, cell.letter), latents)
    start = draw_start(trace.shape[1], rng)
    return Draw(embed(trace, plane, place), posture, start, _PLANES.index(plane), latents)


def render(renderer: Renderer, cells: Sequence[Cell]) -> tuple[Trials, Counter[str]]:
    """Render one accepted trial for each cell.

    All trials that still want one are attempted together, round by round, so that what comes out
    hangs on the cells and the seed alone.

    Args:
        renderer: What to draw and judge with.
        cells: Which trials.

    Returns:
        The trials in the order of ``cells``, and how many attempts were accepted and refused, by
        reason: "accepted", "out of reach", "joint jerk", "muscle jerk".

    Raises:
        RenderingError: A trial was refused ``max_attempts`` times.
    """
    done: dict[int, Trials] = {}
    told: Counter[str] = Counter()
    pending = list(range(len(cells)))
    for attempt in range(renderer.settings.max_attempts):
        draws = [renderer.draw(cells[row], attempt) for row in pending]
        smooth = _smooth_joints(renderer, draws, told)
        if smooth:
            rows = [pending[index] for index in smooth]
            _finish(renderer, cells, rows, draws, smooth, attempt, told, done)
        pending = [row for row in pending if row not in done]
        if not pending:
            return Trials.join([done[row] for row in range(len(cells))]), told
    raise RenderingError(
        f"every trial must be accepted in {renderer.settings.max_attempts} attempts, got "
        f"{len(pending)} of {len(cells)} that were not ({_listed(told)}): raise max_attempts or a "
        "limit (max_error_cm, max_joint_jerk, max_reach_jerk, max_muscle_jerk), or lower box_cm"
    )


def _smooth_joints(
    renderer: Renderer, draws: Sequence[Draw], told: Counter[str]
) -> dict[int, Floats]:
    """Joint angles in deg, (coordinates, bins), of those draws that joints can follow."""
    settings = renderer.settings
    jerkiest = settings.max_reach_jerk if renderer.load else settings.max_joint_jerk
    order = sorted(range(len(draws)), key=lambda index: draws[index].path_cm.shape[1])
    smooth: dict[int, Floats] = {}
    for first in range(0, len(order), _GROUP):
        group = order[first : first + _GROUP]
        longest = draws[group[-1]].path_cm.shape[1]
        paths = np.stack([_held(draws[index].path_cm.T, longest) for index in group])
        start = np.stack([draws[index].posture_rad for index in group])
        solved = renderer.solve(renderer.arm, paths / 100.0, start, threads=renderer.threads)
        for index, angles, error in zip(group, solved.angles_rad, solved.error_m, strict=True):
            bins = draws[index].path_cm.shape[1]
            course = np.rad2deg(angles[:bins]).T
            if not 100.0 * error[:bins].sum() <= settings.max_error_cm:
                told["out of reach"] += 1
            elif not jerk(course) <= jerkiest:
                told["joint jerk"] += 1
            else:
                smooth[index] = course
    return dict(sorted(smooth.items()))


def _finish(
    renderer: Renderer,
    cells: Sequence[Cell],
    rows: Sequence[int],
    draws: Sequence[Draw],
    smooth: Mapping[int, Floats],
    attempt: int,
    told: Counter[str],
    done: dict[int, Trials],
) -> None:
    """Render muscles and keep those trials whose muscles move smoothly."""
    length = np.array([course.shape[1] for course in smooth.values()])
    chosen = [draws[index] for index in smooth]
    # muscles follow the angles as they are kept, so that a set that is read back is the same
    joint_angle = np.concatenate(list(smooth.values()), axis=1).astype(np.float32)
    muscles = chosen_muscles(renderer.arm, renderer.settings.muscles)
    course = render_course(renderer.arm, joint_angle, length, muscles)
    here = [cells[row] for row in rows]
    trials = Trials(
        length=length,
        start=np.array([draw.start for draw in chosen]),
        letter=np.array([-1 if renderer.load else cell.letter for cell in here]),
        writer=np.array([cell.writer for cell in here]),
        repeat=np.array([cell.repeat for cell in here]),
        plane=np.array([draw.plane for draw in chosen]),
        attempts=np.full(len(chosen), attempt + 1),
        latents=np.array([draw.latents for draw in chosen], dtype=np.float32),
        joint_angle=joint_angle,
        **course._asdict(),
        **_loaded(renderer, joint_angle, length, [draw.path_cm[:, -1] for draw in chosen]),
    )
    offset = trials.offset
    for place, row in enumerate(rows):
        lengths = course.spindle[:, offset[place] : offset[place + 1], 0]
        if jerk(lengths.astype(np.float64)) <= renderer.settings.max_muscle_jerk:
            done[row] = trials.take(np.array([place]))
            told["accepted"] += 1
        else:
            told["muscle jerk"] += 1


def _loaded(
    renderer: Renderer,
    joint_angle: NDArray[np.float32],
    length: NDArray[np.int64],
    targets: Sequence[Floats],
) -> dict[str, NDArray[np.float32]]:
    if renderer.load is None:
        return {}
    angles = np.deg2rad(joint_angle.astype(np.float64))
    rates = joint_velocity(angles, length)
    # beside a movement joints hold still: their velocity there is zero, not the last one
    rises = joint_velocity(rates, length, resting=True)
    torque = renderer.load(angles.T, rates.T, rises.T)
    return {"torque": torque.T.astype(np.float32), "target": np.array(targets, dtype=np.float32)}


def _held(path: Floats, bins: int) -> Floats:
    """Stay at the last place up to ``bins``; (n, 3) to (bins, 3)."""
    return np.pad(path, [(0, bins - len(path)), (0, 0)], mode="edge")


def _listed(told: Counter[str]) -> str:
    return ", ".join(f"{reason} {count}" for reason, count in told.most_common())
