"""Every argument of an environment that cannot work is refused by name, value and remedy."""

from typing import Any

import pytest

from rldbs_env import Settings


def test_the_defaults_are_the_published_environment() -> None:
    settings = Settings()
    assert (settings.n_neurons, settings.window_steps, settings.signals) == (1000, 250, ("y",))
    assert (settings.max_kick, settings.episode_steps) == (1.0, 10_000)
    assert settings.settle_steps == 25_000
    assert Settings(transient_steps=3).settle_steps == 3


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"n_neurons": 0}, "n_neurons must be a whole number of at least 1, got 0"),
        ({"n_neurons": 10.5}, "n_neurons must be a whole number of at least 1, got 10.5"),
        ({"window": 0}, "window must be a whole number of at least 1, got 0"),
        ({"episode_steps": 0}, "episode_steps must be a whole number of at least 1, got 0"),
        ({"transient_steps": -1}, "transient_steps must be a whole number of at least 0, got -1"),
        ({"signals": ()}, "signals must name at least one of .* got none"),
        (
            {"signals": ("z",)},
            r"signals must be among \('x', 'y', 'action', 'countdown'\), got 'z'",
        ),
        ({"signals": ("actions",)}, r"got 'actions' \(did you mean 'action'\?\)"),
        ({"signals": "y"}, "signals must be a sequence of names such as .*, got the string 'y'"),
        ({"signals": ("y", "y")}, "signals must name each signal once, got .*"),
        ({"max_kick": 0.0}, r"max_kick must be in \(0, 2.0\], got 0.0"),
        ({"max_kick": 2.5}, r"max_kick must be in \(0, 2.0\], got 2.5 .*dt=0.2 is not stable"),
        ({"max_kick": float("nan")}, "max_kick must be in .* got nan"),
        ({"divergence_reward": float("-inf")}, "divergence_reward must be finite, got -inf"),
        ({"pulse": ()}, "weights must hold at least one number"),
        ({"pulse": (1.0, 1.5)}, r"each in \[-1, 1\], got \(1.0, 1.5\)"),
        ({"pulse": (1.0, float("nan"))}, "weights must hold at least one number"),
        ({"ensemble": "fresh"}, "ensemble must be 'resample', 'fixed' or .* got 'fresh'"),
        ({"ensemble": ()}, "ensemble must hold at least one seed"),
        ({"ensemble": (3, -1)}, r"each at least 0, got \(3, -1\)"),
        ({"ensemble": 5}, r"at least one seed below 2\*\*63"),
        ({"ensemble": [1.7]}, r"at least one seed below 2\*\*63"),
        ({"dtype": "float16"}, "dtype must be 'float64' or 'float32', got 'float16'"),
    ],
)
def test_impossible_arguments_are_refused(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Settings(**arguments)


def test_a_wrong_name_is_answered_with_the_right_ones() -> None:
    with pytest.raises(TypeError, match=r"unknown argument 'n_neuron' \(did you mean 'n_neurons'"):
        Settings.of({"n_neuron": 10})
    with pytest.raises(TypeError, match=r"takes model, n_neurons, window, stride, signals"):
        Settings.of({"coupling": 0.1})
