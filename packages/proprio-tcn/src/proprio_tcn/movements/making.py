"""Movement sets made in memory, from the settings alone."""

import json
from collections.abc import Callable
from dataclasses import asdict, fields
from functools import partial
from typing import Any

import numpy as np

from neuro_common.files import to_json
from proprio_tcn.arms.arm import Arm
from proprio_tcn.movements.format import SPLITS, split_writers
from proprio_tcn.movements.letters import LETTERS
from proprio_tcn.movements.movement_set import MovementSet
from proprio_tcn.movements.muscles import chosen_muscles
from proprio_tcn.movements.reaches import draw_reach, reach_torques
from proprio_tcn.movements.rendering import Cell, Renderer, draw_letter, render
from proprio_tcn.movements.sources import describe_sources
from proprio_tcn.movements.start_points import StartPoints, find_start_points
from proprio_tcn.movements.trials import Trials
from proprio_tcn.movements.uci import read_uci
from proprio_tcn.movements.writers import FontWriters, Writers
from proprio_tcn.movements_config import MovementSettings

__all__ = [
    "SHARD",
    "cells_of",
    "describe_settings",
    "make_movements",
    "make_renderer",
    "make_set",
    "open_writers",
    "shards_of",
]

SHARD = 200
"""Trials that are rendered together and kept together, whatever the number of workers."""

Solver = Callable[..., Any]


def make_movements(
    arm: Arm,
    settings: MovementSettings,
    split: str = "train",
    *,
    solve: Solver | None = None,
    threads: int = 1,
) -> MovementSet:
    """Make one split of a movement set in memory.

    The same samples as in the files of ``generate_movements``.

    Args:
        arm: Who moves.
        settings: What moves, and how it varies.
        split: "train", "val" or "test".
        solve: Inverse kinematics; None is ``proprio_tcn.arms.inverse.solve_postures``.
        threads: Of inverse kinematics.

    Raises:
        ValueError: There is no such split, or too few writers.
        RenderingError: A trial was never accepted.
    """
    if split not in SPLITS:
        raise ValueError(f"split must be one of {', '.join(SPLITS)}, got {split!r}")
    renderer = make_renderer(arm, settings, solve=solve, threads=threads)
    shards = shards_of(cells_of(settings, split))
    trials = Trials.join([render(renderer, shard)[0] for shard in shards])
    return make_set(arm, settings, split, trials)


def make_set(arm: Arm, settings: MovementSettings, split: str, trials: Trials) -> MovementSet:
    """A movement set of trials that were rendered with these settings."""
    seen = chosen_muscles(arm, settings.muscles)
    return MovementSet(
        arm=settings.arm,
        species=arm.species,
        muscles=tuple(np.array(arm.muscles, dtype=object)[seen]),
        coordinates=tuple(one.name for one in arm.coordinates),
        split=split,
        trials=trials,
        origin=describe_settings(settings),
        sources=describe_sources(settings),
    )


def describe_settings(settings: MovementSettings) -> dict[str, Any]:
    """What decides the samples, as plain values: not where they are written, nor by how many.

    Options of an arm that has none are left out, as in sets from before there were any.
    """
    known = {one.name for one in fields(MovementSettings)}
    if not settings.arm_options:
        known.remove("arm_options")
    told = {name: value for name, value in asdict(settings).items() if name in known}
    # as a file gives them back: lists, not tuples
    return dict(json.loads(to_json(told)))


def cells_of(settings: MovementSettings, split: str) -> list[Cell]:
    """All trials of a split, writer by writer, then repeat by repeat, then letter by letter."""
    writers = split_writers(settings.writers, settings.shares)[split]
    return [
        Cell(writer, letter, repeat)
        for writer in writers
        for repeat in range(settings.repeats)
        for letter in range(len(LETTERS))
    ]


def shards_of(cells: list[Cell]) -> list[list[Cell]]:
    """Cells in the groups that are rendered together."""
    return [cells[first : first + SHARD] for first in range(0, len(cells), SHARD)]


def open_writers(settings: MovementSettings) -> Writers:
    """Who writes: hands drawn after the font, or those of a file.

    Raises:
        ValueError: The file has fewer writers than are wanted.
    """
    if settings.pen == "scripts":
        return FontWriters(settings.writers, settings.jitter, settings.seed, settings.box_cm)
    writers = read_uci(settings.pen, settings.box_cm)
    if writers.count < settings.writers:
        raise ValueError(
            f"writers must be at most {writers.count}, the traces that {settings.pen} has of its "
            f"rarest letter, got {settings.writers}"
        )
    return writers


def make_renderer(
    arm: Arm,
    settings: MovementSettings,
    *,
    solve: Solver | None = None,
    places: dict[str, StartPoints] | None = None,
    threads: int = 1,
) -> Renderer:
    """All that trials are drawn and judged with.

    Args:
        arm: Who moves.
        settings: What moves, and how it varies.
        solve: Inverse kinematics; None is ``proprio_tcn.arms.inverse.solve_postures``.
        places: Where movements can begin, by plane; None finds them.
        threads: Of inverse kinematics.
    """
    from proprio_tcn.arms.inverse import solve_postures

    solve = solve or solve_postures
    planes = ["horizontal"] if settings.movements == "reaches" else settings.planes
    if places is None:
        most = settings.start_points
        places = {plane: find_start_points(arm, plane, most, solve=solve) for plane in planes}
    if settings.movements == "reaches":
        draw = partial(draw_reach, settings=settings, places=places["horizontal"], arm=arm)
        return Renderer(arm, settings, draw, solve, reach_torques(arm), threads)
    writers = open_writers(settings)
    draw = partial(draw_letter, settings=settings, writers=writers, places=places, arm=arm)
    return Renderer(arm, settings, draw, solve, None, threads)
