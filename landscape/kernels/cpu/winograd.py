"""Winograd's transforms of windows of 3 × 3 taps: four by four outputs from six by six pixels with 36 products in the place of 144.

With d a square of 6 × 6 pixels, g the taps and y the outputs, y = Aᵀ[(G g Gᵀ) ⊙ (Bᵀ d B)]A. The rows of G and of A are powers of five numbers and of
infinity, those of Bᵀ the polynomials that vanish at all of them but one (Toom and Cook). At 0, ±3/4 and ±3/2 the error of rounding is half of
that at the usual 0, ±1 and ±2, 2.3 times a sum's. The adjoint of the map from g to y has the transposes of the same matrices.

Pixels are rows of examples, so that a transform is one of whole vectors. Transformed squares are *components*: number i·6 + j of every channel and example
together, so that channels are mixed by 36 products of matrices. Sources: S. Winograd, Arithmetic Complexity of Computations, 1980; A. Lavin and S. Gray,
Fast Algorithms for Convolutional Neural Networks, arXiv:1509.09308.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import chain
from typing import Any, NamedTuple

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic, overload
from numpy.typing import NDArray

from landscape.kernels.cpu.arrays import FROM_OUT, Image
from landscape.kernels.cpu.vectors import OPTIONS, Code

# Outputs of a square along an axis, taps, pixels, and components of a square.
SIDE, TAPS = 4, 3
PIXELS = SIDE + TAPS - 1
COMPONENTS = PIXELS**2
POINTS = (0.0, 0.75, -0.75, 1.5, -1.5)


def without(points: Sequence[float], number: int | None = None) -> NDArray[np.float64]:
    """Give the coefficients, lowest first, of the polynomial of leading coefficient 1 that vanishes at the points but one."""
    kept = [point for i, point in enumerate(points) if i != number]
    return np.asarray(np.poly(kept)[::-1], np.float64)


def powers(count: int) -> NDArray[np.float64]:
    """Give the powers 0 … count − 1 of the points; at infinity the highest is all that counts."""
    return np.vstack([np.power.outer(POINTS, np.arange(count)), np.eye(count)[-1]])


def matrices() -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Give Bᵀ [6, 6], G [6, 3] and Aᵀ [4, 6]."""
    pixels = np.zeros((PIXELS, PIXELS))
    scales = np.ones(PIXELS)
    for i, point in enumerate(POINTS):
        pixels[i, :-1] = without(POINTS, i)
        scales[i] = np.polyval(pixels[i, ::-1], point)
    pixels[-1] = without(POINTS)
    return pixels, powers(TAPS) / scales[:, None], powers(SIDE).T


OF_PIXELS, OF_TAPS, TO_OUTPUTS = matrices()


class Components(NamedTuple):
    """Transformed squares in a flat array: a channel's row of component number s is at `at` + s·step + channel·row."""

    numbers: NDArray
    at: int
    step: int
    row: int


class Square(NamedTuple):
    """Where a square begins in an image, how many channels it has, numbers of a channel; and where what lies outside the image is taken from or put."""

    y: int
    x: int
    channels: int
    width: int
    outside: int


def weighed(code: Code, coefficients: Sequence[float], values: Sequence[Any]) -> Any:
    """Write the code of Σ cᵢ xᵢ, beginning with terms of coefficient one."""
    terms = sorted(
        ((c, x) for c, x in zip(coefficients, values, strict=True) if c), key=lambda term: term[0] != 1
    )
    total = None
    for c, x in terms:
        part = x if c == 1 else code.builder.fmul(code.constant(c), x, flags=("contract",))
        total = part if total is None else code.builder.fadd(total, part, flags=("contract",))
    return total


def mapped(code: Code, matrix: NDArray[np.float64], values: Sequence[Any]) -> list[Any]:
    """Write the code of a matrix times some values; points of opposite signs share their even and odd parts."""
    add, subtract = code.builder.fadd, code.builder.fsub
    pairs = range(1, PIXELS - 1, 2)
    if matrix.shape[0] < PIXELS:
        matrix, values = matrix.copy(), list(values)
        for i in pairs:
            one, other = matrix[:, i].copy(), matrix[:, i + 1].copy()
            matrix[:, i], matrix[:, i + 1] = (one + other) / 2, (one - other) / 2
            a, b = values[i], values[i + 1]
            values[i], values[i + 1] = add(a, b), subtract(a, b)
        return [weighed(code, row, values) for row in matrix]
    out = [None] * PIXELS
    for i in (0, PIXELS - 1):
        out[i] = weighed(code, matrix[i], values)
    for i in pairs:
        even = weighed(code, (matrix[i] + matrix[i + 1]) / 2, values)
        odd = weighed(code, (matrix[i] - matrix[i + 1]) / 2, values)
        out[i], out[i + 1] = add(even, odd), subtract(even, odd)
    return out


