"""Tempo against cue: what a network taps at each cue, how well, and how far that can be trusted."""

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rhythm_rnn.drive import Drive
from rhythm_rnn.taps import Taps, Weber, compat_taps, intervals, weber
from rhythm_rnn.task import TRAINED_PERIODS_S, context_cue

__all__ = ["Tempo", "falls", "follows", "largest_error", "tempo", "trusted_range", "weber_law"]

Array = NDArray[np.float64]

_FEWEST_TAPS = 3  # for a mean and a spread
_FASTEST_MS = 102.0  # that the published detector can be asked for
_SAME_CUE = 1e-3  # of a cue: the published cues are often given to four digits


@dataclass(frozen=True, eq=False)
class Tempo:
    """One row per cue, in rising order of the cue; NaN where a number does not exist.

    Attributes:
        cue: Amplitude of the cue.
        trained: Whether the network was trained at it.
        expected_ms: Period that the cue asks for, 100 ms / cue; NaN for cues that are not positive.
        verdict: "valid", "no rhythm" or "invalid", see `rhythm_rnn.taps.Taps`.
        reason: What speaks against the taps.
        n_taps: Number of taps.
        iti_ms: Mean inter-tap interval.
        sd_ms: Its standard deviation, the sample's.
        cv: One over the other.
        spectral_ms: Period of the highest spectral peak.
        error: ``iti_ms / expected_ms - 1``.
        compat_iti_ms: Mean interval as the published program found it, which expects the period; at
            1 ms and above 0.102 s only.
        compat_sd_ms: Its standard deviation.
        compat_repeats: How many of the published taps do not come after the one before.
    """

    cue: Array
    trained: NDArray[np.bool_]
    expected_ms: Array
    verdict: NDArray[Any]
    reason: NDArray[Any]
    n_taps: NDArray[np.int64]
    iti_ms: Array
    sd_ms: Array
    cv: Array
    spectral_ms: Array
    error: Array
    compat_iti_ms: Array
    compat_sd_ms: Array
    compat_repeats: Array

    @property
    def valid(self) -> NDArray[np.bool_]:
        """Where taps and spectrum agree, shape (cues,)."""
        return np.asarray(self.verdict == "valid")

    def columns(self) -> dict[str, NDArray[Any]]:
        """The columns by name, each (cues,)."""
        return {one.name: getattr(self, one.name) for one in fields(self)}


def tempo(run: Drive, trained_cues: ArrayLike | None = None) -> Tempo:
    """Intervals between taps at every cue.

    Args:
        run: A drive.
        trained_cues: Cues of the training, shape (cues,); None is the seven published ones.
    """
    known = context_cue(TRAINED_PERIODS_S) if trained_cues is None else np.asarray(trained_cues)
    rows = [
        _row(float(run.cues[i]), run.taps[i], run.settled[i], run.dt_ms, known)
        for i in np.argsort(run.cues, kind="stable")
    ]
    return Tempo(**{name: np.array([row[name] for row in rows]) for name in rows[0]})


def largest_error(table: Tempo) -> float:
    """Largest deviation from the expected period among trained cues, as a part of it.

    A cue without a valid rhythm counts as 1. Without trained cues it is taken over all positive
    ones, and is NaN without these.
    """
    asked = table.trained if table.trained.any() else table.cue > 0
    deviation = np.where(table.valid, np.abs(table.error), 1.0)[asked]
    return float(deviation.max()) if len(deviation) else float("nan")


def falls(table: Tempo) -> bool:
    """Whether the interval falls from each cue with a valid rhythm to the next."""
    return bool((np.diff(table.iti_ms[table.valid]) < 0).all())


def follows(table: Tempo, within: float = 0.05) -> NDArray[np.bool_]:
    """Where the rhythm is valid and its interval the expected one to `within`, shape (cues,)."""
    return np.asarray(table.valid & (np.abs(table.error) <= within))


def trusted_range(table: Tempo, within: float = 0.05) -> tuple[float, float] | None:
    """Lowest and highest cue of the longest row of cues that the network follows.

    Between the two no cue of the table fails. None if it follows no cue.
    """
    followed = follows(table, within)
    edges = np.flatnonzero(np.diff(np.concatenate([[False], followed, [False]])))
    if len(edges) == 0:
        return None
    begins, ends = edges[::2], edges[1::2]
    longest = int((ends - begins).argmax())
    return float(table.cue[begins[longest]]), float(table.cue[ends[longest] - 1])


def weber_law(table: Tempo) -> Weber | None:
    """The generalised Weber law over the cues that the network follows, None if fewer than two."""
    followed = follows(table)
    if followed.sum() < 2:
        return None
    return weber(table.iti_ms[followed], table.sd_ms[followed])


def _row(
    cue: float, found: Taps, output: NDArray[np.float32], dt_ms: float, trained: Array
) -> dict[str, Any]:
    expected = 100 / cue if cue > 0 else np.nan
    many = len(found.time_ms) >= _FEWEST_TAPS
    mean, sd, cv, _ = intervals(found.time_ms) if many else (np.nan, np.nan, np.nan, 0)
    compat_mean, compat_sd, repeats = _compat(output, expected, dt_ms)
    return {
        "cue": cue,
        "trained": bool(np.isclose(cue, trained, rtol=_SAME_CUE).any()),
        "expected_ms": expected,
        "verdict": found.verdict,
        "reason": found.reason,
        "n_taps": len(found.time_ms),
        "iti_ms": mean,
        "sd_ms": sd,
        "cv": cv,
        "spectral_ms": found.spectral_period_ms,
        "error": mean / expected - 1,
        "compat_iti_ms": compat_mean,
        "compat_sd_ms": compat_sd,
        "compat_repeats": repeats,
    }


def _compat(
    output: NDArray[np.float32], expected_ms: float, dt_ms: float
) -> tuple[float, float, float]:
    """Mean and standard deviation of the published intervals, and how many are not positive."""
    nothing = (np.nan, np.nan, np.nan)
    if dt_ms != 1 or not expected_ms > _FASTEST_MS or not np.isfinite(output).all():
        return nothing
    gaps = np.diff(compat_taps(output, expected_ms / 1e3).taps)
    if len(gaps) < _FEWEST_TAPS - 1:
        return nothing
    return float(gaps.mean()), float(gaps.std(ddof=1)), float((gaps <= 0).sum())
