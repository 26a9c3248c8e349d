"""Models of the format in PyTorch, in float64: what judges the referee and the engine alike."""

from __future__ import annotations

from functools import partial, reduce
from typing import Any

import numpy as np
import torch

from tests import reference

F = torch.nn.functional

# Functions of one number without attributes, which PyTorch calls the same.
PLAIN = (
    "abs", "sign", "floor", "square", "reciprocal", "sqrt", "rsqrt", "exp", "expm1", "log", "log1p", "sin", "cos", "tan", "atan", "sinh", "cosh",
    "erf",
)  # fmt: skip


def plain(name: str, x: Any, p: Any, a: Any) -> Any:
    """Call a function of PyTorch's by its name."""
    return getattr(torch, name)(x[0])


OPS: dict[str, Any] = {
    "dense": lambda x, p, a: F.linear(x[0], *of_layer(x, p)),
    "layernorm": lambda x, p, a: F.layer_norm(
        x[0], x[0].shape[x[0].ndim - a["axes"] :], p.get("weight"), p.get("bias"), a["eps"]
    ),
    "softmax": lambda x, p, a: F.softmax(x[0], dim=-1),
    "relu": lambda x, p, a: F.relu(x[0]),
    "leaky_relu": lambda x, p, a: F.leaky_relu(x[0], a["slope"]),
    "elu": lambda x, p, a: F.elu(x[0], a["alpha"]),
    "tanh": lambda x, p, a: torch.tanh(x[0]),
    "sigmoid": lambda x, p, a: torch.sigmoid(x[0]),
    # The threshold above which PyTorch drops the logarithm is out of the way.
    "softplus": lambda x, p, a: F.softplus(x[0], threshold=700.0),
    "silu": lambda x, p, a: F.silu(x[0]),
    "gelu": lambda x, p, a: F.gelu(x[0], approximate=a["approximate"]),
    "relu6": lambda x, p, a: F.relu6(x[0]),
    "hardtanh": lambda x, p, a: F.hardtanh(x[0], -a["limit"], a["limit"]),
    # PyTorch's own has no second derivative.
    "hardsigmoid": lambda x, p, a: F.relu6(x[0] + 3) / 6,
    "hardswish": lambda x, p, a: F.hardswish(x[0]),
    "selu": lambda x, p, a: F.selu(x[0]),
    "celu": lambda x, p, a: F.celu(x[0], a["alpha"]),
    "mish": lambda x, p, a: F.mish(x[0]),
    "softsign": lambda x, p, a: F.softsign(x[0]),
    "logsigmoid": lambda x, p, a: F.logsigmoid(x[0]),
    "tanhshrink": lambda x, p, a: F.tanhshrink(x[0]),
    "softshrink": lambda x, p, a: F.softshrink(x[0], a["threshold"]),
    "hardshrink": lambda x, p, a: F.hardshrink(x[0], a["threshold"]),
    "clip_below": lambda x, p, a: torch.clamp(x[0], min=a["least"]),
    "clip_above": lambda x, p, a: torch.clamp(x[0], max=a["most"]),
    "scale": lambda x, p, a: a["by"] * x[0],
    "shift": lambda x, p, a: x[0] + a["by"],
    "power": lambda x, p, a: x[0] ** a["exponent"],
    **{name: partial(plain, name) for name in PLAIN},
    "identity": lambda x, p, a: x[0],
    "dropout": lambda x, p, a: F.dropout(x[0], a["p"], training=False),
    "flatten": lambda x, p, a: torch.flatten(x[0], 1),
    "add": lambda x, p, a: reduce(torch.add, together(x)),
    "subtract": lambda x, p, a: torch.sub(*together(x)),
    "multiply": lambda x, p, a: reduce(torch.mul, together(x)),
    "divide": lambda x, p, a: torch.div(*together(x)),
    "concat": lambda x, p, a: torch.cat(x, dim=a["axis"]),
    **dict.fromkeys(("conv1d", "conv2d"), lambda x, p, a: convolution(x, p, a)),
    "batchnorm": lambda x, p, a: batchnorm(x[0], p, a),
    # Not `F.group_norm`, which refuses batches of one number a group.
    "groupnorm": lambda x, p, a: torch.group_norm(x[0], a["groups"], *affine(x[0], p), a["eps"]),
    "maxpool2d": lambda x, p, a: F.max_pool2d(x[0], a["kernel"], a["stride"], a["padding"]),
    "avgpool2d": lambda x, p, a: F.avg_pool2d(x[0], a["kernel"], a["stride"], a["padding"]),
    "globalavgpool": lambda x, p, a: x[0].flatten(2).mean(dim=2),
    "mean": lambda x, p, a: x[0].mean(dim=a["axis"]),
    "pad_channels": lambda x, p, a: F.pad(
        x[0][:, :, :: a["stride"][0], :: a["stride"][1]], (0, 0, 0, 0, a["before"], a["after"])
    ),
    "embedding": lambda x, p, a: F.embedding(x[0].long(), p["weight"]),
    "position": lambda x, p, a: x[0] + p["weight"],
    "attention": lambda x, p, a: attention(x[0].transpose(0, 1), p, a).transpose(0, 1),
    # An op that reads nothing is given the data, for the number of examples.
    **dict.fromkeys(
        ("parameter", "constant"), lambda x, p, a: p["value"].expand(len(x[0]), *p["value"].shape)
    ),
    "reshape": lambda x, p, a: x[0].reshape(len(x[0]), *a["shape"]),
    "transpose": lambda x, p, a: x[0].permute(0, *a["axes"]),
    "slice": lambda x, p, a: chosen(x[0], list(range(a["start"], a["stop"], a["step"])), a),
    "take": lambda x, p, a: chosen(x[0], list(a["indices"]), a),
    "pad": lambda x, p, a: padded(x[0], a),
    "expand": lambda x, p, a: aligned(x[0], len(a["shape"])).expand(len(x[0]), *a["shape"]),
    "reduce_sum": lambda x, p, a: reduced(torch.sum, x[0], a),
    "reduce_mean": lambda x, p, a: reduced(torch.mean, x[0], a),
    "reduce_max": lambda x, p, a: reduced(torch.amax, x[0], a),
    "reduce_min": lambda x, p, a: reduced(torch.amin, x[0], a),
    "matmul": lambda x, p, a: torch.matmul(*together(x)),
    "scaled_dot_product_attention": lambda x, p, a: attention_of(together(x), a),
}