def of_square(code: Code, matrix: NDArray[np.float64], values: Sequence[Sequence[Any]]) -> list[list[Any]]:
    """Write M v Mᵀ of a square of values."""
    columns = [mapped(code, matrix, column) for column in zip(*values, strict=True)]
    return [mapped(code, matrix, row) for row in zip(*columns, strict=True)]


def places_in(
    code: Code, side: int, image: Sequence[Any], square: Sequence[Any], outside: Any
) -> list[list[Any]]:
    """Point at the pixels of a square, at `outside` for those that the image has not."""
    builder, zero = code.builder, code.whole(0)
    base, height, width, pixel = image
    rows = [builder.add(square[0], code.whole(i)) for i in range(side)]
    columns = [builder.add(square[1], code.whole(j)) for j in range(side)]

    def within(number: Any, size: Any) -> Any:
        return builder.and_(builder.icmp_signed(">=", number, zero), builder.icmp_signed("<", number, size))

    in_height, in_width = [within(i, height) for i in rows], [within(j, width) for j in columns]
    return [
        [
            builder.select(
                builder.and_(in_height[i], in_width[j]),
                code.move(base, builder.mul(builder.add(builder.mul(rows[i], width), columns[j]), pixel)),
                outside,
            )
            for j in range(side)
        ]
        for i in range(side)
    ]


class Loop:
    """The loop over a square's channels and vectors; within it the places of rows in an image and in components."""

    def __init__(self, code: Code, square: Sequence[Any], row: Any, component_row: Any) -> None:
        self.code, self.square, self.rows = code, square, (row, component_row)

    def over(self, body: Callable[[Any, Any, Any], None]) -> None:
        """Write the loop: the body gets a channel, its offset in the image and in a component."""
        code, (_, _, channels, width, _) = self.code, self.square
        vectors = code.builder.udiv(width, code.whole(code.lanes))
        with cgutils.for_range(code.builder, channels, intp=code.index) as c:
            starts = [code.builder.mul(c.index, row) for row in self.rows]
            with cgutils.for_range(code.builder, vectors, intp=code.index) as v:
                first = code.times(code.lanes, v.index)
                body(c.index, *(code.builder.add(start, first) for start in starts))


def gather_code(matrix: NDArray[np.float64]) -> Callable[..., Any]:
    """Make the typing and the code of a transform from a square of an image to components; outside of it are the numbers at `outside` of theirs."""
    side = matrix.shape[1]

    def gather(context_: Any, image: Any, square: Any, out: Any) -> Any:

        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            code = Code(context, builder, out.types[0].dtype)
            (base, height, width, pixel, row), sizes = (
                code.parts(image, arguments[0]),
                code.numbers(square, arguments[1]),
            )
            target, step, component_row = code.parts(out, arguments[2])
            outside = code.start(out.types[0], builder.extract_value(arguments[2], 0), sizes[4])
            places = places_in(code, side, (base, height, width, pixel), sizes, outside)

            def body(_: Any, here: Any, there: Any) -> None:
                values = [[code.load(place, here) for place in line] for line in places]
                for number, value in enumerate(chain.from_iterable(of_square(code, matrix, values))):
                    code.store(value, target, code.times(number, step), there)

            Loop(code, sizes, row, component_row).over(body)
            return context.get_dummy_value()

        return types.void(image, square, out), generate

    return gather


def scatter_code(matrix: NDArray[np.float64]) -> Callable[..., Any]:
    """Make the typing and the code of a transform from components to a square of an image: what falls outside of it goes to `outside` of the components'.

    Outputs begin as those of a product do (`arrays.Product`), a channel's bias being among the components' numbers.
    """
    side = matrix.shape[0]

    def scatter(context_: Any, given: Any, start: Any, cut: Any, square: Any, image: Any) -> Any:

        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            given_, start_, cut_, square_, image_ = arguments
            code = Code(context, builder, given.types[0].dtype)
            (base, height, width, pixel, row), sizes = (
                code.parts(image, image_),
                code.numbers(square, square_),
            )
            source, step, component_row = code.parts(given, given_)
            numbers = builder.extract_value(given_, 0)
            outside = code.start(given.types[0], numbers, sizes[4])
            places = list(
                chain.from_iterable(places_in(code, side, (base, height, width, pixel), sizes, outside))
            )
            adds = builder.icmp_signed("==", start_, code.whole(FROM_OUT))
            has_bias = builder.icmp_signed(">=", start_, code.whole(0))
            # Where there is no bias any number may be read, and counts zero times.
            biases = code.start(given.types[0], numbers, builder.select(has_bias, start_, code.whole(0)))

            def body(channel: Any, here: Any, there: Any) -> None:
                components = [
                    code.load(source, code.times(number, step), there) for number in range(COMPONENTS)
                ]
                square_of = [components[i * PIXELS : (i + 1) * PIXELS] for i in range(PIXELS)]
                values = list(chain.from_iterable(of_square(code, matrix, square_of)))
                with builder.if_else(adds) as (add, begin):
                    with add:
                        for place, value in zip(places, values, strict=True):
                            code.store(builder.fadd(code.load(place, here), value), place, here)
                    with begin:
                        bias = builder.select(
                            has_bias, builder.load(code.move(biases, channel)), ir.Constant(code.real, 0.0)
                        )
                        first = code.spread(bias)
                        for place, value in zip(places, values, strict=True):
                            total = builder.fadd(first, value)
                            code.store(builder.select(cut_, code.above_zero(total), total), place, here)

            Loop(code, sizes, row, component_row).over(body)
            return context.get_dummy_value()

        return types.void(given, types.intp, types.boolean, square, image), generate

    return scatter


