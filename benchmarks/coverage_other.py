"""Networks of graphs, of reinforcement learning, with heads, frozen parts and weights of a special kind, and of equations."""

from __future__ import annotations

import math
from typing import Any

import torch
from coverage_common import Case, N, Net, classified, measured, mlp, network
from torch import nn
from torch.nn.utils import prune

F = nn.functional

CE, MSE = nn.CrossEntropyLoss, nn.MSELoss
VERTICES = 6


def adjacency(*batch: int) -> Any:
    """Draw symmetric graphs with loops, each normalized by its degrees."""
    edges = (torch.rand(*batch, VERTICES, VERTICES) < 0.4).float()
    edges = torch.clamp(edges + edges.mT + torch.eye(VERTICES), max=1.0)
    scale = edges.sum(-1).rsqrt()
    return scale.unsqueeze(-1) * edges * scale.unsqueeze(-2)


@network
def gnn_dense_adjacency() -> Case:
    """One graph for all examples, which are numbers at its vertices."""

    def forward(net: Any, x: Any) -> Any:
        h = torch.relu(net.adjacency @ net.conv1(x))
        return (net.adjacency @ net.conv2(h)).mean(dim=1)

    layers = {"conv1": nn.Linear(4, 6), "conv2": nn.Linear(6, 3)}
    return Net(forward, **layers, adjacency=adjacency()), CE(), classified(VERTICES, 4)


class GraphNetwork(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.conv2 = nn.Linear(4, 6), nn.Linear(6, 3)

    def forward(self, x: Any, adjacency: Any) -> Any:
        h = torch.relu(torch.bmm(adjacency, self.conv1(x)))
        return torch.bmm(adjacency, self.conv2(h)).mean(dim=1)


@network
def gnn_adjacency_input() -> Case:
    x, y = classified(VERTICES, 4)
    return GraphNetwork(), CE(), ((x, adjacency(N)), y)


@network
def rl_dueling_dqn() -> Case:
    def forward(net: Any, x: Any) -> Any:
        h = torch.relu(net.body(x))
        value, advantage = net.value(h), net.advantage(h)
        return value + advantage - advantage.mean(dim=1, keepdim=True)

    layers = {"body": nn.Linear(4, 16), "value": nn.Linear(16, 1), "advantage": nn.Linear(16, 3)}
    return Net(forward, **layers), nn.SmoothL1Loss(), measured(4, outputs=(3,))


@network
def rl_dqn_atari_small() -> Case:
    convolutions = [
        nn.Conv2d(4, 8, 8, stride=4),
        nn.ReLU(),
        nn.Conv2d(8, 16, 4, stride=2),
        nn.ReLU(),
        nn.Conv2d(16, 16, 3),
        nn.ReLU(),
    ]
    module = nn.Sequential(*convolutions, nn.Flatten(), nn.Linear(16, 32), nn.ReLU(), nn.Linear(32, 4))
    return module, nn.SmoothL1Loss(), measured(4, 36, 36, outputs=(4,))


@network
def arcface_normalized_head() -> Case:
    """The cosines of features with the classes' vectors, scaled."""

    def forward(net: Any, x: Any) -> Any:
        return 8.0 * F.linear(F.normalize(net.body(x)), F.normalize(net.weight))

    return Net(forward, body=nn.Linear(10, 8), weight=nn.Parameter(torch.randn(3, 8))), CE(), classified(10)


@network
def frozen_backbone() -> Case:
    backbone = mlp(10, 16, 16)
    for parameter in backbone.parameters():
        parameter.requires_grad = False
    return nn.Sequential(backbone, nn.ReLU(), nn.Linear(16, 3)), CE(), classified(10)


@network
def bitfit_bias_only() -> Case:
    module = mlp(10, 16, 3)
    for name, parameter in module.named_parameters():
        parameter.requires_grad_(name.endswith("bias"))
    return module, CE(), classified(10)


class LoRALinear(nn.Module):
    """A frozen layer and a trained product of two thin matrices."""

    def __init__(self, base: nn.Linear, rank: int = 2, alpha: float = 4.0) -> None:
        super().__init__()
        self.base, self.scaling = base.requires_grad_(False), alpha / rank
        self.A = nn.Parameter(torch.randn(rank, base.in_features) / base.in_features**0.5)
        self.B = nn.Parameter(torch.zeros(base.out_features, rank))

    def forward(self, x: Any) -> Any:
        return self.base(x) + F.linear(F.linear(x, self.A), self.B) * self.scaling


@network
def lora_linear() -> Case:
    return nn.Sequential(LoRALinear(nn.Linear(10, 16)), nn.ReLU(), nn.Linear(16, 3)), CE(), classified(10)


@network
def mup_weight_scaling() -> Case:
    return (
        Net(lambda net, x: net.head(torch.relu(net.fc(x))) / 4, fc=nn.Linear(10, 16), head=nn.Linear(16, 3)),
        CE(),
        classified(10),
    )


class EqualizedLinear(nn.Module):
    """The weights are drawn with variance one and scaled when they are used."""

    def __init__(self, before: int, after: int) -> None:
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.randn(after, before)), nn.Parameter(torch.zeros(after))
        self.scale = math.sqrt(2 / before)

    def forward(self, x: Any) -> Any:
        return F.linear(x, self.weight * self.scale, self.bias)


