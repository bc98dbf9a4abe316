"""The verbs that draw a population, as a user types them, on a network of known rhythm."""

from pathlib import Path

import numpy as np
import pytest

from neuro_common.cli import compose
from neuro_common.files import read_csv
from neuro_common.rates import RateNetwork
from rhythm_rnn import cli, population_cli
from rhythm_rnn.config import EIRateConfig
from rhythm_rnn.population_config import (
    ClassesConfig,
    RasterConfig,
    TrajectoriesConfig,
)
from rhythm_rnn.weights import Trained

SHORT = ["duration_s=1.0", "discard_s=0.5", "weights=known", "noise=0"]


@pytest.fixture
def folder(beating: RateNetwork, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working folder, and the network of known rhythm in place of trained weights."""
    known = {"known": Trained(beating, EIRateConfig(), {})}
    monkeypatch.setattr("rhythm_rnn.weights.load", known.__getitem__)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def files(folder: Path, verb: str) -> set[str]:
    (run,) = (folder / "results" / "rhythm-rnn" / f"figures_{verb}").iterdir()
    return {path.relative_to(run).as_posix() for path in run.rglob("*") if path.is_file()}


def test_raster(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    line = ["figures", "raster", *SHORT, "cue=1", "window_s=[0,0.2]"]
    assert cli.main(line) == 0
    out = capsys.readouterr().out
    assert "Cue 1: a tap every 69.0 ms" in out
    assert "metric 69.0" in out
    assert files(folder, "raster") >= {"units.csv", "report.html", "figures/raster.csv"}


def test_trajectories(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    line = ["cues=[0.5,1]", "cue_range=[0.4,2]", "n_cues=2", "sample_ms=2", "compat=true"]
    assert cli.main(["figures", "trajectories", *SHORT, *line]) == 0
    assert "Three components hold" in capsys.readouterr().out
    (run,) = (folder / "results" / "rhythm-rnn" / "figures_trajectories").iterdir()
    assert read_csv(run / "intervals.csv")["cue"] == ["0.4", "0.5", "1.0", "2.0"]
    assert len(read_csv(run / "cycles.csv")["cue"]) == 2


def test_classes(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    line = ["cue=1", "cues=[-1,1,2]", "lesion_cues=[1]", "doses=[1]", "draws=1"]
    assert cli.main(["figures", "classes", *SHORT, *line]) == 0
    out = capsys.readouterr().out
    assert "At cue 1: 1 Tap-E, 1 Tap-I, 2 Int-E, 2 Int-I, 2 silent." in out
    assert "Tap-I silenced: no valid rhythm is left." in out
    assert "metric 0.75" in out
    (run,) = (folder / "results" / "rhythm-rnn" / "figures_classes").iterdir()
    # at cue -1 there is no rhythm, and so there are no classes
    assert [*read_csv(run / "units.csv")][2:] == ["class_cue_1", "class_cue_2"]
    assert len(read_csv(run / "metrics.csv")["target"]) == 9


def test_the_noise_has_its_strength_and_seed(beating: RateNetwork, folder: Path) -> None:
    network, noise = population_cli._prepared(RasterConfig(weights="known", noise=0.02, seed=7))
    assert network is beating
    assert noise is not None
    assert (noise.seed, noise.recurrent, noise.inputs) == (7, 0.02, 0.0)
    assert population_cli._prepared(RasterConfig(weights="known", noise=0))[1] is None


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["raster", "cue=-1"], "a network without a rhythm has no cycle"),
        (["raster", "cue=1", "window_s=[0]"], "window_s must be [begin, end], got [0.0]"),
        (["raster", "threads=0"], "threads must be at least 1, got 0"),
        (["trajectories", "cues=[]"], "cues must hold at least one cue, got none"),
        (["trajectories", "cue_range=[0,1]"], "cue_range must be [lowest, highest] above 0"),
        (["trajectories", "n_cues=0"], "n_cues must be at least 1, got 0"),
        (["trajectories", "sample_ms=0"], "sample_ms must be above 0, got 0"),
        (["classes", "lesion_cues=[]"], "lesion_cues must hold at least one cue, got none"),
        (["classes", "cue=1", "doses=[2]", "cues=[1]"], "dose must be in [0, 1], got 2"),
    ],
)
def test_bad_lines_say_what_would_be_right(
    words: list[str], message: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    verb, *rest = words
    assert cli.main(["figures", verb, *SHORT, *rest]) == 1
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("verb", "schema"),
    [("raster", RasterConfig), ("trajectories", TrajectoriesConfig), ("classes", ClassesConfig)],
)
def test_configs_are_the_schemas_defaults(verb: str, schema: type) -> None:
    from omegaconf import OmegaConf

    config = OmegaConf.to_container(compose("rhythm-rnn", cli.VERBS, f"figures {verb}"))
    assert isinstance(config, dict)
    defaults = vars(schema())
    assert {name: config[name] for name in defaults} == defaults


def test_the_cues_are_those_of_the_trained_tempi() -> None:
    from rhythm_rnn.task import TRAINED_PERIODS_S, context_cue

    np.testing.assert_allclose(TrajectoriesConfig().cues, context_cue(TRAINED_PERIODS_S), rtol=2e-4)
