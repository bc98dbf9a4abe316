"""The command as a user types it: what every verb has in common."""

from pathlib import Path
from typing import Any

import pytest
from omegaconf import OmegaConf

from brainnn import cli
from neuro_common.cli import compose
from neuro_common.verbs import Verb, load


def test_info_names_what_is_installed(tmp_path: Path, brainnn: Any) -> None:
    done = brainnn(tmp_path, "info")
    assert done.returncode == 0, done.stderr
    assert "stable-baselines3 2." in done.stdout


@pytest.mark.parametrize("verb", cli.VERBS, ids=lambda verb: verb.name)
def test_every_verb_composes_to_its_schema(verb: Verb) -> None:
    assert verb.example.startswith(f"brainnn {verb.name}")
    assert verb.schema is not None
    needed = ["run=x"] if verb.name == "figures training" else []
    config = OmegaConf.to_object(compose("brainnn", cli.VERBS, verb.name, needed))
    assert isinstance(config, load(verb.schema))
    assert callable(load(verb.function))


@pytest.mark.parametrize(
    ("group", "choices"),
    [
        ("network", ["connectome", "rewired", "weights", "signs", "random", "layers"]),
        ("network", ["dense", "gru", "mlp"]),
        ("task", ["biped", "tracking"]),
        ("learning", ["dagger", "ppo", "dagger_then_ppo"]),
    ],
)
def test_every_choice_of_a_training_composes(group: str, choices: list[str]) -> None:
    for choice in choices:
        config = compose("brainnn", cli.VERBS, "train", [f"{group}={choice}"])
        assert getattr(OmegaConf.to_object(config), group).name == choice
