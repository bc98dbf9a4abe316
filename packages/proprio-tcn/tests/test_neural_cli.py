"""Activations, prediction and comparison, as a user types them."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from neuro_common.cli import compose
from neuro_common.files import FormatError
from neuro_common.runs import read_csv, read_metric, write_csv
from proprio_tcn.cli import VERBS, main
from proprio_tcn.networks.settings import TrunkSettings
from proprio_tcn.neural.feature_files import read_features
from proprio_tcn.neural.formats.npz import write_npz
from proprio_tcn.neural.models import open_networks
from proprio_tcn.neural.prediction_files import read_prediction
from proprio_tcn.neural.protocol import Protocol
from proprio_tcn.neural.relations import Standing, relation_table
from proprio_tcn.neural.targets import prepare

SETTINGS = TrunkSettings(spatial_kernels=[4, 6], spatial_kernel_size=3, temporal_kernel_size=5)


@pytest.fixture
def elsewhere(muscle_session: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    write_npz(muscle_session(), tmp_path / "session.npz")
    return tmp_path


@pytest.fixture
def small(save_trained: Any, elsewhere: Path) -> list[str]:
    """One small network, which is all that is asked."""
    trained = save_trained(elsewhere / "small", 0, 0.7)
    return [f"networks=[{trained}]", "untrained=false", "draws=0"]


def run(*words: str) -> Path:
    own = new_directory(words[0])
    assert main([*words, f"hydra.run.dir={own}"]) == 0
    return own


def refused(*words: str) -> bool:
    own = new_directory("refused")
    return main([*words, f"hydra.run.dir={own}"]) in (1, 2)


def new_directory(name: str) -> Path:
    """Of its own, since two runs of one second would share one."""
    folder = Path("results", name)
    return folder / str(len(list(folder.glob("*"))))


def test_from_networks_to_a_comparison(
    save_trained: Any, elsewhere: Path, capsys: pytest.CaptureFixture[str]
) -> None:
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

    compared = run("compare", f"predictions=[{found}]", "reference=muscle length", "resamples=200")
    rows = read_csv(compared / "comparisons.csv")
    assert set(rows["second"]) == {"muscle length"}
    assert len(rows["first"]) == len(prediction.models) - 1
    assert "muscle length" in capsys.readouterr().out


def test_networks_that_nobody_trained_need_no_files(elsewhere: Path) -> None:
    common = ["recording=session.npz", "draws=0", "kinematics=[direction]"]
    found = run("predict", *common, "networks=[untrained/spatiotemporal,untrained/recurrent/2]")
    models = read_csv(found / "models.csv")
    assert models["family"] == ["spatiotemporal", "recurrent"]
    assert models["task"] == ["untrained", "untrained"]
    assert (models["seed"], models["input"]) == (["0", "2"], ["session", "session"])
    scored = read_csv(found / "layers.csv")["model"]
    assert sum(one.startswith("untrained spatiotemporal_8-16-32-64_k5") for one in scored) == 4
    assert refused("predict", *common, "networks=[untrained/none]")


def test_the_embedded_session_needs_no_file() -> None:
    config = compose("proprio-tcn", VERBS, "predict", ["protocol.window=passive"])
    assert config.recording == "synthetic"
    assert config.neurons.variables == ["hand", "elbow", "hand_velocity", "elbow_velocity"]
    assert config.protocol.window == "passive"
    assert len(config.protocol.alphas) == 15


def test_limb_neurons_of_the_embedded_session_reach_the_ceiling(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Planted case (a) as a user runs it, on the arm without muscles."""
    monkeypatch.chdir(tmp_path)
    neurons = ["neurons.link=identity", "neurons.gain=0.3", "neurons.rate_hz=150"]
    session = ["arm=two_link", "reaching.active=120", "reaching.passive=0"]
    found = run("predict", *session, *neurons, "draws=0")
    ceilings = read_csv(found / "ceilings.csv")
    oracle = np.mean([float(one) for one in ceilings["oracle_ev"]])
    layers = read_csv(found / "layers.csv")
    ranked = sorted(zip(map(float, layers["test_ev"]), layers["model"], strict=True))
    assert ranked[-1][1] == "limb position + velocity"
    assert oracle - 0.03 < ranked[-1][0] < oracle + 0.02
    assert ranked[-1][0] > ranked[0][0] + 0.2
    assert read_metric(found) == ranked[-1][0]


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
        (["predict", "shuffle=true", "lags=[0,3]"], "with shuffle=true leave out lags=[0, 3]"),
        (["predict", "control=noise"], "control must be one of muscles, time, constant, got"),
        (["activations", "draws=-1"], "draws must be at least 0, got -1"),
        (["predict", "batch=0"], "batch must be at least 1, got 0"),
        (["predict", "threads=0"], "threads must be at least 1, got 0"),
        (["predict", "data_driven=-2"], "data_driven must be at least 0, got -2"),
        (["predict", "folds=-1"], "folds must be 0 or 1 for one split, or more, got -1"),
        (["predict", "folds=3", "activations=[0.npz]"], "with folds=3 give networks=[DIR] in"),
        (
            ["predict", "recording=session.npz", "draws=0", "folds=49"],
            "outer folds must be at least 2 and at most the 48 trials, got 49",
        ),
        (
            ["predict", "recording=session.npz", "draws=0", "kinematics=[direction,direction]"],
            "got direction, direction twice",
        ),
        (["compare", "predictions=[a,b,./a]"], "must be there once, got a and ./a: they would"),
        (["activations", "recording=session.npz", "draws=0"], "at least one network is needed"),
        (
            ["predict", "recording=session.npz", "protocol.window=passive"],
            "must have passive trials",
        ),
        (["predict", "recording=none.npz"], "No such file"),
        (["predict", "device=gpu"], 'device must be "cpu", or "cuda" where torch finds a'),
        (["predict", "recording=session.txt"], "must end in .nwb, .mat or .npz"),
        (["predict", "recording=session.npz", "kinematics=[mood]"], "must be one of direction"),
        (["compare"], "predictions must name directories"),
    ],
)
def test_what_cannot_be_done_is_said(
    elsewhere: Path, capsys: pytest.CaptureFixture[str], words: list[str], message: str
) -> None:
    assert refused(*words)
    assert message in capsys.readouterr().err


