"""One way to compile kernels, so that caching and floating-point rules are the same everywhere."""

import hashlib
import inspect
from collections.abc import Callable
from functools import cache
from pathlib import Path
from types import FunctionType
from typing import Any, TypeVar, cast

import numba
from llvmlite import binding  # type: ignore[import-untyped]

__all__ = ["jit", "specialise"]

# A stage of three variables works on ten arrays. LLVM gives vector instructions to such a loop only
# if it may check more pairs of them for overlap than it does by default.
binding.set_option("rldbs_env", "-runtime-memory-check-threshold=128")

Function = TypeVar("Function", bound=Callable[..., object])

# Sums may be reordered into vector lanes and products fused; NaN and infinity keep their meaning.
_FLAGS = {"reassoc", "contract", "nsz"}

_TYPED_IN = "_typed_in"


def jit(function: Function) -> Function:
    """Compile ``function`` on first call, releasing the GIL, and cache the result on disk.

    Where neither the package's folder nor the user's cache folder can be written, the kernel is
    compiled once per process instead.
    """
    try:
        Path.home()  # a user without one has no cache folder, and numba would make one named "~"
        return _compiled(function, cache=True)
    except RuntimeError:  # there is no folder for the cache
        return _compiled(function, cache=False)


def _compiled(function: Function, cache: bool) -> Function:
    options: Any = {"nogil": True, "error_model": "numpy", "fastmath": set(_FLAGS)}
    return cast(Function, numba.njit(function, cache=cache, **options))


def specialise(template: Function, **parts: Callable[..., object]) -> Function:
    """Compile a copy of ``template`` in which global names stand for these compiled parts.

    numba caches neither closures nor functions passed as arguments. A copy with globals of its own
    is cached, under a name that changes with the source of everything it is made of. Parts that no
    file tells apart, such as closures and functions typed into a notebook, are compiled once per
    process.

    Args:
        template: A plain function that calls the parts by name.
        **parts: Compiled functions by those names.
    """
    digest, in_files = hashlib.sha256(_compiled_sources()), True
    for name, part in sorted(parts.items()):
        plain = getattr(part, "py_func", part)
        file, code = Path(inspect.getfile(plain)), plain.__code__
        fixed = file.is_file() and not plain.__closure__ and not hasattr(plain, _TYPED_IN)
        in_files = in_files and fixed
        told = (name, plain.__module__, plain.__qualname__, code.co_firstlineno, code.co_consts)
        digest.update(repr(told).encode())
        digest.update(file.read_bytes() if fixed else code.co_code)
    plain = cast(FunctionType, template)
    copy: Any = FunctionType(plain.__code__, plain.__globals__ | parts, plain.__name__)
    copy.__qualname__ = f"{plain.__qualname__}_{digest.hexdigest()[:12]}"
    if in_files:
        return jit(cast(Function, copy))
    setattr(copy, _TYPED_IN, True)  # and so is all that is made of it
    return _compiled(cast(Function, copy), cache=False)


@cache
def _compiled_sources() -> bytes:
    """Digest of the package's modules with compiled code: numba looks at the caller's alone."""
    sources = (path.read_bytes() for path in sorted(Path(__file__).parent.glob("*.py")))
    return hashlib.sha256(b"".join(text for text in sources if b"_jit import" in text)).digest()
