"""A drive drawn: outputs with their taps, asynchronies to clicks, and the page that shows it."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neuro_common.plots import new_figure
from neuro_common.style import PALETTE, figure_style, save_figure
from rhythm_rnn.clicks import click_asynchronies
from rhythm_rnn.drive import Drive
from rhythm_rnn.figures.tempo import cue_colours, error_plot, interval_plot, weber_plot
from rhythm_rnn.tempo import Tempo, falls, largest_error, tempo, trusted_range, weber_law

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes

__all__ = ["asynchrony_plot", "draw_drive", "short_table", "trace_plot", "write_drive_report"]

_TAP = PALETTE[1]
_COLUMNS, _ROWS = 4, 6  # of traces on a page
_SHOWN_S = 2.0


def trace_plot(ax: "Axes", run: Drive, number: int, shown_s: float = _SHOWN_S) -> list["Artist"]:
    """The first seconds of one cue's settled output, a dot at each tap.

    Args:
        ax: Where to draw.
        run: A drive.
        number: Which of its cues.
        shown_s: How much to draw.

    Returns:
        The output and the taps.
    """
    time, output, taps = _shown(run, number, shown_s)
    colour = cue_colours(run.cues)[number]
    heights = np.interp(taps, time, output)
    artists: list[Artist] = [
        *ax.plot(time, output, color=colour, linewidth=0.8),
        *ax.plot(taps, heights, "o", color=_TAP, markersize=2.5, zorder=3),
    ]
    verdict = run.taps[number].verdict
    name = f"cue {run.cues[number]:.4g}"
    ax.set_title(name if verdict == "valid" else f"{name}: {verdict}", fontsize=8)
    # the task's wave goes from 0 to 1: what rests shall look at rest
    finite = output[np.isfinite(output)]
    low, high = finite.min(initial=0.0), finite.max(initial=1.0)
    ax.set(xlim=(time[0], time[-1]), xlabel="time (s)", ylabel="output")
    ax.set_ylim(low - 0.05 * (high - low), high + 0.05 * (high - low))
    return artists


def asynchrony_plot(
    ax: "Axes", cues: ArrayLike, click_s: ArrayLike, asynchrony_ms: ArrayLike
) -> list["Artist"]:
    """Tap minus click against the time of the click.

    Args:
        ax: Where to draw.
        cues: Shape (cues,).
        click_s: When clicks sounded, shape (clicks,).
        asynchrony_ms: See `rhythm_rnn.clicks.click_asynchronies`, shape (cues, clicks).

    Returns:
        A line for each cue.
    """
    artists: list[Artist] = []
    amplitudes = np.asarray(cues)
    rows = zip(amplitudes, np.asarray(asynchrony_ms), cue_colours(amplitudes), strict=True)
    for cue, row, colour in rows:
        style: dict[str, Any] = {"color": colour, "markersize": 3, "linewidth": 0.8}
        artists += ax.plot(click_s, row, "o-", label=f"{cue:.4g}", **style)
    ax.axhline(0, color="0.6", linewidth=0.8, zorder=0)
    ax.set(xlabel="time of the click (s)", ylabel="tap minus click (ms)")
    ax.legend(title="cue", title_fontsize=7, fontsize=7, loc="upper left", bbox_to_anchor=(1, 1))
    return artists


def draw_drive(run: Drive, table: Tempo, directory: Path) -> dict[Path, str]:
    """Draw tempo against cue and the outputs of every cue, with their numbers beside them.

    Args:
        run: A drive.
        table: Its `rhythm_rnn.tempo.tempo`.
        directory: Where the figures go, as PNG, SVG and CSV.

    Returns:
        Caption of each PNG, in reading order.
    """
    captions = {}
    with figure_style():
        figure, axes = new_figure(1, 3, height_mm=70, width_ratios=(1.3, 1, 1))
        interval_plot(axes[0, 0], table)
        error_plot(axes[0, 1], table)
        weber_plot(axes[0, 2], table)
        captions[save_figure(figure, directory / "tempo", table.columns())] = (
            "Left: inter-tap interval against cue; bars are standard deviations. The published "
            "detector looks for the period that it expects. Middle: error of valid rhythms; the "
            "band is 5 %. Right: spread against mean, and the generalised Weber law of the filled "
            "markers, those within the band."
        )
        if len(run.click_s):
            figure, axes = new_figure(1, 1, width_mm=120, height_mm=70)
            found = click_asynchronies(run)
            asynchrony_plot(axes[0, 0], run.cues, run.click_s, found)
            numbers = {"click_s": run.click_s}
            numbers |= {f"cue_{cue:g}_ms": row for cue, row in zip(run.cues, found, strict=True)}
            captions[save_figure(figure, directory / "asynchronies", numbers)] = (
                "Taps against the clicks that were heard; a gap is a click without a tap."
            )
        for page, shown in enumerate(_pages(run.cues), start=1):
            figure, data = _trace_page(run, shown)
            captions[save_figure(figure, directory / f"traces_{page}", data)] = (
                f"Output of each cue from {run.discard_s:g} s on; dots are taps."
            )
    return captions


def write_drive_report(
    run: Drive, directory: Path, trained_cues: ArrayLike | None = None
) -> list[str]:
    """Draw a drive and write ``taps.csv`` and ``report.html``.

    Args:
        run: A drive.
        directory: The run directory.
        trained_cues: As for `rhythm_rnn.tempo.tempo`.

    Returns:
        What was found, in a few lines.
    """
    from neuro_common.report import Report
    from neuro_common.runs import write_csv

    table = tempo(run, trained_cues)
    write_csv(directory / "taps.csv", {n: c.tolist() for n, c in table.columns().items()})
    summary = _summary(table) + _asynchrony_summary(run)
    report = Report(directory, "rhythm-rnn: tempo against cue")
    report.text(
        "Every cue met the same noise. A rhythm is valid where the mean interval of its taps "
        "agrees with the spectrum; where it does not, neither should be believed."
    )
    report.text(" ".join(summary))
    report.figures(draw_drive(run, table, directory / "figures"))
    report.table(short_table(table), "Taps at every cue; taps.csv has all digits and reasons.")
    report.write()
    return summary


def short_table(table: Tempo) -> dict[str, list[Any]]:
    """The columns to look at first, with empty cells for numbers that do not exist."""
    columns = {
        "cue": table.cue,
        "asked (ms)": table.expected_ms,
        "verdict": table.verdict,
        "taps": table.n_taps,
        "interval (ms)": table.iti_ms,
        "CV (%)": 100 * table.cv,
        "spectrum (ms)": table.spectral_ms,
        "error (%)": 100 * table.error,
        "published detector (ms)": table.compat_iti_ms,
        "its repeats": table.compat_repeats,
    }
    return {
        name: [None if isinstance(v, float) and np.isnan(v) else v for v in column.tolist()]
        for name, column in columns.items()
    }


def _summary(table: Tempo) -> list[str]:
    which = "trained" if table.trained.any() else "positive"
    lines = [
        f"{table.valid.sum()} of {len(table.cue)} cues have a valid rhythm; the largest error at a "
        f"{which} cue is {100 * largest_error(table):.3g} %."
    ]
    span = trusted_range(table)
    if span is not None:
        lines.append(f"The interval is within 5 % from cue {span[0]:.4g} to {span[1]:.4g}.")
    if table.valid.sum() > 1:
        lines.append(
            "It falls from each cue to the next."
            if falls(table)
            else "It does not fall from each cue to the next."
        )
    law = weber_law(table)
    if law is not None:
        lines.append(
            f"Spread where it is: {100 * law.fraction:.2g} % of the mean and "
            f"{law.constant_ms:.2g} ms that do not depend on it."
        )
    return lines


def _asynchrony_summary(run: Drive) -> list[str]:
    if not len(run.click_s):
        return []
    lines = []
    for cue, row in zip(run.cues, click_asynchronies(run), strict=True):
        tapped = row[np.isfinite(row)]
        line = f"Cue {cue:.4g}: {len(tapped)} of {len(row)} clicks have a tap"
        if len(tapped) > 1:
            spread = tapped.std(ddof=1)
            line += f", {tapped.mean():+.1f} ms from it (standard deviation {spread:.1f} ms)"
        lines.append(f"{line}.")
    return lines


def _trace_page(run: Drive, numbers: NDArray[np.int64]) -> tuple[Any, dict[str, Any]]:
    n_rows = -(-len(numbers) // _COLUMNS)
    figure, axes = new_figure(
        n_rows, min(_COLUMNS, len(numbers)), height_mm=12 + 26 * n_rows, sharex=True
    )
    data: dict[str, Any] = {}
    for ax, number in zip(axes.flat, numbers, strict=False):
        trace_plot(ax, run, number)
        time, output, taps = _shown(run, number, _SHOWN_S)
        cue = f"cue_{run.cues[number]:g}"
        data |= {"time_s": time, f"output_{cue}": output, f"tap_s_{cue}": taps}
    for ax in axes.flat[len(numbers) :]:
        ax.remove()
    _label_outer(axes, len(numbers))
    return figure, data


def _label_outer(axes: NDArray[Any], n: int) -> None:
    """Label the left column and the lowest row; numbers under the last panel of every column."""
    n_columns = axes.shape[1]
    for number, ax in enumerate(axes.flat[:n]):
        ax.tick_params(labelbottom=number + n_columns >= n)
        # a label between rows would tear them apart
        ax.set_xlabel(ax.get_xlabel() if number // n_columns == (n - 1) // n_columns else "")
        ax.set_ylabel(ax.get_ylabel() if number % n_columns == 0 else "")


def _shown(
    run: Drive, number: int, shown_s: float
) -> tuple[NDArray[np.float64], NDArray[np.float32], NDArray[np.float64]]:
    """Times in s, outputs and taps in s of the first settled seconds."""
    span = slice(run.first_step, run.first_step + round(shown_s * 1e3 / run.dt_ms) + 1)
    time = run.time_s[span]
    taps = run.taps[number].time_ms / 1e3
    return time, run.outputs[number, span], taps[(taps >= time[0]) & (taps <= time[-1])]


def _pages(cues: NDArray[np.float64]) -> Iterator[NDArray[np.int64]]:
    """Numbers of the cues on each page, in rising order of the cue."""
    order = np.argsort(cues, kind="stable")
    for begin in range(0, len(order), _COLUMNS * _ROWS):
        yield order[begin : begin + _COLUMNS * _ROWS]
