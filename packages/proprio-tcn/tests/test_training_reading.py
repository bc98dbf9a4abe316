"""What networks are asked and how their outputs are read: times, scales, weights, scores."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from proprio_tcn.baselines.comparison import target_scores
from proprio_tcn.networks.settings import TrunkSettings
from proprio_tcn.tasks.metrics import LetterTally
from proprio_tcn.tasks.sixteen import TASKS
from proprio_tcn.tasks.targets import TargetScale, target_values
from proprio_tcn.training.batches import ArrayMovements
from proprio_tcn.training.fitting import fit_scale
from proprio_tcn.training.lesson import evaluate
from proprio_tcn.training.reading import Reading
from proprio_tcn.training.settings import TrainSettings
from proprio_tcn.training.trained import Trained

BINS, MUSCLES = 64, 6
TRUNK = TrunkSettings(spatial_kernels=[4, 8], spatial_kernel_size=3, temporal_kernel_size=3)
QUICK = TrainSettings(epochs=2, batch=16, learning_rate=5e-3)


def test_redundancy_reduction_is_validated_in_batches_of_the_training(
    sets: tuple[ArrayMovements, ArrayMovements],
) -> None:
    sizes: list[int] = []

    def project(spindle: torch.Tensor, moving: object, target: object) -> torch.Tensor:
        sizes.append(len(spindle))
        return spindle[:, :, ::8, 0].flatten(1)

    task = TASKS["redundancy_reduction"]
    for batch, expected in ((12, [12] * 4), (16, [16] * 4), (48, [32] * 2)):
        reading = Reading(task, None, [0], BINS, replace(QUICK, batch=batch))
        evaluate(reading, project, sets[1], 0)
        # two views of each; a rest of eight is left out
        assert sizes == expected
        sizes.clear()


def test_outputs_are_compared_at_their_centres() -> None:
    # A15: what copies the sample at its centre has no error on a ramp, and no lag when filled in
    task = TASKS["hand_position"]
    centres = np.arange(7, 400, 16)
    ramp = np.broadcast_to(np.arange(400, dtype=np.float32), (2, 3, 400))
    batch = {
        "spindle": np.zeros((2, 1, 400, 2), np.float32),
        "hand": ramp.copy(),
        "moving": np.ones((2, 400), bool),
    }
    settings = TrainSettings(interpolation="linear")
    reading = Reading(task, TargetScale.raw(3), centres, 400, settings)

    def copy(spindle: torch.Tensor, moving: object, target: object) -> torch.Tensor:
        return torch.from_numpy(ramp[:, :, centres].copy())

    found = evaluate(reading, copy, ArrayMovements(("a",), batch), 0)
    assert found.loss == 0
    assert found.row()["hand_all_rmse"] == 0
    inside = slice(centres[0], centres[-1] + 1)
    np.testing.assert_allclose(reading.predict(copy, batch)[..., inside], ramp[..., inside])


def test_published_bins_are_off_for_strides_of_three() -> None:
    trunk = TrunkSettings(spatial_kernels=[2, 2, 2, 2], temporal_strides=[3])
    ramp = np.broadcast_to(np.arange(400, dtype=np.float32), (1, 3, 400))
    read = {}
    for compat in (False, True):
        one = Trained.untrained(
            TASKS["hand_position"],
            trunk,
            ("a", "b", "c", "d", "e"),
            scale=TargetScale.raw(3),
            settings=TrainSettings(compat_alignment=compat),
            seed=0,
        )
        read[compat] = one.reading.sample(ramp)[0, 0]
    assert read[True].tolist() == [0, 99, 198, 297, 396]
    centres = np.array(one.network.centres)
    np.testing.assert_allclose(read[False], centres)
    # 99 bins a step in place of 81: 72 too many at the end, but for where the first one stands
    assert (read[True] - read[False])[-1] == 72 - centres[0]


def test_weights_of_bins_and_of_units(sets: tuple[ArrayMovements, ArrayMovements]) -> None:
    task = TASKS["hand_position_velocity_acceleration"]
    raw = fit_scale(task, sets[0], TrainSettings(compat_weights=True))
    standard = fit_scale(task, sets[0], TrainSettings())
    assert raw is not None
    assert standard is not None
    assert (raw.scale == 1).all()
    values = target_values(task, sets[0].arrays)
    ratio = np.square(raw.standardise(values)).mean(axis=(0, 2))
    assert ratio[6:].min() > 100 * ratio[:3].max()  # accelerations rule where units stay
    assert np.square(standard.standardise(values)).mean(axis=(0, 2)).max() < 2
    assert fit_scale(TASKS["action_recognition"], sets[0], TrainSettings()) is None

    def zeros(spindle: torch.Tensor, moving: object, target: object) -> torch.Tensor:
        return torch.zeros(len(spindle), 3, BINS)

    losses = {}
    for weight in (0.0, 1.0):
        settings = TrainSettings(padding_weight=weight)
        reading = Reading(TASKS["hand_position"], TargetScale.raw(3), range(BINS), BINS, settings)
        losses[weight] = evaluate(reading, zeros, sets[1], 0).loss
    squares = np.square(sets[1].arrays["hand"]).mean(axis=1)  # every bin has an output here
    assert losses[1.0] == pytest.approx(squares.mean(), rel=1e-5)
    assert losses[0.0] == pytest.approx(squares[sets[1].arrays["moving"]].mean(), rel=1e-5)


def test_letters_are_scored_by_accuracy(sets: tuple[ArrayMovements, ArrayMovements]) -> None:
    reading = Reading(TASKS["action_recognition"], None, [0], BINS, QUICK)

    def always_three(spindle: torch.Tensor, moving: object, target: object) -> torch.Tensor:
        return torch.nn.functional.one_hot(torch.full((len(spindle),), 3), 20).float()

    found = evaluate(reading, always_three, sets[1], 0)
    assert isinstance(found.tally, LetterTally)
    assert found.metric == np.mean(sets[1].arrays["letter"] == 3) == found.row()["accuracy"]


def test_scores_of_targets_are_those_of_regressions(
    sets: tuple[ArrayMovements, ArrayMovements],
) -> None:
    letters, rebuilt = (
        Trained.untrained(
            TASKS[name], TRUNK, sets[0].muscles, scale=fit_scale(TASKS[name], sets[0], QUICK),
            settings=QUICK, seed=0, bins=BINS,
        )
        for name in ("action_recognition", "autoencoder")
    )  # fmt: skip
    with pytest.raises(ValueError, match="action_recognition must be a regression to have scores"):
        target_scores(letters, letters.evaluate(sets[1]))
    found = target_scores(rebuilt, rebuilt.evaluate(sets[1]))
    assert [one.where for one in found] == ["all", "movement"] * 2
    assert np.isnan(letters.validation_metric)


def test_half_precision_and_compat_are_near(
    sets: tuple[ArrayMovements, ArrayMovements],
) -> None:
    task = TASKS["redundancy_reduction"]
    losses = {}
    for name, more in (("plain", {}), ("amp", {"amp": True}), ("compat", {"compat_barlow": True})):
        one = Trained.untrained(
            task, TRUNK, sets[0].muscles, scale=None, settings=replace(QUICK, **more), seed=1,
            bins=BINS,
        )  # fmt: skip
        losses[name] = one.evaluate(sets[1]).loss
    assert losses["amp"] == pytest.approx(losses["plain"], rel=0.1)
    assert losses["amp"] != losses["plain"]
    assert losses["compat"] != pytest.approx(losses["plain"], rel=0.1)
