"""`maxpool2d`: the largest number of each window of an image; a NaN is the largest, and of several the first counts."""

from __future__ import annotations

from numba import int64
from numpy import uint32

from landscape.kernels.cuda.arrays import Part
from landscape.kernels.cuda.geometry import (
    CHANNELS,
    HEIGHT,
    IMAGE_WIDTH,
    KERNEL_X,
    KERNEL_Y,
    OUT_HEIGHT,
    OUT_WIDTH,
    PADDING_X,
    PADDING_Y,
    STRIDE_X,
    STRIDE_Y,
)
from landscape.kernels.cuda.rows import ACTIVE, input_of, offset_of
from landscape.kernels.cuda.shape import REAL, THREADS, WIDTH
from landscape.kernels.cuda.table import BACKWARD, TANGENT, VALUE
from landscape.kernels.cuda.target import cuda
from landscape.kernels.cuda.windows import meeting, met_by


def place_of_most(shape, source, v, u, c, j):
    """Give the pixel of the first largest number in an output's window."""
    place, top = int64(-1), REAL(0)
    for a in range(shape[KERNEL_Y]):
        above = meeting(v, a, shape[STRIDE_Y], shape[PADDING_Y], 1, shape[HEIGHT])
        for b in range(shape[KERNEL_X]):
            beside = meeting(u, b, shape[STRIDE_X], shape[PADDING_X], 1, shape[IMAGE_WIDTH])
            if above >= 0 and beside >= 0:
                pixel = above * shape[IMAGE_WIDTH] + beside
                value = source.numbers[uint32((source.start + pixel * shape[CHANNELS] + c) * WIDTH + j)]
                if place < 0 or value > top or value != value:
                    place, top = pixel, value
    return place


def take_most(shape, source, d, target):
    """Set a part of features to d's number where the source's is the largest of a window."""
    channels, across, q = shape[CHANNELS], shape[OUT_WIDTH], int64(cuda.threadIdx.x)
    while q < shape[OUT_HEIGHT] * across * channels * WIDTH:
        f, j = q // WIDTH, q % WIDTH
        pixel = f // channels
        place = place_of_most(shape, source, pixel // across, pixel % across, f % channels, j)
        value = d.numbers[uint32((d.start + place * channels + f % channels) * WIDTH + j)]
        target.numbers[uint32(target.start * WIDTH + q)] = value
        q += THREADS


def most_met(shape, source, adjoint, pixel, c, j):
    """Sum an adjoint over the windows whose largest number a pixel has."""
    above, beside, total = pixel // shape[IMAGE_WIDTH], pixel % shape[IMAGE_WIDTH], REAL(0)
    for a in range(shape[KERNEL_Y]):
        v = met_by(above, a, shape[STRIDE_Y], shape[PADDING_Y], 1, shape[OUT_HEIGHT])
        for b in range(shape[KERNEL_X]):
            u = met_by(beside, b, shape[STRIDE_X], shape[PADDING_X], 1, shape[OUT_WIDTH])
            if v >= 0 and u >= 0 and place_of_most(shape, source, v, u, c, j) == pixel:
                f = (v * shape[OUT_WIDTH] + u) * shape[CHANNELS] + c
                total += adjoint.numbers[uint32((adjoint.start + f) * WIDTH + j)]
    return total


def maxpool_value(i, frame):
    """Set a row's output."""
    place = frame.places[input_of(frame.network, i, 0)]
    x = Part(frame.work if place >= 0 else frame.shared, offset_of(place))
    take_most(frame.network.geometry[i], x, x, Part(frame.work, frame.places[i]))


def maxpool_backward(i, frame):
    """Add a row's adjoint to the input's where a number is the largest of a window."""
    shape, source = frame.network.geometry[i], input_of(frame.network, i, 0)
    if frame.network.rows[source, ACTIVE]:
        place, channels, q = frame.places[source], shape[CHANNELS], int64(cuda.threadIdx.x)
        x, d = Part(frame.work, place), Part(frame.adjoint, frame.places[i])
        while q < shape[HEIGHT] * shape[IMAGE_WIDTH] * channels * WIDTH:
            f, j = q // WIDTH, q % WIDTH
            frame.into[uint32(place * WIDTH + q)] += most_met(shape, x, d, f // channels, f % channels, j)
            q += THREADS


def maxpool_tangent(i, frame):
    """Set a row's tangent."""
    place, y = frame.places[input_of(frame.network, i, 0)], frame.places[i]
    x, dx = Part(frame.work, place), Part(frame.tangent, place)
    take_most(frame.network.geometry[i], x, dx, Part(frame.tangent, y))


RULES = {VALUE: maxpool_value, BACKWARD: maxpool_backward, TANGENT: maxpool_tangent}
DEVICE = (place_of_most, take_most, most_met)
