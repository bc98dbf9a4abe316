"""From currents to muscles without time: roots beside the lead, recruitment of their fibres, pools.

The chain is currents -> drive of each root -> recruited part of its fibres -> muscle. Each step is
a function of arrays. The constants are choices of this model, not measurements; the roots of each
muscle follow Phillips and Park (1991), and roots times pools follow Rowald et al. (2022).
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from spinal_rnn.lead import Lead

__all__ = [
    "CHRONAXIE_US",
    "NODE_WEIGHTS",
    "ROOTS",
    "ROOT_WEIGHTS",
    "SEGMENT_MM",
    "Kernel",
    "Pool",
    "both_sides",
    "exponential_kernel",
    "field_kernel",
    "hill_pool",
    "kumaraswamy_pool",
    "muscle_response",
    "recruited_fraction",
    "root_drive",
    "root_nodes",
    "root_places",
    "transfer",
    "width_factor",
]

Array = NDArray[np.float64]

Kernel = Callable[[Array, Array], Array]
"""From (dx_mm, dz_mm) to the drive by 1 mA, such as `field_kernel`."""

Pool = Callable[[Array], Array]
"""From the input of a pool of motoneurons to its output, such as `hill_pool`."""

_SEGMENTS = ("L1", "L2", "L3", "L4", "L5", "S1", "S2")
ROOTS = tuple(f"{side}:{segment}" for side in "LR" for segment in _SEGMENTS)
"""The dorsal roots, from rostral to caudal, left side then right side."""

SEGMENT_MM = 6.75
"""Mean distance between the entries of neighbouring roots."""

NODE_WEIGHTS = np.array([1.0, 0.45, 0.20])
"""How well a root is excited at its entry, and lower where it passes on its way out."""

CHRONAXIE_US = 300.0

_ENTRY_X_MM = np.array([3.4, 3.3, 3.2, 3.0, 2.7, 2.3, 1.9])
_ENTRY_Z_MM = np.array([2.0, 9.0, 16.0, 23.0, 30.0, 36.5, 42.5])
_NODE_X_MM = np.array([0.0, 0.8, 1.2])
_NODE_Z_MM = np.array([0.0, 7.0, 14.0])
_REFERENCE_US = 300.0

ROOT_WEIGHTS = np.array(
    [
        [0.35, 0.45, 0.20, 0.00, 0.00, 0.00, 0.00],
        [0.02, 0.28, 0.45, 0.25, 0.00, 0.00, 0.00],
        [0.00, 0.20, 0.45, 0.35, 0.00, 0.00, 0.00],
        [0.00, 0.00, 0.00, 0.15, 0.40, 0.35, 0.10],
        [0.00, 0.00, 0.02, 0.45, 0.45, 0.08, 0.00],
        [0.00, 0.00, 0.00, 0.02, 0.23, 0.50, 0.25],
        [0.00, 0.00, 0.00, 0.00, 0.15, 0.50, 0.35],
    ]
)
"""Part of each root, L1 to S2, in each muscle of one side, shape (7 muscles, 7 roots)."""


def root_places() -> tuple[Array, Array]:
    """Where the roots enter the cord: x to the right and z caudal, in mm, each of shape (14,)."""
    return np.concatenate([-_ENTRY_X_MM, _ENTRY_X_MM]), np.tile(_ENTRY_Z_MM, 2)


def root_nodes(x_mm: Array, z_mm: Array) -> tuple[Array, Array]:
    """Where a root may be excited: at its entry, and twice on its way down and out.

    Args:
        x_mm: Entries, shape (14,), left roots then right ones.
        z_mm: As x_mm.

    Returns:
        x and z of the nodes in mm, each of shape (3, 14).
    """
    outwards = np.repeat([-1.0, 1.0], len(_SEGMENTS))
    return x_mm + _NODE_X_MM[:, None] * outwards, z_mm + _NODE_Z_MM[:, None]


def field_kernel(
    dx_mm: Array,
    dz_mm: Array,
    *,
    height_mm: float = 7.0,
    power: float = 2.0,
    side_lobe: float = 0.3,
    lateral: float = 1.5,
) -> Array:
    """Drive of a fibre along z by a cathode of 1 mA, 1 just below it.

    With rho^2 = h^2 + (lateral dx)^2 it is h^(2p-2) (rho^2 - k dz^2) / (rho^2 + dz^2)^p. With
    p = 2.5, k = 2 and lateral = 1 that is the exact second derivative along the fibre of the
    potential of a point source, the activating function of Rattay (1986). Side lobes of the other
    sign make an anode a virtual cathode.

    Args:
        dx_mm: Across the cord from contact to fibre; NaN gives 0, for the case is far away.
        dz_mm: Along the cord, of a shape that fits.
        height_mm: h, from the contact to the plane of the fibres.
        power: p, how fast it falls off.
        side_lobe: k, how strong the side lobes are.
        lateral: Above 1 for the cord and the fluid that part left roots from right ones.
    """
    rho2 = height_mm**2 + (lateral * dx_mm) ** 2
    squared = np.square(dz_mm)
    kernel = (rho2 - side_lobe * squared) / (rho2 + squared) ** power
    return np.asarray(np.nan_to_num(height_mm ** (2 * power - 2) * kernel))


def exponential_kernel(
    dx_mm: Array,
    dz_mm: Array,
    *,
    height_mm: float,
    length_mm: float,
    lateral: float,
) -> Array:
    """Drive that falls exponentially with the distance and has no side lobes, 1 just below.

    Args:
        dx_mm: As in :func:`field_kernel`, of any shape, which is kept.
        dz_mm: As in :func:`field_kernel`, of the same shape.
        height_mm: From the contact to the plane of the fibres; it rounds the peak.
        length_mm: Over which it falls by e, far away.
        lateral: Above 1 where it falls faster across than along the cord.
    """
    distance = np.sqrt(height_mm**2 + (lateral * dx_mm) ** 2 + np.square(dz_mm))
    return np.nan_to_num(np.exp((height_mm - distance) / length_mm))


def transfer(
    lead: Lead, root_x_mm: Array, root_z_mm: Array, kernel: Kernel = field_kernel
) -> Array:
    """Drive of each node of each root by 1 mA of cathodic current at each contact.

    Args:
        lead: Where the contacts lie.
        root_x_mm: Entries of the roots in the frame of the lead, shape (14,).
        root_z_mm: As root_x_mm.
        kernel: From (dx_mm, dz_mm) to the drive, such as :func:`field_kernel`.

    Returns:
        Kernel times `NODE_WEIGHTS`, shape (contacts, 3 nodes, 14 roots); 0 for the case.
    """
    x_mm, z_mm = root_nodes(root_x_mm, root_z_mm)
    dx_mm = lead.x_mm[:, None, None] - x_mm
    dz_mm = lead.z_mm[:, None, None] - z_mm
    return np.asarray(kernel(dx_mm, dz_mm) * NODE_WEIGHTS[:, None])


def width_factor(pulse_width_us: Array, chronaxie_us: float = CHRONAXIE_US) -> Array:
    """How much stronger a pulse is than one of 300 us: (1 + c/300) / (1 + c/width) (Weiss).

    Args:
        pulse_width_us: Any shape.
        chronaxie_us: c.
    """
    return (1 + chronaxie_us / _REFERENCE_US) / (1 + chronaxie_us / np.asarray(pulse_width_us))


def root_drive(currents_ma: Array, transfer_per_ma: Array) -> Array:
    """Drive of each root: that of its best node.

    Args:
        currents_ma: Of a cathodic phase, cathodes negative, shape (trials, contacts).
        transfer_per_ma: What :func:`transfer` returned, shape (contacts, nodes, roots).

    Returns:
        Shape (trials, roots); negative where anodes hold the root down.
    """
    contacts, nodes, roots = transfer_per_ma.shape
    at_nodes = -currents_ma @ transfer_per_ma.reshape(contacts, nodes * roots)
    return np.asarray(at_nodes.reshape(-1, nodes, roots).max(axis=1))


def recruited_fraction(drive: Array, threshold: Array | float, spread: float) -> Array:
    """Part of a root's fibres above their threshold, which is log-normal: Phi(ln(E/theta)/sigma).

    Args:
        drive: E, any shape; 0 or less recruits none.
        threshold: theta, the median threshold, of a shape that fits.
        spread: sigma.
    """
    ratio = np.maximum(drive / threshold, np.finfo(np.float64).tiny)
    return np.where(drive > 0, ndtr(np.log(ratio) / spread), 0.0)


def hill_pool(drive: Array, *, half: float = 0.35, power: float = 2.5) -> Array:
    """Output of a pool of motoneurons: u^n (1 + h^n) / (u^n + h^n), from 0 at 0 to 1 at 1.

    Args:
        drive: u, at least 0, any shape.
        half: h.
        power: n.
    """
    raised = drive**power
    return np.asarray(raised * (1 + half**power) / (raised + half**power))


def kumaraswamy_pool(drive: Array, *, rise: float, fullness: float) -> Array:
    """Output of a pool of motoneurons: 1 - (1 - u^a)^b, which arrives at 1 with a slope of 0.

    Args:
        drive: u, in [0, 1], any shape.
        rise: a, above 1 for a slow start.
        fullness: b, above 1 for a slow end.
    """
    return 1 - (1 - np.clip(drive, 0, 1) ** rise) ** fullness


def both_sides(left: Array, right: Array, spill: float = 0.02) -> Array:
    """Roots of all muscles from those of each side, with a little from the other side.

    Args:
        left: Part of each root in each muscle, rows of sum 1, shape (7 muscles, 7 roots).
        right: As left.
        spill: Part that comes from the other side.

    Returns:
        Shape (14 muscles, 14 roots), rows of sum 1.
    """
    return np.block([[(1 - spill) * left, spill * left], [spill * right, (1 - spill) * right]])


def muscle_response(recruited: Array, weights: Array, pool: Pool = hill_pool) -> Array:
    """Response of each muscle to a single pulse, as a part of its largest.

    Args:
        recruited: Part of each root's fibres, shape (trials, roots).
        weights: What :func:`both_sides` returned, shape (muscles, roots).
        pool: From input to output of a pool, such as :func:`hill_pool`.

    Returns:
        Shape (trials, muscles).
    """
    return np.asarray(pool(recruited @ weights.T))
