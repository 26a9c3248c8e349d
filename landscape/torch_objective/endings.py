"""The op that makes a module's output, found in the graph that PyTorch builds during an evaluation."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from landscape.errors import InputError
from landscape.importers.pytorch.losses import read_loss
from landscape.model.losses import OF_CLASSES
from landscape.objective.endings import Ending, span_of
from landscape.streams import numpy_generator
from landscape.torch_objective.losses import parted, weight_of

Array = NDArray[np.float64]
Span = tuple[float, float]

INF = math.inf
# Nodes of PyTorch's graph that move numbers and change none; behind `PICKING` only some of them are left.
MOVING = (
    "View", "UnsafeView", "ReshapeAlias", "Unsqueeze", "Squeeze", "Permute", "Transpose", "T", "Clone", "ToCopy", "Expand", "Alias",
)  # fmt: skip
PICKING = ("Slice", "Select", "Index", "Split", "Unbind")
# Nodes of activations that the format has, by their names there.
KNOWN = {
    "Relu": "relu", "Sigmoid": "sigmoid", "Tanh": "tanh", "Softmax": "softmax", "Softplus": "softplus", "Abs": "abs",
    "Hardsigmoid": "hardsigmoid", "Sin": "sin", "Cos": "cos", "Atan": "atan", "Erf": "erf",
}  # fmt: skip
# Nodes of layers whose weights take the output anywhere.
FREE = (
    "Addmm", "Mm", "Bmm", "Baddbmm", "Linear", "MkldnnLinear", "Convolution", "NativeBatchNorm", "CudnnBatchNorm", "NativeLayerNorm",
    "NativeGroupNorm",
)  # fmt: skip
TAILS = {"log_softmax": "LogSoftmax", "sigmoid": "Sigmoid"}
# At parameters of these sizes it is looked where outputs lie, so many draws of each; an end that stays, to this part of the whole width, is a bound.
SIZES, DRAWS, STAYS = (1.0, 4.0, 16.0), 8, 1e-3


def ending_of(split: Any, theta: ArrayLike) -> Ending:
    """Tell what makes the output at θ before the loss, and where all outputs lie, whatever the parameters."""
    base, tail = of_loss(split)
    if base.reason:
        return base
    found = [last_of(base, tail, *pair) for pair in passes(split, theta)]
    if any(ending != found[0] for ending in found):
        return replace(base, reason="the output is not made by the same op for all examples")
    elsewhere = [last_of(base, tail, *pair) for pair in passes(split, drawn(split, 1.0, 0), first=True)]
    if elsewhere[0] != found[0]:
        return replace(base, reason="the output is not made by the same op at other parameters")
    if found[0].op and found[0].span is None and tail is None:
        return observed(split, found[0])
    return found[0]


def of_loss(split: Any) -> tuple[Ending, str | None]:
    """Tell what is known of a loss, and the op that it expects as the last one of the network."""
    loss = split.loss
    if loss is None:
        return Ending(reason="the loss is one of batches"), None
    try:
        read = read_loss(split.torch, loss)
    except InputError:
        return Ending(reason="the loss is no known one of torch.nn"), None
    options = {
        name: np.asarray(read.options[name]).tolist()
        for name in ("class_weights", "pos_weight")
        if read.options.get(name) is not None
    }
    known = Ending(
        loss=read.name,
        tail=read.tail or "",
        smoothing=float(read.options.get("label_smoothing", 0.0)),
        **options,
    )
    if read.settings.get("log_target") or read.kind in ("SoftMarginLoss", "MultiMarginLoss"):
        return replace(known, reason=f"{read.kind} is not looked at"), None
    return known, read.tail


def passes(split: Any, theta: ArrayLike, *, first: bool = False) -> Iterator[tuple[Any, Any, bool]]:
    """Give outputs with their graph and targets of each batch, or the first one, and whether the loss fits the shapes together itself."""
    objective, torch = split.objective, split.torch
    with objective.at(theta), torch.enable_grad():
        for batch in [objective.batches.beginning()] if first else objective.batches:
            inputs, targets = parted(batch)
            outputs = split.host.module(**inputs) if isinstance(inputs, dict) else split.host.module(*inputs)
            yield outputs, targets, isinstance(split.loss, str)


def last_of(base: Ending, tail: str | None, outputs: Any, targets: Any, named: bool) -> Ending:
    """Tell what made outputs."""
    if not hasattr(outputs, "grad_fn"):
        return replace(base, reason=f"the output is no tensor but a {type(outputs).__name__}")
    fitted = with_shapes(base, tuple(outputs.shape), targets, named)
    if fitted.reason:
        return fitted
    node, untouched = behind(outputs.grad_fn)
    if tail is not None:
        if node is None or name_of(node) != TAILS[tail]:
            return replace(
                fitted, reason=f"the loss expects the output of a {tail}, and the last op is another"
            )
        node, untouched = behind(node.next_functions[0][0])
    elif node is not None and name_of(node) == "LogSoftmax" and fitted.loss == "cross_entropy":
        # Applied once more it changes nothing.
        node, untouched = behind(node.next_functions[0][0])
    if node is None:
        return replace(fitted, reason="the output does not depend on the parameters")
    return with_op(fitted, node, untouched, tuple(outputs.shape))


def with_shapes(base: Ending, output: tuple[int, ...], targets: Any, named: bool) -> Ending:
    """Add where the classes lie, and whether targets are shares of them; the reason where outputs and targets do not go together."""
    found = tuple(targets.shape)
    apart = f"targets of shape [N, {', '.join(map(str, found[1:]))}] for outputs of shape [N, {', '.join(map(str, output[1:]))}]"
    if base.loss not in OF_CLASSES:
        if found == output or (named and targets.numel() == math.prod(output)):
            return base
        return replace(base, reason=apart.replace(", ]", "]"))
    # The format has the classes of a text on the last axis, PyTorch always on the second.
    axis = -1 if named and len(output) <= 3 else 1
    soft = bool(targets.is_floating_point())
    wanted = (
        output if soft else tuple(size for place, size in enumerate(output) if place != axis % len(output))
    )
    if len(output) < 2 or math.prod(wanted) != targets.numel():
        return replace(base, reason=apart.replace(", ]", "]"))
    return replace(base, axis=axis, soft=soft)


def behind(node: Any) -> tuple[Any, bool]:
    """Go back over what moves numbers and changes none, and say whether there was nothing of that."""
    untouched = True
    while node is not None and name_of(node) in MOVING + PICKING:
        node, untouched = node.next_functions[0][0], False
    return node, untouched


def name_of(node: Any) -> str:
    """Give the name of a node without what PyTorch counts behind it."""
    return re.sub(r"Backward\d*$", "", str(node.name()))


def with_op(base: Ending, node: Any, untouched: bool, shape: tuple[int, ...]) -> Ending:
    """Add the op of a node, and where its outputs lie."""
    name = name_of(node)
    if name in FREE or (name == "Add" and any(is_parameter(other) for other, _ in node.next_functions)):
        return base
    if name == "Softmax":
        axis = signed(node._saved_dim) % len(shape)
        return replace(
            base, op="softmax", span=(0.0, 1.0), simplex=untouched and axis == len(shape) - 1,
            over_classes=untouched and axis == (base.axis if base.loss in OF_CLASSES else -1) % len(shape),
        )  # fmt: skip
    if name in KNOWN:
        return replace(base, op=KNOWN[name], span=span_of(KNOWN[name]))
    span = given_span(name, node)
    if span is not None:
        return replace(base, op="relu6" if span == (0.0, 6.0) else name.lower(), span=span)
    return replace(base, op=name, reason=f"the last op is {name}, whose range is not known")


def given_span(name: str, node: Any) -> Span | None:
    """Give where the outputs of an op lie that has its ends as numbers; None for one that has none, or others."""
    if name == "Hardtanh":
        return float(node._saved_min_val), float(node._saved_max_val)
    if name in ("Clamp", "ClampMin", "ClampMax"):
        ends = [getattr(node, f"_saved_{end}", None) for end in ("min", "max")]
        if not all(end is None or isinstance(end, int | float) for end in ends):
            return None
        return (-INF if ends[0] is None else float(ends[0])), (INF if ends[1] is None else float(ends[1]))
    if name == "Exp" or (name == "Pow" and node._saved_exponent in (2, 4)):
        return 0.0, INF
    return (-INF, 0.0) if name in ("LogSigmoid", "LogSoftmax") else None


def is_parameter(node: Any) -> bool:
    """Say whether a node is a tensor that is trained."""
    return node is not None and name_of(node).endswith("AccumulateGrad")


def signed(dim: int) -> int:
    """Read an axis that PyTorch keeps as a number without a sign."""
    return dim - 2**64 if dim >= 2**63 else dim


def drawn(split: Any, size: float, seed: int) -> Array:
    """Draw parameters of a size, weights over the square root of what they sum over."""
    rng, host = numpy_generator("parameters at which outputs are observed", seed), split.host
    theta = rng.standard_normal(host.size)
    for piece in host.pieces:
        theta[piece.start : piece.stop] *= size / math.sqrt(math.prod(piece.shape[1:]) or 1)
    return theta


def observed(split: Any, last: Ending) -> Ending:
    """Look where the outputs of the first batch are at random parameters: an end that stays while these grow may be a bound."""
    ends = []
    for size in SIZES:
        parts = [
            outputs.detach().double()
            for seed in range(DRAWS)
            for outputs, _, _ in passes(split, drawn(split, size, seed + 1), first=True)
        ]
        ends.append((min(float(part.min()) for part in parts), max(float(part.max()) for part in parts)))
    (low, high), (least, most) = ends[-2:]
    near = STAYS * (most - least)
    if not near > 0 or not math.isfinite(near):
        return last
    span = (least if abs(low - least) <= near else -INF), (most if abs(high - most) <= near else INF)
    return last if span == (-INF, INF) else replace(last, span=span, observed=True)


def loss_of_chosen(split: Any, choose: Callable[[NDArray, tuple[int, ...]], Array]) -> float:
    """Give the mean loss of outputs that are chosen, batch by batch, of the targets and the outputs' shape."""
    torch, (base, tail) = split.torch, of_loss(split)
    total = weights = 0.0
    with split.objective.at(split.objective.theta), torch.no_grad():
        for outputs, targets in split.outputs():
            found = np.ascontiguousarray(choose(targets.cpu().numpy(), tuple(outputs.shape)))
            best = torch.from_numpy(found).to(outputs)
            if tail is not None:
                best = torch.sigmoid(best) if tail == "sigmoid" else torch.log_softmax(best, base.axis)
            weight = 1.0 if split.step.summed else float(weight_of(torch, split.loss, targets, len(targets)))
            # A mean over no example is no number, and counts nothing.
            total += weight * float(split.loss_of(best, targets)) if weight else 0.0
            weights += weight
    return total / (1.0 if split.step.summed else weights)
