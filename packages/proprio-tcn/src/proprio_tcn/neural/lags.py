"""When neurons follow the arm: explained variance at each lag."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from proprio_tcn.neural.features import Features
from proprio_tcn.neural.prediction import predict_layer
from proprio_tcn.neural.protocol import Protocol
from proprio_tcn.neural.targets import Targets, smoothed

__all__ = ["LagCurve", "lag_curve"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class LagCurve:
    """Explained variance at each lag.

    Attributes:
        lags: In bins, ``(lags,)``; positive where neurons come after the arm.
        fold_ev: Mean over the folds of the training trials, ``(lags, neurons)``.
        test_ev: On the trials held out, ``(lags, neurons)``.
    """

    lags: NDArray[np.int64]
    fold_ev: Floats
    test_ev: Floats

    @property
    def best(self) -> NDArray[np.int64]:
        """Lag of the greatest cross-validated explained variance of each neuron."""
        return np.asarray(self.lags[self.fold_ev.argmax(axis=0)])

    @property
    def best_of_mean(self) -> int:
        """Lag at which the mean over neurons of the cross-validated variance is greatest."""
        return int(self.lags[self.fold_ev.mean(axis=1).argmax()])

    def table(self, neurons: Sequence[str]) -> dict[str, list[Any]]:
        """A row for each lag and neuron."""
        return {
            "lag_bins": np.repeat(self.lags, len(neurons)).tolist(),
            "neuron": list(neurons) * len(self.lags),
            "fold_ev": self.fold_ev.ravel().tolist(),
            "test_ev": self.test_ev.ravel().tolist(),
        }


def lag_curve(
    targets: Targets, features: Features, lags: Sequence[int], protocol: Protocol
) -> LagCurve:
    """Explain the responses at each lag from the same features, all lags and neurons in one fit.

    Args:
        targets: From `prepare` with these ``lags``, which trims the windows for all of them.
        features: Of the bins of ``targets.windows``.
        lags: In bins.
        protocol: That the targets were prepared with.

    Raises:
        ValueError: The targets were not cut from a recording, or a window was not trimmed for the
            lags.
    """
    windows, recording = targets.windows, targets.recording
    if recording is None or not lags:
        raise ValueError("a lag curve needs lags, and targets that were cut from a recording")
    length = recording.length[windows.trial]
    if (windows.start + min(lags) < 0).any() or (windows.stop + max(lags) > length).any():
        raise ValueError(
            f"windows must leave room in their trials for lags from {min(lags)} to {max(lags)} "
            "bins: call prepare(recording, protocol, lags=lags)"
        )
    kept = np.isin(recording.neurons, targets.neurons)
    rates = smoothed(recording.spikes, recording, protocol)[..., kept]
    all_lags = replace(
        targets,
        rates=np.concatenate([windows.gather(rates, lag) for lag in lags], axis=1),
        counts=None,
    )
    score, _ = predict_layer(all_lags, features, alphas=protocol.alphas)
    shape = (len(lags), len(targets.neurons))
    return LagCurve(
        np.asarray(lags, dtype=np.int64), score.fold_ev.reshape(shape), score.test_ev.reshape(shape)
    )
