"""PyTorch in float64 judges the referee and the engine alike: values, gradients, Hessian-vector products."""

from __future__ import annotations

from functools import cache, reduce
from typing import Any

import numpy as np
import pytest

from landscape.objective import RecomputedObjective
from tests import reference
from tests.cases import CASES
from tests.engine import DTYPES, TOLERANCE, VALUE_TOLERANCE, distance, every_case, objective, vectors
from tests.networks import network

torch = pytest.importorskip("torch")
F = torch.nn.functional
pytestmark = pytest.mark.torch
every_judged = pytest.mark.parametrize("judged", [*DTYPES, "referee"])
TOLERANCES = TOLERANCE | {"referee": 1e-12}
VALUE_TOLERANCES = VALUE_TOLERANCE | {"referee": 1e-13}

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
    trained = p.get("weight"), p.get("bias")
    if a["mode"] == "running":
        return F.batch_norm(x, p["running_mean"], p["running_var"], *trained, False, 0.0, a["eps"])
    parts = [
        F.batch_norm(part, None, None, *trained, True, 0.0, a["eps"]) for part in x.split(a["batch_size"])
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
    return LOSSES[model.loss](values[model.nodes[-1].name], y, model.delta) * model.loss_scale + penalty


@cache
def judgement(name: str) -> tuple[float, np.ndarray, np.ndarray]:
    """PyTorch's value, gradient and product by double backward at a case's θ."""
    case = CASES[name]
    theta = torch.from_numpy(case.model.theta.copy()).requires_grad_()
    value = torch_value(case.model, theta)
    (gradient,) = torch.autograd.grad(value, theta, create_graph=True)
    along = gradient @ torch.from_numpy(vectors(case, 1)[0])
    (product,) = torch.autograd.grad(along, theta)
    return float(value.detach()), gradient.detach().numpy(), product.numpy()


@every_judged
@every_case
def test_value_is_pytorchs(name, judged):
    model = CASES[name].model
    found = (
        reference.value(model, model.theta)
        if judged == "referee"
        else objective(name, judged).value(model.theta)
    )
    assert found == pytest.approx(judgement(name)[0], rel=VALUE_TOLERANCES[judged])


@every_judged
@every_case
def test_gradient_is_pytorchs(name, judged):
    model = CASES[name].model
    found = (
        reference.gradient(model, model.theta)
        if judged == "referee"
        else objective(name, judged).gradient(model.theta)
    )
    assert distance(found, judgement(name)[1]) <= TOLERANCES[judged]


@every_judged
@every_case
def test_product_is_pytorchs(name, judged):
    case = CASES[name]
    theta, v = case.model.theta, vectors(case, 1)[0]
    found = (
        reference.hvp(case.model, theta, v) if judged == "referee" else objective(name, judged).hvp(theta, v)
    )
    assert distance(found, judgement(name)[2]) <= TOLERANCES[judged]


@pytest.mark.parametrize("name", ["chain_softplus", "large_logits", "wide"])
def test_losses_far_from_the_centre_are_pytorchs(name):
    model = CASES[name].model
    theta = 20.0 * model.theta
    expected = float(torch_value(model, torch.from_numpy(theta)))
    assert reference.value(model, theta) == pytest.approx(expected, rel=1e-12)
    assert objective(name, "float64").value(theta) == pytest.approx(expected, rel=1e-12)


def test_recomputed_statistics_are_those_of_update_bn():
    module = torch.nn.Sequential(
        torch.nn.Conv2d(2, 3, 3), torch.nn.BatchNorm2d(3), torch.nn.Tanh(), torch.nn.Conv2d(3, 4, 2), torch.nn.BatchNorm2d(4),
        torch.nn.Flatten(), torch.nn.Linear(8, 3),
    ).double()  # fmt: skip
    graph = (
        "c conv2d 2 3 3 3 | b batchnorm 3 batch_size=8 | t tanh | d conv2d 3 4 2 2 | e batchnorm 4 batch_size=8"
        "| flat flatten | fc dense 8 3"
    )
    model = network(graph, (2, 5, 4), 3, n=21)(np.random.default_rng(3))
    names = {"0": "c", "1": "b", "3": "d", "4": "e", "6": "fc"}
    owned = {**model.parameters, **model.buffers}
    state = {
        key: torch.from_numpy(np.array(owned[f"{names[key.split('.')[0]]}.{key.split('.')[1]}"])).double()
        for key in module.state_dict()
        if "tracked" not in key
    }
    module.load_state_dict(state, strict=False)
    x, y = tensors(model)
    torch.optim.swa_utils.update_bn(x.split(8), module)
    expected = float(F.cross_entropy(module.eval()(x), y).detach())
    assert RecomputedObjective(model).value(model.theta) == pytest.approx(expected, rel=1e-12)
