"""Networks, losses and data in a line of text each: what the table of cases is written in."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np

from landscape.model import Model, build_model
from landscape.ops.table import OPERATIONS
from tests.reference import IGNORED

Shape = tuple[int, ...]
Build = Callable[[np.random.Generator], Model]


def literal(text: str) -> Any:
    """Read a number or a truth value; anything else is a string."""
    try:
        return json.loads(text)
    except ValueError:
        return text


def parse(line: str) -> tuple[dict[str, Any], dict[str, Shape]]:
    """Read `name op [sizes] [key=value] [: inputs]` as a node of the header and the shapes that it owns.

    Sizes are a dense layer's in and out (`bias=false` leaves its bias out), a convolution's in (of a group), out and kernel,
    or the shape of the only parameter (pair). A node with `parameters_of` has none, one that reads its weight from another node at most the size of its
    bias.
    """
    left, _, inputs = line.partition(":")
    name, op, *words = left.split()
    more = {key: literal(text) for key, _, text in (word.partition("=") for word in words if "=" in word)}
    sizes = tuple(int(word) for word in words if "=" not in word)
    bias = more.pop("bias", True)
    shapes: dict[str, Shape] = {}
    if op in ("dense", "conv1d", "conv2d") and len(sizes) == 1:
        shapes = {"bias": sizes}
    elif op == "dense" and sizes:
        shapes = {"weight": sizes[::-1]} | ({"bias": sizes[1:]} if bias else {})
    elif op.startswith("conv") and sizes:
        shapes = {"weight": (sizes[1], sizes[0], *sizes[2:])} | ({"bias": sizes[1:2]} if bias else {})
    if op == "batchnorm" and sizes:
        names = ("weight", "bias") if bias else ()
        shapes = dict.fromkeys((*names, "running_mean", "running_var"), sizes)
    if op in ("embedding", "position"):
        shapes = {"weight": sizes}
    if op == "attention":
        wide = sizes[0]
        shapes = {"in_proj_weight": (3 * wide, wide), "in_proj_bias": (3 * wide,)}
        shapes |= {"out_proj.weight": (wide, wide), "out_proj.bias": (wide,)}
    if op == "groupnorm" and sizes:
        shapes = {"weight": sizes} | ({"bias": sizes} if bias else {})
    if op == "layernorm":
        more["axes"] = max(1, len(sizes))
        shapes = {"weight": sizes, "bias": sizes} if sizes else {}
    if op in ("parameter", "constant"):
        more["shape"], shapes = list(sizes), {"value": sizes}
    node = {"name": name, "op": op} | ({"inputs": inputs.split()} if inputs else {}) | more
    return node, {f"{name}.{parameter}": shape for parameter, shape in shapes.items()}


def draw(rng: np.random.Generator, key: str, shape: Shape, ops: dict[str, str]) -> np.ndarray:
    """Draw one parameter at a size that keeps units of order one."""
    parameter, op = key.rsplit(".", 1)[1], ops.get(key.rsplit(".", 1)[0], "")
    noise = rng.standard_normal(shape)
    if parameter in ("bias", "running_mean", "in_proj_bias"):
        return (0.3 * noise).astype(np.float32)
    if parameter == "running_var":
        return (0.5 + noise * noise).astype(np.float32)
    if op in ("embedding", "position"):
        return noise.astype(np.float32)
    scaled = (
        1.0 + 0.3 * noise
        if op and OPERATIONS[op].traits.normalizes
        else 1.2 * noise / np.sqrt(np.prod(shape[1:]))
    )
    return scaled.astype(np.float32)


def inputs(rng: np.random.Generator, shape: Shape, pixels: bool, tokens: int, ids: int = 0) -> np.ndarray:
    """Draw examples: ids, bytes of an image, or standard normal numbers, of which the first may be ids."""
    if ids:
        whole = rng.integers(0, tokens, (*shape[:-1], ids))
        return np.concatenate([whole, rng.standard_normal((*shape[:-1], shape[-1] - ids))], -1).astype(
            np.float32
        )
    if tokens:
        return rng.integers(0, tokens, shape).astype(np.uint8)
    if pixels:
        return rng.integers(0, 256, shape).astype(np.uint8)
    return rng.standard_normal(shape).astype(np.float32)


def targets(
    rng: np.random.Generator, loss: str, shape: Shape, ignored: float, soft: bool = False, mark: int = IGNORED
) -> np.ndarray:
    """Draw targets for outputs of a shape; where some are ignored, so are all of the first example's."""
    if loss == "kl_divergence" or (soft and loss == "cross_entropy"):
        return rng.dirichlet(np.ones(shape[0 if len(shape) > 3 else -1]), shape[:-1]).astype(np.float32)
    if soft:
        return rng.random(shape).astype(np.float32)
    if loss in ("binary_cross_entropy", "focal"):
        return rng.integers(0, 2, shape)
    if loss == "hinge_embedding":
        return 2 * rng.integers(0, 2, shape) - 1
    if loss in ("poisson", "poisson_rate"):
        return rng.poisson(1.5, shape)
    if loss not in ("cross_entropy", "multi_margin"):
        return rng.standard_normal(shape).astype(np.float32)
    # An image's classes lie first.
    few, places = (shape[1], (shape[0], *shape[2:])) if len(shape) > 3 else (shape[-1], shape[:-1])
    classes = rng.integers(0, few, places)
    if ignored:
        classes = np.where(rng.random(classes.shape) < ignored, mark, classes)
        classes[0] = mark
    return classes


def network(
    graph: str,
    wide: int | Shape,
    out: int | Shape,
    *,
    loss: str = "cross_entropy",
    n: int = 41,
    test: int = 0,
    pixels: bool = False,
    tokens: int = 0,
    ids: int = 0,
    ignored: float = 0.0,
    soft: bool = False,
    **header: Any,
) -> Build:
    """Describe a model: nodes as lines of `parse`, one example's input and output shapes, loss and data."""
    nodes, shapes = zip(*(parse(line) for line in graph.split("|")), strict=True)
    shape_in = (wide,) if isinstance(wide, int) else wide
    shape_out = (out,) if isinstance(out, int) else out
    ops = {node["name"]: node["op"] for node in nodes}

    def build(rng: np.random.Generator) -> Model:
        parameters = {key: draw(rng, key, s, ops) for owned in shapes for key, s in owned.items()}
        arrays, mark = {}, header.get("loss_options", {}).get("ignored", IGNORED)
        for split, count in {"train": n, "test": test}.items():
            if count:
                arrays[f"x_{split}"] = inputs(rng, (count, *shape_in), pixels, tokens, ids)
                arrays[f"y_{split}"] = targets(rng, loss, (count, *shape_out), ignored, soft, mark)
        return build_model(nodes=list(nodes), parameters=parameters, loss=loss, **arrays, **header)

    return build


def chain(widths: list[int], activation: str = "tanh", *, dense: str = "", **more: Any) -> Build:
    """Describe a chain of dense layers with one activation (and its attributes) between them."""
    layers = [f"fc{i + 1} dense {widths[i]} {widths[i + 1]} {dense}" for i in range(len(widths) - 1)]
    activations = [f"act{i + 1} {activation}" for i in range(len(layers))]
    lines = [line for pair in zip(layers, activations, strict=True) for line in pair]
    return network("|".join(lines[:-1]), widths[0], widths[-1], **more)
