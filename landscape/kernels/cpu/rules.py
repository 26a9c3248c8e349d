"""Rules: functions that compiled code calls by an address it is given, so that each is compiled once, and only when a program needs it.

What a kernel calls directly is optimized and emitted again in each of its callers. So all that depends on an op, an activation, a loss or an optimizer
is a rule of its own. `Network.rules` holds the addresses, one at each number of the table below (`table.py` says which function stands at which
number); the callers' machine code is then one for all networks and stays valid in the disk cache.

A rule of an op has one signature, (row, pointer to a `Frame`). The frame is written to the stack once for all rows of a tile; a call passes two
numbers, and a rule loads what it uses.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numba
import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.core.datamodel import models
from numba.extending import intrinsic, overload, register_model
from numpy.typing import NDArray

from landscape.interrupt import whole_function
from landscape.jit import is_kept, kernel
from landscape.kernels.cpu.arrays import (
    Batch,
    Convolution,
    Depth,
    Frame,
    Image,
    Left,
    Network,
    Out,
    OverExamples,
    Part,
    Product,
    Repeated,
    Right,
)

# Numbers of the table: ranges for the passes over ops, the code of the op added. A row's output; the normalization and activation fused into a product
# that is already computed; the part that is linear in the parameters; an adjoint to the inputs and the parameters; a tangent; and of an adjoint's change
# along a tangent what the reverse rule makes of it as it is, and what the rule's own change adds.
MOST_OPS = 32
VALUE, FINISH, LINEAR, BACKWARD, TANGENT, REVERSE, CURVED = (MOST_OPS * number for number in range(7))
OF_FORMULAS = 7 * MOST_OPS
# Loops over the formulas of one activation, its code added.
MOST_ACTIVATIONS = 64
ACTIVATE, AFFINE, SET_SLOPE, ADD_SLOPE, ADD_CURVED = (
    OF_FORMULAS + MOST_ACTIVATIONS * number for number in range(5)
)
OF_LOSSES = OF_FORMULAS + 5 * MOST_ACTIVATIONS
# A loss's sums, adjoint and adjoint's change, its code added.
MOST_LOSSES = 32
SUMS_OF, ADJOINT_OF, ADJOINT_CHANGE_OF = (OF_LOSSES + MOST_LOSSES * number for number in range(3))
OF_UPDATES = OF_LOSSES + 3 * MOST_LOSSES
# An optimizer's step, in place and with the new parameters where the gradient was.
MOST_UPDATES = 16
UPDATE, UPDATE_APART = (OF_UPDATES + MOST_UPDATES * number for number in range(2))
# Products of matrices, sums of products over examples, convolutions by squares and the gradients of their taps.
OF_PRODUCTS = OF_UPDATES + 2 * MOST_UPDATES
PRODUCT, OUTER, CONVOLVE, TAPS_GRADIENT = (OF_PRODUCTS + number for number in range(4))
SIZE = OF_PRODUCTS + 4


class Pointer(types.Type):
    """The type of a pointer to a named tuple, of whose dtype `real` is."""

    def __init__(self, kind: Any, real: Any) -> None:
        self.kind, self.real = kind, real
        super().__init__(name=f"Pointer({kind})")


register_model(Pointer)(models.OpaqueModel)

# Letters of a rule's signature: i a number, x a number of the kernels' dtype, v and m a vector and a matrix of integers, r, s and t arrays of one to three
# axes of the kernels' dtype, f and g a vector and a matrix of float64, l labels.
KINDS: dict[str, Callable[[Any], Any]] = {
    "i": lambda real: types.int64,
    "x": lambda real: real,
    "v": lambda real: types.Array(types.int64, 1, "C"),
    "m": lambda real: types.Array(types.int64, 2, "C"),
    "r": lambda real: types.Array(real, 1, "C"),
    "s": lambda real: types.Array(real, 2, "C"),
    "t": lambda real: types.Array(real, 3, "C"),
    "f": lambda real: types.Array(types.float64, 1, "C"),
    "g": lambda real: types.Array(types.float64, 2, "C"),
    "l": lambda real: types.Array(types.int32, 3, "C"),
    # Named tuples, and pointers to a frame, a product, a sum over examples and a convolution.
    "b": lambda real: tuple_type(Batch, real),
    "n": lambda real: tuple_type(Network, real),
    "p": lambda real: Pointer(tuple_type(Frame, real), real),
    "q": lambda real: Pointer(tuple_type(Repeated, real), real),
    "o": lambda real: Pointer(tuple_type(OverExamples, real), real),
    "c": lambda real: Pointer(tuple_type(Convolution, real), real),
}
POINTERS = {Frame: "p", Repeated: "q", OverExamples: "o", Convolution: "c"}
# What named tuples are made of: letters, and other named tuples.
LAYOUTS: dict[type, Iterable[str | type]] = {
    Batch: "tltgv",
    Network: "mvrmrv",
    Frame: (Network, *"vrrrsirrvrrr"),
    Part: "ri",
    Depth: "iii",
    Left: "riiiiiii",
    Right: "riiii",
    Out: "rii",
    Product: (*"ii", Depth, Left, Right, *"ii", Out),
    Repeated: (Product, *"iii"),
    OverExamples: (*"iiii", Part, Part, Part, "v"),
    Image: "riiiii",
    Convolution: (Image, Image, *"iiii", Part, *"iiiiiiirv"),
}


def signature(letters: str, real: Any) -> tuple[Any, ...]:
    """Return a rule's arguments as Numba's types."""
    return tuple(KINDS[letter](real) for letter in letters)


def tuple_type(kind: type, real: Any) -> Any:
    """Return the type of a named tuple of a dtype."""
    parts = [KINDS[part](real) if isinstance(part, str) else tuple_type(part, real) for part in LAYOUTS[kind]]
    return types.NamedTuple(tuple(parts), kind)


class Rule:
    """A function of the given arguments (letters of `KINDS`), compiled on its own."""

    def __init__(self, function: Callable[..., Any], letters: str = "ip", result: Any = types.void) -> None:
        self.function, self.letters, self.result = kernel(function), letters, result
        self.addresses: dict[np.dtype, int] = {}

    def compile(self, dtype: np.dtype) -> tuple[Any, ...]:
        """Compile the rule for a dtype, or load it from the cache; return its signature."""
        arguments = signature(self.letters, numba.from_dtype(dtype))
        self.function.compile(arguments)
        return arguments

    def is_kept(self, dtype: np.dtype) -> bool:
        """Say whether the rule's machine code for a dtype is on the disk."""
        return dtype in self.addresses or is_kept(
            self.function, signature(self.letters, numba.from_dtype(dtype))
        )

    def address(self, dtype: np.dtype) -> int:
        """Return where the machine code for a dtype is; 1 for plain Python."""
        if numba.config.DISABLE_JIT:
            return 1
        if dtype not in self.addresses:
            with whole_function():
                result = self.function.overloads[self.compile(dtype)]
                self.addresses[dtype] = int(
                    result.library.get_pointer_to_function(result.fndesc.llvm_func_name)
                )
        return self.addresses[dtype]


