"""Where windows over an image and its pixels meet."""

from __future__ import annotations


def meeting(position, tap, stride, padding, dilation, size):
    """Give the pixel that a tap of an output position meets, −1 where that is padding."""
    pixel = position * stride - padding + tap * dilation
    return pixel if 0 <= pixel < size else -1


def met_by(pixel, tap, stride, padding, dilation, size):
    """Give the output position whose tap meets a pixel, −1 where there is none."""
    start = pixel + padding - tap * dilation
    return start // stride if start >= 0 and start % stride == 0 and start // stride < size else -1


DEVICE = (meeting, met_by)
ENTRIES = ()
