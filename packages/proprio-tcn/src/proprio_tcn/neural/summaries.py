"""What a prediction and a comparison say on a terminal, line by line."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from proprio_tcn._words import counted
from proprio_tcn.neural.prediction import Prediction
from proprio_tcn.neural.targets import Targets

__all__ = ["comparison_lines", "prediction_lines", "relation_lines", "task_lines"]

Table = Mapping[str, Sequence[Any]]


def prediction_lines(
    targets: Targets, found: Prediction, ceilings: Table, *, folds: int = 0, co_bps: bool = False
) -> list[str]:
    """What was explained, what could be at most, and what each model explains, best first.

    Args:
        targets: From `proprio_tcn.neural.targets.prepare`.
        found: Scores of all models.
        ceilings: From `proprio_tcn.neural.ceilings.ceiling_table`.
        folds: Outer folds; 0 or 1 for the single split.
        co_bps: Tell bits per spike of all neurons together.
    """
    ranked = sorted(found.best_layers(), key=lambda one: -float(one.test_ev.mean()))
    kind, split = targets.windows.kind, targets.split
    learnt = counted(len(split.train), f"{kind} trial")
    trials = f"{learnt} learnt from, {len(split.test)} held out"
    if folds > 1:
        trials = f"{len(targets.windows)} {kind} trials, each held out once in {folds} folds"
    neurons, recording = counted(len(found.neurons), "neuron"), targets.recording
    subject = recording.subject if recording is not None else ""
    lines = [f"{neurons} of {subject or 'one session'}, {trials}"]
    lines += [f"left out: {one}" for one in targets.left_out]
    if recording is not None and recording.left_out:
        lines.append(
            f"{len(recording.left_out)} left out on reading, first {recording.left_out[0]}"
        )
    if not np.isnan(ceilings["reliability"]).all():
        halves = np.nanmedian(ceilings["reliability"])
        lines.append(f"median reliability of mean time courses {halves:.3f}")
    if "oracle_ev" in ceilings:
        lines.append(
            f"test EV of the true rates, the ceiling: {np.mean(ceilings['oracle_ev']):.3f}"
        )
    header = ["model", "best layer", "test EV"]
    rows = [[one.model, one.layer, f"{one.test_ev.mean():.3f}"] for one in ranked]
    if co_bps:
        header.append("co-bps")
        rows = [[*row, f"{one.co_bps:.3f}"] for row, one in zip(rows, ranked, strict=True)]
    return [*lines, "", *_aligned(header, rows)]


def comparison_lines(table: Table, most: int = 20) -> list[str]:
    """The first pairs of each prediction, and how many there are in all."""
    names = ("difference", "low", "high", "p_holm", "first", "second")
    every = list(zip(*(table[name] for name in names), strict=True))
    places = list(zip(table["prediction"], table["window"], strict=True))
    header = ["difference of test EV", "95 % interval", "p (Holm)", "models"]
    blocks = list(dict.fromkeys(places))
    each = max(1, most // max(1, len(blocks)))
    lines: list[str] = []
    for block in blocks:
        own = [row for row, place in zip(every, places, strict=True) if place == block]
        if len(blocks) > 1:
            lines.append(f"{block[0]} ({block[1]}):")
        rows = [
            [f"{mean:+.3f}", f"{low:+.3f} to {high:+.3f}", f"{p:.2g}", f"{first} - {second}"]
            for mean, low, high, p, first, second in own[:each]
        ]
        lines += _aligned(header, rows)
    if len(every) > each * len(blocks):
        told = f"{len(every)} pairs in comparisons.csv; reference=MODEL compares each with one"
        lines.append(f"... {told}")
    return lines


def task_lines(table: Table) -> list[str]:
    """What each task adds over another; the table is of `proprio_tcn.neural.task_pairs`."""
    names = ("first", "second", "difference", "low", "high", "architectures", "p_holm")
    return [
        f"{of}{one} - {two}: {mean:+.3f} ({low:+.3f} to {high:+.3f}) over {count} architectures, "
        f"p {p:.2g} (Holm)"
        for of, one, two, mean, low, high, count, p in zip(
            _of_windows(table), *(table[name] for name in names), strict=True
        )
    ]


def relation_lines(table: Table) -> list[str]:
    """How performance goes with what is explained; see `proprio_tcn.neural.relations`."""
    untold = "not to be told apart from depth and session"
    return [
        f"{of}{task}: performance and explained variance, depth taken out: "
        f"{f'r {r:.2f}, p {p:.3g}' if r == r else untold}"
        for of, task, r, p in zip(
            _of_windows(table), table["task"], table["r"], table["p"], strict=True
        )
    ]


def _of_windows(table: Table) -> list[str]:
    """The window of each row, to begin a line with, where there are several."""
    several = len(set(table["window"])) > 1
    return [f"{window}: " if several else "" for window in table["window"]]


def _aligned(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """A table to read, columns two spaces apart."""
    width = [max(map(len, column)) for column in zip(header, *rows, strict=True)]
    return [
        "  ".join(cell.ljust(n) for cell, n in zip(row, width, strict=True)).rstrip()
        for row in (header, *rows)
    ]
