"""`matmul` of two outputs: Y[g] = A[g] B[g] for each example, read where they lie by the plan of the product; a thread sums a number.

The adjoint of a factor's number is a sum over the places of the matrices that are that number, which the inverse of the plan lists.
"""

from __future__ import annotations

from numba import int64
from numpy import uint32

from landscape.kernels.cuda.arrays import Part, Strided
from landscape.kernels.cuda.inverses import INVERSE, PLAN_STARTS, PLAN_STEPS
from landscape.kernels.cuda.rows import ACTIVE, MAP, SIZE, clear_part, input_of, offset_of
from landscape.kernels.cuda.shape import REAL, THREADS, WIDTH
from landscape.kernels.cuda.table import BACKWARD, CURVED, TANGENT, VALUE
from landscape.kernels.cuda.target import cuda


def sizes_of(network, i):
    """Give the rows, the columns and the depth of a row's product."""
    at = network.rows[i, MAP]
    return network.links[at + 1], network.links[at + 2], network.links[at + 3]


def place_in(network, i, number, g, r, c):
    """Give the feature of a factor at a row and a column of its matrix of a group."""
    links, at = network.links, network.rows[i, MAP]
    steps = at + PLAN_STEPS + 2 * number
    return links[at + PLAN_STARTS + number * links[at] + g] + r * links[steps] + c * links[steps + 1]


def strided_sum(x, y, count, j):
    """Sum so many products of features that lie by steps, in one example."""
    total = REAL(0)
    for k in range(count):
        left = x.numbers[uint32((x.start + k * x.step) * WIDTH + j)]
        total += left * y.numbers[uint32((y.start + k * y.step) * WIDTH + j)]
    return total


def matmul_numbers(network, i, a, b, target):
    """Add A B to a part of features."""
    (m, n, k), links, at = sizes_of(network, i), network.links, network.rows[i, MAP] + PLAN_STEPS
    q = int64(cuda.threadIdx.x)
    while q < network.rows[i, SIZE] * WIDTH:
        f = q // WIDTH
        g, r, c = f // (m * n), f // n % m, f % n
        x = Strided(a.numbers, a.start + place_in(network, i, 0, g, r, 0), links[at + 1])
        y = Strided(b.numbers, b.start + place_in(network, i, 1, g, 0, c), links[at + 2])
        target.numbers[uint32(target.start * WIDTH + q)] += strided_sum(x, y, k, q % WIDTH)
        q += THREADS


def first_share(network, i, d, b, e, j):
    """Give what an adjoint makes of place e of the first factor's matrices: a number of D Bᵀ."""
    (m, n, depth), at = sizes_of(network, i), network.rows[i, MAP] + PLAN_STEPS
    row, k = e // depth, e % depth
    x = Strided(d.numbers, d.start + row * n, 1)
    y = Strided(b.numbers, b.start + place_in(network, i, 1, row // m, k, 0), network.links[at + 3])
    return strided_sum(x, y, n, j)


def second_share(network, i, d, a, e, j):
    """Give what an adjoint makes of place e of the second factor's matrices: a number of Aᵀ D."""
    (m, n, depth), at = sizes_of(network, i), network.rows[i, MAP] + PLAN_STEPS
    g, k, c = e // (depth * n), e // n % depth, e % n
    x = Strided(d.numbers, d.start + g * m * n + c, n)
    y = Strided(a.numbers, a.start + place_in(network, i, 0, g, 0, k), network.links[at])
    return strided_sum(x, y, m, j)


def matmul_pull(network, i, number, d, other, into):
    """Add to a factor's part of adjoints what row i's makes of it with the other factor."""
    links, inverse, q = network.links, network.rows[i, INVERSE + number], int64(cuda.threadIdx.x)
    while q < network.rows[input_of(network, i, number), SIZE] * WIDTH:
        f, j, total = q // WIDTH, q % WIDTH, REAL(0)
        for r in range(links[inverse + f], links[inverse + f + 1]):
            if number == 0:
                total += first_share(network, i, d, other, links[r], j)
            else:
                total += second_share(network, i, d, other, links[r], j)
        into.numbers[uint32(into.start * WIDTH + q)] += total
        q += THREADS
    # A factor that is read twice is added to twice.
    cuda.syncthreads()


def matmul_value(i, frame):
    """Set a row's output."""
    network, y = frame.network, frame.places[i]
    first, second = frame.places[input_of(network, i, 0)], frame.places[input_of(network, i, 1)]
    a = Part(frame.work if first >= 0 else frame.shared, offset_of(first))
    b = Part(frame.work if second >= 0 else frame.shared, offset_of(second))
    clear_part(frame.work, y * WIDTH, network.rows[i, SIZE] * WIDTH)
    matmul_numbers(network, i, a, b, Part(frame.work, y))


def matmul_backward(i, frame):
    """Push a row's adjoint to those of its factors."""
    network, d = frame.network, Part(frame.adjoint, frame.places[i])
    for number in range(2):
        source, place = input_of(network, i, number), frame.places[input_of(network, i, 1 - number)]
        if network.rows[source, ACTIVE]:
            other = Part(frame.work if place >= 0 else frame.shared, offset_of(place))
            matmul_pull(network, i, number, d, other, Part(frame.into, frame.places[source]))


def matmul_tangent(i, frame):
    """Set a row's tangent, Ȧ B + A Ḃ; a thread sums the same numbers of both."""
    network, dy = frame.network, Part(frame.tangent, frame.places[i])
    clear_part(frame.tangent, dy.start * WIDTH, network.rows[i, SIZE] * WIDTH)
    for number in range(2):
        if network.rows[input_of(network, i, number), ACTIVE]:
            first, second = frame.places[input_of(network, i, 0)], frame.places[input_of(network, i, 1)]
            left = frame.tangent if number == 0 else frame.work if first >= 0 else frame.shared
            right = frame.tangent if number == 1 else frame.work if second >= 0 else frame.shared
            a, b = Part(left, offset_of(first)), Part(right, offset_of(second))
            matmul_numbers(network, i, a, b, dy)


def matmul_curved(i, frame):
    """Add the adjoint times the change of the other factor."""
    network, d = frame.network, Part(frame.adjoint, frame.places[i])
    for number in range(2):
        source, other = input_of(network, i, number), input_of(network, i, 1 - number)
        if network.rows[source, ACTIVE] and network.rows[other, ACTIVE]:
            change, into = Part(frame.tangent, frame.places[other]), Part(frame.into, frame.places[source])
            matmul_pull(network, i, number, d, change, into)


RULES = {
    VALUE: matmul_value,
    BACKWARD: matmul_backward,
    TANGENT: matmul_tangent,
    CURVED: matmul_curved,
}
DEVICE = (sizes_of, place_in, strided_sum, matmul_numbers, first_share, second_share, matmul_pull)
