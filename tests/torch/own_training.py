"""A user's own training for the tests of its diagnosis: gradient descent on a line, by the settings that are named, that counts its calls."""

from __future__ import annotations

from typing import Any

import pytest

from landscape import TorchObjective

torch = pytest.importorskip("torch")
nn, F = torch.nn, torch.nn.functional

torch.manual_seed(0)
X = torch.randn(120, 3)
LINE = X @ torch.tensor([[1.0], [-2.0], [0.5]])
CURVED = (X[:, :1] * X[:, 1:2] > 0).float() * 2 - 1


def line() -> Any:
    return nn.Linear(3, 1)


def objective_of(module: Any, y: Any = LINE, test: Any = None) -> TorchObjective:
    return TorchObjective(module, nn.MSELoss(), (X, y), test=test)


class Descent:
    """Gradient descent on all examples from a place, by the settings that are named; it counts its calls."""

    def __init__(
        self, objective: TorchObjective, usual: dict[str, Any], make: Any = line, y: Any = LINE
    ) -> None:
        self.objective, self.usual, self.make, self.y = objective, usual, make, y
        self.calls: list[tuple[dict[str, Any], int]] = []
        # Numbers of an object are settings of the training, and what stands in a dict of it is not.
        self.stop = {"at": 10**6}

    def __call__(self, settings: Any, seed: int, theta: Any) -> tuple[Any, Any]:
        if len(self.calls) == self.stop["at"]:
            raise KeyboardInterrupt
        self.calls.append((dict(getattr(settings, "values_given", settings)), seed))
        now = {name: settings.get(name, value) for name, value in self.usual.items()}
        torch.manual_seed(seed)
        module = self.make(now["width"]) if "width" in now else self.make()
        if theta is not None:
            self.objective.put(theta, module)
        kind = torch.optim.Adam if now.get("optimizer") == "adam" else torch.optim.SGD
        optimizer = kind(
            module.parameters(), lr=now.get("learning_rate", 0.1), weight_decay=now.get("weight_decay", 0.0)
        )
        count = round(len(X) * now.get("data_share", 1.0))
        log = []
        for _ in range(now.get("steps", 30)):
            optimizer.zero_grad()
            loss = F.mse_loss(module(X[:count]), self.y[:count])
            loss.backward()
            optimizer.step()
            log.append(loss.item())
        return module, {"loss": log}


def zeros() -> Any:
    module = line()
    nn.init.zeros_(module.weight)
    nn.init.zeros_(module.bias)
    return module


class Solved:
    """The last layer of a small network solved for its least squares, from features that are drawn; `width` makes more of them."""

    def __init__(self) -> None:
        torch.manual_seed(1)
        self.objective = objective_of(self.network(), CURVED)
        self.objective.load(self({}, 3, None)[0].state_dict())

    @staticmethod
    def network(width: float = 1.0) -> Any:
        units = 64 if width > 1 else 6
        return nn.Sequential(nn.Linear(3, units), nn.Tanh(), nn.Linear(units, 1))

    def __call__(self, settings: Any, seed: int, theta: Any) -> tuple[Any, Any]:
        torch.manual_seed(seed)
        net = self.network(settings.get("width", 1.0))
        if theta is not None:
            self.objective.put(theta, net)
        with torch.no_grad():
            features = torch.cat([net[:2](X), torch.ones(len(X), 1)], 1)
            solved = torch.linalg.lstsq(features, CURVED).solution
            net[2].weight.copy_(solved[:-1].T)
            net[2].bias.copy_(solved[-1])
        return net, None


# A file as a user has it: a line whose rate is too low.
PROGRAM = """
import torch
from torch import nn

torch.manual_seed(0)
x = torch.randn(60, 3)
y = x @ torch.tensor([[1.0], [-2.0], [0.5]])
module = nn.Linear(3, 1)
nn.init.zeros_(module.weight)
nn.init.zeros_(module.bias)


def make():
    return module, nn.MSELoss(), (x, y)


def train(settings, seed, theta):
    torch.manual_seed(seed)
    net = nn.Linear(3, 1)
    if theta is not None:
        nn.utils.vector_to_parameters(torch.tensor(theta, dtype=torch.float32), net.parameters())
    optimizer = torch.optim.SGD(net.parameters(), lr=settings.get("learning_rate", 1e-4))
    for _ in range(30):
        optimizer.zero_grad()
        nn.functional.mse_loss(net(x), y).backward()
        optimizer.step()
    return net, None
"""
