"""PyTorch's optimizers and schedules, step by step in float64."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from landscape.training import descend

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.torch

STEPS, START = 60, [-1.2, 0.7]
OPTIMIZERS = {
    "sgd": lambda p: torch.optim.SGD(p, lr=1e-4),
    "sgd momentum": lambda p: torch.optim.SGD(p, lr=1e-4, momentum=0.8),
    "nesterov": lambda p: torch.optim.SGD(p, lr=1e-4, momentum=0.8, nesterov=True),
    "adagrad": lambda p: torch.optim.Adagrad(p, lr=0.1),
    "rmsprop": lambda p: torch.optim.RMSprop(p, lr=0.01),
    "rmsprop momentum": lambda p: torch.optim.RMSprop(p, lr=0.01, momentum=0.8),
    "adam": lambda p: torch.optim.Adam(p, lr=0.03),
    "adamw": lambda p: torch.optim.AdamW(p, lr=0.03, weight_decay=0.1),
    "amsgrad": lambda p: torch.optim.Adam(p, lr=0.03, amsgrad=True),
    "radam": lambda p: torch.optim.RAdam(p, lr=3e-4),
}
SETTINGS = {"adamw": {"weight_decay": 0.1}}
SCHEDULES = {
    "step": (lambda o: torch.optim.lr_scheduler.StepLR(o, 9, 0.5), {"period": 9, "decay": 0.5}),
    "exponential": (lambda o: torch.optim.lr_scheduler.ExponentialLR(o, 0.9), {"period": 1, "decay": 0.9}),
    "cosine": (lambda o: torch.optim.lr_scheduler.CosineAnnealingLR(o, STEPS), {}),
    "linear": (lambda o: torch.optim.lr_scheduler.LinearLR(o, 1.0, 0.2, STEPS), {"floor": 0.2}),
    "one_cycle": (lambda o: torch.optim.lr_scheduler.OneCycleLR(o, 1e-4, STEPS, cycle_momentum=False), {}),
}


def path(make, schedule=None):
    """Descend Rosenbrock's function in PyTorch."""
    theta = torch.tensor(START, dtype=torch.float64, requires_grad=True)
    optimizer = make([theta])
    found, scheduler = [theta.detach().numpy().copy()], None if schedule is None else schedule(optimizer)
    for _ in range(STEPS):
        optimizer.zero_grad()
        ((1 - theta[0]) ** 2 + 100 * (theta[1] - theta[0] ** 2) ** 2).backward()
        optimizer.step()
        if scheduler is not None:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                scheduler.step()
        found.append(theta.detach().numpy().copy())
    return np.array(found)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_an_optimizer_is_pytorchs(name):
    expected = path(OPTIMIZERS[name])
    optimizer, _, momentum = name.partition(" ")
    rate = {"sgd": 1e-4, "nesterov": 1e-4, "adagrad": 0.1, "rmsprop": 0.01, "radam": 3e-4}.get(
        optimizer, 0.03
    )
    settings = SETTINGS.get(name, {}) | ({"momentum": 0.8} if momentum or name == "nesterov" else {})
    found = descend("rosenbrock", START, optimizer=optimizer, learning_rate=rate, steps=STEPS, **settings)
    np.testing.assert_allclose(found.path[0], expected, rtol=1e-9)


@pytest.mark.parametrize("name", SCHEDULES)
def test_a_schedule_is_pytorchs(name):
    schedule, settings = SCHEDULES[name]
    expected = path(lambda p: torch.optim.SGD(p, lr=1e-4), schedule)
    found = descend("rosenbrock", START, learning_rate=1e-4, schedule=name, steps=STEPS, **settings)
    np.testing.assert_allclose(found.path[0], expected, rtol=1e-9)
