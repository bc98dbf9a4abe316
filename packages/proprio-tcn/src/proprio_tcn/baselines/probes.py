"""What a frozen trunk knows of the letters, by a linear classifier of its last layer."""

import numpy as np
import torch
from numpy.typing import NDArray

from proprio_tcn.baselines.letters import classify_letters
from proprio_tcn.training.batches import Movements, batches_of
from proprio_tcn.training.trained import Trained

__all__ = ["linear_probe", "trunk_features"]


def trunk_features(trained: Trained, movements: Movements) -> NDArray[np.float32]:
    """Activation of the trunk's last layer.

    Args:
        trained: The network; its head takes no part.
        movements: The movements.

    Returns:
        ``(samples, channels * height * outputs in time)``.
    """
    network, reading, rows = trained.network.eval(), trained.reading, []
    for batch in batches_of(movements, ("spindle", "moving")):
        with torch.no_grad():
            moving = reading.tell({"moving": batch["moving"]}).moving
            found = network.trunk(reading.tensor(batch["spindle"]), moving)
        rows.append(found.float().flatten(1).cpu().numpy())
    return np.concatenate(rows)


def linear_probe(
    trained: Trained, train: Movements, validation: Movements, test: Movements, *, seed: int
) -> float:
    """Accuracy of logistic regression on 100 principal components of the last layer.

    Args:
        trained: The network.
        train: Movements that the classifier learns from.
        validation: Movements that choose its penalty.
        test: Movements to score.
        seed: Of the randomised decomposition.
    """
    parts = []
    for movements in (train, validation, test):
        letters = [batch["letter"] for batch in batches_of(movements, ("letter",))]
        parts.append((trunk_features(trained, movements), np.concatenate(letters)))
    return classify_letters(parts[0], parts[1], parts[2], seed=seed)["logistic"]
