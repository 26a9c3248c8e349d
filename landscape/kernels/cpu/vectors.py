"""Vectors: how wide they are, and the code that micro-kernels are written with.

A vector fills a register of the machine (`landscape.machine`). All micro-kernels take their width, loads and stores from here.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import overload

from landscape.jit import EXACT
from landscape.machine import vector_bytes

VECTOR_BYTES = vector_bytes()
OPTIONS = {"fastmath": set(EXACT), "error_model": "numpy"}
SHORT = ir.IntType(32)


def lanes_of(x: Any) -> int:
    """Say how many numbers a vector of an array's dtype has."""
    return int(VECTOR_BYTES // x.itemsize)


@overload(lanes_of, jit_options=OPTIONS)
def lanes_of_on_cpu(x: Any) -> Any:
    """Make it a constant, so that loops over lanes have a known length."""
    lanes = VECTOR_BYTES * 8 // x.dtype.bitwidth

    def constant(x: Any) -> Any:
        return lanes

    return constant


class Code:
    """The code of a micro-kernel of one dtype: the vector type, loads and stores of unaligned vectors, sums."""

    def __init__(self, context: Any, builder: Any, dtype: Any) -> None:
        self.context, self.builder = context, builder
        self.lanes, self.align = VECTOR_BYTES * 8 // dtype.bitwidth, dtype.bitwidth // 8
        self.real = context.get_value_type(dtype)
        self.vector, self.index = ir.VectorType(self.real, self.lanes), context.get_value_type(types.intp)
        self.zero = ir.Constant(self.vector, [0.0] * self.lanes)

    def whole(self, value: int) -> Any:
        """Make an index."""
        return ir.Constant(self.index, value)

    def constant(self, value: float) -> Any:
        """Make a vector of one number."""
        return ir.Constant(self.vector, [value] * self.lanes)

    def times(self, number: int, step: Any) -> Any:
        """Multiply an index by a constant."""
        return self.builder.mul(self.whole(number), step)

    def least(self, one: Any, other: Any) -> Any:
        """Give the lesser of two indices."""
        return self.builder.select(self.builder.icmp_signed("<", one, other), one, other)

    def start(self, array_type: Any, array: Any, offset: Any) -> Any:
        """Point at an element of a flat array."""
        made = self.context.make_array(array_type)(self.context, self.builder, array)
        return self.builder.gep(made.data, [offset])

    def move(self, base: Any, *offsets: Any) -> Any:
        """Move a pointer by a sum of offsets."""
        for offset in offsets:
            base = self.builder.gep(base, [offset])
        return base

    def at(self, base: Any, *offsets: Any) -> Any:
        """Point at a vector."""
        return self.builder.bitcast(self.move(base, *offsets), self.vector.as_pointer())

    def load(self, base: Any, *offsets: Any) -> Any:
        """Load a vector."""
        return self.builder.load(self.at(base, *offsets), align=self.align)

    def store(self, value: Any, base: Any, *offsets: Any) -> None:
        """Store a vector."""
        self.builder.store(value, self.at(base, *offsets), align=self.align)

    def first(self, count: Any) -> Any:
        """Make the mask of the first lanes."""
        kind = ir.VectorType(self.index, self.lanes)
        numbers = ir.Constant(kind, [ir.Constant(self.index, lane) for lane in range(self.lanes)])
        return self.builder.icmp_signed("<", numbers, self.spread(count))

    def load_some(self, mask: Any, base: Any) -> Any:
        """Load the lanes of a mask; the others are zero, and are not read."""
        place = self.at(base)
        kinds = (place.type, SHORT, mask.type, self.vector)
        function = self.intrinsic("load", ir.FunctionType(self.vector, kinds))
        return self.builder.call(function, [place, ir.Constant(SHORT, self.align), mask, self.zero])

    def store_some(self, mask: Any, value: Any, base: Any) -> None:
        """Store the lanes of a mask; the others are not written."""
        place = self.at(base)
        function = self.intrinsic(
            "store", ir.FunctionType(ir.VoidType(), (self.vector, place.type, SHORT, mask.type))
        )
        self.builder.call(function, [value, place, ir.Constant(SHORT, self.align), mask])

    def prefetch(self, base: Any, *offsets: Any) -> None:
        """Prefetch a cache line, which is used soon; an invalid address has no effect."""
        byte = ir.IntType(8).as_pointer()
        kind = ir.FunctionType(ir.VoidType(), [byte, SHORT, SHORT, SHORT])
        ask = self.builder.module.declare_intrinsic("llvm.prefetch", [byte], kind)
        # To be read, into every cache, of data.
        numbers = [ir.Constant(SHORT, number) for number in (0, 3, 1)]
        self.builder.call(ask, [self.builder.bitcast(self.move(base, *offsets), byte), *numbers])

    def intrinsic(self, name: str, kind: Any) -> Any:
        """Declare LLVM's masked load or store."""
        bits = {"float": "f32", "double": "f64"}[str(self.real)]
        return cgutils.get_or_insert_function(
            self.builder.module, kind, f"llvm.masked.{name}.v{self.lanes}{bits}.p0"
        )

    def spread(self, value: Any) -> Any:
        """Put one number into every lane."""
        vector = ir.VectorType(value.type, self.lanes)
        one = self.builder.insert_element(ir.Constant(vector, ir.Undefined), value, ir.Constant(SHORT, 0))
        return self.builder.shuffle_vector(one, one, ir.Constant(ir.VectorType(SHORT, self.lanes), None))

    def shuffle(self, a: Any, b: Any, numbers: list[int]) -> Any:
        """Choose lanes of two vectors, those of the second numbered after those of the first."""
        mask = ir.Constant(ir.VectorType(SHORT, len(numbers)), numbers)
        return self.builder.shuffle_vector(a, b, mask)

    def sums(self, rows: int, columns: int) -> list[list[Any]]:
        """Allocate a block of zero sums, which the compiler keeps in registers."""
        block = [
            [cgutils.alloca_once(self.builder, self.vector) for _ in range(columns)] for _ in range(rows)
        ]
        for line in block:
            for place in line:
                self.builder.store(self.zero, place)
        return block

    def add_product(self, place: Any, left: Any, right: Any) -> None:
        """Add left · right to a sum."""
        product = self.builder.fmul(left, right, flags=("contract",))
        total = self.builder.fadd(self.builder.load(place), product, flags=("contract",))
        self.builder.store(total, place)

    def above_zero(self, value: Any) -> Any:
        """Set what is below zero to zero; a NaN fails the comparison, and stays."""
        below = self.builder.fcmp_ordered("<", value, self.zero)
        return self.builder.select(below, self.zero, value)

    def parts(self, kind: Any, value: Any) -> tuple[Any, ...]:
        """Point at the start of a named tuple (flat array, start, numbers …), and give the numbers after it as indices."""
        start, *steps = self.numbers(kind, value, 1)
        return self.start(kind.types[0], self.builder.extract_value(value, 0), start), *steps

    def numbers(self, kind: Any, value: Any, first: int = 0) -> list[Any]:
        """Give the fields of a named tuple from one on as indices."""
        return [
            self.context.cast(self.builder, self.builder.extract_value(value, field), type_, types.intp)
            for field, type_ in enumerate(kind.types)
            if field >= first
        ]
