"""How a rhythm begins, told by the periods close to where it does.

A cycle that passes a saddle leaves it along its unstable direction, for a time of -log(distance of
the cue) / rate. Where the cycle begins as a homoclinic orbit, before node and saddle have met, that
is all. Where they meet on it, the cycle also comes in along the node's slowest direction: past a
smooth fold both together take 1 / sqrt(distance), a SNIC, but past a non-smooth one the node has a
rate of its own, and each part takes -log(distance) / rate.
"""

import copy
from dataclasses import dataclass

import numpy as np
import torch

from neuro_common.rates import RateNetwork
from rhythm_rnn.cue_scan import Edge, cycle_period, run_cues, sharpened
from rhythm_rnn.equilibria import BranchEvent, NetworkFixedPoint, RateFlow
from rhythm_rnn.flows import Array
from rhythm_rnn.normal_forms import PeriodLaw, period_law

__all__ = ["NetworkOnset", "homoclinic_onset", "non_smooth_onset"]

_NEAREST = 1e-6  # distance of the cue from a fold
_NEAREST_HOMOCLINIC = 1e-5  # from where it is found, which is not as exact
_FACTORS = np.geomspace(1.0, 1e4, 9)  # of the nearest distance
_FEWEST = 5  # periods that are seen: the nearest ones count
_LONGEST_MS = 15_000.0
_CYCLES = 2.5
_SLOPE_AGREES = 0.05


@dataclass(frozen=True, eq=False)
class NetworkOnset:
    """Periods close to where a rhythm begins.

    Attributes:
        cue: Where it begins.
        expected: What the fixed points there suggest: "non-smooth SNIC" or "saddle homoclinic".
        distance: Distances of the cue from it, shape (cycles,).
        period_ms: Periods there, shape (cycles,).
        slope_ms: What the period grows by for each factor e that the distance falls by.
        passage_ms: What the eigenvalues of the fixed points predict for it, in the map.
        law: The same periods fitted by 1 / sqrt(distance), and its misfit and the logarithm's.
    """

    cue: float
    expected: str
    distance: Array
    period_ms: Array
    slope_ms: float
    passage_ms: float
    law: PeriodLaw

    @property
    def kind(self) -> str:
        """The onset's name.

        It is what is expected if the growth is the predicted one within 5 % and the logarithm fits
        better than the square root. At a fold whose node or saddle has a rate near 0 that is so at
        still smaller distances only: where the square root fits better, it is "SNIC-like", smooth
        from afar. All else is "unclear".
        """
        agrees = abs(self.slope_ms / self.passage_ms - 1) < _SLOPE_AGREES
        logarithm = self.law.log_misfit_ms < self.law.misfit_ms
        if agrees and logarithm:
            return self.expected
        smooth = self.expected == "non-smooth SNIC" and not logarithm
        return "SNIC-like" if smooth else "unclear"


def non_smooth_onset(
    network: RateNetwork, fold: BranchEvent, edge: Edge, usual_ms: float
) -> NetworkOnset | None:
    """Measure periods close above a non-smooth fold, where a rhythm begins.

    Args:
        network: Its noise-free dynamics are run in float64.
        fold: A non-smooth fold of a node and a saddle that exist below its cue.
        edge: The rhythm's lower edge, which holds the fold.
        usual_ms: A period away from the fold.

    Returns:
        What was measured, or None if a focus meets the saddle or the rhythm is too slow.
    """
    node, saddle = sorted((fold.before, fold.after), key=lambda point: point.n_unstable_in_map)
    coming = _slowest(RateFlow.of(network), node, fold.unit)
    if node.n_unstable_in_map or saddle.n_unstable_in_map != 1 or coming.imag:
        return None
    passage = _e_fold_ms(coming, node.dt_ms) + _e_fold_ms(saddle.eigenvalues[0], node.dt_ms)
    return _measured(network, "non-smooth SNIC", node.cue, _NEAREST, edge, passage, usual_ms)


def homoclinic_onset(
    network: RateNetwork, saddle: NetworkFixedPoint, edge: Edge, usual_ms: float
) -> NetworkOnset | None:
    """Measure periods close above where a rhythm begins beside a saddle.

    Args:
        network: Its noise-free dynamics are run in float64.
        saddle: The saddle, at a cue near the edge.
        edge: The rhythm's lower edge.
        usual_ms: A period near the edge.

    Returns:
        What was measured, or None if the rhythm is too slow.
    """
    passage = _e_fold_ms(saddle.eigenvalues[0], saddle.dt_ms)
    nearest, width = _NEAREST_HOMOCLINIC, abs(edge.runs - edge.rests)
    rounds = max(0, int(np.ceil(np.log(100 * width / nearest) / np.log(8))))
    longest = usual_ms + passage * np.log(100 * width / nearest)
    if longest > _LONGEST_MS:
        return None
    exact = copy.deepcopy(network).double()
    sharp = sharpened(
        exact, edge, rounds=rounds, settle_ms=_CYCLES * longest, record_ms=_CYCLES * longest
    )
    return _measured(network, "saddle homoclinic", sharp.runs, nearest, sharp, passage, usual_ms)


def _measured(
    network: RateNetwork,
    expected: str,
    cue: float,
    nearest: float,
    edge: Edge,
    passage: float,
    usual_ms: float,
) -> NetworkOnset | None:
    """Periods at the five nearest distances of the cue at which they can be waited for."""
    distance = nearest * _FACTORS
    longest = min(usual_ms - passage * np.log(nearest), _LONGEST_MS)
    exact = copy.deepcopy(network).double()
    state = torch.from_numpy(edge.state).to(exact.bias).expand(len(distance), -1)
    output, _ = run_cues(exact, cue + distance, _CYCLES * longest, state)
    period = np.array([cycle_period(one, network.dt_ms) for one in output])
    (seen,) = np.nonzero(np.isfinite(period))
    if len(seen) < _FEWEST:
        return None
    distance, period = distance[seen[:_FEWEST]], period[seen[:_FEWEST]]
    slope = -float(np.polyfit(np.log(distance), period, 1)[0])
    law = period_law(distance, period)
    return NetworkOnset(cue, expected, distance, period, slope, passage, law)


def _e_fold_ms(eigenvalue: complex, dt_ms: float) -> float:
    """Time in which the map changes a deviation by a factor e, for an eigenvalue in 1/s."""
    return float(dt_ms / abs(np.log1p(dt_ms / 1e3 * eigenvalue.real)))


def _slowest(flow: RateFlow, node: NetworkFixedPoint, unit: int | None) -> complex:
    """The slowest eigenvalue with which a unit comes to its border, in 1/s.

    Silent units do not act on it, so that theirs do not count, but its own does.
    """
    values = flow.block_eigenvalues_per_s(node.active.astype(np.float64))
    if unit is not None and not node.active[unit]:
        values = np.append(values, -1e3 / flow.tau_ms[unit])
    return complex(values[np.lexsort((-values.imag, -values.real))[0]])
