"""The verbs that draw: gaits, neurons, trainings, lesions and disturbances."""

from typing import TYPE_CHECKING, Any

from neuro_common import cli

if TYPE_CHECKING:
    from pathlib import Path

    from brainnn.analysis.recording import Walk
    from brainnn.learning.walkers import TrainedWalker
    from brainnn.walk_config import (
        ActivityFigureConfig,
        LesionFigureConfig,
        RobustnessFigureConfig,
        TrainingFigureConfig,
        WalkConfig,
        WalkFigureConfig,
    )
    from brainnn.walk_report import Stretch
    from neuro_common.runs import Run

__all__ = ["activity", "gait", "lesions", "portrait", "robustness", "training"]

_LEFT = {
    "speed": "speed (% of intact)",
    "upright": "without a fall (%)",
    "stride_hz": "strides/s (% of intact)",
}


def gait(config: "WalkFigureConfig", run: "Run") -> float:
    """Draw a walk beside its reference; returns its mean forward speed in what is shown."""
    from brainnn.figures.gait import draw_gait, draw_stances

    stretch, lines = _stretch(config)
    states, (reference, actions) = stretch.states, stretch.reference
    captions = {
        draw_gait(
            states, stretch.actions, (reference, actions), run.path("figures", "gait")
        ): "Joint angles, joint speeds, torques and hull; the reference begins where it fits best.",
        draw_stances(
            {"network": states, "reference": reference}, run.path("figures", "stances")
        ): "When each foot is on the ground.",
    }
    _finish(run, "a walk beside its reference", lines, captions)
    return float(states[:, 2].mean())


def portrait(config: "WalkFigureConfig", run: "Run") -> None:
    """Draw the speed of each joint against its angle."""
    from brainnn.figures.gait import draw_portraits

    stretch, lines = _stretch(config)
    path = draw_portraits(stretch.states, stretch.reference[0], run.path("figures", "portraits"))
    caption = "Speed of each joint against its angle: a steady gait is a closed loop."
    _finish(run, "phase portraits", lines, {path: caption})


def activity(config: "ActivityFigureConfig", run: "Run") -> float:
    """Draw neurons by the phase of the stride; returns the mean share that the phase explains."""
    import numpy as np

    from brainnn.walk_report import draw_neurons
    from neuro_common.runs import read_csv

    _, walk, lines = _walked(config, config.walk)
    captions = draw_neurons(walk, config.neurons, run.path("figures"), seed=config.seed)
    _finish(run, "neurons by the phase of the stride", lines, captions)
    cells = read_csv(run.path("figures", "activity.csv"))["explained"]
    return float(np.nanmean([float(cell) for cell in cells if cell]))


def training(config: "TrainingFigureConfig", run: "Run") -> None:
    """Draw learning curves of a training or of a sweep."""
    from brainnn.analysis.curves import find_trainings
    from brainnn.pages import draw_curves

    trainings = find_trainings(config.run)
    captions = draw_curves(trainings, run.directory)
    _finish(run, "learning curves", [f"{len(trainings)} trainings of {config.run}."], captions)


def lesions(config: "LesionFigureConfig", run: "Run") -> float:
    """Silence groups of neurons in turn; returns the speed that the most slowing one leaves."""
    from brainnn.analysis.lesion import groups_of, lesion_groups, lesion_table, strongest_groups
    from brainnn.pages import describe
    from neuro_common.runs import write_csv

    walker = _connectome_walker(config)
    core: Any = walker.core
    groups = groups_of(core.connectome, config.by)  # type: ignore[arg-type]
    bar: cli.Progress[int] = cli.progress(1 + len(groups) * (1 + config.draws), "lesions", "speed")
    with bar:

        def report(lesion: Any) -> None:
            bar.show(float(lesion.scores["speed"].mean()))
            bar.advance()

        found = lesion_groups(
            core, groups, lambda one: _scores(config, walker, walker.controller(one)),
            draws=config.draws, seed=config.seed, report=report,
        )  # fmt: skip
    table = lesion_table(found, seed=config.seed)
    write_csv(run.path("lesions.csv"), table)
    shown = strongest_groups(table, config.rows)
    names = [
        f"{group}, others" if random else group
        for group, random in zip(shown["group"], shown["random"], strict=True)
    ]
    caption = (
        f"Walks after all neurons of a {config.by} were silenced (number in brackets), with 95 % "
        "intervals over the episodes that they share with the intact network. Grey: as many others "
        f"of the same classes, mean of {config.draws} random draws, which are resampled too. "
        "Filled: the interval does not reach the intact network; of "
        f"{len(groups)} groups chance alone would fill {0.05 * len(groups):.2g} in each panel."
    )
    if config.rows < len(groups):
        caption += (
            f" Shown are the {config.rows} of {len(groups)} whose loss changes one of the three "
            "numbers most; lesions.csv has all."
        )
    stem = run.path("figures", "lesions")
    figure = _draw_left(shown, names, stem, shown["random"], shown["neurons"])
    _finish(run, f"lesions by {config.by}", [describe(walker)], {figure: caption})
    left: list[float] = [
        speed for speed, random in zip(table["speed"], table["random"], strict=True) if not random
    ]
    return min(left)


