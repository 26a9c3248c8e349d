"""The columns of a program's geometry as constants; of a name that a row's column has too, `IMAGE_` goes before it."""

from __future__ import annotations

from landscape.program.table import Geometry

CHANNELS, HEIGHT, IMAGE_WIDTH = int(Geometry.CHANNELS), int(Geometry.HEIGHT), int(Geometry.WIDTH)
OUT_CHANNELS, OUT_HEIGHT = int(Geometry.OUT_CHANNELS), int(Geometry.OUT_HEIGHT)
OUT_WIDTH, IMAGE_GROUPS = int(Geometry.OUT_WIDTH), int(Geometry.GROUPS)
KERNEL_Y, KERNEL_X = int(Geometry.KERNEL_Y), int(Geometry.KERNEL_X)
STRIDE_Y, STRIDE_X = int(Geometry.STRIDE_Y), int(Geometry.STRIDE_X)
PADDING_Y, PADDING_X = int(Geometry.PADDING_Y), int(Geometry.PADDING_X)
DILATION_Y, DILATION_X = int(Geometry.DILATION_Y), int(Geometry.DILATION_X)
MEAN_PLACE, VARIANCE_PLACE = int(Geometry.MEAN), int(Geometry.VARIANCE)
SCALE_PLACE, SHIFT_PLACE = int(Geometry.SCALE), int(Geometry.SHIFT)
HEADS, CAUSAL, BEFORE = int(Geometry.HEADS), int(Geometry.CAUSAL), int(Geometry.BEFORE)