def aligned(x: Any, axes: int) -> Any:
    """Put axes of 1 after the batch, so that there are so many beside it."""
    return x.reshape(len(x), *(1,) * (axes + 1 - x.ndim), *x.shape[1:])


def together(x: Any) -> Any:
    """Give all values as many axes as the one with most, aligned at the last."""
    return [aligned(one, max(other.ndim for other in x) - 1) for one in x]


def of_layer(x: Any, p: Any) -> Any:
    """A layer's weight and bias, its own or those of nodes, which are the same for all examples."""
    given = [one[0] for one in x[1:]]
    return given[0] if given else p["weight"], given[1] if len(given) > 1 else p.get("bias")


def chosen(x: Any, places: list[int], a: Any) -> Any:
    """Take places of an axis."""
    return x.index_select(a["axis"], torch.tensor(places))


def padded(x: Any, a: Any) -> Any:
    """Pad one axis after the other, which PyTorch's ways to reflect and to repeat want as the last of three."""
    for axis, ends in enumerate(zip(a["before"], a["after"], strict=True), 1):
        last = x.movedim(axis, -1)
        for before, after in ((min(0, ends[0]), min(0, ends[1])), (max(0, ends[0]), max(0, ends[1]))):
            if a["mode"] == "constant" or before < 0 or after < 0:
                last = F.pad(last, (before, after), value=a["value"])
            else:
                rows = F.pad(last.reshape(1, -1, last.shape[-1]), (before, after), mode=a["mode"])
                last = rows.reshape(*last.shape[:-1], -1)
        x = last.movedim(-1, axis)
    return x


