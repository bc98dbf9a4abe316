"""Pictures of a running environment: their shape, that they show what happened, and no more."""

import re
import subprocess
import sys
from typing import Any

import gymnasium
import numpy as np
import pytest
from numpy.typing import NDArray

from rldbs_env import BonhoefferVanDerPol, DBSEnv, DBSVectorEnv, HindmarshRose, KuramotoGrid
from rldbs_env.disturbances import Variety
from rldbs_env.oscillators import Model
from rldbs_env.rendering import Recorder
from rldbs_env.settings import Settings

SMALL: dict[str, Any] = {"n_neurons": 70, "transient_steps": 0, "window": 20}


def env_with_pictures(**changes: Any) -> DBSEnv:
    env = DBSEnv(render_mode="rgb_array", **SMALL | changes)
    env.reset(seed=1)
    return env


def kick(size: float) -> NDArray[np.float32]:
    return np.array([size], np.float32)


def panels(env: Any) -> dict[str, Any]:
    """The axes of the last picture by what their vertical axis shows."""
    return {ax.get_ylabel().split(" (")[0]: ax for ax in env._recorder._figure.axes}


def test_a_picture_is_an_image() -> None:
    env = env_with_pictures()
    frame = env.render()
    assert frame is not None
    assert frame.shape == (540, 960, 3)
    assert frame.dtype == np.uint8
    # white paper with something on it
    assert frame.min() < 100
    assert frame.max() == 255


def test_pictures_follow_the_environment() -> None:
    env = env_with_pictures()
    first = env.render()
    np.testing.assert_array_equal(env.render(), first)
    env.step(kick(1.0))
    second = env.render()
    assert first is not None
    assert second is not None
    assert not np.array_equal(first, second)


def test_a_picture_shows_the_mean_field_the_kicks_and_the_neurons() -> None:
    env = env_with_pictures()
    _, info = env.reset(seed=2)
    xs, ys, kicks = [info["mean_x"]], [info["mean_y"]], [0.0]
    neurons = [env.neurons[0]]
    for size in np.linspace(-1, 1, 30):
        info = env.step(kick(size))[4]
        xs.append(info["mean_x"])
        ys.append(info["mean_y"])
        kicks.append(float(np.float32(size)))
        neurons.append(env.neurons[0])
    env.render()
    shown = panels(env)
    (x_line,), (kick_line,) = shown["mean field X"].lines, shown["kick"].lines
    # the window before the episode, whose last sample the reset told
    assert len(x_line.get_xdata()) == 20 + 30
    assert x_line.get_xdata()[-2:] == pytest.approx([-0.2, 0.0])
    np.testing.assert_array_equal(x_line.get_ydata()[19:], xs)
    np.testing.assert_array_equal(kick_line.get_ydata()[19:], kicks)
    assert not np.any(kick_line.get_ydata()[:20])
    cycle, dot = shown["Y"].lines
    np.testing.assert_array_equal(cycle.get_ydata()[19:], ys)
    assert (dot.get_xdata()[0], dot.get_ydata()[0]) == (xs[-1], ys[-1])
    (image,) = shown["neuron"].images
    # sixty of the seventy neurons, from the first to the last
    picture = np.asarray(image.get_array())
    assert picture.shape == (60, 31)
    np.testing.assert_array_equal(picture[0], [state[0] for state in neurons])
    np.testing.assert_array_equal(picture[-1], [state[69] for state in neurons])
    left, right, _, _ = image.get_extent()
    # a sample is as wide as a step
    assert (left, right) == pytest.approx((-31 * 0.2, 0.0))


