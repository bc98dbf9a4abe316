"""A schema that a launcher sends to another process is the class that was sent."""

import pickle
import subprocess
import sys
from dataclasses import fields

import pytest

from neuro_common import schemas
from neuro_common.schemas import schema_of

REFERENCE = "neuro_common.sweeps:JobRow"


def test_every_verb_has_a_sweep_and_can_resume() -> None:
    added = {one.name: one.default for one in fields(schema_of(REFERENCE))[-2:]}
    assert added == {"sweep": "${now:%Y-%m-%d_%H-%M-%S}", "resume": False}
    assert schema_of(REFERENCE).__name__ == "JobRow"


def test_it_is_pickled_by_name_and_has_its_fields_in_another_process() -> None:
    sent = pickle.dumps(schema_of(REFERENCE))
    assert pickle.loads(sent) is schema_of(REFERENCE)
    assert len(sent) < 100
    code = (
        "import dataclasses, pickle\n"
        f"made = pickle.loads({sent!r})\n"
        "print(len(dataclasses.fields(made)), made(job='a', status='done', metric=2.0))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("9 neuro_common/sweeps:JobRow(job='a', status='done', metric=2.0")


def test_other_names_are_unknown() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'schema_off'"):
        _ = schemas.schema_off
