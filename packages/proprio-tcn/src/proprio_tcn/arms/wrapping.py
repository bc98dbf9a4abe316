"""Contact of one straight segment of a muscle with one wrap object, in the object's own frame.

Every function takes the two ends and fills ``r1`` and ``r2``, the tangent points next to them, only
if the path wraps; it returns one of the statuses and the length of the path on the surface.
"""

from proprio_tcn.arms.cylinders import wrap_cylinder
from proprio_tcn.arms.ellipsoids import wrap_ellipsoid
from proprio_tcn.arms.spheres import wrap_sphere
from proprio_tcn.arms.statuses import INSIDE, MANDATORY, NONE, WRAPPED
from proprio_tcn.arms.tendons import wrap_mujoco

__all__ = [
    "INSIDE",
    "MANDATORY",
    "NONE",
    "WRAPPED",
    "wrap_cylinder",
    "wrap_ellipsoid",
    "wrap_mujoco",
    "wrap_sphere",
]
