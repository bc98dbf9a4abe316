"""Tables of the control study: which networks were trained how, and how they learned and walked.

Networks on a real connectome are trained as those on its null models are; every seed has a new draw
of the null model. The tables are plain CSV, ``wiring_runs.csv``, ``wiring_curves.csv`` and
``wiring_episodes.csv``, with the columns of `TABLES`. A study need not be complete.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.resources import as_file, files
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from brainnn.connectome.columns import read_columns
from neuro_common.files import FormatError

__all__ = [
    "CONDITIONS",
    "CONNECTOMES",
    "GAINS",
    "LEARNINGS",
    "NETWORKS",
    "TABLES",
    "TEACHER_STEPS",
    "Arm",
    "StudyEpisodes",
    "StudyRun",
    "WiringStudy",
    "load_wiring_study",
]

CONNECTOMES: Mapping[str, str] = {"manc": "fly leg circuit", "worm": "C. elegans"}
"""Real connectomes of the study, in words; the surrogate is none."""

NETWORKS: Mapping[str, str] = {
    "connectome": "real wiring",
    "rewired": "rewired",
    "weights": "shuffled counts",
    "signs": "shuffled signs",
    "random": "random graph",
    "mlp": "MLP",
}
"""The real wiring, its null models, and a network without wiring, in words."""

GAINS: Mapping[str, str] = {
    "edge": "a gain for each edge",
    "type_pair": "a gain for each pair of types",
    "frozen": "frozen gains",
}
"""What of the wiring is trained, in words."""

LEARNINGS: Mapping[str, str] = {"dagger": "taught", "ppo": "self-taught"}
"""What the networks learn from, in words."""

CONDITIONS = ("intact", "sensor_noise", "motor_noise", "lesions", "terrain")
"""How networks are tested: undisturbed, and as in `brainnn.analysis.robustness.DISTURBANCES`."""

TEACHER_STEPS = 4096
"""Labelled steps that the teacher drives in a taught run of the study, four rounds of 1024."""

_Parser = Callable[[str], Any]


def _one_of(names: Mapping[str, str] | tuple[str, ...]) -> _Parser:
    def parse(cell: str) -> str:
        if cell not in names:
            raise ValueError(f"one of {', '.join(names)}")
        return cell

    return parse


def _whole(least: int, most: float = np.inf) -> _Parser:
    def parse(cell: str) -> int:
        number = int(cell) if cell.isdecimal() else -1
        if not least <= number <= most:
            limit = f" at most {most:g}" if most < np.inf else ""
            raise ValueError(f"whole numbers of at least {least}{limit}")
        return number

    return parse


def _finite(cell: str) -> float:
    try:
        number = float(cell)
    except ValueError:
        number = np.nan
    if not np.isfinite(number):
        raise ValueError("finite numbers")
    return number


TABLES: Mapping[str, Mapping[str, _Parser]] = {
    "wiring_runs": {
        "run": _whole(0),
        "connectome": _one_of(CONNECTOMES),
        "network": _one_of(NETWORKS),
        "gains": _one_of(GAINS),
        "learning": _one_of(LEARNINGS),
        "seed": _whole(0),
        "parameters": _whole(1),
        "steps": _whole(1),
    },
    "wiring_curves": {"run": _whole(0), "step": _whole(0), "reward": _finite},
    "wiring_episodes": {
        "run": _whole(0),
        "condition": _one_of(CONDITIONS),
        "episode": _whole(0),
        "speed": _finite,
        "fell": _whole(0, 1),
        "steps": _whole(1),
    },
}
"""Columns of the tables, with what reads a cell of each.

