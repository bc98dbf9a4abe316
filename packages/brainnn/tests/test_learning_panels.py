"""Panels of learning curves: one colour for a network in all of them, and no others' runs."""

from pathlib import Path

import numpy as np
import pytest

from brainnn.analysis.curves import LearningCurve, Training, learning_panels
from brainnn.figures import training as drawing
from neuro_common.files import RunError
from neuro_common.plots import new_figure

STEP = np.array([0.0, 10.0])
CURVE = LearningCurve(STEP, STEP, STEP, STEP)


def test_a_network_keeps_its_colour_where_others_have_no_curve(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[dict[str, str]] = []
    draw = drawing.curve_plot

    def spy(*args: object, **options: object) -> object:
        lines = draw(*args, **options)  # type: ignore[arg-type]
        seen.append({str(line.get_label()): str(line.get_color()) for line in lines})
        return lines

    monkeypatch.setattr(drawing, "curve_plot", spy)
    panels = {
        "loss": {"taught": CURVE},
        "episode": {"alone": CURVE},
        "reward": {"taught": CURVE, "alone": CURVE},
    }
    drawing.draw_training(panels, tmp_path / "curves", x_label="steps")
    assert seen[2] == seen[0] | seen[1]
    assert len({*seen[2].values()}) == 2


def test_alone_curves_take_the_colours_in_their_order() -> None:
    _, axes = new_figure()
    one, other = drawing.curve_plot(
        axes[0, 0], {"a": CURVE, "b": CURVE}, x_label="steps", y_label="reward"
    )
    assert one.get_color() != other.get_color()


def test_runs_of_another_verb_are_refused() -> None:
    columns = {"step": STEP, "speed": STEP}
    with pytest.raises(RunError, match=r"must have one of reward, loss, .*, got step, speed: give"):
        learning_panels([Training({"weights": "pretrained"}, columns)])