def test_activations_of_another_split_are_refused(
    small: list[str], elsewhere: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first = run("activations", "recording=session.npz", *small)
    file = first / "activations" / "0.npz"
    words = ["predict", "recording=session.npz", f"activations=[{file}]", "draws=0"]
    assert refused(*words, "protocol.seed=1")
    assert "same windows, split and movements, but its train differs" in capsys.readouterr().err


def test_networks_of_one_name_are_kept_apart(
    muscle_session: Any, save_trained: Any, elsewhere: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    paths = [save_trained(elsewhere / place / "trained", 0, 0.5) for place in "abcd"]
    found = [one.name for one in open_networks(paths, muscle_session(), untrained=False)]
    name = f"hand_position {SETTINGS.name()} 0"
    assert found == [name, f"{name} trained", f"{name} trained 2", f"{name} trained 3"]
    # those of files too
    common = ["recording=session.npz", "draws=0", "untrained=false"]
    file = run("activations", *common, f"networks=[{paths[0]}]") / "activations" / "0.npz"
    other = save_trained(elsewhere / "other", 0, 0.6)
    words = ["predict", *common, f"networks=[{other}]", f"activations=[{file}]"]
    assert refused(*words)
    assert f"must not call two networks {name}, but in" in capsys.readouterr().err


def test_damaged_activations_are_named(
    small: list[str], elsewhere: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first = run("activations", "recording=session.npz", *small)
    whole = (first / "activations" / "0.npz").read_bytes()
    alone = elsewhere / "some" / "where" / "0.npz"
    alone.parent.mkdir(parents=True)
    alone.write_bytes(whole[: len(whole) // 2])
    words = ["predict", "recording=session.npz", f"activations=[{alone}]", "draws=0"]
    assert refused(*words)
    said = capsys.readouterr().err
    assert f"{alone} must be a whole npz file" in said
    # without the table of their networks
    alone.write_bytes(whole)
    found = run(*words, "kinematics=[direction]")
    assert f"no {elsewhere / 'some' / 'models.csv'}: what is known" in capsys.readouterr().out
    assert read_csv(found / "models.csv")["model"] == []


def test_silent_neurons_are_told(
    muscle_session: Any, elsewhere: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recording = muscle_session()
    spikes = recording.spikes.copy()
    spikes[..., 5] = 0
    write_npz(replace(recording, spikes=spikes), elsewhere / "silent.npz")
    found = run("predict", "recording=silent.npz", "draws=0", "kinematics=[direction]")
    assert "left out: 1 neuron that does not vary in training or held-out trials: " in (
        capsys.readouterr().out
    )
    assert len(read_prediction(found).neurons) == 7


def test_performance_that_follows_depth_leaves_the_table(
    small: list[str],
    elsewhere: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tied = [Standing("s", f"n{n}", "torque", n, 0.1 * n, 0.1 + 0.01 * n**2) for n in range(1, 8)]
    free = [replace(one, task="other", performance=0.3 + 0.1 * (one.layers % 3)) for one in tied]
    table = relation_table([*tied, *free])
    assert table["task"] == ["torque", "other"]
    assert np.isnan([table[name][0] for name in ("r", "p", "slope")]).all()
    assert np.isfinite([table["r"][1], table["p"][1]]).all()

    def tied_ones(*_: object) -> list[Standing]:
        return [*tied, *free]

    found = run("predict", "recording=session.npz", *small, "kinematics=[direction]")
    monkeypatch.setattr(Standing, "of", tied_ones)
    compared = run("compare", f"predictions=[{found}]", "resamples=100")
    assert read_csv(compared / "relations.csv")["task"] == ["torque", "other"]
    said = capsys.readouterr().out
    assert "torque: performance and explained variance, depth taken out: not to be told" in said
    assert "other: performance and explained variance, depth taken out: r " in said


def test_every_trial_is_held_out_by_folds(
    save_trained: Any, elsewhere: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    trained = save_trained(elsewhere / "trained", 0, 0.7)
    words = ["recording=session.npz", f"networks=[{trained}]", "untrained=false", "draws=0"]
    words += ["kinematics=[muscle length,direction]"]
    found = run("predict", *words, "folds=3", "co_bps=true", "data_driven=1", "lags=[0,2]")
    said = capsys.readouterr().out
    assert "8 neurons of Nobody, 48 active trials, each held out once in 3 folds" in said
    header = next(line for line in said.splitlines() if line.startswith("model"))
    assert header.split() == ["model", "best", "layer", "test", "EV", "co-bps"]
    split = json.loads((found / "split.json").read_text())
    assert sorted(np.concatenate(split["folds"])) == list(range(48))
    assert (split["subject"], len(split["folds"])) == ("Nobody", 3)
    prediction = read_prediction(found)
    assert len(prediction.layers[0].trials.bins) == 48
    layers = read_csv(found / "layers.csv")
    assert [float(one) for one in layers["co_bps"]] == [one.co_bps for one in prediction.layers]
    assert prediction.of("muscle length")[0].co_bps > 0.01
    # tables are as those of one split, but for the option
    once = run("predict", *words, "data_driven=1")
    assert set(layers) - set(read_csv(once / "layers.csv")) == {"co_bps"}
    assert len(read_prediction(once).layers[0].trials.bins) == 10
    assert len(prediction.layers) == len(read_prediction(once).layers)
    compared = run("compare", f"predictions=[{found}]", "reference=direction", "resamples=100")
    assert len(read_csv(compared / "comparisons.csv")["first"]) == 3


def test_activations_know_how_they_were_made(
    small: list[str], muscle_session: Any, elsewhere: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = ["recording=session.npz", "control=muscles", "protocol.components=6"]
    file = run("activations", *made, *small) / "activations" / "0.npz"
    words = ["predict", "recording=session.npz", f"activations=[{file}]", "draws=0"]
    assert refused(*words)
    told = (
        "was made with protocol.components=6, control=muscles, seed=0, but this prediction is "
        "asked for protocol.components=75, control=null, seed=null: give the same to both"
    )
    assert told in capsys.readouterr().err
    assert refused(*words, *made[1:], "protocol.placement=90")
    assert "protocol.placement=100, but" in capsys.readouterr().err
    targets = prepare(muscle_session())
    protocol = Protocol(components=6)
    with pytest.raises(ValueError, match=r"was made with seed=0, but .* asked for seed=4"):
        read_features(file, targets, protocol, control="muscles", seed=4)
    whole = read_features(file, targets, protocol, control="muscles")
    assert {one.values.shape[1] for one in whole} <= set(range(1, 7))
    # of other movements in the same windows
    recording = muscle_session()
    longer = {"muscle_length": 1.01 * recording.kinematics["muscle_length"]}
    other = prepare(replace(recording, kinematics=longer))
    with pytest.raises(ValueError, match="movements, but its muscle_length differs"):
        read_features(file, other, protocol, control="muscles")
    with np.load(file) as stored:
        bare = {name: stored[name] for name in stored.files if name != "settings"}
    np.savez(elsewhere / "bare.npz", **bare)
    with pytest.raises(FormatError, match=r"bare.npz does not say by which settings it was made"):
        read_features(elsewhere / "bare.npz", targets, protocol)


def test_a_foreign_table_beside_activations_is_named(
    small: list[str], elsewhere: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = run("activations", "recording=session.npz", *small) / "activations" / "0.npz"
    table = file.parent.parent / "models.csv"
    words = ["predict", "recording=session.npz", f"activations=[{file}]", "draws=0"]
    columns = read_csv(table)
    write_csv(table, {"name": ["somebody"], "age": [3]})
    assert refused(*words)
    said = capsys.readouterr().err
    assert f"{table} must be the table of `proprio-tcn activations` or `predict`, but it" in said
    assert "has no column model, task, architecture" in said
    write_csv(table, columns | {"performance": ["good"]})
    assert refused(*words)
    assert "must have numbers as performance, got 'good'" in capsys.readouterr().err
    write_csv(table, columns)
    found = run(*words, "kinematics=[direction]")
    assert read_csv(found / "models.csv") == columns
    write_csv(found / "models.csv", {"name": ["somebody"]})
    assert refused("compare", f"predictions=[{found}]", "resamples=100")
    assert "has no column model, task, layers, performance" in capsys.readouterr().err
