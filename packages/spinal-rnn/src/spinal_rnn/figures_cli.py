"""The verbs that draw a mapping session, a model's predictions, and a network's inside."""

from collections.abc import Mapping as Columns
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from neuro_common.runs import Run
    from spinal_rnn.figures.shown import Trials
    from spinal_rnn.figures_config import (
        BarsConfig,
        HiddenConfig,
        MapsConfig,
        PredictionConfig,
        RecruitmentConfig,
        ReportConfig,
        RootsConfig,
    )
    from spinal_rnn.mapping import Mapping
    from spinal_rnn.predictor import Predictor

__all__ = ["bars", "hidden", "maps", "prediction", "recruitment", "report", "roots"]

_HELD_OUT = {
    "fit": "The model was fitted to all other configurations; it saw neither this one nor its "
    "mirror image.",
    "none": "There is no prediction.",
}


def recruitment(config: "RecruitmentConfig", run: "Run") -> float | None:
    """Draw recruitment curves; returns the pooled R2 of the prediction, if there is one."""
    from spinal_rnn.figures.recruitment import draw_recruitment
    from spinal_rnn.mapping import amplitude_grid, fitted_curves, predicted_curves

    mapping, model = _look_at(config)
    trials = mapping.trials
    curves, line = fitted_curves(trials), "fit"
    if model is not None:
        grid = amplitude_grid(trials)
        curves = predicted_curves(model.late(grid), grid, curves)
        line = "predicted"
    stem = run.path("figures", "recruitment")
    path = draw_recruitment(
        mapping.session.lead, trials, stem, curves=curves, line=line, theme=config.theme
    )
    caption = (
        f"Late responses to {mapping.name}, in percent of each muscle's large one. Crosses are "
        "trials. Triangles are thresholds of curves fitted to the trials, at a tenth of the rise, "
        "with 90 % intervals."
    )
    if model is not None:
        caption += " Lines are predictions, bands their 90 % intervals where the model has them."
    score = _score(model, trials)
    _write_page(run, "recruitment", _sentences(mapping, config.weights, score), {path: caption})
    return score


def bars(config: "BarsConfig", run: "Run") -> float | None:
    """Draw responses and selectivity as bars; returns the largest selectivity."""
    import numpy as np

    from spinal_rnn.figures.bars import draw_bars, draw_selectivity_bars
    from spinal_rnn.figures.shown import Trials, mean_of_repeats
    from spinal_rnn.muscles import MUSCLES
    from spinal_rnn.selectivity import selectivity

    mapping, model = _look_at(config)
    trials, lead = mapping.trials, mapping.session.lead
    look: dict[str, Any] = {"overlaid": config.overlaid, "theme": config.theme}
    predicted = None if model is None else model.late(trials.conditions).values
    drawn = draw_bars(lead, trials, run.path("figures", "bars"), predicted=predicted, **look)
    mean = mean_of_repeats(trials)
    index = selectivity(mean.response, config.selectivity, config.floor)
    stem = run.path("figures", "selectivity")
    selective = draw_selectivity_bars(
        lead, Trials(mean.conditions, index), stem, kind=config.selectivity, **look
    )
    captions = {
        drawn: f"Late responses to {mapping.name} by frequency and amplitude, in percent of each "
        "muscle's large one; left muscles to the left.",
        selective: f"Selectivity ({config.selectivity}) of the same trials, where the muscle "
        f"responds with at least {100 * config.floor:g} %.",
    }
    lines = _sentences(mapping, config.weights, _score(model, trials))
    best = None
    if np.isfinite(index).any():
        row, muscle = np.unravel_index(np.nanargmax(index), index.shape)
        best = float(index[row, muscle])
        lines.append(
            f"It is most selective for {MUSCLES[muscle]}: {best:.2f} at "
            f"{mean.conditions.amplitude_ma[row]:g} mA, {mean.conditions.frequency_hz[row]:g} Hz."
        )
    _write_page(run, "responses and selectivity", lines, captions)
    return best


def maps(config: "MapsConfig", run: "Run") -> float | None:
    """Draw responses over amplitude and frequency; returns the prediction's pooled R2."""
    import numpy as np

    from spinal_rnn.figures.maps import draw_maps
    from spinal_rnn.figures.shown import Trials

    mapping, model = _look_at(config)
    trials, stem = mapping.trials, run.path("figures", "maps")
    mapped, measured = trials, None
    if model is not None:
        (low_ma, high_ma), (low_hz, high_hz) = config.amplitude_range_ma, config.frequency_range_hz
        amplitude, frequency = np.meshgrid(
            np.linspace(low_ma, high_ma, config.points), np.linspace(low_hz, high_hz, config.points)
        )
        grid = mapping.stimulated(amplitude.ravel(), frequency.ravel())
        mapped, measured = Trials(grid, model.late(grid).values), trials
    path = draw_maps(mapping.session.lead, mapped, stem, measured=measured, theme=config.theme)
    dots = "predicted; dots are measured" if measured else "as measured"
    caption = (
        f"Late responses to {mapping.name} over amplitude and frequency, {dots}, in percent of "
        "each muscle's large one."
    )
    score = _score(model, trials)
    _write_page(run, "maps", _sentences(mapping, config.weights, score), {path: caption})
    return score


