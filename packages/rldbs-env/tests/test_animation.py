"""The film of a suppression: what a frame shows, and what is written."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from rldbs_env.animation import animate, film
from rldbs_env.evaluation import Example
from rldbs_env.protocol import NEURON_EVERY, Protocol

PROTOCOL = Protocol(ensembles=(0,), n_neurons=4, free_steps=1000, controlled_steps=2000)


def example() -> Example:
    n_steps = 8000
    steps = np.arange(n_steps)
    x = np.where(steps < 1000, 1.0, 0.1) * np.sin(2 * np.pi * steps / PROTOCOL.cycle_steps)
    kicks = np.where(steps < 1000, 0.0, -0.02 * x)
    neurons = np.sin(steps[::NEURON_EVERY, None] + np.arange(4)).astype(np.float32)
    return Example(x, 0.5 * x, kicks, neurons)


def test_a_frame_shows_what_has_happened_until_then() -> None:
    figure, draw, n_frames = film(example(), PROTOCOL, "linear")
    cycle = PROTOCOL.cycle_steps
    assert n_frames == -(-20 * cycle // round(cycle / 6))
    field, tamed, kick, _, dot, image = draw(0)
    assert len(field.get_xdata()) == 1
    assert len(tamed.get_xdata()) == 0
    draw(n_frames - 1)
    assert len(field.get_xdata()) == 5 * cycle
    np.testing.assert_allclose(
        tamed.get_ydata(), example().mean_x[1000 : 1000 + len(tamed.get_ydata())]
    )
    assert 15 * cycle - round(cycle / 6) < len(tamed.get_xdata()) <= 15 * cycle
    np.testing.assert_allclose(kick.get_ydata()[5 * cycle :], -0.02 * tamed.get_ydata())
    assert dot.get_xdata()[0] == tamed.get_ydata()[-1]
    assert np.isnan(image.get_array().filled(np.nan)).mean() < 0.01
    assert len(figure.axes) == 4


def test_a_gif_is_written_whole_and_nothing_else(tmp_path: Path) -> None:
    short = Protocol(ensembles=(0,), n_neurons=4, free_steps=1000, controlled_steps=2000)
    few = Example(*(part[:1300] for part in (example().mean_x, example().mean_y, example().kicks)),
                  example().neuron_x[:260])  # fmt: skip
    (written,) = animate(few, short, "linear", tmp_path / "films" / "linear", ["gif"])
    assert [path.name for path in written.parent.iterdir()] == ["linear.gif"]
    with Image.open(written) as picture:
        assert picture.n_frames == film(few, short, "linear")[2]  # type: ignore[attr-defined]
        assert picture.size == (640, 360)


def test_formats_that_are_none_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="formats must be among gif, mp4, got 'avi'"):
        animate(example(), PROTOCOL, "linear", tmp_path / "x", ["avi"])


def test_without_the_program_there_is_no_mp4(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shutil.which", lambda program: None)
    assert animate(example(), PROTOCOL, "linear", tmp_path / "x", ["mp4"]) == []