A run is one training: ``seed`` is that of the training and of the draw of its null model,
``parameters`` are the trained numbers, ``steps`` those labelled by a teacher or made in the
environment. A point of a learning curve has the steps so far and the reward a step since the point
before; points at which the teacher drove, up to `TEACHER_STEPS` of a taught run, are not read. An
episode has the forward speed in units of the observation (0 after a fall), whether the walker fell,
and its steps.
"""


@dataclass(frozen=True)
class Arm:
    """Networks that differ by their wiring and their seed alone.

    Attributes:
        connectome: Among `CONNECTOMES`.
        learning: Among `LEARNINGS`.
        gains: Among `GAINS`.
    """

    connectome: str
    learning: str
    gains: str

    @property
    def title(self) -> str:
        """The arm in words."""
        return f"{CONNECTOMES[self.connectome]}, {LEARNINGS[self.learning]}, {GAINS[self.gains]}"


class StudyEpisodes(NamedTuple):
    """How a network walked under one condition.

    Attributes:
        speed: Mean forward speed in units of the observation, shape (episodes,).
        fell: 0 or 1, shape (episodes,).
        steps: Shape (episodes,).
    """

    speed: NDArray[np.float64]
    fell: NDArray[np.float64]
    steps: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class StudyRun:
    """One trained network.

    Attributes:
        number: Of the run.
        arm: Where it belongs.
        network: Among `NETWORKS`.
        seed: Of the training and of the draw of the null model.
        parameters: Trained numbers.
        steps: Of the training.
        curve: Steps and reward a step while the network drove, shape (2, points); of no points
            where it is not known.
        episodes: By condition, those that were tested.
    """

    number: int
    arm: Arm
    network: str
    seed: int
    parameters: int
    steps: int
    curve: NDArray[np.float64]
    episodes: Mapping[str, StudyEpisodes]


@dataclass(frozen=True, eq=False)
class WiringStudy:
    """All runs.

    Attributes:
        runs: In the order of their table.
    """

    runs: tuple[StudyRun, ...]

    @property
    def arms(self) -> list[Arm]:
        """Those with runs, in the order in which they are shown."""
        there = {run.arm for run in self.runs}
        every = (Arm(*names) for names in product(CONNECTOMES, LEARNINGS, GAINS))
        return [arm for arm in every if arm in there]

    def of(self, arm: Arm) -> dict[str, list[StudyRun]]:
        """Runs of an arm by network, in the order of `NETWORKS`.

        Args:
            arm: The arm.
        """
        runs = {
            network: [run for run in self.runs if (run.arm, run.network) == (arm, network)]
            for network in NETWORKS
        }
        return {network: many for network, many in runs.items() if many}


def load_wiring_study(directory: str | Path | None = None) -> WiringStudy:
    """Read a control study.

    Args:
        directory: Of the tables; None is the study that ships.

    Raises:
        FileNotFoundError: A table is not there.
        FormatError: A table lacks a column, a cell is not what it must be, or the tables do not fit
            together.
    """
    if directory is None:
        with as_file(files("brainnn") / "reference") as shipped:
            return load_wiring_study(shipped)
    root = Path(directory)
    runs, curves, episodes = (_read(root / f"{name}.csv", name) for name in TABLES)
    if not runs:
        raise FormatError(f"{root / 'wiring_runs.csv'} must have at least one run, got none")
    _distinct(root / "wiring_runs.csv", runs, ("run",))
    # one seed is one draw: twice the same would count as two
    told = ("connectome", "learning", "gains", "network", "seed")
    _distinct(root / "wiring_runs.csv", runs, told)
    _distinct(root / "wiring_curves.csv", curves, ("run", "step"))
    _distinct(root / "wiring_episodes.csv", episodes, ("run", "condition", "episode"))
    known = {row["run"]: _Parts() for row in runs}
    for name, rows in (("wiring_curves", curves), ("wiring_episodes", episodes)):
        for row in rows:
            if row["run"] not in known:
                raise FormatError(
                    f"{root / name}.csv must be of runs in wiring_runs.csv, got {row['run']}"
                )
            known[row["run"]].add(row)
    return WiringStudy(tuple(_run(row, known[row["run"]]) for row in runs))


class _Parts:
    """Rows of one run."""

    def __init__(self) -> None:
        self.curve: list[tuple[int, float]] = []
        self.episodes: dict[str, list[tuple[int, float, int, int]]] = {}

    def add(self, row: Mapping[str, Any]) -> None:
        if "condition" not in row:
            self.curve.append((row["step"], row["reward"]))
            return
        numbers = (row["episode"], row["speed"], row["fell"], row["steps"])
        self.episodes.setdefault(row["condition"], []).append(numbers)


def _run(row: Mapping[str, Any], parts: _Parts) -> StudyRun:
    driven = TEACHER_STEPS if row["learning"] == "dagger" else 0
    points = sorted(point for point in parts.curve if point[0] > driven)
    curve = np.array(points, dtype=np.float64).reshape(-1, 2).T
    episodes = {
        condition: StudyEpisodes(*np.array(sorted(rows), dtype=np.float64).T[1:])
        for condition, rows in parts.episodes.items()
    }
    arm = Arm(row["connectome"], row["learning"], row["gains"])
    told = {name: row[name] for name in ("network", "seed", "parameters", "steps")}
    return StudyRun(number=row["run"], arm=arm, curve=curve, episodes=episodes, **told)


def _read(path: Path, name: str) -> list[dict[str, Any]]:
    """Rows of a table, their cells read."""
    parsers = TABLES[name]
    cells = read_columns(path, {column: (column,) for column in parsers})
    columns: dict[str, list[Any]] = {}
    for column, parse in parsers.items():
        columns[column] = []
        for line, cell in enumerate(cells[column], start=2):
            try:
                columns[column].append(parse(cell))
            except ValueError as wanted:
                raise FormatError(
                    f"{path} must have {wanted} in column {column}, got {cell!r} in line {line}"
                ) from None
    return [
        dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)
    ]


def _distinct(path: Path, rows: list[dict[str, Any]], columns: tuple[str, ...]) -> None:
    seen: set[tuple[Any, ...]] = set()
    for line, row in enumerate(rows, start=2):
        key = tuple(row[column] for column in columns)
        if key in seen:
            raise FormatError(
                f"{path} must have no two rows of one {', '.join(columns)}, got "
                f"{', '.join(map(str, key))} again in line {line}"
            )
        seen.add(key)