def prediction(config: "PredictionConfig", run: "Run") -> float | None:
    """Draw the EMG of one trial; returns the pooled R2 of its prediction, if there is one."""
    import numpy as np

    from spinal_rnn.figures.prediction import draw_prediction
    from spinal_rnn.scores import pooled_r2

    mapping, model = _look_at(config)
    session, conditions = mapping.session, mapping.trials.conditions
    distance = np.abs(conditions.amplitude_ma - config.amplitude_ma) + 10 * np.abs(
        np.log(conditions.frequency_hz / config.frequency_hz)
    )
    trial = int(mapping.chosen[distance.argmin()])
    condition = session.conditions.take([trial])
    largest = np.abs(session.emg).max(axis=(0, 1)).astype(np.float64)
    largest[largest == 0] = 1.0
    measured = session.emg[trial] / largest
    expected = None if model is None else model.emg_mv(condition)[0] / largest
    path = draw_prediction(
        session.lead, condition, session.time_ms, measured, run.path("figures", "prediction"),
        lead_in_ms=session.lead_in_ms, predicted=expected, theme=config.theme,
    )  # fmt: skip
    score = None if expected is None else pooled_r2(measured[None], expected[None])
    caption = (
        f"EMG of trial {trial} in percent of each muscle's largest, below the current of the "
        "active contacts."
    )
    _write_page(run, "one trial", _sentences(mapping, config.weights, score), {path: caption})
    return score


def roots(config: "RootsConfig", run: "Run") -> float | None:
    """Draw recruited roots; returns the mean error of what is learnt of them, if truth is known.

    Raises:
        ValueError: The model has no roots.
    """
    import numpy as np

    from spinal_rnn.figures.roots import draw_roots
    from spinal_rnn.simulation.anatomy import root_places

    mapping, model = _look_at(config)
    session, conditions = mapping.session, mapping.trials.conditions
    amplitudes, first = np.unique(conditions.amplitude_ma, return_index=True)
    taken = np.unique(
        np.linspace(0, len(first) - 1, config.n_amplitudes + 1).round().astype(int)[1:]
    )
    amplitudes, trials = amplitudes[taken], mapping.chosen[first[taken]]
    truth = session.truth.get("recruited")
    true = None if truth is None else truth.data[trials]
    learnt = None
    heights_mm = root_places()[1][:7]
    if model is not None:
        learnt = model.late(mapping.stimulated(amplitudes, 40.0)).activities
        places_mm = model.root_heights_mm()
        heights_mm = heights_mm if places_mm is None else places_mm
    shown = true if learnt is None else learnt
    if shown is None:
        raise ValueError(
            "roots are seen in a model that has some, or in a simulated session: give weights=fit"
        )
    path = draw_roots(
        session.lead, mapping.vector, amplitudes, shown, run.path("figures", "roots"),
        z_mm=heights_mm, true=None if learnt is None else true,
        what="true" if learnt is None else "learned", theme=config.theme,
    )  # fmt: skip
    error = None if learnt is None or true is None else float(np.abs(learnt - true).mean())
    lines = [f"Configuration {mapping.name}.", _told_of(config.weights)]
    if error is not None:
        lines.append(f"Recruited parts are off by {100 * error:.1f} % of the fibres on average.")
    caption = (
        f"Recruited part of each root's fibres by {mapping.name}. Contacts and roots are drawn at "
        "one scale: a bar lies as far along the cord as its root."
    )
    if learnt is not None:
        caption += " The places of roots are learned too; their names follow from their order."
    _write_page(run, "roots", lines, {path: caption})
    return error


