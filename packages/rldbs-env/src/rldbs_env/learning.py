"""What a training is judged by: its learning curve, and its score beside the linear law's."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from neuro_common.plots import new_figure
from neuro_common.provenance import differing_keys
from neuro_common.runs import FormatError, read_config, read_csv, write_csv
from neuro_common.style import CONTROLLED, PALETTE, STIMULATION, figure_style, save_figure
from rldbs_env.catalogue import name_of
from rldbs_env.comparison import add_comparison, agents_and_laws
from rldbs_env.evaluation import Evaluation, read_evaluation
from rldbs_env.figures import fill_report
from rldbs_env.pulses import Pulse
from rldbs_env.scoring import Score

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.lines import Line2D

__all__ = [
    "Curve",
    "Training",
    "conditions_of",
    "differing",
    "find_trainings",
    "learning_curves",
    "paired_ratio",
    "published",
    "read_curve",
    "seed_row",
    "write_sweep_report",
    "write_training_report",
]

_FREE = ("seed", "sweep", "resume", "threads")  # what repeats of a training may differ by

Curve = Mapping[str, Sequence[float]]
"""Columns ``step``, ``reward``, ``s_ratio`` and ``charge`` of one training."""


@dataclass(frozen=True)
class Training:
    """A finished training on disk.

    Attributes:
        directory: Its run directory.
        config: Its configuration of record, see `rldbs_env.config.TrainConfig`.
    """

    directory: Path
    config: Mapping[str, Any]

    @property
    def seed(self) -> int:
        """Seed of everything random in it."""
        return int(self.config["seed"])


def find_trainings(directory: Path) -> list[Training]:
    """The training of a run directory, or those of a sweep, by seed.

    Raises:
        FileNotFoundError: There is none.
        neuro_common.runs.RunError: There is one of another command.
    """
    weights = [*directory.glob("weights.safetensors"), *directory.glob("*/weights.safetensors")]
    found = [
        Training(path.parent, read_config(path.parent, of="rldbs-env train")) for path in weights
    ]
    if not found:
        raise FileNotFoundError(
            f"{directory} must hold a training or a sweep of them, got a directory without "
            "weights.safetensors: name one that rldbs-env train wrote"
        )
    return sorted(found, key=lambda one: one.seed)


def differing(trainings: Sequence[Training]) -> list[str]:
    """Entries of the configuration, beside the seed, that are not the same in all trainings."""
    first = trainings[0].config
    return [
        name
        for name, value in first.items()
        if name not in _FREE and any(one.config.get(name) != value for one in trainings)
    ]


def conditions_of(training: Training) -> dict[str, Any]:
    """Fields of `rldbs_env.protocol.Protocol` that a training may have changed."""
    pulse = training.config["pulse"]
    told: dict[str, Any] = {"pulse": Pulse(tuple(pulse))} if pulse else {}
    if levels := training.config.get("levels"):
        told["levels"] = tuple(levels)
    return told | {"n_neurons": training.config["n_neurons"]}


def read_curve(run: Path) -> dict[str, list[float]]:
    """The learning curve of a training run.

    Raises:
        FileNotFoundError: If the run has no metrics.
        neuro_common.runs.FormatError: If they are not those of a training.
    """
    columns = read_csv(run / "metrics.csv")
    try:
        return {
            name: [float(cell) for cell in columns[name]]
            for name in ("step", "reward", "s_ratio", "charge")
        }
    except (KeyError, ValueError) as error:
        raise FormatError(f"{run} must hold the metrics of a training, got {error!r}") from error


def learning_curves(
    axes: Sequence["Axes"],
    curves: Sequence[Curve],
    laws: Sequence[float],
    groups: Sequence[str] | None = None,
) -> list["Line2D"]:
    """Suppression and charge of the mean action against steps: each training, and their median.

    Args:
        axes: Two, for suppression and for charge.
        curves: One per training.
        laws: S_ratio of the law that each is scored beside, whose median is drawn as a level.
        groups: What each training was told, where they differ by more than their seed: each group
            has a colour, a median and a level of its own. None for one group.

    Returns:
        For each panel and group the lines of its trainings, then the median.
    """
    lines: list[Line2D] = []
    told = ["" for _ in curves] if groups is None else groups
    names = list(dict.fromkeys(told))
    panels = (("s_ratio", CONTROLLED, "S_ratio"), ("charge", STIMULATION, "charge per step"))
    for ax, (name, usual, label) in zip(axes, panels, strict=True):
        for number, group in enumerate(names):
            colour = usual if len(names) == 1 else PALETTE[number % len(PALETTE)]
            mine = [curve for curve, own in zip(curves, told, strict=True) if own == group]
            for curve in mine:
                steps = np.divide(curve["step"], 1e6)
                lines += ax.plot(steps, curve[name], color=colour, alpha=0.4, linewidth=0.8)
            shared = min(len(curve["step"]) for curve in mine)
            middle = np.median([curve[name][:shared] for curve in mine], axis=0)
            steps = np.divide(mine[0]["step"][:shared], 1e6)
            point = "." if shared == 1 else None  # no line goes through one
            lines += ax.plot(steps, middle, marker=point, color=colour, linewidth=1.8, label=group)
            if name == "s_ratio":
                law = np.median([law for law, own in zip(laws, told, strict=True) if own == group])
                level = "0.4" if len(names) == 1 else colour
                ax.axhline(float(law), color=level, linestyle="--", linewidth=0.8)
        ax.set(xlabel="environment steps (millions)", ylabel=label, ylim=(0, None))
        ax.locator_params(axis="x", nbins=5)
    if len(names) > 1:
        axes[0].legend(loc="lower left", bbox_to_anchor=(0.0, 1.0), borderaxespad=0.2)
    return lines


def paired_ratio(evaluation: Evaluation) -> float:
    """Median over ensembles of the policy's S_ratio over the law's on the same ensemble.

    An ensemble that the policy quenches or drives out of bounds counts as zero; one that the law
    does has no ratio and is left out, NaN where that leaves none.
    """
    agent = np.nan_to_num([one.s_ratio for one in evaluation.scores["policy"]])
    law = np.array([one.s_ratio for one in _law_scores(evaluation)])
    known = np.isfinite(law)
    return float(np.median(agent[known] / law[known])) if known.any() else math.nan


def _law_scores(evaluation: Evaluation) -> Sequence[Score]:
    """Scores of the law that a trained agent stands beside."""
    (law,) = agents_and_laws(evaluation)[1]
    return evaluation.scores[law]


def seed_row(evaluation: Evaluation) -> dict[str, float]:
    """Medians over ensembles of one training's test, worst cases where one counts."""
    scores = evaluation.scores["policy"]

    def values(name: str) -> Any:
        return np.array([getattr(one, name) for one in scores], dtype=float)

    law_charges = np.array([one.charge for one in _law_scores(evaluation)])
    return {
        "S_ratio": float(np.median(np.nan_to_num(values("s_ratio")))),
        "over the law's": paired_ratio(evaluation),
        "residual std": float(np.median(values("std_controlled"))),
        "charge per step": float(np.median(values("charge"))),
        "charge over the law's": float(np.median(values("charge") / law_charges)),
        "largest mean shift": float(values("mean_shift").max()),
        "least active": float(values("active_fraction").min()),
        "quenched": float(values("quenched").sum()),
    }


