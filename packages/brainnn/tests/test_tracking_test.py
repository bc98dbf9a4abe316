"""A network that tracks is tested on other trials than those that chose its weights."""

import pytest

from brainnn.networks.controls import MLPCore
from brainnn.networks.tracking import TrackingTask, tracking_scores


def test_the_test_has_trials_of_its_own() -> None:
    core, task = MLPCore(1, 1, hidden=(4, 4), seed=0), TrackingTask(duration_s=0.5)
    chosen, tested = tracking_scores(core, task), tracking_scores(core, task, test=True)
    assert chosen != tested
    assert tested == tracking_scores(core, task, test=True)  # fixed, as those of the validation
    assert tested["loss"] == pytest.approx(chosen["loss"], rel=0.5)  # of one distribution