@network
def equalized_lr_linear() -> Case:
    return (
        nn.Sequential(EqualizedLinear(10, 16), nn.LeakyReLU(0.2), EqualizedLinear(16, 3)),
        CE(),
        classified(10),
    )


class WSConv2d(nn.Conv2d):
    """Each filter is standardized before it is used."""

    def forward(self, x: Any) -> Any:
        weight = self.weight
        weight = weight - weight.mean(dim=(1, 2, 3), keepdim=True)
        weight = weight / (weight.flatten(1).std(dim=1).view(-1, 1, 1, 1) + 1e-5)
        return F.conv2d(x, weight, self.bias, self.stride, self.padding, self.dilation, self.groups)


@network
def weight_standardized_conv() -> Case:
    layers = [
        WSConv2d(3, 8, 3, padding=1),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(8, 10),
    ]
    return nn.Sequential(*layers), CE(), classified(3, 8, 8, classes=10)


class MaskedLinear(nn.Linear):
    def __init__(self, before: int, after: int) -> None:
        super().__init__(before, after)
        self.register_buffer("mask", (torch.rand(after, before) < 0.6).float())

    def forward(self, x: Any) -> Any:
        return F.linear(x, self.mask * self.weight, self.bias)


@network
def subclassed_linear_mask() -> Case:
    return nn.Sequential(MaskedLinear(10, 10), nn.ReLU(), nn.Linear(10, 3)), CE(), classified(10)


@network
def prune_mask() -> Case:
    module = mlp(10, 16, 3)
    prune.l1_unstructured(module[0], name="weight", amount=0.4)
    return module, CE(), classified(10)


@network
def neural_ode_euler() -> Case:
    """Ten steps of Euler's, each with the same field."""

    def forward(net: Any, x: Any) -> Any:
        for _ in range(10):
            x = x + 0.1 * net.field(x)
        return net.head(x)

    return Net(forward, field=mlp(4, 8, 4, activation=nn.Tanh), head=nn.Linear(4, 3)), CE(), classified(4)


@network
def fourier_features() -> Case:
    def forward(net: Any, x: Any) -> Any:
        angles = 2 * math.pi * x @ net.B
        return net.body(torch.cat([torch.sin(angles), torch.cos(angles)], dim=-1))

    return Net(forward, B=torch.randn(2, 8), body=mlp(16, 16, 1)), MSE(), measured(2)


class DeepONet(nn.Module):
    """A function's values at sensors, and the place at which the answer is asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.branch, self.trunk = mlp(10, 16, 8), mlp(1, 16, 8, activation=nn.Tanh)

    def forward(self, values: Any, place: Any) -> Any:
        return (self.branch(values) * self.trunk(place)).sum(dim=1, keepdim=True)


@network
def deeponet() -> Case:
    return DeepONet(), MSE(), ((torch.randn(N, 10), torch.rand(N, 1)), torch.randn(N, 1))
