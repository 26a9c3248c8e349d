"""Outputs that are read through index maps, and what their readers' adjoints add to them.

An output is features of a tile's examples, or numbers that are the same for all examples. A thread gathers a number, in reverse too: the places that
read it are listed by the inverse of the map, so that nothing is scattered.
"""

from __future__ import annotations

from numba import int64
from numpy import uint32

from landscape.kernels.cuda.inverses import INVERSE
from landscape.kernels.cuda.rows import NUMBERS, count_of, input_of
from landscape.kernels.cuda.shape import KIND, REAL, THREADS, WIDTH
from landscape.kernels.cuda.target import cuda


def index_at(links, start, f):
    """Give the place that a map has for place f."""
    return links[start + f] if start >= 0 else f


def place_at(start, single, f, j):
    """Give where number f of example j of an output lies in its memory."""
    return start * WIDTH + f if single else (start + f) * WIDTH + j


def number_at(links, x, f, j):
    """Give what an output has for place f of a row that reads it, in example j."""
    return x.numbers[uint32(place_at(x.start, x.single, index_at(links, x.map, f), j))]


def term(links, d, factor, multiplied, f, j):
    """Give an adjoint at a place, times the other factor there where it is a product's."""
    value = number_at(links, d, f, j)
    return value * number_at(links, factor, f, j) if multiplied else value


def readers_sum(links, inverse, d, factor, multiplied, n, j):
    """Sum the terms of the places that read number n, in example j."""
    first, last, total = n, n + 1, REAL(0)
    if inverse >= 0:
        first, last = links[inverse + n], links[inverse + n + 1]
    for r in range(first, last):
        total += term(links, d, factor, multiplied, links[r] if inverse >= 0 else r, j)
    return total


def block_sum(value):
    """Sum a number of each thread, in the threads' order; all threads have to ask, and all get it."""
    # Where products stage their factors, which none does now.
    stage = cuda.shared.array(0, KIND)
    cuda.syncthreads()
    stage[uint32(cuda.threadIdx.x)] = value
    cuda.syncthreads()
    total = REAL(0)
    for k in range(THREADS):
        total += stage[k]
    cuda.syncthreads()
    return total


def shared_sum(links, inverse, d, factor, multiplied, n):
    """Sum the terms of the places that read number n, in all examples, by all threads together."""
    first, last, total = n, n + 1, REAL(0)
    if inverse >= 0:
        first, last = links[inverse + n], links[inverse + n + 1]
    q = int64(cuda.threadIdx.x)
    while q < (last - first) * WIDTH:
        r = first + q // WIDTH
        total += term(links, d, factor, multiplied, links[r] if inverse >= 0 else r, q % WIDTH)
        q += THREADS
    return block_sum(total)


def examples_sum(links, inverse, d, factor, multiplied, n):
    """Sum the terms of the places that read number n, in all examples, by one thread."""
    total = REAL(0)
    for j in range(WIDTH):
        total += readers_sum(links, inverse, d, factor, multiplied, n, j)
    return total


def push_back(network, i, number, d, factor, multiplied, scale, into):
    """Add to the part of an input's adjoint what row i's, d, gives it: its sum over the places that read a number, times a scale.

    `factor` is the other factor of a product, where it is `multiplied` by that. An input that is the same for all examples sums over them: each number
    by a thread, or by all threads together where there are fewer numbers than threads.
    """
    row, inverse = network.rows[input_of(network, i, number)], network.rows[i, INVERSE + number]
    links, spread = network.links, row[NUMBERS] > 0 and not d.single
    x = into.start * WIDTH
    if spread and row[NUMBERS] < THREADS:
        for n in range(row[NUMBERS]):
            total = shared_sum(links, inverse, d, factor, multiplied, n)
            if cuda.threadIdx.x == 0:
                into.numbers[uint32(x + n)] += scale * total
    else:
        q = int64(cuda.threadIdx.x)
        while q < count_of(row):
            if spread:
                total = examples_sum(links, inverse, d, factor, multiplied, q)
            elif d.single:
                total = readers_sum(links, inverse, d, factor, multiplied, q, 0)
            else:
                total = readers_sum(links, inverse, d, factor, multiplied, q // WIDTH, q % WIDTH)
            into.numbers[uint32(x + q)] += scale * total
            q += THREADS
    # An input that is read twice is added to twice.
    cuda.syncthreads()


DEVICE = (
    index_at, place_at, number_at, term, readers_sum, block_sum, shared_sum, examples_sum, push_back,
)  # fmt: skip
ENTRIES = ()
