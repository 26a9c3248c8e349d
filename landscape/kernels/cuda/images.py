"""Rows that own no parameters: pooling, an order turned, channels of zeros, a mean over an axis; channels last.

Each is a map whose every result one thread gathers, forward and, with `reverse`, its transpose: nothing is scattered, so nothing meets.
"""

from __future__ import annotations

from numba import int64
from numpy import uint32

from landscape.kernels.cuda.convolution import meeting, met_by
from landscape.kernels.cuda.geometry import (
    BEFORE,
    CHANNELS,
    HEIGHT,
    IMAGE_WIDTH,
    KERNEL_X,
    KERNEL_Y,
    OUT_CHANNELS,
    OUT_HEIGHT,
    OUT_WIDTH,
    PADDING_X,
    PADDING_Y,
    STRIDE_X,
    STRIDE_Y,
)
from landscape.kernels.cuda.rows import GROUPS, OP, OUT, WIDE
from landscape.kernels.cuda.shape import REAL, THREADS, WIDTH
from landscape.kernels.cuda.target import cuda
from landscape.kernels.program import Op

AVGPOOL, TRANSPOSE, PAD_CHANNELS = int(Op.AVGPOOL), int(Op.TRANSPOSE), int(Op.PAD_CHANNELS)


def one_of(d, start, f, j, there):
    """Give d's number of a feature, or zero where there is none."""
    return d[uint32((start + f) * WIDTH + j)] if there else REAL(0)


def turned(row, d, start, f, j, reverse):
    """Give an order turned: row p·wide + q of the input is row q·groups + p of the output."""
    groups, wide = row[GROUPS], row[WIDE]
    g = f % wide * groups + f // wide if reverse else f % groups * wide + f // groups
    return one_of(d, start, g, j, True)


def padded_pixel(shape, d, start, f, j, reverse):
    """Give every stride-th pixel between channels of zeros."""
    channels = shape[CHANNELS] if reverse else shape[OUT_CHANNELS]
    across = shape[IMAGE_WIDTH] if reverse else shape[OUT_WIDTH]
    pixel, c = f // channels, f % channels
    v, u = pixel // across, pixel % across
    if reverse:
        v, u = met_by(v, 0, shape[STRIDE_Y], 0, 1, shape[OUT_HEIGHT]), met_by(u, 0, shape[STRIDE_X], 0, 1, shape[OUT_WIDTH])  # fmt: skip
        g = (v * shape[OUT_WIDTH] + u) * shape[OUT_CHANNELS] + shape[BEFORE] + c
        return one_of(d, start, g, j, v >= 0 and u >= 0)
    c -= shape[BEFORE]
    g = (v * shape[STRIDE_Y] * shape[IMAGE_WIDTH] + u * shape[STRIDE_X]) * shape[CHANNELS] + c
    return one_of(d, start, g, j, 0 <= c < shape[CHANNELS])


