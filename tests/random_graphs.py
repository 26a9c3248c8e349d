"""Random models of the format: any ops, shapes, losses and ways to share and freeze parameters, degenerate ones too, by a seed."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from landscape.model import Model, build_model
from landscape.ops.table import OPERATIONS

Shape = tuple[int, ...]
EXAMPLES = (1, 2, 3, 5, 8, 9, 16, 17, 31, 33)
# Numbers of a value, so that a graph takes milliseconds.
LARGEST = 300
IGNORED = -100
NAMES = ("weight", "bias")


@dataclass
class Graph:
    """A graph in the making: its nodes, the shape of each value, its parameters, and what its batches and its owners are."""

    rng: np.random.Generator
    shapes: dict[str, Shape]
    batch_size: int
    nodes: list[dict[str, Any]] = field(default_factory=list)
    parameters: dict[str, np.ndarray] = field(default_factory=dict)
    owners: dict[tuple[Any, ...], list[str]] = field(default_factory=dict)
    spread: float = 1.0
    # Values that are the same for all examples.
    single: set[str] = field(default_factory=set)

    def choose(self, values: Any) -> Any:
        """One of some values."""
        return values[int(self.rng.integers(len(values)))]

    def chance(self, share: float) -> bool:
        """Whether something of a share happens."""
        return bool(self.rng.random() < share)

    def size(self, most: int = 7) -> int:
        """A small size, often odd."""
        return int(self.rng.integers(1, most + 1))

    def add(
        self, op: str, inputs: list[str], shape: Shape, owned: dict[str, Shape] | None = None, buffers: tuple[str, ...] = (),
        /, **attributes: Any,
    ) -> str:  # fmt: skip
        """Append a node, with parameters of its own, frozen ones, or those of an earlier node of the same kind; give its name."""
        name = f"n{len(self.nodes)}"
        node: dict[str, Any] = {"name": name, "op": op, "inputs": inputs, **attributes}
        if owned:
            kind = (op, *sorted(owned.items()))
            if kind in self.owners and self.chance(0.3):
                node["parameters_of"] = self.choose(self.owners[kind])
            else:
                self.owners.setdefault(kind, []).append(name)
                frozen = [key for key in owned if key not in buffers and self.chance(0.1)]
                if self.chance(0.2):
                    node["trainable"] = False
                elif frozen:
                    node["frozen"] = frozen
                for key, own in owned.items():
                    self.parameters[f"{name}.{key}"] = self.draw(key, own, key in buffers)
        self.nodes.append(node)
        self.shapes[name] = shape
        if OPERATIONS[op].keeps_single and self.single.issuperset(inputs):
            self.single.add(name)
        return name

    def draw(self, key: str, shape: Shape, buffer: bool) -> np.ndarray:
        """Numbers for a parameter; a variance is positive."""
        noise = self.rng.standard_normal(shape)
        if key == "running_var":
            return 0.3 + noise * noise
        wide = math.prod(shape[1:]) if len(shape) > 1 else 1
        return noise * (1.0 if buffer else self.spread) / math.sqrt(max(1, wide))

    def like(self, shape: Shape) -> list[str]:
        """The values of a shape."""
        return [name for name, other in self.shapes.items() if other == shape]


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


Maker = Callable[[Graph, str, Shape], None]
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
ANYWHERE: tuple[Maker, ...] = (
    *GENERAL,
    dense,
    dense,
    activation,
    activation,
    nothing,
    joint,
    concat,
    softmax,
    layernorm,
)
OF_AXES: dict[int, tuple[Maker, ...]] = {
    1: (batchnorm, groupnorm),
    2: (
        batchnorm,
        groupnorm,
        convolution,
        global_mean,
        position,
        attention,
        attention,
        mean,
        matmul,
        mixing,
        convolution_of,
    ),
    3: (
        matmul,
        mixing,
        convolution_of,
        batchnorm,
        groupnorm,
        convolution,
        convolution,
        convolution,
        pool,
        pool,
        pad_channels,
        global_mean,
        mean,
    ),
    4: (matmul, mixing),
}


def input_of(rng: np.random.Generator) -> tuple[Shape, int]:
    """One example's shape, and how many ids there are where it is ids."""
    sizes = [int(size) for size in rng.integers(1, 7, 3)]
    kinds = ((sizes[0],), (3 * sizes[0],), (sizes[0], 2 * sizes[1]), (min(3, sizes[0]), sizes[1], sizes[2]))
    kind = int(rng.integers(7))
    if kind == 0:
        return (sizes[0],), sizes[1]
    return kinds[min(kind, 4) - 1], 0


def random_model(seed: int) -> Model:
    """Make a model of a seed."""
    rng = np.random.default_rng(seed)
    shape, ids = input_of(rng)
    graph = Graph(rng, {"input": shape}, int(rng.integers(1, 20)))
    graph.spread = graph.choose((0.0, 0.3, 1.0, 1.0, 1.0, 3.0, 10.0))
    if ids:
        wide = graph.size(8)
        graph.add("embedding", ["input"], (*shape, wide), {"weight": (ids, wide)})
        # The data are numbers of rows, which nothing else reads.
        del graph.shapes["input"]
    wanted = 1 + int(rng.integers(12))
    while len(graph.nodes) < wanted:
        names = list(graph.shapes)
        # Most nodes read the last, so that chains become deep.
        source = names[-1] if graph.chance(0.75) else graph.choose(names)
        found = graph.shapes[source]
        if not found:
            graph.add("reshape", [source], (1,), shape=[1])
        elif math.prod(found) <= LARGEST:
            graph.choose(ANYWHERE + OF_AXES.get(len(found), ()))(graph, source, found)
        elif len(found) > 1:
            mean(graph, source, found)
        else:
            dense(graph, source, found)
    return finished(graph, shape, ids)


def finished(graph: Graph, shape: Shape, ids: int) -> Model:
    """Give a graph its loss and its data."""
    rng, count = graph.rng, int(graph.choose(EXAMPLES))
    out = graph.shapes[graph.nodes[-1]["name"]]
    losses = ["mse", "mae", "huber"]
    losses += ["cross_entropy"] * 3 if 1 <= len(out) <= 2 else []
    losses += ["binary_cross_entropy"] if len(out) == 1 else []
    loss = graph.choose(losses)
    x = rng.integers(0, ids, (count, *shape)) if ids else rng.standard_normal((count, *shape))
    y: np.ndarray = rng.standard_normal((count, *out))
    if loss == "cross_entropy":
        y = rng.integers(0, out[-1], (count, *out[:-1]))
        if graph.chance(0.3) and y.size > 1:
            y.flat[1:][rng.random(y.size - 1) < 0.3] = IGNORED
    if loss == "binary_cross_entropy":
        y = rng.integers(0, 2, (count, *out))
    return build_model(
        nodes=graph.nodes, parameters=graph.parameters, loss=loss, x_train=x, y_train=y,
        weight_decay=graph.choose((0.0, 0.1)), loss_scale=graph.choose((1.0, 0.5, 7.0)),
    )  # fmt: skip
