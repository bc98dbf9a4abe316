"""Pictures of a running environment, kept only when they were asked for."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

import gymnasium
import numpy as np
from numpy.typing import NDArray

from rldbs_env.settings import Settings

if TYPE_CHECKING:
    from rldbs_env.batch import Batch

__all__ = ["Recorder"]

_SAMPLES = 1000
_NEURONS = 60


class Recorder:
    """The last samples of a batch's first environment, and the figure that shows them.

    Raises:
        ModuleNotFoundError: matplotlib is not installed; the message holds the line that installs
            it.
    """

    def __init__(self, settings: Settings) -> None:
        try:
            from matplotlib.backends.backend_agg import FigureCanvasAgg
            from matplotlib.figure import Figure
        except ModuleNotFoundError as error:
            raise ModuleNotFoundError(
                'render_mode="rgb_array" needs matplotlib: pip install "rldbs-env[plot]"'
            ) from error
        self._dt = settings.model.dt * len(settings.shape.weights)
        self._are_phases = settings.model.variables == ("phase",)
        self._first_weight = settings.shape.weights[0]
        self._shown: NDArray[np.int64] = np.arange(0)
        self._mean_x: deque[float] = deque(maxlen=_SAMPLES)
        self._mean_y: deque[float] = deque(maxlen=_SAMPLES)
        self._kick: deque[float] = deque(maxlen=_SAMPLES)
        self._neurons: deque[NDArray[Any]] = deque(maxlen=_SAMPLES)
        self._ranges: list[tuple[float, float]] = []
        self._figure = Figure(figsize=(9.6, 5.4), dpi=100, layout="constrained")
        self._canvas: Any = FigureCanvasAgg(self._figure)

    @classmethod
    def for_mode(cls, render_mode: str | None, settings: Settings) -> Recorder | None:
        """The recorder that a render mode needs; None for no rendering.

        Raises:
            ValueError: The mode is unknown.
        """
        if render_mode is None:
            return None
        if render_mode != "rgb_array":
            raise ValueError(f"render_mode must be None or 'rgb_array', got {render_mode!r}")
        return cls(settings)

    def start(self, batch: Batch) -> None:
        """Forget the last episode and show the window that the new one starts with."""
        for record in (self._mean_x, self._mean_y, self._kick, self._neurons):
            record.clear()
        size = int(batch.sizes[0])  # varies from episode to episode where sizes do
        self._shown = np.linspace(0, size - 1, min(_NEURONS, size)).astype(np.int64)
        head, length = batch.heads[0], batch.settings.window_steps
        every, n_sensors = len(batch.settings.shape.weights), batch.fields.shape[2]
        window = batch.windows[0, :, head : head + length]
        last = window[:, ::-every][:, ::-1]  # sub-steps of their steps
        first = window[2 * n_sensors : -n_sensors, -every::-every][:, ::-1]
        self._mean_x.extend(last[:n_sensors].mean(axis=0))
        self._mean_y.extend(last[n_sensors : 2 * n_sensors].mean(axis=0))
        self._kick.extend(np.zeros(last.shape[1] - first.shape[1]))
        self._kick.extend(first.sum(axis=0))
        self._neurons.append(self._seen(batch))
        # the window holds the free rhythm: a suppressed one is drawn on its scale
        self._ranges = [(min(row), max(row)) for row in (self._mean_x, self._mean_y)]

    def add(self, batch: Batch) -> None:
        """Take one sample of the first environment; the kick is that of the first sub-step."""
        x, y = batch.mean_field[0]
        self._mean_x.append(float(x))
        self._mean_y.append(float(y))
        self._kick.append(float(batch.delivered[0].sum()) * self._first_weight)
        self._neurons.append(self._seen(batch))
        pairs = zip(self._ranges, (float(x), float(y)), strict=True)
        self._ranges = [(min(low, now), max(high, now)) for (low, high), now in pairs]

    def _seen(self, batch: Batch) -> NDArray[Any]:
        """State x of the neurons that are shown, the cosine of a phase."""
        x = batch.state[0, 0, self._shown]
        return np.asarray(np.cos(x) if self._are_phases else x.copy())

    def frame(self) -> NDArray[np.uint8]:
        """Mean field and kicks, raster of single neurons, phase portrait: (height, width, 3).

        Raises:
            gymnasium.error.ResetNeeded: Before the first reset.
        """
        if not self._neurons:
            raise gymnasium.error.ResetNeeded("there is nothing to draw: call reset first")
        figure = self._figure
        figure.clear()
        grid = figure.subplot_mosaic(
            [["trace", "portrait"], ["kick", "portrait"], ["raster", "portrait"]],
            width_ratios=(2, 1),
            height_ratios=(3, 1, 3),
        )
        time = (np.arange(len(self._mean_x)) - len(self._mean_x) + 1) * self._dt
        span = (-_SAMPLES * self._dt, 0.0)
        x_range, y_range = (_padded(*one) for one in self._ranges)

        grid["trace"].plot(time, self._mean_x, color="#0072B2")
        grid["trace"].set(xlim=span, ylim=x_range, ylabel="mean field X", xticklabels=[])
        strongest = max(1e-3, float(np.abs(self._kick).max()))
        grid["kick"].plot(time, self._kick, color="#D55E00", linewidth=0.8)
        grid["kick"].set(
            xlim=span, ylim=(-1.1 * strongest, 1.1 * strongest), ylabel="kick", xticklabels=[]
        )

        raster = grid["raster"]
        neurons = np.array(self._neurons).T
        low, high = np.percentile(neurons, [2, 98])
        raster.imshow(
            neurons,
            aspect="auto",
            cmap="Greys",
            vmin=low,
            vmax=high,
            interpolation="nearest",
            extent=(-neurons.shape[1] * self._dt, 0.0, len(neurons), 0),
        )
        raster.set(xlim=span, xlabel="time before now (time units)", ylabel="neuron (dark: high x)")

        portrait = grid["portrait"]
        portrait.plot(self._mean_x, self._mean_y, color="#0072B2", linewidth=0.8)
        portrait.plot(self._mean_x[-1], self._mean_y[-1], "o", color="#D55E00")
        portrait.set(xlim=x_range, ylim=y_range, xlabel="X", ylabel="Y")
        self._canvas.draw()
        return np.asarray(self._canvas.buffer_rgba())[..., :3].copy()


def _padded(low: float, high: float) -> tuple[float, float]:
    room = 0.1 * max(high - low, 1e-6)
    return low - room, high + room