def square_in(image: Image, square: Square, side: int) -> list[tuple[int, int, int]]:
    """List the pixels of a square that an image has: their place in the square, and where their numbers begin."""
    return [
        (i, j, image.at + ((square.y + i) * image.width + square.x + j) * image.pixel)
        for i in range(side)
        for j in range(side)
        if 0 <= square.y + i < image.height and 0 <= square.x + j < image.width
    ]


def rows_at(first: int, row: int, square: Square) -> NDArray[np.int64]:
    """Give the places of a square's channels and numbers from a first on."""
    return first + np.arange(square.channels)[:, None] * row + np.arange(square.width)


def gathered(matrix: NDArray[np.float64], image: Image, square: Square, out: Components) -> None:
    """Set components to M d Mᵀ of a square d of an image."""
    side = matrix.shape[1]
    d = np.zeros((side, side, square.channels, square.width), out.numbers.dtype)
    for i, j, first in square_in(image, square, side):
        d[i, j] = image.numbers[rows_at(first, image.row, square)]
    values = np.einsum("ai,bj,ijcw->abcw", matrix.astype(d.dtype), matrix.astype(d.dtype), d)
    for number, value in enumerate(values.reshape(COMPONENTS, square.channels, square.width)):
        out.numbers[rows_at(out.at + number * out.step, out.row, square)] = value


def scattered(
    matrix: NDArray[np.float64], given: Components, start: int, cut: bool, square: Square, image: Image
) -> None:
    """Set a square of an image to start + M s Mᵀ of components s, as `arrays.Product` says."""
    components = [
        given.numbers[rows_at(given.at + number * given.step, given.row, square)]
        for number in range(COMPONENTS)
    ]
    kind = given.numbers.dtype
    s = np.array(components, kind).reshape(PIXELS, PIXELS, square.channels, square.width)
    values = np.einsum("ai,bj,ijcw->abcw", matrix.astype(kind), matrix.astype(kind), s)
    for i, j, first in square_in(image, square, matrix.shape[0]):
        at = rows_at(first, image.row, square)
        if start == FROM_OUT:
            image.numbers[at] += values[i, j]
        else:
            bias = given.numbers[start + np.arange(square.channels), None] if start >= 0 else kind.type(0)
            total = bias + values[i, j]
            image.numbers[at] = np.maximum(total, 0) if cut else total


def gather_with(matrix: NDArray[np.float64]) -> Any:
    """Make the transform (image, square, out) to components by a matrix."""
    compiled = intrinsic(gather_code(matrix))

    def gather(image: Image, square: Square, out: Components) -> None:
        gathered(matrix, image, square, out)

    @overload(gather, jit_options=OPTIONS)
    def gather_on_cpu(image: Any, square: Any, out: Any) -> Any:
        def in_registers(image: Any, square: Any, out: Any) -> None:
            compiled(image, square, out)

        return in_registers

    return gather


def scatter_with(matrix: NDArray[np.float64]) -> Any:
    """Make the transform (given, start, cut, square, image) from components by a matrix."""
    compiled = intrinsic(scatter_code(matrix))

    def scatter(given: Components, start: int, cut: bool, square: Square, image: Image) -> None:
        scattered(matrix, given, start, cut, square, image)

    @overload(scatter, jit_options=OPTIONS)
    def scatter_on_cpu(given: Any, start: Any, cut: Any, square: Any, image: Any) -> Any:
        def in_registers(given: Any, start: Any, cut: Any, square: Any, image: Any) -> None:
            compiled(given, start, cut, square, image)

        return in_registers

    return scatter


gather_pixels, gather_taps, gather_adjoints = map(gather_with, (OF_PIXELS, OF_TAPS, TO_OUTPUTS.T))
scatter_outputs, scatter_taps = scatter_with(TO_OUTPUTS), scatter_with(OF_TAPS.T)