def axis_mean(row, d, start, f, j, reverse):
    """Give the mean over an axis of `wide` places, or its share of d."""
    count, rows, total = row[WIDE], row[OUT], REAL(0)
    share = REAL(1) / REAL(count)
    if reverse:
        return share * one_of(d, start, f // (count * rows) * rows + f % rows, j, True)
    for k in range(count):
        total += one_of(d, start, (f // rows * count + k) * rows + f % rows, j, True)
    return share * total


def window_mean(shape, d, start, f, j, reverse):
    """Give a window's mean, padding counted, or the shares of the windows that meet a pixel."""
    channels, total = shape[CHANNELS], REAL(0)
    across = shape[IMAGE_WIDTH] if reverse else shape[OUT_WIDTH]
    pixel, c = f // channels, f % channels
    other = shape[OUT_WIDTH] if reverse else shape[IMAGE_WIDTH]
    for a in range(shape[KERNEL_Y]):
        for b in range(shape[KERNEL_X]):
            if reverse:
                v = met_by(pixel // across, a, shape[STRIDE_Y], shape[PADDING_Y], 1, shape[OUT_HEIGHT])
                u = met_by(pixel % across, b, shape[STRIDE_X], shape[PADDING_X], 1, shape[OUT_WIDTH])
            else:
                v = meeting(pixel // across, a, shape[STRIDE_Y], shape[PADDING_Y], 1, shape[HEIGHT])
                u = meeting(pixel % across, b, shape[STRIDE_X], shape[PADDING_X], 1, shape[IMAGE_WIDTH])
            total += one_of(d, start, (v * other + u) * channels + c, j, v >= 0 and u >= 0)
    return total / REAL(shape[KERNEL_Y] * shape[KERNEL_X])


def mapped(row, shape, d, start, f, j, reverse):
    """Give one number of what a row makes of d, or its transpose in reverse."""
    if row[OP] == AVGPOOL:
        return window_mean(shape, d, start, f, j, reverse)
    if row[OP] == TRANSPOSE:
        return turned(row, d, start, f, j, reverse)
    if row[OP] == PAD_CHANNELS:
        return padded_pixel(shape, d, start, f, j, reverse)
    return axis_mean(row, d, start, f, j, reverse)


def linear_map(row, shape, d, start, into, target, size, reverse):
    """Set into[target:], `size` features, to the map of d[start:]; in reverse add to it."""
    q = int64(cuda.threadIdx.x)
    while q < size * WIDTH:
        value, p = mapped(row, shape, d, start, q // WIDTH, q % WIDTH, reverse), uint32(target * WIDTH + q)
        into[p] = into[p] + value if reverse else value
        q += THREADS


def place_of_most(shape, source, x, v, u, c, j):
    """Give the pixel of the first largest number in an output's window; a NaN is the largest."""
    place, top = int64(-1), REAL(0)
    for a in range(shape[KERNEL_Y]):
        above = meeting(v, a, shape[STRIDE_Y], shape[PADDING_Y], 1, shape[HEIGHT])
        for b in range(shape[KERNEL_X]):
            beside = meeting(u, b, shape[STRIDE_X], shape[PADDING_X], 1, shape[IMAGE_WIDTH])
            if above >= 0 and beside >= 0:
                pixel = above * shape[IMAGE_WIDTH] + beside
                value = source[uint32((x + pixel * shape[CHANNELS] + c) * WIDTH + j)]
                if place < 0 or value > top or value != value:
                    place, top = pixel, value
    return place


def take_most(shape, source, x, d, start, target, y):
    """Set target[y:] to d's number where the source's is the largest of a window."""
    channels, across, q = shape[CHANNELS], shape[OUT_WIDTH], int64(cuda.threadIdx.x)
    while q < shape[OUT_HEIGHT] * across * channels * WIDTH:
        f, j = q // WIDTH, q % WIDTH
        pixel = f // channels
        place = place_of_most(shape, source, x, pixel // across, pixel % across, f % channels, j)
        target[uint32(y * WIDTH + q)] = d[uint32((start + place * channels + f % channels) * WIDTH + j)]
        q += THREADS


def most_met(shape, source, x, adjoint, y, pixel, c, j):
    """Sum an adjoint over the windows whose largest number a pixel has."""
    above, beside, total = pixel // shape[IMAGE_WIDTH], pixel % shape[IMAGE_WIDTH], REAL(0)
    for a in range(shape[KERNEL_Y]):
        v = met_by(above, a, shape[STRIDE_Y], shape[PADDING_Y], 1, shape[OUT_HEIGHT])
        for b in range(shape[KERNEL_X]):
            u = met_by(beside, b, shape[STRIDE_X], shape[PADDING_X], 1, shape[OUT_WIDTH])
            if v >= 0 and u >= 0 and place_of_most(shape, source, x, v, u, c, j) == pixel:
                total += adjoint[uint32((y + (v * shape[OUT_WIDTH] + u) * shape[CHANNELS] + c) * WIDTH + j)]
    return total


def give_most(shape, source, x, adjoint, y, into, place):
    """Add to into[place:] an adjoint where a number is the largest of a window."""
    channels, q = shape[CHANNELS], int64(cuda.threadIdx.x)
    while q < shape[HEIGHT] * shape[IMAGE_WIDTH] * channels * WIDTH:
        f, j = q // WIDTH, q % WIDTH
        into[uint32(place * WIDTH + q)] += most_met(shape, source, x, adjoint, y, f // channels, f % channels, j)  # fmt: skip
        q += THREADS


DEVICE = (
    one_of, turned, padded_pixel, axis_mean, window_mean, mapped, linear_map, place_of_most, take_most, most_met, give_most,
)  # fmt: skip
ENTRIES = ()
