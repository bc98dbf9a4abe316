"""The networks that come with the package: they open by name, and do what their manifests say."""

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from neuro_common import cli
from neuro_common.files import FormatError
from neuro_common.runs import read_metric
from proprio_tcn.arms.opening import open_arm
from proprio_tcn.cli import VERBS
from proprio_tcn.movements.making import cells_of, make_renderer, make_set
from proprio_tcn.movements.movement_set import MovementSet
from proprio_tcn.movements.rendering import render
from proprio_tcn.movements_config import MovementSettings
from proprio_tcn.networks.sampling import sample_trunk
from proprio_tcn.networks.settings import TrunkSettings
from proprio_tcn.tasks.sixteen import TASKS, Task
from proprio_tcn.training import movement_source
from proprio_tcn.training.card import card_of, group_card_of, read_scores
from proprio_tcn.training.movement_source import Source
from proprio_tcn.training.settings import TrainSettings
from proprio_tcn.training.shipped import each_network, find_network, shipped_networks
from proprio_tcn.training.trained import Trained, load_network, save_network

SHIPPED = shipped_networks()
SAMPLED = shipped_networks("pretrained/sampled")
SAMPLED_TASKS = ("action_recognition", "hand_position", "joint_velocity")
BINS = 400
each_shipped = pytest.mark.parametrize("name", SHIPPED)


def tiny(muscles: int) -> dict[str, NDArray[Any]]:
    rng = np.random.default_rng(0)
    moving = np.zeros((2, BINS), bool)
    moving[:, 100:200] = True
    spindle = rng.normal(size=(2, muscles, BINS, 2)) * moving[:, None, :, None] + 150.0
    target = np.full((2, 3, BINS), 20.0)
    arrays = {"spindle": spindle, "target": target}
    return {key: one.astype(np.float32) for key, one in arrays.items()} | {"moving": moving}


def folder_of(name: str) -> Path:
    return Path(__file__).parents[1] / "src" / "proprio_tcn" / name


def test_every_name_is_of_a_task_and_all_of_them_are_small() -> None:
    names = [name.removeprefix("pretrained/") for name in SHIPPED]
    assert names == list(TASKS)
    files = [path for path in folder_of("pretrained").rglob("*") if path.is_file()]
    weights = [path.stat().st_size for path in files if path.name == "weights.safetensors"]
    assert len(weights) == len(names) + len(SAMPLED)
    assert sum(weights) < 5_000_000
    assert sum(path.stat().st_size for path in files) - sum(weights) < 600_000


@each_shipped
def test_it_opens_and_says_what_it_was_made_of(name: str) -> None:
    trained = load_network(name)
    task, muscles = trained.task, len(trained.muscles)
    assert (f"pretrained/{task.name}", muscles) == (name, 37)
    facts = trained.facts
    seed = trained.network.seed
    line = f"proprio-tcn train task={task.name} drawn.jitter=0.06 seed={seed}"
    assert facts["command"].startswith(line)
    assert facts["command"].endswith(" training.half_weights=true")
    assert "/" not in facts["command"]
    assert facts["origin"] == "trained"
    assert MovementSettings(**facts["movement_settings"]).jitter == 0.06
    assert (facts["movements_folder"], facts["learnt_from"], facts["tested_on"]) == ("", 8080, 2320)
    batch = tiny(muscles)
    with torch.no_grad():
        features = trained.network.trunk(
            torch.from_numpy(batch["spindle"]), torch.from_numpy(batch["moving"])
        )
    assert features.shape == (2, 64, 3, 25)
    assert features.isfinite().all()
    if task.head == "project":
        with pytest.raises(ValueError, match="redundancy_reduction keeps no projection, which its"):
            trained.predict(batch)
        return
    said = trained.predict(batch)
    assert np.isfinite(said).all()
    wanted = (task.outputs(muscles), BINS) if task.is_regression else (20,)
    assert said.shape == (2, *wanted)
    assert np.ptp(said) > 0


