"""One page on a mapping session: what was measured, how well, and what it found."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from spinal_rnn.conditions import configuration_name
from spinal_rnn.figures.shown import Trials
from spinal_rnn.muscles import MUSCLES
from spinal_rnn.selectivity import selectivity

if TYPE_CHECKING:
    from collections.abc import Sequence

    from neuro_common.report import Report
    from spinal_rnn.mapping import Mapping
    from spinal_rnn.predictor import Predictor

__all__ = [
    "NOTE",
    "by_condition",
    "cathode_responses",
    "lowest_thresholds",
    "most_selective",
    "quality",
    "write_session_report",
]

NOTE = (
    "For research. This is no medical device: numbers and proposals on this page are not to be "
    "used on a person but by those who are responsible for that person's stimulation."
)

_BOOTSTRAPS = 100
_CANDIDATES = 4
_LIMIT = 6  # the column of a threshold's upper limit
_WEAK, _STRONG = 0.2, 0.5  # parts of a large response


def by_condition(trials: Trials) -> Trials:
    """Mean responses of each condition, one row for all its repeats.

    Args:
        trials: Of a session.
    """
    from spinal_rnn.formats.session_checks import condition_numbers

    number = condition_numbers(trials.conditions)
    _, first = np.unique(number, return_index=True)
    total = np.stack([np.bincount(number, one) for one in trials.response.T], axis=1)
    return Trials(trials.conditions.take(first), total / np.bincount(number)[:, None])


def quality(mapping: "Mapping") -> dict[str, list[Any]]:
    """How large and how clean the EMG of each muscle is.

    Args:
        mapping: A measured session.

    Returns:
        Columns of a table, one row for each muscle: the large response and the EMG before the
        first pulse in mV, and by how much repeated trials scatter about a large response.
    """
    from spinal_rnn.scores import estimate_noise

    session, responses = mapping.session, mapping.responses
    before = session.emg[:, session.time_ms < session.lead_in_ms].astype(np.float64)
    rest = np.sqrt((before**2).mean(axis=(0, 1))) if before.size else np.full(len(MUSCLES), np.nan)
    try:
        noise = estimate_noise(responses.conditions, responses.response)
        scatter = np.sqrt(noise.constant + noise.proportional)
    except ValueError:  # nothing was repeated
        scatter = np.full(len(MUSCLES), np.nan)
    return {
        "muscle": list(MUSCLES),
        "large response (mV)": np.where(session.silent, np.nan, mapping.scale.mv).tolist(),
        "EMG before pulses (mV rms)": rest.tolist(),
        "scatter of repeats (%)": (100 * scatter).tolist(),
        "silent": session.silent.tolist(),
    }


def lowest_thresholds(trials: Trials) -> dict[str, list[Any]]:
    """For each muscle the series of trials that reaches it at the surely lowest amplitude.

    A series is a configuration at one frequency and with one kind of pulse. Of those that evoke
    half of a large response, the few that do anything at the lowest amplitudes are fitted, and the
    one counts whose threshold has the lowest upper limit. Thresholds below what was tried do not
    count.

    Args:
        trials: Of a session.

    Returns:
        Columns of a table; muscles that no series reaches have empty cells.
    """
    series = _series(trials)
    rows: list[list[Any]] = [[name, *[None] * 8] for name in MUSCLES]
    for number, muscles in _candidates(series).items():
        for muscle, found in _thresholds(series[number], muscles).items():
            least = rows[muscle][_LIMIT]
            if least is None or found[_LIMIT - 1] < least:
                rows[muscle][1:] = found
    heads = (
        "muscle", "configuration", "frequency (Hz)", "pulse width (us)", "threshold (mA)", "from",
        "to", "slope (1/mA)", "plateau",
    )  # fmt: skip
    return dict(zip(heads, map(list, zip(*rows, strict=True)), strict=True))


def most_selective(trials: Trials, floor: float) -> dict[str, list[Any]]:
    """For each muscle the measured condition that is most selective for it.

    Args:
        trials: Of a session; repeats are averaged.
        floor: Least response of the muscle, as a part of its large one.

    Returns:
        Columns of a table; muscles that never respond so much have empty cells.
    """
    mean = by_condition(trials)
    index = selectivity(mean.response, "difference", floor)
    share = selectivity(mean.response, "share", floor)
    rows: list[list[Any]] = []
    for muscle, name in enumerate(MUSCLES):
        if not np.isfinite(index[:, muscle]).any():
            rows.append([name, *[None] * 7])
            continue
        best = int(np.nanargmax(index[:, muscle]))
        rows.append(
            [
                name,
                configuration_name(mean.conditions.configuration[best]),
                mean.conditions.amplitude_ma[best],
                mean.conditions.frequency_hz[best],
                mean.conditions.pulse_width_us[best],
                100 * mean.response[best, muscle],
                index[best, muscle],
                share[best, muscle],
            ]
        )
    heads = (
        "muscle", "configuration", "amplitude (mA)", "frequency (Hz)", "pulse width (us)",
        "response (%)", "difference", "share",
    )  # fmt: skip
    return dict(zip(heads, map(list, zip(*rows, strict=True)), strict=True))


def cathode_responses(trials: Trials) -> NDArray[np.float64]:
    """Mean response to each contact as the only cathode, NaN where it never was, (contacts, 14).

    All anodes, amplitudes and frequencies count, so that it shows where muscles are, not how
    strongly a contact drives them.

    Args:
        trials: Of a session.
    """
    negative = trials.conditions.configuration < -1e-6
    alone = negative.sum(axis=1) == 1
    cathode = negative.argmax(axis=1)
    contacts = negative.shape[1] - 1
    means = np.full((contacts, len(MUSCLES)), np.nan)
    for contact in range(contacts):
        mine = alone & (cathode == contact)
        if mine.any():
            means[contact] = trials.response[mine].mean(axis=0)
    return means


def write_session_report(
    mapping: "Mapping",
    model: "Predictor | None",
    directory: Path,
    lines: "Sequence[str]",
    *,
    floor: float,
    theme: str = "light",
) -> Path:
    """Draw a session, and write ``report.html`` with the tables as CSV beside it.

    Args:
        mapping: The session, and the configuration that is drawn.
        model: Whose predictions are drawn, if any.
        directory: Of the run.
        lines: What to say of the configuration and the model.
        floor: See `most_selective`.
        theme: "light" or "dark".

    Returns:
        Path of the page.
    """
    from neuro_common.report import Report
    from neuro_common.runs import write_csv
    from spinal_rnn.session_summary import summary

    session = mapping.session
    who = "the simulated person" if session.truth else "subject"
    of_whom = f" of {who} {session.subject}" if session.subject else ""
    page = Report(directory, f"spinal-rnn: a mapping session{of_whom}").text(NOTE)
    head = summary(session)
    page.text("\n".join(head[: head.index("")]))
    tables = {
        "quality": (
            quality(mapping),
            "Each muscle's EMG. A large response is the 99 % quantile of late responses, the mean "
            "peak-to-peak over the second and later pulses; repeats scatter about it by so much.",
        ),
        "thresholds": (
            lowest_thresholds(mapping.responses),
            "The lowest threshold of each muscle, by the upper end of its 90 % interval: the "
            "amplitude of a tenth of a fitted curve's rise. Slope and plateau are in parts of the "
            "large response; where trials end before the plateau, it is an extrapolation.",
        ),
        "selectivity": (
            most_selective(mapping.responses, floor),
            f"The most selective measured condition of each muscle, where it responds with at "
            f"least {100 * floor:g} %: its response minus the mean of the others, and its share of "
            "all. The best of many noisy trials looks better than it is.",
        ),
    }
    for name, (table, caption) in tables.items():
        write_csv(directory / f"{name}.csv", table)
        page.table(table, caption)
    _add_figures(page, mapping, model, directory / "figures", floor, theme)
    page.text(" ".join(line for line in lines if line))
    return page.write()


def _add_figures(
    page: "Report",
    mapping: "Mapping",
    model: "Predictor | None",
    folder: Path,
    floor: float,
    theme: str,
) -> None:
    from spinal_rnn.figures.bars import draw_bars, draw_selectivity_bars
    from spinal_rnn.figures.contacts import draw_contacts
    from spinal_rnn.figures.recruitment import draw_recruitment
    from spinal_rnn.figures.shown import mean_of_repeats
    from spinal_rnn.mapping import amplitude_grid, fitted_curves, predicted_curves

    lead, trials = mapping.session.lead, mapping.trials
    reach = cathode_responses(mapping.responses)
    page.figure(
        draw_contacts(lead, reach, folder / "contacts", theme=theme),
        "Mean late response of each muscle to each contact as the only cathode, over all anodes, "
        "amplitudes and frequencies that were tried; contacts are drawn twice as wide as they are.",
    )
    curves, line = fitted_curves(trials), "fit"
    expected = None
    if model is not None:
        grid = amplitude_grid(trials)
        curves = predicted_curves(model.late(grid), grid, curves)
        line, expected = "predicted", model.late(trials.conditions).values
    page.figure(
        draw_recruitment(
            lead, trials, folder / "recruitment", curves=curves, line=line, theme=theme
        ),
        f"Recruitment by {mapping.name}, in percent of each muscle's large response. Crosses are "
        f"trials, lines are {'predictions' if model else 'fits'}, triangles thresholds.",
    )
    page.figure(
        draw_bars(lead, trials, folder / "bars", predicted=expected, theme=theme),
        f"The same responses to {mapping.name} by frequency and amplitude.",
    )
    mean = mean_of_repeats(trials)
    index = Trials(mean.conditions, selectivity(mean.response, "difference", floor))
    page.figure(
        draw_selectivity_bars(lead, index, folder / "selectivity", theme=theme),
        f"Selectivity (difference) of {mapping.name}, where the muscle responds enough.",
    )


def _series(trials: Trials) -> list[Trials]:
    """Trials alike but for the amplitude, where there are amplitudes enough to fit."""
    from spinal_rnn.recruitment import LEAST_AMPLITUDES

    conditions = trials.conditions
    kinds = (conditions.frequency_hz, conditions.pulse_width_us, conditions.pulses)
    keys = np.stack([conditions.groups(), *kinds], axis=1)
    found = []
    for key in np.unique(keys, axis=0):
        one = trials.take((keys == key).all(axis=1) & (conditions.amplitude_ma > 0))
        if len(np.unique(one.conditions.amplitude_ma)) >= LEAST_AMPLITUDES:
            found.append(one)
    return found


def _candidates(series: "Sequence[Trials]") -> dict[int, list[int]]:
    """Which muscles a series may be the best for: those that it drives strongly, and early."""
    begins: list[list[tuple[float, int]]] = [[] for _ in MUSCLES]
    for number, one in enumerate(series):
        for muscle, response in enumerate(one.response.T):
            if response.max() >= _STRONG:
                first = one.conditions.amplitude_ma[response >= _WEAK].min()
                begins[muscle].append((float(first), number))
    found: dict[int, list[int]] = {}
    for muscle, ends in enumerate(begins):
        for _, number in sorted(ends)[:_CANDIDATES]:
            found.setdefault(number, []).append(muscle)
    return found


def _thresholds(one: Trials, muscles: list[int]) -> dict[int, list[Any]]:
    """The row of `lowest_thresholds` for each muscle whose threshold lies within the trials."""
    from spinal_rnn.recruitment import fit_recruitment

    amplitude = one.conditions.amplitude_ma
    fit = fit_recruitment(amplitude, one.response[:, muscles], n_resamples=_BOOTSTRAPS)
    name = configuration_name(one.conditions.configuration[0])
    hz, width_us = one.conditions.frequency_hz[0], one.conditions.pulse_width_us[0]
    columns = (
        fit.curves.threshold_ma, fit.low["threshold_ma"], fit.high["threshold_ma"],
        fit.curves.slope, fit.curves.plateau,
    )  # fmt: skip
    rows = np.stack(columns, axis=1).tolist()
    return {
        muscle: [name, float(hz), float(width_us), *row]
        for muscle, row in zip(muscles, rows, strict=True)
        if row[0] >= amplitude.min()
    }
