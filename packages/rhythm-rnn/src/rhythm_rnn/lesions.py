"""The rhythm of a network some of whose units are weakened or silenced.

To silence a whole class may end the rhythm, and so may silencing as many units at random. A small
dose leaves the rhythm and tells more: what the class does to its tempo.
"""

from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from neuro_common.rate_noise import Noise
from neuro_common.rates import RateNetwork
from neuro_common.seeding import generator
from rhythm_rnn.activity import Activity, record
from rhythm_rnn.classes import CLASSES, Labels
from rhythm_rnn.taps import intervals

__all__ = ["Lesion", "lesion_classes", "weakened"]

Array = NDArray[np.float64]

_SILENT = CLASSES.index("silent")
_FEWEST_INTERVALS = 2
_RUNAWAY = 100.0  # times the range of the task's output


@dataclass(frozen=True, eq=False)
class Lesion:
    """A network some of whose units were weakened, and what became of its rhythm.

    Attributes:
        target: The class, or "intact".
        control: 0 for the class itself, 1, 2, ... for draws of equally many active units, of
            whatever class and sign.
        dose: Share of their outgoing weights that was taken away.
        units: How many were weakened.
        cues: Shape (cues,).
        interval_ms: Mean inter-tap interval, NaN where there is no rhythm, shape (cues,).
        swing: Of the output, from the 1st to the 99th percentile, shape (cues,).
        verdicts: Those of `rhythm_rnn.taps.find_taps`, or "runaway" where the output left 100 times
            the range of the task, one for each cue.
    """

    target: str
    control: int
    dose: float
    units: int
    cues: Array
    interval_ms: Array
    swing: Array
    verdicts: tuple[str, ...]


def weakened(network: RateNetwork, units: ArrayLike, dose: float) -> RateNetwork:
    """A copy of a network in which some units have less effect, on others and on the output.

    With dose 1 they have none: for all that is left, their rates might as well be held at 0.

    Args:
        network: The network, left as it is.
        units: Which units, boolean, shape (units,).
        dose: Share of their outgoing weights that is taken away, in [0, 1].

    Raises:
        ValueError: The dose is out of its range.
    """
    if not 0 <= dose <= 1:
        raise ValueError(f"dose must be in [0, 1], got {dose}")
    copy = deepcopy(network)
    kept = torch.as_tensor(np.where(units, 1.0 - dose, 1.0)).to(network.bias)
    copy.recurrent_weight.data *= kept
    copy.output_weight.data *= kept
    return copy


def lesion_classes(
    network: RateNetwork,
    labels: Labels,
    cues: Sequence[float],
    *,
    seed: int,
    doses: Sequence[float] = (1.0,),
    draws: int = 3,
    duration_s: float = 6.0,
    discard_s: float = 2.0,
    noise: Noise | None = None,
    report: Callable[[Lesion], None] = lambda lesion: None,
) -> list[Lesion]:
    """Weaken or silence each class in turn, and as a control as many active units, drawn at random.

    The draws are from all active units, those of the class among them: a control tells what the
    number of weakened units does, not what their sign does.

    Args:
        network: The network.
        labels: Class of each unit, shape (units,).
        cues: Amplitudes of the cue.
        seed: Seed of the draws.
        doses: Shares of the outgoing weights to take away; 1 silences.
        draws: Of active units, for each class.
        duration_s: Length of each run.
        discard_s: Transient before it.
        noise: Noise of the runs; None is none.
        report: Called with each result.

    Returns:
        The intact network first, then for each dose each class that has units and its controls,
        which are the same units at every dose.

    Raises:
        ValueError: `draws` is negative, a dose is out of its range, or what
            `rhythm_rnn.activity.record` refuses.
    """
    if draws < 0:
        raise ValueError(f"draws must be at least 0, got {draws}")

    amplitudes = np.asarray(cues, dtype=np.float64)
    lesions: list[Lesion] = []

    def run(target: str, control: int, dose: float, units: NDArray[np.bool_]) -> None:
        runs = record(
            weakened(network, units, dose),
            amplitudes,
            duration_s=duration_s,
            discard_s=discard_s,
            noise=noise,
            every=None,
        )
        means = np.array([_mean_interval(one.taps.time_ms) for one in runs])
        swings, verdicts = zip(*(_outcome(one) for one in runs), strict=True)
        size = int(units.sum())
        lesions.append(
            Lesion(target, control, dose, size, amplitudes, means, np.array(swings), verdicts)
        )
        report(lesions[-1])

    active = np.flatnonzero(labels != _SILENT)
    run("intact", 0, 0.0, np.zeros(len(labels), dtype=bool))
    for dose in doses:
        for index, name in enumerate(CLASSES[:_SILENT]):
            members = labels == index
            if not members.any():
                continue
            run(name, 0, dose, members)
            for control in range(1, draws + 1):
                draw = generator(seed, index, control).choice(active, members.sum(), replace=False)
                run(name, control, dose, np.isin(np.arange(len(labels)), draw))
    return lesions


def _mean_interval(tap_ms: Array) -> float:
    return intervals(tap_ms).mean_ms if len(tap_ms) > _FEWEST_INTERVALS else float("nan")


def _outcome(activity: Activity) -> tuple[float, str]:
    """Swing of the output, and the verdict on it."""
    # NaN compares as false
    if not np.abs(activity.output).max() < _RUNAWAY:
        return float("inf"), "runaway"
    return float(np.ptp(np.percentile(activity.output, (1, 99)))), activity.taps.verdict