def reduced(function: Any, x: Any, a: Any) -> Any:
    """Reduce some axes; PyTorch takes no axes for all of them."""
    return function(x, dim=a["axes"], keepdim=a["keepdims"]) if a["axes"] else x


def attention_of(x: Any, a: Any) -> Any:
    """PyTorch's own attention, written out by it for its second derivative."""
    mask, causal = x[3] if len(x) > 3 else None, a["causal"]
    if mask is not None and causal:
        # PyTorch takes one of the two.
        seen = torch.ones(x[0].shape[-2], x[1].shape[-2], dtype=torch.bool).tril()
        mask, causal = torch.where(seen, mask, -torch.inf), False
    scale = a["scale"] or None
    with torch.nn.attention.sdpa_kernel(torch.nn.attention.SDPBackend.MATH):
        return F.scaled_dot_product_attention(*x[:3], mask, is_causal=causal, scale=scale)


def entropy(o: Any, y: Any, options: Any) -> Any:
    """Cross-entropy with the options; the classes lie on axis 1 for PyTorch."""
    weight = None if options.class_weights is None else torch.tensor(options.class_weights).double()
    more = {"weight": weight, "label_smoothing": options.label_smoothing}
    if not y.is_floating_point():
        more["ignore_index"] = options.ignored
    if o.ndim > 3:
        return F.cross_entropy(o, y, **more)
    wide = o.shape[-1] if y.is_floating_point() else 1
    targets = y.reshape(-1, wide) if y.is_floating_point() else y.flatten()
    return F.cross_entropy(o.flatten(0, -2), targets, **more)


def binary(o: Any, y: Any, options: Any) -> Any:
    """Binary cross-entropy with the options."""
    weight, positive = (
        None if given is None else torch.tensor(given).double()
        for given in (options.element_weights, options.pos_weight)
    )
    return F.binary_cross_entropy_with_logits(o, y.reshape(o.shape), weight, pos_weight=positive)


def margins(o: Any, y: Any, options: Any) -> Any:
    """Multi-class margins, of operations that have a second derivative."""
    right = o.gather(1, y[:, None])
    others = 1.0 - F.one_hot(y, o.shape[1])
    weights = torch.ones(o.shape[1]) if options.class_weights is None else torch.tensor(options.class_weights)
    short = (options.margin - right + o).clamp(min=0) ** options.exponent
    return (weights.double()[y] * (others * short).sum(dim=1) / o.shape[1]).mean()


def focal(o: Any, y: Any, options: Any) -> Any:
    """The focal loss of torchvision."""
    missed = F.binary_cross_entropy_with_logits(o, y, reduction="none")
    alpha = 1.0 if options.alpha is None else options.alpha * y + (1 - options.alpha) * (1 - y)
    return (alpha * (1 - (-missed).exp()) ** options.gamma * missed).mean()


def weighted(losses: Any, options: Any) -> Any:
    """The mean of losses with a weight for each element."""
    weights = 1.0 if options.element_weights is None else torch.tensor(options.element_weights).double()
    return (weights * losses).mean()


# Of outputs, targets and the model.
LOSSES: dict[str, Any] = {
    "cross_entropy": lambda o, y, m: entropy(o, y, m.loss_options),
    "binary_cross_entropy": lambda o, y, m: binary(o, y, m.loss_options),
    "mse": lambda o, y, m: F.mse_loss(o, y),
    "mae": lambda o, y, m: F.l1_loss(o, y),
    "huber": lambda o, y, m: F.huber_loss(o, y, delta=m.delta),
    "kl_divergence": lambda o, y, m: F.kl_div(F.log_softmax(o, 1), y, reduction="batchmean"),
    "poisson": lambda o, y, m: F.poisson_nll_loss(o, y),
    "poisson_rate": lambda o, y, m: weighted(
        F.poisson_nll_loss(o, y, log_input=False, reduction="none"), m.loss_options
    ),
    "hinge_embedding": lambda o, y, m: F.hinge_embedding_loss(o, y, margin=m.loss_options.margin),
    "multi_margin": lambda o, y, m: margins(o, y, m.loss_options),
    "focal": lambda o, y, m: focal(o, y, m.loss_options),
    "output": lambda o, y, m: o.mean(),
}


