"""The page of the control study: its design, its figures, what they show."""

from pathlib import Path

from brainnn.analysis.comparisons import Comparison
from brainnn.analysis.curves import LearningCurve, mean_curve
from brainnn.analysis.study import NETWORKS, WiringStudy
from brainnn.analysis.study_outcomes import (
    OUTCOMES,
    StudyFindings,
    comparison_table,
    study_summary,
    study_verdicts,
)
from brainnn.figures.study import draw_differences, draw_learning
from neuro_common.files import write_csv
from neuro_common.report import Report

__all__ = ["DESIGN", "study_curves", "study_differences", "write_study_page"]

DESIGN = (
    "Networks on the real wiring of an animal learn to walk, and so do networks on null models of "
    "it. All have the same neurons, the same number of edges, the same synapse counts as a set, as "
    "many excitatory and inhibitory neurons, the same spectral radius, and the same input and "
    "read-out neurons. Rewired graphs keep every neuron's in- and out-degree and lose who meets "
    "whom; shuffled counts keep who meets whom and lose how strongly; shuffled signs keep both and "
    "lose who excites and who inhibits; random graphs lose the degrees too. An MLP with as many "
    "trained numbers has no wiring. Every seed has a new draw of the null model, and a run is one "
    "observation, however many episodes it walked. Claims are about topology and sign, not about "
    "single counts, and never about the surrogate."
)
"""How the study is made, in a paragraph."""

_FIGURES = {
    "walking": ("learning", "speed", "upright"),
    "disturbed": ("sensor_noise", "motor_noise", "lesions", "terrain"),
}
_FOREST = (
    "Real wiring less each control (number of runs in brackets): means with 95 % Welch intervals; "
    "below them in grey those of a bootstrap of runs and episodes. Filled: a difference was found, "
    "p corrected for the controls of the panel. Band: true differences that the design would have "
    "found in less than 80 % of such studies. Speeds are in units of the observation, a fall "
    "counting as standing for the rest."
)


def study_curves(study: WiringStudy) -> dict[str, dict[str, LearningCurve]]:
    """Learning curves over seeds, by network in words, by title of the arm.

    Args:
        study: The study.

    Returns:
        Arms and networks that have curves.
    """
    panels: dict[str, dict[str, LearningCurve]] = {}
    for arm in study.arms:
        for network, runs in study.of(arm).items():
            curves = {run.number: (run.curve[0], run.curve[1]) for run in runs if run.curve.size}
            if curves:
                panels.setdefault(arm.title, {})[NETWORKS[network]] = mean_curve(curves)
    return panels


def study_differences(findings: StudyFindings) -> dict[str, dict[str, list[Comparison]]]:
    """Families of comparisons by outcome, by title of the arm.

    Args:
        findings: As `brainnn.analysis.study_outcomes.compare_study` gives them.
    """
    panels: dict[str, dict[str, list[Comparison]]] = {}
    for (arm, outcome), family in findings.items():
        panels.setdefault(arm.title, {})[outcome] = family
    return panels


def write_study_page(study: WiringStudy, findings: StudyFindings, directory: Path) -> Path:
    """Write ``report.html``, ``comparisons.csv`` and the figures of a study.

    Args:
        study: The study.
        findings: As `brainnn.analysis.study_outcomes.compare_study` gives them.
        directory: Where to.

    Returns:
        Path of the page.

    Raises:
        ValueError: There is nothing to compare.
    """
    if not findings:
        raise ValueError(
            "the study must have runs of the real wiring and of a control in one arm, got none"
        )
    table = comparison_table(findings)
    write_csv(directory / "comparisons.csv", table)
    page = Report(directory, "brainnn: does the wiring matter?").text(DESIGN)
    page.text(study_summary(findings))
    for arm, sentences in study_verdicts(findings).items():
        page.text(f"{arm.title[0].upper()}{arm.title[1:]}. {' '.join(sentences)}")
    page.figures(_figures(study, findings, directory / "figures"))
    page.table(table, "Real less control, with 95 % intervals by Welch and by bootstrap.")
    return page.write()


def _figures(study: WiringStudy, findings: StudyFindings, directory: Path) -> dict[Path, str]:
    captions = {}
    if curves := study_curves(study):
        path = draw_learning(curves, directory / "learning")
        captions[path] = (
            "Reward a step of the learning networks, means over runs with 95 % bootstrap "
            "intervals. The rounds that a teacher drove are left out. Where a curve dips once, "
            "all environments began anew, as they do wherever a checkpoint is written."
        )
    panels = study_differences(findings)
    for name, shown in _FIGURES.items():
        labels = {outcome: OUTCOMES[outcome] for outcome in shown}
        if any(outcome in families for families in panels.values() for outcome in shown):
            path = draw_differences(panels, labels, NETWORKS, directory / name)
            captions[path] = _FOREST
    return captions
