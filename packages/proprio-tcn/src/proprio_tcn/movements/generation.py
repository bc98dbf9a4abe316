"""Movement sets as files: in shards, by several processes, and resumed wherever it was stopped."""

import os
import shutil
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import fields
from functools import partial
from multiprocessing import parent_process
from pathlib import Path
from threading import Thread
from typing import Any, NamedTuple
from zipfile import BadZipFile

import numpy as np

from neuro_common.files import FormatError, RunError, atomic_path, read_json, write_json
from neuro_common.locks import Lock, holder
from neuro_common.progress import Progress, progress
from proprio_tcn.arms.arm import Arm, describe
from proprio_tcn.movements.format import SPLITS, split_path
from proprio_tcn.movements.making import (
    cells_of,
    describe_settings,
    make_renderer,
    make_set,
    shards_of,
)
from proprio_tcn.movements.rendering import Cell, Renderer, render
from proprio_tcn.movements.sources import describe_sources, differing_sources
from proprio_tcn.movements.start_points import StartPoints, find_start_points
from proprio_tcn.movements.storage import LAYOUTS, write_movements
from proprio_tcn.movements.trials import Trials
from proprio_tcn.movements_config import MovementSettings

__all__ = ["Generated", "generate_movements"]

_RECORD = "proprio-tcn/generation"
_REASONS = "told"
_PREFIX = f"{_REASONS}_"
# numpy lets through whatever zip, zlib and its own reader stumble over
_TORN = (OSError, ValueError, KeyError, EOFError, TypeError, RuntimeError, BadZipFile, zlib.error)
Solver = Callable[..., Any]
Task = tuple[str, int]
Shards = dict[Task, list[Cell]]


class Generated(NamedTuple):
    """What was written.

    Attributes:
        path: The folder.
        samples: Number of samples by split.
        told: Attempts by what became of them: "accepted", "out of reach", "joint jerk",
            "muscle jerk".
    """

    path: Path
    samples: dict[str, int]
    told: dict[str, int]


def generate_movements(
    settings: MovementSettings,
    arm: Arm,
    path: str | Path,
    *,
    layout: str = "compact",
    compression: str = "none",
    workers: int = 1,
    solve: Solver | None = None,
) -> Generated:
    """Write a movement set: ``dataset_train.hdf5``, ``dataset_val.hdf5``, ``dataset_test.hdf5``.

    Finished shards of 200 samples wait in ``parts`` until all are there. Killed at any time and
    called again with the same settings, it goes on, and the files are the same to the bit; so they
    are with any number of workers.

    Args:
        settings: What moves, and how it varies.
        arm: Who moves.
        path: Folder to write to.
        layout: "compact", "rendered" or "full", see ``proprio_tcn.movements.storage``.
        compression: Of the full layout: "none", "lzf" or "gzip".
        workers: Processes that share the work; each opens the arm of the settings for itself.
        solve: Inverse kinematics for one worker; None is that of the arms.

    Raises:
        ValueError: The layout is unknown, a split is left without a writer, or several workers
            would open another arm than this.
        RunError: The folder holds another movement set, one begun with another state of the files
            that the settings name or another version, another process writes it, or a worker was
            killed.
        FileNotFoundError: A file that the settings name is not there.
        RenderingError: A trial was never accepted.
    """
    if layout not in LAYOUTS:
        raise ValueError(f"layout must be one of {', '.join(LAYOUTS)}, got {layout!r}")
    if workers < 1 or (workers > 1 and solve is not None):
        raise ValueError(f"workers must be at least 1, and 1 with a solver given, got {workers}")
    if workers > 1:
        _check_arm(settings, arm, workers)
    shards: Shards = {
        (split, number): cells
        for split in SPLITS
        for number, cells in enumerate(shards_of(cells_of(settings, split)))
    }
    folder = Path(path)
    wanted = {
        "settings": describe_settings(settings),
        "layout": layout,
        "compression": compression,
        "sources": describe_sources(settings),
    }
    parts = folder / "parts"
    parts.mkdir(parents=True, exist_ok=True)
    with _locked(parts / "lock", folder):
        if _check_record(folder, wanted, {split for split, _ in shards}):
            told = read_json(folder / "movements.json", _RECORD)[_REASONS]
        else:
            _make_shards(settings, arm, parts, shards, workers, solve)
            told = _assemble(settings, arm, folder, list(shards), layout, compression)
            write_json(folder / "movements.json", {**wanted, _REASONS: told, "done": True}, _RECORD)
    shutil.rmtree(parts, ignore_errors=True)
    samples = dict.fromkeys(SPLITS, 0)
    for (split, _), cells in shards.items():
        samples[split] += len(cells)
    return Generated(folder, samples, told)


