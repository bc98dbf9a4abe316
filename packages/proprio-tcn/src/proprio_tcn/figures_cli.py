"""The verbs that draw movements, what explains neurons, and what networks can do."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from proprio_tcn._words import counted

if TYPE_CHECKING:
    from neuro_common.runs import Run
    from proprio_tcn.figures.gains import Gain
    from proprio_tcn.figures_config import (
        MovementFigureConfig,
        PredictionFigureConfig,
        RelationFigureConfig,
        TasksFigureConfig,
        WorkspaceFigureConfig,
    )
    from proprio_tcn.neural.relations import Standing

__all__ = ["movement", "prediction", "relation", "tasks", "workspace"]

_DEPTHS = (
    "What the best layer of each network explains, and where it lies, chosen on the training "
    "trials; a point for each network and session, a line at the mean of each task. Linear models "
    "are points, too; those far below all networks are cut off. Networks of one layer have no "
    "choice, and no depth here."
)


def movement(config: "MovementFigureConfig", run: "Run") -> None:
    """Draw one letter from the pen to the spindles."""
    from proprio_tcn.figures.movement import draw_movement
    from proprio_tcn.figures.trial import write_letter

    trial = write_letter(
        config.drawn, config.letter, config.plane, config.writer, threads=config.threads
    )
    stem = run.path("figures", "movement")
    path = draw_movement(trial, stem, muscles=config.muscles, postures=config.postures)
    caption = (
        f"{trial.title}. On paper there is a dot every 100 ms, and writing begins at the large "
        f"one. In space, {config.postures} postures of upper arm and forearm, from pale to dark, "
        "with the path of the hand; the square is the shoulder. Below, the bins of the movement "
        "are shaded; those muscles are named whose length changes most, at most "
        f"{config.muscles}, the others are grey."
    )
    text = (
        f"{trial.title}: {int(trial.moving.sum())} bins of 10 ms move, "
        f"{counted(len(trial.muscles), 'muscle is', 'muscles are')} felt."
    )
    _write_page(run, "from a letter to spindles", [text], {path: caption})


def workspace(config: "WorkspaceFigureConfig", run: "Run") -> float:
    """Draw a session's workspace beside a movement set's; returns the share that is covered.

    Raises:
        ValueError: Movements or arm are not given.
    """
    from proprio_tcn.figures.workspace import (
        draw_workspace,
        recorded_course,
        share_within,
        synthetic_course,
    )
    from proprio_tcn.movements.opening import open_movements
    from proprio_tcn.recorded.inputs import read_inputs

    inputs = read_inputs(Path(config.recording))
    movements = open_movements(config.movements, config.split)
    recorded, synthetic = recorded_course(inputs), synthetic_course(movements)
    path = draw_workspace(synthetic, recorded, run.path("figures", "workspace"))
    share = share_within(recorded.hand_cm, synthetic.hand_cm, config.within_cm)
    lines = [
        f"{counted(len(inputs), 'trial')} of {inputs.arm} ({inputs.species}) in "
        f"{config.recording}, "
        f"{counted(len(movements), 'movement')} of {movements.arm} ({movements.species}) in "
        f"{config.movements}.",
        f"{share:.1%} of the recorded bins have a synthetic place of the hand within "
        f"{config.within_cm:g} cm.",
    ]
    if inputs.arm != movements.arm and set(inputs.coordinates) != set(movements.coordinates):
        lines.append("The arms have other joint coordinates: only those of both are drawn.")
    caption = (
        "Places of the hand in all movements, the shoulder at the square. Joint angles: the whole "
        "range, the middle 90 % thick, the median a circle."
    )
    _write_page(run, "real and synthetic workspace", lines, {path: caption})
    return share


def prediction(config: "PredictionFigureConfig", run: "Run") -> float:
    """Draw explained variance by model, layer and lag; returns that of the best model.

    Raises:
        ValueError: No prediction is given.
    """
    from proprio_tcn.figures.depth import best_depths, draw_depths
    from proprio_tcn.figures.prediction import draw_lags, draw_prediction
    from proprio_tcn.figures.tables import read_ceilings, read_explained, read_lags

    if len(config.runs) > 1:
        return _sessions(config, run)
    if not (chosen := config.run or "".join(config.runs)):
        raise ValueError("run must be given: run=DIR of `proprio-tcn predict`")
    directory = Path(chosen)
    layers, ceilings = read_explained(directory), read_ceilings(directory)
    look: dict[str, Any] = {"confidence": config.confidence, "seed": config.seed}
    path = draw_prediction(
        layers, ceilings, run.path("figures", "prediction"), models=config.rows, **look
    )
    percent = f"{100 * config.confidence:g} %"
    captions = {
        path: "Mean over neurons of the explained variance in trials held out. Left: each model's "
        f"best layer, chosen on the training trials, with {percent} bootstrap intervals over "
        "neurons. Right: all layers of networks, the best one filled. What is below -0.2 is cut "
        "off. "
        + " ".join(f"{name.capitalize()} would explain {ev:.3f}." for name, ev in ceilings.items())
    }
    scores = read_lags(directory)
    if scores:
        drawn = draw_lags(scores, run.path("figures", "lags"), **look)
        captions[drawn] = (
            "Explained variance where neurons are taken so much after the arm; a dot marks the lag "
            f"with the greatest cross-validated one. The band is a {percent} interval over neurons."
        )
    deep = draw_depths(best_depths(directory.name, layers), run.path("figures", "depth"))
    captions |= {deep: _DEPTHS} if deep is not None else {}
    best = max((one for one in layers if one.best), key=lambda one: one.mean)
    lines = [f"{best.model} ({best.kind}) explains most: {best.mean:.3f}, layer {best.layer}."]
    lines.append(f"Of {counted(len(best.test_ev), 'neuron')}, from {directory}.")
    _write_page(run, "what explains neurons", lines, captions)
    return best.mean


def _sessions(config: "PredictionFigureConfig", run: "Run") -> float:
    """Draw several predictions together; returns the mean over sessions of the best model."""
    from proprio_tcn.figures.across_sessions import draw_sessions, read_session, shared_models
    from proprio_tcn.figures.depth import best_depths, draw_depths
    from proprio_tcn.neural.prediction_files import read_window

    sessions = [read_session(one, read_window(one)) for one in config.runs]
    look: dict[str, Any] = {"confidence": config.confidence, "seed": config.seed}
    path = draw_sessions(sessions, run.path("figures", "sessions"), models=config.rows, **look)
    captions = {
        path: "Mean over neurons of the explained variance in trials held out, of each model's "
        f"best layer, with {100 * config.confidence:g} % bootstrap intervals over neurons; a "
        "colour for each session. Only models that were asked in all of them; what is below -0.2 "
        "is cut off."
    }
    depths = [found for one in sessions for found in best_depths(*one)]
    deep = draw_depths(depths, run.path("figures", "depth"))
    captions |= {deep: _DEPTHS} if deep is not None else {}
    shared = shared_models(sessions)
    means = [one.best[shared[0]].mean for one in sessions]
    mean = sum(means) / len(means)
    told = ", ".join(f"{ev:.3f} in {one.name}" for ev, one in zip(means, sessions, strict=True))
    every = {name for one in sessions for name in one.best}
    lines = [
        f"Of {counted(len(shared), 'model')} that all {len(sessions)} sessions share, {shared[0]} "
        f"explains most: {mean:.3f} on average, {told}."
    ]
    if len(every) > len(shared):
        each = ("model that a session lacks is", "models that a session lacks are")
        lacked = counted(len(every) - len(shared), *each)
        lines.append(f"{lacked} left out.")
    _write_page(run, "what explains neurons in several sessions", lines, captions)
    return mean


def tasks(config: "TasksFigureConfig", run: "Run") -> None:
    """Draw test scores of trained networks by task, depth and family."""
    from proprio_tcn.figures.tasks import draw_tasks, read_task_scores

    scores = read_task_scores(config.runs)
    path = draw_tasks(scores, run.path("figures", "tasks"))
    names = {one.task for one in scores}
    text = (
        f"{counted(len(scores), 'network')} of {counted(len(names), 'task')}, scored on writers "
        "never seen in training."
    )
    caption = "Test score against the number of layers of the trunk; a point for each network."
    _write_page(run, "tasks that networks learnt", [text], {path: caption})


def relation(config: "RelationFigureConfig", run: "Run") -> float | None:
    """Draw performance against explained variance; returns the first correlation that is known."""
    from proprio_tcn.figures.gains import draw_conditions, draw_map, task_map
    from proprio_tcn.figures.relation import draw_relation
    from proprio_tcn.figures.tables import read_table

    directory = Path(config.run)
    relations = read_table(directory, "relations.csv", ("task", "r", "p"), "compare")
    standings, gains = _standings(directory)
    path = draw_relation(standings, relations, run.path("figures", "relation"))
    captions = {
        path: "A point for each trained network: how well it does its task, and how much its best "
        "layer explains. r is their partial correlation over architectures, means over first "
        "weights, with depth and session taken out, of each kind of window by itself; p is of it, "
        "or of a regression with an intercept for each architecture where several sessions saw "
        "them."
    }
    drawn = draw_conditions(gains, run.path("figures", "conditions"))
    if drawn is not None:
        captions[drawn] = (
            "What training adds to a network, in active and in passive movements, over the "
            "untrained one of its architecture and first weights; on the dashed line both are "
            "alike. Of several sessions of a kind the mean is drawn."
        )
    found = task_map(gains)
    lines = [f"{counted(len(standings), 'standing')} of trained networks, compared in {directory}."]
    if found is None:
        lines.append(
            "There is no map of tasks: it needs three tasks, and three beginnings "
            "(architecture and seed) that learnt them all beside their untrained twins."
        )
    else:
        captions[draw_map(found, run.path("figures", "map"))] = (
            "Principal components of what training adds to the explained variance, tasks over "
            f"{found.beginnings} networks and sessions, z-scored across tasks for each."
        )
    _write_page(run, "performance and neurons", lines, captions)
    known = [float(one) for one in relations["r"] if math.isfinite(float(one or "nan"))]
    return known[0] if known else None


def _standings(directory: Path) -> tuple[list["Standing"], list["Gain"]]:
    """Of all predictions of a comparison: standings, and gains over untrained."""
    from neuro_common.runs import read_config
    from proprio_tcn.figures.gains import gains_of
    from proprio_tcn.figures.tables import read_explained
    from proprio_tcn.neural.model_tables import read_models
    from proprio_tcn.neural.prediction_files import read_prediction, read_window
    from proprio_tcn.neural.relations import Standing

    standings: list[Standing] = []
    gains: list[Gain] = []
    for path in read_config(directory, of="proprio-tcn compare")["predictions"]:
        if not Path(path).is_dir():
            raise FileNotFoundError(
                f"{directory} compares {path}, which is not there: draw from the folder in which "
                "`proprio-tcn compare` was run"
            )
        facts = read_models(Path(path) / "models.csv")
        window = read_window(path)
        standings += Standing.of(path, read_prediction(path), facts, window)
        gains += gains_of(path, window, read_explained(path))
    return standings, gains


def _write_page(run: "Run", title: str, lines: Sequence[str], captions: Mapping[Path, str]) -> None:
    from neuro_common.report import Report

    page = Report(run.directory, f"proprio-tcn: {title}").text(" ".join(lines))
    page.figures(captions)
    print("\n".join(lines))
    print(f"    {page.write()}")
