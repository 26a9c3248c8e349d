"""Convolutions and windows over images in plain NumPy, tap by tap: forward and backward, as in `reference_ops`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

Array = np.ndarray
Attributes = Mapping[str, Any]


def image_axes(x: Array, w: Array, a: Attributes) -> tuple[Array, Array, Attributes]:
    """Make a sequence an image of height 1, with a weight of height 1."""
    if x.ndim == 4:
        return x, w, a
    axes = {key: (int(key != "padding"), *a[key]) for key in ("stride", "padding", "dilation")}
    return x[:, :, None], w[:, :, None], {**a, **axes}


def padded(x: Array, padding: tuple[int, int], value: float = 0.0) -> Array:
    """Put a frame around images."""
    (py, px) = padding
    return np.pad(x, ((0, 0), (0, 0), (py, py), (px, px)), constant_values=value)


def taps(
    shape: tuple[int, ...], kernel: tuple[int, ...], stride: tuple[int, ...], dilation: tuple[int, ...]
) -> Iterator[tuple[int, int, tuple[slice, slice]]]:
    """Name each tap of a window, and the pixels of padded images that all windows see through it."""
    (dy, dx), (sy, sx) = dilation, stride
    rows = (shape[0] - dy * (kernel[0] - 1) - 1) // sy + 1
    columns = (shape[1] - dx * (kernel[1] - 1) - 1) // sx + 1
    for i in range(kernel[0]):
        for j in range(kernel[1]):
            yield (
                i,
                j,
                (slice(i * dy, i * dy + sy * rows, sy), slice(j * dx, j * dx + sx * columns, sx)),
            )


def convolution(inputs: list[Array], p: Mapping[str, Array], a: Attributes) -> Array:
    """Slide a product over images, tap by tap."""
    x, w, b = image_axes(inputs[0], p["weight"], a)
    frame, groups, y = padded(x, b["padding"]), b["groups"], 0.0
    grouped = w.reshape(groups, -1, *w.shape[1:])
    for i, j, seen in taps(frame.shape[2:], w.shape[2:], b["stride"], b["dilation"]):
        part = frame[:, :, *seen]
        part = part.reshape(len(x), groups, -1, *part.shape[2:])
        y = y + np.einsum("ngchw,goc->ngohw", part, grouped[..., i, j])
    y = y.reshape(len(x), len(w), *y.shape[3:])
    y = y + p["bias"][:, None, None] if "bias" in p else y
    return y if inputs[0].ndim == 4 else y[:, :, 0]


def convolution_back(
    g: Array, inputs: list[Array], p: Mapping[str, Array], a: Attributes
) -> tuple[list[Array], dict[str, Array]]:
    """Pull a cotangent back through a convolution, tap by tap."""
    x, w, b = image_axes(inputs[0], p["weight"], a)
    frame, groups = padded(x, b["padding"]), b["groups"]
    g = g if g.ndim == 4 else g[:, :, None]
    grouped = w.reshape(groups, -1, *w.shape[1:])
    upstream = g.reshape(len(x), groups, -1, *g.shape[2:])
    pulled = np.zeros(frame.shape, np.result_type(g, w))
    slope = np.zeros(grouped.shape, np.result_type(g, x))
    for i, j, seen in taps(frame.shape[2:], w.shape[2:], b["stride"], b["dilation"]):
        part = frame[:, :, *seen]
        part = part.reshape(len(x), groups, -1, *part.shape[2:])
        slope[..., i, j] = np.einsum("ngohw,ngchw->goc", upstream, part)
        back = np.einsum("ngohw,goc->ngchw", upstream, grouped[..., i, j])
        pulled[:, :, *seen] += back.reshape(len(x), -1, *back.shape[3:])
    (py, px), (height, width) = b["padding"], x.shape[2:]
    slopes = {"weight": slope.reshape(p["weight"].shape)}
    if "bias" in p:
        slopes["bias"] = g.sum(axis=(0, 2, 3))
    return [pulled[:, :, py : py + height, px : px + width].reshape(inputs[0].shape)], slopes


def windows(x: Array, a: Attributes, value: float) -> Array:
    """Stack what each window sees, a tap after the other, the padding as `value`."""
    frame = padded(x, a["padding"], value)
    return np.stack(
        [frame[:, :, *seen] for _, _, seen in taps(frame.shape[2:], a["kernel"], a["stride"], (1, 1))]
    )


def spread_windows(g: Array, x: Array, a: Attributes) -> Array:
    """Add a cotangent of each window's taps up at the pixels."""
    (py, px), (height, width) = a["padding"], x.shape[2:]
    pulled = np.zeros(padded(x, a["padding"]).shape, g.dtype)
    for part, (_, _, seen) in zip(g, taps(pulled.shape[2:], a["kernel"], a["stride"], (1, 1)), strict=True):
        pulled[:, :, *seen] += part
    return pulled[:, :, py : py + height, px : px + width]


def largest(x: Array, a: Attributes) -> tuple[Array, Array]:
    """All windows, and the number of the first tap that sees the largest."""
    seen = windows(x, a, -np.inf)
    return seen, seen.real.argmax(axis=0)[None]


def largest_gap(x: Array, a: Attributes) -> Array:
    """The distance from each window's largest pixel to the next."""
    seen = np.sort(windows(x, a, -np.inf), axis=0)
    return seen[-1] - seen[-2] if len(seen) > 1 else np.full(1, np.inf)


def maxpool(inputs: list[Array], p: Mapping[str, Array], a: Attributes) -> Array:
    """The largest pixel of each window."""
    seen, which = largest(inputs[0], a)
    return np.take_along_axis(seen, which, axis=0)[0]


def maxpool_back(
    g: Array, inputs: list[Array], p: Mapping[str, Array], a: Attributes
) -> tuple[list[Array], dict[str, Array]]:
    """Give the cotangent to the largest pixel."""
    seen, which = largest(inputs[0], a)
    pulled = np.zeros(seen.shape, g.dtype)
    np.put_along_axis(pulled, which, g[None], axis=0)
    return [spread_windows(pulled, inputs[0], a)], {}


def avgpool_back(
    g: Array, inputs: list[Array], p: Mapping[str, Array], a: Attributes
) -> tuple[list[Array], dict[str, Array]]:
    """Give each pixel its share of the cotangent."""
    count = a["kernel"][0] * a["kernel"][1]
    return [spread_windows(np.stack([g / count] * count), inputs[0], a)], {}


def pad_channels(inputs: list[Array], p: Mapping[str, Array], a: Attributes) -> Array:
    """Take every stride-th pixel, put channels of zeros around."""
    sy, sx = a["stride"]
    frame = ((0, 0), (a["before"], a["after"]), (0, 0), (0, 0))
    return np.pad(inputs[0][:, :, ::sy, ::sx], frame)


def pad_channels_back(
    g: Array, inputs: list[Array], p: Mapping[str, Array], a: Attributes
) -> tuple[list[Array], dict[str, Array]]:
    """Put the cotangent of the middle channels back."""
    (sy, sx), pulled = a["stride"], np.zeros(inputs[0].shape, g.dtype)
    pulled[:, :, ::sy, ::sx] = g[:, a["before"] : a["before"] + pulled.shape[1]]
    return [pulled], {}
