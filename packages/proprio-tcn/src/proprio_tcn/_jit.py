"""Ways to compile kernels, so that caching and rounding are the same everywhere."""

import hashlib
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, TypeVar, cast

__all__ = ["jit", "leaf", "part", "tell_compiling"]

Function = TypeVar("Function", bound=Callable[..., object])

# Sums may be reordered and products fused; NaN and infinity keep their meaning.
_FLAGS = {"reassoc", "contract", "nsz"}

_LEAF = {"_nrt": False, "forceinline": True}

_COMPILING = "compiling the arm's kernels, once per machine: half a minute to a minute"

_telling = False


@contextmanager
def tell_compiling() -> Iterator[None]:
    """Say on stderr when an arm's kernels are about to be compiled, at most once in the block.

    For commands, which would seem to hang meanwhile. Importing this module imports no numba.
    """
    global _telling
    before, _telling = _telling, True
    try:
        yield
    finally:
        _telling = before


def jit(function: Function) -> Function:
    """Compile ``function`` on first call, releasing the GIL, and cache the result on disk.

    numba looks for changes in the caller's file alone; here a cached kernel carries the digest of
    all in its folder in its name. Where neither the package's folder nor the user's cache folder
    can be written, it is compiled once per process instead.
    """
    return _compiled(function, {})


def leaf(function: Function) -> Function:
    """Compile a function that makes no arrays: it becomes part of its callers.

    The kernels pass dozens of arrays to each other. Handing these over, and counting references to
    them, took nine tenths of the time.
    """
    return _compiled(function, _LEAF)


def part(function: Function) -> Function:
    """Compile like :func:`leaf` what only kernels call; that saves the way in from Python."""
    return _compiled(function, _LEAF | {"no_cpython_wrapper": True, "no_cfunc_wrapper": True})


def _compiled(function: Function, wanted: dict[str, bool]) -> Function:
    import numba
    from numba.core.options import DefaultOptions

    _listen()
    options: Any = {"nogil": True, "error_model": "numpy", "fastmath": set(_FLAGS)}
    # options that numba has, but does not promise
    options |= {name: wanted[name] for name in wanted if hasattr(DefaultOptions, name)}
    folder = Path(cast(Any, function).__code__.co_filename).parent
    function.__qualname__ = f"{function.__qualname__}_{_digest(folder)}"
    try:
        Path.home()  # a user without one has no cache folder, and numba would make one named "~"
        return cast(Function, numba.njit(function, cache=True, **options))
    except RuntimeError:  # there is no folder for the cache
        return cast(Function, numba.njit(function, **options))


@cache
def _digest(folder: Path) -> str:
    sources = (path.read_bytes() for path in sorted(folder.glob("*.py")))
    text = b"".join(source for source in sources if b"_jit import" in source)
    return hashlib.sha256(text).hexdigest()[:12]


@cache
def _listen() -> None:
    """Hear of each kernel that numba compiles, having found none on disk."""
    from numba.core import event

    class Teller(event.Listener):
        def on_start(self, event: Any) -> None:
            global _telling
            module = event.data["dispatcher"].py_func.__module__
            if _telling and module.startswith("proprio_tcn.arms."):
                _telling = False
                print(_COMPILING, file=sys.stderr, flush=True)

        def on_end(self, event: Any) -> None:
            pass

    cast(Any, event).register("numba:compile", Teller())