def robustness(config: "RobustnessFigureConfig", run: "Run") -> float:
    """Disturb a walk; returns the mean speed under all disturbances, as a share."""
    from brainnn.analysis.robustness import DISTURBANCES
    from brainnn.analysis.robustness import robustness as disturbed
    from brainnn.pages import describe
    from neuro_common.runs import write_csv

    walker = _connectome_walker(config)
    core: Any = walker.core
    levels = {name: getattr(config, name) for name in DISTURBANCES}

    def walk(controller: Any, roughness: float) -> Any:
        return _scores(config, walker, controller, roughness)

    table = disturbed(core, walker.controller, walk, levels, draws=config.draws, seed=config.seed)
    write_csv(run.path("robustness.csv"), table)
    names = [
        kind if kind == "none" else f"{kind.replace('_', ' ')} {level:g}"
        for kind, level in zip(table["disturbance"], table["level"], strict=True)
    ]
    captions = {
        _draw_left(table, names, run.path("figures", "robustness")): "Walks with noise of this "
        "standard deviation on each observed number or on each action (of largest torque 1), with "
        "this share of all neurons silenced, and on ground whose slope is random by so many times "
        "as much; 95 % intervals over episodes, of lesions over draws as well."
    }
    _finish(run, "disturbed walks", [describe(walker)], captions)
    speeds: list[float] = table["speed"][1:]
    return sum(speeds) / len(speeds)


def _walked(config: "WalkConfig", file: str | None) -> "tuple[TrainedWalker, Walk, list[str]]":
    import torch

    from brainnn.analysis.recording import read_walk
    from brainnn.learning.walkers import load_walker
    from brainnn.pages import describe, record_walk

    torch.set_num_threads(config.threads)
    walker = load_walker(config.weights)
    if file is not None:
        walk = read_walk(file)
        return walker, walk, [str(walk.facts.get("network", "")), f"The walk of {file}."]
    return walker, record_walk(walker, config.seeds, config.steps), [describe(walker)]


def _stretch(config: "WalkFigureConfig") -> "tuple[Stretch, list[str]]":
    from brainnn.walk_report import last_stretch

    walker, walk, lines = _walked(config, config.walk)
    return last_stretch(walk, walker.body.clip, config.last_s), lines


def _connectome_walker(config: "WalkConfig") -> "TrainedWalker":
    import torch

    from brainnn.learning.walkers import load_walker
    from brainnn.networks.rnn import ConnectomeRNN

    torch.set_num_threads(config.threads)
    walker = load_walker(config.weights)
    if not isinstance(walker.core, ConnectomeRNN):
        raise ValueError(
            f"weights must be of a network with neurons to silence, got a {walker.core.kind}: give "
            "a training with network=connectome or one of its null models"
        )
    return walker


def _scores(
    config: "WalkConfig", walker: "TrainedWalker", controller: Any, roughness: float = 1.0
) -> Any:
    from brainnn.learning.evaluation import evaluate

    test = walker.body.test(config.steps, roughness=roughness)
    return evaluate(controller, test, config.seeds, steps=config.steps)


def _draw_left(
    table: dict[str, list[Any]],
    names: list[str],
    stem: "Path",
    grey: list[bool] | None = None,
    sizes: list[int] | None = None,
) -> "Path":
    """Draw what is left of the walk, in percent of what it was."""
    import numpy as np

    from brainnn.figures.effects import Effects, draw_effects

    panels = {}
    for name, label in _LEFT.items():
        mean, low, high = (100 * np.array(table[f"{name}{part}"]) for part in ("", "_low", "_high"))
        panels[label] = Effects(mean, low, high, none=100.0)
    return draw_effects(names, panels, stem, grey=grey, sizes=sizes)


def _finish(run: "Run", title: str, lines: list[str], captions: "dict[Path, str]") -> None:
    from brainnn.pages import write_page

    write_page(run.directory, f"brainnn: {title}", lines, captions)
    print("\n".join([*filter(None, lines), *map(str, captions)]))
