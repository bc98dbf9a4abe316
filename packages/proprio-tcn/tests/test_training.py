"""Training, resuming and files, on small movements with a small network."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from neuro_common.files import FormatError
from proprio_tcn.baselines.comparison import target_scores
from proprio_tcn.networks.settings import TrunkSettings
from proprio_tcn.networks.trunk import build_trunk
from proprio_tcn.tasks.metrics import LetterTally, RegressionTally
from proprio_tcn.tasks.sixteen import TASKS
from proprio_tcn.tasks.targets import TargetScale, target_values
from proprio_tcn.training.batches import ArrayMovements, shift_movements
from proprio_tcn.training.fitting import fit_scale, planned_updates, train_network, train_together
from proprio_tcn.training.input_scale import ScaledTrunk, spindle_scale
from proprio_tcn.training.lesson import Lesson, evaluate
from proprio_tcn.training.reading import Reading
from proprio_tcn.training.schedules import Course, cosine_rate, patience_decays
from proprio_tcn.training.settings import TrainSettings
from proprio_tcn.training.trained import Trained, load_network, save_network

BINS, MUSCLES = 64, 6
TRUNK = TrunkSettings(spatial_kernels=[4, 8], spatial_kernel_size=3, temporal_kernel_size=3)
QUICK = TrainSettings(epochs=2, batch=16, learning_rate=5e-3)


def movements(seed: int, n: int = 64) -> ArrayMovements:
    """Letters are frequencies; everything else is linear in what the muscles do."""
    rng = np.random.default_rng(seed)
    mixing = np.random.default_rng(0).normal(size=(MUSCLES, 4))
    letter = rng.integers(0, 4, n)
    moving = np.zeros((n, BINS), bool)
    state = np.zeros((n, 4, BINS))
    for i in range(n):
        start = rng.integers(0, BINS - 40)
        moving[i, start : start + 40] = True
        phase = np.clip((np.arange(BINS) - start) / 40, 0, 1)
        waves = np.sin(np.pi * (1 + letter[i]) * phase + np.arange(4)[:, None])
        state[i] = waves + rng.normal(size=(4, 1))
    length = np.einsum("ms,nsb->nmb", mixing, state) * 10 + 200
    part = {"joint_angle": 20 * state, "hand": 9 * state[:, :3], "elbow": 4 * state[:, 1:]}
    part |= {"torque": state**2, "target": np.repeat(state[:, :3, -1:], BINS, axis=2)}
    for name, key in (("joint", "joint_angle"), ("hand", "hand"), ("elbow", "elbow")):
        part[f"{name}_velocity"] = np.gradient(part[key], 0.01, axis=2)
        part[f"{name}_acceleration"] = np.gradient(part[f"{name}_velocity"], 0.01, axis=2)
    arrays = {key: values.astype(np.float32) for key, values in part.items()}
    velocity = np.gradient(length, 0.01, axis=2)
    arrays["spindle"] = np.stack([length, velocity], axis=3).astype(np.float32)
    arrays |= {"letter": letter, "moving": moving}
    return ArrayMovements(tuple(f"muscle {i}" for i in range(MUSCLES)), arrays)


@pytest.fixture(scope="module")
def sets() -> tuple[ArrayMovements, ArrayMovements]:
    return movements(1), movements(2, 32)


def taught(
    name: str, sets: tuple[ArrayMovements, ArrayMovements], where: Path, settings: TrainSettings
) -> Trained:
    return train_network(TASKS[name], TRUNK, *sets, settings, where, seed=3)


@pytest.mark.parametrize("name", TASKS)
def test_every_task_can_be_learnt(
    name: str, sets: tuple[ArrayMovements, ArrayMovements], tmp_path: Path
) -> None:
    task = TASKS[name]
    # a mean over so short a window is too little for two views to agree on
    settings = replace(QUICK, readout="flatten") if task.head == "project" else QUICK
    found = taught(name, sets, tmp_path, settings)
    before = found.begin().evaluate(sets[1])
    after = found.evaluate(sets[1])
    assert after.metric > before.metric
    assert found.metrics["validation_loss"] == after.loss
    assert (after.tally is None) is (name == "redundancy_reduction")
    answer = found.predict({**sets[1].arrays})
    outputs = task.outputs(MUSCLES)
    if task.is_regression:
        assert answer.shape == (32, outputs, BINS)
        tally = RegressionTally(task, MUSCLES)
        tally.add(answer, target_values(task, sets[1].arrays), sets[1].arrays["moving"])
        assert after.filled is not None
        assert tally.r2() == pytest.approx(after.filled.r2(), abs=1e-5)
    else:
        assert answer.shape == (32, outputs or 256)


def test_networks_of_all_tasks_begin_with_one_trunk(
    sets: tuple[ArrayMovements, ArrayMovements],
) -> None:
    trunks = []
    for name in ("action_recognition", "torque", "autoencoder", "redundancy_reduction"):
        one = Trained.untrained(
            TASKS[name], TRUNK, sets[0].muscles, scale=None, settings=QUICK, seed=5, bins=BINS
        )
        trunks.append(one.network.trunk.state_dict())
    for other in trunks[1:]:
        assert all(torch.equal(other[key], trunks[0][key]) for key in trunks[0])


def test_a_killed_training_goes_on_to_the_bit(
    sets: tuple[ArrayMovements, ArrayMovements], tmp_path: Path
) -> None:
    class Killed(Exception):
        pass

    settings = replace(QUICK, epochs=3, shift=True, spindle_noise=0.05)
    name = "action_recognition"  # its head draws dropout
    whole = taught(name, sets, tmp_path / "whole", settings)
    made = 0

    def kill(updates: int, loss: float) -> None:
        nonlocal made
        made += updates
        if made == 6:
            raise Killed

    args = (TASKS[name], TRUNK, *sets, settings, tmp_path / "cut")
    with pytest.raises(Killed):
        train_network(*args, seed=3, advance=kill)
    again = train_network(*args, seed=3)
    state = again.network.state_dict()
    for key, value in whole.network.state_dict().items():
        assert torch.equal(state[key], value), key
    assert again.metrics == whole.metrics


def test_weights_of_another_training_are_not_taken_up(
    sets: tuple[ArrayMovements, ArrayMovements], tmp_path: Path
) -> None:
    settings, task = replace(QUICK, epochs=1), TASKS["hand_position"]
    first = taught("hand_position", sets, tmp_path, settings)
    another = (TASKS["hand_velocity"], TRUNK, *sets, settings, tmp_path)
    with pytest.raises(FormatError, match=r"tasks=\['hand_velocity'\], seeds=\[1\], seed=1, got"):
        train_network(*another, seed=1)
    with pytest.raises(FormatError, match=r"with trunk.norm=masked, got .* with trunk.norm=sample"):
        train_network(task, replace(TRUNK, norm="masked"), *sets, settings, tmp_path, seed=3)
    with pytest.raises(FormatError, match=r"with settings.learning_rate=0.001, got checkpoints of"):
        taught("hand_position", sets, tmp_path, replace(settings, learning_rate=1e-3))
    with pytest.raises(FormatError, match=r"movements=48, got checkpoints of .* movements=64"):
        taught("hand_position", (movements(1, 48), sets[1]), tmp_path, settings)
    # where it runs decides nothing: a finished training is given again
    again = taught("hand_position", sets, tmp_path, replace(settings, device="cpu:0"))
    assert again.metrics == first.metrics


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


def test_a_trunk_standardises_its_spindles(
    sets: tuple[ArrayMovements, ArrayMovements], tmp_path: Path
) -> None:
    scale = spindle_scale(sets[0])
    spindle, moving = sets[0].arrays["spindle"], sets[0].arrays["moving"]
    rows = np.moveaxis(spindle, 1, 2)[moving].astype(np.float64)
    np.testing.assert_allclose(scale[0, :, 0], rows[..., 0].mean(axis=0), rtol=1e-6)
    np.testing.assert_allclose(scale[1], rows.std(axis=0), rtol=1e-5)
    assert (scale[0, :, 1] == 0).all()
    plain = build_trunk(TRUNK, MUSCLES, 3, bins=BINS)
    scaled = ScaledTrunk.of(plain, scale)
    given = torch.from_numpy(spindle[:4])
    mean, spread = torch.from_numpy(scale).float()[:, :, None]
    inside = (given - mean) / spread
    assert torch.allclose(scaled(given), plain(inside), atol=1e-4)
    for one, other in zip(scaled.layers(given), plain.layers(inside), strict=True):
        assert torch.allclose(one, other, atol=1e-4)
    # A13: a published trunk hides any common scale of its input, a scaled one does not
    assert torch.allclose(plain(1000 * given), plain(given), atol=1e-3)
    assert not torch.allclose(scaled(1000 * given), scaled(given), atol=1e-1)
    raw = taught("hand_position", sets, tmp_path, replace(QUICK, compat_inputs=True))
    assert not isinstance(raw.network.trunk, ScaledTrunk)
    save_network(tmp_path, raw)
    assert not isinstance(load_network(tmp_path).network.trunk, ScaledTrunk)


def test_together_as_alone(sets: tuple[ArrayMovements, ArrayMovements], tmp_path: Path) -> None:
    members = [(TASKS[name], 3) for name in ("hand_velocity", "torque", "action_recognition")]
    members.append((TASKS["hand_velocity"], 4))
    settings = replace(QUICK, learning_rate=1e-3)
    together = train_together(members, TRUNK, *sets, settings, tmp_path / "all", seed=3)
    for number, (task, seed) in enumerate(members[:3]):
        alone = train_network(
            task, TRUNK, *sets, settings, tmp_path / task.name, seed=seed
        ).metrics["validation_loss"]
        assert together[number].metrics["validation_loss"] == pytest.approx(alone, rel=1e-3)
    first, other = together[0].metrics, together[3].metrics
    assert first["validation_loss"] != other["validation_loss"]
    members.append((TASKS["redundancy_reduction"], 3))
    with pytest.raises(ValueError, match="redundancy_reduction must be learnt apart"):
        train_together(members, TRUNK, *sets, settings, tmp_path / "more", seed=3)
    pair = [(TASKS["redundancy_reduction"], seed) for seed in (3, 4)]
    found = train_together(pair, TRUNK, *sets, settings, tmp_path / "pair", seed=3)
    assert all(one.metrics["validation_loss"] > 0 for one in found)
    with pytest.raises(ValueError, match='schedule must be "cosine" or "constant" for networks'):
        train_together(
            members[:2], TRUNK, *sets, replace(QUICK, schedule="patience"), tmp_path, seed=3
        )
    with pytest.raises(ValueError, match="members must be at least one task"):
        train_together([], TRUNK, *sets, settings, tmp_path, seed=3)


def test_files_give_back_the_same_network(
    sets: tuple[ArrayMovements, ArrayMovements], tmp_path: Path
) -> None:
    found = taught("limb_velocity", sets, tmp_path / "run", QUICK)
    found.facts["command"] = "proprio-tcn train"
    save_network(tmp_path, found)
    back = load_network(tmp_path)
    np.testing.assert_array_equal(back.predict(sets[1].arrays), found.predict(sets[1].arrays))
    assert (back.metrics, back.facts) == (found.metrics, found.facts)
    assert back.network.trunk.settings == TRUNK
    assert (back.task, back.muscles) == (TASKS["limb_velocity"], sets[0].muscles)
    assert back.facts["origin"] == "trained"
    size = sum(one.stat().st_size for one in tmp_path.glob("*.*"))
    numbers = sum(one.numel() for one in found.network.parameters())
    assert size < 4 * numbers + 10_000

    weights = tmp_path / "weights.safetensors"
    whole = weights.read_bytes()
    weights.write_bytes(whole[:-4])
    with pytest.raises(FormatError, match="SHA-256"):
        load_network(tmp_path)
    weights.unlink()
    with pytest.raises(FileNotFoundError, match=r"weights.safetensors is missing"):
        load_network(tmp_path)


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


def test_files_of_something_else_are_refused(tmp_path: Path) -> None:
    from neuro_common.checkpoint import save_checkpoint

    save_checkpoint(tmp_path, {"a": np.zeros(2)}, {"kind": "brainnn/walker"})
    with pytest.raises(FormatError, match="must hold a network of proprio-tcn, got 'brainnn/walk"):
        load_network(tmp_path)
    save_checkpoint(tmp_path, {"a": np.zeros(2)}, {"kind": "proprio-tcn/network", "task": "torque"})
    with pytest.raises(FormatError, match="is no whole network: 'network'"):
        load_network(tmp_path)


def test_movements_must_fit(sets: tuple[ArrayMovements, ArrayMovements], tmp_path: Path) -> None:
    other = ArrayMovements(("a", "b"), sets[1].arrays)
    with pytest.raises(ValueError, match="must be of the same muscles, got 6 and 2"):
        taught("hand_position", (sets[0], other), tmp_path, QUICK)
    with pytest.raises(ValueError, match="at least batch=100 to learn from, got 64"):
        taught("hand_position", sets, tmp_path, replace(QUICK, batch=100))
    found = Trained.untrained(
        TASKS["hand_position"], TRUNK, sets[0].muscles, scale=None, settings=QUICK, seed=0,
        bins=BINS,
    )  # fmt: skip
    with pytest.raises(ValueError, match=r"of the network's 6 muscles \(muscle 0, .* got 2"):
        found.evaluate(other)


def test_each_epoch_sees_every_movement_once(sets: tuple[ArrayMovements, ArrayMovements]) -> None:
    numbered = ArrayMovements(
        ("a",),
        {
            "spindle": np.arange(64, dtype=np.float32)[:, None, None, None]
            + np.zeros((1, 1, 4, 2)),
            "moving": np.ones((64, 4), bool),
            "letter": np.zeros(64, np.int64),
        },
    )
    reading = Reading(TASKS["action_recognition"], None, [0], 4, QUICK)
    lesson = Lesson([reading], numbered, seed=0)
    assert lesson.epoch_updates == 4
    assert planned_updates(QUICK, 64) == 8
    seen = [lesson.questions(update)[0].inputs[0][:, 0, 0, 0].tolist() for update in range(8)]
    first, second = ([one for part in half for one in part] for half in (seen[:4], seen[4:]))
    assert sorted(first) == sorted(second) == list(range(64))
    assert first != second
    assert seen[5] == lesson.questions(5)[0].inputs[0][:, 0, 0, 0].tolist()


def test_shifted_movements_are_whole(sets: tuple[ArrayMovements, ArrayMovements]) -> None:
    batch = dict(sets[0].arrays)
    moved = shift_movements(batch, np.random.default_rng(0))
    starts, before = (one["moving"].argmax(axis=1) for one in (moved, batch))
    assert (moved["moving"].sum(axis=1) == 40).all()
    assert starts.min() == 0
    assert starts.max() == BINS - 40
    assert (starts != before).mean() > 0.9
    for key in ("spindle", "hand_velocity"):
        for i in range(8):
            old = np.moveaxis(batch[key][i], 1, 0)[before[i] : before[i] + 40]
            new = np.moveaxis(moved[key][i], 1, 0)[starts[i] : starts[i] + 40]
            np.testing.assert_array_equal(old, new)
    np.testing.assert_array_equal(moved["letter"], batch["letter"])


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


def test_courses_of_the_learning_rate(tmp_path: Path) -> None:
    rates = [cosine_rate(update, 100) for update in range(100)]
    assert max(rates) == rates[5] == 1
    assert rates[0] < 0.2
    assert rates[-1] < 0.02
    assert np.diff(rates[5:]).max() < 0
    assert patience_decays([5, 4, 4, 4], 2) == 1
    assert patience_decays([5, 4, 4, 3, 3, 3, 3, 3], 2) == 2
    settings = TrainSettings(schedule="patience", patience=2)
    course = Course(settings, 100, tmp_path)
    for update, loss in enumerate((5, 4, 4, 4, 4, 4)):
        course.note(10 * update, loss)
    # the published quarter, and the end at the second decay
    assert [course.rate(update) for update in (0, 29, 30, 49, 50)] == [1, 1, 0.25, 0.25, 0]
    assert not course.ended(49)
    assert course.ended(50)
    # a resume at update 20 forgets what came after it
    again = Course(settings, 100, tmp_path)
    assert again.rate(50) == 0
    again.note(20, 3.0)
    assert again.rate(60) == 1
    (tmp_path / "validations.json").write_text('{"format": "proprio-tcn/validations"')
    with pytest.raises(FormatError, match="must be a complete JSON file"):
        Course(settings, 100, tmp_path)


def test_patience_ends_a_training(
    sets: tuple[ArrayMovements, ArrayMovements], tmp_path: Path
) -> None:
    # nothing can be learnt at this rate: each validation is as good as the first
    settings = replace(QUICK, epochs=6, schedule="patience", patience=1, learning_rate=1e-12)
    points = []
    train_network(
        TASKS["hand_position"], TRUNK, *sets, settings, tmp_path, seed=3, report=points.append
    )
    rates = [point.learning_rate / 1e-12 for point in points[1:]]
    assert rates == pytest.approx([1, 1 / 4, 0, 0, 0, 0]) or rates[-1] == 0


def test_settings_are_checked() -> None:
    for wrong, message in (
        ({"epochs": 0}, "epochs must be at least 1, got 0"),
        ({"padding_weight": -1.0}, "padding_weight must be at least 0, got -1.0"),
        ({"weight_decay": float("nan")}, "weight_decay must be at least 0, got nan"),
        ({"learning_rate": 0.0}, "learning_rate and clip_norm must be above 0, got 0.0"),
        ({"schedule": "step"}, "schedule must be of cosine, constant, patience, got 'step'"),
        ({"interpolation": "nearest"}, "interpolation must be .*, got 'nearest'"),
        ({"views": ["min"]}, r"views must be some of time, muscle, noise, got \['min'\]"),
        ({"views": []}, r"views must be some of time, muscle, noise, got \[\]"),
    ):
        with pytest.raises(ValueError, match=message):
            TrainSettings(**wrong)  # type: ignore[arg-type]


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
