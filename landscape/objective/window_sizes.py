"""Sizes that image ops expect of a row: inputs, outputs, windows and normalizations."""

from __future__ import annotations

import math

from landscape.objective.row_view import Expected, View
from landscape.program.table import WIDEST_VECTOR, Column, Geometry

AXES = (
    (Geometry.HEIGHT, Geometry.OUT_HEIGHT, Geometry.KERNEL_Y, Geometry.STRIDE_Y, Geometry.PADDING_Y, Geometry.DILATION_Y),
    (Geometry.WIDTH, Geometry.OUT_WIDTH, Geometry.KERNEL_X, Geometry.STRIDE_X, Geometry.PADDING_X, Geometry.DILATION_X),
)  # fmt: skip
IMAGE = frozenset(Geometry(place) for place in range(Geometry.CHANNELS, Geometry.OUT_WIDTH + 1))
WINDOW = frozenset(Geometry(place) for place in range(Geometry.KERNEL_Y, Geometry.DILATION_X + 1))
# What a convolution by squares must have.
SQUARES_NEED = {
    Geometry.KERNEL_Y: 3, Geometry.KERNEL_X: 3, Geometry.STRIDE_Y: 1, Geometry.STRIDE_X: 1, Geometry.DILATION_Y: 1, Geometry.DILATION_X: 1,
    Geometry.GROUPS: 1,
}  # fmt: skip
AFFINE = (Geometry.SCALE, Geometry.SHIFT)
RUNNING = (Geometry.MEAN, Geometry.VARIANCE)


def slid(row: View, axis: tuple[Geometry, ...], pooled: bool) -> list[str]:
    """Say what is wrong with a window along an axis."""
    size, after, kernel, stride, padding, dilation = (row[place] for place in axis)
    if min(size, after, kernel, stride, dilation) < 1 or padding < 0:
        return [f"slides a window of {kernel} by {stride} over {size} pixels padded by {padding}"]
    places = (size + 2 * padding - dilation * (kernel - 1) - 1) // stride + 1
    if after != places:
        return [f"has {after} places of a window along an axis, expected {places}"]
    # A pool copies a pixel of each window, and its kernels know no dilation.
    return ["has a window without a pixel"] if pooled and (2 * padding > kernel or dilation != 1) else []


def image(row: View) -> tuple[int, int, list[str]]:
    """Return the numbers of the image that comes and of the one that goes."""
    before = math.prod(row[place] for place in (Geometry.CHANNELS, Geometry.HEIGHT, Geometry.WIDTH))
    after = math.prod(
        row[place] for place in (Geometry.OUT_CHANNELS, Geometry.OUT_HEIGHT, Geometry.OUT_WIDTH)
    )
    return before, after, [f"has {place.name} {row[place]}" for place in sorted(IMAGE) if row[place] < 1]


def convolution(row: View) -> Expected:
    """A product over windows of an image, and what may normalize its channels."""
    before, after, faults = image(row)
    groups, channels, out = max(1, row[Geometry.GROUPS]), row[Geometry.CHANNELS], row[Geometry.OUT_CHANNELS]
    faults += [told for axis in AXES for told in slid(row, axis, False)]
    wide = channels // groups * row[Geometry.KERNEL_Y] * row[Geometry.KERNEL_X]
    if row[Geometry.GROUPS] < 1 or channels % groups or out % groups:
        faults.append(f"has {row[Geometry.GROUPS]} groups of {channels} and {out} channels")
    if row[Column.WIDE] != wide or row[Column.OUT] != out:
        faults.append(f"multiplies {row[Column.WIDE]} by {row[Column.OUT]} numbers, expected {wide} by {out}")
    if not 1 <= row[Geometry.LINES] <= row[Geometry.OUT_HEIGHT]:
        faults.append(f"turns {row[Geometry.LINES]} lines of {row[Geometry.OUT_HEIGHT]}")
    normalized, by_squares = row[Geometry.MEAN] != -1, row[Geometry.BY_SQUARES] != -1
    if by_squares and (
        row[Geometry.BY_SQUARES] != 1 or any(row[at] != number for at, number in SQUARES_NEED.items())
    ):
        faults.append(
            f"has BY_SQUARES {row[Geometry.BY_SQUARES]}, which is 1 for 3 × 3 taps at stride 1, else -1"
        )
    optional = set((*RUNNING, *AFFINE) if normalized else ()) | (
        {Geometry.BY_SQUARES} if by_squares else set()
    )
    return Expected(
        after, [before], (Column.WIDE, Column.OUT),
        IMAGE | WINDOW | {Geometry.GROUPS, Geometry.LINES} | optional,
        ((Column.WEIGHT, out * wide), (Column.BIAS, out), *(((place, out) for place in (*RUNNING, *AFFINE)) if normalized else ())),
        (Column.WEIGHT, *(RUNNING if normalized else ())), faults,
    )  # fmt: skip


def convolution_of(row: View) -> Expected:
    """A convolution with a weight that is a row's, on which no normalization rides."""
    expected = convolution(row)
    count = row[Column.OUT] * row[Column.WIDE]
    faults = (
        []
        if row.numbers[1:] == [count]
        else [f"reads a weight of {row.numbers[1:]} numbers, expected {count}"]
    )
    return Expected(
        expected.size, [*expected.inputs, math.ceil(count / WIDEST_VECTOR)], expected.columns,
        expected.geometry - {*RUNNING, *AFFINE},
        faults=[*expected.faults, *faults],
    )  # fmt: skip


def pool(row: View) -> Expected:
    """Windows over each channel of an image."""
    before, after, faults = image(row)
    if row[Geometry.CHANNELS] != row[Geometry.OUT_CHANNELS]:
        faults.append(f"makes {row[Geometry.OUT_CHANNELS]} of {row[Geometry.CHANNELS]} channels")
    faults += [told for axis in AXES for told in slid(row, axis, True)]
    return Expected(after, [before], geometry=IMAGE | WINDOW, faults=faults)


def pad_channels(row: View) -> Expected:
    """Some pixels of an image, with channels of zeros around."""
    before, after, faults = image(row)
    strides = (Geometry.STRIDE_Y, Geometry.STRIDE_X)
    for stride, (size, out, *_) in zip(strides, AXES, strict=True):
        if row[stride] < 1 or row[out] != math.ceil(row[size] / max(1, row[stride])):
            faults.append(f"takes every {row[stride]}-th of {row[size]} pixels for {row[out]}")
    if not 0 <= row[Geometry.BEFORE] <= row[Geometry.OUT_CHANNELS] - row[Geometry.CHANNELS]:
        faults.append(f"puts {row[Geometry.BEFORE]} channels before {row[Geometry.CHANNELS]} of {row[Geometry.OUT_CHANNELS]}")  # fmt: skip
    return Expected(after, [before], geometry=IMAGE | set(strides) | {Geometry.BEFORE}, faults=faults)
