"""What a frozen trunk knows of the letters, by a linear classifier of its last layer."""

import numpy as np
import torch
from numpy.typing import NDArray

from proprio_tcn.baselines.letters import classify_letters, read_between
from proprio_tcn.training.batches import Movements, batches_of
from proprio_tcn.training.trained import Trained

__all__ = ["linear_probe", "trunk_features"]


def trunk_features(trained: Trained, movements: Movements, points: int = 8) -> NDArray[np.float32]:
    """Activation of the trunk's last layer, cut to the movement as the letter baselines are.

    Movements begin anywhere in the window: a linear classifier of whole windows would have to learn
    every letter at every place.

    Args:
        trained: The network; its head takes no part.
        movements: The movements.
        points: Times, from the first bin of the movement to the last, that each is read at.

    Returns:
        ``(samples, channels * height * points)``.

    Raises:
        ValueError: A movement has no bins that move.
    """
    network, reading, rows = trained.network.eval(), trained.reading, []
    last = network.trunk.geometry[-1]
    for batch in batches_of(movements, ("spindle", "moving")):
        with torch.no_grad():
            moving = reading.tell({"moving": batch["moving"]}).moving
            found = network.trunk(reading.tensor(batch["spindle"]), moving)
        for values, mask in zip(
            found.float().flatten(1, 2).cpu().numpy(), batch["moving"], strict=True
        ):
            bins = np.flatnonzero(mask)
            if not len(bins):
                raise ValueError("every movement must have bins that move, got one without")
            at = (np.linspace(bins[0], bins[-1], points) - last.first_centre) / last.stride
            # outputs stand for bins that may begin after the movement does, or end before
            rows.append(read_between(values, np.clip(at, 0, values.shape[-1] - 1)).ravel())
    return np.asarray(rows, np.float32)


def linear_probe(
    trained: Trained, train: Movements, validation: Movements, test: Movements, *, seed: int
) -> float:
    """Accuracy of logistic regression on 100 principal components of the last layer's features.

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
