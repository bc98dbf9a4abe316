"""What became of a straight segment near a wrap object."""

__all__ = ["INSIDE", "MANDATORY", "NONE", "WRAPPED"]

NONE = 0
"""It stays straight."""
INSIDE = 1
"""It stays straight, for one of its ends is inside the object."""
WRAPPED = 2
"""It wraps, unless another segment of the muscle does so at a smaller cost of length."""
MANDATORY = 3
"""It crosses the object and must wrap."""
