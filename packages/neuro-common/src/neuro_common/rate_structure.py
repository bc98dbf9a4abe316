"""What a rate network is built on: signs, connections, time constants, the size of its weights."""

import math
from typing import TYPE_CHECKING

from neuro_common.extras import require

if TYPE_CHECKING:
    import torch
    from torch import Tensor
else:
    torch = require("torch", "torch")
    Tensor = torch.Tensor

__all__ = [
    "checked_mask",
    "checked_signs",
    "checked_time_constants",
    "dale_signs",
    "signed_weight",
    "spectral_radius",
]


def dale_signs(units: int, excitatory_fraction: float) -> Tensor:
    """Signs of a population whose first units are excitatory and whose others are inhibitory.

    Args:
        units: Number of units.
        excitatory_fraction: In (0, 1]; ``floor(excitatory_fraction * units)`` units excite.

    Returns:
        1 for excitatory and -1 for inhibitory units, shape (units,).

    Raises:
        ValueError: The fraction is out of its range or leaves no unit to excite.
    """
    if not 0 < excitatory_fraction <= 1:
        raise ValueError(f"excitatory_fraction must be in (0, 1], got {excitatory_fraction}")
    # 0.29 * 100 is 28.999999999999996
    excitatory = math.floor(excitatory_fraction * units + 1e-9)
    if excitatory == 0:
        raise ValueError(
            f"excitatory_fraction must leave at least one of {units} units to excite, "
            f"got {excitatory_fraction}"
        )
    return torch.where(torch.arange(units) < excitatory, 1.0, -1.0)


def signed_weight(magnitude: Tensor, signs: Tensor | None) -> Tensor:
    """Weights that keep Dale's law: the sign of the presynaptic unit times the size of a number.

    The slope of the size is 1 or -1 everywhere, at zero too, where that of ``abs`` is zero: a
    weight that starts at zero or touches it can leave it again. And a step of an optimiser changes
    small and large weights alike, which a softplus or a square would not do.

    Args:
        magnitude: Numbers of any sign, shape (units, units), row = post, column = pre.
        signs: 1 or -1 for each presynaptic unit, shape (units,), or None for free weights.
    """
    if signs is None:
        return magnitude
    return signs * torch.where(magnitude < 0, -magnitude, magnitude)


def spectral_radius(weight: Tensor) -> float:
    """Largest magnitude of an eigenvalue, in float64 (about a second for 1,000 units)."""
    return float(torch.linalg.eigvals(weight.detach().double().cpu()).abs().max())


def checked_signs(signs: Tensor, units: int) -> Tensor:
    """The signs, if they are 1 or -1 for each unit.

    Raises:
        ValueError: They are not.
    """
    if signs.shape != (units,) or not bool((signs.abs() == 1).all()):
        raise ValueError(f"signs must be 1 or -1 for each of {units} units, got {signs.tolist()}")
    return signs


def checked_mask(mask: Tensor | None, units: int, autapses: bool) -> Tensor:
    """Which connections exist, boolean, shape (units, units), row = post, column = pre.

    Args:
        mask: Boolean of that shape, or None for all.
        units: Number of units.
        autapses: Whether those of a unit with itself may be among them.

    Raises:
        ValueError: The mask is of another shape or not boolean.
    """
    if mask is None:
        mask = torch.ones(units, units, dtype=torch.bool)
    if mask.shape != (units, units) or mask.dtype != torch.bool:
        raise ValueError(
            f"mask must be boolean of shape {(units, units)}, got {mask.dtype} of {(*mask.shape,)}"
        )
    return mask if autapses else mask & ~torch.eye(units, dtype=torch.bool, device=mask.device)


def checked_time_constants(
    tau_ms: float | Tensor, units: int, dt_ms: float, trained: bool
) -> Tensor:
    """Time constants in float64, shape () or (units,).

    Args:
        tau_ms: One for all units or one for each.
        units: Number of units.
        dt_ms: Step, above 0.
        trained: Whether they are to be trained, which needs room above the step.

    Raises:
        ValueError: A wrong shape, or a time constant that is not finite or shorter than the step.
    """
    tau = torch.as_tensor(tau_ms, dtype=torch.float64)
    if tau.shape not in ((), (units,)):
        raise ValueError(f"tau_ms must be one number or {units}, got shape {(*tau.shape,)}")
    low, high = float(tau.min()), float(tau.max())
    if not (0 < dt_ms <= low and math.isfinite(high)):
        raise ValueError(f"tau_ms must be finite and at least dt_ms={dt_ms} > 0, got {tau_ms}")
    if trained and low == dt_ms:
        raise ValueError(f"tau_ms must be above dt_ms={dt_ms} to be trained, got {tau_ms}")
    return tau
