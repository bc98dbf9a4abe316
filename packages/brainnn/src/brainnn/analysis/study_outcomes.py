"""What the control study shows: outcomes of its runs, real against control, and in sentences."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from brainnn.analysis.comparisons import Comparison, compare_runs, verdict
from brainnn.analysis.effects import ALPHA
from brainnn.analysis.study import CONDITIONS, NETWORKS, Arm, StudyRun, WiringStudy
from neuro_common.stats import holm

__all__ = [
    "OUTCOMES",
    "StudyFindings",
    "compare_study",
    "comparison_table",
    "outcome_of",
    "study_summary",
    "study_verdicts",
]

OUTCOMES: Mapping[str, str] = {
    "learning": "reward a step while it learned",
    "speed": "speed",
    "upright": "share without a fall",
    "sensor_noise": "speed with sensor noise",
    "motor_noise": "speed with motor noise",
    "lesions": "speed with lesions",
    "terrain": "speed on rough ground",
}
"""What is compared, in words. Learning is the mean height of the learning curve. Speed under a
disturbance is the speed itself, not its share of the undisturbed one: of a network that hardly
walks such a share tells nothing."""

StudyFindings = Mapping[tuple[Arm, str], list[Comparison]]
"""Families of comparisons with the real wiring, by arm and outcome."""

_REAL, _MLP = "connectome", "mlp"


def outcome_of(study: WiringStudy, arm: Arm, outcome: str) -> dict[str, list[NDArray[np.float64]]]:
    """Outcome of each run of an arm that has it, by network.

    Args:
        study: The study.
        arm: One of its arms.
        outcome: One of `OUTCOMES`.

    Returns:
        For each run its episodes, shape (episodes,); of learning one number, shape (1,): the mean
        of the curve over the steps that all curves of the arm have.

    Raises:
        ValueError: The outcome is unknown.
    """
    if outcome not in OUTCOMES:
        raise ValueError(f"outcome must be one of {', '.join(OUTCOMES)}, got {outcome!r}")
    runs = study.of(arm)
    if outcome == "learning":
        found = _heights(runs)
    else:
        condition = outcome if outcome in CONDITIONS else "intact"
        found = {
            network: [
                1 - walked.fell if outcome == "upright" else walked.speed
                for run in many
                if (walked := run.episodes.get(condition)) is not None
            ]
            for network, many in runs.items()
        }
    return {network: values for network, values in found.items() if values}


def compare_study(
    study: WiringStudy, *, n_resamples: int = 2000, seed: int = 0
) -> dict[tuple[Arm, str], list[Comparison]]:
    """Compare the real wiring with every control, by arm and outcome.

    The controls of an arm and outcome are one family. What has no real run or no control is left
    out.

    Args:
        study: The study.
        n_resamples: Number of bootstrap samples.
        seed: Of the bootstrap.

    Returns:
        Families by arm and outcome, in the order of the arms and of `OUTCOMES`.
    """
    found = {}
    for arm in study.arms:
        for outcome in OUTCOMES:
            controls = outcome_of(study, arm, outcome)
            real = controls.pop(_REAL, None)
            if real and controls:
                found[arm, outcome] = compare_runs(
                    real, controls, n_resamples=n_resamples, seed=seed
                )
    return found


def comparison_table(findings: StudyFindings) -> dict[str, list[Any]]:
    """All comparisons, one in a row.

    Args:
        findings: As :func:`compare_study` gives them.

    Returns:
        Columns ``connectome``, ``learning``, ``gains``, ``outcome``, ``control``, ``real_runs``,
        ``control_runs``, ``real_mean``, ``control_mean``, ``difference`` with the limits ``low``
        and ``high`` of Welch and those of the bootstrap, ``p``, ``p_holm`` (corrected over the
        family), ``p_study`` (over all rows) and ``detectable``.
    """
    everywhere = iter(_over_all(findings))
    rows = [
        {
            **asdict(arm),
            "outcome": outcome,
            "control": one.control,
            "real_runs": one.runs[0],
            "control_runs": one.runs[1],
            "real_mean": one.means[0],
            "control_mean": one.means[1],
            "difference": one.difference.mean,
            "low": one.difference.low,
            "high": one.difference.high,
            "bootstrap_low": one.bootstrap.low,
            "bootstrap_high": one.bootstrap.high,
            "p": one.difference.p,
            "p_holm": one.adjusted,
            "p_study": next(everywhere),
            "detectable": one.detectable,
        }
        for (arm, outcome), family in findings.items()
        for one in family
    ]
    return {name: [row[name] for row in rows] for name in (rows[0] if rows else {})}


def study_verdicts(findings: StudyFindings) -> dict[Arm, list[str]]:
    """What each family shows, in a sentence.

    Args:
        findings: As :func:`compare_study` gives them.

    Returns:
        Sentences by arm.
    """
    sentences: dict[Arm, list[str]] = {}
    for (arm, outcome), family in findings.items():
        subject = OUTCOMES[outcome].capitalize()
        sentences.setdefault(arm, []).append(verdict(subject, family, NETWORKS))
    return sentences


def study_summary(findings: StudyFindings) -> str:
    """In how many families the real wiring differs, and in how many chance alone would have it.

    Args:
        findings: As :func:`compare_study` gives them.
    """
    tested = [
        [one for one in family if min(one.runs) >= 2 and one.control != _MLP]
        for family in findings.values()
    ]
    families = sum(map(bool, tested))
    found = sum(any(one.differs for one in family) for family in tested)
    corrected = _over_all(findings)
    compared = sum(np.isfinite(corrected))
    remained = sum(p < ALPHA for p in corrected)
    return (
        f"In {found} of {families} families of comparisons (one for each outcome of each "
        "arm) the real wiring differed from a null model. Were all networks alike, chance alone "
        f"would find a difference in {ALPHA * families:.1f} of them or fewer, on average, "
        "and often in several of one arm, whose outcomes are of the same runs. Corrected for all "
        f"{compared} comparisons at once, {remained} differences remained."
    )


def _over_all(findings: StudyFindings) -> list[float]:
    """Each comparison's p, corrected for all of them; NaN where there is none."""
    p = np.array([one.difference.p for family in findings.values() for one in family])
    known = np.isfinite(p)
    p[known] = holm(p[known])
    return [float(value) for value in p]


def _heights(runs: Mapping[str, list[StudyRun]]) -> dict[str, list[NDArray[np.float64]]]:
    """Mean height of each learning curve over the steps that all of them have."""
    curves = [run.curve for many in runs.values() for run in many if run.curve.shape[1] >= 2]
    if not curves:
        return {}
    first, last = max(steps[0] for steps, _ in curves), min(steps[-1] for steps, _ in curves)
    if not first < last:
        return {}

    def height(steps: NDArray[np.float64], reward: NDArray[np.float64]) -> NDArray[np.float64]:
        inner = steps[(steps > first) & (steps < last)]
        grid = np.array([first, *inner, last])
        area = np.trapezoid(np.interp(grid, steps, reward), grid)
        return np.array([area / (last - first)])

    return {
        network: [height(*run.curve) for run in many if run.curve.shape[1] >= 2]
        for network, many in runs.items()
    }