@pytest.mark.parametrize("window", [20, 3])
def test_pulses_are_shown_by_their_first_kick_however_short_the_window(window: int) -> None:
    env = env_with_pictures(pulse=(0.5, -0.25, -0.25, 0.0, 0.0), window=window)
    for size in (0.4, -0.8, 0.2):
        env.step(kick(size))
    env.render()
    before = -(-window // 5)
    shown = panels(env)["kick"].lines[0].get_ydata()
    low, high = panels(env)["kick"].get_ylim()
    assert low < -0.4 < 0.2 < high
    np.testing.assert_allclose(shown, [*before * [0.0], 0.2, -0.4, 0.1], atol=1e-7)
    again = DBSEnv(render_mode="rgb_array", **SMALL | {"window": window}, pulse=env.settings.shape)
    again.set_state(env.get_state())
    again.render()
    kept = panels(again)["kick"].lines[0].get_ydata()
    np.testing.assert_allclose(kept, shown[len(shown) - len(kept) :] if window > 5 else [0.0])


def test_kicks_of_several_electrodes_are_summed_and_fields_of_sensors_averaged() -> None:
    env = env_with_pictures(model=BonhoefferVanDerPol(populations=2))
    info = env.step(np.array([0.5, -0.2], np.float32))[4]
    env.render()
    shown = panels(env)
    assert shown["kick"].lines[0].get_ydata()[-1] == pytest.approx(0.3)
    assert shown["mean field X"].lines[0].get_ydata()[-1] == info["mean_x"]
    assert np.ptp(shown["mean field X"].lines[0].get_ydata()[-3:]) < 0.4  # and no jump before


@pytest.mark.parametrize(
    ("model", "n_neurons"),
    [(BonhoefferVanDerPol(), 20), (HindmarshRose(), 20), (KuramotoGrid(grid=(3, 3, 3)), 27)],
)
def test_the_portrait_holds_the_whole_rhythm(model: Model, n_neurons: int) -> None:
    env = DBSEnv(model=model, n_neurons=n_neurons, transient_steps=2000, render_mode="rgb_array")
    env.reset(seed=0)
    for _ in range(20):
        env.step(np.zeros(1, np.float32))
    env.render()
    shown = panels(env)
    x, y = shown["Y"].lines[0].get_data()
    low, high = shown["Y"].get_ylim()
    assert low < min(y) < max(y) < high
    assert max(y) - min(y) > 0.7 * (high - low)  # and fills it
    assert shown["Y"].get_xlim() == shown["mean field X"].get_ylim()
    assert shown["mean field X"].get_ylim()[0] < min(x)
    image = shown["neuron"].images[0]
    assert image.norm.vmax - image.norm.vmin < 5
    if model.variables == ("phase",):
        assert np.abs(image.get_array()).max() <= 1  # a phase grows, its cosine does not


def test_neurons_that_an_episode_does_not_have_are_not_drawn() -> None:
    env = env_with_pictures(variety=Variety(n_neurons=(5, 5)))
    env.render()
    assert np.asarray(panels(env)["neuron"].images[0].get_array()).shape[0] == 5


def test_small_populations_are_shown_whole() -> None:
    env = env_with_pictures(n_neurons=3)
    env.render()
    assert np.asarray(panels(env)["neuron"].images[0].get_array()).shape == (3, 1)


def test_history_is_capped() -> None:
    env = env_with_pictures(n_neurons=2)
    xs = [env.step(kick(0.1))[4]["mean_x"] for _ in range(1100)]
    env.render()
    shown = panels(env)
    np.testing.assert_array_equal(shown["mean field X"].lines[0].get_ydata(), xs[-1000:])
    assert shown["mean field X"].lines[0].get_xdata()[0] == pytest.approx(-999 * 0.2)
    assert np.asarray(shown["neuron"].images[0].get_array()).shape == (2, 1000)
    assert shown["mean field X"].get_xlim() == pytest.approx((-200.0, 0.0))


def test_a_long_window_is_capped_too() -> None:
    env = env_with_pictures(n_neurons=2, window=1200)
    env.render()
    assert len(panels(env)["mean field X"].lines[0].get_xdata()) == 1000


def test_a_reset_forgets_the_last_episode() -> None:
    env = env_with_pictures()
    for _ in range(5):
        env.step(kick(1.0))
    env.reset(seed=4)
    env.render()
    assert len(panels(env)["mean field X"].lines[0].get_xdata()) == 20
    assert not np.any(panels(env)["kick"].lines[0].get_ydata())


def test_a_vector_environment_shows_its_first() -> None:
    batch = DBSVectorEnv(2, render_mode="rgb_array", **SMALL)
    single = DBSEnv(render_mode="rgb_array", **SMALL)
    batch.reset(seed=1)
    single.reset(seed=1)
    for size in (0.5, -0.3):
        batch.step([size, 1.0])
        single.step(kick(size))
    frames = batch.render()
    assert frames is not None
    (frame,) = frames
    np.testing.assert_array_equal(frame, single.render())


def test_gymnasium_makes_an_environment_with_pictures() -> None:
    env = gymnasium.make("rldbs_env:rldbs/BvdP-v0", render_mode="rgb_array", **SMALL)
    env.reset(seed=1)
    frame: Any = env.render()
    assert frame.shape == (540, 960, 3)
    env.close()


def test_without_a_render_mode_nothing_is_kept() -> None:
    env = DBSEnv(**SMALL)
    env.reset(seed=1)
    assert env.render() is None
    assert Recorder.for_mode(None, Settings()) is None
    batch = DBSVectorEnv(2, **SMALL)
    batch.reset(seed=1)
    assert batch.render() is None


@pytest.mark.parametrize("mode", ["human", "ansi", ""])
def test_an_unknown_render_mode_is_refused(mode: str) -> None:
    message = re.escape(f"render_mode must be None or 'rgb_array', got {mode!r}")
    with pytest.raises(ValueError, match=message):
        DBSEnv(render_mode=mode, **SMALL)
    with pytest.raises(ValueError, match=message):
        DBSVectorEnv(2, render_mode=mode, **SMALL)


def test_a_picture_before_the_first_reset_is_refused() -> None:
    for env in (DBSEnv(render_mode="rgb_array"), DBSVectorEnv(2, render_mode="rgb_array")):
        with pytest.raises(gymnasium.error.ResetNeeded, match="call reset first"):
            env.render()


def test_pictures_do_not_touch_pyplot() -> None:
    code = (
        "import sys\nfrom rldbs_env import DBSEnv\n"
        "env = DBSEnv(render_mode='rgb_array', n_neurons=2, transient_steps=0)\n"
        "env.reset(seed=1); env.render()\n"
        "sys.exit('matplotlib.pyplot' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize("missing", ["matplotlib.figure", "matplotlib.backends.backend_agg"])
def test_without_matplotlib_the_pip_line_is_named(
    monkeypatch: pytest.MonkeyPatch, missing: str
) -> None:
    monkeypatch.setitem(sys.modules, missing, None)
    line = re.escape('render_mode="rgb_array" needs matplotlib: pip install "rldbs-env[plot]"')
    with pytest.raises(ModuleNotFoundError, match=line):
        DBSEnv(render_mode="rgb_array", **SMALL)
    assert DBSEnv(**SMALL).render() is None
