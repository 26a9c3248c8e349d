"""`avgpool2d`: the mean of each window of an image, padding counted."""

from __future__ import annotations

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
from landscape.kernels.cuda.linear import linear_rules, one_of
from landscape.kernels.cuda.shape import REAL
from landscape.kernels.cuda.windows import meeting, met_by


def window_mean(row, shape, d, f, j, reverse):
    """Give a window's mean, or the shares of the windows that meet a pixel."""
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
            total += one_of(d, (v * other + u) * channels + c, j, v >= 0 and u >= 0)
    return total / REAL(shape[KERNEL_Y] * shape[KERNEL_X])


RULES = linear_rules("avgpool", window_mean)
DEVICE = (window_mean,)
