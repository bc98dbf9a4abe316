from pathlib import Path
from typing import Any

import pytest

from neuro_common.cli import Verb, compose
from neuro_common.files import read_csv
from neuro_common.runs import Run
from proprio_tcn.generate_cli import generate
from proprio_tcn.movements.opening import open_movements
from proprio_tcn.movements_config import GenerateConfig

VERB = Verb(
    "generate",
    "Write a movement set.",
    "proprio-tcn generate",
    "proprio_tcn.generate_cli:generate",
    "proprio_tcn.movements_config:GenerateConfig",
)


def test_the_line_gives_the_settings():
    from omegaconf import OmegaConf

    words = ["jitter=0.06", "writers=120", "layout=full", "planes=[vertical]", "workers=2"]
    config: Any = OmegaConf.to_object(compose("proprio-tcn", [VERB], "generate", words))
    assert isinstance(config, GenerateConfig)
    assert (config.jitter, config.writers, config.layout) == (0.06, 120, "full")
    assert config.planes == ["vertical"]
    assert config.arm == "human"


def test_the_verb_writes_a_set_and_counts_attempts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    config = GenerateConfig(
        arm="two_link",
        writers=3,
        shares=[0.4, 0.3, 0.3],
        start_points=20,
        max_joint_jerk=8.0,
        layout="rendered",
    )
    with Run.open(
        tmp_path / "run",
        config={},
        distribution="proprio-tcn",
        verb="generate",
        command="proprio-tcn generate",
        seed=0,
    ) as run:
        accepted = generate(config, run)
    told = capsys.readouterr().out
    assert "two_link (none), letters: train 20, val 20, test 20 samples" in told
    assert f"movements={tmp_path / 'run' / 'movements'}" in told
    table = read_csv(tmp_path / "run" / "attempts.csv")
    counts = dict(zip(table["attempts"], map(int, table["count"]), strict=True))
    assert counts["accepted"] == 60
    assert accepted == pytest.approx(60 / sum(counts.values()))
    assert len(open_movements(tmp_path / "run" / "movements", "test")) == 20
