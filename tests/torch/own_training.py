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
