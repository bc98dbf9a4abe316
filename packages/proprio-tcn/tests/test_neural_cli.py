"""Activations, prediction and comparison, as a user types them."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from neuro_common.cli import Verb, compose, main
from neuro_common.runs import read_csv, read_metric
from proprio_tcn.networks.head_settings import HeadSettings
from proprio_tcn.networks.making import build_network
from proprio_tcn.networks.settings import TrunkSettings
from proprio_tcn.networks.trunk import build_trunk
from proprio_tcn.neural.data_driven import Learning, learn_architectures, learn_spikes
from proprio_tcn.neural.features import spindle_input
from proprio_tcn.neural.formats.npz import write_npz
from proprio_tcn.neural.kinematics import with_derivatives
from proprio_tcn.neural.models import (
    NamedNetwork,
    network_features,
    of_muscles,
    open_networks,
)
from proprio_tcn.neural.prediction import LayerScore
from proprio_tcn.neural.prediction_files import read_prediction
from proprio_tcn.neural.protocol import Protocol
from proprio_tcn.neural.recording import Recording
from proprio_tcn.neural.relations import Standing, relation_table
from proprio_tcn.neural.statistics import partial_correlation
from proprio_tcn.neural.synthetic import Encoding, plant_neurons
from proprio_tcn.neural.targets import prepare
from proprio_tcn.tasks.sixteen import get_task
from proprio_tcn.tasks.targets import TargetScale
from proprio_tcn.training.settings import TrainSettings
from proprio_tcn.training.trained import Trained, save_network

VERBS = tuple(
    Verb(
        name,
        name,
        f"proprio-tcn {name}",
        f"proprio_tcn.neural_cli:{name}",
        f"proprio_tcn.neural_config:{name.capitalize()}Config",
    )
    for name in ("activations", "predict", "compare")
)
MUSCLES = tuple(f"m{number}" for number in range(6))
SETTINGS = TrunkSettings(spatial_kernels=[4, 6], spatial_kernel_size=3, temporal_kernel_size=5)


def session(trials: int = 48) -> Recording:
    """Smooth random movements; neurons follow the muscles."""
    rng = np.random.default_rng(0)
    slow = rng.normal(size=(trials, 110, 6)).cumsum(axis=1).cumsum(axis=1) / 20 + 100
    empty = Recording(
        np.zeros((trials, 110, 1), dtype=np.uint16),
        np.full(trials, 110),
        {"muscle_length": slow.astype(np.float32)},
        movement_onset=np.full(trials, 10),
        movement_end=rng.integers(70, 100, trials),
        bump_onset=np.full(trials, -1),
        target_direction_deg=90.0 * (np.arange(trials) % 4),
        bump_direction_deg=np.full(trials, np.nan),
        neurons=("none",),
        muscles=MUSCLES,
        subject="Nobody",
    )
    state = empty.variables(["muscle_length"])
    encoding = Encoding(neurons=8, link="identity", gain=0.4, rate_hz=80)
    return plant_neurons(empty, state, encoding, seed=0)[0]


def save_trained(directory: Path, seed: int, performance: float) -> Path:
    task = get_task("hand_position")
    network = build_network(SETTINGS, HeadSettings("regress", 3), len(MUSCLES), seed)
    with torch.no_grad():
        for one in network.parameters():
            one.mul_(1.1)
    scale = TargetScale(np.zeros(3, dtype=np.float32), np.ones(3, dtype=np.float32))
    metrics = {"test_hand_movement_r2": performance, "test_hand_all_r2": 0.0}
    save_network(
        directory, Trained(network, task, MUSCLES, scale, TrainSettings(), metrics=metrics)
    )
    return directory


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    write_npz(session(), tmp_path / "session.npz")
    return tmp_path


def run(*words: str) -> Path:
    folder = Path("results", words[0])
    own = folder / str(len(list(folder.glob("*"))))  # two runs of one second would be one directory
    assert main("proprio-tcn", VERBS, [*words, f"hydra.run.dir={own}"]) == 0
    return own


def test_from_networks_to_a_comparison(elsewhere: Path, capsys: pytest.CaptureFixture[str]) -> None:
    trained = save_trained(elsewhere / "trained", 0, 0.7)
    common = ["recording=session.npz", f"networks=[{trained}]", "draws=0"]
    first = run("activations", *common)
    assert "4 layers of 2 networks in 48 windows" in capsys.readouterr().out
    models = read_csv(first / "models.csv")
    assert models["task"] == ["hand_position", "untrained"]
    assert float(models["performance"][0]) == 0.7
    assert read_metric(first) == sum(int(one) for one in models["layers"])

    found = run("predict", *common, "lags=[0,3]", "data_driven=2")
    said = capsys.readouterr().out
    assert "8 neurons of Nobody, 38 active trials learnt from, 10 held out" in said
    prediction = read_prediction(found)
    assert len(prediction.neurons) == 8
    kinds = {one.split()[0] for one in prediction.models}
    assert {"hand_position", "untrained", "muscle", "data-driven", "direction"} <= kinds
    layers = read_csv(found / "layers.csv")
    assert len(layers["model"]) == len(prediction.layers)
    assert max(float(one) for one in layers["test_ev"]) == pytest.approx(
        read_metric(found), abs=0.2
    )
    ceilings = read_csv(found / "ceilings.csv")
    assert len(ceilings["neuron"]) == 8
    assert all(50 < float(one) < 110 for one in ceilings["rate_hz"])
    lags = read_csv(found / "lags.csv")
    assert len(lags["neuron"]) == 2 * 8 * (len(prediction.models) - 1)
    split = json.loads((found / "split.json").read_text())
    assert not set(split["train_trials"]) & set(split["test_trials"])

    # networks whose features are in files are not run again
    words = [*common, "draws=1"]
    stored = run("activations", *words) / "activations"
    given = ",".join(str(one) for one in sorted(stored.iterdir()))
    capsys.readouterr()
    merged = run("predict", *words, f"activations=[{given}]", "kinematics=[direction]", "lags=[0]")
    assert "3 networks are read from activations, not run again" in capsys.readouterr().out
    names = [(one.model, one.layer) for one in read_prediction(merged).layers]
    assert len(set(names)) == len(names) > 6

    # features from files are those of the networks
    files = ",".join(str(one) for one in sorted((first / "activations").iterdir()))
    again = run("predict", "recording=session.npz", f"activations=[{files}]", "draws=0")
    capsys.readouterr()
    both = read_prediction(again)
    assert read_csv(again / "models.csv") == models
    name = "hand_position"
    for one in both.layers:
        if one.model.startswith(name):
            (same,) = (o for o in prediction.layers if (o.model, o.layer) == (one.model, one.layer))
            np.testing.assert_allclose(one.test_ev, same.test_ev, atol=0.01)

    compared = run("compare", f"predictions=[{found}]", "reference=muscle length", "draws=200")
    rows = read_csv(compared / "comparisons.csv")
    assert set(rows["second"]) == {"muscle length"}
    assert len(rows["first"]) == len(prediction.models) - 1
    assert "muscle length" in capsys.readouterr().out


def test_the_embedded_session_needs_no_file() -> None:
    config = compose("proprio-tcn", VERBS, "predict", ["protocol.window=passive"])
    assert config.recording == "synthetic"
    assert config.neurons.variables == ["hand", "elbow", "hand_velocity", "elbow_velocity"]
    assert config.protocol.window == "passive"
    assert len(config.protocol.alphas) == 15


@pytest.mark.slow
def test_the_embedded_session_is_read_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    found = run("predict", "reaching.active=60", "reaching.passive=10", "draws=1")
    ceilings = read_csv(found / "ceilings.csv")
    oracle = np.mean([float(one) for one in ceilings["oracle_ev"]])
    assert read_metric(found) < oracle + 0.02
    assert "neurons of synthetic human" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["activations", "recording=session.npz", "draws=0"], "at least one network is needed"),
        (
            ["predict", "recording=session.npz", "protocol.window=passive"],
            "must have passive trials",
        ),
        (["predict", "recording=none.npz"], "No such file"),
        (["predict", "recording=session.txt"], "must end in .nwb, .mat or .npz"),
        (["predict", "recording=session.npz", "kinematics=[mood]"], "must be one of direction"),
        (["compare"], "predictions must name directories"),
    ],
)
def test_what_cannot_be_done_is_said(
    elsewhere: Path, capsys: pytest.CaptureFixture[str], words: list[str], message: str
) -> None:
    assert main("proprio-tcn", VERBS, words) == 1
    assert message in capsys.readouterr().err


def test_activations_of_another_split_are_refused(
    elsewhere: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first = run("activations", "recording=session.npz", "draws=1")
    file = first / "activations" / "0.npz"
    words = ["predict", "recording=session.npz", f"activations=[{file}]", "draws=0"]
    assert main("proprio-tcn", VERBS, [*words, "protocol.seed=1"]) == 1
    assert "of the same windows and split, but its train differs" in capsys.readouterr().err


def test_muscles_are_matched_by_name() -> None:
    recording = session()
    turned = of_muscles(recording, MUSCLES[::-1])
    np.testing.assert_array_equal(
        turned.kinematics["muscle_length"], recording.kinematics["muscle_length"][..., ::-1]
    )
    with pytest.raises(
        ValueError, match=r"network's 2 muscles, but it lacks 1 of them, such as biceps"
    ):
        of_muscles(recording, ("m1", "biceps"))


def test_networks_of_one_beginning_share_an_untrained_one(tmp_path: Path) -> None:
    paths = [save_trained(tmp_path / str(n), seed, 0.5) for n, seed in enumerate((0, 0, 3))]
    found = open_networks(paths, session(), draws=0)
    tasks = ["hand_position", "untrained", "hand_position", "hand_position", "untrained"]
    assert [one.task for one in found] == tasks
    first, twin = found[0].trunk, found[1].trunk
    for one, two in zip(first.parameters(), twin.parameters(), strict=True):
        torch.testing.assert_close(one, 1.1 * two)
    assert len({one.name for one in found}) == 5


def test_networks_of_one_name_are_kept_apart(
    elsewhere: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    paths = [save_trained(elsewhere / place / "trained", 0, 0.5) for place in "abcd"]
    found = [one.name for one in open_networks(paths, session(), untrained=False)]
    name = f"hand_position {SETTINGS.name()} 0"
    assert found == [name, f"{name} trained", f"{name} trained 2", f"{name} trained 3"]
    # those of files too
    common = ["recording=session.npz", "draws=0", "untrained=false"]
    file = run("activations", *common, f"networks=[{paths[0]}]") / "activations" / "0.npz"
    other = save_trained(elsewhere / "other", 0, 0.6)
    words = ["predict", *common, f"networks=[{other}]", f"activations=[{file}]"]
    assert main("proprio-tcn", VERBS, words) == 1
    assert f"must not call two networks {name}, but in" in capsys.readouterr().err


def test_an_untrained_one_is_the_network_at_update_zero(tmp_path: Path) -> None:
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
    recording = session()
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


def test_each_muscle_set_of_an_architecture_learns() -> None:
    targets = prepare(session())
    own, few, again = (
        NamedNetwork(name, build_trunk(SETTINGS, len(muscles), 0).eval(), muscles, "untrained")
        for name, muscles in (("a", MUSCLES), ("b", MUSCLES[:4]), ("c", MUSCLES))
    )
    drawn = NamedNetwork("d", own.trunk, None, "untrained")
    found = learn_architectures([own, few, again, drawn], targets, Protocol(), epochs=1, seed=0)
    name = f"data-driven {SETTINGS.name()}"
    assert [one.model for one in found] == [name, f"{name}, muscle set 2"]
    assert not np.array_equal(found[0].test_ev, found[1].test_ev)


def test_damaged_activations_are_named(elsewhere: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first = run("activations", "recording=session.npz", "draws=1")
    whole = (first / "activations" / "0.npz").read_bytes()
    alone = elsewhere / "some" / "where" / "0.npz"
    alone.parent.mkdir(parents=True)
    alone.write_bytes(whole[: len(whole) // 2])
    words = ["predict", "recording=session.npz", f"activations=[{alone}]", "draws=0"]
    assert main("proprio-tcn", VERBS, words) == 1
    said = capsys.readouterr().err
    assert f"{alone} must be a whole npz file" in said
    # without the table of their networks
    alone.write_bytes(whole)
    found = run(*words, "kinematics=[direction]")
    assert f"no {elsewhere / 'some' / 'models.csv'}: what is known" in capsys.readouterr().out
    assert read_csv(found / "models.csv")["model"] == []


def test_silent_neurons_are_told(elsewhere: Path, capsys: pytest.CaptureFixture[str]) -> None:
    recording = session()
    spikes = recording.spikes.copy()
    spikes[..., 5] = 0
    write_npz(replace(recording, spikes=spikes), elsewhere / "silent.npz")
    found = run("predict", "recording=silent.npz", "draws=0", "kinematics=[direction]")
    assert "left out: 1 neurons that do not vary in training or held-out trials: " in (
        capsys.readouterr().out
    )
    assert len(read_prediction(found).neurons) == 7


def test_a_network_learns_the_spikes() -> None:
    moving = with_derivatives(session())
    state = moving.variables(["muscle_velocity"])
    encoding = Encoding(neurons=8, link="identity", gain=0.4, rate_hz=500)
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


def test_performance_is_related_with_depth_taken_out() -> None:
    rng = np.random.default_rng(0)
    rows = []
    for number in range(20):
        depth = int(rng.integers(1, 6))
        performance = 0.1 * depth + 0.02 * rng.normal()
        for place, own in (("one", 0.0), ("two", 0.3)):
            ev = 0.05 * depth + own + 0.5 * (performance - 0.1 * depth) + 0.002 * rng.normal()
            rows.append(Standing(place, f"net {number}", "torque", depth, performance, ev))
    table = relation_table(rows)
    assert table["task"] == ["torque"]
    assert (table["networks"], table["sessions"]) == ([20], [2])
    assert table["r"][0] > 0.9
    assert table["slope"][0] == pytest.approx(0.5, abs=0.1)
    assert relation_table(rows[:6])["task"] == []  # three networks tell nothing


def test_sessions_add_no_networks() -> None:
    """p is of networks, however many sessions saw them: that of their means (B21)."""
    rng = np.random.default_rng(3)
    depth, performance = rng.integers(1, 6, 9), rng.normal(size=9)
    own = 0.4 * performance + rng.normal(size=9)  # what a network has in every session
    noise = 0.1 * rng.normal(size=(6, 9))
    rows = [
        Standing(f"session {s}", f"net {n}", "torque", int(depth[n]), performance[n], ev)
        for s in range(6)
        for n, ev in enumerate(own + noise[s] + s)
    ]
    table = relation_table(rows)
    means = partial_correlation(performance, (own + noise).mean(axis=0), depth)
    assert table["p"][0] == pytest.approx(means.p, rel=1e-3)
    # as if each session had networks of its own
    pooled = partial_correlation(performance.repeat(6), (own + noise).T.ravel(), depth.repeat(6))
    assert table["p"][0] > 1000 * pooled.p
    alone = relation_table(rows[:9])
    one = partial_correlation(performance, own + noise[0], depth)
    assert (alone["r"][0], alone["p"][0]) == (one.r, one.p)


def test_performance_that_follows_depth_leaves_the_table(
    elsewhere: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    tied = [Standing("s", f"n{n}", "torque", n, 0.1 * n, 0.1 + 0.01 * n**2) for n in range(1, 8)]
    free = [replace(one, task="other", performance=0.3 + 0.1 * (one.layers % 3)) for one in tied]
    table = relation_table([*tied, *free])
    assert table["task"] == ["torque", "other"]
    assert np.isnan([table[name][0] for name in ("r", "p", "slope")]).all()
    assert np.isfinite([table["r"][1], table["p"][1]]).all()

    def tied_ones(*_: object) -> list[Standing]:
        return [*tied, *free]

    found = run("predict", "recording=session.npz", "draws=1", "kinematics=[direction]")
    monkeypatch.setattr(Standing, "of", tied_ones)
    compared = run("compare", f"predictions=[{found}]", "draws=100")
    assert read_csv(compared / "relations.csv")["task"] == ["torque", "other"]
    said = capsys.readouterr().out
    assert "torque: performance and explained variance, depth taken out: not to be told" in said
    assert "other: performance and explained variance, depth taken out: r " in said
