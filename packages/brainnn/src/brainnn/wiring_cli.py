"""The verb on the control study: does the wiring matter?"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from brainnn.wiring_config import WiringFigureConfig
    from neuro_common.runs import Run

__all__ = ["wiring"]


def wiring(config: "WiringFigureConfig", run: "Run") -> float:
    """Draw and tell what the study shows; returns how many differences were found."""
    from brainnn.analysis.study import load_wiring_study
    from brainnn.analysis.study_outcomes import compare_study, study_summary, study_verdicts
    from brainnn.study_report import write_study_page

    study = load_wiring_study(config.tables)
    findings = compare_study(study, n_resamples=config.resamples, seed=config.seed)
    page = write_study_page(study, findings, run.directory)
    for arm, sentences in study_verdicts(findings).items():
        print("\n".join([f"{arm.title}:", *(f"  {one}" for one in sentences), ""]))
    print(f"{study_summary(findings)}\n\nreport={page}")
    return float(sum(one.differs for family in findings.values() for one in family))
