"""One way to compile kernels, so that caching and floating-point rules are the same everywhere."""

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar, cast

import numba

__all__ = ["jit"]

Function = TypeVar("Function", bound=Callable[..., object])

# Sums may be reordered into vector lanes and products fused; NaN and infinity keep their meaning.
_FLAGS = {"reassoc", "contract", "nsz"}


def jit(function: Function) -> Function:
    """Compile ``function`` on first call, releasing the GIL, and cache the result on disk.

    Where neither the package's folder nor the user's cache folder can be written, the kernel is
    compiled once per process instead.
    """

    def compiled(cache: bool) -> object:
        return numba.njit(
            function, cache=cache, nogil=True, error_model="numpy", fastmath=set(_FLAGS)
        )

    try:
        Path.home()  # a user without one has no cache folder, and numba would make one named "~"
        return cast(Function, compiled(cache=True))
    except RuntimeError:  # there is no folder for the cache
        return cast(Function, compiled(cache=False))
