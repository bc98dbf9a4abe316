"""The tables of `proprio-tcn predict`, as what figures show of models, layers and lags."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from neuro_common.files import FormatError, read_csv
from neuro_common.stats import Interval, bootstrap_mean
from neuro_common.style import CONTROLLED, FREE, PALETTE

__all__ = [
    "COLOURS",
    "LOWEST",
    "Explained",
    "LagScores",
    "chosen_models",
    "colour_of",
    "limits",
    "read_ceilings",
    "read_explained",
    "read_lags",
    "read_table",
]

Floats = NDArray[np.float64]

COLOURS: Mapping[str, str] = {
    "trained": CONTROLLED,
    "untrained": FREE,
    "data-driven": PALETTE[2],
    "linear": PALETTE[4],
}
"""Colour of each kind of model."""

LOWEST = -0.2
"""Least explained variance that is drawn: far below it nothing is told apart."""

_KINDS = {"kinematic": "linear", "data-driven": "data-driven"}


class Explained(NamedTuple):
    """What one layer of one model explains.

    Attributes:
        model: Name of the model.
        layer: Name of the layer.
        depth: Place of the layer from 1; 0 for what has no layers.
        kind: One of `COLOURS`.
        task: What the model was taught; its kind where it was taught none.
        best: Whether the layer explains the training trials best of its model's.
        test_ev: Test explained variance of each neuron, shape (neurons,).
        input: How the model sees spindles, as ``models.csv`` has it; "" where it tells nothing.
    """

    model: str
    layer: str
    depth: int
    kind: str
    task: str
    best: bool
    test_ev: Floats
    input: str = ""

    @property
    def mean(self) -> float:
        """Mean over neurons."""
        return float(self.test_ev.mean())


class LagScores(NamedTuple):
    """Explained variance of one model at each lag.

    Attributes:
        model: Name of the model.
        lag_bins: Rising, shape (lags,); positive where neurons come after the arm.
        fold_ev: Cross-validated, mean over neurons, shape (lags,).
        test_ev: Shape (neurons, lags).
    """

    model: str
    lag_bins: NDArray[np.int64]
    fold_ev: Floats
    test_ev: Floats

    @property
    def best_bins(self) -> int:
        """Lag of the greatest cross-validated mean."""
        return int(self.lag_bins[self.fold_ev.argmax()])


def colour_of(kind: str) -> str:
    """Colour of a kind of model."""
    return COLOURS[kind]


def limits(values: Floats, confidence: float, seed: int) -> Interval[float]:
    """Mean and bootstrap interval over neurons; no interval (NaN) for a single neuron.

    Of values (neurons,); NaN are left out.
    """
    finite = values[np.isfinite(values)]
    if len(finite) < 2:
        mean = float(finite.mean()) if len(finite) else float("nan")
        return Interval(mean, float("nan"), float("nan"))
    values_of: list[float] = finite.tolist()
    return bootstrap_mean(values_of, confidence=confidence, n_resamples=2000, seed=seed)


def read_table(
    directory: str | Path, name: str, columns: Sequence[str], verb: str
) -> dict[str, list[str]]:
    """Read a table of a run.

    Args:
        directory: Of the run.
        name: Of the file.
        columns: That it must have.
        verb: Which writes it, for the message.

    Raises:
        FileNotFoundError: The directory has no such table.
        FormatError: It lacks a column, or is no table.
    """
    path = Path(directory) / name
    if not path.is_file():
        raise FileNotFoundError(
            f"{directory} must be the directory of a finished `proprio-tcn {verb}`, but it holds "
            f"no {name}"
        )
    table = read_csv(path)
    if lacking := [one for one in columns if one not in table]:
        raise FormatError(
            f"{path} must have the columns {', '.join(columns)}, got none called "
            f"{', '.join(lacking)}"
        )
    return table


def read_explained(directory: str | Path) -> list[Explained]:
    """Every layer of a prediction, in its order.

    Args:
        directory: Of `proprio-tcn predict`.

    Raises:
        FileNotFoundError: A table is missing.
        FormatError: A table lacks a column, or has no rows.
    """
    neurons = read_table(directory, "neurons.csv", ("model", "layer", "test_ev"), "predict")
    columns = ("model", "layer", "depth", "kind", "best")
    layers = read_table(directory, "layers.csv", columns, "predict")
    models = read_table(directory, "models.csv", ("model", "task"), "predict")
    taught = dict(zip(models["model"], models["task"], strict=True))
    seen = dict(zip(models["model"], models.get("input", ()), strict=False))
    values: dict[tuple[str, str], list[float]] = {}
    test_evs = _numbers(directory, "neurons.csv", neurons, "test_ev").tolist()
    for model, layer, test_ev in zip(neurons["model"], neurons["layer"], test_evs, strict=True):
        values.setdefault((model, layer), []).append(test_ev)
    depths = np.nan_to_num(_numbers(directory, "layers.csv", layers, "depth")).astype(int).tolist()
    found = []
    told_of = zip(
        layers["model"], layers["layer"], depths, layers["kind"], layers["best"], strict=True
    )
    for model, layer, depth, kind, best in told_of:
        if (model, layer) not in values:
            raise FormatError(
                f"{directory}: neurons.csv must have rows of {model}, {layer}, got none: "
                "predict again"
            )
        # of activations read from files the table may lack the network: its name tells the task
        told = taught.get(model) or model.split()[0]
        of = _KINDS.get(kind) or ("untrained" if told == "untrained" else "trained")
        test_ev_of = np.array(values[model, layer])
        task = told if of == "trained" else of
        row = (model, layer, depth, of, task, best == "True", test_ev_of)
        found.append(Explained(*row, seen.get(model, "")))
    if not found:
        raise FormatError(f"{Path(directory) / 'layers.csv'} must have at least one row, got none")
    return found


def read_ceilings(directory: str | Path) -> dict[str, float]:
    """Mean over neurons of what could be explained at most, by name; empty where unknown."""
    table = read_table(directory, "ceilings.csv", ("condition_ceiling",), "predict")
    names = {"oracle_ev": "the true rates", "condition_ceiling": "mean course of each direction"}
    found = {}
    for column, name in names.items():
        values = _numbers(directory, "ceilings.csv", table, column)
        if np.isfinite(values).any():
            found[name] = float(np.nanmean(values))
    return found


def read_lags(directory: str | Path) -> list[LagScores]:
    """Lag curves of the models of a prediction; none where it was told no lags.

    Raises:
        FormatError: The table lacks a column, a cell is no number, or a lag lacks neurons.
    """
    if not (Path(directory) / "lags.csv").is_file():
        return []
    columns = ("model", "lag_bins", "fold_ev", "test_ev")
    table = read_table(directory, "lags.csv", columns, "predict")
    model = np.array(table["model"])
    lag, fold, test = (_numbers(directory, "lags.csv", table, name) for name in columns[1:])
    found = []
    for name in dict.fromkeys(table["model"]):
        lags = np.unique(lag[model == name])
        of = [(model == name) & (lag == one) for one in lags]
        if len({int(rows.sum()) for rows in of}) > 1:
            raise FormatError(
                f"{Path(directory) / 'lags.csv'} must have the same neurons at each lag, but not "
                f"those of {name}: predict again"
            )
        test_ev = np.stack([test[rows] for rows in of], axis=1)
        fold_ev = np.array([fold[rows].mean() for rows in of])
        found.append(LagScores(name, lags.astype(int), fold_ev, test_ev))
    return found


def chosen_models(layers: Sequence[Explained], most: int) -> list[Explained]:
    """Best layers of at most so many models: the best of each task or kind, then the next best.

    Args:
        layers: All layers.
        most: How many models.

    Returns:
        From the best to the worst.
    """
    ranked = sorted((one for one in layers if one.best), key=lambda one: -one.mean)
    first = {one.task: one for one in reversed(ranked)}
    kept = sorted(first.values(), key=lambda one: -one.mean)
    kept += [one for one in ranked if one is not first[one.task]]
    return sorted(kept[:most], key=lambda one: -one.mean)


def _numbers(
    directory: str | Path, name: str, table: Mapping[str, Sequence[str]], column: str
) -> Floats:
    """A column as numbers, NaN where a cell is blank; none where there is no such column."""
    try:
        return np.array([float(cell or "nan") for cell in table.get(column, ())])
    except ValueError as error:
        raise FormatError(
            f"{Path(directory) / name} must have numbers as {column}: {error}; predict again"
        ) from None
