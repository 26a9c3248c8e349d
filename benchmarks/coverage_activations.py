"""Networks with one activation each, between the same dense layers."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from coverage_common import Case, Net, classified, measured, mlp, network
from torch import nn

F = nn.functional

# The classes of torch.nn that have no parameters to be given and keep the width.
KINDS = (
    "ReLU", "LeakyReLU", "ELU", "SELU", "CELU", "GELU", "SiLU", "Mish", "Hardswish", "Hardsigmoid", "Hardtanh", "Softplus", "Softsign",
    "ReLU6", "PReLU", "Tanh", "Sigmoid", "LogSigmoid", "Tanhshrink", "Softshrink",
)  # fmt: skip


def with_activation(kind: str) -> Callable[[], Case]:
    """Write the function that makes the network of a class of torch.nn."""

    def make() -> Case:
        return mlp(10, 16, 16, 3, activation=getattr(nn, kind)), nn.CrossEntropyLoss(), classified(10)

    make.__name__ = f"act_{kind}"
    return make


for kind in KINDS:
    network(with_activation(kind))


def between(function: Callable[[Any], Any]) -> Case:
    """Make a network of two dense layers with a function between them."""
    module = Net(lambda net, x: net.fc2(function(net.fc1(x))), fc1=nn.Linear(10, 16), fc2=nn.Linear(16, 3))
    return module, nn.CrossEntropyLoss(), classified(10)


@network
def act_GLU() -> Case:  # noqa: N802
    return nn.Sequential(nn.Linear(10, 32), nn.GLU(), nn.Linear(16, 3)), nn.CrossEntropyLoss(), classified(10)


@network
def act_sin() -> Case:
    def forward(net: Any, x: Any) -> Any:
        return net.fc2(torch.sin(3.0 * net.fc1(x)))

    return Net(forward, fc1=nn.Linear(10, 16), fc2=nn.Linear(16, 1)), nn.MSELoss(), measured(10)


@network
def act_relu_clamp() -> Case:
    return between(lambda h: torch.clamp(h, min=0))


@network
def act_F_calls_torch_relu() -> Case:  # noqa: N802
    def forward(net: Any, x: Any) -> Any:
        return net.fc3(torch.relu(net.fc2(F.relu(net.fc1(x)))))

    module = Net(forward, fc1=nn.Linear(10, 16), fc2=nn.Linear(16, 16), fc3=nn.Linear(16, 3))
    return module, nn.CrossEntropyLoss(), classified(10)


@network
def act_own_swish() -> Case:
    return between(lambda h: h * torch.sigmoid(h))


class NewGELU(nn.Module):
    """The approximation of GPT-2's code."""

    def forward(self, x: Any) -> Any:
        return 0.5 * x * (1.0 + torch.tanh(math.sqrt(2.0 / math.pi) * (x + 0.044715 * torch.pow(x, 3.0))))


@network
def act_newgelu() -> Case:
    return mlp(10, 16, 3, activation=NewGELU), nn.CrossEntropyLoss(), classified(10)
