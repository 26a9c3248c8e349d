"""Numbers in another order: padding, new axes, pixels and channels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from landscape.errors import InputError
from landscape.importers.builder import Builder
from landscape.importers.values import MIXES, Value

PADDING = {"reflect": "reflect", "replicate": "replicate", "circular": "circular", "constant": "constant"}


def padded(
    b: Builder, value: Value, widths: Sequence[int], mode: str = "constant", number: float = 0.0
) -> Value:
    """Pad the last axes, the last first, as PyTorch gives the widths."""
    if not any(widths):
        return value
    rank = len(value.shape)
    before, after = [0] * rank, [0] * rank
    for place in range(len(widths) // 2):
        before[rank - 1 - place], after[rank - 1 - place] = int(widths[2 * place]), int(widths[2 * place + 1])
    if value.batch is not None and (before[value.batch] or after[value.batch]):
        raise InputError(MIXES)
    shape = tuple(size + a + b for size, a, b in zip(value.shape, before, after, strict=True))
    kept = [axis for axis in range(rank) if not (value.drops and axis == value.batch)]
    settings: dict[str, Any] = {"before": [before[a] for a in kept], "after": [after[a] for a in kept]}
    if mode == "constant":
        settings["value"] = max(number, -1e30)
    return b.made(value, "pad", [b.node(value)], shape, mode=PADDING[mode], **settings)


def with_axis(b: Builder, value: Value, axis: int) -> Value:
    """Insert an axis of size 1."""
    shape = (*value.shape[:axis], 1, *value.shape[axis:])
    batch = value.batch if value.batch is None or value.batch < axis else value.batch + 1
    return b.regrouped(value, replace(value, shape=shape, batch=batch, constant=None, parameter=None))


def with_shape(b: Builder, value: Value, shape: tuple[int, ...]) -> Value:
    """Cut or merge axes after the batch's, which stays where it is."""
    return b.regrouped(value, replace(value, shape=shape, node=None, constant=None, parameter=None))


def pixels_of_channels(b: Builder, value: Value, r: int) -> Value:
    """Turn channels into pixels, r² of each."""
    *head, channels, height, width = value.shape
    n = len(head)
    parts = with_shape(b, value, (*head, channels // r**2, r, r, height, width))
    turned = b.permuted(parts, [*range(n), n, n + 3, n + 1, n + 4, n + 2])
    return with_shape(b, turned, (*head, channels // r**2, height * r, width * r))


def channels_of_pixels(b: Builder, value: Value, r: int) -> Value:
    """Turn pixels into channels, r² of each."""
    *head, channels, height, width = value.shape
    n = len(head)
    parts = with_shape(b, value, (*head, channels, height // r, r, width // r, r))
    turned = b.permuted(parts, [*range(n), n, n + 2, n + 4, n + 1, n + 3])
    return with_shape(b, turned, (*head, channels * r**2, height // r, width // r))