def _check_arm(settings: MovementSettings, arm: Arm, workers: int) -> None:
    """Refuse an arm that workers, who open that of the settings, would not have."""
    from proprio_tcn.arms.opening import open_arm

    named = open_arm(settings.arm, **settings.arm_options)
    middle = np.array([[0.5 * (one.low_rad + one.high_rad) for one in arm.coordinates]])
    if describe(arm) != describe(named) or not all(
        np.array_equal(here, there)
        for here, there in zip(arm.pose(middle), named.pose(middle), strict=True)
    ):
        raise ValueError(
            f"arm must be that of the settings, arm={settings.arm} with its arm_options, which "
            f"each of {workers} workers opens for itself, got another, {arm.name}: change the "
            "settings, or give workers=1"
        )


@contextmanager
def _locked(path: Path, folder: Path) -> Iterator[None]:
    try:
        lock = Lock(path)
    except BlockingIOError:
        raise RunError(
            f"{folder} must have one writer at a time, and {holder(path)} is at work there"
        ) from None
    try:
        yield
    finally:
        lock.release()


def _check_record(folder: Path, wanted: dict[str, Any], splits: set[str]) -> bool:
    """Whether the set is done; a folder that is new gets its record."""
    record = folder / "movements.json"
    if not record.exists():
        foreign = [one.name for one in map(partial(split_path, folder), SPLITS) if one.exists()]
        if foreign:
            raise RunError(
                f"{folder} must be a folder of its own for a new set, got {', '.join(foreign)} in "
                "it and no movements.json that says how it was made: give another folder"
            )
        write_json(record, {**wanted, "done": False}, _RECORD)
        return False
    found = read_json(record, _RECORD)
    differing = [key for key in ("layout", "compression") if found.get(key) != wanted[key]]
    before, now = found.get("settings", {}), wanted["settings"]
    differing += [
        key for key in {**now, **before} if before.get(key, "nothing") != now.get(key, "nothing")
    ]
    if differing:
        raise RunError(
            f"{folder} must be taken up with the settings that it began with, but these differ: "
            f"{', '.join(differing)}; set them back, or give another folder"
        )
    done = bool(found.get("done"))
    changed = differing_sources(found.get("sources", {}), wanted["sources"], done=done)
    if changed:
        raise RunError(
            f"{folder} must be taken up with what it began with, but these have changed: "
            f"{', '.join(changed)}; put them back, or give another folder"
        )
    return done and all(split_path(folder, one).exists() for one in splits)


def _make_shards(
    settings: MovementSettings,
    arm: Arm,
    parts: Path,
    shards: Shards,
    workers: int,
    solve: Solver | None,
) -> None:
    missing = {
        task: cells for task, cells in shards.items() if not _shard_path(parts, task).exists()
    }
    total, lacking = (sum(map(len, one.values())) for one in (shards, missing))
    bar: Progress[int] = progress(total, "generate", metric="accepted")
    with bar:
        bar.advance(total - lacking)
        if not missing:
            return
        told: Counter[str] = Counter()
        for task, one in _finished(settings, arm, parts, missing, workers, solve):
            told += Counter(one)
            bar.show(told["accepted"] / max(told.total(), 1))
            bar.advance(len(missing[task]))


