"""Views of parts of arrays, made without reference counting.

Numba counts the references of every array that a function is given, slices or returns, with atomic instructions on memory that all threads share;
a small network's point took a tenth of its time for it. Kernels are compiled without such counts (`landscape.jit`): they allocate nothing, and
what they are given outlives them. A compiled function may then not return an array, so that these are no compiled functions.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.core.imputils import lower_builtin
from numba.extending import type_callable
from numba.np.arrayobj import populate_array
from numpy.typing import NDArray

from landscape.kernels.cpu.arrays import Network
from landscape.program.table import Column

SIZE, ROWS = int(Column.SIZE), Network._fields.index("rows")


def view(numbers: NDArray, start: int, rows: int, width: int) -> NDArray:
    """View rows × width numbers of a flat array, from a start."""
    return numbers[start : start + rows * width].reshape(rows, width)


def block(numbers: NDArray, offset: int, rows: int, width: int) -> NDArray:
    """View rows × width numbers of a flat array, from a row on."""
    return numbers[offset * width : (offset + rows) * width].reshape(rows, width)


def pixel(rows: NDArray, place: int, channels: int) -> NDArray:
    """View the rows of one pixel of an image, channels last."""
    return rows[place * channels : (place + 1) * channels]


def output_block(
    network: Any, places: NDArray, i: int, work: NDArray, shared: NDArray, width: int
) -> NDArray:
    """View the output of row i, wherever it lies: at its place in the work or, where that is negative, at −1 − place of the shared memory."""
    memory, place = (work, places[i]) if places[i] >= 0 else (shared, -1 - places[i])
    return block(memory, place, network.rows[i, SIZE], width)


def flat(rows: NDArray) -> NDArray:
    """View a block's numbers in one line: simple loops compile quickly and vectorize."""
    return rows.reshape(-1)


