"""Rules that compiled code calls by an address it is given, so that they are compiled once, when a program needs them.

What a kernel calls is otherwise compiled again into each of the entry points; the rules of the wider ops would double the time that a dense
network's first scan waits. The addresses travel with the program, so the callers' machine code stays valid in the disk cache.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numba
import numpy as np
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic, overload
from numpy.typing import NDArray

from landscape.interrupt import whole_function
from landscape.jit import kernel
from landscape.kernels.cpu.arrays import Network

# Letters of a rule's signature: i a number, v and m a vector and a matrix of integers, r and s those of the kernels' dtype, n a network.
KINDS: dict[str, Callable[[Any], Any]] = {
    "i": lambda real: types.int64,
    "v": lambda real: types.Array(types.int64, 1, "C"),
    "m": lambda real: types.Array(types.int64, 2, "C"),
    "r": lambda real: types.Array(real, 1, "C"),
    "s": lambda real: types.Array(real, 2, "C"),
    "n": lambda real: types.NamedTuple(signature("mvrmrv", real), Network),
}


def signature(letters: str, real: Any) -> tuple[Any, ...]:
    """Spell a rule's arguments as Numba's types."""
    return tuple(KINDS[letter](real) for letter in letters)


class Rule:
    """A function of the given arguments (letters of `KINDS`) that returns nothing, compiled on its own."""

    def __init__(self, function: Callable[..., None], letters: str) -> None:
        self.function, self.letters = kernel(function), letters

    def address(self, dtype: np.dtype) -> int:
        """Compile the rule for a dtype, or load it from the cache, and say where it is; 0 for plain Python."""
        if numba.config.DISABLE_JIT:
            return 0
        arguments = signature(self.letters, numba.from_dtype(dtype))
        with whole_function():
            self.function.compile(arguments)
            result = self.function.overloads[arguments]
            return int(result.library.get_pointer_to_function(result.fndesc.llvm_func_name))


def addresses(rules: Sequence[Rule], dtype: np.dtype) -> NDArray[np.int64]:
    """Give the addresses of rules, compiled for a dtype."""
    return np.array([rule.address(dtype) for rule in rules], np.int64)


def caller(rule: Rule) -> Callable[[int, tuple[Any, ...]], None]:
    """Make the function (address, arguments) that calls a rule."""

    @intrinsic
    def jump(typing_context: Any, address: Any, arguments: Any) -> Any:
        given = tuple(types.unliteral(kind) for kind in arguments)
        real = next(kind.dtype for kind in given if isinstance(getattr(kind, "dtype", None), types.Float))
        if given != signature(rule.letters, real):
            raise numba.TypingError(f"a rule of {rule.letters} is called with {given}")

        def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
            convention = context.call_conv
            kind = convention.get_function_type(types.void, given)
            function = builder.inttoptr(values[0], kind.as_pointer())
            unpacked = cgutils.unpack_tuple(builder, values[1])
            convention.call_function(builder, function, types.void, given, unpacked)
            return context.get_dummy_value()

        return types.void(types.int64, arguments), generate

    def call(address: int, arguments: tuple[Any, ...]) -> None:
        rule.function(*arguments)

    def compiled(address: int, arguments: tuple[Any, ...]) -> Any:
        def implementation(address: int, arguments: tuple[Any, ...]) -> None:
            jump(address, arguments)

        return implementation

    overload(call)(compiled)
    return call
