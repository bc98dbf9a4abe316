"""Networks that are read out: names, muscles, inputs, twins and draws; those that learn spikes."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from proprio_tcn.network_config import RecurrentConfig, trunk_settings
from proprio_tcn.networks.head_settings import HeadSettings
from proprio_tcn.networks.making import build_network
from proprio_tcn.networks.sampling import sample_trunk
from proprio_tcn.networks.settings import TrunkSettings
from proprio_tcn.networks.trunk import build_trunk
from proprio_tcn.neural.data_driven import Learning, learn_architectures, learn_spikes
from proprio_tcn.neural.features import spindle_input
from proprio_tcn.neural.kinematics import with_derivatives
from proprio_tcn.neural.model_tables import read_models, write_models
from proprio_tcn.neural.models import (
    NamedNetwork,
    network_features,
    of_muscles,
    open_networks,
)
from proprio_tcn.neural.prediction import LayerScore
from proprio_tcn.neural.protocol import Protocol
from proprio_tcn.neural.synthetic import Encoding, plant_neurons
from proprio_tcn.neural.targets import prepare
from proprio_tcn.tasks.sixteen import get_task
from proprio_tcn.tasks.targets import TargetScale
from proprio_tcn.training.input_scale import ScaledTrunk
from proprio_tcn.training.settings import TrainSettings
from proprio_tcn.training.trained import Trained, save_network

MUSCLES = tuple(f"m{number}" for number in range(6))
SETTINGS = TrunkSettings(spatial_kernels=[4, 6], spatial_kernel_size=3, temporal_kernel_size=5)


def test_muscles_are_matched_by_name(muscle_session: Any) -> None:
    recording = muscle_session()
    turned = of_muscles(recording, MUSCLES[::-1])
    np.testing.assert_array_equal(
        turned.kinematics["muscle_length"], recording.kinematics["muscle_length"][..., ::-1]
    )
    with pytest.raises(
        ValueError, match=r"network's 2 muscles, but it lacks 1 of them, such as biceps"
    ):
        of_muscles(recording, ("m1", "biceps"))


def test_networks_of_one_beginning_share_an_untrained_one(
    muscle_session: Any, save_trained: Any, tmp_path: Path
) -> None:
    paths = [save_trained(tmp_path / str(n), seed, 0.5) for n, seed in enumerate((0, 0, 3))]
    found = open_networks(paths, muscle_session(), draws=0)
    tasks = ["hand_position", "untrained", "hand_position", "hand_position", "untrained"]
    assert [one.task for one in found] == tasks
    first, twin = found[0].trunk, found[1].trunk
    for one, two in zip(first.parameters(), twin.parameters(), strict=True):
        torch.testing.assert_close(one, 1.1 * two)
    assert len({one.name for one in found}) == 5


def test_every_input_has_its_untrained_one(
    muscle_session: Any, save_trained: Any, tmp_path: Path
) -> None:
    """A network that learnt from other movements scales its input otherwise."""
    scales = [np.array([np.tile([mean, 5.0], (6, 1)), np.ones((6, 2))]) for mean in (100.0, 90.0)]
    paths = [
        save_trained(tmp_path / str(n), 0, 0.5, scales[kind]) for n, kind in enumerate((0, 1, 0, 1))
    ]
    found = {one.name: one for one in open_networks(paths, muscle_session(), draws=0)}
    beginning = f"{SETTINGS.name()} 0"
    assert [name for name in found if name.startswith("untrained")] == [
        f"untrained {beginning}",
        f"untrained {beginning} input 2",
    ]
    told = [one.input for one in found.values()]
    first, second = "as trained", "as trained, input 2"
    assert told == [first, first, second, second, first, second]
    for one in found.values():
        wanted = 90.0 if one.input == second else 100.0
        assert isinstance(one.trunk, ScaledTrunk)
        assert one.trunk.input_mean[0, 0, 0] == wanted


def test_an_untrained_one_is_the_network_at_update_zero(
    muscle_session: Any, tmp_path: Path
) -> None:
    """Also where the trunk scales its input."""
    scale = TargetScale(np.zeros(3, dtype=np.float32), np.ones(3, dtype=np.float32))
    inputs = np.array([np.tile([100.0, 5.0], (6, 1)), np.tile([7.0, 30.0], (6, 1))])
    begun = Trained.untrained(
        get_task("hand_position"),
        SETTINGS,
        MUSCLES,
        scale=scale,
        settings=TrainSettings(),
        seed=4,
        inputs=inputs,
    )
    save_network(tmp_path / "begun", begun)
    recording = muscle_session()
    zero, untrained = open_networks([tmp_path / "begun"], recording)
    assert untrained.name.startswith("untrained")
    targets = prepare(recording)
    found = list(network_features([zero, untrained], targets, Protocol()))
    half = len(found) // 2
    for one, two in zip(found[:half], found[half:], strict=True):
        assert one.layer == two.layer
        np.testing.assert_array_equal(one.values, two.values)
    plain = build_network(SETTINGS, HeadSettings("regress", 3), len(MUSCLES), 4).trunk.eval()
    unscaled = NamedNetwork("plain", plain, MUSCLES, "untrained")
    first = next(network_features([unscaled], targets, Protocol()))
    assert not np.array_equal(first.values, found[0].values)


def test_untrained_ones_are_asked_for_by_their_model(
    muscle_session: Any, save_trained: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = ["untrained/recurrent", "untrained/spatiotemporal/3", "untrained/spatiotemporal/3"]
    recurrent, plain = open_networks(names, muscle_session())
    assert plain.name == "untrained spatiotemporal_8-16-32-64_k5_s2 3"
    assert recurrent.trunk.settings == trunk_settings(RecurrentConfig())
    assert (plain.task, plain.seed, plain.input) == ("untrained", 3, "session")
    begun = build_network(plain.trunk.settings, HeadSettings("classify", 20), 6, 3).trunk
    for one, two in zip(plain.trunk.parameters(), begun.parameters(), strict=True):
        assert torch.equal(one, two)
    inputs = np.array([np.tile([100.0, 5.0], (6, 1)), np.tile([7.0, 30.0], (6, 1))])
    trained = save_trained(tmp_path / "trained", 0, 0.5, inputs)
    *_, beside = open_networks([*names[1:], trained], muscle_session())
    assert (beside.name, beside.input) == (plain.name, "as trained")
    assert isinstance(beside.trunk, ScaledTrunk)
    assert beside.trunk.input_mean[0, 0].tolist() == [100.0, 5.0]
    for wrong in ("untrained/sampled", "untrained/recurrent/x", "untrained/recurrent/1/2"):
        with pytest.raises(
            ValueError, match=rf"untrained/MODEL/SEED, with .*, got '{wrong}'; draw"
        ):
            open_networks([wrong], muscle_session())
    # a folder of this name is a folder
    monkeypatch.chdir(tmp_path)
    save_trained(Path("untrained", "recurrent"), 0, 0.5)
    assert open_networks(names[:1], muscle_session())[0].task == "hand_position"


def test_each_muscle_set_of_an_architecture_learns(muscle_session: Any) -> None:
    targets = prepare(muscle_session())
    own, few, again = (
        NamedNetwork(name, build_trunk(SETTINGS, len(muscles), 0).eval(), muscles, "untrained")
        for name, muscles in (("a", MUSCLES), ("b", MUSCLES[:4]), ("c", MUSCLES))
    )
    drawn = NamedNetwork("d", own.trunk, None, "untrained")
    found = learn_architectures([own, few, again, drawn], targets, Protocol(), epochs=1, seed=0)
    name = f"data-driven {SETTINGS.name()}"
    assert [one.model for one in found] == [name, f"{name}, muscle set 2"]
    assert not np.array_equal(found[0].test_ev, found[1].test_ev)


def test_a_network_learns_the_spikes(muscle_session: Any) -> None:
    moving = with_derivatives(muscle_session())
    state = moving.variables(["muscle_velocity"])
    encoding = Encoding(n_neurons=8, link="identity", gain=0.4, rate_hz=500)
    targets = prepare(plant_neurons(moving, state, encoding, seed=0)[0])
    spindle = spindle_input(moving, targets.windows)

    def learnt(epochs: int) -> LayerScore:
        learning = Learning(epochs=epochs, batch=8, learning_rate=1e-2)
        return learn_spikes(SETTINGS, spindle, targets, Protocol(), learning=learning, seed=0)[0]

    before, after = learnt(0), learnt(12)
    assert before.test_ev.mean() < 0.1
    assert after.test_ev.mean() > 0.25
    np.testing.assert_array_equal(learnt(12).test_ev, after.test_ev)
    # nothing of the test trials went in: the epoch was picked by a fold of the training trials
    assert after.fold_ev.mean() > 0.25
    assert np.isfinite(after.test_bits).all()
    assert (after.test_r2 <= after.test_ev + 1e-12).all()


SCALE = np.array([np.tile([100.0, 5.0], (6, 1)), np.tile([7.0, 30.0], (6, 1))])


def test_draws_see_what_the_first_trained_network_sees(
    muscle_session: Any, save_trained: Any, tmp_path: Path
) -> None:
    recording = muscle_session()
    scaled = save_trained(tmp_path / "scaled", 0, 0.5, SCALE)
    raw = save_trained(tmp_path / "raw", 1, 0.5)
    found = {one.name: one for one in open_networks([scaled, raw], recording, draws=2)}
    (first, second) = (one for one in found.values() if "draw" in one.name)
    assert [one.input for one in found.values()] == [
        *("as trained", "as trained", "raw, input 2", "raw, input 2", "as trained", "as trained")
    ]
    assert (first.muscles, first.seed, second.seed) == (MUSCLES, 0, 1)
    targets = prepare(recording)
    # by hand: lengths and velocities of all bins, scaled, through the same first weights
    lengths = spindle_input(recording, targets.windows)
    spindle = ((lengths - SCALE[0][:, None]) / SCALE[1][:, None]).astype(np.float32)
    plain = build_trunk(first.trunk.settings, 6, 0).eval()
    with torch.inference_mode():
        wanted = plain.layers(torch.from_numpy(spindle[:3]))
        got = first.trunk.layers(torch.from_numpy(lengths[:3]))
    for one, two in zip(got, wanted, strict=True):
        torch.testing.assert_close(one, two, rtol=1e-3, atol=1e-4)
    # of a network that saw mm and mm/s, so do draws
    assert open_networks([raw], recording, draws=1)[-1].input == "raw"


def test_draws_alone_see_the_session_in_standard_deviations(muscle_session: Any) -> None:
    """Of the training windows, whatever a control does to the input."""
    recording = muscle_session()
    targets = prepare(recording)
    (draw,) = open_networks([], recording, draws=1)
    assert (draw.input, draw.muscles) == ("session", None)
    draw = replace(draw, trunk=build_trunk(SETTINGS, 6, 0).eval())
    train = targets.windows.take(targets.split.train)
    lengths = train.gather(recording.kinematics["muscle_length"]).astype(float)
    spindle = spindle_input(recording, targets.windows)
    parts = zip(targets.split.train, train.length, strict=True)
    velocity = np.concatenate([spindle[w, :, 100 : 100 + n, 1].T for w, n in parts]).astype(float)
    mean = np.stack([lengths.mean(axis=0), np.zeros(6)], axis=1)
    spread = np.stack([lengths.std(axis=0), velocity.std(axis=0)], axis=1)
    trunk = build_trunk(SETTINGS, 6, 0)
    by_hand = ScaledTrunk.of(trunk, np.stack([mean, spread])).eval()
    wanted = replace(draw, trunk=by_hand, muscles=MUSCLES, standardise=False)
    for control in (None, "constant"):
        one, two = (
            list(network_features([net], targets, Protocol(), control=control))
            for net in (draw, wanted)
        )
        for mine, other in zip(one, two, strict=True):
            # leading components: those that are rounding differ
            np.testing.assert_allclose(
                mine.values[:, :3], other.values[:, :3], rtol=0.01, atol=0.01
            )
    raw = replace(draw, standardise=False)
    unlike = next(network_features([raw], targets, Protocol(), control="constant"))
    assert not np.allclose(unlike.values[:, 0], one[0].values[:, 0], atol=0.1)


def test_a_row_tells_all_settings(muscle_session: Any) -> None:
    (draw,) = open_networks([], muscle_session(), draws=1)
    row = draw.row()
    assert TrunkSettings(**json.loads(row["settings"])).name() == sample_trunk(0).name()
    assert (row["seed"], row["input"], row["task"]) == (0, "session", "untrained")


def test_what_comes_from_files_is_told_as_it_was_made(tmp_path: Path) -> None:
    """Also where a network of the same name would see another input by now."""
    trunk = build_trunk(SETTINGS, 6, 0).eval()
    made = NamedNetwork("untrained draw 0", trunk, None, "untrained", standardise=True)
    later = replace(made, trunk=ScaledTrunk.of(trunk), standardise=False)
    assert write_models(tmp_path / "models.csv", [made]) == []
    file = tmp_path / "activations" / "0.npz"
    nowhere = tmp_path / "some" / "where" / "0.npz"
    missing = write_models(tmp_path / "own.csv", [later], [file, file, nowhere])
    assert missing == [tmp_path / "some" / "models.csv"]
    assert read_models(tmp_path / "own.csv")["input"] == ["session"]
    assert later.row()["input"] == "as trained"