def room(like: NDArray, size: int) -> NDArray:
    """View so many bytes (a constant) of the stack as numbers of an array's dtype, until the caller returns."""
    return np.empty(size // like.itemsize, like.dtype)


def matrix_of(numbers: Any) -> Any:
    """Type a view of rows of a flat array."""
    return types.Array(numbers.dtype, 2, "C")


@type_callable(view)
def type_view(context: Any) -> Any:
    """Give rows of the same numbers."""
    return lambda numbers, start, rows, width: matrix_of(numbers)


@type_callable(block)
def type_block(context: Any) -> Any:
    """Give rows of the same numbers."""
    return lambda numbers, offset, rows, width: matrix_of(numbers)


@type_callable(pixel)
def type_pixel(context: Any) -> Any:
    """Give rows of the same numbers."""
    return lambda rows, place, channels: matrix_of(rows)


@type_callable(output_block)
def type_output_block(context: Any) -> Any:
    """Give rows of the numbers that the work has."""
    return lambda network, places, i, work, shared, width: matrix_of(work)


@type_callable(flat)
def type_flat(context: Any) -> Any:
    """Give a line of the same numbers; those of a block that lies scattered are none."""
    return lambda rows: types.Array(rows.dtype, 1, "C") if rows.layout == "C" else None


@type_callable(room)
def type_room(context: Any) -> Any:
    """Give a line of numbers of a length that is known."""
    return lambda like, size: (
        types.Array(like.dtype, 1, "C") if isinstance(size, types.IntegerLiteral) else None
    )


def data_of(context: Any, builder: Any, kind: Any, array: Any) -> Any:
    """Give the place of an array's first number."""
    return context.make_array(kind)(context, builder, array).data


def borrowed(context: Any, builder: Any, kind: Any, data: Any, shape: Sequence[Any]) -> Any:
    """Make a contiguous array of numbers that belong to another."""
    size = context.get_constant(types.intp, context.get_abi_sizeof(context.get_data_type(kind.dtype)))
    strides = [size]
    for length in reversed(shape[1:]):
        strides.insert(0, builder.mul(strides[0], length))
    array = context.make_array(kind)(context, builder)
    populate_array(array, data=data, shape=shape, strides=strides, itemsize=size, meminfo=None)
    return array._getvalue()


def whole(context: Any, builder: Any, sig: Any, arguments: Any) -> list[Any]:
    """Give all integers of a call the width of an index."""
    return [
        context.cast(builder, value, kind, types.intp) if isinstance(kind, types.Integer) else value
        for kind, value in zip(sig.args, arguments, strict=True)
    ]


@lower_builtin(view, types.Array, types.Integer, types.Integer, types.Integer)
def lower_view(context: Any, builder: Any, sig: Any, arguments: Any) -> Any:
    """Point at the start."""
    numbers, start, rows, width = whole(context, builder, sig, arguments)
    data = builder.gep(data_of(context, builder, sig.args[0], numbers), [start])
    return borrowed(context, builder, sig.return_type, data, [rows, width])


@lower_builtin(block, types.Array, types.Integer, types.Integer, types.Integer)
def lower_block(context: Any, builder: Any, sig: Any, arguments: Any) -> Any:
    """Point at the row."""
    numbers, offset, rows, width = whole(context, builder, sig, arguments)
    data = builder.gep(data_of(context, builder, sig.args[0], numbers), [builder.mul(offset, width)])
    return borrowed(context, builder, sig.return_type, data, [rows, width])


@lower_builtin(pixel, types.Array, types.Integer, types.Integer)
def lower_pixel(context: Any, builder: Any, sig: Any, arguments: Any) -> Any:
    """Point at the pixel's first row."""
    rows, place, channels = whole(context, builder, sig, arguments)
    width = builder.extract_value(context.make_array(sig.args[0])(context, builder, rows).shape, 1)
    start = builder.mul(builder.mul(place, channels), width)
    data = builder.gep(data_of(context, builder, sig.args[0], rows), [start])
    return borrowed(context, builder, sig.return_type, data, [channels, width])


@lower_builtin(
    output_block, types.BaseNamedTuple, types.Array, types.Integer, types.Array, types.Array, types.Integer
)
def lower_output_block(context: Any, builder: Any, sig: Any, arguments: Any) -> Any:
    """Choose the memory by the sign of the place, and point at the row."""
    network, places, i, work, shared, width = whole(context, builder, sig, arguments)
    table = context.make_array(sig.args[0].types[ROWS])(
        context, builder, builder.extract_value(network, ROWS)
    )
    columns = builder.extract_value(table.shape, 1)
    at = builder.add(builder.mul(i, columns), context.get_constant(types.intp, SIZE))
    place = builder.load(builder.gep(data_of(context, builder, sig.args[1], places), [i]))
    inside = builder.icmp_signed(">=", place, ir.Constant(place.type, 0))
    memories = (
        data_of(context, builder, kind, array)
        for kind, array in zip(sig.args[3:5], (work, shared), strict=True)
    )
    row = builder.select(inside, place, builder.sub(ir.Constant(place.type, -1), place))
    data = builder.gep(builder.select(inside, *memories), [builder.mul(row, width)])
    shape = [builder.load(builder.gep(table.data, [at])), width]
    return borrowed(context, builder, sig.return_type, data, shape)


@lower_builtin(flat, types.Array)
def lower_flat(context: Any, builder: Any, sig: Any, arguments: Any) -> Any:
    """Point at the first number."""
    array = context.make_array(sig.args[0])(context, builder, arguments[0])
    return borrowed(context, builder, sig.return_type, array.data, [array.nitems])


@lower_builtin(room, types.Array, types.IntegerLiteral)
def lower_room(context: Any, builder: Any, sig: Any, arguments: Any) -> Any:
    """Take it from the caller's stack, where lines of the cache begin."""
    count = sig.args[1].literal_value * 8 // sig.return_type.dtype.bitwidth
    kind = context.get_value_type(sig.return_type.dtype)
    # Numba's own helper would fill it with zeros at every call.
    with builder.goto_entry_block():
        place = builder.alloca(ir.ArrayType(kind, count))
    place.align = 64
    data = builder.bitcast(place, kind.as_pointer())
    return borrowed(context, builder, sig.return_type, data, [context.get_constant(types.intp, count)])
