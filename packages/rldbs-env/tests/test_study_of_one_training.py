"""A study of several processes or sessions: its trials are trained and judged alike."""

from pathlib import Path
from typing import Any

import pytest

from rldbs_env import search as search_module
from rldbs_env.config import TuneConfig
from rldbs_env.search import search
from rldbs_env.training import CurvePoint


@pytest.fixture(autouse=True)
def _no_training(monkeypatch: pytest.MonkeyPatch) -> None:
    def train(told: Any, directory: Path, *, report: Any) -> None:
        report(told.steps, CurvePoint(-0.1, 40.0, 0.0005, 0.01))

    monkeypatch.setattr(search_module, "train", train)
    monkeypatch.setattr(search_module, "validate", lambda *_, **__: (50.0, 0.001))


def config(study: Path, **changes: Any) -> TuneConfig:
    told: dict[str, Any] = {"space": {"penalty": [10.0, 20.0]}, "steps": 1000}
    return TuneConfig(study=str(study), **told | changes)


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"steps": 2000}, r"steps=2000 \(there 1000\)"),
        ({"model": {"coupling": 0.1}}, r"model=\{'coupling': 0.1\} \(there \{\}\)"),
        ({"environment": "rldbs/BvdPChargeBalanced-v0"}, "environment=rldbs/BvdPChargeBalanced-v0"),
        ({"space": {"kick_scale": [0.1, 0.2]}}, r"space=\['kick_scale'\] \(there \['penalty'\]\)"),
    ],
)
def test_trials_of_another_training_are_not_added(
    changes: dict[str, Any], named: str, tmp_path: Path
) -> None:
    search(config(tmp_path, trials=1), tmp_path / "one")
    with pytest.raises(ValueError, match=f"must be of the same training, got {named}"):
        search(config(tmp_path, trials=2, **changes), tmp_path / "two")
    trials = search(config(tmp_path, trials=2, seed=5, threads=2), tmp_path / "two")
    assert len(trials) == 2  # by another seed they may be
