"""Ops that put numbers in another order: `reshape`, `transpose`, `slice`, `take`, `pad` and `expand`.

Each is an index map of an example's numbers. Chains of them are one map, and a map that leaves everything where it is costs nothing. Axes are counted
with the batch as axis 0, also of a value that is the same for all examples.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from landscape.errors import InputError
from landscape.ops import values
from landscape.ops.operation import (
    Attribute,
    Attributes,
    Operation,
    Output,
    Settle,
    Shape,
    Sizes,
    batched,
    settle_axis,
    spreads_to,
    unchanged,
)
from landscape.ops.traits import Traits
from landscape.program.building import GraphNode, Lowering
from landscape.program.layout import Indices, broadcast

MOST_AXES = 12
# Of a value's places, those that each place of the output takes, −1 where a constant stands.
Places = Callable[[Shape, Shape, Attributes], Indices]
# How NumPy calls the format's ways to pad.
PAD_MODES = {"reflect": "reflect", "replicate": "edge", "circular": "wrap"}


def counted(shape: Shape) -> Indices:
    """Return the flat index of every position of a shape."""
    return np.arange(math.prod(shape)).reshape(shape)


def reshaped(inputs: tuple[Shape, ...], attributes: Attributes, sizes: Sizes) -> Shape:
    """Take the requested shape, in which −1 means the remaining size."""
    wanted, count = tuple(attributes["shape"]), math.prod(inputs[0])
    known = math.prod(size for size in wanted if size != -1)
    if wanted.count(-1) > 1 or any(size < 1 and size != -1 for size in wanted) or count % max(1, known):
        raise InputError(f"shape: {batched(inputs[0])} cannot become {batched(wanted)}")
    result = tuple(count // known if size == -1 else size for size in wanted)
    if math.prod(result) != count:
        raise InputError(
            f"shape: {batched(inputs[0])} has {count} numbers an example, {batched(result)} {math.prod(result)}"
        )
    return result


def permutation(attributes: Attributes, inputs: tuple[Shape, ...]) -> Attributes:
    """Require each axis exactly once."""
    axes = len(inputs[0])
    order = tuple(axis + axes + 1 if axis < 0 else axis for axis in attributes["axes"])
    if sorted(order) != list(range(1, axes + 1)):
        raise InputError(
            f"axes: expected each of 1 to {axes} once (the batch is axis 0), found {list(attributes['axes'])}"
        )
    return attributes | {"axes": order}


def transposed(inputs: tuple[Shape, ...], attributes: Attributes, sizes: Sizes) -> Shape:
    """Permute the sizes."""
    return tuple(inputs[0][axis - 1] for axis in attributes["axes"])


def settled_slice(attributes: Attributes, inputs: tuple[Shape, ...]) -> Attributes:
    """Clip the ends of a slice to those of the axis."""
    attributes = settle_axis(attributes, inputs)
    size, step = inputs[0][attributes["axis"] - 1], attributes["step"]
    if step == 0:
        raise InputError("step: expected a number other than 0")
    start, stop, _ = slice(attributes["start"], attributes["stop"], step).indices(size)
    if not range(start, stop, step):
        raise InputError(
            f"takes {attributes['start']} to {attributes['stop']} by {step} of an axis of {size}; expected one place at least"
        )
    return attributes | {"start": start, "stop": stop}


def with_axis(shape: Shape, axis: int, size: int) -> Shape:
    """Give one axis another size."""
    return (*shape[: axis - 1], size, *shape[axis:])


def sliced(inputs: tuple[Shape, ...], attributes: Attributes, sizes: Sizes) -> Shape:
    """Return the shape with the number of positions that are taken."""
    taken = len(range(attributes["start"], attributes["stop"], attributes["step"]))
    return with_axis(inputs[0], attributes["axis"], taken)


def settled_take(attributes: Attributes, inputs: tuple[Shape, ...]) -> Attributes:
    """Require positions within the axis."""
    attributes = settle_axis(attributes, inputs)
    size = inputs[0][attributes["axis"] - 1]
    if not attributes["indices"] or not all(-size <= index < size for index in attributes["indices"]):
        raise InputError(
            f"indices: expected some of 0 to {size - 1}, found {list(attributes['indices'])[:8]}"
        )
    return attributes | {"indices": tuple(index % size for index in attributes["indices"])}


def taken(inputs: tuple[Shape, ...], attributes: Attributes, sizes: Sizes) -> Shape:
    """Return the shape with the number of positions that are taken."""
    return with_axis(inputs[0], attributes["axis"], len(attributes["indices"]))


def padding(attributes: Attributes, inputs: tuple[Shape, ...]) -> Attributes:
    """Require one pair of widths for each axis, and reflected widths smaller than the axis."""
    shape, before, after, mode = inputs[0], attributes["before"], attributes["after"], attributes["mode"]
    if len(before) != len(shape) or len(after) != len(shape):
        raise InputError(
            f"before, after: expected {len(shape)} widths each, for the axes of {batched(shape)}, found {len(before)} and {len(after)}"
        )
    for whole, *widths in zip(shape, before, after, strict=True):
        # What is cut is not there to be reflected or repeated.
        size = whole + sum(min(0, width) for width in widths)
        if size < 1:
            raise InputError(f"before, after: {widths} leave nothing of an axis of {whole}")
        most = {"reflect": size - 1, "circular": size}.get(mode, max(widths))
        if max(widths) > most:
            raise InputError(
                f"before, after: {mode} padding of an axis of {size} has at most {most}, found {max(widths)}"
            )
    return attributes


def padded(inputs: tuple[Shape, ...], attributes: Attributes, sizes: Sizes) -> Shape:
    """Add the widths."""
    ends = zip(inputs[0], attributes["before"], attributes["after"], strict=True)
    return tuple(size + before + after for size, before, after in ends)


def padded_places(shape: Shape, after: Shape, attributes: Attributes) -> Indices:
    """Pad the flat indices of the input; a negative width crops."""
    places = counted(shape)
    ends = list(zip(attributes["before"], attributes["after"], strict=True))
    cut = tuple(slice(max(0, -a), size - max(0, -b)) for size, (a, b) in zip(shape, ends, strict=True))
    widths = [(max(0, a), max(0, b)) for a, b in ends]
    if attributes["mode"] == "constant":
        return np.pad(places[cut], widths, constant_values=-1)
    return np.pad(places[cut], widths, mode=PAD_MODES[attributes["mode"]])  # type: ignore[call-overload]


def expanded(inputs: tuple[Shape, ...], attributes: Attributes, sizes: Sizes) -> Shape:
    """Broadcast axes of size 1, perhaps with new ones before them."""
    shape = tuple(attributes["shape"])
    if not spreads_to(inputs[0], shape):
        raise InputError(f"shape: {batched(inputs[0])} cannot be broadcast to {batched(shape)}")
    return shape


def layout(
    name: str,
    attributes: Mapping[str, Attribute],
    output: Output,
    places: Places,
    settle: Settle = unchanged,
    *,
    passes: bool = False,
) -> Operation:
    """Make an op that is an index map."""

    def lower(state: Lowering, node: GraphNode) -> int:
        source = node.inputs[0]
        indices = places(state.shape_of[source], node.shape, node.attributes).reshape(-1)
        return state.lay(node, state.mapped(source, indices, float(node.attributes.get("value", 0.0))))

    return Operation(
        name=name,
        attributes=attributes,
        settle=settle,
        output=output,
        places=places,
        keeps_single=True,
        traits=Traits(
            product="none",
            start="none",
            normalizes=False,
            batch_statistics=False,
            drops=False,
            passes=passes,
            elementwise=False,
            homogeneous=name != "pad",
            width="fixed",
            output_range=None,
            applied_by=None,
            along_units=False,
            bend=None,
            cuda=True,
        ),
        lower=lower,
    )


def by_axis(indices: Indices, axis: int, chosen: Any) -> Indices:
    """Select positions of an axis, which is counted with the batch."""
    return indices[(slice(None),) * (axis - 1) + (chosen,)]


LAYOUTS = (
    layout(
        "reshape",
        {"shape": Attribute(values.integers(MOST_AXES))},
        reshaped,
        lambda before, after, a: counted(before),
        passes=True,
    ),
    layout(
        "transpose",
        {"axes": Attribute(values.integers(MOST_AXES))},
        transposed,
        lambda before, after, a: counted(before).transpose([axis - 1 for axis in a["axes"]]),
        permutation,
    ),
    layout(
        "slice",
        {
            "axis": Attribute(values.signed),
            "start": Attribute(values.signed, 0),
            "stop": Attribute(values.signed, values.LARGEST),
            "step": Attribute(values.signed, 1),
        },
        sliced,
        # A range, since the end of one that runs backwards may be before the first place.
        lambda before, after, a: by_axis(
            counted(before), a["axis"], np.arange(a["start"], a["stop"], a["step"])
        ),
        settled_slice,
    ),
    layout(
        "take",
        {"axis": Attribute(values.signed), "indices": Attribute(values.integers())},
        taken,
        lambda before, after, a: by_axis(counted(before), a["axis"], np.array(a["indices"])),
        settled_take,
    ),
    layout(
        "pad",
        {
            "before": Attribute(values.integers(MOST_AXES)),
            "after": Attribute(values.integers(MOST_AXES)),
            "mode": Attribute(values.choice("constant", *PAD_MODES), "constant"),
            "value": Attribute(values.number(), 0.0),
        },
        padded,
        padded_places,
        padding,
    ),
    layout(
        "expand",
        {"shape": Attribute(values.integers(MOST_AXES, 1))},
        expanded,
        lambda before, after, a: broadcast(before, after),
    ),
)
