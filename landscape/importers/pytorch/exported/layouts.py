"""Calls that only put numbers in another order."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from landscape.errors import InputError
from landscape.importers.pytorch.exported.call import Call
from landscape.importers.rules.layouts import channels_of_pixels, padded, pixels_of_channels, with_axis
from landscape.importers.values import MIXES, Value, batch_axis, regrouped

Translate = Callable[[Call], Any]


def reshape(call: Call) -> Value:
    """Give a value other axes, whose sizes the result has."""
    value, sizes = call.value, call.sizes
    if value.constant is not None and value.batch is None and batch_axis(sizes) is None:
        return call.builder.fixed(value.constant.reshape([size.count for size in sizes]))
    return call.builder.regrouped(value, regrouped(value, sizes))


def permute(call: Call) -> Value:
    """Put the axes in an order."""
    return call.builder.permuted(call.value, call["dims"])


def transpose(call: Call) -> Value:
    """Swap two axes."""
    value = call.value
    order = list(range(len(value.shape)))
    if not order:
        return value
    one, two = value.axis(call.get("dim0", -2)), value.axis(call.get("dim1", -1))
    order[one], order[two] = order[two], order[one]
    return call.builder.permuted(value, order)


def turned(call: Call) -> Value:
    """Swap the axes of a matrix."""
    return call.value if len(call.value.shape) < 2 else call.builder.permuted(call.value, [1, 0])


def moved(call: Call) -> Value:
    """Move axes to other places."""
    value = call.value
    rank = len(value.shape)
    source = [dim % rank for dim in as_list(call["source"])]
    places = [dim % rank for dim in as_list(call["destination"])]
    rest = iter([axis for axis in range(rank) if axis not in source])
    order = [source[places.index(axis)] if axis in places else next(rest) for axis in range(rank)]
    return call.builder.permuted(value, order)


def as_list(given: Any) -> list[int]:
    """Give a list of a number or of several."""
    return [given] if isinstance(given, int) else list(given)


def select(call: Call) -> Value:
    """Take one place of an axis, which is dropped."""
    value, index = call.value, call["index"]
    axis = value.axis(call["dim"])
    taken = call.builder.taken(value, axis, [index % value.shape[axis]])
    return call.builder.without(taken, axis)


def sliced(call: Call) -> Value:
    """Take a part of an axis."""
    value = call.value
    axis = value.axis(call["dim"])
    start, stop, step = call["start"] or 0, call["end"], call["step"] or 1
    if axis == value.batch:
        if start == 0 and step == 1 and (stop is None or not isinstance(stop, int) or stop >= 2**31):
            return value
        raise InputError(MIXES)
    return call.builder.taken(value, axis, slice(start, stop if isinstance(stop, int) else None, step))


def narrow(call: Call) -> Value:
    """Take some places of an axis from one on."""
    return call.builder.taken(call.value, call["dim"], slice(call["start"], call["start"] + call["length"]))


def split(call: Call) -> list[Value]:
    """Cut an axis into parts of the sizes that the results have."""
    value, parts, start = call.value, [], 0
    axis = value.axis(call.get("dim", 0) or 0)
    for result in call.node.meta["val"]:
        size = call.sizes_at(result)[axis]
        if size.varies:
            raise InputError(MIXES)
        parts.append(call.builder.taken(value, axis, slice(start, start + size.count)))
        start += size.count
    return parts


def unbind(call: Call) -> list[Value]:
    """Cut an axis into its places."""
    value = call.value
    axis = value.axis(call["dim"])
    return [
        call.builder.without(call.builder.taken(value, axis, [place]), axis)
        for place in range(value.shape[axis])
    ]


def flip(call: Call) -> Value:
    """Run through axes backwards."""
    value = call.value
    for dim in call["dims"]:
        value = call.builder.taken(value, dim, list(range(value.shape[value.axis(dim)]))[::-1])
    return value


def roll(call: Call) -> Value:
    """Shift axes around."""
    value = call.value
    if not call["dims"]:
        raise InputError("roll without dims: expected the axes")
    for dim, shift in zip(call["dims"], call["shifts"], strict=True):
        size = value.shape[value.axis(dim)]
        value = call.builder.taken(value, dim, [(place - shift) % size for place in range(size)])
    return value


def index_select(call: Call) -> Value:
    """Take places of an axis, known numbers."""
    return call.builder.taken(call.value, call["dim"], known_places(call["index"]))


def known_places(index: Any) -> list[int]:
    """Give the numbers of an index that does not depend on the data.

    Raises
    ------
    InputError
        It does.
    """
    if not (isinstance(index, Value) and index.fixed):
        raise InputError("takes places that depend on the data: expected known ones")
    return [int(place) for place in index.constant.reshape(-1)]


def index(call: Call) -> Value:
    """Take places by known indices, one for each of some axes that follow on each other."""
    value, given = call.value, call["indices"]
    axes = [axis for axis, index in enumerate(given) if index is not None]
    tensors = [given[axis] for axis in axes]
    if not all(isinstance(index, Value) and index.fixed for index in tensors):
        raise InputError("takes places that depend on the data: expected known ones")
    if axes != list(range(axes[0], axes[-1] + 1)):
        raise InputError("indices of axes apart from each other: expected axes that follow on each other")
    if value.batch in axes:
        raise InputError(MIXES)
    if tensors[0].constant.dtype == np.bool_:
        tensors = [call.builder.fixed(found) for found in tensors[0].constant.nonzero()]
        axes = list(range(axes[0], axes[0] + len(tensors)))
    sizes = [value.shape[axis] for axis in axes]
    constants = np.broadcast_arrays(*[index.constant for index in tensors])
    places = np.zeros_like(constants[0])
    for size, constant in zip(sizes, constants, strict=True):
        places = places * size + constant % size
    before, after = value.shape[: axes[0]], value.shape[axes[-1] + 1 :]
    batch = value.batch
    shift = None if batch is None else batch if batch < axes[0] else batch - len(axes) + 1
    joined = call.builder.regrouped(
        value,
        replace(value, shape=(*before, math.prod(sizes), *after), batch=shift, constant=None, parameter=None),
    )
    taken = call.builder.taken(joined, axes[0], [int(place) for place in places.reshape(-1)])
    shape = (*before, *places.shape, *after)
    batch = shift if shift is None or shift < axes[0] else shift - 1 + len(places.shape)
    return call.builder.regrouped(
        taken, replace(taken, shape=shape, batch=batch, constant=None, parameter=None)
    )


def expand(call: Call) -> Value:
    """Spread axes of 1 to the sizes of the result."""
    target = call.target
    return call.builder.spread(call.value, target.shape, target.batch)


def repeat(call: Call) -> Value:
    """Repeat axes as often as is said."""
    value, times = call.value, call.get("repeats", call.get("dims"))
    rank = max(len(times), len(value.shape))
    shape = (1,) * (rank - len(value.shape)) + value.shape
    batch = None if value.batch is None else value.batch + rank - len(value.shape)
    value = call.builder.regrouped(
        value, replace(value, shape=shape, batch=batch, constant=None, parameter=None)
    )
    target = call.target
    for axis, count in enumerate([1] * (rank - len(times)) + list(times)):
        if not isinstance(count, int) or axis == target.batch:
            if value.batch is None and value.shape[axis] == 1:
                value = call.builder.spread(value, value.shape, axis)
            elif count != 1:
                raise InputError(MIXES)
        elif count != 1:
            value = call.builder.taken(value, axis, list(range(value.shape[axis])) * count)
    return value


def repeat_interleave(call: Call) -> Value:
    """Repeat each place of an axis."""
    value, count = call.value, call.get("repeats")
    if not isinstance(count, int) or call.get("dim") is None:
        raise InputError("repeats: expected one number, and an axis")
    axis = value.axis(call["dim"])
    return call.builder.taken(
        value, axis, [place for place in range(value.shape[axis]) for _ in range(count)]
    )


def cat(call: Call) -> Value:
    """Join values along an axis."""
    values = [value for value in call["tensors"] if value.shape != (0,)]
    dim = call.get("dim", 0) or 0
    return call.builder.joined(values, dim)


def stack(call: Call) -> Value:
    """Join values along an axis of their own."""
    values = call["tensors"]
    rank = len(values[0].shape) + 1
    axis = (call["dim"] or 0) % rank
    return call.builder.joined([with_axis(call.builder, value, axis) for value in values], axis)


def pad(call: Call) -> Value:
    """Pad the last axes with a number, or with what is there."""
    mode = call.get("mode") or {"reflection": "reflect", "replication": "replicate"}.get(
        call.name.split("_")[0], "constant"
    )
    widths: Sequence[int] = call.get("pad", call.get("padding"))
    return padded(call.builder, call.value, widths, mode, float(call.get("value") or 0.0))


def pixel_shuffle(call: Call) -> Value:
    """Turn channels into pixels."""
    return pixels_of_channels(call.builder, call.value, call["upscale_factor"])


def pixel_unshuffle(call: Call) -> Value:
    """Turn pixels into channels."""
    return channels_of_pixels(call.builder, call.value, call["downscale_factor"])


def channel_shuffle(call: Call) -> Value:
    """Mix the channels of groups."""
    value, groups = call.value, call["groups"]
    first, channels, *rest = value.shape
    parts = call.builder.regrouped(
        value, replace(value, shape=(first, groups, channels // groups, *rest), constant=None)
    )
    order = [0, 2, 1, *range(3, len(rest) + 3)]
    turned = call.builder.permuted(parts, order)
    return call.builder.regrouped(turned, replace(turned, shape=value.shape, node=None))


def scattered(call: Call) -> Value:
    """Put a value into a part of an axis of another."""
    b, value, source = call.builder, call.value, call["src"]
    axis = value.axis(call["dim"])
    size = value.shape[axis]
    if call.name == "select_scatter":
        places, source = [call["index"] % size], with_axis(call.builder, source, axis)
    else:
        stop = call["end"] if isinstance(call["end"], int) else None
        places = list(range(size)[slice(call["start"], stop, call["step"])])
    if axis == value.batch:
        if len(places) == size:
            return source
        raise InputError(MIXES)
    order = list(range(size))
    for number, place in enumerate(places):
        order[place] = size + number
    if value.batch is None and source.batch is not None:
        value = b.spread(
            value, (*source.shape[:axis], size, *source.shape[axis + 1 :]), source.batch, source.outer
        )
    return b.taken(b.joined([value, source], axis), axis, order)


def copied(call: Call) -> Value:
    """Spread a value to the sizes of the one that it overwrites."""
    target = call.target
    return call.builder.spread(call.as_value(call["src"]), target.shape, target.batch)


def tril(call: Call) -> Value:
    """Keep one triangle of matrices, the last two axes."""
    value = call.value
    if value.batch is not None and value.batch >= len(value.shape) - 2:
        raise InputError(MIXES)
    mask = (np.tril if call.name == "tril" else np.triu)(
        np.ones(value.shape[-2:]), int(call.get("diagonal") or 0)
    )
    return call.builder.binary("multiply", value, call.builder.fixed(mask))


RESHAPES = (
    "view", "reshape", "_unsafe_view", "flatten", "unflatten", "squeeze", "unsqueeze", "view_as", "reshape_as", "_reshape_alias",
)  # fmt: skip
LAYOUTS: dict[str, Translate] = {
    **dict.fromkeys(RESHAPES, reshape),
    "permute": permute,
    "transpose": transpose,
    "swapaxes": transpose,
    "numpy_T": turned,
    "t": turned,
    "mT": lambda call: call.builder.permuted(call.value, [*range(len(call.value.shape) - 2), -1, -2]),
    "movedim": moved,
    "select": select,
    "slice": sliced,
    "narrow": narrow,
    "split": split,
    "split_with_sizes": split,
    "chunk": split,
    "tensor_split": split,
    "unbind": unbind,
    "flip": flip,
    "roll": roll,
    "index_select": index_select,
    "index": index,
    "expand": expand,
    "expand_as": expand,
    "broadcast_to": expand,
    "repeat": repeat,
    "tile": repeat,
    "repeat_interleave": repeat_interleave,
    "cat": cat,
    "concat": cat,
    "stack": stack,
    "pad": pad,
    "constant_pad_nd": pad,
    "pixel_shuffle": pixel_shuffle,
    "pixel_unshuffle": pixel_unshuffle,
    "channel_shuffle": channel_shuffle,
    "native_channel_shuffle": channel_shuffle,
    "slice_scatter": scattered,
    "select_scatter": scattered,
    "copy": copied,
    "tril": tril,
    "triu": tril,
    **{f"{kind}_pad{axes}d": pad for kind in ("reflection", "replication") for axes in (1, 2, 3)},
}