def _finished(
    settings: MovementSettings,
    arm: Arm,
    parts: Path,
    missing: Shards,
    workers: int,
    solve: Solver | None,
) -> Iterator[tuple[Task, dict[str, int]]]:
    planes = ["horizontal"] if settings.movements == "reaches" else settings.planes
    places = {
        plane: find_start_points(arm, plane, settings.start_points, solve=solve) for plane in planes
    }
    if workers == 1:
        renderer = make_renderer(arm, settings, solve=solve, places=places)
        for task, cells in missing.items():
            yield task, _make_shard(renderer, parts, task, cells)
        return
    from concurrent.futures import ProcessPoolExecutor, as_completed
    from concurrent.futures.process import BrokenProcessPool
    from multiprocessing import get_context

    with ProcessPoolExecutor(
        workers, get_context("spawn"), _begin_worker, (settings, places)
    ) as pool:
        futures = {pool.submit(_work, parts, task, cells): task for task, cells in missing.items()}
        try:
            for future in as_completed(futures):
                yield futures[future], future.result()
        except BrokenProcessPool:
            raise RunError(
                f"{workers} workers must live until all samples are made, but one was killed, as "
                "the system does for lack of memory, or could not begin; finished shards are kept "
                f"in {parts}: run the same command again with output={parts.parent} and fewer "
                f"workers, such as workers={workers // 2}"
            ) from None
        finally:
            pool.shutdown(cancel_futures=True)


_renderer: Renderer | None = None


def _begin_worker(settings: MovementSettings, places: dict[str, StartPoints]) -> None:
    from proprio_tcn.arms.opening import open_arm

    global _renderer
    Thread(target=_end_with_parent, daemon=True).start()
    arm = open_arm(settings.arm, **settings.arm_options)
    _renderer = make_renderer(arm, settings, places=places)


def _end_with_parent() -> None:
    """A worker whose parent was killed would wait for work for ever."""
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _work(parts: Path, task: Task, cells: list[Cell]) -> dict[str, int]:
    if _renderer is None:
        raise RuntimeError("a worker must be begun before it works")
    return _make_shard(_renderer, parts, task, cells)


def _make_shard(renderer: Renderer, parts: Path, task: Task, cells: list[Cell]) -> dict[str, int]:
    trials, told = render(renderer, cells)
    arrays = {one.name: getattr(trials, one.name) for one in fields(trials)}
    arrays = {name: array for name, array in arrays.items() if array is not None}
    arrays |= {f"{_PREFIX}{reason}": np.array(count) for reason, count in told.items()}
    with atomic_path(_shard_path(parts, task)) as temporary:
        np.savez(temporary, **arrays)
    return dict(told)


def _assemble(
    settings: MovementSettings,
    arm: Arm,
    folder: Path,
    tasks: list[Task],
    layout: str,
    compression: str,
) -> dict[str, int]:
    told: Counter[str] = Counter()
    for split in SPLITS:
        read = partial(_read_shard, folder / "parts")
        shards = [read(task, told) for task in tasks if task[0] == split]
        if not shards:
            continue
        movements = make_set(arm, settings, split, Trials.join(shards))
        write_movements(split_path(folder, split), movements, layout, compression)
    return dict(sorted(told.items()))


def _read_shard(parts: Path, task: Task, told: Counter[str]) -> Trials:
    path = _shard_path(parts, task)
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as found:
            arrays = {name: found[name] for name in found.files}
        counts = {name: int(arrays.pop(name)) for name in list(arrays) if name.startswith(_PREFIX)}
        trials = Trials(**arrays)
    except _TORN as error:
        raise FormatError(
            f"{path} must be a shard of finished samples, got one that cannot be read ({error}): "
            "delete it and generate again"
        ) from None
    told.update({name.removeprefix(_PREFIX): count for name, count in counts.items()})
    return trials


def _shard_path(parts: Path, task: Task) -> Path:
    return parts / f"{task[0]}_{task[1]:05d}.npz"
