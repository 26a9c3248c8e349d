"""Appends one op on values to a graph: arithmetic, another layout, a reduction, a product, a layer of a computed weight."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tests.random_graphs.graph import LARGEST, Graph, Maker, Shape
from tests.random_graphs.layers import windows


def numbers(graph: Graph, shape: Shape, *, trained: bool | None = None) -> str:
    """Append numbers that are the same for all examples, some of them as they follow from others; give the name."""
    trained = graph.chance(0.8) if trained is None else trained
    op = "parameter" if trained else "constant"
    name = graph.add(op, [], shape, {"value": shape}, () if trained else ("value",), shape=list(shape))
    if graph.chance(0.3):
        name = graph.add(graph.choose(("tanh", "softplus")), [name], shape)
    return name


def spread_with(graph: Graph, shape: Shape) -> Shape:
    """A shape that goes with another as NumPy broadcasts them: some axes of 1, perhaps fewer, perhaps one more."""
    other = tuple(1 if graph.chance(0.4) else size for size in shape)
    if graph.chance(0.3):
        other = other[1:]
    return (graph.size(2), *other) if len(other) == len(shape) < 4 and graph.chance(0.2) else other


def together(one: Shape, two: Shape) -> Shape:
    """What two shapes are spread to."""
    return np.broadcast_shapes(one, two)


def arithmetic(graph: Graph, source: str, shape: Shape) -> None:
    op = graph.choose(("add", "subtract", "multiply", "divide"))
    other = spread_with(graph, shape)
    same = [name for name, found in graph.shapes.items() if goes_with(found, shape)]
    name = graph.choose(same) if graph.chance(0.5) else numbers(graph, other)
    if op == "divide":
        # Away from zero.
        wave = graph.add("sigmoid", [name], graph.shapes[name])
        name = graph.add("shift", [wave], graph.shapes[name], by=0.5)
    inputs = [source, name] if op == "divide" or graph.chance(0.7) else [name, source]
    graph.add(op, inputs, together(graph.shapes[inputs[0]], graph.shapes[inputs[1]]))


def goes_with(one: Shape, two: Shape) -> bool:
    """Whether two shapes can be spread to one that is not too large."""
    try:
        return math.prod(np.broadcast_shapes(one, two)) <= LARGEST and len(np.broadcast_shapes(one, two)) <= 4
    except ValueError:
        return False


def reshape(graph: Graph, source: str, shape: Shape) -> None:
    rest, sizes = math.prod(shape), list[int]()
    while len(sizes) < 3 and graph.chance(0.7):
        sizes.append(graph.choose([size for size in range(1, rest + 1) if rest % size == 0]))
        rest //= sizes[-1]
    sizes.insert(int(graph.rng.integers(len(sizes) + 1)), rest)
    graph.add(
        "reshape",
        [source],
        tuple(sizes),
        shape=[-1 if k == 0 and graph.chance(0.3) else size for k, size in enumerate(sizes)],
    )


def transpose(graph: Graph, source: str, shape: Shape) -> None:
    order = [int(axis) + 1 for axis in graph.rng.permutation(len(shape))]
    graph.add("transpose", [source], tuple(shape[axis - 1] for axis in order), axes=order)


def part(graph: Graph, source: str, shape: Shape) -> None:
    axis = int(graph.rng.integers(len(shape)))
    size = shape[axis]
    if graph.chance(0.5):
        step = graph.choose((1, 1, 2, -1))
        start = int(graph.rng.integers(size))
        places = list(range(size))[start::step]
        attributes: dict[str, Any] = {"start": start, "step": step} | (
            {"stop": -size - 1} if step < 0 else {}
        )
    else:
        places = [int(place) for place in graph.rng.integers(0, size, graph.size(4))]
        attributes = {"indices": places}
    graph.add(
        "take" if "indices" in attributes else "slice", [source], (*shape[:axis], len(places), *shape[axis + 1 :]), axis=axis + 1,
        **attributes,
    )  # fmt: skip


def pad(graph: Graph, source: str, shape: Shape) -> None:
    mode = graph.choose(("constant", "reflect", "replicate", "circular"))
    # One place may be cut off before.
    most = {"reflect": min(shape) - 2, "circular": min(shape) - 1}.get(mode, 2)
    if most < 0:
        return
    ends = [[int(graph.rng.integers(0, min(2, most) + 1)) for _ in shape] for _ in range(2)]
    if graph.chance(0.3) and shape[0] > 1:
        ends[0][0] = -1
    after = tuple(size + a + b for size, a, b in zip(shape, *ends, strict=True))
    more = {"value": graph.choose((0.0, 0.5))} if mode == "constant" else {}
    graph.add("pad", [source], after, before=ends[0], after=ends[1], mode=mode, **more)


def expand(graph: Graph, source: str, shape: Shape) -> None:
    after = tuple(graph.size(3) if size == 1 else size for size in shape)
    after = (graph.size(2), *after) if len(after) < 4 and graph.chance(0.5) else after
    graph.add("expand", [source], after, shape=list(after))


def reduction(graph: Graph, source: str, shape: Shape) -> None:
    axes = [axis for axis in range(1, len(shape) + 1) if graph.chance(0.5)]
    keep = graph.chance(0.4) or len(axes) == len(shape)
    kept = tuple(
        1 if axis in axes else size for axis, size in enumerate(shape, 1) if keep or axis not in axes
    )
    op = graph.choose(("reduce_sum", "reduce_mean", "reduce_max", "reduce_min"))
    graph.add(op, [source], kept, axes=axes, keepdims=keep)


def matmul(graph: Graph, source: str, shape: Shape) -> None:
    fitting = [
        name
        for name, found in graph.shapes.items()
        if len(found) > 1 and found[-2] == shape[-1] and goes_with(found[:-2], shape[:-2])
    ]
    if fitting and graph.chance(0.6):
        other = graph.choose(fitting)
    else:
        groups = graph.choose(((), (), tuple(1 if graph.chance(0.5) else size for size in shape[:-2])))
        other = numbers(graph, (*groups, shape[-1], graph.size(5)))
    inputs, one, two = [source, other], shape, graph.shapes[other]
    if graph.chance(0.3):
        # From the other side, of the transposed ones.
        for number, name in enumerate(inputs):
            found = graph.shapes[name]
            axes = [*range(1, len(found) - 1), len(found), len(found) - 1]
            inputs[number] = graph.add("transpose", [name], (*found[:-2], found[-1], found[-2]), axes=axes)
        inputs.reverse()
        one, two = (graph.shapes[name] for name in inputs)
    graph.add("matmul", inputs, (*together(one[:-2], two[:-2]), one[-2], two[-1]))


def mixing(graph: Graph, source: str, shape: Shape) -> None:
    keys = [
        name
        for name, found in graph.shapes.items()
        if len(found) == len(shape) and found[-1] == shape[-1] and found[:-2] == shape[:-2]
    ]
    key = graph.choose(keys)
    values = [
        name
        for name, found in graph.shapes.items()
        if len(found) == len(shape) and found[:-1] == graph.shapes[key][:-1]
    ]
    inputs = [source, key, graph.choose(values)]
    tokens = graph.shapes[key][-2]
    if graph.chance(0.3):
        inputs.append(numbers(graph, (shape[-2], tokens) if graph.chance(0.5) else (1, tokens)))
    more = {"scale": 0.5} if graph.chance(0.3) else {}
    after = (*shape[:-1], graph.shapes[inputs[2]][-1])
    graph.add("scaled_dot_product_attention", inputs, after, causal=graph.chance(0.4), **more)


def dense_of(graph: Graph, source: str, shape: Shape) -> None:
    out = graph.size()
    weight = numbers(graph, (out, shape[-1]))
    bias = [numbers(graph, (out,))] if graph.chance(0.5) else []
    owned = {"bias": (out,)} if not bias and graph.chance(0.5) else None
    graph.add("dense", [source, weight, *bias], (*shape[:-1], out), owned)


def convolution_of(graph: Graph, source: str, shape: Shape) -> None:
    found = windows(graph, shape[1:], pooled=False)
    if found is None:
        return
    kernel, stride, padding, dilation, after = found
    groups = graph.choose([g for g in (1, 2, shape[0]) if shape[0] % g == 0])
    out = groups * graph.size(4)
    weight = numbers(graph, (out, shape[0] // groups, *kernel))
    owned = {"bias": (out,)} if graph.chance(0.5) else None
    graph.add(
        f"conv{len(kernel)}d", [source, weight], (out, *after), owned, stride=list(stride), padding=list(padding), dilation=list(dilation),
        groups=groups,
    )  # fmt: skip


GENERAL: tuple[Maker, ...] = (
    arithmetic,
    arithmetic,
    reshape,
    transpose,
    part,
    pad,
    expand,
    reduction,
    dense_of,
)