def published(evaluation: Evaluation) -> dict[str, list[str]]:
    """The published agent's numbers, ours, and why they differ, as columns.

    No column holds a row where no agent was published, as for charge-balanced pulses. Charges are
    those per RK4 step.
    """
    protocol = evaluation.protocol
    known = {} if protocol.pulse.balanced else _PUBLISHED.get(name_of(protocol.model), {})
    ours = seed_row(evaluation)
    law = _law_scores(evaluation)
    n_kicks = len(protocol.pulse.weights)
    values = {
        "S_ratio, mean action": ours["S_ratio"],
        "charge per RK4 step": ours["charge per step"] / n_kicks,
        "S_ratio of the linear law": float(np.median([one.s_ratio for one in law])),
        "charge of the linear law": float(np.median([one.charge for one in law])) / n_kicks,
    }
    table: dict[str, list[str]] = {
        "quantity": [*known],
        "published": [number for number, _ in known.values()],
        "ours": [f"{values[name]:.3g}" if name in values else "" for name in known],
        "why they differ": [reason for _, reason in known.values()],
    }
    return table


_SAMPLED = "exploring kicks belong to training: ours acts by its mean"
_PUBLISHED: dict[str, dict[str, tuple[str, str]]] = {
    "bvdp": {
        "S_ratio, actions sampled": ("27", _SAMPLED),
        "S_ratio, mean action": (
            "64 (61 to 72)",
            "published: one training ensemble, sees Y; ours: unseen ensembles",
        ),
        "charge per RK4 step": (
            "0.00155",
            "published: a constant kick of -0.0015 remains; ours has no biases",
        ),
        "S_ratio of the linear law": ("48", "ensembles"),
        "charge of the linear law": ("0.00038", "ensembles"),
    },
    "hindmarsh_rose": {
        "S_ratio, actions sampled": ("2.4", _SAMPLED),
        "S_ratio, mean action": (
            "1.8",
            "published: sees a tenth of a burst, and a constant drive is paid for",
        ),
        "charge per RK4 step": (
            "0.161",
            "published: practically a constant drive, X moves by 0.31; ours has no biases",
        ),
        "S_ratio of the linear law": ("21 to 23", "ensembles; ours decides once per pulse"),
        "charge of the linear law": ("0.006", "ensembles; ours decides once per pulse"),
    },
}


