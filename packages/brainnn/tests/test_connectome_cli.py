"""The verbs on connectomes, as a user types them and as functions."""

import csv
import re
from dataclasses import asdict

import numpy as np
import pytest

from brainnn import connectome_cli
from brainnn.cli import VERBS
from brainnn.connectome.formats import load_connectome, load_graphml, save_connectome
from brainnn.connectome.graph import Connectome
from brainnn.connectome.layering import hop_depth
from brainnn.connectome.nulls import NULL_KINDS
from brainnn.connectome.selection import above_threshold
from brainnn.connectome.surrogate import surrogate
from brainnn.connectome_config import (
    ConnectomeBuildConfig,
    ConnectomeCompareConfig,
    ConnectomeConfig,
    ConnectomeInfoConfig,
    ConnectomePlotConfig,
)
from neuro_common import cli
from neuro_common.runs import Run


@pytest.fixture
def run(tmp_path):
    with Run.open(
        tmp_path / "run", config={}, distribution="brainnn", verb="test", command="", seed=None
    ) as opened:
        yield opened


def test_a_line_builds_a_connectome_and_another_opens_it(tmp_path, brainnn):
    built = brainnn(tmp_path, "connectome", "build", "options.seed=4", "classes=[IN]", "name=mine")
    assert built.returncode == 0, built.stderr
    assert "mine: 93 neurons, 1089 edges" in built.stdout
    path = re.search(r"connectome=(.*)", built.stdout)[1]
    wanted = surrogate(4).take(np.arange(93))
    assert (load_connectome(path).synapse_count != wanted.synapse_count).nnz == 0
    told = brainnn(tmp_path, "connectome", "info", f"source={path}")
    assert told.returncode == 0, told.stderr
    assert re.search(r"^edges +1089$", told.stdout, re.MULTILINE)
    assert "drawn with seed 4" in told.stdout


def test_an_unknown_source_ends_with_a_hint_and_no_traceback(tmp_path, brainnn):
    done = brainnn(tmp_path, "connectome", "info", "source=surogate")
    assert done.returncode == 1
    assert "got 'surogate' (did you mean 'surrogate'?)" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("verb", ["build", "info", "plot", "compare"])
def test_every_verb_composes_with_its_defaults(verb):
    config = cli.compose("brainnn", VERBS, f"connectome {verb}")
    assert config.source == "surrogate"
    assert config.classes == []
    assert "sweep" in config


def test_a_null_model_is_built_with_graphml_beside(run, capsys):
    config = ConnectomeBuildConfig(null="rewired", seed=2, graphml=True)
    assert connectome_cli.build(config, run) == 1624
    built = load_connectome(run.directory / "connectome.npz")
    assert built.name == "surrogate, rewired"
    assert built.source.startswith("null model (rewired) of surrogate of the standard leg")
    assert (built.synapse_count != surrogate().synapse_count).nnz > 2500
    other = load_graphml(run.directory / "connectome.graphml")
    assert (other.synapse_count != built.synapse_count).nnz == 0
    assert "surrogate, rewired: 143 neurons, 1624 edges" in capsys.readouterr().out


def test_info_tells_classes_signs_types_and_measures(run, capsys):
    assert connectome_cli.info(ConnectomeInfoConfig(), run) == 1624
    told = capsys.readouterr().out
    for part in (
        "classes: interneuron 93, motor 50",
        "transmitters: glutamate 69, acetylcholine 37, gaba 37; signs: - 106, + 37",
        "types: IN03A007 19, Acc. ti flexor MN 10",
        "interneuron to motor 520, motor to interneuron 8, motor to motor 7",
        "reciprocity                       0.28",
    ):
        assert part in told


def test_info_on_the_real_circuit_by_path(manc, run, capsys):
    config = ConnectomeInfoConfig(
        source=str(manc / "manc_standard_leg_edges.csv"),
        options={"nodes": str(manc / "manc_standard_leg_nodes.csv")},
    )
    assert connectome_cli.info(config, run) == 1624
    assert "signs: - 56, ? 50, + 37" in capsys.readouterr().out


@pytest.mark.parametrize("depth", ["trophic", "layers"])
def test_plot_draws_three_figures_on_a_page(run, capsys, depth):
    config = ConnectomePlotConfig(options={"seed": 1}, depth=depth)
    assert connectome_cli.plot(config, run) == 1624
    figures = {path.name for path in (run.directory / "figures").glob("*.png")}
    assert figures == {"matrix.png", "layers.png", "degrees.png"}
    assert "report=" in capsys.readouterr().out
    with (run.directory / "figures" / "layers.csv").open() as file:
        rows = [*csv.DictReader(file)]
    assert len(rows) == 143
    motor = np.array([float(row["depth"]) for row in rows if row["class"] == "motor"])
    others = np.array([float(row["depth"]) for row in rows if row["class"] != "motor"])
    assert motor.mean() > others.mean() + 0.5
    if depth == "layers":
        assert motor.min() > others.max()


