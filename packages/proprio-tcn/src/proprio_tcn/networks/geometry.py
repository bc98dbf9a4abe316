"""What a trunk does to time and space, from its settings alone; needs no torch.

An output of a layer stands for one bin of the input: the centre of the bins that it sees, or in a
causal network the last of them. Output ``k`` stands for bin ``first_centre + k * stride``, exactly:
TensorFlow's SAME padding is not symmetric where the stride is above 1, so ``first_centre`` is not
always zero.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from proprio_tcn.movements.format import BINS
from proprio_tcn.networks.padding import Padding, pad
from proprio_tcn.networks.settings import LayerPlan, TrunkSettings

__all__ = [
    "LayerGeometry",
    "published_drift",
    "published_target_bins",
    "trunk_geometry",
    "trunk_multiply_adds",
    "trunk_parameters",
]

_INPUT_CHANNELS = 2  # muscle length and velocity


@dataclass(frozen=True)
class LayerGeometry:
    """One layer with its sizes.

    Attributes:
        name: As in the plan of the settings.
        kind: "spatial", "temporal", "spatiotemporal" or "recurrent".
        height: Positions along muscles that come out; 1 from an LSTM.
        bins: Outputs along time.
        channels: That come out.
        receptive_field: Bins of the input that one output can see, padding included and the
            statistics of the norm left out; an LSTM sees all that came before.
        stride: Bins of the input between outputs.
        first_centre: Bin of the input that the first output stands for.
        kernel: Taps over muscles and bins.
        strides: Between outputs of this layer, over muscles and bins.
        padding: Along muscles and along bins.
        channels_in: That go in.
        height_in: Positions along muscles that go in.
        bins_in: Bins that go in.
        parameters: Trained numbers: weights, scale and shift of the norm.
        multiply_adds: Of one sample forward, norm left out.
    """

    name: str
    kind: str
    height: int
    bins: int
    channels: int
    receptive_field: int
    stride: int
    first_centre: int
    kernel: tuple[int, int]
    strides: tuple[int, int]
    padding: tuple[Padding, Padding]
    channels_in: int
    height_in: int
    bins_in: int
    parameters: int
    multiply_adds: int

    @property
    def features(self) -> int:
        """Numbers in an output at one time: channels times height."""
        return self.channels * self.height

    def centres(self) -> NDArray[np.int64]:
        """Bin of the input that each output stands for, shape (bins,)."""
        return self.first_centre + self.stride * np.arange(self.bins)


def trunk_geometry(
    settings: TrunkSettings, muscles: int, bins: int = BINS
) -> tuple[LayerGeometry, ...]:
    """Sizes, times and costs of every layer, without building one.

    Args:
        settings: Of the trunk.
        muscles: That the network sees.
        bins: Of a sample.

    Raises:
        ValueError: The settings are none, or a size is below 1.
    """
    if muscles < 1 or bins < 1:
        raise ValueError(f"muscles and bins must be at least 1, got {muscles} and {bins}")
    layers: list[LayerGeometry] = []
    for plan in settings.plan():
        before = layers[-1] if layers else None
        sizes = (
            (_INPUT_CHANNELS, muscles, bins)
            if before is None
            else (before.channels, before.height, before.bins)
        )
        make = _recurrent if plan.kind == "recurrent" else _convolution
        layers.append(make(plan, sizes, before, settings.padding == "causal"))
    return tuple(layers)


def trunk_parameters(settings: TrunkSettings, muscles: int) -> int:
    """Trained numbers of a trunk."""
    return sum(layer.parameters for layer in trunk_geometry(settings, muscles))


def trunk_multiply_adds(settings: TrunkSettings, muscles: int, bins: int = BINS) -> int:
    """Multiplications of one sample forward, each with its addition, in the layers alone."""
    return sum(layer.multiply_adds for layer in trunk_geometry(settings, muscles, bins))


def published_target_bins(outputs: int, bins: int = BINS) -> NDArray[np.int64]:
    """Bins that the published code compares outputs with: every ``(bins - 1) // (outputs - 1)``-th.

    ``compat`` only. This is the stride for powers of two up to 16 and too much for others.

    Args:
        outputs: Of the network along time.
        bins: Of the target.

    Returns:
        Shape (outputs,).

    Raises:
        ValueError: There are not from 1 to ``bins`` outputs.
    """
    if not 1 <= outputs <= bins:
        raise ValueError(f"outputs must be from 1 to {bins}, got {outputs}")
    step = (bins - 1) // max(outputs - 1, 1)
    return step * np.arange(outputs)


def published_drift(layer: LayerGeometry, bins: int = BINS) -> int:
    """Bins by which the published targets have run ahead of the outputs at the last of them.

    Args:
        layer: The last of a trunk.
        bins: Of a sample.
    """
    steps = np.arange(layer.bins)
    return int((published_target_bins(layer.bins, bins) - layer.stride * steps)[-1])


def _convolution(
    plan: LayerPlan, sizes: tuple[int, int, int], before: LayerGeometry | None, causal: bool
) -> LayerGeometry:
    channels, height, bins = sizes
    space = pad(height, plan.kernel[0], plan.stride[0])
    time = pad(bins, plan.kernel[1], plan.stride[1], causal=causal)
    taps = plan.kernel[0] * plan.kernel[1]
    weights = taps * channels * plan.channels
    # tap that an output stands for: the last one if it may not see further
    tap = plan.kernel[1] - 1 if causal else (plan.kernel[1] - 1) // 2
    stride = 1 if before is None else before.stride
    return LayerGeometry(
        plan.name,
        plan.kind,
        space.size,
        time.size,
        plan.channels,
        receptive_field=(before.receptive_field if before else 1) + (plan.kernel[1] - 1) * stride,
        stride=stride * plan.stride[1],
        first_centre=(before.first_centre if before else 0) + (tap - time.before) * stride,
        kernel=plan.kernel,
        strides=plan.stride,
        padding=(space, time),
        channels_in=channels,
        height_in=height,
        bins_in=bins,
        parameters=weights + 2 * plan.channels,
        multiply_adds=weights * space.size * time.size,
    )


def _recurrent(
    plan: LayerPlan, sizes: tuple[int, int, int], before: LayerGeometry | None, causal: bool
) -> LayerGeometry:
    channels, height, bins = sizes
    weights = 4 * plan.channels * (channels * height + plan.channels)
    return LayerGeometry(
        plan.name,
        plan.kind,
        1,
        bins,
        plan.channels,
        receptive_field=bins,
        stride=1,
        first_centre=0,
        kernel=plan.kernel,
        strides=plan.stride,
        padding=(Padding(1, 0, 0), Padding(bins, 0, 0)),
        channels_in=channels,
        height_in=height,
        bins_in=bins,
        parameters=weights + 8 * plan.channels,
        multiply_adds=weights * bins,
    )
