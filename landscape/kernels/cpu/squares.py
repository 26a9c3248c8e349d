"""Convolutions of 3 × 3 taps at stride 1 by Winograd's method, on squares of outputs, and the gradients of their taps."""

from __future__ import annotations

from typing import NamedTuple

from landscape.jit import kernel
from landscape.kernels.cpu.arrays import FROM_ZERO, Depth, Image, Left, Out, Part, Product
from landscape.kernels.cpu.products import add_outer, examples_of, multiply
from landscape.kernels.cpu.register_products import together
from landscape.kernels.cpu.rules import CONVOLVE, TAPS_GRADIENT, Rule, frame_of
from landscape.kernels.cpu.winograd import (
    COMPONENTS,
    SIDE,
    TAPS,
    Components,
    Square,
    gather_adjoints,
    gather_pixels,
    gather_taps,
    scatter_outputs,
    scatter_taps,
)
from landscape.program.table import WIDEST_VECTOR

ALL_TAPS = TAPS**2


class Room(NamedTuple):
    """Offsets in the scratch: taps, their components, zeros as wide as a pixel, space as wide as an output, components of pixels and of outputs."""

    taps: int
    of_taps: int
    zeros: int
    elsewhere: int
    of_pixels: int
    of_outputs: int


class Apart(NamedTuple):
    """How far components of taps, of pixels and of outputs lie apart."""

    taps: int
    pixels: int
    outputs: int


@kernel
def apart(count):
    """Say how far components of so many numbers lie apart: an odd number of whole vectors, or else all would meet in a few lines of the cache."""
    return ((count + WIDEST_VECTOR - 1) // WIDEST_VECTOR | 1) * WIDEST_VECTOR


@kernel
def steps_of(given):
    """Say how far components lie apart."""
    width = given.source.row
    return Apart(
        apart(given.outputs * given.channels), apart(given.channels * width), apart(given.outputs * width)
    )


@kernel
def room_of(given):
    """Divide the scratch."""
    step, width = steps_of(given), given.source.row
    of_taps = given.free + ALL_TAPS * step.taps
    zeros = of_taps + COMPONENTS * step.taps
    elsewhere = zeros + given.channels * width
    of_pixels = elsewhere + given.outputs * width
    return Room(given.free, of_taps, zeros, elsewhere, of_pixels, of_pixels + COMPONENTS * step.pixels)


@kernel
def pack_taps(given, at, step):
    """Put the taps of all channels and outputs into the scratch, tap after tap, packed as the left side of a product."""
    out, w, i = given.scratch, given.taps.numbers, 0
    while i < given.outputs:
        r = together(given.outputs - i)
        for s in range(r):
            scale = out[given.scale + i + s] if given.scale >= 0 else out.dtype.type(1)
            for q in range(given.channels):
                first = given.taps.start + (i + s) * given.out_step + q * given.channel_step
                place = at + i * given.channels + q * r + s
                for tap in range(ALL_TAPS):
                    number = ALL_TAPS - 1 - tap if given.turned else tap
                    out[place + tap * step] = w[first + number] * scale
        i += r


@kernel
def clear(numbers, first, last):
    """Set the numbers from a first to before a last to zero."""
    for q in range(first, last):
        numbers[q] = 0


@kernel
def add_taps(count, sums, first, step, gradient):
    """Add sums, tap after tap from a first on, to the gradient of so many weights of nine taps."""
    out = gradient.numbers
    for q in range(count):
        for tap in range(ALL_TAPS):
            out[gradient.start + q * ALL_TAPS + tap] += sums[first + tap * step + q]


@kernel
def taps_image(given, room, step):
    """View taps as an image of 3 × 3 pixels."""
    return Image(given.scratch, room.taps, TAPS, TAPS, step.taps, 0)


def convolve(pointer):
    """Transform the taps; then of each square the pixels, multiply component by component, and transform to outputs."""
    given = frame_of(pointer)
    s, width, channels, outputs = given.scratch, given.source.row, given.channels, given.outputs
    room, step = room_of(given), steps_of(given)
    pack_taps(given, room.taps, step.taps)
    gather_taps(
        taps_image(given, room, step),
        Square(0, 0, 1, step.taps, 0),
        Components(s, room.of_taps, step.taps, 0),
    )
    clear(s, room.zeros, room.elsewhere)
    pixels = Components(s, room.of_pixels, step.pixels, width)
    made = Components(s, room.of_outputs, step.outputs, width)
    for y in range(0, given.target.height, SIDE):
        for x in range(0, given.target.width, SIDE):
            square = Square(y - given.top, x - given.left, channels, width, room.zeros)
            gather_pixels(given.source, square, pixels)
            for number in range(COMPONENTS):
                left = Left(s, room.of_taps + number * step.taps, channels, 0, 0, 0, 1, 1)
                right = examples_of(s, room.of_pixels + number * step.pixels, width)
                out, depth = Out(s, room.of_outputs + number * step.outputs, width), Depth(1, 1, channels)
                multiply(given.rules, Product(outputs, width, depth, left, right, FROM_ZERO, 0, out))
            square = Square(y, x, outputs, width, room.elsewhere)
            scatter_outputs(made, given.start, given.cut != 0, square, given.target)


def taps_gradient(pointer):
    """Multiply transformed adjoints and pixels over examples, component by component, and add what the sums are for the taps to their gradient."""
    given = frame_of(pointer)
    s, width, channels, outputs = given.scratch, given.source.row, given.channels, given.outputs
    room, step = room_of(given), steps_of(given)
    clear(s, room.of_taps, room.of_pixels)
    pixels = Components(s, room.of_pixels, step.pixels, width)
    adjoints = Components(s, room.of_outputs, step.outputs, width)
    for y in range(0, given.target.height, SIDE):
        for x in range(0, given.target.width, SIDE):
            square = Square(y - given.top, x - given.left, channels, width, room.zeros)
            gather_pixels(given.source, square, pixels)
            gather_adjoints(given.target, Square(y, x, outputs, width, room.elsewhere), adjoints)
            for number in range(COMPONENTS):
                add_outer(
                    given.rules, 1, (outputs, channels), width, Part(s, adjoints.at + number * step.outputs),
                    Part(s, pixels.at + number * step.pixels), Part(s, room.of_taps + number * step.taps),
                )  # fmt: skip
    sums, square = Components(s, room.of_taps, step.taps, 0), Square(0, 0, 1, step.taps, 0)
    scatter_taps(sums, FROM_ZERO, False, square, taps_image(given, room, step))
    add_taps(outputs * channels, s, room.taps, step.taps, given.taps)


RULES = {CONVOLVE: Rule(convolve, "c"), TAPS_GRADIENT: Rule(taps_gradient, "c")}
