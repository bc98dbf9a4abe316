"""What a training gave: its learning curve, and one trial of each period."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neuro_common.plots import new_figure
from neuro_common.style import PALETTE, figure_style, save_figure
from rhythm_rnn.task import CLICK, CUE, Trials

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.lines import Line2D

__all__ = ["draw_training", "learning_plot", "trial_plot", "write_training_report"]

_OF_MEMBERS = (
    " Several networks were trained: each point is of the one that was the best at that "
    "validation, so that the line may pass from one to another; metrics.csv has the loss of each."
)
_TARGET, _OUTPUT, _CLICK, _CUE = "0.6", PALETTE[0], PALETTE[1], PALETTE[2]


def learning_plot(
    ax: "Axes", update: ArrayLike, train_loss: ArrayLike, loss: ArrayLike, stop_loss: float
) -> list["Line2D"]:
    """Losses against updates, on a logarithmic axis.

    Args:
        ax: Where to draw.
        update: Updates at each validation, shape (validations,).
        train_loss: Mean loss of the updates before it, shape (validations,).
        loss: Validation loss, shape (validations,).
        stop_loss: Loss at which the training was to end.

    Returns:
        The lines of training, validation and stop.
    """
    lines = ax.plot(update, train_loss, color=_TARGET, label="training")
    lines += ax.plot(update, loss, color=_OUTPUT, label="validation")
    lines.append(ax.axhline(stop_loss, color="0.3", lw=0.8, ls=":", label="stop"))
    ax.set(xlabel="updates", ylabel="mean squared error", yscale="log")
    ax.legend(fontsize=7)
    return lines


def trial_plot(axes: NDArray[Any], trials: Trials, which: int, output: ArrayLike) -> None:
    """Output and target of a trial, and below them its inputs.

    Args:
        axes: Two axes, above each other, shape (2,).
        trials: The trials.
        which: Which of them.
        output: What the network gave out, shape (time,).
    """
    time, inputs = trials.time_s, trials.inputs[which]
    upper, lower = axes
    upper.plot(time, trials.target[which, :, 0], color=_TARGET, lw=2.5, label="target")
    upper.plot(time, output, color=_OUTPUT, label="output")
    upper.set(ylabel="output")
    lower.plot(time, inputs[:, CLICK], color=_CLICK, label="clicks")
    lower.plot(time, inputs[:, CUE], color=_CUE, label="cue")
    top = 1.1 * max(1.0, float(inputs.max()))
    lower.set(xlabel="time (s)", ylabel="input", xlim=(time[0], time[-1]), ylim=(-0.05, top))
    for ax in axes:
        ax.legend(fontsize=7, loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False)


def draw_training(
    curve: Mapping[str, Sequence[Any]],
    period_s: ArrayLike,
    trials: Trials,
    outputs: NDArray[np.floating[Any]],
    directory: Path,
    *,
    stop_loss: float,
) -> dict[Path, str]:
    """Draw the learning curve and a figure for each period, each with its numbers beside it.

    Args:
        curve: Columns of ``metrics.csv``.
        period_s: The periods, shape (periods,).
        trials: One trial of each.
        outputs: What the network gave out, shape (periods, time).
        directory: Where the figures go.
        stop_loss: Loss at which the training was to end.

    Returns:
        Caption of each PNG, in reading order.
    """
    captions = {}
    with figure_style():
        figure, axes = new_figure(1, 1, width_mm=110, height_mm=65)
        numbers = {
            n: np.asarray(curve[n], dtype=np.float64) for n in ("step", "train_loss", "loss")
        }
        learning_plot(
            axes[0, 0], numbers["step"], numbers["train_loss"], numbers["loss"], stop_loss
        )
        captions[save_figure(figure, directory / "learning_curve", numbers)] = (
            "Mean squared error on fixed validation trials, and of the updates in between."
            + (_OF_MEMBERS if any(name.startswith("loss_seed_") for name in curve) else "")
        )
        for i, period in enumerate(np.asarray(period_s)):
            figure, axes = new_figure(2, 1, height_mm=70, sharex=True, height_ratios=(2, 1))
            trial_plot(axes[:, 0], trials, i, outputs[i])
            axes[0, 0].set_title(f"{period * 1e3:g} ms")
            data = {
                "time_s": trials.time_s,
                "click": trials.inputs[i, :, CLICK],
                "cue": trials.inputs[i, :, CUE],
                "target": trials.target[i, :, 0],
                "output": outputs[i],
            }
            captions[save_figure(figure, directory / f"period_{period * 1e3:g}ms", data)] = (
                f"A trial at {period * 1e3:g} ms: clicks in its first half, then the cue alone."
            )
    return captions


def write_training_report(
    curve: Mapping[str, Sequence[Any]],
    period_s: ArrayLike,
    trials: Trials,
    outputs: NDArray[np.floating[Any]],
    directory: Path,
    *,
    summary: Sequence[str],
    stop_loss: float,
) -> None:
    """Draw the figures into ``figures/`` and write ``report.html``.

    Args:
        curve: As for `draw_training`.
        period_s: As for `draw_training`.
        trials: As for `draw_training`.
        outputs: As for `draw_training`.
        directory: The run directory.
        summary: How the training ended, a line for each network.
        stop_loss: As for `draw_training`.
    """
    from neuro_common.report import Report

    report = Report(directory, "rhythm-rnn: training")
    for line in summary:
        report.text(line)
    drawn = draw_training(
        curve, period_s, trials, outputs, directory / "figures", stop_loss=stop_loss
    )
    report.figures(drawn).write()
