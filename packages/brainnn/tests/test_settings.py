"""Settings are defined once: the command line adds to them, and they load without torch."""

import subprocess
import sys
from typing import Any

import pytest

from brainnn.learning.settings import PPO, Cloning, Dagger, Supervised, TeacherPlan
from brainnn.train_config import CloningConfig, DaggerConfig, PPOConfig, TeacherConfig


def test_settings_and_configs_load_without_torch_and_hydra() -> None:
    code = (
        "import sys, brainnn.learning.settings, brainnn.train_config\n"
        "sys.exit(bool({'torch', 'hydra', 'omegaconf', 'gymnasium'} & {*sys.modules}))"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True)


@pytest.mark.parametrize(
    ("config", "settings"),
    [
        (CloningConfig, Cloning),
        (DaggerConfig, Dagger),
        (PPOConfig, PPO),
        (TeacherConfig, TeacherPlan),
    ],
)
def test_a_config_is_the_settings_with_their_defaults(config: Any, settings: Any) -> None:
    told, default = config(), settings()
    assert isinstance(told, settings)
    assert {name: getattr(told, name) for name in vars(default)} == vars(default)


@pytest.mark.parametrize(
    ("made", "message"),
    [
        (lambda: DaggerConfig(rounds=2), r"teacher_rounds must be in \[1, rounds=2\], got 4"),
        (lambda: PPOConfig(first_std=0), "first_std must be above 0, got 0"),
        (lambda: CloningConfig(checkpoint_rounds=0), "checkpoint_rounds must be at least 1, got 0"),
        (lambda: TeacherConfig(mid_stride=2), r"mid_stride must be in \[0, 1\], got 2"),
        (lambda: Supervised(burn_in=64), r"burn_in must be in \[0, segment_steps=64\), got 64"),
    ],
)
def test_a_config_refuses_what_its_settings_refuse(made: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        made()
