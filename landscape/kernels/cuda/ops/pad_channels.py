"""`pad_channels`: every stride-th pixel between channels of zeros."""

from __future__ import annotations

from landscape.kernels.cuda.geometry import (
    BEFORE,
    CHANNELS,
    IMAGE_WIDTH,
    OUT_CHANNELS,
    OUT_HEIGHT,
    OUT_WIDTH,
    STRIDE_X,
    STRIDE_Y,
)
from landscape.kernels.cuda.linear import linear_rules, one_of
from landscape.kernels.cuda.windows import met_by


def padded_pixel(row, shape, d, f, j, reverse):
    """Give one number between the channels of zeros, or of the pixels without them."""
    channels = shape[CHANNELS] if reverse else shape[OUT_CHANNELS]
    across = shape[IMAGE_WIDTH] if reverse else shape[OUT_WIDTH]
    pixel, c = f // channels, f % channels
    v, u = pixel // across, pixel % across
    if reverse:
        v, u = met_by(v, 0, shape[STRIDE_Y], 0, 1, shape[OUT_HEIGHT]), met_by(u, 0, shape[STRIDE_X], 0, 1, shape[OUT_WIDTH])  # fmt: skip
        g = (v * shape[OUT_WIDTH] + u) * shape[OUT_CHANNELS] + shape[BEFORE] + c
        return one_of(d, g, j, v >= 0 and u >= 0)
    c -= shape[BEFORE]
    g = (v * shape[STRIDE_Y] * shape[IMAGE_WIDTH] + u * shape[STRIDE_X]) * shape[CHANNELS] + c
    return one_of(d, g, j, 0 <= c < shape[CHANNELS])


RULES = linear_rules("pad_channels", padded_pixel)
DEVICE = (padded_pixel,)
