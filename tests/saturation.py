"""Networks with logits that one of them leads by far, and the referee's derivatives of them in more digits than the engine has.

The parameters that move the logits have derivatives as small as what is left beside the largest share, e to the minus gap between the logits. So
they are compared with each other, and not with those of the rest of the network, which would hide them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from landscape.model import Model
from tests import reference
from tests.networks import Build, network
from tests.reference_ops import attention_parts

LONG = np.longdouble
GAPS = (0.5, 5.0, 20.0, 37.0, 60.0, 100.0)
WIDE = 4


@dataclass(frozen=True)
class Saturated:
    """A network, the parameters that make its logits (the first `rows` of each), and the logits at a θ, [..., classes]."""

    build: Build
    names: tuple[str, ...]
    logits: Callable[[Model, np.ndarray], np.ndarray]
    rows: int | None = None
    # Those of them whose logits are in proportion to them.
    scaled: int | None = None
    labels: Callable[[np.ndarray], np.ndarray] | None = None


def scores(model: Model, theta: np.ndarray) -> np.ndarray:
    """Scores of the queries with the keys that they see."""
    node = next(node for node in model.nodes if node.op == "attention")
    named, x = reference.unpack(model, theta), reference.forward(model, theta, model.data["x_train"])
    q, k, *_ = attention_parts(x[node.inputs[0]], reference.parameters_of(node, named), node.attributes)
    found = q @ k.swapaxes(-1, -2) / np.sqrt(q.shape[-1])
    if node.attributes["causal"]:
        # The first query sees one key, and has no gap.
        found = np.where(np.tri(found.shape[-1], dtype=bool), found, -np.inf)[..., 1:, :]
    return found


def output_of(name: str) -> Callable[[Model, np.ndarray], np.ndarray]:
    """The logits are a node's output."""
    return lambda model, theta: reference.forward(model, theta, model.data["x_train"])[name]


ATTENTION = ("a.in_proj_weight", "a.in_proj_bias")
CASES = {
    "attention": Saturated(network(f"a attention {WIDE} heads=1", (3, WIDE), (3, WIDE), loss="mse", n=2),
                           ATTENTION, scores, 2 * WIDE, WIDE),
    "causal": Saturated(network(f"a attention {WIDE} heads=1 causal=true | d dense {WIDE} 3", (2, WIDE), (2, 3), n=3),
                        ATTENTION, scores, 2 * WIDE, WIDE),
    "two_heads": Saturated(network(f"a attention {WIDE} heads=2 | t tanh", (9, WIDE), (9, WIDE), loss="mse", n=1),
                           ATTENTION, scores, 2 * WIDE, WIDE),
    "softmax": Saturated(network("a dense 5 4 | s softmax | t tanh | b dense 4 3", 5, 3, n=3),
                         ("a.weight", "a.bias"), output_of("a")),
    "softmax_last": Saturated(network("a dense 5 4 | s softmax", (2, 5), (2, 4), loss="mse", n=3),
                              ("a.weight", "a.bias"), output_of("a")),
    "cross_entropy": Saturated(network("a dense 5 4", 5, 4, n=6), ("a.weight", "a.bias"), output_of("a"),
                               labels=lambda z: z.argmax(axis=-1)),
    "binary": Saturated(network("a dense 5 2", 5, 2, loss="binary_cross_entropy", n=6), ("a.weight", "a.bias"),
                        lambda model, theta: output_of("a")(model, theta)[..., None] * np.array([1.0, 0.0]),
                        labels=lambda z: (z[..., 0] > 0).astype(np.int64)),
}  # fmt: skip


def gap(logits: np.ndarray) -> float:
    """The least distance of a largest logit to the next."""
    ordered = np.sort(logits, axis=-1)
    return float((ordered[..., -1] - ordered[..., -2]).min())


def places(model: Model, case: Saturated, rows: int | None) -> np.ndarray:
    """Where in θ the parameters lie that make the logits."""
    found = []
    for slot in model.layout:
        if slot.name in case.names:
            numbers = np.arange(slot.start, slot.stop).reshape(slot.shape)
            found.append(numbers[:rows].ravel())
    return np.concatenate(found)


def planted(case: Saturated, wanted: float) -> tuple[Model, np.ndarray, np.ndarray]:
    """A model, θ at which each largest logit is at least so far from the next, and where in θ the logits' parameters lie."""
    model = case.build(np.random.default_rng(8))
    theta, scaled = model.theta.copy(), places(model, case, case.scaled)
    theta[scaled] *= wanted / gap(case.logits(model, theta))
    if case.labels is not None:
        labels = case.labels(case.logits(model, theta))
        model = replace(model, data=dict(model.data) | {"y_train": labels})
    return model, theta, places(model, case, case.rows)


def farthest(found: np.ndarray, expected: np.ndarray) -> float:
    """The largest difference, in shares of the largest entry."""
    return float(np.abs(found - expected).max() / np.abs(expected).max())


def expected(model: Model, theta: np.ndarray, vector: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The gradient, and the Hessian's product with a vector, in long doubles."""
    point, along = theta.astype(LONG), vector.astype(LONG)
    return reference.gradient(model, point), reference.hvp(model, point, along)
