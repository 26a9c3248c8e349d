"""What the rules share: the columns of a program's rows, where outputs lie, and loops of a block's threads over numbers.

As on the CPU a row's output lies at places[i] (in features) of the block's workspace or, where that is negative, at −1 − places[i] of the memory
that points share: the data, and in a sweep all that does not depend on the point.
"""

from __future__ import annotations

from numpy import uint32

from landscape.formulas.activations import ACTIVATIONS
from landscape.kernels.cuda.shape import REAL, THREADS, WIDTH
from landscape.kernels.cuda.table import USUAL_ACTIVATIONS
from landscape.kernels.cuda.target import cuda
from landscape.kernels.cuda.text import choice
from landscape.program.table import Column

OP, OUTPUT, SIZE, FIRST = int(Column.OP), int(Column.OUTPUT), int(Column.SIZE), int(Column.FIRST)
INPUTS, WEIGHT, BIAS, GROUPS = int(Column.INPUTS), int(Column.WEIGHT), int(Column.BIAS), int(Column.GROUPS)
WIDE, OUT, CODE = int(Column.WIDE), int(Column.OUT), int(Column.CODE)
ACTIVE, TRAINED = int(Column.ACTIVE), int(Column.TRAINED)
NUMBERS, MAP = int(Column.NUMBERS), int(Column.MAP)


def chosen_activation(kind, arguments, more=()):
    """Write the function of (code, arguments) that is the value, slope or curvature of an activation: of the usual ones, and `more` by their codes.

    Each that a kernel has takes time to compile, and perhaps registers, so that it has no others than its network.
    """
    rows = list(ACTIVATIONS.values())
    codes = (*range(USUAL_ACTIVATIONS), *more)
    return choice(f"activation_{kind}", [getattr(rows[code], kind) for code in codes], arguments, codes)


activation_value = chosen_activation("value", "z, p")


def clear(memory, count):
    """Set the first elements of a block's memory to zero."""
    q = uint32(cuda.threadIdx.x)
    while q < count:
        memory[q] = REAL(0)
        q = uint32(q + THREADS)
    cuda.syncthreads()


def clear_part(memory, start, count):
    """Set a part of a block's memory to zero."""
    q = uint32(cuda.threadIdx.x)
    while q < count:
        memory[uint32(start + q)] = REAL(0)
        q = uint32(q + THREADS)
    cuda.syncthreads()


def input_of(network, i, number):
    """Give the row that row i reads as its input of a number."""
    return network.links[network.rows[i, FIRST] + number]


def count_of(row):
    """Count the numbers of a row's output: features of all examples of a tile, or those that are the same for all."""
    return row[NUMBERS] if row[NUMBERS] > 0 else row[SIZE] * WIDTH


def offset_of(place):
    """Give where an output lies in its memory, in features: in the work, or where that is negative in the shared one."""
    return place if place >= 0 else -1 - place


def activate(code, memory, start, count, parameter):
    """Set count numbers to f of themselves."""
    q = uint32(cuda.threadIdx.x)
    while q < count:
        p = uint32(start + q)
        memory[p] = activation_value(code, memory[p], parameter)
        q = uint32(q + THREADS)


def copy_numbers(source, x, target, y, count, more):
    """Set, or add to, target[y:] count numbers of source[x:]; offsets in numbers."""
    q = uint32(cuda.threadIdx.x)
    while q < count:
        p = uint32(y + q)
        value = source[uint32(x + q)]
        target[p] = target[p] + value if more else value
        q = uint32(q + THREADS)


DEVICE = (activation_value, clear, clear_part, input_of, count_of, offset_of, activate, copy_numbers)
ENTRIES = ()
