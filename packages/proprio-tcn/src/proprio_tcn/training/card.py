"""Model cards: what a network was taught, how well it does it, and what it is not for."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from numpy.typing import NDArray

from neuro_common.checkpoint import load_checkpoint
from neuro_common.files import FormatError, atomic_path, read_csv
from proprio_tcn.networks.settings import TrunkSettings
from proprio_tcn.tasks.sixteen import TASKS, Task

__all__ = ["ScoreRow", "card_of", "group_card_of", "read_scores", "write_card"]

_SCORES = "scores.csv"
_CARD = "card.md"
_SLOPES = "target_slopes"
_WHERE = {
    "movement at outputs": "in movement",
    "all at outputs": "all bins",
    "movement": "in movement, at every bin",
    "all": "all, at every bin",
}
_PREDICTORS = {
    "mean": "mean",
    "linear": "linear ridge",
    "quadratic": "quadratic ridge on lengths",
    "pca_bins": "PCA of each bin",
    "pca_windows": "PCA of windows",
    "k_nearest": "nearest neighbours",
    "logistic": "logistic regression",
    "k_nearest_uncut": "nearest neighbours, uncut",
    "logistic_uncut": "logistic regression, uncut",
    "untrained": "untrained",
}
_PUBLISHED = "Marin Vargas, Bisi et al., Cell 2024"
_ACCURACY = {"classify": "accuracy", "project": "accuracy of a linear probe for the letters"}
_ASKED = {
    "classify": "to tell which of twenty letters an arm wrote in the air",
    "decode": "to give back what went in, through a narrow middle",
    "project": "to give the same answer to two views of a movement, with numbers that do not "
    "repeat each other",
}

_USE = """\
For asking which goals explain neurons of the proprioceptive system, layer by layer, beside the
untrained network and linear models of the movement; and as a worked example of its task.

