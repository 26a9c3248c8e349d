"""Between two points of a PyTorch module: what the engine says of the same network, errors and all."""

from __future__ import annotations

import numpy as np
import pytest

from landscape.connection import connect
from landscape.importers import from_torch
from landscape.torch_objective import TorchObjective

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.torch

POINTS = 5


def module(seed: int):
    """Train a network of seeded weights a little, so that there is a barrier between two."""
    torch.manual_seed(seed)
    found = torch.nn.Sequential(torch.nn.Linear(3, 5), torch.nn.Tanh(), torch.nn.Linear(5, 3)).double()
    x, y = data()
    optimizer = torch.optim.Adam(found.parameters(), 0.1)
    for _ in range(60):
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(found(x), y).backward()
        optimizer.step()
    return found


def data():
    rng = np.random.default_rng(0)
    x = torch.tensor(rng.standard_normal((40, 3)))
    return x, torch.tensor(np.arange(40) % 3)


def test_the_errors_of_barriers_are_those_of_the_same_network_in_the_engine():
    x, y = data()
    one, other = module(1), module(2)
    objective = TorchObjective(one, "cross_entropy", (x, y), batch_size=16)
    ends = [np.concatenate([p.detach().numpy().ravel() for p in each.parameters()]) for each in (one, other)]
    found = connect(objective, points=ends, alphas=POINTS).highest
    models = [
        from_torch(each, "cross_entropy", {"x_train": x.numpy(), "y_train": y.numpy()})
        for each in (one, other)
    ]
    expected = connect(models, alphas=POINTS, threads=1).highest
    for name in ("barrier", "barrier_mean_ends", "barrier_max_end"):
        assert found[name]["value"] == pytest.approx(expected[name]["value"], rel=1e-5)
        assert found[name]["error"] == pytest.approx(expected[name]["error"], rel=1e-5)
    assert found["barrier"]["error"] > 0
    assert found["accuracy"]["value"] == pytest.approx(expected["accuracy"]["value"], abs=1e-12)


def test_an_error_is_not_known_where_the_loss_is_no_plain_mean_of_examples():
    loss = torch.nn.CrossEntropyLoss(weight=torch.tensor([1.0, 5.0, 0.5], dtype=torch.float64))
    one, other = module(1), module(2)
    objective = TorchObjective(one, loss, data())
    ends = [np.concatenate([p.detach().numpy().ravel() for p in each.parameters()]) for each in (one, other)]
    found = connect(objective, points=ends, alphas=POINTS).highest
    assert found["barrier"]["value"] > 0
    assert found["barrier"]["error"] is None
