"""Trials side by side in vector registers, for compiled loops.

numba leaves it to LLVM to find the vector instructions of a loop, which it does badly where short
sums run over many rows. A loop written with these functions says itself that it works on so many
trials at once; any processor runs it. Importing this module imports numba.
"""

import operator
from collections.abc import Callable
from typing import Any, cast

from llvmlite import ir  # type: ignore[import-untyped]
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic, models, overload, register_model

__all__ = ["WIDTH", "load", "ramp", "spread", "store", "total", "where_above_zero"]

WIDTH = 16
"""Trials that are worked on at once."""

_cgutils: Any = cgutils  # without types
# Sums may be reordered and products fused; NaN and infinity keep their meaning.
_FLAGS = ("reassoc", "contract", "nsz")


def _inlined(function: Callable[..., Any]) -> Callable[..., Any]:
    """Numba's intrinsic, whose first argument, the typing context, callers do not give."""
    return cast(Callable[..., Any], intrinsic(function))


class _Lanes(types.Type):
    """Type of so many numbers, which may be added and multiplied."""

    def __init__(self, dtype: Any) -> None:
        self.dtype = dtype
        super().__init__(name=f"Lanes({dtype})")


@register_model(_Lanes)
class _LanesModel(models.PrimitiveModel):
    def __init__(self, manager: Any, kind: _Lanes) -> None:
        one = manager.lookup(kind.dtype).get_value_type()
        super().__init__(manager, kind, ir.VectorType(one, WIDTH))  # type: ignore[no-untyped-call]


@_inlined
def load(typing: Any, array: Any, row: Any, first: Any) -> Any:
    """Trials ``first`` to ``first + WIDTH`` of a row of a contiguous (rows, batch) array."""
    if array.layout != "C":
        return None

    def build(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        place, align = _place(context, builder, signature, args)
        loaded = builder.load(place)
        loaded.align = align
        return loaded

    return _Lanes(array.dtype)(array, types.intp, types.intp), build


@_inlined
def store(typing: Any, array: Any, row: Any, first: Any, lanes: Any) -> Any:
    """Write what :func:`load` reads."""
    if array.layout != "C" or array.dtype != lanes.dtype:
        return None

    def build(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        place, align = _place(context, builder, signature, args)
        builder.store(args[3], place).align = align
        return context.get_dummy_value()

    return types.void(array, types.intp, types.intp, lanes), build


@_inlined
def spread(typing: Any, value: Any) -> Any:
    """The same number for every trial."""

    def build(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        vector = context.get_value_type(signature.return_type)
        nothing, index = ir.Constant(vector, ir.Undefined), ir.IntType(32)
        one = builder.insert_element(nothing, args[0], ir.Constant(index, 0))
        zeros = ir.Constant(ir.VectorType(index, WIDTH), [0] * WIDTH)
        return builder.shuffle_vector(one, nothing, zeros)

    return _Lanes(value)(value), build


@_inlined
def total(typing: Any, lanes: Any) -> Any:
    """Sum over trials."""

    def build(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        one = context.get_value_type(lanes.dtype)
        vector = context.get_value_type(lanes)
        kind = ir.FunctionType(one, (one, vector))
        name = f"llvm.vector.reduce.fadd.v{WIDTH}f{lanes.dtype.bitwidth}"
        function = _cgutils.get_or_insert_function(builder.module, kind, name)
        return builder.call(function, (ir.Constant(one, 0.0), args[0]), fastmath=_FLAGS)

    return lanes.dtype(lanes), build


@_inlined
def ramp(typing: Any, lanes: Any) -> Any:
    """What is above zero, and zero for the rest."""

    def build(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        zero = _zero(context, lanes)
        return builder.select(builder.fcmp_ordered("<", args[0], zero), zero, args[0])

    return lanes(lanes), build


@_inlined
def where_above_zero(typing: Any, told: Any, lanes: Any) -> Any:
    """``lanes`` where ``told`` is above zero, and zero elsewhere."""

    def build(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        zero = _zero(context, lanes)
        return builder.select(builder.fcmp_ordered(">", args[0], zero), args[1], zero)

    return lanes(told, lanes), build


def _place(context: Any, builder: Any, signature: Any, args: Any) -> tuple[Any, int]:
    """Pointer to the first trial, and its alignment in bytes: that of a single number."""
    kind, (array, row, first) = signature.args[0], args[:3]
    data = context.make_array(kind)(context, builder, array)
    batch = _cgutils.unpack_tuple(builder, data.shape)[1]
    place = builder.gep(data.data, [builder.add(builder.mul(row, batch), first)])
    vector = context.get_value_type(_Lanes(kind.dtype))
    return builder.bitcast(place, vector.as_pointer()), kind.dtype.bitwidth // 8


def _zero(context: Any, lanes: Any) -> ir.Constant:
    return ir.Constant(context.get_value_type(lanes), [0.0] * WIDTH)


def _let(symbol: Callable[..., Any], instruction: str) -> None:
    """Let an operator work on lanes."""

    @_inlined
    def combined(typing: Any, left: Any, right: Any) -> Any:
        def build(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            return getattr(builder, instruction)(*args, flags=_FLAGS)

        return left(left, right), build

    @overload(symbol, strict=False)
    def of_lanes(left: Any, right: Any) -> Callable[..., Any] | None:
        if not isinstance(left, _Lanes) or left != right:
            return None
        return lambda left, right: combined(left, right)


_let(operator.add, "fadd")
_let(operator.mul, "fmul")
