"""How well spinal-rnn foretells configurations that were never tried.

Run `python -m benchmarks.spinal_prediction`.

One row for each simulated person, generator and model; the means at the end are those of the
documentation. `--preset mismatched` takes the generator that shares less with the model, and
`--ablations` leaves parts of the model out instead of comparing it with others.
"""

import argparse
import time
from collections import defaultdict
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import torch

from neuro_common.runs import write_csv
from spinal_rnn.evaluation import Score, evaluate, hide_frequency
from spinal_rnn.model_config import AnatomicalConfig, BaselineConfig, GeometricConfig, ModelConfig
from spinal_rnn.models.baselines import BASELINES
from spinal_rnn.models.making import make_model
from spinal_rnn.responses import late_ms, measure_responses
from spinal_rnn.simulation.simulator import simulate_session
from spinal_rnn.splits import by_configuration

_DEFAULT = AnatomicalConfig()
MODELS: dict[str, ModelConfig] = {
    "anatomical": _DEFAULT,
    "geometric": GeometricConfig(),
    **{name: BaselineConfig(name) for name in BASELINES},
}
ABLATIONS: dict[str, ModelConfig] = {
    "anatomical": _DEFAULT,
    "one member": replace(_DEFAULT, members=1, folds=1),
    "without depression": replace(_DEFAULT, depression=False),
    "without shared positions": replace(_DEFAULT, shared_positions=False),
    "without floor": replace(_DEFAULT, floor=False),
    "free spread": replace(_DEFAULT, kernel="free"),
    "geometric without depression": GeometricConfig(depression=False),
}
HIDDEN = "anatomical, frequency hidden"


def scores_of(seed: int, preset: str, models: dict[str, ModelConfig]) -> list[tuple[Score, float]]:
    """Scores of one person on held-out configurations, each with the processor's seconds."""
    session = simulate_session(seed, preset)
    responses = measure_responses(session)
    split = by_configuration(responses.conditions, session.lead.mirror, seed=seed)
    found = []
    cases = [(name, config, responses) for name, config in models.items()]
    cases.append((HIDDEN, _DEFAULT, hide_frequency(responses)))
    for name, config, known in cases:
        make = partial(make_model, config, session.lead, late_ms=late_ms(session), seed=seed)
        begin = time.process_time()
        (score,) = evaluate(known, {name: make}, [split], session.lead)
        found.append((score, time.process_time() - begin))
        print(
            f"{preset} {seed} {name:30} R2 {score.r2:6.3f} of {score.ceiling:.3f}, median "
            f"{score.median_r2:6.3f}, nRMSE {score.nrmse:.3f}, cover {score.coverage:.3f}, width "
            f"{score.width:.3f} against {score.constant_width:.3f}, {found[-1][1]:.1f} s",
            flush=True,
        )
    return found


def main() -> None:
    """Measure, print the means, and write every score to a file if asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, nargs="+", default=[100, 101, 102, 103, 104])
    parser.add_argument("--preset", default="default")
    parser.add_argument("--models", nargs="+", help="a few of them only")
    parser.add_argument("--ablations", action="store_true")
    parser.add_argument("--csv", type=Path)
    options = parser.parse_args()
    torch.set_num_threads(1)
    models = ABLATIONS if options.ablations else MODELS
    models = {name: models[name] for name in options.models or models}
    rows: defaultdict[str, list[object]] = defaultdict(list)
    for seed in options.seeds:
        for score, seconds in scores_of(seed, options.preset, models):
            for name, value in {"seed": seed, **score.row(), "seconds": seconds}.items():
                rows[name].append(value)
    print(f"\nheld-out configuration, late response, {options.preset}, seeds {options.seeds}")
    print("model                             mean R2   least   of ceiling   median of muscles")
    for name in dict.fromkeys(rows["model"]):
        chosen = [row for row, one in enumerate(rows["model"]) if one == name]
        r2, ceiling, median = (
            np.array([rows[column][row] for row in chosen], dtype=float)
            for column in ("r2", "ceiling", "median_r2")
        )
        print(
            f"{name:32} {r2.mean():8.3f} {r2.min():7.3f} {(r2 / ceiling).mean():10.3f} "
            f"{median.mean():14.3f}"
        )
    if options.csv:
        write_csv(options.csv, rows)


if __name__ == "__main__":
    main()