Not for people, patients or machines. It has seen one simulated arm and simulated movements only:
other muscles, forces, or another posture of the shoulder are new to it. It needs
the muscles named in `manifest.json`, lengths in mm and velocities in mm/s with lengthening above 0.
That its layers explain a neuron does not say that the neuron does this task: untrained networks
explain neurons too."""


class ScoreRow(NamedTuple):
    """One score of one predictor.

    Attributes:
        predictor: The model's name, "untrained", or a baseline.
        target: Name of the quantity; "" for an accuracy.
        unit: Of the error.
        where: As in `proprio_tcn.tasks.metrics.TargetScore`; "" for an accuracy.
        rmse: Error in units; NaN for an accuracy.
        score: R2 or accuracy.
    """

    predictor: str
    target: str
    unit: str
    where: str
    rmse: float
    score: float


def read_scores(directory: str | Path) -> list[ScoreRow]:
    """What `proprio-tcn train` wrote of the test, in the order of the file.

    Args:
        directory: That of a training, or of a network that ships.

    Raises:
        FileNotFoundError: There is no such table.
        FormatError: It is another table.
    """
    path = Path(directory) / _SCORES
    columns = read_csv(path)
    try:
        if "accuracy" in columns:
            cells = zip(columns["predictor"], columns["accuracy"], strict=True)
            return [ScoreRow(name, "", "", "", float("nan"), float(one)) for name, one in cells]
        names = ("predictor", "target", "unit", "where", "rmse", "r2")
        return [
            ScoreRow(one, target, unit, where, float(rmse), float(r2))
            for one, target, unit, where, rmse, r2 in zip(
                *(columns[name] for name in names), strict=True
            )
        ]
    except (KeyError, ValueError) as error:
        raise FormatError(f"{path} must be a table of `proprio-tcn train`: {error}") from None


def card_of(directory: str | Path) -> str:
    """The card of a network, as Markdown.

    Args:
        directory: That of a training, with weights, manifest and scores.

    Raises:
        FileNotFoundError: One of them is missing.
        FormatError: One of them is damaged, or of something else.
    """
    tensors, manifest = load_checkpoint(directory)
    rows = read_scores(directory)
    try:
        task = TASKS[manifest["task"]]
        parts = [
            f"# {task.title}",
            _summary(task, manifest),
            _table(_facts(task, manifest, _numbers(tensors), _SLOPES in tensors)),
            f"## Scores\n\n{_scored_on(task, manifest['facts'])}",
            _score_table(task, rows),
            f"## What it is for, and what not\n\n{_USE}",
            f"## How it was made\n\n```bash\n{manifest['facts']['command']}\n```",
            "Licence: MIT, as the package.",
        ]
    except (KeyError, TypeError, ValueError) as error:
        raise FormatError(
            f"{directory} is no whole training: {error}; restore it from a copy, or train it again"
        ) from None
    return "\n\n".join(parts) + "\n"


def group_card_of(directory: str | Path) -> str:
    """The card of networks of one task and one training, with a row for each, as Markdown.

    Args:
        directory: Above those of the networks, each with weights and manifest.

    Raises:
        FileNotFoundError: There is no network below it, or weights are missing.
        FormatError: One of them is damaged, of something else, or of another task.
    """
    folders = sorted(path.parent for path in Path(directory).rglob("manifest.json"))
    if not folders:
        raise FileNotFoundError(f"{directory} must hold networks of a task, got none")
    found = [load_checkpoint(one) for one in folders]
    first = found[0][1]
    try:
        (name,) = {manifest["task"] for _, manifest in found}
        task, settings, facts = TASKS[name], first["settings"], first["facts"]
        trunks = [TrunkSettings(**manifest["network"]["trunk"]) for _, manifest in found]
        architectures = len({one.content_hash() for one in trunks})
        titles = [
            "network",
            "trunk",
            "layers",
            "numbers that were learnt",
            *(one for one, _ in _measures(task)),
        ]
        rows = [
            [
                f"`{folder.relative_to(directory).as_posix()}`",
                trunk.name(),
                str(len(trunk.plan())),
                f"{_numbers(tensors):,}",
                *(f"{manifest['metrics'][key]:z.3f}" for _, key in _measures(task)),
            ]
            for folder, trunk, (tensors, manifest) in zip(folders, trunks, found, strict=True)
        ]
        parts = [
            f"# {task.title}: {len(found)} sampled networks",
            f"{architectures} trunks from the published search space, with first weights of "
            f"{len(found) // architectures} seeds. Each is a{_summary(task, first)[1:]}",
            f"They learnt from {facts['learnt_from']:,} movements, {_origin(task, facts)}, in "
            f"{settings['epochs']} passes. Good and bad trunks are among them, on purpose: so one "
            "can tell what a task adds from what a better network adds.",
            f"## Scores\n\nOn {facts['tested_on']:,} movements of writers that they never saw.",
            "\n".join(f"| {' | '.join(row)} |" for row in (titles, ["---"] * len(titles), *rows)),
            f"## What they are for, and what not\n\n{_USE}",
            f"## How they were made\n\nEach manifest has its command; the first is\n\n```bash\n"
            f"{facts['command']}\n```",
            "Licence: MIT, as the package.",
        ]
    except (KeyError, TypeError, ValueError) as error:
        raise FormatError(
            f"{directory} must hold whole trainings of one task: {error}; restore them from a "
            "copy, or train them again"
        ) from None
    return "\n\n".join(parts) + "\n"


def write_card(directory: str | Path) -> Path:
    """Write ``card.md`` of a network, or of the networks below a folder without one of its own.

    Args:
        directory: As for :func:`card_of`, or for :func:`group_card_of`.

    Returns:
        Path of the card.
    """
    folder = Path(directory)
    text = card_of(folder) if (folder / "manifest.json").is_file() else group_card_of(folder)
    with atomic_path(folder / _CARD) as temporary:
        temporary.write_text(text, encoding="utf-8")
    return folder / _CARD


def _numbers(tensors: Mapping[str, NDArray[Any]]) -> int:
    """How many numbers were learnt."""
    return sum(
        tensor.size
        for name, tensor in tensors.items()
        if name == _SLOPES
        or (name.startswith("network.") and not name.startswith("network.trunk.input_"))
    )


def _measures(task: Task) -> list[tuple[str, str]]:
    """Columns of a group's card, and the metric of each."""
    if task.is_regression:
        return [
            (title, f"test_{one.name}_movement_{key}")
            for one in task.targets
            for title, key in (
                (f"{one.name.replace('_', ' ')} ({one.unit}), in movement", "rmse"),
                ("R2", "r2"),
            )
        ]
    return [("accuracy", f"test_{'probe_' if task.head == 'project' else ''}accuracy")]