def test_hops_leave_out_what_no_path_reaches(run):
    config = ConnectomePlotConfig(depth="hops", begin="IN", threshold=100)
    connectome_cli.plot(config, run)
    depth = hop_depth(above_threshold(surrogate(), 100), surrogate().classes == "interneuron")
    assert (depth < 0).sum() > 5
    with (run.directory / "figures" / "layers.csv").open() as file:
        drawn = {row["id"]: float(row["depth"]) for row in csv.DictReader(file)}
    assert drawn == dict(zip(surrogate().ids[depth >= 0], depth[depth >= 0], strict=True))
    told = f"{(depth < 0).sum()} that no path reaches"
    assert told in (run.directory / "report.html").read_text(encoding="utf-8")


def test_an_unknown_class_to_begin_with_is_refused(run):
    with pytest.raises(ValueError, match="surrogate has no class 'sensory'"):
        connectome_cli.plot(ConnectomePlotConfig(depth="hops"), run)


def test_compare_writes_the_measures_of_every_draw(tmp_path, run, capsys):
    with Run.open(
        tmp_path / "other", config={}, distribution="brainnn", verb="t", command="", seed=None
    ) as first:
        connectome_cli.build(ConnectomeBuildConfig(options={"seed": 9}, name="second"), first)
    config = ConnectomeCompareConfig(
        others=[str(tmp_path / "other" / "connectome.npz")], nulls=["rewired", "random"], draws=3
    )
    assert connectome_cli.compare_graphs(config, run) is None
    told = capsys.readouterr().out
    assert re.search(r"^measure +surrogate +second +rewired +random$", told, re.MULTILINE)
    assert re.search(r"^edges +1624 +1624 +1624 +1624$", told, re.MULTILINE)
    assert re.search(r"^reciprocity +0.288\d* +0.288\d* +0\.\d+ ± 0.0\d+ ", told, re.MULTILINE)
    with (run.directory / "measures.csv").open() as file:
        rows = {row["measure"]: row for row in csv.DictReader(file)}
    draws = [f"rewired, draw {number}" for number in range(3)]
    assert len({rows["spectral radius, counts"][name] for name in draws}) == 3
    assert max(float(rows["reciprocity"][name]) for name in draws) < 0.2
    assert (run.directory / "figures" / "nulls.png").is_file()
    assert "null models" in (run.directory / "report.html").read_text(encoding="utf-8")


def test_graphs_without_signs_are_compared_without_them(tmp_path, run, capsys):
    save_connectome(tmp_path / "ring.npz", Connectome.of("ring", np.roll(np.eye(9), 1, axis=1)))
    config = ConnectomeCompareConfig(source=str(tmp_path / "ring.npz"), nulls=["random"], draws=2)
    connectome_cli.compare_graphs(config, run)
    assert re.search(r"^excitatory edges +nan +nan", capsys.readouterr().out, re.MULTILINE)
    with (run.directory / "figures" / "nulls.csv").open() as file:
        drawn = next(csv.reader(file))
    assert "reciprocity: ring" in drawn
    assert "excitatory edges: ring" not in drawn


def test_a_choice_is_made_step_by_step():
    config = ConnectomeConfig(
        threshold=20, hops=1, hops_from=["IN13A001_1"], direction="downstream", classes=["MN"]
    )
    found = connectome_cli.configured_connectome(config)
    circuit = surrogate()
    first = circuit.index_of(["IN13A001_1"])[0]
    targets = np.flatnonzero(circuit.synapse_count[[first]].toarray()[0] >= 20)
    wanted = targets[circuit.classes[targets] == "motor"]
    assert found.ids.tolist() == circuit.ids[wanted].tolist()
    assert found.synapse_count.data.min(initial=99) >= 20


def test_types_patterns_neuropils_and_lists_choose_too(tmp_path):
    def size(**options):
        return len(connectome_cli.configured_connectome(ConnectomeConfig(**options)))

    assert size(types=["IN03A007", "IN20A_22A001"]) == 21
    assert size(types=["IN03A007", "IN99Z999"], absent="drop") == 19
    assert size(pattern="^IN19A") == 8
    assert size(roi="LegNp(T1)(L)") == 143
    names = tmp_path / "list.txt"
    names.write_text("IN19A029(6)\nIN13A021(5)\n\nTr flexor MN(8)\n", encoding="utf-8")
    assert size(type_list=str(names)) == 19


def test_hops_and_where_they_begin_come_together():
    for options in ({"hops": 1}, {"hops_from": ["IN13A001_1"]}):
        with pytest.raises(ValueError, match="give hops and hops_from together"):
            connectome_cli.configured_connectome(ConnectomeConfig(**options))


def test_configs_refuse_what_is_not_there():
    with pytest.raises(ValueError, match=r"null must be of rewired, .*, got 'shuffled'"):
        ConnectomeBuildConfig(null="shuffled")
    with pytest.raises(ValueError, match=r"nulls must be of rewired, .*, got 'x'"):
        ConnectomeCompareConfig(nulls=["rewired", "x"])
    with pytest.raises(ValueError, match="draws must be at least 1, got 0"):
        ConnectomeCompareConfig(draws=0)
    with pytest.raises(ValueError, match="depth must be of trophic, layers, hops, got 'x'"):
        ConnectomePlotConfig(depth="x")
    assert tuple(asdict(ConnectomeCompareConfig())["nulls"]) == NULL_KINDS