# Rules by their number; `table.py` fills it.
TABLE: dict[int, Rule] = {}


def empty_table() -> NDArray[np.int64]:
    """Return a table of addresses in which no rule is there."""
    return np.zeros(SIZE, np.int64)


def fill(table: NDArray[np.int64], numbers: Iterable[int], dtype: np.dtype) -> None:
    """Enter the addresses of the rules of the given numbers into a table, unless they are there; numbers without a rule stay zero."""
    for number in numbers:
        if table[number] == 0 and number in TABLE:
            table[number] = TABLE[number].address(dtype)


def parts(kind: Any) -> Iterable[int]:
    """Number the parts of an LLVM type that is made of parts, none of one that is not."""
    if isinstance(kind, ir.ArrayType):
        return range(kind.count)
    return range(len(kind.elements)) if isinstance(kind, ir.LiteralStructType) else ()


def part_at(builder: Any, place: Any, number: int) -> Any:
    """Return the place of a part."""
    zero = ir.Constant(ir.IntType(32), 0)
    return builder.gep(place, [zero, ir.Constant(ir.IntType(32), number)], inbounds=True)


def store_parts(builder: Any, value: Any, place: Any) -> None:
    """Store a value number by number, which LLVM optimizes where it keeps whole structures as they are."""
    if not parts(value.type):
        builder.store(value, place)
    for number in parts(value.type):
        store_parts(builder, builder.extract_value(value, number), part_at(builder, place, number))


def load_parts(builder: Any, kind: Any, place: Any) -> Any:
    """Load a value number by number; what is not used is then not loaded."""
    if not parts(kind):
        return builder.load(place)
    value = ir.Constant(kind, ir.Undefined)
    for number in parts(kind):
        one = kind.elements[number] if isinstance(kind, ir.LiteralStructType) else kind.element
        value = builder.insert_value(value, load_parts(builder, one, part_at(builder, place, number)), number)
    return value


