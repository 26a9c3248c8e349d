"""Models of the format in PyTorch, in float64: what judges the referee and the engine alike."""

from __future__ import annotations

from functools import reduce
from typing import Any

import numpy as np
import torch

from tests import reference

F = torch.nn.functional

OPS: dict[str, Any] = {
    "dense": lambda x, p, a: F.linear(x[0], p["weight"], p.get("bias")),
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
    "identity": lambda x, p, a: x[0],
    "dropout": lambda x, p, a: F.dropout(x[0], a["p"], training=False),
    "flatten": lambda x, p, a: torch.flatten(x[0], 1),
    "add": lambda x, p, a: sum(x),
    "multiply": lambda x, p, a: reduce(torch.mul, x),
    "concat": lambda x, p, a: torch.cat(x, dim=a["axis"]),
    **dict.fromkeys(("conv1d", "conv2d"), lambda x, p, a: convolution(x[0], p, a)),
    "batchnorm": lambda x, p, a: batchnorm(x[0], p, a),
    "groupnorm": lambda x, p, a: F.group_norm(x[0], a["groups"], p.get("weight"), p.get("bias"), a["eps"]),
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
}
LOSSES: dict[str, Any] = {
    "cross_entropy": lambda o, y, delta: F.cross_entropy(o.flatten(0, -2), y.flatten(), ignore_index=-100),
    "binary_cross_entropy": lambda o, y, delta: F.binary_cross_entropy_with_logits(o, y.reshape(o.shape)),
    "mse": lambda o, y, delta: F.mse_loss(o, y),
    "mae": lambda o, y, delta: F.l1_loss(o, y),
    "huber": lambda o, y, delta: F.huber_loss(o, y, delta=delta),
}


def convolution(x: Any, p: Any, a: Any) -> Any:
    """Convolve along one axis or two."""
    function = F.conv1d if x.ndim == 3 else F.conv2d
    return function(x, p["weight"], p.get("bias"), a["stride"], a["padding"], a["dilation"], a["groups"])


def batchnorm(x: Any, p: Any, a: Any) -> Any:
    """Normalize as in evaluation, or each batch as in training."""
    # Not None, of which PyTorch's second derivative makes an error.
    channels = x.shape[1]
    trained = p.get("weight", torch.ones(channels).double()), p.get("bias", torch.zeros(channels).double())
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
    targets = torch.from_numpy(np.array(y))
    return inputs, targets.long() if model.loss == "cross_entropy" else targets.double()


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
        values[node.name] = OPS[node.op]([values[name] for name in node.inputs], own, node.attributes)
    outputs = values[model.nodes[-1].name]
    return LOSSES[model.loss](outputs, y, model.delta) * model.loss_scale + penalty, outputs