def test_sampled_networks_differ_in_task_and_in_nothing_else() -> None:
    """Twelve trunks with two first weights each, the same for every task but for the norm."""
    assert len(SAMPLED) == 72
    trunks: dict[str, set[str]] = {}
    for name in SAMPLED:
        _, _, task, trunk, seed = name.split("/")
        trained = load_network(name)
        assert (trained.task.name, str(trained.network.seed)) == (task, seed)
        family, draw = trunk.rsplit("_", 1)
        line = f"proprio-tcn train task={task} model=sampled model.family={family}"
        facts = trained.facts
        assert facts["command"].startswith(f"{line} model.draw={draw} model.most_multiply_adds=2e7")
        assert (facts["learnt_from"], facts["tested_on"]) == (4040, 1160)
        settings = trained.network.trunk.settings
        drawn = sample_trunk(int(draw), family, most_multiply_adds=2e7)
        assert settings == replace(drawn, norm=settings.norm)
        trunks.setdefault(replace(settings, norm="sample").name(), set()).add(f"{task} {seed}")
        assert all(one.abs().max() < 1e3 for one in trained.network.state_dict().values())
    assert len(trunks) == 12
    assert set(map(len, trunks.values())) == {6}
    first = [
        load_network(f"pretrained/sampled/{task}/temporal_spatial_3/2").begin().network.trunk
        for task in SAMPLED_TASKS
    ]
    weights = [one.state_dict()["blocks.0.weight"] for one in first]
    assert all(torch.equal(one, weights[0]) for one in weights)


@pytest.mark.parametrize("task", SAMPLED_TASKS)
def test_sampled_networks_have_one_card_a_task(task: str) -> None:
    folder = folder_of(f"pretrained/sampled/{task}")
    assert (folder / "card.md").read_text(encoding="utf-8") == group_card_of(folder)
    weights = [path.stat().st_size for path in folder.rglob("*.safetensors")]
    assert len(weights) == 24
    assert sum(weights) < 2_000_000


@each_shipped
def test_its_card_is_of_its_manifest_and_scores(name: str) -> None:
    folder = folder_of(name)
    assert (folder / "card.md").read_text(encoding="utf-8") == card_of(folder)
    metrics = load_network(name).metrics
    first = read_scores(folder)[0].predictor
    own = [row for row in read_scores(folder) if row.predictor == first]
    for row in own:
        key = f"test_{row.target}_{row.where.removesuffix(' at outputs')}_r2"
        if not row.target:
            key = "test_probe_accuracy" if "redundancy" in name else "test_accuracy"
        elif not row.where.endswith("at outputs") and "autoencoder" not in name:
            key = key.replace("_r2", "_filled_r2")
        assert metrics[key] == pytest.approx(row.score), key


@each_shipped
def test_it_is_ahead_of_what_it_has_to_beat(name: str) -> None:
    rows = read_scores(folder_of(name))
    own, task = rows[0].predictor, load_network(name).task
    if task.head in ("classify", "project"):
        beside = [row.score for row in rows[1:]]
        assert rows[0].score > max(beside) + 0.1
        return
    where = "movement" if task.head == "decode" else "movement at outputs"
    found = {(row.predictor, row.target): row.rmse for row in rows if row.where == where}
    others = {row.predictor for row in rows} - {own, "quadratic"}
    assert others in ({"mean", "linear"}, {"pca_bins", "pca_windows"})
    for target in task.targets:
        assert found[own, target.name] < 0.93 * min(found[one, target.name] for one in others)


@pytest.fixture(scope="module")
def letters() -> MovementSet:
    """Movements of ten of the test writers, one of each letter."""
    told = load_network(SHIPPED[0]).facts["movement_settings"]
    settings = replace(MovementSettings(**told), repeats=1)
    arm = open_arm(settings.arm)
    trials, _ = render(make_renderer(arm, settings), cells_of(settings, "test")[:200])
    return make_set(arm, settings, "test", trials)


