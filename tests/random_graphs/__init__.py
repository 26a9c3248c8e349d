"""Random models of the format: any ops, shapes, losses and ways to share and freeze parameters, degenerate ones too, by a seed."""

from __future__ import annotations

import math

import numpy as np

from landscape.model import Model, build_model
from tests.random_graphs.general import GENERAL, convolution_of, matmul, mixing
from tests.random_graphs.graph import LARGEST, Graph, Maker, Shape
from tests.random_graphs.layers import (
    activation,
    attention,
    batchnorm,
    concat,
    convolution,
    dense,
    global_mean,
    groupnorm,
    joint,
    layernorm,
    mean,
    nothing,
    pad_channels,
    pool,
    position,
    softmax,
)

EXAMPLES = (1, 2, 3, 5, 8, 9, 16, 17, 31, 33)
IGNORED = -100


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