def hidden(config: "HiddenConfig", run: "Run") -> float:
    """Draw the inside of a recurrent network; returns the mean loop-closure error of its orbits."""
    import numpy as np

    from spinal_rnn.figures.network import draw_activity, draw_leak, draw_orbits, draw_weights
    from spinal_rnn.figures.training import draw_loss
    from spinal_rnn.mapping import map_configuration
    from spinal_rnn.network_view import view_network
    from spinal_rnn.sources import open_session

    session = open_session(config.session, config.session_seed)
    mapping = map_configuration(session, config.configuration)
    points: list[Any] = []
    model = _recurrent(config, mapping, points.append)
    pulse = mapping.trials.conditions
    view = view_network(
        model,
        mapping.vector,
        config.amplitude_ma,
        config.frequencies_hz,
        pulse_width_us=pulse.pulse_width_us[0],
        pulses=pulse.pulses[0],
    )
    theme = config.theme
    captions = {
        draw_orbits(session.lead, view, run.path("figures", "orbits"), theme=theme): (
            "Above: rates on their two principal components; a square is the start. Below: the "
            "period of the first component from its autocorrelation, how far the loop misses "
            "itself a period later as a part of its radius, and the radius. Any network follows "
            "periodic stimulation, trained or not: a matching period says nothing of learning."
        ),
        draw_activity(session.lead, view, run.path("figures", "activity"), theme=theme): (
            "Rates of the most active units, coloured by the mean signed weight that they send."
        ),
    }
    leak = draw_leak(view, run.path("figures", "leak"), theme=theme)
    if leak is not None:
        captions[leak] = (
            "Time constants of the units, and eigenvalues of one step, (1 - alpha) I + alpha J, "
            "before and after training; outside of the circle a small deviation grows."
        )
    captions[draw_weights(view, run.path("figures", "weights"), theme=theme)] = (
        "Weights as they act, each matrix with limits of its own."
    )
    if points:
        updates, losses = [p.update for p in points], [p.train_loss for p in points]
        held_out = [p.scores["loss"] for p in points]
        loss = draw_loss(updates, losses, held_out, run.path("figures", "loss"), theme=theme)
        captions[loss] = (
            "Mean squared error of the training trials and of held-out configurations, in percent "
            "of each muscle's maximum, squared; the weights with the least of the latter are kept."
        )
    closures = [one.closure for one in view.orbits if np.isfinite(one.closure)]
    closure = float(np.mean(closures)) if closures else float("nan")
    found = [
        f"{hz:g} Hz: period {one.period_ms:.1f} ms, loop-closure error {one.closure:.2f}, radius "
        f"{one.radius:.2f} (untrained {other.period_ms:.1f} ms, {other.closure:.2f}, "
        f"{other.radius:.2f})"
        for hz, one, other in zip(
            config.frequencies_hz, view.orbits, view.untrained_orbits, strict=True
        )
    ]
    lines = [f"{model.options.network} of {model.options.units} units.", *found]
    _write_page(run, "inside a recurrent network", lines, captions)
    return closure


def report(config: "ReportConfig", run: "Run") -> float | None:
    """Write one page on a mapping session; returns the pooled R2 of the prediction."""
    from spinal_rnn.session_report import write_session_report

    mapping, model = _look_at(config)
    score = _score(model, mapping.trials)
    lines = _sentences(mapping, config.weights, score)
    print("\n".join(lines))
    write_session_report(
        mapping, model, run.directory, lines, floor=config.floor, theme=config.theme
    )
    return score


def _look_at(
    config: "RecruitmentConfig | ReportConfig",
) -> "tuple[Mapping, Predictor | None]":
    import torch

    from spinal_rnn.mapping import map_configuration
    from spinal_rnn.predictor import predictor
    from spinal_rnn.sources import open_session

    torch.set_num_threads(config.threads)
    session = open_session(config.session, config.session_seed)
    mapping = map_configuration(session, config.configuration)
    return mapping, predictor(mapping, config.weights)


def _recurrent(config: "HiddenConfig", mapping: "Mapping", keep: "Callable[[Any], None]") -> Any:
    import numpy as np
    import torch

    from neuro_common import cli
    from spinal_rnn.models.recurrent import RecurrentModel
    from spinal_rnn.models.recurrent_options import RecurrentOptions
    from spinal_rnn.splits import mirror_of

    torch.set_num_threads(config.threads)
    if config.weights is not None:
        return RecurrentModel.load(config.weights)
    session = mapping.session
    options = RecurrentOptions(config.network, config.units, config.epochs)
    model = RecurrentModel(
        options,
        fs_hz=session.fs_hz,
        lead_in_ms=session.lead_in_ms,
        mirror=mirror_of(session.lead),
    )
    bar: cli.Progress[int] = cli.progress(config.epochs + 1, "train", metric="loss")
    with bar:

        def count(point: Any) -> None:
            keep(point)
            bar.show(point.scores["loss"])
            bar.advance()

        emg = session.emg.astype(np.float64)
        return model.fit(session.conditions, emg, report=count)


def _score(model: "Predictor | None", trials: "Trials") -> float | None:
    from spinal_rnn.scores import pooled_r2

    if model is None:
        return None
    return pooled_r2(trials.response, model.late(trials.conditions).values)


def _sentences(mapping: "Mapping", weights: str, score: float | None) -> list[str]:
    lines = [
        f"Configuration {mapping.name}: {len(mapping.chosen)} of {len(mapping.session)} trials.",
        _told_of(weights),
    ]
    if mapping.left_out:
        pulse = mapping.trials.conditions
        lines.append(
            f"Pulses are of {pulse.pulse_width_us[0]:g} us, {pulse.pulses[0]} in a burst; "
            f"{mapping.left_out} trials with others are not drawn."
        )
    if score is not None:
        lines.append(f"Pooled R2 of the prediction on what is drawn: {score:.3f}.")
    return lines


def _told_of(weights: str) -> str:
    """Whose predictions are drawn, and whether they are a test."""
    other = (
        f"Predictions are those of {weights}; they are a test only if it was trained without this "
        "configuration and its mirror image."
    )
    return _HELD_OUT.get(weights, other)


def _write_page(
    run: "Run", subject: str, lines: Sequence[str], captions: Columns[Path, str]
) -> None:
    from neuro_common.report import Report

    print("\n".join(lines))
    page = Report(run.directory, f"spinal-rnn: {subject}")
    page.text(" ".join(line for line in lines if line)).figures(captions).write()
