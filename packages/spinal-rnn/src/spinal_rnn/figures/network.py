"""Pages on a recurrent network: its orbits beside the lead, its units, its weights."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from neuro_common.style import save_figure
from spinal_rnn.figures.hidden import (
    activity_plot,
    orbit_plot,
    orbit_summary_plot,
    spectrum_plot,
    time_constant_plot,
)
from spinal_rnn.figures.lead import lead_plot
from spinal_rnn.figures.page import new_page, themed
from spinal_rnn.figures.shown import lead_columns
from spinal_rnn.figures.weights import weight_map
from spinal_rnn.lead import Lead

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from spinal_rnn.network_view import NetworkView

__all__ = ["draw_activity", "draw_leak", "draw_orbits", "draw_weights"]

_SUMMARIES = ("period_ms", "closure", "radius")
_UNITS = 20


def draw_orbits(lead: Lead, view: "NetworkView", stem: Path, *, theme: str = "light") -> Path:
    """Draw the path of the rates at each frequency, and how periods and radii follow it.

    Args:
        lead: Where the contacts lie.
        view: At most four frequencies are drawn as paths, all of them below.
        stem: Path of the figure without suffix.
        theme: "light" or "dark".

    Returns:
        Path of the PNG.
    """
    hz, vector = view.conditions.frequency_hz, view.conditions.configuration[0]
    drawn = min(4, len(hz))
    columns: dict[str, Any] = lead_columns(lead, vector) | {
        "time_ms": view.time_ms,
        "frequency_hz": hz,
    }
    with themed(theme):
        figure, upper, lower = _beside_lead(lead, view, drawn)
        for number, ax in enumerate(upper):
            one = view.components[number]
            dots = orbit_plot(ax, one, view.time_ms, f"{hz[number]:g} Hz")
            columns |= {f"pc{n + 1}_{hz[number]:g}_hz": one.scores[:, n] for n in range(2)}
        for ax in upper:
            ax.yaxis.labelpad = 1
        figure.colorbar(dots, ax=upper, label="time (ms)", aspect=14, pad=0.01, shrink=0.6)
        for what, ax in zip(_SUMMARIES, lower, strict=True):
            orbit_summary_plot(ax, hz, view.orbits, view.untrained_orbits, what)
            columns[f"trained_{what}"] = np.array([getattr(o, what) for o in view.orbits])
            columns[f"untrained_{what}"] = np.array(
                [getattr(o, what) for o in view.untrained_orbits]
            )
        lower[0].legend(fontsize=7)
        return save_figure(figure, stem, columns)


def draw_activity(lead: Lead, view: "NetworkView", stem: Path, *, theme: str = "light") -> Path:
    """Draw rates over time at each frequency, coloured by the weight that the units send out.

    Args:
        lead: Where the contacts lie.
        view: At most four frequencies are drawn.
        stem: Path of the figure without suffix.
        theme: "light" or "dark".

    Returns:
        Path of the PNG.
    """
    hz, sent = view.conditions.frequency_hz, view.wiring.sent
    drawn = min(4, len(hz))
    units = _strongest(view.rates[:drawn], sent)
    largest = float(np.abs(sent[units]).max()) or 1.0
    columns: dict[str, Any] = lead_columns(lead, view.conditions.configuration[0]) | {
        "time_ms": view.time_ms,
        "unit": units,
        "weight_sent": sent[units],
    }
    with themed(theme):
        figure, axes = new_page(
            drawn, 2, height_mm=18 + 32 * drawn, width_ratios=(0.28, 1), sharex="col"
        )
        _lead_in_first_column(figure, axes, lead, view)
        for number, ax in enumerate(axes[:, 1]):
            rates = view.rates[number][:, units]
            lines = activity_plot(ax, view.time_ms, rates, sent[units], largest=largest)
            ax.set_title(f"{hz[number]:g} Hz", fontsize=8)
            if number < drawn - 1:
                ax.set_xlabel("")
            columns |= {
                f"rate_{unit}_{hz[number]:g}_hz": rate
                for unit, rate in zip(units, rates.T, strict=True)
            }
        kind = "recurrent weight sent" if view.wiring.recurrent is not None else "output weight"
        figure.colorbar(
            lines, ax=axes[:, 1].tolist(), label=f"mean {kind}", aspect=30, shrink=0.7, pad=0.01
        )
        return save_figure(figure, stem, columns)


def draw_leak(view: "NetworkView", stem: Path, *, theme: str = "light") -> Path | None:
    """Draw time constants and eigenvalues before and after training.

    Args:
        view: Of a leaky network.
        stem: Path of the figure without suffix.
        theme: "light" or "dark".

    Returns:
        Path of the PNG; None for a GRU or an LSTM, which have neither.
    """
    now, first = view.wiring, view.first_wiring
    if now.tau_ms is None or first.tau_ms is None:
        return None
    if now.spectrum is None or first.spectrum is None:
        return None
    spectra = {"before training": first.spectrum, "after training": now.spectrum}
    with themed(theme):
        figure, axes = new_page(1, 2, width_mm=150, height_mm=72)
        time_constant_plot(axes[0, 0], first.tau_ms, now.tau_ms)
        spectrum_plot(axes[0, 1], spectra)
        columns: dict[str, Any] = {"tau_before_ms": first.tau_ms, "tau_after_ms": now.tau_ms}
        for name, values in (("before", first.spectrum), ("after", now.spectrum)):
            columns |= {f"real_{name}": values.real, f"imaginary_{name}": values.imag}
        return save_figure(figure, stem, columns)


def draw_weights(view: "NetworkView", stem: Path, *, theme: str = "light") -> Path:
    """Draw the weights of inputs, of units among each other and to the muscles.

    Args:
        view: Of any network; a GRU or an LSTM shows its outputs alone.
        stem: Path of the figure without suffix.
        theme: "light" or "dark".

    Returns:
        Path of the PNG.
    """
    now = view.wiring
    maps = [
        (now.input, "B: input", "contact", "unit"),
        (now.recurrent, "J: recurrent", "from unit", "to unit"),
        (now.output, "W: output", "unit", "muscle"),
    ]
    shown = [one for one in maps if one[0] is not None]
    columns: dict[str, Any] = {}
    with themed(theme):
        figure, axes = new_page(1, len(shown), height_mm=70)
        for ax, (weight, title, source, target) in zip(axes[0], shown, strict=True):
            image = weight_map(ax, weight, title, from_label=source, to_label=target)  # type: ignore[arg-type]
            figure.colorbar(image, ax=ax, shrink=0.8, aspect=25, pad=0.02)
            columns |= _matrix_columns(title[0], np.asarray(weight))
        return save_figure(figure, stem, columns)


def _matrix_columns(name: str, weight: NDArray[np.float64]) -> dict[str, Any]:
    to, source = np.indices(weight.shape)
    return {f"{name}_to": to.ravel(), f"{name}_from": source.ravel(), name: weight.ravel()}


def _strongest(rates: NDArray[np.float64], sent: NDArray[np.float64]) -> NDArray[np.int64]:
    """The most active units of each sign, as many as are drawn, in rising order."""
    activity = rates.std(axis=(0, 1))
    half = _UNITS // 2
    chosen = [
        np.flatnonzero(mine)[np.argsort(-activity[mine], kind="stable")[:half]]
        for mine in (sent > 0, sent <= 0)
    ]
    return np.sort(np.concatenate(chosen)).astype(np.int64)


def _beside_lead(
    lead: Lead, view: "NetworkView", drawn: int
) -> tuple["Figure", "list[Axes]", "list[Axes]"]:
    """A page with the lead and two rows, of as many panels as are drawn and of three."""
    figure, axes = new_page(1, 2, height_mm=98, width_ratios=(0.2, 1))
    grid = axes[0, 1].get_subplotspec().subgridspec(2, 1, height_ratios=(1, 1.1))
    axes[0, 1].remove()
    _lead_in_first_column(figure, axes[:, :1], lead, view)
    rows = [
        [figure.add_subplot(place) for place in grid[row].subgridspec(1, count)]
        for row, count in ((0, drawn), (1, len(_SUMMARIES)))
    ]
    return figure, rows[0], rows[1]


def _lead_in_first_column(
    figure: "Figure", axes: NDArray[Any], lead: Lead, view: "NetworkView"
) -> None:
    place = axes[0, 0].get_gridspec()[:, 0]
    for ax in axes[:, 0]:
        ax.remove()
    beside = figure.add_subplot(place)
    lead_plot(beside, lead, view.conditions.configuration[0])
    beside.text(
        0.5, -0.01, f"{view.conditions.amplitude_ma[0]:g} mA", transform=beside.transAxes,
        ha="center", va="top", fontsize=8,
    )  # fmt: skip
