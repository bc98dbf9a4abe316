"""Trained networks for other programs: spindles in mm and mm/s go in, quantities in units come out.

What ONNX and torch.export files hold is all that lies between: the scale of the inputs, trunk and
head, the scale of the targets and what is linear in the spindles. A spindle encoder is left out:
such a network is given what the encoder makes.
"""

from copy import deepcopy
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from neuro_common.exporting import Exportable, Program, difference
from proprio_tcn.movements.format import BIN_S
from proprio_tcn.movements.letters import LETTERS
from proprio_tcn.networks.normalisation import NormRectify
from proprio_tcn.training.input_scale import ScaledTrunk
from proprio_tcn.training.reading import Told
from proprio_tcn.training.trained import Trained

__all__ = ["NetworkInUnits", "exportable"]

_DRAWN_MM, _DRAWN_MM_S = (150.0, 10.0), (0.0, 40.0)


class NetworkInUnits(nn.Module):
    """A network with its scales, in torch's own operations alone.

    Args:
        trained: The network; it is copied.
    """

    mean: Tensor
    scale: Tensor
    slopes: Tensor
    bins: Tensor

    def __init__(self, trained: Trained) -> None:
        super().__init__()
        network = deepcopy(trained.network).cpu().eval()
        for module in network.modules():
            if isinstance(module, NormRectify):
                module.compiled = False
        for parameter in network.parameters():
            # as files hold them: in training they lie channels last
            parameter.data = parameter.data.contiguous()
        if isinstance(network.trunk, ScaledTrunk):
            network.trunk.encoding = None
        self.trunk, self.head = network.trunk, network.head
        self.kind, self.masked = trained.task.head, network.trunk.settings.norm == "masked"
        scale = trained.scale
        self.in_units, slopes = scale is not None, None if scale is None else scale.slopes
        self.around = slopes is not None
        if scale is not None:
            self.register_buffer("mean", torch.tensor(scale.mean)[:, None].float())
            self.register_buffer("scale", torch.tensor(scale.scale)[:, None].float())
        if slopes is not None:
            # as the spindles of a bin lie: muscles first, then length and velocity
            self.register_buffer("slopes", torch.tensor(slopes).flatten(1).float())
            self.register_buffer("bins", torch.tensor(_output_bins(trained)))

    def forward(
        self, spindle: Tensor, told: Tensor | None = None, further: Tensor | None = None
    ) -> Tensor:
        """Do the task.

        Args:
            spindle: Shape (batch, muscles, bins, 2).
            told: Moving bins (batch, bins) of a network with a masked norm; else the reach's target
                in cm (batch, 3, bins) of one that tells torques.
            further: The target, where both are told.

        Returns:
            Quantities in units (batch, channels, outputs), scores (batch, letters), or of a network
            without its projection the trunk's features (batch, channels, height, outputs).
        """
        moving, target = (told, further) if self.masked else (None, told)
        features = self.trunk(spindle, moving)
        outputs: Tensor = features
        if self.kind == "project":
            return outputs
        outputs = self.head(features, self.trunk.masks(moving), target)
        if self.kind == "decode":
            outputs = outputs.movedim(3, 1).flatten(1, 2)
        if not self.in_units:
            return outputs
        outputs = outputs * self.scale + self.mean
        if self.around:
            seen = spindle[:, :, self.bins].transpose(1, 2).flatten(2)
            outputs = outputs + (seen @ self.slopes.T).transpose(1, 2)
        return outputs


def exportable(trained: Trained) -> Exportable:
    """A network, as `neuro_common.exporting` writes it.

    Args:
        trained: One that ships, or of a training.
    """
    module = NetworkInUnits(trained)
    muscles, bins = len(trained.muscles), trained.network.trunk.bins
    seen = "lengths (mm) and velocities (mm/s, lengthening above 0)"
    if trained.encoding is not None:
        seen = "what the encoder that is named here makes of lengths and velocities"
    inputs = {"spindle": torch.full((2, muscles, bins, 2), _DRAWN_MM[0])}
    signals = {"spindle": f"(batch, {muscles} muscles, {bins} bins, 2): {seen}"}
    if module.masked:
        inputs["moving"] = torch.ones(2, bins, dtype=torch.bool)
        signals["moving"] = f"(batch, {bins}): which bins are of the movement"
    if trained.task.condition is not None:
        inputs["target"] = torch.zeros(2, 3, bins)
        signals["target"] = f"(batch, 3, {bins}): where the reach goes, cm"
    return Exportable(
        module.eval(),
        inputs,
        signals | _outputs(trained),
        _about(trained),
        lambda program: _deviation(program, trained),
        "proprio-tcn",
    )


def _outputs(trained: Trained) -> dict[str, str]:
    if trained.task.head == "classify":
        return {"scores": "(batch, letters): the largest is the answer"}
    if trained.task.head == "project":
        return {"features": "(batch, channels, height, outputs) of the trunk; no projection"}
    return {"quantities": "(batch, channels, outputs) in the units of the channels"}


def _about(trained: Trained) -> dict[str, Any]:
    network, muscles = trained.network, len(trained.muscles)
    about: dict[str, Any] = {
        "model": network.trunk.settings.name(),
        "task": trained.task.name,
        "muscles": list(trained.muscles),
        "channels": [
            {"name": one.name, "unit": one.unit, "count": one.count(muscles)}
            for one in trained.task.targets
        ],
        "bin_ms": 1e3 * BIN_S,
        "output_bins": _output_bins(trained),
        "standardisation": "inside: inputs and outputs are in units",
    }
    if trained.task.head == "classify":
        about["letters"] = LETTERS
    if trained.encoding is not None:
        about["encoder"] = trained.encoding.facts()
    return about


def _output_bins(trained: Trained) -> list[int]:
    """Bin that each output stands for."""
    network = trained.network
    return list(range(network.trunk.bins)) if trained.task.head == "decode" else network.centres


def _deviation(program: Program, trained: Trained) -> float:
    """The largest difference from the network by its own kernels, on two drawn movements."""
    rng = np.random.default_rng(0)
    muscles, bins = len(trained.muscles), trained.network.trunk.bins
    drawn = [rng.normal(*one, size=(2, muscles, bins)) for one in (_DRAWN_MM, _DRAWN_MM_S)]
    spindle = np.stack(drawn, axis=-1).astype(np.float32)
    moving = np.zeros((2, bins), bool)
    moving[0, bins // 4 : bins // 2] = moving[1, : bins // 3] = True
    target = rng.normal(20, 5, size=(2, 3, bins)).astype(np.float32)
    conditioned = trained.task.condition is not None
    network, reading = trained.network.eval(), trained.reading
    told = Told(reading.tensor(moving), reading.tensor(target) if conditioned else None)
    with torch.no_grad():
        if trained.task.head == "project":
            outputs = network.trunk(reading.tensor(spindle), told.moving)
        else:
            outputs = reading.run(network, reading.tensor(spindle), told)
    wanted = outputs.cpu().numpy()
    if trained.scale is not None:
        wanted = reading.restore(wanted, spindle)
    seen = spindle if trained.encoding is None else trained.encoding.encode(spindle)
    masked = network.trunk.settings.norm == "masked"
    given = [seen, *([moving] if masked else []), *([target] if conditioned else [])]
    return difference(program(*given), [wanted])
