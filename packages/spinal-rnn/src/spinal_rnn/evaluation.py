"""How well models foretell what they were not shown, each score with the name of its split."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spinal_rnn.conditions import Conditions
from spinal_rnn.lead import Lead
from spinal_rnn.models.base import Model, Prediction
from spinal_rnn.models.intervals import conformal_quantile
from spinal_rnn.responses import Responses, Scale
from spinal_rnn.scores import coverage, estimate_noise, muscle_r2, nrmse, pooled_r2
from spinal_rnn.splits import Split, configuration_folds, mirror_of

__all__ = ["Score", "constant_width", "evaluate", "hide_frequency", "score_table", "scored"]

_FOLDS = 5


@dataclass(frozen=True)
class Score:
    """What one model reached on the held-out part of one split.

    Attributes:
        model: Its name.
        split: What was held out.
        r2: Pooled R2.
        ceiling: The pooled R2 of a predictor that knows every condition's mean; NaN where nothing
            was repeated.
        median_r2: Median of the muscles' own R2.
        nrmse: Root mean squared error, as a part of a muscle's large response.
        coverage: Part of the responses in their predictive intervals; NaN without intervals.
        width: Median width of the intervals; NaN without intervals.
        constant_width: Width of an interval of one size around the mean that covers as much.
    """

    model: str
    split: str
    r2: float
    ceiling: float
    median_r2: float
    nrmse: float
    coverage: float
    width: float
    constant_width: float

    def row(self) -> dict[str, Any]:
        """The score as named cells."""
        return asdict(self)


def evaluate(
    responses: Responses,
    models: Mapping[str, Callable[[], Model]],
    splits: Sequence[Split],
    lead: Lead,
) -> Iterator[Score]:
    """Fit every model to the training part of every split, and score it on the rest.

    The scale is that of the training part.

    Args:
        responses: Of a session.
        models: What makes each model, by name.
        splits: The splits.
        lead: Where the contacts lie.

    Yields:
        A score for each split and model.
    """
    for split in splits:
        target = Scale.fit(responses.late_mv[split.train]).apply(responses.late_mv)
        train = responses.conditions.take(split.train)
        for name, make in models.items():
            model = make().fit(train, target[split.train])
            predicted = model.predict(responses.conditions.take(split.test))
            yield scored(name, split, responses.conditions, target, predicted, lead)


def scored(
    name: str,
    split: Split,
    conditions: Conditions,
    target: NDArray[np.float64],
    predicted: Prediction,
    lead: Lead,
) -> Score:
    """Judge predictions of a split's held-out part.

    Args:
        name: Of the model.
        split: The split.
        conditions: Of all trials.
        target: Late responses of all trials as parts, shape (trials, 14).
        predicted: Of the held-out trials.
        lead: Where the contacts lie.
    """
    test = target[split.test]
    try:
        ceiling = estimate_noise(conditions, target).ceiling(test)
    except ValueError:  # nothing was repeated
        ceiling = float("nan")
    own = muscle_r2(test, predicted.values)
    covered = width = float("nan")
    if predicted.low is not None and predicted.high is not None:
        covered = coverage(test, predicted.low, predicted.high)
        width = float(np.median(predicted.high - predicted.low))
    return Score(
        model=name,
        split=split.name,
        r2=pooled_r2(test, predicted.values),
        ceiling=ceiling,
        median_r2=float(np.median(own[np.isfinite(own)])) if np.isfinite(own).any() else np.nan,
        nrmse=nrmse(test, predicted.values),
        coverage=covered,
        width=width,
        constant_width=constant_width(conditions.take(split.train), target[split.train], lead),
    )


def constant_width(
    conditions: Conditions, target: NDArray[np.float64], lead: Lead, level: float = 0.9
) -> float:
    """Width of an interval around each muscle's mean that covers held-out configurations.

    Args:
        conditions: Of the training trials.
        target: Their responses, shape (trials, 14).
        lead: Where the contacts lie.
        level: Coverage.
    """
    errors = [
        np.abs(target[fold.test] - target[fold.train].mean(axis=0)).reshape(-1)
        for fold in configuration_folds(conditions, mirror_of(lead), _FOLDS)
    ]
    return 2 * conformal_quantile(np.concatenate(errors), level)


def hide_frequency(responses: Responses) -> Responses:
    """The same responses as if all trials had one frequency, to see what knowing it is worth.

    Args:
        responses: Of a session.
    """
    conditions = responses.conditions
    middle = np.full(len(conditions), np.median(conditions.frequency_hz))
    return replace(responses, conditions=replace(conditions, frequency_hz=middle))


def score_table(scores: Sequence[Score]) -> list[str]:
    """Scores as lines of text: a row for each model, and the pooled R2 of each split side by side.

    Args:
        scores: Of any models and splits.
    """
    splits = list(dict.fromkeys(one.split for one in scores))
    models = list(dict.fromkeys(one.model for one in scores))
    found = {(one.model, one.split): one for one in scores}
    width = max(len(name) for name in [*models, "ceiling from repeats"])
    lines = [f"{'pooled R2':{width}}  " + "  ".join(f"{split:>22}" for split in splits)]
    for model in models:
        cells = [found.get((model, split)) for split in splits]
        numbers = "  ".join(f"{one.r2:22.3f}" if one else " " * 22 for one in cells)
        lines.append(f"{model:{width}}  {numbers}")
    ceilings = [next(one.ceiling for one in scores if one.split == split) for split in splits]
    cells_of_ceiling = "  ".join(f"{one:22.3f}" for one in ceilings)
    lines.append(f"{'ceiling from repeats':{width}}  {cells_of_ceiling}")
    return lines