def write_training_report(evaluation: Evaluation, curve: Curve, directory: Path) -> Path:
    """The page of one training: the evaluation's figures, the curve, the published numbers."""
    report = fill_report(
        evaluation, directory, "rldbs-env: an agent learns to silence a population", shown="policy"
    )
    report.figure(_draw_curves([curve], [_law_ratio(evaluation)], directory), _CAPTION)
    table = published(evaluation)
    if table["quantity"]:
        report.table(table, "The published agent and this one, medians over ensembles.")
    return report.write()


def write_sweep_report(trainings: Sequence[Training], directory: Path) -> Path:
    """The page of several trainings: each one's scores and curve, and what all seeds say together.

    Args:
        trainings: What was trained, on disk.
        directory: The run directory.
    """
    from neuro_common.report import Report

    evaluations = [read_evaluation(one.directory) for one in trainings]
    varied = differing(trainings)
    rows = [seed_row(evaluation) for evaluation in evaluations]
    table: dict[str, list[Any]] = {"seed": [one.seed for one in trainings]}
    groups = _groups(trainings)
    table |= {"training": groups} if any(groups) else {}
    table |= {key: [row[key] for row in rows] for key in rows[0]}
    write_csv(directory / "summary.csv", table)
    laws = [_law_ratio(evaluation) for evaluation in evaluations]
    curves = [read_curve(one.directory) for one in trainings]
    report = Report(directory, "rldbs-env: trainings, seed by seed")
    report.table(
        table,
        "Test of every seed on ensembles that none was trained on; medians over ensembles, and the "
        "worst ensemble for shift and activity.",
    )
    if not varied:
        add_comparison(report, _joined(evaluations, trainings), directory)
    seeds = [one.seed for one in trainings]
    report.figure(_draw_curves(curves, laws, directory, seeds, groups), _CAPTION)
    return report.write()


def _law_ratio(evaluation: Evaluation) -> float:
    return float(np.median([one.s_ratio for one in _law_scores(evaluation)]))


def _groups(trainings: Sequence[Training]) -> list[str]:
    """What each training was told of the settings in which they differ beside their seed."""
    free = set(_FREE)
    configs = [{k: v for k, v in one.config.items() if k not in free} for one in trainings]
    varied = differing_keys(configs) if len(configs) > 1 else {}

    def said(names: Sequence[str]) -> list[str]:
        rows = zip(*(varied[name] for name in names), strict=True)
        return [", ".join(f"{n}={v}" for n, v in zip(names, row, strict=True)) for row in rows]

    if not varied:
        return ["" for _ in trainings]
    # an algorithm brings settings of its own, which its name alone may tell
    short = [name for name in varied if name == "algo.name" or not name.startswith("algo.")]
    whole, brief = said([*varied]), said(short) if short else []
    return brief if len(set(brief)) == len(set(whole)) else whole


def _joined(evaluations: Sequence[Evaluation], trainings: Sequence[Training]) -> Evaluation:
    """The agents of several seeds beside their law, which was tested on the same ensembles."""
    joined = Evaluation(evaluations[0].protocol)
    (law,) = agents_and_laws(evaluations[0])[1]
    joined.scores[law] = evaluations[0].scores[law]
    for training, one in zip(trainings, evaluations, strict=True):
        joined.scores[f"policy seed {training.seed}"] = one.scores["policy"]
    return joined


_CAPTION = (
    "Learning curves: suppression and charge of the mean action on validation ensembles, soon "
    "after it is switched on; a quenched population counts as zero. Thin: each training; thick: "
    "the median over seeds; dashed: the law, settled. A colour for each setting that was varied."
)


def _draw_curves(
    curves: Sequence[Curve],
    laws: Sequence[float],
    directory: Path,
    seeds: Sequence[int] | None = None,
    groups: Sequence[str] | None = None,
) -> Path:
    with figure_style():
        figure, axes = new_figure(1, 2, height_mm=65)
        learning_curves(axes[0], curves, laws, groups)
        data: dict[str, Any] = {}
        for name, of_each in (("seed", seeds), ("training", groups)):
            if of_each is not None and any(one != "" for one in of_each):
                pairs = zip(of_each, curves, strict=True)
                data[name] = [one for one, curve in pairs for _ in curve["step"]]
        for name in ("step", "reward", "s_ratio", "charge"):
            data[name] = [value for curve in curves for value in curve[name]]
        return save_figure(figure, directory / "figures" / "learning_curves", data)
