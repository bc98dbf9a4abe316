"""The verbs as a user types them: what they print, write and return, and what they refuse."""

from pathlib import Path
from typing import Any

import pytest
from omegaconf import OmegaConf

from neuro_common.cli import compose
from neuro_common.verbs import Verb, load
from spinal_rnn import cli


def test_info_names_contacts_and_muscles(tmp_path: Path, spinal: Any) -> None:
    done = spinal(tmp_path, "info")
    assert done.returncode == 0, done.stderr
    assert "   4   -3.5  33.0\n" in done.stdout
    assert "  16  the case" in done.stdout
    assert "LIl, LRF, LVLat, LST, LTA, LMG, LSol, RIl" in done.stdout


@pytest.mark.parametrize("verb", cli.VERBS, ids=lambda verb: verb.name)
def test_every_verb_composes_to_its_schema(verb: Verb) -> None:
    assert verb.example.startswith(f"spinal-rnn {verb.name}")
    assert verb.schema is not None
    _, *words = verb.example.removeprefix(f"spinal-rnn {verb.name}").split(" ")
    config = OmegaConf.to_object(compose("spinal-rnn", cli.VERBS, verb.name, words))
    assert isinstance(config, load(verb.schema))
