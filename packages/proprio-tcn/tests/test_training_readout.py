"""The last layer in closed form, with a way around the trunk."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.linear_model import LinearRegression

from proprio_tcn.baselines.regression import bin_features
from proprio_tcn.networks.heads import by_bin
from proprio_tcn.networks.settings import TrunkSettings
from proprio_tcn.spindles.encoders import SpindleSettings
from proprio_tcn.tasks.sixteen import TASKS
from proprio_tcn.training.batches import ArrayMovements
from proprio_tcn.training.fitting import fit_scale, train_network
from proprio_tcn.training.input_scale import spindle_scale
from proprio_tcn.training.readout import fit_readout
from proprio_tcn.training.settings import TrainSettings
from proprio_tcn.training.trained import Trained

BINS = 64
TRUNK = TrunkSettings(spatial_kernels=[2, 3], spatial_kernel_size=3, temporal_kernel_size=3)
QUICK = TrainSettings(epochs=1, batch=16)
Sets = tuple[ArrayMovements, ArrayMovements]


@pytest.fixture(scope="module")
def bent(sets: Sets) -> Sets:
    """Movements whose hand bends away from what is linear in the muscles."""
    first, second = (
        ArrayMovements(one.muscles, {**one.arrays, "hand": one.arrays["hand"] ** 2 / 9})
        for one in sets
    )
    return first, second


def begun(name: str, sets: Sets) -> Trained:
    return Trained.untrained(
        TASKS[name], TRUNK, sets[0].muscles, scale=fit_scale(TASKS[name], sets[0], QUICK),
        settings=QUICK, seed=0, inputs=spindle_scale(sets[0]), bins=BINS,
    )  # fmt: skip


def test_it_is_least_squares_on_features_and_spindles(bent: Sets) -> None:
    one = begun("hand_position", bent)
    trunk = {name: value.clone() for name, value in one.network.trunk.state_dict().items()}
    found = fit_readout(one, bent[0])
    assert found.scale is not None
    assert found.scale.slopes is not None
    assert all(
        torch.equal(value, trunk[name]) for name, value in one.network.trunk.state_dict().items()
    )
    at = one.network.centres
    rows, wanted, moving = [], [], []
    for part in bent:
        spindle = part.arrays["spindle"]
        with torch.no_grad():
            features = by_bin(one.network.trunk(torch.from_numpy(spindle))).numpy()
        rows.append(np.concatenate([features, bin_features(spindle[:, :, at], "linear")], axis=2))
        wanted.append(np.moveaxis(part.arrays["hand"][..., at], 1, 2))
        moving.append(part.arrays["moving"][:, at])
    oracle = LinearRegression().fit(rows[0][moving[0]], wanted[0][moving[0]])
    error = oracle.predict(rows[1][moving[1]]) - wanted[1][moving[1]]
    scores = found.evaluate(bent[1]).row()
    assert scores["hand_movement_rmse"] == pytest.approx(np.sqrt(np.square(error).mean()), rel=0.05)
    # what the published kind of head can do, and what no trunk can
    blind = LinearRegression().fit(rows[0][moving[0]][:, -12:], wanted[0][moving[0]])
    error = blind.predict(rows[1][moving[1]][:, -12:]) - wanted[1][moving[1]]
    assert scores["hand_movement_rmse"] < 0.9 * np.sqrt(np.square(error).mean())
    # the network as it began has no path
    assert found.begin().scale is not None
    assert found.begin().scale.slopes is None  # type: ignore[union-attr]


def test_what_is_linear_is_told_at_every_bin(sets: Sets) -> None:
    found = fit_readout(begun("limb_velocity", sets), sets[0])
    scores = found.evaluate(sets[1]).row()
    for part in ("hand", "elbow"):
        assert scores[f"{part}_velocity_movement_r2"] > 0.999
        assert scores[f"{part}_velocity_movement_filled_r2"] > 0.95


def test_only_regressions_without_an_encoder_have_one(bent: Sets, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="needs a linear head to be added to, got that of torque"):
        fit_readout(begun("torque", bent), bent[0])
    without = replace(QUICK, linear_path=False)
    for name, settings, encoder in (
        ("torque", QUICK, "kinematics"),
        ("hand_position", QUICK, "deepdraw"),
        ("hand_position", without, "kinematics"),
    ):
        where = tmp_path / f"{name}_{encoder}_{settings.linear_path}"
        found = train_network(
            TASKS[name], TRUNK, *bent, settings, where, seed=0, encoder=SpindleSettings(encoder)
        )
        assert found.scale is not None
        assert found.scale.slopes is None
