"""Pictures of running environments: every model's rhythm is inside the panels."""

from typing import Any

import numpy as np
import pytest

from rldbs_env import BonhoefferVanDerPol, DBSEnv, HindmarshRose, KuramotoGrid
from rldbs_env.disturbances import Variety
from rldbs_env.oscillators import Model

pytest.importorskip("matplotlib")


def panels(env: DBSEnv) -> dict[str, Any]:
    env.render()
    recorder = env._recorder
    assert recorder is not None
    return {axes.get_ylabel(): axes for axes in recorder._figure.axes}


@pytest.mark.parametrize(
    ("model", "n_neurons"),
    [(BonhoefferVanDerPol(), 20), (HindmarshRose(), 20), (KuramotoGrid(grid=(3, 3, 3)), 27)],
)
def test_the_portrait_holds_the_whole_rhythm(model: Model, n_neurons: int) -> None:
    env = DBSEnv(model=model, n_neurons=n_neurons, transient_steps=2000, render_mode="rgb_array")
    env.reset(seed=0)
    for _ in range(20):
        env.step(np.zeros(1, np.float32))
    shown = panels(env)
    x, y = shown["Y"].lines[0].get_data()
    low, high = shown["Y"].get_ylim()
    assert low < min(y) < max(y) < high
    assert max(y) - min(y) > 0.7 * (high - low)  # and fills it
    assert shown["Y"].get_xlim() == shown["mean field X"].get_ylim()
    assert shown["mean field X"].get_ylim()[0] < min(x)
    image = shown["neuron (dark: high x)"].images[0]
    assert image.norm.vmax - image.norm.vmin < 5
    if model.variables == ("phase",):
        assert np.abs(image.get_array()).max() <= 1  # a phase grows, its cosine does not
    env.close()


def test_neurons_that_an_episode_does_not_have_are_not_drawn() -> None:
    env = DBSEnv(
        n_neurons=50, variety=Variety(n_neurons=(5, 5)), transient_steps=0, render_mode="rgb_array"
    )
    env.reset(seed=0)
    assert panels(env)["neuron (dark: high x)"].images[0].get_array().shape[0] == 5
    env.close()
