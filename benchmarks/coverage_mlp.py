"""Networks of dense layers: tutorials, residuals, gates, layers that are shared or one's own."""

from __future__ import annotations

from typing import Any

import torch
from coverage_common import Case, N, Net, classified, measured, mlp, network
from torch import nn

F = nn.functional

CE, MSE = nn.CrossEntropyLoss, nn.MSELoss


@network
def mlp_batchnorm_dropout() -> Case:
    module = nn.Sequential(
        nn.Linear(10, 32), nn.BatchNorm1d(32), nn.ReLU(), nn.Dropout(0.5),
        nn.Linear(32, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Dropout(0.5), nn.Linear(16, 3),
    )  # fmt: skip
    return module, CE(), classified(10)


class TutorialNetwork(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.flatten = nn.Flatten()
        self.linear_relu_stack = mlp(784, 64, 64, 10)

    def forward(self, x: Any) -> Any:
        x = self.flatten(x)
        return self.linear_relu_stack(x)


@network
def mlp_tutorial_mnist() -> Case:
    return TutorialNetwork(), CE(), classified(1, 28, 28, classes=10)


@network
def mlp_view_minus1_784() -> Case:
    def forward(net: Any, x: Any) -> Any:
        x = x.view(-1, 784)
        return net.fc2(F.relu(net.fc1(x)))

    return (
        Net(forward, fc1=nn.Linear(784, 32), fc2=nn.Linear(32, 10)),
        CE(),
        classified(1, 28, 28, classes=10),
    )


@network
def mlp_modulelist_loop() -> Case:
    def forward(net: Any, x: Any) -> Any:
        for layer in net.layers[:-1]:
            x = torch.relu(layer(x))
        return net.layers[-1](x)

    widths = [(10, 16), (16, 16), (16, 16), (16, 3)]
    return Net(forward, layers=nn.ModuleList(nn.Linear(*width) for width in widths)), CE(), classified(10)


class ResidualBlock(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm, self.fc1, self.fc2 = (
            nn.LayerNorm(width),
            nn.Linear(width, 2 * width),
            nn.Linear(2 * width, width),
        )

    def forward(self, x: Any) -> Any:
        return x + self.fc2(F.gelu(self.fc1(self.norm(x))))


@network
def mlp_residual_layernorm() -> Case:
    blocks = [ResidualBlock(16), ResidualBlock(16)]
    return nn.Sequential(nn.Linear(10, 16), *blocks, nn.LayerNorm(16), nn.Linear(16, 3)), CE(), classified(10)


@network
def mlp_pinn_float64() -> Case:
    x, y = measured(2)
    return mlp(2, 20, 20, 1, activation=nn.Tanh).double(), MSE(), (x.double(), y.double())


class Pinn(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.net = mlp(2, 20, 1, activation=nn.Tanh)

    def forward(self, x: Any, t: Any) -> Any:
        return self.net(torch.cat([x, t], dim=1))


@network
def mlp_pinn_two_inputs() -> Case:
    return Pinn(), MSE(), ((torch.randn(N, 1), torch.rand(N, 1)), torch.randn(N, 1))


@network
def mlp_shared_weights() -> Case:
    def forward(net: Any, x: Any) -> Any:
        h = torch.tanh(net.first(x))
        for _ in range(2):
            h = torch.tanh(net.shared(h))
        return net.last(h)

    parts = {"first": nn.Linear(10, 16), "shared": nn.Linear(16, 16), "last": nn.Linear(16, 3)}
    return Net(forward, **parts), CE(), classified(10)


@network
def mlp_tied_autoencoder() -> Case:
    def forward(net: Any, x: Any) -> Any:
        return F.linear(torch.tanh(net.encoder(x)), net.encoder.weight.t(), net.bias)

    x = torch.randn(N, 10)
    return Net(forward, encoder=nn.Linear(10, 4), bias=nn.Parameter(torch.zeros(10))), MSE(), (x, x.clone())


@network
def mlp_learned_scalar() -> Case:
    def forward(net: Any, x: Any) -> Any:
        h = torch.relu(net.fc1(x))
        return net.fc3(h + net.scale * torch.relu(net.fc2(h)))

    layers = {"fc1": nn.Linear(10, 16), "fc2": nn.Linear(16, 16), "fc3": nn.Linear(16, 3)}
    return Net(forward, **layers, scale=nn.Parameter(torch.tensor(0.5))), CE(), classified(10)


@network
def mlp_scaled_output() -> Case:
    return Net(lambda net, x: 3.0 * net.body(x), body=mlp(10, 16, 1)), MSE(), measured(10)


@network
def mlp_normalized_input() -> Case:
    x, y = classified(10)
    x = 3 * x + 1
    return (
        Net(
            lambda net, x: net.body((x - net.mean) / net.std),
            body=mlp(10, 16, 3),
            mean=x.mean(0),
            std=x.std(0),
        ),
        CE(),
        (x, y),
    )


class OwnLinear(nn.Module):
    def __init__(self, before: int, after: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(before, after) / before**0.5)
        self.bias = nn.Parameter(torch.zeros(after))

    def forward(self, x: Any) -> Any:
        return x @ self.weight + self.bias


@network
def mlp_own_linear_matmul() -> Case:
    return nn.Sequential(OwnLinear(10, 16), nn.ReLU(), OwnLinear(16, 3)), CE(), classified(10)


@network
def mlp_einsum() -> Case:
    def forward(net: Any, x: Any) -> Any:
        return net.head(torch.relu(torch.einsum("ni,io->no", x, net.weight)))

    return (
        Net(forward, weight=nn.Parameter(0.3 * torch.randn(10, 16)), head=nn.Linear(16, 3)),
        CE(),
        classified(10),
    )


@network
def mlp_inplace() -> Case:
    def forward(net: Any, x: Any) -> Any:
        h = net.fc1(x)
        h.relu_()
        h = net.fc2(h)
        h.relu_()
        return net.fc3(h)

    return (
        Net(forward, fc1=nn.Linear(10, 16), fc2=nn.Linear(16, 16), fc3=nn.Linear(16, 3)),
        CE(),
        classified(10),
    )


@network
def mlp_concat_skip() -> Case:
    def forward(net: Any, x: Any) -> Any:
        return net.fc2(torch.cat([torch.relu(net.fc1(x)), x], dim=1))

    return Net(forward, fc1=nn.Linear(10, 16), fc2=nn.Linear(26, 3)), CE(), classified(10)


@network
def mlp_maxout() -> Case:
    def forward(net: Any, x: Any) -> Any:
        return net.head(net.pieces(x).view(-1, 16, 2).max(dim=2).values)

    return Net(forward, pieces=nn.Linear(10, 32), head=nn.Linear(16, 3)), CE(), classified(10)


@network
def mlp_mixture_of_experts() -> Case:
    def forward(net: Any, x: Any) -> Any:
        weights = torch.softmax(net.gate(x), dim=-1)
        outputs = torch.stack([expert(x) for expert in net.experts], dim=1)
        return (weights.unsqueeze(-1) * outputs).sum(dim=1)

    experts = nn.ModuleList(nn.Linear(10, 3) for _ in range(4))
    return Net(forward, gate=nn.Linear(10, 4), experts=experts), CE(), classified(10)


@network
def mlp_highway() -> Case:
    def forward(net: Any, x: Any) -> Any:
        x = net.first(x)
        gate = torch.sigmoid(net.gate(x))
        return net.last(gate * torch.relu(net.fc(x)) + (1 - gate) * x)

    layers = {
        "first": nn.Linear(10, 16),
        "fc": nn.Linear(16, 16),
        "gate": nn.Linear(16, 16),
        "last": nn.Linear(16, 3),
    }
    return Net(forward, **layers), CE(), classified(10)