@pytest.mark.parametrize(
    "name",
    [
        *(name for name in SHIPPED if load_network(name).task.head not in ("torque", "project")),
        *SAMPLED[1::12],
    ],
)
def test_it_scores_on_unseen_writers_what_its_manifest_says(
    name: str, letters: MovementSet
) -> None:
    trained = load_network(name)
    found = trained.evaluate(letters).row()
    keys = [key for key in found if key == "accuracy" or key.endswith("movement_r2")]
    assert keys
    for key in keys:
        assert found[key] == pytest.approx(trained.metrics[f"test_{key}"], abs=0.08), key


def test_without_a_projection_it_is_scored_by_a_probe(
    letters: MovementSet,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    begun = load_network("pretrained/action_recognition").facts
    projecting = Trained.untrained(
        TASKS["redundancy_reduction"],
        TrunkSettings(norm="masked"),
        letters.muscles,
        scale=None,
        settings=TrainSettings(),
        seed=0,
    )
    projecting.facts.update(begun)
    save_network(tmp_path / "weights", projecting)
    asked = []

    def drawn(source: Source, split: str, task: Task) -> MovementSet:
        asked.append(split)
        parts = {"train": slice(0, 100), "val": slice(100, 140), "test": slice(140, 200)}
        found = letters.subset(np.arange(200)[parts[split]])
        found.origin["repeats"] = source.drawn.repeats
        return found

    monkeypatch.setattr(movement_source, "draw_or_open", drawn)
    line = ["evaluate", f"weights={tmp_path / 'weights'}", f"hydra.run.dir={tmp_path / 'run'}"]
    assert cli.main("proprio-tcn", VERBS, line) == 0
    assert asked == ["test", "train", "val"]
    accuracy = read_metric(tmp_path / "run")
    assert f"a linear probe for the letters{accuracy:30.4g}" in capsys.readouterr().out
    assert accuracy * 60 == pytest.approx(round(accuracy * 60))
    assert accuracy < 1


def test_the_untrained_one_is_made_from_the_seed() -> None:
    """It needs no file, and is the same beginning for every task of one seed and norm."""
    begun = load_network("pretrained/joint_velocity").begin()
    assert begun.facts["origin"] == "untrained"
    first = begun.network.trunk.state_dict()["blocks.0.weight"]
    assert first.shape == (8, 2, 5, 5)
    other = load_network("pretrained/action_recognition").begin()
    torch.testing.assert_close(other.network.trunk.state_dict()["blocks.0.weight"], first)


@each_shipped
def test_it_is_not_as_it_began(name: str) -> None:
    trained = load_network(name)
    begun = trained.begin().network.trunk.state_dict()
    for key, weights in trained.network.trunk.state_dict().items():
        if key.endswith("weight"):
            assert (weights - begun[key]).abs().max() > 0.01, key


def test_damaged_weights_are_refused(tmp_path: Path) -> None:
    copy = shutil.copytree(find_network(SHIPPED[0]), tmp_path / "copy")
    weights = copy / "weights.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"\x7f")
    with pytest.raises(FormatError, match=r"must have the SHA-256 that manifest\.json names"):
        load_network(copy)


def test_unknown_names_list_those_there_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    listed = "or one of pretrained/action_recognition, "
    for wrong in ("pretrained", "pretrained/grasp"):
        with pytest.raises(FileNotFoundError, match=rf"{listed}.*, got '{wrong}'"):
            load_network(wrong)
    line = ["evaluate", "weights=pretrained/grasp", "hydra.run.dir=run"]
    assert cli.main("proprio-tcn", VERBS, line) == 1
    assert listed in capsys.readouterr().err


def test_a_folder_of_ones_own_is_found_beside_those_that_ship(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("pretrained/mine").mkdir(parents=True)
    assert find_network("pretrained/mine") == Path("pretrained/mine")
    assert find_network(tmp_path) == tmp_path
    assert find_network(Path(SHIPPED[0])).is_absolute()
    assert each_network(["mine", "pretrained"]) == ["mine", *SHIPPED]
    assert each_network([SHIPPED[0]]) == [SHIPPED[0]]
    assert each_network(["pretrained/sampled"]) == list(SAMPLED)
    assert each_network(["pretrained/sampled/joint_velocity"]) == list(SAMPLED[48:])
    assert each_network(["pretrained/sampled/joint"]) == ["pretrained/sampled/joint"]
