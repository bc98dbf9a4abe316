"""Words where numbers belong, as a line may hold them: refused by name, without a traceback."""

from typing import Any

import pytest

from rldbs_env import BonhoefferVanDerPol, HindmarshRose
from rldbs_env.controllers import make
from rldbs_env.protocol import Protocol


@pytest.mark.parametrize(
    ("name", "arguments", "told"),
    [
        ("linear", {"gain": "abc"}, "gain must be a number, got 'abc'"),
        ("linear", {"window": "long"}, "window must be a number, got 'long'"),
        ("delayed", {"delay": None}, "delay must be a number, got None"),
        ("tonic", {"max_kick": [1]}, r"max_kick must be a number, got \[1\]"),
        ("tonic", {"max_kick": 0.0}, "max_kick must be finite and above 0, got 0"),
    ],
)
def test_arguments_of_laws_are_numbers(name: str, arguments: dict[str, Any], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        make(name, **arguments)


@pytest.mark.parametrize("model", [BonhoefferVanDerPol, HindmarshRose])
def test_numbers_of_models_are_numbers(model: Any) -> None:
    with pytest.raises(ValueError, match="coupling must be a finite number, got 'strong'"):
        model(coupling="strong")


def test_a_seed_is_not_negative() -> None:
    with pytest.raises(ValueError, match="seed must be a whole number of at least 0, got -1"):
        Protocol(seed=-1)
