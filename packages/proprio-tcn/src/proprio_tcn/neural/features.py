"""What a network's layers say in each bin: exact times, and components of the training trials."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from proprio_tcn.movements.format import BIN_S, BINS
from proprio_tcn.neural.recording import Recording
from proprio_tcn.neural.windows import Windows

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["Features", "LayeredNetwork", "layer_features", "output_positions", "spindle_input"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_LARGE = 512  # features from which leading eigenvectors alone are found faster
_FLAT = 1e-10  # a component of a smaller part of the first one's variance is rounding


@dataclass(frozen=True, eq=False)
class Features:
    """What a model offers to explain neurons with, in the bins of all windows.

    Attributes:
        model: Name of the model.
        layer: Name of the layer, or of the variables.
        values: Shape ``(rows, features)``.
        depth: Place of the layer, from 1; 0 for what is no layer.
        kind: Such as "spatial", "temporal", "spatiotemporal", "recurrent", "kinematic".
    """

    model: str
    layer: str
    values: NDArray[Any]
    depth: int = 0
    kind: str = "kinematic"


class Geometry(Protocol):
    """Where a layer's outputs lie: output k is centred on input bin ``first_centre + k stride``."""

    @property
    def name(self) -> str: ...
    @property
    def kind(self) -> str: ...
    @property
    def bins(self) -> int: ...
    @property
    def stride(self) -> int: ...
    @property
    def first_centre(self) -> float: ...


class LayeredNetwork(Protocol):
    """A network whose layers can be read: a `Trunk`, or anything like it."""

    @property
    def geometry(self) -> Sequence[Geometry]:
        """One entry for each layer."""

    def layers(self, spindle: "Tensor", mask: "Tensor | None" = None) -> Sequence["Tensor"]:
        """Activations ``(batch, channels, height, outputs)`` of each layer."""


def spindle_input(
    recording: Recording, windows: Windows, *, placement: int = 100, padding: str = "edge"
) -> NDArray[np.float32]:
    """Muscle lengths (mm) and velocities (mm/s) as networks see them.

    Args:
        recording: Holds muscle_length.
        windows: One input for each.
        placement: Bin at which the window begins.
        padding: Outside of the window "edge" holds its first and last lengths, as the movement set
            does; "recorded" takes what was recorded, and edges beyond the trial.

    Returns:
        Shape ``(windows, muscles, BINS, 2)``; the velocity is the gradient of the lengths.

    Raises:
        ValueError: The recording lacks muscle lengths, or a window does not fit.
    """
    lengths = recording.variables(["muscle_length"])
    if windows.length.max() > BINS - placement:
        raise ValueError(
            f"windows must have at most {BINS - placement} bins from bin {placement} of {BINS}, "
            f"got {windows.length.max()}: leave long trials out, or lower placement"
        )
    low, high = windows.start, windows.stop - 1
    if padding == "recorded":
        low, high = np.zeros_like(low), recording.length[windows.trial] - 1
    wanted = windows.start[:, None] + np.arange(BINS) - placement
    place = np.clip(wanted, low[:, None], high[:, None])
    length = lengths[windows.trial[:, None], place].transpose(0, 2, 1)
    velocity = np.gradient(length, BIN_S, axis=2)
    return np.stack([length, velocity], axis=-1).astype(np.float32)


def output_positions(
    geometry: Geometry, input_bin: ArrayLike, *, compat: bool = False
) -> tuple[Ints, Floats]:
    """Where bins of the input lie between a layer's outputs.

    Args:
        geometry: Of the layer.
        input_bin: Bins of the input, any shape.
        compat: As published, tie the first output to the first bin and the last to the last, which
            is off by up to the layer's stride.

    Returns:
        The output before each bin, and the part of the way to the next, in [0, 1]. Beyond the
        outer outputs their values hold.
    """
    bins = np.asarray(input_bin, dtype=np.float64)
    if compat:
        position = bins * (geometry.bins - 1) / (BINS - 1)
    else:
        position = (bins - geometry.first_centre) / geometry.stride
    position = np.clip(position, 0, geometry.bins - 1)
    before = np.clip(np.floor(position), 0, max(0, geometry.bins - 2)).astype(np.int64)
    return before, position - before


def layer_features(
    name: str,
    network: LayeredNetwork,
    spindle: NDArray[np.float32],
    windows: Windows,
    train: Ints,
    *,
    placement: int = 100,
    components: int = 75,
    batch: int = 64,
    device: str = "cpu",
    compat: bool = False,
) -> list[Features]:
    """Principal components of every layer, interpolated at the bins of all windows.

    The components are those of the training windows' valid bins: each output of a layer counts by
    its share in the interpolation of these bins. Projecting and interpolating are both linear, so
    that only components are interpolated.

    Args:
        name: Of the model.
        network: On ``device``, in evaluation mode.
        spindle: Input of each window, ``(windows, muscles, BINS, 2)``.
        windows: The bins, the first of each at bin ``placement`` of the input.
        train: Positions of the training windows: no other is seen by the components.
        placement: As for `spindle_input`.
        components: Most components of a layer; one less than its channels at most, as published.
        batch: Windows that the network sees at once.
        device: Where to compute.
        compat: As for `output_positions`.

    Returns:
        One entry for each layer, ``(rows, components)`` of float32.
    """
    import torch

    reader = _Reader(network, spindle, windows, placement, device)
    moments = [_LayerMoments(one, windows, placement, compat) for one in network.geometry]
    with torch.inference_mode():
        for some in _batches(train, batch):
            for moment, output in zip(moments, reader.layers(some), strict=True):
                moment.add(output, some)
        bases = [one.basis(components) for one in moments]
        rows = int(windows.length.sum())
        values = [np.empty((rows, basis.vectors.shape[1]), np.float32) for basis in bases]
        of_row = windows.rows()[0]
        for some in _batches(np.arange(len(windows)), batch):
            own = np.flatnonzero((of_row >= some[0]) & (of_row <= some[-1]))
            outputs = reader.layers(some)
            for moment, basis, output, value in zip(moments, bases, outputs, values, strict=True):
                value[own] = moment.project(output, basis, of_row[own] - some[0], own)
    return [
        Features(name, one.name, value, depth, one.kind)
        for depth, (one, value) in enumerate(zip(network.geometry, values, strict=True), start=1)
    ]