def convolution(x: Any, p: Any, a: Any) -> Any:
    """Convolve along one axis or two."""
    function = F.conv1d if x[0].ndim == 3 else F.conv2d
    return function(x[0], *of_layer(x, p), a["stride"], a["padding"], a["dilation"], a["groups"])


def affine(x: Any, p: Any) -> Any:
    """What scales and shifts each channel: not None, of which PyTorch's second derivative makes an error."""
    channels = x.shape[1]
    return p.get("weight", torch.ones(channels).double()), p.get("bias", torch.zeros(channels).double())


def batchnorm(x: Any, p: Any, a: Any) -> Any:
    """Normalize as in evaluation, or each batch as in training."""
    trained = affine(x, p)
    if a["mode"] == "running":
        return F.batch_norm(x, p["running_mean"], p["running_var"], *trained, False, 0.0, a["eps"])
    # Not `F.batch_norm`, which refuses batches of one number a channel.
    parts = [
        torch.batch_norm(part, *trained, None, None, True, 0.0, a["eps"], False)
        for part in x.split(a["batch_size"])
    ]
    return torch.cat(parts)


def attention(x: Any, p: Any, a: Any) -> Any:
    """PyTorch's own self-attention of [T, N, D], which reads its parameters by these names."""
    hidden = torch.ones(len(x), len(x), dtype=torch.bool).triu(1) if a["causal"] else None
    return F.multi_head_attention_forward(
        x, x, x, x.shape[2], a["heads"], p["in_proj_weight"], p["in_proj_bias"], None, None, False, 0.0,
        p["out_proj.weight"], p["out_proj.bias"], False, attn_mask=hidden, need_weights=True,
    )[0]  # fmt: skip


def tensors(model: Any) -> tuple[Any, Any]:
    """Inputs and targets as a PyTorch user would prepare them."""
    x, y = model.data["x_train"], model.data["y_train"]
    pixels = x.dtype == np.uint8
    inputs = torch.from_numpy(np.array(x))
    if not any(node.op == "embedding" for node in model.nodes):
        inputs = inputs.double() / (255.0 if pixels else 1.0)
    elif inputs.is_floating_point():
        inputs = inputs.double()
    targets = torch.from_numpy(np.array(y))
    whole = model.loss in ("cross_entropy", "multi_margin") and not targets.is_floating_point()
    return inputs, targets.long() if whole else targets.double()


def torch_value(model: Any, theta: Any) -> Any:
    """Evaluate the objective of a model as a PyTorch graph of θ."""
    return value_and_outputs(model, theta)[0]


def value_and_outputs(model: Any, theta: Any) -> tuple[Any, Any]:
    """Evaluate the objective and the outputs of a model as PyTorch graphs of θ."""
    owned = {**model.parameters, **model.buffers}
    named = {key: torch.from_numpy(np.array(value)).double() for key, value in owned.items()}
    penalty = torch.zeros((), dtype=torch.float64)
    for key, start, stop in reference.slots(model):
        named[key] = theta[start:stop].reshape(model.parameters[key].shape)
        wd = model.weight_decay.get(key, 0.0) if isinstance(model.weight_decay, dict) else model.weight_decay
        penalty = penalty + 0.5 * wd * named[key].square().sum()
    x, y = tensors(model)
    values = {"input": x}
    for node in model.nodes:
        prefix = f"{node.parameters_of or node.name}."
        own = {key.removeprefix(prefix): value for key, value in named.items() if key.startswith(prefix)}
        inputs = [values[name] for name in node.inputs] or [x]
        values[node.name] = OPS[node.op](inputs, own, node.attributes)
    outputs = values[model.nodes[-1].name]
    return LOSSES[model.loss](outputs, y, model) * model.loss_scale + penalty, outputs
