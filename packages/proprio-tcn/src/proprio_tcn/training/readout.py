"""A linear path around the trunk: the last layer of a regression in closed form, after training.

Much of what a limb does is linear in the lengths and velocities of its muscles, and the norm of a
trunk takes away the size of what it sees. So once a network has learnt its task, its last layer is
fitted anew by ridge regression, to the features of the trunk and the spindles of the same bin
together. The trunk stays as it is: whoever asks what its layers know is not told something else.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from proprio_tcn.baselines.regression import bin_features
from proprio_tcn.networks.heads import Regressor, by_bin
from proprio_tcn.tasks.targets import target_values
from proprio_tcn.training.batches import Movements, batches_of
from proprio_tcn.training.trained import Trained

__all__ = ["fit_readout"]

_SCALED_ON = 256  # movements that show what a feature's size is
# of standardised features, per bin: less gains nothing, and tells far places from muscles that no
# posture lets differ by a tenth of a millimetre
_PENALTY = 1e-4


def fit_readout(trained: Trained, train: Movements) -> Trained:
    """Fit the last layer anew, together with a linear path around the trunk.

    Args:
        trained: A regression by a linear head; its head is **overwritten**.
        train: Movements to learn from; bins weigh as they did in the training.

    Returns:
        The network, with slopes in the scale of its targets.

    Raises:
        ValueError: Its head is not linear.
    """
    head, target = trained.network.head, trained.scale
    if not isinstance(head, Regressor) or target is None:
        raise ValueError(
            f"a linear path needs a linear head to be added to, got that of {trained.task.name}"
        )
    trained.network.eval()
    keys = trained.task.keys
    few = np.linspace(0, len(train) - 1, min(len(train), _SCALED_ON)).astype(np.int64)
    seen = _rows(trained, train.batch(np.unique(few), keys))[0]
    centre, scale = seen.mean(axis=0), seen.std(axis=0)
    scale[scale <= 1e-6 * np.maximum(1, np.abs(centre))] = 1
    squares, shared = np.zeros((2, 1, 1))
    for batch in batches_of(train, keys):
        x, y, weight = _rows(trained, batch)
        standard = np.concatenate([np.ones_like(weight), (x - centre) / scale], axis=1)
        squares = squares + standard.T @ (weight * standard)
        shared = shared + standard.T @ (weight * y)
    penalty = np.full(len(squares), _PENALTY * squares[0, 0])
    penalty[0] = 0  # the offset goes free
    weights = np.linalg.solve(squares + np.diag(penalty), shared)
    # rounded as files hold it, before the offset is
    steep = (weights[1:] / scale[:, None]).astype(np.float32)
    offset = (weights[0] - centre @ steep - target.mean) / target.scale
    features = head.linear.in_features
    with torch.no_grad():
        head.linear.weight.copy_(torch.from_numpy(steep[:features].T / target.scale[:, None]))
        head.linear.bias.copy_(torch.from_numpy(offset))
    around = steep[features:].reshape(2, len(trained.muscles), -1)
    slopes = np.ascontiguousarray(np.moveaxis(around, (0, 1, 2), (2, 1, 0)))
    return replace(trained, scale=replace(target, slopes=slopes))


def _rows(trained: Trained, batch: Mapping[str, NDArray[Any]]) -> tuple[NDArray[np.float64], ...]:
    """Features and spindles of each output, targets in units, and weights."""
    reading = trained.reading
    with torch.no_grad(), reading.precision():
        moving = reading.tell(batch).moving
        features = trained.network.trunk(reading.tensor(batch["spindle"]), moving)
    seen = by_bin(features).float().cpu().numpy().astype(np.float64)
    spindle = bin_features(reading.at_outputs(batch["spindle"]), "linear")
    wanted = np.moveaxis(reading.sample(target_values(trained.task, batch)), 1, 2)
    x, y = np.concatenate([seen, spindle], axis=2), wanted.astype(np.float64)
    weight = np.where(reading.moving(batch), 1.0, trained.settings.padding_weight)
    return x.reshape(-1, x.shape[2]), y.reshape(-1, y.shape[2]), weight.reshape(-1, 1)
