"""Appends one layer with random sizes to a graph: dense, normalizing, convolving, pooling, attending."""

from __future__ import annotations

import math
from typing import Any

from tests.random_graphs.graph import NAMES, Graph, Shape


def with_bias(graph: Graph, weight: Shape, count: int) -> dict[str, Shape]:
    """A weight, most times with a bias."""
    return {"weight": weight} | ({"bias": (count,)} if graph.chance(0.8) else {})


def affine(graph: Graph, shape: Shape) -> dict[str, Shape]:
    """What a normalization scales and shifts by: both, one or nothing."""
    return {name: shape for name in NAMES if graph.chance(0.8)}


def dense(graph: Graph, source: str, shape: Shape) -> None:
    out = graph.size(17 if len(shape) == 1 else 9)
    graph.add("dense", [source], (*shape[:-1], out), with_bias(graph, (out, shape[-1]), out))


def activation(graph: Graph, source: str, shape: Shape) -> None:
    op = graph.choose(("relu", "leaky_relu", "elu", "tanh", "sigmoid", "softplus", "silu", "gelu"))
    attributes: dict[str, Any] = {}
    if op == "leaky_relu":
        attributes["slope"] = 0.3
    if op == "elu":
        attributes["alpha"] = 0.7
    if op == "gelu":
        attributes["approximate"] = graph.choose(("none", "tanh"))
    graph.add(op, [source], shape, **attributes)


def nothing(graph: Graph, source: str, shape: Shape) -> None:
    op = graph.choose(("identity", "dropout", "flatten"))
    more = {"p": graph.choose((0.0, 0.5))} if op == "dropout" else {}
    graph.add(op, [source], (math.prod(shape),) if op == "flatten" else shape, **more)


def joint(graph: Graph, source: str, shape: Shape) -> None:
    op, others = graph.choose(("add", "multiply")), graph.like(shape)
    graph.add(op, [source, *(graph.choose(others) for _ in range(graph.choose((1, 1, 2))))], shape)


def concat(graph: Graph, source: str, shape: Shape) -> None:
    axis = int(graph.rng.integers(len(shape)))
    fitting = [
        name
        for name, other in graph.shapes.items()
        if len(other) == len(shape) and all(a == b for k, (a, b) in enumerate(zip(shape, other, strict=True)) if k != axis)
    ]  # fmt: skip
    inputs = [source, *(graph.choose(fitting) for _ in range(graph.choose((1, 1, 2))))]
    total = sum(graph.shapes[name][axis] for name in inputs)
    graph.add("concat", inputs, (*shape[:axis], total, *shape[axis + 1 :]), axis=axis + 1)


def softmax(graph: Graph, source: str, shape: Shape) -> None:
    graph.add("softmax", [source], shape)


def layernorm(graph: Graph, source: str, shape: Shape) -> None:
    axes = int(graph.rng.integers(1, len(shape) + 1))
    eps = graph.choose((1e-5, 0.1))
    graph.add(
        "layernorm", [source], shape, dict.fromkeys(NAMES, shape[len(shape) - axes :]), axes=axes, eps=eps
    )


def batchnorm(graph: Graph, source: str, shape: Shape) -> None:
    owned = affine(graph, shape[:1]) | {"running_mean": shape[:1], "running_var": shape[:1]}
    mode = graph.choose(("running", "batch"))
    more = {"batch_size": graph.batch_size} if mode == "batch" else {}
    buffers = ("running_mean", "running_var")
    graph.add("batchnorm", [source], shape, owned, buffers, mode=mode, eps=graph.choose((1e-5, 0.1)), **more)


def groupnorm(graph: Graph, source: str, shape: Shape) -> None:
    groups = graph.choose([g for g in (1, 2, shape[0]) if shape[0] % g == 0])
    eps = graph.choose((1e-5, 0.1))
    graph.add("groupnorm", [source], shape, affine(graph, shape[:1]), groups=groups, eps=eps)


def mean(graph: Graph, source: str, shape: Shape) -> None:
    axis = int(graph.rng.integers(len(shape)))
    graph.add("mean", [source], (*shape[:axis], *shape[axis + 1 :]), axis=axis + 1)


def slid(size: int, reach: int, stride: int, padding: int) -> int:
    """How many places a window has along an axis."""
    return (size + 2 * padding - reach) // stride + 1


def windows(graph: Graph, image: Shape, pooled: bool) -> tuple[Shape, Shape, Shape, Shape, Shape] | None:
    """A window's kernel, stride, padding and dilation, and the image that it makes; None where none fits."""
    kernel = tuple(graph.size(3) for _ in image)
    stride = tuple(graph.choose((1, 1, 2)) for _ in image)
    padding = tuple(int(graph.rng.integers(0, k // 2 + 1 if pooled else 3)) for k in kernel)
    dilation = tuple(1 if pooled else graph.choose((1, 1, 2)) for _ in image)
    reaches = tuple(d * (k - 1) + 1 for k, d in zip(kernel, dilation, strict=True))
    after = tuple(map(slid, image, reaches, stride, padding))
    return (kernel, stride, padding, dilation, after) if min(after) >= 1 else None


def convolution(graph: Graph, source: str, shape: Shape) -> None:
    found = windows(graph, shape[1:], pooled=False)
    if found is None:
        return
    kernel, stride, padding, dilation, after = found
    groups = graph.choose([g for g in (1, 1, 2, shape[0]) if shape[0] % g == 0])
    out = groups * graph.size(5)
    owned = with_bias(graph, (out, shape[0] // groups, *kernel), out)
    graph.add(
        f"conv{len(kernel)}d", [source], (out, *after), owned, stride=list(stride), padding=list(padding), dilation=list(dilation), groups=groups,
    )  # fmt: skip


def pool(graph: Graph, source: str, shape: Shape) -> None:
    found = windows(graph, shape[1:], pooled=True)
    if found is not None:
        kernel, stride, padding, _, after = found
        op = graph.choose(("maxpool2d", "avgpool2d"))
        graph.add(
            op, [source], (shape[0], *after), kernel=list(kernel), stride=list(stride), padding=list(padding)
        )


def pad_channels(graph: Graph, source: str, shape: Shape) -> None:
    before, after, stride = graph.size(2) - 1, graph.size(2) - 1, graph.choose((1, 2))
    image = (math.ceil(size / stride) for size in shape[1:])
    graph.add(
        "pad_channels",
        [source],
        (before + shape[0] + after, *image),
        before=before,
        after=after,
        stride=stride,
    )


def global_mean(graph: Graph, source: str, shape: Shape) -> None:
    graph.add("globalavgpool", [source], shape[:1])


def position(graph: Graph, source: str, shape: Shape) -> None:
    graph.add("position", [source], shape, {"weight": shape})


def attention(graph: Graph, source: str, shape: Shape) -> None:
    wide = shape[1]
    heads = graph.choose([h for h in (1, 2, 3, 4) if wide % h == 0])
    owned: dict[str, Shape] = {"in_proj_weight": (3 * wide, wide), "in_proj_bias": (3 * wide,)}
    owned |= {"out_proj.weight": (wide, wide), "out_proj.bias": (wide,)}
    graph.add("attention", [source], shape, owned, heads=heads, causal=graph.chance(0.4))