def converted(context: Any, builder: Any, value: Any, given: Any, wanted: Any) -> Any:
    """Convert the numbers of a named tuple to those of another type."""
    if not isinstance(wanted, types.NamedTuple):
        return context.cast(builder, value, given, wanted)
    result = ir.Constant(context.get_value_type(wanted), ir.Undefined)
    for number, (one, other) in enumerate(zip(given.types, wanted.types, strict=True)):
        part = converted(context, builder, builder.extract_value(value, number), one, other)
        result = builder.insert_value(result, part, number)
    return result


@intrinsic
def on_stack(typing_context: Any, given: Any) -> Any:
    """Write a frame, or what a product is made of, to the caller's stack."""
    real = next(kind.dtype for kind in numbers_in(given) if isinstance(kind.dtype, types.Float))
    pointer = KINDS[POINTERS[given.instance_class]](real)

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        place = cgutils.alloca_once(builder, context.get_value_type(pointer.kind))
        store_parts(builder, converted(context, builder, values[0], given, pointer.kind), place)
        return builder.bitcast(place, ir.IntType(8).as_pointer())

    return pointer(given), generate


def numbers_in(kind: Any) -> Iterable[Any]:
    """Give the types of the arrays in a named tuple's type."""
    for one in kind.types:
        if isinstance(one, types.NamedTuple):
            yield from numbers_in(one)
        elif isinstance(one, types.Array):
            yield one


@intrinsic
def at_pointer(typing_context: Any, pointer: Any) -> Any:
    """Load what a pointer points to."""
    if not isinstance(pointer, Pointer):
        return None

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        kind = context.get_value_type(signature.return_type)
        return load_parts(builder, kind, builder.bitcast(values[0], kind.as_pointer()))

    return pointer.kind(pointer), generate


def pointed(given: Any) -> Any:
    """Return a pointer to a copy of a frame or a product, valid until the caller returns; in plain Python what is given itself."""
    return given


def frame_of(pointer: Any) -> Any:
    """Return what a pointer points to."""
    return pointer


# The overloads' annotations are compared with those of what they give, so that both are spelled out.
@overload(pointed, inline="always")
def pointed_compiled(given: Any) -> Any:
    """Use the stack."""

    def implementation(given: Any) -> Any:
        return on_stack(given)

    return implementation


@overload(frame_of, inline="always")
def frame_of_compiled(pointer: Any) -> Any:
    """Use the pointer."""

    def implementation(pointer: Any) -> Any:
        return at_pointer(pointer)

    return implementation


def caller(letters: str, result: Any = types.void) -> Callable[[Any, int, tuple[Any, ...]], Any]:
    """Make the function (addresses, number, arguments) that calls the rule of that number."""

    @intrinsic
    def jump(typing_context: Any, address: Any, arguments: Any) -> Any:
        given = tuple(types.unliteral(kind) for kind in arguments)
        real = next(
            getattr(kind, "real", getattr(kind, "dtype", kind))
            for kind in given
            if isinstance(getattr(kind, "real", getattr(kind, "dtype", kind)), types.Float)
        )
        wanted = signature(letters, real)
        if given != wanted:
            raise numba.TypingError(f"a rule of {letters} is called with {given}")

        def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
            convention = context.call_conv
            kind = convention.get_function_type(result, wanted)
            function = builder.inttoptr(values[0], kind.as_pointer())
            unpacked = cgutils.unpack_tuple(builder, values[1])
            status, value = convention.call_function(builder, function, result, wanted, unpacked)
            with cgutils.if_unlikely(builder, status.is_error):
                convention.return_status_propagate(builder, status)
            return context.get_dummy_value() if result == types.void else value

        return result(types.int64, arguments), generate

    def call(addresses: Any, number: int, arguments: tuple[Any, ...]) -> Any:
        return TABLE[number].function(*arguments)

    def compiled(addresses: Any, number: int, arguments: tuple[Any, ...]) -> Any:
        def implementation(addresses: Any, number: int, arguments: tuple[Any, ...]) -> Any:
            return jump(addresses[number], arguments)

        return implementation

    overload(call)(compiled)
    return call


run_rule = caller("ip")
run_product, run_outer, run_convolution = caller("q"), caller("o"), caller("c")
