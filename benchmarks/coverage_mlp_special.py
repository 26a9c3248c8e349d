"""Networks of dense layers with norms and layers of other kinds, of sets and pairs, with several inputs or outputs, and of tables."""

from __future__ import annotations

import warnings
from typing import Any

import torch
from coverage_common import Case, N, Net, classified, measured, mlp, network
from torch import nn
from torch.nn.utils import parametrizations

F = nn.functional

CE, MSE = nn.CrossEntropyLoss, nn.MSELoss


@network
def mlp_weight_norm() -> Case:
    layers = [
        parametrizations.weight_norm(nn.Linear(10, 16)),
        nn.ReLU(),
        parametrizations.weight_norm(nn.Linear(16, 3)),
    ]
    return nn.Sequential(*layers), CE(), classified(10)


@network
def mlp_weight_norm_old() -> Case:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        first = nn.utils.weight_norm(nn.Linear(10, 16))
    return nn.Sequential(first, nn.ReLU(), nn.Linear(16, 3)), CE(), classified(10)


@network
def mlp_spectral_norm() -> Case:
    layers = [
        parametrizations.spectral_norm(nn.Linear(10, 16)),
        nn.LeakyReLU(0.2),
        parametrizations.spectral_norm(nn.Linear(16, 1)),
    ]
    return nn.Sequential(*layers), MSE(), measured(10)


@network
def mlp_lazy() -> Case:
    x, y = classified(10)
    module = nn.Sequential(nn.LazyLinear(16), nn.ReLU(), nn.LazyLinear(3))
    module(x)
    return module, CE(), (x, y)


@network
def mlp_lazy_uninitialized() -> Case:
    return nn.Sequential(nn.LazyLinear(16), nn.ReLU(), nn.LazyLinear(3)), CE(), classified(10)


@network
def mlp_rmsnorm() -> Case:
    return nn.Sequential(nn.Linear(10, 16), nn.RMSNorm(16), nn.SiLU(), nn.Linear(16, 3)), CE(), classified(10)


@network
def mlp_bilinear_head() -> Case:
    def forward(net: Any, x: Any) -> Any:
        return net.head(torch.tanh(net.left(x)), torch.tanh(net.right(x)))

    return (
        Net(forward, left=nn.Linear(10, 8), right=nn.Linear(10, 8), head=nn.Bilinear(8, 8, 3)),
        CE(),
        classified(10),
    )


class SplineLayer(nn.Module):
    """A layer of a Kolmogorov-Arnold network: each edge a sum of bumps on a grid, and a SiLU."""

    def __init__(self, before: int, after: int, bumps: int = 5) -> None:
        super().__init__()
        self.register_buffer("grid", torch.linspace(-2, 2, bumps))
        self.coefficients = nn.Parameter(0.3 * torch.randn(after, before, bumps))
        self.base = nn.Linear(before, after)

    def forward(self, x: Any) -> Any:
        bumps = torch.exp(-(((x.unsqueeze(-1) - self.grid) / 0.8) ** 2))
        return self.base(F.silu(x)) + torch.einsum("nib,oib->no", bumps, self.coefficients)


@network
def mlp_kan_spline() -> Case:
    return nn.Sequential(SplineLayer(4, 4), SplineLayer(4, 2)), CE(), classified(4, classes=2)


@network
def mlp_rbf() -> Case:
    def forward(net: Any, x: Any) -> Any:
        return net.head(torch.exp(-0.1 * torch.cdist(x, net.centers) ** 2))

    return (
        Net(forward, centers=nn.Parameter(torch.randn(12, 10)), head=nn.Linear(12, 3)),
        CE(),
        classified(10),
    )


@network
def mlp_deepsets() -> Case:
    module = Net(lambda net, x: net.rho(net.phi(x).sum(dim=1)), phi=mlp(3, 16, 16), rho=mlp(16, 16, 3))
    return module, CE(), classified(5, 3)


@network
def mlp_pointnet_max() -> Case:
    def forward(net: Any, x: Any) -> Any:
        return net.head(torch.max(net.phi(x), dim=1)[0])

    return (
        Net(forward, phi=nn.Sequential(nn.Linear(3, 16), nn.LayerNorm(16), nn.ReLU()), head=nn.Linear(16, 3)),
        CE(),
        classified(6, 3),
    )


@network
def mlp_multi_output() -> Case:
    def forward(net: Any, x: Any) -> Any:
        h = torch.relu(net.trunk(x))
        return net.classes(h), net.number(h)

    def loss(outputs: Any, y: Any) -> Any:
        return F.cross_entropy(outputs[0], y) + outputs[1].square().mean()

    return (
        Net(forward, trunk=nn.Linear(10, 16), classes=nn.Linear(16, 3), number=nn.Linear(16, 1)),
        loss,
        classified(10),
    )


class Siamese(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embed = mlp(10, 16, 4)

    def forward(self, x1: Any, x2: Any) -> Any:
        return (self.embed(x1) - self.embed(x2)).pow(2).sum(dim=1)


@network
def mlp_siamese() -> Case:
    return Siamese(), MSE(), ((torch.randn(N, 10), torch.randn(N, 10)), torch.rand(N))


@network
def mlp_siamese_stacked() -> Case:
    def forward(net: Any, x: Any) -> Any:
        return net.head(torch.abs(net.embed(x[:, 0]) - net.embed(x[:, 1])))

    x, y = torch.randn(N, 2, 10), torch.randint(0, 2, (N, 1)).float()
    return Net(forward, embed=mlp(10, 16, 4), head=nn.Linear(4, 1)), nn.BCEWithLogitsLoss(), (x, y)


class TrainingFlag(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc1, self.fc2, self.config = nn.Linear(10, 16), nn.Linear(16, 3), {"noise": 0.1}

    def forward(self, x: Any, return_dict: bool = False) -> Any:
        if self.training:
            x = x + self.config["noise"] * torch.randn_like(x)
        logits = self.fc2(F.relu(self.fc1(x)))
        return {"logits": logits} if return_dict else logits


@network
def mlp_dict_or_training_flag() -> Case:
    return TrainingFlag(), CE(), classified(10)


@network
def mlp_assert_on_value() -> Case:
    def forward(net: Any, x: Any) -> Any:
        assert torch.isfinite(x).all()
        return net.fc(x)

    return Net(forward, fc=nn.Linear(10, 3)), CE(), classified(10)


@network
def mlp_assert_on_shape() -> Case:
    def forward(net: Any, x: Any) -> Any:
        assert x.dim() == 2
        assert x.shape[1] == 10
        return net.fc(x)

    return Net(forward, fc=nn.Linear(10, 3)), CE(), classified(10)


@network
def mlp_tabular_embeddings() -> Case:
    def forward(net: Any, x: Any) -> Any:
        city, day = net.city(x[:, 0].long()), net.day(x[:, 1].long())
        return net.body(torch.cat([city, day, x[:, 2:]], dim=1))

    x, y = classified(7)
    x[:, 0], x[:, 1] = torch.randint(0, 6, (N,)), torch.randint(0, 7, (N,))
    return Net(forward, city=nn.Embedding(6, 3), day=nn.Embedding(7, 2), body=mlp(10, 13, 3)), CE(), (x, y)


@network
def mlp_matrix_factorization() -> Case:
    def forward(net: Any, x: Any) -> Any:
        return (net.users(x[:, 0]) * net.items(x[:, 1])).sum(dim=1)

    x = torch.randint(0, 6, (N, 2))
    return Net(forward, users=nn.Embedding(6, 4), items=nn.Embedding(6, 4)), MSE(), (x, torch.randn(N))
