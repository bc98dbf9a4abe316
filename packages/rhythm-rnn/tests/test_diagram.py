"""The bifurcation diagram: complete, ordered, and open to other parameters."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from rhythm_rnn.cycles import Cycle
from rhythm_rnn.diagram import Diagram, bifurcation_diagram
from rhythm_rnn.reduced import ReducedModel, fixed_points

MODEL = ReducedModel()
FOUND: list[Cycle] = []


@pytest.fixture(scope="module")
def diagram() -> Diagram:
    return bifurcation_diagram(MODEL, n_cycles=6, report=FOUND.append)


def test_the_rhythm_lives_between_a_snic_and_a_hopf_point(diagram: Diagram) -> None:
    assert [one.kind for one in diagram.bifurcations] == ["fold", "hopf"]
    assert diagram.rhythm_range == pytest.approx((0.18994012, 1.58120234), abs=1e-7)
    assert diagram.onset is not None
    assert diagram.onset.kind == "SNIC"
    assert diagram.onset.cue == diagram.bifurcations[0].point.cue


def test_cycles_fill_the_window_by_rising_cue(diagram: Diagram) -> None:
    cues = [cycle.cue for cycle in diagram.cycles]
    assert len(cues) == 6
    assert cues == sorted(cues)
    assert 0.19 < cues[0] < 0.2
    assert 1.57 < cues[-1] < 1.5812
    assert all(cycle.stable for cycle in diagram.cycles)
    periods = [cycle.period_ms for cycle in diagram.cycles]
    assert periods == sorted(periods, reverse=True)
    assert diagram.cycles == FOUND


def test_no_fixed_point_is_on_two_branches_and_none_is_missing(diagram: Diagram) -> None:
    assert len(diagram.branches) == 2
    for cue in (-1.37, 0.11, 0.9):
        crossings = sum(
            int((np.diff(np.sign(branch.cue - cue)) != 0).sum()) for branch in diagram.branches
        )
        assert crossings == len(fixed_points(MODEL, cue))


def test_a_range_without_a_rhythm_has_no_cycles() -> None:
    quiet = bifurcation_diagram(MODEL, cue_range=(1.7, 2.0))
    assert quiet.cycles == []
    assert quiet.onset is None
    assert np.isnan(quiet.rhythm_range).all()


def test_a_range_within_the_rhythm_is_bounded_by_its_cycles() -> None:
    inside = bifurcation_diagram(MODEL, cue_range=(0.5, 0.6), n_cycles=2)
    assert inside.rhythm_range == (inside.cycles[0].cue, inside.cycles[1].cue)
    assert inside.onset is None


def test_faster_inhibition_between_taps_moves_the_hopf_point_only(diagram: Diagram) -> None:
    fast = replace(MODEL, tau_ms=[10.0, 10.0, 40.0])
    varied = bifurcation_diagram(fast, n_cycles=2)
    fold, hopf = (one.point.cue for one in varied.bifurcations if one.point.cue > 0.1)
    assert fold == pytest.approx(0.18994012, abs=1e-7)
    assert hopf != pytest.approx(1.58120234, abs=1e-2)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"cue_range": (2.0, -2.0)}, "cue_range must be finite and rise"),
        ({"cue_range": (0.0, float("inf"))}, "cue_range must be finite and rise"),
        ({"n_cycles": 1}, "n_cycles must be at least 2, got 1"),
    ],
)
def test_bad_questions_are_refused(options: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        bifurcation_diagram(MODEL, **options)