def _summary(task: Task, manifest: Mapping[str, Any]) -> str:
    asked = _ASKED.get(task.head) or f"to tell {_listed(task)} at every moment"
    if task.head == "torque":
        asked += " of a reach whose target it is told"
    return (
        f"A temporal convolutional network that was taught {asked}, from the lengths and "
        f"velocities of the {len(manifest['muscles'])} muscles that move an arm: the idea of "
        f"{task.hypothesis} ({_PUBLISHED})."
    )


def _listed(task: Task) -> str:
    named = [f"{one.name.replace('_', ' ')} ({one.unit})" for one in task.targets]
    return named[0] if len(named) == 1 else f"{', '.join(named[:-1])} and {named[-1]}"


def _facts(task: Task, manifest: Mapping[str, Any], numbers: int, path: bool) -> dict[str, str]:
    facts, settings, network = manifest["facts"], manifest["settings"], manifest["network"]
    narrow = network["head"].get("bottleneck")
    middle = {"narrow middle": f"{narrow} numbers at each output of the trunk"}
    around = {"last layer": "by ridge regression, to the trunk and the spindles of the same bin"}
    kept = "all but its projection, which only the training needs" if task.head == "project" else ""
    return {
        "task": f"`{manifest['task']}`",
        "network": f"{TrunkSettings(**network['trunk']).name()}, seed {network['seed']}",
        "sees": f"{network['muscles']} muscles in {network['bins']} bins of 10 ms: "
        f"{_seen(manifest)}",
        **(middle if task.head == "decode" and narrow else {}),
        **(around if path else {}),
        "numbers that were learnt": f"{numbers:,}{f' ({kept})' if kept else ''}",
        "learnt from": f"{facts['learnt_from']:,} movements: {_origin(task, facts)}",
        "passes": f"{settings['epochs']}, in batches of {settings['batch']}; the weights of update "
        f"{facts['update']} did best on validation",
    }


def _seen(manifest: Mapping[str, Any]) -> str:
    if "encoder" not in manifest:
        return "length (mm) and velocity (mm/s)"
    told = manifest["encoder"]["settings"]
    return f"what the encoder {told['encoder']} makes of them, noise {told['noise']}"


def _origin(task: Task, facts: Mapping[str, Any]) -> str:
    drawn = facts["movement_settings"]
    # a folder may be of any origin
    if facts["movements_folder"] or not drawn:
        return str(facts["movements_folder"] or facts["movements"])
    moved = "reaches" if task.head == "torque" else drawn["movements"]
    return (
        f"{moved} of the {drawn['arm']} arm by {drawn['writers']} writers with jitter "
        f"{drawn['jitter']:g}, of whom {drawn['shares'][0]:.0%} are for training"
    )


def _table(facts: Mapping[str, str]) -> str:
    rows = [f"| {name} | {value} |" for name, value in facts.items()]
    return "\n".join(["| | |", "|---|---|", *rows])


def _scored_on(task: Task, facts: Mapping[str, Any]) -> str:
    told = f"On {facts['tested_on']:,} movements of writers that it never saw"
    if not task.is_regression:
        return f"{told}: {_ACCURACY[task.head]}."
    if task.head == "decode":
        return f"{told}: root mean square error in units, and R2."
    return (
        f"{told}: root mean square error in units, and R2, at the times of its outputs and, "
        "interpolated between them, at every bin of 10 ms."
    )


def _score_table(task: Task, rows: Sequence[ScoreRow]) -> str:
    predictors = list(dict.fromkeys(row.predictor for row in rows))
    titles = [_PREDICTORS.get(name, "this network") for name in predictors]
    lines = [f"| | {' | '.join(titles)} |", "|---" * (1 + len(titles)) + "|"]
    if not task.is_regression:
        cells = " | ".join(f"{row.score:.3f}" for row in rows)
        return "\n".join([*lines, f"| accuracy | {cells} |"])
    cell = {(one.predictor, one.target, one.where): one for one in rows}
    for target in task.targets:
        for where in [one for one in _WHERE if (predictors[0], target.name, one) in cell]:
            found = [cell[name, target.name, where] for name in predictors]
            label = f"{target.name.replace('_', ' ')} ({target.unit}), {_WHERE[where]}"
            cells = " | ".join(f"{one.rmse:.3g}, {one.score:z.3f}" for one in found)
            lines.append(f"| {label} | {cells} |")
    return "\n".join(lines)
