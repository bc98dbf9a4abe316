"""Controllers compared: scores on every ensemble, their summary, and how both are stored."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rldbs_env.controllers import Controller
from rldbs_env.protocol import NEURON_EVERY, Protocol, run
from rldbs_env.records import protocol_of, record_of
from rldbs_env.scoring import Score, score

__all__ = [
    "Evaluation",
    "Example",
    "format_columns",
    "mean_interval",
    "quick_summary",
    "read_evaluation",
    "summary",
    "suppression",
]


@dataclass(frozen=True)
class Example:
    """What a controller did to the first ensemble.

    ``mean_x`` and ``mean_y`` are the mean fields, averaged over the sensors, ``kicks`` the kick of
    each step, summed over the electrodes, all of shape (time,); ``neuron_x`` is x of some neurons
    at every fifth step, shape (samples, neurons).
    """

    mean_x: NDArray[np.float64]
    mean_y: NDArray[np.float64]
    kicks: NDArray[np.float64]
    neuron_x: NDArray[np.float32]


@dataclass
class Evaluation:
    """Scores of several controllers under one protocol.

    Attributes:
        protocol: The test that all of them took.
        scores: One score per ensemble, by controller.
        examples: What happened to the first ensemble, by controller.
        notes: What a reader of the scores must know beside them, a sentence each.
    """

    protocol: Protocol
    scores: dict[str, list[Score]] = field(default_factory=dict)
    examples: dict[str, Example] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def add(self, name: str, controller: Controller) -> list[Score]:
        """Test one more controller; returns its scores."""
        recording = run(controller, self.protocol)
        self.scores[name] = score(recording)
        self.examples[name] = Example(
            recording.mean_x[:, 0].copy(),
            recording.mean_y[:, 0].copy(),
            recording.kicks[:, 0].copy(),
            recording.shown_x,
        )
        return self.scores[name]

    def write(self, directory: Path) -> None:
        """Write ``scores.csv`` (all scores) and ``data.h5`` (the examples)."""
        from neuro_common.runs import write_csv
        from neuro_common.store import Recording, Signal, write_recording

        rows = [
            {"controller": name, **asdict(one)}
            for name, many in self.scores.items()
            for one in many
        ]
        write_csv(directory / "scores.csv", {key: [row[key] for row in rows] for key in rows[0]})

        stacked = {
            entry.name: np.stack([getattr(one, entry.name) for one in self.examples.values()])
            for entry in fields(Example)
        }
        n_steps = stacked["mean_x"].shape[1]
        dt = self.protocol.step_time
        along = ("controller", "time")
        recording = Recording(
            signals={
                "time": Signal(np.arange(1, n_steps + 1) * dt, ("time",), "time units"),
                "sample_time": Signal(
                    np.arange(1, n_steps + 1, NEURON_EVERY) * dt, ("sample_time",), "time units"
                ),
                "mean_x": Signal(stacked["mean_x"], along, "1", "mean field X"),
                "mean_y": Signal(stacked["mean_y"], along, "1", "mean field Y"),
                "kicks": Signal(stacked["kicks"], along, "1", "kick of each step"),
                "neuron_x": Signal(
                    stacked["neuron_x"],
                    ("controller", "sample_time", "neuron"),
                    "1",
                    "x of single neurons of the first ensemble",
                ),
            },
            attributes={
                "controllers": list(self.examples),
                "protocol": record_of(self.protocol),
                "notes": list(self.notes),
            },
        )
        write_recording(directory / "data.h5", recording)


def read_evaluation(directory: Path) -> Evaluation:
    """Read what `Evaluation.write` wrote.

    A network comes back as a `rldbs_env.records.NamedNetwork`, and what is no part of this package
    as a `rldbs_env.records.Named`: such an evaluation can be drawn, not run, again.

    Raises:
        FileNotFoundError: If there is no evaluation.
        neuro_common.runs.FormatError: If a file is damaged, foreign or of a newer version.
    """
    from neuro_common.runs import FormatError, read_csv
    from neuro_common.store import read_recording

    for name in ("data.h5", "scores.csv"):
        if not (directory / name).is_file():
            raise FileNotFoundError(
                f"{directory} must hold an evaluation, got a directory without {name}: "
                "name one that rldbs-env evaluate wrote"
            )
    recording = read_recording(directory / "data.h5")
    columns = read_csv(directory / "scores.csv")
    try:
        evaluation = Evaluation(
            protocol_of(recording.attributes["protocol"]),
            notes=[str(note) for note in recording.attributes.get("notes", ())],
        )
        for index, name in enumerate(recording.attributes["controllers"]):
            evaluation.examples[name] = Example(
                *(recording.signals[entry.name].data[index] for entry in fields(Example))
            )
        for row in zip(*columns.values(), strict=True):
            cells = dict(zip(columns, row, strict=True))
            name = cells.pop("controller")
            evaluation.scores.setdefault(name, []).append(_score_of(cells))
        wanted = {name: list(evaluation.protocol.ensembles) for name in evaluation.examples}
        found = {n: [one.ensemble for one in many] for n, many in evaluation.scores.items()}
        if found != wanted:
            raise ValueError(
                f"scores.csv must have a row per controller and ensemble of data.h5, {wanted}, got "
                f"{found}"
            )
    except (KeyError, TypeError, ValueError) as error:
        raise FormatError(f"{directory} holds no evaluation that can be read: {error}") from error
    return evaluation


def _score_of(cells: Mapping[str, str]) -> Score:
    kinds: dict[str, Any] = {entry.name: entry.type for entry in fields(Score)}
    read: dict[type, Callable[[str], Any]] = {
        int: int,
        float: float,
        bool: {"True": True, "False": False}.__getitem__,
    }
    return Score(**{name: read[kinds[name]](text) for name, text in cells.items()})


def suppression(scores: Sequence[Score]) -> float:
    """Mean S_ratio over the ensembles, where a quenched or diverged one counts as zero."""
    return float(np.mean(np.nan_to_num([one.s_ratio for one in scores])))


def _values(scores: Sequence[Score], name: str) -> NDArray[np.float64]:
    """One number per ensemble, none where there is nothing to report.

    A quenched or diverged ensemble counts as zero suppression beside others that are not.
    """
    values = np.array([getattr(one, name) for one in scores], dtype=float)
    if name == "s_ratio" and not np.isnan(values).all():
        values = np.nan_to_num(values)
    return np.asarray(values[np.isfinite(values)])


_SUMMARISED = {
    "s_ratio": "S_ratio",
    "std_controlled": "residual std",
    "charge": "charge per step",
    "mean_shift": "mean shift",
    "active_fraction": "active",
    "reward": "reward per step",
}


def summary(evaluation: Evaluation) -> dict[str, list[Any]]:
    """One row per controller: means over ensembles with 95 % bootstrap intervals.

    A quenched or diverged ensemble counts as zero suppression; where every one is, there is no
    suppression to report, only a dash.

    Returns:
        Columns by heading.
    """
    columns: dict[str, list[Any]] = {"controller": list(evaluation.scores)}
    for name, heading in _SUMMARISED.items():
        cells = []
        for scores in evaluation.scores.values():
            values = _values(scores, name)
            if not len(values):
                cells.append("-")
                continue
            mean, low, high = mean_interval(values, evaluation.protocol.seed)
            cells.append(f"{mean:.3g}" + (f" [{low:.3g}, {high:.3g}]" if low < high else ""))
        columns[heading] = cells
    columns["quenched"] = [_quenched(scores) for scores in evaluation.scores.values()]
    return columns


def mean_interval(
    values: Sequence[float] | NDArray[np.float64], seed: int
) -> tuple[float, float, float]:
    """Mean over ensembles with its 95 % bootstrap interval, of no width for a single value.

    Of values (ensembles,).
    """
    from neuro_common.stats import bootstrap_mean

    if len(values) == 1:
        return (float(values[0]),) * 3
    return bootstrap_mean(values, seed=seed)


def quick_summary(scores: Sequence[Score]) -> dict[str, str]:
    """One controller's medians over ensembles, S_ratio with its range; needs numpy alone."""
    cells = {}
    for name, heading in _SUMMARISED.items():
        values = _values(scores, name)
        cells[heading] = f"{np.median(values):.3g}" if len(values) else "-"
        if name == "s_ratio" and len(values):
            cells[heading] += f" ({values.min():.3g} to {values.max():.3g})"
    cells["quenched"] = _quenched(scores)
    return cells


def _quenched(scores: Sequence[Score]) -> str:
    return f"{sum(one.quenched for one in scores)} of {len(scores)}"


def format_columns(columns: Mapping[str, Sequence[Any]]) -> str:
    """Columns as an aligned text table."""
    texts = [
        [heading, *(f"{cell:.4g}" if isinstance(cell, float) else str(cell) for cell in cells)]
        for heading, cells in columns.items()
    ]
    widths = [max(map(len, column)) for column in texts]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in zip(*texts, strict=True)
    ]
    return "\n".join([lines[0], "-" * len(lines[0]), *lines[1:]])
