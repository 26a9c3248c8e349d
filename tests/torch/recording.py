"""A small network, its data and a loop that is recorded, for the tests of the recorder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import landscape

torch = pytest.importorskip("torch")
nn, F = torch.nn, torch.nn.functional


def data(count: int = 60) -> tuple[Any, Any]:
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(count, 4, generator=generator)
    return x, (x[:, 0] > 0).long()


def network(seed: int = 0) -> Any:
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 2))


class Branching(nn.Module):
    """What no importer takes: a choice by the values of all examples."""

    def __init__(self):
        super().__init__()
        self.fc, self.scale = nn.Linear(4, 2), nn.Parameter(torch.ones(()))

    def forward(self, x):
        return self.fc(x) * self.scale if float(x.sum()) > 0 else self.fc(x)


def loop(recorder: Any, module: Any, optimizer: Any, steps: int, after: Any = None) -> None:
    x, y = data()
    for step in range(steps):
        optimizer.zero_grad()
        loss = F.cross_entropy(module(x), y)
        loss.backward()
        optimizer.step()
        recorder.step(loss=loss)
        if after is not None:
            after(step)


def record(path: Path, steps: int = 40, module: Any = None, **choices: Any) -> tuple[Any, Any, Any]:
    module = network() if module is None else module
    optimizer = torch.optim.Adam(module.parameters(), lr=0.01, weight_decay=1e-3)
    choices = {"optimizer": optimizer, "announce": lambda sentence: None} | choices
    with landscape.Recorder(path, module, nn.CrossEntropyLoss(), data(), **choices) as recorder:
        loop(recorder, module, optimizer, steps)
    return recorder, module, optimizer