def _batches(positions: Ints, size: int) -> list[Ints]:
    return [positions[start : start + size] for start in range(0, len(positions), size)]


@dataclass(frozen=True, eq=False)
class _Reader:
    """Runs a network on some of the windows."""

    network: LayeredNetwork
    spindle: NDArray[np.float32]
    windows: Windows
    placement: int
    device: str

    def layers(self, some: Ints) -> Sequence["Tensor"]:
        import torch

        bins = np.arange(self.spindle.shape[2]) - self.placement
        moving = (bins >= 0) & (bins < self.windows.length[some, None])
        inputs = (torch.from_numpy(one).to(self.device) for one in (self.spindle[some], moving))
        return self.network.layers(*inputs)


class _Basis(NamedTuple):
    mean: "Tensor"
    vectors: "Tensor"


class _LayerMoments:
    """Weighted mean and covariance of a layer's outputs in the training windows."""

    def __init__(self, geometry: Geometry, windows: Windows, placement: int, compat: bool) -> None:
        longest = int(windows.length.max())
        self.before, self.part = output_positions(
            geometry, placement + np.arange(longest), compat=compat
        )
        self.after = np.minimum(self.before + 1, geometry.bins - 1)
        self.first, self.stop = int(self.before[0]), int(self.after[-1]) + 1
        share = np.zeros((longest + 1, geometry.bins))
        place = np.arange(1, longest + 1)
        np.add.at(share, (place, self.before), 1 - self.part)
        np.add.at(share, (place, self.after), self.part)
        # how much each output counts in a window of that many bins
        self.share = np.cumsum(share, axis=0)[:, self.first : self.stop]
        self.length = windows.length
        self.bin_of_row = windows.rows()[1]
        self.shift: Any = None
        self.weight: Any = 0.0
        self.sum: Any = 0.0
        self.product: Any = 0.0

    def _outputs(self, output: "Tensor") -> "Tensor":
        """The outputs that windows draw on, ``(windows, outputs, features)``."""
        return output[..., self.first : self.stop].permute(0, 3, 1, 2).flatten(2)

    def add(self, output: "Tensor", some: Ints) -> None:
        """Count the outputs of training windows in."""
        import torch

        share = torch.from_numpy(self.share[self.length[some]]).to(output.device).flatten()
        used = share > 0
        values, share = self._outputs(output).flatten(0, 1)[used], share[used]
        if self.shift is None:
            # about a rough mean the products keep their digits
            self.shift = values.mean(dim=0)
        values = values - self.shift
        weighted = values * share.sqrt().to(values.dtype)[:, None]
        self.weight = self.weight + share.sum()
        self.sum = self.sum + share @ values.double()
        self.product = self.product + (weighted.T @ weighted).double()

    def basis(self, components: int) -> _Basis:
        """Mean and leading eigenvectors of the covariance."""
        import torch

        mean = self.sum / self.weight
        covariance = self.product / self.weight - mean[:, None] * mean
        wanted = min(components, max(1, len(mean) - 1))
        if covariance.device.type == "cpu" and len(mean) > max(_LARGE, 4 * wanted):
            from scipy.sparse.linalg import eigsh

            # the start is given, or scipy draws one
            start = covariance.diagonal().numpy()
            spread, vectors = eigsh(covariance.numpy(), k=wanted, v0=start)
            spread, vectors = torch.from_numpy(spread), torch.from_numpy(vectors)
        else:
            spread, vectors = torch.linalg.eigh(covariance)
        spread, vectors = spread.flip(0)[:wanted], vectors.flip(1)[:, :wanted]
        kept = spread > _FLAT * spread[0]
        kept[0] = True
        vectors = vectors[:, kept]
        largest = vectors.gather(0, vectors.abs().argmax(dim=0, keepdim=True))
        vectors = vectors * torch.where(largest < 0, -1.0, 1.0)
        dtype = self.shift.dtype
        return _Basis(self.shift + mean.to(dtype), vectors.to(dtype))

    def project(
        self, output: "Tensor", basis: _Basis, window: Ints, rows: Ints
    ) -> NDArray[np.float32]:
        """Components at the bins of ``rows``, which lie in the windows ``window`` of the batch."""
        projected = ((self._outputs(output) - basis.mean) @ basis.vectors).cpu().numpy()
        place = self.bin_of_row[rows]
        low = projected[window, self.before[place] - self.first]
        high = projected[window, self.after[place] - self.first]
        return np.asarray(low + (high - low) * self.part[place, None], dtype=np.float32)
