"""Spindle encoders as input of networks, against the encoders themselves."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from neuro_common.checkpoint import load_checkpoint, save_checkpoint
from neuro_common.files import FormatError
from proprio_tcn.baselines.probes import trunk_features
from proprio_tcn.networks.settings import TrunkSettings
from proprio_tcn.networks.trunk import Trunk
from proprio_tcn.spindles.encoders import SpindleSettings, encode
from proprio_tcn.tasks.sixteen import TASKS
from proprio_tcn.training.batches import ArrayMovements
from proprio_tcn.training.fitting import train_network, train_together
from proprio_tcn.training.input_scale import ScaledTrunk, spindle_scale
from proprio_tcn.training.settings import TrainSettings
from proprio_tcn.training.spindle_encoding import SpindleEncoding
from proprio_tcn.training.trained import Trained, load_network, save_network

BINS, MUSCLES = 64, 6
TRUNK = TrunkSettings(spatial_kernels=[4, 8], spatial_kernel_size=3, temporal_kernel_size=3)
QUICK = TrainSettings(epochs=1, batch=16)
NOISY = SpindleSettings("afferents", "gaussian")

Sets = tuple[ArrayMovements, ArrayMovements]


def taught(
    encoder: SpindleSettings, sets: Sets, where: Path, settings: TrainSettings = QUICK
) -> Trained:
    task = TASKS["hand_velocity"]
    return train_network(task, TRUNK, *sets, settings, where, seed=3, encoder=encoder)


@pytest.mark.parametrize("name", ["prochazka", "deepdraw", "afferents"])
def test_a_network_sees_what_the_encoder_gives(name: str, sets: Sets, tmp_path: Path) -> None:
    found = taught(SpindleSettings(name), sets, tmp_path)
    arrays = sets[0].arrays
    # displacement is counted from the mean length of the movements that were learnt from
    rows = np.moveaxis(arrays["spindle"], 1, 2)[arrays["moving"]].astype(np.float64)
    rest = rows[..., 0].mean(axis=0)
    seen = np.zeros_like(arrays["spindle"])
    encoded = encode(arrays["spindle"], SpindleSettings(name), rest_mm=rest)
    seen[..., : encoded.shape[-1]] = encoded
    taken = np.moveaxis(seen, 1, 2)[arrays["moving"]].astype(np.float64)
    mean, spread = taken.mean(axis=0)[:, None], taken.std(axis=0)[:, None]
    spread[spread == 0] = 1
    plain = Trunk(TRUNK, MUSCLES, BINS)
    trunk = found.network.trunk
    plain.load_state_dict(dict(trunk.named_parameters()))
    given, inside = (torch.from_numpy(one[:8]).float() for one in (seen, (seen - mean) / spread))
    with torch.no_grad():
        wanted = plain(inside)
        assert torch.allclose(trunk(torch.from_numpy(arrays["spindle"][:8])), wanted, atol=1e-3)
        assert not torch.allclose(plain(given), wanted, atol=1e-1)
    # a rate has one channel, fibres of two kinds have two
    assert (seen[..., 1] == 0).all() == (name != "afferents")


@pytest.mark.parametrize(
    "encoder",
    [
        SpindleSettings("deepdraw"),
        SpindleSettings("prochazka", "poisson", fibres=3),
        SpindleSettings("afferents", "gamma", length_scale=2.0, path_m=0.5),
    ],
)
def test_a_network_remembers_its_encoder(
    encoder: SpindleSettings, sets: Sets, tmp_path: Path
) -> None:
    found = taught(encoder, sets, tmp_path / "run")
    save_network(tmp_path / "kept", found)
    back = load_network(tmp_path / "kept")
    assert back.encoding is not None
    assert back.encoding.settings == encoder
    arrays = sets[1].arrays
    np.testing.assert_array_equal(back.predict(arrays), found.predict(arrays))
    np.testing.assert_array_equal(trunk_features(back, sets[1]), trunk_features(found, sets[1]))
    assert back.evaluate(sets[1]).row() == found.evaluate(sets[1]).row()
    # layers, as neurons are explained with, and the untrained twin are told lengths, too
    given = torch.from_numpy(arrays["spindle"])
    with torch.inference_mode():
        layers = [one.network.trunk.eval().layers(given) for one in (back, found)]
    for one, other in zip(*layers, strict=True):
        assert torch.equal(one, other)
    assert back.begin().encoding is back.encoding
    without = ScaledTrunk.of(back.network.trunk)
    assert not torch.allclose(without(given), back.network.trunk(given), atol=1e-2)

    tensors, manifest = load_checkpoint(tmp_path / "kept")
    manifest["encoder"]["settings"]["encoder"] = "rates"
    save_checkpoint(tmp_path / "other", tensors, manifest)
    with pytest.raises(FormatError, match=r"encoder must be one of kinematics, .*, got 'rates'"):
        load_network(tmp_path / "other")


def test_published_inputs_are_encoded_and_no_more(sets: Sets, tmp_path: Path) -> None:
    found = taught(SpindleSettings("prochazka"), sets, tmp_path, replace(QUICK, compat_inputs=True))
    trunk, encoding = found.network.trunk, found.encoding
    assert isinstance(trunk, ScaledTrunk)
    assert encoding is not None
    # what is left out of a view is a muscle that stands still at its mean length
    still = np.broadcast_to(trunk.blank.numpy(), (1, MUSCLES, BINS, 2))
    seen = trunk.padded(torch.from_numpy(still.copy()), None)[
        :, :, :MUSCLES, :BINS
    ]  # the rest are zeros
    np.testing.assert_allclose(seen[:, 0], 82, atol=1e-4)
    assert (seen[:, 1] == 0).all()
    save_network(tmp_path / "kept", found)
    back = load_network(tmp_path / "kept").predict(sets[1].arrays)
    np.testing.assert_array_equal(back, found.predict(sets[1].arrays))


def test_noise_is_of_the_seed_the_update_and_the_movement(sets: Sets) -> None:
    rest = spindle_scale(sets[0])[0, :, 0]
    spindle = sets[0].arrays["spindle"][:6]
    encoding = SpindleEncoding(NOISY, rest, seed=5)
    whole = encoding.encode(spindle, 2)
    # whatever comes beside it, and in whatever order
    np.testing.assert_array_equal(encoding.encode(spindle[[4, 1]], 2), whole[[4, 1]])
    clean = SpindleEncoding(SpindleSettings("afferents"), rest).encode(spindle)
    for other in (
        encoding.encode(spindle, 3),
        SpindleEncoding(NOISY, rest, seed=6).encode(spindle, 2),
    ):
        noise = np.stack([whole - clean, other - clean])[:, clean > 100]
        assert (noise.std(axis=1) > 10).all()
        assert abs(np.corrcoef(noise)[0, 1]) < 0.08  # of some 2300 values
    # the rate's s.d. is the intervals' CV times the root of rate over bin
    fast = clean[..., 0] > 100
    spread = ((whole - clean)[..., 0] / np.sqrt(np.maximum(clean[..., 0], 1) / 0.01))[fast].std()
    assert spread == pytest.approx(NOISY.ia_interval_cv, rel=0.05)

    trunk = ScaledTrunk.of(Trunk(TRUNK, MUSCLES, BINS), None, encoding)
    given = torch.from_numpy(spindle)
    drawn = []
    for update in (0, 1, 0):
        trunk.reseed(update)
        drawn.append(trunk.padded(given, None))
    assert torch.equal(drawn[0], drawn[2])
    assert not torch.equal(drawn[0], drawn[1])
    trunk.eval()
    scored = trunk.padded(given, None)
    assert not any(torch.equal(scored, one) for one in drawn)
    trunk.reseed(7)
    assert torch.equal(scored, trunk.padded(given, None))


def test_members_see_the_same_noise(sets: Sets, tmp_path: Path) -> None:
    task, settings = TASKS["hand_velocity"], replace(QUICK, learning_rate=1e-3)
    args = (TRUNK, *sets, settings)
    pair = train_together([(task, 3), (task, 4)], *args, tmp_path / "pair", seed=3, encoder=NOISY)
    assert pair[0].encoding is pair[1].encoding
    alone = train_network(task, *args, tmp_path / "alone", seed=3, encoder=NOISY)
    wanted = alone.metrics["validation_loss"]
    assert pair[0].metrics["validation_loss"] == pytest.approx(wanted, rel=1e-3)


def test_unknown_encoders_are_refused() -> None:
    with pytest.raises(ValueError, match=r"encoder must be one of kinematics, .*, got 'golgi'"):
        SpindleSettings("golgi")
    rest = np.zeros(3)
    with pytest.raises(ValueError, match="rest_mm must be 2 finite lengths, one for each muscle"):
        SpindleEncoding(SpindleSettings("prochazka"), rest).encode(
            np.zeros((1, 2, 9, 2), np.float32)
        )
